/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The store: a bounded queue of notes, one writer thread that applies them in groups, and a pool of read handles; its parts
 * are listed in store_internal.h. Here it is opened and closed, and changed by the command line.
 * Trusts its callers for the meaning of notes; the database is trusted for nothing. Fails into "no memory": reads say
 * -E_SYSTEM, the notes stay queued and are tried again after retry_secs, and those that find the queue full are dropped
 * and counted.
 */
#include "record/store_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "util/error.h"
#include "util/out_of_memory.h"

enum { DAY_SECS = 86400 };

/* ---- command line: one change, at once ----------------------------------------------------------- */

struct backend_handle *store_command_open(struct store *store)
{
	char why[STORE_WHY_BYTES] = "";
	/* a mistyped location must not become a database that belongs to root */
	struct backend_handle *handle = store->backend->open(store->location, BACKEND_CHANGE, STORE_WRITER_BUSY_MS * 5, why,
	    sizeof(why));

	if (handle == NULL) {
		pthread_mutex_lock(&store->lock);
		memcpy(store->statistics.why, why, sizeof(why));
		pthread_mutex_unlock(&store->lock);
	}
	return handle;
}

int store_peer_forget(struct store *store, const char *peer)
{
	struct backend_handle *handle = store_command_open(store);
	int code;

	if (handle == NULL)
		return -E_SYSTEM;
	code = store->backend->peer_forget(handle, peer);
	store->backend->close(&handle);
	recent_forget(store->recent);
	return code;
}

int store_peer_pin(struct store *store, const char *peer, bool pinned)
{
	struct backend_handle *handle = store_command_open(store);
	struct peer_memory memory = { 0 };
	int code;

	if (handle == NULL)
		return -E_SYSTEM;
	code = store->backend->begin(handle);
	if (code == 0)
		code = store->backend->peer_get(handle, peer, "", &memory);
	/* a peer that was never seen can be pinned; unpinning it is an error */
	if (code == -E_ABSENT && pinned) {
		memory.first_secs = memory.last_secs = clock_wall_secs(store->config.clock);
		code = 0;
	}
	memory.pinned = pinned;
	if (code == 0)
		code = store->backend->peer_put(handle, peer, "", &memory);
	if (code == 0)
		code = store->backend->commit(handle);
	else
		store->backend->rollback(handle);
	store->backend->close(&handle);
	recent_forget(store->recent);
	return code;
}

/* ---- life ---------------------------------------------------------------------------------------- */

static unsigned or_default(unsigned value, unsigned fallback)
{
	return value != 0 ? value : fallback;
}

static void store_defaults(struct store_config *config)
{
	config->commit_interval_ms = or_default(config->commit_interval_ms, 200);
	config->queue_max = or_default(config->queue_max, 20000);
	config->busy_ms = or_default(config->busy_ms, config->read_only ? 5000 : 20);	/* no mail waits for a command */
	config->readers_max = or_default(config->readers_max, STORE_READERS_MAX);
	if (config->readers_max > STORE_READERS_MAX)
		config->readers_max = STORE_READERS_MAX;
	config->stop_ms = or_default(config->stop_ms, 5000);
	config->retry_secs = or_default(config->retry_secs, 10);
	config->flow_keep_days = or_default(config->flow_keep_days, 400);
	config->hour_keep_hours = or_default(config->hour_keep_hours, 72);
	config->peer_keep_days = or_default(config->peer_keep_days, 180);
	config->greylist_keep_days = or_default(config->greylist_keep_days, 36);
	config->dmarc_rows_max = or_default(config->dmarc_rows_max, 100000);
	config->dmarc_report_rows_max = or_default(config->dmarc_report_rows_max, 10000);
	config->dmarc_keep_days = or_default(config->dmarc_keep_days, 7);
	config->shapes_max = or_default(config->shapes_max, 20000);
	config->shape_keep_days = or_default(config->shape_keep_days, 30);
	config->failure_keep_days = or_default(config->failure_keep_days, 7);
	config->trace_keep_secs = or_default(config->trace_keep_secs, 14 * DAY_SECS);
	config->peer_settle_days = or_default(config->peer_settle_days, 14);
	config->greylist_window_secs = or_default(config->greylist_window_secs, 2 * DAY_SECS);
}

struct store *store_open(const struct store_config *config, char *why_r, size_t why_bytes)
{
	const struct backend *backend;
	const char *location = config->location;
	struct store *store;
	pthread_condattr_t monotonic;

	if (config->location == NULL || config->location[0] == '\0') {
		snprintf(why_r, why_bytes, "the store has no path");
		return NULL;
	}
	backend = config->backend != NULL ? backend_find(config->backend) : backend_of(config->location, &location);
	if (backend == NULL) {
		snprintf(why_r, why_bytes, "there is no store of the kind '%s'", config->backend);
		return NULL;
	}
	store = calloc(1, sizeof(*store));
	if (store == NULL || (store->location = strdup(location)) == NULL)
		out_of_memory();
	store->config = *config;
	store_defaults(&store->config);
	/* half at most: the rest is for the answer, or each that waited for a place would find its database slow */
	store->reader_wait_ms = config->busy_ms != 0 && config->busy_ms / 2 < STORE_READER_WAIT_MS ? config->busy_ms / 2 : STORE_READER_WAIT_MS;
	store->rules.peer.settle_days = store->config.peer_settle_days;
	store->rules.greylist_window_secs = store->config.greylist_window_secs;
	store->rules.peer_hosts_max = store->config.peer_hosts_max;
	store->rules.dmarc = (struct dmarc_rules){ .rows_max = store->config.dmarc_rows_max,
		.report_rows_max = store->config.dmarc_report_rows_max };
	store->backend = backend;
	store->recent = recent_new();
	store->last = &store->first;
	if (getrandom(store->refused_secret, sizeof(store->refused_secret), 0) != (ssize_t)sizeof(store->refused_secret))
		abort();	/* it cannot, for so few bytes */
	pthread_mutex_init(&store->lock, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&store->wake, &monotonic);
	pthread_cond_init(&store->done, &monotonic);
	pthread_cond_init(&store->reader_free, &monotonic);
	pthread_condattr_destroy(&monotonic);
	if (!config->read_only) {
		store->writer_runs = true;
		if (backend->expect != NULL)
			backend->expect(location);
		if (pthread_create(&store->writer, NULL, store_writer_run, store) != 0) {
			snprintf(why_r, why_bytes, "the store has no thread: the system refuses one");
			store->config.read_only = true;
			store_close(&store);
		}
	}
	return store;
}

void store_stop(struct store *store)
{
	if (store->config.read_only || store->stopped)
		return;
	pthread_mutex_lock(&store->lock);
	store->stop = true;
	store->stop_ms = clock_monotonic_ms() + store->config.stop_ms;
	pthread_cond_signal(&store->wake);
	pthread_mutex_unlock(&store->lock);
	pthread_join(store->writer, NULL);
	store->stopped = true;
}

void store_close(struct store **store_p)
{
	struct store *store = *store_p;

	if (store == NULL)
		return;
	store_stop(store);
	store_readers_close(store);
	store_notes_free(store->first);
	pthread_cond_destroy(&store->wake);
	pthread_cond_destroy(&store->done);
	pthread_cond_destroy(&store->reader_free);
	pthread_mutex_destroy(&store->lock);
	recent_free(&store->recent);
	free(store->location);
	free(store);
	*store_p = NULL;
}

bool store_is_up(struct store *store)
{
	bool up;

	pthread_mutex_lock(&store->lock);
	up = store->statistics.up;
	pthread_mutex_unlock(&store->lock);
	return up;
}

bool store_is_opening(struct store *store)
{
	bool opening;

	pthread_mutex_lock(&store->lock);
	opening = !store->told && !store->config.read_only;
	pthread_mutex_unlock(&store->lock);
	return opening;
}

void store_statistics(struct store *store, struct store_statistics *statistics_r)
{
	pthread_mutex_lock(&store->lock);
	*statistics_r = store->statistics;
	statistics_r->written = store->ended - store->statistics.lost - store->statistics.refused;
	pthread_mutex_unlock(&store->lock);
}
