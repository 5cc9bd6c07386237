/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_CONFIG_NAMES_H
#define ASSAY_CONFIG_NAMES_H
/* The names that are valid in a section, and help for those that are not. Thread: any. */
#include "util/arena.h"

/** The i-th option name of a section ("findings" and "actions" have the findings'); NULL behind the last. */
const char *names_option(const char *section, size_t i);

/**
 * What to say about an unknown name: the nearest valid one by edit distance, or the section in which it is valid.
 * @return "; did you mean 'x'?" or a like text, "" when nothing comes near; in the arena or static.
 */
const char *names_suggest(const char *section, const char *unknown, struct arena *arena);

#endif
