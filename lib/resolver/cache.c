/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The sharded cache of answers: see cache.h for the life of an entry. A hit costs one lock of one shard and no
 * allocation. Each shard holds its part of the byte bound and drops the least recently used completed entries when it
 * is over; pending entries are bounded by the transport's table. What a scope still holds lives on outside the table.
 * Waiting for an entry: cache_wait.c.
 */
#include "resolver/cache_shard.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "util/clock.h"
#include "util/out_of_memory.h"
#include "util/siphash.h"

enum { SHARDS = 16, ENTRY_BYTES_GUESS = 512, BUCKETS_MIN = 16, BUCKETS_MAX = 65536 };

struct cache {
	uint64_t key[2];
	struct cache_shard shards[SHARDS];
};

static void shard_init(struct cache_shard *shard, size_t max_bytes)
{
	size_t buckets = BUCKETS_MIN;

	while (buckets < BUCKETS_MAX && buckets * ENTRY_BYTES_GUESS < max_bytes)
		buckets *= 2;
	shard->buckets = calloc(buckets, sizeof(*shard->buckets));
	if (shard->buckets == NULL)
		out_of_memory();
	shard->bucket_mask = buckets - 1;
	shard->max_bytes = max_bytes;
	pthread_mutex_init(&shard->lock, NULL);
}

struct cache *cache_new(size_t bytes)
{
	struct cache *cache = calloc(1, sizeof(*cache));

	if (cache == NULL || getrandom(cache->key, sizeof(cache->key), 0) != sizeof(cache->key))
		out_of_memory();
	for (size_t i = 0; i < SHARDS; i++)
		shard_init(&cache->shards[i], bytes / SHARDS);
	return cache;
}

static void entry_free(struct cache_entry *entry)
{
	answer_free(&entry->answer);
	free(entry->why);
	pthread_cond_destroy(&entry->changed);
	free(entry);
}

void cache_retain(struct cache_entry *entry)
{
	atomic_fetch_add_explicit(&entry->refs, 1, memory_order_relaxed);
}

void cache_release(struct cache_entry **entry)
{
	struct cache_entry *old = *entry;

	*entry = NULL;
	if (old != NULL && atomic_fetch_sub_explicit(&old->refs, 1, memory_order_acq_rel) == 1)
		entry_free(old);
}

static void lru_unlink(struct cache_shard *shard, struct cache_entry *entry)
{
	*(entry->newer != NULL ? &entry->newer->older : &shard->newest) = entry->older;
	*(entry->older != NULL ? &entry->older->newer : &shard->oldest) = entry->newer;
	entry->newer = entry->older = NULL;
}

static void lru_push(struct cache_shard *shard, struct cache_entry *entry)
{
	entry->older = shard->newest;
	*(shard->newest != NULL ? &shard->newest->newer : &shard->oldest) = entry;
	shard->newest = entry;
}

/* Takes an entry out of the table; the table's reference goes. Only completed ones are in the list by use. */
static void table_remove(struct cache_shard *shard, struct cache_entry *entry)
{
	struct cache_entry **link = &shard->buckets[entry->hash & shard->bucket_mask];

	while (*link != entry)
		link = &(*link)->next;
	*link = entry->next;
	entry->in_table = false;
	if (entry->state != ENTRY_PENDING)
		lru_unlink(shard, entry);
	shard->bytes -= entry->bytes;
	shard->entries--;
	cache_release(&entry);
}

void cache_free(struct cache **cache)
{
	struct cache *old = *cache;

	*cache = NULL;
	if (old == NULL)
		return;
	for (size_t i = 0; i < SHARDS; i++) {
		struct cache_shard *shard = &old->shards[i];

		while (shard->oldest != NULL)
			table_remove(shard, shard->oldest);
		free(shard->buckets);
		pthread_mutex_destroy(&shard->lock);
	}
	free(old);
}

static struct cache_entry *entry_new(const struct dns_name *name, uint16_t type, uint64_t hash)
{
	size_t bytes = sizeof(struct cache_entry) + 1u + name->length;
	struct cache_entry *entry = calloc(1, bytes);
	pthread_condattr_t attributes;

	if (entry == NULL)
		out_of_memory();
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&entry->changed, &attributes);
	pthread_condattr_destroy(&attributes);
	entry->hash = hash;
	entry->type = type;
	entry->name = (struct dns_name *)(void *)(entry + 1);
	memcpy(entry->name, name, 1u + name->length);
	entry->bytes = bytes;
	entry->security = DNS_INDETERMINATE;
	return entry;
}

static bool entry_matches(const struct cache_entry *entry, uint64_t hash, const struct dns_name *name, uint16_t type)
{
	return entry->hash == hash && entry->type == type && dns_name_equal(entry->name, name);
}

/* The live entry of the question, its use noted; an expired one is dropped. */
static struct cache_entry *table_find(struct cache_shard *shard, uint64_t hash, const struct dns_name *name, uint16_t type)
{
	struct cache_entry *entry = shard->buckets[hash & shard->bucket_mask];

	while (entry != NULL && !entry_matches(entry, hash, name, type))
		entry = entry->next;
	if (entry == NULL || entry->state == ENTRY_PENDING)
		return entry;
	if (entry->expires_ms <= clock_monotonic_ms()) {
		table_remove(shard, entry);
		return NULL;
	}
	if (entry != shard->newest) {
		lru_unlink(shard, entry);
		lru_push(shard, entry);
	}
	return entry;
}

static struct cache_entry *table_add(struct cache_shard *shard, const struct dns_name *name, uint16_t type, uint64_t hash)
{
	struct cache_entry *entry = entry_new(name, type, hash);
	struct cache_entry **bucket = &shard->buckets[hash & shard->bucket_mask];

	entry->shard = shard;
	entry->next = *bucket;
	*bucket = entry;
	entry->in_table = true;
	entry->refs = 1;
	shard->bytes += entry->bytes;
	shard->entries++;
	return entry;
}

struct cache_entry *cache_acquire(struct cache *cache, const struct dns_name *name, uint16_t type, unsigned depth,
    const void *who, bool may_make, bool *new_r)
{
	uint64_t hash = siphash(name->bytes, name->length, cache->key) + type * 0x9e3779b97f4a7c15u;
	struct cache_shard *shard = &cache->shards[hash >> 60];
	struct cache_entry *entry;

	pthread_mutex_lock(&shard->lock);
	entry = table_find(shard, hash, name, type);
	*new_r = entry == NULL && may_make;
	if (*new_r) {
		entry = table_add(shard, name, type, hash);
		entry->depth = (uint8_t)depth;
		entry->maker = who;
	}
	if (entry != NULL) {
		entry->askers++;
		entry->own_askers += entry->maker == who;
		cache_retain(entry);
	}
	pthread_mutex_unlock(&shard->lock);
	return entry;
}

bool cache_leave(struct cache_entry *entry, const void *who)
{
	bool nobody;

	pthread_mutex_lock(&entry->shard->lock);
	entry->own_askers -= entry->maker == who;
	nobody = --entry->askers == 0 && entry->state == ENTRY_PENDING;
	pthread_mutex_unlock(&entry->shard->lock);
	return nobody;
}

bool cache_withdraw(struct cache_entry *entry, bool from_maker)
{
	struct cache_shard *shard = entry->shard;
	bool withdrawn;

	pthread_mutex_lock(&shard->lock);
	withdrawn = entry->state == ENTRY_PENDING && entry->in_table &&
	    entry->askers == (from_maker ? entry->own_askers : 0);
	if (withdrawn)
		table_remove(shard, entry);
	pthread_mutex_unlock(&shard->lock);
	return withdrawn;
}

static void shard_shrink(struct cache_shard *shard)
{
	while (shard->bytes > shard->max_bytes && shard->oldest != NULL)
		table_remove(shard, shard->oldest);
}

/* An entry that has its answer takes its place among those that may be dropped, or goes at once. */
static void table_settle(struct cache_shard *shard, struct cache_entry *entry, bool keep)
{
	if (!entry->in_table)
		return;
	entry->bytes += entry->answer->bytes;
	shard->bytes += entry->answer->bytes;
	lru_push(shard, entry);
	if (!keep)
		table_remove(shard, entry);
}

void cache_complete(struct cache_entry *entry, struct answer *answer, bool judged, enum dns_security security, bool keep)
{
	struct cache_shard *shard = entry->shard;
	struct subscriber *subscribers, *next;

	pthread_mutex_lock(&shard->lock);
	entry->answer = answer;
	/* TTL 0 is kept for a second: who asked together, and the follow-up of a CNAME, must not ask again */
	entry->expires_ms = clock_monotonic_ms() + (answer->head.ttl_secs != 0 ? (int64_t)answer->head.ttl_secs * 1000 : 1000);
	entry->security = security;
	subscribers = entry->subscribers;
	entry->subscribers = NULL;
	entry->state = judged ? ENTRY_JUDGED : ENTRY_RAW;
	table_settle(shard, entry, keep);
	pthread_cond_broadcast(&entry->changed);
	shard_shrink(shard);
	pthread_mutex_unlock(&shard->lock);
	for (; subscribers != NULL; subscribers = next) {
		next = subscribers->next;
		subscribers->notify(subscribers);
	}
}

bool cache_subscribe(struct cache_entry *entry, struct subscriber *subscriber)
{
	struct subscriber **link = &entry->subscribers;
	bool pending;

	if (cache_is_complete(entry))
		return false;
	pthread_mutex_lock(&entry->shard->lock);
	pending = entry->state == ENTRY_PENDING;
	if (pending) {
		while (*link != NULL)	/* told in the order in which they came */
			link = &(*link)->next;
		subscriber->next = NULL;
		*link = subscriber;
	}
	pthread_mutex_unlock(&entry->shard->lock);
	return pending;
}

void cache_judge_end(struct cache_entry *entry, const struct validator_verdict *verdict, bool stands)
{
	int64_t expires_ms = clock_monotonic_ms() + (int64_t)verdict->ttl_secs * 1000;
	struct cache_shard *shard = entry->shard;
	char *copy = stands ? strdup(verdict->why) : NULL;

	if (stands && copy == NULL)
		out_of_memory();
	pthread_mutex_lock(&shard->lock);
	if (stands) {
		entry->security = verdict->security;
		entry->withheld = verdict->withheld;
		entry->nonexistent = verdict->nonexistent;
		entry->why = copy;
		/* a failure is kept for its time whatever the message says, a TTL of 0 too (RFC 9520 section 3.2) */
		if (verdict->security == DNS_BOGUS || verdict->withheld || expires_ms < entry->expires_ms)
			entry->expires_ms = expires_ms;
		if (entry->in_table) {
			entry->bytes += strlen(copy) + 1;
			shard->bytes += strlen(copy) + 1;
			shard_shrink(shard);
		}
	}
	entry->state = stands ? ENTRY_JUDGED : ENTRY_RAW;
	pthread_cond_broadcast(&entry->changed);
	pthread_mutex_unlock(&shard->lock);
}

void cache_forget(struct cache_entry *entry)
{
	struct cache_shard *shard = entry->shard;

	pthread_mutex_lock(&shard->lock);
	if (entry->in_table && entry->state != ENTRY_PENDING)
		table_remove(shard, entry);
	pthread_mutex_unlock(&shard->lock);
}

void cache_usage(struct cache *cache, size_t *bytes_r, size_t *entries_r)
{
	*bytes_r = *entries_r = 0;
	for (size_t i = 0; i < SHARDS; i++) {
		pthread_mutex_lock(&cache->shards[i].lock);
		*bytes_r += cache->shards[i].bytes;
		*entries_r += cache->shards[i].entries;
		pthread_mutex_unlock(&cache->shards[i].lock);
	}
}
