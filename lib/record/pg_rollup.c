/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Flows that become fewer, as sqlite_rollup.c does it, and those that are too old or too many. Each step is a transaction, so that
 * sums hold whatever becomes of the process in between, and one host at a time (pg_begin()); that a day has to be looked at stands in
 * the database, so any of them may go on where another has stopped. Thread: the handle's.
 */
#include "record/pg_internal.h"

#include <stdlib.h>
#include <string.h>

#include "record/flow_parts.h"
#include "util/error.h"

enum { DAY_SECS = 86400, OTHERS_MAX = 64 };	/* actions there are, enforced and not, and to spare */

/* Runs a statement of one or two numbers. @return rows, or the number that it gives; -E_SYSTEM. */
static int run_numbers(struct backend_handle *handle, const struct pg_sql *sql, int64_t first, int64_t second)
{
	struct pg_call call;
	struct pg_row row;
	int code;

	pg_call_begin(&call, handle, sql);
	pg_number(&call, first);
	if (strlen(sql->types) > 1)
		pg_number(&call, second);
	code = pg_get(&call, &row);
	if (code == 0)
		return (int)pg_row_number(&row, 0);
	return code == -E_ABSENT ? atoi(PQcmdTuples(handle->result)) : code;
}

struct numbers { const struct pg_sql *sql; int64_t first, second; };

static int work_numbers(struct backend_handle *handle, void *arg)
{
	const struct numbers *numbers = arg;

	return run_numbers(handle, numbers->sql, numbers->first, numbers->second);
}

/* The same in a transaction of its own. */
static int run_alone(struct backend_handle *handle, const struct pg_sql *sql, int64_t first, int64_t second)
{
	struct numbers numbers = { sql, first, second };

	return pg_transaction(handle, work_numbers, &numbers);
}

/* Deletes flows, and notes their kinds, which may be left without any. Gives how many rows went. */
#define DELETE_FLOWS(table, where) "WITH gone AS (DELETE FROM " table " WHERE " where " RETURNING kind),remembered AS " \
	"(INSERT INTO kind_left SELECT DISTINCT kind FROM gone ON CONFLICT DO NOTHING) SELECT count(*) FROM gone"

/* The number that a statement gives. @return 0, -E_ABSENT, -E_SYSTEM. */
static int number(struct backend_handle *handle, const struct pg_sql *sql, int64_t *number_r)
{
	struct pg_call call;
	struct pg_row row;
	int code;

	pg_call_begin(&call, handle, sql);
	code = pg_get(&call, &row);
	if (code == 0)
		*number_r = pg_row_number(&row, 0);
	return code;
}

/* ---- hours that become a day -------------------------------------------------------------------------------------- */

static const struct pg_sql hour_oldest = { "", "SELECT hour FROM flow ORDER BY hour LIMIT 1" };

struct rolling { int64_t hours_secs; unsigned limit; };

/* Within a transaction. @return 1: something was rolled up, and there may be more; 0; -E_SYSTEM. */
static int roll(struct backend_handle *handle, void *arg)
{
	const struct rolling *rolling = arg;
	static const struct pg_sql roll_some = { "ii", "WITH gone AS (DELETE FROM flow WHERE (hour,kind) IN "
	    "(SELECT hour,kind FROM flow WHERE hour<$1+86400 ORDER BY hour,kind LIMIT $2) RETURNING kind,messages,bytes,sessions) "
	    "INSERT INTO flow_day(day,kind,messages,bytes,sessions) SELECT $1,kind,sum(messages),sum(bytes),sum(sessions) FROM gone "
	    "GROUP BY kind ON CONFLICT(day,kind) DO UPDATE SET messages=flow_day.messages+excluded.messages,"
	    "bytes=flow_day.bytes+excluded.bytes,sessions=flow_day.sessions+excluded.sessions" };
	static const struct pg_sql crowd = { "i", "INSERT INTO crowded(day) VALUES($1) ON CONFLICT DO NOTHING" };
	int64_t day = 0;
	int code = number(handle, &hour_oldest, &day);

	if (code != 0)
		return code == -E_ABSENT ? 0 : code;
	day -= day % DAY_SECS;
	if (day + DAY_SECS > rolling->hours_secs)
		return 0;	/* another host has done it */
	return run_numbers(handle, &roll_some, day, rolling->limit) < 0 || run_numbers(handle, &crowd, day, 0) < 0 ? -E_SYSTEM : 1;
}

int pg_rollup(struct backend_handle *handle, int64_t hours_secs, unsigned limit)
{
	struct rolling rolling = { hours_secs, limit };
	int64_t hour = 0;
	int code = number(handle, &hour_oldest, &hour);

	if (code != 0)
		return code == -E_ABSENT ? 0 : code;
	if (hour - hour % DAY_SECS + DAY_SECS > hours_secs)
		return 0;
	return pg_transaction(handle, roll, &rolling);
}

/* ---- too many kinds a day ---------------------------------------------------------------------------------------- */

/* What the kinds that go come to, by action. */
struct folding {
	struct arena *arena, *row_arena;
	struct { const char *action; bool enforced; struct flow_span counts; } others[OTHERS_MAX];
	unsigned other_count, count, limit;
	struct buf kinds;		/* their ids */
	bool unknown;			/* more actions than there is room for: those stay */
};

static int victim_row(void *arg, const struct pg_row *from)
{
	struct folding *folding = arg;
	const char *texts[FLOW_PARTS] = { [PART_OUTCOME] = pg_row_text(from, 4) };
	struct flow_row row = { 0 };
	unsigned at = 0;

	arena_reset(folding->row_arena);
	flow_parts_read(texts, folding->row_arena, &row);
	if (row.other || folding->count == folding->limit)
		return 0;
	while (at < folding->other_count && (strcmp(folding->others[at].action, row.action) != 0 ||
	    folding->others[at].enforced != row.enforced))
		at++;
	if (at == OTHERS_MAX)
		return 0;
	if (at == folding->other_count) {
		folding->others[at].action = arena_strdup(folding->arena, row.action);
		folding->others[at].enforced = row.enforced;
		folding->other_count++;
	}
	folding->others[at].counts.messages += (uint64_t)pg_row_number(from, 1);
	folding->others[at].counts.bytes += (uint64_t)pg_row_number(from, 2);
	folding->others[at].counts.sessions += (uint64_t)pg_row_number(from, 3);
	pg_list_number(&folding->kinds, pg_row_number(from, 0));
	folding->count++;
	return 0;
}

/* The kinds of fewest messages, but for those that stand for others already, become those. @return how many, or -E_SYSTEM. */
static int fold(struct backend_handle *handle, int64_t day, struct folding *folding)
{
	/* some more than asked for, because a few are passed over */
	static const struct pg_sql smallest = { "ii", "SELECT d.kind,d.messages,d.bytes,d.sessions,p.text FROM "
	    "(SELECT kind,messages,bytes,sessions FROM flow_day WHERE day=$1 ORDER BY messages,bytes,kind LIMIT $2+64) AS d "
	    "LEFT JOIN kind AS k ON k.id=d.kind LEFT JOIN part AS p ON p.id=k.outcome ORDER BY 2,3,1" };
	static const struct pg_sql gone = { "it", DELETE_FLOWS("flow_day", "day=$1 AND kind=ANY($2::bigint[])") };
	struct pg_call call;

	pg_call_begin(&call, handle, &smallest);
	pg_number(&call, day);
	pg_number(&call, folding->limit);
	if (pg_each(&call, victim_row, folding) != 0)
		return -E_SYSTEM;
	if (folding->count == 0)
		return 0;
	pg_call_begin(&call, handle, &gone);
	pg_number(&call, day);
	pg_list(&call, &folding->kinds);
	if (pg_run(&call, NULL) != 0)
		return -E_SYSTEM;
	for (unsigned i = 0; i < folding->other_count; i++) {
		const struct flow_note other = { .action = folding->others[i].action, .enforced = folding->others[i].enforced,
			.evidence = STORE_EVIDENCE_OTHER };

		folding->others[i].counts.from_secs = day;
		if (pg_flow_put(handle, &other, &folding->others[i].counts, true) != 0)
			return -E_SYSTEM;
	}
	return (int)folding->count;
}

static const struct pg_sql crowd_next = { "", "SELECT day FROM crowded WHERE NOT EXISTS(SELECT 1 FROM flow WHERE hour>=crowded.day AND "
    "hour<crowded.day+86400) ORDER BY day LIMIT 1" };

struct folding_wish { unsigned kinds_max, limit; };

/* Within a transaction: as many as are too many, at most limit; none: the day is done with. @return rows folded, or -E_SYSTEM. */
static int fold_some(struct backend_handle *handle, void *arg)
{
	const struct folding_wish *wish = arg;
	static const struct pg_sql counted = { "i", "SELECT count(*) FROM flow_day WHERE day=$1" };
	static const struct pg_sql done = { "i", "DELETE FROM crowded WHERE day=$1" };
	struct folding folding = { .limit = wish->limit };
	struct pg_call call;
	struct pg_row row;
	int64_t day = 0, kinds;
	int count = 0, code = number(handle, &crowd_next, &day);

	if (code != 0)
		return code == -E_ABSENT ? 0 : code;	/* another host has done it */
	pg_call_begin(&call, handle, &counted);
	pg_number(&call, day);
	if (pg_get(&call, &row) != 0)
		return -E_SYSTEM;
	kinds = pg_row_number(&row, 0);
	if (wish->kinds_max != 0 && kinds > (int64_t)wish->kinds_max) {
		folding.limit = kinds - wish->kinds_max < (int64_t)wish->limit ? (unsigned)(kinds - wish->kinds_max) : wish->limit;
		folding.arena = arena_new();
		folding.row_arena = arena_new();
		folding.kinds = pg_list_begin(folding.arena);
		count = fold(handle, day, &folding);
		arena_free(&folding.arena);
		arena_free(&folding.row_arena);
	}
	return count != 0 ? count : run_numbers(handle, &done, day, 0) < 0 ? -E_SYSTEM : 0;
}

int pg_fold(struct backend_handle *handle, unsigned kinds_max, unsigned limit, unsigned *folded_r)
{
	struct folding_wish wish = { kinds_max, limit };
	int64_t day = 0;
	int code = number(handle, &crowd_next, &day), rows;

	*folded_r = 0;
	if (code != 0)
		return code == -E_ABSENT ? 0 : code;
	rows = pg_transaction(handle, fold_some, &wish);
	if (rows < 0)
		return -E_SYSTEM;
	*folded_r = (unsigned)rows;
	return 1;
}

/* ---- what nothing refers to --------------------------------------------------------------------------------------- */

int pg_sweep(struct backend_handle *handle, unsigned limit)
{
	static const struct pg_sql unused = { "", "SELECT (EXISTS(SELECT 1 FROM kind_left) OR EXISTS(SELECT 1 FROM part WHERE kinds=0))::int" };
	static const struct pg_sql kinds = { "i", "WITH left_ AS (DELETE FROM kind_left WHERE kind IN (SELECT kind FROM kind_left ORDER BY kind "
	    "LIMIT $1) RETURNING kind),gone AS (DELETE FROM kind USING left_ WHERE kind.id=left_.kind AND NOT EXISTS(SELECT 1 FROM flow WHERE "
	    "flow.kind=left_.kind) AND NOT EXISTS(SELECT 1 FROM flow_day WHERE flow_day.kind=left_.kind)) SELECT count(*) FROM left_" };
	static const struct pg_sql parts = { "i", "DELETE FROM part WHERE id IN (SELECT id FROM part WHERE kinds=0 ORDER BY id LIMIT $1)" };
	int64_t sweep = 0;
	int gone, more;

	if (number(handle, &unused, &sweep) != 0)
		return -E_SYSTEM;
	if (sweep == 0)
		return 0;
	gone = run_alone(handle, &kinds, limit, 0);
	more = gone >= 0 ? run_alone(handle, &parts, limit, 0) : gone;
	return more < 0 ? more : gone > more ? gone : more;
}

/* ---- too old, or too many ----------------------------------------------------------------------------------------- */

/* Runs what there is something to do for. @return rows, or -E_SYSTEM. */
static int expire_some(struct backend_handle *handle, const struct pg_sql *probe, const struct pg_sql *sql, int64_t before_secs,
    unsigned limit)
{
	struct pg_call call;
	struct pg_row row;
	int code;

	pg_call_begin(&call, handle, probe);
	pg_number(&call, before_secs);
	code = pg_get(&call, &row);
	if (code != 0)
		return code == -E_ABSENT ? 0 : code;
	return run_alone(handle, sql, before_secs, limit);
}

int pg_flows_expire(struct backend_handle *handle, int64_t before_secs, unsigned limit)
{
	static const struct { struct pg_sql probe, sql; } tables[] = {
		{ { "i", "SELECT 1 FROM flow WHERE hour<$1 LIMIT 1" },
		    { "ii", DELETE_FLOWS("flow", "(hour,kind) IN (SELECT hour,kind FROM flow WHERE hour<$1 ORDER BY hour,kind LIMIT $2)") } },
		{ { "i", "SELECT 1 FROM flow_day WHERE day<=$1-86400 LIMIT 1" },
		    { "ii", DELETE_FLOWS("flow_day", "(day,kind) IN (SELECT day,kind FROM flow_day WHERE day<=$1-86400 ORDER BY day,kind LIMIT $2)") } },
		{ { "i", "SELECT 1 FROM flow_plain WHERE hour<$1 LIMIT 1" },
		    { "ii", "DELETE FROM flow_plain WHERE id IN (SELECT id FROM flow_plain WHERE hour<$1 LIMIT $2)" } },
		{ { "i", "SELECT 1 FROM flow_old WHERE hour<$1 LIMIT 1" },
		    { "ii", "DELETE FROM flow_old WHERE id IN (SELECT id FROM flow_old WHERE hour<$1 LIMIT $2)" } },
	};
	int most = 0;

	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
		int rows = expire_some(handle, &tables[i].probe, &tables[i].sql, before_secs, limit);

		if (rows < 0)
			return rows;
		most = rows > most ? rows : most;
	}
	return most;
}

int pg_flows_trim(struct backend_handle *handle, unsigned max, unsigned limit)
{
	/* rows of before, which go first, are counted by their ids, which count up */
	static const struct pg_sql totals = { "", "SELECT hours+days+(SELECT coalesce(max(id)-min(id)+1,0) FROM flow_old)+"
	    "(SELECT coalesce(max(id)-min(id)+1,0) FROM flow_plain) "
	    "FROM flow_total" };
	static const struct pg_sql tables[] = {
		{ "i", "DELETE FROM flow_old WHERE id IN (SELECT id FROM flow_old ORDER BY id LIMIT $1)" },
		{ "i", "DELETE FROM flow_plain WHERE id IN (SELECT id FROM flow_plain ORDER BY id LIMIT $1)" },
		{ "i", DELETE_FLOWS("flow_day", "(day,kind) IN (SELECT day,kind FROM flow_day ORDER BY day,kind LIMIT $1)") },
		{ "i", DELETE_FLOWS("flow", "(hour,kind) IN (SELECT hour,kind FROM flow ORDER BY hour,kind LIMIT $1)") },
	};
	int64_t count = 0, many;
	int gone = 0;

	if (max == 0)
		return 0;
	if (number(handle, &totals, &count) != 0)
		return -E_SYSTEM;
	many = count > (int64_t)max ? count - (int64_t)max : 0;
	many = many < (int64_t)limit ? many : (int64_t)limit;
	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]) && gone < many; i++) {
		int rows = run_alone(handle, &tables[i], many - gone, 0);

		if (rows < 0)
			return rows;
		gone += rows;
	}
	return gone;
}
