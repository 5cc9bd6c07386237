/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What resolvers and stores have counted. A reload may bring others, whose counts begin at 0, while sessions still use the old
 * ones: so each is listed from its beginning to its end, and what it had counted then is kept. A sum never goes down.
 * One lock, held for moments by who begins, ends or reads; while it is held none of those listed can be freed.
 * Thread: any.
 */
#include <pthread.h>
#include <stdlib.h>

#include "metrics_internal.h"
#include "util/out_of_memory.h"

/* Those alive: one, and one more for each reload that sessions have outlasted. */
struct listed { void **items; size_t count, room; };

static struct {
	pthread_mutex_t lock;
	struct listed resolvers, stores;
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
	sum->refused += more->refused;
	sum->written += more->written;
	sum->commits += more->commits;
	sum->read_failures += more->read_failures;
	for (size_t i = 0; i < STORE_CAPS; i++)
		sum->trimmed[i] += more->trimmed[i];
	sum->queued += more->queued;
}

static void list_add(struct listed *list, void *item)
{
	if (list->count == list->room) {
		size_t room = list->room == 0 ? 4 : list->room * 2;
		void **larger = realloc(list->items, room * sizeof(*larger));

		if (larger == NULL)
			out_of_memory();
		list->items = larger;
		list->room = room;
	}
	list->items[list->count++] = item;
}

static void list_remove(struct listed *list, const void *item)
{
	size_t i = 0;

	while (list->items[i] != item)	/* it is there: what ends has begun */
		i++;
	list->items[i] = list->items[--list->count];
	if (list->count == 0) {
		free(list->items);
		*list = (struct listed){ .items = NULL };
	}
}

static void note_resolver(struct dns_resolver *resolver, bool ends)
{
	struct dns_statistics statistics;

	pthread_mutex_lock(&sources.lock);
	if (!ends) {
		list_add(&sources.resolvers, resolver);
	} else {
		list_remove(&sources.resolvers, resolver);
		dns_resolver_statistics(resolver, &statistics);
		statistics.cache_bytes = statistics.cache_entries = statistics.inflight = 0;
		add_dns(&sources.dns_ended, &statistics);
	}
	pthread_mutex_unlock(&sources.lock);
}

static void note_store(struct store *store, bool ends)
{
	struct store_statistics statistics;

	pthread_mutex_lock(&sources.lock);
	if (!ends) {
		list_add(&sources.stores, store);
	} else {
		list_remove(&sources.stores, store);
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
	for (size_t i = 0; i < sources.resolvers.count; i++) {
		struct dns_statistics dns;

		dns_resolver_statistics(sources.resolvers.items[i], &dns);
		add_dns(&sources_r->dns, &dns);
	}
	for (size_t i = 0; i < sources.stores.count; i++) {
		struct store_statistics store;

		store_statistics(sources.stores.items[i], &store);
		add_store(&sources_r->store, &store);
	}
	/* a hit that is counted between the two looks would make it smaller than it was told */
	if (sources_r->dns.lookups > sources_r->dns.cache_hits && sources_r->dns.lookups - sources_r->dns.cache_hits > sources.misses)
		sources.misses = sources_r->dns.lookups - sources_r->dns.cache_hits;
	sources_r->dns_misses = sources.misses;
	pthread_mutex_unlock(&sources.lock);
}
