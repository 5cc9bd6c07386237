/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The way to the server. A writer, or the command line, may take its time: it looks up names and tries one host after the other as
 * the connection says. The readers of a daemon wait while a message waits: they go straight to the address where the writer got to,
 * within their time and without looking up a name, and nowhere while the writer has got nowhere. So all of a process are on the
 * same server, too, when there are several.
 * Trusts nothing that comes from the network. Thread: any; the addresses are shared and locked.
 */
#include "record/pg_internal.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/clock.h"
#include "util/error.h"
#include "util/out_of_memory.h"

enum { KEYWORDS_MAX = 12, HOST_BYTES = 256, PORT_BYTES = 16 };

/* Where a writer of this process got to; there are as many as there are databases in a process. */
struct way {
	struct way *next;
	char host[HOST_BYTES], address[HOST_BYTES], port[PORT_BYTES];	/* host "": it did not get there yet */
	char location[];
};
static pthread_mutex_t ways_lock = PTHREAD_MUTEX_INITIALIZER;
static struct way *ways;

/* Lock held. */
static struct way *way_find(const char *location)
{
	struct way *way = ways;

	while (way != NULL && strcmp(way->location, location) != 0)
		way = way->next;
	return way;
}

/* A writer sets out, or has arrived (connection). */
static void way_note(const char *location, const PGconn *connection)
{
	struct way *way;

	pthread_mutex_lock(&ways_lock);
	way = way_find(location);
	if (way == NULL) {
		way = calloc(1, sizeof(*way) + strlen(location) + 1);
		if (way == NULL)
			out_of_memory();
		strcpy(way->location, location);
		way->next = ways;
		ways = way;
	}
	if (connection != NULL) {
		const char *address = PQhostaddr(connection);

		snprintf(way->host, sizeof(way->host), "%s", PQhost(connection));
		snprintf(way->address, sizeof(way->address), "%s", address != NULL ? address : "");
		snprintf(way->port, sizeof(way->port), "%s", PQport(connection));
	}
	pthread_mutex_unlock(&ways_lock);
}

void pg_expect(const char *location)
{
	way_note(location, NULL);
}

/* @return whether a writer of this process looks for the way, or has found it. */
static bool way_get(const char *location, struct way *way_r)
{
	const struct way *way;

	pthread_mutex_lock(&ways_lock);
	way = way_find(location);
	if (way != NULL)
		memcpy(way_r, way, sizeof(*way));
	pthread_mutex_unlock(&ways_lock);
	return way != NULL;
}

void pg_bound(struct backend_handle *handle, unsigned times)
{
	handle->until_ms = times != 0 && !handle->unhurried ? clock_monotonic_ms() + (int64_t)handle->limit_ms * times : 0;
}

int64_t pg_deadline_ms(const struct backend_handle *handle)
{
	int64_t deadline_ms = clock_monotonic_ms() + handle->limit_ms;

	return handle->until_ms != 0 && handle->until_ms < deadline_ms ? handle->until_ms : deadline_ms;
}

int pg_wait(struct backend_handle *handle, bool write, int64_t deadline_ms)
{
	struct pollfd fd = { .fd = PQsocket(handle->connection), .events = (short)(POLLIN | (write ? POLLOUT : 0)) };
	int64_t left_ms;
	int ready;

	do {
		left_ms = deadline_ms - clock_monotonic_ms();
		ready = left_ms > 0 ? poll(&fd, 1, (int)left_ms) : 0;
	} while (ready < 0 && errno == EINTR);
	if (ready > 0)
		return 0;
	handle->lost = true;
	return pg_fail(handle, ready == 0 ? "the server has not answered in time" : "waiting for the server failed");
}

/* Connects without ever waiting longer than it may. */
static int connect_quickly(struct backend_handle *handle, int64_t deadline_ms)
{
	PostgresPollingStatusType state = PGRES_POLLING_WRITING;

	while (state != PGRES_POLLING_OK) {
		struct pollfd fd = { .fd = PQsocket(handle->connection), .events = state == PGRES_POLLING_READING ? POLLIN : POLLOUT };
		int64_t left_ms = deadline_ms - clock_monotonic_ms();
		int ready = left_ms > 0 ? poll(&fd, 1, (int)left_ms) : 0;

		if (ready < 0 && errno == EINTR)
			continue;
		if (ready <= 0)
			return pg_fail(handle, "the server has not answered in time");
		state = PQconnectPoll(handle->connection);
		if (state == PGRES_POLLING_FAILED)
			return pg_fail(handle, "%s", PQerrorMessage(handle->connection));
	}
	return 0;
}

struct keywords {
	const char *names[KEYWORDS_MAX], *values[KEYWORDS_MAX];
	int count;
};

static void keyword(struct keywords *keywords, const char *name, const char *value)
{
	keywords->names[keywords->count] = name;
	keywords->values[keywords->count++] = value;
}

/* Later ones count: those before the location are defaults, those behind it hold. */
static void keywords_make(struct keywords *keywords, const char *location, const struct way *way, bool write)
{
	keywords->count = 0;
	/* after a failover a standby takes connections, and no writes: of several hosts the next one is tried */
	if (write)
		keyword(keywords, "target_session_attrs", "read-write");
	keyword(keywords, "application_name", "assay");
	keyword(keywords, "connect_timeout", "5");
	keyword(keywords, "keepalives_idle", "30");
	keyword(keywords, "keepalives_interval", "10");
	keyword(keywords, "keepalives_count", "3");
	keyword(keywords, "dbname", location);
	keyword(keywords, "client_encoding", "UTF8");
	if (way != NULL) {
		/* where the writer is; whether it can be written to is no question of a reader's, and would be a trip to some servers */
		keyword(keywords, "target_session_attrs", "any");
		keyword(keywords, "host", way->host);
		if (way->address[0] != '\0')
			keyword(keywords, "hostaddr", way->address);
		keyword(keywords, "port", way->port);
	}
}

/* Without a word of anybody's on standard error: reasons go into why. */
static void notice_drop(void *arg, const PGresult *result)
{
	(void)arg;
	(void)result;
}

/* Later ones count. */
static void keywords_hosts(struct keywords *keywords, const struct pg_hosts *hosts)
{
	if (hosts->host != NULL)
		keyword(keywords, "host", hosts->host);
	if (hosts->address != NULL)
		keyword(keywords, "hostaddr", hosts->address);
	if (hosts->port != NULL)
		keyword(keywords, "port", hosts->port);
}

/* Takes its time, and tries every host. What is left of a failure is the last one's connection, and why of all. */
static void connect_patiently(struct backend_handle *handle, const char *location)
{
	struct keywords keywords = { .count = 0 };
	struct arena *arena = arena_new();
	struct pg_hosts hosts = { NULL, NULL, NULL };
	unsigned skip = 0;
	char why[sizeof(handle->why)] = "";

	for (;;) {
		keywords_make(&keywords, location, NULL, handle->write);
		keywords_hosts(&keywords, &hosts);
		handle->connection = PQconnectdbParams(keywords.names, keywords.values, 1);
		if (handle->connection == NULL)
			out_of_memory();
		if (PQstatus(handle->connection) == CONNECTION_OK)
			break;
		pg_fail(handle, "%s%s%s", why, why[0] != '\0' ? "; " : "", PQerrorMessage(handle->connection));
		memcpy(why, handle->why, sizeof(why));
		if (!pg_hosts_behind(location, handle->connection, &skip, arena, &hosts))
			break;
		PQfinish(handle->connection);
	}
	arena_free(&arena);
}

/* Goes where the writer got to. */
static int connect_where_it_is(struct backend_handle *handle, const char *location, const struct way *way)
{
	struct keywords keywords = { .count = 0 };

	keywords_make(&keywords, location, way, handle->write);
	pg_bound(handle, 1);
	handle->connection = PQconnectStartParams(keywords.names, keywords.values, 1);
	if (handle->connection == NULL)
		out_of_memory();
	if (PQstatus(handle->connection) == CONNECTION_BAD)
		return pg_fail(handle, "%s", PQerrorMessage(handle->connection));
	return connect_quickly(handle, handle->until_ms);
}

int pg_connect(struct backend_handle *handle, const char *location, bool make)
{
	struct way way;
	bool quick = !handle->write && way_get(location, &way);

	if (quick && way.host[0] == '\0')
		return pg_fail(handle, "the server was not reached yet");
	if (quick && connect_where_it_is(handle, location, &way) != 0)
		return -E_SYSTEM;
	if (!quick)
		connect_patiently(handle, location);
	if (PQstatus(handle->connection) != CONNECTION_OK)
		return -E_SYSTEM;	/* why says it already */
	PQsetNoticeReceiver(handle->connection, notice_drop, NULL);
	if (PQsetnonblocking(handle->connection, 1) != 0 || PQenterPipelineMode(handle->connection) == 0)
		return pg_fail(handle, "%s", PQerrorMessage(handle->connection));
	if (!quick)
		pg_bound(handle, 1);	/* for the rest of opening: connecting has a time of its own */
	if (make)
		way_note(location, handle->connection);
	return 0;
}
