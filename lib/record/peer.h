/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_RECORD_PEER_H
#define ASSAY_RECORD_PEER_H
/*
 * TLS memory, the pure part (RFC 3207 section 6): how a session changes what is remembered of a peer, and whether a peer
 * has a habit of TLS. No I/O, no clock of its own. Thread: any.
 */
#include <stdbool.h>

#include "record/store.h"

struct peer_rules {
	unsigned min_sessions;		/* with TLS, before it is a habit; default 10 */
	unsigned min_days;		/* distinct days with TLS; default 3 */
	unsigned min_share_percent;	/* of all sessions; default 95 */
	unsigned settle_days;		/* a peer that comes only without TLS for so long has changed its habit; default 14 */
};

/** Counts one session. memory is all zero for a peer that was not known. */
void peer_memory_update(struct peer_memory *memory, const struct peer_note *note, const struct peer_rules *rules);

/** @return whether the peer has a settled habit of TLS (or was pinned by hand). */
bool peer_has_tls_habit(const struct peer_memory *memory, const struct peer_rules *rules);

/** @return the grade that at least min_share_percent of the sessions reach (0 none … 3 strong). */
unsigned peer_usual_grade(const struct peer_memory *memory, const struct peer_rules *rules);

/**
 * @return whether a session of this grade is a downgrade for the peer: cleartext against a habit of TLS, or a weak session
 * against a usual grade of ok or better.
 */
bool peer_is_downgrade(const struct peer_memory *memory, unsigned grade, const struct peer_rules *rules);

#endif
