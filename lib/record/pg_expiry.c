/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rows that go: those that are too old, and of those that are too many the ones that cost least, as backend.h says. Each step is a
 * transaction of its own that takes the writer's turn: a row that another host writes just now is seen as it is then. All hosts do
 * this; whoever comes second finds nothing left. How many rows there are is the sum of what the triggers have noted
 * (pg_schema_steps.h), which is added up here. Thread: the handle's.
 */
#include "record/pg_internal.h"

#include "util/error.h"

enum { DAY_SECS = 86400 };

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

/* Ends the transaction: with what was done, or with nothing. @return rows, or -E_SYSTEM. */
static int step_end(struct backend_handle *handle, int rows)
{
	if (rows >= 0 && pg_commit(handle) == 0)
		return rows;
	pg_rollback(handle);
	return -E_SYSTEM;
}

static int step(struct backend_handle *handle, const struct pg_sql *sql, int64_t limit, int64_t bound)
{
	return pg_begin(handle) == 0 ? step_end(handle, rows_delete(handle, sql, limit, bound)) : -E_SYSTEM;
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

struct totals { int64_t peers, hosts, waiting, passed; };

/* Adds up what the triggers have noted, in one row. Within a transaction. */
static int totals_get(struct backend_handle *handle, struct totals *totals_r)
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

/* How many of them are too many, but at most limit. 0 for max is any number. */
static unsigned excess(int64_t count, unsigned max, unsigned limit)
{
	if (max == 0 || count <= (int64_t)max)
		return 0;
	return count - (int64_t)max < (int64_t)limit ? (unsigned)(count - (int64_t)max) : limit;
}

/* Within a transaction. @return 0 or -E_SYSTEM. */
static int memory_trim(struct backend_handle *handle, const struct backend_expiry *expiry, unsigned limit, unsigned trimmed_r[STORE_CAPS])
{
	struct totals totals;
	unsigned many, waiting;
	int peers = 0, hosts = 0, greylist = 0, more = 0;

	if (totals_get(handle, &totals) != 0)
		return -E_SYSTEM;
	if ((many = excess(totals.peers, expiry->peers_max, limit)) != 0)
		peers = rows_delete(handle, &many_peers, many, 2 * (int64_t)limit);
	/* peers take theirs along; pinned ones never go */
	if (peers == 0 && (many = excess(totals.hosts, expiry->hosts_max, limit)) != 0)
		hosts = rows_delete(handle, &many_hosts, many, 0);
	many = excess(totals.waiting + totals.passed, expiry->greylist_max, limit);
	waiting = excess(totals.waiting, expiry->greylist_max - expiry->greylist_max / 2, many);
	if (waiting != 0)
		greylist = rows_delete(handle, &many_waiting, waiting, 0);
	if (many > waiting)
		more = rows_delete(handle, &many_passed, many - waiting, 0);
	if (peers < 0 || hosts < 0 || greylist < 0 || more < 0)
		return -E_SYSTEM;
	trimmed_r[STORE_CAP_PEERS] = (unsigned)peers;
	trimmed_r[STORE_CAP_HOSTS] = (unsigned)hosts;
	trimmed_r[STORE_CAP_GREYLIST] = (unsigned)greylist + (unsigned)more;
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
static int traces_trim(struct backend_handle *handle, uint64_t max, unsigned limit)
{
	/* the oldest, and of these as many as it takes: those before which not all $2 octets are found yet */
	static const struct pg_sql trim = { "ii", "DELETE FROM trace WHERE id IN (SELECT id FROM (SELECT id,"
	    "sum(bytes) OVER (ORDER BY id)-bytes AS before FROM (SELECT id,bytes FROM trace ORDER BY id LIMIT $1) AS oldest) AS summed "
	    "WHERE before<$2)" };
	int64_t octets = max != 0 ? trace_octets(handle) : 0;

	if (octets < 0)
		return -E_SYSTEM;
	return octets > 0 && (uint64_t)octets > max ? rows_delete(handle, &trim, limit, octets - (int64_t)max) : 0;
}

/* ---- a step ------------------------------------------------------------------------------------------------------ */

static int expire_by_number(struct backend_handle *handle, const struct backend_expiry *expiry, unsigned limit,
    unsigned trimmed_r[STORE_CAPS])
{
	int flows = expiry->flows_max != 0 ? pg_flows_trim(handle, expiry->flows_max, limit) : 0, traces;

	if (flows < 0 || pg_begin(handle) != 0)
		return -E_SYSTEM;
	if (step_end(handle, memory_trim(handle, expiry, limit, trimmed_r)) != 0 || pg_begin(handle) != 0)
		return -E_SYSTEM;
	traces = step_end(handle, traces_trim(handle, expiry->traces_max_bytes, limit));
	if (traces < 0)
		return -E_SYSTEM;
	trimmed_r[STORE_CAP_FLOWS] = (unsigned)flows;
	trimmed_r[STORE_CAP_TRACES] = (unsigned)traces;
	return 0;
}

static int expire_by_age(struct backend_handle *handle, const struct backend_expiry *expiry, unsigned limit, bool *more_r)
{
	const struct { const struct pg_sql *sql; int64_t before_secs; } kinds[] = {
		{ &old_peers, expiry->peers_secs }, { &old_hosts, expiry->peers_secs }, { &old_shapes, expiry->shapes_secs },
		{ &old_traces, expiry->traces_secs }, { &old_passed, expiry->greylist_passed_secs },
		{ &old_waiting, expiry->greylist_waiting_secs },
	};
	int rows[3];

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		int gone = step(handle, kinds[i].sql, limit, kinds[i].before_secs);

		if (gone < 0)
			return -E_SYSTEM;
		*more_r |= (unsigned)gone >= limit;
	}
	rows[0] = pg_flows_expire(handle, expiry->flows_secs, limit);
	rows[1] = rows[0] >= 0 ? pg_failures_expire(handle, expiry->failures_secs, limit) : -1;
	rows[2] = rows[1] >= 0 ? pg_dmarc_expire(handle, expiry->dmarc_secs / DAY_SECS, limit) : -1;
	for (int i = 0; i < 3; i++)
		*more_r |= rows[i] >= 0 && (unsigned)rows[i] >= limit;
	return rows[2] < 0 ? -E_SYSTEM : 0;
}

int pg_expire(struct backend_handle *handle, const struct backend_expiry *expiry, unsigned limit, struct backend_expired *expired_r)
{
	unsigned folded = 0;
	int rolled;

	*expired_r = (struct backend_expired){ 0 };
	if (expire_by_age(handle, expiry, limit, &expired_r->more) != 0)
		return -E_SYSTEM;
	if (expiry->shapes_max != 0 && step(handle, &many_shapes, limit, expiry->shapes_max) < 0)
		return -E_SYSTEM;
	/* by age before by number: what is too old does not count as too many; nor does what is put together */
	rolled = pg_rollup(handle, expiry->hours_secs, expiry->kinds_max, limit, &folded);
	if (rolled < 0)
		return -E_SYSTEM;
	expired_r->more |= rolled > 0;
	expired_r->trimmed[STORE_CAP_KINDS] = folded;
	if (expire_by_number(handle, expiry, limit, expired_r->trimmed) != 0)
		return -E_SYSTEM;
	for (int cap = 0; cap < STORE_CAPS; cap++)
		expired_r->more |= expired_r->trimmed[cap] >= limit;
	return 0;
}
