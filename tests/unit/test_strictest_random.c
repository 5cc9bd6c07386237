/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Generated messages with several authors and recipients, readable or not, under generated policies, through the pipeline; and an
 * oracle of the rule "not weaker than the strictest that could apply". The oracle knows no "unknown": it tries every domain that
 * a name could stand for, takes the first policy that matches, as the manual says, and keeps the strictest decision.
 * ASSAY_ROUNDS: how many configurations; each judges MESSAGES of them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "policy/reply.h"
#include "pipeline/pipeline.h"

enum { ROUNDS = 400, MESSAGES = 50, POLICIES_MAX = 6, NAMES_MAX = 4, RECIPIENTS_CAP = 3, SETTINGS_BYTES = 16384 };

/* The last stands in no policy: any domain that nobody named. */
static const char *const domains[] = { "victim.example", "partner.example", "sub.partner.example", "bank.example", "other.example" };
enum { DOMAINS = sizeof(domains) / sizeof(domains[0]), NAMED_DOMAINS = DOMAINS - 1 };

static const char *const weighed[] = { "dkim-none", "from-multiple", "from-invalid", "from-missing", "tls-none", "limit-exceeded" };
enum { WEIGHED = sizeof(weighed) / sizeof(weighed[0]) };

/* Which domains a name could stand for: one bit each. */
typedef unsigned domain_set;
#define ANY_DOMAIN ((domain_set)((1u << DOMAINS) - 1))

/* What a generated message says, as the oracle sees it. */
struct said {
	domain_set recipients[NAMES_MAX + 1], authors[NAMES_MAX + 1];
	size_t recipient_count, author_count;
};

static unsigned below(unsigned count)
{
	return (unsigned)rand() % count;
}

static void append(char *text, size_t room, const char *more)
{
	assert_true(strlen(text) + strlen(more) < room);
	strcat(text, more);
}

/* ---- configurations -------------------------------------------------------------------------------------------- */

static void add_condition(char *text, const char *option)
{
	char line[256];

	snprintf(line, sizeof(line), " %s = { \"%s%s\", \"%s\" }", option, below(3) == 0 ? "." : "", domains[below(NAMED_DOMAINS)],
	    domains[below(NAMED_DOMAINS)]);
	append(text, SETTINGS_BYTES, line);
}

static void add_actions(char *text, const char *section)
{
	static const char *const actions[] = { "none", "none", "tag", "defer", "quarantine", "reject" };
	char line[96];

	append(text, SETTINGS_BYTES, section);
	for (size_t i = 0; i < WEIGHED; i++) {
		snprintf(line, sizeof(line), " %s = %s", weighed[i], actions[below(6)]);
		append(text, SETTINGS_BYTES, line);
	}
	append(text, SETTINGS_BYTES, " }");
}

/* A policy has at least one condition: one without must come last. */
static void add_policy(char *text, unsigned number)
{
	unsigned conditions = below(7) + 1;
	char line[96];

	snprintf(line, sizeof(line), "policy p%u { mode = %s", number, below(3) == 0 ? "dry-run" : "enforce");
	append(text, SETTINGS_BYTES, line);
	if ((conditions & 1) != 0)
		add_condition(text, "recipient-domains");
	if ((conditions & 2) != 0)
		add_condition(text, "author-domains");
	if ((conditions & 4) != 0)
		append(text, SETTINGS_BYTES, below(4) == 0 ? " client-networks = 203.0.113.0/24" : " client-networks = 192.0.2.0/24");
	add_actions(text, " actions {");
	append(text, SETTINGS_BYTES, " }\n");
}

static struct engine *make_engine(void)
{
	char text[SETTINGS_BYTES], why[256] = "";
	struct config *config;
	struct engine *engine;

	snprintf(text, sizeof(text), "mode = %s limits { max-recipients = %d }\n"
	    "dns { zone-file = \"/dev/null\" dnssec = off } iprev { enabled = no } dmarc { enabled = no } spf { enabled = no }\n",
	    below(3) == 0 ? "dry-run" : "enforce", RECIPIENTS_CAP);
	add_actions(text, "findings { spf-none = none dmarc-none = none dmarc-permerror = none");
	append(text, sizeof(text), "\n");
	for (unsigned i = below(POLICIES_MAX + 1); i > 0; i--)
		add_policy(text, i);
	config = config_load_buffer(text, strlen(text), "random.conf", stderr);
	assert_non_null(config);
	engine = engine_new(config, NULL, why, sizeof(why));
	if (engine == NULL)
		fail_msg("no engine: %s", why);
	config_unref(&config);
	return engine;
}

/* ---- messages -------------------------------------------------------------------------------------------------- */

static void add_recipient(struct message *message, struct said *said)
{
	static const char *const forms[][2] = {		/* around the domain */
		{ "<ann%", ">" }, { "<\"ann@", "\">" }, { "<", "!ann>" }, { "<@", ":ann@victim.example>" }, { "<ann%", "@other.example>" },
		{ "<ann@..", ">" }, { "<ann@[192.0.2.7]", ">" }, { "<ann@", "@>" },
	};
	unsigned domain = below(DOMAINS), form = below(24);
	struct decision at_rcpt;
	char address[128];

	if (form < 8)
		snprintf(address, sizeof(address), "%s%s%s", forms[form][0], domains[domain], forms[form][1]);
	else if (form == 8)
		snprintf(address, sizeof(address), "<ann>");
	else
		snprintf(address, sizeof(address), "<%s@%s>", form == 9 ? "\"ann lee\"" : "ann", domains[domain]);
	message_recipient(message, address, &at_rcpt);
	if (decision_refuses(&at_rcpt))		/* he does not get the message */
		return;
	said->recipients[said->recipient_count] = form < 9 || said->recipient_count >= RECIPIENTS_CAP ? ANY_DOMAIN : 1u << domain;
	said->recipient_count++;
}

static void add_authors(struct message *message, struct said *said)
{
	static const char *const spoilers[] = { " <", " @", ", x@[192.0.2.1]", ", \"open", ", a@b..c" };
	char value[512] = " ";
	unsigned count = below(NAMES_MAX), fields = below(8) == 0 ? 2 : 1;
	bool readable = count != 0;

	for (unsigned i = 0; i < count; i++) {
		unsigned domain = below(DOMAINS);

		append(value, sizeof(value), i == 0 ? "ann@" : ", \"Bob\" <bob@");
		append(value, sizeof(value), domains[domain]);
		append(value, sizeof(value), i == 0 ? "" : ">");
		said->authors[said->author_count++] = 1u << domain;
	}
	if (count != 0 && below(4) == 0) {
		append(value, sizeof(value), spoilers[below(5)]);
		readable = false;
	}
	if (!readable)
		said->authors[said->author_count++] = ANY_DOMAIN;
	for (unsigned i = 0; i < fields && (count != 0 || below(2) == 0); i++)
		message_field(message, "From", value, strlen(value));
}

/* ---- the oracle ------------------------------------------------------------------------------------------------ */

static bool holds(const struct string_list *patterns, const char *domain)
{
	return patterns->count == 0 || policy_domain_matches(patterns, domain);
}

/* The manual: the first policy in the file whose conditions all hold. */
static const struct policy_config *first_policy(const struct config *config, const char *recipient, const char *author,
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

/* Enforced ones before dry ones, then strength; an enforced "none" holds nobody back. */
static unsigned rank(const struct decision *decision)
{
	return (decision->enforced && decision->action != ACTION_NONE ? 100u : 0) + (unsigned)decision->action;
}

static unsigned oracle(struct message *message, const struct config *config, const struct said *said, const struct ip_addr *client)
{
	domain_set recipients = 0, authors = 0;
	unsigned strictest = 0;
	struct decision decision;

	/* every recipient gets it with every author, so that the pairs are those of the two sets */
	for (size_t i = 0; i < said->recipient_count; i++)
		recipients |= said->recipients[i];
	for (size_t i = 0; i < said->author_count; i++)
		authors |= said->authors[i];
	for (unsigned r = 0; r < DOMAINS; r++) {
		for (unsigned a = 0; a < DOMAINS; a++) {
			if ((recipients >> r & 1) == 0 || (authors >> a & 1) == 0)
				continue;
			policy_decide(config, first_policy(config, domains[r], domains[a], client), message_results(message),
			    FINDING_STAGE_MESSAGE, message_arena(message), &decision);
			if (rank(&decision) > strictest)
				strictest = rank(&decision);
		}
	}
	return strictest;
}

static bool all_known(const struct said *said)
{
	for (size_t i = 0; i < said->recipient_count; i++) {
		if (said->recipients[i] == ANY_DOMAIN)
			return false;
	}
	for (size_t i = 0; i < said->author_count; i++) {
		if (said->authors[i] == ANY_DOMAIN)
			return false;
	}
	return true;
}

struct tally { unsigned messages, known, acted; };

static void judge_one(struct session *session, const struct config *config, struct tally *tally)
{
	struct message *message = message_new(session, "<joe@partner.example>", NULL);
	struct said said = { .recipient_count = 0 };
	const struct decision *decision;
	unsigned wanted;

	for (unsigned i = below(NAMES_MAX) + 1; i > 0; i--)
		add_recipient(message, &said);
	if (said.recipient_count != 0) {
		add_authors(message, &said);
		decision = &message_judge(message)->decision;
		wanted = oracle(message, config, &said, &session_connection(session)->client);
		if (rank(decision) < wanted)
			fail_msg("policy %s: %s, rank %u, but %u could apply", decision->policy, action_name(decision->action),
			    rank(decision), wanted);
		/* and where everything is known nothing stricter than what is asked for */
		if (all_known(&said))
			assert_int_equal(rank(decision), wanted);
		tally->messages++;
		tally->known += all_known(&said);
		tally->acted += decision->action != ACTION_NONE;
	}
	message_free(&message);
}

static void test_message_decide_is_never_weaker_than_the_strictest(void **state)
{
	const char *rounds_text = getenv("ASSAY_ROUNDS");
	unsigned rounds = rounds_text != NULL ? (unsigned)strtoul(rounds_text, NULL, 10) : ROUNDS;
	struct tally tally = { .messages = 0 };

	(void)state;
	srand(5321);
	for (unsigned round = 0; round < rounds; round++) {
		struct engine *engine = make_engine();
		struct session *session = session_new(engine);

		assert_int_equal(addr_parse("192.0.2.1", &session_connection(session)->client), 0);
		for (unsigned i = 0; i < MESSAGES; i++)
			judge_one(session, engine_config(engine), &tally);
		session_free(&session);
		engine_unref(&engine);
	}
	print_message("%u decisions, %u with every name known, %u with an action\n", tally.messages, tally.known, tally.acted);
	/* else it would show nothing */
	assert_true(tally.known > tally.messages / 10 && tally.known < tally.messages && tally.acted > tally.messages / 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_message_decide_is_never_weaker_than_the_strictest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
