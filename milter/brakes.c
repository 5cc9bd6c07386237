/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Brakes in the daemon: reads every few seconds from the record which are on, and once in each hour does the sum of the hours that have
 * ended (report/brakes.h). It is done late in the hour, so that messages that took long are noted, and what it comes to holds from the
 * next hour on. A record that cannot be read changes nothing: what was known holds, the sum is tried again, and a brake that could not
 * be kept is on here all the same, and is tried to be kept again.
 * Trusts the record's names for nothing but the log, into which they are cleaned. Thread: one of its own; brakes_on() is anybody's.
 */
#include <inttypes.h>
#include <stdatomic.h>
#include <string.h>

#include "assayd.h"
#include "report/brakes.h"
#include "util/arena.h"
#include "util/clean.h"
#include "util/clock.h"
#include "util/error.h"
#include "util/log.h"

enum { TICK_SECS = 5, HOUR_SECS = 3600, SUM_AFTER_SECS = 40 * 60, BACK_SECS = 24 * HOUR_SECS, STOP_SECS = 5, NAME_SHOWN_MAX = 80,
	REST = 10, REST_MAX_MS = 600000 };	/* so many times as long as a sum took none is done: one that failed, or a reload, wants it again at once */

/* Rows, with their names in an arena. */
struct rows { struct arena *arena; struct brake_row *items; size_t count, room; };

static struct {
	pthread_mutex_t lock;		/* of a look; of all below but for the counts */
	bool stopped;
	struct rows told;		/* those that were on when it was looked last */
	struct rows pending;		/* due, and not kept yet */
	int64_t summed_hour;		/* the last one whose sum was done */
	unsigned generation;		/* of the configuration then */
	int64_t rest_until_ms;		/* by the steady clock */
	_Atomic unsigned on;
} state = { .lock = PTHREAD_MUTEX_INITIALIZER };

static void rows_add(void *arg, const struct brake_row *row)
{
	struct rows *rows = arg;

	if (rows->arena == NULL)
		rows->arena = arena_new();
	rows->items = arena_grow(rows->arena, rows->items, rows->count, &rows->room, sizeof(*rows->items));
	rows->items[rows->count] = *row;
	rows->items[rows->count].policy = arena_strdup(rows->arena, row->policy);
	rows->items[rows->count++].finding = arena_strdup(rows->arena, row->finding);
}

static void rows_free(struct rows *rows)
{
	if (rows->arena != NULL)
		arena_free(&rows->arena);
	*rows = (struct rows){ NULL, NULL, 0, 0 };
}

static bool is_same(const struct brake_row *a, const struct brake_row *b)
{
	return strcmp(a->policy, b->policy) == 0 && strcmp(a->finding, b->finding) == 0;
}

/* One that is on, of the same policy and finding. */
static const struct brake_row *find_on(const struct rows *rows, const struct brake_row *row)
{
	for (size_t i = 0; i < rows->count; i++)
		if (rows->items[i].lifted_secs == 0 && is_same(&rows->items[i], row))
			return &rows->items[i];
	return NULL;
}

static const char *time_text(int64_t secs, char text[32])
{
	return clock_text(text, 32, CLOCK_ISO_MINUTE, secs);
}

static void tell_on(const struct brake_row *row, int64_t now_secs)
{
	struct arena *arena = arena_new();
	const char *policy = clean_word(arena, row->policy, NAME_SHOWN_MAX), *finding = clean_word(arena, row->finding, NAME_SHOWN_MAX);
	bool begins = row->since_secs > now_secs;
	char since[32];

	log_warning("brake: policy %s %s for %s %s %s%s: of %" PRIu64 " messages that it would have held back %" PRIu64
	    " look wanted; see whose they are (assay report, assay whatif), mend what is wrong, then: assay brakes --lift %s %s",
	    policy, begins ? "will only tag" : "only tags", finding, begins ? "from" : "since", time_text(row->since_secs, since),
	    begins ? " on" : "", row->held, row->wanted, policy, finding);
	arena_free(&arena);
}

static void tell_lifted(const struct brake_row *row)
{
	struct arena *arena = arena_new();

	log_notice("brake: policy %s enforces %s again: the brake was lifted", clean_word(arena, row->policy, NAME_SHOWN_MAX),
	    clean_word(arena, row->finding, NAME_SHOWN_MAX));
	arena_free(&arena);
}

/* Tells what is new. The rows become those that were told. */
static void tell(struct rows *rows, int64_t now_secs)
{
	unsigned on = 0;

	for (size_t i = 0; i < rows->count; i++) {
		if (rows->items[i].lifted_secs != 0)
			continue;
		on++;
		if (find_on(&state.told, &rows->items[i]) == NULL)
			tell_on(&rows->items[i], now_secs);
	}
	for (size_t i = 0; i < state.told.count; i++)
		if (state.told.items[i].lifted_secs == 0 && find_on(rows, &state.told.items[i]) == NULL)
			tell_lifted(&state.told.items[i]);
	atomic_store(&state.on, on);
	rows_free(&state.told);
	state.told = *rows;
	*rows = (struct rows){ NULL, NULL, 0, 0 };
}

unsigned brakes_on(void)
{
	return atomic_load(&state.on);
}

/* What was due and could not be kept; one that cannot be kept now stays. */
static void keep_pending(struct store *store)
{
	struct rows left = { NULL, NULL, 0, 0 };

	for (size_t i = 0; i < state.pending.count; i++)
		if (store_brake_set(store, &state.pending.items[i]) != 0)
			rows_add(&left, &state.pending.items[i]);
	rows_free(&state.pending);
	state.pending = left;
}

/* @return whether the record could be read. */
static bool read_on(struct engine *engine, struct store *store, int64_t now_secs)
{
	struct rows rows = { NULL, NULL, 0, 0 };

	keep_pending(store);
	if (store_brakes_each(store, rows_add, &rows) != 0) {
		rows_free(&rows);
		for (size_t i = 0; i < state.told.count; i++)
			rows_add(&rows, &state.told.items[i]);
		/* before it could be read once nobody knows which are on */
		if (state.pending.count == 0 || !engine_knows_brakes(engine)) {
			rows_free(&rows);
			return false;
		}
	}
	for (size_t i = 0; i < state.pending.count; i++)
		if (find_on(&rows, &state.pending.items[i]) == NULL)
			rows_add(&rows, &state.pending.items[i]);
	engine_set_brakes(engine, rows.items, rows.count);
	tell(&rows, now_secs);
	return true;
}

static unsigned longest_window(const struct policy_set *set)
{
	unsigned longest_secs = 0;

	for (size_t i = 0; i < set->count; i++)
		if (set->policies[i].brake.wanted != 0 && set->policies[i].brake.window_secs > longest_secs)
			longest_secs = set->policies[i].brake.window_secs;
	return longest_secs;
}

/* The sum of the hours until this one; of those before, too, for nobody may have done theirs. */
static void sum(const struct config *config, const struct policy_set *set, struct store *store, int64_t now_secs)
{
	int64_t hour_secs = now_secs - now_secs % HOUR_SECS;
	const struct brake_watch_wish wish = { .config = config, .set = set, .only_enforced = true, .end_secs = hour_secs,
		.first_secs = hour_secs - (int64_t)longest_window(set) - BACK_SECS };
	int64_t begun_ms = clock_monotonic_ms(), rest_ms;
	struct brake_watch *watch;

	if (store_flush(store) != 0)
		return;
	watch = brake_watch_new(&wish);
	if (brake_watch_read(watch, store) == 0) {
		brake_watch_due(watch, rows_add, &state.pending);
		state.summed_hour = hour_secs;
		state.generation = config->generation;
	}
	brake_watch_free(&watch);
	rest_ms = (clock_monotonic_ms() - begun_ms) * REST;
	state.rest_until_ms = clock_monotonic_ms() + (rest_ms < REST_MAX_MS ? rest_ms : REST_MAX_MS);
}

static void look(struct engine *engine)
{
	const struct config *config = engine_config(engine);
	const struct policy_set set = policy_set_of(config);
	struct store *store = engine_store(engine);
	int64_t now_secs = clock_wall_secs(config->dns.clock);
	bool is_time = now_secs % HOUR_SECS >= SUM_AFTER_SECS;

	if (store == NULL || longest_window(&set) == 0) {
		atomic_store(&state.on, 0);	/* none that a policy would obey */
		return;
	}
	if (!read_on(engine, store, now_secs) || !is_time || !brake_watch_is_needed(&set))
		return;
	if (state.summed_hour == now_secs - now_secs % HOUR_SECS && state.generation == config->generation)
		return;
	if (clock_monotonic_ms() < state.rest_until_ms)
		return;
	sum(config, &set, store, now_secs);
	if (state.pending.count != 0)
		(void)read_on(engine, store, now_secs);
}

static void *brakes_run(void *unused)
{
	const struct timespec interval = { .tv_sec = TICK_SECS };

	(void)unused;
	for (;;) {
		struct engine *engine = NULL;

		pthread_mutex_lock(&state.lock);
		if (!state.stopped)
			engine = state_get_engine();
		if (engine != NULL)
			look(engine);
		engine_unref(&engine);
		pthread_mutex_unlock(&state.lock);
		nanosleep(&interval, NULL);
	}
	return NULL;
}

int brakes_start(void)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, brakes_run, NULL) != 0)
		return -E_SYSTEM;
	pthread_detach(thread);
	return 0;
}

bool brakes_stop(void)
{
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += STOP_SECS;
	if (pthread_mutex_timedlock(&state.lock, &until) != 0)
		return false;
	state.stopped = true;
	pthread_mutex_unlock(&state.lock);
	return true;
}
