/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The schema, step by step from version to version, and whether a database has it.
 * Trusts nothing of the file: another program's database, or a newer schema, is -E_SYSTEM with a reason and stays as it is.
 * Thread: the handle's.
 */
#include "record/sqlite_internal.h"
#include "record/sqlite_schema_steps.h"

#include <stdio.h>

#include "util/error.h"

enum { SCHEMA_VERSION = 9 };

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
 * From version 1 to 2: how many rows there are of each kind stands in the table "total", and triggers keep it right whoever
 * writes. (Counting a million rows each time before some are deleted would be too slow.) The partial indexes give the
 * rows of one kind in the order in which they are deleted when there are too many; each row is in one of them only.
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

/*
 * Rows with different evidence are different rows, so it is part of what makes one; that cannot be added to a table but by a new one.
 * Millions of rows would take minutes to move. They stay where they are, are read with the others, and go with time.
 */
static const char schema_evidence[] =
    "ALTER TABLE flow RENAME TO flow_old;"
    "CREATE TABLE flow(hour INTEGER NOT NULL, author_domain TEXT NOT NULL, envelope_domain TEXT NOT NULL,"
    " client_network TEXT NOT NULL, findings TEXT NOT NULL, results TEXT NOT NULL, tls_grade TEXT NOT NULL,"
    " tls_version TEXT NOT NULL, tls_cipher TEXT NOT NULL, policy TEXT NOT NULL, action TEXT NOT NULL,"
    " evidence TEXT NOT NULL, enforced INTEGER NOT NULL, messages INTEGER NOT NULL, bytes INTEGER NOT NULL,"
    " UNIQUE(hour,author_domain,envelope_domain,client_network,policy,action,enforced,evidence,findings,results,tls_grade,"
    "tls_version,tls_cipher));";

/* From version 3 to 4: which questions the last message of a domain asked (resolver/shape.h). */
static const char schema_shapes[] =
    "CREATE TABLE shape(key TEXT PRIMARY KEY NOT NULL, questions TEXT NOT NULL, noted INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE INDEX shape_noted ON shape(noted);";

/* From each version to the next; the version is their number. A step is never changed once it was released. */
static const char *const schema_steps[SCHEMA_VERSION] = { schema_tables, schema_totals, schema_evidence, schema_shapes,
	sqlite_schema_flows, sqlite_schema_traces, sqlite_schema_dmarc, sqlite_schema_failures, sqlite_schema_brakes };

/* Runs a query that gives one number. @return the number; -E_SYSTEM with why set. */
static int query_number(struct backend_handle *handle, const char *sql)
{
	sqlite3_stmt *statement;
	int number = -E_SYSTEM;

	if (sqlite3_prepare_v2(handle->db, sql, -1, &statement, NULL) != SQLITE_OK)
		return sqlite_fail(handle);
	if (sqlite3_step(statement) == SQLITE_ROW)
		number = sqlite3_column_int(statement, 0);
	else
		sqlite_fail(handle);
	sqlite3_finalize(statement);
	return number;
}

int sqlite_schema_check(struct backend_handle *handle, bool write)
{
	int version, tables;

	/* one look at both: another process may be making the tables just now */
	if (sqlite_exec(handle, "BEGIN") != 0)
		return -E_SYSTEM;
	version = query_number(handle, "PRAGMA user_version");
	tables = version == 0 ? query_number(handle, "SELECT count(*) FROM sqlite_master") : 0;
	if (version < 0 || tables < 0) {
		sqlite_rollback(handle);
		return -E_SYSTEM;
	}
	if (sqlite_commit(handle) != 0)
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
		snprintf(handle->why, sizeof(handle->why), "the database has no Assay schema yet: assayd makes it at its start");
		return -E_SYSTEM;
	}
	return version;
}

int sqlite_schema_prepare(struct backend_handle *handle, int version)
{
	char pragma[64];
	int code = 0;

	if (version == SCHEMA_VERSION)
		return 0;
	snprintf(pragma, sizeof(pragma), "PRAGMA user_version=%d", SCHEMA_VERSION);
	if (sqlite_begin(handle) != 0)
		return -E_SYSTEM;
	/* another process may have made the tables while we waited for the lock */
	version = query_number(handle, "PRAGMA user_version");
	if (version < 0)
		code = -E_SYSTEM;
	for (; code == 0 && version < SCHEMA_VERSION; version++)
		code = sqlite_exec(handle, schema_steps[version]);
	if (code == 0)
		code = sqlite_exec(handle, pragma);
	if (code == 0)
		code = sqlite_commit(handle);
	if (code != 0)
		sqlite_rollback(handle);
	else
		handle->version = SCHEMA_VERSION;
	return code;
}

bool sqlite_schema_is_current(const struct backend_handle *handle)
{
	return handle->version == SCHEMA_VERSION;
}
