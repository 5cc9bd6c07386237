/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Waiting for an entry of the cache, and looking at one: until its answer is there, until it is this thread's turn to judge it.
 * Who waits sleeps on the entry under its shard's lock; cache.c wakes it. Thread: any.
 */
#include "resolver/cache_shard.h"

#include <time.h>

#include "util/clock.h"

bool cache_is_complete(struct cache_entry *entry)
{
	return entry->state != ENTRY_PENDING;
}

/* Sleeps on the entry with its shard locked. @return false when the deadline has passed. */
static bool entry_sleep(struct cache_entry *entry, int64_t deadline_ms)
{
	struct timespec until = { .tv_sec = (time_t)(deadline_ms / 1000), .tv_nsec = (long)(deadline_ms % 1000) * 1000000 };

	if (deadline_ms == 0)
		return pthread_cond_wait(&entry->changed, &entry->shard->lock) == 0;
	return pthread_cond_timedwait(&entry->changed, &entry->shard->lock, &until) == 0;
}

bool cache_wait_complete(struct cache_entry *entry, int64_t deadline_ms)
{
	bool complete, awake = true;

	if (cache_is_complete(entry))
		return true;
	pthread_mutex_lock(&entry->shard->lock);
	while (entry->state == ENTRY_PENDING && awake)
		awake = entry_sleep(entry, deadline_ms);
	complete = entry->state != ENTRY_PENDING;
	pthread_mutex_unlock(&entry->shard->lock);
	return complete;
}

enum judge_turn cache_judge_begin(struct cache_entry *entry, int64_t deadline_ms)
{
	enum judge_turn turn = JUDGE_YOURS;
	bool awake = true;

	if (entry->state == ENTRY_JUDGED)
		return JUDGE_DONE;
	pthread_mutex_lock(&entry->shard->lock);
	while (entry->state == ENTRY_JUDGING && awake)
		awake = entry_sleep(entry, deadline_ms);
	if (entry->state == ENTRY_JUDGED)
		turn = JUDGE_DONE;
	else if (entry->state == ENTRY_JUDGING)
		turn = JUDGE_TIMEOUT;
	else
		entry->state = ENTRY_JUDGING;
	pthread_mutex_unlock(&entry->shard->lock);
	return turn;
}

void cache_shorten(struct cache_entry *entry, uint32_t secs)
{
	int64_t expires_ms = clock_monotonic_ms() + (int64_t)secs * 1000;

	pthread_mutex_lock(&entry->shard->lock);
	if (entry->state != ENTRY_PENDING && expires_ms < entry->expires_ms)
		entry->expires_ms = expires_ms;
	pthread_mutex_unlock(&entry->shard->lock);
}

void cache_view(struct cache_entry *entry, struct arena *arena, struct cache_view *view_r)
{
	int64_t left_ms;

	pthread_mutex_lock(&entry->shard->lock);
	view_r->state = entry->state;
	view_r->security = entry->security;
	view_r->withheld = entry->withheld;
	view_r->nonexistent = entry->nonexistent;
	view_r->why = entry->why != NULL ? arena_strdup(arena, entry->why) : entry->answer->head.why;
	left_ms = entry->expires_ms - clock_monotonic_ms();
	pthread_mutex_unlock(&entry->shard->lock);
	view_r->ttl_secs = left_ms > 0 ? (uint32_t)((left_ms + 999) / 1000) : 0;
}
