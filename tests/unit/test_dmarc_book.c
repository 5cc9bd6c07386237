/* SPDX-License-Identifier: BSD-2-Clause */
/* record/dmarc: what is counted for aggregate reports, how much of it, and what becomes of each. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "record/dmarc.h"
#include "store_fixture.h"
#include "util/error.h"

enum { DAY_SECS = 86400, DAY = 20000, START = DAY * DAY_SECS + 1000 };

static int place_setup(void **state)
{
	return place_make(state, START);
}

static int place_setup_postgresql(void **state)
{
	return place_make_postgresql(state, START);
}

static void note(struct place *place, int64_t day, const char *domain, const char *row, unsigned times)
{
	const struct dmarc_note noted = { .time_secs = day * DAY_SECS + 5, .domain = domain, .policy = "p", .rua = "mailto:a@b.example",
		.row = row, .messages = times };

	assert_int_equal(store_dmarc_note(place->store, &noted), 0);
}

struct seen {
	struct dmarc_policy_row policies[20];
	size_t count;
	uint64_t messages;
	size_t rows;
};

static void see_policy(void *arg, const struct dmarc_policy_row *policy)
{
	struct seen *seen = arg;

	assert_true(seen->count < 20);
	seen->policies[seen->count++] = *policy;	/* its texts are not looked at afterwards */
}

static void count_policy(void *arg, const struct dmarc_policy_row *policy)
{
	(void)policy;
	++*(uint64_t *)arg;
}

static void see_row(void *arg, const char *row, uint64_t messages)
{
	struct seen *seen = arg;

	assert_non_null(row);
	seen->rows++;
	seen->messages += messages;
}

static struct dmarc_book *open_book(struct place *place)
{
	struct dmarc_book *book;

	assert_int_equal(store_flush(place->store), 0);
	book = dmarc_book_open(place->location, true, place->why, sizeof(place->why));
	assert_non_null(book);
	return book;
}

static struct seen look(struct dmarc_book *book, int64_t day)
{
	struct seen seen = { .count = 0 };

	assert_int_equal(dmarc_book_each(book, day, DAY + 1000, see_policy, &seen), 0);
	for (size_t i = 0; i < seen.count; i++)
		assert_int_equal(dmarc_book_rows_each(book, seen.policies[i].id, 1000, see_row, &seen), 0);
	return seen;
}

static void test_dmarc_book_counts(void **state)
{
	struct place *place = *state;
	struct dmarc_book *book;
	struct seen seen;

	place_store(place);
	note(place, DAY, "a.example", "x", 2);
	note(place, DAY, "a.example", "y", 0);	/* one */
	assert_int_equal(store_flush(place->store), 0);
	note(place, DAY, "a.example", "x", 3);	/* in another group */
	note(place, DAY, "b.example", "x", 1);
	note(place, DAY + 1, "a.example", "x", 7);
	book = open_book(place);
	seen = look(book, DAY);
	assert_int_equal(seen.count, 2);
	assert_int_equal(seen.rows, 3);
	assert_int_equal(seen.messages, 7);
	assert_int_equal(seen.policies[0].rows, 2);
	seen = look(book, -1);
	assert_int_equal(seen.messages, 14);
	/* days that are not over */
	seen = (struct seen){ .count = 0 };
	assert_int_equal(dmarc_book_each(book, -1, DAY + 1, see_policy, &seen), 0);
	assert_int_equal(seen.count, 2);
	dmarc_book_close(&book);
}

static void test_dmarc_book_bounds(void **state)
{
	struct place *place = *state;
	struct dmarc_book *book;
	struct seen seen;
	uint64_t lost = 0;
	char row[20];

	place->config.dmarc_rows_max = 10;
	place->config.dmarc_report_rows_max = 4;
	place_store(place);
	for (int i = 0; i < 9; i++) {
		snprintf(row, sizeof(row), "r%d", i);
		note(place, DAY, "greedy.example", row, 2);
	}
	assert_int_equal(store_flush(place->store), 0);
	for (int i = 0; i < 9; i++) {
		snprintf(row, sizeof(row), "d%d.example", i);
		note(place, DAY, row, "x", 1);
	}
	note(place, DAY, "greedy.example", "r0", 2);	/* a row that is there has room */
	book = open_book(place);
	seen = look(book, DAY);
	assert_int_equal(dmarc_book_lost(book, DAY, &lost), 0);
	/* policies and rows together: 1 + 4 of the greedy one, five for the others */
	assert_int_equal(seen.count + seen.rows, 10);
	for (size_t i = 0; i < seen.count; i++)
		lost += seen.policies[i].lost;
	/* nothing is lost without being counted */
	assert_int_equal(seen.messages + lost, 9 * 2 + 9 + 2);
	dmarc_book_close(&book);
}

/* A domain whose record is another one each time gets so many reports of a day; the rest of its mail is counted. */
static void test_dmarc_book_bounds_policies(void **state)
{
	struct place *place = *state;
	struct dmarc_note noted = { .time_secs = DAY * DAY_SECS + 5, .domain = "restless.example", .policy = "p", .row = "x", .messages = 2 };
	struct dmarc_book *book;
	uint64_t lost = 0;
	char rua[40];

	place_store(place);
	for (int i = 0; i < DMARC_POLICIES_MAX + 7; i++) {
		snprintf(rua, sizeof(rua), "mailto:a@restless.example, x:%d", i);
		noted.rua = rua;
		assert_int_equal(store_dmarc_note(place->store, &noted), 0);
	}
	noted.time_secs += DAY_SECS;
	assert_int_equal(store_dmarc_note(place->store, &noted), 0);	/* the next day has room again */
	note(place, DAY, "other.example", "x", 1);
	book = open_book(place);
	assert_int_equal(dmarc_book_lost(book, DAY, &lost), 0);
	assert_int_equal(lost, 7 * 2);
	lost = 0;
	assert_int_equal(dmarc_book_each(book, -1, DAY + 2, count_policy, &lost), 0);
	assert_int_equal(lost, DMARC_POLICIES_MAX + 2);
	dmarc_book_close(&book);
}

static void test_dmarc_book_freeze(void **state)
{
	struct place *place = *state;
	struct dmarc_names names = { .report_id = "id1", .file = "file1" }, again = { .report_id = "id2", .file = "file2" };
	struct dmarc_book *book;
	struct seen seen;

	place_store(place);
	note(place, DAY, "a.example", "x", 2);
	book = open_book(place);
	seen = look(book, DAY);
	assert_int_equal(dmarc_book_freeze(book, seen.policies[0].id, &names), 0);
	assert_int_equal(dmarc_book_freeze(book, seen.policies[0].id, &again), 0);
	assert_string_equal(again.report_id, "id1");
	assert_string_equal(again.file, "file1");
	/* what comes afterwards counts for the next day, and is not lost */
	note(place, DAY, "a.example", "x", 5);
	assert_int_equal(store_flush(place->store), 0);
	assert_int_equal(look(book, DAY).messages, 2);
	assert_int_equal(look(book, DAY + 1).messages, 5);
	assert_int_equal(dmarc_book_finish(book, seen.policies[0].id), 0);
	assert_int_equal(look(book, DAY).count, 0);
	note(place, DAY, "a.example", "x", 1);
	assert_int_equal(store_flush(place->store), 0);
	assert_int_equal(look(book, DAY).count, 0);
	assert_int_equal(look(book, DAY + 1).messages, 6);
	assert_int_equal(dmarc_book_freeze(book, seen.policies[0].id, &again), -E_ABSENT);
	dmarc_book_close(&book);
}

static void test_dmarc_book_claims(void **state)
{
	struct place *place = *state;
	struct dmarc_names names = { .report_id = "id1", .file = "file1" };
	struct dmarc_book *book, *other;
	struct dmarc_delivery delivery;
	int64_t id;

	place_store(place);
	note(place, DAY, "a.example", "x", 2);
	book = open_book(place);
	other = open_book(place);
	id = look(book, DAY).policies[0].id;
	assert_int_equal(dmarc_book_freeze(book, id, &names), 0);
	assert_int_equal(dmarc_book_claim(book, id, "a@b.example", 100, 200, &delivery), 0);
	assert_int_equal(delivery.state, DMARC_DELIVERY_WAITING);
	assert_int_equal(dmarc_book_claim(other, id, "a@b.example", 100, 200, &delivery), -E_ABSENT);
	assert_int_equal(dmarc_book_claim(other, id, "c@b.example", 100, 200, &delivery), 0);
	/* who had it has died */
	assert_int_equal(dmarc_book_claim(other, id, "a@b.example", 200, 300, &delivery), 0);
	delivery.tries = 1;
	delivery.next_secs = 1000;
	assert_int_equal(dmarc_book_settle(other, id, "a@b.example", &delivery), 0);
	assert_int_equal(dmarc_book_claim(book, id, "a@b.example", 999, 1099, &delivery), -E_ABSENT);
	assert_int_equal(dmarc_book_claim(book, id, "a@b.example", 1000, 1100, &delivery), 0);
	assert_int_equal(delivery.tries, 1);
	delivery.state = DMARC_DELIVERY_SENT;
	assert_int_equal(dmarc_book_settle(book, id, "a@b.example", &delivery), 0);
	assert_int_equal(dmarc_book_claim(other, id, "a@b.example", 5000, 5100, &delivery), -E_ABSENT);
	assert_int_equal(delivery.state, DMARC_DELIVERY_SENT);
	/* of a report that is finished nothing can be claimed, though no delivery is left to say so */
	assert_int_equal(dmarc_book_finish(book, id), 0);
	delivery.state = DMARC_DELIVERY_GIVEN_UP;
	assert_int_equal(dmarc_book_claim(other, id, "a@b.example", 5000, 5100, &delivery), -E_ABSENT);
	assert_int_equal(delivery.state, DMARC_DELIVERY_GIVEN_UP);
	dmarc_book_close(&book);
	dmarc_book_close(&other);
}

/* Old days go in bounded steps, whatever has become of them. */
static void test_dmarc_book_expiry(void **state)
{
	struct place *place = *state;
	const struct backend_expiry expiry = { .dmarc_secs = (int64_t)(DAY + 1) * DAY_SECS };
	struct backend_expired expired;
	struct dmarc_book *book;
	char row[20];

	place_store(place);
	for (int i = 0; i < 50; i++) {
		snprintf(row, sizeof(row), "r%d", i);
		note(place, DAY, "a.example", row, 1);
	}
	note(place, DAY, "b.example", "x", 1);
	note(place, DAY + 1, "a.example", "x", 3);
	book = open_book(place);
	assert_int_equal(look(book, -1).messages, 54);
	place->handle = place->backend->open(place->path, BACKEND_CHANGE, 1000, place->why, sizeof(place->why));
	assert_non_null(place->handle);
	assert_int_equal(place->backend->expire(place->handle, &expiry, 20, &expired), 0);
	assert_true(expired.more);
	assert_int_equal(look(book, -1).messages, 34);
	for (int i = 0; i < 10 && expired.more; i++)
		assert_int_equal(place->backend->expire(place->handle, &expiry, 20, &expired), 0);
	assert_false(expired.more);
	assert_int_equal(look(book, -1).messages, 3);
	dmarc_book_close(&book);
}

#define PLACE_TEST(f) PLACE_TESTS(f, place_setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		PLACE_TEST(test_dmarc_book_counts),
		PLACE_TEST(test_dmarc_book_bounds),
		PLACE_TEST(test_dmarc_book_bounds_policies),
		PLACE_TEST(test_dmarc_book_freeze),
		PLACE_TEST(test_dmarc_book_claims),
		PLACE_TEST(test_dmarc_book_expiry),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
