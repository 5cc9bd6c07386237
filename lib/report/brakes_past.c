/* SPDX-License-Identifier: BSD-2-Clause */
/* The brakes that the record tells of, as policies take them. Trusts nothing of their names. Out of memory aborts. Thread: one. */
#include "report/brakes.h"

#include "util/arena.h"

struct gathering { struct arena *arena; struct brake *items; size_t count, room; };

static void gather(void *arg, const struct brake_row *row)
{
	struct gathering *gathering = arg;
	enum finding_id id;

	if (finding_from_name(row->finding, &id) != 0)
		return;		/* nothing that a policy of this version enforces */
	gathering->items = arena_grow(gathering->arena, gathering->items, gathering->count, &gathering->room, sizeof(*gathering->items));
	gathering->items[gathering->count++] = (struct brake){ .policy = arena_strdup(gathering->arena, row->policy), .finding = id,
		.since_secs = row->since_secs, .until_secs = row->lifted_secs };
}

int brakes_read(struct store *store, struct arena *arena, const struct brakes **brakes_r)
{
	struct gathering gathering = { .arena = arena };
	struct brakes *brakes = arena_calloc(arena, 1, sizeof(*brakes));
	int code = store_brakes_each(store, gather, &gathering);

	*brakes = (struct brakes){ .items = gathering.items, .count = gathering.count };
	*brakes_r = brakes;
	return code;
}
