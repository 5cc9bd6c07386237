/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Traces of messages in SQLite: packed here, on the writer's thread, and found by reference or queue id. How many octets they take
 * stands in a table that triggers keep, so that those that are too many are found without counting. Trusts nothing of a row: one that
 * cannot be unpacked is told as such. Thread: the handle's.
 */
#include "record/sqlite_internal.h"

#include <stdlib.h>
#include <string.h>

#include "record/trace_pack.h"
#include "util/error.h"

enum {
	ROW_BYTES = 160,	/* that a row takes beside its data, with its place in three indexes */
	SCHEMA_WITH_TRACES = 6
};

int sqlite_trace_put(struct backend_handle *handle, const struct trace_note *note)
{
	sqlite3_stmt *statement = sqlite_statement(handle, ST_TRACE_PUT);
	size_t length = strlen(note->text), bytes;
	const void *data;
	int code;

	if (statement == NULL)
		return -E_SYSTEM;
	if (length > STORE_TRACE_BYTES)
		return 0;	/* none of ours is so long; unpacking would refuse it */
	if (handle->packer == NULL)
		handle->packer = trace_packer_new();
	data = trace_pack(handle->packer, note->text, length, &bytes);
	sqlite_bind_text(statement, 1, note->reference);
	sqlite_bind_text(statement, 2, note->queue_id);
	sqlite3_bind_int64(statement, 3, note->time_secs);
	sqlite3_bind_int64(statement, 4, (int64_t)bytes + ROW_BYTES);
	sqlite3_bind_int64(statement, 5, (int64_t)length);
	sqlite3_bind_blob(statement, 6, data, (int)bytes, SQLITE_STATIC);
	code = sqlite_step_done(handle, statement);
	sqlite3_clear_bindings(statement);
	return code;
}

int sqlite_traces_each(struct backend_handle *handle, enum store_trace_by by, const char *key, size_t limit,
    store_trace_each_f *each, void *arg)
{
	sqlite3_stmt *statement;
	size_t count = 0;
	int code;

	if (handle->version < SCHEMA_WITH_TRACES)
		return -E_ABSENT;
	statement = sqlite_statement(handle, by == STORE_TRACE_BY_REFERENCE ? ST_TRACES_REFERENCE : ST_TRACES_QUEUE_ID);
	if (statement == NULL)
		return -E_SYSTEM;
	sqlite_bind_text(statement, 1, key);
	sqlite3_bind_int64(statement, 2, limit > INT32_MAX ? INT32_MAX : (int64_t)limit);
	while ((code = sqlite_step_row(handle, statement)) == 0) {
		const void *data = sqlite3_column_blob(statement, 4);
		char *text = trace_unpack(data, (size_t)sqlite3_column_bytes(statement, 4), sqlite3_column_int64(statement, 3));
		const struct trace_note trace = { .reference = (const char *)sqlite3_column_text(statement, 0),
			.queue_id = (const char *)sqlite3_column_text(statement, 1),
			.time_secs = sqlite3_column_int64(statement, 2), .text = text };

		each(arg, &trace);
		free(text);
		count++;
	}
	if (code != -E_ABSENT)
		return code;
	return count != 0 ? 0 : -E_ABSENT;
}

/* How many octets more there are than may be; 0: none. */
static int64_t octets_over(struct backend_handle *handle, uint64_t max)
{
	sqlite3_stmt *statement = sqlite_statement(handle, ST_TRACE_TOTAL);
	int64_t bytes;

	if (statement == NULL || sqlite_step_row(handle, statement) != 0)
		return -E_SYSTEM;
	bytes = sqlite3_column_int64(statement, 0);
	sqlite3_reset(statement);
	return bytes > 0 && (uint64_t)bytes > max ? bytes - (int64_t)max : 0;
}

/* The last row of the oldest ones that have to go for so many octets. @return its id; 0: there is none. */
static int64_t last_to_go(struct backend_handle *handle, sqlite3_stmt *statement, int64_t octets, unsigned limit)
{
	int64_t last = 0;
	int code = -E_ABSENT;

	sqlite3_bind_int64(statement, 1, limit);
	while (octets > 0 && (code = sqlite_step_row(handle, statement)) == 0) {
		last = sqlite3_column_int64(statement, 0);
		octets -= sqlite3_column_int64(statement, 1);
	}
	sqlite3_reset(statement);
	return code == -E_SYSTEM ? -E_SYSTEM : last;
}

int sqlite_traces_trim(struct backend_handle *handle, uint64_t max, unsigned limit)
{
	sqlite3_stmt *oldest = sqlite_statement(handle, ST_TRACES_OLDEST), *trim = sqlite_statement(handle, ST_TRIM_TRACES);
	int64_t octets, last;

	if (max == 0)
		return 0;
	octets = octets_over(handle, max);
	if (octets <= 0)
		return octets < 0 ? -E_SYSTEM : 0;
	if (oldest == NULL || trim == NULL)
		return -E_SYSTEM;
	last = last_to_go(handle, oldest, octets, limit);
	if (last <= 0)
		return last < 0 ? -E_SYSTEM : 0;
	sqlite3_bind_int64(trim, 1, last);
	return sqlite_step_done(handle, trim) == 0 ? sqlite3_changes(handle->db) : -E_SYSTEM;
}
