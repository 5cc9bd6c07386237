/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Names of results, and the one way by which findings come into being. Between checks and policy.
 * Thread: that of the message. A full list drops the finding's text, never the finding: its bit is set in any case.
 */
#include "check/result.h"

#include <string.h>

static const char *const result_names[RESULT_COUNT] = {
	[RESULT_NONE] = "none", [RESULT_PASS] = "pass", [RESULT_FAIL] = "fail", [RESULT_SOFTFAIL] = "softfail",
	[RESULT_NEUTRAL] = "neutral", [RESULT_POLICY] = "policy", [RESULT_TEMPERROR] = "temperror",
	[RESULT_PERMERROR] = "permerror", [RESULT_UNKNOWN] = "unknown", [RESULT_DISCARD] = "discard",
	[RESULT_NXDOMAIN] = "nxdomain",
};

const char *result_name(enum result result)
{
	return (unsigned)result < RESULT_COUNT ? result_names[result] : NULL;
}

const char *tls_grade_name(enum tls_grade grade)
{
	static const char *const names[] = { "none", "weak", "ok", "strong" };

	return names[grade];
}

const char *cert_status_name(enum cert_status status)
{
	static const char *const names[] = { "none", "unverified", "failed", "tlsa", "verified" };

	return names[status];
}

const char *tlsa_status_name(enum tlsa_status status)
{
	static const char *const names[] = { "unchecked", "none", "insecure", "mismatch", "temperror", "bogus", "match" };

	return names[status];
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
