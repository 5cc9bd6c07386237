/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Shapes and traces in PostgreSQL. Traces are packed as in SQLite, on the writer's thread. Trusts nothing of a row: one that cannot
 * be unpacked is told as such. Thread: the handle's.
 */
#include "record/pg_internal.h"

#include <stdlib.h>
#include <string.h>

#include "record/trace_pack.h"
#include "util/error.h"

enum { ROW_BYTES = 160 };	/* as in SQLite: what a row takes beside its data */

int pg_shape_put(struct backend_handle *handle, const char *key, const char *text, int64_t time_secs)
{
	static const struct pg_sql put = { "tti", "INSERT INTO shape(key,questions,noted) VALUES($1,$2,$3) ON CONFLICT(key) DO UPDATE SET "
	    "questions=excluded.questions,noted=excluded.noted" };
	struct pg_call call;

	pg_call_begin(&call, handle, &put);
	pg_key(&call, key);
	pg_text(&call, text);
	pg_number(&call, time_secs);
	return pg_run_later(&call);
}

struct shapes { backend_shape_each *each; void *arg; };

static int shape_row(void *arg, const struct pg_row *row)
{
	const struct shapes *shapes = arg;

	shapes->each(shapes->arg, pg_row_text(row, 0), pg_row_text(row, 1), pg_row_number(row, 2));
	return 0;
}

int pg_shapes_each(struct backend_handle *handle, size_t limit, backend_shape_each *each, void *arg)
{
	static const struct pg_sql last = { "i", "SELECT key,questions,noted FROM shape ORDER BY noted DESC LIMIT $1" };
	struct shapes shapes = { each, arg };
	struct pg_call call;

	pg_call_begin(&call, handle, &last);
	pg_number(&call, limit > INT32_MAX ? INT32_MAX : (int64_t)limit);
	return pg_each(&call, shape_row, &shapes);
}

int pg_trace_put(struct backend_handle *handle, const struct trace_note *note)
{
	static const struct pg_sql put = { "ttiiib", "INSERT INTO trace(reference,queue_id,time,bytes,length,data) VALUES($1,$2,$3,$4,$5,$6)" };
	size_t length = strlen(note->text), bytes;
	struct pg_call call;
	const void *data;

	if (length > STORE_TRACE_BYTES)
		return 0;	/* none of ours is so long; unpacking would refuse it */
	if (handle->packer == NULL)
		handle->packer = trace_packer_new();
	data = trace_pack(handle->packer, note->text, length, &bytes);
	pg_call_begin(&call, handle, &put);
	pg_key(&call, note->reference);
	pg_key(&call, note->queue_id);
	pg_number(&call, note->time_secs);
	pg_number(&call, (int64_t)bytes + ROW_BYTES);
	pg_number(&call, (int64_t)length);
	pg_octets(&call, data, bytes);
	return pg_run_later(&call);
}

struct traces { store_trace_each_f *each; void *arg; size_t count; };

static int trace_row(void *arg, const struct pg_row *row)
{
	struct traces *traces = arg;
	size_t bytes;
	const void *data = pg_row_octets(row, 4, &bytes);
	char *text = trace_unpack(data, bytes, pg_row_number(row, 3));
	const struct trace_note trace = { .reference = pg_row_text(row, 0), .queue_id = pg_row_text(row, 1),
		.time_secs = pg_row_number(row, 2), .text = text };

	traces->each(traces->arg, &trace);
	traces->count++;
	free(text);
	return 0;
}

int pg_traces_each(struct backend_handle *handle, enum store_trace_by by, const char *key, size_t limit,
    store_trace_each_f *each, void *arg)
{
	static const struct pg_sql by_reference = { "ti", "SELECT reference,queue_id,time,length,data FROM trace WHERE reference=$1 "
	    "ORDER BY id DESC LIMIT $2" };
	static const struct pg_sql by_queue_id = { "ti", "SELECT reference,queue_id,time,length,data FROM trace WHERE queue_id=$1 AND queue_id<>'' "
	    "ORDER BY id DESC LIMIT $2" };
	struct traces traces = { .each = each, .arg = arg };
	struct pg_call call;
	int code;

	pg_call_begin(&call, handle, by == STORE_TRACE_BY_REFERENCE ? &by_reference : &by_queue_id);
	pg_key(&call, key);
	pg_number(&call, limit > INT32_MAX ? INT32_MAX : (int64_t)limit);
	code = pg_each(&call, trace_row, &traces);
	return code == 0 && traces.count == 0 ? -E_ABSENT : code;
}
