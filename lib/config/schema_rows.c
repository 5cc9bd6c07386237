/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sections; rows of the schema that are made, or stand for many: a finding's action, a finding's ramp; and what types of options are.
 * Constant; thread: any.
 */
#include "config/schema.h"

#include <string.h>

#define CONFIG(field) offsetof(struct config, field)
#define POLICY(field) offsetof(struct policy_config, field)
#define RAMP(field) offsetof(struct ramp_config, field)
static const struct option_row ramp_rows[] = {
	{ "ramp", "from", OPTION_STRING, RAMP(from), "", 0, 20, NULL, NUMBER_NONE,
	    "date, or date and hour (2027-01-01T06), UTC, from which on the action is in force; empty: it is" },
	{ "ramp", "share", OPTION_STRING, RAMP(share), "", 0, 10, NULL, NUMBER_NONE,
	    "share of domains for which it is in force, always the same ones, as 10% or 0.25%; empty: all" },
	{ "ramp", "before", OPTION_WORD, RAMP(before), "tag", 0, 0, action_words, NUMBER_NONE,
	    "what is done before that date and for other domains, where the action is not weaker" },
};

const struct option_row *schema_ramp_row(size_t i)
{
	return i < sizeof(ramp_rows) / sizeof(ramp_rows[0]) ? &ramp_rows[i] : NULL;
}

const struct section_row schema_sections[] = {
	{ "", "the daemon, whom it trusts, and what it does" },
	{ "spf", "SPF" },
	{ "dkim", "DKIM" },
	{ "arc", "chains of seals" },
	{ "dmarc", "DMARC" },
	{ "adsp", "ADSP" },
	{ "iprev", "reverse DNS of the client" },
	{ "headers", "header fields that are added" },
	{ "dns", "the resolver and DNSSEC" },
	{ "tls", "grades of TLS sessions" },
	{ "record", "what is remembered between messages" },
	{ "greylist", "how the action greylist waits" },
	{ "dmarc-reports", "reports to the domains whose mail comes" },
	{ "morning", "what changed since yesterday, by mail" },
	{ "metrics", "figures for Prometheus" },
	{ "limits", "caps on what one message may cost" },
	{ "findings", "what is done on each finding: none tag greylist defer quarantine reject" },
	{ "override", "whose mail is let in although it fails DMARC, by evidence that nobody can forge" },
	{ "ramp", "since when, and for which domains, the action of the finding named is in force; in policies, too" },
	{ "policy", "exceptions: the first policy that matches decides; all its conditions must hold" },
	{ 0 },
};

bool schema_is_titled(const char *section)
{
	return strcmp(section, "policy") == 0 || strcmp(section, "override") == 0 ||
	    strcmp(section, "ramp") == 0;
}

struct option_row schema_finding_row(enum finding_id id, bool in_policy)
{
	const struct finding_row *finding = &findings_table[id];
	size_t base = in_policy ? POLICY(actions) : CONFIG(finding_actions);

	return (struct option_row){
		.section = in_policy ? "actions" : "findings", .name = finding->name, .type = OPTION_WORD,
		.offset = base + (size_t)id * sizeof(enum action), .words = action_words, .help = finding->help,
		.default_text = in_policy ? NULL : action_name(finding->default_action),
	};
}

bool option_is_number(enum option_type type)
{
	return type >= OPTION_COUNT && type <= OPTION_MILLISECONDS;
}

bool option_is_list(enum option_type type)
{
	return type >= OPTION_STRINGS;
}

bool option_is_domain_list(enum option_type type)
{
	return type >= OPTION_DOMAINS && type <= OPTION_ADDRESSES;
}

enum list_form option_list_form(enum option_type type)
{
	switch (type) {
	case OPTION_PATTERNS:
		return LIST_OF_PATTERNS;
	case OPTION_SENDERS:
		return LIST_OF_SENDERS;
	case OPTION_ADDRESSES:
		return LIST_OF_ADDRESSES;
	default:
		return LIST_OF_DOMAINS;
	}
}

bool option_is_condition(const struct option_row *row)
{
	return row->number == NUMBER_CONDITION;
}

bool condition_is_set(const struct option_row *row, const void *base)
{
	const void *place = (const char *)base + row->offset;

	if (option_is_domain_list(row->type))
		return ((const struct domain_list *)place)->count != 0;
	if (row->type == OPTION_NETWORKS)
		return ((const struct network_list *)place)->count != 0;
	return row->type == OPTION_WORD ? *(const int *)place != 0 : ((const struct string_list *)place)->count != 0;
}

bool policy_has_conditions(const struct policy_config *policy)
{
	for (size_t i = 0; i < schema_count; i++) {
		if (option_is_condition(&schema_table[i]) && condition_is_set(&schema_table[i], policy))
			return true;
	}
	return false;
}
