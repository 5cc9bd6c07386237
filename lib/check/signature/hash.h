/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_CHECK_SIGNATURE_HASH_H
#define ASSAY_CHECK_SIGNATURE_HASH_H
/*
 * Canonicalization and hashes of the header by libopendkim, and nothing else of it: keys and signatures are ours (key.c,
 * verify.c), because the library decodes the key anew for each signature, and so are the hashes of the body (bodies.h),
 * because it looks at each octet of it several times.
 *
 *   dkim_hasher_new → _want_body…, _field…, _signature… → _header_done → _body… → _finish → _header, _body_result
 *
 * Thread: a library is shared by all threads, a hasher belongs to one message.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "check/signature/bodies.h"
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

/** Asks for a body hash, as dkim_bodies_want() does. Before the end of the header. @return slot for dkim_hasher_body_result(). */
int dkim_hasher_want_body(struct dkim_hasher *hasher, bool relaxed, bool has_length, uint64_t length);

/** Feeds a header field that is no DKIM-Signature. @return whether the library took it. */
bool dkim_hasher_field(struct dkim_hasher *hasher, const struct header_field *field);

/** Feeds a DKIM-Signature field whose header hash is wanted. @return its slot for dkim_hasher_header(), or -1 when the library refused it. */
int dkim_hasher_signature(struct dkim_hasher *hasher, const struct header_field *field);

/** End of the header, which is hashed here. @return 0, or -E_SYNTAX when the library gives up the message (then no results follow). */
int dkim_hasher_header_done(struct dkim_hasher *hasher);

/** @return the hashes of the body that this hasher feeds and ends, for others to want some of, too; they live as long as it. */
struct dkim_bodies *dkim_hasher_bodies(const struct dkim_hasher *hasher);

/** A chunk of the body as it comes, lines ending in CRLF. */
void dkim_hasher_body(struct dkim_hasher *hasher, const void *data, size_t length);

/** End of the body. */
void dkim_hasher_finish(struct dkim_hasher *hasher);

/** Octets of the body that were hashed: once for each canonicalization and l=. */
uint64_t dkim_hasher_body_bytes(const struct dkim_hasher *hasher);

/** @return NULL and the header hash of a signature, or a static text saying why there is none. */
const char *dkim_hasher_header(const struct dkim_hasher *hasher, int slot, uint8_t hash_r[DKIM_HASH_BYTES]);

/** @return NULL and a body hash, or a static text saying why there is none. After dkim_hasher_finish(). */
const char *dkim_hasher_body_result(const struct dkim_hasher *hasher, int body_slot, struct dkim_body_result *result_r);

#endif
