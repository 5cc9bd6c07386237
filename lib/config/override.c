/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the sections `override "name" { }` have to have, and which of them each policy honours. A section without evidence would
 * let in whoever writes the right words into a message, so it is refused. Trusts the tree's names (they are the schema's), nothing
 * of its values. Thread: that of the loader.
 */
#include "config/override.h"

#include <string.h>

#include "config/config.h"
#include "config/complaints.h"
#include "config/networks.h"
#include "config/schema.h"
#include "config/source.h"
#include "config/value.h"
#include "util/arena.h"

enum { MAX_OVERRIDES = 100, NAME_LENGTH = 64 };

const struct word override_kind_words[] = {
	{ "forwarder", OVERRIDE_FORWARDER }, { "mailing-list", OVERRIDE_MAILING_LIST }, { "known-sender", OVERRIDE_KNOWN_SENDER }, { 0 }
};

static bool is_override(const struct source_section *section)
{
	return strcmp(section->name, "override") == 0;
}

static bool is_word_of_policies(const char *name)
{
	return strcmp(name, "all") == 0 || strcmp(name, "none") == 0;
}

static void check_name(const struct source_section *section, struct complaints *complaints)
{
	const char *valid = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.", *name = section->title;
	size_t length = strlen(name);

	if (length == 0 || length > NAME_LENGTH || name[strspn(name, valid)] != '\0')
		complain(complaints, section->line, "override '%.100s': a name has 1 to %d letters, digits, '-', '_' or '.'", name,
		    NAME_LENGTH);
	else if (strcmp(name, OVERRIDE_ARC) == 0)
		complain(complaints, section->line, "override 'arc': that is the name of what dmarc { trusted-sealers } makes");
	else if (is_word_of_policies(name))
		complain(complaints, section->line, "override '%s': that word means something else in a policy's 'overrides'", name);
}

struct override_config *overrides_begin(const struct source_section *root, struct arena *arena, struct complaints *complaints,
    struct config *config_r)
{
	struct override_config *overrides;
	size_t count = 0;

	for (size_t i = 0; i < root->section_count; i++)
		count += is_override(&root->sections[i]);
	if (count > MAX_OVERRIDES)
		complain(complaints, root->line, "more than %d overrides", MAX_OVERRIDES);
	if (count == 0 || count > MAX_OVERRIDES)
		return NULL;
	overrides = arena_calloc(arena, count, sizeof(*overrides));
	config_r->overrides = overrides;
	for (size_t i = 0; i < root->section_count; i++) {
		if (!is_override(&root->sections[i]))
			continue;
		check_name(&root->sections[i], complaints);
		overrides[config_r->override_count++].name = arena_strdup(arena, root->sections[i].title);
	}
	return overrides;
}

/* Whether the file gives the section something here, be it wrong. */
static bool has(const struct source_section *section, const char *name)
{
	for (size_t i = 0; i < section->option_count; i++) {
		const struct source_option *option = &section->options[i];

		if (strcmp(option->name, name) == 0)
			return option->value_count > 1 || (option->value_count == 1 && option->values[0].text[0] != '\0');
	}
	return false;
}

/* @return what it asks for that no check looks at; NULL. */
static const char *unlooked(const struct source_section *section, const struct config *config)
{
	if (has(section, "client-names") && !config->iprev_enabled)
		return "client-names needs iprev { enabled = yes }";
	if (has(section, "dkim-domains") && !config->dkim_enabled)
		return "dkim-domains needs dkim { enabled = yes }";
	if (has(section, "authenticated-domains") && !config->dkim_enabled && !config->spf_enabled)
		return "authenticated-domains needs spf { enabled = yes } or dkim { enabled = yes }";
	return NULL;
}

/* @return what the section lacks, or must not have; NULL. */
static const char *fault(const struct source_section *section, const struct override_config *override, const struct config *config,
    struct arena *arena)
{
	bool evident = has(section, "client-networks") || has(section, "client-names") || has(section, "authenticated-domains") ||
	    has(section, "dkim-domains");

	if (!has(section, "kind"))
		return "it needs a kind: forwarder, mailing-list or known-sender";
	if (override->kind == OVERRIDE_KNOWN_SENDER && (!has(section, "dkim-domains") || !has(section, "author-domains")))
		return "a known-sender needs dkim-domains, and author-domains for whom they send";
	if (!evident)
		return "it needs evidence that a sender cannot forge: client-networks, client-names, authenticated-domains or dkim-domains";
	if (networks_are_everywhere(&override->client_networks, arena))
		return "every client is in its client-networks: that is no evidence";
	if (override->list_id && override->kind != OVERRIDE_MAILING_LIST)
		return "list-id is for the kind mailing-list";
	return unlooked(section, config);
}

static bool is_there(const struct config *config, const char *name)
{
	for (size_t i = 0; i < config->override_count; i++)
		if (strcmp(config->overrides[i].name, name) == 0)
			return true;
	return strcmp(name, OVERRIDE_ARC) == 0;
}

/* A policy's option "overrides", where the file has it. */
static void check_names(const struct source_option *option, const struct config *config, struct complaints *complaints)
{
	for (size_t i = 0; i < option->value_count; i++) {
		const char *name = option->values[i].text;

		if (option->value_count > 1 && is_word_of_policies(name))
			complain(complaints, option->values[i].line, "overrides: '%s' stands alone", name);
		else if (name[0] != '\0' && !is_word_of_policies(name) && !is_there(config, name))
			complain(complaints, option->values[i].line, "overrides: there is no override '%.100s'", name);
		else if (strcmp(name, OVERRIDE_ARC) == 0 && config->trusted_sealers.count == 0)
			complain(complaints, option->values[i].line, "overrides: 'arc' needs dmarc { trusted-sealers }");
	}
}

static struct string_list all_names(const struct config *config, struct arena *arena)
{
	const char **names = arena_calloc(arena, config->override_count + 1, sizeof(*names));
	size_t count = 0;

	if (config->trusted_sealers.count != 0)
		names[count++] = OVERRIDE_ARC;
	for (size_t i = 0; i < config->override_count; i++)
		names[count++] = config->overrides[i].name;
	return (struct string_list){ names, count };
}

static void set_honours(struct config *config, struct arena *arena)
{
	struct string_list all = all_names(config, arena);
	struct policy_config *policies = (struct policy_config *)(uintptr_t)config->policies;	/* the builder's own, not shared yet */

	for (size_t i = 0; i < config->policy_count; i++) {
		const struct string_list *set = &policies[i].overrides;

		policies[i].honours = set->count == 1 && strcmp(set->items[0], "all") == 0 ? all :
		    set->count == 1 && strcmp(set->items[0], "none") == 0 ? (struct string_list){ NULL, 0 } : *set;
	}
}

void overrides_end(const struct source_section *root, struct arena *arena, struct complaints *complaints, struct config *config)
{
	size_t next = 0;

	for (size_t i = 0; i < root->section_count; i++) {
		const struct source_section *section = &root->sections[i];
		const char *why = NULL;

		if (is_override(section) && next < config->override_count)
			why = fault(section, &config->overrides[next++], config, arena);
		if (why != NULL)
			complain(complaints, section->line, "override '%s': %s", section->title, why);
		for (size_t j = 0; strcmp(section->name, "policy") == 0 && j < section->option_count; j++)
			if (strcmp(section->options[j].name, "overrides") == 0)
				check_names(&section->options[j], config, complaints);
	}
	set_honours(config, arena);
}
