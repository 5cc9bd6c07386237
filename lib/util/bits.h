/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_UTIL_BITS_H
#define ASSAY_UTIL_BITS_H
/*
 * Sets of small numbers in arrays of words, of any size. The caller owns the words, BITS_WORDS(count) of them, zero at first;
 * count says how many numbers there may be, and a number is below it. Thread: as the caller guards them. Cannot fail.
 */
#include <stdbool.h>
#include <stdint.h>

enum { BITS_A_WORD = 64 };

#define BITS_WORDS(count) (((count) + BITS_A_WORD - 1) / BITS_A_WORD)

static inline void bits_add(uint64_t *words, unsigned number)
{
	words[number / BITS_A_WORD] |= (uint64_t)1 << number % BITS_A_WORD;
}

static inline bool bits_has(const uint64_t *words, unsigned number)
{
	return (words[number / BITS_A_WORD] >> number % BITS_A_WORD & 1) != 0;
}

/** Adds all of more to words. */
static inline void bits_union(uint64_t *words, const uint64_t *more, unsigned count)
{
	for (unsigned i = 0; i < BITS_WORDS(count); i++)
		words[i] |= more[i];
}

/** @return the least number of the set that is not below from; count: there is none. */
static inline unsigned bits_next(const uint64_t *words, unsigned count, unsigned from)
{
	while (from < count) {
		uint64_t rest = words[from / BITS_A_WORD] >> from % BITS_A_WORD;

		if (rest != 0) {
			from += (unsigned)__builtin_ctzll(rest);
			return from < count ? from : count;
		}
		from += BITS_A_WORD - from % BITS_A_WORD;
	}
	return count;
}

#endif
