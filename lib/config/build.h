/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_CONFIG_BUILD_H
#define ASSAY_CONFIG_BUILD_H
/* From the tree of texts to the typed configuration: defaults, then what the file says, then what follows from both. */
#include "config/config.h"
#include "config/source.h"

/** Fills config_r (zeroed); everything lives in the arena. Errors go to complaints; the result is usable only without. */
void build_config(const struct source_section *root, struct arena *arena, struct complaints *complaints,
    struct config *config_r);

#endif
