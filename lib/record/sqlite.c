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
#include "util/arena.h"
#include "util/error.h"

enum { SCHEMA_VERSION = 2 };

enum statement {
	ST_PEER_GET, ST_PEER_PUT, ST_PEER_FORGET, ST_PEERS, ST_GREY_GET, ST_GREY_PUT, ST_FLOW_ADD, ST_FLOWS,
	ST_HOSTS, ST_HOSTS_MANY, ST_TRIM_PEER_HOSTS, ST_TOTALS, ST_PEERS_OLDEST,
	ST_EXPIRE_FLOW, ST_EXPIRE_PEER, ST_EXPIRE_HOST, ST_EXPIRE_GREY_PASSED, ST_EXPIRE_GREY_WAITING,
	ST_TRIM_FLOW, ST_TRIM_PEER, ST_TRIM_HOST, ST_TRIM_GREY_WAITING, ST_TRIM_GREY_PASSED, ST_COUNT
};

/* A row that is there is updated, never replaced: REPLACE would not fire the triggers that count (schema_steps). */
static const char *const statements[ST_COUNT] = {
	[ST_PEER_GET] = "SELECT first,last,none,weak,ok,strong,days,tls_days,last_tls,changed,changed_sessions,settled,best,"
	    "pinned,cert FROM peer WHERE peer=?1 AND host=?2",
	[ST_PEER_PUT] = "INSERT INTO peer(peer,host,first,last,none,weak,ok,strong,days,tls_days,last_tls,changed,"
	    "changed_sessions,settled,best,pinned,cert) VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14,?15,?16,?17) "
	    "ON CONFLICT(peer,host) DO UPDATE SET first=excluded.first,last=excluded.last,none=excluded.none,weak=excluded.weak,"
	    "ok=excluded.ok,strong=excluded.strong,days=excluded.days,tls_days=excluded.tls_days,last_tls=excluded.last_tls,"
	    "changed=excluded.changed,changed_sessions=excluded.changed_sessions,settled=excluded.settled,best=excluded.best,"
	    "pinned=excluded.pinned,cert=excluded.cert",
	[ST_PEER_FORGET] = "DELETE FROM peer WHERE peer=?1",
	[ST_PEERS] = "SELECT first,last,none,weak,ok,strong,days,tls_days,last_tls,changed,changed_sessions,settled,best,"
	    "pinned,cert,peer FROM peer WHERE host='' AND instr(peer,?1) ORDER BY last DESC LIMIT ?2",
	[ST_HOSTS] = "SELECT first,last,none,weak,ok,strong,days,tls_days,last_tls,changed,changed_sessions,settled,best,"
	    "pinned,cert,host FROM peer WHERE peer=?1 AND host<>'' ORDER BY last DESC LIMIT ?2",
	[ST_GREY_GET] = "SELECT first,last,passed,tries FROM greylist WHERE key=?1",
	[ST_GREY_PUT] = "INSERT INTO greylist(key,first,last,passed,tries) VALUES(?1,?2,?3,?4,?5) ON CONFLICT(key) DO UPDATE SET "
	    "first=excluded.first,last=excluded.last,passed=excluded.passed,tries=excluded.tries",
	[ST_FLOW_ADD] = "INSERT INTO flow(hour,author_domain,envelope_domain,client_network,findings,results,tls_grade,"
	    "tls_version,tls_cipher,policy,action,enforced,messages,bytes) VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?14,?13) "
	    "ON CONFLICT DO UPDATE SET messages=messages+excluded.messages,bytes=bytes+excluded.bytes",
	[ST_FLOWS] = "SELECT hour,author_domain,envelope_domain,client_network,findings,results,tls_grade,tls_version,"
	    "tls_cipher,policy,action,enforced,messages,bytes FROM flow WHERE hour>=?1 ORDER BY hour",
	[ST_HOSTS_MANY] = "SELECT 1 FROM peer WHERE peer=?1 AND host<>'' LIMIT 1 OFFSET ?2",
	/* the hosts of one peer are few: sorted rather than searched in the hosts of all */
	[ST_TRIM_PEER_HOSTS] = "DELETE FROM peer WHERE peer=?1 AND host IN "
	    "(SELECT host FROM peer WHERE peer=?1 AND host<>'' ORDER BY +last DESC LIMIT ?3 OFFSET ?2)",
	[ST_TOTALS] = "SELECT peers,hosts,waiting,passed FROM total",
	[ST_PEERS_OLDEST] = "SELECT peer FROM peer INDEXED BY peer_seen WHERE host='' AND pinned=0 ORDER BY last LIMIT ?1",
	[ST_EXPIRE_FLOW] = "DELETE FROM flow WHERE rowid IN (SELECT rowid FROM flow WHERE hour<?2 LIMIT ?1)",
	[ST_EXPIRE_PEER] = "DELETE FROM peer WHERE host='' AND peer IN "
	    "(SELECT peer FROM peer INDEXED BY peer_seen WHERE host='' AND last<?2 AND pinned=0 LIMIT ?1)",
	[ST_EXPIRE_HOST] = "DELETE FROM peer WHERE (peer,host) IN "
	    "(SELECT peer,host FROM peer INDEXED BY host_seen WHERE host<>'' AND last<?2 LIMIT ?1)",
	[ST_EXPIRE_GREY_PASSED] = "DELETE FROM greylist WHERE key IN "
	    "(SELECT key FROM greylist INDEXED BY greylist_passed WHERE last<?2 AND passed<>0 LIMIT ?1)",
	/* most senders that wait never come back: they must not stay as long as those that do */
	[ST_EXPIRE_GREY_WAITING] = "DELETE FROM greylist WHERE key IN "
	    "(SELECT key FROM greylist INDEXED BY greylist_waiting WHERE last<?2 AND passed=0 LIMIT ?1)",
	/* rowids count up: the last ?2 stay, found without counting millions of rows (fewer where some between have gone) */
	[ST_TRIM_FLOW] = "DELETE FROM flow WHERE rowid IN "
	    "(SELECT rowid FROM flow WHERE rowid<=(SELECT max(rowid) FROM flow)-?2 ORDER BY rowid LIMIT ?1)",
	/* the peer as a whole is host '', the last in this order */
	[ST_TRIM_PEER] = "DELETE FROM peer WHERE peer=?1 AND host IN "
	    "(SELECT host FROM peer WHERE peer=?1 ORDER BY host DESC LIMIT ?2)",
	[ST_TRIM_HOST] = "DELETE FROM peer WHERE (peer,host) IN "
	    "(SELECT peer,host FROM peer INDEXED BY host_seen WHERE host<>'' ORDER BY last LIMIT ?1)",
	[ST_TRIM_GREY_WAITING] = "DELETE FROM greylist WHERE key IN "
	    "(SELECT key FROM greylist INDEXED BY greylist_waiting WHERE passed=0 ORDER BY last LIMIT ?1)",
	[ST_TRIM_GREY_PASSED] = "DELETE FROM greylist WHERE key IN "
	    "(SELECT key FROM greylist INDEXED BY greylist_passed WHERE passed<>0 ORDER BY last LIMIT ?1)",
};

static const char schema_tables[] =
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

/*
 * What is bounded by number is counted as it comes and goes, whoever writes: a million rows are too many to be counted at
 * each step. Each row stands in the one index in which it is looked for when there are too many.
 */
static const char schema_totals[] =
    "DROP INDEX peer_last;"
    "CREATE INDEX peer_seen ON peer(last,pinned) WHERE host='';"
    "CREATE INDEX host_seen ON peer(last) WHERE host<>'';"
    "DROP INDEX greylist_last;"
    "CREATE INDEX greylist_passed ON greylist(last) WHERE passed<>0;"
    "CREATE TABLE total(peers INTEGER NOT NULL, hosts INTEGER NOT NULL, waiting INTEGER NOT NULL, passed INTEGER NOT NULL);"
    "INSERT INTO total VALUES((SELECT count(*) FROM peer WHERE host=''), (SELECT count(*) FROM peer WHERE host<>''),"
    " (SELECT count(*) FROM greylist WHERE passed=0), (SELECT count(*) FROM greylist WHERE passed<>0));"
    "CREATE TRIGGER peer_comes AFTER INSERT ON peer BEGIN"
    " UPDATE total SET peers=peers+(NEW.host=''), hosts=hosts+(NEW.host<>''); END;"
    "CREATE TRIGGER peer_goes AFTER DELETE ON peer BEGIN"
    " UPDATE total SET peers=peers-(OLD.host=''), hosts=hosts-(OLD.host<>''); END;"
    "CREATE TRIGGER greylist_comes AFTER INSERT ON greylist BEGIN"
    " UPDATE total SET waiting=waiting+(NEW.passed=0), passed=passed+(NEW.passed<>0); END;"
    "CREATE TRIGGER greylist_goes AFTER DELETE ON greylist BEGIN"
    " UPDATE total SET waiting=waiting-(OLD.passed=0), passed=passed-(OLD.passed<>0); END;"
    "CREATE TRIGGER greylist_passes AFTER UPDATE OF passed ON greylist WHEN (NEW.passed=0)<>(OLD.passed=0) BEGIN"
    " UPDATE total SET waiting=waiting+(NEW.passed=0)-(OLD.passed=0), passed=passed+(OLD.passed=0)-(NEW.passed=0); END;";

/* From each version to the next; the version is their number. A step is never changed once it was released. */
static const char *const schema_steps[SCHEMA_VERSION] = { schema_tables, schema_totals };

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

/* Creates the schema, or brings an older one up to date: all steps or none. */
static int schema_prepare(struct backend_handle *handle, int version)
{
	char pragma[64];
	int code = 0;

	if (version == SCHEMA_VERSION)
		return 0;
	snprintf(pragma, sizeof(pragma), "PRAGMA user_version=%d", SCHEMA_VERSION);
	if (handle_exec(handle, "BEGIN IMMEDIATE") != 0)
		return -E_SYSTEM;
	/* another process may have made the tables while we waited for the lock */
	version = query_number(handle, "PRAGMA user_version");
	if (version < 0)
		code = -E_SYSTEM;
	for (; code == 0 && version < SCHEMA_VERSION; version++)
		code = handle_exec(handle, schema_steps[version]);
	if (code == 0)
		code = handle_exec(handle, pragma);
	if (code == 0)
		code = handle_exec(handle, "COMMIT");
	if (code != 0)
		sqlite3_exec(handle->db, "ROLLBACK", NULL, NULL, NULL);
	return code;
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

static int backend_hosts_trim(struct backend_handle *handle, const char *peer, unsigned keep, unsigned limit,
    unsigned *trimmed_r)
{
	sqlite3_stmt *probe = handle_statement(handle, ST_HOSTS_MANY), *trim = handle_statement(handle, ST_TRIM_PEER_HOSTS);
	int code;

	*trimmed_r = 0;
	if (probe == NULL || trim == NULL)
		return -E_SYSTEM;
	bind_text(probe, 1, peer);
	sqlite3_bind_int64(probe, 2, keep);
	code = step_row(handle, probe);
	if (code != 0)
		return code == -E_ABSENT ? 0 : code;
	sqlite3_reset(probe);
	bind_text(trim, 1, peer);
	sqlite3_bind_int64(trim, 2, keep);
	sqlite3_bind_int64(trim, 3, limit);
	code = step_done(handle, trim);
	if (code == 0)
		*trimmed_r = (unsigned)sqlite3_changes(handle->db);
	return code;
}

/* ---- expiry -------------------------------------------------------------------------------------- */

/* Runs a statement that deletes at most limit rows. @return rows deleted, or -E_SYSTEM. */
static int expire_rows(struct backend_handle *handle, enum statement which, unsigned limit, int64_t bound)
{
	sqlite3_stmt *statement = handle_statement(handle, which);

	if (statement == NULL)
		return -E_SYSTEM;
	sqlite3_bind_int64(statement, 1, limit);
	if (sqlite3_bind_parameter_count(statement) > 1)
		sqlite3_bind_int64(statement, 2, bound);
	return step_done(handle, statement) == 0 ? sqlite3_changes(handle->db) : -E_SYSTEM;
}

struct totals { int64_t peers, hosts, waiting, passed; };

static int totals_get(struct backend_handle *handle, struct totals *totals_r)
{
	sqlite3_stmt *statement = handle_statement(handle, ST_TOTALS);

	int code;

	if (statement == NULL)
		return -E_SYSTEM;
	code = step_row(handle, statement);
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

/* How many of them are too many, but at most limit. 0 for max is any number. */
static unsigned excess(int64_t count, unsigned max, unsigned limit)
{
	if (max == 0 || count <= (int64_t)max)
		return 0;
	return count - (int64_t)max < (int64_t)limit ? (unsigned)(count - (int64_t)max) : limit;
}

/* Deletes peers with their hosts until row_limit: the hosts first, so that what is left of a peer is still found as one.
 * @return rows deleted, or -E_SYSTEM. */
static int delete_peers(struct backend_handle *handle, const char *const *peers, unsigned count, unsigned row_limit)
{
	sqlite3_stmt *statement = handle_statement(handle, ST_TRIM_PEER);
	unsigned rows = 0;

	if (statement == NULL)
		return -E_SYSTEM;
	for (unsigned i = 0; i < count && rows < row_limit; i++) {
		bind_text(statement, 1, peers[i]);
		sqlite3_bind_int64(statement, 2, row_limit - rows);
		if (step_done(handle, statement) != 0)
			return -E_SYSTEM;
		rows += (unsigned)sqlite3_changes(handle->db);
	}
	return (int)rows;
}

/* The peers seen longest ago, at most count of them and row_limit rows in all. @return rows deleted, or -E_SYSTEM. */
static int trim_peers(struct backend_handle *handle, unsigned count, unsigned row_limit)
{
	sqlite3_stmt *statement = handle_statement(handle, ST_PEERS_OLDEST);
	struct arena *arena;
	const char **peers;
	unsigned found = 0;
	int code, rows;

	if (statement == NULL || backend_begin(handle) != 0)
		return -E_SYSTEM;
	arena = arena_new();
	peers = arena_calloc(arena, count, sizeof(*peers));
	sqlite3_bind_int64(statement, 1, count);
	while ((code = step_row(handle, statement)) == 0 && found < count)
		peers[found++] = arena_strdup(arena, (const char *)sqlite3_column_text(statement, 0));
	sqlite3_reset(statement);
	rows = code == -E_ABSENT ? delete_peers(handle, peers, found, row_limit) : -E_SYSTEM;
	if (rows >= 0 && backend_commit(handle) != 0)
		rows = -E_SYSTEM;
	if (rows < 0)
		backend_rollback(handle);
	arena_free(&arena);
	return rows;
}

static int expire_by_number(struct backend_handle *handle, const struct backend_expiry *expiry, unsigned limit,
    unsigned trimmed_r[STORE_CAPS])
{
	const unsigned row_limit = 2 * limit;	/* a note brings a peer and a host */
	struct totals totals;
	unsigned many, waiting;
	int flows = 0, peers = 0, hosts = 0, greylist = 0, more = 0;

	if (expiry->flows_max != 0)
		flows = expire_rows(handle, ST_TRIM_FLOW, limit, expiry->flows_max);
	if (flows < 0 || totals_get(handle, &totals) != 0)
		return -E_SYSTEM;
	if ((many = excess(totals.peers, expiry->peers_max, limit)) != 0)
		peers = trim_peers(handle, many, row_limit);
	else if ((many = excess(totals.hosts, expiry->hosts_max, limit)) != 0)	/* peers take theirs along */
		hosts = expire_rows(handle, ST_TRIM_HOST, many, 0);
	many = excess(totals.waiting + totals.passed, expiry->greylist_max, limit);
	waiting = excess(totals.waiting, expiry->greylist_max - expiry->greylist_max / 2, many);
	if (waiting != 0)
		greylist = expire_rows(handle, ST_TRIM_GREY_WAITING, waiting, 0);
	if (many > waiting)
		more = expire_rows(handle, ST_TRIM_GREY_PASSED, many - waiting, 0);
	if (peers < 0 || hosts < 0 || greylist < 0 || more < 0)
		return -E_SYSTEM;
	trimmed_r[STORE_CAP_FLOWS] = (unsigned)flows;
	trimmed_r[STORE_CAP_PEERS] = (unsigned)peers;
	trimmed_r[STORE_CAP_HOSTS] = (unsigned)hosts;
	trimmed_r[STORE_CAP_GREYLIST] = (unsigned)greylist + (unsigned)more;
	return 0;
}

static int backend_expire(struct backend_handle *handle, const struct backend_expiry *expiry, unsigned limit,
    struct backend_expired *expired_r)
{
	const struct { enum statement which; int64_t before_secs; } kinds[] = {
		{ ST_EXPIRE_FLOW, expiry->flows_secs }, { ST_EXPIRE_PEER, expiry->peers_secs }, { ST_EXPIRE_HOST, expiry->peers_secs },
		{ ST_EXPIRE_GREY_PASSED, expiry->greylist_passed_secs }, { ST_EXPIRE_GREY_WAITING, expiry->greylist_waiting_secs },
	};

	*expired_r = (struct backend_expired){ 0 };
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		int rows = expire_rows(handle, kinds[i].which, limit, kinds[i].before_secs);

		if (rows < 0)
			return -E_SYSTEM;
		expired_r->more |= (unsigned)rows >= limit;
	}
	/* by age before by number: what is too old does not count as too many */
	if (expire_by_number(handle, expiry, limit, expired_r->trimmed) != 0)
		return -E_SYSTEM;
	for (int cap = 0; cap < STORE_CAPS; cap++)
		expired_r->more |= expired_r->trimmed[cap] >= limit;
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
	.hosts_trim = backend_hosts_trim,
	.greylist_get = backend_greylist_get,
	.greylist_put = backend_greylist_put,
	.flow_add = backend_flow_add,
	.flows_each = backend_flows_each,
	.expire = backend_expire,
};
