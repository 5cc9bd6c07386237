/* SPDX-License-Identifier: BSD-2-Clause */
/* Counts by name, in a hash table (uthash). See groups.h. Names come from the network and are compared only. Thread: one. */
#include "report/groups.h"

#include <stdlib.h>
#include <string.h>

#include <uthash.h>

#include "util/out_of_memory.h"

/* Counts stand in front of the name in one allocation. */
struct group {
	UT_hash_handle hh;
	const char *name;
	uint64_t counts[];
};

struct groups {
	struct group *table;
	size_t counts, max;
	bool over;
	uint64_t *rest;		/* of names over the cap */
};

struct groups *groups_new(size_t counts, size_t max)
{
	struct groups *groups = calloc(1, sizeof(*groups));

	if (groups == NULL)
		out_of_memory();
	groups->counts = counts;
	groups->max = max;
	groups->rest = calloc(counts, sizeof(*groups->rest));
	if (groups->rest == NULL)
		out_of_memory();
	return groups;
}

void groups_free(struct groups **groups)
{
	struct groups *old = *groups;
	struct group *group, *next;

	*groups = NULL;
	if (old == NULL)
		return;
	HASH_ITER(hh, old->table, group, next) {
		HASH_DEL(old->table, group);
		free(group);
	}
	free(old->rest);
	free(old);
}

void *groups_at(struct groups *groups, const char *name)
{
	size_t length = strlen(name);
	struct group *group;
	char *copy;

	HASH_FIND(hh, groups->table, name, length, group);
	if (group != NULL)
		return group->counts;
	if (HASH_COUNT(groups->table) >= groups->max) {
		groups->over = true;
		return groups->rest;
	}
	group = calloc(1, sizeof(*group) + groups->counts * sizeof(uint64_t) + length + 1);
	if (group == NULL)
		out_of_memory();
	copy = (char *)&group->counts[groups->counts];
	memcpy(copy, name, length + 1);
	group->name = copy;
	HASH_ADD_KEYPTR(hh, groups->table, group->name, length, group);
	return group->counts;
}

const void *groups_find(const struct groups *groups, const char *name)
{
	struct group *group;

	HASH_FIND_STR(groups->table, name, group);
	return group != NULL ? group->counts : NULL;
}

size_t groups_count(const struct groups *groups)
{
	return HASH_COUNT(groups->table);
}

bool groups_over(const struct groups *groups)
{
	return groups->over;
}

void groups_each(const struct groups *groups, groups_each_f *each, void *arg)
{
	for (const struct group *group = groups->table; group != NULL; group = group->hh.next)
		each(arg, group->name, group->counts);
}

static int by_weight(const void *left, const void *right)
{
	const struct group *a = *(const struct group *const *)left, *b = *(const struct group *const *)right;

	if (a->counts[0] != b->counts[0])
		return a->counts[0] < b->counts[0] ? 1 : -1;
	return strcmp(a->name, b->name);
}

static void add(uint64_t *sums, const uint64_t *counts, size_t count)
{
	for (size_t i = 0; i < count; i++)
		sums[i] += counts[i];
}

size_t groups_top(const struct groups *groups, size_t limit, groups_each_f *each, void *arg, void *other_r)
{
	const struct group **sorted = calloc(HASH_COUNT(groups->table) + 1, sizeof(*sorted));
	size_t count = 0;

	if (sorted == NULL)
		out_of_memory();
	for (const struct group *group = groups->table; group != NULL; group = group->hh.next)
		if (group->counts[0] != 0)
			sorted[count++] = group;
	qsort(sorted, count, sizeof(*sorted), by_weight);
	memcpy(other_r, groups->rest, groups->counts * sizeof(uint64_t));
	for (size_t i = 0; i < count; i++) {
		if (i < limit)
			each(arg, sorted[i]->name, sorted[i]->counts);
		else
			add(other_r, sorted[i]->counts, groups->counts);
	}
	free(sorted);
	return (count > limit ? count - limit : 0) + groups->over;
}
