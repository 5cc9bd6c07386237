/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_TESTS_STORE_FIXTURE_H
#define ASSAY_TESTS_STORE_FIXTURE_H
/* A directory for one test's database, and the store in it; all of it goes with the test, passed or not. */
#include "record/backend.h"
#include "record/store.h"

struct place {
	char directory[64], path[200], why[256];	/* path: a location that says its backend, if that is not SQLite */
	const struct backend *backend;
	const char *location;		/* the backend's part of the path */
	struct store_config config;
	struct clock clock;		/* retention goes by it */
	struct store *store;		/* of place_store(); NULL */
	struct backend_handle *handle;	/* for tests that ask the backend itself; NULL */
};

/** @param now_secs  what the place's clock says. */
int place_make(void **state, int64_t now_secs);
/** The same on PostgreSQL. *state is NULL where it is not installed. */
int place_make_postgresql(void **state, int64_t now_secs);
int place_teardown(void **state);
/** Opens the store by place->config. */
struct store *place_store(struct place *place);
/** What a query of one number says, by a connection of its own; 0: there is no row. */
int64_t place_number(const struct place *place, const char *sql);

/*
 * A test with SQLite and with PostgreSQL: PLACE_TWICE(f) behind it, and in the list PLACE_TESTS(f, setup, setup for PostgreSQL). Where
 * that is not installed the second one is skipped, and says so.
 */
#define PLACE_TWICE(f) static void f##_postgresql(void **state) { if (*state == NULL) skip(); f(state); }
#define PLACE_TESTS(f, setup, setup_postgresql) cmocka_unit_test_setup_teardown(f, setup, place_teardown), \
	cmocka_unit_test_setup_teardown(f##_postgresql, setup_postgresql, place_teardown)

#endif
