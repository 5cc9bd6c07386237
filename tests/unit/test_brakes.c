/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * When a brake comes on (report/brakes.h): made-up hours, added up by hand here. What cannot be told must not be told; the store keeps
 * brakes, and a schema of before gets their table.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "pipeline/brakes.h"
#include "report/brakes.h"
#include "store_fixture.h"
#include "text_fixture.h"
#include "util/arena.h"
#include "util/error.h"

enum { HOUR = 3600, DAY = 86400 };
static const int64_t START = 1798761600;	/* midnight */

static const char wanted_mail[] = "1 s=m q=a f=dmarc-reject r=x.example a=a.example:fail";
static const char forged_mail[] = "1 s=m f=dmarc-reject r=x.example a=a.example:fail";
static const char SETTINGS[] = "mode = enforce record { path = \"/nonexistent/db\" } findings { dmarc-reject = reject }\n";

struct world {
	const struct config *config;
	struct policy_set set;
	struct brake_watch *watch;
	struct arena *arena;
};

static void world_make(struct world *world, const char *settings, int64_t first_secs, int64_t end_secs)
{
	struct brake_watch_wish wish = { .first_secs = first_secs, .end_secs = end_secs };

	world->arena = arena_new();
	world->config = text_config(arena_printf(world->arena, "%s%s", SETTINGS, settings));
	world->set = policy_set_of(world->config);
	wish.config = world->config;
	wish.set = &world->set;
	world->watch = brake_watch_new(&wish);
}

static void world_free(struct world *world)
{
	brake_watch_free(&world->watch);
	config_unref(&world->config);
	arena_free(&world->arena);
}

static struct flow_row row_of(const char *evidence)
{
	return (struct flow_row){ .author_domain = "a.example", .envelope_domain = "", .client_network = "192.0.2.0/24",
		.findings = "dmarc-reject", .results = "", .tls_grade = "", .tls_version = "", .tls_cipher = "", .policy = "default",
		.action = "none", .evidence = evidence };
}

/* So many messages in an hour, or in a day. */
static void add(struct world *world, int64_t from_secs, unsigned span_secs, uint64_t messages, const char *evidence)
{
	const struct flow_span span = { .from_secs = from_secs, .span_secs = span_secs, .messages = messages };
	const struct flow_row row = row_of(evidence);

	brake_watch_add(world->watch, &row, &span, 1);
}

static void add_hour(struct world *world, int hour, uint64_t wanted, uint64_t forged)
{
	if (wanted != 0)
		add(world, START + hour * HOUR, HOUR, wanted, wanted_mail);
	if (forged != 0)
		add(world, START + hour * HOUR, HOUR, forged, forged_mail);
}

static void check(const struct brake *brake, int64_t since_secs, int64_t until_secs, bool unsure)
{
	assert_string_equal(brake->policy, "default");
	assert_int_equal(brake->finding, FINDING_DMARC_REJECT);
	assert_int_equal(brake->since_secs, since_secs);
	assert_int_equal(brake->until_secs, until_secs);
	assert_int_equal(brake->unsure, unsure);
}

static void test_brake_comes_on_an_hour_after_its_sum(void **state)
{
	struct world world;
	const struct brakes *brakes;

	(void)state;
	world_make(&world, "brake-wanted = 5", START, START + 10 * HOUR);
	add_hour(&world, 0, 4, 100);
	add_hour(&world, 2, 1, 0);
	brakes = brake_watch_forecast(world.watch, world.arena);
	assert_int_equal(brakes->count, 1);
	check(&brakes->items[0], START + 4 * HOUR, 0, false);	/* hour 2 ends at 3 */
	world_free(&world);
	world_make(&world, "brake-wanted = 6", START, START + 10 * HOUR);
	add_hour(&world, 0, 4, 100);
	add_hour(&world, 2, 1, 0);
	assert_int_equal(brake_watch_forecast(world.watch, world.arena)->count, 0);
	world_free(&world);
}

static void test_brake_counts_within_its_window(void **state)
{
	struct world world;

	(void)state;
	world_make(&world, "brake-wanted = 6 brake-window = 3h", START, START + 10 * HOUR);
	add_hour(&world, 0, 3, 0);
	add_hour(&world, 3, 3, 0);	/* hours 1 to 3 have three */
	assert_int_equal(brake_watch_forecast(world.watch, world.arena)->count, 0);
	add_hour(&world, 1, 3, 0);
	check(&brake_watch_forecast(world.watch, world.arena)->items[0], START + 3 * HOUR, 0, false);
	world_free(&world);
}

static void test_brake_may_ask_for_a_share(void **state)
{
	struct world world;
	const struct brakes *brakes;

	(void)state;
	world_make(&world, "brake-wanted = 5 brake-percent = 20", START, START + 10 * HOUR);
	add_hour(&world, 0, 5, 21);	/* 5 of 26 */
	add_hour(&world, 1, 1, 3);	/* 6 of 30 */
	brakes = brake_watch_forecast(world.watch, world.arena);
	assert_int_equal(brakes->count, 1);
	check(&brakes->items[0], START + 3 * HOUR, 0, false);
	world_free(&world);
}

/* Nobody is braked who holds nothing back, is in dry-run, or has no brake; a ramp that has not begun holds nothing back either. */
static void test_brake_needs_something_that_is_held_back(void **state)
{
	static const char *const settings[] = { "", "brake-wanted = 1 policy \"default\" { actions { dmarc-reject = tag } }",
		"brake-wanted = 1 policy \"default\" { mode = dry-run }", "brake-wanted = 1 ramp \"dmarc-reject\" { from = 2027-06-01 }",
		"brake-wanted = 1 ramp \"dmarc-reject\" { share = 0% }" };
	struct world world;

	(void)state;
	for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++) {
		world_make(&world, settings[i], START, START + 10 * HOUR);
		add_hour(&world, 0, 50, 50);
		assert_int_equal(brake_watch_forecast(world.watch, world.arena)->count, 0);
		world_free(&world);
	}
}

struct due { unsigned count; int64_t since_secs; uint64_t held, wanted; };

static void take_due(void *arg, const struct brake_row *row)
{
	struct due *due = arg;

	*due = (struct due){ due->count + 1, row->since_secs, row->held, row->wanted };
}

/* What came in the hour before the flag day was not held back yet. */
static void test_brake_counts_from_the_flag_day_on(void **state)
{
	struct world world;
	const struct brakes *brakes;

	(void)state;
	world_make(&world, "brake-wanted = 5 ramp \"dmarc-reject\" { from = 2027-01-01T05 }", START, START + 12 * HOUR);
	add_hour(&world, 4, 9, 0);
	assert_int_equal(brake_watch_forecast(world.watch, world.arena)->count, 0);
	add_hour(&world, 5, 5, 0);
	brakes = brake_watch_forecast(world.watch, world.arena);
	assert_int_equal(brakes->count, 1);
	check(&brakes->items[0], START + 7 * HOUR, 0, false);
	world_free(&world);
}

/* The daemon counts what it held back, not what a policy in dry-run would have. */
static void test_brake_of_a_daemon_counts_what_was_enforced(void **state)
{
	struct flow_row row = row_of(wanted_mail);
	const struct flow_span span = { .from_secs = START, .span_secs = HOUR, .messages = 5 };
	struct brake_watch_wish wish = { .first_secs = START, .end_secs = START + 5 * HOUR, .only_enforced = true };
	struct due due = { 0 };
	struct world world;

	(void)state;
	world_make(&world, "brake-wanted = 5", START, START + 5 * HOUR);
	brake_watch_free(&world.watch);
	wish.config = world.config;
	wish.set = &world.set;
	world.watch = brake_watch_new(&wish);
	brake_watch_add(world.watch, &row, &span, 1);
	brake_watch_due(world.watch, take_due, &due);
	assert_int_equal(due.count, 0);
	row.enforced = true;
	brake_watch_add(world.watch, &row, &span, 1);
	brake_watch_due(world.watch, take_due, &due);
	assert_true(due.count == 1 && due.held == 5 && due.wanted == 5);
	world_free(&world);
}

static void test_lifted_brake_counts_anew(void **state)
{
	const struct brake_row lifted = { .policy = "default", .finding = "dmarc-reject", .since_secs = START + 2 * HOUR,
		.lifted_secs = START + 4 * HOUR + 60 };
	struct world world;
	const struct brakes *brakes;

	(void)state;
	world_make(&world, "brake-wanted = 5", START, START + 12 * HOUR);
	brake_watch_past(world.watch, &lifted);
	add_hour(&world, 0, 9, 0);
	add_hour(&world, 4, 9, 0);	/* in part before it was lifted */
	add_hour(&world, 5, 4, 0);
	add_hour(&world, 8, 1, 0);
	brakes = brake_watch_forecast(world.watch, world.arena);
	assert_int_equal(brakes->count, 2);
	check(&brakes->items[0], START + 2 * HOUR, START + 4 * HOUR + 60, false);
	check(&brakes->items[1], START + 10 * HOUR, 0, false);
	world_free(&world);
}

static void test_due_is_what_is_not_on_yet(void **state)
{
	struct brake_row past = { .policy = "default", .finding = "dmarc-reject", .since_secs = START };
	struct due due = { 0 };
	struct world world;

	(void)state;
	world_make(&world, "brake-wanted = 5", START, START + 5 * HOUR);
	add_hour(&world, 1, 5, 2);
	brake_watch_due(world.watch, take_due, &due);
	assert_true(due.count == 1 && due.since_secs == START + 6 * HOUR && due.held == 7 && due.wanted == 5);
	brake_watch_past(world.watch, &past);	/* it is on */
	brake_watch_due(world.watch, take_due, &due);
	assert_int_equal(due.count, 1);
	world_free(&world);
	world_make(&world, "brake-wanted = 5", START, START + 5 * HOUR);
	add_hour(&world, 1, 5, 2);
	past.lifted_secs = START + HOUR + 1;	/* within hour 1: what it had counts no more */
	brake_watch_past(world.watch, &past);
	brake_watch_due(world.watch, take_due, &due);
	assert_int_equal(due.count, 1);
	world_free(&world);
}

/* A day whose hours became one may have had them all in one hour, or none before the last: on at its end surely, in it perhaps. */
static void test_days_say_when_it_may_be_on(void **state)
{
	struct world world;
	const struct brakes *brakes;

	(void)state;
	world_make(&world, "brake-wanted = 5", START, START + 3 * DAY);
	add(&world, START + DAY, DAY, 5, wanted_mail);
	brakes = brake_watch_forecast(world.watch, world.arena);
	assert_int_equal(brakes->count, 2);
	check(&brakes->items[0], START + DAY + 2 * HOUR, START + 2 * DAY + HOUR, true);
	check(&brakes->items[1], START + 2 * DAY + HOUR, 0, false);
	world_free(&world);
	world_make(&world, "brake-wanted = 5 brake-window = 3h", START, START + 3 * DAY);
	add(&world, START + DAY, DAY, 5, wanted_mail);
	brakes = brake_watch_forecast(world.watch, world.arena);	/* never in three hours of it surely */
	assert_int_equal(brakes->count, 1);
	check(&brakes->items[0], START + DAY + 2 * HOUR, 0, true);
	world_free(&world);
}

/* What came on a day before the first hour that is looked at may be all of it. */
static void test_day_that_began_before_is_sure_of_nothing(void **state)
{
	struct world world;
	const struct brakes *brakes;

	(void)state;
	world_make(&world, "brake-wanted = 5", START + 12 * HOUR, START + 3 * DAY);
	add(&world, START, DAY, 5, wanted_mail);
	brakes = brake_watch_forecast(world.watch, world.arena);
	assert_int_equal(brakes->count, 1);
	check(&brakes->items[0], START + 14 * HOUR, 0, true);
	world_free(&world);
}

/* What is not told of a day may have come in each hour of it, in those behind the first, too. */
static void test_kinds_counted_together_may_be_of_each_hour(void **state)
{
	const struct flow_span span = { .from_secs = START, .span_secs = DAY, .messages = 1 };
	struct flow_row row = row_of(STORE_EVIDENCE_OTHER);
	const struct brakes *brakes;
	struct world world;

	(void)state;
	row.other = true;
	world_make(&world, "brake-wanted = 5 brake-window = 3h", START, START + 3 * DAY);
	brake_watch_add(world.watch, &row, &span, 1);
	add_hour(&world, 12, 4, 0);
	brakes = brake_watch_forecast(world.watch, world.arena);
	assert_int_equal(brakes->count, 1);
	check(&brakes->items[0], START + 14 * HOUR, 0, true);
	world_free(&world);
}

static void test_kinds_counted_together_may_be_any(void **state)
{
	const struct flow_span span = { .from_secs = START, .span_secs = DAY, .messages = 9 };
	struct flow_row row = row_of(STORE_EVIDENCE_OTHER);
	const struct brakes *brakes;
	struct world world;
	unsigned count = 0;

	(void)state;
	row.other = true;
	world_make(&world, "brake-wanted = 5", START, START + 3 * DAY);
	brake_watch_add(world.watch, &row, &span, 1);
	brakes = brake_watch_forecast(world.watch, world.arena);
	for (size_t i = 0; i < brakes->count; i++) {
		assert_true(brakes->items[i].unsure);
		count += brakes->items[i].finding == FINDING_DMARC_REJECT;
	}
	assert_int_equal(count, 1);
	world_free(&world);
}

/* Who vouches is known by the thirty days before, not by what came later; where some of that is counted together, perhaps. */
static void test_forwarders_are_known_by_the_days_before(void **state)
{
	static const char carried[] = "1 s=m r=x.example a=b.example:pass d=b.example,list.example";
	static const char changed[] = "1 s=m f=dmarc-reject r=x.example a=a.example:fail d=list.example";

	(void)state;
	for (int round = 0; round < 3; round++) {
		int64_t today = START + 40 * DAY, first_carried = round == 0 ? 20 : round == 1 ? 39 : 5;
		struct flow_row row = row_of(carried);
		const struct brakes *brakes;
		struct world world;

		world_make(&world, "brake-wanted = 5", today, today + 10 * HOUR);
		for (int64_t day = first_carried; day < first_carried + 16; day += 2) {
			const struct flow_span span = { .from_secs = START + day * DAY, .span_secs = DAY, .messages = 1 };

			brake_watch_learn(world.watch, &row, &span, 1);
		}
		add(&world, today, HOUR, 5, changed);
		brakes = brake_watch_forecast(world.watch, world.arena);
		assert_int_equal(brakes->count, round == 0);
		row.other = true;
		brake_watch_learn(world.watch, &row, &(struct flow_span){ .from_secs = today - DAY, .span_secs = DAY, .messages = 1 }, 1);
		brakes = brake_watch_forecast(world.watch, world.arena);
		assert_true(brakes->count == 1 && brakes->items[0].unsure == (round != 0));
		world_free(&world);
	}
}

/* ---- the record -------------------------------------------------------------------------------------------------- */

struct seen { unsigned count; struct brake_row last; char text[64]; };

static void see(void *arg, const struct brake_row *row)
{
	struct seen *seen = arg;

	if (row == NULL)
		return;
	seen->count++;
	seen->last = *row;
	snprintf(seen->text, sizeof(seen->text), "%s %s", row->policy, row->finding);
}

static int place_setup(void **state)
{
	return place_make(state, START);
}

static int place_setup_postgresql(void **state)
{
	return place_make_postgresql(state, START);
}

static struct store *opened(struct place *place)
{
	struct store *store = place_store(place);

	while (store_is_opening(store))
		usleep(1000);
	return store;
}

static void test_store_keeps_brakes(void **state)
{
	struct place *place = *state;
	struct brake_row row = { .policy = "gold", .finding = "spf-fail", .since_secs = 7200, .held = 9, .wanted = 5 };
	struct seen seen = { 0 };
	struct store *store = opened(place);

	assert_int_equal(store_brake_lift(store, "gold", "spf-fail", 1), -E_ABSENT);
	assert_int_equal(store_brake_set(store, &row), 0);
	row.since_secs = 9000;		/* one is on: it stays */
	assert_int_equal(store_brake_set(store, &row), 0);
	store_close(&place->store);

	store = opened(place);
	assert_int_equal(store_brakes_each(store, see, &seen), 0);
	assert_true(seen.count == 1 && seen.last.since_secs == 7200 && seen.last.held == 9 && seen.last.wanted == 5 &&
	    seen.last.lifted_secs == 0);
	assert_string_equal(seen.text, "gold spf-fail");
	assert_int_equal(store_brake_lift(store, "gold", "spf-pass", 8000), -E_ABSENT);
	assert_int_equal(store_brake_lift(store, "gold", "spf-fail", 8000), 0);
	assert_int_equal(store_brake_lift(store, "gold", "spf-fail", 8100), -E_ABSENT);
	assert_int_equal(store_brake_set(store, &row), 0);
	seen.count = 0;
	assert_int_equal(store_brakes_each(store, see, &seen), 0);
	assert_true(seen.count == 2 && seen.last.since_secs == 9000 && seen.last.lifted_secs == 0);
}

/* Of the time of flows that may still be asked what policies make of them all brakes are known; those before go, those that are on never. */
static void test_lifted_brakes_go_with_the_flows_of_their_time(void **state)
{
	enum { KEEP = 10 };
	const struct brake_row rows[] = {
		{ .policy = "a", .finding = "spf-fail", .since_secs = START - 90 * DAY, .lifted_secs = START - 80 * DAY },
		{ .policy = "a", .finding = "spf-fail", .since_secs = START - 70 * DAY, .lifted_secs = START - (KEEP + 1) * DAY },
		/* of a day that ended less than ten days ago flows are kept, from its beginning on */
		{ .policy = "a", .finding = "spf-fail", .since_secs = START - 60 * DAY, .lifted_secs = START - (KEEP + 1) * DAY + 1 },
		{ .policy = "a", .finding = "spf-pass", .since_secs = START - 90 * DAY },
		{ .policy = "b", .finding = "spf-fail", .since_secs = START - 3 * DAY, .lifted_secs = START - 2 * DAY },
	};
	const struct backend_expiry expiry = { .flows_secs = START - KEEP * DAY };
	struct place *place = *state;
	struct backend_expired expired = { .more = true };
	struct seen seen = { 0 };

	place->handle = place->backend->open(place->path, BACKEND_MAKE, 1000, place->why, sizeof(place->why));
	assert_non_null(place->handle);
	assert_int_equal(place->backend->begin(place->handle), 0);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(place->backend->brake_put(place->handle, &rows[i]), 0);
	assert_int_equal(place->backend->commit(place->handle), 0);
	for (int step = 0; step < 4 && expired.more; step++)
		assert_int_equal(place->backend->expire(place->handle, &expiry, 1, &expired), 0);
	assert_int_equal(place->backend->brakes_each(place->handle, see, &seen), 0);
	assert_int_equal(seen.count, 3);
	assert_int_equal(place_number(place, "SELECT count(*) FROM brake WHERE since<=1798761600-70*86400 AND lifted<>0"), 0);
}

static void test_memory_of_brakes(void **state)
{
	const struct brake_row rows[] = { { .policy = "p", .finding = "spf-fail", .since_secs = 1 },
		{ .policy = "p", .finding = "of-another-version", .since_secs = 1 }, { .policy = "q", .finding = "spf-fail", .since_secs = 2,
		.lifted_secs = 9 } };
	struct brake_memory *memory = brake_memory_new();
	struct arena *arena = arena_new();
	const struct brakes *brakes = brake_memory_copy(memory, arena);

	(void)state;
	assert_true(brakes != NULL && brakes->unknown && !brake_memory_is_known(memory));
	for (size_t i = 0; i < 3; i++)
		brake_memory_load(memory, &rows[i]);
	assert_true(brake_memory_copy(memory, arena)->unknown);	/* not all of them yet */
	brake_memory_load(memory, NULL);
	brakes = brake_memory_copy(memory, arena);
	assert_true(!brakes->unknown && brakes->count == 2 && brake_memory_is_known(memory));
	assert_true(brakes->items[0].finding == FINDING_SPF_FAIL && brakes->items[1].until_secs == 9);
	brake_memory_set(memory, rows, 1);
	assert_int_equal(brake_memory_copy(memory, arena)->count, 1);
	brake_memory_set(memory, NULL, 0);
	assert_null(brake_memory_copy(memory, arena));
	assert_string_equal(brakes->items[0].policy, "p");	/* a message's copy is its own */
	brake_memory_free(&memory);
	arena_free(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_brake_comes_on_an_hour_after_its_sum),
		cmocka_unit_test(test_brake_counts_within_its_window),
		cmocka_unit_test(test_brake_may_ask_for_a_share),
		cmocka_unit_test(test_brake_needs_something_that_is_held_back),
		cmocka_unit_test(test_brake_counts_from_the_flag_day_on),
		cmocka_unit_test(test_brake_of_a_daemon_counts_what_was_enforced),
		cmocka_unit_test(test_lifted_brake_counts_anew),
		cmocka_unit_test(test_due_is_what_is_not_on_yet),
		cmocka_unit_test(test_days_say_when_it_may_be_on),
		cmocka_unit_test(test_day_that_began_before_is_sure_of_nothing),
		cmocka_unit_test(test_kinds_counted_together_may_be_of_each_hour),
		cmocka_unit_test(test_kinds_counted_together_may_be_any),
		cmocka_unit_test(test_forwarders_are_known_by_the_days_before),
		PLACE_TESTS(test_store_keeps_brakes, place_setup),
		PLACE_TESTS(test_lifted_brakes_go_with_the_flows_of_their_time, place_setup),
		cmocka_unit_test(test_memory_of_brakes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
