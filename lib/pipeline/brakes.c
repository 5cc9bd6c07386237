/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The memory of brakes. Trusts the record for nothing but termination of strings: a finding that this version does not know is none
 * that a policy of it could enforce. Out of memory aborts. Thread: any.
 */
#include "pipeline/brakes.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "util/arena.h"
#include "util/out_of_memory.h"

enum { LIFTED_MAX = 1000 };	/* that are kept beside those that are on: they matter to messages under way alone */

struct brake_list {
	struct arena *arena;
	struct brake *items;
	size_t count, room;
};

struct brake_memory {
	pthread_mutex_t lock;
	bool known;
	struct brake_list list, loading;
};

static void list_reset(struct brake_list *list)
{
	if (list->arena == NULL)
		list->arena = arena_new();
	arena_reset(list->arena);
	*list = (struct brake_list){ .arena = list->arena };
}

static void list_add(struct brake_list *list, const struct brake_row *row)
{
	enum finding_id id;

	if (finding_from_name(row->finding, &id) != 0 || (row->lifted_secs != 0 && list->count >= LIFTED_MAX))
		return;
	list->items = arena_grow(list->arena, list->items, list->count, &list->room, sizeof(*list->items));
	list->items[list->count++] = (struct brake){ .policy = arena_strdup(list->arena, row->policy), .finding = id,
		.since_secs = row->since_secs, .until_secs = row->lifted_secs };
}

struct brake_memory *brake_memory_new(void)
{
	struct brake_memory *memory = calloc(1, sizeof(*memory));

	if (memory == NULL)
		out_of_memory();
	pthread_mutex_init(&memory->lock, NULL);
	list_reset(&memory->list);
	list_reset(&memory->loading);
	return memory;
}

void brake_memory_free(struct brake_memory **memory)
{
	struct brake_memory *old = *memory;

	*memory = NULL;
	if (old == NULL)
		return;
	arena_free(&old->list.arena);
	arena_free(&old->loading.arena);
	pthread_mutex_destroy(&old->lock);
	free(old);
}

/* A list takes the place of what was known, and is empty then. Lock held. */
static void publish(struct brake_memory *memory, struct brake_list *list)
{
	struct brake_list old = memory->list;

	memory->list = *list;
	memory->known = true;
	*list = old;
	list_reset(list);
}

void brake_memory_load(void *arg, const struct brake_row *row)
{
	struct brake_memory *memory = arg;

	pthread_mutex_lock(&memory->lock);
	if (row != NULL)
		list_add(&memory->loading, row);
	else
		publish(memory, &memory->loading);
	pthread_mutex_unlock(&memory->lock);
}

void brake_memory_set(struct brake_memory *memory, const struct brake_row *rows, size_t count)
{
	struct brake_list list = { NULL };	/* its own: the store may be loading just now */

	list_reset(&list);
	for (size_t i = 0; i < count; i++)
		list_add(&list, &rows[i]);
	pthread_mutex_lock(&memory->lock);
	publish(memory, &list);
	pthread_mutex_unlock(&memory->lock);
	arena_free(&list.arena);
}

bool brake_memory_is_known(struct brake_memory *memory)
{
	bool known;

	pthread_mutex_lock(&memory->lock);
	known = memory->known;
	pthread_mutex_unlock(&memory->lock);
	return known;
}

const struct brakes *brake_memory_copy(struct brake_memory *memory, struct arena *arena)
{
	struct brakes *brakes = NULL;
	struct brake *items;

	pthread_mutex_lock(&memory->lock);
	if (!memory->known || memory->list.count != 0) {
		brakes = arena_calloc(arena, 1, sizeof(*brakes));
		items = arena_calloc(arena, memory->list.count + 1, sizeof(*items));
		for (size_t i = 0; i < memory->list.count; i++) {
			items[i] = memory->list.items[i];
			items[i].policy = arena_strdup(arena, items[i].policy);
		}
		*brakes = (struct brakes){ .unknown = !memory->known, .items = items, .count = memory->list.count };
	}
	pthread_mutex_unlock(&memory->lock);
	return brakes;
}
