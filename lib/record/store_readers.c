/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Readers: each question takes a handle of its own from the pool, asks the database directly and puts it back, so that
 * readers wait neither for the writer (WAL) nor, until there are as many as may be, for each other. A handle that failed is
 * closed; while the database cannot be opened, questions are answered "no memory" without trying each time. Thread: any.
 */
#include "record/store_internal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "util/error.h"

enum { READER_PAUSE_MS = 200, READER_PAUSE_MAX_MS = 5000 };

/* Waits for a handle from the pool, or leave to open one. Lock held. @return false: there is none in time. */
static bool reader_wait(struct store *store)
{
	struct timespec until;

	store_deadline_in(&until, store->reader_wait_ms);
	while (store->reader_count == 0 && store->readers_open >= store->config.readers_max)
		if (pthread_cond_timedwait(&store->reader_free, &store->lock, &until) == ETIMEDOUT)
			return false;
	return true;
}

/* A handle is no more. */
static void reader_gone(struct store *store)
{
	pthread_mutex_lock(&store->lock);
	store->readers_open--;
	/* all of them: while nobody opens, whoever is woken leaves without one, and wakes no other */
	pthread_cond_broadcast(&store->reader_free);
	pthread_mutex_unlock(&store->lock);
}

/* Nobody opens for a while, a longer one each time. Short at first: at the very start the writer is about to create the schema.
 * Lock held. */
static void reader_pause(struct store *store)
{
	int64_t now_ms = clock_monotonic_ms();

	if (now_ms < store->reader_retry_ms)
		return;		/* they were several at once */
	store->reader_pause_ms = store->reader_pause_ms == 0 ? READER_PAUSE_MS : store->reader_pause_ms * 2;
	if (store->reader_pause_ms > READER_PAUSE_MAX_MS)
		store->reader_pause_ms = READER_PAUSE_MAX_MS;
	store->reader_retry_ms = now_ms + store->reader_pause_ms;
}

static struct backend_handle *reader_open(struct store *store, unsigned busy_ms)
{
	char why[STORE_WHY_BYTES] = "";
	struct backend_handle *handle = store->backend->open(store->location, BACKEND_READ, busy_ms, why, sizeof(why));

	if (handle != NULL)
		return handle;
	reader_gone(store);
	pthread_mutex_lock(&store->lock);
	reader_pause(store);
	store->statistics.read_failures++;
	memcpy(store->statistics.why, why, sizeof(why));
	pthread_mutex_unlock(&store->lock);
	return NULL;
}

/* How many milliseconds are left of a message's time, 1 at least. until_ms 0: all of busy_ms. */
static unsigned ms_left(const struct store *store, int64_t until_ms)
{
	int64_t left_ms = until_ms != 0 ? until_ms - clock_monotonic_ms() : store->config.busy_ms;

	return left_ms > 1 ? (unsigned)left_ms : 1;
}

/* A read handle from the pool, or a new one; NULL: no memory now. until_ms: when the answer is to be there; 0: there is time. */
static struct backend_handle *reader_take(struct store *store, int64_t until_ms)
{
	struct backend_handle *handle = NULL;
	bool there, opens = false;

	pthread_mutex_lock(&store->lock);
	there = reader_wait(store);
	if (there && store->reader_count > 0)
		handle = store->readers[--store->reader_count];
	else if (there)
		opens = clock_monotonic_ms() >= store->reader_retry_ms;
	store->readers_open += opens;
	pthread_mutex_unlock(&store->lock);
	if (handle != NULL && store->backend->is_orphan(handle)) {
		store->backend->close(&handle);
		opens = true;		/* in its place */
	}
	if (opens)
		handle = reader_open(store, ms_left(store, until_ms));
	if (handle != NULL)
		store->backend->bound(handle, store->config.busy_ms, until_ms);
	return handle;
}

struct backend_handle *store_reader_take(struct store *store)
{
	return reader_take(store, 0);
}

/* For a message: for a place, a connection and the answer it waits no longer than busy_ms in all. */
static struct backend_handle *reader_take_quickly(struct store *store)
{
	return reader_take(store, clock_monotonic_ms() + store->config.busy_ms);
}

/* Takes the handles that nobody uses out of the pool. Lock held. @return how many. */
static unsigned readers_take_all(struct store *store, struct backend_handle *handles_r[STORE_READERS_MAX])
{
	unsigned count = store->reader_count;

	memcpy(handles_r, store->readers, count * sizeof(*handles_r));
	store->reader_count = 0;
	return count;
}

/* Puts a handle back. One that failed is closed, and those that wait, too: they would fail alike, each after its time. */
void store_reader_put(struct store *store, struct backend_handle *handle, int code)
{
	bool keep = code == 0 || code == -E_ABSENT;
	struct backend_handle *others[STORE_READERS_MAX];
	unsigned count = 0;

	pthread_mutex_lock(&store->lock);
	if (!keep) {
		reader_pause(store);
		count = readers_take_all(store, others);
		store->statistics.read_failures++;
		snprintf(store->statistics.why, sizeof(store->statistics.why), "%s: %s", store->location,
		    store->backend->why(handle));
	} else {
		store->reader_pause_ms = 0;
		store->readers[store->reader_count++] = handle;
		pthread_cond_signal(&store->reader_free);
	}
	pthread_mutex_unlock(&store->lock);
	if (keep)
		return;
	store->backend->close(&handle);
	reader_gone(store);
	while (count > 0) {
		store->backend->close(&others[--count]);
		reader_gone(store);
	}
}

int store_peer_host_get(struct store *store, const char *peer, const char *host, struct peer_memory *memory_r)
{
	struct backend_handle *handle;
	struct recent_ticket ticket;
	int code;

	if (recent_get(store->recent, peer, host, &code, memory_r, &ticket))
		return code;
	handle = reader_take_quickly(store);
	if (handle == NULL)
		return -E_SYSTEM;
	code = store->backend->peer_get(handle, peer, host, memory_r);
	store_reader_put(store, handle, code);
	recent_put(store->recent, peer, host, code, memory_r, &ticket);
	return code;
}

int store_peer_get(struct store *store, const char *peer, struct peer_memory *memory_r)
{
	return store_peer_host_get(store, peer, "", memory_r);
}

int store_greylist_get(struct store *store, const char *key, struct greylist_entry *entry_r)
{
	struct backend_handle *handle;
	bool refused;
	int code;

	pthread_mutex_lock(&store->lock);
	refused = store_refused_has(store, key);
	pthread_mutex_unlock(&store->lock);
	handle = refused ? NULL : reader_take_quickly(store);
	if (handle == NULL)
		return -E_SYSTEM;
	code = store->backend->greylist_get(handle, key, entry_r);
	store_reader_put(store, handle, code);
	return code;
}

int store_peers_each(struct store *store, const char *pattern, size_t limit, store_peer_each_f *each, void *arg)
{
	struct backend_handle *handle = store_reader_take(store);
	int code;

	if (handle == NULL)
		return -E_SYSTEM;
	code = store->backend->peers_each(handle, pattern, limit, each, arg);
	store_reader_put(store, handle, code);
	return code;
}

int store_hosts_each(struct store *store, const char *peer, size_t limit, store_peer_each_f *each, void *arg)
{
	struct backend_handle *handle = store_reader_take(store);
	int code;

	if (handle == NULL)
		return -E_SYSTEM;
	code = store->backend->hosts_each(handle, peer, limit, each, arg);
	store_reader_put(store, handle, code);
	return code;
}

int store_flows_each(struct store *store, int64_t since_secs, store_flow_each_f *each, void *arg)
{
	struct backend_handle *handle = store_reader_take(store);
	int code;

	if (handle == NULL)
		return -E_SYSTEM;
	code = store->backend->flows_each(handle, since_secs, each, arg);
	store_reader_put(store, handle, code);
	return code;
}

int store_kinds_each(struct store *store, int64_t since_secs, unsigned span_secs, store_kind_each_f *each, void *arg)
{
	struct backend_handle *handle = store_reader_take(store);
	int code;

	if (handle == NULL)
		return -E_SYSTEM;
	code = store->backend->kinds_each(handle, since_secs, span_secs, each, arg);
	store_reader_put(store, handle, code);
	return code;
}

int store_traces_each(struct store *store, enum store_trace_by by, const char *key, size_t limit, store_trace_each_f *each,
    void *arg)
{
	struct backend_handle *handle = store_reader_take(store);
	int code;

	if (handle == NULL)
		return -E_SYSTEM;
	code = store->backend->traces_each(handle, by, key, limit, each, arg);
	store_reader_put(store, handle, code);
	return code;
}

void store_readers_close(struct store *store)
{
	while (store->reader_count > 0)
		store->backend->close(&store->readers[--store->reader_count]);
}
