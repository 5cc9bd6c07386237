/* SPDX-License-Identifier: BSD-2-Clause */
/* record/pg*: a server that takes no writes, or not these: what is written is whole or not at all, and the reason is told. On a real one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "postgres_fixture.h"
#include "record/group.h"
#include "record/pg_internal.h"
#include "store_fixture.h"
#include "util/error.h"

enum { START = 1700000000, DAY = 86400 };

static int place_setup_postgresql(void **state)
{
	return place_make_postgresql(state, START + DAY);
}

static struct backend_handle *open_as(struct place *place, enum backend_access access)
{
	return backend_postgresql.open(place->path, access, 1000, place->why, sizeof(place->why));
}

/* ---- a server that takes no writes --------------------------------------------------------------------------------- */

/* What is said of new connections is what a standby says, too: libpq asks for both alike. */
static void set_read_only(const struct place *place, bool read_only)
{
	place_execute(place, read_only ? "ALTER ROLE assay SET default_transaction_read_only=on" :
	    "BEGIN READ WRITE; ALTER ROLE assay RESET default_transaction_read_only; COMMIT");
}

/* It is never taken for one that works, readers go on, and what waits is written once there is a server that takes it. */
static void test_pg_server_that_takes_no_writes_loses_nothing(void **state)
{
	struct place *place = *state;
	struct store *store = place_store(place);
	struct peer_note note = { .peer = "x", .grade = 3, .time_secs = START };
	struct backend_handle *writer, *reader;
	struct store_statistics statistics;
	struct peer_memory memory;
	int code;

	assert_int_equal(store_peer_note(store, &note), 0);
	assert_int_equal(store_flush(store), 0);
	set_read_only(place, true);
	writer = open_as(place, BACKEND_MAKE);
	reader = open_as(place, BACKEND_READ);
	/* the writer's connection goes, as it does when its server does */
	place_execute(place, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name='assay' AND pid<>pg_backend_pid()");
	for (int i = 0; i < 10; i++)
		(void)store_peer_note(store, &note);
	for (int i = 0; i < 100 && store_is_up(store); i++)
		usleep(50000);
	usleep(1500000);	/* and once more it tries */
	store_statistics(store, &statistics);
	for (int i = 0; i < 20 && (code = store_peer_get(store, "x", &memory)) != 0; i++)
		usleep(300000);
	set_read_only(place, false);
	assert_null(writer);
	assert_non_null(strstr(place->why, "read-only"));
	assert_non_null(reader);
	backend_postgresql.close(&reader);
	assert_false(statistics.up);
	assert_non_null(strstr(statistics.why, "read-only"));
	assert_int_equal(code, 0);
	assert_int_equal(memory.sessions, 1);
	assert_int_equal(store_flush(store), 0);
	assert_int_equal(store_peer_get(store, "x", &memory), 0);
	assert_int_equal(memory.sessions, 11);
}

/* A connection that is there already is told with what to do. */
static void test_pg_connection_that_takes_no_writes_any_more_is_told(void **state)
{
	static const struct pg_sql read_only = { "", "SET default_transaction_read_only=on" };
	struct place *place = *state;
	struct pg_call call;

	place->handle = open_as(place, BACKEND_MAKE);
	assert_non_null(place->handle);
	pg_call_begin(&call, place->handle, &read_only);
	assert_int_equal(pg_run(&call, NULL), 0);
	assert_int_equal(backend_postgresql.begin(place->handle), -E_SYSTEM);
	assert_non_null(strstr(backend_postgresql.why(place->handle), "as a standby does"));
}

/* A role that may no longer write a table: nothing is lost, and it is said which. */
static void test_pg_role_without_rights_is_told(void **state)
{
	struct place *place = *state;
	struct greylist_entry entry = { .first_secs = 1, .tries = 1 };
	char path[300];

	place->handle = open_as(place, BACKEND_MAKE);
	assert_non_null(place->handle);
	backend_postgresql.close(&place->handle);
	place_execute(place, "DO 'BEGIN CREATE ROLE few LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END'");
	place_execute(place, "DO 'BEGIN EXECUTE format(''GRANT USAGE ON SCHEMA %I TO few'',current_schema()); EXECUTE format(''GRANT SELECT,UPDATE "
	    "ON ALL TABLES IN SCHEMA %I TO few'',current_schema()); END'");
	snprintf(path, sizeof(path), "%s user=few", place->path);
	place->handle = backend_postgresql.open(path, BACKEND_CHANGE, 1000, place->why, sizeof(place->why));
	assert_non_null(place->handle);
	assert_int_equal(backend_postgresql.begin(place->handle), 0);
	(void)backend_postgresql.greylist_put(place->handle, "x", &entry);
	assert_int_equal(backend_postgresql.commit(place->handle), -E_SYSTEM);
	assert_non_null(strstr(backend_postgresql.why(place->handle), "permission denied for table greylist"));
}

/* ---- a server that refuses some --------------------------------------------------------------------------------- */

/* A server that cannot take a whole group in its time (here: not so many rows) gets it in parts; nothing is lost, or counted twice. */
static void test_pg_group_that_is_too_much_goes_in_parts(void **state)
{
	struct place *place = *state;
	struct flow_note note = { .policy = "default", .action = "accept", .time_secs = START };
	struct store_statistics statistics;
	struct store *store;
	char domain[32];

	place->config.retry_secs = 1;
	store = place_store(place);
	note.author_domain = "first.example";
	assert_int_equal(store_flow_note(store, &note), 0);
	assert_int_equal(store_flush(store), 0);
	place_execute(place, "CREATE FUNCTION few() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN IF (SELECT count(*) FROM fresh)>700 THEN "
	    "RAISE EXCEPTION ''too much'' USING ERRCODE=''out_of_memory''; END IF; RETURN NULL; END'");
	place_execute(place, "CREATE TRIGGER few AFTER INSERT ON flow REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION few()");
	note.author_domain = domain;
	for (unsigned i = 0; i < STORE_GROUP_MAX; i++) {
		snprintf(domain, sizeof(domain), "d%u.example", i);
		assert_int_equal(store_flow_note(store, &note), 0);
	}
	for (int i = 0; i < 20; i++) {
		store_statistics(store, &statistics);
		if (statistics.written == STORE_GROUP_MAX + 1)
			break;
		usleep(500000);
	}
	place_execute(place, "DROP TRIGGER few ON flow");	/* what is left may go, whatever came of it */
	assert_int_equal(statistics.written, STORE_GROUP_MAX + 1);
	assert_int_equal(statistics.lost, 0);
	assert_int_equal(place_number(place, "SELECT sum(messages) FROM flow"), STORE_GROUP_MAX + 1);
}

/* A row that the server refuses takes the whole group back, and the reason is told. */
static void test_pg_group_is_whole_or_nothing(void **state)
{
	struct place *place = *state;
	struct peer_memory memory = { .first_secs = START };

	place->handle = open_as(place, BACKEND_MAKE);
	assert_non_null(place->handle);
	place_execute(place, "ALTER TABLE peer ADD CHECK (peer<>'bad')");
	assert_int_equal(backend_postgresql.begin(place->handle), 0);
	assert_int_equal(backend_postgresql.peer_put(place->handle, "good", "", &memory), 0);
	(void)backend_postgresql.peer_put(place->handle, "bad", "", &memory);
	(void)backend_postgresql.peer_put(place->handle, "good too", "", &memory);
	assert_int_equal(backend_postgresql.commit(place->handle), -E_SYSTEM);
	assert_non_null(strstr(backend_postgresql.why(place->handle), "constraint"));
	backend_postgresql.rollback(place->handle);
	assert_int_equal(place_number(place, "SELECT count(*) FROM peer"), 0);
	/* and the handle goes on */
	assert_int_equal(backend_postgresql.begin(place->handle), 0);
	assert_int_equal(backend_postgresql.peer_put(place->handle, "good", "", &memory), 0);
	assert_int_equal(backend_postgresql.commit(place->handle), 0);
	assert_int_equal(place_number(place, "SELECT count(*) FROM peer"), 1);
}

#define PG_TEST(f) { #f "_postgresql", f, place_setup_postgresql, place_teardown, NULL }

int main(void)
{
	const struct CMUnitTest tests[] = {
		PG_TEST(test_pg_server_that_takes_no_writes_loses_nothing),
		PG_TEST(test_pg_connection_that_takes_no_writes_any_more_is_told),
		PG_TEST(test_pg_role_without_rights_is_told),
		PG_TEST(test_pg_group_that_is_too_much_goes_in_parts),
		PG_TEST(test_pg_group_is_whole_or_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
