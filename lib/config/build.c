/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Values are read by the schema rows and stored at their offsets; policies inherit the global mode and actions; the
 * last policy always matches everything. Thread: that of the arena. Trusts the tree's names (they are the schema's),
 * nothing of its values.
 */
#include "config/build.h"

#include <string.h>

#include "config/domain_list.h"
#include "config/local_samples.h"
#include "config/names.h"
#include "config/schema.h"
#include "config/value.h"

enum { MAX_POLICIES = 1000, NAME_LENGTH = 64, HOUR_SECS = 3600 };

struct builder {
	struct arena *arena;
	struct complaints *complaints;
	struct config *config;
	struct domain_files files;
};

static bool find_row(const char *section, const char *name, struct option_row *row_r)
{
	const struct option_row *of_ramp;
	bool actions = strcmp(section, "actions") == 0;
	enum finding_id id;

	if (actions || strcmp(section, "findings") == 0) {
		if (finding_from_name(name, &id) != 0)
			return false;
		*row_r = schema_finding_row(id, actions);
		return true;
	}
	for (size_t i = 0; strcmp(section, "ramp") == 0 && (of_ramp = schema_ramp_row(i)) != NULL; i++) {
		*row_r = *of_ramp;
		if (strcmp(of_ramp->name, name) == 0)
			return true;
	}
	for (size_t i = 0; i < schema_count; i++) {
		if (strcmp(schema_table[i].section, section) == 0 && strcmp(schema_table[i].name, name) == 0) {
			*row_r = schema_table[i];
			return true;
		}
	}
	return false;
}

/* How many values a list has: one that is nothing but "" is empty, as an option of one value would be. */
static size_t list_count(const struct source_option *option)
{
	return option->value_count == 1 && option->values[0].text[0] == '\0' ? 0 : option->value_count;
}

static void apply_option(struct builder *builder, const struct source_option *option, const struct option_row *row,
    void *base)
{
	union value *values = arena_calloc(builder->arena, option->value_count + 1, sizeof(*values));
	size_t count = option_is_list(row->type) ? list_count(option) : option->value_count;
	struct source_option listed = *option;
	bool good = true;
	const char *why;

	if (option->value_count == 0 && builder->complaints->count != 0)
		return;	/* perhaps a syntax error cut it off */
	if (!option_is_list(row->type) && count != 1) {
		complain(builder->complaints, option->line, "'%s' takes one value, not a list", option->name);
		return;
	}
	listed.value_count = count;
	if (option_is_domain_list(row->type)) {
		domain_list_load(row, &listed, builder->arena, &builder->files, builder->complaints, (void *)((char *)base + row->offset));
		return;
	}
	for (size_t i = 0; i < count; i++) {
		if (value_parse(row, option->values[i].text, builder->arena, &values[i], &why) == 0)
			continue;
		good = false;
		complain(builder->complaints, option->values[i].line, "%s = '%.100s': %s", option->name,
		    option->values[i].text, why);
	}
	if (good)
		value_store(row, values, count, builder->arena, base);
}

static void apply_section(struct builder *builder, const struct source_section *section, void *base)
{
	struct option_row row;

	for (size_t i = 0; i < section->option_count; i++) {
		builder->config->sets_nothing = false;
		if (find_row(section->name, section->options[i].name, &row))
			apply_option(builder, &section->options[i], &row, base);
	}
}

/* A ramp of the finding in the section's title; what it does not say stays as it is in ramps. */
static void apply_ramp(struct builder *builder, const struct source_section *section, struct ramp_config *ramps)
{
	struct ramp_config *ramp;
	enum finding_id id;
	const char *why;

	if (finding_from_name(section->title, &id) != 0) {
		complain(builder->complaints, section->line, "ramp of '%.100s', which is no finding%s", section->title,
		    names_suggest("findings", section->title, builder->arena));
		return;
	}
	ramp = &ramps[id];
	apply_section(builder, section, ramp);
	ramp->from_secs = 0;
	ramp->share_parts = RAMP_SHARE_ALL;
	if (ramp->from != NULL && ramp_parse_from(ramp->from, &ramp->from_secs, &why) != 0)
		complain(builder->complaints, section->line, "from = '%s': %s", ramp->from, why);
	if (ramp->share != NULL && ramp_parse_share(ramp->share, &ramp->share_parts, &why) != 0)
		complain(builder->complaints, section->line, "share = '%s': %s", ramp->share, why);
}

static void store_defaults(struct builder *builder)
{
	for (size_t i = 0; i < schema_count; i++) {
		if (strcmp(schema_table[i].section, "policy") != 0)
			value_store_default(&schema_table[i], builder->arena, builder->config);
	}
	for (int id = 0; id < FINDING_COUNT; id++)
		builder->config->finding_actions[id] = findings_table[id].default_action;
	for (int id = 0; id < FINDING_COUNT; id++)
		builder->config->finding_ramps[id] = ramp_none();
	builder->config->dns.validator = &builder->config->dns_validator;
}

static void init_policy(struct builder *builder, const char *name, struct policy_config *policy_r)
{
	for (size_t i = 0; i < schema_count; i++) {
		if (strcmp(schema_table[i].section, "policy") == 0 && schema_table[i].default_text != NULL)
			value_store_default(&schema_table[i], builder->arena, policy_r);
	}
	policy_r->name = name;
	policy_r->mode = builder->config->mode;
	policy_r->dns_outage = builder->config->dns_outage;
	policy_r->honor_tls_not_required = builder->config->tls_honor_not_required;
	memcpy(policy_r->actions, builder->config->finding_actions, sizeof(policy_r->actions));
	memcpy(policy_r->ramps, builder->config->finding_ramps, sizeof(policy_r->ramps));
	policy_r->brake = builder->config->brake;
}

static bool matches_everything(const struct policy_config *policy)
{
	return policy->recipient_domains.count == 0 && policy->author_domains.count == 0 && policy->client_networks.count == 0;
}

static void check_name(struct builder *builder, const struct source_section *section)
{
	const char *valid = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";
	size_t length = strlen(section->title);

	if (length == 0 || length > NAME_LENGTH || section->title[strspn(section->title, valid)] != '\0')
		complain(builder->complaints, section->line,
		    "policy '%.100s': a name has 1 to %d letters, digits, '-', '_' or '.'", section->title, NAME_LENGTH);
}

static void apply_policy(struct builder *builder, const struct source_section *section, struct policy_config *policy_r)
{
	check_name(builder, section);
	init_policy(builder, arena_strdup(builder->arena, section->title), policy_r);
	apply_section(builder, section, policy_r);
	for (size_t i = 0; i < section->section_count; i++) {
		if (strcmp(section->sections[i].name, "ramp") == 0)
			apply_ramp(builder, &section->sections[i], policy_r->ramps);
		else
			apply_section(builder, &section->sections[i], policy_r);
	}
}

/* Whether the file gives the policy a condition, be it a wrong one. */
static bool has_condition(const struct source_section *section)
{
	for (size_t i = 0; i < section->option_count; i++) {
		const char *name = section->options[i].name;

		if (list_count(&section->options[i]) != 0 && (strcmp(name, "recipient-domains") == 0 ||
		    strcmp(name, "author-domains") == 0 || strcmp(name, "client-networks") == 0))
			return true;
	}
	return false;
}

/* The order of policies is the order of matching, so one that matches everything must come last. */
static void check_order(struct builder *builder, const struct source_section *section, const struct policy_config *policy,
    bool last)
{
	if (!has_condition(section) && !last)
		complain(builder->complaints, section->line,
		    "policy '%s' has no conditions and matches everything: the policies after it can never match", policy->name);
	if (has_condition(section) && strcmp(policy->name, "default") == 0)
		complain(builder->complaints, section->line,
		    "policy 'default' is the one for all other mail and cannot have conditions");
}

static size_t count_policies(const struct source_section *root)
{
	size_t count = 0;

	for (size_t i = 0; i < root->section_count; i++)
		count += strcmp(root->sections[i].name, "policy") == 0;
	return count;
}

static void apply_policies(struct builder *builder, const struct source_section *root)
{
	size_t total = count_policies(root), count = 0;
	struct policy_config *policies;

	if (total > MAX_POLICIES) {
		complain(builder->complaints, root->line, "more than %d policies", MAX_POLICIES);
		return;
	}
	policies = arena_calloc(builder->arena, total + 1, sizeof(*policies));
	for (size_t i = 0; i < root->section_count; i++) {
		const struct source_section *section = &root->sections[i];

		if (strcmp(section->name, "policy") != 0)
			continue;
		apply_policy(builder, section, &policies[count]);
		check_order(builder, section, &policies[count], count + 1 == total);
		count++;
	}
	if (count == 0 || !matches_everything(&policies[count - 1]))
		init_policy(builder, "default", &policies[count++]);
	builder->config->policies = policies;
	builder->config->policy_count = count;
}

/* adsp = auto: only when some policy does something about what it finds. */
static bool adsp_is_used(const struct config *config)
{
	for (size_t i = 0; i < config->policy_count; i++) {
		for (int id = 0; id < FINDING_COUNT; id++) {
			if (findings_table[id].check == CHECK_ADSP && config->policies[i].actions[id] != ACTION_NONE)
				return true;
		}
	}
	return false;
}

/* adsp = auto, and no policy asks for it: it may still be what makes a dmarc-reject a corroborated one. */
static bool adsp_may_corroborate(const struct config *config)
{
	FINDING_SET_EACH(&config->dmarc_corroborate, id) {
		if (findings_table[id].check == CHECK_ADSP)
			return config->dmarc_enabled;
	}
	return false;
}

/* What a brake counts stands in the record, by the hour. */
static void check_brake(struct builder *builder, const struct brake_config *brake, const char *whose)
{
	const struct config *config = builder->config;

	if (brake->wanted == 0)
		return;
	if (config->record_path == NULL)
		complain(builder->complaints, 0, "brake-wanted%s needs a record to count in: set record { path = ... }, or brake-wanted = 0",
		    whose);
	if (brake->window_secs % HOUR_SECS != 0)
		complain(builder->complaints, 0, "brake-window%s: it is counted in whole hours", whose);
	if (brake->window_secs + 2 * HOUR_SECS > config->hour_keep_secs)
		complain(builder->complaints, 0, "brake-window%s and two hours have to be within record { keep-hours }: behind it no hour is "
		    "kept apart", whose);
}

static void check_brakes(struct builder *builder)
{
	for (size_t i = 0; i < builder->config->policy_count && builder->complaints->count == 0; i++)
		check_brake(builder, &builder->config->policies[i].brake,
		    arena_printf(builder->arena, " of policy '%s'", builder->config->policies[i].name));
}

static void check_whole(struct builder *builder)
{
	struct config *config = builder->config;

	config->adsp_when_used = config->adsp_use == ADSP_AUTO;
	config->adsp_enabled = config->adsp_use == ADSP_YES || (config->adsp_use == ADSP_AUTO && adsp_is_used(config));
	config->adsp_corroborates = config->adsp_use == ADSP_AUTO && !config->adsp_enabled && adsp_may_corroborate(config);
	if (config->dmarc_method == ORG_DOMAIN_PSL && config->psl_file == NULL)
		complain(builder->complaints, 0, "dmarc { org-domain = psl } needs a psl-file");
	if (config->trusted_sealers.count != 0 && !config->arc_enabled)
		complain(builder->complaints, 0, "dmarc { trusted-sealers } needs arc { enabled = yes }: no seal is verified without");
	if (config->dns.dnssec == DNSSEC_VALIDATE && config->dns.trust_anchor_files[0] == NULL)
		complain(builder->complaints, 0, "dns { dnssec = validate } needs trust-anchor-files");
	check_brakes(builder);
}

void build_config(const struct source_section *root, struct arena *arena, struct complaints *complaints,
    struct config *config_r)
{
	struct builder builder = { arena, complaints, config_r, { NULL } };

	store_defaults(&builder);
	apply_section(&builder, root, config_r);
	for (size_t i = 0; i < root->section_count; i++) {
		if (strcmp(root->sections[i].name, "ramp") == 0)
			apply_ramp(&builder, &root->sections[i], config_r->finding_ramps);
		else if (strcmp(root->sections[i].name, "policy") != 0)
			apply_section(&builder, &root->sections[i], config_r);
	}
	apply_policies(&builder, root);
	local_samples_find(config_r, arena);
	check_whole(&builder);
}
