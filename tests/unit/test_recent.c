/* SPDX-License-Identifier: BSD-2-Clause */
/* record: peers that were read a moment ago are what the database says: after our own commits at once, after others' in a second. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "record/recent.h"
#include "store_fixture.h"
#include "util/clock.h"
#include "util/error.h"

enum { START = 1700000000, WAIT_MS = 20000 };

static int place_setup(void **state)
{
	return place_make(state, START);
}

static int recent_setup(void **state)
{
	*state = recent_new();
	return 0;
}

static int recent_teardown(void **state)
{
	struct recent *recent = *state;

	recent_free(&recent);
	return recent != NULL;
}

/* @return sessions of a peer that is known; -1: it is not. */
static int known(struct recent *recent, const char *peer, const char *host)
{
	struct peer_memory memory = { 0 };
	struct recent_ticket ticket;
	int code = 0;

	if (!recent_get(recent, peer, host, &code, &memory, &ticket))
		return -1;
	return code == -E_ABSENT ? 0 : (int)memory.sessions;
}

static void keep(struct recent *recent, const char *peer, const char *host, unsigned sessions)
{
	struct peer_memory memory = { .sessions = sessions }, before;
	struct recent_ticket ticket;
	int code;

	(void)recent_get(recent, peer, host, &code, &before, &ticket);
	recent_put(recent, peer, host, sessions != 0 ? 0 : -E_ABSENT, &memory, &ticket);
}

static void test_recent_get_what_was_put(void **state)
{
	struct recent *recent = *state;

	assert_int_equal(known(recent, "a.example", ""), -1);
	keep(recent, "a.example", "", 3);
	assert_int_equal(known(recent, "a.example", ""), 3);
	keep(recent, "a.example", "", 0);	/* not known to the database: that is known too */
	assert_int_equal(known(recent, "a.example", ""), 0);
}

/* A name is its peer's and its host's: where one ends and the other begins matters. */
static void test_recent_get_compares_whole_names(void **state)
{
	struct recent *recent = *state;
	char name[64];

	keep(recent, "a.example", "192.0.2.1", 1);
	assert_int_equal(known(recent, "a.example", ""), -1);
	assert_int_equal(known(recent, "a.example192.0.2.1", ""), -1);
	assert_int_equal(known(recent, "a.example19", "2.0.2.1"), -1);
	/* far more than there are places: whoever is known is known for what he is */
	for (unsigned i = 1; i <= 10 * RECENT_SLOTS; i++) {
		snprintf(name, sizeof(name), "d%u.example", i);
		keep(recent, name, "", i);
		assert_int_equal(known(recent, name, ""), (int)i);
	}
	for (unsigned i = 1; i <= 10 * RECENT_SLOTS; i++) {
		int sessions;

		snprintf(name, sizeof(name), "d%u.example", i);
		sessions = known(recent, name, "");
		assert_true(sessions == -1 || sessions == (int)i);
	}
}

static void test_recent_put_of_a_long_name(void **state)
{
	struct recent *recent = *state;
	char peer[RECENT_KEY_BYTES + 1];

	memset(peer, 'a', sizeof(peer));
	peer[RECENT_KEY_BYTES - 2] = '\0';	/* just fits, with the two ends */
	keep(recent, peer, "", 1);
	assert_int_equal(known(recent, peer, ""), 1);
	peer[RECENT_KEY_BYTES - 2] = 'a';
	peer[RECENT_KEY_BYTES - 1] = '\0';
	keep(recent, peer, "", 1);
	assert_int_equal(known(recent, peer, ""), -1);
	keep(recent, peer, "192.0.2.1", 1);
	assert_int_equal(known(recent, peer, "192.0.2.1"), -1);
}

static void test_recent_put_of_a_failure(void **state)
{
	struct recent *recent = *state;
	struct peer_memory memory = { 0 };
	struct recent_ticket ticket;
	int code;

	assert_false(recent_get(recent, "a.example", "", &code, &memory, &ticket));
	recent_put(recent, "a.example", "", -E_SYSTEM, &memory, &ticket);
	assert_int_equal(known(recent, "a.example", ""), -1);
}

/* What was read before a commit and comes after it says what was before. */
static void test_recent_put_after_a_commit(void **state)
{
	struct recent *recent = *state;
	struct peer_memory memory = { .sessions = 1 };
	struct recent_ticket ticket;
	int code;

	keep(recent, "b.example", "", 2);
	assert_false(recent_get(recent, "a.example", "", &code, &memory, &ticket));
	recent_forget(recent);
	recent_put(recent, "a.example", "", 0, &memory, &ticket);
	assert_int_equal(known(recent, "a.example", ""), -1);
	assert_int_equal(known(recent, "b.example", ""), -1);
}

/* Each of our own commits is seen by whoever asks after it. */
static void test_store_peer_get_after_own_commits(void **state)
{
	struct place *place = *state;
	struct store *store = place_store(place);
	struct peer_note note = { .peer = "a.example", .host = "192.0.2.1", .grade = 3, .time_secs = START };
	struct peer_memory memory;

	note.peer = "b.example";
	assert_int_equal(store_peer_note(store, &note), 0);
	assert_int_equal(store_flush(store), 0);
	assert_int_equal(store_peer_get(store, "a.example", &memory), -E_ABSENT);
	note.peer = "a.example";
	for (unsigned i = 1; i <= 5; i++) {
		assert_int_equal(store_peer_note(store, &note), 0);
		assert_int_equal(store_flush(store), 0);
		assert_int_equal(store_peer_get(store, "a.example", &memory), 0);
		assert_int_equal(memory.sessions, i);
		assert_int_equal(store_peer_host_get(store, "a.example", "192.0.2.1", &memory), 0);
		assert_int_equal(memory.sessions, i);
	}
	assert_int_equal(store_peer_pin(store, "a.example", true), 0);
	assert_int_equal(store_peer_get(store, "a.example", &memory), 0);
	assert_true(memory.pinned);
	assert_int_equal(store_peer_forget(store, "a.example"), 0);
	assert_int_equal(store_peer_get(store, "a.example", &memory), -E_ABSENT);
}

/* A second process, here a second store: what it writes is seen although this one asks all the time and writes nothing. */
static void test_store_peer_get_after_others_commits(void **state)
{
	struct place *place = *state;
	struct store *store = place_store(place), *other;
	struct peer_note note = { .peer = "a.example", .host = "192.0.2.1", .grade = 3, .time_secs = START };
	struct peer_memory memory;
	int64_t until_ms = clock_monotonic_ms() + WAIT_MS;

	assert_int_equal(store_peer_note(store, &note), 0);
	assert_int_equal(store_flush(store), 0);
	assert_int_equal(store_peer_get(store, "a.example", &memory), 0);
	other = store_open(&place->config, place->why, sizeof(place->why));
	assert_non_null(other);
	assert_int_equal(store_peer_pin(other, "a.example", true), 0);
	store_close(&other);
	do {
		usleep(10000);
		assert_int_equal(store_peer_get(store, "a.example", &memory), 0);
	} while (!memory.pinned && clock_monotonic_ms() < until_ms);
	assert_true(memory.pinned);
}

#define RECENT_TEST(f) cmocka_unit_test_setup_teardown(f, recent_setup, recent_teardown)
#define STORE_TEST(f) cmocka_unit_test_setup_teardown(f, place_setup, place_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		RECENT_TEST(test_recent_get_what_was_put),
		RECENT_TEST(test_recent_get_compares_whole_names),
		RECENT_TEST(test_recent_put_of_a_long_name),
		RECENT_TEST(test_recent_put_of_a_failure),
		RECENT_TEST(test_recent_put_after_a_commit),
		STORE_TEST(test_store_peer_get_after_own_commits),
		STORE_TEST(test_store_peer_get_after_others_commits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
