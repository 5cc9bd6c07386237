/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Aggregate reports in PostgreSQL (the tables are told in sqlite_schema_steps.h, what adds to them in pg_schema_flows.h). Who adds and
 * who freezes are one after the other, since both take the writer's turn: nothing comes to a report that has its names.
 * Trusts nothing of the database's values but their types. Thread: the handle's.
 */
#include "record/pg_internal.h"

#include <stdio.h>
#include <string.h>

#include "util/error.h"

enum { DAY_SECS = 86400 };

/* assay_dmarc_add() has it as a number */
_Static_assert(DMARC_POLICIES_MAX == 24, "assay_dmarc_add() of the schema allows 24 policies");

static int dmarc_add(struct backend_handle *handle, const struct dmarc_note *note, const struct dmarc_rules *rules)
{
	static const struct pg_sql sql = { "ittttiiitt", "SELECT assay_dmarc_add($1,$2,$3,$4,$5,$6,$7,$8,$9::uuid,$10::uuid)" };
	const char *const texts[] = { note->domain, note->policy, note->rua };
	char place[PG_HASH_BYTES], row[PG_HASH_BYTES];
	struct pg_call call;

	pg_call_begin(&call, handle, &sql);
	pg_hash(handle->texts, texts, 3, place);
	pg_hash(handle->texts, &note->row, 1, row);
	pg_number(&call, note->time_secs / DAY_SECS);
	for (int i = 0; i < 3; i++)
		pg_text(&call, texts[i]);
	pg_text(&call, note->row);
	pg_number(&call, (int64_t)note->messages);
	pg_number(&call, rules->rows_max);
	pg_number(&call, rules->report_rows_max);
	pg_text(&call, place);
	pg_text(&call, row);
	return handle->in_transaction ? pg_run_later(&call) : pg_run(&call, NULL);
}

static void copy_name(char name_r[DMARC_NAME_BYTES], const struct pg_row *row, int column)
{
	snprintf(name_r, DMARC_NAME_BYTES, "%s", pg_row_text(row, column));
}

struct reading {
	dmarc_policy_each_f *policy;
	dmarc_row_each_f *row;
	void *arg;
};

static int policy_row(void *arg, const struct pg_row *from)
{
	const struct reading *reading = arg;
	struct dmarc_policy_row row = { .id = pg_row_number(from, 0), .day = pg_row_number(from, 1), .domain = pg_row_text(from, 2),
		.policy = pg_row_text(from, 3), .rua = pg_row_text(from, 4), .rows = (uint64_t)pg_row_number(from, 5),
		.lost = (uint64_t)pg_row_number(from, 6) };

	copy_name(row.names.report_id, from, 7);
	copy_name(row.names.file, from, 8);
	reading->policy(reading->arg, &row);
	return 0;
}

static int dmarc_each(struct backend_handle *handle, int64_t day, int64_t before_day, dmarc_policy_each_f *each, void *arg)
{
	static const struct pg_sql sql = { "ii", "SELECT id,day,domain,policy,rua,rows,lost,report_id,file FROM dmarc_policy "
	    "WHERE closed=0 AND day<$2 AND ($1<0 OR day=$1) ORDER BY day,domain,id" };
	struct reading reading = { .policy = each, .arg = arg };
	struct pg_call call;

	pg_call_begin(&call, handle, &sql);
	pg_number(&call, day);
	pg_number(&call, before_day);
	return pg_each(&call, policy_row, &reading);
}

static int row_row(void *arg, const struct pg_row *from)
{
	const struct reading *reading = arg;

	reading->row(reading->arg, pg_row_text(from, 0), (uint64_t)pg_row_number(from, 1));
	return 0;
}

static int dmarc_rows_each(struct backend_handle *handle, int64_t policy, size_t limit, dmarc_row_each_f *each, void *arg)
{
	static const struct pg_sql sql = { "ii", "SELECT row,messages FROM dmarc_row WHERE policy=$1 ORDER BY messages DESC,row LIMIT $2" };
	struct reading reading = { .row = each, .arg = arg };
	struct pg_call call;

	pg_call_begin(&call, handle, &sql);
	pg_number(&call, policy);
	pg_number(&call, limit > INT32_MAX ? INT32_MAX : (int64_t)limit);
	return pg_each(&call, row_row, &reading);
}

static int dmarc_freeze(struct backend_handle *handle, int64_t policy, struct dmarc_names *names)
{
	static const struct pg_sql freeze = { "itt", "UPDATE dmarc_policy SET report_id=$2,file=$3 WHERE id=$1 AND report_id=''" };
	static const struct pg_sql get = { "i", "SELECT report_id,file,lost FROM dmarc_policy WHERE id=$1 AND closed=0" };
	struct pg_call call;
	struct pg_row row;
	int code;

	if (names->report_id[0] != '\0') {
		pg_call_begin(&call, handle, &freeze);
		pg_number(&call, policy);
		pg_text(&call, names->report_id);
		pg_text(&call, names->file);
		if (pg_run(&call, NULL) != 0)
			return -E_SYSTEM;
	}
	pg_call_begin(&call, handle, &get);
	pg_number(&call, policy);
	code = pg_get(&call, &row);
	if (code == 0) {
		copy_name(names->report_id, &row, 0);
		copy_name(names->file, &row, 1);
		names->lost = (uint64_t)pg_row_number(&row, 2);
	}
	return code;
}

static int dmarc_delivery_get(struct backend_handle *handle, int64_t policy, const char *address, struct dmarc_delivery *delivery_r)
{
	static const struct pg_sql sql = { "it", "SELECT state,tries,next,claimed FROM dmarc_delivery WHERE policy=$1 AND address=$2" };
	struct pg_call call;
	struct pg_row row;
	int code;

	pg_call_begin(&call, handle, &sql);
	pg_number(&call, policy);
	pg_text(&call, address);
	code = pg_get(&call, &row);
	if (code == 0)
		*delivery_r = (struct dmarc_delivery){ .state = (enum dmarc_delivery_state)pg_row_number(&row, 0),
			.tries = (unsigned)pg_row_number(&row, 1), .next_secs = pg_row_number(&row, 2),
			.claimed_secs = pg_row_number(&row, 3) };
	return code;
}

static int dmarc_delivery_put(struct backend_handle *handle, int64_t policy, const char *address, const struct dmarc_delivery *delivery)
{
	static const struct pg_sql sql = { "itiiii", "INSERT INTO dmarc_delivery(policy,address,state,tries,next,claimed) "
	    "VALUES($1,$2,$3,$4,$5,$6) ON CONFLICT(policy,address) DO UPDATE SET state=excluded.state,tries=excluded.tries,"
	    "next=excluded.next,claimed=excluded.claimed" };
	struct pg_call call;

	pg_call_begin(&call, handle, &sql);
	pg_number(&call, policy);
	pg_text(&call, address);
	pg_number(&call, (int64_t)delivery->state);
	pg_number(&call, delivery->tries);
	pg_number(&call, delivery->next_secs);
	pg_number(&call, delivery->claimed_secs);
	return pg_run(&call, NULL);
}

/* Runs a statement with one number. @return rows, or -E_SYSTEM. */
static int run_with(struct backend_handle *handle, const struct pg_sql *sql, int64_t number)
{
	struct pg_call call;
	uint64_t rows;

	pg_call_begin(&call, handle, sql);
	pg_number(&call, number);
	return pg_run(&call, &rows) == 0 ? (int)rows : -E_SYSTEM;
}

static const struct pg_sql deliveries_drop = { "i", "DELETE FROM dmarc_delivery WHERE policy=$1" };

static int dmarc_finish(struct backend_handle *handle, int64_t policy)
{
	static const struct pg_sql close = { "i", "UPDATE dmarc_policy SET closed=1 WHERE id=$1" };
	static const struct pg_sql rows = { "i", "DELETE FROM dmarc_row WHERE policy=$1" };

	return run_with(handle, &close, policy) < 0 || run_with(handle, &rows, policy) < 0 ||
	    run_with(handle, &deliveries_drop, policy) < 0 ? -E_SYSTEM : 0;
}

static int dmarc_day_lost(struct backend_handle *handle, int64_t day, uint64_t *lost_r)
{
	static const struct pg_sql sql = { "i", "SELECT lost FROM dmarc_day WHERE day=$1" };
	struct pg_call call;
	struct pg_row row;
	int code;

	*lost_r = 0;
	pg_call_begin(&call, handle, &sql);
	pg_number(&call, day);
	code = pg_get(&call, &row);
	if (code == 0)
		*lost_r = (uint64_t)pg_row_number(&row, 0);
	return code == -E_ABSENT ? 0 : code;
}

/* ---- days that are too old ---------------------------------------------------------------------------------------- */

static const struct pg_sql oldest = { "i", "SELECT id FROM dmarc_policy WHERE day<$1 ORDER BY day LIMIT 1" };
static const struct pg_sql old_day = { "i", "SELECT day FROM dmarc_day WHERE day<$1 LIMIT 1" };

/* A policy goes when its rows are gone. @return rows deleted, or -E_SYSTEM. */
static int expire_policy(struct backend_handle *handle, int64_t policy, unsigned limit)
{
	static const struct pg_sql rows = { "ii", "DELETE FROM dmarc_row WHERE policy=$1 AND hash IN "
	    "(SELECT hash FROM dmarc_row WHERE policy=$1 LIMIT $2)" };
	static const struct pg_sql gone = { "i", "DELETE FROM dmarc_policy WHERE id=$1" };
	struct pg_call call;
	uint64_t deleted;

	pg_call_begin(&call, handle, &rows);
	pg_number(&call, policy);
	pg_number(&call, limit);
	if (pg_run(&call, &deleted) != 0)
		return -E_SYSTEM;
	if (deleted >= limit)
		return (int)deleted;
	return run_with(handle, &deliveries_drop, policy) < 0 || run_with(handle, &gone, policy) < 0 ? -E_SYSTEM : (int)deleted + 1;
}

struct expiring { int64_t before_day; unsigned limit; };

/* Within a transaction. @return rows deleted, or -E_SYSTEM. */
static int expire_some(struct backend_handle *handle, void *arg)
{
	const struct expiring *expiring = arg;
	static const struct pg_sql days = { "i", "DELETE FROM dmarc_day WHERE day<$1" };
	unsigned deleted = 0;
	int code = 0, rows;

	while (deleted < expiring->limit) {
		struct pg_call call;
		struct pg_row row;

		pg_call_begin(&call, handle, &oldest);
		pg_number(&call, expiring->before_day);
		code = pg_get(&call, &row);
		if (code != 0)
			break;
		rows = expire_policy(handle, pg_row_number(&row, 0), expiring->limit - deleted);
		if (rows < 0)
			return -E_SYSTEM;
		deleted += (unsigned)rows;
	}
	if (code == -E_SYSTEM || (code == -E_ABSENT && run_with(handle, &days, expiring->before_day) < 0))
		return -E_SYSTEM;
	return (int)deleted;
}

int pg_dmarc_expire(struct backend_handle *handle, int64_t before_day, unsigned limit)
{
	struct expiring expiring = { before_day, limit };
	struct pg_call call;
	struct pg_row row;
	int code;

	pg_call_begin(&call, handle, &old_day);	/* every policy's day stands there, too */
	pg_number(&call, before_day);
	code = pg_get(&call, &row);
	if (code != 0)
		return code == -E_ABSENT ? 0 : code;
	return pg_transaction(handle, expire_some, &expiring);
}

const struct backend_dmarc pg_dmarc = {
	.add = dmarc_add,
	.each = dmarc_each,
	.rows_each = dmarc_rows_each,
	.freeze = dmarc_freeze,
	.delivery_get = dmarc_delivery_get,
	.delivery_put = dmarc_delivery_put,
	.finish = dmarc_finish,
	.day_lost = dmarc_day_lost,
};
