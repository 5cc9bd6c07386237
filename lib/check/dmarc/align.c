/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Identifier alignment (RFC 9989 sections 4.4 and 4.10.2): which of the domains that SPF and DKIM proved belong to the author
 * domain's organization. Names that can never belong together are told apart without a look-up, so that no answer that is
 * missing makes them a doubt: a stranger's pass must not turn a reject into a temporary error (section 5.3.6).
 * Thread: that of the message. Trusts the results of spf and dkim.
 */
#include "check/dmarc/judgement.h"

#include <string.h>

#include "util/domain.h"

enum alignment { ALIGNED, NOT_ALIGNED, ALIGNMENT_UNKNOWN };

/*
 * The longest name that both are or are below: where their organizational domain could be at most.
 * @return a suffix of a; NULL when not even the last labels are the same.
 */
static const char *common_suffix(const char *a, const char *b)
{
	const char *p = a + strlen(a), *q = b + strlen(b), *common = NULL;

	while (p > a && q > b && p[-1] == q[-1]) {
		p--;
		q--;
		if ((p == a || p[-1] == '.') && (q == b || q[-1] == '.'))
			common = p;
	}
	return common;
}

/* Names that have nothing or a public suffix in common are of two organizations, whatever DNS says or does not say. */
static bool are_strangers(const struct judgement *judgement, const char *identifier)
{
	const struct psl_context *psl = judgement->context->shared->psl;
	const char *common = common_suffix(identifier, judgement->result.domain);

	return common == NULL || (psl != NULL && psl_is_suffix(psl, common));
}

/* Identifier alignment, RFC 9989 section 4.10.2. security_r: of the DNS answers it stands on. */
static enum alignment alignment_of(struct judgement *judgement, const char *identifier, bool strict,
    enum dns_security *security_r)
{
	const struct dmarc_discovery *author = &judgement->discovery;
	struct dmarc_discovery other;

	*security_r = author->policy_security;
	if (strcmp(identifier, judgement->result.domain) == 0)
		return ALIGNED;
	if (strict || are_strangers(judgement, identifier))
		return NOT_ALIGNED;
	if (author->org_domain == NULL)	/* limited: the sender named more author domains than are looked up */
		return author->limited ? NOT_ALIGNED : ALIGNMENT_UNKNOWN;
	/* a name that is not below the author's organizational domain cannot have the same one: no need to ask DNS for its own */
	if (!domain_is_within(identifier, author->org_domain))
		return NOT_ALIGNED;
	dmarc_discover(judgement->context, DNS_FOR_ALIGNMENT, identifier, &other);
	*security_r = dns_weakest(author->org_security, other.org_security);
	if (other.limited)	/* the same, of names that sign or send */
		return NOT_ALIGNED;
	if (other.org_domain == NULL)
		return ALIGNMENT_UNKNOWN;
	return strcmp(other.org_domain, author->org_domain) == 0 ? ALIGNED : NOT_ALIGNED;
}

bool dmarc_is_aligned(struct judgement *judgement, const char *identifier, bool strict, enum dns_security *security_r)
{
	return alignment_of(judgement, identifier, strict, security_r) == ALIGNED;
}

/* SPF or a signature that did not pass. If it could have been aligned, the "fail" of DMARC stands on it too, and is no more
 * secure than it. */
static void weigh_failure(struct judgement *judgement, const char *identifier, enum dns_security evidence)
{
	const char *org_domain = judgement->discovery.org_domain;

	if (domain_is_within(identifier, org_domain != NULL ? org_domain : judgement->result.domain))
		judgement->failed = dns_weakest(judgement->failed, evidence);
}

/* One identifier with its mechanism's result. @return whether it passes in alignment. */
static bool weigh(struct judgement *judgement, const char *identifier, bool strict, enum result result,
    enum dns_security evidence)
{
	enum dns_security security;
	enum alignment alignment;

	if (identifier != NULL)
		identifier = domain_normalize(judgement->context->arena, identifier, strlen(identifier));
	if (identifier == NULL) {
		if (result == RESULT_TEMPERROR)
			judgement->unknown = "an identifier could not be checked";
		return false;
	}
	if (result != RESULT_PASS && result != RESULT_TEMPERROR) {
		weigh_failure(judgement, identifier, evidence);
		return false;
	}
	alignment = alignment_of(judgement, identifier, strict, &security);
	if (alignment == NOT_ALIGNED)
		return false;
	security = dns_weakest(security, evidence);
	if (alignment == ALIGNED && result == RESULT_PASS) {
		if (security < judgement->passed)
			judgement->passed = security;
		return true;
	}
	judgement->unknown = result == RESULT_PASS ? "whether a passing identifier is aligned is not known" :
	    "an aligned identifier could not be checked";
	return false;
}

/* SPF counts for MAIL FROM, or for HELO when there is no MAIL FROM; results->spf is that one. spf_helo never counts. */
void dmarc_weigh_identifiers(struct judgement *judgement)
{
	const struct results *results = judgement->context->results;
	const struct dmarc_record *record = judgement->discovery.record;

	judgement->passed = DNS_BOGUS;
	judgement->failed = DNS_SECURE;
	judgement->result.spf_aligned = weigh(judgement, results->spf.domain, record->strict_spf, results->spf.result,
	    results->spf.dnssec);
	for (size_t i = 0; i < results->dkim_count; i++) {
		const struct dkim_result *dkim = &results->dkim[i];
		/* whatever became of the key: this one cannot vouch for what was put on top */
		enum result result = dkim->added_field != NULL ? RESULT_POLICY : dkim->result;
		/* what never was a signature takes nothing from the failure's security: anybody can write one */
		enum dns_security evidence = dkim->message_alone ? DNS_SECURE : dkim->dnssec;

		if (weigh(judgement, dkim->domain, record->strict_dkim, result, evidence))
			judgement->result.dkim_aligned = true;
	}
}
