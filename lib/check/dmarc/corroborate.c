/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Is there more against a message than its author domain's p=reject? RFC 9989 section 7.4: nobody should reject for that alone,
 * and SPF that fails is nothing more, as it does behind every forwarder. What counts is what forwarding does not cause: the
 * findings that dmarc { corroborate } names. Runs after the checks that raise them.
 * The signs of a forwarder can be forged: they only ever turn a rejection into what the plain dmarc-reject finding asks for
 * (quarantine by default). Thread: that of the message. No look-ups.
 */
#include <string.h>
#include <strings.h>

#include "check/dmarc/judgement.h"
#include "util/domain.h"

static bool value_contains(const struct header_field *field, const char *word)
{
	size_t length = strlen(word);

	for (size_t i = 0; i + length <= field->value_length; i++)
		if (strncasecmp(field->value + i, word, length) == 0)
			return true;
	return false;
}

static bool name_is(const struct header_field *field, const char *name)
{
	return field->name_length == strlen(name) && strncasecmp(field->name, name, field->name_length) == 0;
}

static bool name_starts(const struct header_field *field, const char *prefix)
{
	return field->name_length >= strlen(prefix) && strncasecmp(field->name, prefix, strlen(prefix)) == 0;
}

/* Fields that lists (RFC 2919, RFC 2369) and forwarders (RFC 5322 section 3.6.6, and habit) put in. */
static bool is_forwarding_sign(const struct header_field *field)
{
	static const char *const names[] = { "List-Id", "List-Post", "Mailing-List" };
	static const char *const prefixes[] = { "X-Forwarded-", "Resent-" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (name_is(field, names[i]))
			return true;
	for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++)
		if (name_starts(field, prefixes[i]))
			return true;
	return name_is(field, "Precedence") && value_contains(field, "list");
}

/* A seal that was not verified speaks for nobody. */
static bool sealed_by_trusted(const struct check_context *context)
{
	const struct arc_result *arc = &context->results->arc;

	for (size_t i = 0; i < arc->set_count; i++)
		if (dmarc_seal_counts(arc, context->config->trusted_forwarders.set, i))
			return true;
	return false;
}

static bool passes_for_trusted(const struct check_context *context)
{
	const struct domain_set *trusted = context->config->trusted_forwarders.set;
	const struct results *results = context->results;

	if (results->spf.result == RESULT_PASS && domain_set_has(trusted, results->spf.domain))
		return true;
	for (size_t i = 0; i < results->dkim_count; i++)
		if (dkim_result_counts(&results->dkim[i]) && domain_set_has(trusted, results->dkim[i].domain))
			return true;
	return false;
}

static enum dmarc_forwarder find_forwarder(const struct check_context *context)
{
	const struct facts *facts = context->facts;
	enum dmarc_forwarder found = DMARC_FORWARDER_NONE;

	if (passes_for_trusted(context) || sealed_by_trusted(context))
		return DMARC_FORWARDER_TRUSTED;
	for (size_t i = 0; i < facts->field_count; i++) {
		if (is_forwarding_sign(&facts->fields[i]))
			found = DMARC_FORWARDER_SIGN;
	}
	return found;
}

/* Are both names of one organization, as far as one is within the other? A network's name is within nothing. */
static bool is_related(const char *a, const char *b)
{
	return a != NULL && (domain_is_within(a, b) || domain_is_within(b, a));
}

/*
 * Does this finding speak of the author domain? What is wrong with the client speaks of whatever it brings; a broken habit only
 * when the client has a proven name in the author's own domain, for what a forwarder does is no habit of the author's; what
 * a domain says of its mail, of that domain.
 */
static bool speaks_of(const struct finding *evidence, const char *author)
{
	if (author == NULL)	/* not read: he may be the one */
		return true;
	switch (evidence->id) {
	case FINDING_IPREV_FAIL:
		return true;
	case FINDING_TLS_DOWNGRADE:
	case FINDING_SPF_FAIL:
		return is_related(evidence->domain, author);
	default:
		return evidence->domain != NULL && strcmp(evidence->domain, author) == 0;
	}
}

/* The best proven of what agrees; NULL. */
static const struct finding *find_evidence(const struct check_context *context, const char *author)
{
	const struct results *results = context->results;
	const struct finding *best = NULL;

	for (size_t i = 0; i < results->finding_count; i++) {
		const struct finding *finding = &results->findings[i];

		if (finding_set_has(&context->config->dmarc_corroborate, finding->id) && speaks_of(finding, author) &&
		    (best == NULL || finding->dnssec < best->dnssec))
			best = finding;
	}
	return best;
}

/*
 * Authors that were not read. Of a From field that was not kept nobody knows anything: weighed as the strictest that it could be.
 * Of those behind the cap on author domains all counts that speaks against the message, so that a crowd of authors hides none of
 * them; without any it is left to from-too-many.
 */
static void corroborate_unread(const struct check_context *context)
{
	bool unkept = context->facts->from_unkept && !finding_set_is_empty(&context->config->dmarc_corroborate);

	if (unkept || (context->author->domains_truncated && find_evidence(context, NULL) != NULL))
		results_raise(context->results, FINDING_DMARC_REJECT_CORROBORATED, NULL, context->author->reason, DNS_SECURE);
}

static const struct dmarc_result *result_of(const struct results *results, const char *author)
{
	for (size_t i = 0; i < results->dmarc_author_count; i++)
		if (strcmp(results->dmarc_authors[i].domain, author) == 0)
			return &results->dmarc_authors[i];
	return NULL;
}

/* "iprev-fail of 192.0.2.1" */
static const char *evidence_text(const struct check_context *context, const struct finding *evidence)
{
	const char *name = findings_table[evidence->id].name;

	return evidence->domain == NULL ? name : arena_printf(context->arena, "%s of %s", name, evidence->domain);
}

/* Why a rejection that an override may stop is not one for now. */
static const char *unknown_text(const struct check_context *context, const struct dmarc_result *author)
{
	const struct dmarc_override *override = &author->overrides[0];

	return override->kind == OVERRIDE_SEALER ? "whether a trusted sealer vouches is not known" :
	    arena_printf(context->arena, "whether override %s holds is not known", override->name);
}

/*
 * One author domain whose mail would be rejected. What overrides its failure stops this, too, for those policies that honour it: for
 * the others it is told among what may be waived.
 */
static void corroborate(const struct check_context *context, const struct finding *reject)
{
	struct results *results = context->results;
	const struct finding *evidence = find_evidence(context, reject->domain);
	const struct dmarc_result *author = result_of(results, reject->domain);
	struct waivable waivable;

	if (evidence == NULL)
		return;
	waivable.finding = (struct finding){ .id = FINDING_DMARC_REJECT_CORROBORATED, .domain = reject->domain,
		.detail = evidence_text(context, evidence),
		.dnssec = dns_weakest(reject->dnssec, evidence->dnssec) };
	if (author == NULL || author->override_count == 0) {
		results_raise(results, waivable.finding.id, reject->domain, waivable.finding.detail, waivable.finding.dnssec);
		return;
	}
	waivable.overrides = author->overrides;
	waivable.override_count = author->override_count;
	results_waive(results, &waivable);
	if (author->override_unknown)
		results_raise(results, FINDING_DMARC_TEMPERROR, reject->domain, unknown_text(context, author), author->overrides[0].dnssec);
}

/* Each domain whose mail would be rejected, by some policy at least. */
static void corroborate_judge(struct check_context *context)
{
	struct results *results = context->results;
	size_t count = results->finding_count, waivable_count = results->waivable_count;
	bool asked = finding_set_has(&results->set, FINDING_DMARC_REJECT);

	for (size_t i = 0; i < waivable_count; i++)
		asked = asked || results->waivable[i].finding.id == FINDING_DMARC_REJECT;
	if (!asked)
		return;
	results->dmarc_forwarder = find_forwarder(context);
	if (results->dmarc_forwarder != DMARC_FORWARDER_NONE)
		return;
	corroborate_unread(context);
	for (size_t i = 0; i < waivable_count; i++)
		if (results->waivable[i].finding.id == FINDING_DMARC_REJECT)
			corroborate(context, &results->waivable[i].finding);
	for (size_t i = 0; i < count; i++) {
		const struct finding reject = results->findings[i];

		if (reject.id == FINDING_DMARC_REJECT && reject.domain != NULL && !reject.waivable)
			corroborate(context, &reject);
	}
}

const struct check check_corroborate = {
	.id = CHECK_CORROBORATE, .stage = FINDING_STAGE_MESSAGE, .judge = corroborate_judge,
};
