/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_DNS_RESOLVER_H
#define ASSAY_DNS_RESOLVER_H
/* What the parts of the resolver share: resolver.c (making, asking, completing), scope.c (askers), judge.c (DNSSEC). */
#include <pthread.h>

#include "dns/cache.h"
#include "dns/dns.h"
#include "dns/transport.h"
#include "dns/validate.h"
#include "dns/zonefile.h"

struct dns_resolver {
	/* immutable after dns_resolver_new() */
	enum dnssec_mode dnssec;	/* as it works: OFF with a master file */
	const char *unjudged_why;	/* why answers are indeterminate when nothing judges them */
	struct answer_limits limits;
	struct cache *cache;
	struct transport *transport;	/* NULL with a zone file */
	struct zonefile *zonefile;	/* NULL with servers */
	pthread_mutex_t zonefile_lock;	/* see zonefile_acquire() */
	struct validator *validator;	/* NULL unless it validates */
	_Atomic uint64_t lookups, cache_hits;
};

/**
 * The entry of a question; asks it when it is new. Never blocks.
 * @param depth  number of follow-ups that led here.
 * @param hit_r  whether the answer was there already; may be NULL.
 * @return with a reference for the caller.
 */
struct cache_entry *resolver_acquire(struct dns_resolver *resolver, const struct dns_name *name, uint16_t type,
    unsigned depth, bool *hit_r);

/**
 * Sees to it that a complete entry is judged, by this thread or by another one.
 * @return false when the deadline passed first.
 */
bool resolver_judge(struct dns_resolver *resolver, struct cache_entry *entry, int64_t deadline_ms);

/** Starts the keys and delegations that judging an answer at name will need; never waits. Only when validating. */
void resolver_prefetch_chain(struct dns_resolver *resolver, const struct dns_name *name);

/** Judges a complete entry anew with explanation; the cached verdict stays. Texts in the arena. */
void resolver_explain(struct dns_resolver *resolver, struct cache_entry *entry, int64_t deadline_ms,
    struct arena *arena, struct validator_verdict *verdict_r);

#endif
