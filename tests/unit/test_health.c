/* SPDX-License-Identifier: BSD-2-Clause */
/* Outages told once when they begin and once when they end; descriptors shared out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "descriptors.h"
#include "health.h"

static struct health_time at(int64_t secs)
{
	return (struct health_time){ .wall_secs = 1700000000 + secs, .monotonic_ms = 5000 + secs * 1000 };
}

static void test_health_step_tells_beginning_and_end_once(void **state)
{
	struct health_state resolver = { 0 };

	(void)state;
	assert_int_equal(health_step(&resolver, true, at(0)), HEALTH_NOTHING_NEW);
	assert_int_equal(health_step(&resolver, false, at(1)), HEALTH_BEGAN);
	for (int i = 2; i < 100; i++)
		assert_int_equal(health_step(&resolver, false, at(i)), HEALTH_NOTHING_NEW);
	assert_int_equal(resolver.since_secs, 1700000001);
	assert_int_equal(health_step(&resolver, true, at(100)), HEALTH_ENDED);
	assert_int_equal(health_step(&resolver, true, at(101)), HEALTH_NOTHING_NEW);
}

static void test_health_quiet_ends_only_after_a_while_without_faults(void **state)
{
	struct health_state sessions = { 0 };

	(void)state;
	assert_int_equal(health_quiet(&sessions, at(0)), HEALTH_NOTHING_NEW);
	health_step(&sessions, false, at(0));
	health_step(&sessions, false, at(8));
	assert_int_equal(health_quiet(&sessions, at(17)), HEALTH_NOTHING_NEW);
	assert_int_equal(health_quiet(&sessions, at(18)), HEALTH_ENDED);
	assert_int_equal(health_quiet(&sessions, at(19)), HEALTH_NOTHING_NEW);
}

/* What comes and goes all day is not told each time: some lines an hour. */
static void test_health_quiet_grows_with_what_comes_back(void **state)
{
	struct health_state sessions = { 0 };
	int told = 0;

	(void)state;
	for (int i = 0; i < 86400; i++) {
		if (i % 15 == 0)
			told += health_step(&sessions, false, at(i)) == HEALTH_BEGAN;
		told += health_quiet(&sessions, at(i)) == HEALTH_ENDED;
	}
	assert_true(told < 100);
}

static void test_health_step_forgets_old_outages(void **state)
{
	struct health_state sessions = { 0 };

	(void)state;
	for (int i = 0; i < 4; i++) {
		health_step(&sessions, false, at(i * 1000));
		assert_int_equal(health_quiet(&sessions, at(i * 1000 + 900)), HEALTH_ENDED);
	}
	assert_true(sessions.quiet_ms > 60000);
	health_step(&sessions, false, at(100000));
	assert_int_equal(health_quiet(&sessions, at(100010)), HEALTH_ENDED);
}

static void test_health_text_says_since_when_and_how_many(void **state)
{
	struct health_state store = { .since_secs = 1700000000, .affected = 42 };
	char text[400];

	(void)state;
	health_text(HEALTH_STORE, HEALTH_BEGAN, &store, at(0), "/x/assay.db: disk full", text, sizeof(text));
	assert_non_null(strstr(text, "store: /x/assay.db: disk full; "));
	health_text(HEALTH_STORE, HEALTH_ENDED, &store, at(95), "/x/assay.db", text, sizeof(text));
	assert_non_null(strstr(text, "since 2023-11-14T22:13:20Z, 95 s long, 42 messages "));
}

static void test_health_failing_lists_what_fails(void **state)
{
	struct health_report reports[HEALTH_CONDITIONS];

	(void)state;
	health_affected(HEALTH_THREADS, 7);	/* nothing fails: nothing is counted */
	assert_int_equal(health_failing(reports), 0);
	assert_int_equal(health_note(HEALTH_THREADS, false, "no thread"), HEALTH_BEGAN);
	assert_int_equal(health_note(HEALTH_THREADS, false, "another text"), HEALTH_NOTHING_NEW);
	health_affected(HEALTH_THREADS, 2);
	assert_int_equal(health_failing(reports), 1);
	assert_string_equal(reports[0].name, "threads");
	assert_string_equal(reports[0].detail, "another text");	/* the newest reason: what is to be mended now */
	assert_int_equal(reports[0].state.affected, 2);
	assert_int_equal(health_note(HEALTH_THREADS, true, NULL), HEALTH_ENDED);
	assert_int_equal(health_failing(reports), 0);
}

/* Whatever the limit and whatever is wanted: the shares fit into the limit, and nothing gets nothing. */
static void test_descriptors_share_fits(void **state)
{
	static const unsigned wanted[] = { 1, 2, 16, 100, 2000, 4096, 65536, 100000 };
	enum { COUNT = sizeof(wanted) / sizeof(wanted[0]), RESERVE = 40 };

	(void)state;
	for (unsigned limit = 0; limit < 200000; limit = limit < 300 ? limit + 1 : limit * 2) {
		for (size_t i = 0; i < COUNT * COUNT; i++) {
			const unsigned others = limit % 2 == 0 ? 0 : 14;
			struct descriptor_wants wants = { .sessions = wanted[i / COUNT], .queries = wanted[i % COUNT], .others = others };
			struct descriptor_plan plan;

			if (!descriptors_share(limit, &wants, &plan)) {
				assert_true(limit < RESERVE + others + 16 && limit < plan.needed);
				continue;
			}
			assert_true(RESERVE + others + plan.sessions + plan.refusals + plan.queries + 2 * plan.readers <= limit);
			assert_true(plan.sessions >= 1 && plan.sessions <= wants.sessions);
			assert_true(plan.queries >= 1 && plan.queries <= wants.queries);
			assert_true(plan.readers >= 1 && plan.refusals >= 1);
			assert_int_equal(descriptors_suffice(&plan, &wants), plan.sessions == wants.sessions && plan.queries == wants.queries);
			if (limit >= plan.needed)
				assert_true(descriptors_suffice(&plan, &wants));
		}
	}
}

static void test_descriptors_text_says_what_to_set(void **state)
{
	struct descriptor_wants wants = { .sessions = 2000, .queries = 4096 };
	struct descriptor_plan plan;
	char text[500], number[16];

	(void)state;
	assert_true(descriptors_share(1024, &wants, &plan));
	assert_false(descriptors_suffice(&plan, &wants));
	descriptors_text(&plan, &wants, text, sizeof(text));
	assert_non_null(strstr(text, "limit of 1024 "));
	snprintf(number, sizeof(number), "to %u,", plan.needed);
	assert_non_null(strstr(text, number));
	assert_true(descriptors_share(plan.needed, &wants, &plan));
	assert_true(descriptors_suffice(&plan, &wants));
	assert_true(descriptors_share(plan.needed - 1, &wants, &plan));
	assert_false(descriptors_suffice(&plan, &wants));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_health_step_tells_beginning_and_end_once),
		cmocka_unit_test(test_health_quiet_ends_only_after_a_while_without_faults),
		cmocka_unit_test(test_health_quiet_grows_with_what_comes_back),
		cmocka_unit_test(test_health_step_forgets_old_outages),
		cmocka_unit_test(test_health_text_says_since_when_and_how_many),
		cmocka_unit_test(test_health_failing_lists_what_fails),
		cmocka_unit_test(test_descriptors_share_fits),
		cmocka_unit_test(test_descriptors_text_says_what_to_set),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
