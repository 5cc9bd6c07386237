/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * record/pg*: whatever a server does, who waits for it waits for a time that is known before: a server that hangs, one that takes nearly
 * as long as it may for each answer, and one that takes nothing any more. On a real one, whose processes are stopped.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "postgres_fixture.h"
#include "record/group.h"
#include "record/pg_internal.h"
#include "store_fixture.h"
#include "util/clock.h"
#include "util/error.h"

/* A writer waits five times as long for an answer as for a lock (pg.c). Connecting has a time of its own: libpq's least is two seconds. */
enum { START = 1700000000, DAY = 86400, BUSY_MS = 60, WRITER_MS = 5 * BUSY_MS, CONNECT_MS = 2000, MACHINE_MS = 4000 };

static int place_setup_postgresql(void **state)
{
	struct place *place;

	place_make_postgresql(state, START + 400 * DAY);
	place = *state;
	snprintf(place->path + strlen(place->path), sizeof(place->path) - strlen(place->path), " connect_timeout=2");
	return 0;
}

static struct backend_handle *open_as(struct place *place, enum backend_access access)
{
	return backend_postgresql.open(place->path, access, BUSY_MS, place->why, sizeof(place->why));
}

/* ---- a server that hangs ------------------------------------------------------------------------------------------ */

static void row_drop(void *arg, const struct brake_row *row)
{
	(void)arg;
	(void)row;
}

static void shape_drop(void *arg, const char *key, const char *text, int64_t time_secs)
{
	(void)arg;
	(void)key;
	(void)text;
	(void)time_secs;
}

static void peer_drop(void *arg, const char *peer, const struct peer_memory *memory)
{
	(void)arg;
	(void)peer;
	(void)memory;
}

static int do_begin(struct backend_handle *handle)
{
	return backend_postgresql.begin(handle);
}

/* In a transaction that has begun before. */
static int do_flow(struct backend_handle *handle)
{
	const struct flow_note note = { .author_domain = "a.example", .action = "accept", .time_secs = START };
	int code = backend_postgresql.flow_add(handle, &note);

	return code == 0 ? backend_postgresql.commit(handle) : code;
}

static int do_foresee(struct backend_handle *handle)
{
	const struct backend_ask ask = { .peer = "x", .host = "" };

	return backend_postgresql.foresee(handle, &ask, 1);
}

static int do_fold(struct backend_handle *handle)
{
	static const struct pg_sql sql = { "", "SELECT 1" };
	struct pg_call call;

	pg_call_begin(&call, handle, &sql);
	return pg_each(&call, NULL, NULL);
}

static int do_shapes(struct backend_handle *handle)
{
	return backend_postgresql.shapes_each(handle, 10, shape_drop, NULL);
}

static int do_brakes(struct backend_handle *handle)
{
	return backend_postgresql.brakes_each(handle, row_drop, NULL);
}

static int do_peers(struct backend_handle *handle)
{
	return backend_postgresql.peers_each(handle, "", 10, peer_drop, NULL);
}

static int do_expire(struct backend_handle *handle)
{
	const struct backend_expiry expiry = { .flows_secs = START };
	struct backend_expired expired;

	return backend_postgresql.expire(handle, &expiry, 100, &expired);
}

static int do_take(struct backend_handle *handle)
{
	struct failure_row row;

	return backend_postgresql.failure_take(handle, START, START, START, NULL, &row);
}

static int do_days(struct backend_handle *handle)
{
	uint64_t lost;

	return backend_postgresql.dmarc->day_lost(handle, 1, &lost);
}

static int do_rollback(struct backend_handle *handle)
{
	backend_postgresql.rollback(handle);
	return -E_SYSTEM;
}

static void test_pg_frozen_server_costs_a_writer_no_more_than_its_time(void **state)
{
	static const struct { const char *name; int (*run)(struct backend_handle *handle); bool begun; } calls[] = {
		{ "begin", do_begin, false }, { "flow", do_flow, true }, { "foresee", do_foresee, true }, { "scan", do_fold, true },
		{ "shapes", do_shapes, false }, { "brakes", do_brakes, false }, { "peers", do_peers, false }, { "expire", do_expire, false },
		{ "take", do_take, false }, { "days", do_days, false }, { "rollback", do_rollback, true },
	};
	struct place *place = *state;

	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		int64_t began_ms;
		int code;

		place->handle = open_as(place, BACKEND_MAKE);
		assert_non_null(place->handle);
		if (calls[i].begun)
			assert_int_equal(backend_postgresql.begin(place->handle), 0);
		postgres_freeze();
		began_ms = clock_monotonic_ms();
		code = calls[i].run(place->handle);
		backend_postgresql.close(&place->handle);
		began_ms = clock_monotonic_ms() - began_ms;
		postgres_thaw();
		if (code != -E_SYSTEM || began_ms > PG_TRANSACTION_TIMES * WRITER_MS + MACHINE_MS)
			fail_msg("%s: %d after %lld ms", calls[i].name, code, (long long)began_ms);
	}
}

static void test_pg_frozen_server_costs_opening_no_more_than_its_time(void **state)
{
	struct place *place = *state;
	int64_t began_ms, writer_ms, reader_ms;
	struct backend_handle *writer, *reader;

	place->handle = open_as(place, BACKEND_MAKE);	/* shows the way */
	assert_non_null(place->handle);
	postgres_freeze();
	began_ms = clock_monotonic_ms();
	writer = open_as(place, BACKEND_MAKE);
	writer_ms = clock_monotonic_ms() - began_ms;
	reader = open_as(place, BACKEND_READ);
	reader_ms = clock_monotonic_ms() - began_ms - writer_ms;
	postgres_thaw();
	assert_null(writer);
	assert_null(reader);
	assert_in_range(writer_ms, 0, CONNECT_MS + WRITER_MS + MACHINE_MS);
	assert_in_range(reader_ms, 0, BUSY_MS + MACHINE_MS);
	assert_non_null(strstr(place->why, "in time"));
}

/* What waits goes when there is time left, and who stops waits for no more than the group that is under way. */
static void test_pg_frozen_server_holds_up_no_stop(void **state)
{
	struct place *place = *state;
	struct flow_note note = { .author_domain = "a.example", .action = "accept", .time_secs = START };
	struct store_statistics statistics;
	struct store *store;
	int64_t began_ms;

	place->config.stop_ms = 300;
	store = place_store(place);
	assert_int_equal(store_flow_note(store, &note), 0);
	assert_int_equal(store_flush(store), 0);
	postgres_freeze();
	for (int i = 0; i < 100; i++)
		assert_int_equal(store_flow_note(store, &note), 0);
	usleep(100000);
	began_ms = clock_monotonic_ms();
	store_stop(store);
	began_ms = clock_monotonic_ms() - began_ms;
	postgres_thaw();
	assert_in_range(began_ms, 0, 5000 + MACHINE_MS);
	store_statistics(store, &statistics);
	assert_int_equal(statistics.lost, 100);
	assert_int_equal(statistics.written, 1);
}

struct asker { struct store *store; int64_t took_ms; pthread_barrier_t *together; };

static void *ask(void *arg)
{
	struct asker *asker = arg;
	struct peer_memory memory;

	pthread_barrier_wait(asker->together);
	asker->took_ms = clock_monotonic_ms();
	(void)store_peer_get(asker->store, "x", &memory);
	asker->took_ms = clock_monotonic_ms() - asker->took_ms;
	return NULL;
}

/* Those who find all connections in use by others that wait do not wait for them longer than for an answer. */
static void test_pg_frozen_server_costs_those_in_line_no_more_than_their_time(void **state)
{
	enum { ASKERS = 12 };
	struct place *place = *state;
	struct asker askers[ASKERS];
	pthread_barrier_t together;
	pthread_t threads[ASKERS];
	struct peer_memory memory;
	unsigned in_time = 0;

	place->config.readers_max = 1;
	place->config.busy_ms = BUSY_MS;
	place_store(place);
	while (store_peer_get(place->store, "y", &memory) == -E_SYSTEM)
		usleep(10000);
	pthread_barrier_init(&together, NULL, ASKERS);
	postgres_freeze();
	for (int i = 0; i < ASKERS; i++) {
		askers[i] = (struct asker){ .store = place->store, .together = &together };
		assert_int_equal(pthread_create(&threads[i], NULL, ask, &askers[i]), 0);
	}
	for (int i = 0; i < ASKERS; i++) {
		pthread_join(threads[i], NULL);
		/* the rest, and not all of them, for a busy machine */
		in_time += askers[i].took_ms <= BUSY_MS + 700;
	}
	postgres_thaw();
	pthread_barrier_destroy(&together);
	assert_in_range(in_time, ASKERS / 2, ASKERS);
}

/* ---- a server that takes its time --------------------------------------------------------------------------------- */

enum { TARDY_MS = 300, PATIENT_MS = 200, PATIENT_WRITER_MS = 5 * PATIENT_MS };	/* each answer comes well in time */

/* The place, by a way that takes its time. */
static struct postgres_proxy *tardy_open(struct place *place)
{
	struct postgres_proxy *proxy = postgres_proxy_start(place->directory);
	char path[sizeof(place->path)];

	snprintf(path, sizeof(path), "host=%s%s", place->directory, strchr(place->path, ' '));
	place->handle = backend_postgresql.open(path, BACKEND_MAKE, PATIENT_MS, place->why, sizeof(place->why));
	assert_non_null(place->handle);
	postgres_proxy_delay(proxy, TARDY_MS);
	return proxy;
}

/* Others wait for the turn of whoever writes: many answers, each in time, must not add up. */
static void test_pg_tardy_server_costs_a_transaction_no_more_than_its_time(void **state)
{
	struct place *place = *state;
	struct postgres_proxy *proxy = tardy_open(place);
	struct failure_note note = { .domain = "a.example", .ruf = "mailto:x@a.example", .fields = "f", .header = "h", .time_secs = START,
		.domain_max = 1000, .day_max = 1000 };
	int64_t began_ms = clock_monotonic_ms();
	char alike[20];
	int code;

	code = backend_postgresql.begin(place->handle);
	for (int i = 0; i < 50 && code == 0; i++) {
		snprintf(alike, sizeof(alike), "%d", i);
		note.alike = alike;
		code = backend_postgresql.failure_add(place->handle, &note);
	}
	backend_postgresql.rollback(place->handle);
	assert_int_equal(code, -E_SYSTEM);
	assert_non_null(strstr(backend_postgresql.why(place->handle), "in time"));
	assert_in_range(clock_monotonic_ms() - began_ms, PATIENT_WRITER_MS, (1 + PG_TRANSACTION_TIMES) * PATIENT_WRITER_MS + MACHINE_MS);
	postgres_proxy_stop(&proxy);
}

/* A step of expiry ends soon, too, and what it did not come to comes next: in the end all that is too old is gone. */
static void test_pg_tardy_server_costs_a_step_of_expiry_no_more_than_its_time(void **state)
{
	static const char *const old[] = { "INSERT INTO peer VALUES('x','',1,1,0,0,0,1,1,1,1,0,0,0,3,0,'')",
		"INSERT INTO shape VALUES('x','y',1)", "INSERT INTO greylist VALUES('x',1,1,0,1),('y',1,1,1,1)",
		"INSERT INTO dmarc_day VALUES(1,0,0)", "INSERT INTO failure_day VALUES(86400,'',1,0)",
		"INSERT INTO trace(reference,queue_id,time,bytes,length,data) VALUES('r','',1,1,1,'x'),('s','',1700000000,1000,1,'x'),"
		"('t','',1700000000,1000,1,'x')" };
	const struct backend_expiry expiry = { .flows_secs = START, .peers_secs = START, .shapes_secs = START, .failures_secs = START,
		.traces_secs = START, .greylist_passed_secs = START, .greylist_waiting_secs = START, .dmarc_secs = START, .shapes_max = 10,
		.traces_max_bytes = 1500 };
	struct place *place = *state;
	struct postgres_proxy *proxy = tardy_open(place);
	struct backend_expired expired;
	unsigned steps = 0, trimmed = 0;
	int64_t longest_ms = 0;

	for (size_t i = 0; i < sizeof(old) / sizeof(old[0]); i++)
		place_execute(place, old[i]);
	do {
		int64_t began_ms = clock_monotonic_ms();

		assert_int_equal(backend_postgresql.expire(place->handle, &expiry, 100, &expired), 0);
		began_ms = clock_monotonic_ms() - began_ms;
		longest_ms = began_ms > longest_ms ? began_ms : longest_ms;
		trimmed += expired.trimmed[STORE_CAP_TRACES];
	} while (expired.more && ++steps < 100);
	postgres_proxy_stop(&proxy);
	/* what is one after the other in a step is a few answers each */
	assert_in_range(longest_ms, 0, PATIENT_WRITER_MS + 6 * TARDY_MS + MACHINE_MS);
	assert_in_range(steps, 2, 20);
	assert_int_equal(trimmed, 1);
	assert_int_equal(place_number(place, "SELECT (SELECT count(*) FROM peer)+(SELECT count(*) FROM shape)+(SELECT count(*) FROM greylist)+"
	    "(SELECT count(*) FROM dmarc_day)+(SELECT count(*) FROM failure_day)+(SELECT count(*) FROM trace WHERE time=1)"), 0);
}

/* Nothing is taken off the connection any more: what does not go out is not waited for longer either. */
static void test_pg_server_that_takes_nothing_costs_no_more_than_its_time(void **state)
{
	enum { TEXT_BYTES = 1 << 20 };
	struct place *place = *state;
	struct postgres_proxy *proxy = tardy_open(place);
	char *text = malloc(TEXT_BYTES);
	struct flow_note note = { .action = "accept", .time_secs = START };
	int64_t began_ms;
	int code = 0;

	assert_non_null(text);
	memset(text, 'a', TEXT_BYTES - 1);
	text[TEXT_BYTES - 1] = '\0';
	postgres_proxy_delay(proxy, 0);
	assert_int_equal(backend_postgresql.begin(place->handle), 0);
	postgres_proxy_delay(proxy, -1);
	usleep(50000);
	began_ms = clock_monotonic_ms();
	for (int i = 0; i < 20 && code == 0; i++) {
		text[0] = (char)('b' + i);
		note.author_domain = text;
		code = backend_postgresql.flow_add(place->handle, &note);
	}
	if (code == 0)
		code = backend_postgresql.commit(place->handle);
	began_ms = clock_monotonic_ms() - began_ms;
	assert_int_equal(code, -E_SYSTEM);
	backend_postgresql.close(&place->handle);
	postgres_proxy_stop(&proxy);
	free(text);
	assert_in_range(began_ms, 0, PG_TRANSACTION_TIMES * PATIENT_WRITER_MS + MACHINE_MS);
}

#define PG_TEST(f) { #f "_postgresql", f, place_setup_postgresql, place_teardown, NULL }

int main(void)
{
	const struct CMUnitTest tests[] = {
		PG_TEST(test_pg_frozen_server_costs_a_writer_no_more_than_its_time),
		PG_TEST(test_pg_frozen_server_costs_opening_no_more_than_its_time),
		PG_TEST(test_pg_frozen_server_holds_up_no_stop),
		PG_TEST(test_pg_frozen_server_costs_those_in_line_no_more_than_their_time),
		PG_TEST(test_pg_tardy_server_costs_a_transaction_no_more_than_its_time),
		PG_TEST(test_pg_tardy_server_costs_a_step_of_expiry_no_more_than_its_time),
		PG_TEST(test_pg_server_that_takes_nothing_costs_no_more_than_its_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
