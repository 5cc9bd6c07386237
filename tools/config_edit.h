/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_TOOLS_CONFIG_EDIT_H
#define ASSAY_TOOLS_CONFIG_EDIT_H
/* Changes one option of the top level in the text of assay.conf, and nothing else of it. Pure. */
#include "util/arena.h"

/**
 * The text with `name = "value"`: in the place of the line that sets it, else behind the commented line that shows it, else
 * above everything. A value may stand in one line only, as the sample has it; whoever wrote it otherwise is told by
 * loading the result, which callers do.
 */
const char *config_edit_set(struct arena *arena, const char *text, const char *name, const char *value);

#endif
