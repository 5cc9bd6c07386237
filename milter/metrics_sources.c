/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What resolvers and stores have counted. A reload may bring others, whose counts begin at 0, while sessions still use the old ones: so
 * each is listed from its beginning to its end, and what it had counted then is kept. A sum never goes down.
 * One lock, held for moments by who begins, ends or reads; while it is held none of those listed can be freed.
 * Thread: any.
 */
#include <pthread.h>

#include "metrics_internal.h"

enum { LISTED_MAX = 32 };	/* alive at once: one, and one more for each reload that sessions have outlasted */

static struct {
	pthread_mutex_t lock;
	void *resolvers[LISTED_MAX], *stores[LISTED_MAX];
	struct dns_statistics dns_ended;
	struct store_statistics store_ended;
	uint64_t misses;		/* as it was told last */
} sources = { .lock = PTHREAD_MUTEX_INITIALIZER };

static void add_dns(struct dns_statistics *sum, const struct dns_statistics *more)
{
	sum->lookups += more->lookups;
	sum->cache_hits += more->cache_hits;
	sum->queries_sent += more->queries_sent;
	sum->retries += more->retries;
	sum->tcp += more->tcp;
	sum->timeouts += more->timeouts;
	sum->malformed += more->malformed;
	sum->mismatched += more->mismatched;
	sum->cancelled += more->cancelled;
	sum->pressed += more->pressed;
	sum->silenced += more->silenced;
	sum->answers += more->answers;
	for (size_t i = 0; i < DNS_SECURITY_COUNT; i++)
		sum->verdicts[i] += more->verdicts[i];
	sum->cache_bytes += more->cache_bytes;
	sum->cache_entries += more->cache_entries;
	sum->inflight += more->inflight;
}

static void add_store(struct store_statistics *sum, const struct store_statistics *more)
{
	sum->noted += more->noted;
	sum->dropped += more->dropped;
	sum->lost += more->lost;
	sum->written += more->written;
	sum->commits += more->commits;
	sum->read_failures += more->read_failures;
	for (size_t i = 0; i < STORE_CAPS; i++)
		sum->trimmed[i] += more->trimmed[i];
	sum->queued += more->queued;
}

/* @return a place with this in it, or an empty one (NULL); NULL when there is none. */
static void **find(void **places, const void *wanted)
{
	for (size_t i = 0; i < LISTED_MAX; i++)
		if (places[i] == wanted)
			return &places[i];
	return NULL;
}

static void note_resolver(struct dns_resolver *resolver, bool ends)
{
	struct dns_statistics statistics;
	void **place;

	pthread_mutex_lock(&sources.lock);
	place = find(sources.resolvers, ends ? resolver : NULL);
	if (place != NULL)
		*place = ends ? NULL : resolver;
	if (ends) {	/* even if there was no place for it: then it counts from now on */
		dns_resolver_statistics(resolver, &statistics);
		statistics.cache_bytes = statistics.cache_entries = statistics.inflight = 0;
		add_dns(&sources.dns_ended, &statistics);
	}
	pthread_mutex_unlock(&sources.lock);
}

static void note_store(struct store *store, bool ends)
{
	struct store_statistics statistics;
	void **place;

	pthread_mutex_lock(&sources.lock);
	place = find(sources.stores, ends ? store : NULL);
	if (place != NULL)
		*place = ends ? NULL : store;
	if (ends) {
		store_statistics(store, &statistics);
		statistics.queued = 0;
		add_store(&sources.store_ended, &statistics);
	}
	pthread_mutex_unlock(&sources.lock);
}

const struct engine_watch metrics_watch = { .resolver = note_resolver, .store = note_store };

void metrics_sources_read(struct metrics_sources *sources_r)
{
	pthread_mutex_lock(&sources.lock);
	*sources_r = (struct metrics_sources){ .dns = sources.dns_ended, .store = sources.store_ended };
	for (size_t i = 0; i < LISTED_MAX; i++) {
		struct dns_statistics dns;
		struct store_statistics store;

		if (sources.resolvers[i] != NULL) {
			dns_resolver_statistics(sources.resolvers[i], &dns);
			add_dns(&sources_r->dns, &dns);
		}
		if (sources.stores[i] != NULL) {
			store_statistics(sources.stores[i], &store);
			add_store(&sources_r->store, &store);
		}
	}
	/* a hit that is counted between the two looks would make it smaller than it was told */
	if (sources_r->dns.lookups > sources_r->dns.cache_hits && sources_r->dns.lookups - sources_r->dns.cache_hits > sources.misses)
		sources.misses = sources_r->dns.lookups - sources_r->dns.cache_hits;
	sources_r->dns_misses = sources.misses;
	pthread_mutex_unlock(&sources.lock);
}
