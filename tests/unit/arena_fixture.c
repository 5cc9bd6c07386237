/* SPDX-License-Identifier: BSD-2-Clause */
/* An arena for each case; see arena_fixture.h. */
#include "arena_fixture.h"

struct arena *arena;

int arena_setup(void **state)
{
	(void)state;
	arena = arena_new();
	return 0;
}

int arena_teardown(void **state)
{
	(void)state;
	arena_free(&arena);
	return 0;
}
