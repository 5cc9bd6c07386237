/* SPDX-License-Identifier: BSD-2-Clause */
/* record/store_readers.c on a real server: what a message waits for one answer is one time, whatever stands before the answer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <libpq-fe.h>
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

#include "store_fixture.h"
#include "util/clock.h"
#include "util/error.h"

enum { START = 1700000000, DAY = 86400 };

static int place_setup_postgresql(void **state)
{
	return place_make_postgresql(state, START + DAY);
}

enum { QUESTION_MS = 1000, HELD_MS = 800, LATE_MS = 1400 };	/* what was waited for twice took HELD_MS and QUESTION_MS */

/* Holds a table for so long by another connection, which is there when this returns, or at least stands in line. */
static PGconn *hold(const struct place *place, const char *table, int held_ms)
{
	PGconn *other = PQconnectdb(place->path);
	char sql[200];

	assert_int_equal(PQstatus(other), CONNECTION_OK);
	snprintf(sql, sizeof(sql), "BEGIN; LOCK TABLE %s IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep(%d.%03d); COMMIT", table, held_ms / 1000,
	    held_ms % 1000);
	assert_int_equal(PQsendQuery(other, sql), 1);
	snprintf(sql, sizeof(sql), "SELECT count(*) FROM pg_locks WHERE relation='%s'::regclass AND mode='AccessExclusiveLock' AND pid=%d", table,
	    PQbackendPID(other));
	for (int i = 0; i < 200 && place_number(place, sql) == 0; i++)
		usleep(5000);
	return other;
}

static struct store *place_opened(struct place *place)
{
	place->config.busy_ms = QUESTION_MS;
	place->config.readers_max = 1;
	place_store(place);
	for (int i = 0; i < 1000 && !store_is_up(place->store); i++)
		usleep(10000);
	assert_true(store_is_up(place->store));
	return place->store;
}

static void *ask(void *store)
{
	struct peer_memory memory;

	(void)store_peer_get(store, "first", &memory);
	return NULL;
}

/* @return how long a question takes that is not answered. */
static int64_t vain_ms(struct store *store)
{
	int64_t began_ms = clock_monotonic_ms();
	struct peer_memory memory;

	assert_int_equal(store_peer_get(store, "second", &memory), -E_SYSTEM);
	return clock_monotonic_ms() - began_ms;
}

/* Connecting takes nearly all of the time, and the answer would take as long again. */
static void test_pg_time_for_an_answer_is_also_for_connecting(void **state)
{
	struct place *place = *state;
	struct store *store = place_opened(place);
	PGconn *schema = hold(place, "assay_schema", HELD_MS), *peers = hold(place, "peer", 5000);
	int64_t took_ms = vain_ms(store);

	PQfinish(schema);
	PQfinish(peers);
	assert_in_range(took_ms, 0, LATE_MS);
}

/* The only place becomes free late, and its connection then waits for somebody else. */
static void test_pg_time_for_an_answer_is_also_for_a_place(void **state)
{
	struct place *place = *state;
	struct store *store = place_opened(place);
	struct peer_memory memory;
	PGconn *before, *behind;
	pthread_t first;
	int64_t took_ms;

	(void)store_peer_get(store, "x", &memory);	/* the connection is there */
	before = hold(place, "peer", HELD_MS);
	assert_int_equal(pthread_create(&first, NULL, ask, store), 0);
	for (int i = 0; i < 200 && place_number(place, "SELECT count(*) FROM pg_locks WHERE relation='peer'::regclass AND NOT granted") == 0; i++)
		usleep(2000);
	behind = hold(place, "peer", 5000);
	took_ms = vain_ms(store);
	pthread_join(first, NULL);
	PQfinish(before);
	PQfinish(behind);
	assert_in_range(took_ms, 0, LATE_MS);
}

#define PG_TEST(f) { #f "_postgresql", f, place_setup_postgresql, place_teardown, NULL }

int main(void)
{
	const struct CMUnitTest tests[] = {
		PG_TEST(test_pg_time_for_an_answer_is_also_for_connecting),
		PG_TEST(test_pg_time_for_an_answer_is_also_for_a_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
