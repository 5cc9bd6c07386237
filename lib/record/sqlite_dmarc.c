/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Aggregate reports in SQLite (the tables are told in sqlite_schema_steps.h). Rows are bounded: of a day and of a policy; messages
 * for which there is no row are counted as lost, and the report says so.
 * Trusts nothing of the database's values but their types. Thread: the handle's.
 */
#include <stdio.h>
#include <string.h>

#include "record/sqlite_internal.h"
#include "util/error.h"

enum { DAY_SECS = 86400, DAYS_AHEAD_MAX = 400 };

struct place { int64_t day, policy; uint64_t day_rows, policy_rows; };

static int day_get(struct backend_handle *handle, int64_t day, uint64_t *rows_r, uint64_t *lost_r)
{
	sqlite3_stmt *statement = sqlite_statement(handle, ST_DMARC_DAY_GET);
	int code;

	if (statement == NULL)
		return -E_SYSTEM;
	sqlite3_bind_int64(statement, 1, day);
	code = sqlite_step_row(handle, statement);
	*rows_r = code == 0 ? (uint64_t)sqlite3_column_int64(statement, 0) : 0;
	*lost_r = code == 0 ? (uint64_t)sqlite3_column_int64(statement, 1) : 0;
	sqlite3_reset(statement);
	return code == -E_SYSTEM ? code : 0;
}

static int day_count(struct backend_handle *handle, int64_t day, int rows, uint64_t lost)
{
	sqlite3_stmt *statement = sqlite_statement(handle, ST_DMARC_DAY_COUNT);

	if (statement == NULL)
		return -E_SYSTEM;
	sqlite3_bind_int64(statement, 1, day);
	sqlite3_bind_int64(statement, 2, rows);
	sqlite3_bind_int64(statement, 3, (int64_t)lost);
	return sqlite_step_done(handle, statement);
}

static int policy_count(struct backend_handle *handle, int64_t policy, int rows, uint64_t lost)
{
	sqlite3_stmt *statement = sqlite_statement(handle, ST_DMARC_POLICY_COUNT);

	if (statement == NULL)
		return -E_SYSTEM;
	sqlite3_bind_int64(statement, 1, policy);
	sqlite3_bind_int64(statement, 2, rows);
	sqlite3_bind_int64(statement, 3, (int64_t)lost);
	return sqlite_step_done(handle, statement);
}

static void bind_policy(sqlite3_stmt *statement, int64_t day, const struct dmarc_note *note)
{
	sqlite3_bind_int64(statement, 1, day);
	sqlite_bind_text(statement, 2, note->domain);
	sqlite_bind_text(statement, 3, note->policy);
	sqlite_bind_text(statement, 4, note->rua);
}

/* The note's policy on its day, or on the first day after it whose report is not made yet. @return -E_ABSENT: none; day set. */
static int find_policy(struct backend_handle *handle, const struct dmarc_note *note, struct place *place_r)
{
	sqlite3_stmt *statement = sqlite_statement(handle, ST_DMARC_POLICY_GET);
	bool frozen = true;
	int code = 0;

	if (statement == NULL)
		return -E_SYSTEM;
	place_r->day = note->time_secs / DAY_SECS - 1;
	for (int i = 0; i < DAYS_AHEAD_MAX && code == 0 && frozen; i++) {
		bind_policy(statement, ++place_r->day, note);
		code = sqlite_step_row(handle, statement);
		if (code != 0)
			break;
		place_r->policy = sqlite3_column_int64(statement, 0);
		place_r->policy_rows = (uint64_t)sqlite3_column_int64(statement, 1);
		frozen = sqlite3_column_int(statement, 2) != 0;
		sqlite3_reset(statement);
	}
	return code;
}

/* Whether the domain has as many policies on that day as it may: each is a report. @return -E_SYSTEM, or 0 with full_r set. */
static int day_is_full(struct backend_handle *handle, const struct dmarc_note *note, const struct dmarc_rules *rules,
    const struct place *place, bool *full_r)
{
	sqlite3_stmt *statement = sqlite_statement(handle, ST_DMARC_POLICY_OF_DAY);

	*full_r = place->day_rows >= rules->rows_max;
	if (*full_r)
		return 0;
	if (statement == NULL)
		return -E_SYSTEM;
	sqlite3_bind_int64(statement, 1, place->day);
	sqlite_bind_text(statement, 2, note->domain);
	if (sqlite_step_row(handle, statement) != 0)
		return -E_SYSTEM;
	*full_r = sqlite3_column_int64(statement, 0) >= DMARC_POLICIES_MAX;
	sqlite3_reset(statement);
	return 0;
}

/* @return -E_LIMIT: there is no room; the messages are counted as the day's lost ones. */
static int make_policy(struct backend_handle *handle, const struct dmarc_note *note, const struct dmarc_rules *rules, struct place *place)
{
	sqlite3_stmt *statement = sqlite_statement(handle, ST_DMARC_POLICY_PUT);
	bool full;
	int code;

	if (statement == NULL || day_is_full(handle, note, rules, place, &full) != 0)
		return -E_SYSTEM;
	if (full) {
		code = day_count(handle, place->day, 0, note->messages);
		return code != 0 ? code : -E_LIMIT;
	}
	bind_policy(statement, place->day, note);
	code = sqlite_step_done(handle, statement);
	place->policy = sqlite3_last_insert_rowid(handle->db);
	place->policy_rows = 0;
	place->day_rows++;
	return code != 0 ? code : day_count(handle, place->day, 1, 0);
}

/* Adds to a row. new: makes it. @return -E_ABSENT: there was none. */
static int row_add(struct backend_handle *handle, const struct dmarc_note *note, int64_t policy, bool new)
{
	sqlite3_stmt *statement = sqlite_statement(handle, new ? ST_DMARC_ROW_NEW : ST_DMARC_ROW_ADD);
	int code;

	if (statement == NULL)
		return -E_SYSTEM;
	sqlite3_bind_int64(statement, 1, policy);
	sqlite_bind_text(statement, 2, note->row);
	sqlite3_bind_int64(statement, 3, (int64_t)note->messages);
	code = sqlite_step_done(handle, statement);
	return code == 0 && sqlite3_changes(handle->db) == 0 ? -E_ABSENT : code;
}

static int dmarc_add(struct backend_handle *handle, const struct dmarc_note *note, const struct dmarc_rules *rules)
{
	struct place place = { 0 };
	uint64_t lost;
	int code = find_policy(handle, note, &place);

	if (code == -E_SYSTEM || day_get(handle, place.day, &place.day_rows, &lost) != 0)
		return -E_SYSTEM;
	if (code == -E_ABSENT)
		code = make_policy(handle, note, rules, &place);
	if (code != 0)
		return code == -E_LIMIT ? 0 : code;
	code = row_add(handle, note, place.policy, false);
	if (code != -E_ABSENT)
		return code;
	/* the row of the policy itself had room, so that the report can tell what is missing */
	if (place.day_rows >= rules->rows_max || place.policy_rows >= rules->report_rows_max)
		return policy_count(handle, place.policy, 0, note->messages);
	code = row_add(handle, note, place.policy, true);
	if (code == 0)
		code = policy_count(handle, place.policy, 1, 0);
	return code == 0 ? day_count(handle, place.day, 1, 0) : code;
}

static void copy_name(char name_r[DMARC_NAME_BYTES], sqlite3_stmt *row, int column)
{
	const unsigned char *text = sqlite3_column_text(row, column);

	snprintf(name_r, DMARC_NAME_BYTES, "%s", text != NULL ? (const char *)text : "");
}

static int dmarc_each(struct backend_handle *handle, int64_t day, int64_t before_day, dmarc_policy_each_f *each, void *arg)
{
	sqlite3_stmt *statement = sqlite_statement(handle, ST_DMARC_POLICIES);
	int code;

	if (statement == NULL)
		return -E_SYSTEM;
	sqlite3_bind_int64(statement, 1, day);
	sqlite3_bind_int64(statement, 2, before_day);
	while ((code = sqlite_step_row(handle, statement)) == 0) {
		struct dmarc_policy_row row = { .id = sqlite3_column_int64(statement, 0), .day = sqlite3_column_int64(statement, 1),
			.domain = (const char *)sqlite3_column_text(statement, 2), .policy = (const char *)sqlite3_column_text(statement, 3),
			.rua = (const char *)sqlite3_column_text(statement, 4), .rows = (uint64_t)sqlite3_column_int64(statement, 5),
			.lost = (uint64_t)sqlite3_column_int64(statement, 6) };

		copy_name(row.names.report_id, statement, 7);
		copy_name(row.names.file, statement, 8);
		if (row.domain != NULL && row.policy != NULL && row.rua != NULL)
			each(arg, &row);
	}
	return code == -E_ABSENT ? 0 : code;
}

static int dmarc_rows_each(struct backend_handle *handle, int64_t policy, size_t limit, dmarc_row_each_f *each, void *arg)
{
	sqlite3_stmt *statement = sqlite_statement(handle, ST_DMARC_ROWS);
	int code;

	if (statement == NULL)
		return -E_SYSTEM;
	sqlite3_bind_int64(statement, 1, policy);
	sqlite3_bind_int64(statement, 2, limit > INT32_MAX ? INT32_MAX : (int64_t)limit);
	while ((code = sqlite_step_row(handle, statement)) == 0) {
		const char *row = (const char *)sqlite3_column_text(statement, 0);

		if (row != NULL)
			each(arg, row, (uint64_t)sqlite3_column_int64(statement, 1));
	}
	return code == -E_ABSENT ? 0 : code;
}

static int dmarc_freeze(struct backend_handle *handle, int64_t policy, struct dmarc_names *names)
{
	sqlite3_stmt *freeze = sqlite_statement(handle, ST_DMARC_FREEZE), *get = sqlite_statement(handle, ST_DMARC_NAMES);
	int code = 0;

	if (freeze == NULL || get == NULL)
		return -E_SYSTEM;
	if (names->report_id[0] != '\0') {
		sqlite3_bind_int64(freeze, 1, policy);
		sqlite_bind_text(freeze, 2, names->report_id);
		sqlite_bind_text(freeze, 3, names->file);
		code = sqlite_step_done(handle, freeze);
	}
	if (code != 0)
		return code;
	sqlite3_bind_int64(get, 1, policy);
	code = sqlite_step_row(handle, get);
	if (code == 0) {
		copy_name(names->report_id, get, 0);
		copy_name(names->file, get, 1);
		names->lost = (uint64_t)sqlite3_column_int64(get, 2);
		sqlite3_reset(get);
	}
	return code;
}

static int dmarc_delivery_get(struct backend_handle *handle, int64_t policy, const char *address, struct dmarc_delivery *delivery_r)
{
	sqlite3_stmt *statement = sqlite_statement(handle, ST_DMARC_DELIVERY_GET);
	int code;

	if (statement == NULL)
		return -E_SYSTEM;
	sqlite3_bind_int64(statement, 1, policy);
	sqlite_bind_text(statement, 2, address);
	code = sqlite_step_row(handle, statement);
	if (code == 0) {
		*delivery_r = (struct dmarc_delivery){ .state = (enum dmarc_delivery_state)sqlite3_column_int(statement, 0),
			.tries = (unsigned)sqlite3_column_int64(statement, 1), .next_secs = sqlite3_column_int64(statement, 2),
			.claimed_secs = sqlite3_column_int64(statement, 3) };
		sqlite3_reset(statement);
	}
	return code;
}

static int dmarc_delivery_put(struct backend_handle *handle, int64_t policy, const char *address, const struct dmarc_delivery *delivery)
{
	sqlite3_stmt *statement = sqlite_statement(handle, ST_DMARC_DELIVERY_PUT);

	if (statement == NULL)
		return -E_SYSTEM;
	sqlite3_bind_int64(statement, 1, policy);
	sqlite_bind_text(statement, 2, address);
	sqlite3_bind_int64(statement, 3, delivery->state);
	sqlite3_bind_int64(statement, 4, delivery->tries);
	sqlite3_bind_int64(statement, 5, delivery->next_secs);
	sqlite3_bind_int64(statement, 6, delivery->claimed_secs);
	return sqlite_step_done(handle, statement);
}

/* Runs a statement with one number. */
static int run_with(struct backend_handle *handle, enum sqlite_statement which, int64_t number)
{
	sqlite3_stmt *statement = sqlite_statement(handle, which);

	if (statement == NULL)
		return -E_SYSTEM;
	sqlite3_bind_int64(statement, 1, number);
	return sqlite_step_done(handle, statement);
}

static int dmarc_finish(struct backend_handle *handle, int64_t policy)
{
	int code = run_with(handle, ST_DMARC_CLOSE, policy);

	if (code == 0)
		code = run_with(handle, ST_DMARC_ROWS_DROP, policy);
	return code == 0 ? run_with(handle, ST_DMARC_DELIVERIES_DROP, policy) : code;
}

static int dmarc_day_lost(struct backend_handle *handle, int64_t day, uint64_t *lost_r)
{
	uint64_t rows;

	return day_get(handle, day, &rows, lost_r);
}

/* A policy goes when its rows are gone. @return rows deleted, or -E_SYSTEM. */
static int expire_policy(struct backend_handle *handle, int64_t policy, unsigned limit)
{
	sqlite3_stmt *rows = sqlite_statement(handle, ST_DMARC_OLD_ROWS);
	int deleted;

	if (rows == NULL)
		return -E_SYSTEM;
	sqlite3_bind_int64(rows, 1, limit);
	sqlite3_bind_int64(rows, 2, policy);
	if (sqlite_step_done(handle, rows) != 0)
		return -E_SYSTEM;
	deleted = sqlite3_changes(handle->db);
	if ((unsigned)deleted >= limit)
		return deleted;
	if (run_with(handle, ST_DMARC_DELIVERIES_DROP, policy) != 0 || run_with(handle, ST_DMARC_OLD_POLICIES, policy) != 0)
		return -E_SYSTEM;
	return deleted + 1;
}

int sqlite_dmarc_expire(struct backend_handle *handle, int64_t before_day, unsigned limit)
{
	sqlite3_stmt *oldest = sqlite_statement(handle, ST_DMARC_OLDEST);
	unsigned deleted = 0;
	int64_t policy;
	int code = 0, rows;

	if (oldest == NULL)
		return -E_SYSTEM;
	while (deleted < limit) {
		sqlite3_bind_int64(oldest, 1, before_day);
		code = sqlite_step_row(handle, oldest);
		if (code != 0)
			break;
		policy = sqlite3_column_int64(oldest, 0);
		sqlite3_reset(oldest);
		rows = expire_policy(handle, policy, limit - deleted);
		if (rows < 0)
			return -E_SYSTEM;
		deleted += (unsigned)rows;
	}
	if (code == -E_SYSTEM || (code == -E_ABSENT && run_with(handle, ST_DMARC_OLD_DAYS, before_day) != 0))
		return -E_SYSTEM;
	return (int)deleted;
}

const struct backend_dmarc sqlite_dmarc = {
	.add = dmarc_add,
	.each = dmarc_each,
	.rows_each = dmarc_rows_each,
	.freeze = dmarc_freeze,
	.delivery_get = dmarc_delivery_get,
	.delivery_put = dmarc_delivery_put,
	.finish = dmarc_finish,
	.day_lost = dmarc_day_lost,
};
