/* SPDX-License-Identifier: BSD-2-Clause */
/* record: notes that a database refuses by themselves, among others that it takes, and errors that are none of a note's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "record/store_internal.h"
#include "store_rows.h"
#include "util/error.h"

enum { KINDS = 7, MIXTURE = 1700 };

/* Of each kind a table with a text by which a note is refused, and what counts those that are there. */
static const struct { const char *table, *column, *count; } kinds[KINDS] = {
	[NOTE_PEER] = { "peer", "peer", "SELECT coalesce(sum(strong),0) FROM peer WHERE host=''" },
	[NOTE_GREYLIST] = { "greylist", "key", "SELECT coalesce(sum(tries),0) FROM greylist" },
	[NOTE_FLOW] = { "part", "text", "SELECT coalesce(sum(messages),0) FROM flow" },
	[NOTE_SHAPE] = { "shape", "key", "SELECT count(*) FROM shape" },
	[NOTE_DMARC] = { "dmarc_policy", "domain", "SELECT coalesce(sum(messages),0) FROM dmarc_row" },
	[NOTE_FAILURE] = { "failure", "domain", "SELECT coalesce(sum(incidents),0) FROM failure" },
	[NOTE_TRACE] = { "trace", "reference", "SELECT count(*) FROM trace" },
};

static char refusals[8][1600];
static unsigned refusal_count;
static atomic_uint down_count;	/* looked at while the writer is at work */

static void remember(enum store_news news, const char *text)
{
	if (news == STORE_REFUSED && refusal_count++ < 8)
		snprintf(refusals[refusal_count - 1], sizeof(refusals[0]), "%s", text);
	down_count += news == STORE_DOWN;
}

static struct store *place_watched(struct place *place)
{
	refusal_count = down_count = 0;
	place->config.changed = remember;
	place_store(place);
	for (int i = 0; i < 1000 && !store_is_up(place->store); i++)
		usleep(10000);	/* until its tables are there */
	assert_true(store_is_up(place->store));
	return place->store;
}

static int place_setup(void **state)
{
	return place_make(state, START);
}

static int place_setup_postgresql(void **state)
{
	return place_make_postgresql(state, START);
}

/* From now on the database refuses rows of that kind whose text has a word: as a constraint, or as a trigger of somebody's does. */
static void refuse(const struct place *place, unsigned kind, const char *word, bool constraint)
{
	const char *table = kinds[kind].table, *column = kinds[kind].column;
	char sql[500];

	if (place->backend == &backend_sqlite) {
		snprintf(sql, sizeof(sql), "CREATE TRIGGER refuse_%s BEFORE INSERT ON %s WHEN instr(NEW.%s,'%s') BEGIN "
		    "SELECT RAISE(ABORT,'refused by a test'); END", table, table, column, word);
	} else if (constraint) {
		snprintf(sql, sizeof(sql), "ALTER TABLE %s ADD CONSTRAINT \"refused by a test\" CHECK (strpos(%s,'%s')=0)", table, column, word);
	} else {
		snprintf(sql, sizeof(sql), "CREATE FUNCTION refuse_%s() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN IF strpos(NEW.%s,''%s'')>0 THEN "
		    "RAISE EXCEPTION ''refused by a test''; END IF; RETURN NEW; END'", table, column, word);
		place_execute(place, sql);
		snprintf(sql, sizeof(sql), "CREATE TRIGGER refuse BEFORE INSERT ON %s FOR EACH ROW EXECUTE FUNCTION refuse_%s()", table, table);
	}
	place_execute(place, sql);
}

/* A note of a kind about that name, by a message of that id. */
static int note_of(struct store *store, unsigned kind, const char *name, const char *id)
{
	switch ((enum note_kind)kind) {
	case NOTE_PEER:
		return store_peer_note(store, &(struct peer_note){ .peer = name, .host = "192.0.2.1", .grade = 3, .time_secs = START,
			.queue_id = id });
	case NOTE_GREYLIST:
		return store_greylist_note(store, name, START, false);
	case NOTE_FLOW:
		return store_flow_note(store, &(struct flow_note){ .author_domain = name, .action = "none", .bytes = 1, .time_secs = START,
			.queue_id = id });
	case NOTE_SHAPE:
		return store_shape_note(store, name, "e 1 a\n", START);
	case NOTE_DMARC:
		return store_dmarc_note(store, &(struct dmarc_note){ .domain = name, .policy = "p", .rua = "r", .row = "x", .time_secs = START,
			.queue_id = id });
	case NOTE_FAILURE:
		return store_failure_note(store, &(struct failure_note){ .domain = name, .alike = "a", .ruf = "r", .fields = "f", .header = "h",
			.domain_max = 100000, .day_max = 100000, .time_secs = START, .queue_id = id });
	case NOTE_TRACE:
		return store_trace_note(store, &(struct trace_note){ .reference = name, .queue_id = id, .text = "t", .time_secs = START });
	}
	return -E_ABSENT;
}

static void wait_for_end(struct store *store, struct store_statistics *statistics_r)
{
	for (int i = 0; i < 60; i++) {
		(void)store_flush(store);
		store_statistics(store, statistics_r);
		if (statistics_r->queued == 0 && statistics_r->written + statistics_r->refused + statistics_r->lost == statistics_r->noted)
			return;
		usleep(100000);
	}
}

/* Of a mixture, in runs and alone, first and last: each good note is there once, each other is counted, and the database is never away. */
static void mixture(struct place *place, unsigned seed, bool constraint)
{
	struct store *store = place_watched(place);
	uint64_t good[KINDS] = { 0 }, bad = 0;
	struct store_statistics statistics;
	char name[64];

	for (unsigned kind = 0; kind < KINDS; kind++)
		refuse(place, kind, "poison", constraint);
	srand(seed);
	for (unsigned i = 0; i < MIXTURE; i++) {
		unsigned kind = (unsigned)rand() % KINDS;
		bool poison = i == 0 || i == MIXTURE - 1 || rand() % 40 == 0 || (i >= 1000 && i < 1010) || (i >= 1500 && i < 1540 && i % 2 == 0);

		if (kind == NOTE_FAILURE && good[kind] > 50)
			kind = NOTE_FLOW;	/* of those only so many may wait */
		snprintf(name, sizeof(name), "%s%u.example", poison ? "poison" : "n", i);
		assert_int_equal(note_of(store, kind, name, "Q1"), 0);
		good[kind] += !poison;
		bad += poison;
	}
	wait_for_end(store, &statistics);
	assert_int_equal(statistics.refused, bad);
	assert_int_equal(refusal_count, bad);
	assert_int_equal(statistics.lost + statistics.dropped, 0);
	assert_int_equal(statistics.written, MIXTURE - bad);
	assert_int_equal(down_count, 0);
	for (unsigned kind = 0; kind < KINDS; kind++)
		if ((uint64_t)place_number(place, kinds[kind].count) != good[kind])
			fail_msg("%s: %lld of %llu", kinds[kind].table, (long long)place_number(place, kinds[kind].count),
			    (unsigned long long)good[kind]);
	assert_totals(place);
	assert_int_equal(place_kinds_astray(place), 0);
}

static void test_store_refused_notes_cost_no_other(void **state)
{
	mixture(*state, 1, true);
}

static void test_store_notes_refused_by_a_trigger_cost_no_other(void **state)
{
	mixture(*state, 2, false);
}

/* Whoever reads the log finds the message, the row and the reason, and what to do. */
static void test_store_refused_note_is_told(void **state)
{
	static const char *const names[KINDS] = {
		[NOTE_PEER] = " peer=poison1.example host=192.0.2.1", [NOTE_GREYLIST] = " key=poison2.example", [NOTE_FLOW] = " author=poison3.example",
		[NOTE_SHAPE] = " key=poison4.example", [NOTE_DMARC] = " domain=poison5.example", [NOTE_FAILURE] = " domain=poison6.example",
		[NOTE_TRACE] = " ref=poison7.example",
	};
	static const char *const words[KINDS] = {
		[NOTE_PEER] = "kind=peer id=Q0", [NOTE_GREYLIST] = "kind=greylist", [NOTE_FLOW] = "kind=flow id=Q2", [NOTE_SHAPE] = "kind=shape",
		[NOTE_DMARC] = "kind=dmarc id=Q4", [NOTE_FAILURE] = "kind=failure id=Q5", [NOTE_TRACE] = "kind=trace id=Q6",
	};
	struct place *place = *state;
	struct store *store = place_watched(place);
	struct store_statistics statistics;
	char name[32], id[8];

	for (unsigned kind = 0; kind < KINDS; kind++) {
		refuse(place, kind, "poison", true);
		snprintf(name, sizeof(name), "poison%u.example", kind + 1);
		snprintf(id, sizeof(id), "Q%u", kind);
		assert_int_equal(note_of(store, kind, name, id), 0);
		assert_int_equal(store_flush(store), -E_SYSTEM);	/* it was given up */
		assert_int_equal(refusal_count, kind + 1);
		if (strstr(refusals[kind], "refused by a test") == NULL || strstr(refusals[kind], names[kind]) == NULL ||
		    strstr(refusals[kind], words[kind]) == NULL || strstr(refusals[kind], "constraint or trigger that is not Assay's") == NULL ||
		    strncmp(refusals[kind], place->path, 20) != 0)
			fail_msg("%s", refusals[kind]);
	}
	store_statistics(store, &statistics);
	assert_true(statistics.up);
	assert_int_equal(down_count, 0);
}

/* A try that cannot be remembered must not wait, however often it comes; the others are as they were. */
static void test_store_refused_try_is_no_memory(void **state)
{
	struct place *place = *state;
	struct store *store = place_watched(place);
	struct greylist_entry entry;

	refuse(place, NOTE_GREYLIST, "poison", true);
	assert_int_equal(store_greylist_get(store, "poison.example", &entry), -E_ABSENT);
	assert_int_equal(store_greylist_note(store, "poison.example", START, false), 0);
	assert_int_equal(store_greylist_note(store, "good.example", START, false), 0);
	assert_int_equal(store_flush(store), -E_SYSTEM);
	assert_int_equal(store_greylist_get(store, "poison.example", &entry), -E_SYSTEM);
	assert_int_equal(store_greylist_get(store, "good.example", &entry), 0);
	assert_int_equal(store_greylist_get(store, "other.example", &entry), -E_ABSENT);
}

/* What is written before the end is all that the database takes. */
static void test_store_stop_writes_what_is_not_refused(void **state)
{
	struct place *place = *state;
	struct store_statistics statistics;
	struct store *store;
	char name[32];

	place->config.commit_interval_ms = 10000;	/* nothing begins before the end */
	store = place_watched(place);
	refuse(place, NOTE_PEER, "poison", true);
	for (unsigned i = 0; i < 300; i++) {
		snprintf(name, sizeof(name), "%s%u.example", i >= 100 && i < 130 ? "poison" : "n", i);
		assert_int_equal(note_of(store, NOTE_PEER, name, NULL), 0);
	}
	store_stop(store);
	store_statistics(store, &statistics);
	assert_int_equal(statistics.written, 270);
	assert_int_equal(statistics.refused, 30);
	assert_int_equal(statistics.lost, 0);
	assert_int_equal(place_number(place, kinds[NOTE_PEER].count), 270);
}

/* A table that is not there is no fault of a note's, be it alone. */
static void test_store_missing_table_loses_nothing(void **state)
{
	struct place *place = *state;
	struct store *store = place_watched(place);
	struct store_statistics statistics;

	assert_int_equal(note_of(store, NOTE_GREYLIST, "a", NULL), 0);
	assert_int_equal(store_flush(store), 0);
	place_execute(place, "ALTER TABLE greylist RENAME TO aside");
	assert_int_equal(note_of(store, NOTE_GREYLIST, "b", NULL), 0);
	for (int i = 0; i < 100 && store_is_up(store); i++)
		usleep(50000);
	usleep(1500000);	/* it is tried again */
	store_statistics(store, &statistics);
	place_execute(place, "ALTER TABLE aside RENAME TO greylist");
	assert_int_equal(statistics.refused + statistics.lost, 0);
	assert_int_equal(statistics.written, 1);
	assert_int_equal(statistics.queued, 1);
	assert_int_equal(store_flush(store), 0);
	assert_int_equal(place_number(place, kinds[NOTE_GREYLIST].count), 2);
	assert_int_equal(refusal_count, 0);
}

/* Where note after note is refused it is no longer said to be the notes' fault: the next ones wait, and are there when it is mended. */
static void test_store_that_refuses_all_keeps_most(void **state)
{
	enum { NOTES = 200 };
	struct place *place = *state;
	struct store *store;
	struct store_statistics statistics;
	char name[32];

	place->config.retry_secs = 5;
	store = place_watched(place);
	refuse(place, NOTE_PEER, "example", false);
	for (unsigned i = 0; i < NOTES; i++) {
		snprintf(name, sizeof(name), "n%u.example", i);
		assert_int_equal(note_of(store, NOTE_PEER, name, NULL), 0);
	}
	for (int i = 0; i < 300 && down_count == 0; i++)
		usleep(50000);
	store_statistics(store, &statistics);
	assert_false(statistics.up);
	assert_in_range(statistics.refused, 2, 25);
	place_execute(place, place->backend == &backend_sqlite ? "DROP TRIGGER refuse_peer" : "DROP TRIGGER refuse ON peer");
	wait_for_end(store, &statistics);
	assert_in_range(statistics.refused, 2, 25);
	assert_int_equal(statistics.written, NOTES - statistics.refused);
	assert_int_equal(place_number(place, kinds[NOTE_PEER].count), NOTES - statistics.refused);
}

/* A table that was changed under a connection's statements is not taken for a refusal of what is written. */
static void test_pg_plan_of_an_old_table_loses_nothing(void **state)
{
	struct place *place = *state;
	struct store *store = place_watched(place);
	struct store_statistics statistics;

	assert_int_equal(note_of(store, NOTE_GREYLIST, "a", NULL), 0);
	assert_int_equal(store_flush(store), 0);
	place_execute(place, "ALTER TABLE greylist ALTER tries TYPE INTEGER");
	assert_int_equal(note_of(store, NOTE_GREYLIST, "a", NULL), 0);
	assert_int_equal(store_flush(store), 0);
	store_statistics(store, &statistics);
	assert_int_equal(statistics.refused, 0);
	assert_int_equal(place_number(place, kinds[NOTE_GREYLIST].count), 2);
}

#define PG_TEST(f) { #f "_postgresql", f, place_setup_postgresql, place_teardown, NULL }

int main(void)
{
	const struct CMUnitTest tests[] = {
		PLACE_TESTS(test_store_refused_notes_cost_no_other, place_setup),
		PG_TEST(test_store_notes_refused_by_a_trigger_cost_no_other),
		PLACE_TESTS(test_store_refused_note_is_told, place_setup),
		PLACE_TESTS(test_store_refused_try_is_no_memory, place_setup),
		PLACE_TESTS(test_store_stop_writes_what_is_not_refused, place_setup),
		PLACE_TESTS(test_store_missing_table_loses_nothing, place_setup),
		PLACE_TESTS(test_store_that_refuses_all_keeps_most, place_setup),
		PG_TEST(test_pg_plan_of_an_old_table_loses_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
