/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Proof signatures that have verified before. One NSEC record denies many names (those that spf macros make of every
 * client's address, the _dmarc and _adsp of every subdomain), and each is a question of its own: without a memory the same
 * signature would be verified for each of them.
 * What is kept is a SHA-256 over everything that went into the verification: which key of the zone, the signature, the data
 * signed. That it verified stays true for ever; whether the signature is in its time is asked anew each time. It lives in
 * the SECURE cut, so it goes when the zone's keys do. Bounded: a table a zone, in which a newcomer takes its place.
 * Part of the validator. Cannot fail: what is not remembered is verified. Thread: any, by the cut's lock.
 */
#include "dns/validate_internal.h"

#include <stdlib.h>
#include <string.h>

enum { SLOTS = 32 };

struct proof_memo { struct proof_mark slots[SLOTS]; };

static const struct proof_mark *slot_of(const struct proof_memo *memo, const struct proof_mark *mark)
{
	return &memo->slots[mark->octets[0] % SLOTS];
}

bool proof_mark(const struct crypto *crypto, const struct cut *zone, const struct vkey *key, const struct vsig *sig,
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
	known = zone->proofs != NULL && memcmp(slot_of(zone->proofs, mark), mark, sizeof(*mark)) == 0;
	pthread_mutex_unlock(&zone->lock);
	return known;
}

void proof_remember(struct cut *zone, const struct proof_mark *mark)
{
	pthread_mutex_lock(&zone->lock);
	if (zone->proofs == NULL)
		zone->proofs = calloc(1, sizeof(*zone->proofs));
	if (zone->proofs == NULL)
		abort();
	zone->proofs->slots[slot_of(zone->proofs, mark) - zone->proofs->slots] = *mark;
	pthread_mutex_unlock(&zone->lock);
}
