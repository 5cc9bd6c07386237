/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The SQLite backend: WAL, prepared statements kept with the handle, schema version with migration.
 * Trusts nothing of the database file: a file of another kind, a newer schema or a corrupt page is -E_SYSTEM with a
 * reason, never a crash. Thread: a handle belongs to one thread at a time.
 */
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "record/backend.h"
#include "util/error.h"

enum { SCHEMA_VERSION = 1 };

enum statement {
	ST_PEER_GET, ST_PEER_PUT, ST_PEER_FORGET, ST_PEERS, ST_GREY_GET, ST_GREY_PUT, ST_FLOW_ADD, ST_FLOWS,
	ST_HOSTS, ST_EXPIRE_FLOW, ST_EXPIRE_PEER, ST_EXPIRE_GREY_PASSED, ST_EXPIRE_GREY_WAITING, ST_TRIM_FLOW, ST_COUNT
};

static const char *const statements[ST_COUNT] = {
	[ST_PEER_GET] = "SELECT first,last,none,weak,ok,strong,days,tls_days,last_tls,changed,changed_sessions,settled,best,"
	    "pinned,cert FROM peer WHERE peer=?1 AND host=?2",
	[ST_PEER_PUT] = "INSERT OR REPLACE INTO peer(peer,host,first,last,none,weak,ok,strong,days,tls_days,last_tls,changed,"
	    "changed_sessions,settled,best,pinned,cert) VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14,?15,?16,?17)",
	[ST_PEER_FORGET] = "DELETE FROM peer WHERE peer=?1",
	[ST_PEERS] = "SELECT first,last,none,weak,ok,strong,days,tls_days,last_tls,changed,changed_sessions,settled,best,"
	    "pinned,cert,peer FROM peer WHERE host='' AND instr(peer,?1) ORDER BY last DESC LIMIT ?2",
	[ST_HOSTS] = "SELECT first,last,none,weak,ok,strong,days,tls_days,last_tls,changed,changed_sessions,settled,best,"
	    "pinned,cert,host FROM peer WHERE peer=?1 AND host<>'' ORDER BY last DESC LIMIT ?2",
	[ST_GREY_GET] = "SELECT first,last,passed,tries FROM greylist WHERE key=?1",
	[ST_GREY_PUT] = "INSERT OR REPLACE INTO greylist(key,first,last,passed,tries) VALUES(?1,?2,?3,?4,?5)",
	[ST_FLOW_ADD] = "INSERT INTO flow(hour,author_domain,envelope_domain,client_network,findings,results,tls_grade,"
	    "tls_version,tls_cipher,policy,action,enforced,messages,bytes) VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?14,?13) "
	    "ON CONFLICT DO UPDATE SET messages=messages+excluded.messages,bytes=bytes+excluded.bytes",
	[ST_FLOWS] = "SELECT hour,author_domain,envelope_domain,client_network,findings,results,tls_grade,tls_version,"
	    "tls_cipher,policy,action,enforced,messages,bytes FROM flow WHERE hour>=?1 ORDER BY hour",
	[ST_EXPIRE_FLOW] = "DELETE FROM flow WHERE rowid IN (SELECT rowid FROM flow WHERE hour<?1 LIMIT ?2)",
	[ST_EXPIRE_PEER] = "DELETE FROM peer WHERE (peer,host) IN "
	    "(SELECT peer,host FROM peer WHERE last<?1 AND pinned=0 LIMIT ?2)",
	[ST_EXPIRE_GREY_PASSED] = "DELETE FROM greylist WHERE key IN (SELECT key FROM greylist WHERE last<?1 LIMIT ?2)",
	/* most senders that wait never come back: they must not stay as long as those that do */
	[ST_EXPIRE_GREY_WAITING] = "DELETE FROM greylist WHERE key IN "
	    "(SELECT key FROM greylist WHERE last<?1 AND passed=0 LIMIT ?2)",
	/* rowids count up: the last ?1 stay, found without counting millions of rows (fewer where some between have gone) */
	[ST_TRIM_FLOW] = "DELETE FROM flow WHERE rowid IN "
	    "(SELECT rowid FROM flow WHERE rowid<=(SELECT max(rowid) FROM flow)-?1 ORDER BY rowid LIMIT ?2)",
};

static const char schema[] =
    "CREATE TABLE flow(hour INTEGER NOT NULL, author_domain TEXT NOT NULL, envelope_domain TEXT NOT NULL,"
    " client_network TEXT NOT NULL, findings TEXT NOT NULL, results TEXT NOT NULL, tls_grade TEXT NOT NULL,"
    " tls_version TEXT NOT NULL, tls_cipher TEXT NOT NULL, policy TEXT NOT NULL, action TEXT NOT NULL,"
    " enforced INTEGER NOT NULL, messages INTEGER NOT NULL, bytes INTEGER NOT NULL,"
    " UNIQUE(hour,author_domain,envelope_domain,client_network,findings,results,tls_grade,tls_version,tls_cipher,policy,"
    "action,enforced));"
    "CREATE TABLE peer(peer TEXT NOT NULL, host TEXT NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL,"
    " none INTEGER NOT NULL, weak INTEGER NOT NULL, ok INTEGER NOT NULL, strong INTEGER NOT NULL, days INTEGER NOT NULL,"
    " tls_days INTEGER NOT NULL, last_tls INTEGER NOT NULL, changed INTEGER NOT NULL, changed_sessions INTEGER NOT NULL,"
    " settled INTEGER NOT NULL, best INTEGER NOT NULL, pinned INTEGER NOT NULL, cert TEXT NOT NULL,"
    " PRIMARY KEY(peer,host)) WITHOUT ROWID;"
    "CREATE INDEX peer_last ON peer(last);"
    "CREATE TABLE greylist(key TEXT PRIMARY KEY NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL,"
    " passed INTEGER NOT NULL, tries INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE INDEX greylist_last ON greylist(last);"
    "CREATE INDEX greylist_waiting ON greylist(last) WHERE passed=0;";

struct backend_handle {
	sqlite3 *db;
	sqlite3_stmt *statements[ST_COUNT];
	char why[256];
};

static int handle_fail(struct backend_handle *handle)
{
	snprintf(handle->why, sizeof(handle->why), "%s", sqlite3_errmsg(handle->db));
	return -E_SYSTEM;
}

static int handle_exec(struct backend_handle *handle, const char *sql)
{
	return sqlite3_exec(handle->db, sql, NULL, NULL, NULL) == SQLITE_OK ? 0 : handle_fail(handle);
}

/* A kept statement, reset and without bindings; NULL with why set. */
static sqlite3_stmt *handle_statement(struct backend_handle *handle, enum statement which)
{
	sqlite3_stmt **statement = &handle->statements[which];

	if (*statement == NULL && sqlite3_prepare_v3(handle->db, statements[which], -1, SQLITE_PREPARE_PERSISTENT,
	    statement, NULL) != SQLITE_OK) {
		handle_fail(handle);
		return NULL;
	}
	return *statement;
}

static void bind_text(sqlite3_stmt *statement, int index, const char *text)
{
	sqlite3_bind_text(statement, index, text != NULL ? text : "", -1, SQLITE_STATIC);
}

/* Steps a statement that gives at most one row. @return 0 with a row (caller resets), -E_ABSENT, -E_SYSTEM. */
static int step_row(struct backend_handle *handle, sqlite3_stmt *statement)
{
	int code = sqlite3_step(statement);

	if (code == SQLITE_ROW)
		return 0;
	if (code != SQLITE_DONE)
		handle_fail(handle);
	sqlite3_reset(statement);
	return code == SQLITE_DONE ? -E_ABSENT : -E_SYSTEM;
}

static int step_done(struct backend_handle *handle, sqlite3_stmt *statement)
{
	int code = sqlite3_step(statement);

	if (code != SQLITE_DONE)
		handle_fail(handle);
	sqlite3_reset(statement);
	return code == SQLITE_DONE ? 0 : -E_SYSTEM;
}

/* A number that a query gives; -E_SYSTEM with why set. */
static int query_number(struct backend_handle *handle, const char *sql)
{
	sqlite3_stmt *statement;
	int number = -E_SYSTEM;

	if (sqlite3_prepare_v2(handle->db, sql, -1, &statement, NULL) != SQLITE_OK)
		return handle_fail(handle);
	if (sqlite3_step(statement) == SQLITE_ROW)
		number = sqlite3_column_int(statement, 0);
	else
		handle_fail(handle);
	sqlite3_finalize(statement);
	return number;
}

/* Changes nothing: a database that is not ours, or of a newer version, stays as it is. @return the version, or < 0. */
static int schema_check(struct backend_handle *handle, bool write)
{
	int version, tables;

	/* one look at both: another process may be making the tables just now */
	if (handle_exec(handle, "BEGIN") != 0)
		return -E_SYSTEM;
	version = query_number(handle, "PRAGMA user_version");
	tables = version == 0 ? query_number(handle, "SELECT count(*) FROM sqlite_master") : 0;
	if (version < 0 || tables < 0) {
		sqlite3_exec(handle->db, "ROLLBACK", NULL, NULL, NULL);
		return -E_SYSTEM;
	}
	if (handle_exec(handle, "COMMIT") != 0)
		return -E_SYSTEM;
	if (version > SCHEMA_VERSION) {
		snprintf(handle->why, sizeof(handle->why), "the database has schema version %d, this program knows %d: "
		    "it was written by a newer Assay", version, SCHEMA_VERSION);
		return -E_SYSTEM;
	}
	if (tables > 0) {
		snprintf(handle->why, sizeof(handle->why), "this is another program's database");
		return -E_SYSTEM;
	}
	if (version == 0 && !write) {
		snprintf(handle->why, sizeof(handle->why), "the database has no Assay schema yet");
		return -E_SYSTEM;
	}
	return version;
}

/* Creates the schema. Later versions add their migration step here, one per version. */
static int schema_prepare(struct backend_handle *handle, int version)
{
	char pragma[64];

	if (version == SCHEMA_VERSION)
		return 0;
	snprintf(pragma, sizeof(pragma), "PRAGMA user_version=%d", SCHEMA_VERSION);
	if (handle_exec(handle, "BEGIN IMMEDIATE") != 0)
		return -E_SYSTEM;
	/* another process may have made the tables while we waited for the lock */
	if (query_number(handle, "PRAGMA user_version") == SCHEMA_VERSION)
		return handle_exec(handle, "COMMIT");
	if (handle_exec(handle, schema) != 0 || handle_exec(handle, pragma) != 0 || handle_exec(handle, "COMMIT") != 0) {
		sqlite3_exec(handle->db, "ROLLBACK", NULL, NULL, NULL);
		return -E_SYSTEM;
	}
	return 0;
}

static void backend_close(struct backend_handle **handle)
{
	if (*handle == NULL)
		return;
	for (int i = 0; i < ST_COUNT; i++)
		sqlite3_finalize((*handle)->statements[i]);
	sqlite3_close((*handle)->db);
	free(*handle);
	*handle = NULL;
}

static struct backend_handle *backend_open(const char *path, bool write, unsigned busy_ms, char *why_r, size_t why_bytes)
{
	struct backend_handle *handle = calloc(1, sizeof(*handle));
	int version, flags = SQLITE_OPEN_NOMUTEX | (write ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE : SQLITE_OPEN_READONLY);

	if (handle == NULL)
		abort();
	if (sqlite3_open_v2(path, &handle->db, flags, NULL) != SQLITE_OK) {
		handle_fail(handle);
		goto fail;
	}
	sqlite3_busy_timeout(handle->db, (int)busy_ms);
	version = schema_check(handle, write);
	if (version < 0)
		goto fail;
	/* NORMAL: with WAL a crash loses the last commits, never the database */
	if (write && (handle_exec(handle, "PRAGMA journal_mode=WAL") != 0 ||
	    handle_exec(handle, "PRAGMA synchronous=NORMAL") != 0 || schema_prepare(handle, version) != 0))
		goto fail;
	return handle;
fail:
	snprintf(why_r, why_bytes, "%s: %s", path, handle->why);
	backend_close(&handle);
	return NULL;
}

static const char *backend_why(struct backend_handle *handle)
{
	return handle->why;
}

static bool backend_has_moved(struct backend_handle *handle)
{
	int moved = 0;

	if (sqlite3_file_control(handle->db, "main", SQLITE_FCNTL_HAS_MOVED, &moved) != SQLITE_OK || moved == 0)
		return false;
	snprintf(handle->why, sizeof(handle->why), "the database was removed or replaced");
	return true;
}

static int backend_begin(struct backend_handle *handle)
{
	return handle_exec(handle, "BEGIN IMMEDIATE");
}

static int backend_commit(struct backend_handle *handle)
{
	return handle_exec(handle, "COMMIT");
}

static void backend_rollback(struct backend_handle *handle)
{
	sqlite3_exec(handle->db, "ROLLBACK", NULL, NULL, NULL);
}

static void peer_read(sqlite3_stmt *row, struct peer_memory *memory)
{
	const unsigned char *cert = sqlite3_column_text(row, 14);

	memset(memory, 0, sizeof(*memory));
	memory->first_secs = sqlite3_column_int64(row, 0);
	memory->last_secs = sqlite3_column_int64(row, 1);
	for (int grade = 0; grade < STORE_GRADES; grade++) {
		memory->grades[grade] = (uint64_t)sqlite3_column_int64(row, 2 + grade);
		memory->sessions += memory->grades[grade];
	}
	memory->days = (unsigned)sqlite3_column_int64(row, 6);
	memory->tls_days = (unsigned)sqlite3_column_int64(row, 7);
	memory->last_tls_secs = sqlite3_column_int64(row, 8);
	memory->changed_secs = sqlite3_column_int64(row, 9);
	memory->changed_sessions = (uint64_t)sqlite3_column_int64(row, 10);
	memory->settled_secs = sqlite3_column_int64(row, 11);
	memory->best_grade = (unsigned)sqlite3_column_int64(row, 12);
	memory->pinned = sqlite3_column_int(row, 13) != 0;
	snprintf(memory->last_cert, sizeof(memory->last_cert), "%s", cert != NULL ? (const char *)cert : "");
}

static int backend_peer_get(struct backend_handle *handle, const char *peer, const char *host, struct peer_memory *memory_r)
{
	sqlite3_stmt *statement = handle_statement(handle, ST_PEER_GET);
	int code;

	if (statement == NULL)
		return -E_SYSTEM;
	bind_text(statement, 1, peer);
	bind_text(statement, 2, host);
	code = step_row(handle, statement);
	if (code == 0) {
		peer_read(statement, memory_r);
		sqlite3_reset(statement);
	}
	return code;
}

static int backend_peer_put(struct backend_handle *handle, const char *peer, const char *host,
    const struct peer_memory *memory)
{
	sqlite3_stmt *statement = handle_statement(handle, ST_PEER_PUT);

	if (statement == NULL)
		return -E_SYSTEM;
	bind_text(statement, 1, peer);
	bind_text(statement, 2, host);
	sqlite3_bind_int64(statement, 3, memory->first_secs);
	sqlite3_bind_int64(statement, 4, memory->last_secs);
	for (int grade = 0; grade < STORE_GRADES; grade++)
		sqlite3_bind_int64(statement, 5 + grade, (int64_t)memory->grades[grade]);
	sqlite3_bind_int64(statement, 9, memory->days);
	sqlite3_bind_int64(statement, 10, memory->tls_days);
	sqlite3_bind_int64(statement, 11, memory->last_tls_secs);
	sqlite3_bind_int64(statement, 12, memory->changed_secs);
	sqlite3_bind_int64(statement, 13, (int64_t)memory->changed_sessions);
	sqlite3_bind_int64(statement, 14, memory->settled_secs);
	sqlite3_bind_int64(statement, 15, memory->best_grade);
	sqlite3_bind_int64(statement, 16, memory->pinned);
	bind_text(statement, 17, memory->last_cert);
	return step_done(handle, statement);
}

static int backend_peer_forget(struct backend_handle *handle, const char *peer)
{
	sqlite3_stmt *statement = handle_statement(handle, ST_PEER_FORGET);
	int code;

	if (statement == NULL)
		return -E_SYSTEM;
	bind_text(statement, 1, peer);
	code = step_done(handle, statement);
	return code == 0 && sqlite3_changes(handle->db) == 0 ? -E_ABSENT : code;
}

/* Rows of ST_PEERS or ST_HOSTS, whose last column is the name. */
static int each_peer(struct backend_handle *handle, enum statement which, const char *text, size_t limit,
    store_peer_each_f *each, void *arg)
{
	sqlite3_stmt *statement = handle_statement(handle, which);
	int code;

	if (statement == NULL)
		return -E_SYSTEM;
	bind_text(statement, 1, text);
	sqlite3_bind_int64(statement, 2, limit > INT32_MAX ? INT32_MAX : (int64_t)limit);
	while ((code = step_row(handle, statement)) == 0) {
		struct peer_memory memory;

		peer_read(statement, &memory);
		each(arg, (const char *)sqlite3_column_text(statement, 15), &memory);
	}
	return code == -E_ABSENT ? 0 : code;
}

static int backend_peers_each(struct backend_handle *handle, const char *pattern, size_t limit, store_peer_each_f *each,
    void *arg)
{
	return each_peer(handle, ST_PEERS, pattern, limit, each, arg);	/* instr(x, '') is 1: no pattern matches all */
}

static int backend_hosts_each(struct backend_handle *handle, const char *peer, size_t limit, store_peer_each_f *each,
    void *arg)
{
	return each_peer(handle, ST_HOSTS, peer, limit, each, arg);
}

static int backend_greylist_get(struct backend_handle *handle, const char *key, struct greylist_entry *entry_r)
{
	sqlite3_stmt *statement = handle_statement(handle, ST_GREY_GET);
	int code;

	if (statement == NULL)
		return -E_SYSTEM;
	bind_text(statement, 1, key);
	code = step_row(handle, statement);
	if (code == 0) {
		entry_r->first_secs = sqlite3_column_int64(statement, 0);
		entry_r->last_secs = sqlite3_column_int64(statement, 1);
		entry_r->passed_secs = sqlite3_column_int64(statement, 2);
		entry_r->tries = (uint64_t)sqlite3_column_int64(statement, 3);
		sqlite3_reset(statement);
	}
	return code;
}

static int backend_greylist_put(struct backend_handle *handle, const char *key, const struct greylist_entry *entry)
{
	sqlite3_stmt *statement = handle_statement(handle, ST_GREY_PUT);

	if (statement == NULL)
		return -E_SYSTEM;
	bind_text(statement, 1, key);
	sqlite3_bind_int64(statement, 2, entry->first_secs);
	sqlite3_bind_int64(statement, 3, entry->last_secs);
	sqlite3_bind_int64(statement, 4, entry->passed_secs);
	sqlite3_bind_int64(statement, 5, (int64_t)entry->tries);
	return step_done(handle, statement);
}

static int backend_flow_add(struct backend_handle *handle, const struct flow_note *note)
{
	sqlite3_stmt *statement = handle_statement(handle, ST_FLOW_ADD);
	const char *const texts[] = { note->author_domain, note->envelope_domain, note->client_network, note->findings,
		note->results, note->tls_grade, note->tls_version, note->tls_cipher, note->policy, note->action };

	if (statement == NULL)
		return -E_SYSTEM;
	sqlite3_bind_int64(statement, 1, note->time_secs - note->time_secs % 3600);
	for (int i = 0; i < 10; i++)
		bind_text(statement, 2 + i, texts[i]);
	sqlite3_bind_int64(statement, 12, note->enforced);
	sqlite3_bind_int64(statement, 13, (int64_t)note->bytes);
	sqlite3_bind_int64(statement, 14, note->messages != 0 ? (int64_t)note->messages : 1);
	return step_done(handle, statement);
}

static int backend_flows_each(struct backend_handle *handle, int64_t since_secs, store_flow_each_f *each, void *arg)
{
	sqlite3_stmt *statement = handle_statement(handle, ST_FLOWS);
	int code;

	if (statement == NULL)
		return -E_SYSTEM;
	sqlite3_bind_int64(statement, 1, since_secs);
	while ((code = step_row(handle, statement)) == 0) {
		struct flow_row row = { .hour_secs = sqlite3_column_int64(statement, 0) };
		const char **const texts[] = { &row.author_domain, &row.envelope_domain, &row.client_network, &row.findings,
			&row.results, &row.tls_grade, &row.tls_version, &row.tls_cipher, &row.policy, &row.action };

		for (int i = 0; i < 10; i++)
			*texts[i] = (const char *)sqlite3_column_text(statement, 1 + i);
		row.enforced = sqlite3_column_int(statement, 11) != 0;
		row.messages = (uint64_t)sqlite3_column_int64(statement, 12);
		row.bytes = (uint64_t)sqlite3_column_int64(statement, 13);
		each(arg, &row);
	}
	return code == -E_ABSENT ? 0 : code;
}

/* @param bound  the time before which rows go, or the number that stay. @return rows deleted, or -E_SYSTEM. */
static int expire_rows(struct backend_handle *handle, enum statement which, int64_t bound, unsigned limit)
{
	sqlite3_stmt *statement = handle_statement(handle, which);

	if (statement == NULL)
		return -E_SYSTEM;
	sqlite3_bind_int64(statement, 1, bound);
	sqlite3_bind_int64(statement, 2, limit);
	return step_done(handle, statement) == 0 ? sqlite3_changes(handle->db) : -E_SYSTEM;
}

static int backend_expire(struct backend_handle *handle, const struct backend_expiry *expiry, unsigned limit,
    struct backend_expired *expired_r)
{
	/* by age before by number: what is too old does not count as too many */
	const struct { enum statement which; int64_t bound; } kinds[] = {
		{ ST_EXPIRE_FLOW, expiry->flows_secs }, { ST_EXPIRE_PEER, expiry->peers_secs },
		{ ST_EXPIRE_GREY_PASSED, expiry->greylist_passed_secs }, { ST_EXPIRE_GREY_WAITING, expiry->greylist_waiting_secs },
		{ ST_TRIM_FLOW, expiry->flows_max },
	};

	*expired_r = (struct backend_expired){ 0 };
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		int rows = 0;

		if (kinds[i].which != ST_TRIM_FLOW || expiry->flows_max != 0)
			rows = expire_rows(handle, kinds[i].which, kinds[i].bound, limit);
		if (rows < 0)
			return -E_SYSTEM;
		expired_r->more |= (unsigned)rows >= limit;
		if (kinds[i].which == ST_TRIM_FLOW)
			expired_r->flows_trimmed = (unsigned)rows;
	}
	return 0;
}

const struct backend backend_sqlite = {
	.name = "sqlite",
	.open = backend_open,
	.close = backend_close,
	.why = backend_why,
	.has_moved = backend_has_moved,
	.begin = backend_begin,
	.commit = backend_commit,
	.rollback = backend_rollback,
	.peer_get = backend_peer_get,
	.peer_put = backend_peer_put,
	.peer_forget = backend_peer_forget,
	.peers_each = backend_peers_each,
	.hosts_each = backend_hosts_each,
	.greylist_get = backend_greylist_get,
	.greylist_put = backend_greylist_put,
	.flow_add = backend_flow_add,
	.flows_each = backend_flows_each,
	.expire = backend_expire,
};
