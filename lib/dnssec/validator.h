/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_DNSSEC_VALIDATOR_H
#define ASSAY_DNSSEC_VALIDATOR_H
/*
 * DNSSEC validation (RFC 4033-4035, 5155, 6840, 9276): is this answer authentic, from the trust anchor down?
 * Runs in the thread that waits for the answer; fetches keys and delegations through the fetcher it is given (the
 * resolver's raw cache and transport). Keeps one thing between calls: the cut cache (state per zone cut), which is
 * locked and shared by all threads. The wire it is given has passed the pre-scan (scan.h).
 */
#include <stddef.h>
#include <stdint.h>

#include "dns/dns.h"

/* Where the validator gets DNSKEY, DS and proof answers from: unvalidated wire, as the servers sent it. */
struct dns_fetcher {
	/* begins; returns at once */
	void (*start)(void *context, const char *name, uint16_t type);
	/* @return 0 with wire borrowed until the judgement ends; -E_DNS on SERVFAIL, time-out or malformed answer */
	int (*wait)(void *context, const char *name, uint16_t type, const uint8_t **wire_r, size_t *length_r);
	void *context;
};

struct validator_config {
	const char *const *trust_anchor_files;	/* NULL-terminated; DS and DNSKEY records in zone-file form, any owner */
	const char *const *negative_trust_anchors;	/* NULL-terminated domains, insecure with all below them */
	bool local_zones;			/* likewise the zones that resolvers serve themselves (RFC 6303, 6761 …) */
	const struct clock *clock;
	/* caps; 0 takes the default, which stands behind each */
	unsigned max_keys_per_rrsig;		/* 4 */
	unsigned max_rrsigs_per_rrset;		/* 8 */
	unsigned max_crypto_per_rrset;		/* 8 */
	unsigned max_crypto_per_lookup;		/* 64 */
	unsigned max_ds;			/* 16 */
	unsigned max_dnskeys;			/* 64 */
	unsigned max_nsec3_iterations;		/* 150: above it insecure (RFC 9276) */
	unsigned max_nsec3_work;		/* 5000: sum of iterations+1 hashed for one response */
	unsigned max_chain;			/* 10: CNAME and DNAME links */
	size_t max_cached_cuts;			/* 20000 */
	unsigned max_crypto_failed_per_lookup;	/* 16: verifications that failed, of the 64 */
	bool allow_sha1;			/* RSASHA1 (5, 7) counts; default no: insecure (RFC 9905) */
};

/* Why an answer is indeterminate for good: no anchor speaks for its name. Others may look for these words in a verdict's why. */
#define VALIDATOR_UNCOVERED "no trust anchor covers this name"

struct validator_verdict {
	enum dns_security security;
	bool withheld;		/* indeterminate, because keys or proofs could not be had from servers that have shown before
				 * that they pass DNSSEC on: somebody may be keeping them back, so the answer is not to be used */
	bool nonexistent;	/* with secure, or for the last link of a chain: it is proven that the name itself does not exist,
				 * whatever the rcode says (compact denial, RFC 9824; or a cache that lost the rcode) */
	uint32_t ttl_secs;	/* how long the verdict may be kept */
	const char *why;	/* one line, in the arena */
	const char *explanation;	/* several lines for `assay dns`: each zone, key tag, algorithm, proof; in the arena */
};

struct validator;

/** @return NULL on failure with why_r set: missing, unreadable, empty or unusable trust anchor file, by name and line. */
struct validator *validator_new(const struct validator_config *config, char *why_r, size_t why_bytes);
void validator_free(struct validator **validator);

/**
 * It has been seen by other means that the servers pass DNSSEC on: from now on what does not come is being kept back. Thread: any.
 */
void validator_note_reached(struct validator *validator);

/**
 * Judges one response to (name, type).
 * @param wire     the whole DNS message as received (pre-scanned), borrowed.
 * @param explain  also fill verdict_r->explanation (costs time; for `assay dns`).
 * @param arena    for the texts of the verdict.
 * Thread: any; blocks in fetcher->wait().
 */
void validator_judge(struct validator *validator, const struct dns_fetcher *fetcher, const char *name, uint16_t type,
    const uint8_t *wire, size_t length, bool explain, struct arena *arena, struct validator_verdict *verdict_r);

/**
 * Starts, without waiting, the questions that judging an answer at name will probably need: DS and DNSKEY below the
 * deepest zone that is known. Starts nothing when all is known already. To be called when a question goes out or its
 * answer comes in, so that the chain is there when somebody waits for the verdict; not for DS and DNSKEY questions.
 * Only fetcher->start() is called. Thread: any; never blocks.
 */
void validator_prefetch(struct validator *validator, const struct dns_fetcher *fetcher, const char *name);

#endif
