/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_CHECK_SIGNATURE_HASH_H
#define ASSAY_CHECK_SIGNATURE_HASH_H
/*
 * Canonicalization and hashes by libopendkim, and nothing else of it: keys and signatures are ours (key.c,
 * verify.c), because the library decodes the key anew for each signature.
 *
 *   dkim_hasher_new → _surrogate… → _field… → _header_done → _body… → _finish → _result
 *
 * Thread: a library is shared by all threads, a hasher belongs to one message.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "check/signature/body.h"
#include "check/signature/signature.h"
#include "message/facts.h"
#include "util/arena.h"

/* The library judges t= and x= by the system's clock, we by the message's: its clock drift is set to DRIFT, and
 * only times for which that cannot matter while the system's clock is in 2024–2039 are given to it. */
#define DKIM_LIBRARY_DRIFT_SECS UINT64_C(1000000000)
#define DKIM_LIBRARY_TIME_MIN UINT64_C(1000000000)
#define DKIM_LIBRARY_TIME_MAX UINT64_C(2690000000)
#define DKIM_LIBRARY_EXPIRY_MIN UINT64_C(1210000000)

struct dkim_library;
struct dkim_hasher;

/**
 * @param allocate  NULL: each hasher's arena. Else the allocator (tests put guards around blocks); release frees.
 * @return NULL when libopendkim cannot be set up.
 */
struct dkim_library *dkim_library_new(void *(*allocate)(void *closure, size_t size_bytes),
    void (*release)(void *closure, void *block));
void dkim_library_free(struct dkim_library **library);

/** @return NULL when the library gives no handle. Free it with dkim_hasher_free(), also when the message is aborted. */
struct dkim_hasher *dkim_hasher_new(struct dkim_library *library, struct arena *arena, size_t slots_max);
void dkim_hasher_free(struct dkim_hasher **hasher);

/**
 * Asks for a body hash alone, by feeding a signature field of our own making. Before all fields.
 * @return slot for dkim_hasher_result(), or -1.
 */
int dkim_hasher_surrogate(struct dkim_hasher *hasher, bool relaxed, bool has_length, uint64_t length);

/** Feeds a header field that is no DKIM-Signature. @return whether the library took it. */
bool dkim_hasher_field(struct dkim_hasher *hasher, const struct header_field *field);

/** Feeds a DKIM-Signature field to be hashed. @return its slot, or -1 when the library refused it. */
int dkim_hasher_signature(struct dkim_hasher *hasher, const struct header_field *field);

/** End of the header. @return 0, or -E_SYNTAX when the library gives up the message (then no results follow). */
int dkim_hasher_header_done(struct dkim_hasher *hasher);

/** A chunk of the body as it comes, lines ending in CRLF. */
void dkim_hasher_body(struct dkim_hasher *hasher, const void *data, size_t length);

/** End of the body. */
void dkim_hasher_finish(struct dkim_hasher *hasher);

/** Octets of the body that the library was given; it looks at each once a canonicalization and l=. */
uint64_t dkim_hasher_body_bytes(const struct dkim_hasher *hasher);

struct dkim_hashes {
	uint8_t header[DKIM_HASH_BYTES], body[DKIM_HASH_BYTES];
	uint64_t body_bytes;		/* of the canonical body that were hashed */
};

/** @return NULL and the hashes, or a static text saying why there are none. */
const char *dkim_hasher_result(const struct dkim_hasher *hasher, int slot, struct dkim_hashes *hashes_r);

#endif
