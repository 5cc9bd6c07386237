/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Names of results, and the one way by which findings come into being. Between checks and policy.
 * Thread: that of the message. A full list drops the finding's text, never the finding: its bit is set in any case.
 */
#include "check/result.h"

#include <string.h>

const struct word result_words[] = {
	{ "none", RESULT_NONE }, { "pass", RESULT_PASS }, { "fail", RESULT_FAIL }, { "softfail", RESULT_SOFTFAIL },
	{ "neutral", RESULT_NEUTRAL }, { "policy", RESULT_POLICY }, { "temperror", RESULT_TEMPERROR },
	{ "permerror", RESULT_PERMERROR }, { "unknown", RESULT_UNKNOWN }, { "discard", RESULT_DISCARD },
	{ "nxdomain", RESULT_NXDOMAIN }, { 0 }
};

const struct word dmarc_policy_words[] = {
	{ "none", DMARC_POLICY_NONE }, { "quarantine", DMARC_POLICY_QUARANTINE }, { "reject", DMARC_POLICY_REJECT }, { 0 }
};

const struct word tls_grade_words[] = {
	{ "none", TLS_GRADE_NONE }, { "weak", TLS_GRADE_WEAK }, { "ok", TLS_GRADE_OK }, { "strong", TLS_GRADE_STRONG }, { 0 }
};

const struct word cert_status_words[] = {
	{ "none", CERT_NONE }, { "unverified", CERT_UNVERIFIED }, { "failed", CERT_FAILED }, { "tlsa", CERT_TLSA },
	{ "verified", CERT_VERIFIED }, { 0 }
};

const struct word tlsa_status_words[] = {
	{ "unchecked", TLSA_UNCHECKED }, { "none", TLSA_NONE }, { "insecure", TLSA_INSECURE }, { "mismatch", TLSA_MISMATCH },
	{ "temperror", TLSA_TEMPERROR }, { "bogus", TLSA_BOGUS }, { "match", TLSA_MATCH }, { 0 }
};

const char *result_name(enum result result)
{
	return words_of(result_words, (int)result);
}

const char *dmarc_policy_name(enum dmarc_policy policy)
{
	return words_of(dmarc_policy_words, (int)policy);
}

const char *tls_grade_name(enum tls_grade grade)
{
	return words_of(tls_grade_words, (int)grade);
}

const char *cert_status_name(enum cert_status status)
{
	return words_of(cert_status_words, (int)status);
}

const char *tlsa_status_name(enum tlsa_status status)
{
	return words_of(tlsa_status_words, (int)status);
}

bool tlsa_status_is_unknown(enum tlsa_status status)
{
	return status == TLSA_TEMPERROR || status == TLSA_BOGUS;
}

const char *tls_proven_name(const struct tls_result *tls)
{
	return tls->tlsa == TLSA_MATCH ? tls->tlsa_name : NULL;
}

bool dkim_result_counts(const struct dkim_result *dkim)
{
	return dkim->result == RESULT_PASS && dkim->added_field == NULL;
}

static bool same_domain(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

/* No room: the first one of this id stands for it, on the best evidence of both, as reject-only-secure may ask for that. */
static void merge(struct results *results, enum finding_id id, enum dns_security dnssec)
{
	for (size_t i = 0; i < results->finding_count; i++) {
		struct finding *finding = &results->findings[i];

		if (finding->id != id)
			continue;
		if (dnssec == DNS_SECURE)
			finding->dnssec = DNS_SECURE;
		finding->waivable = false;	/* it stands for one that is not, too */
		break;
	}
	if (id != FINDING_LIMIT_EXCEEDED)
		results_raise(results, FINDING_LIMIT_EXCEEDED, NULL, "more findings than are kept", DNS_SECURE);
}

void results_raise(struct results *results, enum finding_id id, const char *domain, const char *detail,
    enum dns_security dnssec)
{
	bool repeated = finding_set_has(&results->set, id);

	for (size_t i = 0; repeated && i < results->finding_count; i++) {
		if (results->findings[i].id == id && same_domain(results->findings[i].domain, domain))
			return;
	}
	if (repeated && results->repeated_count == FINDINGS_REPEATED_MAX) {
		merge(results, id, dnssec);
		return;
	}
	results->repeated_count += repeated;
	finding_set_add(&results->set, id);
	results->findings[results->finding_count++] = (struct finding){
		.id = id, .domain = domain, .detail = detail, .dnssec = dnssec,
	};
}

void results_waive(struct results *results, const struct waivable *waivable)
{
	if (results->waivable_count == WAIVABLE_MAX)
		return;
	results->waivable[results->waivable_count++] = *waivable;
	for (size_t i = 0; i < results->finding_count; i++) {
		struct finding *finding = &results->findings[i];

		if (finding->id == waivable->finding.id && same_domain(finding->domain, waivable->finding.domain))
			finding->waivable = true;
	}
}

const char *results_detail(const struct results *results, enum finding_id id, const char *domain)
{
	for (size_t i = 0; i < results->finding_count; i++)
		if (results->findings[i].id == id && same_domain(results->findings[i].domain, domain))
			return results->findings[i].detail;
	for (size_t i = 0; i < results->waivable_count; i++)
		if (results->waivable[i].finding.id == id && same_domain(results->waivable[i].finding.domain, domain))
			return results->waivable[i].finding.detail;
	return NULL;
}
