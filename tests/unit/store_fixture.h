/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_TESTS_STORE_FIXTURE_H
#define ASSAY_TESTS_STORE_FIXTURE_H
/*
 * A place for one test's database, and the store in it; all of it goes with the test, passed or not. A test that holds for every
 * backend is listed with PLACE_TESTS(): once as it is, and once more as NAME_postgresql, on a server of the program's own
 * (postgres_fixture.h); where there is no server cases.c says so and leaves it out.
 */
#include "record/backend.h"
#include "record/store.h"
#include "scratch.h"

struct place {
	char directory[SCRATCH_BYTES], path[200], why[256];	/* path: a location */
	char location[220];		/* the path with the backend's name before it */
	const struct backend *backend;
	struct store_config config;
	struct clock clock;		/* retention goes by it */
	struct store *store;		/* of place_store(); NULL */
	struct backend_handle *handle;	/* for tests that ask the backend itself; NULL */
};

/** @param now_secs  what the place's clock says. */
int place_make(void **state, int64_t now_secs);
int place_teardown(void **state);
/** The same on PostgreSQL. */
int place_make_postgresql(void **state, int64_t now_secs);
/** What a query of one number says, by a connection of its own, and SQL run by one. SQL of both backends' kind. */
int64_t place_number(const struct place *place, const char *sql);
void place_execute(const struct place *place, const char *sql);
/** Kinds of flows of whose use something untrue is noted, so that they would go too early or never. */
int64_t place_kinds_astray(const struct place *place);

#define PLACE_TESTS(f, setup) cmocka_unit_test_setup_teardown(f, setup, place_teardown), \
	{ #f "_postgresql", f, setup##_postgresql, place_teardown, NULL }
/** Opens the store by place->config. */
struct store *place_store(struct place *place);

#endif
