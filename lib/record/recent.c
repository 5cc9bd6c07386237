/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * See recent.h. A table in which each peer has one place; whoever comes to a place that is taken takes it. The hash is keyed, so that
 * nobody outside can choose whose place he takes; names are compared whole. Cannot fail but for memory. Thread: any; the lock is held
 * for moments only.
 */
#include "record/recent.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "util/error.h"
#include "util/out_of_memory.h"
#include "util/siphash.h"

struct slot {
	char key[RECENT_KEY_BYTES];	/* the peer, NUL, the host, NUL */
	size_t key_bytes;		/* 0: empty */
	uint64_t generation;
	int64_t time_ms;
	int code;
	struct peer_memory memory;
};

struct recent {
	pthread_mutex_t lock;		/* of all below, but for the secret */
	uint64_t secret[2];
	uint64_t generation;		/* what is of an earlier one is forgotten */
	struct slot slots[RECENT_SLOTS];
};

struct recent *recent_new(void)
{
	struct recent *recent = calloc(1, sizeof(*recent));

	if (recent == NULL)
		out_of_memory();
	if (getrandom(recent->secret, sizeof(recent->secret), 0) != (ssize_t)sizeof(recent->secret))
		abort();	/* it cannot, for so few bytes */
	pthread_mutex_init(&recent->lock, NULL);
	return recent;
}

void recent_free(struct recent **recent)
{
	struct recent *old = *recent;

	*recent = NULL;
	if (old == NULL)
		return;
	pthread_mutex_destroy(&old->lock);
	free(old);
}

/* @return octets of the key; 0: it is too long to be kept. */
static size_t key_make(const char *peer, const char *host, char key_r[RECENT_KEY_BYTES])
{
	size_t peer_bytes = strlen(peer) + 1, host_bytes = strlen(host) + 1;

	if (peer_bytes + host_bytes > RECENT_KEY_BYTES)
		return 0;
	memcpy(key_r, peer, peer_bytes);
	memcpy(key_r + peer_bytes, host, host_bytes);
	return peer_bytes + host_bytes;
}

bool recent_get(struct recent *recent, const char *peer, const char *host, int *code_r, struct peer_memory *memory_r,
    struct recent_ticket *ticket_r)
{
	char key[RECENT_KEY_BYTES];
	size_t bytes = key_make(peer, host, key);
	struct slot *slot;
	bool known;

	ticket_r->hash = siphash(key, bytes, recent->secret);
	ticket_r->time_ms = clock_monotonic_ms();
	slot = &recent->slots[ticket_r->hash % RECENT_SLOTS];
	pthread_mutex_lock(&recent->lock);
	ticket_r->generation = recent->generation;
	known = bytes != 0 && slot->key_bytes == bytes && slot->generation == recent->generation &&
	    ticket_r->time_ms - slot->time_ms < RECENT_MS && memcmp(slot->key, key, bytes) == 0;
	if (known) {
		*code_r = slot->code;
		*memory_r = slot->memory;
	}
	pthread_mutex_unlock(&recent->lock);
	return known;
}

void recent_put(struct recent *recent, const char *peer, const char *host, int code, const struct peer_memory *memory,
    const struct recent_ticket *ticket)
{
	struct slot *slot = &recent->slots[ticket->hash % RECENT_SLOTS];

	if (code != 0 && code != -E_ABSENT)
		return;
	pthread_mutex_lock(&recent->lock);
	if (ticket->generation == recent->generation) {
		slot->key_bytes = key_make(peer, host, slot->key);
		slot->generation = ticket->generation;
		slot->time_ms = ticket->time_ms;
		slot->code = code;
		if (code == 0)
			slot->memory = *memory;
	}
	pthread_mutex_unlock(&recent->lock);
}

void recent_forget(struct recent *recent)
{
	pthread_mutex_lock(&recent->lock);
	recent->generation++;
	pthread_mutex_unlock(&recent->lock);
}
