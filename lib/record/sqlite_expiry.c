/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What goes: rows that are too old, then rows that are too many (struct backend_expiry says which of them), at most so many
 * of a kind at a time. What is too many is read off the totals, which triggers keep, and off the rowids; nothing is counted.
 * Trusts that the totals are true; a step that fails leaves whole transactions only. Thread: the handle's.
 */
#include "record/sqlite_internal.h"

#include <stdio.h>

#include "record/excess.h"
#include "util/arena.h"
#include "util/error.h"

enum { DAY_SECS = 86400 };

static int peer_hosts_trim(struct backend_handle *handle, const char *peer, unsigned keep, unsigned limit, unsigned *trimmed_r)
{
	sqlite3_stmt *probe = sqlite_statement(handle, ST_HOSTS_MANY), *trim = sqlite_statement(handle, ST_TRIM_PEER_HOSTS);
	int code;

	*trimmed_r = 0;
	if (probe == NULL || trim == NULL)
		return -E_SYSTEM;
	sqlite_bind_key(probe, 1, peer);
	sqlite3_bind_int64(probe, 2, keep);
	code = sqlite_step_row(handle, probe);
	if (code != 0)
		return code == -E_ABSENT ? 0 : code;
	sqlite3_reset(probe);
	sqlite_bind_key(trim, 1, peer);
	sqlite3_bind_int64(trim, 2, keep);
	sqlite3_bind_int64(trim, 3, limit);
	code = sqlite_step_done(handle, trim);
	if (code == 0)
		*trimmed_r = (unsigned)sqlite3_changes(handle->db);
	return code;
}

int sqlite_hosts_trim(struct backend_handle *handle, const char *const *peers, size_t count, unsigned keep, unsigned limit,
    unsigned *trimmed_r)
{
	*trimmed_r = 0;
	for (size_t i = 0; i < count && *trimmed_r < limit; i++) {
		unsigned trimmed;

		if (peer_hosts_trim(handle, peers[i], keep, limit - *trimmed_r, &trimmed) != 0)
			return -E_SYSTEM;
		*trimmed_r += trimmed;
	}
	return 0;
}

/* Runs a statement that deletes at most limit rows. @return rows deleted, or -E_SYSTEM. */
static int expire_rows(struct backend_handle *handle, enum sqlite_statement which, unsigned limit, int64_t bound)
{
	sqlite3_stmt *statement = sqlite_statement(handle, which);

	if (statement == NULL)
		return -E_SYSTEM;
	sqlite3_bind_int64(statement, 1, limit);
	if (sqlite3_bind_parameter_count(statement) > 1)
		sqlite3_bind_int64(statement, 2, bound);
	return sqlite_step_done(handle, statement) == 0 ? sqlite3_changes(handle->db) : -E_SYSTEM;
}

static int totals_get(struct backend_handle *handle, struct excess_totals *totals_r)
{
	sqlite3_stmt *statement = sqlite_statement(handle, ST_TOTALS);
	int code;

	if (statement == NULL)
		return -E_SYSTEM;
	code = sqlite_step_row(handle, statement);
	if (code == -E_ABSENT)
		snprintf(handle->why, sizeof(handle->why), "the table total has no row");
	if (code != 0)
		return -E_SYSTEM;
	totals_r->peers = sqlite3_column_int64(statement, 0);
	totals_r->hosts = sqlite3_column_int64(statement, 1);
	totals_r->waiting = sqlite3_column_int64(statement, 2);
	totals_r->passed = sqlite3_column_int64(statement, 3);
	sqlite3_reset(statement);
	return 0;
}

/* Deletes peers with their hosts until row_limit: the hosts first, so that what is left of a peer is still found as one.
 * @return rows deleted, or -E_SYSTEM. */
static int delete_peers(struct backend_handle *handle, const char *const *peers, unsigned count, unsigned row_limit)
{
	sqlite3_stmt *statement = sqlite_statement(handle, ST_TRIM_PEER);
	unsigned rows = 0;

	if (statement == NULL)
		return -E_SYSTEM;
	for (unsigned i = 0; i < count && rows < row_limit; i++) {
		sqlite_bind_text(statement, 1, peers[i]);
		sqlite3_bind_int64(statement, 2, row_limit - rows);
		if (sqlite_step_done(handle, statement) != 0)
			return -E_SYSTEM;
		rows += (unsigned)sqlite3_changes(handle->db);
	}
	return (int)rows;
}

/* The peers seen longest ago, at most count of them and row_limit rows in all. @return rows deleted, or -E_SYSTEM. */
static int trim_peers(struct backend_handle *handle, unsigned count, unsigned row_limit)
{
	sqlite3_stmt *statement = sqlite_statement(handle, ST_PEERS_OLDEST);
	struct arena *arena;
	const char **peers;
	unsigned found = 0;
	int code, rows;

	if (statement == NULL || sqlite_begin(handle) != 0)
		return -E_SYSTEM;
	arena = arena_new();
	peers = arena_calloc(arena, count, sizeof(*peers));
	sqlite3_bind_int64(statement, 1, count);
	while ((code = sqlite_step_row(handle, statement)) == 0 && found < count)
		peers[found++] = arena_strdup(arena, (const char *)sqlite3_column_text(statement, 0));
	sqlite3_reset(statement);
	rows = code == -E_ABSENT ? delete_peers(handle, peers, found, row_limit) : -E_SYSTEM;
	if (rows >= 0 && sqlite_commit(handle) != 0)
		rows = -E_SYSTEM;
	if (rows < 0)
		sqlite_rollback(handle);
	arena_free(&arena);
	return rows;
}

/* Those of earlier schemas first. @return rows deleted, or -E_SYSTEM. */
static int trim_flows(struct backend_handle *handle, unsigned limit, unsigned max)
{
	static const enum sqlite_statement before[] = { ST_TRIM_FLOW_OLD, ST_TRIM_FLOW_PLAIN }, now[] = { ST_TRIM_FLOW_DAY, ST_TRIM_FLOW };
	sqlite3_stmt *totals = sqlite_statement(handle, ST_FLOW_TOTALS);
	unsigned gone = 0, many;
	int64_t count;
	int rows;

	if (totals == NULL || sqlite_step_row(handle, totals) != 0)
		return -E_SYSTEM;
	count = sqlite3_column_int64(totals, 0);
	sqlite3_reset(totals);
	many = excess_of(count, max, limit);
	for (int i = 0; i < 2 && gone < limit; i++) {
		rows = expire_rows(handle, before[i], limit - gone, count < (int64_t)max ? (int64_t)max - count : 0);
		if (rows < 0)
			return rows;
		gone += (unsigned)rows;
	}
	for (int i = 0; i < 2 && many > 0 && gone < limit; i++) {
		rows = expire_rows(handle, now[i], many < limit - gone ? many : limit - gone, 0);
		if (rows < 0)
			return rows;
		gone += (unsigned)rows;
		many -= (unsigned)rows;
	}
	return (int)gone;
}

static int expire_by_number(struct backend_handle *handle, const struct backend_expiry *expiry, unsigned limit,
    unsigned trimmed_r[STORE_CAPS])
{
	const unsigned row_limit = 2 * limit;	/* a note brings a peer and a host */
	struct excess_totals totals;
	struct excess many;
	int flows = 0, peers = 0, hosts = 0, waiting = 0, passed = 0, traces;

	if (expiry->flows_max != 0)
		flows = trim_flows(handle, limit, expiry->flows_max);
	if (flows < 0 || totals_get(handle, &totals) != 0)
		return -E_SYSTEM;
	many = excess_find(&totals, expiry, limit);
	if (many.peers != 0)
		peers = trim_peers(handle, many.peers, row_limit);
	/* peers take theirs along; pinned ones never go */
	if (peers == 0 && many.hosts != 0)
		hosts = expire_rows(handle, ST_TRIM_HOST, many.hosts, 0);
	if (many.waiting != 0)
		waiting = expire_rows(handle, ST_TRIM_GREY_WAITING, many.waiting, 0);
	if (many.passed != 0)
		passed = expire_rows(handle, ST_TRIM_GREY_PASSED, many.passed, 0);
	traces = sqlite_traces_trim(handle, expiry->traces_max_bytes, limit);
	if (peers < 0 || hosts < 0 || waiting < 0 || passed < 0 || traces < 0)
		return -E_SYSTEM;
	trimmed_r[STORE_CAP_FLOWS] = (unsigned)flows;
	trimmed_r[STORE_CAP_PEERS] = (unsigned)peers;
	trimmed_r[STORE_CAP_HOSTS] = (unsigned)hosts;
	trimmed_r[STORE_CAP_GREYLIST] = (unsigned)waiting + (unsigned)passed;
	trimmed_r[STORE_CAP_TRACES] = (unsigned)traces;
	return 0;
}

int sqlite_expire(struct backend_handle *handle, const struct backend_expiry *expiry, unsigned limit,
    struct backend_expired *expired_r)
{
	const struct { enum sqlite_statement which; int64_t before_secs; } kinds[] = {
		{ ST_EXPIRE_FLOW, expiry->flows_secs }, { ST_EXPIRE_FLOW_DAY, expiry->flows_secs },
		{ ST_EXPIRE_FLOW_PLAIN, expiry->flows_secs }, { ST_EXPIRE_FLOW_OLD, expiry->flows_secs },
		{ ST_EXPIRE_PEER, expiry->peers_secs }, { ST_EXPIRE_HOST, expiry->peers_secs },
		{ ST_EXPIRE_SHAPE, expiry->shapes_secs }, { ST_EXPIRE_TRACE, expiry->traces_secs },
		{ ST_EXPIRE_FAILURE, expiry->failures_secs }, { ST_EXPIRE_FAILURE_DAY, expiry->failures_secs },
		{ ST_EXPIRE_BRAKE, expiry->flows_secs },
		{ ST_EXPIRE_GREY_PASSED, expiry->greylist_passed_secs }, { ST_EXPIRE_GREY_WAITING, expiry->greylist_waiting_secs },
	};
	int reports;

	unsigned folded = 0;
	int rolled;

	*expired_r = (struct backend_expired){ 0 };
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		int rows = expire_rows(handle, kinds[i].which, limit, kinds[i].before_secs);

		if (rows < 0)
			return -E_SYSTEM;
		expired_r->more |= (unsigned)rows >= limit;
	}
	reports = sqlite_dmarc_expire(handle, expiry->dmarc_secs / DAY_SECS, limit);
	if (reports < 0)
		return -E_SYSTEM;
	expired_r->more |= (unsigned)reports >= limit;
	if (expiry->shapes_max != 0 && expire_rows(handle, ST_TRIM_SHAPE, limit, expiry->shapes_max) < 0)
		return -E_SYSTEM;
	/* by age before by number: what is too old does not count as too many; nor does what is put together */
	rolled = sqlite_rollup(handle, expiry->hours_secs, expiry->kinds_max, limit, &folded);
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
