/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_CHECK_ARC_CHAIN_H
#define ASSAY_CHECK_ARC_CHAIN_H
/*
 * The ARC chain of one message on its way from the header (chain.c) to the verdict (judge.c). Inside the ARC check only.
 * Thread: the message's.
 */
#include "check/check.h"
#include "check/signature/bodies.h"
#include "check/signature/signature.h"

enum { ARC_SETS_MAX = DKIM_INSTANCE_MAX };

/* One set (RFC 8617 section 4.2): what one sealer added. */
struct arc_link {
	const struct header_field *results, *message, *seal;
	const char *said;		/* the results behind their instance; in the field's value */
	struct dkim_signature message_signature, seal_signature;
	const char *message_query, *seal_query;	/* names of the key records; NULL: not asked for */
	int body_slot;			/* in the message's body hashes; -1: none */
};

struct arc_chain {
	struct arc_link *links;		/* instance 1 first; NULL: no field of ARC */
	size_t count;
	const char *fault;		/* why the chain fails whatever its keys say; NULL: they decide */
	bool too_many;			/* … because of a cap */
};

/** Collects the sets and looks at their structure (RFC 8617 section 5.2, steps 1 to 3). Everything is borrowed or in the arena. */
void arc_chain_collect(const struct facts *facts, struct arena *arena, struct arc_chain *chain_r);

/**
 * What each seal signs (section 5.1.1): all sets up to its own, relaxed.
 * @param hashes_r  room for chain->count. @return false when OpenSSL refuses.
 */
bool arc_chain_seal_hashes(const struct arc_chain *chain, struct arena *arena, uint8_t (*hashes_r)[DKIM_HASH_BYTES]);

enum arc_truth { ARC_GOOD, ARC_BAD, ARC_UNKNOWN };

/* What came of one signature. */
struct arc_verdict {
	enum arc_truth truth;
	const char *reason;		/* NULL when it is good */
	enum dns_security dnssec;
	bool keyless;			/* no answer of the DNS had a part in it */
};

/**
 * Waits for the key and verifies a signature over that hash.
 * @param work  spent on keys for this message, 0 at first; past a cap a signature is bad.
 */
struct arc_verdict arc_verify(struct check_context *context, const struct dkim_signature *signature, const char *query,
    const uint8_t hash[DKIM_HASH_BYTES], unsigned *work);

struct arc_state {
	struct arc_chain chain;
	struct dkim_bodies *bodies;	/* whose hashes the message signatures need */
	bool owns_bodies;		/* no other check feeds and frees them */
};

/** The verdict on the chain, with its findings raised. */
void arc_judge_chain(struct check_context *context, const struct arc_state *state);

#endif
