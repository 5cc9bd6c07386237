/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Flows written: a note is taken apart (flow_parts.h), its parts and its kind are found or made, and its counts go into the row of
 * its hour. Ids of parts and kinds seen lately are kept in two tables of one place each: what falls on a taken place takes it. They
 * are thrown away whenever ids may have become others' (sqlite_flows_forget()).
 * Trusts no hash: it finds a place or a row, and the text decides. That of the database is SHA-256's, so that nobody who chooses
 * names can make many fall together. Thread: the handle's.
 */
#include "record/sqlite_internal.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/sha.h>

#include "record/flow_parts.h"
#include "util/arena.h"
#include "util/error.h"
#include "util/out_of_memory.h"

enum { PLACES = 16384, TEXT_MAX = 400, HOUR_SECS = 3600 };	/* longer texts are not kept: some 6 MB at the worst */

/* id 0: nobody's */
struct part_place { char *text; int64_t id; };
struct kind_place { int64_t parts[FLOW_PARTS], id; };

struct sqlite_flow_ids {
	struct arena *arena;		/* for one note; reset each time */
	struct part_place parts[PLACES];
	struct kind_place kinds[PLACES];
};

static uint64_t mix(uint64_t hash, uint64_t more)
{
	hash = (hash ^ more) * 0x9e3779b97f4a7c15u;
	return hash ^ hash >> 29;
}

/* Eight octets at a time. */
static uint64_t quick_hash(const char *text, size_t length)
{
	uint64_t hash = length, word;

	for (; length >= sizeof(word); length -= sizeof(word), text += sizeof(word)) {
		memcpy(&word, text, sizeof(word));
		hash = mix(hash, word);
	}
	word = 0;
	memcpy(&word, text, length);
	return mix(mix(hash, word), 0);
}

void sqlite_flows_free(struct backend_handle *handle)
{
	if (handle->flow_ids == NULL)
		return;
	sqlite_flows_forget(handle);
	arena_free(&handle->flow_ids->arena);
	free(handle->flow_ids);
	handle->flow_ids = NULL;
}

void sqlite_flows_forget(struct backend_handle *handle)
{
	struct sqlite_flow_ids *ids = handle->flow_ids;

	if (ids == NULL)
		return;
	for (size_t i = 0; i < PLACES; i++)
		free(ids->parts[i].text);
	memset(ids->parts, 0, sizeof(ids->parts));
	memset(ids->kinds, 0, sizeof(ids->kinds));
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

static int part_find(struct backend_handle *handle, const char *text, size_t length, int64_t *id_r)
{
	sqlite3_stmt *statements[] = { sqlite_statement(handle, ST_PART_FIND), sqlite_statement(handle, ST_PART_ADD) };
	unsigned char digest[SHA256_DIGEST_LENGTH];
	int64_t hash;

	if (statements[0] == NULL || statements[1] == NULL)
		return -E_SYSTEM;
	SHA256((const unsigned char *)text, length, digest);
	memcpy(&hash, digest, sizeof(hash));
	for (int i = 0; i < 2; i++) {
		sqlite3_bind_int64(statements[i], 1, hash);
		sqlite_bind_text(statements[i], 2, text);
	}
	return find_or_add(handle, statements[0], statements[1], id_r);
}

static int part_id(struct backend_handle *handle, const char *text, int64_t *id_r)
{
	size_t length = strlen(text);
	struct part_place *place = &ids_of(handle)->parts[quick_hash(text, length) % PLACES];
	int code;

	if (place->id != 0 && strcmp(place->text, text) == 0) {
		*id_r = place->id;
		return 0;
	}
	code = part_find(handle, text, length, id_r);
	if (code != 0 || length > TEXT_MAX)
		return code;
	free(place->text);
	place->text = strdup(text);
	if (place->text == NULL)
		out_of_memory();
	place->id = *id_r;
	return 0;
}

/* The kind that has these parts. */
static int kind_of(struct backend_handle *handle, const int64_t parts[FLOW_PARTS], int64_t *id_r)
{
	sqlite3_stmt *statements[] = { sqlite_statement(handle, ST_KIND_FIND), sqlite_statement(handle, ST_KIND_ADD) };
	struct kind_place *place;
	uint64_t hash = 0;
	int code;

	for (int part = 0; part < FLOW_PARTS; part++)
		hash = mix(hash, (uint64_t)parts[part]);
	place = &ids_of(handle)->kinds[mix(hash, 0) % PLACES];
	if (place->id != 0 && memcmp(place->parts, parts, sizeof(place->parts)) == 0) {
		*id_r = place->id;
		return 0;
	}
	if (statements[0] == NULL || statements[1] == NULL)
		return -E_SYSTEM;
	for (int part = 0; part < FLOW_PARTS; part++)
		for (int i = 0; i < 2; i++)
			sqlite3_bind_int64(statements[i], 1 + part, parts[part]);
	code = find_or_add(handle, statements[0], statements[1], id_r);
	if (code != 0)
		return code;
	memcpy(place->parts, parts, sizeof(place->parts));
	place->id = *id_r;
	return 0;
}

int sqlite_kind_id(struct backend_handle *handle, const struct flow_note *note, int64_t *id_r)
{
	struct arena *arena = ids_of(handle)->arena;
	const char *texts[FLOW_PARTS];
	int64_t parts[FLOW_PARTS];
	int code = 0;

	arena_reset(arena);
	flow_parts_make(note, arena, texts);
	for (int part = 0; part < FLOW_PARTS && code == 0; part++)
		code = part_id(handle, texts[part], &parts[part]);
	return code == 0 ? kind_of(handle, parts, id_r) : code;
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
