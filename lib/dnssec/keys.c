/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From a DS set, or a trust anchor, to a zone whose keys are trusted (RFC 4035 section 5.2): the DS records that count
 * are chosen, the DNSKEY set is fetched, a key that a DS names must have signed it.
 * Part of the validator; trusts the DS set it is given (verified, or an anchor). Fails by the cut's state and its why.
 * Thread: that of the judgement; the cut is private to it until it is cached.
 */
#include "dnssec/internal.h"

#include <ldns/ldns.h>
#include <stdlib.h>
#include <string.h>

#include "util/clock.h"
#include "util/out_of_memory.h"

enum {
	MAX_DIGESTS = 16, DIGEST_SHA1 = 1,
	FLAG_ZONE = 0x100, FLAG_REVOKE = 0x80, FLAG_SEP = 1, PROTOCOL_DNSSEC = 3,
	SECURE_MAX_SECS = 86400, UNSIGNED_MAX_SECS = 3600, BOGUS_SECS = 60,
};

size_t dnssec_ds_parse(const struct vrrset *set, struct vds *ds_r, size_t room)
{
	size_t count = 0;

	for (size_t i = 0; i < set->count && count < room; i++) {
		const struct vrr *rr = &set->rrs[i];

		if (rr->length < 4)
			continue;
		ds_r[count++] = (struct vds){
			.tag = (uint16_t)(rr->rdata[0] << 8 | rr->rdata[1]), .algorithm = rr->rdata[2],
			.digest_type = rr->rdata[3], .digest = rr->rdata + 4, .digest_length = rr->length - 4u,
		};
	}
	return count;
}

void cut_cache(struct judgement *j, struct cut *cut)
{
	/* what was not reached, or only this look-up's budget ended, says nothing about the zone */
	if (cut->state == CUT_UNKNOWN || j->limited || cut->expires_wall <= j->now)
		return;
	if (cut->parent != NULL && (cut->state == CUT_SECURE || cut->state == CUT_INSECURE))
		atomic_store_explicit(&cut->parent->delegates, true, memory_order_relaxed);
	cuts_put(j->validator->cuts, cut);
}

void cut_finish(struct judgement *j, struct cut *cut, uint32_t ttl_secs, const char *why, const char *story)
{
	uint32_t limit = cut->state == CUT_SECURE ? SECURE_MAX_SECS : cut->state == CUT_BOGUS ? BOGUS_SECS : UNSIGNED_MAX_SECS;

	if (cut->state == CUT_BOGUS || ttl_secs > limit)
		ttl_secs = limit;
	cut->expires_ms = clock_monotonic_ms() + (int64_t)ttl_secs * 1000;
	cut->expires_wall = j->now + ttl_secs;
	cut->why = strdup(why);
	cut->story = strdup(story);
	if (cut->why == NULL || cut->story == NULL)
		out_of_memory();
}

struct cut *cut_make(struct judgement *j, const uint8_t *name, enum cut_state state, struct cut *parent,
    uint32_t ttl_secs, const char *why)
{
	struct cut *cut = judgement_hold(j, cut_new(name, state, parent));
	const char *story = "";

	if (state != CUT_NOT_A_CUT)
		story = j_printf(j, "%s: %s: %s\n", dns_wire_text(j->arena, name),
		    state == CUT_INSECURE ? "insecure" : state == CUT_BOGUS ? "bogus" : "unknown", why);
	cut_finish(j, cut, ttl_secs, why, story);
	/* a proof that is missing at one label may turn up at the next: walk_down() decides */
	if (state != CUT_BOGUS)
		cut_cache(j, cut);
	return cut;
}

/* What is being established. */
struct work {
	struct judgement *j;
	struct cut *cut;
	const char *zone_text;
	struct buf story;
	uint32_t ttl_secs;
};

static const char *ds_text(struct judgement *j, const struct vds *ds)
{
	if (ds->dnskey != NULL)
		return j_printf(j, "DNSKEY %u %s", ds->tag, dnssec_algorithm_name(ds->algorithm));
	return j_printf(j, "DS %u %s(%u) %s(%u)", ds->tag, dnssec_algorithm_name(ds->algorithm), ds->algorithm,
	    dnssec_digest_name(ds->digest_type), ds->digest_type);
}

/* Keeps the DS records that we can follow; SHA-1 only where nothing better is there (RFC 4509 section 3).
 * @return their number. */
static size_t ds_choose(struct work *work, const struct vds *ds, size_t count, struct vds *chosen)
{
	bool allow_sha1 = work->j->validator->config.allow_sha1, better = false;
	size_t kept = 0;

	for (size_t i = 0; i < count; i++)
		if (ds[i].dnskey == NULL && ds[i].digest_type != DIGEST_SHA1 && dnssec_digest_supported(ds[i].digest_type) &&
		    dnssec_algorithm_supported(ds[i].algorithm, allow_sha1))
			better = true;
	for (size_t i = 0; i < count; i++) {
		const char *refused = NULL;

		if (!dnssec_algorithm_supported(ds[i].algorithm, allow_sha1))
			refused = "its algorithm is not supported";
		else if (ds[i].dnskey == NULL && !dnssec_digest_supported(ds[i].digest_type))
			refused = "its digest type is not supported";
		else if (ds[i].dnskey == NULL && ds[i].digest_type == DIGEST_SHA1 && better)
			refused = "SHA-1 beside a better digest";
		if (refused == NULL)
			chosen[kept++] = ds[i];
		else
			buf_printf(&work->story, "%s: %s ignored: %s\n", work->zone_text, ds_text(work->j, &ds[i]), refused);
	}
	return kept;
}

/* Copies the zone keys out of the DNSKEY set: zone bit, protocol 3, not revoked (RFC 4034 section 2.1, RFC 5011). */
static void keys_load(struct work *work, const struct vrrset *set)
{
	struct cut *cut = work->cut;
	size_t octets = 0, used = 0;

	for (size_t i = 0; i < set->count; i++)
		octets += set->rrs[i].length;
	cut->blob = malloc(octets + 1);
	cut->keys = calloc(set->count, sizeof(*cut->keys));
	if (cut->blob == NULL || cut->keys == NULL)
		out_of_memory();
	for (size_t i = 0; i < set->count; i++) {
		const struct vrr *rr = &set->rrs[i];
		struct vkey *key = &cut->keys[cut->key_count];
		unsigned flags;

		if (rr->length <= 4)
			continue;
		flags = (unsigned)rr->rdata[0] << 8 | rr->rdata[1];
		if ((flags & FLAG_ZONE) == 0 || (flags & FLAG_REVOKE) != 0 || rr->rdata[2] != PROTOCOL_DNSSEC)
			continue;
		memcpy(cut->blob + used, rr->rdata, rr->length);
		*key = (struct vkey){
			.flags = (uint16_t)flags, .algorithm = rr->rdata[3], .length = rr->length, .rdata = cut->blob + used,
			.tag = ldns_calc_keytag_raw(rr->rdata, rr->length),
		};
		used += rr->length;
		cut->key_count++;
	}
}

static bool ds_matches(struct work *work, const struct vds *ds, const struct vkey *key, unsigned *digests)
{
	if (ds->tag != key->tag || ds->algorithm != key->algorithm)
		return false;
	if (ds->dnskey != NULL)
		return ds->dnskey_length == key->length && memcmp(ds->dnskey, key->rdata, key->length) == 0;
	if (++*digests > MAX_DIGESTS)
		return false;
	return dnssec_crypto_ds_matches(&work->j->validator->crypto, work->cut->name, key, ds->digest_type, ds->digest,
	    ds->digest_length);
}

static const char *keys_text(struct work *work)
{
	struct buf text = buf_make(work->j->arena);

	for (size_t i = 0; i < work->cut->key_count && i < 8; i++) {
		const struct vkey *key = &work->cut->keys[i];

		buf_printf(&text, "%s%u %s %s", i == 0 ? "" : ", ", key->tag, (key->flags & FLAG_SEP) != 0 ? "KSK" : "ZSK",
		    dnssec_algorithm_name(key->algorithm));
	}
	if (work->cut->key_count > 8)
		buf_puts(&text, ", …");
	return text.data;
}

/* Marks the keys that a DS names. @return NULL, or why there is none. */
static const char *entries_mark(struct work *work, const struct vds *ds, size_t count)
{
	unsigned digests = 0, matched = 0;
	const char *missing = NULL;

	for (size_t i = 0; i < count; i++) {
		bool found = false;

		for (size_t k = 0; k < work->cut->key_count; k++)
			if (ds_matches(work, &ds[i], &work->cut->keys[k], &digests)) {
				work->cut->keys[k].entry = found = true;
				matched++;
			}
		buf_printf(&work->story, "%s: %s %s\n", work->zone_text, ds_text(work->j, &ds[i]),
		    found ? "matches a key" : "matches no key");
		if (!found && missing == NULL)
			missing = ds_text(work->j, &ds[i]);
	}
	if (matched != 0)
		return NULL;
	if (digests > MAX_DIGESTS)
		return j_printf(work->j, "limit: %u DS digests computed for %s", MAX_DIGESTS, work->zone_text);
	if (work->cut->key_count == 0)
		return j_printf(work->j, "%s has a DS, but no DNSKEY that may sign a zone", work->zone_text);
	return j_printf(work->j, "no DNSKEY of %s matches its %s; its keys are %s", work->zone_text, missing, keys_text(work));
}

/* Ends the work in a state other than SECURE. */
static struct cut *give_up(struct work *work, enum cut_state state, const char *why)
{
	work->cut->state = state;
	buf_printf(&work->story, "%s: %s: %s\n", work->zone_text,
	    state == CUT_INSECURE ? "insecure" : state == CUT_BOGUS ? "bogus" : "unknown", why);
	cut_finish(work->j, work->cut, state == CUT_UNKNOWN ? 0 : work->ttl_secs, why, work->story.data);
	cut_cache(work->j, work->cut);
	return work->cut;
}

struct cut *dnssec_turn_begin(struct judgement *j, struct cut_turn *turn, const uint8_t *zone)
{
	struct cut *cut = cuts_turn_begin(j->validator->cuts, turn, zone, j->now);

	if (cut == NULL)
		return NULL;
	judgement_hold(j, cut);
	/* by a DS set there is a zone; that somebody else found none, or no proof, is not what was asked here */
	if (cut->state == CUT_SECURE || cut->state == CUT_INSECURE || (cut->state == CUT_BOGUS && !cut->unproven))
		return cut;
	turn->name = NULL;
	return NULL;
}

/* Cryptography only: keys that came against the chosen DS records. */
static struct cut *keys_verify(struct work *work, struct vrrset *set, const struct vds *ds, size_t count)
{
	struct judgement *j = work->j;
	struct cut *old = cuts_get_old(j->validator->cuts, work->cut->name);
	const char *why;

	keys_load(work, set);
	if (old != NULL) {
		cut_inherit(work->cut, old);
		cut_unref(old);
	}
	why = entries_mark(work, ds, count);
	if (why != NULL)
		return give_up(work, CUT_BOGUS, why);
	if (dnssec_rrset_verify(j, set, work->cut, VERIFY_ENTRY_KEYS | VERIFY_UNEXPANDED) == NULL)
		return give_up(work, CUT_BOGUS, j_printf(j, "DNSKEY set of %s: %s", work->zone_text, set->why));
	buf_printf(&work->story, "%s: DNSKEY set (%s) signed by key %u: secure\n", work->zone_text, keys_text(work),
	    set->sig->key_tag);
	/* the root alone shows nothing: some servers pass its keys on, and not the DS records below it */
	if (!dns_wire_is_root(work->cut->name))
		atomic_store(&j->validator->anchored, true);
	cut_finish(j, work->cut, set->ttl_secs < work->ttl_secs ? set->ttl_secs : work->ttl_secs,
	    j_printf(j, "key %u of %s", set->sig->key_tag, work->zone_text), work->story.data);
	cut_cache(j, work->cut);
	return work->cut;
}

/* The DNSKEY set against the chosen DS records. */
static struct cut *keys_check(struct work *work, const struct vds *ds, size_t count)
{
	struct judgement *j = work->j;
	struct vmessage *message;
	struct cut_turn turn;
	struct vrrset *set;
	struct cut *cut;

	if (judgement_fetch(j, work->cut->name, DNS_TYPE_DNSKEY, &message) != 0)
		return give_up(work, CUT_UNKNOWN, j_printf(j, "no answer to DNSKEY of %s", work->zone_text));
	set = dnssec_rrset_find(message->answer, message->answer_count, work->cut->name, DNS_TYPE_DNSKEY);
	/* at an anchor, before anything was validated, this is a server that does not pass DNSSEC records on, not an attack
	 * that could be told from it: never bogus */
	if (work->cut->parent == NULL && !atomic_load(&j->validator->anchored) && (set == NULL || set->sig_count == 0))
		return give_up(work, CUT_UNKNOWN, j_printf(j, "the DNSKEY answer for trust anchor %s bears no %s: "
		    "does the recursive server pass DNSSEC records on?", work->zone_text, set == NULL ? "key" : "signature"));
	if (set == NULL)
		return give_up(work, CUT_BOGUS, j_printf(j, "%s has no DNSKEY, but a DS", work->zone_text));
	if (set->count > j->validator->config.max_dnskeys)
		return give_up(work, CUT_BOGUS, j_printf(j, "limit: %s has %zu keys", work->zone_text, set->count));
	cut = dnssec_turn_begin(j, &turn, work->cut->name);
	if (cut != NULL)
		return cut;
	cut = keys_verify(work, set, ds, count);
	cuts_turn_end(j->validator->cuts, &turn);
	return cut;
}

struct cut *dnssec_keys_establish(struct judgement *j, const uint8_t *zone, const struct ds_set *set)
{
	struct work work = { .j = j, .zone_text = dns_wire_text(j->arena, zone), .story = buf_make(j->arena),
		.ttl_secs = set->ttl_secs };
	struct vds *chosen = arena_calloc(j->arena, set->count + 1, sizeof(*chosen));
	size_t count;

	work.cut = judgement_hold(j, cut_new(zone, CUT_SECURE, set->parent));
	judgement_start(j, zone, DNS_TYPE_DNSKEY);
	buf_printf(&work.story, "%s: %s\n", work.zone_text, set->source);
	if (set->parent != NULL && set->count > j->validator->config.max_ds)
		return give_up(&work, CUT_BOGUS, j_printf(j, "limit: %s has %zu DS records", work.zone_text, set->count));
	count = ds_choose(&work, set->ds, set->count, chosen);
	if (count == 0)
		return give_up(&work, CUT_INSECURE, j_printf(j, "every DS of %s is of an unsupported algorithm or digest type",
		    work.zone_text));
	return keys_check(&work, chosen, count);
}
