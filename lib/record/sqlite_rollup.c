/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Flows that become fewer: hours of a day that is past keep-hours are added up to the day, a bounded number of rows a step; of a day
 * with too many kinds those of fewest messages become one for each action, which says of itself that it stands for others; kinds and
 * parts without any row go. Each step is a transaction, so that sums hold whatever becomes of the process in between; that a day
 * has to be looked at stands in the database.
 * Thread: the handle's.
 */
#include "record/sqlite_internal.h"

#include <stdlib.h>
#include <string.h>

#include "record/flow_parts.h"
#include "util/arena.h"
#include "util/error.h"

enum { DAY_SECS = 86400 };

/* One number of a bound statement. @return 0, -E_ABSENT, -E_SYSTEM. */
static int number(struct backend_handle *handle, sqlite3_stmt *statement, int64_t *number_r)
{
	int code = sqlite_step_row(handle, statement);

	if (code != 0)
		return code;
	*number_r = sqlite3_column_int64(statement, 0);
	sqlite3_reset(statement);
	return 0;
}

/* Runs a statement on the rows up to an hour and kind. */
static int run_until(struct backend_handle *handle, enum sqlite_statement which, int64_t hour, int64_t kind, int64_t day)
{
	sqlite3_stmt *statement = sqlite_statement(handle, which);

	if (statement == NULL)
		return -E_SYSTEM;
	sqlite3_bind_int64(statement, 1, hour);
	sqlite3_bind_int64(statement, 2, kind);
	if (sqlite3_bind_parameter_count(statement) > 2)
		sqlite3_bind_int64(statement, 3, day);
	return sqlite_step_done(handle, statement);
}

/* The last of the next `limit` rows of a day. */
static int find_bound(struct backend_handle *handle, int64_t day, unsigned limit, int64_t *hour_r, int64_t *kind_r)
{
	sqlite3_stmt *statement = sqlite_statement(handle, ST_ROLL_BOUND);
	int code;

	*hour_r = day + DAY_SECS - 1;
	*kind_r = INT64_MAX;
	if (statement == NULL)
		return -E_SYSTEM;
	sqlite3_bind_int64(statement, 1, day + DAY_SECS);
	sqlite3_bind_int64(statement, 2, (int64_t)limit - 1);
	code = sqlite_step_row(handle, statement);
	if (code == 0) {
		*hour_r = sqlite3_column_int64(statement, 0);
		*kind_r = sqlite3_column_int64(statement, 1);
		sqlite3_reset(statement);
	}
	return code == -E_ABSENT ? 0 : code;
}

/* Within a transaction. @return rows of hours that are no more. */
static int roll(struct backend_handle *handle, int64_t day, unsigned limit)
{
	sqlite3_stmt *crowd = sqlite_statement(handle, ST_CROWD_ADD);
	int64_t hour, kind;
	int rows;

	if (crowd == NULL || find_bound(handle, day, limit, &hour, &kind) != 0 ||
	    run_until(handle, ST_ROLL_ADD, hour, kind, day) != 0 || run_until(handle, ST_ROLL_DELETE, hour, kind, 0) != 0)
		return -E_SYSTEM;
	rows = sqlite3_changes(handle->db);
	sqlite3_bind_int64(crowd, 1, day);
	return sqlite_step_done(handle, crowd) == 0 ? rows : -E_SYSTEM;
}

/* @return 1: something was rolled up, and there may be more; 0; -E_SYSTEM. */
static int roll_up(struct backend_handle *handle, int64_t hours_secs, unsigned limit)
{
	sqlite3_stmt *oldest = sqlite_statement(handle, ST_HOUR_OLDEST);
	int64_t day = 0;
	int code = oldest != NULL ? number(handle, oldest, &day) : -E_SYSTEM, rows;

	if (code != 0)
		return code == -E_ABSENT ? 0 : code;
	day -= day % DAY_SECS;
	if (day + DAY_SECS > hours_secs)
		return 0;
	if (sqlite_begin(handle) != 0)
		return -E_SYSTEM;
	rows = roll(handle, day, limit);
	if (rows < 0 || sqlite_commit(handle) != 0) {
		sqlite_rollback(handle);
		return -E_SYSTEM;
	}
	return 1;
}

/* ---- too many kinds a day ---------------------------------------------------------------------------------------- */

struct victim { int64_t kind; struct flow_span counts; const char *action; bool enforced; };

/* The kinds of fewest messages, but for those that stand for others already. @return how many, or -E_SYSTEM. */
static int find_victims(struct backend_handle *handle, int64_t day, unsigned limit, struct arena *arena, struct victim *victims_r)
{
	sqlite3_stmt *statement = sqlite_statement(handle, ST_DAY_SMALLEST);
	const char *texts[FLOW_PARTS] = { NULL };
	int count = 0, code;

	if (statement == NULL)
		return -E_SYSTEM;
	sqlite3_bind_int64(statement, 1, day);
	sqlite3_bind_int64(statement, 2, limit);
	while ((code = sqlite_step_row(handle, statement)) == 0 && count < (int)limit) {
		struct victim *victim = &victims_r[count];
		struct flow_row row;

		texts[PART_OUTCOME] = (const char *)sqlite3_column_text(statement, 4);
		flow_parts_read(texts, arena, &row);
		*victim = (struct victim){ .kind = sqlite3_column_int64(statement, 0), .action = row.action, .enforced = row.enforced,
			.counts = { .messages = (uint64_t)sqlite3_column_int64(statement, 1),
			.bytes = (uint64_t)sqlite3_column_int64(statement, 2), .sessions = (uint64_t)sqlite3_column_int64(statement, 3) } };
		count += !row.other;
	}
	sqlite3_reset(statement);
	return code == -E_SYSTEM ? code : count;
}

static int fold(struct backend_handle *handle, int64_t day, const struct victim *victims, int count)
{
	sqlite3_stmt *gone = sqlite_statement(handle, ST_DAY_DELETE);

	if (gone == NULL)
		return -E_SYSTEM;
	for (int i = 0; i < count; i++) {
		const struct flow_note other = { .action = victims[i].action, .enforced = victims[i].enforced,
			.evidence = STORE_EVIDENCE_OTHER };
		int64_t kind;

		sqlite3_bind_int64(gone, 1, day);
		sqlite3_bind_int64(gone, 2, victims[i].kind);
		if (sqlite_step_done(handle, gone) != 0 || sqlite_kind_id(handle, &other, &kind) != 0 ||
		    sqlite_flow_put(handle, ST_DAY_ADD, day, kind, &victims[i].counts) != 0)
			return -E_SYSTEM;
	}
	return count;
}

/* Within a transaction: as many as are too many, at most limit; none: the day is done with. @return rows folded, or -E_SYSTEM. */
static int fold_some(struct backend_handle *handle, int64_t day, unsigned kinds_max, unsigned limit)
{
	sqlite3_stmt *counted = sqlite_statement(handle, ST_DAY_KINDS), *done = sqlite_statement(handle, ST_CROWD_DELETE);
	struct arena *arena;
	struct victim *victims;
	int64_t kinds;
	int count = 0;

	if (counted == NULL || done == NULL)
		return -E_SYSTEM;
	sqlite3_bind_int64(counted, 1, day);
	if (number(handle, counted, &kinds) != 0)
		return -E_SYSTEM;
	if (kinds_max != 0 && kinds > (int64_t)kinds_max) {
		limit = kinds - kinds_max < (int64_t)limit ? (unsigned)(kinds - kinds_max) : limit;
		arena = arena_new();
		victims = arena_calloc(arena, limit, sizeof(*victims));
		count = find_victims(handle, day, limit, arena, victims);
		count = count > 0 ? fold(handle, day, victims, count) : count;
		arena_free(&arena);
	}
	if (count != 0)
		return count;
	sqlite3_bind_int64(done, 1, day);
	return sqlite_step_done(handle, done) == 0 ? 0 : -E_SYSTEM;
}

/* A day is looked at once no hours of it are left. @return 1: one was, and there may be more to do; 0; -E_SYSTEM. */
static int fold_day(struct backend_handle *handle, unsigned kinds_max, unsigned limit, unsigned *folded_r)
{
	sqlite3_stmt *next = sqlite_statement(handle, ST_CROWD_NEXT);
	int64_t day = 0;
	int code = next != NULL ? number(handle, next, &day) : -E_SYSTEM, rows;

	*folded_r = 0;
	if (code != 0)
		return code == -E_ABSENT ? 0 : code;
	if (sqlite_begin(handle) != 0)
		return -E_SYSTEM;
	rows = fold_some(handle, day, kinds_max, limit);
	if (rows < 0 || sqlite_commit(handle) != 0) {
		sqlite_rollback(handle);
		return -E_SYSTEM;
	}
	*folded_r = (unsigned)rows;
	return 1;
}

/* ---- what nothing refers to -------------------------------------------------------------------------------------- */

/* @return 1: as many as may be went, so there may be more; 0; -E_SYSTEM. */
static int sweep(struct backend_handle *handle, enum sqlite_statement which, unsigned limit)
{
	sqlite3_stmt *statement = sqlite_statement(handle, which);
	unsigned rows;

	if (statement == NULL)
		return -E_SYSTEM;
	sqlite3_bind_int64(statement, 1, limit);
	if (sqlite_step_done(handle, statement) != 0)
		return -E_SYSTEM;
	rows = (unsigned)sqlite3_changes(handle->db);
	if (rows != 0)
		sqlite_flows_forget(handle);
	return rows >= limit;
}

int sqlite_rollup(struct backend_handle *handle, int64_t hours_secs, unsigned kinds_max, unsigned limit, unsigned *folded_r)
{
	int rolled = roll_up(handle, hours_secs, limit), folded = rolled >= 0 ? fold_day(handle, kinds_max, limit, folded_r) : -1;
	int kinds = folded >= 0 ? sweep(handle, ST_KIND_SWEEP, limit) : -1, parts = kinds >= 0 ? sweep(handle, ST_PART_SWEEP, limit) : -1;

	if (parts < 0)
		return -E_SYSTEM;
	return rolled > 0 || folded > 0 || kinds > 0 || parts > 0;
}
