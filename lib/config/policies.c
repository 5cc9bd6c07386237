/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Policy sections: their order, templates, what is inherited, and what is made of conditions before mail comes. Trusts the tree's
 * names (they are the schema's), nothing of its values.
 */
#include "config/policies.h"

#include <string.h>

#include "config/policy_index.h"
#include "config/schema.h"
#include "config/value.h"
#include "util/mailbox.h"

enum { MAX_POLICIES = POLICIES_MAX - 1, NAME_LENGTH = 64 };

bool policy_sections_find(const struct source_section *root, struct complaints *complaints, struct policy_sections *sections_r)
{
	const struct source_section **items = arena_calloc(complaints->arena, root->section_count + 1, sizeof(*items));

	*sections_r = (struct policy_sections){ .items = items };
	for (size_t i = 0; i < root->section_count; i++) {
		if (strcmp(root->sections[i].name, "policy") == 0)
			items[sections_r->count++] = &root->sections[i];
	}
	if (sections_r->count > MAX_POLICIES)
		complain(complaints, root->line, "more than %d policies", MAX_POLICIES);
	return sections_r->count <= MAX_POLICIES;
}

void policy_check_name(const struct source_section *section, struct complaints *complaints)
{
	const char *valid = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";
	size_t length = strlen(section->title);

	if (length == 0 || length > NAME_LENGTH || section->title[strspn(section->title, valid)] != '\0')
		complain(complaints, section->line,
		    "policy '%.100s': a name has 1 to %d letters, digits, '-', '_' or '.'", section->title, NAME_LENGTH);
}

void policy_clear_conditions(struct policy_config *policy, struct arena *arena)
{
	for (size_t i = 0; i < schema_count; i++) {
		if (option_is_condition(&schema_table[i]))
			value_store_default(&schema_table[i], arena, policy);
	}
}

void policy_inherit(const struct policy_config *base, struct arena *arena, struct policy_config *policy)
{
	const char *name = policy->name;

	if (base == NULL)
		return;
	*policy = *base;
	policy->name = name;
	policy->inherits = NULL;
	policy->is_template = false;
	policy_clear_conditions(policy, arena);
}

/* ---- order ------------------------------------------------------------------------------------------------------- */

/* Whether the file gives the policy this condition, be it a wrong one. */
static bool sets_condition(const struct source_option *option)
{
	for (size_t i = 0; i < schema_count; i++) {
		const struct option_row *row = &schema_table[i];

		if (strcmp(row->section, "policy") == 0 && option_is_condition(row) && strcmp(row->name, option->name) == 0)
			return source_list_count(option) != 0 && (row->type != OPTION_WORD ||
			    strcmp(option->values[0].text, row->default_text) != 0);
	}
	return false;
}

static bool has_condition(const struct source_section *section)
{
	for (size_t i = 0; i < section->option_count; i++) {
		if (sets_condition(&section->options[i]))
			return true;
	}
	return false;
}

static void check_place(const struct source_section *section, const struct policy_config *policy, bool last,
    struct complaints *complaints)
{
	bool conditional = has_condition(section);

	if (policy->is_template && conditional)
		complain(complaints, section->line, "policy '%s' is a template, which matches no mail: its conditions say nothing", policy->name);
	if (policy->is_template && strcmp(policy->name, "default") == 0)
		complain(complaints, section->line, "policy 'default' is the one for all other mail and cannot be a template");
	if (policy->is_template)
		return;
	if (!conditional && !last)
		complain(complaints, section->line,
		    "policy '%s' has no conditions and matches everything: the policies after it can never match; one that only serves to be "
		    "inherited says template = yes", policy->name);
	if (conditional && strcmp(policy->name, "default") == 0)
		complain(complaints, section->line, "policy 'default' is the one for all other mail and cannot have conditions");
}

void policies_check_order(const struct policy_sections *sections, const struct policy_config *policies, struct complaints *complaints)
{
	size_t last = 0;

	for (size_t i = 0; i < sections->count; i++)
		last = policies[i].is_template ? last : i;
	for (size_t i = 0; i < sections->count; i++)
		check_place(sections->items[i], &policies[i], i == last, complaints);
}

/* ---- the configuration ------------------------------------------------------------------------------------------- */

static const struct policy_config *find_policy(const struct config *config, const char *name)
{
	for (size_t i = 0; i < config->policy_count; i++) {
		if (strcmp(config->policies[i].name, name) == 0)
			return &config->policies[i];
	}
	for (size_t i = 0; i < config->template_count; i++) {
		if (strcmp(config->templates[i].name, name) == 0)
			return &config->templates[i];
	}
	return NULL;
}

static void link_bases(const struct config *config, struct policy_config *policies, size_t count)
{
	for (size_t i = 0; i < count; i++)
		policies[i].base = policies[i].inherits != NULL ? find_policy(config, policies[i].inherits) : NULL;
}

/* ---- what conditions are asked by -------------------------------------------------------------------------------- */

/* Local parts of the entries that may be a mailbox of the MTA's own: at a local domain (where none is named, at each), at any, or
 * below some. */
static const struct domain_set *find_local_users(const struct domain_set *recipients, const struct domain_set *local_domains,
    struct arena *arena)
{
	size_t entries = domain_set_count(recipients), count = 0;
	const char **users = entries != 0 ? arena_calloc(arena, entries, sizeof(*users)) : NULL;
	char domain[DOMAIN_MAX_LENGTH + 2];	/* with the dot in front */

	for (size_t i = 0; i < entries; i++) {
		const char *entry = domain_set_entry(recipients, i), *user = mailbox_entry_local(entry);
		size_t length = (size_t)(user - 1 - entry);

		memcpy(domain, entry, length);
		domain[length] = '\0';
		if (local_domains == NULL || length == 0 || domain[0] == '.' || domain_set_has(local_domains, domain))
			users[count++] = user;
	}
	return domain_set_make(arena, users, count);
}

/* What a record that keeps "out.example.net" of mx7.out.example.net is asked by. */
static const struct domain_set *find_parents(const struct domain_set *names, struct arena *arena)
{
	size_t entries = domain_set_count(names), count = 0;
	const char **parents = entries != 0 ? arena_calloc(arena, entries, sizeof(*parents)) : NULL;

	for (size_t i = 0; i < entries; i++) {
		const char *name = domain_set_entry(names, i), *dot;

		name += name[0] == '.';
		dot = strchr(name, '.');
		if (dot != NULL)
			parents[count++] = dot + 1;
	}
	return domain_set_make(arena, parents, count);
}

void policies_settle(const struct policy_config *all, size_t count, struct arena *arena, struct config *config)
{
	struct policy_config *policies = arena_calloc(arena, count + 1, sizeof(*policies));
	struct policy_config *templates = arena_calloc(arena, count + 1, sizeof(*templates));

	config->policies = policies;
	config->templates = templates;
	for (size_t i = 0; i < count; i++) {
		if (all[i].is_template)
			templates[config->template_count++] = all[i];
		else
			policies[config->policy_count++] = all[i];
	}
	if (config->policy_count == 0 || policy_has_conditions(&policies[config->policy_count - 1]))
		policies[config->policy_count++] = all[count];
	link_bases(config, policies, config->policy_count);
	link_bases(config, templates, config->template_count);
	config->policy_index = policy_index_make(policies, config->policy_count, arena);
	for (size_t i = 0; i < config->policy_count; i++) {
		policies[i].local_users = find_local_users(policies[i].recipients.set, config->local_domains.set, arena);
		policies[i].client_parents = find_parents(policies[i].client_names.set, arena);
		config->policies_name_mailboxes = config->policies_name_mailboxes || policies[i].recipients.count != 0;
	}
}

void policies_check_names(const struct config *config, struct complaints *complaints)
{
	for (size_t i = 0; i < config->policy_count; i++) {
		if (config->policies[i].client_names.count != 0 && !config->iprev_enabled)
			complain(complaints, config->policies[i].line,
			    "policy '%s' has client-names, and iprev { enabled = no }: nobody looks for the client's name", config->policies[i].name);
	}
}
