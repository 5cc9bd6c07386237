/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The store: a bounded queue of notes, one writer thread that applies them in groups, and a pool of read handles.
 * Trusts its callers for the meaning of notes; the database is trusted for nothing. Fails into "no memory": reads say
 * -E_SYSTEM, the notes stay queued and are tried again after retry_secs, and those that find the queue full are dropped
 * and counted.
 */
#include "record/store.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "record/group.h"
#include "util/error.h"

enum {
	GROUP_MAX = 2000, READERS_MAX = 64, FLUSH_CLOSE_MS = 5000, EXPIRE_ROWS = 500, EXPIRE_INTERVAL_MS = 10000,
	DAY_SECS = 86400, WRITER_BUSY_MS = 1000
};

struct store {
	struct store_config config;
	struct group_rules rules;
	const struct backend *backend;
	char *path;

	pthread_t writer;
	bool writer_runs;
	pthread_mutex_t lock;		/* of all below */
	pthread_cond_t wake;		/* for the writer: notes, stop, flush */
	pthread_cond_t done;		/* for flush: a group has ended */
	struct note *first, **last;
	bool stop, urgent;
	bool told;			/* config.changed has been called */
	uint64_t told_dropped;		/* of statistics.dropped */
	uint64_t ended;			/* notes committed or lost */
	struct store_statistics statistics;
	struct backend_handle *readers[READERS_MAX];
	unsigned reader_count;
	int64_t reader_retry_ms;	/* after a failed open: not before */
};

/* ---- queue --------------------------------------------------------------------------------------- */

/* Copies text into the note's string room and advances; NULL stays NULL. */
static const char *note_string(char **room, const char *text)
{
	char *copy = *room;

	if (text == NULL)
		return NULL;
	strcpy(copy, text);
	*room += strlen(text) + 1;
	return copy;
}

static size_t text_bytes(const char *text)
{
	return text != NULL ? strlen(text) + 1 : 0;
}

static struct note *note_new(enum note_kind kind, size_t string_bytes)
{
	struct note *note = calloc(1, sizeof(*note) + string_bytes);

	if (note == NULL)
		abort();
	note->kind = kind;
	return note;
}

static int store_queue(struct store *store, struct note *note)
{
	bool full;

	pthread_mutex_lock(&store->lock);
	store->statistics.noted++;
	full = !store->writer_runs || store->statistics.queued >= store->config.queue_max;
	if (full) {
		store->statistics.dropped++;
	} else {
		*store->last = note;
		store->last = &note->next;
		/* the writer sleeps without a time-out while the queue is empty */
		if (store->statistics.queued++ == 0 || store->statistics.queued == GROUP_MAX)
			pthread_cond_signal(&store->wake);
	}
	pthread_mutex_unlock(&store->lock);
	if (full)
		free(note);
	return full ? -E_LIMIT : 0;
}

int store_peer_note(struct store *store, const struct peer_note *from)
{
	struct note *note = note_new(NOTE_PEER, text_bytes(from->peer) + text_bytes(from->host) + text_bytes(from->cert));
	char *room = note->strings;

	note->u.peer = *from;
	note->u.peer.peer = note_string(&room, from->peer);
	note->u.peer.host = note_string(&room, from->host);
	note->u.peer.cert = note_string(&room, from->cert);
	return store_queue(store, note);
}

int store_greylist_note(struct store *store, const char *key, int64_t time_secs, bool passed)
{
	struct note *note = note_new(NOTE_GREYLIST, text_bytes(key));
	char *room = note->strings;

	note->u.greylist.key = note_string(&room, key);
	note->u.greylist.time_secs = time_secs;
	note->u.greylist.passed = passed;
	return store_queue(store, note);
}

int store_flow_note(struct store *store, const struct flow_note *from)
{
	const char *const texts[] = { from->author_domain, from->envelope_domain, from->client_network, from->findings,
		from->results, from->tls_grade, from->tls_version, from->tls_cipher, from->policy, from->action };
	size_t bytes = 0;
	struct note *note;
	char *room;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		bytes += text_bytes(texts[i]);
	note = note_new(NOTE_FLOW, bytes);
	room = note->strings;
	note->u.flow = *from;
	note->u.flow.author_domain = note_string(&room, from->author_domain);
	note->u.flow.envelope_domain = note_string(&room, from->envelope_domain);
	note->u.flow.client_network = note_string(&room, from->client_network);
	note->u.flow.findings = note_string(&room, from->findings);
	note->u.flow.results = note_string(&room, from->results);
	note->u.flow.tls_grade = note_string(&room, from->tls_grade);
	note->u.flow.tls_version = note_string(&room, from->tls_version);
	note->u.flow.tls_cipher = note_string(&room, from->tls_cipher);
	note->u.flow.policy = note_string(&room, from->policy);
	note->u.flow.action = note_string(&room, from->action);
	return store_queue(store, note);
}

/* ---- writer -------------------------------------------------------------------------------------- */

static int expire_some(struct store *store, struct backend_handle *handle)
{
	int64_t now = clock_wall_secs(store->config.clock);
	const struct backend_expiry before = {
		.flows_secs = now - (int64_t)store->config.flow_keep_days * DAY_SECS,
		.peers_secs = now - (int64_t)store->config.peer_keep_days * DAY_SECS,
		.greylist_passed_secs = now - (int64_t)store->config.greylist_keep_days * DAY_SECS,
		.greylist_waiting_secs = now - (int64_t)store->config.greylist_window_secs,
	};

	return store->backend->expire(handle, &before, EXPIRE_ROWS);
}

static void deadline_in(struct timespec *deadline, unsigned ms)
{
	clock_gettime(CLOCK_MONOTONIC, deadline);
	deadline->tv_sec += ms / 1000;
	deadline->tv_nsec += (long)(ms % 1000) * 1000000;
	if (deadline->tv_nsec >= 1000000000) {
		deadline->tv_sec++;
		deadline->tv_nsec -= 1000000000;
	}
}

/* Takes up to GROUP_MAX notes off the queue, after giving others commit_interval_ms to join. Lock held. */
static struct note *take_group(struct store *store, int64_t retry_ms, unsigned *count_r)
{
	struct note *group, **end;
	struct timespec deadline;
	unsigned count = 0;
	int64_t pause_ms = retry_ms - clock_monotonic_ms();

	if (pause_ms > 0) {	/* the database failed: the queue fills meanwhile */
		deadline_in(&deadline, (unsigned)pause_ms);
		while (!store->stop && pthread_cond_timedwait(&store->wake, &store->lock, &deadline) != ETIMEDOUT)
			;
	}
	while (store->first == NULL && !store->stop)
		pthread_cond_wait(&store->wake, &store->lock);
	deadline_in(&deadline, store->config.commit_interval_ms);
	while (!store->stop && !store->urgent && store->statistics.queued < GROUP_MAX &&
	    pthread_cond_timedwait(&store->wake, &store->lock, &deadline) != ETIMEDOUT)
		;
	group = store->first;
	for (end = &store->first; *end != NULL && count < GROUP_MAX; end = &(*end)->next)
		count++;
	store->first = *end;
	if (store->first == NULL)
		store->last = &store->first;
	*end = NULL;
	if (count == 0)
		group = NULL;
	store->statistics.queued -= count;
	*count_r = count;
	return group;
}

/* A group that could not be written goes back to the head of the queue. Lock held. */
static void return_group(struct store *store, struct note *group, unsigned count)
{
	struct note **end = &group;

	while (*end != NULL)
		end = &(*end)->next;
	*end = store->first;
	if (store->first == NULL)
		store->last = end;
	store->first = group;
	store->statistics.queued += count;
}

static void free_notes(struct note *notes)
{
	while (notes != NULL) {
		struct note *next = notes->next;

		free(notes);
		notes = next;
	}
}

struct writer_state {
	struct backend_handle *handle;
	int64_t retry_ms, expire_ms;
	char why[256];
};

/* Writes one group without the lock; opens the database when it is not open and it is time to try. */
static int writer_write(struct store *store, struct writer_state *state, struct note *group)
{
	int64_t now_ms = clock_monotonic_ms();
	int code;

	if (state->handle == NULL) {
		state->handle = store->backend->open(store->path, true, WRITER_BUSY_MS, state->why, sizeof(state->why));
		if (state->handle == NULL) {
			state->retry_ms = now_ms + (int64_t)store->config.retry_secs * 1000;
			return -E_SYSTEM;
		}
	}
	code = group != NULL ? group_write(store->backend, state->handle, &store->rules, group) : 0;
	if (code == 0 && now_ms >= state->expire_ms) {
		state->expire_ms = now_ms + EXPIRE_INTERVAL_MS;
		code = expire_some(store, state->handle);
	}
	if (code != 0) {
		snprintf(state->why, sizeof(state->why), "%s: %s", store->path, store->backend->why(state->handle));
		store->backend->close(&state->handle);
		state->retry_ms = now_ms + (int64_t)store->config.retry_secs * 1000;
	}
	return code;
}

/* Tells when the database is lost or found; what found no room meanwhile is told once the queue is empty again. */
static void tell_state(struct store *store, const struct writer_state *state)
{
	uint64_t dropped = store->statistics.dropped - store->told_dropped;
	bool up = state->handle != NULL, tell_dropped = up && dropped != 0 && store->first == NULL;
	char text[512];

	if ((up != store->statistics.up || !store->told) && store->config.changed != NULL)
		store->config.changed(up, up ? store->path : state->why);
	if (tell_dropped && store->config.changed != NULL) {
		snprintf(text, sizeof(text), "%.300s: %" PRIu64 " notes were dropped, the queue was full", store->path, dropped);
		store->config.changed(true, text);
	}
	if (tell_dropped)
		store->told_dropped = store->statistics.dropped;
	store->told = true;
	store->statistics.up = up;
}

/* After a group: what became of its notes. Lock held. */
static void writer_account(struct store *store, const struct writer_state *state, int code, struct note *group,
    unsigned count)
{
	tell_state(store, state);
	if (code == 0)
		store->reader_retry_ms = 0;	/* the database is there: readers may try at once */
	if (code != 0 && group != NULL && !store->stop) {
		return_group(store, group, count);
	} else {
		store->ended += count;
		store->statistics.commits += code == 0 && count != 0;
		store->statistics.lost += code != 0 ? count : 0;
		free_notes(group);
	}
	if (code != 0 && state->why[0] != '\0')
		memcpy(store->statistics.why, state->why, sizeof(store->statistics.why));
	pthread_cond_broadcast(&store->done);
}

static void *writer_main(void *arg)
{
	struct store *store = arg;
	struct writer_state state = { 0 };
	bool stop = false;

	/* open at once, so that a fault shows at start and readers find a schema */
	writer_write(store, &state, NULL);
	pthread_mutex_lock(&store->lock);
	writer_account(store, &state, state.handle != NULL ? 0 : -E_SYSTEM, NULL, 0);
	while (!stop) {
		unsigned count;
		struct note *group = take_group(store, state.retry_ms, &count);
		int code;

		pthread_mutex_unlock(&store->lock);
		code = writer_write(store, &state, group);
		pthread_mutex_lock(&store->lock);
		writer_account(store, &state, code, group, count);
		/* at the end a database that fails once gets no second chance: what is left is lost, and counted */
		stop = store->stop && (store->first == NULL || code != 0);
	}
	store->statistics.lost += store->statistics.queued;
	store->ended += store->statistics.queued;
	store->writer_runs = false;
	pthread_cond_broadcast(&store->done);
	pthread_mutex_unlock(&store->lock);
	store->backend->close(&state.handle);
	return NULL;
}

int store_flush(struct store *store)
{
	uint64_t target, lost;
	struct timespec deadline;
	int code = 0;

	deadline_in(&deadline, FLUSH_CLOSE_MS);
	pthread_mutex_lock(&store->lock);
	/* a group that is being written now is not in queued: wait for everything that was ever accepted */
	target = store->statistics.noted - store->statistics.dropped;
	lost = store->statistics.lost;
	store->urgent = true;
	pthread_cond_signal(&store->wake);
	while (store->writer_runs && store->ended < target && code == 0)
		if (pthread_cond_timedwait(&store->done, &store->lock, &deadline) == ETIMEDOUT)
			code = -E_SYSTEM;
	store->urgent = false;
	if (store->statistics.lost != lost)
		code = -E_SYSTEM;
	pthread_mutex_unlock(&store->lock);
	return code;
}

/* ---- readers ------------------------------------------------------------------------------------- */

/* A read handle from the pool, or a new one; NULL: no memory now. */
static struct backend_handle *reader_take(struct store *store)
{
	struct backend_handle *handle = NULL;
	bool wait;

	pthread_mutex_lock(&store->lock);
	if (store->reader_count > 0)
		handle = store->readers[--store->reader_count];
	wait = clock_monotonic_ms() < store->reader_retry_ms;
	pthread_mutex_unlock(&store->lock);
	if (handle != NULL && store->backend->has_moved(handle))
		store->backend->close(&handle);
	if (handle != NULL || wait)
		return handle;
	char why[256] = "";
	handle = store->backend->open(store->path, false, store->config.busy_ms, why, sizeof(why));
	if (handle == NULL) {
		pthread_mutex_lock(&store->lock);
		/* short: at the very start the writer is about to create the schema */
		store->reader_retry_ms = clock_monotonic_ms() + 200;
		store->statistics.read_failures++;
		memcpy(store->statistics.why, why, sizeof(why));
		pthread_mutex_unlock(&store->lock);
	}
	return handle;
}

/* Puts a handle back; one that failed is closed. */
static void reader_put(struct store *store, struct backend_handle *handle, int code)
{
	bool keep = code == 0 || code == -E_ABSENT;

	pthread_mutex_lock(&store->lock);
	if (!keep) {
		store->statistics.read_failures++;
		snprintf(store->statistics.why, sizeof(store->statistics.why), "%s: %s", store->path,
		    store->backend->why(handle));
	} else if (store->reader_count < READERS_MAX) {
		store->readers[store->reader_count++] = handle;
		handle = NULL;
	}
	pthread_mutex_unlock(&store->lock);
	store->backend->close(&handle);
}

int store_peer_host_get(struct store *store, const char *peer, const char *host, struct peer_memory *memory_r)
{
	struct backend_handle *handle = reader_take(store);
	int code;

	if (handle == NULL)
		return -E_SYSTEM;
	code = store->backend->peer_get(handle, peer, host, memory_r);
	reader_put(store, handle, code);
	return code;
}

int store_peer_get(struct store *store, const char *peer, struct peer_memory *memory_r)
{
	return store_peer_host_get(store, peer, "", memory_r);
}

int store_greylist_get(struct store *store, const char *key, struct greylist_entry *entry_r)
{
	struct backend_handle *handle = reader_take(store);
	int code;

	if (handle == NULL)
		return -E_SYSTEM;
	code = store->backend->greylist_get(handle, key, entry_r);
	reader_put(store, handle, code);
	return code;
}

int store_peers_each(struct store *store, const char *pattern, size_t limit, store_peer_each_f *each, void *arg)
{
	struct backend_handle *handle = reader_take(store);
	int code;

	if (handle == NULL)
		return -E_SYSTEM;
	code = store->backend->peers_each(handle, pattern, limit, each, arg);
	reader_put(store, handle, code);
	return code;
}

int store_hosts_each(struct store *store, const char *peer, size_t limit, store_peer_each_f *each, void *arg)
{
	struct backend_handle *handle = reader_take(store);
	int code;

	if (handle == NULL)
		return -E_SYSTEM;
	code = store->backend->hosts_each(handle, peer, limit, each, arg);
	reader_put(store, handle, code);
	return code;
}

int store_flows_each(struct store *store, int64_t since_secs, store_flow_each_f *each, void *arg)
{
	struct backend_handle *handle = reader_take(store);
	int code;

	if (handle == NULL)
		return -E_SYSTEM;
	code = store->backend->flows_each(handle, since_secs, each, arg);
	reader_put(store, handle, code);
	return code;
}

/* ---- command line: one change, at once ----------------------------------------------------------- */

static struct backend_handle *command_open(struct store *store)
{
	char why[256] = "";
	struct backend_handle *handle = NULL;

	/* a mistyped path must not become a database that belongs to root */
	if (access(store->path, F_OK) == 0)
		handle = store->backend->open(store->path, true, WRITER_BUSY_MS * 5, why, sizeof(why));
	else
		snprintf(why, sizeof(why), "%s: %s", store->path, strerror(errno));
	if (handle == NULL) {
		pthread_mutex_lock(&store->lock);
		memcpy(store->statistics.why, why, sizeof(why));
		pthread_mutex_unlock(&store->lock);
	}
	return handle;
}

int store_peer_forget(struct store *store, const char *peer)
{
	struct backend_handle *handle = command_open(store);
	int code;

	if (handle == NULL)
		return -E_SYSTEM;
	code = store->backend->peer_forget(handle, peer);
	store->backend->close(&handle);
	return code;
}

int store_peer_pin(struct store *store, const char *peer, bool pinned)
{
	struct backend_handle *handle = command_open(store);
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
	config->busy_ms = or_default(config->busy_ms, 20);
	config->retry_secs = or_default(config->retry_secs, 10);
	config->flow_keep_days = or_default(config->flow_keep_days, 400);
	config->peer_keep_days = or_default(config->peer_keep_days, 180);
	config->greylist_keep_days = or_default(config->greylist_keep_days, 36);
	config->peer_settle_days = or_default(config->peer_settle_days, 14);
	config->greylist_window_secs = or_default(config->greylist_window_secs, 2 * DAY_SECS);
}

struct store *store_open(const struct store_config *config, char *why_r, size_t why_bytes)
{
	struct store *store;
	pthread_condattr_t monotonic;

	if (config->path == NULL || config->path[0] == '\0') {
		snprintf(why_r, why_bytes, "the store has no path");
		return NULL;
	}
	store = calloc(1, sizeof(*store));
	if (store == NULL || (store->path = strdup(config->path)) == NULL)
		abort();
	store->config = *config;
	store_defaults(&store->config);
	store->rules.peer.settle_days = store->config.peer_settle_days;
	store->rules.greylist_window_secs = store->config.greylist_window_secs;
	store->backend = &backend_sqlite;
	store->last = &store->first;
	pthread_mutex_init(&store->lock, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&store->wake, &monotonic);
	pthread_cond_init(&store->done, &monotonic);
	pthread_condattr_destroy(&monotonic);
	if (!config->read_only) {
		store->writer_runs = true;
		if (pthread_create(&store->writer, NULL, writer_main, store) != 0)
			abort();
	}
	return store;
}

void store_close(struct store **store_p)
{
	struct store *store = *store_p;

	if (store == NULL)
		return;
	if (!store->config.read_only) {
		pthread_mutex_lock(&store->lock);
		store->stop = true;
		pthread_cond_signal(&store->wake);
		pthread_mutex_unlock(&store->lock);
		pthread_join(store->writer, NULL);
	}
	while (store->reader_count > 0)
		store->backend->close(&store->readers[--store->reader_count]);
	free_notes(store->first);
	pthread_cond_destroy(&store->wake);
	pthread_cond_destroy(&store->done);
	pthread_mutex_destroy(&store->lock);
	free(store->path);
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

void store_statistics(struct store *store, struct store_statistics *statistics_r)
{
	pthread_mutex_lock(&store->lock);
	*statistics_r = store->statistics;
	pthread_mutex_unlock(&store->lock);
}
