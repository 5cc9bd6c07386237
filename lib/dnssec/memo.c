/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Proof signatures that have verified before. One NSEC record denies many names (those that spf macros make of every
 * client's address, the _dmarc and _adsp of every subdomain), and each is a question of its own: without a memory the same
 * signature would be verified for each of them.
 * What is kept is a SHA-256 over everything that went into the verification: which key of the zone, the signature, the data
 * signed. That it verified stays true for ever; whether the signature is in its time is asked anew each time. It lives in
 * the SECURE cut, so it goes when the zone's keys do. Bounded: a few a zone, of which a newcomer replaces the oldest.
 * Part of the validator. Cannot fail: what is not remembered is verified. Thread: any, by the cut's lock.
 */
#include "dnssec/internal.h"

#include <stdlib.h>
#include <string.h>

#include "util/out_of_memory.h"

enum { SLOTS = 32 };

struct proof_memo {
	struct proof_mark slots[SLOTS];
	unsigned count, next;
};

/* Looking at all of them costs less than a hundredth of a verification. */
static bool holds(const struct proof_memo *memo, const struct proof_mark *mark)
{
	for (unsigned i = 0; i < memo->count; i++)
		if (memcmp(&memo->slots[i], mark, sizeof(*mark)) == 0)
			return true;
	return false;
}

bool proof_mark(const struct dnssec_crypto *crypto, const struct cut *zone, const struct vkey *key, const struct vsig *sig,
    const uint8_t *data, size_t length, struct proof_mark *mark_r)
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

bool proof_is_known(struct cut *zone, const struct proof_mark *mark)
{
	bool known;

	pthread_mutex_lock(&zone->lock);
	known = zone->proofs != NULL && holds(zone->proofs, mark);
	pthread_mutex_unlock(&zone->lock);
	return known;
}

void proof_remember(struct cut *zone, const struct proof_mark *mark)
{
	pthread_mutex_lock(&zone->lock);
	if (zone->proofs == NULL)
		zone->proofs = calloc(1, sizeof(*zone->proofs));
	if (zone->proofs == NULL)
		out_of_memory();
	if (!holds(zone->proofs, mark)) {
		zone->proofs->slots[zone->proofs->next] = *mark;
		zone->proofs->next = (zone->proofs->next + 1) % SLOTS;
		if (zone->proofs->count < SLOTS)
			zone->proofs->count++;
	}
	pthread_mutex_unlock(&zone->lock);
}
