/* SPDX-License-Identifier: BSD-2-Clause */
/* Brakes in PostgreSQL, as in SQLite (sqlite_brakes.c). Trusts nothing of what is read. Thread: the handle's. */
#include "record/pg_internal.h"

enum { VERSION_BRAKES = 9 };

struct brakes_reading { store_brake_each_f *each; void *arg; };

static int brake_row(void *arg, const struct pg_row *row)
{
	const struct brakes_reading *reading = arg;
	const struct brake_row brake = { .policy = pg_row_text(row, 0), .finding = pg_row_text(row, 1), .since_secs = pg_row_number(row, 2),
		.lifted_secs = pg_row_number(row, 3), .held = (uint64_t)pg_row_number(row, 4), .wanted = (uint64_t)pg_row_number(row, 5) };

	reading->each(reading->arg, &brake);
	return 0;
}

int pg_brakes_each(struct backend_handle *handle, store_brake_each_f *each, void *arg)
{
	static const struct pg_sql all = { "", "SELECT policy,finding,since,lifted,held,wanted FROM brake ORDER BY policy,finding,since" };
	struct brakes_reading reading = { each, arg };
	struct pg_call call;

	if (handle->version < VERSION_BRAKES)
		return 0;
	pg_call_begin(&call, handle, &all);
	return pg_all(&call, brake_row, &reading);
}

int pg_brake_put(struct backend_handle *handle, const struct brake_row *row)
{
	static const struct pg_sql put = { "ttiiii", "INSERT INTO brake(policy,finding,since,lifted,held,wanted) VALUES($1,$2,$3,$4,$5,$6) "
	    "ON CONFLICT(policy,finding,since) DO UPDATE SET lifted=excluded.lifted" };
	struct pg_call call;

	pg_call_begin(&call, handle, &put);
	pg_key(&call, row->policy);
	pg_key(&call, row->finding);
	pg_number(&call, row->since_secs);
	pg_number(&call, row->lifted_secs);
	pg_number(&call, (int64_t)row->held);
	pg_number(&call, (int64_t)row->wanted);
	return pg_run(&call, NULL);
}
