/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Proofs with NSEC (RFC 4034 section 4, RFC 4035 section 5.4, RFC 6840 section 4). Only records as the zone signed them
 * count (one that came out of a wildcard proves nothing), with owner and next name inside the zone.
 * Part of the validator; pure but for the verification of a record when it is first relied on. Thread: any.
 */
#include "dnssec/internal.h"

#include <string.h>

#include "util/error.h"

struct nsec {
	struct vrrset *set;
	const uint8_t *owner;
	uint8_t next[DNS_NAME_BYTES];
	const uint8_t *bitmap;
	size_t bitmap_length;
};

static int nsec_parse(const struct denial_query *query, struct vrrset *set, struct nsec *nsec_r)
{
	const struct vrr *rr = set->rrs;
	size_t position = 0;

	if (set->count != 1 || dns_wire_from_message(rr->rdata, rr->length, &position, nsec_r->next) != 0 ||
	    position != dns_wire_length(nsec_r->next))
		return -E_SYNTAX;
	nsec_r->set = set;
	nsec_r->owner = set->owner;
	nsec_r->bitmap = rr->rdata + position;
	nsec_r->bitmap_length = rr->length - position;
	if (!bitmap_valid(nsec_r->bitmap, nsec_r->bitmap_length) || nsec_r->bitmap_length == 0)
		return -E_SYNTAX;
	if (!dns_wire_is_within(nsec_r->owner, query->zone->name) || !dns_wire_is_within(nsec_r->next, query->zone->name))
		return -E_SYNTAX;
	return 0;
}

/* The next usable NSEC of the response from *index on. */
static bool nsec_next(const struct denial_query *query, size_t *index, struct nsec *nsec_r)
{
	while (*index < query->message->authority_count) {
		struct vrrset *set = &query->message->authority[(*index)++];

		if (set->type == DNS_TYPE_NSEC && nsec_parse(query, set, nsec_r) == 0)
			return true;
	}
	return false;
}

/* Whether the record says that nothing of its own lies at name: strictly between owner and next. The last one wraps to
 * the apex. One at a delegation or a DNAME above the name cannot speak of it. */
static bool nsec_covers(const struct denial_query *query, const struct nsec *nsec, const uint8_t *name)
{
	if (dns_wire_compare(nsec->owner, name) >= 0)
		return false;
	if (dns_wire_compare(name, nsec->next) >= 0 && !dns_wire_equal(nsec->next, query->zone->name))
		return false;
	return !dns_wire_is_below(name, nsec->owner) || !denial_is_ancestor_delegation(nsec->bitmap, nsec->bitmap_length);
}

/* A covered name that has names below it: an empty non-terminal, which exists. */
static bool nsec_shows_empty(const struct nsec *nsec, const uint8_t *name)
{
	return dns_wire_is_below(nsec->next, name);
}

/* Longest ancestor of name that is known to exist, from the two names that enclose it in order. */
static const uint8_t *closest_encloser(const struct nsec *nsec, const uint8_t *name)
{
	unsigned by_owner = dns_wire_common_labels(name, nsec->owner), by_next = dns_wire_common_labels(name, nsec->next);

	return dns_wire_suffix(name, by_owner > by_next ? by_owner : by_next);
}

static struct denial bogus(const char *why)
{
	return (struct denial){ .kind = DENIAL_BOGUS, .why = why };
}

static struct denial proven(struct denial_query *query, const struct nsec *nsec, const char *what)
{
	return (struct denial){ .kind = DENIAL_SECURE, .why = j_printf(query->j, "%s, by NSEC %s", what,
	    dns_wire_text(query->j->arena, nsec->owner)) };
}

static const char *unreliable(struct denial_query *query, const struct nsec *nsec)
{
	return j_printf(query->j, "NSEC %s: %s", dns_wire_text(query->j->arena, nsec->owner), nsec->set->why);
}

/* NODATA at `*.encloser` for a name that was found not to exist. */
static struct denial wildcard_nodata(struct denial_query *query, const struct nsec *cover)
{
	const uint8_t *wildcard = dns_wire_wildcard(query->j->arena, closest_encloser(cover, query->name));
	const char *why = "no NSEC matches the name or its wildcard";
	struct nsec nsec;

	for (size_t i = 0; wildcard != NULL && nsec_next(query, &i, &nsec);) {
		if (dns_wire_equal(nsec.owner, wildcard)) {
			why = denial_refuse_match(query, nsec.bitmap, nsec.bitmap_length, true);
			if (why != NULL)
				continue;
		} else if (!nsec_covers(query, &nsec, wildcard) || !nsec_shows_empty(&nsec, wildcard)) {
			continue;	/* else the wildcard is an empty non-terminal itself (RFC 4592 section 2.2.2) */
		}
		if (denial_rely(query, nsec.set) && denial_rely(query, cover->set))
			return proven(query, &nsec, "no such type at the wildcard");
		why = unreliable(query, nsec.set->state == RRSET_BAD ? &nsec : cover);
	}
	return bogus(why);
}

struct denial nsec_prove_nodata(struct denial_query *query)
{
	const char *why = "no NSEC matches or covers the name";
	struct denial denial;
	struct nsec nsec;

	for (size_t i = 0; nsec_next(query, &i, &nsec);) {
		const char *refused;

		if (dns_wire_equal(nsec.owner, query->name)) {
			refused = denial_refuse_match(query, nsec.bitmap, nsec.bitmap_length, false);
			if (refused == NULL && denial_rely(query, nsec.set)) {
				denial = proven(query, &nsec, "no such type");
				denial.nonexistent = bitmap_is_nonexistence(nsec.bitmap, nsec.bitmap_length);
				denial.delegation = bitmap_has(nsec.bitmap, nsec.bitmap_length, DNS_TYPE_NS) &&
				    !bitmap_has(nsec.bitmap, nsec.bitmap_length, DNS_TYPE_SOA);
				return denial;
			}
			why = refused != NULL ? refused : unreliable(query, &nsec);
			continue;
		}
		if (!nsec_covers(query, &nsec, query->name))
			continue;
		if (nsec_shows_empty(&nsec, query->name)) {
			if (denial_rely(query, nsec.set))
				return proven(query, &nsec, "the name only has names below it");
			why = unreliable(query, &nsec);
			continue;
		}
		denial = wildcard_nodata(query, &nsec);
		if (denial.kind == DENIAL_SECURE)
			return denial;
		why = denial.why;
	}
	return bogus(why);
}

/* `*.encloser` must not exist either (RFC 4035 section 5.4): neither as a name nor as an empty non-terminal. */
static struct denial wildcard_denied(struct denial_query *query, const struct nsec *cover)
{
	const uint8_t *wildcard = dns_wire_wildcard(query->j->arena, closest_encloser(cover, query->name));
	const char *why = "nothing denies the wildcard";
	struct nsec nsec;

	for (size_t i = 0; wildcard != NULL && nsec_next(query, &i, &nsec);) {
		if (!nsec_covers(query, &nsec, wildcard) || nsec_shows_empty(&nsec, wildcard))
			continue;
		if (denial_rely(query, nsec.set) && denial_rely(query, cover->set))
			return proven(query, cover, "no such name and no wildcard");
		why = unreliable(query, nsec.set->state == RRSET_BAD ? &nsec : cover);
	}
	return bogus(why);
}

/* The record of the name itself says so (RFC 9824 section 2). */
static struct denial nonexistence(struct denial_query *query, const struct nsec *nsec)
{
	struct denial denial;

	if (!denial_rely(query, nsec->set))
		return bogus(unreliable(query, nsec));
	denial = proven(query, nsec, "no such name (NXNAME)");
	denial.nonexistent = true;
	return denial;
}

struct denial nsec_prove_nxdomain(struct denial_query *query)
{
	const char *why = "no NSEC covers the name";
	struct nsec nsec;

	for (size_t i = 0; nsec_next(query, &i, &nsec);) {
		struct denial denial;

		if (dns_wire_equal(nsec.owner, query->name) && bitmap_is_nonexistence(nsec.bitmap, nsec.bitmap_length)) {
			denial = nonexistence(query, &nsec);
			if (denial.kind == DENIAL_SECURE)
				return denial;
			why = denial.why;
			continue;
		}
		if (!nsec_covers(query, &nsec, query->name) || nsec_shows_empty(&nsec, query->name))
			continue;
		denial = wildcard_denied(query, &nsec);
		if (denial.kind == DENIAL_SECURE)
			return denial;
		why = denial.why;
	}
	return bogus(why);
}

struct denial nsec_prove_next_closer(struct denial_query *query, const uint8_t *next_closer)
{
	const char *why = "no NSEC covers it";
	struct nsec nsec;

	for (size_t i = 0; nsec_next(query, &i, &nsec);) {
		if (!nsec_covers(query, &nsec, next_closer) || nsec_shows_empty(&nsec, next_closer))
			continue;
		if (denial_rely(query, nsec.set))
			return proven(query, &nsec, "nothing closer than the wildcard");
		why = unreliable(query, &nsec);
	}
	return bogus(why);
}
