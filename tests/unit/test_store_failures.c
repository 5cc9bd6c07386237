/* SPDX-License-Identifier: BSD-2-Clause */
/* record: failures to report, on a real database: alike ones are one, maxima hold, each is taken up once, and all of it goes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "store_fixture.h"
#include "util/arena.h"
#include "util/error.h"

enum { START = 1700006400 /* a UTC day begins */, DAY = 86400 };

static int place_setup(void **state)
{
	return place_make(state, START);
}

static int place_setup_postgresql(void **state)
{
	return place_make_postgresql(state, START);
}

static struct failure_note note_of(const char *domain, const char *alike, int64_t secs)
{
	return (struct failure_note){ .time_secs = secs, .domain = domain, .alike = alike, .ruf = "r@example.org", .fields = "A: b\n",
		.header = "C: d\n", .domain_max = 3, .day_max = 5 };
}

static void add(struct store *store, const char *domain, const char *alike, int64_t secs)
{
	const struct failure_note note = note_of(domain, alike, secs);

	assert_int_equal(store_failure_note(store, &note), 0);
}

static struct failure_counts counts_of(struct store *store, int64_t day)
{
	struct failure_counts counts;

	assert_int_equal(store_flush(store), 0);
	assert_int_equal(store_failure_counts(store, day, &counts), 0);
	return counts;
}

static void count(void *arg, const struct failure_row *row)
{
	assert_string_equal(row->ruf, "r@example.org");
	assert_string_equal(row->fields, "A: b\n");
	assert_string_equal(row->header, "C: d\n");
	++*(unsigned *)arg;
}

static void test_failures_alike_are_one(void **state)
{
	struct store *store = place_store(*state);
	struct arena *arena = arena_new();
	struct failure_row row;
	unsigned rows = 0;

	add(store, "a.example", "x", START + 10);
	add(store, "a.example", "x", START + 40);
	add(store, "a.example", "x", START + 20);
	add(store, "a.example", "y", START + 50);
	add(store, "b.example", "x", START + 60);
	add(store, "a.example", "x", START + DAY);	/* another day */
	assert_int_equal(counts_of(store, START).waiting, 3);
	assert_int_equal(counts_of(store, START).incidents, 5);
	assert_int_equal(counts_of(store, START + DAY + 5).waiting, 1);
	assert_int_equal(store_failures_each(store, START + 100, START + 100, 10, count, &rows), 0);
	assert_int_equal(rows, 3);
	assert_int_equal(store_failure_take(store, START + 100, START + 100, START + 700, arena, &row), 0);
	assert_string_equal(row.domain, "a.example");
	assert_int_equal(row.incidents, 3);
	assert_int_equal(row.first_secs, START + 10);
	assert_int_equal(row.last_secs, START + 40);
	assert_int_equal(row.tries, 0);
	arena_free(&arena);
}

static void test_failures_have_maxima(void **state)
{
	struct store *store = place_store(*state);
	char alike[16];

	for (int i = 0; i < 10; i++) {
		snprintf(alike, sizeof(alike), "%d", i);
		add(store, "a.example", alike, START + i);
	}
	assert_int_equal(counts_of(store, START).waiting, 3);
	assert_int_equal(counts_of(store, START).beyond, 7);
	for (int i = 0; i < 10; i++) {
		snprintf(alike, sizeof(alike), "d%d.example", i);
		add(store, alike, "x", START + i);
	}
	add(store, "a.example", "0", START + 30);	/* one of those that are there */
	assert_int_equal(counts_of(store, START).waiting, 5);
	assert_int_equal(counts_of(store, START).beyond, 15);
	assert_int_equal(counts_of(store, START).incidents, 6);
}

static void test_failure_take_waits_and_gives_to_one(void **state)
{
	struct place *place = *state;
	struct store *store = place_store(place), *other;
	struct arena *arena = arena_new();
	struct failure_row row, second;

	add(store, "a.example", "x", START + 10);
	assert_int_equal(store_flush(store), 0);
	other = store_open(&place->config, place->why, sizeof(place->why));
	assert_int_equal(store_failure_take(store, START + 100, START + 9, START + 700, arena, &row), -E_ABSENT);
	assert_int_equal(store_failure_take(store, START + 100, START + 10, START + 700, arena, &row), 0);
	assert_int_equal(store_failure_take(other, START + 100, START + 10, START + 700, arena, &second), -E_ABSENT);
	/* who took it has crashed */
	assert_int_equal(store_failure_take(other, START + 700, START + 10, START + 1400, arena, &second), 0);
	assert_int_equal(second.id, row.id);
	assert_int_equal(second.tries, 1);
	assert_int_equal(store_failure_later(other, row.id, "left@example.org", START + 800), 0);
	assert_int_equal(store_failure_take(store, START + 799, START + 10, START + 1400, arena, &second), -E_ABSENT);
	assert_int_equal(store_failure_take(store, START + 800, START + 10, START + 1400, arena, &second), 0);
	assert_string_equal(second.ruf, "left@example.org");
	store_close(&other);
	arena_free(&arena);
}

static void test_failure_done_is_counted_and_forgotten(void **state)
{
	struct store *store = place_store(*state);
	struct arena *arena = arena_new();
	struct failure_row row;

	add(store, "a.example", "x", START + 10);
	assert_int_equal(store_flush(store), 0);
	assert_int_equal(store_failure_take(store, START + 100, START + 100, START + 700, arena, &row), 0);
	assert_int_equal(store_failure_done(store, row.id, true), 0);
	add(store, "a.example", "x", START + 200);
	assert_int_equal(counts_of(store, START).waiting, 0);
	assert_int_equal(counts_of(store, START).sent, 1);
	assert_int_equal(counts_of(store, START).incidents, 2);
	assert_int_equal(store_failure_take(store, START + 90000, START + 90000, START + 99999, arena, &row), -E_ABSENT);
	arena_free(&arena);
}

static void test_failures_expire(void **state)
{
	struct place *place = *state;
	struct store *store = place_store(place);

	add(store, "a.example", "x", START);
	assert_int_equal(counts_of(store, START).waiting, 1);
	store_close(&place->store);
	place->clock.fixed_secs = START + 9 * DAY;
	store = place_store(place);
	add(store, "b.example", "x", START + 9 * DAY);
	assert_int_equal(store_flush(store), 0);
	for (int i = 0; i < 200 && counts_of(store, START).waiting != 0; i++)
		add(store, "b.example", "x", START + 9 * DAY);
	assert_int_equal(counts_of(store, START).waiting, 0);
	assert_int_equal(counts_of(store, START + 9 * DAY).waiting, 1);
}

/* A flood while the database cannot be written costs no other note its room. */
static void test_failures_waiting_are_few(void **state)
{
	struct place *place = *state;
	const struct failure_note note = note_of("a.example", "x", START);
	struct store *store;
	int queued = 0;

	place->config.location = "/nonexistent/assay.db";
	store = place_store(place);
	for (int i = 0; i < 1000; i++)
		queued += store_failure_note(store, &note) == 0;
	assert_int_equal(queued, STORE_FAILURES_WAITING_MAX);
	assert_int_equal(store_greylist_note(store, "k", START, false), 0);
}

#define PLACE_TEST(f) PLACE_TESTS(f, place_setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		PLACE_TEST(test_failures_alike_are_one),
		PLACE_TEST(test_failures_have_maxima),
		PLACE_TEST(test_failure_take_waits_and_gives_to_one),
		PLACE_TEST(test_failure_done_is_counted_and_forgotten),
		PLACE_TEST(test_failures_expire),
		PLACE_TEST(test_failures_waiting_are_few),
	};

	return cmocka_run_group_tests_name("store_failures", tests, NULL, NULL);
}
