/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Flows written: notes are taken apart (flow_parts.h) and wait in memory until the transaction ends, or there are many; then one
 * question tells which of their kinds are new, parts and kinds that are new are made, and all counts go to their rows, each in one
 * statement. A transaction of two thousand notes takes a few trips to the server. Nothing is kept beyond it: what others have made or
 * let go meanwhile needs no thought. Trusts that nobody else writes during the transaction (pg_begin()), and SHA-256.
 * Thread: the handle's.
 */
#include "record/pg_internal.h"

#include <stdlib.h>
#include <string.h>

#include "record/flow_parts.h"
#include "util/error.h"
#include "util/out_of_memory.h"

enum { FLOWS_MAX = 2000, TEXTS_MAX_BYTES = 4 << 20, HOUR_SECS = 3600 };	/* that wait */

struct waiting_flow {
	const char *texts[FLOW_PARTS];
	struct flow_span counts;
	char hash[PG_HASH_BYTES];
	bool new;
};

struct pg_flows {
	struct arena *arena;		/* texts of those that wait */
	struct arena *scratch;		/* for one flush */
	unsigned count;
	bool days;			/* they go into days, not into hours */
	struct waiting_flow flows[FLOWS_MAX];
};

/* ---- those that wait ---------------------------------------------------------------------------------------------- */

static struct pg_flows *flows_of(struct backend_handle *handle)
{
	if (handle->flows == NULL) {
		handle->flows = calloc(1, sizeof(*handle->flows));
		if (handle->flows == NULL)
			out_of_memory();
		handle->flows->arena = arena_new();
		handle->flows->scratch = arena_new();
	}
	return handle->flows;
}

void pg_flows_forget(struct backend_handle *handle)
{
	if (handle->flows == NULL)
		return;
	handle->flows->count = 0;
	arena_reset(handle->flows->arena);
}

void pg_flows_free(struct backend_handle *handle)
{
	if (handle->flows == NULL)
		return;
	arena_free(&handle->flows->arena);
	arena_free(&handle->flows->scratch);
	free(handle->flows);
	handle->flows = NULL;
}

static int new_row(void *arg, const struct pg_row *row)
{
	struct pg_flows *flows = arg;
	int64_t number = pg_row_number(row, 0);

	if (number >= 1 && number <= (int64_t)flows->count)
		flows->flows[number - 1].new = true;
	return 0;
}

/* Marks those whose kind is not there yet. */
static int find_new(struct backend_handle *handle, struct pg_flows *flows)
{
	static const struct pg_sql sql = { "t", "SELECT n.i FROM unnest($1::uuid[]) WITH ORDINALITY AS n(hash,i) "
	    "WHERE NOT EXISTS(SELECT 1 FROM kind WHERE kind.hash=n.hash)" };
	struct buf hashes = pg_list_begin(flows->scratch);
	struct pg_call call;

	for (unsigned i = 0; i < flows->count; i++)
		pg_list_word(&hashes, flows->flows[i].hash);
	pg_call_begin(&call, handle, &sql);
	pg_list(&call, &hashes);
	return pg_each(&call, new_row, flows);
}

/* The parts of new kinds, and the kinds. A part that should be there and is not is an error of the server's: NOT NULL. */
static int make_new(struct backend_handle *handle, struct pg_flows *flows)
{
	static const struct pg_sql parts = { "tt", "INSERT INTO part(hash,kinds,text) SELECT n.hash,0,n.text FROM "
	    "unnest($1::uuid[],$2::text[]) AS n(hash,text) ON CONFLICT(hash) DO NOTHING" };
	static const struct pg_sql kinds = { "tttttt", "INSERT INTO kind(hash,outcome,sender,recipients,client,tls) "
	    "SELECT n.hash,o.id,s.id,r.id,c.id,t.id FROM unnest($1::uuid[],$2::uuid[],$3::uuid[],$4::uuid[],$5::uuid[],$6::uuid[]) "
	    "AS n(hash,o,s,r,c,t) LEFT JOIN part AS o ON o.hash=n.o LEFT JOIN part AS s ON s.hash=n.s LEFT JOIN part AS r ON r.hash=n.r "
	    "LEFT JOIN part AS c ON c.hash=n.c LEFT JOIN part AS t ON t.hash=n.t ON CONFLICT(hash) DO NOTHING" };
	struct buf lists[1 + FLOW_PARTS], hashes = pg_list_begin(flows->scratch), texts = pg_list_begin(flows->scratch);
	struct pg_call call;

	for (int i = 0; i <= FLOW_PARTS; i++)
		lists[i] = pg_list_begin(flows->scratch);
	for (unsigned i = 0; i < flows->count; i++) {
		const struct waiting_flow *flow = &flows->flows[i];
		char hash[PG_HASH_BYTES];

		if (!flow->new)
			continue;
		pg_list_word(&lists[0], flow->hash);
		for (int part = 0; part < FLOW_PARTS; part++) {
			pg_hash(flows->scratch, &flow->texts[part], 1, hash);
			pg_list_word(&lists[1 + part], hash);
			pg_list_word(&hashes, hash);
			pg_list_text(&texts, flow->texts[part]);
		}
	}
	pg_call_begin(&call, handle, &parts);
	pg_list(&call, &hashes);
	pg_list(&call, &texts);
	if (pg_run_later(&call) != 0)
		return -E_SYSTEM;
	pg_call_begin(&call, handle, &kinds);
	for (int i = 0; i <= FLOW_PARTS; i++)
		pg_list(&call, &lists[i]);
	return pg_run_later(&call);
}

static int add_counts(struct backend_handle *handle, struct pg_flows *flows)
{
	static const struct pg_sql hours = { "ttttt", "INSERT INTO flow(hour,kind,messages,bytes,sessions) "
	    "SELECT n.hour,k.id,sum(n.messages),sum(n.bytes),sum(n.sessions) FROM unnest($1::bigint[],$2::uuid[],$3::bigint[],$4::bigint[],"
	    "$5::bigint[]) AS n(hour,hash,messages,bytes,sessions) LEFT JOIN kind AS k ON k.hash=n.hash GROUP BY n.hour,k.id "
	    "ON CONFLICT(hour,kind) DO UPDATE SET messages=flow.messages+excluded.messages,bytes=flow.bytes+excluded.bytes,"
	    "sessions=flow.sessions+excluded.sessions" };
	static const struct pg_sql days = { "ttttt", "INSERT INTO flow_day(day,kind,messages,bytes,sessions) "
	    "SELECT n.day,k.id,sum(n.messages),sum(n.bytes),sum(n.sessions) FROM unnest($1::bigint[],$2::uuid[],$3::bigint[],$4::bigint[],"
	    "$5::bigint[]) AS n(day,hash,messages,bytes,sessions) LEFT JOIN kind AS k ON k.hash=n.hash GROUP BY n.day,k.id "
	    "ON CONFLICT(day,kind) DO UPDATE SET messages=flow_day.messages+excluded.messages,bytes=flow_day.bytes+excluded.bytes,"
	    "sessions=flow_day.sessions+excluded.sessions" };
	struct buf lists[5];
	struct pg_call call;

	for (int i = 0; i < 5; i++)
		lists[i] = pg_list_begin(flows->scratch);
	for (unsigned i = 0; i < flows->count; i++) {
		const struct waiting_flow *flow = &flows->flows[i];

		pg_list_number(&lists[0], flow->counts.from_secs);
		pg_list_word(&lists[1], flow->hash);
		pg_list_number(&lists[2], (int64_t)flow->counts.messages);
		pg_list_number(&lists[3], (int64_t)flow->counts.bytes);
		pg_list_number(&lists[4], (int64_t)flow->counts.sessions);
	}
	pg_call_begin(&call, handle, flows->days ? &days : &hours);
	for (int i = 0; i < 5; i++)
		pg_list(&call, &lists[i]);
	return pg_run_later(&call);
}

int pg_flows_flush(struct backend_handle *handle)
{
	struct pg_flows *flows = handle->flows;
	bool new = false;
	int code;

	if (flows == NULL || flows->count == 0)
		return 0;
	arena_reset(flows->scratch);
	code = find_new(handle, flows);
	for (unsigned i = 0; i < flows->count; i++)
		new |= flows->flows[i].new;
	if (code == 0 && new)
		code = make_new(handle, flows);
	if (code == 0)
		code = add_counts(handle, flows);
	pg_flows_forget(handle);
	return code;
}

int pg_flow_put(struct backend_handle *handle, const struct flow_note *note, const struct flow_span *counts, bool day)
{
	struct pg_flows *flows = flows_of(handle);
	struct waiting_flow *flow;

	if ((flows->count == FLOWS_MAX || arena_used_bytes(flows->arena) > TEXTS_MAX_BYTES || (flows->count != 0 && flows->days != day)) &&
	    pg_flows_flush(handle) != 0)
		return -E_SYSTEM;
	flows->days = day;
	flow = &flows->flows[flows->count++];
	*flow = (struct waiting_flow){ .counts = *counts };
	flow_parts_make(note, flows->arena, flow->texts);
	for (int part = 0; part < FLOW_PARTS; part++)
		flow->texts[part] = arena_strdup(flows->arena, flow->texts[part]);	/* some are the note's */
	pg_hash(flows->arena, flow->texts, FLOW_PARTS, flow->hash);
	return 0;
}

static int flow_add(struct backend_handle *handle, void *arg)
{
	const struct flow_note *note = arg;
	const struct flow_span counts = { .from_secs = note->time_secs - note->time_secs % HOUR_SECS,
		.messages = note->messages != 0 ? note->messages : 1, .bytes = note->bytes, .sessions = note->sessions };

	return pg_flow_put(handle, note, &counts, false);
}

int pg_flow_add(struct backend_handle *handle, const struct flow_note *note)
{
	struct flow_note copy = *note;

	return handle->in_transaction ? flow_add(handle, &copy) : pg_transaction(handle, flow_add, &copy);
}
