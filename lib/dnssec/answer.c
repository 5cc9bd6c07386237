/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A positive link of an answer: whose signature is it, is that zone secure, does it verify, and if the data came out of
 * a wildcard, is it proven that nothing closer exists (RFC 4035 sections 5.3.1 to 5.3.4)?
 * Part of the validator. Fails by the outcome. Thread: that of the judgement.
 */
#include "dnssec/internal.h"

enum { MAX_SIGNERS = 3 };

static struct dnssec_outcome bogus(const char *why)
{
	return (struct dnssec_outcome){ .security = DNS_BOGUS, .why = why };
}

/* A signature has verified; what remains is the proof that a wildcard was due. */
static struct dnssec_outcome verified(struct judgement *j, struct vmessage *message, struct vrrset *set, struct cut *zone)
{
	const char *what = j_printf(j, "%s %s", dns_wire_text(j->arena, set->owner), judgement_type_text(j, set->type));
	struct dnssec_outcome outcome = { .security = DNS_SECURE, .ttl_secs = set->ttl_secs };
	struct denial denial;

	if (cut_left_secs(j, zone) < outcome.ttl_secs)
		outcome.ttl_secs = cut_left_secs(j, zone);
	outcome.why = j_printf(j, "%s signed by key %u %s of zone %s", what, set->sig->key_tag,
	    dnssec_algorithm_name(set->sig->algorithm), dns_wire_text(j->arena, zone->name));
	if (!dnssec_rrset_is_expanded(set)) {
		judgement_tell(j, "%s: secure\n", outcome.why);
		return outcome;
	}
	if (set->type == DNS_TYPE_DNAME)	/* RFC 6672 section 3.3: what it would redirect is undefined */
		return bogus(j_printf(j, "%s came out of a wildcard", what));
	denial = denial_judge_wildcard(j, message, zone, set->owner, set->sig->labels);
	judgement_tell(j, "%s, from a wildcard: %s: %s\n", outcome.why, denial.why,
	    denial.kind == DENIAL_SECURE ? "secure" : denial.kind == DENIAL_INSECURE ? "insecure" : "bogus");
	if (denial.kind == DENIAL_BOGUS)
		return bogus(denial.why);
	if (denial.ttl_secs < outcome.ttl_secs)
		outcome.ttl_secs = denial.ttl_secs;
	if (denial.kind == DENIAL_INSECURE) {
		outcome.security = DNS_INSECURE;
		outcome.why = denial.why;
	}
	return outcome;
}

/* The RRset has no signature whose signer could be asked: legitimate only in an unsigned part of the tree. */
static struct dnssec_outcome judge_unsigned(struct judgement *j, struct vrrset *set, const char *refused)
{
	const uint8_t *name = set->type == DNS_TYPE_DS ? dns_wire_parent(set->owner) : set->owner;
	struct cut *cut = dnssec_walk_to_name(j, name);
	const char *why;

	if (cut->state != CUT_SECURE) {
		struct dnssec_outcome outcome = dnssec_outcome_of_cut(j, cut);

		if (outcome.security == DNS_BOGUS && refused == NULL)
			outcome.why = j_printf(j, "%s %s has no signature, and nothing shows that it needs none: %s",
			    dns_wire_text(j->arena, set->owner), judgement_type_text(j, set->type), outcome.why);
		return outcome;
	}
	judgement_tell_chain(j, cut);
	why = j_printf(j, "%s %s: %s, but zone %s is signed", dns_wire_text(j->arena, set->owner),
	    judgement_type_text(j, set->type), refused != NULL ? refused : "no signature", dns_wire_text(j->arena, cut->name));
	judgement_tell(j, "%s: bogus\n", why);
	return bogus(why);
}

/* @return whether it is new. */
static bool signer_add(const uint8_t *signers[MAX_SIGNERS], unsigned *count, const uint8_t *signer)
{
	for (unsigned i = 0; i < *count; i++)
		if (dns_wire_equal(signers[i], signer))
			return false;
	if (*count == MAX_SIGNERS)
		return false;
	signers[(*count)++] = signer;
	return true;
}

/* One signer's zone. @return whether that settles it. */
static bool judge_by_signer(struct judgement *j, struct vmessage *message, struct vrrset *set, const uint8_t *signer,
    struct dnssec_outcome *outcome_r)
{
	struct cut *zone = dnssec_walk_to_zone(j, signer);

	if (zone->state != CUT_SECURE) {
		*outcome_r = dnssec_outcome_of_cut(j, zone);
		return zone->state == CUT_INSECURE || zone->state == CUT_UNKNOWN;
	}
	judgement_tell_chain(j, zone);
	if (dnssec_rrset_verify(j, set, zone, VERIFY_ANY) != NULL) {
		*outcome_r = verified(j, message, set, zone);
		if (set->type != DNS_TYPE_DS)	/* that is its parent's */
			places_note(&j->validator->places, set->owner, zone->name);
		return true;
	}
	*outcome_r = bogus(j_printf(j, "%s %s in zone %s: %s", dns_wire_text(j->arena, set->owner),
	    judgement_type_text(j, set->type), dns_wire_text(j->arena, zone->name), set->why));
	judgement_tell(j, "%s: bogus\n", outcome_r->why);
	return false;
}

/* dnssec_sig_refuse(), and a signer above the closest trust anchor is not in charge of the name: were it asked, an unsigned zone
 * above an island would make the island unsigned. */
static const char *signature_refuse(struct judgement *j, const struct vrrset *set, const struct vsig *sig)
{
	const uint8_t *name = set->type == DNS_TYPE_DS ? dns_wire_parent(set->owner) : set->owner, *anchor;
	const char *why = dnssec_sig_refuse(j, set, sig);

	if (why != NULL)
		return why;
	anchor = dnssec_anchor_between(j->validator, sig->signer, name);
	return anchor == NULL ? NULL : j_printf(j, "signer %s is above the trust anchor %s",
	    dns_wire_text(j->arena, sig->signer), dns_wire_text(j->arena, anchor));
}

struct dnssec_outcome judgement_positive(struct judgement *j, struct vmessage *message, struct vrrset *set)
{
	const uint8_t *signers[MAX_SIGNERS];
	struct dnssec_outcome outcome = { .security = DNS_BOGUS };
	const char *refused = NULL;
	unsigned count = 0;

	for (size_t i = 0; i < set->sig_count && !j->limited; i++) {
		const char *why = signature_refuse(j, set, &set->sigs[i]);

		if (why != NULL) {
			refused = refused != NULL ? refused : why;
			continue;
		}
		if (signer_add(signers, &count, set->sigs[i].signer) &&
		    judge_by_signer(j, message, set, set->sigs[i].signer, &outcome))
			return outcome;
	}
	return count != 0 ? outcome : judge_unsigned(j, set, refused);
}
