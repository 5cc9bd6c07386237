/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a policy asks for beyond its actions on findings: passes that stand on secure DNS (require-secure-domains), a client
 * certificate (require-cert). Pure. Thread: any. Trusts the evidence's enums; names in it are compared only.
 */
#include <string.h>
#include <strings.h>

#include "policy/internal.h"
#include "util/domain.h"

static enum truth truth_not(enum truth truth)
{
	return TRUTH_YES - truth;
}

static enum truth truth_or(enum truth a, enum truth b)
{
	return a > b ? a : b;
}

static bool needs_secure(const struct policy_config *policy, const char *domain)
{
	return domain_set_has(policy->require_secure_domains.set, domain);
}

/* Of a domain that is listed all passes are known. */
static enum truth dkim_passes_securely(const struct evidence *evidence, const char *domain)
{
	bool listed = false;

	for (size_t i = 0; i < evidence->pass_count; i++) {
		if (strcmp(evidence->passes[i].domain, domain) != 0)
			continue;
		if (evidence->passes[i].secure)
			return TRUTH_YES;
		listed = true;
	}
	return evidence_lacks(evidence, EVIDENCE_LACKS_SIGNATURES) && !listed ? TRUTH_MAYBE : TRUTH_NO;
}

static enum truth spf_passes_securely(const struct evidence *evidence, const char *domain)
{
	if (evidence_lacks(evidence, EVIDENCE_LACKS_SPF))
		return TRUTH_MAYBE;
	return evidence->spf == RESULT_PASS && evidence->spf_secure && evidence->spf_domain != NULL &&
	    strcmp(evidence->spf_domain, domain) == 0 ? TRUTH_YES : TRUTH_NO;
}

static enum truth insecure_spf(const struct policy_config *policy, const struct evidence *evidence, const char **domain_r)
{
	if (evidence_lacks(evidence, EVIDENCE_LACKS_SPF))
		return TRUTH_MAYBE;
	if (evidence->spf != RESULT_PASS || evidence->spf_secure || !needs_secure(policy, evidence->spf_domain))
		return TRUTH_NO;
	*domain_r = evidence->spf_domain;
	return truth_not(dkim_passes_securely(evidence, evidence->spf_domain));
}

static enum truth insecure_dkim(const struct policy_config *policy, const struct evidence *evidence, const char **domain_r)
{
	enum truth truth = evidence_lacks(evidence, EVIDENCE_LACKS_SIGNATURES) ? TRUTH_MAYBE : TRUTH_NO;

	for (size_t i = 0; i < evidence->pass_count && truth != TRUTH_YES; i++) {
		const char *domain = evidence->passes[i].domain;

		if (evidence->passes[i].secure || !needs_secure(policy, domain))
			continue;
		*domain_r = domain;
		truth = truth_or(truth, truth_not(truth_or(dkim_passes_securely(evidence, domain),
		    spf_passes_securely(evidence, domain))));
	}
	return truth;
}

/* Of every author domain: a second one must not hide a first. all_secure_r: DMARC passed for all, listed and securely. */
static const char *insecure_author(const struct policy_config *policy, const struct evidence *evidence, bool *all_secure_r)
{
	*all_secure_r = evidence->author_count != 0;
	for (size_t i = 0; i < evidence->author_count; i++) {
		const struct evidence_author *author = &evidence->authors[i];
		bool needed = author->dmarc == RESULT_PASS && needs_secure(policy, author->domain);

		if (needed && !author->secure)
			return author->domain;
		*all_secure_r = *all_secure_r && needed;
	}
	return NULL;
}

/* DMARC's pass decides when DMARC passed for listed author domains; else an SPF or DKIM pass of one that has no secure DKIM pass. */
enum truth require_insecure_pass(const struct policy_config *policy, const struct evidence *evidence, const char **domain_r)
{
	bool all_secure, more_authors = evidence_lacks(evidence, EVIDENCE_LACKS_AUTHORS);
	enum truth truth;

	*domain_r = NULL;
	if (policy->require_secure_domains.count == 0 || evidence->exempt || evidence->stage != FINDING_STAGE_MESSAGE)
		return TRUTH_NO;
	*domain_r = insecure_author(policy, evidence, &all_secure);
	if (*domain_r != NULL)
		return TRUTH_YES;
	if (all_secure)
		return more_authors ? TRUTH_MAYBE : TRUTH_NO;
	truth = insecure_spf(policy, evidence, domain_r);
	if (truth != TRUTH_YES)
		truth = truth_or(truth, insecure_dkim(policy, evidence, domain_r));
	/* one more author may be insecure; if he is the only one he may also be secure, and then the others do not count */
	if (more_authors && (truth == TRUTH_NO || evidence->author_count == 0))
		return TRUTH_MAYBE;
	return truth;
}

static bool has_issuer(const struct string_list *issuers, const char *common_name)
{
	for (size_t i = 0; common_name != NULL && i < issuers->count; i++) {
		if (strcasecmp(issuers->items[i], common_name) == 0)
			return true;
	}
	return false;
}

/* Whether its names are not such as the policy accepts. */
static enum truth cert_names_unfit(const struct policy_config *policy, const struct evidence *evidence)
{
	const struct evidence_cert *cert = &evidence->cert;

	if (policy->require_cert_names.count == 0)
		/* the author, whom the name may fit, is not known before the message */
		return evidence->stage == FINDING_STAGE_MESSAGE && cert->match == NULL && policy->require_cert_issuers.count == 0 ?
		    TRUTH_YES : TRUTH_NO;
	if (evidence_lacks(evidence, EVIDENCE_LACKS_CERT))
		return TRUTH_MAYBE;
	return domain_set_has(policy->require_cert_names.set, cert->proven) ||
	    domain_set_has(policy->require_cert_names.set, cert->subject) ? TRUTH_NO : TRUTH_YES;
}

static enum truth cert_issuer_unfit(const struct policy_config *policy, const struct evidence *evidence)
{
	if (policy->require_cert_issuers.count == 0)
		return TRUTH_NO;
	if (evidence->cert.status == CERT_VERIFIED && evidence_lacks(evidence, EVIDENCE_LACKS_CERT))
		return TRUTH_MAYBE;
	return has_issuer(&policy->require_cert_issuers, evidence->cert.issuer) ? TRUTH_NO : TRUTH_YES;
}

enum truth require_cert_lacking(const struct policy_config *policy, const struct evidence *evidence)
{
	enum cert_status status = evidence->cert.status;

	if (!policy->require_cert || evidence->exempt)
		return TRUTH_NO;
	if (status != CERT_VERIFIED && status != CERT_TLSA)
		return TRUTH_YES;
	return truth_or(cert_issuer_unfit(policy, evidence), cert_names_unfit(policy, evidence));
}
