/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Findings → decision. Which policy applies, and which of the actions that it assigns to the findings is the strongest.
 * Pure: same input, same decision, whatever the order of the findings. Thread: any. Trusts the results' enums; their
 * texts come from the network and are only passed to reply_text() (reply.c), which cleans them.
 */
#include "policy/policy.h"

#include <string.h>
#include <strings.h>

#include "check/tls/cert.h"
#include "policy/reply.h"
#include "util/domain.h"

static bool client_matches(const struct policy_config *policy, const struct ip_addr *client)
{
	for (size_t i = 0; client != NULL && i < policy->client_networks.count; i++) {
		if (network_contains(&policy->client_networks.items[i], client))
			return true;
	}
	return false;
}

enum match { MATCH_NO, MATCH_MAYBE, MATCH_YES };

static enum match match_name(const struct domain_list *patterns, const char *domain)
{
	if (patterns->count == 0)
		return MATCH_YES;
	if (domain == NULL)
		return MATCH_MAYBE;
	return domain_set_has(patterns->set, domain) ? MATCH_YES : MATCH_NO;
}

static enum match match_policy(const struct policy_config *policy, const struct policy_who *who)
{
	enum match recipient = match_name(&policy->recipient_domains, who->recipient_domain);
	enum match author = match_name(&policy->author_domains, who->author_domain);

	if (who->before_author && policy->author_domains.count != 0)
		return MATCH_NO;
	if (policy->client_networks.count != 0 && !client_matches(policy, who->client))
		return MATCH_NO;
	return recipient < author ? recipient : author;
}

bool policy_matches(const struct policy_config *policy, const struct policy_who *who)
{
	return match_policy(policy, who) == MATCH_YES;
}

void policy_mark(const struct config *config, const struct policy_who *who, bool *marked)
{
	for (size_t i = 0; i < config->policy_count; i++) {
		enum match match = match_policy(&config->policies[i], who);

		if (match != MATCH_NO)
			marked[i] = true;
		if (match == MATCH_YES)
			return;
	}
}

/* Whether the policy would keep from the reader what could not be looked for. */
static bool hides_a_refusal(const struct policy_config *policy, enum finding_id unknown)
{
	for (int id = 0; id < FINDING_COUNT; id++) {
		if (findings_table[id].unknown == unknown && policy->actions[id] >= ACTION_DEFER)
			return true;
	}
	return false;
}

/* Pressure is made by senders, who must not gain by it; an outage is nobody's doing. */
static bool defers_for_want_of_dns(const struct policy_config *policy, const struct results *results)
{
	bool pressed = (results->dns_failures >> DNS_FAILURE_PRESSURE & 1) != 0;

	return policy->dns_outage == DNS_OUTAGE_DEFER || (policy->dns_outage == DNS_OUTAGE_DEFER_PRESSED && pressed);
}

static enum action asked_action(const struct policy_config *policy, const struct results *results,
    const struct finding *finding)
{
	enum action action = policy->actions[finding->id];

	if (action < ACTION_DEFER && defers_for_want_of_dns(policy, results) && hides_a_refusal(policy, finding->id))
		return ACTION_DEFER;
	if (results->tls.not_required && finding_is(finding->id, TRAIT_LACK_OF_TLS))
		return ACTION_NONE;
	if (action == ACTION_REJECT && policy->reject_only_secure && finding_is(finding->id, TRAIT_DNS) &&
	    finding->dnssec != DNS_SECURE)
		return ACTION_QUARANTINE;
	/* the client's TLSA record may be the proof that is missing; where issuers are named it would not do */
	if (action == ACTION_REJECT && finding->id == FINDING_TLS_CERT_REQUIRED && tlsa_status_is_unknown(results->tls.tlsa) &&
	    policy->require_cert_issuers.count == 0)
		return ACTION_DEFER;
	return action;
}

static bool is_permanent(const struct finding *finding)
{
	return findings_table[finding->id].code >= 500;
}

/* Whether a should decide rather than b when both ask for the same action: an order that depends on them alone. */
static bool goes_before(const struct finding *a, const struct finding *b)
{
	if (is_permanent(a) != is_permanent(b))
		return is_permanent(a);
	if (a->id != b->id)
		return a->id < b->id;
	return strcmp(a->domain != NULL ? a->domain : "", b->domain != NULL ? b->domain : "") < 0;
}

/* The strongest so far, and what else asked for the same action. */
struct weighing {
	const struct policy_config *policy;
	const struct results *results;
	enum action action;
	const struct finding *decider;	/* NULL while the action is none */
	finding_set asking;		/* findings that ask for the action */
};

static void weigh(struct weighing *weighing, const struct finding *finding)
{
	enum action action = asked_action(weighing->policy, weighing->results, finding);

	if (action == ACTION_NONE || action < weighing->action)
		return;
	if (action > weighing->action) {
		weighing->action = action;
		weighing->decider = NULL;
		weighing->asking = (finding_set){ 0 };
	}
	finding_set_add(&weighing->asking, finding->id);
	if (weighing->decider == NULL || goes_before(finding, weighing->decider))
		weighing->decider = finding;
}

static bool needs_secure(const struct policy_config *policy, enum result result, const char *domain)
{
	return result == RESULT_PASS && domain_set_has(policy->require_secure_domains.set, domain);
}

static bool dkim_passes_securely(const struct results *results, const char *domain)
{
	for (size_t i = 0; i < results->dkim_count; i++) {
		const struct dkim_result *dkim = &results->dkim[i];

		if (dkim_result_counts(dkim) && dkim->dnssec == DNS_SECURE && dkim->domain != NULL &&
		    strcmp(dkim->domain, domain) == 0)
			return true;
	}
	return false;
}

/* Of every author domain: a second one must not hide a first. all_secure_r: DMARC passed for all, listed and securely. */
static const char *insecure_author(const struct policy_config *policy, const struct results *results, bool *all_secure_r)
{
	*all_secure_r = results->dmarc_author_count != 0;
	for (size_t i = 0; i < results->dmarc_author_count; i++) {
		const struct dmarc_result *dmarc = &results->dmarc_authors[i];
		bool needed = needs_secure(policy, dmarc->result, dmarc->domain);

		if (needed && dmarc->dnssec != DNS_SECURE)
			return dmarc->domain;
		*all_secure_r = *all_secure_r && needed;
	}
	return NULL;
}

/*
 * The pass that require-secure-domains does not believe: DMARC's when DMARC passed for a listed author domain; else an SPF or
 * DKIM pass of a listed domain that has no secure DKIM pass beside it. A pure function of the results, so that it can be
 * replayed. @return the domain; NULL when there is no such pass.
 */
static const char *insecure_pass_domain(const struct policy_config *policy, const struct results *results)
{
	const struct spf_result *spf = &results->spf;
	bool all_secure;
	const char *author = insecure_author(policy, results, &all_secure);

	if (author != NULL || all_secure)
		return author;
	if (needs_secure(policy, spf->result, spf->domain) && spf->dnssec != DNS_SECURE &&
	    !dkim_passes_securely(results, spf->domain))
		return spf->domain;
	for (size_t i = 0; i < results->dkim_count; i++) {
		const struct dkim_result *dkim = &results->dkim[i];

		if (needs_secure(policy, dkim->result, dkim->domain) && dkim->dnssec != DNS_SECURE &&
		    !dkim_passes_securely(results, dkim->domain) &&
		    !(spf->result == RESULT_PASS && spf->dnssec == DNS_SECURE && spf->domain != NULL &&
		    strcmp(spf->domain, dkim->domain) == 0))
			return dkim->domain;
	}
	return NULL;
}

static bool issuer_accepted(const struct string_list *issuers, const char *common_name)
{
	for (size_t i = 0; common_name != NULL && i < issuers->count; i++) {
		if (strcasecmp(issuers->items[i], common_name) == 0)
			return true;
	}
	return issuers->count == 0;
}

/* Whether the policy asks for a client certificate that the session does not have. */
static bool lacks_cert(const struct policy_config *policy, const struct results *results, enum finding_stage stage,
    struct arena *arena)
{
	const struct tls_result *tls = &results->tls;
	bool verified = tls->cert_status == CERT_VERIFIED;

	if (!policy->require_cert)
		return false;
	if (!verified && tls->cert_status != CERT_TLSA)
		return true;
	/* the names inside count only when an authority stands behind them */
	if (!issuer_accepted(&policy->require_cert_issuers, verified ? cert_common_name(arena, tls->cert_issuer) : NULL))
		return true;
	if (policy->require_cert_names.count != 0)
		return !domain_set_has(policy->require_cert_names.set, tls_proven_name(tls)) &&
		    !domain_set_has(policy->require_cert_names.set, verified ? cert_common_name(arena, tls->cert_subject) : NULL);
	/* the author, whom the name may fit, is not known before the message */
	return stage == FINDING_STAGE_MESSAGE && tls->cert_match == NULL && policy->require_cert_issuers.count == 0;
}

/*
 * Whether a finding is weighed now. Of an exempt message only how its client authenticated counts: that is what the auth
 * findings are for. Lack of TLS waits for the message, which may say that it does not mind (RFC 8689).
 */
static bool counts(const struct config *config, const struct results *results, enum finding_id id, enum finding_stage stage)
{
	if (results->exempt)
		return finding_is(id, TRAIT_EXEMPT_TOO);
	if (stage == FINDING_STAGE_MESSAGE)
		return true;
	return findings_table[id].stage == FINDING_STAGE_ENVELOPE && !(config->tls_honor_not_required && finding_is(id, TRAIT_LACK_OF_TLS));
}

void policy_decide(const struct config *config, const struct policy_config *policy, const struct results *results,
    enum finding_stage stage, struct arena *arena, struct decision *decision_r)
{
	struct weighing weighing = { .policy = policy, .results = results };
	struct finding cert = { .id = FINDING_TLS_CERT_REQUIRED, .dnssec = DNS_SECURE };
	struct finding insecure = { .id = FINDING_INSECURE_PASS, .dnssec = DNS_INSECURE };

	*decision_r = (struct decision){ .finding = FINDING_COUNT, .policy = policy->name, .code = 250,
	    .enforced = policy->mode == MODE_ENFORCE };
	for (size_t i = 0; i < results->finding_count; i++) {
		const struct finding *finding = &results->findings[i];

		if (counts(config, results, finding->id, stage))
			weigh(&weighing, finding);
	}
	if (!results->exempt && lacks_cert(policy, results, stage, arena))
		weigh(&weighing, &cert);
	insecure.domain = stage == FINDING_STAGE_MESSAGE && !results->exempt ? insecure_pass_domain(policy, results) : NULL;
	if (insecure.domain != NULL) {
		/* its very evidence is that DNS was not secure: reject-only-secure must not take the reject away */
		insecure.dnssec = DNS_SECURE;
		weigh(&weighing, &insecure);
	}
	if (weighing.decider == NULL)
		return;
	decision_r->action = weighing.action;
	decision_r->finding = weighing.decider->id;
	decision_r->domain = weighing.decider->domain;
	reply_fill(config, results, &weighing.asking, arena, decision_r);
}

/* An enforced "none" holds nobody back, so that it does not hide what a policy in dry-run would have done. */
static bool has_effect(const struct decision *decision)
{
	return decision->enforced && decision->action != ACTION_NONE;
}

const struct decision *decision_stricter(const struct decision *a, const struct decision *b)
{
	if (has_effect(a) != has_effect(b))
		return has_effect(a) ? a : b;
	return b->action > a->action ? b : a;
}

/* Greylisting is decided at the end of the message, when everything that could vouch for it is known. */
static bool refuses(enum action action)
{
	return action == ACTION_DEFER || action == ACTION_REJECT;
}

static bool refuses_at_rcpt(const struct config *config, const struct policy_config *policy, enum finding_id id)
{
	if (id == FINDING_TLS_CERT_REQUIRED && !policy->require_cert)
		return false;
	if (config->tls_honor_not_required && finding_is(id, TRAIT_LACK_OF_TLS))
		return false;
	return findings_table[id].stage == FINDING_STAGE_ENVELOPE && refuses(policy->actions[id]);
}

bool policy_acts_at_rcpt(const struct config *config)
{
	for (size_t i = 0; i < config->policy_count; i++) {
		const struct policy_config *policy = &config->policies[i];

		if (policy->mode != MODE_ENFORCE || policy->author_domains.count != 0)
			continue;
		for (int id = 0; id < FINDING_COUNT; id++) {
			if (refuses_at_rcpt(config, policy, (enum finding_id)id))
				return true;
		}
	}
	return false;
}

static bool uses(const struct policy_config *policy, enum finding_trait trait)
{
	for (int id = 0; id < FINDING_COUNT; id++) {
		if (policy->actions[id] != ACTION_NONE && finding_is((enum finding_id)id, trait))
			return true;
	}
	return false;
}

bool policy_uses(const struct config *config, enum finding_trait trait)
{
	for (size_t i = 0; i < config->policy_count; i++) {
		if (uses(&config->policies[i], trait))
			return true;
	}
	return false;
}
