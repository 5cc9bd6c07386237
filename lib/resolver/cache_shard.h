/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_RESOLVER_CACHE_SHARD_H
#define ASSAY_RESOLVER_CACHE_SHARD_H
/* One part of the cache, for cache.c and cache_wait.c only. Thread: everything but the lock is guarded by it. */
#include "resolver/cache.h"

struct cache_shard {
	pthread_mutex_t lock;
	struct cache_entry **buckets;
	size_t bucket_mask, bytes, entries, max_bytes;
	struct cache_entry *newest, *oldest;
};

#endif
