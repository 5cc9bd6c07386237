/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a group will ask for, asked for at once: a question of its own for each peer and greylist entry would take a trip to the
 * server each, during which no other host may write. What came, and that the others are not there, is kept until the
 * transaction ends, and changed with what is put meanwhile.
 * Trusts that nobody else writes during the transaction (pg_begin()). Thread: the handle's.
 */
#include "record/pg_internal.h"

#include <stdlib.h>
#include <string.h>

#include <uthash.h>

#include "util/buf.h"
#include "util/error.h"
#include "util/out_of_memory.h"

enum { KIND_PEER = 'p', KIND_GREYLIST = 'g' };

struct foreseen {
	UT_hash_handle hh;
	bool there;
	const char *first, *second;	/* peer and host, or key and "" */
	union { struct peer_memory peer; struct greylist_entry greylist; } row;
	char *key;
};

struct pg_foreseen {
	struct arena *arena;
	struct foreseen *table;
	struct foreseen **asked;	/* of the question under way, in its order */
	size_t count;
};

void pg_foreseen_forget(struct backend_handle *handle)
{
	if (handle->foreseen == NULL)
		return;
	HASH_CLEAR(hh, handle->foreseen->table);
	arena_reset(handle->foreseen->arena);
}

void pg_foreseen_free(struct backend_handle *handle)
{
	if (handle->foreseen == NULL)
		return;
	pg_foreseen_forget(handle);
	arena_free(&handle->foreseen->arena);
	free(handle->foreseen);
	handle->foreseen = NULL;
}

static char *key_of(struct arena *arena, char kind, const char *first, const char *second)
{
	return arena_printf(arena, "%c%s\n%s", kind, first, second);
}

static struct foreseen *find(struct backend_handle *handle, char kind, const char *first, const char *second)
{
	struct foreseen *found;
	char *key;

	if (handle->foreseen == NULL || handle->foreseen->table == NULL)
		return NULL;
	arena_reset(handle->texts);
	key = key_of(handle->texts, kind, first, second);
	HASH_FIND_STR(handle->foreseen->table, key, found);
	return found;
}

bool pg_foreseen_peer(struct backend_handle *handle, const char *peer, const char *host, struct peer_memory *memory_r, int *code_r)
{
	const struct foreseen *found = find(handle, KIND_PEER, peer, host);

	if (found == NULL)
		return false;
	if (found->there)
		*memory_r = found->row.peer;
	*code_r = found->there ? 0 : -E_ABSENT;
	return true;
}

bool pg_foreseen_greylist(struct backend_handle *handle, const char *key, struct greylist_entry *entry_r, int *code_r)
{
	const struct foreseen *found = find(handle, KIND_GREYLIST, key, "");

	if (found == NULL)
		return false;
	if (found->there)
		*entry_r = found->row.greylist;
	*code_r = found->there ? 0 : -E_ABSENT;
	return true;
}

void pg_foreseen_peer_put(struct backend_handle *handle, const char *peer, const char *host, const struct peer_memory *memory)
{
	struct foreseen *found = find(handle, KIND_PEER, peer, host);

	if (found == NULL)
		return;
	found->there = true;
	found->row.peer = *memory;
}

void pg_foreseen_greylist_put(struct backend_handle *handle, const char *key, const struct greylist_entry *entry)
{
	struct foreseen *found = find(handle, KIND_GREYLIST, key, "");

	if (found == NULL)
		return;
	found->there = true;
	found->row.greylist = *entry;
}

/* ---- asking ------------------------------------------------------------------------------------------------------ */

static struct pg_foreseen *foreseen_of(struct backend_handle *handle)
{
	if (handle->foreseen == NULL) {
		handle->foreseen = calloc(1, sizeof(*handle->foreseen));
		if (handle->foreseen == NULL)
			out_of_memory();
		handle->foreseen->arena = arena_new();
	}
	return handle->foreseen;
}

/* Puts what is asked into the table, once each, as not there. */
static void enter(struct pg_foreseen *foreseen, char kind, const char *first, const char *second)
{
	char *key = key_of(foreseen->arena, kind, first, second);
	struct foreseen *entry;

	HASH_FIND_STR(foreseen->table, key, entry);
	if (entry != NULL)
		return;
	entry = arena_calloc(foreseen->arena, 1, sizeof(*entry));
	entry->key = key;
	entry->first = first;
	entry->second = second;
	HASH_ADD_KEYPTR(hh, foreseen->table, entry->key, strlen(entry->key), entry);
	foreseen->asked[foreseen->count++] = entry;
}

static int peer_row(void *arg, const struct pg_row *row)
{
	struct pg_foreseen *foreseen = arg;
	int64_t place = pg_row_number(row, PG_PEER_COLUMNS_COUNT);

	if (place < 1 || place > (int64_t)foreseen->count)
		return 0;
	foreseen->asked[place - 1]->there = true;
	pg_peer_read(row, &foreseen->asked[place - 1]->row.peer);
	return 0;
}

static int greylist_row(void *arg, const struct pg_row *row)
{
	struct pg_foreseen *foreseen = arg;
	int64_t place = pg_row_number(row, 4);

	if (place < 1 || place > (int64_t)foreseen->count)
		return 0;
	foreseen->asked[place - 1]->there = true;
	pg_greylist_read(row, &foreseen->asked[place - 1]->row.greylist);
	return 0;
}

/* A list of the first or the second texts of what is asked, as the indexes have them. */
static void list(struct pg_call *call, const struct pg_foreseen *foreseen, bool second)
{
	struct arena *arena = call->handle->texts;
	struct buf texts = pg_list_begin(arena);

	for (size_t i = 0; i < foreseen->count; i++)
		pg_list_text(&texts, pg_key_of(arena, second ? foreseen->asked[i]->second : foreseen->asked[i]->first));
	buf_putc(&texts, '}');
	pg_encoded(call, texts.data);
}

static int ask(struct backend_handle *handle, const struct backend_ask *asks, size_t count, char kind)
{
	static const struct pg_sql peers = { "tt", "SELECT " PG_PEER_COLUMNS ",n FROM unnest($1::TEXT[],$2::TEXT[]) WITH ORDINALITY "
	    "AS asked(p,h,n) JOIN peer ON peer=p AND host=h" };
	static const struct pg_sql entries = { "t", "SELECT first,last,passed,tries,n FROM unnest($1::TEXT[]) WITH ORDINALITY "
	    "AS asked(k,n) JOIN greylist ON key=k" };
	struct pg_foreseen *foreseen = foreseen_of(handle);
	struct pg_call call;

	foreseen->count = 0;
	foreseen->asked = arena_calloc(foreseen->arena, count, sizeof(struct foreseen *));
	for (size_t i = 0; i < count; i++) {
		if (kind == KIND_PEER && asks[i].peer != NULL)
			enter(foreseen, kind, asks[i].peer, asks[i].host);
		else if (kind == KIND_GREYLIST && asks[i].peer == NULL)
			enter(foreseen, kind, asks[i].key, "");
	}
	if (foreseen->count == 0)
		return 0;
	pg_call_begin(&call, handle, kind == KIND_PEER ? &peers : &entries);
	list(&call, foreseen, false);
	if (kind == KIND_PEER)
		list(&call, foreseen, true);
	return pg_all(&call, kind == KIND_PEER ? peer_row : greylist_row, foreseen);
}

int pg_foresee(struct backend_handle *handle, const struct backend_ask *asks, size_t count)
{
	int code = ask(handle, asks, count, KIND_PEER);

	return code == 0 ? ask(handle, asks, count, KIND_GREYLIST) : code;
}
