/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The resolver's hub: it joins cache, transport or master file, and validator. A new cache entry is asked here, and charged to
 * whoever asks first; the message that comes back is built into an answer here (on the I/O thread). Trusts its
 * configuration; what it gets from the transport has been matched, nothing more.
 */
#include "resolver/internal.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "resolver/resolvconf.h"
#include "util/out_of_memory.h"

const struct word dnssec_mode_words[] = {
	{ "validate", DNSSEC_VALIDATE }, { "trust-ad", DNSSEC_TRUST_AD }, { "off", DNSSEC_OFF }, { 0 }
};

enum { RCODE_SERVFAIL = 2, RCODE_NXDOMAIN = 3, ROUNDS_MAX = 10 };

static unsigned or_default(unsigned value, unsigned fallback)
{
	return value != 0 ? value : fallback;
}

/* ---- completing ---- */

static void entry_complete(struct dns_resolver *resolver, struct cache_entry *entry, struct answer *answer,
    enum dns_security security, bool keep)
{
	/* the entry may be dropped from the cache at once, but not before the caller's reference goes */
	bool judged = resolver->validator == NULL || answer->head.status == DNS_STATUS_FAIL;

	cache_complete(entry, answer, judged, security, keep);
}

/* What stands instead of validation: the AD bit of a resolver on loopback, or nothing. */
static enum dns_security security_without_validation(const struct dns_resolver *resolver, struct answer *answer,
    const struct dns_server *server)
{
	answer->head.why = resolver->unjudged_why;
	if (resolver->dnssec != DNSSEC_TRUST_AD)
		return DNS_INDETERMINATE;
	if (server == NULL || !addr_is_loopback(&server->addr)) {
		answer->head.why = "the resolver is not on loopback: its AD bit is not believed";
		return DNS_INDETERMINATE;
	}
	answer->head.why = answer->authenticated ? "AD bit set by the resolver on loopback" :
	    "AD bit not set by the resolver on loopback";
	if (answer->authenticated && answer->nxname) {	/* the bit vouches for the proof as well */
		answer->head.status = DNS_STATUS_NXDOMAIN;
		answer->head.rcode = RCODE_NXDOMAIN;
	}
	return answer->authenticated ? DNS_SECURE : DNS_INSECURE;
}

static const char *on_message(void *context, void *cookie, const struct dns_server *server, const uint8_t *wire,
    size_t length)
{
	struct dns_resolver *resolver = context;
	struct cache_entry *entry = cookie;
	struct answer *answer;
	const char *why;

	answer = answer_build(entry->name, entry->type, wire, length, &resolver->limits, &why);
	if (answer == NULL)
		return why;
	atomic_fetch_add_explicit(&resolver->answers, 1, memory_order_relaxed);
	entry_complete(resolver, entry, answer, security_without_validation(resolver, answer, server), true);
	cache_release(&entry);
	return NULL;
}

static void on_give_up(void *context, void *cookie, const struct query_end *end)
{
	struct dns_resolver *resolver = context;
	struct cache_entry *entry = cookie;

	entry_complete(resolver, entry, answer_fail(entry->name, entry->type, end->rcode, end->failure, end->why,
	    resolver->limits.fail_ttl_secs), end->is_bogus && resolver->dnssec != DNSSEC_OFF ? DNS_BOGUS : DNS_INDETERMINATE,
	    end->is_outcome);
	cache_release(&entry);
}

static bool on_recall(void *context, void *cookie)
{
	(void)context;
	return cache_withdraw(cookie, false);
}

static void on_recall_done(void *context, void *cookie)
{
	struct cache_entry *entry = cookie;

	(void)context;
	cache_release(&entry);
}

static bool on_only_asker(void *context, void *cookie)
{
	(void)context;
	return cache_withdraw(cookie, true);
}

static struct query *on_query_of(void *cookie)
{
	struct cache_entry *entry = cookie;

	return cache_is_complete(entry) ? NULL : atomic_load(&entry->query);
}

/* ---- asking ---- */

/* Answers from the master file, on the asking thread. */
static void zonefile_ask(struct dns_resolver *resolver, struct cache_entry *entry)
{
	struct arena *scratch = arena_new();
	struct answer *answer = NULL;
	const char *why = "the master file says that this name fails";
	const uint8_t *wire;
	size_t length;

	if (zonefile_respond(resolver->zonefile, entry->name, entry->type, scratch, &wire, &length) == 0)
		answer = answer_build(entry->name, entry->type, wire, length, &resolver->limits, &why);
	if (answer == NULL)
		answer = answer_fail(entry->name, entry->type, RCODE_SERVFAIL, DNS_FAILURE_SERVER, why, resolver->limits.fail_ttl_secs);
	else
		answer->head.why = resolver->unjudged_why;
	entry_complete(resolver, entry, answer, DNS_INDETERMINATE, true);
	arena_free(&scratch);
}

/*
 * The same with a master file. The lock hides pending entries from other threads, so that nobody ever subscribes to one:
 * completing it, maybe with a scope's lock held, calls nobody.
 */
static struct cache_entry *zonefile_acquire(struct dns_resolver *resolver, const struct dns_name *name, uint16_t type,
    unsigned depth, const void *who, bool may_make, bool *made_r)
{
	struct cache_entry *entry;

	pthread_mutex_lock(&resolver->zonefile_lock);
	entry = cache_acquire(resolver->cache, name, type, depth, who, may_make, made_r);
	if (*made_r)
		zonefile_ask(resolver, entry);
	pthread_mutex_unlock(&resolver->zonefile_lock);
	return entry;
}

static void entry_join(struct dns_resolver *resolver, struct cache_entry *entry, const struct asker *asker)
{
	cache_retain(entry);	/* the joining's */
	transport_join(resolver->transport, entry, &asker->account->network, asker->purpose == DNS_FOR_AUTHOR);
}

/* Counts it; asks what is new. */
static void entry_ask(struct dns_resolver *resolver, struct cache_entry *entry, const struct asker *asker, bool made)
{
	atomic_fetch_add_explicit(&resolver->lookups, 1, memory_order_relaxed);
	if (!made) {
		if (cache_is_complete(entry))
			atomic_fetch_add_explicit(&resolver->cache_hits, 1, memory_order_relaxed);
		else if (entry->maker != asker->account && resolver->transport != NULL && transport_has_waiting(resolver->transport))
			entry_join(resolver, entry, asker);
	} else if (resolver->zonefile == NULL) {
		cache_retain(entry);	/* the query's */
		transport_submit(resolver->transport, entry->name, entry->type, asker->account, asker->purpose, entry, &entry->query);
	}
}

struct cache_entry *resolver_acquire(struct dns_resolver *resolver, const struct dns_name *name, uint16_t type,
    unsigned depth, const struct asker *asker, bool *made_r)
{
	struct account_share *share = account_share(asker->account, asker->purpose);
	bool room = account_try_query(asker->account, share, asker->early), made;
	struct cache_entry *entry = resolver->zonefile != NULL ?
	    zonefile_acquire(resolver, name, type, depth, asker->account, room, &made) :
	    cache_acquire(resolver->cache, name, type, depth, asker->account, room, &made);

	if (room && !made)
		account_return_query(asker->account, share);
	if (made_r != NULL)
		*made_r = made;
	if (entry != NULL)
		entry_ask(resolver, entry, asker, made);
	else if (!asker->early)
		atomic_store_explicit(&share->exceeded, true, memory_order_relaxed);
	return entry;
}

void resolver_leave(struct dns_resolver *resolver, struct cache_entry **entry, const struct account *account)
{
	struct cache_entry *old = *entry;

	*entry = NULL;
	if (old == NULL)
		return;
	if (cache_leave(old, account) && resolver->transport != NULL) {
		cache_retain(old);	/* the recall's */
		transport_recall(resolver->transport, old);
	}
	cache_release(&old);
}

bool resolver_is_out(const struct dns_resolver *resolver)
{
	struct dns_health health;

	if (resolver->transport == NULL)
		return false;
	transport_health(resolver->transport, &health);
	return health.outage;
}

size_t dns_resolver_servers(const struct dns_resolver *resolver, struct dns_server *servers_r, size_t max, const char **note_r)
{
	*note_r = resolver->servers_note;
	return resolver->transport != NULL ? transport_servers(resolver->transport, servers_r, max) : 0;
}

void dns_resolver_note_reach(struct dns_resolver *resolver, enum dns_reach reach)
{
	enum dns_reach known = atomic_load(&resolver->reach);

	if (reach == DNS_REACH_FULL && resolver->validator != NULL)
		validator_note_reached(resolver->validator);
	while (known != DNS_REACH_FULL && !atomic_compare_exchange_weak(&resolver->reach, &known, reach))
		;
}

void dns_resolver_note_server(struct dns_resolver *resolver, size_t index, bool passes_dnssec)
{
	if (resolver->transport != NULL)
		transport_note_server(resolver->transport, index, passes_dnssec);
}

void dns_resolver_health(struct dns_resolver *resolver, struct dns_health *health_r)
{
	memset(health_r, 0, sizeof(*health_r));
	if (resolver->transport != NULL)
		transport_health(resolver->transport, health_r);
}

/* ---- making ---- */

static int transport_make(struct dns_resolver *resolver, const struct dns_config *config, char *why_r, size_t why_bytes)
{
	struct dns_server servers[TRANSPORT_MAX_SERVERS];
	struct transport_config transport = {
		.servers = servers,
		.server_count = config->server_count < TRANSPORT_MAX_SERVERS ? config->server_count : TRANSPORT_MAX_SERVERS,
		.timeout_ms = or_default(config->timeout_ms, 2000), .rounds = or_default(config->rounds, 3),
		.edns_bytes = or_default(config->edns_bytes, 1232), .max_inflight = or_default(config->max_inflight, 4096),
		.dnssec_ok = config->dnssec != DNSSEC_OFF, .checking_disabled = config->dnssec == DNSSEC_VALIDATE,
		.ask_authenticated = config->dnssec == DNSSEC_TRUST_AD,
		.accept = on_message, .give_up = on_give_up, .recall = on_recall, .recall_done = on_recall_done,
		.only_asker = on_only_asker, .query_of = on_query_of, .context = resolver,
	};

	transport.max_sockets = config->max_sockets != 0 && config->max_sockets < transport.max_inflight ? config->max_sockets :
	    transport.max_inflight;
	if (transport.rounds > ROUNDS_MAX)	/* the time-out doubles with each */
		transport.rounds = ROUNDS_MAX;
	for (size_t i = 0; i < transport.server_count; i++) {
		servers[i] = config->servers[i];
		if (servers[i].port == 0)
			servers[i].port = 53;
		if (servers[i].addr.family != AF_INET && servers[i].addr.family != AF_INET6) {
			snprintf(why_r, why_bytes, "DNS server %zu has no address", i + 1);
			return -1;
		}
	}
	if (transport.server_count == 0)
		transport.server_count = config->dnssec != DNSSEC_VALIDATE ?
		    resolvconf_read(RESOLVCONF_PATH, servers, TRANSPORT_MAX_SERVERS) :
		    resolvconf_choose(&resolvconf_system, servers, TRANSPORT_MAX_SERVERS, &resolver->servers_note);
	if (transport.server_count == 0) {
		snprintf(why_r, why_bytes, "no DNS server: none configured and no usable nameserver line in %s", RESOLVCONF_PATH);
		return -1;
	}
	resolver->transport = transport_new(&transport);
	if (resolver->transport == NULL)
		snprintf(why_r, why_bytes, "cannot start the thread for DNS queries");
	return resolver->transport != NULL ? 0 : -1;
}

static int validator_make(struct dns_resolver *resolver, const struct dns_config *config, char *why_r, size_t why_bytes)
{
	struct validator_config validator = { 0 };

	if (config->validator != NULL)
		validator = *config->validator;
	validator.trust_anchor_files = config->trust_anchor_files;
	validator.negative_trust_anchors = config->negative_trust_anchors;
	validator.local_zones = config->local_zones_insecure;
	validator.clock = config->clock;
	resolver->validator = validator_new(&validator, why_r, why_bytes);
	return resolver->validator != NULL ? 0 : -1;
}

/* Backend and validator. @return 0 or -1 with why_r set. */
static int resolver_make(struct dns_resolver *resolver, const struct dns_config *config, char *why_r, size_t why_bytes)
{
	if (config->zone_file != NULL) {
		resolver->dnssec = DNSSEC_OFF;
		resolver->unjudged_why = "from a master file: not judged";
		resolver->zonefile = zonefile_load(config->zone_file, why_r, why_bytes);
		return resolver->zonefile != NULL ? 0 : -1;
	}
	resolver->dnssec = config->dnssec;
	resolver->unjudged_why = config->dnssec == DNSSEC_OFF ? "DNSSEC is off" : "not judged yet";
	if (config->dnssec == DNSSEC_VALIDATE && validator_make(resolver, config, why_r, why_bytes) != 0)
		return -1;
	return transport_make(resolver, config, why_r, why_bytes);
}

struct dns_resolver *dns_resolver_new(const struct dns_config *config, char *why_r, size_t why_bytes)
{
	struct dns_resolver *resolver = calloc(1, sizeof(*resolver));

	if (resolver == NULL)
		out_of_memory();
	resolver->limits = (struct answer_limits){
		.max_ttl_secs = or_default(config->cache_max_ttl_secs, 86400),
		.max_negative_ttl_secs = or_default(config->cache_negative_ttl_secs, 900),
		.fail_ttl_secs = or_default(config->fail_ttl_secs, 5),
		.keep_wire = config->dnssec == DNSSEC_VALIDATE && config->zone_file == NULL,
	};
	pthread_mutex_init(&resolver->zonefile_lock, NULL);
	resolver->cache = cache_new(config->cache_bytes != 0 ? config->cache_bytes : (size_t)64 * 1024 * 1024);
	if (resolver_make(resolver, config, why_r, why_bytes) != 0)
		dns_resolver_free(&resolver);
	return resolver;
}

void dns_resolver_free(struct dns_resolver **resolver)
{
	struct dns_resolver *old = *resolver;

	*resolver = NULL;
	if (old == NULL)
		return;
	transport_free(&old->transport);
	if (old->validator != NULL)
		validator_free(&old->validator);
	zonefile_free(&old->zonefile);
	cache_free(&old->cache);
	pthread_mutex_destroy(&old->zonefile_lock);
	free(old);
}

void dns_resolver_statistics(struct dns_resolver *resolver, struct dns_statistics *statistics_r)
{
	memset(statistics_r, 0, sizeof(*statistics_r));
	if (resolver->transport != NULL)
		transport_statistics(resolver->transport, statistics_r);
	statistics_r->lookups = atomic_load_explicit(&resolver->lookups, memory_order_relaxed);
	statistics_r->cache_hits = atomic_load_explicit(&resolver->cache_hits, memory_order_relaxed);
	statistics_r->answers = atomic_load_explicit(&resolver->answers, memory_order_relaxed);
	for (size_t i = 0; i < DNS_SECURITY_COUNT; i++)
		statistics_r->verdicts[i] = atomic_load_explicit(&resolver->verdicts[i], memory_order_relaxed);
	cache_usage(resolver->cache, &statistics_r->cache_bytes, &statistics_r->cache_entries);
}
