/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Evidence → decision: which of the actions that a policy assigns to the findings is the strongest; which policies are asked is
 * select.c's. Pure: same input, same decision, whatever the order of the findings. Thread: any. Trusts the evidence's enums; its
 * texts come from the network and are compared only.
 */
#include <string.h>

#include "policy/internal.h"

/* Whether the policy would keep from the reader what could not be looked for. */
static bool hides_a_refusal(const struct policy_config *policy, const struct evidence *evidence, enum finding_id unknown, bool most)
{
	enum asked_why why;

	for (int id = 0; id < FINDING_COUNT; id++) {
		if (findings_table[id].unknown == unknown && policy->actions[id] >= ACTION_DEFER &&
		    ramp_action(policy, evidence, (enum finding_id)id, most, &why) >= ACTION_DEFER)
			return true;
	}
	return false;
}

/*
 * Pressure is made by senders, who must not gain by it; an outage is nobody's doing. Which of them it was is known at the end of
 * the message only.
 */
static bool defers_for_want_of_dns(const struct policy_config *policy, const struct evidence *evidence)
{
	bool pressed = evidence->dns_pressed && evidence->stage == FINDING_STAGE_MESSAGE;

	return policy->dns_outage == DNS_OUTAGE_DEFER || (policy->dns_outage == DNS_OUTAGE_DEFER_PRESSED && pressed);
}

/* What becomes of an action that is in force. why_r stays when it is that. */
static enum action settle_action(const struct policy_config *policy, const struct evidence *evidence,
    const struct evidence_finding *finding, enum action action, bool most, enum asked_why *why_r)
{
	enum asked_why why = *why_r;

	*why_r = ASKED_DNS_OUTAGE;
	if (action < ACTION_DEFER && defers_for_want_of_dns(policy, evidence) && hides_a_refusal(policy, evidence, finding->id, most))
		return ACTION_DEFER;
	*why_r = ASKED_TLS_NOT_REQUIRED;
	if (evidence->tls_not_required && policy->honor_tls_not_required && finding_is(finding->id, TRAIT_LACK_OF_TLS))
		return ACTION_NONE;
	*why_r = ASKED_ONLY_SECURE;
	if (action == ACTION_REJECT && policy->reject_only_secure && !finding->secure)
		return ACTION_QUARANTINE;
	*why_r = ASKED_TLSA_UNKNOWN;
	/* the client's TLSA record may be the proof that is missing; where issuers are named it would not do */
	if (action == ACTION_REJECT && finding->id == FINDING_TLS_CERT_REQUIRED && evidence->cert.tlsa_unknown &&
	    policy->require_cert_issuers.count == 0)
		return ACTION_DEFER;
	*why_r = ASKED_OVERRIDE_UNKNOWN;
	if (action == ACTION_REJECT && finding->override_unknown)
		return ACTION_DEFER;
	*why_r = why;
	return action;
}

/* Whether nobody knows what is in force: a quarantine, or a reject that becomes a defer, which is weaker. */
static bool is_quarantine_or_defer(const struct policy_config *policy, const struct evidence *evidence,
    const struct evidence_finding *finding)
{
	enum asked_why why = ASKED_AS_SET;

	return policy->ramps[finding->id].before == ACTION_QUARANTINE &&
	    ramp_action(policy, evidence, finding->id, true, &why) == ACTION_REJECT &&
	    ramp_action(policy, evidence, finding->id, false, &why) != ACTION_REJECT &&
	    settle_action(policy, evidence, finding, ACTION_REJECT, true, &why) == ACTION_DEFER;
}

enum action policy_asked_action(const struct policy_config *policy, const struct evidence *evidence,
    const struct evidence_finding *finding, bool most, enum asked_why *why_r)
{
	enum action action = ramp_action(policy, evidence, finding->id, most, why_r);

	if (action >= ACTION_QUARANTINE && is_quarantine_or_defer(policy, evidence, finding))
		action = most ? ACTION_QUARANTINE : ACTION_DEFER;
	return settle_action(policy, evidence, finding, action, most, why_r);
}

static bool is_permanent(const struct evidence_finding *finding)
{
	return findings_table[finding->id].code >= 500;
}

/* Whether a should decide rather than b when both ask for the same action: an order that depends on them alone. */
static bool goes_before(const struct evidence_finding *a, const struct evidence_finding *b)
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
	const struct evidence *evidence;
	enum action action, may;
	const struct evidence_finding *decider;	/* NULL while the action is none */
	finding_set asking;		/* findings that ask for the action */
};

static void weigh(struct weighing *weighing, const struct evidence_finding *finding, enum truth is_there)
{
	enum asked_why why;
	enum action action = policy_asked_action(weighing->policy, weighing->evidence, finding, false, &why);
	enum action most = policy_asked_action(weighing->policy, weighing->evidence, finding, true, &why);

	if (is_there != TRUTH_NO && most > weighing->may)
		weighing->may = most;
	if (is_there != TRUTH_YES || action == ACTION_NONE || action < weighing->action)
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

/*
 * A brake counts what looks wanted of what is held back, and what speaks for a message is known at its end: refused at RCPT nothing
 * ever would.
 */
static bool waits_for_end(const struct policy_config *policy)
{
	return policy->brake.wanted != 0;
}

/*
 * Whether a finding is weighed now. Of an exempt message only how its client authenticated counts: that is what the auth
 * findings are for. Lack of TLS waits for the message, which may say that it does not mind (RFC 8689).
 */
bool policy_counts(const struct policy_config *policy, const struct evidence *evidence, enum finding_id id)
{
	if (evidence->stage == FINDING_STAGE_ENVELOPE && waits_for_end(policy))
		return false;
	if (evidence->exempt)
		return finding_is(id, TRAIT_EXEMPT_TOO);
	if (evidence->stage == FINDING_STAGE_MESSAGE)
		return true;
	return findings_table[id].stage == FINDING_STAGE_ENVELOPE && !(policy->honor_tls_not_required && finding_is(id, TRAIT_LACK_OF_TLS));
}

/* A finding that is not known here may be any. */
static void weigh_any(struct weighing *weighing)
{
	for (int id = 0; id < FINDING_COUNT; id++) {
		struct evidence_finding finding = { .id = (enum finding_id)id, .secure = true };

		if (policy_counts(weighing->policy, weighing->evidence, finding.id))
			weigh(weighing, &finding, TRUTH_MAYBE);
	}
}

/* What nobody looked for may be there. */
static void weigh_unlooked(struct weighing *weighing)
{
	FINDING_SET_EACH(&weighing->evidence->unlooked, id) {
		struct evidence_finding finding = { .id = id, .secure = true };

		if (policy_counts(weighing->policy, weighing->evidence, id))
			weigh(weighing, &finding, TRUTH_MAYBE);
	}
}

/* What comes of the findings should it have been pressure. */
static void weigh_as_pressed(struct weighing *weighing)
{
	const struct evidence *known = weighing->evidence;
	struct evidence pressed = *known;

	pressed.dns_pressed = true;
	weighing->evidence = &pressed;
	for (size_t i = 0; i < known->finding_count; i++) {
		if (policy_counts(weighing->policy, known, known->findings[i].id))
			weigh(weighing, &known->findings[i], TRUTH_MAYBE);
	}
	weighing->evidence = known;
}

/* What overrides may waive, as this policy sees it; of records that do not say what was waived, all that it may have been. */
static void weigh_waivable(struct weighing *weighing)
{
	const struct evidence *evidence = weighing->evidence;
	const enum finding_id *ids;
	size_t count = policy_waived_ids(&ids);

	for (size_t i = 0; i < evidence->waivable_count; i++) {
		const struct evidence_finding *finding = policy_waive(weighing->policy, &evidence->waivable[i]);

		if (policy_counts(weighing->policy, evidence, finding->id))
			weigh(weighing, finding, TRUTH_YES);
	}
	for (size_t i = 0; i < count && policy_lacks_waived(weighing->policy, evidence); i++) {
		struct evidence_finding finding = { .id = ids[i], .secure = true };

		if (policy_counts(weighing->policy, evidence, finding.id))
			weigh(weighing, &finding, TRUTH_MAYBE);
	}
}

struct decision decision_none(void)
{
	return (struct decision){ .action = ACTION_NONE, .finding = FINDING_COUNT, .code = 250 };
}

void policy_decide(const struct policy_config *policy, const struct evidence *evidence, struct decision *decision_r)
{
	struct weighing weighing = { .policy = policy, .evidence = evidence };
	/* that DNS was not secure is the very evidence of the other one: reject-only-secure must not take the reject away */
	struct evidence_finding cert = { .id = FINDING_TLS_CERT_REQUIRED, .secure = true };
	struct evidence_finding insecure = { .id = FINDING_INSECURE_PASS, .secure = true };
	enum truth is_insecure = require_insecure_pass(policy, evidence, &insecure.domain);

	for (size_t i = 0; i < evidence->finding_count; i++) {
		if (policy_takes(policy, evidence, &evidence->findings[i]))
			weigh(&weighing, &evidence->findings[i], TRUTH_YES);
	}
	weigh_waivable(&weighing);
	if (evidence->stage == FINDING_STAGE_MESSAGE || !waits_for_end(policy))
		weigh(&weighing, &cert, require_cert_lacking(policy, evidence));
	weigh(&weighing, &insecure, is_insecure);
	if (evidence_lacks(evidence, EVIDENCE_LACKS_PRESSURE))
		weigh_as_pressed(&weighing);
	if (evidence_lacks(evidence, EVIDENCE_LACKS_FINDINGS))
		weigh_any(&weighing);
	weigh_unlooked(&weighing);
	*decision_r = decision_none();
	decision_r->action = weighing.action;
	decision_r->may = weighing.may;
	decision_r->policy = policy->name;
	decision_r->enforced = policy->mode == MODE_ENFORCE;
	decision_r->asking = weighing.asking;
	if (weighing.decider == NULL)
		return;
	decision_r->finding = weighing.decider->id;
	decision_r->domain = weighing.decider->domain;
}

bool decision_refuses(const struct decision *decision)
{
	return decision->enforced && (decision->action == ACTION_GREYLIST || decision->action == ACTION_DEFER ||
	    decision->action == ACTION_REJECT);
}

/* Greylisting is decided at the end of the message, when everything that could vouch for it is known. */
static bool refuses(enum action action)
{
	return action == ACTION_DEFER || action == ACTION_REJECT;
}

static bool refuses_at_rcpt(const struct policy_config *policy, enum finding_id id)
{
	if (id == FINDING_TLS_CERT_REQUIRED && !policy->require_cert)
		return false;
	if (policy->honor_tls_not_required && finding_is(id, TRAIT_LACK_OF_TLS))
		return false;
	return findings_table[id].stage == FINDING_STAGE_ENVELOPE && refuses(policy->actions[id]);
}

bool policy_acts_at_rcpt(const struct policy_set *set)
{
	for (size_t i = 0; i < set->count; i++) {
		const struct policy_config *policy = &set->policies[i];

		if (policy->mode != MODE_ENFORCE || policy->author_domains.count != 0 || waits_for_end(policy))
			continue;
		for (int id = 0; id < FINDING_COUNT; id++) {
			if (refuses_at_rcpt(policy, (enum finding_id)id))
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
