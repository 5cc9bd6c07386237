/* SPDX-License-Identifier: BSD-2-Clause */
/* tools/slow_owners.c: whose waits add up, and when it is enough. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "slow_owners.h"

enum { DEADLINE_MS = 100 };

static void test_slow_owners_add_up_by_owner(void **state)
{
	struct slow_owners slow;

	(void)state;
	slow_owners_begin(&slow, NULL, DEADLINE_MS);
	slow_owners_note(&slow, "a.slow.example", 2 * DEADLINE_MS);
	assert_false(slow_owners_has(&slow, "b.slow.example"));
	slow_owners_note(&slow, "b.slow.example", DEADLINE_MS);
	assert_true(slow_owners_has(&slow, "c.slow.example"));
	assert_true(slow_owners_has(&slow, "slow.example"));
	assert_false(slow_owners_has(&slow, "quick.example"));
	assert_false(slow_owners_has(&slow, "notslow.example"));
}

/* A registry whose own record is slow keeps nobody's report waiting but its own. */
static void test_slow_owners_above_are_others(void **state)
{
	struct slow_owners slow;

	(void)state;
	slow_owners_begin(&slow, NULL, DEADLINE_MS);
	slow_owners_note(&slow, "example", 10 * DEADLINE_MS);
	assert_true(slow_owners_has(&slow, "example"));
	assert_false(slow_owners_has(&slow, "quick.example"));
}

/* Those for whom there is no room are never called slow, and take nobody's place. */
static void test_slow_owners_full(void **state)
{
	struct slow_owners slow;
	char name[32];

	(void)state;
	slow_owners_begin(&slow, NULL, DEADLINE_MS);
	for (int i = 0; i <= SLOW_OWNERS_MAX; i++) {
		snprintf(name, sizeof(name), "d%d.example", i);
		slow_owners_note(&slow, name, 10 * DEADLINE_MS);
	}
	assert_true(slow_owners_has(&slow, "d0.example"));
	snprintf(name, sizeof(name), "d%d.example", SLOW_OWNERS_MAX - 1);
	assert_true(slow_owners_has(&slow, name));
	snprintf(name, sizeof(name), "d%d.example", SLOW_OWNERS_MAX);
	assert_false(slow_owners_has(&slow, name));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_slow_owners_add_up_by_owner),
		cmocka_unit_test(test_slow_owners_above_are_others),
		cmocka_unit_test(test_slow_owners_full),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
