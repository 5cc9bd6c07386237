/* SPDX-License-Identifier: BSD-2-Clause */
/* Ramps and brakes that load and do less than they look like. Pure. Thread: any. */
#include "config/advice_internal.h"
#include "config/origin.h"

/* With the same failure of DMARC this one is raised beside dmarc-reject, and its action is reject by default. */
static void advise_corroborated(struct advisor *advisor)
{
	const struct config *config = advisor->config;

	if (!config->dmarc_enabled || finding_set_is_empty(&config->dmarc_corroborate))
		return;
	for (size_t i = 0; i < config->policy_count; i++) {
		const struct policy_config *policy = &config->policies[i];
		const struct ramp_config *ramp = &policy->ramps[FINDING_DMARC_REJECT];
		enum action action = policy->actions[FINDING_DMARC_REJECT_CORROBORATED];

		if (!ramp_is_set(ramp) || ramp_is_set(&policy->ramps[FINDING_DMARC_REJECT_CORROBORATED]) ||
		    policy->actions[FINDING_DMARC_REJECT] <= ramp->before || action <= ramp->before ||
		    config_origin(config, policy, "actions", "dmarc-reject-corroborated").kind != ORIGIN_DEFAULT)
			continue;
		advise(advisor, "policy %s: the ramp of dmarc-reject leaves dmarc-reject-corroborated = %s (default) in force at once and for all "
		    "domains; give it a ramp, too, or name its action", policy->name, action_name(action));
		return;
	}
}

/* A policy may well be weaker than a ramp that it has from elsewhere: told is only one that does nothing in any. */
static void advise_idle_ramp(struct advisor *advisor, enum finding_id id)
{
	const struct config *config = advisor->config;
	const struct policy_config *idle = NULL;

	for (size_t i = 0; i < config->policy_count; i++) {
		const struct policy_config *policy = &config->policies[i];

		if (ramp_is_set(&policy->ramps[id]) && policy->actions[id] > policy->ramps[id].before)
			return;
		if (ramp_is_set(&policy->ramps[id]) && idle == NULL)
			idle = policy;
	}
	if (idle != NULL)
		advise(advisor, "the ramp of %s does nothing: %s = %s in policy %s is no stronger than before = %s", findings_table[id].name,
		    findings_table[id].name, action_name(idle->actions[id]), idle->name, action_name(idle->ramps[id].before));
}

static void advise_brakes(struct advisor *advisor)
{
	const struct config *config = advisor->config;

	for (size_t i = 0; i < config->policy_count; i++) {
		if (config->policies[i].brake.percent == 0 || config->policies[i].brake.wanted != 0)
			continue;
		advise(advisor, "policy %s has brake-percent and no brake: brake-wanted is 0, so none comes on", config->policies[i].name);
		return;
	}
}

void advise_ramps(struct advisor *advisor)
{
	advise_corroborated(advisor);
	for (int id = 0; id < FINDING_COUNT; id++)
		advise_idle_ramp(advisor, (enum finding_id)id);
	advise_brakes(advisor);
}
