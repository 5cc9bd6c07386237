/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The writer: takes the notes off the queue in groups, one commit a group, and between groups lets go what is too old or too
 * many: a small step every EXPIRE_INTERVAL_MS or EXPIRE_ROWS_MIN notes, and one after each group while there is more. The more
 * has come since the last step the larger is the next, so that few notes wait no longer than they must and no flood of new rows
 * outruns it. The only one that writes, but for the command line (store.c). A database that fails is closed and tried again
 * after retry_secs; meanwhile the group waits at the head of the queue. One that works and refuses something of the group gets smaller
 * ones, at once, until the note is alone that it refuses: that one is let go, counted and told (store_told.c).
 * Thread: its own; store_flush() is anybody's.
 */
#include "record/store_internal.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/error.h"

enum {
	FLUSH_CLOSE_MS = 5000, EXPIRE_INTERVAL_MS = 10000, DAY_SECS = 86400, HOUR_SECS = 3600,
	GROUP_LEAST = 10,		/* notes: for want of time a group is made no smaller than this; some take a trip to a server each */
	TOLD_WHYS_MAX = 4,		/* reasons of one outage: after a server went, its standby may take no writes yet */
	REFUSED_ROW_MAX = 20,		/* notes that are refused one after the other: then it may be all of them, and the next waits */
	EXPIRE_ROWS_MIN = 500, EXPIRE_ROWS_MAX = STORE_GROUP_MAX,	/* of a step; no fewer than a group may bring */
	PEER_HOSTS_SHARE = 4		/* hosts in all for each of peers_max: few peers have more than one or two */
};

struct writer_state {
	struct backend_handle *handle;
	int64_t retry_ms, expire_ms;
	bool loaded;			/* the shapes have been told, or could not be */
	bool brakes_loaded;		/* the brakes have been told */
	bool stopping;			/* nobody waits for more than the notes that there are */
	bool behind;			/* with expiry: the next step comes at once, not after the interval */
	unsigned group_max;		/* notes of the next group */
	unsigned refused_row;		/* notes that were refused since one was written */
	unsigned since;			/* notes written since the last step: as many rows may be too many */
	unsigned trimmed[STORE_CAPS];	/* rows that the last group and step let go because there were too many */
	char why[STORE_WHY_BYTES], refusal[STORE_WHY_BYTES];	/* why it is closed; why it refuses a note */
	char told_why[STORE_WHY_BYTES];	/* the reason of this outage that was told last */
	unsigned told_whys;		/* how many of them were */
};

/* How many rows of a kind go after a group of so many notes: twice what it may have brought, so that a surplus shrinks. */
static unsigned expire_rows(unsigned count)
{
	if (count >= EXPIRE_ROWS_MAX / 2)
		return EXPIRE_ROWS_MAX;
	return count * 2 > EXPIRE_ROWS_MIN ? count * 2 : EXPIRE_ROWS_MIN;
}

static int expire_some(struct store *store, struct backend_handle *handle, unsigned limit, struct backend_expired *expired_r)
{
	int64_t now = clock_wall_secs(store->config.clock);
	const struct backend_expiry expiry = {
		.flows_secs = now - (int64_t)store->config.flow_keep_days * DAY_SECS,
		.peers_secs = now - (int64_t)store->config.peer_keep_days * DAY_SECS,
		.greylist_passed_secs = now - (int64_t)store->config.greylist_keep_days * DAY_SECS,
		.greylist_waiting_secs = now - (int64_t)store->config.greylist_window_secs,
		.failures_secs = now - (int64_t)store->config.failure_keep_days * DAY_SECS,
		.shapes_secs = now - (int64_t)store->config.shape_keep_days * DAY_SECS, .shapes_max = store->config.shapes_max,
		.flows_max = store->config.flows_max, .kinds_max = store->config.kinds_max,
		.hours_secs = now - (int64_t)store->config.hour_keep_hours * HOUR_SECS, .peers_max = store->config.peers_max,
		.dmarc_secs = now - (int64_t)store->config.dmarc_keep_days * DAY_SECS,
		.traces_secs = now - (int64_t)store->config.trace_keep_secs, .traces_max_bytes = store->config.traces_max_bytes,
		.hosts_max = store->config.peers_max > UINT_MAX / PEER_HOSTS_SHARE ? UINT_MAX :
		    store->config.peers_max * PEER_HOSTS_SHARE,
		.greylist_max = store->config.greylist_max,
	};

	return store->backend->expire(handle, &expiry, limit, expired_r);
}

void store_deadline_in(struct timespec *deadline, unsigned ms)
{
	clock_gettime(CLOCK_MONOTONIC, deadline);
	deadline->tv_sec += ms / 1000;
	deadline->tv_nsec += (long)(ms % 1000) * 1000000;
	if (deadline->tv_nsec >= 1000000000) {
		deadline->tv_sec++;
		deadline->tv_nsec -= 1000000000;
	}
}

/*
 * Takes up to state->group_max notes off the queue, after giving others commit_interval_ms to join. While expiry is behind it
 * waits no longer than that, and may come with none. Lock held.
 */
static struct note *take_group(struct store *store, const struct writer_state *state, unsigned *count_r)
{
	struct note *group, **end;
	struct timespec deadline;
	unsigned count = 0;
	int64_t pause_ms = state->retry_ms - clock_monotonic_ms();

	if (pause_ms > 0) {	/* the database failed: the queue fills meanwhile */
		store_deadline_in(&deadline, (unsigned)pause_ms);
		while (!store->stop && pthread_cond_timedwait(&store->wake, &store->lock, &deadline) != ETIMEDOUT)
			;
	}
	while (store->first == NULL && !store->stop && !state->behind)
		pthread_cond_wait(&store->wake, &store->lock);
	store_deadline_in(&deadline, store->config.commit_interval_ms);
	while (!store->stop && !store->urgent && store->statistics.queued < state->group_max &&
	    pthread_cond_timedwait(&store->wake, &store->lock, &deadline) != ETIMEDOUT)
		;
	group = store->first;
	for (end = &store->first; *end != NULL && count < state->group_max; end = &(*end)->next)
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

/* Closes a database that failed, until it is time to try again. */
static void writer_lose(struct store *store, struct writer_state *state)
{
	snprintf(state->why, sizeof(state->why), "%s: %s", store->location, store->backend->why(state->handle));
	store->backend->close(&state->handle);
	state->retry_ms = clock_monotonic_ms() + (int64_t)store->config.retry_secs * 1000;
	state->behind = false;
}

/* One step of expiry when it is due, after a group of count notes. These are written, whatever comes of this: they must not be
 * written again. */
static void writer_expire(struct store *store, struct writer_state *state, unsigned count)
{
	int64_t now_ms = clock_monotonic_ms();
	struct backend_expired expired;

	state->since += count;
	if (state->stopping || (!state->behind && now_ms < state->expire_ms && state->since < EXPIRE_ROWS_MIN))
		return;
	count = state->since;
	state->since = 0;
	state->expire_ms = now_ms + EXPIRE_INTERVAL_MS;
	if (expire_some(store, state->handle, expire_rows(count), &expired) != 0) {
		writer_lose(store, state);
		return;
	}
	state->behind = expired.more;
	for (int cap = 0; cap < STORE_CAPS; cap++)
		state->trimmed[cap] += expired.trimmed[cap];
}

static int writer_open(struct store *store, struct writer_state *state)
{
	state->handle = store->backend->open(store->location, BACKEND_MAKE, STORE_WRITER_BUSY_MS, state->why, sizeof(state->why));
	if (state->handle != NULL)
		return 0;
	state->retry_ms = clock_monotonic_ms() + (int64_t)store->config.retry_secs * 1000;
	return -E_SYSTEM;
}

/* A note that is refused alone is tried once more by a new connection: it may be the old one that knows an old table. */
static int writer_try(struct store *store, struct writer_state *state, struct note *group, unsigned count, unsigned *hosts_r)
{
	int code = group_write(store->backend, state->handle, &store->rules, group, hosts_r);

	if (code != -E_REFUSED || count != 1)
		return code;
	store->backend->close(&state->handle);
	code = writer_open(store, state);
	return code == 0 ? group_write(store->backend, state->handle, &store->rules, group, hosts_r) : code;
}

/* A group was not written. A database that refuses note after note is left alone for a while, too: no more are to be lost than must be. */
static void writer_fail(struct store *store, struct writer_state *state, int code, unsigned count)
{
	bool alone = code == -E_REFUSED && count == 1;

	if (state->handle == NULL)
		return;		/* it could not be opened again */
	snprintf(state->refusal, sizeof(state->refusal), "%s", store->backend->why(state->handle));
	state->refused_row += alone;
	if (code != -E_REFUSED || (alone && state->refused_row > REFUSED_ROW_MAX && !state->stopping))
		writer_lose(store, state);
}

/* Writes one group without the lock; opens the database when it is not open and it is time to try. */
static int writer_write(struct store *store, struct writer_state *state, struct note *group, unsigned count)
{
	unsigned hosts = 0;
	int code;

	memset(state->trimmed, 0, sizeof(state->trimmed));
	if (state->handle == NULL && writer_open(store, state) != 0)
		return -E_SYSTEM;
	code = group != NULL ? writer_try(store, state, group, count, &hosts) : 0;
	state->trimmed[STORE_CAP_PEER_HOSTS] = code == 0 ? hosts : 0;
	if (code == 0 && count != 0)
		state->refused_row = 0;
	if (code == 0)
		writer_expire(store, state, count);
	else
		writer_fail(store, state, code, count);
	recent_forget(store->recent);	/* before anybody hears that it is written */
	return code;
}

/* A reason of an outage that was not told yet. After some of them it is known to be a longer story, and the log has enough of it. */
static bool is_another_why(struct writer_state *state)
{
	if (state->handle != NULL)
		state->told_whys = 0;
	if (state->handle != NULL || state->told_whys == TOLD_WHYS_MAX || (state->told_whys != 0 && strcmp(state->why, state->told_why) == 0))
		return false;
	memcpy(state->told_why, state->why, sizeof(state->told_why));
	state->told_whys++;
	return true;
}

/* Tells when the database is lost or found; what found no room meanwhile is told once the queue is empty again. */
static void tell_state(struct store *store, struct writer_state *state)
{
	uint64_t dropped = store->statistics.dropped - store->told_dropped;
	bool up = state->handle != NULL, tell_dropped = up && dropped != 0 && store->first == NULL;
	char text[512];

	if ((is_another_why(state) || (up && !store->statistics.up)) && store->config.changed != NULL)
		store->config.changed(up ? STORE_UP : STORE_DOWN, up ? store->location : state->why);
	if (tell_dropped && store->config.changed != NULL) {
		snprintf(text, sizeof(text), "%.300s: %" PRIu64 " notes were dropped, the queue was full", store->location, dropped);
		store->config.changed(STORE_WARNING, text);
	}
	if (tell_dropped)
		store->told_dropped = store->statistics.dropped;
	store->told = true;
	store->statistics.up = up;
}

/* What a server does not take in its time it may take in parts: each try has half of the notes, until one succeeds. So a note is
 * found that it refuses, too: the next try begins behind it, with two. */
static void group_size(struct writer_state *state, int code, unsigned count)
{
	if (code == -E_REFUSED)
		state->group_max = count > 1 ? count / 2 : 2;
	else if (code != 0)
		state->group_max = state->group_max / 2 > GROUP_LEAST ? state->group_max / 2 : GROUP_LEAST;
	else if (count != 0)
		state->group_max = state->group_max < STORE_GROUP_MAX / 2 ? state->group_max * 2 : STORE_GROUP_MAX;
}

/* After a group: what became of its notes. Lock held. */
static void writer_account(struct store *store, struct writer_state *state, int code, struct note *group,
    unsigned count)
{
	tell_state(store, state);
	store_trimmed_tell(store, state->trimmed);
	if (code == 0)
		store->reader_retry_ms = store->reader_pause_ms = 0;	/* the database is there: readers may try at once */
	if (group != NULL && (code == -E_REFUSED ? count > 1 : code != 0 && !store->stop)) {
		return_group(store, group, count);
	} else {
		if (code == -E_REFUSED)
			store_refused_keep(store, group);
		if (code == -E_REFUSED && store->config.changed != NULL)
			store_refused_tell(store, group, state->refusal);
		store->ended += count;
		store->statistics.commits += code == 0 && count != 0;
		store->statistics.refused += code == -E_REFUSED ? count : 0;
		store->statistics.lost += code != 0 && code != -E_REFUSED ? count : 0;
		store->failures_waiting -= store_notes_count(group, NOTE_FAILURE);
		if (store->trace_bytes != 0)
			store->trace_bytes -= store_notes_trace_bytes(group);
		store_notes_free(group);
	}
	if (state->handle == NULL && state->why[0] != '\0')
		memcpy(store->statistics.why, state->why, sizeof(store->statistics.why));
	pthread_cond_broadcast(&store->done);
}

/* Tells of the brakes once, all or, for now, none. */
static void writer_load_brakes(struct store *store, struct writer_state *state)
{
	if (state->brakes_loaded || state->handle == NULL || store->config.brake_known == NULL)
		return;
	if (store->backend->brakes_each(state->handle, store->config.brake_known, store->config.brake_arg) != 0) {
		writer_lose(store, state);
		return;
	}
	state->brakes_loaded = true;
	store->config.brake_known(store->config.brake_arg, NULL);
}

/* Tells of the shapes once. What cannot be read is done without: it would only have saved time. */
static void writer_load(struct store *store, struct writer_state *state)
{
	writer_load_brakes(store, state);
	if (state->loaded || state->handle == NULL)
		return;
	state->loaded = true;
	if (store->config.shape_known != NULL &&
	    store->backend->shapes_each(state->handle, store->config.shapes_max, store->config.shape_known, store->config.shape_arg) != 0)
		writer_lose(store, state);
}

/* The end: what was not written by now never is. Lock held. */
static void writer_end(struct store *store)
{
	char text[512];

	store->statistics.lost += store->statistics.queued;
	store->ended += store->statistics.queued;
	store->writer_runs = false;
	if (store->statistics.lost != 0 && store->config.changed != NULL) {
		snprintf(text, sizeof(text), "%.300s: %" PRIu64 " notes were lost, the database did not take them before the end",
		    store->location, store->statistics.lost);
		store->config.changed(STORE_WARNING, text);
	}
	pthread_cond_broadcast(&store->done);
}

void *store_writer_run(void *arg)
{
	struct store *store = arg;
	struct writer_state state = { .group_max = STORE_GROUP_MAX };
	bool stop = false;

	/* open at once, so that a fault shows at start and readers find a schema */
	writer_write(store, &state, NULL, 0);
	writer_load(store, &state);
	pthread_mutex_lock(&store->lock);
	writer_account(store, &state, state.handle != NULL ? 0 : -E_SYSTEM, NULL, 0);
	while (!stop) {
		unsigned count;
		struct note *group = take_group(store, &state, &count);
		int code;

		state.stopping = store->stop;
		pthread_mutex_unlock(&store->lock);
		code = writer_write(store, &state, group, count);
		writer_load(store, &state);
		group_size(&state, code, count);
		pthread_mutex_lock(&store->lock);
		writer_account(store, &state, code, group, count);
		/* at the end a database that fails once, or takes its time, gets no second chance: what is left is lost, and counted */
		stop = store->stop && (store->first == NULL || (code != 0 && code != -E_REFUSED) || clock_monotonic_ms() >= store->stop_ms);
	}
	writer_end(store);
	pthread_mutex_unlock(&store->lock);
	store->backend->close(&state.handle);
	return NULL;
}

int store_flush(struct store *store)
{
	uint64_t target, lost;
	struct timespec deadline;
	int code = 0;

	store_deadline_in(&deadline, FLUSH_CLOSE_MS);
	pthread_mutex_lock(&store->lock);
	/* a group that is being written now is not in queued: wait for everything that was ever accepted */
	target = store->statistics.noted - store->statistics.dropped;
	lost = store->statistics.lost + store->statistics.refused;
	store->urgent = true;
	pthread_cond_signal(&store->wake);
	while (store->writer_runs && store->ended < target && code == 0)
		if (pthread_cond_timedwait(&store->done, &store->lock, &deadline) == ETIMEDOUT)
			code = -E_SYSTEM;
	store->urgent = false;
	if (store->statistics.lost + store->statistics.refused != lost)
		code = -E_SYSTEM;
	pthread_mutex_unlock(&store->lock);
	return code;
}
