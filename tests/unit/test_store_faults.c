/* SPDX-License-Identifier: BSD-2-Clause */
/* record: what becomes of notes when the database is missing, locked, foreign, newer or broken. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/error.h"
#include "store_rows.h"

static int place_setup(void **state)
{
	return place_make(state, START + 2 * DAY);
}

static void test_store_without_directory_goes_on(void **state)
{
	struct place *place = *state;
	struct store *store;
	struct peer_memory memory;
	struct store_statistics statistics;
	struct peer_note note = { .peer = "x", .grade = 1, .time_secs = START };
	char missing[128];

	snprintf(missing, sizeof(missing), "%s/none/assay.db", place->directory);
	place->config.location = missing;
	place->config.queue_max = 3;
	store = place_store(place);
	assert_int_equal(store_peer_get(store, "x", &memory), -E_SYSTEM);
	for (int i = 0; i < 3; i++)
		assert_int_equal(store_peer_note(store, &note), 0);
	/* the writer may hold a group of up to three for a moment: dropped in the end, never blocked */
	for (int i = 0; i < 10; i++)
		store_peer_note(store, &note);
	store_statistics(store, &statistics);
	assert_false(statistics.up);
	assert_in_range(statistics.dropped, 7, 10);
	assert_non_null(strstr(statistics.why, "none/assay.db"));
	/* and when the directory comes, what was kept is written */
	snprintf(missing, sizeof(missing), "%s/none", place->directory);
	assert_int_equal(mkdir(missing, 0700), 0);
	assert_int_equal(store_flush(store), 0);
	assert_int_equal(store_peer_get(store, "x", &memory), 0);
	assert_in_range(memory.sessions, 3, 6);
}

static void test_store_changed_tells_of_dropped_notes(void **state)
{
	struct place *place = *state;
	struct peer_note note = { .peer = "x", .grade = 1, .time_secs = START };
	sqlite3 *db;
	struct store *store;

	told_count = 0;
	place->config.queue_max = 5;
	place->config.changed = remember_told;
	store = place_store(place);
	while (!store_is_up(store))
		usleep(1000);
	assert_int_equal(sqlite3_open(place->path, &db), SQLITE_OK);
	sqlite3_busy_timeout(db, 10000);
	assert_int_equal(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
	for (int i = 0; i < 5; i++)
		assert_int_equal(store_peer_note(store, &note), 0);
	while (store_is_up(store))	/* until the writer has waited long enough for the lock: all five are queued again */
		usleep(1000);
	for (int i = 0; i < 3; i++)
		assert_int_equal(store_peer_note(store, &note), -E_LIMIT);
	assert_int_equal(sqlite3_exec(db, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
	assert_int_equal(store_flush(store), 0);
	store_close(&place->store);
	assert_int_equal(told_count, 4);
	assert_int_equal(told[0][0], '0');
	assert_int_equal(told[1][0], '1');
	assert_non_null(strstr(told[1], "locked"));
	assert_int_equal(told[2][0], '0');
	assert_non_null(strstr(told[3], "3 notes were dropped"));
}

/* An outage that goes on for another reason is told anew, and each reason once. */
static void test_store_changed_tells_another_reason(void **state)
{
	struct place *place = *state;
	char directory[128], path[140];
	FILE *file;

	snprintf(directory, sizeof(directory), "%s/later", place->directory);
	snprintf(path, sizeof(path), "%s/assay.db", directory);
	told_count = 0;
	place->config.location = path;
	place->config.changed = remember_told;
	place_store(place);
	assert_int_equal(store_greylist_note(place->store, "x", START, false), 0);
	usleep(1500000);	/* and once more it tries */
	assert_int_equal(mkdir(directory, 0700), 0);
	file = fopen(path, "w");
	assert_non_null(file);
	fputs("this is not a database, but as long as one\n", file);
	fclose(file);
	usleep(2500000);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(store_flush(place->store), 0);
	store_close(&place->store);
	assert_int_equal(told_count, 3);
	assert_int_equal(told[0][0], '0' + STORE_DOWN);
	assert_non_null(strstr(told[0], "unable to open"));
	assert_int_equal(told[1][0], '0' + STORE_DOWN);
	assert_non_null(strstr(told[1], "not a database"));
	assert_int_equal(told[2][0], '0' + STORE_UP);
}

static void test_store_corrupt_file_is_no_memory(void **state)
{
	struct place *place = *state;
	struct peer_memory memory;
	struct store_statistics statistics;
	FILE *file = fopen(place->path, "w");

	assert_non_null(file);
	for (int i = 0; i < 1000; i++)
		fputs("this is not a database\n", file);
	fclose(file);
	place_store(place);
	assert_int_equal(store_peer_get(place->store, "x", &memory), -E_SYSTEM);
	store_statistics(place->store, &statistics);
	assert_non_null(strstr(statistics.why, "not a database"));
}

static void test_store_newer_schema_is_refused(void **state)
{
	struct place *place = *state;
	struct peer_memory memory;
	struct store_statistics statistics;
	sqlite3 *db;

	assert_int_equal(sqlite3_open(place->path, &db), SQLITE_OK);
	sqlite3_busy_timeout(db, 10000);
	assert_int_equal(sqlite3_exec(db, "PRAGMA user_version=99", NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
	place_store(place);
	assert_int_equal(store_peer_get(place->store, "x", &memory), -E_SYSTEM);
	store_statistics(place->store, &statistics);
	assert_non_null(strstr(statistics.why, "newer"));
}

static void test_store_foreign_database_stays_as_it_is(void **state)
{
	struct place *place = *state;
	struct peer_memory memory;
	struct store_statistics statistics;
	sqlite3 *db;
	char wal[220];

	assert_int_equal(sqlite3_open(place->path, &db), SQLITE_OK);
	sqlite3_busy_timeout(db, 10000);
	assert_int_equal(sqlite3_exec(db, "CREATE TABLE accounts(name TEXT)", NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
	place_store(place);
	assert_int_equal(store_peer_get(place->store, "x", &memory), -E_SYSTEM);
	store_close(&place->store);
	place_store(place);
	do
		store_statistics(place->store, &statistics);
	while (statistics.why[0] == '\0');
	assert_non_null(strstr(statistics.why, "another program's database"));
	store_close(&place->store);
	assert_int_equal(sqlite3_open(place->path, &db), SQLITE_OK);
	sqlite3_busy_timeout(db, 10000);
	assert_int_equal(sqlite3_exec(db, "SELECT * FROM peer", NULL, NULL, NULL), SQLITE_ERROR);
	assert_int_equal(sqlite3_exec(db, "SELECT * FROM accounts", NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
	snprintf(wal, sizeof(wal), "%s-wal", place->path);
	assert_int_not_equal(access(wal, F_OK), 0);
}

static void test_store_locked_database_loses_nothing(void **state)
{
	struct place *place = *state;
	struct store *store = place_store(place);
	struct peer_memory memory;
	struct peer_note note = { .peer = "x", .grade = 3, .time_secs = START };
	sqlite3 *db;

	assert_int_equal(store_peer_note(store, &note), 0);
	assert_int_equal(store_flush(store), 0);
	assert_int_equal(sqlite3_open(place->path, &db), SQLITE_OK);
	sqlite3_busy_timeout(db, 10000);
	assert_int_equal(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
	for (int i = 0; i < 50; i++)
		assert_int_equal(store_peer_note(store, &note), 0);
	usleep(1500000);	/* longer than the writer waits for a lock */
	assert_int_equal(store_peer_get(store, "x", &memory), 0);	/* WAL: readers do not wait */
	assert_int_equal(memory.sessions, 1);
	assert_int_equal(sqlite3_exec(db, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
	assert_int_equal(store_flush(store), 0);
	assert_int_equal(store_peer_get(store, "x", &memory), 0);
	assert_int_equal(memory.sessions, 51);
}

/* What was committed must not be written again because the rows that ought to go cannot. */
static void test_store_failed_expiry_writes_nothing_twice(void **state)
{
	struct place *place = *state;
	char inside[96], aside[96], path[128];
	struct flow_note old = { .time_secs = START };
	struct peer_note note = { .peer = "x", .grade = 3, .time_secs = START };
	struct store_statistics statistics;
	struct peer_memory memory;
	sqlite3 *db;

	snprintf(inside, sizeof(inside), "%s/in", place->directory);
	snprintf(aside, sizeof(aside), "%s/aside", place->directory);
	snprintf(path, sizeof(path), "%s/assay.db", inside);
	place->config.location = path;
	assert_int_equal(mkdir(inside, 0700), 0);
	place_store(place);
	assert_int_equal(store_flow_note(place->store, &old), 0);
	assert_int_equal(store_flush(place->store), 0);
	store_close(&place->store);
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	sqlite3_busy_timeout(db, 10000);
	assert_int_equal(sqlite3_exec(db, "CREATE TRIGGER stay BEFORE DELETE ON flow BEGIN SELECT RAISE(ABORT, 'rows stay'); END",
	    NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
	/* no database at first, so that the first thing it sees is the note, with expiry due */
	assert_int_equal(rename(inside, aside), 0);
	place->clock.fixed_secs = START + 500 * (int64_t)DAY;
	place_store(place);
	do
		store_statistics(place->store, &statistics);
	while (statistics.why[0] == '\0');
	assert_int_equal(store_peer_note(place->store, &note), 0);
	assert_int_equal(rename(aside, inside), 0);
	assert_int_equal(store_flush(place->store), 0);
	store_statistics(place->store, &statistics);
	assert_non_null(strstr(statistics.why, "rows stay"));
	assert_false(statistics.up);
	assert_int_equal(statistics.lost, 0);
	note.peer = "y";	/* and on it goes after retry_secs */
	assert_int_equal(store_peer_note(place->store, &note), 0);
	assert_int_equal(store_flush(place->store), 0);
	assert_int_equal(store_peer_get(place->store, "x", &memory), 0);
	assert_int_equal(memory.sessions, 1);
	assert_int_equal(store_peer_get(place->store, "y", &memory), 0);
	assert_int_equal(memory.sessions, 1);
}

static void test_store_command_line_makes_no_database(void **state)
{
	struct place *place = *state;
	struct store_statistics statistics;

	place->config.read_only = true;
	place_store(place);
	assert_int_equal(store_peer_pin(place->store, "x", true), -E_SYSTEM);
	store_statistics(place->store, &statistics);
	assert_non_null(strstr(statistics.why, "No such file"));
	assert_int_not_equal(access(place->path, F_OK), 0);
}

static void test_store_replaced_database_is_noticed(void **state)
{
	struct place *place = *state;
	struct store *store = place_store(place);
	struct peer_note note = { .peer = "x", .grade = 3, .time_secs = START };
	struct peer_memory memory;

	assert_int_equal(store_peer_note(store, &note), 0);
	assert_int_equal(store_flush(store), 0);
	assert_int_equal(store_peer_get(store, "x", &memory), 0);	/* a reader is kept open now */
	assert_int_equal(unlink(place->path), 0);
	note.peer = "y";
	assert_int_equal(store_peer_note(store, &note), 0);
	assert_int_equal(store_flush(store), 0);	/* after retry_secs, into a new one */
	assert_int_equal(store_peer_get(store, "y", &memory), 0);
	assert_int_equal(store_peer_get(store, "x", &memory), -E_ABSENT);
}

static int place_setup_postgresql(void **state)
{
	return place_make_postgresql(state, START + 2 * DAY);
}

/* From now on no new row of a table can be written, by an error that says nothing of the row: a full disk, or a table that is missing. */
static void refuse_rows(const struct place *place, const char *table)
{
	char sql[200];

	if (place->backend == &backend_postgresql)
		place_execute(place, "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS "
		    "'BEGIN RAISE EXCEPTION ''refused by a test'' USING ERRCODE=''disk_full''; END'");
	snprintf(sql, sizeof(sql), "CREATE TRIGGER refuse BEFORE INSERT ON %s %s", table, place->backend == &backend_postgresql ?
	    "FOR EACH ROW EXECUTE FUNCTION refuse()" : "BEGIN INSERT INTO \"refused by a test\" VALUES(1); END");
	place_execute(place, sql);
}

static void take_rows_again(const struct place *place)
{
	place_execute(place, place->backend == &backend_postgresql ? "SET client_min_messages = warning; DROP FUNCTION refuse CASCADE" : "DROP TRIGGER refuse");
}

/* Whichever statement of a group it is that fails, those before it have been done. */
static const char *const refused_tables[] = { "peer", "greylist", "flow" };
enum { REFUSED_TABLES = sizeof(refused_tables) / sizeof(refused_tables[0]) };

/*
 * Notes of each kind: of one peer, key and kind that no other number has, and of one that all have. Those of the first table (an index of
 * refused_tables) come first, so that nothing is written without them should the writer begin before the last one is there.
 */
static void note_group(struct store *store, unsigned number, int first)
{
	char own[32];
	struct peer_note peer = { .host = "192.0.2.1", .grade = 3, .time_secs = START };
	struct flow_note flow = { .policy = "default", .action = "accept", .bytes = 100, .time_secs = START };

	snprintf(own, sizeof(own), "n%u.example", number);
	for (int i = 0; i < 2 * REFUSED_TABLES; i++) {
		int table = (first + i / 2) % REFUSED_TABLES;

		peer.peer = flow.author_domain = i % 2 == 0 ? own : "all.example";
		if (table == 0)
			assert_int_equal(store_peer_note(store, &peer), 0);
		else if (table == 1)
			assert_int_equal(store_greylist_note(store, peer.peer, START, false), 0);
		else
			assert_int_equal(store_flow_note(store, &flow), 0);
	}
}

/* Sums are those of so many groups, each once and whole. */
static void assert_groups(const struct place *place, int groups)
{
	assert_int_equal(place_number(place, "SELECT sum(messages) FROM flow"), 2 * groups);
	assert_int_equal(place_number(place, "SELECT sum(bytes) FROM flow"), 200 * groups);
	assert_int_equal(place_number(place, "SELECT count(*) FROM flow"), groups + 1);
	assert_int_equal(place_number(place, "SELECT sum(strong) FROM peer WHERE host=''"), 2 * groups);
	assert_int_equal(place_number(place, "SELECT sum(strong) FROM peer WHERE host<>''"), 2 * groups);
	assert_int_equal(place_number(place, "SELECT sum(tries) FROM greylist"), 2 * groups);
	assert_int_equal(place_number(place, "SELECT sum(hours) FROM flow_total"), groups + 1);
	assert_int_equal(place_kinds_astray(place), 0);
	assert_totals(place);
}

static void wait_for_refusal(struct store *store)
{
	struct store_statistics statistics;

	do {
		usleep(1000);
		store_statistics(store, &statistics);
	} while (statistics.up || strstr(statistics.why, "refused by a test") == NULL);
}

/* Nothing of the group is in the record, it is told, and when the database takes it again it is there once. */
static void test_store_refused_group_is_kept_whole(void **state)
{
	struct place *place = *state;
	struct store_statistics statistics;
	struct store *store;
	int groups = 1;

	place->config.changed = remember_told;
	told_count = 0;
	store = place_store(place);
	note_group(store, 0, 0);
	assert_int_equal(store_flush(store), 0);
	for (int i = 0; i < REFUSED_TABLES; i++) {
		refuse_rows(place, refused_tables[i]);
		told_count = 0;
		note_group(store, (unsigned)i + 1, i);
		wait_for_refusal(store);
		assert_groups(place, groups);
		assert_int_equal(told_count, 1);
		assert_int_equal(told[0][0], '0' + STORE_DOWN);
		assert_non_null(strstr(told[0], "refused by a test"));
		take_rows_again(place);
		assert_int_equal(store_flush(store), 0);
		assert_groups(place, ++groups);
		assert_int_equal(told_count, 2);
		assert_int_equal(told[1][0], '0' + STORE_UP);
	}
	store_statistics(store, &statistics);
	assert_int_equal(statistics.lost + statistics.dropped, 0);
	assert_int_equal(statistics.written, 6 * groups);
}

/* One that the database refuses to the end is lost alone: what was written before stays, and what comes after is counted on it. */
static void test_store_refused_group_is_lost_alone(void **state)
{
	struct place *place = *state;
	int groups = 1;

	place->config.changed = remember_told;
	for (int i = 0; i < REFUSED_TABLES; i++) {
		struct store *store = place_store(place);

		if (i == 0) {
			note_group(store, 0, 0);
			assert_int_equal(store_flush(store), 0);
		}
		refuse_rows(place, refused_tables[i]);
		told_count = 0;
		note_group(store, 100 + (unsigned)i, i);
		wait_for_refusal(store);
		store_close(&place->store);
		assert_non_null(strstr(told[told_count - 1], ": 6 notes were lost"));
		assert_groups(place, groups);
		take_rows_again(place);
		store = place_store(place);
		note_group(store, (unsigned)i + 1, i);
		assert_int_equal(store_flush(store), 0);
		assert_groups(place, ++groups);
		store_close(&place->store);
	}
}

#define STORE_TEST(f) cmocka_unit_test_setup_teardown(f, place_setup, place_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		PLACE_TESTS(test_store_refused_group_is_kept_whole, place_setup),
		PLACE_TESTS(test_store_refused_group_is_lost_alone, place_setup),
		STORE_TEST(test_store_without_directory_goes_on),
		STORE_TEST(test_store_changed_tells_of_dropped_notes),
		STORE_TEST(test_store_changed_tells_another_reason),
		STORE_TEST(test_store_corrupt_file_is_no_memory),
		STORE_TEST(test_store_newer_schema_is_refused),
		STORE_TEST(test_store_foreign_database_stays_as_it_is),
		STORE_TEST(test_store_locked_database_loses_nothing),
		STORE_TEST(test_store_failed_expiry_writes_nothing_twice),
		STORE_TEST(test_store_command_line_makes_no_database),
		STORE_TEST(test_store_replaced_database_is_noticed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
