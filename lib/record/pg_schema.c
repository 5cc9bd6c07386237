/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The schema, step by step from version to version, and whether a database has it. The versions are SQLite's: what one of them can
 * hold the other can. Everything stands in the schema that the connection looks in first (search_path), which is Assay's alone.
 * Trusts nothing of the database: another program's, or a newer schema, is -E_SYSTEM with a reason and stays as it is.
 * Thread: the handle's.
 */
#include "record/pg_internal.h"
#include "record/pg_schema_flows.h"
#include "record/pg_schema_steps.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/error.h"

enum { SCHEMA_FIRST = 8, SCHEMA_VERSION = 9 };

/* Held by whoever makes or migrates the tables until it is done: before they are there, there is no row to hold. */
#define SCHEMA_LOCK "SELECT pg_advisory_xact_lock(8245217350)"

/* From nothing to the first version. */
static const char *const first_parts[] = { pg_schema_memory, pg_schema_flows, pg_schema_reports };
/* From each later version to the next. A step is never changed once it was released. */
static const char *const schema_steps[SCHEMA_VERSION - SCHEMA_FIRST] = { pg_schema_brakes };

/* The number in the first column of the last row; pg_exec() has texts. */
static int exec_number(struct backend_handle *handle, const char *sql, long long *number_r)
{
	if (pg_exec(handle, sql) != 0)
		return -E_SYSTEM;
	if (PQntuples(handle->result) != 1 || PQgetisnull(handle->result, 0, 0))
		return pg_fail(handle, "the database has no row where one should be");
	*number_r = strtoll(PQgetvalue(handle->result, 0, 0), NULL, 10);
	return 0;
}

/* @return the version; 0: none yet; -E_SYSTEM. */
static int version_read(struct backend_handle *handle)
{
	long long ours, others, version;

	if (exec_number(handle, "SELECT count(*) FROM pg_class WHERE relnamespace=to_regnamespace(quote_ident(current_schema())) "
	    "AND relname='assay_schema'", &ours) != 0)
		return -E_SYSTEM;
	if (ours != 0) {
		if (exec_number(handle, "SELECT version FROM assay_schema", &version) != 0)
			return -E_SYSTEM;
		if (version < SCHEMA_FIRST)
			return pg_fail(handle, "the database has schema version %lld, which no Assay has made", version);
		return version < INT_MAX ? (int)version : INT_MAX;
	}
	if (exec_number(handle, "SELECT count(*) FROM pg_class WHERE relnamespace=to_regnamespace(quote_ident(current_schema()))", &others) != 0)
		return -E_SYSTEM;
	if (others != 0)
		return pg_fail(handle, "this is another program's database: give Assay one of its own, or a schema of its own (search_path)");
	return 0;
}

int pg_schema_check(struct backend_handle *handle)
{
	const char *encoding = PQparameterStatus(handle->connection, "server_encoding");
	int version;

	if (encoding != NULL && strcmp(encoding, "UTF8") != 0)
		return pg_fail(handle, "the database has the encoding %.20s: make one with UTF8 (createdb -E UTF8 -T template0)", encoding);
	version = version_read(handle);
	if (version > SCHEMA_VERSION)
		return pg_fail(handle, "the database has schema version %d, this program knows %d: it was written by a newer Assay", version,
		    SCHEMA_VERSION);
	if (version == 0 && !handle->write)
		return pg_fail(handle, "the database has no Assay schema yet: assayd makes it at its start");
	return version;
}

int pg_schema_same(struct backend_handle *handle, int version)
{
	if (version == SCHEMA_VERSION)
		return 0;
	return pg_fail(handle, "the database has schema version %d by now, this program knows %d: it was migrated by a newer Assay", version,
	    SCHEMA_VERSION);
}

/* In the transaction: all steps from the version that there is. */
static int steps_run(struct backend_handle *handle)
{
	char update[64];
	int version = version_read(handle), code = version < 0 ? -E_SYSTEM : 0;

	if (version == 0) {
		for (size_t i = 0; i < sizeof(first_parts) / sizeof(first_parts[0]) && code == 0; i++)
			code = pg_exec(handle, first_parts[i]);
		version = SCHEMA_FIRST;
	}
	for (; code == 0 && version < SCHEMA_VERSION; version++)
		code = pg_exec(handle, schema_steps[version - SCHEMA_FIRST]);
	snprintf(update, sizeof(update), "UPDATE assay_schema SET version=%d", SCHEMA_VERSION);
	return code == 0 ? pg_exec(handle, update) : code;
}

int pg_schema_prepare(struct backend_handle *handle)
{
	int code;

	if (handle->version == SCHEMA_VERSION)
		return 0;
	pg_bound(handle, PG_TRANSACTION_TIMES);
	if (pg_exec(handle, "BEGIN") != 0)
		return -E_SYSTEM;
	/* another program may make the tables just now: version_read() after the lock sees them */
	code = pg_exec(handle, SCHEMA_LOCK);
	if (code == 0)
		code = steps_run(handle);
	if (code == 0)
		code = pg_exec(handle, "COMMIT");
	if (code == 0)
		handle->version = SCHEMA_VERSION;
	return code;	/* the handle is closed after a failure, and the transaction with it */
}

bool pg_schema_is_current(const struct backend_handle *handle)
{
	return handle->version == SCHEMA_VERSION;
}
