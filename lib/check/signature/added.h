/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_CHECK_SIGNATURE_ADDED_H
#define ASSAY_CHECK_SIGNATURE_ADDED_H
/*
 * What stands in a message beside that which a signature covers. See added.c. Thread: the message's.
 */
#include "check/signature/signature.h"
#include "message/facts.h"
#include "util/arena.h"

/* How many kinds of header field added.c looks at (its table has one row each). */
enum { DKIM_ONCE_COUNT = 16 };

/** How often each field stands in the message that may stand there once. */
void dkim_added_count(const struct facts *facts, unsigned counts_r[DKIM_ONCE_COUNT]);

/** @return a field of which the message holds more than the signature covers, or a second From; NULL. Static string. */
const char *dkim_added_field(const struct dkim_signature *signature, const unsigned counts[DKIM_ONCE_COUNT]);

/** @return those of Subject, Date, To and Content-Type that the message has and the signature does not cover, in the arena; NULL. */
const char *dkim_unsigned_fields(struct arena *arena, const struct dkim_signature *signature,
    const unsigned counts[DKIM_ONCE_COUNT]);

#endif
