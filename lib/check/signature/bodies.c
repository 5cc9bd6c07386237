/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * See bodies.h. On its way a chunk passes
 *
 *   dkim_body_scan()      is this a body that gets a hash?
 *   dkim_relax()          only for the relaxed form, through a small buffer
 *   dkim_body_hand_on()   blank lines at the end are held back
 *   hash_octets()         SHA-256, up to l= octets
 *
 * Whatever OpenSSL refuses on the way leaves the hash without a result, never with another one.
 */
#include "check/signature/bodies.h"

#include <string.h>

#include "check/signature/body.h"
#include "check/signature/relax.h"
#include "util/out_of_memory.h"

enum { RELAXED_BYTES = 8192, FORMS = 2 };

/* One hash of a form. */
struct hash {
	struct hash *next;
	int slot;
	bool has_length;
	uint64_t length;
	uint64_t hashed_bytes;
	EVP_MD_CTX *context;
	bool broken;			/* OpenSSL refused */
	uint8_t result[DKIM_BODY_HASH_BYTES];
};

/* One canonical form; wanted when it has a hash. */
struct form {
	bool relaxed;
	struct hash *hashes;
	struct dkim_body blanks;	/* those held back; its scan is not used */
	struct dkim_relax relax;
	char *buffer;			/* RELAXED_BYTES of the relaxed form */
	uint64_t bytes;			/* of the canonical body so far */
};

struct dkim_bodies {
	struct arena *arena;
	const EVP_MD *sha256;
	int slot_count;
	struct form forms[FORMS];	/* simple, relaxed */
	struct dkim_body scan;		/* its blank lines are not used */
	const char *fault;
	bool finished;
};

struct dkim_bodies *dkim_bodies_new(struct arena *arena, const EVP_MD *sha256)
{
	struct dkim_bodies *bodies = arena_calloc(arena, 1, sizeof *bodies);

	bodies->arena = arena;
	bodies->sha256 = sha256;
	bodies->forms[1].relaxed = true;
	return bodies;
}

void dkim_bodies_free(struct dkim_bodies **bodies)
{
	if (*bodies == NULL)
		return;
	for (size_t i = 0; i < FORMS; i++)
		for (struct hash *hash = (*bodies)->forms[i].hashes; hash != NULL; hash = hash->next)
			EVP_MD_CTX_free(hash->context);
	*bodies = NULL;
}

int dkim_bodies_want(struct dkim_bodies *bodies, bool relaxed, bool has_length, uint64_t length)
{
	struct form *form = &bodies->forms[relaxed];
	struct hash *hash;

	for (hash = form->hashes; hash != NULL; hash = hash->next)
		if (hash->has_length == has_length && (!has_length || hash->length == length))
			return hash->slot;
	hash = arena_calloc(bodies->arena, 1, sizeof *hash);
	hash->slot = bodies->slot_count++;
	hash->has_length = has_length;
	hash->length = length;
	hash->context = EVP_MD_CTX_new();
	if (hash->context == NULL)
		out_of_memory();
	hash->broken = EVP_DigestInit_ex(hash->context, bodies->sha256, NULL) != 1;
	hash->next = form->hashes;
	form->hashes = hash;
	if (relaxed && form->buffer == NULL)
		form->buffer = arena_alloc(bodies->arena, RELAXED_BYTES);
	return hash->slot;
}

/* A sink of dkim_body_hand_on(): octets of the canonical form. */
static int hash_octets(void *closure, const char *data, size_t length)
{
	struct form *form = closure;

	for (struct hash *hash = form->hashes; hash != NULL; hash = hash->next) {
		uint64_t left = hash->has_length ? hash->length - hash->hashed_bytes : length;
		size_t part = left < length ? (size_t)left : length;

		if (part != 0 && !hash->broken)
			hash->broken = EVP_DigestUpdate(hash->context, data, part) != 1;
		hash->hashed_bytes += part;
	}
	form->bytes += length;
	return 0;
}

static void form_relaxed(struct form *form, const char *data, size_t length)
{
	while (length != 0) {
		size_t written, read = dkim_relax(&form->relax, data, length, form->buffer, RELAXED_BYTES, &written);

		dkim_body_hand_on(&form->blanks, form->buffer, written, hash_octets, form);
		data += read;
		length -= read;
	}
}

void dkim_bodies_update(struct dkim_bodies *bodies, const char *data, size_t length)
{
	if (length == 0 || bodies->finished || bodies->fault != NULL || bodies->slot_count == 0)
		return;
	bodies->fault = dkim_body_scan(&bodies->scan, data, length);
	if (bodies->fault != NULL)
		return;
	for (size_t i = 0; i < FORMS; i++) {
		struct form *form = &bodies->forms[i];

		if (form->hashes == NULL)
			continue;
		if (form->relaxed)
			form_relaxed(form, data, length);
		else
			dkim_body_hand_on(&form->blanks, data, length, hash_octets, form);
	}
}

static void hash_end(const struct dkim_bodies *bodies, struct hash *hash)
{
	unsigned bytes = 0;

	if (hash->broken || bodies->fault != NULL)
		return;
	hash->broken = EVP_MD_get_size(bodies->sha256) != DKIM_BODY_HASH_BYTES ||
	    EVP_DigestFinal_ex(hash->context, hash->result, &bytes) != 1 || bytes != DKIM_BODY_HASH_BYTES;
}

void dkim_bodies_finish(struct dkim_bodies *bodies)
{
	if (bodies->finished)
		return;
	/* a last line without CRLF gets one (sections 3.4.3, 3.4.4); a CR alone is a bare one */
	if (bodies->scan.seen_bytes != 0 && bodies->scan.last_byte == '\r' && bodies->fault == NULL)
		bodies->fault = "the body has a bare CR";
	else if (bodies->scan.seen_bytes != 0 && bodies->scan.last_byte != '\n')
		dkim_bodies_update(bodies, "\r\n", 2);
	for (size_t i = 0; i < FORMS; i++) {
		struct form *form = &bodies->forms[i];

		/* no body is one CRLF to simple (section 3.4.3), nothing to relaxed */
		if (!form->relaxed && form->bytes == 0)
			hash_octets(form, "\r\n", 2);
		for (struct hash *hash = form->hashes; hash != NULL; hash = hash->next)
			hash_end(bodies, hash);
	}
	bodies->finished = true;
}

uint64_t dkim_bodies_bytes(const struct dkim_bodies *bodies)
{
	const struct form *forms = bodies->forms;

	return forms[0].bytes > forms[1].bytes ? forms[0].bytes : forms[1].bytes;
}

const char *dkim_bodies_result(const struct dkim_bodies *bodies, int slot, struct dkim_body_result *result_r)
{
	if (bodies->fault != NULL)
		return bodies->fault;
	for (size_t i = 0; i < FORMS && bodies->finished; i++) {
		const struct form *form = &bodies->forms[i];

		for (const struct hash *hash = form->hashes; hash != NULL; hash = hash->next) {
			if (hash->slot != slot || hash->broken)
				continue;
			memcpy(result_r->hash, hash->result, DKIM_BODY_HASH_BYTES);
			result_r->hashed_bytes = hash->hashed_bytes;
			result_r->canonical_bytes = form->bytes;
			return NULL;
		}
	}
	return "the body could not be hashed";
}
