/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_REPORT_GROUPS_H
#define ASSAY_REPORT_GROUPS_H
/*
 * Counts by name, for as many names as a cap allows; those that come later are counted together, so that sums stay true whatever is
 * in the record. Counts are a plain struct of uint64_t and nothing else, the first of which says how much a name weighs.
 * Out of memory aborts. Thread: one.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct groups;

/** @param counts  how many uint64_t there are a name. @param max  names that are kept apart. */
struct groups *groups_new(size_t counts, size_t max);
void groups_free(struct groups **groups);

/** @return the counts of a name, all zero when it is new; good until groups_free(). Those over the cap share theirs. */
void *groups_at(struct groups *groups, const char *name);

/** @return the counts of a name; NULL: it is not kept. */
const void *groups_find(const struct groups *groups, const char *name);

/** @return how many names are kept apart. */
size_t groups_count(const struct groups *groups);

/** @return whether there were names over the cap. */
bool groups_over(const struct groups *groups);

typedef void groups_each_f(void *arg, const char *name, const void *counts);
/** Visits all names, in the order in which they came, and not those over the cap. */
void groups_each(const struct groups *groups, groups_each_f *each, void *arg);

/**
 * Visits the names whose first count is not 0, those with most first, equal ones by name; at most limit of them.
 * @param other_r  as many counts: the sums of all that is not visited.
 * @return how many names that is; those over the cap are one.
 */
size_t groups_top(const struct groups *groups, size_t limit, groups_each_f *each, void *arg, void *other_r);

#endif
