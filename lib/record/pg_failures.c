/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Failures to report, as sqlite_failures.c has them: one row for those of a UTC day and domain that are alike. Whoever takes one up
 * takes the writer's turn, so that two hosts never take up the same. Trusts the notes. Thread: the handle's.
 */
#include "record/pg_internal.h"

#include "util/arena.h"
#include "util/error.h"

enum { DAY_SECS = 86400, SENT = 1, GIVEN_UP = 2 };

static int64_t day_of(int64_t secs)
{
	return secs - secs % DAY_SECS;
}

static void failure_hash(struct backend_handle *handle, const struct failure_note *note, char hash_r[PG_HASH_BYTES])
{
	pg_hash(handle->texts, (const char *const[]){ note->domain, note->alike }, 2, hash_r);
}

/* What a note comes to: one more of a failure that is there, a new one, or one beyond what there is room for. */
enum place { PLACE_THERE, PLACE_NEW, PLACE_BEYOND };

/* One trip to the server, after which nothing has to be waited for. @return enum place, or -E_SYSTEM. */
static int place_find(struct backend_handle *handle, const struct failure_note *note)
{
	static const struct pg_sql sql = { "itt", "SELECT EXISTS(SELECT 1 FROM failure WHERE day=$1 AND hash=$3::uuid),"
	    "coalesce((SELECT reports FROM failure_day WHERE day=$1 AND domain=$2),0),"
	    "coalesce((SELECT reports FROM failure_day WHERE day=$1 AND domain=''),0)" };
	char hash[PG_HASH_BYTES];
	struct pg_call call;
	struct pg_row row;

	pg_call_begin(&call, handle, &sql);
	failure_hash(handle, note, hash);
	pg_number(&call, day_of(note->time_secs));
	pg_text(&call, note->domain);
	pg_text(&call, hash);
	if (pg_get(&call, &row) != 0)
		return -E_SYSTEM;
	if (pg_row_number(&row, 0) != 0)
		return PLACE_THERE;
	return pg_row_number(&row, 1) < (int64_t)note->domain_max && pg_row_number(&row, 2) < (int64_t)note->day_max ? PLACE_NEW : PLACE_BEYOND;
}

static int add_again(struct backend_handle *handle, const struct failure_note *note)
{
	static const struct pg_sql sql = { "iit", "UPDATE failure SET incidents=incidents+1,last=greatest(last,$2) WHERE day=$1 AND hash=$3::uuid" };
	char hash[PG_HASH_BYTES];
	struct pg_call call;

	pg_call_begin(&call, handle, &sql);
	failure_hash(handle, note, hash);
	pg_number(&call, day_of(note->time_secs));
	pg_number(&call, note->time_secs);
	pg_text(&call, hash);
	return pg_run_later(&call);
}

static int add_new(struct backend_handle *handle, const struct failure_note *note)
{
	static const struct pg_sql sql = { "iitttttt", "INSERT INTO failure(day,domain,alike,first,last,incidents,state,tries,due,ruf,fields,"
	    "header,hash) VALUES($1,$3,$4,$2,$2,1,0,0,0,$5,$6,$7,$8::uuid)" };
	const char *const texts[] = { note->domain, note->alike, note->ruf, note->fields, note->header };
	char hash[PG_HASH_BYTES];
	struct pg_call call;

	pg_call_begin(&call, handle, &sql);
	failure_hash(handle, note, hash);
	pg_number(&call, day_of(note->time_secs));
	pg_number(&call, note->time_secs);
	for (int i = 0; i < 5; i++)
		pg_text(&call, texts[i]);
	pg_text(&call, hash);
	return pg_run_later(&call);
}

static int day_add(struct backend_handle *handle, const struct failure_note *note, const char *domain, int reports, int beyond)
{
	static const struct pg_sql sql = { "itii", "INSERT INTO failure_day(day,domain,reports,beyond) VALUES($1,$2,$3,$4) "
	    "ON CONFLICT(day,domain) DO UPDATE SET reports=failure_day.reports+excluded.reports,beyond=failure_day.beyond+excluded.beyond" };
	struct pg_call call;

	pg_call_begin(&call, handle, &sql);
	pg_number(&call, day_of(note->time_secs));
	pg_text(&call, domain);
	pg_number(&call, reports);
	pg_number(&call, beyond);
	return pg_run_later(&call);
}

/* Within a transaction. */
static int failure_add(struct backend_handle *handle, void *arg)
{
	const struct failure_note *note = arg;
	int place = place_find(handle, note), code;

	if (place < 0)
		return place;
	if (place == PLACE_THERE)
		return add_again(handle, note);
	if (place == PLACE_BEYOND)
		return day_add(handle, note, "", 0, 1);
	code = add_new(handle, note);
	if (code == 0)
		code = day_add(handle, note, note->domain, 1, 0);
	return code == 0 ? day_add(handle, note, "", 1, 0) : code;
}

int pg_failure_add(struct backend_handle *handle, const struct failure_note *note)
{
	struct failure_note copy = *note;

	return handle->in_transaction ? failure_add(handle, &copy) : pg_transaction(handle, failure_add, &copy);
}

static struct failure_row row_read(const struct pg_row *row)
{
	return (struct failure_row){
		.id = pg_row_number(row, 0), .first_secs = pg_row_number(row, 1), .last_secs = pg_row_number(row, 2),
		.incidents = (uint64_t)pg_row_number(row, 3), .tries = (unsigned)pg_row_number(row, 4), .domain = pg_row_text(row, 5),
		.ruf = pg_row_text(row, 6), .fields = pg_row_text(row, 7), .header = pg_row_text(row, 8),
	};
}

/* What is due, bound. */
static void due_begin(struct pg_call *call, struct backend_handle *handle, int64_t now_secs, int64_t before_secs, size_t limit)
{
	static const struct pg_sql sql = { "iii", "SELECT id,first,last,incidents,tries,domain,ruf,fields,header FROM failure "
	    "WHERE state=0 AND due<=$1 AND first<=$2 ORDER BY first,id LIMIT $3" };

	pg_call_begin(call, handle, &sql);
	pg_number(call, now_secs);
	pg_number(call, before_secs);
	pg_number(call, limit > INT32_MAX ? INT32_MAX : (int64_t)limit);
}

/* A statement on one row: its id, a number, and a text if it takes one. */
static int row_change(struct backend_handle *handle, const struct pg_sql *sql, int64_t id, int64_t number, const char *text)
{
	struct pg_call call;

	pg_call_begin(&call, handle, sql);
	pg_number(&call, id);
	pg_number(&call, number);
	if (text != NULL)
		pg_text(&call, text);
	return pg_run(&call, NULL);
}

struct taking {
	int64_t now_secs, before_secs, retry_secs;
	struct arena *arena;
	struct failure_row *row;
};

static int failure_take(struct backend_handle *handle, void *arg)
{
	static const struct pg_sql try = { "ii", "UPDATE failure SET tries=tries+1,due=$2 WHERE id=$1" };
	const struct taking *taking = arg;
	struct failure_row *row_r = taking->row;
	struct pg_call call;
	struct pg_row row;
	int code;

	due_begin(&call, handle, taking->now_secs, taking->before_secs, 1);
	code = pg_get(&call, &row);
	if (code != 0)
		return code;
	*row_r = row_read(&row);
	row_r->domain = arena_strdup(taking->arena, row_r->domain);
	row_r->ruf = arena_strdup(taking->arena, row_r->ruf);
	row_r->fields = arena_strdup(taking->arena, row_r->fields);
	row_r->header = arena_strdup(taking->arena, row_r->header);
	return row_change(handle, &try, row_r->id, taking->retry_secs, NULL);
}

int pg_failure_take(struct backend_handle *handle, int64_t now_secs, int64_t before_secs, int64_t retry_secs, struct arena *arena,
    struct failure_row *row_r)
{
	struct taking taking = { now_secs, before_secs, retry_secs, arena, row_r };

	return pg_transaction(handle, failure_take, &taking);
}

struct reading { store_failure_each_f *each; void *arg; };

static int each_row(void *arg, const struct pg_row *from)
{
	const struct reading *reading = arg;
	const struct failure_row row = row_read(from);

	reading->each(reading->arg, &row);
	return 0;
}

int pg_failures_each(struct backend_handle *handle, int64_t now_secs, int64_t before_secs, size_t limit,
    store_failure_each_f *each, void *arg)
{
	struct reading reading = { each, arg };
	struct pg_call call;

	due_begin(&call, handle, now_secs, before_secs, limit);
	return pg_each(&call, each_row, &reading);
}

/* Each a statement that is a transaction: a row that somebody changes just now is changed after that. */
int pg_failure_done(struct backend_handle *handle, int64_t id, bool sent)
{
	static const struct pg_sql sql = { "ii", "UPDATE failure SET state=$2,ruf='',fields='',header='' WHERE id=$1" };

	return row_change(handle, &sql, id, sent ? SENT : GIVEN_UP, NULL);
}

int pg_failure_later(struct backend_handle *handle, int64_t id, const char *ruf_left, int64_t due_secs)
{
	static const struct pg_sql sql = { "iit", "UPDATE failure SET due=$2,ruf=$3 WHERE id=$1 AND state=0" };

	return row_change(handle, &sql, id, due_secs, ruf_left);
}

int pg_failure_counts(struct backend_handle *handle, int64_t day_secs, struct failure_counts *counts_r)
{
	static const struct pg_sql sql = { "i", "SELECT count(*) FILTER (WHERE state=0),count(*) FILTER (WHERE state=1),"
	    "count(*) FILTER (WHERE state=2),coalesce(sum(incidents),0)::bigint,"
	    "coalesce((SELECT beyond FROM failure_day WHERE day=$1 AND domain=''),0) FROM failure WHERE day=$1" };
	uint64_t *const counts[] = { &counts_r->waiting, &counts_r->sent, &counts_r->given_up, &counts_r->incidents, &counts_r->beyond };
	struct pg_call call;
	struct pg_row row;

	*counts_r = (struct failure_counts){ 0 };
	pg_call_begin(&call, handle, &sql);
	pg_number(&call, day_of(day_secs));
	if (pg_get(&call, &row) != 0)
		return -E_SYSTEM;
	for (int i = 0; i < 5; i++)
		*counts[i] = (uint64_t)pg_row_number(&row, i);
	return 0;
}

struct expiring { int64_t before_secs; unsigned limit; };

/* Within a transaction. @return rows deleted of the table of which more went, or -E_SYSTEM. */
static int expire_some(struct backend_handle *handle, void *arg)
{
	const struct expiring *expiring = arg;
	static const struct pg_sql sqls[] = {
		{ "ii", "DELETE FROM failure WHERE id IN (SELECT id FROM failure WHERE day<$1 LIMIT $2)" },
		{ "ii", "DELETE FROM failure_day WHERE (day,domain) IN (SELECT day,domain FROM failure_day WHERE day<$1 LIMIT $2)" },
	};
	int most = 0;

	for (size_t i = 0; i < sizeof(sqls) / sizeof(sqls[0]); i++) {
		struct pg_call call;
		uint64_t rows;

		pg_call_begin(&call, handle, &sqls[i]);
		pg_number(&call, expiring->before_secs);
		pg_number(&call, expiring->limit);
		if (pg_run(&call, &rows) != 0)
			return -E_SYSTEM;
		most = (int)rows > most ? (int)rows : most;
	}
	return most;
}

int pg_failures_expire(struct backend_handle *handle, int64_t before_secs, unsigned limit)
{
	struct expiring expiring = { before_secs, limit };

	return pg_transaction(handle, expire_some, &expiring);
}
