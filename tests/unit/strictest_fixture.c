/* SPDX-License-Identifier: BSD-2-Clause */
/* See strictest_fixture.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "message/recipient.h"
#include "strictest_fixture.h"
#include "text_fixture.h"

enum { POLICIES_MAX = 6, SETTINGS_BYTES = 16384, NAMED_DOMAINS = DOMAINS - 1 };

const char *const domains[DOMAINS] = {
	[VICTIM] = "victim.example", [PARTNER] = "partner.example", [SUB_PARTNER] = "sub.partner.example", [BANK] = "bank.example",
	[OTHER] = "other.example",
};

unsigned below(unsigned count)
{
	return (unsigned)rand() % count;
}

static void append(char *text, const char *more)
{
	assert_true(strlen(text) + strlen(more) < SETTINGS_BYTES);
	strcat(text, more);
}

/* ---- configurations -------------------------------------------------------------------------------------------- */

static void add_condition(char *text, const char *option)
{
	char line[256];

	snprintf(line, sizeof(line), " %s = { \"%s%s\", \"%s\" }", option, below(3) == 0 ? "." : "", domains[below(NAMED_DOMAINS)],
	    domains[below(NAMED_DOMAINS)]);
	append(text, line);
}

static void add_actions(char *text, const char *section, const enum finding_id *findings, size_t count)
{
	static const char *const actions[] = { "none", "none", "tag", "defer", "quarantine", "reject" };
	char line[96];

	append(text, section);
	for (size_t i = 0; i < count; i++) {
		snprintf(line, sizeof(line), " %s = %s", findings_table[findings[i]].name, actions[below(6)]);
		append(text, line);
	}
	append(text, " }");
}

/* A policy has at least one condition: one without must come last. */
static void add_policy(char *text, unsigned number, const enum finding_id *findings, size_t count)
{
	unsigned conditions = below(7) + 1;
	char line[96];

	snprintf(line, sizeof(line), "policy p%u { mode = %s", number, below(3) == 0 ? "dry-run" : "enforce");
	append(text, line);
	if ((conditions & 1) != 0)
		add_condition(text, "recipient-domains");
	if ((conditions & 2) != 0)
		add_condition(text, "author-domains");
	if ((conditions & 4) != 0)
		append(text, below(4) == 0 ? " client-networks = 203.0.113.0/24" : " client-networks = 192.0.2.0/24");
	add_actions(text, " actions {", findings, count);
	append(text, " }\n");
}

static void silence_others(char *text, const enum finding_id *findings, size_t count)
{
	char line[96];

	append(text, "findings {");
	for (int id = 0; id < FINDING_COUNT; id++) {
		bool weighed = false;

		for (size_t i = 0; i < count; i++)
			weighed = weighed || findings[i] == (enum finding_id)id;
		snprintf(line, sizeof(line), " %s = none", findings_table[id].name);
		if (!weighed)
			append(text, line);
	}
}

struct engine *random_engine(const char *settings, const enum finding_id *findings, size_t count)
{
	char text[SETTINGS_BYTES] = "", why[256] = "";
	const struct config *config;
	struct engine *engine;

	append(text, below(3) == 0 ? "mode = dry-run\n" : "mode = enforce\n");
	append(text, settings);
	silence_others(text, findings, count);
	add_actions(text, "", findings, count);
	append(text, "\n");
	for (unsigned i = below(POLICIES_MAX + 1); i > 0; i--)
		add_policy(text, i, findings, count);
	config = text_config(text);
	engine = engine_new(config, NULL, why, sizeof(why));
	if (engine == NULL)
		fail_msg("no engine: %s", why);
	config_unref(&config);
	return engine;
}

/* ---- recipients ------------------------------------------------------------------------------------------------ */

/*
 * The first forms have no domain that anybody could tell, but the MTA sometimes.
 * @return where he could be; 0: he does not get the message.
 */
static domain_set add_recipient(struct message *message, unsigned form, bool *known_r)
{
	static const char *const forms[][2] = {		/* around the domain */
		{ "<ann%", ">" }, { "<\"ann@", "\">" }, { "<", "!ann>" }, { "<@", ":ann@victim.example>" }, { "<ann%", "@other.example>" },
		{ "<ann@..", ">" }, { "<ann@[192.0.2.7]", ">" }, { "<ann@", "@>" },
	};
	unsigned domain = below(DOMAINS);
	struct recipient_route route = { .host = "mx.test.example" };
	struct decision at_rcpt;
	char address[128], resolved[64];

	if (form < 8)
		snprintf(address, sizeof(address), "%s%s%s", forms[form][0], domains[domain], forms[form][1]);
	else if (form == 8)
		snprintf(address, sizeof(address), "<ann>");
	else
		snprintf(address, sizeof(address), "<%s@%s>", form == 9 ? "\"ann lee\"" : "ann", domains[domain]);
	if (below(4) == 0) {
		snprintf(resolved, sizeof(resolved), "ann@%s", domains[domain]);
		route.address = resolved;
		*known_r = *known_r && form >= 9;	/* where the MTA and RCPT differ it may be weighed under both */
		form = 9;
	}
	message_recipient_resolved(message, address, route.address != NULL ? &route : NULL, &at_rcpt);
	if (decision_refuses(&at_rcpt))
		return 0;
	return form < 9 ? ANY_DOMAIN : 1u << domain;
}

domain_set add_recipients(struct message *message, bool *known_r)
{
	domain_set all = 0;
	size_t accepted = 0;
	bool usual = below(3) == 0;

	for (unsigned i = below(usual ? RECIPIENTS_CAP : RECIPIENTS_MAX) + 1; i > 0; i--) {
		domain_set one = add_recipient(message, usual ? 9 + below(15) : below(24), known_r);

		accepted += one != 0;
		if (one == ANY_DOMAIN || accepted > RECIPIENTS_CAP)
			*known_r = false;
		all |= one;
	}
	return all;
}

/* ---- the rule -------------------------------------------------------------------------------------------------- */

static bool holds(const struct domain_list *patterns, const char *domain)
{
	for (size_t i = 0; i < patterns->count; i++) {
		const char *pattern = domain_set_entry(patterns->set, i), *end;
		bool below_too = pattern[0] == '.';

		pattern += below_too;
		end = strlen(domain) >= strlen(pattern) ? domain + strlen(domain) - strlen(pattern) : domain;
		if (strcmp(end, pattern) == 0 && (end == domain || (below_too && end[-1] == '.')))
			return true;
	}
	return patterns->count == 0;
}

const struct policy_config *first_policy(const struct config *config, const char *recipient, const char *author,
    const struct ip_addr *client)
{
	const struct policy_config *policy = config->policies;

	for (;; policy++) {
		bool network = policy->client_networks.count == 0;

		for (size_t i = 0; i < policy->client_networks.count; i++)
			network = network || network_contains(&policy->client_networks.items[i], client);
		if (network && holds(&policy->recipient_domains, recipient) && holds(&policy->author_domains, author))
			return policy;
	}
}

static unsigned rank(bool enforced, enum action action)
{
	return (enforced && action != ACTION_NONE ? 100u : 0) + (unsigned)action;
}

unsigned decision_rank(const struct decision *decision)
{
	return rank(decision->enforced, decision->action);
}

unsigned policy_rank(const struct policy_config *policy, const finding_set *findings)
{
	enum action strongest = ACTION_NONE;

	for (int id = 0; id < FINDING_COUNT; id++) {
		if (finding_set_has(findings, (enum finding_id)id) && policy->actions[id] > strongest)
			strongest = policy->actions[id];
	}
	return rank(policy->mode == MODE_ENFORCE, strongest);
}
