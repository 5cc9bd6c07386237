/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Keys kept decoded, found by the bytes of p=: OpenSSL 3 needs 130 µs to decode an RSA key, 13 µs to verify with it, and 3 µs to
 * make ready for that; so what is kept is a verifier that is ready, of which each signature gets a duplicate.
 * Several shards, each a hash table with a list from the most to the least recently used, under its own lock.
 * What does not decode is kept too, so that a broken key costs no more than a good one.
 * Nothing here expires: the DNS says which bytes are the key, this only says what they mean.
 * Thread: any.
 */
#include <openssl/err.h>
#include <openssl/rand.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "check/signature/key.h"
#include "util/out_of_memory.h"

enum { SHARDS = 16 };

static const char unusable[] = "the key cannot be used";

struct entry {
	struct entry *chain;		/* same bucket */
	struct entry *newer, *older;
	uint64_t hash;
	EVP_PKEY_CTX *verifier;		/* never used, only duplicated; NULL: does not decode */
	const char *why;
	unsigned bits;
	enum dkim_key_type type;
	size_t length;
	uint8_t data[];
};

struct shard {
	pthread_mutex_t lock;
	struct entry **buckets;
	struct entry *newest, *oldest;
	size_t count, hits, misses;
};

struct dkim_keycache {
	uint64_t seed;
	size_t shard_max, bucket_count;	/* each per shard; buckets are a power of two */
	struct shard shards[SHARDS];
};

static void *allocate(size_t count, size_t size_bytes)
{
	void *memory = calloc(count, size_bytes);

	if (memory == NULL)
		out_of_memory();
	return memory;
}

struct dkim_keycache *dkim_keycache_new(size_t keys_max)
{
	struct dkim_keycache *cache = allocate(1, sizeof *cache);

	/* a seed of chance, so that nobody can choose keys that fall into one bucket */
	if (RAND_bytes((unsigned char *)&cache->seed, sizeof cache->seed) != 1)
		cache->seed = (uintptr_t)cache;
	cache->shard_max = keys_max / SHARDS + 1;
	cache->bucket_count = 1;
	while (cache->bucket_count < cache->shard_max)
		cache->bucket_count *= 2;
	for (size_t i = 0; i < SHARDS; i++) {
		pthread_mutex_init(&cache->shards[i].lock, NULL);
		cache->shards[i].buckets = allocate(cache->bucket_count, sizeof *cache->shards[i].buckets);
	}
	return cache;
}

static void entry_free(struct entry *entry)
{
	EVP_PKEY_CTX_free(entry->verifier);
	free(entry);
}

void dkim_keycache_free(struct dkim_keycache **cache)
{
	if (*cache == NULL)
		return;
	for (size_t i = 0; i < SHARDS; i++) {
		struct shard *shard = &(*cache)->shards[i];

		for (struct entry *entry = shard->newest, *next; entry != NULL; entry = next) {
			next = entry->older;
			entry_free(entry);
		}
		free(shard->buckets);
		pthread_mutex_destroy(&shard->lock);
	}
	free(*cache);
	*cache = NULL;
}

/* FNV-1a, eight bytes at a time, with a seed and a last mixing. */
static uint64_t hash_key(uint64_t seed, const uint8_t *data, size_t length)
{
	uint64_t hash = seed ^ UINT64_C(0xcbf29ce484222325) ^ length, word;

	for (; length >= sizeof word; data += sizeof word, length -= sizeof word) {
		memcpy(&word, data, sizeof word);
		hash = (hash ^ word) * UINT64_C(0x9fb21c651e98df25);
		hash ^= hash >> 32;
	}
	for (; length != 0; data++, length--)
		hash = (hash ^ *data) * UINT64_C(0x100000001b3);
	hash ^= hash >> 29;
	hash *= UINT64_C(0xbf58476d1ce4e5b9);
	return hash ^ hash >> 32;
}

static void list_remove(struct shard *shard, struct entry *entry)
{
	*(entry->newer != NULL ? &entry->newer->older : &shard->newest) = entry->older;
	*(entry->older != NULL ? &entry->older->newer : &shard->oldest) = entry->newer;
}

static void list_push(struct shard *shard, struct entry *entry)
{
	entry->newer = NULL;
	entry->older = shard->newest;
	*(entry->older != NULL ? &entry->older->newer : &shard->oldest) = entry;
	shard->newest = entry;
}

static struct entry **bucket_of(const struct dkim_keycache *cache, struct shard *shard, uint64_t hash)
{
	return &shard->buckets[(hash / SHARDS) & (cache->bucket_count - 1)];
}

static struct entry *shard_find(const struct dkim_keycache *cache, struct shard *shard, uint64_t hash,
    const struct dkim_key_record *record)
{
	for (struct entry *entry = *bucket_of(cache, shard, hash); entry != NULL; entry = entry->chain)
		if (entry->hash == hash && entry->type == record->type && entry->length == record->data_length &&
		    memcmp(entry->data, record->data, entry->length) == 0)
			return entry;
	return NULL;
}

static void shard_drop_oldest(const struct dkim_keycache *cache, struct shard *shard)
{
	struct entry *entry = shard->oldest, **link = bucket_of(cache, shard, entry->hash);

	while (*link != entry)
		link = &(*link)->chain;
	*link = entry->chain;
	list_remove(shard, entry);
	shard->count--;
	entry_free(entry);
}

static void shard_insert(const struct dkim_keycache *cache, struct shard *shard, struct entry *entry)
{
	struct entry **bucket = bucket_of(cache, shard, entry->hash);

	if (shard->count == cache->shard_max)
		shard_drop_oldest(cache, shard);
	entry->chain = *bucket;
	*bucket = entry;
	list_push(shard, entry);
	shard->count++;
}

static void entry_decode(struct entry *entry)
{
	EVP_PKEY *key = dkim_key_decode(entry->type, entry->data, entry->length, &entry->bits, &entry->why);

	if (key == NULL)
		return;
	entry->verifier = dkim_verifier_new(entry->type, key);
	if (entry->verifier == NULL)
		entry->why = unusable;
	EVP_PKEY_free(key);
}

/* Under the shard's lock. */
static EVP_PKEY_CTX *entry_take(const struct entry *entry, unsigned *bits_r, const char **why_r)
{
	EVP_PKEY_CTX *verifier;

	*why_r = entry->why;
	*bits_r = entry->bits;
	if (entry->verifier == NULL)
		return NULL;
	verifier = EVP_PKEY_CTX_dup(entry->verifier);
	if (verifier == NULL) {
		ERR_clear_error();
		*why_r = unusable;
	}
	return verifier;
}

EVP_PKEY_CTX *dkim_keycache_get(struct dkim_keycache *cache, const struct dkim_key_record *record, unsigned *bits_r,
    const char **why_r)
{
	uint64_t hash = hash_key(cache->seed, record->data, record->data_length);
	struct shard *shard = &cache->shards[hash % SHARDS];
	struct entry *entry, *fresh = NULL;
	EVP_PKEY_CTX *verifier;

	pthread_mutex_lock(&shard->lock);
	entry = shard_find(cache, shard, hash, record);
	if (entry == NULL) {
		/* decode without the lock; somebody else may do the same meanwhile */
		shard->misses++;
		pthread_mutex_unlock(&shard->lock);
		fresh = allocate(1, sizeof *fresh + record->data_length);
		fresh->hash = hash;
		fresh->type = record->type;
		fresh->length = record->data_length;
		memcpy(fresh->data, record->data, record->data_length);
		entry_decode(fresh);
		pthread_mutex_lock(&shard->lock);
		entry = shard_find(cache, shard, hash, record);
		if (entry == NULL) {
			shard_insert(cache, shard, fresh);
			entry = fresh;
			fresh = NULL;
		}
	} else {
		shard->hits++;
		list_remove(shard, entry);
		list_push(shard, entry);
	}
	verifier = entry_take(entry, bits_r, why_r);
	pthread_mutex_unlock(&shard->lock);
	if (fresh != NULL)
		entry_free(fresh);
	return verifier;
}

void dkim_keycache_statistics(struct dkim_keycache *cache, struct dkim_keycache_statistics *statistics_r)
{
	memset(statistics_r, 0, sizeof *statistics_r);
	for (size_t i = 0; i < SHARDS; i++) {
		struct shard *shard = &cache->shards[i];

		pthread_mutex_lock(&shard->lock);
		statistics_r->keys += shard->count;
		statistics_r->hits += shard->hits;
		statistics_r->misses += shard->misses;
		pthread_mutex_unlock(&shard->lock);
	}
}
