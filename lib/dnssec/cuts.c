/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The cut cache: what is known of zone cuts, by lower-cased name, so that a chain is validated once and not per message.
 * Sharded; a lock is held for one look-up or one insertion, never while anything is fetched or verified. Cuts are
 * reference-counted: an evicted zone stays valid for the judgements that hold it. Bounded in number, least recently used
 * goes first. Who makes a cut may take a turn, so that those who want the same one at the same time do its work once.
 * Trusts its callers. Cannot fail. Thread: any.
 */
#include "dnssec/internal.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "util/clock.h"
#include "util/out_of_memory.h"

enum { SHARDS = 16, SHARD_SLOTS = 1024, BOGUS_MAX_MS = 300 * 1000 /* RFC 9520 section 3.2 */ };

struct shard {
	pthread_mutex_t lock;
	pthread_cond_t turned;		/* a turn has ended */
	struct cut_turn *turns;
	uint64_t last_turn;
	struct cut *slots[SHARD_SLOTS];
	struct cut *newest, *oldest;
	size_t count;
};

struct cut_cache {
	uint64_t seed;
	size_t max_per_shard;
	struct shard shards[SHARDS];
};

struct cut *cut_new(const uint8_t *name, enum cut_state state, struct cut *parent)
{
	struct cut *cut = calloc(1, sizeof(*cut));

	if (cut == NULL)
		out_of_memory();
	atomic_init(&cut->references, 1);
	cut->state = state;
	cut->parent = parent != NULL ? cut_ref(parent) : NULL;
	memcpy(cut->name, name, dns_wire_length(name));
	pthread_mutex_init(&cut->lock, NULL);
	return cut;
}

struct cut *cut_ref(struct cut *cut)
{
	atomic_fetch_add_explicit(&cut->references, 1, memory_order_relaxed);
	return cut;
}

void cut_unref(struct cut *cut)
{
	/* a loop, not a recursion: a chain of parents is let go of from below */
	while (cut != NULL && atomic_fetch_sub_explicit(&cut->references, 1, memory_order_acq_rel) == 1) {
		struct cut *parent = cut->parent;

		for (size_t i = 0; i < cut->key_count; i++)
			EVP_PKEY_free(cut->keys[i].pkey);
		free(cut->keys);
		free(cut->blob);
		free(cut->memo);
		free(cut->why);
		free(cut->story);
		pthread_mutex_destroy(&cut->lock);
		free(cut);
		cut = parent;
	}
}

/* FNV-1a from a secret start: nobody outside can aim names at one slot without knowing it. */
static uint64_t hash_name(const struct cut_cache *cache, const uint8_t *name)
{
	uint64_t hash = cache->seed;

	for (size_t i = 0, length = dns_wire_length(name); i < length; i++)
		hash = (hash ^ name[i]) * 0x100000001b3u;
	hash ^= hash >> 32;
	return hash * 0x9e3779b97f4a7c15u;
}

static struct cut **slot_of(struct shard *shard, uint64_t hash)
{
	return &shard->slots[(hash >> 8) % SHARD_SLOTS];
}

static void shard_init(struct shard *shard)
{
	pthread_mutex_init(&shard->lock, NULL);
	pthread_cond_init(&shard->turned, NULL);
}

struct cut_cache *cuts_new(size_t max_cuts)
{
	struct cut_cache *cache = calloc(1, sizeof(*cache));

	if (cache == NULL)
		out_of_memory();
	if (getrandom(&cache->seed, sizeof(cache->seed), 0) != (ssize_t)sizeof(cache->seed))
		cache->seed = 0xcbf29ce484222325u ^ (uint64_t)clock_monotonic_ms();
	cache->max_per_shard = max_cuts / SHARDS != 0 ? max_cuts / SHARDS : 1;
	for (size_t i = 0; i < SHARDS; i++)
		shard_init(&cache->shards[i]);
	return cache;
}

static void lru_unlink(struct shard *shard, struct cut *cut)
{
	*(cut->lru_newer != NULL ? &cut->lru_newer->lru_older : &shard->newest) = cut->lru_older;
	*(cut->lru_older != NULL ? &cut->lru_older->lru_newer : &shard->oldest) = cut->lru_newer;
	cut->lru_newer = cut->lru_older = NULL;
}

static void lru_push(struct shard *shard, struct cut *cut)
{
	cut->lru_newer = NULL;
	cut->lru_older = shard->newest;
	*(shard->newest != NULL ? &shard->newest->lru_newer : &shard->oldest) = cut;
	shard->newest = cut;
}

/* Takes the cut out of the shard and drops the shard's reference. */
static void shard_remove(struct shard *shard, struct cut *cut)
{
	struct cut **link = slot_of(shard, cut->hash);

	while (*link != cut)
		link = &(*link)->hash_next;
	*link = cut->hash_next;
	lru_unlink(shard, cut);
	shard->count--;
	cut_unref(cut);
}

void cuts_free(struct cut_cache **cache)
{
	if (*cache == NULL)
		return;
	for (size_t i = 0; i < SHARDS; i++) {
		struct shard *shard = &(*cache)->shards[i];

		while (shard->oldest != NULL)
			shard_remove(shard, shard->oldest);
		pthread_cond_destroy(&shard->turned);
		pthread_mutex_destroy(&shard->lock);
	}
	free(*cache);
	*cache = NULL;
}

static struct cut *shard_find(struct shard *shard, uint64_t hash, const uint8_t *name)
{
	struct cut *cut = *slot_of(shard, hash);

	while (cut != NULL && (cut->hash != hash || !dns_wire_equal(cut->name, name)))
		cut = cut->hash_next;
	return cut;
}

/* The cut, held for the caller; one that has run out is left in place: the next one wants its history. */
static struct cut *shard_get(struct shard *shard, uint64_t hash, const uint8_t *name, int64_t wall_secs)
{
	struct cut *cut = shard_find(shard, hash, name);

	if (cut == NULL || cut->expires_ms <= clock_monotonic_ms() || cut->expires_wall < wall_secs)
		return NULL;
	lru_unlink(shard, cut);
	lru_push(shard, cut);
	return cut_ref(cut);
}

struct cut *cuts_get(struct cut_cache *cache, const uint8_t *name, int64_t wall_secs)
{
	uint64_t hash = hash_name(cache, name);
	struct shard *shard = &cache->shards[hash % SHARDS];
	struct cut *cut;

	pthread_mutex_lock(&shard->lock);
	cut = shard_get(shard, hash, name, wall_secs);
	pthread_mutex_unlock(&shard->lock);
	return cut;
}

struct cut *cuts_get_old(struct cut_cache *cache, const uint8_t *name)
{
	uint64_t hash = hash_name(cache, name);
	struct shard *shard = &cache->shards[hash % SHARDS];
	struct cut *cut;

	pthread_mutex_lock(&shard->lock);
	cut = shard_find(shard, hash, name);
	if (cut != NULL)
		cut_ref(cut);
	pthread_mutex_unlock(&shard->lock);
	return cut;
}

/* ---- turns ---- */

static bool turn_is_taken(const struct shard *shard, uint64_t number)
{
	const struct cut_turn *turn = shard->turns;

	while (turn != NULL && turn->number != number)
		turn = turn->next;
	return turn != NULL;
}

struct cut *cuts_turn_begin(struct cut_cache *cache, struct cut_turn *turn, const uint8_t *name, int64_t wall_secs)
{
	uint64_t hash = hash_name(cache, name);
	struct shard *shard = &cache->shards[hash % SHARDS];
	struct cut_turn *other;
	struct cut *cut;

	*turn = (struct cut_turn){ .name = name };
	pthread_mutex_lock(&shard->lock);
	for (other = shard->turns; other != NULL && !dns_wire_equal(other->name, name);)
		other = other->next;
	if (other != NULL) {
		uint64_t number = other->number;	/* the other is gone when its turn is */

		/* once: were each to wait for all before him, those who find no end could be piled up */
		turn->name = NULL;
		while (turn_is_taken(shard, number))
			pthread_cond_wait(&shard->turned, &shard->lock);
	}
	cut = shard_get(shard, hash, name, wall_secs);
	if (cut == NULL && turn->name != NULL) {
		turn->number = ++shard->last_turn;
		turn->next = shard->turns;
		shard->turns = turn;
	}
	pthread_mutex_unlock(&shard->lock);
	return cut;
}

void cuts_turn_end(struct cut_cache *cache, struct cut_turn *turn)
{
	struct shard *shard;
	struct cut_turn **link;

	if (turn->name == NULL)
		return;
	shard = &cache->shards[hash_name(cache, turn->name) % SHARDS];
	pthread_mutex_lock(&shard->lock);
	for (link = &shard->turns; *link != turn;)
		link = &(*link)->next;
	*link = turn->next;
	pthread_cond_broadcast(&shard->turned);
	pthread_mutex_unlock(&shard->lock);
}

/* ---- putting ---- */

/* Each failure after the last one ran out doubles the wait; threads that failed at the same time count as one. */
static void back_off(struct cut *cut, const struct cut *old)
{
	int64_t now = clock_monotonic_ms(), wait = cut->expires_ms - now;

	cut->failures = old->failures + (old->expires_ms <= now ? 1 : 0);
	for (unsigned i = 0; i < cut->failures && wait < BOGUS_MAX_MS; i++)
		wait *= 2;
	cut->expires_ms = now + (wait < BOGUS_MAX_MS ? wait : BOGUS_MAX_MS);
	cut->expires_wall += (cut->expires_ms - now) / 1000;
}

void cuts_put(struct cut_cache *cache, struct cut *cut)
{
	uint64_t hash = hash_name(cache, cut->name);
	struct shard *shard = &cache->shards[hash % SHARDS];
	struct cut *old;

	pthread_mutex_lock(&shard->lock);
	old = shard_find(shard, hash, cut->name);
	if (cut->state == CUT_BOGUS && old != NULL && old->state == CUT_BOGUS)
		back_off(cut, old);
	if (old != NULL)
		shard_remove(shard, old);
	cut->hash = hash;
	cut->hash_next = *slot_of(shard, hash);
	*slot_of(shard, hash) = cut_ref(cut);
	lru_push(shard, cut);
	if (++shard->count > cache->max_per_shard)
		shard_remove(shard, shard->oldest);
	pthread_mutex_unlock(&shard->lock);
}
