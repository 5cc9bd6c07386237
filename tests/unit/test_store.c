/* SPDX-License-Identifier: BSD-2-Clause */
/* record: the store on real databases: round trips, retention by age and by number, many threads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdatomic.h>
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

static int place_setup_postgresql(void **state)
{
	return place_make_postgresql(state, START + 2 * DAY);
}

static void test_store_open_without_path(void **state)
{
	struct store_config config = { .location = "" };
	char why[100] = "";

	(void)state;
	assert_null(store_open(&config, why, sizeof(why)));
	assert_string_not_equal(why, "");
}

static void test_store_peer_round_trip_survives_restart(void **state)
{
	struct place *place = *state;
	struct store *store = place_store(place);
	struct peer_memory memory;
	struct peer_note note = { .peer = "example.org", .host = "192.0.2.1", .grade = 3, .cert = "CN=mx", .time_secs = START };

	for (int i = 0; i < 5; i++)
		assert_int_equal(store_peer_note(store, &note), 0);
	note.host = "192.0.2.2";
	note.cert = NULL;
	note.time_secs += DAY;
	assert_int_equal(store_peer_note(store, &note), 0);
	assert_int_equal(store_flush(store), 0);
	store_close(&place->store);
	store = place_store(place);
	assert_int_equal(store_flush(store), 0);
	assert_int_equal(store_peer_get(store, "example.org", &memory), 0);
	assert_int_equal(memory.sessions, 6);
	assert_int_equal(memory.days, 2);
	assert_int_equal(memory.grades[3], 6);
	assert_string_equal(memory.last_cert, "CN=mx");
	assert_int_equal(store_peer_host_get(store, "example.org", "192.0.2.2", &memory), 0);
	assert_int_equal(memory.sessions, 1);
	assert_int_equal(store_peer_get(store, "example.net", &memory), -E_ABSENT);
}

static void test_store_greylist_counts_tries(void **state)
{
	struct place *place = *state;
	struct store *store = place_store(place);
	struct greylist_entry entry;

	assert_int_equal(store_greylist_note(store, "k", START, false), 0);
	assert_int_equal(store_greylist_note(store, "k", START + 60, false), 0);
	assert_int_equal(store_greylist_note(store, "k", START + 600, true), 0);
	assert_int_equal(store_greylist_note(store, "k", START + 700, true), 0);
	assert_int_equal(store_flush(store), 0);
	assert_int_equal(store_greylist_get(store, "k", &entry), 0);
	assert_int_equal(entry.first_secs, START);
	assert_int_equal(entry.last_secs, START + 700);
	assert_int_equal(entry.passed_secs, START + 600);
	assert_int_equal(entry.tries, 4);
}

struct flow_sum { unsigned rows; uint64_t messages, bytes; char findings[64]; };

static void flow_sum(void *arg, const struct flow_row *row)
{
	struct flow_sum *sum = arg;

	sum->rows++;
	sum->messages += row->messages;
	sum->bytes += row->bytes;
	assert_int_equal(row->hour_secs % 3600, 0);
	snprintf(sum->findings, sizeof(sum->findings), "%s", row->findings);
}

static void test_store_flow_groups_by_hour_and_set(void **state)
{
	struct place *place = *state;
	struct store *store = place_store(place);
	struct flow_note note = { .time_secs = START - START % 3600, .author_domain = "a.example", .findings = "dkim-none,spf-fail",
		.action = "tag", .bytes = 100 };
	struct flow_sum sum = { 0 };

	for (int i = 0; i < 10; i++) {
		assert_int_equal(store_flow_note(store, &note), 0);
		note.time_secs += 300;
	}
	note.time_secs += 3600;
	note.findings = "spf-fail";
	assert_int_equal(store_flow_note(store, &note), 0);
	assert_int_equal(store_flush(store), 0);
	assert_int_equal(store_flows_each(store, 0, flow_sum, &sum), 0);
	assert_int_equal(sum.rows, 2);
	assert_int_equal(sum.messages, 11);
	assert_int_equal(sum.bytes, 1100);
	assert_string_equal(sum.findings, "spf-fail");
	memset(&sum, 0, sizeof(sum));
	assert_int_equal(store_flows_each(store, START - START % 3600 + 3600, flow_sum, &sum), 0);
	assert_int_equal(sum.rows, 1);
}

static void count_peers(void *arg, const char *peer, const struct peer_memory *memory)
{
	(void)peer;
	(void)memory;
	++*(unsigned *)arg;
}

static void test_store_peers_list_forget_pin(void **state)
{
	struct place *place = *state;
	struct store *store = place_store(place);
	struct peer_memory memory;
	unsigned count = 0;

	for (int i = 0; i < 5; i++) {
		char name[32];
		struct peer_note note = { .peer = name, .host = "192.0.2.1", .grade = 2, .time_secs = START + i };

		snprintf(name, sizeof(name), "p%d.example", i);
		assert_int_equal(store_peer_note(store, &note), 0);
	}
	assert_int_equal(store_flush(store), 0);
	assert_int_equal(store_peers_each(store, NULL, 100, count_peers, &count), 0);
	assert_int_equal(count, 5);	/* hosts are not listed as peers */
	count = 0;
	assert_int_equal(store_peers_each(store, "p3", 100, count_peers, &count), 0);
	assert_int_equal(count, 1);
	count = 0;
	assert_int_equal(store_peers_each(store, NULL, 2, count_peers, &count), 0);
	assert_int_equal(count, 2);
	assert_int_equal(store_peer_forget(store, "p3.example"), 0);
	assert_int_equal(store_peer_forget(store, "p3.example"), -E_ABSENT);
	assert_int_equal(store_peer_host_get(store, "p3.example", "192.0.2.1", &memory), -E_ABSENT);
	assert_int_equal(store_peer_pin(store, "new.example", true), 0);
	assert_int_equal(store_peer_get(store, "new.example", &memory), 0);
	assert_true(memory.pinned);
	assert_int_equal(store_peer_pin(store, "never.example", false), -E_ABSENT);
	assert_int_equal(store_peer_pin(store, "p2.example", true), 0);
	assert_int_equal(store_peer_get(store, "p2.example", &memory), 0);
	assert_int_equal(memory.sessions, 1);
}

/* Whoever sends from ever new domains while the database is away takes no room from what has to be remembered. */
static void test_shapes_take_half_of_the_queue(void **state)
{
	struct place *place = *state;
	struct peer_note note = { .peer = "x", .host = "h", .grade = 1, .time_secs = START };
	struct store_statistics statistics;
	struct store *store;
	char missing[128], key[32];

	snprintf(missing, sizeof(missing), "%s/none/assay.db", place->directory);
	place->config.location = missing;
	place->config.queue_max = 100;
	place->config.retry_secs = 60;	/* the queue stays as it is meanwhile */
	store = place_store(place);
	do {	/* until the writer has given up for now */
		usleep(1000);
		store_statistics(store, &statistics);
	} while (statistics.why[0] == '\0');
	for (int i = 0; i < 200; i++) {
		snprintf(key, sizeof(key), "d%d.example", i);
		assert_int_equal(store_shape_note(store, key, "e 1 a\n", START), i < 50 ? 0 : -E_LIMIT);
	}
	for (int i = 0; i < 50; i++)
		assert_int_equal(store_peer_note(store, &note), 0);
	assert_int_equal(store_peer_note(store, &note), -E_LIMIT);
	store_statistics(store, &statistics);
	assert_int_equal(statistics.dropped, 1);
	assert_int_equal(statistics.noted, 101);
}

static void test_store_expires_old_rows_but_not_pins(void **state)
{
	struct place *place = *state;
	struct peer_note note = { .peer = "old", .grade = 3, .time_secs = START };
	struct peer_memory memory;
	struct greylist_entry entry;
	struct store *store;

	store = place_store(place);
	assert_int_equal(store_peer_note(store, &note), 0);
	assert_int_equal(store_greylist_note(store, "old", START, false), 0);
	assert_int_equal(store_flush(store), 0);
	assert_int_equal(store_peer_pin(store, "pinned", true), 0);
	store_close(&place->store);
	place->clock.fixed_secs = START + 200 * (int64_t)DAY;
	store = place_store(place);	/* expires at its first write */
	note.peer = "fresh";
	note.time_secs = place->clock.fixed_secs;
	assert_int_equal(store_peer_note(store, &note), 0);
	assert_int_equal(store_flush(store), 0);
	assert_int_equal(store_peer_get(store, "old", &memory), -E_ABSENT);
	assert_int_equal(store_greylist_get(store, "old", &entry), -E_ABSENT);
	assert_int_equal(store_peer_get(store, "pinned", &memory), 0);
	assert_int_equal(store_peer_get(store, "fresh", &memory), 0);
}

static void test_store_expires_waiting_greylist_entries_with_their_window(void **state)
{
	struct place *place = *state;
	struct greylist_entry entry;
	struct store *store = place_store(place);

	assert_int_equal(store_greylist_note(store, "waits", START, false), 0);
	assert_int_equal(store_greylist_note(store, "passed", START, true), 0);
	assert_int_equal(store_flush(store), 0);
	store_close(&place->store);
	place->clock.fixed_secs = START + 3 * (int64_t)DAY;	/* the window is two days, keeping 36 */
	store = place_store(place);
	assert_int_equal(store_greylist_note(store, "other", START + 3 * DAY, false), 0);
	assert_int_equal(store_flush(store), 0);
	assert_int_equal(store_greylist_get(store, "waits", &entry), -E_ABSENT);
	assert_int_equal(store_greylist_get(store, "passed", &entry), 0);
}

/* Flows of that many hours, one row each, the oldest first. */
static void note_hours(struct store *store, unsigned from, unsigned count)
{
	struct flow_note note = { .author_domain = "a.example", .action = "none", .bytes = 1 };

	for (unsigned i = from; i < from + count; i++) {
		note.time_secs = START + (int64_t)i * 3600;
		assert_int_equal(store_flow_note(store, &note), 0);
	}
}

struct span { unsigned rows; int64_t first_secs; };

static void measure_span(void *arg, const struct flow_row *row)
{
	struct span *span = arg;

	if (span->rows++ == 0)
		span->first_secs = row->hour_secs;
}

/* Waits for the steps that come without a note. */
static void wait_trimmed(struct store *store, uint64_t rows)
{
	struct store_statistics statistics;

	for (int i = 0; i < 10000; i++) {
		store_statistics(store, &statistics);
		if (statistics.trimmed[STORE_CAP_FLOWS] >= rows)
			break;
		usleep(1000);
	}
	assert_int_equal(statistics.trimmed[STORE_CAP_FLOWS], rows);
}

static void test_backend_expire_flows_max_takes_bounded_steps(void **state)
{
	struct place *place = *state;
	const struct backend *backend = &backend_sqlite;
	struct backend_handle *handle = backend->open(place->path, BACKEND_MAKE, 1000, place->why, sizeof(place->why));
	struct backend_expiry expiry = { .flows_max = 0 };
	struct backend_expired expired;
	struct span span = { 0 };

	assert_non_null(handle);
	assert_int_equal(backend->begin(handle), 0);
	for (unsigned i = 0; i < 25; i++) {
		struct flow_note note = { .time_secs = START - START % 3600 + (int64_t)i * 3600 };

		assert_int_equal(backend->flow_add(handle, &note), 0);
		assert_int_equal(backend->flow_add(handle, &note), 0);	/* alike: no row of its own */
	}
	assert_int_equal(backend->commit(handle), 0);
	assert_int_equal(backend->expire(handle, &expiry, 10, &expired), 0);
	assert_true(expired.trimmed[STORE_CAP_FLOWS] == 0 && !expired.more);
	expiry.flows_max = 25;
	assert_int_equal(backend->expire(handle, &expiry, 10, &expired), 0);
	assert_true(expired.trimmed[STORE_CAP_FLOWS] == 0 && !expired.more);
	expiry.flows_max = 9;
	assert_int_equal(backend->expire(handle, &expiry, 10, &expired), 0);
	assert_true(expired.trimmed[STORE_CAP_FLOWS] == 10 && expired.more);
	assert_int_equal(backend->expire(handle, &expiry, 10, &expired), 0);
	assert_true(expired.trimmed[STORE_CAP_FLOWS] == 6 && !expired.more);
	assert_int_equal(backend->flows_each(handle, 0, measure_span, &span), 0);
	assert_int_equal(span.rows, 9);
	assert_int_equal(span.first_secs, START - START % 3600 + 16 * 3600);
	/* by age: the same steps, and what goes by age is not told as too many */
	expiry.flows_secs = INT64_MAX;
	assert_int_equal(backend->expire(handle, &expiry, 8, &expired), 0);
	assert_true(expired.trimmed[STORE_CAP_FLOWS] == 0 && expired.more);
	assert_int_equal(backend->expire(handle, &expiry, 8, &expired), 0);
	assert_true(expired.trimmed[STORE_CAP_FLOWS] == 0 && !expired.more);
	backend->close(&handle);
}

static void test_store_flows_max_lets_the_oldest_go_and_tells_once(void **state)
{
	struct place *place = *state;
	struct span span = { 0 };

	told_count = 0;
	place->config.changed = remember_told;
	place->config.hour_keep_hours = 10000;	/* and no day is rolled up */
	place->clock.fixed_secs = START + 5000 * 3600;
	place_store(place);	/* any number */
	note_hours(place->store, 0, 5000);
	assert_int_equal(store_flush(place->store), 0);
	store_close(&place->store);
	place->config.flows_max = 5000;
	place_store(place);
	store_close(&place->store);
	assert_int_equal(told_count, 2);	/* up, and up: as many as may be */
	place->config.flows_max = 100;
	place_store(place);
	wait_trimmed(place->store, 4900);	/* three steps, and nobody notes a thing */
	assert_int_equal(store_flows_each(place->store, 0, measure_span, &span), 0);
	assert_int_equal(span.rows, 100);
	assert_int_equal(span.first_secs, START - START % 3600 + 4900 * 3600);
	store_close(&place->store);
	assert_int_equal(told_count, 4);
	assert_int_equal(told[3][0], '2');
	assert_non_null(strstr(told[3], place->path));
	assert_non_null(strstr(told[3], "max-flows = 100 is reached"));
}

static void test_store_flows_max_is_not_outrun_by_a_flood(void **state)
{
	struct place *place = *state;
	struct span span = { 0 };

	place->config.hour_keep_hours = 10000;
	place->clock.fixed_secs = START + 9000 * 3600;
	place_store(place);
	note_hours(place->store, 0, 5000);
	assert_int_equal(store_flush(place->store), 0);
	store_close(&place->store);
	place->config.flows_max = 1000;
	place_store(place);
	note_hours(place->store, 5000, 4000);
	assert_int_equal(store_flush(place->store), 0);
	assert_int_equal(store_flows_each(place->store, 0, measure_span, &span), 0);
	assert_in_range(span.rows, 1000, 5000);	/* 9000 in all: a step kept pace with each group */
	wait_trimmed(place->store, 8000);
	memset(&span, 0, sizeof(span));
	assert_int_equal(store_flows_each(place->store, 0, measure_span, &span), 0);
	assert_int_equal(span.rows, 1000);
	assert_int_equal(span.first_secs, START - START % 3600 + 8000 * 3600);
}

static void test_store_peer_note_host_only_spares_the_peer(void **state)
{
	struct place *place = *state;
	struct store *store = place_store(place);
	struct peer_memory memory;
	struct peer_note note = { .peer = "example.org", .host = "192.0.2.1", .grade = 3, .time_secs = START };
	unsigned count = 0;

	assert_int_equal(store_peer_note(store, &note), 0);
	note.host = "192.0.2.2";
	note.grade = 0;
	note.host_only = true;
	assert_int_equal(store_peer_note(store, &note), 0);
	assert_int_equal(store_flush(store), 0);
	assert_int_equal(store_peer_get(store, "example.org", &memory), 0);
	assert_int_equal(memory.sessions, 1);
	assert_int_equal(memory.grades[0], 0);
	assert_int_equal(store_peer_host_get(store, "example.org", "192.0.2.2", &memory), 0);
	assert_int_equal(memory.grades[0], 1);
	assert_int_equal(store_hosts_each(store, "example.org", 10, count_peers, &count), 0);
	assert_int_equal(count, 2);
	count = 0;
	assert_int_equal(store_hosts_each(store, "example.org", 1, count_peers, &count), 0);
	assert_int_equal(count, 1);
	count = 0;
	assert_int_equal(store_hosts_each(store, "example.net", 10, count_peers, &count), 0);
	assert_int_equal(count, 0);
}

static void *note_many(void *arg)
{
	struct store *store = arg;
	struct peer_note note = { .peer = "many", .grade = 2, .time_secs = START };
	struct peer_memory memory;

	for (int i = 0; i < 500; i++) {
		assert_int_equal(store_peer_note(store, &note), 0);
		store_peer_get(store, "many", &memory);
	}
	return NULL;
}

static void test_store_many_threads_lose_nothing(void **state)
{
	struct place *place = *state;
	struct store *store = place_store(place);
	pthread_t threads[8];
	struct peer_memory memory;

	for (int i = 0; i < 8; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, note_many, store), 0);
	for (int i = 0; i < 8; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(store_flush(store), 0);
	assert_int_equal(store_peer_get(store, "many", &memory), 0);
	assert_int_equal(memory.sessions, 4000);
}

enum { READERS = 2, READING = 8, READS = 200 };

/* Each time another peer: what was read a moment ago is answered without a reader (recent.h). */
static void *read_many(void *arg)
{
	static atomic_uint count;
	struct peer_memory memory;
	intptr_t failed = 0;
	char peer[32];

	for (int i = 0; i < READS; i++) {
		snprintf(peer, sizeof(peer), "p%u.example", atomic_fetch_add(&count, 1));
		failed += store_peer_get(arg, peer, &memory) != -E_ABSENT;
	}
	return (void *)failed;
}

/* @return descriptors of this process that are open on the file. */
static unsigned open_descriptors(const char *path)
{
	struct stat wanted, found;
	unsigned count = 0;

	assert_int_equal(stat(path, &wanted), 0);
	for (int fd = 0; fd < 256; fd++)
		count += fstat(fd, &found) == 0 && found.st_ino == wanted.st_ino && found.st_dev == wanted.st_dev;
	return count;
}

/* However many ask at once: no more handles than were allowed, and nobody goes without an answer. */
static void test_store_readers_wait_for_each_other(void **state)
{
	struct place *place = *state;
	pthread_t threads[READING];
	struct store *store;
	void *failed;

	place->config.readers_max = READERS;
	store = place_store(place);
	assert_int_equal(store_flush(store), 0);
	while (!store_is_up(store))
		usleep(1000);
	for (int i = 0; i < READING; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, read_many, store), 0);
	for (int i = 0; i < READING; i++) {
		assert_int_equal(pthread_join(threads[i], &failed), 0);
		assert_null(failed);
	}
	assert_in_range(open_descriptors(place->path), 1, 1 + READERS);	/* the writer's */
}

#define STORE_TEST(f) cmocka_unit_test_setup_teardown(f, place_setup, place_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORE_TEST(test_store_readers_wait_for_each_other),
		cmocka_unit_test(test_store_open_without_path),
		PLACE_TESTS(test_store_peer_round_trip_survives_restart, place_setup),
		PLACE_TESTS(test_store_greylist_counts_tries, place_setup),
		STORE_TEST(test_store_flow_groups_by_hour_and_set),
		PLACE_TESTS(test_store_peers_list_forget_pin, place_setup),
		STORE_TEST(test_shapes_take_half_of_the_queue),
		PLACE_TESTS(test_store_expires_old_rows_but_not_pins, place_setup),
		STORE_TEST(test_store_expires_waiting_greylist_entries_with_their_window),
		STORE_TEST(test_backend_expire_flows_max_takes_bounded_steps),
		STORE_TEST(test_store_flows_max_lets_the_oldest_go_and_tells_once),
		STORE_TEST(test_store_flows_max_is_not_outrun_by_a_flood),
		PLACE_TESTS(test_store_peer_note_host_only_spares_the_peer, place_setup),
		PLACE_TESTS(test_store_many_threads_lose_nothing, place_setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
