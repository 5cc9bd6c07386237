/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The walk down the tree: from the deepest cut that is known, or from an anchor, to the zone that signed an answer, or,
 * for an answer without signatures, to the proof that a delegation on the way is unsigned (RFC 4035 section 5.2).
 * All DS and DNSKEY answers that will probably be wanted are asked for at once and then judged in order.
 * Part of the validator; trusts cached cuts. Fails by the state of the cut it returns. Thread: that of the judgement.
 */
#include "dnssec/internal.h"

#include <ldns/ldns.h>
#include <string.h>

enum {
	AHEAD = 8, LIKELY = 4, NO_TTL_LIMIT = 86400,
	/* labels between one zone and the next: the longest in use is a host's reverse name below its /48 or /64 */
	STEPS_MAX = 20,
	/* labels in a row of which the zone above proves nothing, as some servers cannot for an empty non-terminal */
	UNPROVEN_MAX = 4,
};

const struct negative_anchor *dnssec_negative_anchor_for(const struct validator *validator, const uint8_t *name)
{
	const struct negative_anchor *best = NULL;

	for (const struct negative_anchor *item = validator->negative_anchors; item != NULL; item = item->next)
		if (dns_wire_is_within(name, item->name) &&
		    (best == NULL || dns_wire_labels(item->name) > dns_wire_labels(best->name)))
			best = item;
	/* a positive anchor below the negative one wins again (RFC 7646 section 1.1) */
	for (const struct anchor *anchor = validator->anchors; best != NULL && anchor != NULL; anchor = anchor->next)
		if (dns_wire_is_within(name, anchor->name) && (dns_wire_is_below(anchor->name, best->name) ||
		    (best->rfc != 0 && dns_wire_equal(anchor->name, best->name))))
			return NULL;
	return best;
}

/* Both halves of each delegation between base and zone, as far as they are likely to be cuts. */
static void prefetch(struct judgement *j, const uint8_t *base, const uint8_t *zone)
{
	unsigned first = dns_wire_labels(base) + 1, last = dns_wire_labels(zone);

	for (unsigned labels = last; labels >= first; labels--) {
		const uint8_t *name = dns_wire_suffix(zone, labels);

		if (labels != last && (labels >= first + LIKELY || places_zone(&j->validator->places, name) != name))
			continue;
		judgement_start(j, name, DNS_TYPE_DS);
		judgement_start(j, name, DNS_TYPE_DNSKEY);
	}
}

static const struct anchor *anchor_at(const struct validator *validator, const uint8_t *name)
{
	const struct anchor *anchor = validator->anchors;

	while (anchor != NULL && !dns_wire_equal(anchor->name, name))
		anchor = anchor->next;
	return anchor;
}

const uint8_t *dnssec_anchor_between(const struct validator *validator, const uint8_t *zone, const uint8_t *name)
{
	const struct anchor *anchor = validator->anchors;

	while (anchor != NULL && !(dns_wire_is_below(anchor->name, zone) && dns_wire_is_within(name, anchor->name)))
		anchor = anchor->next;
	return anchor != NULL ? anchor->name : NULL;
}

/* The zone of the anchor at name, if there is one; target is where the walk will lead. */
static struct cut *anchor_establish(struct judgement *j, const uint8_t *name, const uint8_t *target)
{
	const struct anchor *anchor = anchor_at(j->validator, name);

	if (anchor == NULL)
		return NULL;
	judgement_start(j, name, DNS_TYPE_DNSKEY);
	prefetch(j, name, target);
	return dnssec_keys_establish(j, name, &(struct ds_set){ anchor->ds, anchor->ds_count, NO_TTL_LIMIT, NULL,
	    j_printf(j, "trust anchor from %s", anchor->source) });
}

/* The cached cut, held. */
static struct cut *cached(struct judgement *j, const uint8_t *name)
{
	struct cut *cut = cuts_get(j->validator->cuts, name, j->now);

	return cut != NULL ? judgement_hold(j, cut) : NULL;
}

/* The deepest cut known at name or above: cached or anchored. for_signer: of a zone that has signed the answer. */
static struct cut *nearest(struct judgement *j, const uint8_t *target, bool for_signer)
{
	for (const uint8_t *name = target;; name = dns_wire_parent(name)) {
		struct cut *cut = cached(j, name);

		if (cut != NULL && cut->state != CUT_NOT_A_CUT && !(for_signer && cut->unproven))
			return cut;
		cut = anchor_establish(j, name, target);
		if (cut != NULL)
			return cut;
		if (dns_wire_is_root(name)) {
			j->uncovered = true;
			return cut_make(j, name, CUT_UNKNOWN, NULL, 0, VALIDATOR_UNCOVERED);
		}
	}
}

/* DS set at zone, by parent. */
static struct cut *delegation_follow(struct judgement *j, const uint8_t *zone, struct vrrset *set, struct cut *parent)
{
	const struct vsig *sig;
	struct cut_turn turn;
	struct cut *made = dnssec_turn_begin(j, &turn, zone);
	struct vds *ds;
	size_t count;

	if (made != NULL)
		return made;
	sig = dnssec_rrset_verify(j, set, parent, VERIFY_UNEXPANDED);
	cuts_turn_end(j->validator->cuts, &turn);	/* whoever waits finds the signature in the parent's memory */
	if (sig == NULL) {
		struct cut *cut = cut_make(j, zone, CUT_BOGUS, parent, 0, j_printf(j, "DS set of %s: %s",
		    dns_wire_text(j->arena, zone), set->why));

		cut_cache(j, cut);
		return cut;
	}
	for (const uint8_t *name = dns_wire_parent(zone); dns_wire_is_below(name, parent->name); name = dns_wire_parent(name))
		places_note(&j->validator->places, name, parent->name);
	ds = arena_calloc(j->arena, set->count + 1, sizeof(*ds));
	count = dnssec_ds_parse(set, ds, set->count);
	return dnssec_keys_establish(j, zone, &(struct ds_set){ ds, count, set->ttl_secs, parent,
	    j_printf(j, "DS set signed by key %u %s of zone %s", sig->key_tag, dnssec_algorithm_name(sig->algorithm),
	    dns_wire_text(j->arena, parent->name)) });
}

/* An alias at the label, or a DNAME above it, is data of the zone: no cut there. NULL when there is no alias. */
static struct cut *alias_follow(struct judgement *j, const uint8_t *name, struct vmessage *message, struct cut *zone)
{
	struct vrrset *set = NULL;

	for (size_t i = 0; i < message->answer_count && set == NULL; i++) {
		struct vrrset *candidate = &message->answer[i];

		if (candidate->type == DNS_TYPE_DNAME && dns_wire_is_below(name, candidate->owner) &&
		    dns_wire_is_within(candidate->owner, zone->name))
			set = candidate;
	}
	if (set == NULL)
		set = dnssec_rrset_find(message->answer, message->answer_count, name, DNS_TYPE_CNAME);
	if (set == NULL)
		return NULL;
	if (dnssec_rrset_verify(j, set, zone, VERIFY_ANY) == NULL)
		return cut_make(j, name, CUT_BOGUS, zone, 0, j_printf(j, "alias in answer to DS of %s: %s",
		    dns_wire_text(j->arena, name), set->why));
	if (dnssec_rrset_is_expanded(set)) {
		struct denial denial = denial_judge_wildcard(j, message, zone, name, set->sig->labels);

		if (denial.kind == DENIAL_INSECURE)
			return cut_make(j, name, CUT_INSECURE, zone, denial.ttl_secs, denial.why);
		if (denial.kind == DENIAL_BOGUS)
			return cut_make(j, name, CUT_BOGUS, zone, 0, denial.why);
	}
	return cut_make(j, name, CUT_NOT_A_CUT, zone, set->ttl_secs, "it is an alias");
}

/* What one label told, beside its state. */
struct step { bool ended, unproven; };	/* nothing exists below it; there was no usable word about it */

/* One label: what the zone above it says of it. */
static struct cut *step(struct judgement *j, const uint8_t *name, struct cut *zone, struct step *step_r)
{
	const char *text = dns_wire_text(j->arena, name);
	struct vmessage *message;
	struct denial denial;
	struct vrrset *set;
	struct cut *cut;

	*step_r = (struct step){ .unproven = true };
	if (judgement_fetch(j, name, DNS_TYPE_DS, &message) != 0)
		return cut_make(j, name, CUT_UNKNOWN, zone, 0, j_printf(j, "no answer to DS of %s", text));
	set = dnssec_rrset_find(message->answer, message->answer_count, name, DNS_TYPE_DS);
	step_r->unproven = false;
	if (set != NULL)
		return delegation_follow(j, name, set, zone);
	cut = alias_follow(j, name, message, zone);
	if (cut != NULL)
		return cut;
	denial = denial_judge(j, message, zone, name, DNS_TYPE_DS);
	step_r->unproven = denial.kind == DENIAL_BOGUS;
	if (denial.kind == DENIAL_BOGUS)
		return cut_make(j, name, CUT_BOGUS, zone, 0, j_printf(j, "no DS of %s, and no proof of that: %s", text, denial.why));
	if (denial.kind == DENIAL_INSECURE)
		return cut_make(j, name, CUT_INSECURE, zone, denial.ttl_secs, denial.why);
	if (denial.delegation)
		return cut_make(j, name, CUT_INSECURE, zone, denial.ttl_secs, j_printf(j,
		    "zone %s proves that the delegation %s has no DS (%s)", dns_wire_text(j->arena, zone->name), text, denial.why));
	step_r->ended = message->rcode == LDNS_RCODE_NXDOMAIN;
	return cut_make(j, name, CUT_NOT_A_CUT, zone, denial.ttl_secs, denial.why);
}

/* Top-down, label by label, from a SECURE zone. A label whose proof is missing is passed over at first: when the zone
 * speaks of a name below it, the label was no cut (some servers cannot prove empty non-terminals under opt-out).
 * @return the first cut that is not SECURE, or the deepest SECURE one. */
static struct cut *walk_down(struct judgement *j, struct cut *zone, const uint8_t *target)
{
	unsigned labels = dns_wire_labels(zone->name), last = dns_wire_labels(target), started = labels, missing = 0;
	struct step result = { 0 };
	struct cut *unproven = NULL;

	while (labels < last && !result.ended && !j->limited && missing < UNPROVEN_MAX) {
		const uint8_t *name;
		struct cut *cut;

		if (labels >= dns_wire_labels(zone->name) + STEPS_MAX) {
			cut = cut_make(j, dns_wire_suffix(target, labels), CUT_BOGUS, zone, 0,
			    j_printf(j, "no zone begins within %d labels below %s", STEPS_MAX, dns_wire_text(j->arena, zone->name)));
			cut_cache(j, cut);	/* for all names below */
			return cut;
		}
		for (; started < last && started < labels + AHEAD; started++)
			judgement_start(j, dns_wire_suffix(target, started + 1), DNS_TYPE_DS);
		if (labels == 0)	/* a top-level domain is nearly always signed */
			judgement_start(j, dns_wire_suffix(target, 1), DNS_TYPE_DNSKEY);
		name = dns_wire_suffix(target, ++labels);
		cut = cached(j, name);
		if (cut == NULL)
			cut = step(j, name, zone, &result);
		else
			result = (struct step){ .unproven = cut->unproven };
		if (result.unproven) {
			unproven = unproven != NULL ? unproven : cut;
			missing++;
			continue;
		}
		if (cut->state != CUT_SECURE && cut->state != CUT_NOT_A_CUT)
			return cut;
		unproven = NULL;
		missing = 0;
		zone = cut->state == CUT_SECURE ? cut : zone;
	}
	if (unproven == NULL)
		return zone;
	if (!unproven->unproven) {	/* made now: nobody else has it */
		unproven->unproven = true;
		cut_cache(j, unproven);
	}
	return unproven;
}

/* Who says to have signed the DS set: the zone above, which need not be the next label. NULL when nobody between. */
static const uint8_t *ds_signer(const struct vrrset *set, const uint8_t *base)
{
	for (size_t i = 0; i < set->sig_count; i++)
		if (dns_wire_is_below(set->owner, set->sigs[i].signer) && dns_wire_is_within(set->sigs[i].signer, base))
			return set->sigs[i].signer;
	return NULL;
}

struct cut *dnssec_walk_to_zone(struct judgement *j, const uint8_t *zone)
{
	struct cut *cut = cached(j, zone), *base;
	struct vmessage *message;
	struct vrrset *set;
	const uint8_t *signer;

	if (cut != NULL)
		return cut;
	base = nearest(j, zone, true);
	if (base->state != CUT_SECURE || dns_wire_equal(base->name, zone))
		return base;
	prefetch(j, base->name, zone);
	if (judgement_fetch(j, zone, DNS_TYPE_DS, &message) != 0)
		return cut_make(j, zone, CUT_UNKNOWN, base, 0, j_printf(j, "no answer to DS of %s", dns_wire_text(j->arena, zone)));
	set = dnssec_rrset_find(message->answer, message->answer_count, zone, DNS_TYPE_DS);
	signer = set != NULL ? ds_signer(set, base->name) : NULL;
	if (signer != NULL) {
		/* the signer is above zone, so this recursion ends */
		struct cut *parent = dns_wire_equal(signer, base->name) ? base : dnssec_walk_to_zone(j, signer);

		if (parent->state == CUT_SECURE)
			return delegation_follow(j, zone, set, parent);
		if (parent->state != CUT_NOT_A_CUT)
			return parent;
	}
	cut = walk_down(j, base, zone);
	if (cut->state == CUT_SECURE && !dns_wire_equal(cut->name, zone))
		return cut_make(j, zone, CUT_NOT_A_CUT, cut, 0, "it is no zone");
	return cut;
}

struct cut *dnssec_walk_to_name(struct judgement *j, const uint8_t *name)
{
	struct cut *base = nearest(j, name, false);

	return base->state == CUT_SECURE ? walk_down(j, base, name) : base;
}

/* Whether a name below the zone may well be a zone of its own. Of a domain of which none is known it is not: what its hosts'
 * names would need is not asked with each of them, and the first such zone waits a round trip longer. */
static bool may_delegate(struct cut *zone)
{
	return dns_wire_labels(zone->name) < 2 || atomic_load_explicit(&zone->delegates, memory_order_relaxed);
}

void validator_prefetch(struct validator *validator, const struct dns_fetcher *fetcher, const char *name)
{
	struct judgement j = { .validator = validator, .fetcher = fetcher, .now = clock_wall_secs(&validator->clock) };
	struct dns_name parsed;
	const uint8_t *wire = parsed.bytes, *target, *base;

	if (dns_name_parse(name, &parsed) != 0 || dnssec_negative_anchor_for(validator, wire) != NULL)
		return;
	target = places_zone(&validator->places, places_host(wire));
	j.arena = arena_new();
	for (base = target;; base = dns_wire_parent(base)) {
		struct cut *cut = cuts_get(validator->cuts, base, j.now);
		bool is_end = cut != NULL && cut->state != CUT_NOT_A_CUT;
		bool is_more = is_end && cut->state == CUT_SECURE && may_delegate(cut);

		if (cut != NULL)
			cut_unref(cut);
		if (is_more)
			prefetch(&j, base, target);
		if (is_end)
			break;
		if (anchor_at(validator, base) != NULL) {
			judgement_start(&j, base, DNS_TYPE_DNSKEY);
			prefetch(&j, base, target);
			break;
		}
		if (dns_wire_is_root(base))
			break;
	}
	arena_free(&j.arena);
}
