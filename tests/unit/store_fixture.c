/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include <sqlite3.h>
#include <string.h>

#include "postgres_fixture.h"
#include "store_fixture.h"

static struct place *place_new(int64_t now_secs)
{
	struct place *place = calloc(1, sizeof(*place));

	assert_non_null(place);
	snprintf(place->directory, sizeof(place->directory), "/tmp/assay-store-XXXXXX");
	assert_non_null(mkdtemp(place->directory));
	place->clock.fixed_secs = now_secs;
	place->config = (struct store_config){ .commit_interval_ms = 10, .retry_secs = 1, .clock = &place->clock };
	return place;
}

int place_make(void **state, int64_t now_secs)
{
	struct place *place = place_new(now_secs);

	snprintf(place->path, sizeof(place->path), "%s/assay.db", place->directory);
	place->backend = &backend_sqlite;
	place->config.location = place->location = place->path;
	*state = place;
	return 0;
}

int place_make_postgresql(void **state, int64_t now_secs)
{
	struct place *place;
	char name[160];

	if (!postgres_is_there()) {
		print_message("there is no PostgreSQL server (Debian: postgresql)\n");
		*state = NULL;
		return 0;
	}
	place = place_new(now_secs);
	postgres_location(name, sizeof(name));
	snprintf(place->path, sizeof(place->path), "postgresql:%s", name);
	place->backend = &backend_postgresql;
	place->config.backend = "postgresql";
	place->config.location = place->location = strchr(place->path, ':') + 1;
	place->config.busy_ms = 5000;
	*state = place;
	return 0;
}

int64_t place_number(const struct place *place, const char *sql)
{
	sqlite3 *db;
	sqlite3_stmt *statement;
	int64_t value;

	if (place->backend != &backend_sqlite)
		return strtoll(postgres_query(place->location, sql), NULL, 10);
	assert_int_equal(sqlite3_open_v2(place->path, &db, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
	sqlite3_busy_timeout(db, 10000);
	assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &statement, NULL), SQLITE_OK);
	value = sqlite3_step(statement) == SQLITE_ROW ? sqlite3_column_int64(statement, 0) : 0;
	assert_int_equal(sqlite3_finalize(statement), SQLITE_OK);
	sqlite3_close(db);
	return value;
}

int place_teardown(void **state)
{
	struct place *place = *state;
	char command[128];

	if (place == NULL)
		return 0;	/* skipped */
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
