/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Denial of existence, what NSEC and NSEC3 have in common (RFC 4035 section 5.4, RFC 5155 section 8): whose proof it
 * is, which records may be relied on, and the judgement of a negative answer. Every record of one proof must be
 * signed by the one zone. Part of the validator. Fails by DENIAL_BOGUS. Thread: that of the judgement.
 */
#include "dnssec/internal.h"

#include <ldns/ldns.h>

/* A true proof takes at most three NSEC records, and one for each alias from a wildcard before it. They are tried against
 * each other, so an answer full of them would cost seconds, and a walk asks for many answers. */
enum { MAX_SIGNERS = 3, MAX_TTL_SECS = 86400, MAX_NSEC = 16 };

bool denial_rely(struct denial_query *query, struct vrrset *set)
{
	if (dnssec_rrset_verify(query->j, set, query->zone, VERIFY_UNEXPANDED) == NULL)
		return false;
	if (set->ttl_secs < query->ttl_secs)
		query->ttl_secs = set->ttl_secs;
	return true;
}

bool denial_is_ancestor_delegation(const uint8_t *bitmap, size_t length)
{
	return (bitmap_has(bitmap, length, DNS_TYPE_NS) && !bitmap_has(bitmap, length, DNS_TYPE_SOA)) ||
	    bitmap_has(bitmap, length, DNS_TYPE_DNAME);
}

const char *denial_refuse_match(const struct denial_query *query, const uint8_t *bitmap, size_t length, bool wildcard)
{
	bool ns = bitmap_has(bitmap, length, DNS_TYPE_NS), soa = bitmap_has(bitmap, length, DNS_TYPE_SOA);

	if (query->type == LDNS_RR_TYPE_ANY && !bitmap_is_nonexistence(bitmap, length))
		return "a name that exists has some type";
	if (bitmap_has(bitmap, length, query->type))
		return "the proof says that the type exists";
	if (query->type != DNS_TYPE_CNAME && bitmap_has(bitmap, length, DNS_TYPE_CNAME))
		return "the proof says that the name is an alias";	/* RFC 6840 section 4.3 */
	if (query->type == DNS_TYPE_DS)
		return soa && !dns_wire_is_root(query->name) ? "the proof is of the child zone's apex" : NULL;
	if (ns && !soa && !wildcard)
		return "the proof is of the parent's side of a delegation";	/* RFC 6840 section 4.1 */
	return NULL;
}

/* @return how many NSEC records of the zone there are. */
static size_t nsec_count(const struct denial_query *query)
{
	size_t count = 0;

	for (size_t i = 0; i < query->message->authority_count; i++)
		if (query->message->authority[i].type == DNS_TYPE_NSEC &&
		    dns_wire_is_within(query->message->authority[i].owner, query->zone->name))
			count++;
	return count;
}

/* @return whether there are NSEC records to be tried; denial_r is what to say otherwise. */
static bool nsec_usable(const struct denial_query *query, struct denial *denial_r)
{
	size_t count = nsec_count(query);

	*denial_r = (struct denial){ .kind = DENIAL_BOGUS, .why = "there is no NSEC or NSEC3 record" };
	if (count > MAX_NSEC)
		denial_r->why = j_printf(query->j, "limit: more than %d NSEC records", MAX_NSEC);
	return count != 0 && count <= MAX_NSEC;
}

/* Counts NSEC3 hashing per response. */
static void response_begin(struct judgement *j, const struct vmessage *message)
{
	if (j->nsec3_message == message)
		return;
	j->nsec3_message = message;
	j->nsec3_used = 0;
}

static struct denial prove_nxdomain(struct denial_query *query)
{
	struct denial denial;

	if (nsec_usable(query, &denial))
		denial = nsec_prove_nxdomain(query);
	if (denial.kind == DENIAL_BOGUS && nsec3_present(query))
		denial = nsec3_prove_nxdomain(query);
	return denial;
}

static struct denial prove_nodata(struct denial_query *query)
{
	struct denial denial;

	if (nsec_usable(query, &denial))
		denial = nsec_prove_nodata(query);
	if (denial.kind == DENIAL_BOGUS && nsec3_present(query))
		denial = nsec3_prove_nodata(query);
	return denial;
}

struct denial denial_judge(struct judgement *j, struct vmessage *message, struct cut *zone, const uint8_t *name,
    uint16_t type)
{
	struct denial_query query = { j, message, zone, name, type, MAX_TTL_SECS };
	bool nxdomain = message->rcode == LDNS_RCODE_NXDOMAIN;
	struct denial denial, stronger;

	response_begin(j, message);
	if (!dns_wire_is_within(name, zone->name))
		return (struct denial){ .kind = DENIAL_BOGUS, .why = "the proof is of another zone" };
	denial = nxdomain ? prove_nxdomain(&query) : prove_nodata(&query);
	if (denial.kind == DENIAL_BOGUS && !nxdomain) {
		/* the rcode is not signed, and some caches lose it behind an alias: what is proven is that there is no such name */
		stronger = prove_nxdomain(&query);
		if (stronger.kind == DENIAL_SECURE) {
			denial = stronger;
			denial.nonexistent = true;
		}
	}
	denial.ttl_secs = query.ttl_secs;
	return denial;
}

struct denial denial_judge_wildcard(struct judgement *j, struct vmessage *message, struct cut *zone,
    const uint8_t *name, unsigned labels)
{
	struct denial_query query = { j, message, zone, name, 0, MAX_TTL_SECS };
	struct denial denial;
	const uint8_t *next_closer = dns_wire_suffix(name, labels + 1);

	response_begin(j, message);
	if (nsec_usable(&query, &denial))
		denial = nsec_prove_next_closer(&query, next_closer);
	if (denial.kind == DENIAL_BOGUS && nsec3_present(&query))
		denial = nsec3_prove_next_closer(&query, next_closer);
	if (denial.kind == DENIAL_BOGUS)
		denial.why = j_printf(j, "wildcard answer without proof that %s does not exist: %s",
		    dns_wire_text(j->arena, next_closer), denial.why);
	denial.ttl_secs = query.ttl_secs;
	return denial;
}

/* Zones, deepest first. */
struct signers { const uint8_t *names[MAX_SIGNERS]; unsigned count; };

static void signer_insert(struct signers *signers, const uint8_t *name)
{
	unsigned at = 0;

	for (unsigned i = 0; i < signers->count; i++)
		if (dns_wire_equal(signers->names[i], name))
			return;
	if (signers->count == MAX_SIGNERS)
		return;
	while (at < signers->count && dns_wire_labels(signers->names[at]) >= dns_wire_labels(name))
		at++;
	for (unsigned i = signers->count; i > at; i--)
		signers->names[i] = signers->names[i - 1];
	signers->names[at] = name;
	signers->count++;
}

/* The zones that claim to have signed the proof and could be in charge of the name: not from above the closest trust
 * anchor. A DS belongs to the zone above. */
static struct signers proof_signers(const struct judgement *j, const struct vmessage *message, const uint8_t *name,
    uint16_t type)
{
	const uint8_t *lowest = type == DNS_TYPE_DS ? dns_wire_parent(name) : name;
	struct signers signers = { .count = 0 };

	for (size_t i = 0; i < message->authority_count; i++) {
		const struct vrrset *set = &message->authority[i];

		if (set->type != DNS_TYPE_NSEC && set->type != DNS_TYPE_NSEC3)
			continue;
		for (size_t s = 0; s < set->sig_count; s++)
			if (dns_wire_is_within(lowest, set->sigs[s].signer) &&
			    dnssec_anchor_between(j->validator, set->sigs[s].signer, lowest) == NULL)
				signer_insert(&signers, set->sigs[s].signer);
	}
	return signers;
}

uint32_t cut_left_secs(const struct judgement *j, const struct cut *cut)
{
	int64_t left_secs = cut->expires_wall - j->now;

	return left_secs > 0 ? (uint32_t)left_secs : 0;
}

struct dnssec_outcome dnssec_outcome_of_cut(struct judgement *j, struct cut *cut)
{
	enum dns_security security = cut->state == CUT_INSECURE ? DNS_INSECURE : cut->state == CUT_UNKNOWN ?
	    DNS_INDETERMINATE : DNS_BOGUS;

	judgement_tell_chain(j, cut);
	return (struct dnssec_outcome){ .security = security, .ttl_secs = cut_left_secs(j, cut), .why = cut->state == CUT_NOT_A_CUT ?
	    j_printf(j, "signer %s is no zone", dns_wire_text(j->arena, cut->name)) : cut->why };
}

/* What an answer says not to be there, and that in words. */
struct absence { const uint8_t *name; uint16_t type; const char *text; };

static const char *denied_text(struct judgement *j, const struct vmessage *message, const uint8_t *name, uint16_t type)
{
	if (message->rcode == LDNS_RCODE_NXDOMAIN)
		return j_printf(j, "%s does not exist", dns_wire_text(j->arena, name));
	return j_printf(j, "%s has no %s record", dns_wire_text(j->arena, name), judgement_type_text(j, type));
}

/* One signer's proof. @return whether that settles it; else *why_r says what is wrong with it. */
static bool judge_by_signer(struct judgement *j, struct vmessage *message, const struct absence *absence, const uint8_t *signer,
    struct dnssec_outcome *outcome_r, const char **why_r)
{
	struct cut *cut = dnssec_walk_to_zone(j, signer);
	struct denial denial;

	if (cut->state != CUT_SECURE) {
		*outcome_r = dnssec_outcome_of_cut(j, cut);
		*why_r = outcome_r->why;
		return cut->state == CUT_INSECURE || cut->state == CUT_UNKNOWN;
	}
	judgement_tell_chain(j, cut);
	denial = denial_judge(j, message, cut, absence->name, absence->type);
	judgement_tell(j, "%s: by zone %s: %s: %s\n", absence->text, dns_wire_text(j->arena, cut->name), denial.why,
	    denial.kind == DENIAL_SECURE ? "secure" : denial.kind == DENIAL_INSECURE ? "insecure" : "not proven");
	if (cut_left_secs(j, cut) < denial.ttl_secs)
		denial.ttl_secs = cut_left_secs(j, cut);
	*outcome_r = (struct dnssec_outcome){ .security = denial.kind == DENIAL_SECURE ? DNS_SECURE : DNS_INSECURE,
		.nonexistent = denial.nonexistent, .ttl_secs = denial.ttl_secs,
		.why = j_printf(j, "%s: %s of %s", absence->text, denial.why, dns_wire_text(j->arena, cut->name)) };
	if (denial.kind != DENIAL_BOGUS && absence->type != DNS_TYPE_DS)
		places_note(&j->validator->places, absence->name, cut->name);
	*why_r = j_printf(j, "%s is not proven: %s", absence->text, denial.why);
	return denial.kind != DENIAL_BOGUS;
}

/* There are records, but they prove nothing, and no unsigned delegation excuses that. */
static struct dnssec_outcome unproven_outcome(struct judgement *j, const char *why)
{
	judgement_tell(j, "%s: bogus\n", why);
	return (struct dnssec_outcome){ .security = DNS_BOGUS, .why = why };
}

/*
 * Nothing proves the absence: that is as it should be below a delegation that is proven to be unsigned, even if there are
 * signed records (RFC 4035 section 5.2). With an alias into such a zone comes the proof of the delegation, which says
 * nothing of the name. unproven: why those that are there prove nothing; NULL: there are none.
 */
static struct dnssec_outcome judge_without_proof(struct judgement *j, const struct absence *absence, const char *unproven)
{
	struct cut *cut = dnssec_walk_to_name(j, absence->type == DNS_TYPE_DS ? dns_wire_parent(absence->name) : absence->name);
	struct dnssec_outcome outcome;
	const char *why;

	if (unproven != NULL && cut->state != CUT_INSECURE)
		return unproven_outcome(j, unproven);
	if (cut->state != CUT_SECURE) {
		outcome = dnssec_outcome_of_cut(j, cut);
		if (outcome.security == DNS_BOGUS)
			outcome.why = j_printf(j, "%s, says the answer without any proof, and nothing shows that it needs none: %s",
			    absence->text, outcome.why);
		return outcome;
	}
	judgement_tell_chain(j, cut);
	why = j_printf(j, "%s, says the answer without any proof, but zone %s is signed", absence->text,
	    dns_wire_text(j->arena, cut->name));
	return unproven_outcome(j, why);
}

struct dnssec_outcome judgement_negative(struct judgement *j, struct vmessage *message, const uint8_t *name, uint16_t type)
{
	struct signers signers = proof_signers(j, message, name, type);
	struct absence absence = { name, type, denied_text(j, message, name, type) };
	const char *unproven = NULL;

	for (unsigned i = 0; i < signers.count; i++) {
		struct dnssec_outcome outcome;

		if (judge_by_signer(j, message, &absence, signers.names[i], &outcome, &unproven))
			return outcome;
	}
	return judge_without_proof(j, &absence, unproven);
}
