/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The validator's door: makes it, and judges one answer by following its CNAME/DNAME chain link by link, each validated
 * in its own zone; the weakest link is the verdict (see internal.h for the whole walk).
 * Place: called by the resolver in the thread that waits for the answer. Trusts the anchors of its config, nothing
 * that comes through the fetcher. Fails by the verdict: bogus when authenticity was expected and is not there,
 * indeterminate when what is needed to tell could not be had. Thread: any.
 */
#include "dnssec/internal.h"

#include <ldns/ldns.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/error.h"
#include "util/out_of_memory.h"

enum {
	MAX_TTL_SECS = 86400,
	BOGUS_TTL_SECS = 60,
	UNREACHED_TTL_SECS = 5,	/* keys or proofs could not be had: they may be there the next moment */
	UNTOLD_TTL_SECS = 60,	/* the server gave no DNSSEC: looked at again now and then */
};

/* ---- life ---- */

static void defaults_fill(struct validator_config *config)
{
	static const struct validator_config defaults = {
		.max_keys_per_rrsig = 4, .max_rrsigs_per_rrset = 8, .max_crypto_per_rrset = 8, .max_crypto_per_lookup = 64,
		.max_ds = 16, .max_dnskeys = 64, .max_nsec3_iterations = 150, .max_nsec3_work = 5000, .max_chain = 10,
		.max_cached_cuts = 20000, .max_crypto_failed_per_lookup = 16,
	};
#define FILL(field) do { if (config->field == 0) config->field = defaults.field; } while (0)
	FILL(max_keys_per_rrsig);
	FILL(max_rrsigs_per_rrset);
	FILL(max_crypto_per_rrset);
	FILL(max_crypto_per_lookup);
	FILL(max_ds);
	FILL(max_dnskeys);
	FILL(max_nsec3_iterations);
	FILL(max_nsec3_work);
	FILL(max_chain);
	FILL(max_cached_cuts);
	FILL(max_crypto_failed_per_lookup);
#undef FILL
}

static void negative_anchor_add(struct validator *validator, const struct dns_name *name, unsigned rfc)
{
	struct negative_anchor *item = arena_alloc(validator->arena, sizeof(*item));

	*item = (struct negative_anchor){ .name = arena_memdup(validator->arena, name->bytes, name->length), .rfc = rfc,
		.next = validator->negative_anchors };
	validator->negative_anchors = item;
}

/* The admin's come last, and so are found first where both name a zone. */
static int negative_anchors_load(struct validator *validator, const struct validator_config *config, char *why_r, size_t why_bytes)
{
	const char *const *names = config->negative_trust_anchors;
	struct dns_name name;

	for (size_t i = 0; config->local_zones && i < local_zones_count; i++) {
		if (dns_name_parse(local_zones[i].name, &name) != 0)
			abort();	/* the table is ours */
		negative_anchor_add(validator, &name, local_zones[i].rfc);
	}
	for (; names != NULL && *names != NULL; names++) {
		if (dns_name_parse(*names, &name) != 0) {
			snprintf(why_r, why_bytes, "negative trust anchor \"%s\" is not a domain name", *names);
			return -E_CONFIG;
		}
		negative_anchor_add(validator, &name, 0);
	}
	return 0;
}

struct validator *validator_new(const struct validator_config *config, char *why_r, size_t why_bytes)
{
	struct validator *validator = calloc(1, sizeof(*validator));

	if (validator == NULL)
		out_of_memory();
	validator->arena = arena_new();
	validator->config = *config;
	defaults_fill(&validator->config);
	if (config->clock != NULL)
		validator->clock = *config->clock;
	places_init(&validator->places);
	validator->cuts = cuts_new(validator->config.max_cached_cuts);
	if (dnssec_crypto_init(&validator->crypto) != 0) {
		snprintf(why_r, why_bytes, "OpenSSL offers no SHA-1 or SHA-2");
		goto fail;
	}
	if (dnssec_anchors_load(validator->arena, config->trust_anchor_files, config->allow_sha1, &validator->anchors, why_r,
	    why_bytes) != 0)
		goto fail;
	if (negative_anchors_load(validator, config, why_r, why_bytes) != 0)
		goto fail;
	return validator;
fail:
	validator_free(&validator);
	return NULL;
}

void validator_free(struct validator **validator)
{
	if (*validator == NULL)
		return;
	cuts_free(&(*validator)->cuts);
	dnssec_crypto_done(&(*validator)->crypto);
	arena_free(&(*validator)->arena);
	free(*validator);
	*validator = NULL;
}

void validator_note_reached(struct validator *validator)
{
	atomic_store(&validator->anchored, true);
}

/* ---- the chain of links ---- */

static struct dnssec_outcome bogus(const char *why)
{
	return (struct dnssec_outcome){ .security = DNS_BOGUS, .why = why };
}

/* A DNAME in the answer whose owner is above name, but not above the closest trust anchor: it would carry an island's names
 * away by the word of the unsigned zone around it. */
static struct vrrset *dname_above(const struct judgement *j, const struct vmessage *message, const uint8_t *name)
{
	for (size_t i = 0; i < message->answer_count; i++)
		if (message->answer[i].type == DNS_TYPE_DNAME && dns_wire_is_below(name, message->answer[i].owner) &&
		    dnssec_anchor_between(j->validator, message->answer[i].owner, name) == NULL)
			return &message->answer[i];
	return NULL;
}

/* Target of a CNAME or DNAME RRset, which has exactly one record. NULL when it has not. */
static const uint8_t *alias_target(struct judgement *j, const struct vrrset *set)
{
	uint8_t name[DNS_NAME_BYTES];
	size_t position = 0;

	if (set->count != 1 || dns_wire_from_message(set->rrs[0].rdata, set->rrs[0].length, &position, name) != 0 ||
	    position != set->rrs[0].length)
		return NULL;
	return arena_memdup(j->arena, name, dns_wire_length(name));
}

/* RFC 6672 section 2.2: the labels below the owner stay, the owner is replaced. NULL when the result is too long. */
static const uint8_t *dname_substitute(struct judgement *j, const uint8_t *name, const struct vrrset *dname)
{
	const uint8_t *target = alias_target(j, dname);
	size_t kept = dns_wire_length(name) - dns_wire_length(dname->owner), target_length;
	uint8_t *result;

	if (target == NULL)
		return NULL;
	target_length = dns_wire_length(target);
	if (kept + target_length > DNS_NAME_BYTES)
		return NULL;
	result = arena_alloc(j->arena, kept + target_length);
	memcpy(result, name, kept);
	memcpy(result + kept, target, target_length);
	return result;
}

/* Judges a link, or takes it as insecure below a negative trust anchor. set is NULL for a negative link. */
static struct dnssec_outcome link_judge(struct judgement *j, struct vmessage *message, struct vrrset *set, const uint8_t *name,
    uint16_t type)
{
	const struct negative_anchor *negative = dnssec_negative_anchor_for(j->validator, set != NULL ? set->owner : name);
	const char *why;

	if (negative == NULL)
		return set != NULL ? judgement_positive(j, message, set) : judgement_negative(j, message, name, type);
	why = negative->rfc == 0 ? j_printf(j, "%s is below the negative trust anchor %s", dns_wire_text(j->arena, name),
	    dns_wire_text(j->arena, negative->name)) : j_printf(j, "%s is in %s, which resolvers answer by themselves (RFC %u)",
	    dns_wire_text(j->arena, name), dns_wire_text(j->arena, negative->name), negative->rfc);
	judgement_tell(j, "%s: insecure\n", why);
	return (struct dnssec_outcome){ .security = DNS_INSECURE, .ttl_secs = MAX_TTL_SECS, .why = why };
}

/* One link of the chain: sets *next_r to the alias's target, or to NULL at the end. */
static struct dnssec_outcome link_follow(struct judgement *j, struct vmessage *message, const uint8_t *name, uint16_t type,
    const uint8_t **next_r)
{
	struct vrrset *data = dnssec_rrset_find(message->answer, message->answer_count, name, type);
	struct vrrset *cname = dnssec_rrset_find(message->answer, message->answer_count, name, DNS_TYPE_CNAME);
	/* a CNAME that was asked for may be one made from a DNAME: then it is not signed, but follows from it */
	bool made = data != NULL && data == cname && data->sig_count == 0 && dname_above(j, message, name) != NULL;
	struct vrrset *dname = data == NULL || made ? dname_above(j, message, name) : NULL, *alias;
	const uint8_t *target;

	*next_r = NULL;
	if (data != NULL && cname != NULL && data != cname)
		return bogus(j_printf(j, "%s has both an alias and data", dns_wire_text(j->arena, name)));
	if (data != NULL && message->rcode != LDNS_RCODE_NOERROR)	/* the rcode is not signed: it must not hide data */
		return bogus(j_printf(j, "%s has data, but the answer says that it does not exist", dns_wire_text(j->arena, name)));
	alias = dname != NULL ? dname : cname;
	if ((data != NULL && !made) || alias == NULL)
		return link_judge(j, message, data, name, type);
	target = alias_target(j, alias);
	if (target != NULL && dname != NULL) {
		target = dname_substitute(j, name, dname);
		/* the CNAME that comes with a DNAME is not signed: it must be the one that follows from it */
		if (target != NULL && cname != NULL &&
		    (alias_target(j, cname) == NULL || !dns_wire_equal(alias_target(j, cname), target)))
			target = NULL;
	}
	if (target == NULL)
		return bogus(j_printf(j, "alias at %s leads nowhere", dns_wire_text(j->arena, alias->owner)));
	*next_r = made ? NULL : target;
	return link_judge(j, message, alias, name, type);
}

static void combine(struct dnssec_outcome *total, struct dnssec_outcome link)
{
	total->nonexistent = link.nonexistent;	/* of the last one, whatever the chain to it is worth */
	if (link.ttl_secs < total->ttl_secs)
		total->ttl_secs = link.ttl_secs;
	if (total->why == NULL || link.security >= total->security) {
		total->security = link.security;
		total->why = link.why;
	}
}

/* Whether the answer ends with an alias and says nothing of its target, not even that there is nothing: then the resolver
 * asks for the target separately, and only the aliases are judged here. The resolver takes an SOA for such a word. */
static bool is_unfinished(const struct judgement *j, const struct vmessage *message, const uint8_t *name, uint16_t type)
{
	if (message->rcode != LDNS_RCODE_NOERROR || dname_above(j, message, name) != NULL)
		return false;
	for (size_t i = 0; i < message->authority_count; i++)
		if (message->authority[i].type == DNS_TYPE_SOA && dns_wire_is_within(name, message->authority[i].owner))
			return false;
	return dnssec_rrset_find(message->answer, message->answer_count, name, type) == NULL &&
	    dnssec_rrset_find(message->answer, message->answer_count, name, DNS_TYPE_CNAME) == NULL;
}

static struct dnssec_outcome chain_judge(struct judgement *j, struct vmessage *message, const uint8_t *name, uint16_t type)
{
	struct dnssec_outcome total = { .security = DNS_SECURE, .ttl_secs = MAX_TTL_SECS };

	for (unsigned links = 0; name != NULL; links++) {
		const uint8_t *next;

		if (links > j->validator->config.max_chain) {
			combine(&total, bogus(j_printf(j, "limit: more than %u aliases in a row", links - 1)));
			break;
		}
		combine(&total, link_follow(j, message, name, type, &next));
		if (total.security >= DNS_INDETERMINATE)
			break;
		if (next != NULL && is_unfinished(j, message, next, type))
			break;
		name = next;
	}
	return total;
}

/* Every RRset of an answer to ANY (RFC 8482 lets it be any part of them). */
static struct dnssec_outcome any_judge(struct judgement *j, struct vmessage *message, const uint8_t *name)
{
	struct dnssec_outcome total = { .security = DNS_SECURE, .ttl_secs = MAX_TTL_SECS };

	for (size_t i = 0; i < message->answer_count; i++)
		if (dns_wire_equal(message->answer[i].owner, name))
			combine(&total, link_judge(j, message, &message->answer[i], name, message->answer[i].type));
	return total.why != NULL ? total : chain_judge(j, message, name, LDNS_RR_TYPE_ANY);
}

/* Signatures are not signed (RFC 4035 section 2.2): no more can be said than whether their zone is. */
static struct dnssec_outcome rrsig_judge(struct judgement *j, const uint8_t *name)
{
	struct cut *cut = dnssec_walk_to_name(j, name);

	if (cut->state != CUT_SECURE)
		return dnssec_outcome_of_cut(j, cut);
	judgement_tell_chain(j, cut);
	return (struct dnssec_outcome){ .security = DNS_INDETERMINATE, .why = "RRSIG records are not signed themselves" };
}

static struct dnssec_outcome answer_judge(struct judgement *j, const char *text, uint16_t type, const uint8_t *wire,
    size_t length)
{
	struct dns_name *parsed = arena_alloc(j->arena, sizeof(*parsed));
	const uint8_t *name = parsed->bytes;
	struct vmessage *message = arena_alloc(j->arena, sizeof(*message));

	if (dns_name_parse(text, parsed) != 0)
		return (struct dnssec_outcome){ .security = DNS_INDETERMINATE, .why = "not a domain name" };
	if (dnssec_message_parse(j->arena, wire, length, message) != 0)
		return bogus("malformed answer");
	if (message->rcode != LDNS_RCODE_NOERROR && message->rcode != LDNS_RCODE_NXDOMAIN)
		return (struct dnssec_outcome){ .security = DNS_INDETERMINATE, .why =
			j_printf(j, "the recursive server failed, rcode %u", message->rcode) };
	if (type == LDNS_RR_TYPE_ANY && message->rcode == LDNS_RCODE_NOERROR)
		return any_judge(j, message, name);
	if (type == DNS_TYPE_RRSIG)
		return rrsig_judge(j, name);
	return chain_judge(j, message, name, type);
}

void validator_judge(struct validator *validator, const struct dns_fetcher *fetcher, const char *name, uint16_t type,
    const uint8_t *wire, size_t length, bool explain, struct arena *arena, struct validator_verdict *verdict_r)
{
	struct judgement j = { .validator = validator, .fetcher = fetcher, .explain = explain };
	struct dnssec_outcome outcome;

	j.arena = arena_new();
	j.story = buf_make(j.arena);
	j.now = clock_wall_secs(&validator->clock);
	outcome = answer_judge(&j, name, type, wire, length);
	if (outcome.security == DNS_BOGUS)
		outcome.ttl_secs = BOGUS_TTL_SECS;
	else if (outcome.security == DNS_INDETERMINATE)
		outcome.ttl_secs = j.fetch_failed || j.limited ? UNREACHED_TTL_SECS : j.uncovered ? MAX_TTL_SECS : UNTOLD_TTL_SECS;
	*verdict_r = (struct validator_verdict){ .security = outcome.security, .ttl_secs = outcome.ttl_secs,
		.nonexistent = outcome.nonexistent && outcome.security <= DNS_INSECURE,
		.withheld = outcome.security == DNS_INDETERMINATE && (j.fetch_failed || j.limited) && atomic_load(&validator->anchored),
		.why = arena_strdup(arena, outcome.why), .explanation = explain ? arena_strdup(arena, j.story.data) : "" };
	for (struct held_cut *held = j.held; held != NULL; held = held->next)
		cut_unref(held->cut);
	arena_free(&j.arena);
}
