/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Signatures that have verified before. One NSEC record denies many names (those that spf macros make of every client's
 * address, the _dmarc and _adsp of every subdomain), and each is a question of its own; a record whose TTL has run out comes
 * back under the signature that it had, mostly for days: without a memory the same signature would be verified each time.
 * What is kept is a SHA-256 over everything that went into the verification: which key of the zone, the signature, the data
 * signed. That it verified stays true for ever; whether the signature is in its time is asked anew each time. It lives in
 * the SECURE cut, and is handed on to the next cut of the zone while its keys are the same, octet for octet. Bounded: a few a
 * zone, of which a newcomer replaces the one that was not asked for the longest.
 * Part of the validator. Cannot fail: what is not remembered is verified. Thread: any, by the cut's lock.
 */
#include "dnssec/internal.h"

#include <stdlib.h>
#include <string.h>

#include "util/out_of_memory.h"

enum { SLOTS_FIRST = 4, SLOTS_MAX = 32 };

struct sig_memo {
	unsigned count, room;
	struct sig_mark slots[];	/* the last asked for first */
};

static struct sig_memo *memo_with_room(struct sig_memo *old, unsigned room)
{
	struct sig_memo *memo = realloc(old, sizeof(*memo) + room * sizeof(memo->slots[0]));

	if (memo == NULL)
		out_of_memory();
	if (old == NULL)
		memo->count = 0;
	memo->room = room;
	return memo;
}

/* Puts a mark in front; those in the first `before` slots move up by one. */
static void to_front(struct sig_memo *memo, const struct sig_mark *mark, unsigned before)
{
	struct sig_mark copy = *mark;

	memmove(&memo->slots[1], &memo->slots[0], before * sizeof(memo->slots[0]));
	memo->slots[0] = copy;
}

/* Looking at all of them costs less than a hundredth of a verification. */
static bool find(struct sig_memo *memo, const struct sig_mark *mark)
{
	for (unsigned i = 0; i < memo->count; i++)
		if (memcmp(&memo->slots[i], mark, sizeof(*mark)) == 0) {
			to_front(memo, mark, i);
			return true;
		}
	return false;
}

bool sig_mark(const struct dnssec_crypto *crypto, const struct cut *zone, const struct vkey *key, const struct vsig *sig,
    const uint8_t *data, size_t length, struct sig_mark *mark_r)
{
	uint32_t index = (uint32_t)(key - zone->keys);
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	bool made;

	/* the lengths first, so that no two inputs run together to the same octets */
	made = context != NULL && EVP_DigestInit_ex2(context, crypto->sha256, NULL) == 1 &&
	    EVP_DigestUpdate(context, &index, sizeof(index)) == 1 &&
	    EVP_DigestUpdate(context, &sig->signature_length, sizeof(sig->signature_length)) == 1 &&
	    EVP_DigestUpdate(context, sig->signature, sig->signature_length) == 1 &&
	    EVP_DigestUpdate(context, data, length) == 1 && EVP_DigestFinal_ex(context, mark_r->octets, NULL) == 1;
	EVP_MD_CTX_free(context);
	return made;
}

bool sig_is_known(struct cut *zone, const struct sig_mark *mark)
{
	bool known;

	pthread_mutex_lock(&zone->lock);
	known = zone->memo != NULL && find(zone->memo, mark);
	pthread_mutex_unlock(&zone->lock);
	return known;
}

void sig_remember(struct cut *zone, const struct sig_mark *mark)
{
	struct sig_memo *memo;

	pthread_mutex_lock(&zone->lock);
	if (zone->memo == NULL)
		zone->memo = memo_with_room(NULL, SLOTS_FIRST);
	memo = zone->memo;
	if (!find(memo, mark)) {
		if (memo->count == memo->room && memo->room < SLOTS_MAX)
			zone->memo = memo = memo_with_room(memo, memo->room * 2);
		if (memo->count < memo->room)
			memo->count++;
		to_front(memo, mark, memo->count - 1);
	}
	pthread_mutex_unlock(&zone->lock);
}

static bool keys_are_same(const struct cut *a, const struct cut *b)
{
	bool same = a->key_count == b->key_count;

	for (size_t i = 0; i < a->key_count && same; i++)
		same = a->keys[i].length == b->keys[i].length &&
		    memcmp(a->keys[i].rdata, b->keys[i].rdata, a->keys[i].length) == 0;
	return same;
}

void cut_inherit(struct cut *cut, struct cut *old)
{
	if (atomic_load_explicit(&old->delegates, memory_order_relaxed))
		atomic_store_explicit(&cut->delegates, true, memory_order_relaxed);
	if (old->state != CUT_SECURE || !keys_are_same(cut, old))
		return;
	pthread_mutex_lock(&old->lock);
	for (size_t i = 0; i < cut->key_count; i++) {
		const struct vkey *key = &old->keys[i];

		if (!key->decoded || (key->pkey != NULL && EVP_PKEY_up_ref(key->pkey) != 1))
			continue;
		cut->keys[i].decoded = true;
		cut->keys[i].pkey = key->pkey;
		cut->keys[i].why = key->why;
	}
	if (old->memo != NULL) {
		cut->memo = memo_with_room(NULL, old->memo->room);
		cut->memo->count = old->memo->count;
		memcpy(cut->memo->slots, old->memo->slots, old->memo->count * sizeof(old->memo->slots[0]));
	}
	pthread_mutex_unlock(&old->lock);
}
