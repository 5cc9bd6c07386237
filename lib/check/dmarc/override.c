/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which overrides hold for a message that fails DMARC here? Those of sections are override_sections.c's; this is about one more:
 * does a trusted sealer vouch for it? (RFC 8617 section 7.2.1: a matter of local policy.)
 *
 * A chain that passes proves who sealed, in which order, and what each of them wrote; it does not prove that anybody
 * told the truth, nor that the older sets were made for this message: whoever seals last may have taken them from another one.
 * So what a sealer wrote counts when he is trusted (dmarc { trusted-sealers }), and the message is known to be the one that
 * he wrote it about:
 *
 *   - his own message signature holds for the message as it came here, and with it all later ones; then it matters not
 *     who carried it since; or
 *   - it does not, because somebody behind him changed the message. Then each sealer from him up to one whose
 *     signature does hold has to be trusted: each of them verified the chain before he changed what was in it.
 *
 * Sealers below him need no trust: they can forge nothing in what he wrote. And he has to say "dmarc=pass" of that very author
 * domain, or, where he says nothing of DMARC for it, that an aligned SPF or DKIM identifier passed. What he calls a failure stays
 * one, whatever else passed. Section 5.2: a chain that fails is no chain.
 * Thread: the message's. Trusts the result of arc; what sealers wrote is text from outside.
 */
#include <string.h>
#include <strings.h>

#include "check/dmarc/judgement.h"
#include "message/authres_parse.h"
#include "util/buf.h"
#include "util/domain.h"

enum { IDENTIFIERS_MAX = 20 };	/* of one sealer, whose alignment is looked at */
enum { OVERRIDES_SHOWN = 3 };	/* in words; all of them are weighed */

bool dmarc_seal_counts(const struct arc_result *arc, const struct domain_set *trusted, size_t index)
{
	if (arc->result != RESULT_PASS)
		return false;
	for (; index < arc->set_count && domain_set_has(trusted, arc->sets[index].sealer); index++)
		if (arc->sets[index].intact)
			return true;
	return false;
}

/* Would it count, should the keys that did not come be right? Only where they are those of trusted sealers themselves: else
 * anybody could make a chain of which nothing is known. */
static bool seal_may_count(const struct arc_result *arc, const struct domain_set *trusted, size_t index)
{
	if (arc->result == RESULT_PASS) {	/* what was not to be had is the key of an older message signature */
		for (; index < arc->set_count && domain_set_has(trusted, arc->sets[index].sealer); index++)
			if (arc->sets[index].unknown)
				return true;
		return false;
	}
	if (arc->result != RESULT_TEMPERROR)
		return false;
	for (size_t i = 0; i < arc->set_count; i++)
		if ((i >= index || arc->sets[i].unknown) && !domain_set_has(trusted, arc->sets[i].sealer))
			return false;
	return true;
}

/* The domain of a property; NULL: the result has none of that name. */
static const char *property_domain(const struct authres_method *method, const char *ptype, const char *property,
    struct arena *arena)
{
	for (size_t i = 0; i < method->property_count; i++) {
		const struct authres_property *found = &method->properties[i];
		const char *at;

		if (strcasecmp(found->ptype, ptype) != 0 || strcasecmp(found->property, property) != 0)
			continue;
		at = strrchr(found->value, '@');
		at = at != NULL ? at + 1 : found->value;
		return domain_normalize(arena, at, strlen(at));
	}
	return NULL;
}

/*
 * What he says of DMARC for the author domain: one "pass" among failures is none, and a failure that names nobody may be that of
 * the author. UNCHECKED: nothing.
 */
static enum result dmarc_said(const struct judgement *judgement, const struct authres *said)
{
	enum result result = RESULT_UNCHECKED;

	for (size_t i = 0; i < said->method_count; i++) {
		const struct authres_method *method = &said->methods[i];
		bool pass = strcasecmp(method->result, "pass") == 0;
		const char *domain;

		if (strcasecmp(method->method, "dmarc") != 0)
			continue;
		domain = property_domain(method, "header", "from", judgement->context->arena);
		if (domain == NULL ? pass : strcmp(domain, judgement->result.domain) != 0)
			continue;
		if (!pass)
			return RESULT_FAIL;
		result = RESULT_PASS;
	}
	return result;
}

/* The identifier that a result says passed; NULL. */
static const char *passing_identifier(const struct judgement *judgement, const struct authres_method *method, bool *strict_r)
{
	struct arena *arena = judgement->context->arena;
	const struct dmarc_record *record = judgement->discovery.record;
	const char *domain;

	if (strcasecmp(method->result, "pass") != 0)
		return NULL;
	if (strcasecmp(method->method, "spf") == 0) {
		*strict_r = record->strict_spf;
		return property_domain(method, "smtp", "mailfrom", arena);
	}
	if (strcasecmp(method->method, "dkim") != 0)
		return NULL;
	*strict_r = record->strict_dkim;
	domain = property_domain(method, "header", "d", arena);
	return domain != NULL ? domain : property_domain(method, "header", "i", arena);
}

static bool says_aligned(struct judgement *judgement, const struct authres *said, enum dns_security *security_r)
{
	size_t looked_at = 0;

	for (size_t i = 0; i < said->method_count && looked_at < IDENTIFIERS_MAX; i++) {
		bool strict = false;
		const char *identifier = passing_identifier(judgement, &said->methods[i], &strict);

		if (identifier == NULL)
			continue;
		looked_at++;
		if (dmarc_is_aligned(judgement, identifier, strict, security_r))
			return true;
	}
	return false;
}

/* @return in what words a sealer says that the author domain passed; NULL: he does not. */
static const char *says_pass(struct judgement *judgement, const struct authres *said, enum dns_security *security_r)
{
	*security_r = DNS_SECURE;
	if (said == NULL)
		return NULL;
	switch (dmarc_said(judgement, said)) {
	case RESULT_PASS:
		return "dmarc=pass";
	case RESULT_UNCHECKED:
		return says_aligned(judgement, said, security_r) ? "an aligned pass" : NULL;
	default:
		return NULL;
	}
}

/* Whoever is shown as the author has to be the one for whom somebody speaks. */
static bool author_is_plain(const struct author *author)
{
	return author->field_count == 1 && (author->status == AUTHOR_OK || author->status == AUTHOR_MULTIPLE);
}

static void set_sealer(const struct judgement *judgement, size_t index, const char *words, struct dmarc_override *override)
{
	struct arena *arena = judgement->context->arena;
	const char *sealer = judgement->context->results->arc.sets[index].sealer;

	override->why = arena_printf(arena, "ARC seal %zu of %s found %s", index + 1, sealer, words);
	override->by = arena_printf(arena, "%zu:%s", index + 1, sealer);
}

bool dmarc_sealer_override(struct judgement *judgement, struct dmarc_override *override_r)
{
	const struct check_context *context = judgement->context;
	const struct arc_result *arc = &context->results->arc;
	const struct domain_set *trusted = context->config->trusted_sealers.set;
	bool only_secure = context->config->trusted_sealers_secure;

	*override_r = (struct dmarc_override){ .name = OVERRIDE_ARC, .kind = OVERRIDE_SEALER };
	for (size_t i = context->config->trusted_sealers.count != 0 ? arc->set_count : 0; i-- > 0;) {
		bool counts = dmarc_seal_counts(arc, trusted, i), may_count = !counts && seal_may_count(arc, trusted, i);
		enum dns_security security;
		const char *words = counts || may_count ? says_pass(judgement, arc->sets[i].said, &security) : NULL;

		if (words == NULL || (counts && only_secure && dns_weakest(arc->dnssec, security) != DNS_SECURE))
			continue;
		set_sealer(judgement, i, words, override_r);
		override_r->dnssec = arc->dnssec;
		override_r->unknown = may_count;
		if (counts)
			return true;
	}
	return override_r->unknown;
}

/* ---- all overrides ----------------------------------------------------------------------------------------------- */

/* Those that hold, in words. */
static void tell_overrides(struct dmarc_result *result, struct arena *arena)
{
	struct buf words = buf_make(arena);
	size_t held = 0;

	for (size_t i = 0; i < result->override_count; i++) {
		const struct dmarc_override *override = &result->overrides[i];

		if (override->unknown)
			continue;
		if (held++ == 0)
			result->overridden_by = override->by;
		if (held <= OVERRIDES_SHOWN)
			buf_printf(&words, "%s%s", held > 1 ? "; " : "", override->why);
	}
	if (held > OVERRIDES_SHOWN)
		buf_printf(&words, "; and %zu more", held - OVERRIDES_SHOWN);
	result->overridden = held != 0 ? words.data : NULL;
	result->override_unknown = held == 0 && result->override_count != 0;
}

void dmarc_find_overrides(struct judgement *judgement)
{
	const struct check_context *context = judgement->context;
	const struct config *config = context->config;
	struct dmarc_override *overrides;
	size_t count = 0;

	if ((config->trusted_sealers.count == 0 && config->override_count == 0) || !author_is_plain(context->author))
		return;
	overrides = arena_calloc(context->arena, config->override_count + 1, sizeof(*overrides));
	count += dmarc_sealer_override(judgement, &overrides[count]);
	for (size_t i = 0; i < config->override_count; i++)
		count += dmarc_section_override(context, &config->overrides[i], judgement->result.domain, &overrides[count]);
	judgement->result.overrides = overrides;
	judgement->result.override_count = count;
	tell_overrides(&judgement->result, context->arena);
}
