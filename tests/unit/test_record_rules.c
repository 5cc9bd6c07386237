/* SPDX-License-Identifier: BSD-2-Clause */
/* record: the pure rules, of a peer's habit of TLS and of greylisting. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "record/greylist.h"
#include "record/peer.h"

enum { DAY = 86400, START = 1700000000 };

static const struct peer_rules rules = { .min_sessions = 10, .min_days = 3, .min_share_percent = 95, .settle_days = 14 };

/* ---- habit rules --------------------------------------------------------------------------------- */

static void sessions(struct peer_memory *memory, unsigned grade, unsigned count, int64_t from_secs, int64_t step_secs)
{
	for (unsigned i = 0; i < count; i++) {
		struct peer_note note = { .peer = "p", .grade = grade, .time_secs = from_secs + i * step_secs };

		note.downgraded = peer_is_downgrade(memory, grade, &rules);
		peer_memory_update(memory, &note, &rules);
	}
}

static void test_peer_habit_needs_sessions_and_days(void **state)
{
	struct peer_memory busy_day = { 0 }, few = { 0 }, habit = { 0 };

	(void)state;
	sessions(&busy_day, 3, 1000, START - START % DAY, 60);
	assert_int_equal(busy_day.tls_days, 1);
	assert_false(peer_has_tls_habit(&busy_day, &rules));
	sessions(&few, 3, 9, START, DAY);
	assert_false(peer_has_tls_habit(&few, &rules));
	sessions(&habit, 3, 10, START, DAY);
	assert_true(peer_has_tls_habit(&habit, &rules));
	assert_int_equal(habit.sessions, 10);
	assert_int_equal(habit.days, 10);
}

/* Two hosts whose clocks differ by seconds, around one midnight; and a clock that was years wrong. */
static void test_peer_midnight_of_two_clocks_is_one_day(void **state)
{
	const int64_t midnight = START - START % DAY;
	struct peer_memory memory = { 0 };

	(void)state;
	for (unsigned i = 0; i < 20; i++) {
		sessions(&memory, 3, 1, midnight - 1, 0);
		sessions(&memory, 3, 1, midnight + 1, 0);
	}
	assert_int_equal(memory.days, 2);
	assert_int_equal(memory.tls_days, 2);
	assert_int_equal(memory.last_secs, midnight + 1);
	assert_int_equal(memory.sessions, 40);
	assert_false(peer_has_tls_habit(&memory, &rules));
	sessions(&memory, 3, 1, midnight + 4000 * (int64_t)DAY, 0);
	sessions(&memory, 3, 1, midnight + 2, 0);
	assert_int_equal(memory.last_secs, midnight + 2);
	sessions(&memory, 3, 1, midnight + DAY, 0);
	assert_int_equal(memory.last_tls_secs, midnight + DAY);
	assert_int_equal(memory.tls_days, 5);
}

static void test_peer_habit_needs_share(void **state)
{
	struct peer_memory mixed = { 0 };

	(void)state;
	sessions(&mixed, 0, 2, START, DAY);	/* before there is a habit */
	sessions(&mixed, 3, 37, START + 2 * DAY, DAY);	/* 37 of 39: 94.9 % */
	assert_false(peer_has_tls_habit(&mixed, &rules));
	sessions(&mixed, 3, 1, START + 40 * DAY, DAY);	/* 38 of 40: 95 % */
	assert_true(peer_has_tls_habit(&mixed, &rules));
}

static void test_peer_is_downgrade_by_grade(void **state)
{
	struct peer_memory strong = { 0 }, weak = { 0 }, pinned = { .pinned = true };

	(void)state;
	sessions(&strong, 3, 20, START, DAY);
	assert_true(peer_is_downgrade(&strong, 0, &rules));
	assert_true(peer_is_downgrade(&strong, 1, &rules));
	assert_false(peer_is_downgrade(&strong, 2, &rules));
	sessions(&weak, 1, 20, START, DAY);
	assert_true(peer_is_downgrade(&weak, 0, &rules));
	assert_false(peer_is_downgrade(&weak, 1, &rules));
	assert_true(peer_is_downgrade(&pinned, 0, &rules));
	assert_false(peer_is_downgrade(&pinned, 1, &rules));
}

static void test_peer_usual_grade_is_what_nearly_all_reach(void **state)
{
	struct peer_memory mixed = { 0 };

	(void)state;
	sessions(&mixed, 3, 50, START, 3600);
	sessions(&mixed, 2, 50, START, 3600);
	assert_int_equal(peer_usual_grade(&mixed, &rules), 2);
}

static void test_peer_change_settles_after_configured_days(void **state)
{
	struct peer_memory peer = { 0 };

	(void)state;
	sessions(&peer, 3, 20, START, DAY);
	sessions(&peer, 0, 13, START + 30 * DAY, DAY);	/* days 30 … 42 */
	assert_true(peer_has_tls_habit(&peer, &rules));
	assert_int_equal(peer.changed_sessions, 13);
	assert_int_equal(peer.changed_secs, START + 30 * DAY);
	sessions(&peer, 0, 2, START + 43 * DAY, DAY);	/* day 44 is 14 days after the change */
	assert_false(peer_has_tls_habit(&peer, &rules));
	assert_int_equal(peer.settled_secs, START + 44 * DAY);
	assert_false(peer_is_downgrade(&peer, 0, &rules));
}

static void test_peer_one_tls_session_ends_the_change(void **state)
{
	struct peer_memory peer = { 0 };

	(void)state;
	sessions(&peer, 3, 20, START, DAY);
	sessions(&peer, 0, 10, START + 30 * DAY, DAY);
	sessions(&peer, 3, 1, START + 41 * DAY, DAY);
	assert_int_equal(peer.changed_secs, 0);
	sessions(&peer, 0, 10, START + 42 * DAY, DAY);
	assert_true(peer_has_tls_habit(&peer, &rules));
	assert_true(peer_is_downgrade(&peer, 0, &rules));
}

static void test_peer_days_count_every_day_once(void **state)
{
	struct peer_memory peer = { 0 };
	int64_t midnight = START - START % DAY;

	(void)state;
	sessions(&peer, 3, 20, midnight, DAY / 2);	/* ten days */
	assert_int_equal(peer.days, 10);
	sessions(&peer, 0, 1, midnight + 20 * DAY, 1);	/* a downgrade, and TLS later that day */
	sessions(&peer, 3, 1, midnight + 20 * DAY + 3600, 1);
	assert_int_equal(peer.days, 11);
	assert_int_equal(peer.tls_days, 11);
}

/* ---- greylist rules ------------------------------------------------------------------------------ */

static const struct greylist_rules grey = { .delay_secs = 300, .window_secs = 2 * DAY };

static void test_greylist_judge_waits_then_passes(void **state)
{
	struct greylist_entry entry = { .first_secs = START, .last_secs = START, .tries = 1 };
	struct greylist_try try = { .time_secs = START };
	unsigned wait;

	(void)state;
	assert_int_equal(greylist_judge(NULL, &try, &grey, &wait), GREYLIST_WAIT);
	assert_int_equal(wait, 300);
	try.time_secs = START + 299;
	assert_int_equal(greylist_judge(&entry, &try, &grey, &wait), GREYLIST_WAIT);
	assert_int_equal(wait, 1);
	try.time_secs = START + 300;
	assert_int_equal(greylist_judge(&entry, &try, &grey, &wait), GREYLIST_PASS);
	try.time_secs = START + 2 * DAY + 1;	/* too late: the first try is forgotten */
	assert_int_equal(greylist_judge(&entry, &try, &grey, &wait), GREYLIST_WAIT);
	entry.passed_secs = START + 400;	/* once passed, always passed (until the store forgets it) */
	assert_int_equal(greylist_judge(&entry, &try, &grey, &wait), GREYLIST_PASS);
}

static void test_greylist_judge_evidence_passes_at_once(void **state)
{
	struct greylist_entry entry = { .first_secs = START, .last_secs = START, .tries = 1 };
	struct greylist_try tls = { .time_secs = START + 1, .tls = true }, aligned = { .time_secs = START, .aligned = true };
	unsigned wait;

	(void)state;
	assert_int_equal(greylist_judge(NULL, &tls, &grey, &wait), GREYLIST_WAIT);
	assert_int_equal(greylist_judge(&entry, &tls, &grey, &wait), GREYLIST_PASS);
	assert_int_equal(greylist_judge(NULL, &aligned, &grey, &wait), GREYLIST_PASS);
}

static void test_greylist_judge_clock_going_back(void **state)
{
	struct greylist_entry entry = { .first_secs = START, .last_secs = START, .tries = 1 };
	struct greylist_try try = { .time_secs = START - 1000 };
	unsigned wait;

	(void)state;
	assert_int_equal(greylist_judge(&entry, &try, &grey, &wait), GREYLIST_WAIT);
	assert_int_equal(wait, 300);
}

static void test_greylist_update_starts_anew_after_window(void **state)
{
	struct greylist_entry entry = { 0 };

	(void)state;
	greylist_update(&entry, START, false, 2 * DAY);
	greylist_update(&entry, START + 60, false, 2 * DAY);
	assert_int_equal(entry.tries, 2);
	greylist_update(&entry, START + 3 * DAY, false, 2 * DAY);
	assert_int_equal(entry.first_secs, START + 3 * DAY);
	assert_int_equal(entry.tries, 1);
}

static void test_greylist_key_is_lower_case(void **state)
{
	struct arena *arena = arena_new();

	(void)state;
	assert_string_equal(greylist_key(arena, "192.0.2.0/24", "", "Bob@Example.ORG"), "192.0.2.0/24 <> bob@example.org");
	arena_free(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_peer_habit_needs_sessions_and_days),
		cmocka_unit_test(test_peer_midnight_of_two_clocks_is_one_day),
		cmocka_unit_test(test_peer_habit_needs_share),
		cmocka_unit_test(test_peer_is_downgrade_by_grade),
		cmocka_unit_test(test_peer_usual_grade_is_what_nearly_all_reach),
		cmocka_unit_test(test_peer_change_settles_after_configured_days),
		cmocka_unit_test(test_peer_one_tls_session_ends_the_change),
		cmocka_unit_test(test_peer_days_count_every_day_once),
		cmocka_unit_test(test_greylist_judge_waits_then_passes),
		cmocka_unit_test(test_greylist_judge_evidence_passes_at_once),
		cmocka_unit_test(test_greylist_judge_clock_going_back),
		cmocka_unit_test(test_greylist_update_starts_anew_after_window),
		cmocka_unit_test(test_greylist_key_is_lower_case),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
