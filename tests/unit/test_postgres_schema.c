/* SPDX-License-Identifier: BSD-2-Clause */
/* record/pg*: texts of any octets, and the schema: made, the same as SQLite's, brought up to date, refused. On a real server. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "postgres_fixture.h"
#include "record/pg_internal.h"
#include "record/pg_schema_flows.h"
#include "record/pg_schema_steps.h"
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

/* ---- texts ------------------------------------------------------------------------------------------------------- */

static void assert_there_and_back(const char *text)
{
	struct arena *arena = arena_new();
	const char *encoded = pg_text_encode(arena, text);
	const unsigned char *at = (const unsigned char *)encoded;

	assert_string_equal(pg_text_decode(arena, encoded), text);
	/* well-formed by the table of RFC 3629, section 4, as far as it can be told without a second reader: no octet beyond */
	for (; *at != '\0'; at++)
		assert_true(*at != 0xc0 && *at != 0xc1 && *at < 0xf5);
	arena_free(&arena);
}

static void test_pg_text_any_octets_come_back(void **state)
{
	static const char *const texts[] = { "", "plain", "gr\xc3\xbc\xc3\x9f", "\xff", "a\x80z", "\xc3", "\xed\xa0\x80", "\xf4\x8f\xbf\xbf",
		"\xf4\x8f\xbe\x80", "\xf4\x8f\xbe", "\xf4\x90\x80\x80", "\xe2\x82\xac\xe2\x82", "\xf0\x9f\x98\x80", "\xc0\x80" };
	char text[64];

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		assert_there_and_back(texts[i]);
	srandom(1);
	for (int round = 0; round < 100000; round++) {
		/* mostly octets that begin or continue something long */
		static const unsigned char octets[] = { 0xf4, 0x8f, 0xbe, 0xbf, 0x80, 0xc3, 0xe2, 0xed, 'a', 0xff };
		int length = (int)(random() % 12);

		for (int i = 0; i < length; i++)
			text[i] = (char)(random() % 4 == 0 ? 1 + random() % 255 : octets[random() % (long)sizeof(octets)]);
		text[length] = '\0';
		assert_there_and_back(text);
	}
}

/* The server takes what is encoded, and no two texts become one. */
static void test_pg_texts_and_long_keys_are_taken(void **state)
{
	struct place *place = *state;
	struct greylist_entry entry = { .first_secs = 1, .last_secs = 2, .tries = 3 }, got;
	char *long_key = malloc(9000), *other;
	const char *const keys[] = { "\xff\xfe b c", "\xfe\xff b c", "\xf4\x8f\xbf\xbf", "\xed\xa0\x80", "" };

	assert_non_null(long_key);
	for (int i = 0; i < 8999; i++)
		long_key[i] = (char)('a' + random() % 26);	/* does not pack */
	long_key[8999] = '\0';
	other = strdup(long_key);
	assert_non_null(other);
	other[8998] = '!';
	place->handle = open_as(place, BACKEND_MAKE);
	assert_non_null(place->handle);
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		assert_int_equal(backend_postgresql.greylist_get(place->handle, keys[i], &got), -E_ABSENT);
		assert_int_equal(backend_postgresql.greylist_put(place->handle, keys[i], &entry), 0);
		assert_int_equal(backend_postgresql.greylist_get(place->handle, keys[i], &got), 0);
	}
	assert_int_equal(backend_postgresql.greylist_put(place->handle, long_key, &entry), 0);
	assert_int_equal(backend_postgresql.greylist_get(place->handle, other, &got), -E_ABSENT);
	assert_int_equal(backend_postgresql.greylist_get(place->handle, long_key, &got), 0);
	assert_int_equal(got.tries, 3);
	free(long_key);
	free(other);
}

/* ---- the schema -------------------------------------------------------------------------------------------------- */

static void test_pg_newer_schema_is_refused(void **state)
{
	struct place *place = *state;

	place->handle = open_as(place, BACKEND_MAKE);
	assert_non_null(place->handle);
	place_execute(place, "UPDATE assay_schema SET version=99");
	assert_null(open_as(place, BACKEND_READ));
	assert_non_null(strstr(place->why, "newer"));
	assert_null(open_as(place, BACKEND_MAKE));
	/* and whoever was there before writes no more */
	assert_int_equal(backend_postgresql.begin(place->handle), -E_SYSTEM);
	assert_non_null(strstr(backend_postgresql.why(place->handle), "newer"));
}

static void test_pg_foreign_database_stays_as_it_is(void **state)
{
	struct place *place = *state;

	place_execute(place, "CREATE TABLE accounts(name TEXT)");
	assert_null(open_as(place, BACKEND_MAKE));
	assert_non_null(strstr(place->why, "another program's"));
	assert_int_equal(place_number(place, "SELECT count(*) FROM pg_class WHERE relnamespace=current_schema()::regnamespace"), 1);
}

static void test_pg_open_change_and_read_make_nothing(void **state)
{
	struct place *place = *state;

	assert_null(open_as(place, BACKEND_READ));
	assert_null(open_as(place, BACKEND_CHANGE));
	assert_non_null(strstr(place->why, "no Assay schema"));
	assert_int_equal(place_number(place, "SELECT count(*) FROM pg_class WHERE relnamespace=current_schema()::regnamespace"), 0);
}

/* SQLite's version of a new database is PostgreSQL's, too, and so are tables and columns, but for those that pg_schema_flows.h tells. */
static void test_pg_schema_is_that_of_sqlite(void **state)
{
	struct place *place = *state, *file;
	static const char *const queries[] = {
		"SELECT peer,host,first,last,none,weak,ok,strong,days,tls_days,last_tls,changed,changed_sessions,settled,best,pinned,cert FROM peer",
		"SELECT key,first,last,passed,tries FROM greylist", "SELECT sum(peers+hosts+waiting+passed) FROM total",
		"SELECT key,questions,noted FROM shape", "SELECT id,reference,queue_id,time,bytes,length,data FROM trace",
		"SELECT sum(bytes) FROM trace_total", "SELECT id,hash,kinds,text FROM part",
		"SELECT id,outcome,sender,recipients,client,tls FROM kind", "SELECT hour,kind,messages,bytes,sessions FROM flow",
		"SELECT day,kind,messages,bytes,sessions FROM flow_day", "SELECT day FROM crowded", "SELECT sum(hours+days) FROM flow_total",
		"SELECT day,rows,lost FROM dmarc_day", "SELECT id,day,domain,policy,rua,rows,lost,report_id,file,closed FROM dmarc_policy",
		"SELECT policy,row,messages FROM dmarc_row", "SELECT policy,address,state,tries,next,claimed FROM dmarc_delivery",
		"SELECT id,day,domain,alike,first,last,incidents,state,tries,due,ruf,fields,header FROM failure",
		"SELECT day,domain,reports,beyond FROM failure_day",
	};
	void *other;

	place_make(&other, START);
	file = other;
	place->handle = open_as(place, BACKEND_MAKE);
	assert_non_null(place->handle);
	file->handle = backend_sqlite.open(file->path, BACKEND_MAKE, 1000, file->why, sizeof(file->why));
	assert_non_null(file->handle);
	assert_int_equal(place_number(place, "SELECT version FROM assay_schema"), place_number(file, "PRAGMA user_version"));
	for (size_t i = 0; i < sizeof(queries) / sizeof(queries[0]); i++) {
		place_execute(place, queries[i]);
		place_execute(file, queries[i]);
	}
	place_teardown(&other);
}

/* A database of version 8, as its first release made it: pg_schema_steps.h says that a step is never changed once it was released. */
static void make_version_8(struct place *place)
{
	static const char *const rows[] = {
		"INSERT INTO peer VALUES('a.example','',11,12,1,2,3,4,5,6,7,0,0,0,3,1,'CN=x'),('a.example','192.0.2.1',11,12,0,0,0,4,1,1,7,0,0,0,3,0,'')",
		"INSERT INTO greylist VALUES('key',21,22,0,2)", "INSERT INTO shape VALUES('a.example','q',31)",
		"INSERT INTO part(hash,kinds,text) VALUES('00000000-0000-0000-0000-000000000001',0,'p')",
		"INSERT INTO kind(hash,outcome,sender,recipients,client,tls) VALUES('00000000-0000-0000-0000-000000000002',1,1,1,1,1)",
		"INSERT INTO flow VALUES(3600,1,7,700,5)", "INSERT INTO flow_day VALUES(0,1,9,900,6)",
		"INSERT INTO dmarc_day VALUES(1,2,3)", "INSERT INTO failure_day VALUES(86400,'a.example',4,5)",
		"UPDATE assay_schema SET version=8",
	};

	place_execute(place, pg_schema_memory);
	place_execute(place, pg_schema_flows);
	place_execute(place, pg_schema_reports);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		place_execute(place, rows[i]);
}

/* All that the rows say, as one text. */
static void rows_of(struct place *place, char text_r[2000])
{
	snprintf(text_r, 2000, "%s", postgres_query(place->path, "SELECT string_agg(r,' ' ORDER BY r) FROM (SELECT one::text FROM peer AS one UNION ALL "
	    "SELECT greylist::text FROM greylist UNION ALL SELECT shape::text FROM shape UNION ALL SELECT part::text FROM part UNION ALL "
	    "SELECT kind::text FROM kind UNION ALL SELECT flow::text FROM flow UNION ALL SELECT flow_day::text FROM flow_day UNION ALL "
	    "SELECT flow_total::text FROM flow_total UNION ALL SELECT dmarc_day::text FROM dmarc_day UNION ALL "
	    "SELECT failure_day::text FROM failure_day) AS all_of_them(r)"));
}

static void brake_count(void *arg, const struct brake_row *row)
{
	*(unsigned *)arg += strcmp(row->policy, "gold") == 0;
}

static void test_pg_schema_before_is_brought_up_to_date_with_its_rows(void **state)
{
	const struct brake_row brake = { .policy = "gold", .finding = "spf-fail", .since_secs = 7200 };
	struct place *place = *state;
	char before[2000], after[2000];
	struct peer_memory memory;
	unsigned brakes = 0;

	make_version_8(place);
	rows_of(place, before);
	assert_non_null(strstr(before, "(a.example,\"\",11,12,1,2,3,4,5,6,7,0,0,0,3,1,CN=x)"));
	assert_non_null(strstr(before, "(3600,1,7,700,5)"));
	/* who only reads leaves it as it is, and reads what there is */
	place->handle = open_as(place, BACKEND_READ);
	assert_non_null(place->handle);
	assert_int_equal(backend_postgresql.peer_get(place->handle, "a.example", "", &memory), 0);
	assert_int_equal(memory.sessions, 1 + 2 + 3 + 4);
	assert_int_equal(backend_postgresql.brakes_each(place->handle, brake_count, &brakes), 0);
	backend_postgresql.close(&place->handle);
	assert_int_equal(place_number(place, "SELECT version FROM assay_schema"), 8);
	place->handle = open_as(place, BACKEND_MAKE);
	assert_non_null(place->handle);
	assert_int_equal(place_number(place, "SELECT version FROM assay_schema"), 9);
	rows_of(place, after);
	assert_string_equal(after, before);
	assert_int_equal(backend_postgresql.begin(place->handle), 0);
	assert_int_equal(backend_postgresql.brake_put(place->handle, &brake), 0);
	assert_int_equal(backend_postgresql.commit(place->handle), 0);
	assert_int_equal(backend_postgresql.brakes_each(place->handle, brake_count, &brakes), 0);
	assert_int_equal(brakes, 1);
}

/* A step that fails leaves all as it was, and says why. */
static void test_pg_schema_step_that_fails_changes_nothing(void **state)
{
	struct place *place = *state;

	make_version_8(place);
	place_execute(place, "CREATE TABLE brake(mine TEXT)");
	assert_null(open_as(place, BACKEND_MAKE));
	assert_non_null(strstr(place->why, "brake"));
	assert_int_equal(place_number(place, "SELECT version FROM assay_schema"), 8);
	assert_int_equal(place_number(place, "SELECT count(*) FROM peer"), 2);
	place_execute(place, "SELECT mine FROM brake");
}

/* There was no version before 8 on PostgreSQL, and whatever says so is not ours. */
static void test_pg_schema_that_no_assay_has_made_is_refused(void **state)
{
	static const char *const versions[] = { "7", "1", "0", "-1", "-5" };
	struct place *place = *state;

	make_version_8(place);
	for (size_t i = 0; i < sizeof(versions) / sizeof(versions[0]); i++) {
		char sql[64], said[64];

		snprintf(sql, sizeof(sql), "UPDATE assay_schema SET version=%s", versions[i]);
		snprintf(said, sizeof(said), "schema version %s, which no Assay has made", versions[i]);
		place_execute(place, sql);
		for (enum backend_access access = BACKEND_READ; access <= BACKEND_MAKE; access++) {
			place->why[0] = '\0';
			assert_null(open_as(place, access));
			assert_non_null(strstr(place->why, said));
		}
	}
	assert_int_equal(place_number(place, "SELECT count(*) FROM peer"), 2);
}

struct maker { struct place *place; struct backend_handle *handle; char why[256]; };

static void *make_one(void *arg)
{
	struct maker *maker = arg;

	maker->handle = backend_postgresql.open(maker->place->path, BACKEND_MAKE, 2000, maker->why, sizeof(maker->why));
	return NULL;
}

static void test_pg_schema_is_made_once_by_several(void **state)
{
	enum { MAKERS = 6 };
	struct maker makers[MAKERS] = { 0 };
	pthread_t threads[MAKERS];

	for (int i = 0; i < MAKERS; i++) {
		makers[i].place = *state;
		assert_int_equal(pthread_create(&threads[i], NULL, make_one, &makers[i]), 0);
	}
	for (int i = 0; i < MAKERS; i++) {
		assert_int_equal(pthread_join(threads[i], NULL), 0);
		assert_string_equal(makers[i].why, "");
		assert_non_null(makers[i].handle);
		backend_postgresql.close(&makers[i].handle);
	}
}

#define PG_TEST(f) { #f "_postgresql", f, place_setup_postgresql, place_teardown, NULL }

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pg_text_any_octets_come_back),
		PG_TEST(test_pg_texts_and_long_keys_are_taken),
		PG_TEST(test_pg_newer_schema_is_refused),
		PG_TEST(test_pg_foreign_database_stays_as_it_is),
		PG_TEST(test_pg_open_change_and_read_make_nothing),
		PG_TEST(test_pg_schema_is_that_of_sqlite),
		PG_TEST(test_pg_schema_before_is_brought_up_to_date_with_its_rows),
		PG_TEST(test_pg_schema_step_that_fails_changes_nothing),
		PG_TEST(test_pg_schema_that_no_assay_has_made_is_refused),
		PG_TEST(test_pg_schema_is_made_once_by_several),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
