/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_CONFIG_POLICY_INDEX_H
#define ASSAY_CONFIG_POLICY_INDEX_H
/*
 * Which policies a domain may fall under, without asking each: with hundreds of them, each with domains of its own, the first that
 * matches is found as fast as among few. Made once for a snapshot. Thread: any may ask.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/config.h"
#include "util/arena.h"

enum { POLICIES_MAX = 1001, POLICY_WORDS = (POLICIES_MAX + 63) / 64 };	/* with the one for all other mail */

/* A set of policies by their numbers. */
struct policy_numbers { uint64_t words[POLICY_WORDS]; };

struct policy_index;

/**
 * @return the index, in the arena; NULL where it would not pay: with few policies, or with more entries than it is worth keeping
 * twice. Borrows the policies' lists.
 */
const struct policy_index *policy_index_make(const struct policy_config *policies, size_t count, struct arena *arena);

/**
 * Leaves those policies in numbers whose recipient-domains and author-domains hold these names, or are not set.
 * @param recipient, author  normal form; NULL: not known, it may be any.
 */
void policy_index_find(const struct policy_index *index, const char *recipient, const char *author, struct policy_numbers *numbers_r);

/** @return the first number of the set that is not below from; POLICIES_MAX: there is none. */
size_t policy_numbers_next(const struct policy_numbers *numbers, size_t from);

#endif
