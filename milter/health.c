/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * See health.h. The words stand in one table: what it means for mail, what was counted, what to do.
 * The lock is never held while the log is written: a log that blocks must not stop who counts.
 */
#include "health.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "util/clock.h"
#include "util/log.h"

enum {
	QUIET_MS = 10000,
	QUIET_MAX_MS = 640000,
	FORGET_MS = 3600000,		/* an outage that comes later than this after the last one is a new story */
	LINE_BYTES = 1200,
};

static const struct condition_row {
	const char *word, *name, *effect, *counted, *again;
	bool ends_when_quiet;
} rows[HEALTH_CONDITIONS] = {
	[HEALTH_SESSIONS] = { "sessions", "sessions", "further ones get a temporary failure", "sessions were put off", "there is room again", true },
	[HEALTH_THREADS] = { "threads", "threads", "sessions wait for one", "sessions waited", "they can be made again", true },
	[HEALTH_MEMORY] = { "memory", "memory", "new messages get a temporary failure", "sessions or messages were put off",
	    "there is enough again", true },
	[HEALTH_STORE] = { "store", "store", "mail is judged without memory, what is to be remembered waits",
	    "messages were judged without memory", "up again", false },
	[HEALTH_RESOLVER] = { "resolver", "resolver", "messages cannot be judged by what needs DNS", "messages could not be judged",
	    "it answers again", false },
	[HEALTH_DNS_SERVER] = { "dns-server", "resolver", "another server is asked", "messages could not be judged", "all servers answer again", false },
	[HEALTH_PRESSURE] = { "dns-pressure", "resolver under pressure", "some messages cannot be judged by what needs DNS", "messages could not be judged",
	    "no more", true },
};

static struct {
	pthread_mutex_t lock;
	struct health_state states[HEALTH_CONDITIONS];
	char details[HEALTH_CONDITIONS][sizeof(((struct health_report *)0)->detail)];
} health = { .lock = PTHREAD_MUTEX_INITIALIZER };

/* ---- pure ---------------------------------------------------------------------------------------- */

static enum health_event end(struct health_state *state, struct health_time now)
{
	state->failing = false;
	state->over_ms = now.monotonic_ms;
	return HEALTH_ENDED;
}

enum health_event health_step(struct health_state *state, bool ok, struct health_time now)
{
	if (ok)
		return state->failing ? end(state, now) : HEALTH_NOTHING_NEW;
	state->noted_ms = now.monotonic_ms;
	if (state->failing)
		return HEALTH_NOTHING_NEW;
	if (state->over_ms == 0 || now.monotonic_ms - state->over_ms > FORGET_MS)
		state->quiet_ms = QUIET_MS;
	else if (state->quiet_ms < QUIET_MAX_MS)
		state->quiet_ms *= 2;
	state->failing = true;
	state->since_secs = now.wall_secs;
	state->affected = 0;
	return HEALTH_BEGAN;
}

enum health_event health_quiet(struct health_state *state, struct health_time now)
{
	if (!state->failing || now.monotonic_ms - state->noted_ms < state->quiet_ms)
		return HEALTH_NOTHING_NEW;
	return end(state, now);
}

void health_text(enum health_condition condition, enum health_event event, const struct health_state *state,
    struct health_time now, const char *detail, char *text_r, size_t text_bytes)
{
	const struct condition_row *row = &rows[condition];
	int64_t lasted_secs = now.wall_secs - state->since_secs;
	char since_text[32];

	if (event == HEALTH_BEGAN) {
		snprintf(text_r, text_bytes, "%s: %s%s%s", row->name, detail != NULL ? detail : "", detail != NULL ? "; " : "", row->effect);
		return;
	}
	snprintf(text_r, text_bytes, "%s: %s%s%s; since %s, %" PRId64 " s long, %" PRIu64 " %s", row->name, detail != NULL ? detail : "",
	    detail != NULL ? ": " : "", row->again,
	    clock_text(since_text, sizeof(since_text), CLOCK_ISO_SECOND, state->since_secs), lasted_secs > 0 ? lasted_secs : 0, state->affected, row->counted);
}

/* ---- the table ------------------------------------------------------------------------------------ */

static struct health_time time_now(void)
{
	return (struct health_time){ .wall_secs = clock_wall_secs(NULL), .monotonic_ms = clock_monotonic_ms() };
}

static void tell(enum health_condition condition, enum health_event event, const struct health_state *state,
    struct health_time now, const char *detail)
{
	char text[LINE_BYTES];

	if (event == HEALTH_NOTHING_NEW)
		return;
	health_text(condition, event, state, now, detail, text, sizeof(text));
	log_warning("%s", text);
}

enum health_event health_note(enum health_condition condition, bool ok, const char *detail)
{
	struct health_time now = time_now();
	struct health_state state;
	enum health_event event;

	pthread_mutex_lock(&health.lock);
	event = health_step(&health.states[condition], ok, now);
	if (event == HEALTH_BEGAN || (!ok && detail != NULL))
		snprintf(health.details[condition], sizeof(health.details[condition]), "%s", detail != NULL ? detail : "");
	state = health.states[condition];
	pthread_mutex_unlock(&health.lock);
	tell(condition, event, &state, now, detail);
	return event;
}

void health_affected(enum health_condition condition, uint64_t count)
{
	pthread_mutex_lock(&health.lock);
	if (health.states[condition].failing)
		health.states[condition].affected += count;
	pthread_mutex_unlock(&health.lock);
}

void health_look(void)
{
	struct health_time now = time_now();

	for (enum health_condition condition = 0; condition < HEALTH_CONDITIONS; condition++) {
		struct health_state state;
		enum health_event event = HEALTH_NOTHING_NEW;

		pthread_mutex_lock(&health.lock);
		if (rows[condition].ends_when_quiet)
			event = health_quiet(&health.states[condition], now);
		state = health.states[condition];
		pthread_mutex_unlock(&health.lock);
		tell(condition, event, &state, now, NULL);
	}
}

const char *health_word(enum health_condition condition)
{
	return rows[condition].word;
}

size_t health_failing(struct health_report reports_r[HEALTH_CONDITIONS])
{
	size_t count = 0;

	pthread_mutex_lock(&health.lock);
	for (enum health_condition condition = 0; condition < HEALTH_CONDITIONS; condition++) {
		if (!health.states[condition].failing)
			continue;
		reports_r[count] = (struct health_report){ .condition = condition, .name = rows[condition].name, .state = health.states[condition] };
		memcpy(reports_r[count++].detail, health.details[condition], sizeof(health.details[condition]));
	}
	pthread_mutex_unlock(&health.lock);
	return count;
}
