/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Failure reports as the command line takes them up: each change at once, in a transaction of its own, while the daemon may be
 * writing. Thread: any; each call opens what it needs.
 */
#include "record/store_internal.h"

#include <stdio.h>

#include "util/error.h"

/* After a change: whether it came to something, and the handle goes. */
static int change_end(struct store *store, struct backend_handle *handle, int code)
{
	if (code == -E_SYSTEM) {
		pthread_mutex_lock(&store->lock);
		snprintf(store->statistics.why, sizeof(store->statistics.why), "%s: %s", store->location, store->backend->why(handle));
		pthread_mutex_unlock(&store->lock);
	}
	store->backend->close(&handle);
	return code;
}

int store_failure_take(struct store *store, int64_t now_secs, int64_t before_secs, int64_t retry_secs, struct arena *arena,
    struct failure_row *row_r)
{
	struct backend_handle *handle = store_command_open(store);

	return handle == NULL ? -E_SYSTEM : change_end(store, handle, store->backend->failure_take(handle, now_secs, before_secs,
	    retry_secs, arena, row_r));
}

int store_failure_done(struct store *store, int64_t id, bool sent)
{
	struct backend_handle *handle = store_command_open(store);

	return handle == NULL ? -E_SYSTEM : change_end(store, handle, store->backend->failure_done(handle, id, sent));
}

int store_failure_later(struct store *store, int64_t id, const char *ruf_left, int64_t due_secs)
{
	struct backend_handle *handle = store_command_open(store);

	return handle == NULL ? -E_SYSTEM : change_end(store, handle, store->backend->failure_later(handle, id, ruf_left, due_secs));
}

int store_failures_each(struct store *store, int64_t now_secs, int64_t before_secs, size_t limit, store_failure_each_f *each,
    void *arg)
{
	struct backend_handle *handle = store_reader_take(store);
	int code;

	if (handle == NULL)
		return -E_SYSTEM;
	code = store->backend->failures_each(handle, now_secs, before_secs, limit, each, arg);
	store_reader_put(store, handle, code);
	return code;
}

int store_failure_counts(struct store *store, int64_t day_secs, struct failure_counts *counts_r)
{
	struct backend_handle *handle = store_reader_take(store);
	int code;

	if (handle == NULL)
		return -E_SYSTEM;
	code = store->backend->failure_counts(handle, day_secs, counts_r);
	store_reader_put(store, handle, code);
	return code;
}
