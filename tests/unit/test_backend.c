/* SPDX-License-Identifier: BSD-2-Clause */
/* record/backend: found by name; what SQLite's tells of its files before it opens them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "store_fixture.h"
#include "util/error.h"

enum { START = 1700000000 };

static int place_setup(void **state)
{
	return place_make(state, START);
}

static void test_backend_find(void **state)
{
	struct store_config config = { .location = "/nowhere", .backend = "card-index" };
	char why[100] = "";

	(void)state;
	assert_ptr_equal(backend_find("sqlite"), &backend_sqlite);
	assert_ptr_equal(backend_find(NULL), &backend_sqlite);
	assert_null(backend_find("SQLite"));
	assert_null(backend_find(""));
	assert_null(store_open(&config, why, sizeof(why)));
	assert_non_null(strstr(why, "card-index"));
}

static void test_backend_look(void **state)
{
	struct place *place = *state;
	const struct backend *backend = backend_find(NULL);
	struct backend_look look;

	assert_int_equal(backend->look(place->path, &look), -E_ABSENT);
	assert_string_equal(look.disk, place->directory);
	assert_int_equal(look.bytes, -1);
	assert_int_equal(backend->look(place->directory, &look), -E_SYSTEM);
	assert_non_null(strstr(look.why, "is a directory"));
	place->handle = backend->open(place->path, BACKEND_MAKE, 1000, place->why, sizeof(place->why));
	assert_non_null(place->handle);
	assert_int_equal(backend->look(place->path, &look), 0);
	assert_true(look.bytes >= 0);
}

/* The command line changes what is there, and makes nothing. */
static void test_backend_open_change_makes_nothing(void **state)
{
	struct place *place = *state;
	const struct backend *backend = backend_find(NULL);
	struct backend_look look;

	assert_null(backend->open(place->path, BACKEND_CHANGE, 1000, place->why, sizeof(place->why)));
	assert_non_null(strstr(place->why, place->path));
	assert_int_equal(backend->look(place->path, &look), -E_ABSENT);
	place->handle = backend->open(place->path, BACKEND_MAKE, 1000, place->why, sizeof(place->why));
	backend->close(&place->handle);
	place->handle = backend->open(place->path, BACKEND_CHANGE, 1000, place->why, sizeof(place->why));
	assert_non_null(place->handle);
	assert_false(backend->is_orphan(place->handle));
	assert_int_equal(unlink(place->path), 0);
	assert_true(backend->is_orphan(place->handle));
}

#define PLACE_TEST(f) cmocka_unit_test_setup_teardown(f, place_setup, place_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_backend_find),
		PLACE_TEST(test_backend_look),
		PLACE_TEST(test_backend_open_change_makes_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
