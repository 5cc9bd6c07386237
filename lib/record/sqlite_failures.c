/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Failures to report: one row for those of a UTC day and domain that are alike, with the text of the first. How many rows there are of
 * a day and a domain stands in a table of its own ('' is all domains), so that a flood costs two look-ups a message and never a row
 * more than the note's maxima allow. What was sent, or given up, keeps its row without its text until its day is long over: more of its
 * kind are counted, and no second report is made. Trusts the notes. Thread: the handle's.
 */
#include "record/sqlite_internal.h"

#include "util/arena.h"
#include "util/error.h"

enum { DAY_SECS = 86400, SENT = 1, GIVEN_UP = 2, FAILURE_SCHEMA = 8 };

static int64_t day_of(int64_t secs)
{
	return secs - secs % DAY_SECS;
}

/* Binds day, domain and what else the statements on one failure take; steps it. */
static int failure_step(struct backend_handle *handle, enum sqlite_statement which, const struct failure_note *note)
{
	sqlite3_stmt *statement = sqlite_statement(handle, which);
	const char *const texts[] = { note->domain, note->alike, note->ruf, note->fields, note->header };

	if (statement == NULL)
		return -E_SYSTEM;
	sqlite3_bind_int64(statement, 1, day_of(note->time_secs));
	for (int i = 0; i < 5 && 3 + i <= sqlite3_bind_parameter_count(statement); i++)
		sqlite_bind_text(statement, 3 + i, texts[i]);
	sqlite3_bind_int64(statement, 2, note->time_secs);
	return sqlite_step_done(handle, statement);
}

static int day_add(struct backend_handle *handle, const struct failure_note *note, const char *domain, int reports, int beyond)
{
	sqlite3_stmt *statement = sqlite_statement(handle, ST_FAILURE_DAY_ADD);

	if (statement == NULL)
		return -E_SYSTEM;
	sqlite3_bind_int64(statement, 1, day_of(note->time_secs));
	sqlite_bind_text(statement, 2, domain);
	sqlite3_bind_int(statement, 3, reports);
	sqlite3_bind_int(statement, 4, beyond);
	return sqlite_step_done(handle, statement);
}

/* @return 1: there is room for one more; 0: there is not; -E_SYSTEM. */
static int day_has_room(struct backend_handle *handle, const struct failure_note *note)
{
	sqlite3_stmt *statement = sqlite_statement(handle, ST_FAILURE_DAY);
	int room;

	if (statement == NULL)
		return -E_SYSTEM;
	sqlite3_bind_int64(statement, 1, day_of(note->time_secs));
	sqlite_bind_text(statement, 2, note->domain);
	if (sqlite_step_row(handle, statement) != 0)
		return -E_SYSTEM;
	room = sqlite3_column_int64(statement, 0) < (int64_t)note->domain_max && sqlite3_column_int64(statement, 1) < (int64_t)note->day_max;
	sqlite3_reset(statement);
	return room;
}

int sqlite_failure_add(struct backend_handle *handle, const struct failure_note *note)
{
	int code = failure_step(handle, ST_FAILURE_AGAIN, note), room;

	if (code != 0 || sqlite3_changes(handle->db) != 0)
		return code;
	room = day_has_room(handle, note);
	if (room <= 0)
		return room == 0 ? day_add(handle, note, "", 0, 1) : room;
	code = failure_step(handle, ST_FAILURE_NEW, note);
	if (code == 0)
		code = day_add(handle, note, note->domain, 1, 0);
	if (code == 0)
		code = day_add(handle, note, "", 1, 0);
	return code;
}

static struct failure_row row_read(sqlite3_stmt *row)
{
	return (struct failure_row){
		.id = sqlite3_column_int64(row, 0), .first_secs = sqlite3_column_int64(row, 1), .last_secs = sqlite3_column_int64(row, 2),
		.incidents = (uint64_t)sqlite3_column_int64(row, 3), .tries = (unsigned)sqlite3_column_int64(row, 4),
		.domain = (const char *)sqlite3_column_text(row, 5), .ruf = (const char *)sqlite3_column_text(row, 6),
		.fields = (const char *)sqlite3_column_text(row, 7), .header = (const char *)sqlite3_column_text(row, 8),
	};
}

/* The statement that gives what is due, bound. NULL: -E_SYSTEM. */
static sqlite3_stmt *due_statement(struct backend_handle *handle, int64_t now_secs, int64_t before_secs, size_t limit)
{
	sqlite3_stmt *statement = sqlite_statement(handle, ST_FAILURES_DUE);

	if (statement == NULL)
		return NULL;
	sqlite3_bind_int64(statement, 1, now_secs);
	sqlite3_bind_int64(statement, 2, before_secs);
	sqlite3_bind_int64(statement, 3, limit > INT32_MAX ? INT32_MAX : (int64_t)limit);
	return statement;
}

static int take_row(struct backend_handle *handle, int64_t now_secs, int64_t before_secs, struct arena *arena,
    struct failure_row *row_r)
{
	sqlite3_stmt *statement = due_statement(handle, now_secs, before_secs, 1);
	int code = statement != NULL ? sqlite_step_row(handle, statement) : -E_SYSTEM;

	if (code != 0)
		return code;
	*row_r = row_read(statement);
	row_r->domain = arena_strdup(arena, row_r->domain);
	row_r->ruf = arena_strdup(arena, row_r->ruf);
	row_r->fields = arena_strdup(arena, row_r->fields);
	row_r->header = arena_strdup(arena, row_r->header);
	sqlite3_reset(statement);
	return 0;
}

/* A statement on one row: its id, then a number and a text. */
static int row_change(struct backend_handle *handle, enum sqlite_statement which, int64_t id, int64_t number, const char *text)
{
	sqlite3_stmt *statement = sqlite_statement(handle, which);

	if (statement == NULL)
		return -E_SYSTEM;
	sqlite3_bind_int64(statement, 1, id);
	sqlite3_bind_int64(statement, 2, number);
	if (sqlite3_bind_parameter_count(statement) > 2)
		sqlite_bind_text(statement, 3, text);
	return sqlite_step_done(handle, statement);
}

int sqlite_failure_take(struct backend_handle *handle, int64_t now_secs, int64_t before_secs, int64_t retry_secs, struct arena *arena,
    struct failure_row *row_r)
{
	int code = sqlite_begin(handle);

	if (code != 0)
		return code;
	code = take_row(handle, now_secs, before_secs, arena, row_r);
	if (code == 0)
		code = row_change(handle, ST_FAILURE_TRY, row_r->id, retry_secs, NULL);
	if (code == 0)
		code = sqlite_commit(handle);
	if (code != 0)
		sqlite_rollback(handle);
	return code;
}

int sqlite_failures_each(struct backend_handle *handle, int64_t now_secs, int64_t before_secs, size_t limit,
    store_failure_each_f *each, void *arg)
{
	sqlite3_stmt *statement;
	int code;

	if (handle->version < FAILURE_SCHEMA)
		return 0;
	statement = due_statement(handle, now_secs, before_secs, limit);
	if (statement == NULL)
		return -E_SYSTEM;
	while ((code = sqlite_step_row(handle, statement)) == 0) {
		const struct failure_row row = row_read(statement);

		each(arg, &row);
	}
	return code == -E_ABSENT ? 0 : code;
}

int sqlite_failure_done(struct backend_handle *handle, int64_t id, bool sent)
{
	return row_change(handle, ST_FAILURE_DONE, id, sent ? SENT : GIVEN_UP, NULL);
}

int sqlite_failure_later(struct backend_handle *handle, int64_t id, const char *ruf_left, int64_t due_secs)
{
	return row_change(handle, ST_FAILURE_LATER, id, due_secs, ruf_left);
}

int sqlite_failure_counts(struct backend_handle *handle, int64_t day_secs, struct failure_counts *counts_r)
{
	uint64_t *const counts[] = { &counts_r->waiting, &counts_r->sent, &counts_r->given_up, &counts_r->incidents, &counts_r->beyond };
	sqlite3_stmt *statement;

	*counts_r = (struct failure_counts){ 0 };
	if (handle->version < FAILURE_SCHEMA)
		return 0;
	statement = sqlite_statement(handle, ST_FAILURE_COUNTS);
	if (statement == NULL)
		return -E_SYSTEM;
	sqlite3_bind_int64(statement, 1, day_of(day_secs));
	if (sqlite_step_row(handle, statement) != 0)
		return -E_SYSTEM;
	for (int i = 0; i < 5; i++)
		*counts[i] = (uint64_t)sqlite3_column_int64(statement, i);
	sqlite3_reset(statement);
	return 0;
}
