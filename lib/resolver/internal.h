/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_RESOLVER_INTERNAL_H
#define ASSAY_RESOLVER_INTERNAL_H
/*
 * What the parts of the resolver share: resolver.c (making, asking, completing), scope.c and question.c (askers), judge.c
 * (DNSSEC).
 */
#include <pthread.h>

#include "dnssec/validator.h"
#include "resolver/account.h"
#include "resolver/cache.h"
#include "resolver/resolver.h"
#include "resolver/transport.h"
#include "resolver/zonefile.h"

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
	const char *servers_note;	/* see dns_resolver_servers() */
	_Atomic enum dns_reach reach;
	_Atomic uint64_t lookups, cache_hits, answers, verdicts[DNS_SECURITY_COUNT];
};

/* On whose account something is asked. */
struct asker {
	struct account *account;
	enum dns_purpose purpose;
	bool early;		/* a guess that nobody waits for yet: not asked when there is no room */
};

/**
 * The entry of a question; asks it when it is new and the account has room. Never blocks.
 * @param depth   number of follow-ups that led here.
 * @param made_r  whether it was asked now; may be NULL.
 * @return to be given back with resolver_leave(); NULL when the account has no room for what is not known yet.
 */
struct cache_entry *resolver_acquire(struct dns_resolver *resolver, const struct dns_name *name, uint16_t type,
    unsigned depth, const struct asker *asker, bool *made_r);

/** The asker goes; when nobody else waits for the answer, its query ends. Sets *entry to NULL. */
void resolver_leave(struct dns_resolver *resolver, struct cache_entry **entry, const struct account *account);

/** @return whether no recursive server answers anything at this time. */
bool resolver_is_out(const struct dns_resolver *resolver);

enum judging { JUDGING_DONE, JUDGING_LATE, JUDGING_LIMITED, JUDGING_PRESSED };

/**
 * Sees to it that a complete entry is judged, by this thread or by another one.
 * @return LATE when the deadline passed first, LIMITED when the asker's account had no room for what it takes, PRESSED when
 *         the table of queries had none.
 */
enum judging resolver_judge(struct dns_resolver *resolver, struct cache_entry *entry, int64_t deadline_ms,
    const struct asker *asker);

/** Judges a complete entry once more, with explanation; the cached verdict stays. Texts in the arena. */
void resolver_explain(struct dns_resolver *resolver, struct cache_entry *entry, int64_t deadline_ms,
    const struct asker *asker, struct arena *arena, struct validator_verdict *verdict_r);

#endif
