/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * DMARC (RFC 9989, or by choice RFC 7489): does SPF or DKIM pass for a domain aligned with the author's, and what does
 * that author's domain ask for if not? Runs after spf, dkim and author, whose results it reads.
 *
 * Each author domain is judged and raises its findings; the strictest outcome is the message's result. What is not known
 * (a missing answer, an identifier in temperror) is neither pass nor fail: temperror, as long as nothing passes.
 * Thread: that of the message. Trusts the results of spf and dkim; nothing of the header, nothing of DNS but its security.
 */
#include <string.h>

#include "check/dmarc/judgement.h"
#include "check/dmarc/prefetch.h"
#include "util/domain.h"

void dmarc_discovery_start(struct check_context *context, enum dns_purpose purpose, const char *domain)
{
	if (context->config->dmarc_method == ORG_DOMAIN_PSL)
		dmarc_psl_start(context, purpose, domain);
	else
		dmarc_walk_start(context, purpose, domain);
}

static size_t dmarc_discovery_names(struct check_context *context, const char *domain, const char **names_r)
{
	if (context->config->dmarc_method != ORG_DOMAIN_PSL)
		return dmarc_walk_names(domain, names_r);
	names_r[0] = domain;
	names_r[1] = context->shared->psl != NULL ? psl_org_domain(context->shared->psl, context->arena, domain) : domain;
	return 2;
}

void dmarc_discover(struct check_context *context, enum dns_purpose purpose, const char *domain,
    struct dmarc_discovery *discovery_r)
{
	if (context->config->dmarc_method == ORG_DOMAIN_PSL)
		dmarc_psl_discover(context, purpose, domain, discovery_r);
	else
		dmarc_walk_discover(context, purpose, domain, discovery_r);
}

/* A mechanism that was switched off could have passed. */
static const char *not_checked(const struct check_context *context)
{
	if (!context->results->dkim_checked && facts_field(context->facts, "DKIM-Signature") != NULL)
		return "DKIM was not checked";
	return context->config->spf_enabled ? NULL : "SPF was not checked";
}

/* RFC 9989 section 4.10.1. @return false when the record asks for nothing that can be followed. */
static bool policy_usable(const struct dmarc_record *record, bool *as_none_r)
{
	bool broken = !record->p.valid || (record->sp.present && !record->sp.valid) ||
	    (record->np.present && !record->np.valid);

	*as_none_r = broken;
	return !broken || record->rua_valid;
}

/* p, sp or np (RFC 9989 section 4.7). @return false when it depends on whether the domain exists, and DNS does not say. */
static bool choose_policy(struct judgement *judgement)
{
	const struct dmarc_record *record = judgement->discovery.record;
	struct check_context *context = judgement->context;
	enum dmarc_policy sub = record->sp.valid ? record->sp.policy : record->p.policy;
	const struct dns_answer *answer;

	judgement->result.policy = record->p.policy;
	if (!judgement->discovery.inherited)
		return true;
	judgement->result.policy = sub;
	if (!record->np.valid || record->np.policy == sub)
		return true;
	answer = dns_wait(dns_scope_for(context->dns, DNS_FOR_AUTHOR), judgement->result.domain, CHECK_EXISTENCE_TYPE);
	judgement->discovery.policy_security = dns_weakest(judgement->discovery.policy_security, answer->security);
	if (check_name_is_absent(answer) || (answer->failure == DNS_FAILURE_LIMIT && record->np.policy > sub))
		judgement->result.policy = record->np.policy;
	return answer->status != DNS_STATUS_FAIL || answer->failure == DNS_FAILURE_LIMIT;
}

static enum dmarc_policy one_level_lower(enum dmarc_policy policy)
{
	return policy == DMARC_POLICY_REJECT ? DMARC_POLICY_QUARANTINE : DMARC_POLICY_NONE;
}

/* There is a record that counts: pass, fail or temperror. */
static void judge_with_record(struct judgement *judgement)
{
	struct dmarc_result *result = &judgement->result;
	const struct dmarc_record *record = judgement->discovery.record;
	bool as_none, policy_known;

	result->policy_domain = judgement->discovery.policy_domain;
	result->org_domain = judgement->discovery.org_domain;
	result->rua = record->rua;
	result->record = record;
	result->ruf = record->psd != DMARC_PSD_YES ? record->ruf : NULL;
	result->failure_options = record->failure_options;
	result->testing = record->testing;
	result->dnssec = judgement->discovery.policy_security;
	if (record->repeated != NULL)
		result->record_fault = arena_printf(judgement->context->arena, "the DMARC record has tag %s twice, the first counts",
		    record->repeated);
	if (!policy_usable(record, &as_none)) {
		/* RFC 9989 section 4.10.1: nothing is asked for; section 9.1: a record that is badly formed is told as such */
		result->result = RESULT_PERMERROR;
		result->no_policy = true;
		result->reason = "the DMARC record has no valid policy";
		return;
	}
	result->has_policy = true;
	policy_known = as_none || choose_policy(judgement);
	dmarc_weigh_identifiers(judgement);
	if (result->spf_aligned || result->dkim_aligned) {
		result->result = RESULT_PASS;
		result->dnssec = judgement->passed;
		return;
	}
	result->dnssec = dns_weakest(judgement->discovery.policy_security, judgement->failed);
	result->reason = judgement->unknown;
	if (result->reason == NULL && !policy_known)
		result->reason = "whether the author domain exists is not known";
	result->result = result->reason != NULL ? RESULT_TEMPERROR : RESULT_FAIL;
	if (result->result == RESULT_FAIL && (result->reason = not_checked(judgement->context)) != NULL)
		result->result = RESULT_PERMERROR;
	if (result->result != RESULT_FAIL)
		return;
	result->disposition = result->testing ? one_level_lower(result->policy) : result->policy;
	dmarc_find_overrides(judgement);
}

static void judge_domain(struct judgement *judgement)
{
	struct dmarc_result *result = &judgement->result;
	const struct dmarc_discovery *discovery = &judgement->discovery;

	dmarc_discover(judgement->context, DNS_FOR_AUTHOR, result->domain, &judgement->discovery);
	if (discovery->failure != NULL) {
		result->result = discovery->limited ? RESULT_PERMERROR : RESULT_TEMPERROR;
		result->reason = discovery->failure;
		result->dnssec = discovery->policy_security;
	} else if (discovery->record != NULL) {
		judge_with_record(judgement);
	} else {
		/* several records are as none (section 4.10); one that we do not read to its end is one all the same */
		result->result = discovery->too_long ? RESULT_PERMERROR : RESULT_NONE;
		result->no_policy = true;
		result->record_fault = discovery->discarded;
		result->reason = discovery->discarded != NULL ? discovery->discarded : "no DMARC record";
		result->org_domain = discovery->org_domain;
		result->dnssec = discovery->policy_security;
	}
}

/*
 * RFC 5322 knows no such message, and DMARC no alignment for it (RFC 9989 section 4.4). A repeated From field never passes,
 * whatever aligns. Of one that cannot be read or is not there, what a mail program shows as its author may be none of the domains
 * that were judged: they cannot make it a "none" either.
 */
static void distrust_author(const struct author *author, struct dmarc_result *result)
{
	bool unread = author->status == AUTHOR_INVALID || author->status == AUTHOR_MISSING || author->domains_truncated;
	bool repeated = author->field_count > 1;

	if (!(result->result == RESULT_PASS && (unread || repeated)) && !(result->result == RESULT_NONE && unread))
		return;
	result->result = RESULT_PERMERROR;
	result->no_policy = false;	/* nobody knows */
	result->reason = author->domains_truncated ? "more author domains than are judged" :
	    unread ? author->reason : "several From fields";
}

_Static_assert(WAIVABLE_MAX >= 2 * AUTHOR_MAX_DOMAINS, "room for each author domain's failure, and the corroborated one");

/* The security of the first override that holds: that it holds may be had on better data by the next, but that one is told. */
static enum dns_security override_security(const struct dmarc_result *result)
{
	for (size_t i = 0; i < result->override_count; i++)
		if (!result->overrides[i].unknown)
			return result->overrides[i].dnssec;
	return DNS_INDETERMINATE;
}

/* What the domain asks for, or the override in its place; whether an override counts each policy says (policy/waiver.c). */
static void raise_failure(struct results *results, const struct dmarc_result *result)
{
	static const enum finding_id by_disposition[] = {
		[DMARC_POLICY_NONE] = FINDING_DMARC_FAIL, [DMARC_POLICY_QUARANTINE] = FINDING_DMARC_QUARANTINE,
		[DMARC_POLICY_REJECT] = FINDING_DMARC_REJECT,
	};
	const struct waivable waivable = { .overrides = result->overrides, .override_count = result->override_count,
		.finding = { .id = by_disposition[result->disposition], .domain = result->domain, .detail = result->reason,
			.dnssec = result->dnssec } };

	if (result->overridden != NULL)
		results_raise(results, FINDING_DMARC_OVERRIDDEN, result->domain, result->overridden,
		    dns_weakest(result->dnssec, override_security(result)));
	else
		results_raise(results, waivable.finding.id, result->domain, result->reason, result->dnssec);
	if (result->override_count != 0)
		results_waive(results, &waivable);
}

static void raise_findings(struct check_context *context, const struct dmarc_result *result)
{
	struct results *results = context->results;

	if (result->no_policy)
		results_raise(results, FINDING_DMARC_NONE, result->domain, result->reason, result->dnssec);
	if (result->record_fault != NULL)
		results_raise(results, FINDING_DMARC_PERMERROR, result->domain, result->record_fault, result->dnssec);
	if (result->result == RESULT_TEMPERROR)
		results_raise(results, FINDING_DMARC_TEMPERROR, result->domain, result->reason, result->dnssec);
	if (result->result == RESULT_PERMERROR)
		results_raise(results, FINDING_DMARC_PERMERROR, result->domain, result->reason, result->dnssec);
	if (result->result == RESULT_FAIL)
		raise_failure(results, result);
}

/* The greater is the stricter. A temperror may hide a reject, so it stands above what asks for nothing. */
static int strictness(const struct dmarc_result *result)
{
	switch (result->result) {
	case RESULT_FAIL:
		if (result->overridden != NULL)
			return 2;
		return result->disposition == DMARC_POLICY_REJECT ? 7 : result->disposition == DMARC_POLICY_QUARANTINE ? 6 : 4;
	case RESULT_TEMPERROR:
		return 5;
	case RESULT_PERMERROR:
		return 3;
	case RESULT_NONE:
		return 2;
	case RESULT_PASS:
		return 1;
	default:
		return 0;
	}
}

/*
 * A domain that was not judged may ask for anything, of a message for which nothing else speaks: as long as it is not known,
 * whatever the policy finds the worst counts. Only a forger has so many authors. Whether more speaks against it is not said
 * here: corroborate.c.
 */
static void raise_all(const struct check_context *context, const char *domain, const char *why)
{
	static const enum finding_id all[] = { FINDING_DMARC_FAIL, FINDING_DMARC_QUARANTINE, FINDING_DMARC_REJECT };

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		results_raise(context->results, all[i], domain, why, DNS_SECURE);
}

static void raise_unjudged(const struct check_context *context)
{
	const struct author *author = context->author;

	if (author->domains_truncated || context->facts->from_unkept)
		raise_all(context, NULL, author->reason);
}

/* Waits for what the author domains ask for, before SPF and DKIM can use up the message's time. */
static void dmarc_settle(struct check_context *context, size_t index)
{
	const char *names[DMARC_WALK_MAX];
	size_t count;

	if (!context->config->dmarc_enabled)
		return;
	count = dmarc_discovery_names(context, context->author->domains[index], names);
	for (size_t i = 0; i < count; i++)
		dns_wait(dns_scope_for(context->dns, DNS_FOR_AUTHOR), arena_concat(context->arena, "_dmarc.", names[i], ""),
		    DNS_TYPE_TXT);
}

static bool dmarc_header(struct check_context *context)
{
	if (context->config->dmarc_enabled)
		dmarc_prefetch(context);
	return false;
}

static void dmarc_judge(struct check_context *context)
{
	const struct author *author = context->author;
	struct dmarc_result *strictest = &context->results->dmarc, *each;

	if (!context->config->dmarc_enabled)
		return;
	each = arena_calloc(context->arena, AUTHOR_MAX_DOMAINS, sizeof(*each));
	context->results->dmarc_authors = each;
	raise_unjudged(context);
	if (author->domain_count == 0) {
		/* from-missing and from-invalid are raised elsewhere; this is only DMARC's word for it */
		*strictest = (struct dmarc_result){ .result = RESULT_PERMERROR, .reason = author->reason,
			.dnssec = DNS_INDETERMINATE };
		return;
	}
	for (size_t i = 0; i < author->domain_count; i++) {
		struct judgement judgement = { .context = context, .result = { .domain = author->domains[i] } };

		judge_domain(&judgement);
		if (judgement.discovery.limited && judgement.discovery.failure != NULL)
			raise_all(context, judgement.result.domain, judgement.result.reason);
		raise_findings(context, &judgement.result);
		each[context->results->dmarc_author_count++] = judgement.result;
		distrust_author(author, &judgement.result);
		if (strictness(&judgement.result) > strictness(strictest))
			*strictest = judgement.result;
	}
}

const struct check check_dmarc = {
	.id = CHECK_DMARC, .stage = FINDING_STAGE_MESSAGE, .header = dmarc_header,
	.settle = dmarc_settle, .judge = dmarc_judge,
};
