/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Hashes of a message: of the header by libopendkim, of the body by bodies.c. What is known of libopendkim 2.11.0 beta 2 and
 * done here:
 *
 *   - dkim_eom() closes the hashes, then calls the final callback: ours ends it there (CBREJECT), so that no key is looked
 *     up, decoded or used by the library. It is called at the end of the header: the library sees no body.
 *   - Choosing the header fields writes one element past an array when h= has used up all fields and goes on. A
 *     padding field whose name no h= can spell is fed first, so that never all fields are used.
 *   - One field it cannot read spoils the message: only signatures that signature.c passed are fed, and
 *     BADSIGHANDLES keeps a From field without address from doing the same.
 *   - FIXCRLF would cut header fields: never set. Folds arrive as LF and are given to it as CRLF.
 *   - Of a body it looks at each octet several times, drops a bare CR (relaxed), loses the end of a line at a bare LF
 *     (simple), collects a line in memory, and fails without CRLF at the end: bodies.c looks out for these.
 *
 * Thread: dkim_library_new() before others use it; then any thread, one hasher a message.
 */
#include "check/signature/hash.h"

#include <dkim.h>
#include <stdlib.h>
#include <string.h>

#include "util/buf.h"
#include "util/error.h"
#include "util/out_of_memory.h"

struct dkim_library {
	DKIM_LIB *handle;
	EVP_MD *sha256;			/* fetched once: EVP_sha256() is looked for in each use */
	bool own_allocator;
};

struct dkim_hasher {
	struct dkim_library *library;
	struct arena *arena;
	DKIM *handle;
	struct buf text;		/* the field being fed */
	size_t slot_count, slots_max;
	const bool *usable;		/* per slot, after header_done */
	bool header_done;
	struct dkim_bodies *bodies;
};

static void *arena_allocate(void *closure, size_t size_bytes)
{
	return arena_alloc(closure, size_bytes);
}

static void arena_release(void *closure, void *block)
{
	(void)closure;
	(void)block;
}

/* All hashes are there: stop before the library processes the signatures. */
static DKIM_CBSTAT stop_at_end(DKIM *handle, DKIM_SIGINFO **signatures, int count)
{
	(void)handle;
	(void)signatures;
	(void)count;
	return DKIM_CBSTAT_REJECT;
}

/* Never called; with it the library cannot come to ask the DNS itself. */
static DKIM_CBSTAT no_key(DKIM *handle, DKIM_SIGINFO *signature, unsigned char *buffer, size_t buffer_bytes)
{
	(void)handle;
	(void)signature;
	(void)buffer;
	(void)buffer_bytes;
	return DKIM_CBSTAT_ERROR;
}

static int library_setup(DKIM_LIB *handle)
{
	unsigned int flags = DKIM_LIBFLAGS_DELAYSIGPROC | DKIM_LIBFLAGS_BADSIGHANDLES;
	uint64_t drift = DKIM_LIBRARY_DRIFT_SECS;

	if (!dkim_libfeature(handle, DKIM_FEATURE_SHA256) ||
	    dkim_options(handle, DKIM_OP_SETOPT, DKIM_OPTS_FLAGS, &flags, sizeof flags) != DKIM_STAT_OK ||
	    dkim_options(handle, DKIM_OP_SETOPT, DKIM_OPTS_CLOCKDRIFT, &drift, sizeof drift) != DKIM_STAT_OK ||
	    dkim_set_key_lookup(handle, no_key) != DKIM_STAT_OK ||
	    dkim_set_final(handle, stop_at_end) != DKIM_STAT_OK)
		return -E_SYSTEM;
	return 0;
}

struct dkim_library *dkim_library_new(void *(*allocate)(void *, size_t), void (*release)(void *, void *))
{
	struct dkim_library *library = calloc(1, sizeof *library);

	if (library == NULL)
		out_of_memory();
	library->own_allocator = allocate != NULL;
	library->sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
	library->handle = dkim_init(allocate != NULL ? allocate : arena_allocate,
	    allocate != NULL ? release : arena_release);
	if (library->sha256 == NULL || library->handle == NULL || library_setup(library->handle) != 0)
		dkim_library_free(&library);
	return library;
}

void dkim_library_free(struct dkim_library **library)
{
	if (*library == NULL)
		return;
	if ((*library)->handle != NULL)
		dkim_close((*library)->handle);
	EVP_MD_free((*library)->sha256);
	free(*library);
	*library = NULL;
}

static DKIM_STAT feed(struct dkim_hasher *hasher)
{
	return dkim_header(hasher->handle, (unsigned char *)hasher->text.data, hasher->text.length);
}

static void text_start(struct dkim_hasher *hasher, const char *name, size_t length)
{
	hasher->text.length = 0;
	buf_append(&hasher->text, name, length);
	buf_putc(&hasher->text, ':');
}

struct dkim_hasher *dkim_hasher_new(struct dkim_library *library, struct arena *arena, size_t slots_max)
{
	struct dkim_hasher *hasher = arena_calloc(arena, 1, sizeof *hasher);
	DKIM_STAT status = DKIM_STAT_OK;

	hasher->library = library;
	hasher->arena = arena;
	hasher->slots_max = slots_max;
	hasher->text = buf_make(arena);
	hasher->handle = dkim_verify(library->handle, (const unsigned char *)"", arena, &status);
	if (hasher->handle == NULL)
		return NULL;
	hasher->bodies = dkim_bodies_new(arena, library->sha256);
	/* the padding field: a name with a space in it stands in no h= */
	text_start(hasher, "assay pad", 9);
	buf_puts(&hasher->text, " x");
	if (feed(hasher) != DKIM_STAT_OK)
		dkim_hasher_free(&hasher);
	return hasher;
}

void dkim_hasher_free(struct dkim_hasher **hasher)
{
	if (*hasher == NULL)
		return;
	/* with the arena's allocator all of the handle dies with the arena */
	if ((*hasher)->library->own_allocator && (*hasher)->handle != NULL)
		dkim_free((*hasher)->handle);
	(*hasher)->handle = NULL;
	dkim_bodies_free(&(*hasher)->bodies);
	*hasher = NULL;
}

static int slot_take(struct dkim_hasher *hasher, DKIM_STAT status)
{
	/* BADSIGHANDLES: the library gives a refused field its slot too, so that ours and its stay the same */
	int slot = (int)hasher->slot_count++;

	return status == DKIM_STAT_OK ? slot : -1;
}

int dkim_hasher_want_body(struct dkim_hasher *hasher, bool relaxed, bool has_length, uint64_t length)
{
	return dkim_bodies_want(hasher->bodies, relaxed, has_length, length);
}

/* The field as it stood on the wire: folds as CRLF. */
static void text_field(struct dkim_hasher *hasher, const struct header_field *field)
{
	const char *at = field->value, *end = at + field->value_length;

	text_start(hasher, field->name, field->name_length);
	while (at < end) {
		const char *fold = memchr(at, '\n', (size_t)(end - at));

		if (fold == NULL)
			break;
		buf_append(&hasher->text, at, (size_t)(fold - at));
		if (fold == field->value || fold[-1] != '\r')
			buf_putc(&hasher->text, '\r');
		buf_putc(&hasher->text, '\n');
		at = fold + 1;
	}
	buf_append(&hasher->text, at, (size_t)(end - at));
}

bool dkim_hasher_field(struct dkim_hasher *hasher, const struct header_field *field)
{
	text_field(hasher, field);
	return feed(hasher) == DKIM_STAT_OK;
}

int dkim_hasher_signature(struct dkim_hasher *hasher, const struct header_field *field)
{
	if (hasher->slot_count == hasher->slots_max)
		return -1;
	text_field(hasher, field);
	return slot_take(hasher, feed(hasher));
}

int dkim_hasher_header_done(struct dkim_hasher *hasher)
{
	DKIM_SIGINFO **signatures = NULL;
	int count = 0;
	bool *usable;

	hasher->header_done = hasher->slot_count == 0;
	if (hasher->header_done)
		return 0;	/* nothing for the library to do, which would fail for want of a signature */
	if (dkim_eoh(hasher->handle) != DKIM_STAT_OK ||
	    dkim_getsiglist(hasher->handle, &signatures, &count) != DKIM_STAT_OK ||
	    (size_t)count != hasher->slot_count)
		return -E_SYNTAX;
	usable = arena_calloc(hasher->arena, hasher->slot_count, sizeof *usable);
	for (int i = 0; i < count; i++)
		usable[i] = dkim_sig_geterror(signatures[i]) == DKIM_SIGERROR_UNKNOWN;
	hasher->usable = usable;
	if (dkim_eom(hasher->handle, NULL) != DKIM_STAT_CBREJECT)
		return -E_SYNTAX;
	hasher->header_done = true;
	return 0;
}

struct dkim_bodies *dkim_hasher_bodies(const struct dkim_hasher *hasher)
{
	return hasher->bodies;
}

void dkim_hasher_body(struct dkim_hasher *hasher, const void *data, size_t length)
{
	if (hasher->header_done)
		dkim_bodies_update(hasher->bodies, data, length);
}

void dkim_hasher_finish(struct dkim_hasher *hasher)
{
	if (hasher->header_done)
		dkim_bodies_finish(hasher->bodies);
}

uint64_t dkim_hasher_body_bytes(const struct dkim_hasher *hasher)
{
	return dkim_bodies_bytes(hasher->bodies);
}

const char *dkim_hasher_header(const struct dkim_hasher *hasher, int slot, uint8_t hash_r[DKIM_HASH_BYTES])
{
	DKIM_SIGINFO **signatures = NULL;
	void *header = NULL, *body = NULL;
	size_t header_bytes = 0, body_bytes = 0;
	int count = 0;

	if (!hasher->header_done || slot < 0 || (size_t)slot >= hasher->slot_count || !hasher->usable[slot] ||
	    dkim_getsiglist(hasher->handle, &signatures, &count) != DKIM_STAT_OK || slot >= count ||
	    dkim_sig_gethashes(signatures[slot], &header, &header_bytes, &body, &body_bytes) != DKIM_STAT_OK ||
	    header_bytes != DKIM_HASH_BYTES)
		return "libopendkim gives no hash";
	memcpy(hash_r, header, DKIM_HASH_BYTES);
	return NULL;
}

const char *dkim_hasher_body_result(const struct dkim_hasher *hasher, int body_slot, struct dkim_body_result *result_r)
{
	if (!hasher->header_done)
		return "libopendkim gives no hash";
	return dkim_bodies_result(hasher->bodies, body_slot, result_r);
}
