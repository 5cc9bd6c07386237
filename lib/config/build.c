/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Values are read by the schema rows and stored at their offsets; policies inherit the global mode and actions; the
 * last policy always matches everything. Thread: that of the arena. Trusts the tree's names (they are the schema's),
 * nothing of its values.
 */
#include "config/build.h"

#include <string.h>

#include "config/domain_list.h"
#include "config/inherit.h"
#include "config/local_samples.h"
#include "config/names.h"
#include "config/policies.h"
#include "config/schema.h"
#include "config/value.h"

enum { HOUR_SECS = 3600 };

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

static void apply_option(struct builder *builder, const struct source_option *option, const struct option_row *row,
    void *base)
{
	union value *values = arena_calloc(builder->arena, option->value_count + 1, sizeof(*values));
	size_t count = option_is_list(row->type) ? source_list_count(option) : option->value_count;
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
		if (row->type == OPTION_CONNECTION)	/* may hold a secret */
			complain(builder->complaints, option->values[i].line, "%s: %s", option->name, why);
		else
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
		if (!schema_is_titled(schema_table[i].section))
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

static struct config_places places_of(struct builder *builder, const struct source_section *section);

static void apply_policy(struct builder *builder, const struct source_section *section, const struct policy_config *base,
    struct policy_config *policy_r)
{
	policy_check_name(section, builder->complaints);
	init_policy(builder, arena_strdup(builder->arena, section->title), policy_r);
	policy_inherit(base, builder->arena, policy_r);
	policy_r->line = section->line;
	policy_r->places = places_of(builder, section);
	apply_section(builder, section, policy_r);
	for (size_t i = 0; i < section->section_count; i++) {
		if (strcmp(section->sections[i].name, "ramp") == 0)
			apply_ramp(builder, &section->sections[i], policy_r->ramps);
		else
			apply_section(builder, &section->sections[i], policy_r);
	}
}

/* Parents before their heirs, whatever their order in the file. */
static void apply_policies(struct builder *builder, const struct source_section *root)
{
	struct policy_sections sections;
	struct policy_config *policies;
	struct lineage *lineage;

	if (!policy_sections_find(root, builder->complaints, &sections))
		return;
	policies = arena_calloc(builder->complaints->arena, sections.count + 1, sizeof(*policies));
	lineage = arena_calloc(builder->complaints->arena, sections.count + 1, sizeof(*lineage));
	inherit_resolve(sections.items, sections.count, builder->complaints, lineage);
	for (size_t i = 0; i < sections.count; i++) {
		size_t number = lineage[i].next, parent = lineage[number].parent;

		apply_policy(builder, sections.items[number], parent != INHERITS_NOTHING ? &policies[parent] : NULL, &policies[number]);
	}
	policies_check_order(&sections, policies, builder->complaints);
	init_policy(builder, "default", &policies[sections.count]);
	policies_settle(policies, sections.count, builder->arena, builder->config);
}

static void apply_overrides(struct builder *builder, const struct source_section *root)
{
	struct override_config *override = overrides_begin(root, builder->arena, builder->complaints, builder->config);

	for (size_t i = 0; override != NULL && i < root->section_count; i++) {
		if (strcmp(root->sections[i].name, "override") == 0)
			apply_section(builder, &root->sections[i], override++);
	}
	overrides_end(root, builder->arena, builder->complaints, builder->config);
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

/* Where memory is: one text for both backends (record/backend.h). */
static void settle_record(struct builder *builder)
{
	struct config *config = builder->config;
	bool server = config->record_backend == RECORD_POSTGRESQL;

	if (server && config->record_connection == NULL)
		complain(builder->complaints, 0, "record { backend = postgresql } needs a connection");
	if (!server && config->record_connection != NULL)
		complain(builder->complaints, 0, "record { connection } needs backend = postgresql");
	config->record_location = !server ? config->record_path : config->record_connection == NULL ? NULL :
	    arena_concat(builder->arena, RECORD_POSTGRESQL_PREFIX, config->record_connection, "");
}

/* What a brake counts stands in the record, by the hour. */
static void check_brake(struct builder *builder, const struct brake_config *brake, const char *whose)
{
	const struct config *config = builder->config;

	if (brake->wanted == 0)
		return;
	if (config->record_location == NULL)
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

	settle_record(builder);
	config->adsp_when_used = config->adsp_use == ADSP_AUTO;
	config->adsp_enabled = config->adsp_use == ADSP_YES || (config->adsp_use == ADSP_AUTO && adsp_is_used(config));
	config->adsp_corroborates = config->adsp_use == ADSP_AUTO && !config->adsp_enabled && adsp_may_corroborate(config);
	if (config->dmarc_method == ORG_DOMAIN_PSL && config->psl_file == NULL)
		complain(builder->complaints, 0, "dmarc { org-domain = psl } needs a psl-file");
	if (config->trusted_sealers.count != 0 && !config->arc_enabled)
		complain(builder->complaints, 0, "dmarc { trusted-sealers } needs arc { enabled = yes }: no seal is verified without");
	policies_check_names(config, builder->complaints);
	if (config->dns.dnssec == DNSSEC_VALIDATE && config->dns.trust_anchor_files[0] == NULL)
		complain(builder->complaints, 0, "dns { dnssec = validate } needs trust-anchor-files");
	check_brakes(builder);
}

static size_t count_options(const struct source_section *section)
{
	size_t count = section->option_count;

	for (size_t i = 0; i < section->section_count; i++)
		count += section->sections[i].option_count;
	return count;
}

static size_t add_places(struct arena *arena, const struct source_section *section, struct config_place *items_r)
{
	for (size_t i = 0; i < section->option_count; i++)
		items_r[i] = (struct config_place){ arena_strdup(arena, section->name), arena_strdup(arena, section->options[i].name),
			section->options[i].line };
	return section->option_count;
}

/* What a section sets, and the sections in it; of the file itself not those with a title. */
static struct config_places places_of(struct builder *builder, const struct source_section *section)
{
	struct config_place *items = arena_calloc(builder->arena, count_options(section) + 1, sizeof(*items));
	struct config_places places = { .items = items, .count = add_places(builder->arena, section, items) };

	for (size_t i = 0; i < section->section_count; i++) {
		if (!schema_is_titled(section->sections[i].name))
			places.count += add_places(builder->arena, &section->sections[i], items + places.count);
	}
	return places;
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
		else if (!schema_is_titled(root->sections[i].name))
			apply_section(&builder, &root->sections[i], config_r);
	}
	config_r->places = places_of(&builder, root);
	apply_policies(&builder, root);
	apply_overrides(&builder, root);
	local_samples_find(config_r, arena);
	check_whole(&builder);
}
