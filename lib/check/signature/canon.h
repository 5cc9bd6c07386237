/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_CHECK_SIGNATURE_CANON_H
#define ASSAY_CHECK_SIGNATURE_CANON_H
/*
 * Header hash of a signature that libopendkim cannot hash (library_unfit in signature.h), and ARC's.
 */
#include "check/signature/signature.h"
#include "message/facts.h"
#include "util/buf.h"

/**
 * SHA-256 over the header fields h= selects and over the signature's own field (RFC 6376 sections 3.4.1, 3.4.2, 3.7).
 * @param own  the signature's field, one of facts->fields.
 * @return 0, or -E_SYSTEM when OpenSSL refuses.
 * Thread: any. Cost: names × fields comparisons; the caller caps it.
 */
int dkim_canon_header_hash(const struct facts *facts, const struct header_field *own,
    const struct dkim_signature *signature, uint8_t hash_r[DKIM_HASH_BYTES]) __attribute__((warn_unused_result));

/**
 * Appends a field in the relaxed form (RFC 6376 section 3.4.2), without the line end.
 * @param without_b  leaves the value of its b= out (section 3.7).
 */
void dkim_canon_relaxed(struct buf *out, const struct header_field *field, bool without_b);

#endif
