/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Overrides of a DMARC failure, as policies see them: the check tells which hold, each policy says which it honours. What one honours
 * stands in the finding's place as dmarc-overridden; one of which nothing is known for now keeps the message from being refused for
 * good. Pure. Thread: any. Trusts the evidence's enums; names are compared only.
 */
#include <string.h>

#include "policy/internal.h"

/* The override of that name. */
static bool honours(const struct policy_config *policy, const char *name)
{
	for (size_t i = 0; i < policy->honours.count; i++)
		if (strcmp(policy->honours.items[i], name) == 0)
			return true;
	return false;
}

const struct evidence_finding *policy_waive(const struct policy_config *policy, const struct evidence_waivable *waivable)
{
	bool held = false, secure = false, unknown = false;

	for (size_t i = 0; i < waivable->override_count; i++) {
		const struct evidence_override *override = &waivable->overrides[i];

		if (!honours(policy, override->name))
			continue;
		unknown = unknown || override->unknown;
		held = held || !override->unknown;
		secure = secure || (!override->unknown && override->secure);
	}
	return held ? &waivable->waived[secure] : unknown ? &waivable->open : &waivable->as_is;
}

bool policy_takes(const struct policy_config *policy, const struct evidence *evidence, const struct evidence_finding *finding)
{
	if (finding->id == FINDING_DMARC_OVERRIDDEN && !honours(policy, OVERRIDE_ARC))
		return false;	/* of a record that does not say what it stands for */
	return policy_counts(policy, evidence, finding->id);
}

/* Records that do not say what was overridden knew of no override but that of sealers. */
bool policy_lacks_waived(const struct policy_config *policy, const struct evidence *evidence)
{
	if (!evidence_lacks(evidence, EVIDENCE_LACKS_OVERRIDES))
		return false;
	for (size_t i = 0; i < evidence->finding_count; i++)
		if (evidence->findings[i].id == FINDING_DMARC_OVERRIDDEN)
			return !honours(policy, OVERRIDE_ARC);
	return true;
}

const struct dmarc_override *policy_honoured(const struct config *config, const char *policy, const struct dmarc_result *dmarc)
{
	const struct policy_config *found = NULL;

	for (size_t i = 0; policy != NULL && found == NULL && i < config->policy_count; i++)
		if (strcmp(config->policies[i].name, policy) == 0)
			found = &config->policies[i];
	for (size_t i = 0; found != NULL && i < dmarc->override_count; i++)
		if (!dmarc->overrides[i].unknown && honours(found, dmarc->overrides[i].name))
			return &dmarc->overrides[i];
	return NULL;
}

size_t policy_waived_ids(const enum finding_id **ids_r)
{
	static const enum finding_id ids[] = { FINDING_DMARC_FAIL, FINDING_DMARC_QUARANTINE, FINDING_DMARC_REJECT,
		FINDING_DMARC_REJECT_CORROBORATED, FINDING_DMARC_OVERRIDDEN };

	*ids_r = ids;
	return sizeof(ids) / sizeof(ids[0]);
}
