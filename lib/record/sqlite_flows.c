/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Flows written: a note is taken apart (flow_parts.h), its parts and its kind are found or made, and its counts go into the row of
 * its hour. Ids of parts seen lately are kept, by digest, in a table of one place each: what falls on a taken place takes it. The
 * table is thrown away whenever ids may have become others' (sqlite_flows_forget()).
 * Trusts SHA-256 to tell texts apart in the table; in the database a hash finds, and the text decides. Thread: the handle's.
 */
#include "record/sqlite_internal.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/sha.h>

#include "record/flow_parts.h"
#include "util/arena.h"
#include "util/error.h"
#include "util/out_of_memory.h"

enum { PLACES = 16384, HOUR_SECS = 3600 };

struct place { unsigned char digest[SHA256_DIGEST_LENGTH / 2]; int64_t id; };	/* id 0: nobody's */

struct sqlite_flow_ids {
	struct arena *arena;		/* for one note; reset each time */
	struct place places[PLACES];
};

void sqlite_flows_free(struct backend_handle *handle)
{
	if (handle->flow_ids == NULL)
		return;
	arena_free(&handle->flow_ids->arena);
	free(handle->flow_ids);
	handle->flow_ids = NULL;
}

void sqlite_flows_forget(struct backend_handle *handle)
{
	if (handle->flow_ids != NULL)
		memset(handle->flow_ids->places, 0, sizeof(handle->flow_ids->places));
}

static struct sqlite_flow_ids *ids_of(struct backend_handle *handle)
{
	if (handle->flow_ids == NULL) {
		handle->flow_ids = calloc(1, sizeof(*handle->flow_ids));
		if (handle->flow_ids == NULL)
			out_of_memory();
		handle->flow_ids->arena = arena_new();
	}
	return handle->flow_ids;
}

/* Runs a bound look-up that gives an id; where there is none, the bound insertion. */
static int find_or_add(struct backend_handle *handle, sqlite3_stmt *find, sqlite3_stmt *add, int64_t *id_r)
{
	int code = sqlite_step_row(handle, find);

	if (code == 0) {
		*id_r = sqlite3_column_int64(find, 0);
		sqlite3_reset(find);
		return 0;
	}
	if (code == -E_ABSENT)
		code = sqlite_step_done(handle, add);
	if (code == 0)
		*id_r = sqlite3_last_insert_rowid(handle->db);
	return code;
}

static int part_id(struct backend_handle *handle, const char *text, int64_t *id_r)
{
	sqlite3_stmt *statements[] = { sqlite_statement(handle, ST_PART_FIND), sqlite_statement(handle, ST_PART_ADD) };
	unsigned char digest[SHA256_DIGEST_LENGTH];
	struct place *place;
	int64_t hash;
	int code;

	SHA256((const unsigned char *)text, strlen(text), digest);
	memcpy(&hash, digest, sizeof(hash));
	place = &ids_of(handle)->places[(uint64_t)hash % PLACES];
	if (place->id != 0 && memcmp(place->digest, digest, sizeof(place->digest)) == 0) {
		*id_r = place->id;
		return 0;
	}
	if (statements[0] == NULL || statements[1] == NULL)
		return -E_SYSTEM;
	for (int i = 0; i < 2; i++) {
		sqlite3_bind_int64(statements[i], 1, hash);
		sqlite_bind_text(statements[i], 2, text);
	}
	code = find_or_add(handle, statements[0], statements[1], id_r);
	if (code == 0) {
		memcpy(place->digest, digest, sizeof(place->digest));
		place->id = *id_r;
	}
	return code;
}

int sqlite_kind_id(struct backend_handle *handle, const struct flow_note *note, int64_t *id_r)
{
	sqlite3_stmt *statements[] = { sqlite_statement(handle, ST_KIND_FIND), sqlite_statement(handle, ST_KIND_ADD) };
	struct arena *arena = ids_of(handle)->arena;
	const char *texts[FLOW_PARTS];
	int code = 0;

	if (statements[0] == NULL || statements[1] == NULL)
		return -E_SYSTEM;
	arena_reset(arena);
	flow_parts_make(note, arena, texts);
	for (int part = 0; part < FLOW_PARTS && code == 0; part++) {
		int64_t id;

		code = part_id(handle, texts[part], &id);
		for (int i = 0; i < 2 && code == 0; i++)
			sqlite3_bind_int64(statements[i], 1 + part, id);
	}
	return code == 0 ? find_or_add(handle, statements[0], statements[1], id_r) : code;
}

int sqlite_flow_put(struct backend_handle *handle, enum sqlite_statement which, int64_t from_secs, int64_t kind,
    const struct flow_span *counts)
{
	sqlite3_stmt *statement = sqlite_statement(handle, which);

	if (statement == NULL)
		return -E_SYSTEM;
	sqlite3_bind_int64(statement, 1, from_secs);
	sqlite3_bind_int64(statement, 2, kind);
	sqlite3_bind_int64(statement, 3, (int64_t)counts->messages);
	sqlite3_bind_int64(statement, 4, (int64_t)counts->bytes);
	sqlite3_bind_int64(statement, 5, (int64_t)counts->sessions);
	return sqlite_step_done(handle, statement);
}

int sqlite_flow_add(struct backend_handle *handle, const struct flow_note *note)
{
	const struct flow_span counts = { .messages = note->messages != 0 ? note->messages : 1, .bytes = note->bytes,
		.sessions = note->sessions };
	int64_t kind;
	int code = sqlite_kind_id(handle, note, &kind);

	return code == 0 ? sqlite_flow_put(handle, ST_FLOW_ADD, note->time_secs - note->time_secs % HOUR_SECS, kind, &counts) : code;
}

int sqlite_flows_begin(struct backend_handle *handle)
{
	sqlite3_stmt *statement = sqlite_statement(handle, ST_DATA_VERSION);
	int64_t version;

	if (statement == NULL || sqlite_step_row(handle, statement) != 0)
		return -E_SYSTEM;
	version = sqlite3_column_int64(statement, 0);
	sqlite3_reset(statement);
	if (version != handle->data_version)
		sqlite_flows_forget(handle);
	handle->data_version = version;
	return 0;
}
