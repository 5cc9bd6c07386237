/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A snapshot, or the schema's defaults, written as a configuration file. Pure apart from the output stream.
 */
#include <stdlib.h>
#include <string.h>

#include "config/config.h"
#include "config/domain_list.h"
#include "config/schema.h"
#include "config/value.h"
#include "util/out_of_memory.h"

static bool is_in(const struct option_row *row, const char *section)
{
	return strcmp(row->section, section) == 0;
}

static void print_option(const struct option_row *row, const void *base, const char *indent, FILE *out)
{
	fprintf(out, "%s%s = ", indent, row->name);
	value_print(row, base, out);
	fputc('\n', out);
}

static void print_actions(const void *base, bool in_policy, const char *indent, FILE *out)
{
	for (int id = 0; id < FINDING_COUNT; id++) {
		struct option_row row = schema_finding_row((enum finding_id)id, in_policy);

		print_option(&row, base, indent, out);
	}
}

/* Those that say something, here or where they would be taken from: a base, outside; NULL: there is none. */
static void print_ramps(const struct ramp_config *ramps, const struct policy_config *base, const struct ramp_config *outside,
    const char *indent, FILE *out)
{
	const struct option_row *row;

	for (int id = 0; id < FINDING_COUNT; id++) {
		bool says = ramp_is_set(&ramps[id]) || (outside != NULL && ramp_is_set(&outside[id]));

		for (const struct policy_config *at = base; at != NULL; at = at->base)
			says = says || ramp_is_set(&at->ramps[id]);
		if (!says)
			continue;
		fprintf(out, "%sramp \"%s\" {\n", indent, findings_table[id].name);
		for (size_t i = 0; (row = schema_ramp_row(i)) != NULL; i++)
			print_option(row, &ramps[id], indent[0] != '\0' ? "\t\t" : "\t", out);
		fprintf(out, "%s}\n", indent);
	}
}

static void print_policy(const struct policy_config *policy, const struct ramp_config *outside, FILE *out)
{
	fputs("policy ", out);
	value_print_quoted(policy->name, out);
	fputs(" {\n", out);
	for (size_t i = 0; i < schema_count; i++) {
		if (is_in(&schema_table[i], "policy"))
			print_option(&schema_table[i], policy, "\t", out);
	}
	fputs("\tactions {\n", out);
	print_actions(policy, true, "\t\t", out);
	fputs("\t}\n", out);
	print_ramps(policy->ramps, policy->base, outside, "\t", out);
	fputs("}\n", out);
}

static void print_override(const struct override_config *override, FILE *out)
{
	fputs("override ", out);
	value_print_quoted(override->name, out);
	fputs(" {\n", out);
	for (size_t i = 0; i < schema_count; i++) {
		if (is_in(&schema_table[i], "override"))
			print_option(&schema_table[i], override, "\t", out);
	}
	fputs("}\n", out);
}

void config_print_caps(const struct config *config, FILE *out)
{
	for (size_t i = 0; i < schema_count; i++) {
		if (schema_table[i].number != NUMBER_CAP)
			continue;
		fprintf(out, "%s { %s = ", schema_table[i].section, schema_table[i].name);
		value_print(&schema_table[i], config, out);
		fputs(" }\n", out);
	}
}

/* What stands between the braces of a section; of "policy" and "override": all of them. */
static void print_section(const struct config *config, const char *section, FILE *out)
{
	const char *indent = section[0] != '\0' ? "\t" : "";

	if (strcmp(section, "policy") == 0) {
		for (size_t i = 0; i < config->template_count; i++)
			print_policy(&config->templates[i], config->finding_ramps, out);
		for (size_t i = 0; i < config->policy_count; i++)
			print_policy(&config->policies[i], config->finding_ramps, out);
		return;
	}
	if (strcmp(section, "ramp") == 0)
		print_ramps(config->finding_ramps, NULL, NULL, "", out);
	if (strcmp(section, "override") == 0) {
		for (size_t i = 0; i < config->override_count; i++)
			print_override(&config->overrides[i], out);
		return;
	}
	for (size_t i = 0; i < schema_count; i++) {
		if (is_in(&schema_table[i], section))
			print_option(&schema_table[i], config, indent, out);
	}
	if (strcmp(section, "findings") == 0)
		print_actions(config, false, indent, out);
}

void config_print(const struct config *config, FILE *out)
{
	for (const struct section_row *row = schema_sections; row->name != NULL; row++) {
		bool braces = row->name[0] != '\0' && !schema_is_titled(row->name);

		if (braces)
			fprintf(out, "%s {\n", row->name);
		print_section(config, row->name, out);
		if (braces)
			fputs("}\n", out);
	}
}

/* One section as text; the caller frees it. */
static char *section_text(const struct config *config, const char *section)
{
	char *text = NULL;
	size_t length;
	FILE *out = open_memstream(&text, &length);

	if (out == NULL)
		out_of_memory();
	print_section(config, section, out);
	if (fclose(out) != 0)
		out_of_memory();
	return text;
}

static bool same_lists(const char *section, const void *a, const void *b)
{
	for (size_t i = 0; i < schema_count; i++) {
		if (is_in(&schema_table[i], section) && !domain_lists_equal(&schema_table[i], a, b))
			return false;
	}
	return true;
}

/* Of sections that read the same: also what is in the files that they name. */
static bool same_domains(const struct config *a, const struct config *b, const char *section)
{
	if (!schema_is_titled(section))
		return same_lists(section, a, b);
	for (size_t i = 0; strcmp(section, "override") == 0 && i < a->override_count; i++) {
		if (!same_lists(section, &a->overrides[i], &b->overrides[i]))
			return false;
	}
	for (size_t i = 0; strcmp(section, "policy") == 0 && i < a->policy_count; i++) {
		if (!same_lists(section, &a->policies[i], &b->policies[i]))
			return false;
	}
	for (size_t i = 0; i < a->template_count; i++) {
		if (!same_lists(section, &a->templates[i], &b->templates[i]))
			return false;
	}
	return true;
}

bool config_section_equal(const struct config *a, const struct config *b, const char *section)
{
	char *text_a = section_text(a, section), *text_b = section_text(b, section);
	bool equal = strcmp(text_a, text_b) == 0 && same_domains(a, b, section);

	free(text_a);
	free(text_b);
	return equal;
}

/* "valid:" for words, the range for numbers. */
static void print_limits(const struct option_row *row, const char *indent, FILE *out)
{
	if (row->type != OPTION_WORD && row->type != OPTION_FINDINGS)
		return;
	fprintf(out, "%s# %s of:", indent, row->type == OPTION_WORD ? "one" : "any");
	for (const struct word *word = row->words; word->word != NULL; word++)
		fprintf(out, " %s", word->word);
	fputc('\n', out);
}

static void print_sample_option(const struct option_row *row, const void *base, const char *indent, FILE *out)
{
	fprintf(out, "\n%s# %s\n", indent, row->help);
	print_limits(row, indent, out);
	fprintf(out, "%s#%s = ", indent, row->name);
	value_print(row, base, out);
	fputc('\n', out);
}

static void print_sample_section(const struct config *config, const struct section_row *section, FILE *out)
{
	const char *indent = section->name[0] != '\0' ? "\t" : "";

	fprintf(out, "\n# ---- %s\n", section->help);
	if (section->name[0] != '\0')
		fprintf(out, "%s {\n", section->name);
	for (size_t i = 0; i < schema_count; i++) {
		if (is_in(&schema_table[i], section->name))
			print_sample_option(&schema_table[i], config, indent, out);
	}
	for (int id = 0; strcmp(section->name, "findings") == 0 && id < FINDING_COUNT; id++) {
		struct option_row row = schema_finding_row((enum finding_id)id, false);

		fprintf(out, "\t# %s\n", row.help);
		fprintf(out, "\t#%s = %s\n", row.name, row.default_text);
	}
	if (section->name[0] != '\0')
		fputs("}\n", out);
}

static void print_sample_policy(const struct section_row *section, const struct policy_config *policy, FILE *out)
{
	fprintf(out, "\n# ---- %s\n#policy \"example\" {\n", section->help);
	for (size_t i = 0; i < schema_count; i++) {
		if (!is_in(&schema_table[i], "policy"))
			continue;
		fprintf(out, "#\t# %s\n", schema_table[i].help);
		print_option(&schema_table[i], policy, "#\t", out);
	}
	fputs("#\t# actions of this policy; those not named here are as in findings { }\n#\tactions {\n", out);
	fputs("#\t\tdmarc-reject = quarantine\n#\t\tspf-fail = tag\n#\t}\n#}\n", out);
}

static void print_sample_ramp(const struct section_row *section, FILE *out)
{
	const struct ramp_config none = ramp_none();
	const struct option_row *row;

	fprintf(out, "\n# ---- %s\nramp \"dmarc-reject\" {\n", section->help);
	for (size_t i = 0; (row = schema_ramp_row(i)) != NULL; i++)
		print_sample_option(row, &none, "\t", out);
	fputs("}\n", out);
}

static void print_sample_override(const struct section_row *section, FILE *out)
{
	const struct override_config override = { .kind = OVERRIDE_FORWARDER };

	fprintf(out, "\n# ---- %s\n#override \"example\" {\n", section->help);
	for (size_t i = 0; i < schema_count; i++) {
		if (!is_in(&schema_table[i], "override"))
			continue;
		fprintf(out, "#\t# %s\n", schema_table[i].help);
		print_limits(&schema_table[i], "#\t", out);
		print_option(&schema_table[i], &override, "#\t", out);
	}
	fputs("#}\n", out);
}

void config_print_sample(FILE *out)
{
	const struct config *config = config_load(NULL, stderr);

	if (config == NULL)
		out_of_memory();
	fputs("# SPDX-License-Identifier: BSD-2-Clause\n"
	    "# assay.conf - configuration of assayd and assay; see assay.conf(5).\n#\n"
	    "# Every option is shown with its default. `assay config FILE` checks a file and prints what is in effect.\n"
	    "# Times need a unit (ms s m h d); sizes may have one (K M G).\n"
	    "# In lists of domains \"@/path\" stands for those in a file, one a line.\n", out);
	for (const struct section_row *row = schema_sections; row->name != NULL; row++) {
		if (strcmp(row->name, "policy") == 0)
			print_sample_policy(row, &config->policies[config->policy_count - 1], out);
		else if (strcmp(row->name, "ramp") == 0)
			print_sample_ramp(row, out);
		else if (strcmp(row->name, "override") == 0)
			print_sample_override(row, out);
		else
			print_sample_section(config, row, out);
	}
	config_unref(&config);
}
