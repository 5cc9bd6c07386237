/* SPDX-License-Identifier: BSD-2-Clause */
/* record: peers, their hosts and the greylist bounded by number, on real databases. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "util/error.h"
#include "store_rows.h"

static const struct backend *backend;

static int place_setup(void **state)
{
	backend = &backend_sqlite;
	return place_make(state, START + DAY);
}

static int place_setup_postgresql(void **state)
{
	backend = &backend_postgresql;
	return place_make_postgresql(state, START + DAY);
}

static struct backend_handle *open_backend(struct place *place)
{
	place->handle = backend->open(place->path, BACKEND_MAKE, 1000, place->why, sizeof(place->why));
	assert_non_null(place->handle);
	return place->handle;
}

static void put_peer(struct place *place, unsigned id, const char *host, bool pinned)
{
	struct peer_memory memory = { .first_secs = START, .last_secs = START + id, .pinned = pinned };
	char name[32];

	snprintf(name, sizeof(name), "p%u.example", id);
	assert_int_equal(backend->peer_put(place->handle, name, host, &memory), 0);
}

static bool has_peer(struct place *place, unsigned id, const char *host)
{
	struct peer_memory memory;
	char name[32];

	snprintf(name, sizeof(name), "p%u.example", id);
	return backend->peer_get(place->handle, name, host, &memory) == 0;
}

static void put_grey(struct place *place, unsigned id, bool passed)
{
	struct greylist_entry entry = { .first_secs = START, .last_secs = START + id, .passed_secs = passed ? START + id : 0 };
	char key[16];

	snprintf(key, sizeof(key), "k%u", id);
	assert_int_equal(backend->greylist_put(place->handle, key, &entry), 0);
}

static bool has_grey(struct place *place, unsigned id)
{
	struct greylist_entry entry;
	char key[16];

	snprintf(key, sizeof(key), "k%u", id);
	return backend->greylist_get(place->handle, key, &entry) == 0;
}

/* ---- peers --------------------------------------------------------------------------------------- */

static void test_backend_expire_peers_max_lets_the_longest_unseen_go_with_their_hosts(void **state)
{
	struct place *place = *state;
	struct backend_expiry expiry = { .peers_max = 30 };
	struct backend_expired expired;

	open_backend(place);
	for (unsigned i = 30; i-- > 0;) {	/* the newest first: it is not the order of writing that counts */
		put_peer(place, i, "", i == 3);
		put_peer(place, i, "192.0.2.1", false);
	}
	assert_int_equal(backend->expire(place->handle, &expiry, 8, &expired), 0);
	assert_true(expired.trimmed[STORE_CAP_PEERS] == 0 && !expired.more);
	expiry.peers_max = 0;
	assert_int_equal(backend->expire(place->handle, &expiry, 8, &expired), 0);
	assert_true(expired.trimmed[STORE_CAP_PEERS] == 0 && !expired.more);
	expiry.peers_max = 20;
	assert_int_equal(backend->expire(place->handle, &expiry, 8, &expired), 0);
	assert_true(expired.trimmed[STORE_CAP_PEERS] == 16 && expired.more);	/* 8 peers, 8 hosts */
	assert_int_equal(backend->expire(place->handle, &expiry, 8, &expired), 0);
	assert_true(expired.trimmed[STORE_CAP_PEERS] == 4 && !expired.more);
	for (unsigned i = 0; i < 30; i++) {
		assert_int_equal(has_peer(place, i, ""), i > 10 || i == 3);
		assert_int_equal(has_peer(place, i, "192.0.2.1"), i > 10 || i == 3);
	}
	assert_totals(place);
}

static void test_backend_expire_peers_max_with_pinned_ones_only_ends(void **state)
{
	struct place *place = *state;
	struct backend_expiry expiry = { .peers_max = 2 };
	struct backend_expired expired;

	open_backend(place);
	for (unsigned i = 0; i < 20; i++)
		put_peer(place, i, "", true);
	put_peer(place, 20, "", false);
	assert_int_equal(backend->expire(place->handle, &expiry, 5, &expired), 0);
	assert_true(expired.trimmed[STORE_CAP_PEERS] == 1 && !expired.more);
	assert_int_equal(backend->expire(place->handle, &expiry, 5, &expired), 0);
	assert_true(expired.trimmed[STORE_CAP_PEERS] == 0 && !expired.more);
	assert_int_equal(place_number(place, "SELECT count(*) FROM peer"), 20);
	/* nor do they keep the hosts from being bounded */
	for (unsigned i = 0; i < 6; i++)
		put_peer(place, i, "192.0.2.1", false);
	expiry.hosts_max = 4;
	assert_int_equal(backend->expire(place->handle, &expiry, 5, &expired), 0);
	assert_int_equal(expired.trimmed[STORE_CAP_HOSTS], 2);
}

/* One peer with very many hosts must not make a step long; until all are gone it stays the next one to go. */
static void test_backend_expire_peers_max_bounds_a_step_in_rows(void **state)
{
	struct place *place = *state;
	struct backend_expiry expiry = { .peers_max = 1 };
	struct backend_expired expired;
	char host[32];

	open_backend(place);
	put_peer(place, 1, "", false);
	put_peer(place, 2, "", false);
	for (unsigned i = 0; i < 50; i++) {
		snprintf(host, sizeof(host), "192.0.2.%u", i);
		put_peer(place, 1, host, false);
	}
	for (int left = 31; left > 0; left -= 20) {
		assert_int_equal(backend->expire(place->handle, &expiry, 10, &expired), 0);
		assert_true(expired.trimmed[STORE_CAP_PEERS] == 20 && expired.more);
		assert_true(has_peer(place, 1, ""));
		assert_int_equal(place_number(place, "SELECT count(*) FROM peer WHERE peer='p1.example'"), left);
	}
	assert_int_equal(backend->expire(place->handle, &expiry, 10, &expired), 0);
	assert_int_equal(expired.trimmed[STORE_CAP_PEERS], 11);
	assert_int_equal(place_number(place, "SELECT count(*) FROM peer"), 1);
	assert_true(has_peer(place, 2, ""));
}

static void test_backend_expire_hosts_max_spares_the_peers(void **state)
{
	struct place *place = *state;
	struct backend_expiry expiry = { .hosts_max = 4 };
	struct backend_expired expired;

	open_backend(place);
	for (unsigned i = 0; i < 10; i++) {
		put_peer(place, i, "", false);
		put_peer(place, i, "192.0.2.1", false);
	}
	assert_int_equal(backend->expire(place->handle, &expiry, 5, &expired), 0);
	assert_true(expired.trimmed[STORE_CAP_HOSTS] == 5 && expired.more);
	assert_int_equal(backend->expire(place->handle, &expiry, 5, &expired), 0);
	assert_true(expired.trimmed[STORE_CAP_HOSTS] == 1 && !expired.more);
	for (unsigned i = 0; i < 10; i++) {
		assert_true(has_peer(place, i, ""));
		assert_int_equal(has_peer(place, i, "192.0.2.1"), i >= 6);
	}
}

static void test_backend_expire_peers_by_age_goes_by_each_row(void **state)
{
	struct place *place = *state;
	struct backend_expiry expiry = { .peers_secs = START + 5 };
	struct backend_expired expired;

	open_backend(place);
	for (unsigned i = 0; i < 10; i++) {
		put_peer(place, i, "", i == 2);
		put_peer(place, i, "192.0.2.1", false);
	}
	assert_int_equal(backend->expire(place->handle, &expiry, 4, &expired), 0);
	assert_true(expired.more);
	assert_int_equal(backend->expire(place->handle, &expiry, 4, &expired), 0);
	for (unsigned i = 0; i < 10; i++) {
		assert_int_equal(has_peer(place, i, ""), i >= 5 || i == 2);
		assert_int_equal(has_peer(place, i, "192.0.2.1"), i >= 5);
	}
	for (int cap = 0; cap < STORE_CAPS; cap++)
		assert_int_equal(expired.trimmed[cap], 0);
	assert_totals(place);
}

/* ---- greylist ------------------------------------------------------------------------------------ */

static void test_backend_expire_greylist_max_lets_those_that_never_came_back_go_first(void **state)
{
	struct place *place = *state;
	struct backend_expiry expiry = { .greylist_max = 10 };
	struct backend_expired expired;

	open_backend(place);
	for (unsigned i = 0; i < 24; i++)
		put_grey(place, i, i < 4);	/* the four that passed came longest ago */
	assert_int_equal(backend->expire(place->handle, &expiry, 10, &expired), 0);
	assert_true(expired.trimmed[STORE_CAP_GREYLIST] == 10 && expired.more);
	assert_int_equal(backend->expire(place->handle, &expiry, 10, &expired), 0);
	assert_true(expired.trimmed[STORE_CAP_GREYLIST] == 4 && !expired.more);
	for (unsigned i = 0; i < 24; i++)
		assert_int_equal(has_grey(place, i), i < 4 || i >= 18);
	assert_int_equal(backend->expire(place->handle, &expiry, 10, &expired), 0);
	assert_int_equal(expired.trimmed[STORE_CAP_GREYLIST], 0);
	assert_totals(place);
}

/* However many passed, those that wait now keep half of the room: else nobody new would ever pass. */
static void test_backend_expire_greylist_max_keeps_room_for_those_that_wait(void **state)
{
	struct place *place = *state;
	struct backend_expiry expiry = { .greylist_max = 11 };
	struct backend_expired expired;

	open_backend(place);
	for (unsigned i = 0; i < 16; i++)
		put_grey(place, i, i >= 4);
	put_grey(place, 20, false);
	assert_int_equal(backend->expire(place->handle, &expiry, 100, &expired), 0);
	assert_int_equal(expired.trimmed[STORE_CAP_GREYLIST], 6);
	for (unsigned i = 0; i < 16; i++)
		assert_int_equal(has_grey(place, i), i < 4 || i >= 10);
	assert_true(has_grey(place, 20));
	/* both have more than half */
	for (unsigned i = 30; i < 36; i++)
		put_grey(place, i, false);
	for (unsigned i = 36; i < 42; i++)
		put_grey(place, i, true);
	assert_int_equal(backend->expire(place->handle, &expiry, 100, &expired), 0);
	assert_int_equal(place_number(place, "SELECT count(*) FROM greylist WHERE passed=0"), 6);
	assert_int_equal(place_number(place, "SELECT count(*) FROM greylist WHERE passed<>0"), 5);
	assert_totals(place);
}

static void assert_told(const struct place *place, const char *what)
{
	unsigned found = 0;

	for (unsigned i = 0; i < told_count; i++) {
		if (strstr(told[i], what) == NULL)
			continue;
		found++;
		assert_int_equal(told[i][0], '0' + STORE_WARNING);
		assert_non_null(strstr(told[i], place->path));
	}
	assert_int_equal(found, 1);
}

/* The first hundred passed. */
static void note_grey(struct store *store, unsigned from, unsigned count)
{
	char key[16];

	for (unsigned i = from; i < from + count; i++) {
		snprintf(key, sizeof(key), "k%u", i);
		assert_int_equal(store_greylist_note(store, key, START + i, i < 100), 0);
	}
}

/* Thousands of rows may take longer than one flush waits, and a busy disk longer still. */
static void flush_all(struct store *store)
{
	int code = -E_SYSTEM;

	for (int i = 0; i < 100 && code != 0; i++)
		code = store_flush(store);
	assert_int_equal(code, 0);
}

static void test_store_caps_tell_once_each_and_are_not_outrun(void **state)
{
	struct place *place = *state;
	struct store_statistics statistics;
	struct peer_memory memory;
	struct greylist_entry entry;

	told_count = 0;
	place->config.changed = remember_told;
	place_store(place);	/* any number */
	note_peers(place->store, 0, 5000);
	note_grey(place->store, 0, 5000);
	flush_all(place->store);
	store_close(&place->store);
	place->config.peers_max = 5000;
	place->config.greylist_max = 5000;
	place_store(place);
	store_close(&place->store);
	assert_int_equal(told_count, 2);	/* up, and up: as many as may be */
	place->config.peers_max = 500;
	place->config.greylist_max = 500;
	place_store(place);
	note_peers(place->store, 5000, 4000);
	flush_all(place->store);
	assert_in_range(place_number(place, "SELECT count(*) FROM peer WHERE host=''"), 500, 5000);	/* 9000 in all: a step for each group */
	note_grey(place->store, 5000, 4000);
	flush_all(place->store);
	assert_in_range(place_number(place, "SELECT count(*) FROM greylist"), 500, 5000);
	wait_for_rows(place, "SELECT count(*) FROM peer", 1000);
	wait_for_rows(place, "SELECT count(*) FROM greylist", 500);
	assert_int_equal(store_peer_get(place->store, "p8499.example", &memory), -E_ABSENT);
	assert_int_equal(store_peer_get(place->store, "p8500.example", &memory), 0);
	assert_int_equal(store_greylist_get(place->store, "k99", &entry), 0);
	assert_int_equal(store_greylist_get(place->store, "k8599", &entry), -E_ABSENT);
	assert_int_equal(store_greylist_get(place->store, "k8600", &entry), 0);
	assert_totals(place);
	store_statistics(place->store, &statistics);
	assert_int_equal(statistics.trimmed[STORE_CAP_PEERS], 17000);	/* rows: a host each */
	assert_int_equal(statistics.trimmed[STORE_CAP_HOSTS], 0);
	assert_int_equal(statistics.trimmed[STORE_CAP_GREYLIST], 8500);
	store_close(&place->store);
	assert_told(place, "max-peers = 500 is reached");
	assert_told(place, "max-greylist = 500 is reached");
	assert_int_equal(told_count, 5);
}

/* A step goes with the opening, and one with each group; a minute lies between groups that are not full. */
static void test_store_expire_takes_steps_by_what_the_group_brought(void **state)
{
	struct place *place = *state;
	struct store_statistics statistics;

	place_store(place);	/* any number */
	note_grey(place->store, 0, 3000);
	flush_all(place->store);
	store_close(&place->store);
	place->config.greylist_max = 200;
	place->config.commit_interval_ms = 60000;
	place_store(place);
	wait_for_rows(place, "SELECT count(*) FROM greylist", 2500);	/* nothing was noted: a small step */
	note_grey(place->store, 3000, 2000);
	for (int i = 0; i < 30000; i++) {
		store_statistics(place->store, &statistics);
		if (statistics.trimmed[STORE_CAP_GREYLIST] > 500)
			break;
		usleep(1000);
	}
	assert_int_equal(statistics.trimmed[STORE_CAP_GREYLIST], 2500);	/* a full group: a full step */
	assert_int_equal(place_number(place, "SELECT count(*) FROM greylist"), 2500);
	store_close(&place->store);
	assert_totals(place);
}

static void count_hosts(void *arg, const char *host, const struct peer_memory *memory)
{
	(void)host;
	assert_in_range(memory->last_secs, START + 3997, START + 3999);
	++*(unsigned *)arg;
}

static void test_store_peer_hosts_max_keeps_those_seen_last(void **state)
{
	struct place *place = *state;
	struct peer_note note = { .peer = "example.org", .grade = 3 }, other = { .peer = "example.net", .host = "h", .grade = 3,
		.time_secs = START };
	struct peer_memory memory;
	struct store_statistics statistics;
	char host[32];
	unsigned count = 0;

	told_count = 0;
	place->config.changed = remember_told;
	place->config.peer_hosts_max = 3;
	note.host = host;
	place_store(place);
	assert_int_equal(store_peer_note(place->store, &other), 0);
	for (unsigned i = 0; i < 4000; i++) {
		snprintf(host, sizeof(host), "2001:db8::%x", i);
		note.time_secs = START + i;
		assert_int_equal(store_peer_note(place->store, &note), 0);
	}
	flush_all(place->store);
	assert_int_equal(store_hosts_each(place->store, "example.org", 100, count_hosts, &count), 0);
	assert_int_equal(count, 3);
	assert_int_equal(store_peer_get(place->store, "example.org", &memory), 0);
	assert_int_equal(memory.sessions, 4000);
	assert_int_equal(store_peer_host_get(place->store, "example.net", "h", &memory), 0);
	assert_totals(place);
	store_statistics(place->store, &statistics);
	assert_int_equal(statistics.trimmed[STORE_CAP_PEER_HOSTS], 3997);
	store_close(&place->store);
	assert_told(place, "max-peer-hosts = 3 is reached");
	assert_int_equal(told_count, 2);
}

static void test_store_totals_follow_every_change(void **state)
{
	struct place *place = *state;
	struct store *store = place_store(place);

	note_peers(store, 0, 20);
	assert_int_equal(store_greylist_note(store, "a", START, false), 0);
	assert_int_equal(store_greylist_note(store, "b", START, true), 0);
	assert_int_equal(store_flush(store), 0);
	assert_totals(place);
	assert_int_equal(place_number(place, "SELECT sum(peers*1000000+hosts*10000+waiting*100+passed) FROM total"), 20200101);
	note_peers(store, 10, 20);	/* ten of them again */
	assert_int_equal(store_greylist_note(store, "a", START + 600, true), 0);	/* now it passes */
	assert_int_equal(store_greylist_note(store, "b", START + 600, true), 0);
	assert_int_equal(store_flush(store), 0);
	assert_int_equal(store_peer_forget(store, "p5.example"), 0);
	assert_int_equal(store_peer_pin(store, "p6.example", true), 0);
	assert_int_equal(store_peer_pin(store, "new.example", true), 0);
	assert_int_equal(place_number(place, "SELECT sum(peers*1000000+hosts*10000+waiting*100+passed) FROM total"), 30290002);
	assert_totals(place);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		PLACE_TESTS(test_backend_expire_peers_max_lets_the_longest_unseen_go_with_their_hosts, place_setup),
		PLACE_TESTS(test_backend_expire_peers_max_with_pinned_ones_only_ends, place_setup),
		PLACE_TESTS(test_backend_expire_peers_max_bounds_a_step_in_rows, place_setup),
		PLACE_TESTS(test_backend_expire_hosts_max_spares_the_peers, place_setup),
		PLACE_TESTS(test_backend_expire_peers_by_age_goes_by_each_row, place_setup),
		PLACE_TESTS(test_backend_expire_greylist_max_lets_those_that_never_came_back_go_first, place_setup),
		PLACE_TESTS(test_backend_expire_greylist_max_keeps_room_for_those_that_wait, place_setup),
		PLACE_TESTS(test_store_caps_tell_once_each_and_are_not_outrun, place_setup),
		PLACE_TESTS(test_store_expire_takes_steps_by_what_the_group_brought, place_setup),
		PLACE_TESTS(test_store_peer_hosts_max_keeps_those_seen_last, place_setup),
		PLACE_TESTS(test_store_totals_follow_every_change, place_setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
