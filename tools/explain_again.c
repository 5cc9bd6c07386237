/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A trace judged again: its evidence put before other policies, as assay report and assay whatif do with flows, but with what only the
 * trace knows (explain_evidence.c), so that more can be told. Trusts the trace for nothing. Never guesses.
 */
#include <string.h>

#include "explain.h"
#include "util/error.h"

enum { WHYS_MAX = 64 };

static const char *or_empty(const char *text)
{
	return text != NULL ? text : "";
}

static const struct policy_config *policy_of(const struct config *config, const char *name)
{
	for (size_t i = 0; name != NULL && i < config->policy_count; i++)
		if (strcmp(config->policies[i].name, name) == 0)
			return &config->policies[i];
	return NULL;
}

struct whys { struct arena *arena; const char **items; size_t count; };

static void say(struct whys *whys, const char *text)
{
	for (size_t i = 0; i < whys->count; i++)
		if (strcmp(whys->items[i], text) == 0)
			return;
	if (whys->count < WHYS_MAX)
		whys->items[whys->count++] = text;
}

/* What each finding asked for then, and asks for now. */
static void say_findings(struct whys *whys, const struct trace *trace, const struct policy_config *policy,
    const struct evidence *evidence)
{
	for (size_t i = 0; i < trace->count; i++) {
		const struct trace_line *line = &trace->lines[i];
		const char *name = trace_get(line, "name"), *then = trace_get(line, "asks"), *now;
		enum finding_id id;
		enum asked_why why;

		if (strcmp(line->word, "finding") != 0 || name == NULL || then == NULL || finding_from_name(name, &id) != 0)
			continue;
		now = action_name(policy_asked_for(policy, evidence, id, &why));
		if (strcmp(then, now) != 0)
			say(whys, arena_printf(whys->arena, "%s asked for %s, and asks for %s in policy %s there%s", name, then, now, policy->name,
			    why == ASKED_ONLY_SECURE ? " (reject-only-secure)" : why == ASKED_DNS_OUTAGE ? " (dns-outage)" :
			    why == ASKED_BEFORE_FLAG_DAY || why == ASKED_OUTSIDE_SHARE ? " (its ramp)" : why == ASKED_BRAKED ? " (a brake)" : ""));
	}
}

/* Where two policies take the message for different reasons, or one is enforced and the other not. */
static void say_policies(struct whys *whys, const struct trace_line *then, const struct policy_config *policy)
{
	const char *name = or_empty(trace_get(then, "policy")), *mode = or_empty(trace_get(then, "mode"));

	if (name[0] != '\0' && strcmp(name, policy->name) != 0)
		say(whys, arena_printf(whys->arena, "policy %s decided, and policy %s does there", name, policy->name));
	if (mode[0] != '\0' && strcmp(mode, run_mode_name(policy->mode)) != 0)
		say(whys, arena_printf(whys->arena, "policy %s was in mode %s, and policy %s is in mode %s there", name, mode, policy->name,
		    run_mode_name(policy->mode)));
}

static bool is_other(const struct trace_line *then, const struct decision *now)
{
	bool enforced = strcmp(or_empty(trace_get(then, "mode")), run_mode_name(MODE_ENFORCE)) == 0;
	const char *action = or_empty(trace_get(then, "action"));

	return strcmp(action, action_name(now->action)) != 0 || (now->action != ACTION_NONE && enforced != now->enforced);
}

/* As it is weighed for the reasons: where nobody is left, those count who were refused. */
static void find_reasons(const struct config *config, struct evidence *evidence, struct arena *arena, struct again *again)
{
	const struct policy_set set = policy_set_of(config);
	struct policy_reason *reasons = arena_calloc(arena, set.count, sizeof(*reasons));

	if (evidence->recipient_count == 0) {
		evidence->recipients = evidence->refused;
		evidence->recipient_count = evidence->refused_count;
	}
	again->reason_count = policy_reasons(&set, evidence, arena, reasons);
	again->reasons = reasons;
}

static const char *untold_sentence(enum untold why, struct arena *arena)
{
	if (why == UNTOLD_AT_RCPT)
		return "it was refused at RCPT, and these policies would have read on: what the message itself would have shown is not known";
	if (why == UNTOLD_CHECKS)
		return "a check was off then that is on there: what it would have found is not known";
	return arena_printf(arena, "it hangs on what was not kept: %s", untold_name(why));
}

void explain_again(const struct trace *trace, const struct config *config, const char *config_path, const struct brakes *brakes,
    struct arena *arena, struct again *again_r)
{
	const struct trace_line *line = trace_find(trace, "evidence"), *then = trace_find(trace, "decision");
	const struct policy_set set = policy_set_of(config);
	struct whys whys = { .arena = arena, .items = arena_calloc(arena, WHYS_MAX, sizeof(*whys.items)) };
	const struct policy_config *policy;
	struct recorded_decision recorded;
	struct replay_past past;

	*again_r = (struct again){ .config_path = config_path, .decision = decision_none(), .whys = whys.items };
	if (line == NULL || then == NULL) {
		again_r->untold = "it was given up before it was judged, so there is nothing to judge again";
		return;
	}
	explain_evidence(trace, line, config, arena, &past);
	past.evidence.brakes = brakes;
	policy_replay(&set, &past.evidence, arena, &recorded);
	find_reasons(config, &past.evidence, arena, again_r);
	if (recorded.why != UNTOLD_NOT) {
		again_r->untold = untold_sentence(recorded.why, arena);
		return;
	}
	again_r->decision = recorded.decision;
	again_r->partly = recorded.partly;
	again_r->greylist_passed = recorded.decision.action == ACTION_GREYLIST && trace_get(then, "greylist_passed") != NULL;
	again_r->changes = is_other(then, &recorded.decision) && !again_r->greylist_passed;
	policy = policy_of(config, recorded.decision.policy);
	if (policy != NULL) {
		say_policies(&whys, then, policy);
		say_findings(&whys, trace, policy, &past.evidence);
	}
	again_r->why_count = whys.count;
}
