/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Brakes, those that were lifted too: a forecast needs to know when they were on. A few rows, for each takes an hour of refused mail
 * that looks wanted, and the next one an admin. Trusts nothing of what is read. Thread: the handle's.
 */
#include "record/sqlite_internal.h"

#include "util/error.h"

enum { VERSION_BRAKES = 9 };

int sqlite_brakes_each(struct backend_handle *handle, store_brake_each_f *each, void *arg)
{
	sqlite3_stmt *statement = handle->version >= VERSION_BRAKES ? sqlite_statement(handle, ST_BRAKES) : NULL;
	int code;

	if (statement == NULL)
		return handle->version >= VERSION_BRAKES ? -E_SYSTEM : 0;
	while ((code = sqlite_step_row(handle, statement)) == 0) {
		const struct brake_row row = {
			.policy = (const char *)sqlite3_column_text(statement, 0), .finding = (const char *)sqlite3_column_text(statement, 1),
			.since_secs = sqlite3_column_int64(statement, 2), .lifted_secs = sqlite3_column_int64(statement, 3),
			.held = (uint64_t)sqlite3_column_int64(statement, 4), .wanted = (uint64_t)sqlite3_column_int64(statement, 5),
		};

		if (row.policy != NULL && row.finding != NULL)
			each(arg, &row);
	}
	return code == -E_ABSENT ? 0 : code;
}

int sqlite_brake_put(struct backend_handle *handle, const struct brake_row *row)
{
	sqlite3_stmt *statement = sqlite_statement(handle, ST_BRAKE_PUT);

	if (statement == NULL)
		return -E_SYSTEM;
	sqlite_bind_text(statement, 1, row->policy);
	sqlite_bind_text(statement, 2, row->finding);
	sqlite3_bind_int64(statement, 3, row->since_secs);
	sqlite3_bind_int64(statement, 4, row->lifted_secs);
	sqlite3_bind_int64(statement, 5, (int64_t)row->held);
	sqlite3_bind_int64(statement, 6, (int64_t)row->wanted);
	return sqlite_step_done(handle, statement);
}
