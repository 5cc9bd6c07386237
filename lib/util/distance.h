/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_UTIL_DISTANCE_H
#define ASSAY_UTIL_DISTANCE_H
/* How far a misspelt name is from a valid one. Pure. Thread: any. */

enum { DISTANCE_NAME_MAX = 40 };

/**
 * Insertions, deletions, substitutions and swaps of neighbours between two names (optimal string alignment).
 * @return DISTANCE_NAME_MAX, "nothing alike", when one of them is longer than that.
 */
unsigned text_distance(const char *a, const char *b);

/** @return how far a valid name may be from this misspelt one to be worth suggesting: a third of its length, at most 3. */
unsigned text_worth_suggesting(const char *name);

#endif
