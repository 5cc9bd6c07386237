/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_CHECK_SIGNATURE_BODIES_H
#define ASSAY_CHECK_SIGNATURE_BODIES_H
/*
 * Body hashes of one message (RFC 6376 sections 3.4.3, 3.4.4, 3.4.5, 3.7): the body is brought into each canonical form once,
 * and hashed once for each l= that is asked for. libopendkim does the same octet by octet, at several times the cost of
 * the SHA-256; tests/unit/test_dkim_bodies_random.c and tests/fuzz/fuzz_dkim_bodies.c hold both against each other.
 *
 *   dkim_bodies_new → _want… → _update… → _finish → _result…
 *
 * Thread: the message's. Trusts nothing of the body: one with a bare CR or LF, or with too long a line, gets no hash.
 */
#include <openssl/evp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/arena.h"

enum { DKIM_BODY_HASH_BYTES = 32 };

struct dkim_bodies;

struct dkim_body_result {
	uint8_t hash[DKIM_BODY_HASH_BYTES];
	uint64_t hashed_bytes;		/* of the canonical body: l=, or all when that is less */
	uint64_t canonical_bytes;	/* of all of the canonical body */
};

/** @param sha256  borrowed, and outlives what is returned. Free it with dkim_bodies_free(), also when the message is aborted. */
struct dkim_bodies *dkim_bodies_new(struct arena *arena, const EVP_MD *sha256);
void dkim_bodies_free(struct dkim_bodies **bodies);

/**
 * Asks for a hash, before the body; the same question twice is one hash. The caller caps how many there are.
 * @param length  l=, when has_length.
 * @return slot for dkim_bodies_result().
 */
int dkim_bodies_want(struct dkim_bodies *bodies, bool relaxed, bool has_length, uint64_t length);

/** A chunk of the body as it comes, lines ending in CRLF. */
void dkim_bodies_update(struct dkim_bodies *bodies, const char *data, size_t length);

/** End of the body. Further calls do nothing. */
void dkim_bodies_finish(struct dkim_bodies *bodies);

/** @return octets of the longest canonical form so far; each was hashed at most once for each slot. */
uint64_t dkim_bodies_bytes(const struct dkim_bodies *bodies);

/** @return NULL and the hash, or a static text saying why there is none. */
const char *dkim_bodies_result(const struct dkim_bodies *bodies, int slot, struct dkim_body_result *result_r);

#endif
