/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ADSP (RFC 5617, Historic): does the author domain say that it signs all its mail, and is its signature missing? Runs
 * after dkim, only when the config or a policy wants it; or for those author domains only that DMARC would have rejected, where
 * ADSP may agree (check/dmarc/corroborate.c). Result words: RFC 8601 section 2.7 / RFC 5617 section 5.4.
 * Each author domain is judged; the strictest outcome is the message's.
 * Thread: that of the message. Trusts the results of dkim. A missing answer is temperror, never "no record".
 */
#include <string.h>

#include "check/adsp/record.h"
#include "check/check.h"
#include "util/error.h"

static const char *record_name(struct arena *arena, const char *domain)
{
	return arena_concat(arena, "_adsp._domainkey.", domain, "");
}

static bool adsp_header(struct check_context *context)
{
	const struct author *author = context->author;

	for (size_t i = 0; context->config->adsp_enabled && i < author->domain_count; i++) {
		struct dns_scope *dns = dns_scope_for(context->dns, DNS_FOR_AUTHOR);

		dns_start(dns, author->domains[i], CHECK_EXISTENCE_TYPE);
		dns_start(dns, record_name(context->arena, author->domains[i]), DNS_TYPE_TXT);
	}
	return false;
}

/*
 * Author Domain Signature (RFC 5617 section 2.7): valid, d= the same as the author's domain, not a parent of it.
 * @return the best of them, else one that could have been one but for a missing answer; NULL.
 */
static const struct dkim_result *author_signature(const struct results *results, const char *domain, enum result wanted)
{
	const struct dkim_result *best = NULL;

	for (size_t i = 0; i < results->dkim_count; i++) {
		const struct dkim_result *dkim = &results->dkim[i];

		if (dkim->result == wanted && dkim->added_field == NULL && dkim->domain != NULL && strcmp(dkim->domain, domain) == 0 &&
		    (best == NULL || dkim->dnssec < best->dnssec))
			best = dkim;
	}
	return best;
}

static const struct dns_answer *ask(struct check_context *context, const char *name, uint16_t type,
    struct adsp_result *result)
{
	const struct dns_answer *answer = dns_wait(dns_scope_for(context->dns, DNS_FOR_AUTHOR), name, type);

	if (answer->status == DNS_STATUS_FAIL) {
		/* what was asked for too much is the sender's own doing: taken as the strictest that it could have been */
		result->result = answer->failure == DNS_FAILURE_LIMIT ? RESULT_DISCARD : RESULT_TEMPERROR;
		result->reason = answer->why;
		if (answer->security == DNS_BOGUS)
			results_raise(context->results, FINDING_DNSSEC_BOGUS, answer->name, answer->why, DNS_BOGUS);
	}
	return answer;
}

/* @return how many valid ADSP records the answer holds. */
static size_t read_records(struct arena *arena, const struct dns_answer *answer, enum adsp_practice *practice_r)
{
	enum adsp_practice practice;
	size_t found = 0, length;

	for (size_t i = 0; answer->status == DNS_STATUS_DATA && i < answer->rr_count && found < 2; i++) {
		const char *text = dns_rr_text(&answer->rrs[i], arena, &length);

		if (text == NULL || adsp_record_parse(text, length, &practice) != 0)
			continue;
		*practice_r = practice;
		found++;
	}
	return found;
}

static void judge_practice(struct adsp_result *result, enum adsp_practice practice)
{
	static const enum result results[] = {
		[ADSP_UNKNOWN] = RESULT_UNKNOWN, [ADSP_ALL] = RESULT_FAIL, [ADSP_DISCARDABLE] = RESULT_DISCARD,
	};

	result->practices = words_of(adsp_practice_words, (int)practice);
	result->result = results[practice];
}

static struct adsp_result judge_domain(struct check_context *context, const char *domain)
{
	const struct dkim_result *signature = author_signature(context->results, domain, RESULT_PASS);
	struct adsp_result result = { .domain = domain };
	const struct dns_answer *exists, *answer;
	enum adsp_practice practice = ADSP_UNKNOWN;
	size_t found;

	if (signature != NULL) {
		/* satisfies all practices, no look-up is needed (RFC 5617 section 5.4) */
		result.result = RESULT_PASS;
		result.dnssec = signature->dnssec;
		return result;
	}
	dns_start(dns_scope_for(context->dns, DNS_FOR_AUTHOR), record_name(context->arena, domain), DNS_TYPE_TXT);
	exists = ask(context, domain, CHECK_EXISTENCE_TYPE, &result);
	result.dnssec = exists->security;
	if (check_name_is_absent(exists)) {
		result.result = RESULT_NXDOMAIN;
		result.reason = "the author domain does not exist";
	}
	if (result.result != RESULT_UNCHECKED)
		return result;
	answer = ask(context, record_name(context->arena, domain), DNS_TYPE_TXT, &result);
	result.dnssec = dns_weakest(result.dnssec, answer->security);
	if (result.result != RESULT_UNCHECKED)
		return result;
	found = read_records(context->arena, answer, &practice);
	if (found == 1) {
		judge_practice(&result, practice);
	} else {
		result.result = found == 0 ? RESULT_NONE : RESULT_PERMERROR;
		result.reason = found == 0 ? "no ADSP record" : "several ADSP records";
	}
	if ((result.result == RESULT_FAIL || result.result == RESULT_DISCARD) &&
	    author_signature(context->results, domain, RESULT_TEMPERROR) != NULL) {
		result.result = RESULT_TEMPERROR;
		result.reason = "an author domain signature could not be checked";
	}
	return result;
}

static void raise_findings(struct results *results, const struct adsp_result *result)
{
	static const enum finding_id ids[RESULT_COUNT] = {
		[RESULT_FAIL] = FINDING_ADSP_ALL, [RESULT_DISCARD] = FINDING_ADSP_DISCARDABLE,
		[RESULT_NXDOMAIN] = FINDING_ADSP_NXDOMAIN, [RESULT_TEMPERROR] = FINDING_ADSP_TEMPERROR,
	};

	if (result->result == RESULT_FAIL || result->result == RESULT_DISCARD || result->result == RESULT_NXDOMAIN ||
	    result->result == RESULT_TEMPERROR)
		results_raise(results, ids[result->result], result->domain, result->reason, result->dnssec);
}

/* The greater is the stricter. */
static int strictness(enum result result)
{
	static const int ranks[RESULT_COUNT] = {
		[RESULT_DISCARD] = 8, [RESULT_FAIL] = 7, [RESULT_NXDOMAIN] = 6, [RESULT_TEMPERROR] = 5, [RESULT_PERMERROR] = 4,
		[RESULT_UNKNOWN] = 3, [RESULT_NONE] = 2, [RESULT_PASS] = 1,
	};

	return ranks[result];
}

/* Nobody else wants to know, but does it agree with DMARC? Only of domains whose mail would be rejected is that a question. */
static bool may_corroborate(const struct results *results, const char *domain)
{
	for (size_t i = 0; i < results->waivable_count; i++)	/* a policy may honour none of what overrides it */
		if (results->waivable[i].finding.id == FINDING_DMARC_REJECT && strcmp(results->waivable[i].finding.domain, domain) == 0)
			return true;
	for (size_t i = 0; i < results->finding_count; i++) {
		const struct finding *finding = &results->findings[i];

		if (finding->id == FINDING_DMARC_REJECT && finding->domain != NULL && strcmp(finding->domain, domain) == 0)
			return true;
	}
	return false;
}

static bool is_wanted(const struct check_context *context, const char *domain)
{
	return context->config->adsp_enabled ||
	    (context->config->adsp_corroborates && may_corroborate(context->results, domain));
}

static void adsp_judge(struct check_context *context)
{
	struct results *results = context->results;
	const struct author *author = context->author;
	bool judged = false;

	for (size_t i = 0; i < author->domain_count; i++)
		judged = judged || is_wanted(context, author->domains[i]);
	if (!context->config->adsp_enabled && (!judged || !results->dkim_checked))
		return;
	if (!results->dkim_checked || author->domain_count == 0) {
		results->adsp = (struct adsp_result){ .result = RESULT_PERMERROR, .dnssec = DNS_INDETERMINATE,
			.reason = author->domain_count == 0 ? author->reason : "DKIM was not checked" };
		return;
	}
	for (size_t i = 0; i < author->domain_count; i++) {
		struct adsp_result result;

		if (!is_wanted(context, author->domains[i]))
			continue;
		result = judge_domain(context, author->domains[i]);
		raise_findings(results, &result);
		if (strictness(result.result) > strictness(results->adsp.result))
			results->adsp = result;
	}
	if (results->adsp.result == RESULT_PASS &&
	    (author->status == AUTHOR_INVALID || author->status == AUTHOR_MISSING || author->domains_truncated)) {
		/* see dmarc.c: what is shown as the author may be another domain */
		results->adsp.result = RESULT_PERMERROR;
		results->adsp.reason = author->reason;
	}
}

const struct check check_adsp = {
	.id = CHECK_ADSP, .stage = FINDING_STAGE_MESSAGE, .header = adsp_header, .judge = adsp_judge,
};
