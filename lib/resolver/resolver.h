/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_RESOLVER_RESOLVER_H
#define ASSAY_RESOLVER_RESOLVER_H
/*
 * The resolver as every check sees it. A normal query walks like this:
 *
 *   dns_start()  cache? → nothing to do. Else the question becomes a table entry of the I/O thread (transport.c)
 *                and goes out; the caller goes on.
 *   dns_wait()   cache hit → the answer, no thread hop. Else sleeps until the I/O thread has put the answer into the
 *                cache, until the scope's deadline, or until the servers are given up (status FAIL).
 *                In `validate` mode the waiting thread then validates (dnssec/validator.h), once for all waiters.
 *
 * A scope is one message's (or one command's) view: it counts look-ups against the cap, has one deadline, and keeps
 * the answers it gave out alive. Names are as in dns/dns.h.
 */
#include "dns/dns.h"
#include "util/addr.h"
#include "util/arena.h"
#include "util/clock.h"
#include "util/words.h"

/* What a look-up is for. Each purpose has its own share of what a message may ask. */
enum dns_purpose {
	DNS_FOR_AUTHOR,		/* the policies of the author domains */
	DNS_FOR_SPF,		/* of MAIL FROM */
	DNS_FOR_HELO,		/* SPF of the HELO name, which anybody may choose */
	DNS_FOR_DKIM,
	DNS_FOR_ARC,		/* keys of a chain of seals, which anybody on the way may make longer */
	DNS_FOR_ALIGNMENT,	/* organizational domains of what passed */
	DNS_FOR_CLIENT,		/* its names and its certificate */
	DNS_FOR_GUESS,		/* what earlier messages asked and this one probably will: see dns_guess() */
	DNS_PURPOSE_COUNT
};

enum dnssec_mode { DNSSEC_VALIDATE, DNSSEC_TRUST_AD, DNSSEC_OFF };
extern const struct word dnssec_mode_words[];	/* "validate" "trust-ad" "off" */

struct validator_config;	/* dnssec/validator.h */

struct dns_server { struct ip_addr addr; uint16_t port; };

/* All from the config; zero in a numeric field takes the default. Borrowed during dns_resolver_new(), copied. */
struct dns_config {
	const struct dns_server *servers;	/* none and no zone_file: /etc/resolv.conf */
	size_t server_count;
	const char *zone_file;		/* master-file backend instead of the network: tests, `assay check --zone` */
	enum dnssec_mode dnssec;
	const char *const *trust_anchor_files;	/* NULL-terminated */
	const char *const *negative_trust_anchors;	/* NULL-terminated domains */
	bool local_zones_insecure;	/* zones that resolvers answer themselves (RFC 6303, 6761 …) are not validated */
	unsigned timeout_ms;		/* one try at one server; default 2000, doubled for each further round */
	unsigned rounds;		/* how often the list of servers is gone through; default 3, at most 10 */
	unsigned edns_bytes;		/* default 1232 */
	size_t cache_bytes;		/* default 64 MiB */
	unsigned cache_max_ttl_secs;	/* default 86400 */
	unsigned cache_negative_ttl_secs;	/* cap; default 900 */
	unsigned fail_ttl_secs;		/* how long a failure is remembered; default 5 */
	unsigned max_inflight;		/* queries under way at once; default 4096 */
	unsigned max_sockets;		/* what the process has descriptors for, when that is less; 0: it is not */
	const struct clock *clock;	/* for signature validity only; NULL: system */
	const struct validator_config *validator;	/* caps of validation (the other fields are not read); NULL: defaults */
};

struct dns_resolver;
struct dns_scope;

/**
 * Makes the resolver and starts its I/O thread (so: after the daemon has forked). Each query under way is a socket:
 * RLIMIT_NOFILE should leave room for max_inflight; when it does not, queries wait for one.
 * @param why_r  on failure a static or arena-free text of at most why_bytes: what is wrong and where.
 * @return NULL on failure (no server, unreadable zone or trust anchor file).
 */
struct dns_resolver *dns_resolver_new(const struct dns_config *config, char *why_r, size_t why_bytes);

/** Stops the I/O thread and frees everything; all scopes must be gone. Sets *resolver to NULL. */
void dns_resolver_free(struct dns_resolver **resolver);

/**
 * The servers that it asks: those of the config, else of the system.
 * @param note_r  static text: why others are asked than resolv.conf names; NULL when they are not.
 * @return number written, at most max; 0 with a master file.
 */
size_t dns_resolver_servers(const struct dns_resolver *resolver, struct dns_server *servers_r, size_t max, const char **note_r);

/* What is known of the servers (resolver/probe.h): whether they pass on what validation needs. */
enum dns_reach {
	DNS_REACH_UNKNOWN,
	DNS_REACH_NONE,		/* they never have: nothing is validated, all answers are indeterminate */
	DNS_REACH_FULL,		/* they have: from then on, what does not come is being kept back */
};

/** Notes it. FULL is for good. Thread: any. */
void dns_resolver_note_reach(struct dns_resolver *resolver, enum dns_reach reach);

/** A server that passes no DNSSEC on is asked when no other is left. @param index as in dns_resolver_servers(). Thread: any. */
void dns_resolver_note_server(struct dns_resolver *resolver, size_t index, bool passes_dnssec);

struct dns_statistics {
	uint64_t lookups, cache_hits, queries_sent, retries, tcp, timeouts, malformed, mismatched;
	uint64_t cancelled;		/* queries that ended with the message that had asked */
	uint64_t pressed;		/* questions that were not asked because too much was under way */
	uint64_t silenced;		/* questions that were not asked because their zone does not answer */
	uint64_t answers;		/* that came and could be used */
	uint64_t verdicts[DNS_SECURITY_COUNT];	/* of the validator, each once an answer, by security - DNS_SECURE */
	size_t cache_bytes, cache_entries, inflight;
};
void dns_resolver_statistics(struct dns_resolver *resolver, struct dns_statistics *statistics_r);

/* Whether the recursive servers answer, and whether the resolver can keep up. */
struct dns_health {
	size_t server_count, down_count;
	struct dns_server down;		/* one that is down; when down_count != 0 */
	int64_t down_since_ms;		/* monotonic: it has answered nothing since, not even for the root */
	bool outage;			/* all are */
	uint64_t pressed;		/* as in the statistics */
};

/** Thread: any. */
void dns_resolver_health(struct dns_resolver *resolver, struct dns_health *health_r);

/* What a scope may cost. */
struct dns_limits {
	unsigned deadline_ms;	/* from now, for all look-ups together; 0: none but the resolver's own time-outs */
	unsigned max_lookups;	/* distinct questions; further ones get FAIL "limit" */
	unsigned max_queries;	/* sent to servers, with DNSSEC's fetches, retries and TCP; 0: any number */
	bool by_purpose;	/* both are divided among the purposes */
	const struct ip_addr *client;	/* on whose behalf, for its network's share of the resolver; NULL: nobody's. Copied */
};

/** A scope under those limits. Its first view asks for DNS_FOR_AUTHOR; see dns_scope_for(). */
struct dns_scope *dns_scope_new_limited(struct dns_resolver *resolver, const struct dns_limits *limits);

/** A scope whose purposes share one limit. @param deadline_ms, max_lookups  as in struct dns_limits. */
struct dns_scope *dns_scope_new(struct dns_resolver *resolver, unsigned deadline_ms, unsigned max_lookups);

/**
 * The same scope, seen from a purpose: new questions are charged to that one's share. Questions that are known already are
 * free, but one that another purpose's limit cut short is asked anew.
 * @return a view that lives as long as the scope; never free it.
 */
struct dns_scope *dns_scope_for(struct dns_scope *scope, enum dns_purpose purpose);

/** @return a bit, 1 << purpose, for each share of which more was wanted than there is. */
unsigned dns_scope_exceeded(const struct dns_scope *scope);

/** @return a bit, 1 << failure, for each kind of failure among the answers that dns_wait() gave. */
unsigned dns_scope_failures(const struct dns_scope *scope);

/** @return microseconds that dns_wait() waited in this scope: for answers, and until they were judged. Thread: any. */
uint64_t dns_scope_waited_us(const struct dns_scope *scope);

/** Sets the deadline anew, in ms from now (a message's time starts to count at its end). */
void dns_scope_set_deadline(struct dns_scope *scope, unsigned deadline_ms);

/** Drops the scope with its answers. Look-ups that nobody else waits for end too; continuations no longer run. */
void dns_scope_free(struct dns_scope **scope);

/** Begins a look-up and returns at once. A name that cannot be asked (too long, empty label) is ignored here. */
void dns_start(struct dns_scope *scope, const char *name, uint16_t type);

/**
 * Begins a look-up; when the answer is there, `then` is called once, on the I/O thread or, when the answer was in the
 * cache, on the caller's thread before this returns. It may only call dns_start() and dns_start_then() on the same
 * scope. The answer is not validated: use it to start further look-ups, for nothing else.
 * arg must live as long as the scope.
 */
typedef void dns_then(struct dns_scope *scope, const struct dns_answer *answer, void *arg);
void dns_start_then(struct dns_scope *scope, const char *name, uint16_t type, dns_then *then, void *arg);

/**
 * The answer; never NULL. Blocks at most until the scope's deadline.
 * A name that cannot be asked gives NXDOMAIN, insecure, why "not a domain name" (nothing can exist under it).
 * A type that is none of records (ANY, AXFR, OPT …) gives FAIL.
 * After the deadline the answer is FAIL; that one is not remembered, so a new deadline gives a new chance.
 */
const struct dns_answer *dns_wait(struct dns_scope *scope, const char *name, uint16_t type);

/**
 * For `assay dns`: waits like dns_wait(), then judges each link of the chain anew and tells how.
 * @param explanation_r  several lines (zones, keys, proofs) that live as long as the scope; NULL when the resolver
 *                       does not validate.
 * @return as dns_wait().
 */
const struct dns_answer *dns_explain(struct dns_scope *scope, const char *name, uint16_t type,
    const char **explanation_r);

/** The same for a question that is of this message alone (a local part is in its name, say): dns_scope_each() does not give it. */
const struct dns_answer *dns_wait_unnoted(struct dns_scope *scope, const char *name, uint16_t type);

/**
 * Begins a look-up that nobody has asked for yet. It takes from DNS_FOR_GUESS alone until a purpose opens the question, which is
 * then charged a look-up as if it had been new; so a wrong guess leaves each purpose the look-ups that it would have had without,
 * and DNS_FOR_AUTHOR its queries, too. Nothing is begun while queries have to wait for others. What failed as a guess is asked anew
 * by the purpose that opens it. Any view of the scope will do. Thread: the scope's.
 */
void dns_guess(struct dns_scope *scope, const char *name, uint16_t type);

/* A question of a scope, as dns_scope_each() tells of it. */
struct dns_asked {
	const char *name;	/* presentation form; borrowed during the call */
	uint16_t type;
	bool known;		/* dns_guess() was called for it */
	unsigned opened;	/* a bit, 1 << purpose, for each purpose that asked, DNS_FOR_GUESS too */
	unsigned awaited;	/* the same for those that waited with dns_wait() */
};

/** Calls each() for every question that the scope has asked, the latest first; it must not use the scope. Thread: the scope's. */
typedef void dns_asked_each(void *arg, const struct dns_asked *asked);
void dns_scope_each(struct dns_scope *scope, dns_asked_each *each, void *arg);

/* A question of a scope with what came of it, as dns_scope_tell() tells. */
struct dns_told {
	const char *name;	/* as in struct dns_asked */
	uint16_t type;
	unsigned opened, awaited;
	const struct dns_answer *answer;	/* NULL: none was there yet; lives as long as the scope */
	bool used;		/* dns_wait() gave this answer; else it is what came, which nobody waited for */
};

/** Calls each() for every question, in the order in which they were asked; it must not use the scope. Asks nothing. Thread: the scope's. */
typedef void dns_told_each(void *arg, const struct dns_told *told);
void dns_scope_tell(struct dns_scope *scope, dns_told_each *each, void *arg);

/** @return whether dns_wait() would return at once; begins the look-up if nobody has. */
bool dns_ready(struct dns_scope *scope, const char *name, uint16_t type);

#endif
