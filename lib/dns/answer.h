/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_DNS_ANSWER_H
#define ASSAY_DNS_ANSWER_H
/*
 * One DNS message made into an answer: scan, ldns, then the CNAME chain inside the message is followed, the records of
 * the type are copied out. The result is one block of memory, immutable, owned by its cache entry.
 * Thread: any.
 */
#include "dns/dns.h"
#include "dns/name.h"

enum { ANSWER_CHAIN_LINKS = 10 };

struct answer {
	struct dns_answer head;		/* what all askers share; security, why and ttl_secs are completed per asker */
	const uint8_t *wire;		/* the message, when it is kept; else NULL */
	size_t wire_length;
	const struct dns_name *target;	/* the chain goes on here, outside this message; NULL: it ended */
	unsigned link_count;		/* CNAMEs followed in the message */
	bool authenticated;		/* AD bit */
	bool nxname;			/* an NSEC of the end of the chain, not verified, says that the name does not exist (RFC 9824) */
	size_t bytes;			/* of the whole block */
};

struct answer_limits {
	unsigned max_ttl_secs, max_negative_ttl_secs, fail_ttl_secs;
	bool keep_wire;
};

/**
 * Builds the answer to (name, type) from a message whose question has been compared already.
 * @param why_r  on NULL: why the message is of no use (static text): malformed, a referral, contradictory.
 * @return a block to be freed with answer_free(), or NULL.
 */
struct answer *answer_build(const struct dns_name *name, uint16_t type, const uint8_t *wire, size_t length,
    const struct answer_limits *limits, const char **why_r);

/** An answer that says that there was none. why is copied. */
struct answer *answer_fail(const struct dns_name *name, uint16_t type, uint8_t rcode, enum dns_failure failure,
    const char *why, unsigned fail_ttl_secs);

void answer_free(struct answer **answer);

#endif
