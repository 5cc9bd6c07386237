/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_TESTS_ARENA_FIXTURE_H
#define ASSAY_TESTS_ARENA_FIXTURE_H
/* An arena for each case of a program: cmocka_unit_test_setup_teardown(test, arena_setup, arena_teardown), or for all of them. */
#include "util/arena.h"

/* Lives from arena_setup() to arena_teardown(). */
extern struct arena *arena;

int arena_setup(void **state);
int arena_teardown(void **state);

#endif
