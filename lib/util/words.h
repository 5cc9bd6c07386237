/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_UTIL_WORDS_H
#define ASSAY_UTIL_WORDS_H
/*
 * Words of protocols, of the configuration and of records for the values of an enum: one table each, which stands where the enum
 * does, read in both directions. Constant; thread: any. Cannot fail.
 */
#include <stddef.h>

/* A table ends with {0}; words are in lower case and none occurs twice. */
struct word { const char *word; int value; };

/** @return the word of a value; NULL: it has none. */
const char *words_of(const struct word *table, int value);

/** @return 0, or -E_SYNTAX when there is no such word. Case matters. */
int words_value(const struct word *table, const char *text, int *value_r) __attribute__((warn_unused_result));

/** The same for length characters of the text in any case, as DNS records have them (RFC 9989 section 4.8). */
int words_value_nocase(const struct word *table, const char *text, size_t length, int *value_r) __attribute__((warn_unused_result));

#endif
