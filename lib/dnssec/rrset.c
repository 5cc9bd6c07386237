/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Verification of one RRset (RFC 4035 section 5.3): everything that can be refused without cryptography is refused
 * first, then a bounded number of signatures meets a bounded number of keys (KeyTrap, CVE-2023-50387).
 * Part of the validator; trusts the zone's keys, nothing else. Fails by set->why. Thread: that of the judgement.
 */
#include "dnssec/internal.h"

#include <string.h>
#include <time.h>

/* RFC 1982 serial numbers: whether a is not after b. */
static bool not_after(uint32_t a, uint32_t b)
{
	return (int32_t)(b - a) >= 0;
}

static const char *time_text(struct judgement *j, uint32_t serial)
{
	/* the 32-bit time nearest to now */
	time_t when = (time_t)(j->now + (int32_t)(serial - (uint32_t)j->now));
	struct tm broken;
	char text[32] = "?";

	if (gmtime_r(&when, &broken) != NULL)
		strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S UTC", &broken);
	return arena_strdup(j->arena, text);
}

const char *dnssec_sig_refuse(struct judgement *j, const struct vrrset *set, const struct vsig *sig)
{
	uint32_t now = (uint32_t)j->now;
	bool strict = set->type == DNS_TYPE_DS;	/* belongs to the parent, RFC 4035 section 2.4 */

	if (!(strict ? dns_wire_is_below(set->owner, sig->signer) : dns_wire_is_within(set->owner, sig->signer)))
		return j_printf(j, "signer %s is no ancestor", dns_wire_text(j->arena, sig->signer));
	if (sig->labels > dns_wire_signed_labels(set->owner))
		return "more labels signed than the name has";
	if (sig->labels < dns_wire_labels(sig->signer))
		return "fewer labels signed than the zone has";
	if (!dnssec_algorithm_supported(sig->algorithm, j->validator->config.allow_sha1))
		return j_printf(j, "algorithm %u (%s) is not supported", sig->algorithm, dnssec_algorithm_name(sig->algorithm));
	if (!not_after(sig->inception, sig->expiration))
		return "it expires before it begins";
	if (!not_after(sig->inception, now))
		return j_printf(j, "signature by key %u is not valid before %s", sig->key_tag, time_text(j, sig->inception));
	if (!not_after(now, sig->expiration))
		return j_printf(j, "signature by key %u expired at %s", sig->key_tag, time_text(j, sig->expiration));
	return NULL;
}

/* What is signed (RFC 4034 section 3.1.8.1): RRSIG rdata without the signature, then each record in canonical form with
 * the original TTL, its owner put back to the wildcard it came from. NULL when that owner is no name. */
static const uint8_t *signed_data(struct judgement *j, const struct vrrset *set, const struct vsig *sig, size_t *length_r)
{
	const uint8_t *owner = set->owner;
	size_t owner_length, room, used;
	uint8_t *data;

	if (sig->labels < dns_wire_signed_labels(owner))
		owner = dns_wire_wildcard(j->arena, dns_wire_suffix(owner, sig->labels));
	if (owner == NULL)
		return NULL;
	owner_length = dns_wire_length(owner);
	room = sig->prefix_length;
	for (size_t i = 0; i < set->count; i++)
		room += owner_length + 10 + set->rrs[i].length;
	data = arena_alloc(j->arena, room);
	memcpy(data, sig->prefix, sig->prefix_length);
	used = sig->prefix_length;
	for (size_t i = 0; i < set->count; i++) {
		const struct vrr *rr = &set->rrs[i];
		uint32_t ttl = sig->original_ttl;

		memcpy(data + used, owner, owner_length);
		used += owner_length;
		data[used++] = (uint8_t)(set->type >> 8);
		data[used++] = (uint8_t)set->type;
		data[used++] = 0;
		data[used++] = 1;	/* class IN */
		for (int shift = 24; shift >= 0; shift -= 8)
			data[used++] = (uint8_t)(ttl >> shift);
		data[used++] = (uint8_t)(rr->length >> 8);
		data[used++] = (uint8_t)rr->length;
		memcpy(data + used, rr->rdata, rr->length);
		used += rr->length;
	}
	*length_r = used;
	return data;
}

static void key_make_ready(struct cut *zone, struct vkey *key)
{
	pthread_mutex_lock(&zone->lock);
	if (!key->decoded)
		dnssec_crypto_key_decode(key);
	pthread_mutex_unlock(&zone->lock);
}

struct attempt {
	struct cut *zone;
	unsigned flags, operations;	/* operations: of this RRset */
	bool exhausted;			/* a cap was hit */
	const uint8_t *data;		/* what the signature at hand signs; NULL until a key was found for it */
	size_t length;
	const char *why;
};

/* @return whether another cryptographic operation may be spent; else attempt->why says which cap ended it. */
static bool budget_left(struct judgement *j, struct attempt *attempt)
{
	const struct validator_config *config = &j->validator->config;

	if (attempt->operations >= config->max_crypto_per_rrset) {
		attempt->why = j_printf(j, "limit: %u signature verifications were not enough", attempt->operations);
		attempt->exhausted = true;
		return false;
	}
	if (j->crypto_used >= config->max_crypto_per_lookup || j->crypto_failed >= config->max_crypto_failed_per_lookup) {
		j->limited = attempt->exhausted = true;
		attempt->why = j_printf(j, "limit: %u signature verifications in one look-up", j->crypto_used);
		return false;
	}
	attempt->operations++;
	j->crypto_used++;
	return true;
}

/* One key: by memory, or by one cryptographic operation. */
static bool key_verify(struct judgement *j, const struct vrrset *set, const struct vsig *sig, const struct vkey *key,
    struct attempt *attempt)
{
	const struct dnssec_crypto *crypto = &j->validator->crypto;
	struct sig_mark mark;
	bool marked;

	if (attempt->data == NULL && (attempt->data = signed_data(j, set, sig, &attempt->length)) == NULL) {
		attempt->why = "the name is too long for the wildcard it claims to come from";
		return false;
	}
	marked = sig_mark(crypto, attempt->zone, key, sig, attempt->data, attempt->length, &mark);
	if (marked && sig_is_known(attempt->zone, &mark))
		return true;
	if (!budget_left(j, attempt))
		return false;
	if (dnssec_crypto_verify(crypto, key, attempt->data, attempt->length, sig->signature, sig->signature_length)) {
		if (marked)
			sig_remember(attempt->zone, &mark);
		return true;
	}
	j->crypto_failed++;
	attempt->why = j_printf(j, "signature by key %u (%s) does not verify", key->tag, dnssec_algorithm_name(key->algorithm));
	return false;
}

/* One signature against the keys that bear its tag. */
static bool sig_verify(struct judgement *j, const struct vrrset *set, const struct vsig *sig, struct attempt *attempt)
{
	unsigned tried = 0;

	attempt->data = NULL;
	attempt->why = j_printf(j, "no key %u (%s) in zone %s", sig->key_tag, dnssec_algorithm_name(sig->algorithm),
	    dns_wire_text(j->arena, attempt->zone->name));
	for (size_t i = 0; i < attempt->zone->key_count; i++) {
		struct vkey *key = &attempt->zone->keys[i];

		if (key->tag != sig->key_tag || key->algorithm != sig->algorithm)
			continue;
		if ((attempt->flags & VERIFY_ENTRY_KEYS) != 0 && !key->entry)
			continue;
		if (tried++ == j->validator->config.max_keys_per_rrsig) {
			attempt->why = j_printf(j, "limit: more than %u keys with tag %u", tried - 1, sig->key_tag);
			return false;
		}
		key_make_ready(attempt->zone, key);
		if (key->pkey == NULL) {
			attempt->why = j_printf(j, "key %u: %s", key->tag, key->why);
			continue;
		}
		if (key_verify(j, set, sig, key, attempt))
			return true;
		if (attempt->exhausted)
			return false;
	}
	return false;
}

static void lower(uint32_t *value, int64_t limit)
{
	if (limit < 0)
		limit = 0;
	if (*value > limit)
		*value = (uint32_t)limit;
}

const struct vsig *dnssec_rrset_verify(struct judgement *j, struct vrrset *set, struct cut *zone, unsigned flags)
{
	struct attempt attempt = { .zone = zone, .flags = flags, .why = "it has no signature" };
	unsigned candidates = 0;
	const char *why = NULL;

	if (set->state != RRSET_NEW && dns_wire_equal(set->checked_zone, zone->name))
		return set->state == RRSET_GOOD ? set->sig : NULL;
	set->checked_zone = zone->name;
	set->state = RRSET_BAD;
	for (size_t i = 0; i < set->sig_count; i++) {
		const struct vsig *sig = &set->sigs[i];

		attempt.why = dnssec_sig_refuse(j, set, sig);
		if (attempt.why == NULL && !dns_wire_equal(sig->signer, zone->name))
			attempt.why = j_printf(j, "signer %s is not the zone", dns_wire_text(j->arena, sig->signer));
		if (attempt.why == NULL && (flags & VERIFY_UNEXPANDED) != 0 && sig->labels != dns_wire_signed_labels(set->owner))
			attempt.why = "it came out of a wildcard";
		if (attempt.why == NULL) {
			if (candidates++ == j->validator->config.max_rrsigs_per_rrset) {
				why = j_printf(j, "limit: more than %u signatures", candidates - 1);
				break;
			}
			if (sig_verify(j, set, sig, &attempt)) {
				set->state = RRSET_GOOD;
				set->sig = sig;
				lower(&set->ttl_secs, sig->original_ttl);
				lower(&set->ttl_secs, (int32_t)(sig->expiration - (uint32_t)j->now));
				return sig;
			}
		}
		why = why == NULL ? attempt.why : i < 3 ? j_printf(j, "%s; %s", why, attempt.why) : why;
		if (j->limited)
			break;
	}
	set->why = why != NULL ? why : attempt.why;
	return NULL;
}

bool dnssec_rrset_is_expanded(const struct vrrset *set)
{
	return set->state == RRSET_GOOD && set->sig->labels < dns_wire_signed_labels(set->owner);
}
