/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include <sqlite3.h>

#include "postgres_fixture.h"
#include "store_fixture.h"

int place_make(void **state, int64_t now_secs)
{
	struct place *place = calloc(1, sizeof(*place));

	assert_non_null(place);
	scratch_directory(place->directory);
	snprintf(place->path, sizeof(place->path), "%s/assay.db", place->directory);
	snprintf(place->location, sizeof(place->location), "sqlite:%s", place->path);
	place->backend = &backend_sqlite;
	place->clock.fixed_secs = now_secs;
	place->config = (struct store_config){ .location = place->path, .commit_interval_ms = 10, .retry_secs = 1,
		.clock = &place->clock };
	*state = place;
	return 0;
}

int place_make_postgresql(void **state, int64_t now_secs)
{
	struct place *place;

	place_make(state, now_secs);
	place = *state;
	place->backend = &backend_postgresql;
	place->config.backend = "postgresql";
	place->config.busy_ms = 2000;	/* nothing here is about haste; under a sanitizer a server may be slow */
	postgres_location(place->path, sizeof(place->path));
	snprintf(place->location, sizeof(place->location), "postgresql:%s", place->path);
	return 0;
}

int64_t place_number(const struct place *place, const char *sql)
{
	sqlite3 *db;
	sqlite3_stmt *statement;
	int64_t value;

	if (place->backend == &backend_postgresql)
		return strtoll(postgres_query(place->path, sql), NULL, 10);
	assert_int_equal(sqlite3_open_v2(place->path, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
	sqlite3_busy_timeout(db, 10000);
	assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &statement, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
	value = sqlite3_column_int64(statement, 0);
	sqlite3_finalize(statement);
	sqlite3_close(db);
	return value;
}

void place_execute(const struct place *place, const char *sql)
{
	sqlite3 *db;

	if (place->backend == &backend_postgresql) {
		(void)postgres_query(place->path, sql);
		return;
	}
	assert_int_equal(sqlite3_open(place->path, &db), SQLITE_OK);
	sqlite3_busy_timeout(db, 10000);
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
}

int64_t place_kinds_astray(const struct place *place)
{
	if (place->backend == &backend_postgresql)
		return place_number(place, "SELECT count(*) FROM kind WHERE NOT EXISTS(SELECT 1 FROM flow WHERE kind=id) AND NOT EXISTS("
		    "SELECT 1 FROM flow_day WHERE kind=id) AND NOT EXISTS(SELECT 1 FROM kind_left WHERE kind=id)");
	return place_number(place, "SELECT count(*) FROM kind WHERE rows<>(SELECT count(*) FROM flow WHERE kind=id)+"
	    "(SELECT count(*) FROM flow_day WHERE kind=id)");
}

int place_teardown(void **state)
{
	struct place *place = *state;
	char command[128];

	store_close(&place->store);
	place->backend->close(&place->handle);
	snprintf(command, sizeof(command), "rm -rf %s", place->directory);
	assert_int_equal(system(command), 0);
	free(place);
	return 0;
}

struct store *place_store(struct place *place)
{
	place->store = store_open(&place->config, place->why, sizeof(place->why));
	assert_non_null(place->store);
	return place->store;
}
