/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_CONFIG_SLIPS_H
#define ASSAY_CONFIG_SLIPS_H
/*
 * Slips of the pen of those who come from other formats: "mode: enforce", "Mode enforce", "[section]", "mode = enforce;".
 * libConfuse stops at the first of them with a word about its grammar; here each line gets one sentence that says what to
 * write instead. Used on a text that was refused, never on a good one. Pure; works in the arena of the complaints.
 */
#include "config/complaints.h"

/** Finds slips in a text (NUL-terminated) and puts them in the place of the complaints that they caused. */
void slips_explain(const char *text, struct complaints *complaints);

#endif
