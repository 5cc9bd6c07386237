/* SPDX-License-Identifier: BSD-2-Clause */
/* record/pg*: what only a server can do to a store: go, come back, fall silent, be shared. On a real one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "postgres_fixture.h"
#include "record/group.h"
#include "record/pg_internal.h"
#include "store_fixture.h"
#include "util/clock.h"
#include "util/error.h"

enum { START = 1700000000, DAY = 86400 };

static int place_setup_postgresql(void **state)
{
	return place_make_postgresql(state, START + DAY);
}

/* ---- the connection ---------------------------------------------------------------------------------------------- */

static void test_pg_password_in_the_connection_is_refused_and_not_told(void **state)
{
	static const char *const texts[] = { "host=/tmp user=assay password=sesame", "postgresql://assay:sesame@127.0.0.1/assay" };
	struct backend_look look;
	char why[256] = "";

	(void)state;
	for (int i = 0; i < 2; i++) {
		assert_int_equal(backend_postgresql.look(texts[i], &look), -E_SYSTEM);
		assert_non_null(strstr(look.why, "passfile"));
		assert_null(strstr(look.why, "sesame"));
		assert_null(backend_postgresql.open(texts[i], BACKEND_READ, 100, why, sizeof(why)));
		assert_null(strstr(why, "sesame"));
	}
}

/* A socket in a directory of its own that takes connections and says nothing. */
static int silent_server(const char *directory)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s/.s.PGSQL.5432", directory);
	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(fd, 64), 0);
	return fd;
}

/* Takes connections and ends them, as a proxy does whose server is gone. arg: its descriptor; ends when that is shut. */
static void *ending_server(void *arg)
{
	int fd;

	while ((fd = accept(*(int *)arg, NULL, NULL)) >= 0) {
		char octets[4096];

		(void)recv(fd, octets, sizeof(octets), 0);
		close(fd);
	}
	return NULL;
}

/* Of several hosts each is tried, also behind one at which libpq would stop; and what each said is told. */
static void test_pg_host_that_ends_connections_is_not_the_last(void **state)
{
	struct place *place = *state;
	int fd = silent_server(place->directory);
	char path[400], nobody[400], why[STORE_WHY_BYTES] = "", *rest = strchr(place->path, ' ');
	struct backend_handle *handle;
	pthread_t server;

	assert_int_equal(pthread_create(&server, NULL, ending_server, &fd), 0);
	assert_int_equal(strncmp(place->path, "host=", 5), 0);
	snprintf(path, sizeof(path), "host=%s,%s,%.*s%s", place->directory, place->directory, (int)(rest - place->path - 5), place->path + 5, rest);
	snprintf(nobody, sizeof(nobody), "host=%s,%s/none user=assay connect_timeout=2", place->directory, place->directory);
	handle = backend_postgresql.open(path, BACKEND_MAKE, 2000, why, sizeof(why));
	assert_null(backend_postgresql.open(nobody, BACKEND_MAKE, 2000, place->why, sizeof(place->why)));
	shutdown(fd, SHUT_RDWR);
	pthread_join(server, NULL);
	close(fd);
	if (handle == NULL)
		fail_msg("%s", why);
	backend_postgresql.close(&handle);
	assert_non_null(strstr(place->why, "; "));
	assert_non_null(strstr(place->why, "closed the connection"));
}

/* While nobody has reached the server, readers do not try; and a message never waits for one that is silent. */
static void test_pg_silent_server_costs_a_reader_no_more_than_its_time(void **state)
{
	struct place *place = *state;
	int fd = silent_server(place->directory);
	struct store_statistics statistics;
	struct peer_memory memory;
	int64_t began_ms, longest_ms = 0;

	snprintf(place->path, sizeof(place->path), "host=%s user=assay", place->directory);
	place->config.busy_ms = 150;
	place_store(place);
	for (int i = 0; i < 50; i++) {
		began_ms = clock_monotonic_ms();
		assert_int_equal(store_peer_get(place->store, "x", &memory), -E_SYSTEM);
		if (clock_monotonic_ms() - began_ms > longest_ms)
			longest_ms = clock_monotonic_ms() - began_ms;
		usleep(10000);
	}
	assert_in_range(longest_ms, 0, 150 + 1000);	/* the second for a busy machine */
	store_statistics(place->store, &statistics);
	assert_false(statistics.up);
	close(fd);
}

enum { TARDY_LIMIT_MS = 1000, TARDY_MS = 800 };

/* A server that lets everybody in at once, and then takes nearly as long as it may for each answer, which has no rows. */
static void *tardy_connection(void *arg)
{
	/* let in; what a writer wants to know; ready */
	static const char welcome[] = "R\0\0\0\x08\0\0\0\0" "S\0\0\0\x26" "default_transaction_read_only\0off\0" "S\0\0\0\x17" "in_hot_standby\0off\0"
	    "Z\0\0\0\x05I", answer[] = "C\0\0\0\x08SET\0Z\0\0\0\x05I";
	int fd = *(int *)arg;
	char octets[4096];

	free(arg);
	if (recv(fd, octets, sizeof(octets), 0) > 0 && send(fd, welcome, sizeof(welcome) - 1, MSG_NOSIGNAL) > 0)
		while (recv(fd, octets, sizeof(octets), 0) > 0) {
			usleep(TARDY_MS * 1000);
			(void)send(fd, answer, sizeof(answer) - 1, MSG_NOSIGNAL);
		}
	close(fd);
	return NULL;
}

static void *tardy_server(void *arg)
{
	pthread_t threads[2];

	for (int i = 0; i < 2; i++) {
		int *fd = malloc(sizeof(*fd));

		*fd = accept(*(int *)arg, NULL, NULL);
		pthread_create(&threads[i], NULL, tardy_connection, fd);
	}
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	return NULL;
}

/* Opening takes several answers, and a message waits for all of them together no longer than for one. */
static void test_pg_tardy_server_costs_a_reader_no_more_than_its_time(void **state)
{
	struct place *place = *state;
	int fd = silent_server(place->directory);
	pthread_t server;
	char why[256];
	int64_t began_ms;

	assert_int_equal(pthread_create(&server, NULL, tardy_server, &fd), 0);
	snprintf(place->path, sizeof(place->path), "host=%s user=assay", place->directory);
	backend_postgresql.expect(place->path);
	/* gets there, and so shows the way */
	assert_null(backend_postgresql.open(place->path, BACKEND_MAKE, TARDY_LIMIT_MS, why, sizeof(why)));
	assert_non_null(strstr(why, "no row"));
	began_ms = clock_monotonic_ms();
	assert_null(backend_postgresql.open(place->path, BACKEND_READ, TARDY_LIMIT_MS, why, sizeof(why)));
	assert_in_range(clock_monotonic_ms() - began_ms, TARDY_MS, 2 * TARDY_MS - 100);
	assert_non_null(strstr(why, "in time"));
	pthread_join(server, NULL);
	close(fd);
}

static void test_pg_server_that_restarts_loses_nothing(void **state)
{
	struct place *place = *state;
	struct store *store = place_store(place);
	struct peer_note note = { .peer = "x", .grade = 3, .time_secs = START };
	struct peer_memory memory;
	char why[256] = "";

	assert_int_equal(store_peer_note(store, &note), 0);
	assert_int_equal(store_flush(store), 0);
	assert_int_equal(store_peer_get(store, "x", &memory), 0);
	postgres_stop();
	assert_int_equal(store_peer_get(store, "y", &memory), -E_SYSTEM);	/* "x" was read a moment ago */
	for (int i = 0; i < 10; i++)
		assert_int_equal(store_peer_note(store, &note), 0);
	while (store_is_up(store))
		usleep(1000);
	assert_true(postgres_start(why, sizeof(why)));
	assert_int_equal(store_flush(store), 0);
	assert_int_equal(store_peer_get(store, "x", &memory), 0);
	assert_int_equal(memory.sessions, 11);
}

/* ---- several writers --------------------------------------------------------------------------------------------- */

static void *note_a_lot(void *arg)
{
	struct store *store = arg;
	struct peer_note note = { .grade = 2, .host = "192.0.2.1", .time_secs = START };
	char name[32];

	note.peer = name;
	for (int i = 0; i < 2000; i++) {
		snprintf(name, sizeof(name), "p%d.example", i % 7);
		assert_int_equal(store_peer_note(store, &note), 0);
		if (i % 10 == 0)
			assert_int_equal(store_greylist_note(store, "key", START + i, false), 0);
		if (i % 50 == 0)
			usleep(2000);
	}
	return NULL;
}

/* Hosts of a fleet: each session counts, whoever saw it. */
static void test_pg_two_stores_on_one_server_count_every_session(void **state)
{
	struct place *place = *state;
	struct store *stores[3] = { place_store(place) };
	struct greylist_entry entry;
	struct peer_memory memory;
	pthread_t threads[3];
	uint64_t sum = 0;
	char name[32];

	for (int i = 1; i < 3; i++) {
		stores[i] = store_open(&place->config, place->why, sizeof(place->why));
		assert_non_null(stores[i]);
	}
	for (int i = 0; i < 3; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, note_a_lot, stores[i]), 0);
	for (int i = 0; i < 3; i++) {
		pthread_join(threads[i], NULL);
		assert_int_equal(store_flush(stores[i]), 0);
	}
	for (int i = 0; i < 7; i++) {
		snprintf(name, sizeof(name), "p%d.example", i);
		assert_int_equal(store_peer_get(stores[i % 3], name, &memory), 0);
		sum += memory.sessions;
	}
	assert_int_equal(sum, 3 * 2000);
	assert_int_equal(store_greylist_get(stores[1], "key", &entry), 0);
	assert_int_equal(entry.tries, 3 * 200);
	for (int i = 1; i < 3; i++)
		store_close(&stores[i]);
}

/* Whoever holds the writers' turn and does nothing: the notes wait, readers do not, and nothing is lost. */
static void test_pg_writer_that_holds_the_turn_costs_nothing(void **state)
{
	struct place *place = *state;
	struct store *store = place_store(place);
	struct peer_note note = { .peer = "x", .grade = 3, .time_secs = START };
	struct peer_memory memory;
	PGconn *other;

	assert_int_equal(store_peer_note(store, &note), 0);
	assert_int_equal(store_flush(store), 0);
	other = PQconnectdb(place->path);
	PQclear(PQexec(other, "BEGIN"));
	PQclear(PQexec(other, "SELECT version FROM assay_schema FOR UPDATE"));
	for (int i = 0; i < 50; i++)
		assert_int_equal(store_peer_note(store, &note), 0);
	usleep(300000);
	assert_int_equal(store_peer_get(store, "x", &memory), 0);
	assert_int_equal(memory.sessions, 1);
	PQfinish(other);
	assert_int_equal(store_flush(store), 0);
	assert_int_equal(store_peer_get(store, "x", &memory), 0);
	assert_int_equal(memory.sessions, 51);
}

/* Who holds it longer than anybody waits is told of as such, and not as a server that is silent. */
static void test_pg_turn_that_is_held_is_told(void **state)
{
	struct place *place = *state;
	PGconn *other;

	place->handle = backend_postgresql.open(place->path, BACKEND_MAKE, 200, place->why, sizeof(place->why));
	assert_non_null(place->handle);
	other = PQconnectdb(place->path);
	PQclear(PQexec(other, "BEGIN"));
	PQclear(PQexec(other, "SELECT version FROM assay_schema FOR UPDATE"));
	assert_int_equal(backend_postgresql.begin(place->handle), -E_SYSTEM);
	assert_non_null(strstr(backend_postgresql.why(place->handle), "another program has held the writers' turn"));
	PQfinish(other);
}

static char last_news[600];

static void news_note(enum store_news news, const char *text)
{
	snprintf(last_news, sizeof(last_news), "%d %s", (int)news, text);
}

/* A server that takes long for each group must not keep the daemon from stopping: what is left is told as lost. */
static void test_pg_slow_server_holds_up_no_stop(void **state)
{
	struct place *place = *state;
	struct peer_note note = { .grade = 3, .time_secs = START };
	struct store_statistics statistics;
	struct store *store;
	int64_t began_ms;
	char peer[32], lost[64];

	place->config.stop_ms = 300;
	place->config.changed = news_note;
	store = place_store(place);
	note.peer = "first";
	assert_int_equal(store_peer_note(store, &note), 0);
	assert_int_equal(store_flush(store), 0);
	place_execute(place, "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(1); RETURN NULL; END'");
	place_execute(place, "CREATE TRIGGER slow AFTER INSERT ON peer FOR EACH ROW WHEN (NEW.peer LIKE '%000') EXECUTE FUNCTION slow()");
	note.peer = peer;
	for (unsigned i = 0; i < 9 * STORE_GROUP_MAX; i++) {	/* one of each group is slow */
		snprintf(peer, sizeof(peer), "p%u", i);
		assert_int_equal(store_peer_note(store, &note), 0);
	}
	began_ms = clock_monotonic_ms();
	store_stop(store);
	assert_in_range(clock_monotonic_ms() - began_ms, 0, 5500);
	store_statistics(store, &statistics);
	assert_true(statistics.lost >= 4 * STORE_GROUP_MAX);
	assert_int_equal(statistics.written + statistics.lost, statistics.noted);
	snprintf(lost, sizeof(lost), ": %u notes were lost", (unsigned)statistics.lost);
	assert_non_null(strstr(last_news, lost));
	assert_int_equal(place_number(place, "SELECT count(*) FROM peer"), statistics.written);
}

#define PG_TEST(f) { #f "_postgresql", f, place_setup_postgresql, place_teardown, NULL }

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pg_password_in_the_connection_is_refused_and_not_told),
		PG_TEST(test_pg_host_that_ends_connections_is_not_the_last),
		PG_TEST(test_pg_silent_server_costs_a_reader_no_more_than_its_time),
		PG_TEST(test_pg_tardy_server_costs_a_reader_no_more_than_its_time),
		PG_TEST(test_pg_server_that_restarts_loses_nothing),
		PG_TEST(test_pg_two_stores_on_one_server_count_every_session),
		PG_TEST(test_pg_writer_that_holds_the_turn_costs_nothing),
		PG_TEST(test_pg_turn_that_is_held_is_told),
		PG_TEST(test_pg_slow_server_holds_up_no_stop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
