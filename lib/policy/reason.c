/* SPDX-License-Identifier: BSD-2-Clause */
/* The reasons of a decision, see reason.h. Trusts the evidence for nothing but its enums. */
#include "policy/reason.h"

#include "config/schema.h"
#include "policy/internal.h"
#include "policy/match.h"
#include "util/buf.h"

/* By which of its conditions, in the order of the manual; what holds for want of knowledge is told as that. */
static const char *match_text(const struct policy_config *policy, const struct evidence *evidence, struct arena *arena)
{
	struct buf buf = buf_make(arena);

	for (size_t i = 0; i < schema_count; i++) {
		const struct condition *condition = NULL;

		if (option_is_condition(&schema_table[i]))
			condition = match_condition_find(schema_table[i].name);
		if (condition != NULL && condition->is_set(policy))
			buf_printf(&buf, "%s%s", buf.length != 0 ? ", " : "", condition->words(policy, evidence, arena));
	}
	return buf.length != 0 ? buf.data : "all mail that no policy before it takes";
}

enum action policy_asked_for(const struct policy_config *policy, const struct evidence *evidence, enum finding_id id,
    enum asked_why *why_r)
{
	/* raised by the policies themselves, which ask for it on data that counts as secure */
	const struct evidence_finding own = { .id = id, .secure = true };
	enum action strongest = ACTION_NONE, action;
	const char *domain;
	enum asked_why why;

	*why_r = ASKED_AS_SET;
	for (size_t i = 0; i < evidence->finding_count; i++) {
		if (evidence->findings[i].id != id || !policy_takes(policy, evidence, &evidence->findings[i]))
			continue;
		action = policy_asked_action(policy, evidence, &evidence->findings[i], false, &why);
		if (action > strongest || (action == ACTION_NONE && strongest == ACTION_NONE)) {
			strongest = action;
			*why_r = why;
		}
	}
	for (size_t i = 0; i < evidence->waivable_count && policy_counts(policy, evidence, id); i++) {
		const struct evidence_finding *finding = policy_waive(policy, &evidence->waivable[i]);

		action = finding->id == id ? policy_asked_action(policy, evidence, finding, false, &why) : ACTION_NONE;
		if (finding->id != id && evidence->waivable[i].as_is.id != id)
			continue;
		if (action > strongest || (action == ACTION_NONE && strongest == ACTION_NONE)) {
			strongest = action;
			*why_r = finding->id == id ? why : ASKED_OVERRIDDEN;
		}
	}
	if ((id == FINDING_TLS_CERT_REQUIRED && policy_counts(policy, evidence, id) && require_cert_lacking(policy, evidence) == TRUTH_YES) ||
	    (id == FINDING_INSECURE_PASS && require_insecure_pass(policy, evidence, &domain) == TRUTH_YES))
		strongest = policy_asked_action(policy, evidence, &own, false, why_r);
	return strongest;
}

static const char *rule_text(const struct policy_config *policy, const struct evidence *evidence, const struct decision *decision,
    struct arena *arena)
{
	static const char *const instead[] = {
		[ASKED_DNS_OUTAGE] = "; dns-outage defers it: what could not be looked for would be refused",
		[ASKED_TLS_NOT_REQUIRED] = "; the message says TLS-Required: No",
		[ASKED_ONLY_SECURE] = "; reject-only-secure: what it stands on is not secured by DNSSEC",
		[ASKED_TLSA_UNKNOWN] = "; the client's TLSA record could not be read, so it is deferred",
		[ASKED_BEFORE_FLAG_DAY] = "; its ramp begins later (from)",
		[ASKED_OUTSIDE_SHARE] = "; its ramp's share leaves these domains out",
		[ASKED_BRAKED] = "; a brake is on it (assay brakes)",
		[ASKED_OVERRIDE_UNKNOWN] = "; an override may hold, its evidence could not be read, so it is deferred",
		[ASKED_OVERRIDDEN] = "; an override holds", [ASKED_AS_SET] = "",
	};
	enum asked_why why;

	if (decision->finding >= FINDING_COUNT)
		return NULL;
	(void)policy_asked_for(policy, evidence, decision->finding, &why);
	return arena_printf(arena, "%s = %s%s", findings_table[decision->finding].name, action_name(policy->actions[decision->finding]),
	    instead[why]);
}

size_t policy_reasons(const struct policy_set *set, const struct evidence *evidence, struct arena *arena,
    struct policy_reason *reasons_r)
{
	unsigned char *marks = arena_alloc(arena, set->count);
	size_t count = 0;

	policy_select(set, evidence, marks);
	for (size_t i = 0; i < set->count; i++) {
		struct policy_reason *reason = &reasons_r[count];

		if (marks[i] == POLICY_OUT)
			continue;
		*reason = (struct policy_reason){ .policy = &set->policies[i], .sure = marks[i] == POLICY_IN };
		reason->match = match_text(reason->policy, evidence, arena);
		policy_decide(reason->policy, evidence, &reason->decision);
		reason->rule = rule_text(reason->policy, evidence, &reason->decision, arena);
		count++;
	}
	return count;
}
