/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Brakes: read through the pool, and changed at once, by a handle of their own. Not by notes, for whoever sets or lifts one has to know
 * that it is kept. Waits for the database up to its bound, so never on a message's thread.
 */
#include "record/store_internal.h"

#include <stdio.h>
#include <string.h>

#include "util/error.h"

/* The one of a policy and finding that is on. */
struct search {
	const char *policy, *finding;
	struct brake_row found;
	bool is_on;
};

int store_brakes_each(struct store *store, store_brake_each_f *each, void *arg)
{
	struct backend_handle *handle = store_reader_take(store);
	int code;

	if (handle == NULL)
		return -E_SYSTEM;
	code = store->backend->brakes_each(handle, each, arg);
	store_reader_put(store, handle, code);
	return code;
}

static void find(void *arg, const struct brake_row *row)
{
	struct search *search = arg;

	if (row->lifted_secs != 0 || strcmp(row->policy, search->policy) != 0 || strcmp(row->finding, search->finding) != 0)
		return;
	search->found = *row;
	search->found.policy = search->policy;
	search->found.finding = search->finding;
	search->is_on = true;
}

/* One change: set is the row to put when none is on; lifted_secs the end of the one that is on. */
static int change(struct store *store, struct search *search, const struct brake_row *set, int64_t lifted_secs)
{
	struct backend_handle *handle = store_command_open(store);
	int code;

	if (handle == NULL)
		return -E_SYSTEM;
	code = store->backend->begin(handle);
	if (code == 0)
		code = store->backend->brakes_each(handle, find, search);
	if (code == 0 && set != NULL && !search->is_on)
		code = store->backend->brake_put(handle, set);
	if (code == 0 && set == NULL && search->is_on) {
		search->found.lifted_secs = lifted_secs;
		code = store->backend->brake_put(handle, &search->found);
	}
	if (code == 0)
		code = store->backend->commit(handle);
	else
		store->backend->rollback(handle);
	if (code == -E_SYSTEM) {
		pthread_mutex_lock(&store->lock);
		snprintf(store->statistics.why, sizeof(store->statistics.why), "%s: %s", store->location, store->backend->why(handle));
		pthread_mutex_unlock(&store->lock);
	}
	store->backend->close(&handle);
	return code;
}

int store_brake_set(struct store *store, const struct brake_row *row)
{
	struct search search = { .policy = row->policy, .finding = row->finding };

	return change(store, &search, row, 0);
}

int store_brake_lift(struct store *store, const char *policy, const char *finding, int64_t lifted_secs)
{
	struct search search = { .policy = policy, .finding = finding };
	int code = change(store, &search, NULL, lifted_secs);

	return code == 0 && !search.is_on ? -E_ABSENT : code;
}
