/* SPDX-License-Identifier: BSD-2-Clause */
/* assay config --explain as text: each recipient with the policies that were asked, then the settings of those that apply. */
#include <string.h>

#include "config/origin.h"
#include "config_explain.h"
#include "util/clean.h"
#include "util/domain.h"

static void put_place(const struct explanation *explanation, unsigned line, FILE *out)
{
	const char *path = explanation->asked->config_path;

	if (line == 0 || path == NULL)
		fputs("not in the file", out);
	else
		fprintf(out, "%s:%u", path, line);
}

static void print_conditions(const struct explanation *explanation, const struct explained_recipient *recipient,
    const struct policy_explained *asked, FILE *out)
{
	for (size_t c = 0; c < match_condition_count; c++) {
		const struct option_row *row = config_explain_row(match_conditions[c].option);
		bool told = asked->applies ? asked->holds[c] != MATCH_NO : asked->holds[c] == MATCH_NO;

		if (!told || !match_conditions[c].is_set(asked->policy))
			continue;
		fprintf(out, "      %s = %s (", row->name, config_explain_value(row, asked->policy, explanation->arena));
		put_place(explanation, config_origin(explanation->config, asked->policy, "policy", row->name).line, out);
		fprintf(out, ") %s: %s\n", asked->holds[c] == MATCH_YES ? "holds" : asked->holds[c] == MATCH_NO ? "does not hold" : "may hold",
		    config_explain_given(explanation, recipient, row->name));
	}
}

static bool is_own(const struct config *config, const struct recipient_place *place)
{
	return config->local_domains.count != 0 && (place->where == RECIPIENT_LOCAL ||
	    (place->where == RECIPIENT_AT_DOMAIN && domain_set_has(config->local_domains.set, place->domain)));
}

static void print_recipient(const struct explanation *explanation, const struct explained_recipient *recipient, FILE *out)
{
	size_t behind = explanation->config->policy_count - recipient->count;

	fprintf(out, "recipient %s\n", recipient->address != NULL ?
	    clean_word(explanation->arena, recipient->address, EXPLAIN_VALUE_BYTES) : "(not known)");
	if (is_own(explanation->config, &recipient->place))
		fputs("  in a domain of local-domains: the policies of all these domains are weighed, and the strictest counts\n", out);
	for (size_t i = 0; i < recipient->count; i++) {
		const struct policy_explained *asked = &recipient->policies[i];

		fprintf(out, "  policy %s (", asked->policy->name);
		put_place(explanation, asked->policy->line, out);
		fprintf(out, ") %s%s\n", !asked->applies ? "does not apply" : asked->sure ? "applies" : "may apply, and is weighed for that",
		    asked->applies && !policy_has_conditions(asked->policy) ? ": it is for all mail that no policy before it takes" : "");
		print_conditions(explanation, recipient, asked, out);
	}
	if (behind != 0)
		fprintf(out, "  %zu %s behind %s not asked\n", behind, behind == 1 ? "policy" : "policies", behind == 1 ? "it is" : "them are");
}

struct printing { const struct explanation *explanation; FILE *out; };

static void print_setting(void *closure, const struct option_row *row, const char *value, const struct policy_config *policy)
{
	const struct printing *printing = closure;
	struct origin origin = config_origin(printing->explanation->config, policy, row->section, row->name);
	FILE *out = printing->out;

	fprintf(out, "  %s = %s (", row->name, value);
	if (origin.kind == ORIGIN_DEFAULT) {
		fputs("default)\n", out);
		return;
	}
	if (origin.kind == ORIGIN_OWN)
		fputs("own, ", out);
	else if (origin.kind == ORIGIN_INHERITED)
		fprintf(out, "inherited from %s, ", origin.policy);
	else
		fputs(strcmp(row->section, "actions") == 0 ? "findings { }, " : "outside of policies, ", out);
	put_place(printing->explanation, origin.line, out);
	fputs(")\n", out);
}

/* "; of 10% of author domains only, bank.example is not one of them". */
static void print_share(const struct printing *printing, const struct explained_ramp *ramp)
{
	static const char *const words[] = { [MATCH_NO] = "is not", [MATCH_MAYBE] = "may be", [MATCH_YES] = "is" };

	fprintf(printing->out, "; for %s of %s domains, of which ", ramp->ramp->share, ramp->by);
	if (ramp->domain != NULL)
		fprintf(printing->out, "%s %s one", clean_word(printing->explanation->arena, ramp->domain, EXPLAIN_VALUE_BYTES),
		    words[ramp->in_share]);
	else
		fprintf(printing->out, "this %s one", words[ramp->in_share]);
}

static void print_ramp(void *closure, const struct explained_ramp *ramp)
{
	const struct printing *printing = closure;
	const char *name = findings_table[ramp->finding].name;

	if (ramp->action <= ramp->ramp->before) {
		fprintf(printing->out, "  ramp %s: %s as ever, which is no stronger than before = %s\n", name, action_name(ramp->action),
		    action_name(ramp->ramp->before));
		return;
	}
	fprintf(printing->out, "  ramp %s: %s", name, action_name(ramp->action));
	if (ramp->ramp->from_secs != 0)
		fprintf(printing->out, " from %s on (UTC), which %s", ramp->ramp->from, ramp->has_begun ? "has come" : "is to come");
	if (ramp->ramp->share_parts != RAMP_SHARE_ALL)
		print_share(printing, ramp);
	fprintf(printing->out, "; else %s; now %s%s\n", action_name(ramp->ramp->before), action_name(ramp->has_begun &&
	    ramp->in_share != MATCH_NO ? ramp->action : ramp->ramp->before), ramp->has_begun && ramp->in_share == MATCH_MAYBE ?
	    arena_printf(printing->explanation->arena, " or %s", action_name(ramp->ramp->before)) : "");
}

void config_explain_print_text(const struct explanation *explanation, FILE *out)
{
	struct printing printing = { explanation, out };

	for (size_t i = 0; i < explanation->recipient_count; i++)
		print_recipient(explanation, &explanation->recipients[i], out);
	for (size_t i = 0; i < explanation->config->policy_count; i++) {
		const struct policy_config *policy = &explanation->config->policies[i];

		if (!config_explain_applies(explanation, policy))
			continue;
		fprintf(out, "policy %s%s%s asks for\n", policy->name, policy->inherits != NULL ? ", which inherits from " : "",
		    policy->inherits != NULL ? arena_concat(explanation->arena, policy->inherits, ",", "") : "");
		config_explain_settings(policy, explanation->config, explanation->arena, print_setting, &printing);
		config_explain_ramps(explanation, policy, print_ramp, &printing);
	}
}
