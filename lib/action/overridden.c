/* SPDX-License-Identifier: BSD-2-Clause */
/* See overridden.h. Names of overrides are the admin's; domains in the words about them come from outside and are cleaned by whoever
 * writes them out. */
#include "action/overridden.h"

#include "util/buf.h"

enum { NAMES_SHOWN = 3 };

bool overridden_is_ignored(const struct action_input *input)
{
	const struct dmarc_result *dmarc = &input->results->dmarc;
	const struct decision *decision = input->decision;

	return dmarc->overridden != NULL && dmarc->override_count != 0 && decision != NULL && decision->policy != NULL &&
	    policy_honoured(input->config, decision->policy, dmarc) == NULL;
}

const char *overridden_names(const struct action_input *input)
{
	const struct dmarc_result *dmarc = &input->results->dmarc;
	struct buf names = buf_make(input->facts->arena);
	size_t count = 0;

	for (size_t i = 0; i < dmarc->override_count; i++)
		if (!dmarc->overrides[i].unknown && count++ < NAMES_SHOWN)
			buf_printf(&names, "%s%s", count > 1 ? "," : "", dmarc->overrides[i].name);
	if (count > NAMES_SHOWN)
		buf_printf(&names, ",+%zu", count - NAMES_SHOWN);
	return count != 0 ? names.data : NULL;
}

const char *overridden_agrees(const struct action_input *input)
{
	const struct dmarc_result *dmarc = &input->results->dmarc;

	if (dmarc->overridden != NULL && !overridden_is_ignored(input))
		return NULL;
	return results_detail(input->results, FINDING_DMARC_REJECT_CORROBORATED, dmarc->domain);
}

const char *overridden_comment(const struct action_input *input)
{
	const struct dmarc_result *dmarc = &input->results->dmarc;
	struct arena *arena = input->facts->arena;

	if (overridden_is_ignored(input))
		return arena_printf(arena, "policy %s does not honour the override: %s", input->decision->policy, dmarc->overridden);
	if (dmarc->overridden != NULL)
		return arena_concat(arena, "overridden: ", dmarc->overridden, "");
	if (dmarc->override_unknown)
		return arena_concat(arena, "an override may hold: ", dmarc->overrides[0].why, "");
	return NULL;
}

/* Of a chain of seals RFC 8617 section 7.2.2 says local_policy. */
enum feedback_reason overridden_reason(enum override_kind kind)
{
	switch (kind) {
	case OVERRIDE_MAILING_LIST:
		return FEEDBACK_MAILING_LIST;
	case OVERRIDE_FORWARDER:
		return FEEDBACK_TRUSTED_FORWARDER;
	default:
		return FEEDBACK_LOCAL_POLICY;
	}
}
