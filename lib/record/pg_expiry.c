/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rows that go: those that are too old, and of those that are too many the ones that cost least, as backend.h says. Each step is a
 * transaction of its own that takes the writer's turn: a row that another host writes just now is seen as it is then. All hosts do
 * this; whoever comes second finds nothing left. How many rows there are is the sum of what the triggers have noted
 * (pg_schema_steps.h), which is added up here. Thread: the handle's.
 */
#include "record/pg_internal.h"

#include <stddef.h>
#include <string.h>

#include "record/excess.h"
#include "util/clock.h"
#include "util/error.h"

enum { DAY_SECS = 86400 };

/* A step under way. */
struct work {
	const struct backend_expiry *expiry;
	unsigned limit;
	struct backend_expired *expired;
};

/* Deletes at most limit rows, within a transaction; $1 is the limit. @return rows deleted, or -E_SYSTEM. */
static int rows_delete(struct backend_handle *handle, const struct pg_sql *sql, int64_t limit, int64_t bound)
{
	struct pg_call call;
	uint64_t rows;

	pg_call_begin(&call, handle, sql);
	pg_number(&call, limit);
	if (sql->types[1] != '\0')
		pg_number(&call, bound);
	return pg_run(&call, &rows) == 0 ? (int)rows : -E_SYSTEM;
}

struct deleting { const struct pg_sql *sql; int64_t limit, bound; };

static int work_delete(struct backend_handle *handle, void *arg)
{
	const struct deleting *deleting = arg;

	return rows_delete(handle, deleting->sql, deleting->limit, deleting->bound);
}

/* The same in a transaction of its own. */
static int step(struct backend_handle *handle, const struct pg_sql *sql, int64_t limit, int64_t bound)
{
	struct deleting deleting = { sql, limit, bound };

	return pg_transaction(handle, work_delete, &deleting);
}

static const struct pg_sql old_peers = { "ii", "DELETE FROM peer WHERE host='' AND peer IN "
    "(SELECT peer FROM peer WHERE host='' AND pinned=0 AND last<$2 LIMIT $1)" };
static const struct pg_sql old_hosts = { "ii", "DELETE FROM peer WHERE (peer,host) IN "
    "(SELECT peer,host FROM peer WHERE host<>'' AND last<$2 LIMIT $1)" };
static const struct pg_sql old_shapes = { "ii", "DELETE FROM shape WHERE key IN (SELECT key FROM shape WHERE noted<$2 LIMIT $1)" };
static const struct pg_sql old_traces = { "ii", "DELETE FROM trace WHERE id IN (SELECT id FROM trace WHERE time<$2 LIMIT $1)" };
static const struct pg_sql old_passed = { "ii", "DELETE FROM greylist WHERE key IN "
    "(SELECT key FROM greylist WHERE passed<>0 AND last<$2 LIMIT $1)" };
/* most senders that wait never come back: they must not stay as long as those that do */
static const struct pg_sql old_waiting = { "ii", "DELETE FROM greylist WHERE key IN "
    "(SELECT key FROM greylist WHERE passed=0 AND last<$2 LIMIT $1)" };
/* a day of flows goes when its end is too old */
static const struct pg_sql old_brakes = { "ii", "DELETE FROM brake WHERE (policy,finding,since) IN "
    "(SELECT policy,finding,since FROM brake WHERE lifted<>0 AND lifted<=$2-86400 LIMIT $1)" };
static const struct pg_sql many_shapes = { "ii", "DELETE FROM shape WHERE key IN "
    "(SELECT key FROM shape ORDER BY noted DESC LIMIT $1 OFFSET $2)" };
static const struct pg_sql many_hosts = { "i", "DELETE FROM peer WHERE (peer,host) IN "
    "(SELECT peer,host FROM peer WHERE host<>'' ORDER BY last LIMIT $1)" };
static const struct pg_sql many_waiting = { "i", "DELETE FROM greylist WHERE key IN "
    "(SELECT key FROM greylist WHERE passed=0 ORDER BY last LIMIT $1)" };
static const struct pg_sql many_passed = { "i", "DELETE FROM greylist WHERE key IN "
    "(SELECT key FROM greylist WHERE passed<>0 ORDER BY last LIMIT $1)" };
/*
 * Peers seen longest ago with their hosts, the hosts of each first (host '' is the last in this order), so that what is left of one
 * is still found as a peer. $1: peers, $2: rows in all.
 */
static const struct pg_sql many_peers = { "ii", "DELETE FROM peer WHERE (peer,host) IN (SELECT row.peer,row.host FROM "
    "(SELECT peer,last FROM peer WHERE host='' AND pinned=0 ORDER BY last LIMIT $1) AS oldest "
    "JOIN peer AS row ON row.peer=oldest.peer ORDER BY oldest.last,row.peer,row.host DESC LIMIT $2)" };

/* ---- how many there are ------------------------------------------------------------------------------------------ */

/* Adds up what the triggers have noted, in one row. Within a transaction. */
static int totals_get(struct backend_handle *handle, struct excess_totals *totals_r)
{
	static const struct pg_sql sum = { "", "WITH noted AS (DELETE FROM total RETURNING peers,hosts,waiting,passed) INSERT INTO total "
	    "SELECT coalesce(sum(peers),0),coalesce(sum(hosts),0),coalesce(sum(waiting),0),coalesce(sum(passed),0) FROM noted "
	    "RETURNING peers,hosts,waiting,passed" };
	struct pg_call call;
	struct pg_row row;

	pg_call_begin(&call, handle, &sum);
	if (pg_get(&call, &row) != 0)
		return -E_SYSTEM;
	totals_r->peers = pg_row_number(&row, 0);
	totals_r->hosts = pg_row_number(&row, 1);
	totals_r->waiting = pg_row_number(&row, 2);
	totals_r->passed = pg_row_number(&row, 3);
	return 0;
}

/* Within a transaction. @return 0 or -E_SYSTEM. */
static int memory_trim(struct backend_handle *handle, void *arg)
{
	const struct work *work = arg;
	struct excess_totals totals;
	struct excess many;
	int peers = 0, hosts = 0, waiting = 0, passed = 0;

	if (totals_get(handle, &totals) != 0)
		return -E_SYSTEM;
	many = excess_find(&totals, work->expiry, work->limit);
	if (many.peers != 0)
		peers = rows_delete(handle, &many_peers, many.peers, 2 * (int64_t)work->limit);
	/* peers take theirs along; pinned ones never go */
	if (peers == 0 && many.hosts != 0)
		hosts = rows_delete(handle, &many_hosts, many.hosts, 0);
	if (many.waiting != 0)
		waiting = rows_delete(handle, &many_waiting, many.waiting, 0);
	if (many.passed != 0)
		passed = rows_delete(handle, &many_passed, many.passed, 0);
	if (peers < 0 || hosts < 0 || waiting < 0 || passed < 0)
		return -E_SYSTEM;
	work->expired->trimmed[STORE_CAP_PEERS] = (unsigned)peers;
	work->expired->trimmed[STORE_CAP_HOSTS] = (unsigned)hosts;
	work->expired->trimmed[STORE_CAP_GREYLIST] = (unsigned)waiting + (unsigned)passed;
	return 0;
}

/* ---- traces: by octets ------------------------------------------------------------------------------------------- */

/* How many octets there are, in one row, too. @return them, or -E_SYSTEM. */
static int64_t trace_octets(struct backend_handle *handle)
{
	static const struct pg_sql sum = { "", "WITH noted AS (DELETE FROM trace_total RETURNING bytes) INSERT INTO trace_total "
	    "SELECT coalesce(sum(bytes),0) FROM noted RETURNING bytes" };
	struct pg_call call;
	struct pg_row row;

	pg_call_begin(&call, handle, &sum);
	return pg_get(&call, &row) == 0 ? pg_row_number(&row, 0) : -E_SYSTEM;
}

/* Within a transaction. @return rows deleted, or -E_SYSTEM. */
static int traces_trim(struct backend_handle *handle, void *arg)
{
	const struct work *work = arg;
	uint64_t max = work->expiry->traces_max_bytes;
	/* the oldest, and of these as many as it takes: those before which not all $2 octets are found yet */
	static const struct pg_sql trim = { "ii", "DELETE FROM trace WHERE id IN (SELECT id FROM (SELECT id,"
	    "sum(bytes) OVER (ORDER BY id)-bytes AS before FROM (SELECT id,bytes FROM trace ORDER BY id LIMIT $1) AS oldest) AS summed "
	    "WHERE before<$2)" };
	int64_t octets = max != 0 ? trace_octets(handle) : 0;

	if (octets < 0)
		return -E_SYSTEM;
	return octets > 0 && (uint64_t)octets > max ? rows_delete(handle, &trim, work->limit, octets - (int64_t)max) : 0;
}

/* ---- a step ------------------------------------------------------------------------------------------------------ */

/* What is one after the other in a step: each is some transactions. @return rows, of which as many as the limit may be more; -E_SYSTEM. */

static int flows_old(struct backend_handle *handle, struct work *work)
{
	return pg_flows_expire(handle, work->expiry->flows_secs, work->limit);
}

static int failures_old(struct backend_handle *handle, struct work *work)
{
	return pg_failures_expire(handle, work->expiry->failures_secs, work->limit);
}

static int reports_old(struct backend_handle *handle, struct work *work)
{
	return pg_dmarc_expire(handle, work->expiry->dmarc_secs / DAY_SECS, work->limit);
}

static int shapes_many(struct backend_handle *handle, struct work *work)
{
	/* nobody is told of them, and the next step comes soon enough */
	return work->expiry->shapes_max != 0 && step(handle, &many_shapes, work->limit, work->expiry->shapes_max) < 0 ? -E_SYSTEM : 0;
}

static int days_made(struct backend_handle *handle, struct work *work)
{
	int rolled = pg_rollup(handle, work->expiry->hours_secs, work->limit);

	return rolled > 0 ? (int)work->limit : rolled;
}

static int kinds_folded(struct backend_handle *handle, struct work *work)
{
	int folded = pg_fold(handle, work->expiry->kinds_max, work->limit, &work->expired->trimmed[STORE_CAP_KINDS]);

	return folded > 0 ? (int)work->limit : folded;
}

static int unused_swept(struct backend_handle *handle, struct work *work)
{
	return pg_sweep(handle, work->limit);
}

static int flows_many(struct backend_handle *handle, struct work *work)
{
	int rows = pg_flows_trim(handle, work->expiry->flows_max, work->limit);

	work->expired->trimmed[STORE_CAP_FLOWS] = rows > 0 ? (unsigned)rows : 0;
	return rows;
}

static int memory_many(struct backend_handle *handle, struct work *work)
{
	return pg_transaction(handle, memory_trim, work);
}

static int traces_many(struct backend_handle *handle, struct work *work)
{
	int rows = pg_transaction(handle, traces_trim, work);

	work->expired->trimmed[STORE_CAP_TRACES] = rows > 0 ? (unsigned)rows : 0;
	return rows;
}

/* A function, or rows that were seen last before a time. By age before by number: what is too old does not count as too many; nor does
 * what is put together. */
static const struct part { int (*run)(struct backend_handle *handle, struct work *work); const struct pg_sql *old; size_t time; } parts[] = {
	{ .old = &old_peers, .time = offsetof(struct backend_expiry, peers_secs) },
	{ .old = &old_hosts, .time = offsetof(struct backend_expiry, peers_secs) },
	{ .old = &old_shapes, .time = offsetof(struct backend_expiry, shapes_secs) },
	{ .old = &old_traces, .time = offsetof(struct backend_expiry, traces_secs) },
	{ .old = &old_passed, .time = offsetof(struct backend_expiry, greylist_passed_secs) },
	{ .old = &old_waiting, .time = offsetof(struct backend_expiry, greylist_waiting_secs) },
	{ .old = &old_brakes, .time = offsetof(struct backend_expiry, flows_secs) },
	{ .run = flows_old }, { .run = failures_old }, { .run = reports_old }, { .run = shapes_many }, { .run = days_made },
	{ .run = kinds_folded }, { .run = unused_swept }, { .run = flows_many }, { .run = memory_many }, { .run = traces_many },
};
enum { PARTS = sizeof(parts) / sizeof(parts[0]) };

static int part_run(struct backend_handle *handle, const struct part *part, struct work *work)
{
	int64_t before_secs;

	if (part->run != NULL)
		return part->run(handle, work);
	memcpy(&before_secs, (const char *)work->expiry + part->time, sizeof(before_secs));
	return step(handle, part->old, work->limit, before_secs);
}

/* A server that is slow is asked no further in this step once its time is over; the next one goes on where this one has ended. */
int pg_expire(struct backend_handle *handle, const struct backend_expiry *expiry, unsigned limit, struct backend_expired *expired_r)
{
	struct work work = { expiry, limit, expired_r };
	int64_t until_ms = clock_monotonic_ms() + handle->limit_ms;

	*expired_r = (struct backend_expired){ 0 };
	do {
		int rows = part_run(handle, &parts[handle->expiry_next], &work);

		if (rows < 0)
			return -E_SYSTEM;
		expired_r->more |= (unsigned)rows >= limit;
		handle->expiry_next = (handle->expiry_next + 1) % PARTS;
	} while (handle->expiry_next != 0 && clock_monotonic_ms() < until_ms);
	expired_r->more |= handle->expiry_next != 0;
	for (int cap = 0; cap < STORE_CAPS; cap++)
		expired_r->more |= expired_r->trimmed[cap] >= limit;
	return 0;
}
