/* SPDX-License-Identifier: BSD-2-Clause */
/* assay config --explain as one JSON object; the keys named in assay(1) are promised. */
#include <jansson.h>
#include <string.h>

#include "config/origin.h"
#include "config_explain.h"
#include "json_text.h"

static const char *match_word(enum match match)
{
	return match == MATCH_YES ? "yes" : match == MATCH_NO ? "no" : "maybe";
}

/* A line of the file; null: it is not there. */
static json_t *line_json(unsigned line)
{
	return line != 0 ? json_integer((json_int_t)line) : json_null();
}

static json_t *conditions_json(const struct explanation *explanation, const struct explained_recipient *recipient,
    const struct policy_explained *asked)
{
	struct arena *arena = explanation->arena;
	json_t *list = json_array();

	for (size_t c = 0; c < match_condition_count; c++) {
		const struct option_row *row = config_explain_row(match_conditions[c].option);

		if (!match_conditions[c].is_set(asked->policy))
			continue;
		json_array_append_new(list, json_pack("{s:s, s:o, s:o, s:s, s:o}", "option", row->name,
		    "value", json_text(arena, config_explain_value(row, asked->policy, arena)),
		    "line", line_json(config_origin(explanation->config, asked->policy, "policy", row->name).line),
		    "holds", match_word(asked->holds[c]),
		    "given", json_text(arena, config_explain_given(explanation, recipient, row->name))));
	}
	return list;
}

static json_t *recipient_json(const struct explanation *explanation, const struct explained_recipient *recipient)
{
	json_t *policies = json_array();

	for (size_t i = 0; i < recipient->count; i++) {
		const struct policy_explained *asked = &recipient->policies[i];

		json_array_append_new(policies, json_pack("{s:s, s:o, s:s, s:o}", "name", asked->policy->name,
		    "line", line_json(asked->policy->line), "applies", !asked->applies ? "no" : asked->sure ? "yes" : "maybe",
		    "conditions", conditions_json(explanation, recipient, asked)));
	}
	return json_pack("{s:o, s:o, s:i}", "recipient", json_text(explanation->arena, recipient->address), "policies", policies,
	    "not_asked", (int)(explanation->config->policy_count - recipient->count));
}

struct listing { const struct explanation *explanation; json_t *list; };

static void add_setting(void *closure, const struct option_row *row, const char *value, const struct policy_config *policy)
{
	static const char *const kinds[] = {
		[ORIGIN_OWN] = "own", [ORIGIN_INHERITED] = "inherited", [ORIGIN_OUTSIDE] = "outside", [ORIGIN_DEFAULT] = "default",
	};
	const struct listing *listing = closure;
	struct origin origin = config_origin(listing->explanation->config, policy, row->section, row->name);

	json_array_append_new(listing->list, json_pack("{s:s, s:s, s:o, s:s, s:s?, s:o}",
	    "kind", strcmp(row->section, "actions") == 0 ? "action" : "option", "name", row->name,
	    "value", json_text(listing->explanation->arena, value), "origin", kinds[origin.kind], "policy", origin.policy,
	    "line", line_json(origin.line)));
}

static void add_ramp(void *closure, const struct explained_ramp *ramp)
{
	const struct listing *listing = closure;

	json_array_append_new(listing->list, json_pack("{s:s, s:s, s:s, s:s?, s:b, s:s?, s:s, s:s}", "finding",
	    findings_table[ramp->finding].name, "action", action_name(ramp->action), "before", action_name(ramp->ramp->before),
	    "from", ramp->ramp->from_secs != 0 ? ramp->ramp->from : NULL, "begun", ramp->has_begun,
	    "share", ramp->ramp->share_parts != RAMP_SHARE_ALL ? ramp->ramp->share : NULL, "by", ramp->by,
	    "in_share", match_word(ramp->in_share)));
}

void config_explain_print_json(const struct explanation *explanation, FILE *out)
{
	json_t *recipients = json_array(), *policies = json_array(), *all;

	for (size_t i = 0; i < explanation->recipient_count; i++)
		json_array_append_new(recipients, recipient_json(explanation, &explanation->recipients[i]));
	for (size_t i = 0; i < explanation->config->policy_count; i++) {
		const struct policy_config *policy = &explanation->config->policies[i];
		struct listing listing = { explanation, NULL }, ramps = { explanation, NULL };

		if (!config_explain_applies(explanation, policy))
			continue;
		listing.list = json_array();
		config_explain_settings(policy, explanation->config, explanation->arena, add_setting, &listing);
		ramps.list = json_array();
		config_explain_ramps(explanation, policy, add_ramp, &ramps);
		json_array_append_new(policies, json_pack("{s:s, s:o, s:s?, s:o, s:o}", "name", policy->name, "line", line_json(policy->line),
		    "inherits", policy->inherits, "settings", listing.list, "ramps", ramps.list));
	}
	all = json_pack("{s:o, s:o, s:o}", "config", json_text(explanation->arena, explanation->asked->config_path),
	    "recipients", recipients, "policies", policies);
	(void)json_dumpf(all, out, JSON_INDENT(2) | JSON_ENSURE_ASCII);
	fputc('\n', out);
	json_decref(all);
}
