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

#include "strictest_fixture.h"

enum { ROUNDS = 400, MESSAGES = 50, NAMES_MAX = 4 };

static const enum finding_id weighed[] = {
	FINDING_DKIM_NONE, FINDING_FROM_MULTIPLE, FINDING_FROM_INVALID, FINDING_FROM_MISSING, FINDING_TLS_NONE, FINDING_LIMIT_EXCEEDED,
};

static const char settings[] = "limits { max-recipients = 3 } iprev { enabled = no } dmarc { enabled = no } spf { enabled = no }\n"
    "dns { zone-file = \"/dev/null\" dnssec = off }\n";

/* What a generated message says, as the oracle sees it. */
struct said { domain_set recipients, authors; bool known; };

static void add_authors(struct message *message, struct said *said)
{
	static const char *const spoilers[] = { " <", " @", ", x@[192.0.2.1]", ", \"open", ", a@b..c" };
	unsigned count = below(NAMES_MAX), fields = below(8) == 0 ? 2 : 1;
	bool readable = count != 0;
	char value[512] = " ";

	for (unsigned i = 0; i < count; i++) {
		unsigned domain = below(DOMAINS);

		snprintf(value + strlen(value), sizeof(value) - strlen(value), i == 0 ? "ann@%s" : ", \"Bob\" <bob@%s>", domains[domain]);
		said->authors |= 1u << domain;
	}
	if (count != 0 && below(4) == 0) {
		strcat(value, spoilers[below(5)]);
		readable = false;
	}
	if (!readable) {
		said->authors = ANY_DOMAIN;
		said->known = false;
	}
	for (unsigned i = 0; i < fields && (count != 0 || below(2) == 0); i++)
		message_field(message, "From", value, strlen(value));
}

/* ---- the oracle ------------------------------------------------------------------------------------------------ */

/* Every recipient gets it with every author. */
static unsigned oracle(struct message *message, const struct config *config, const struct said *said, const struct ip_addr *client)
{
	struct evidence evidence;
	unsigned strictest = 0;
	struct decision decision;

	evidence_make(&(struct evidence_input){ .stage = FINDING_STAGE_MESSAGE, .facts = message_facts(message),
		.author = message_author(message), .results = message_results(message) }, message_arena(message), &evidence);
	for (unsigned r = 0; r < DOMAINS; r++) {
		for (unsigned a = 0; a < DOMAINS; a++) {
			if ((said->recipients >> r & 1) == 0 || (said->authors >> a & 1) == 0)
				continue;
			policy_decide(first_policy(config, domains[r], domains[a], client), &evidence, &decision);
			if (decision_rank(&decision) > strictest)
				strictest = decision_rank(&decision);
		}
	}
	return strictest;
}

struct tally { unsigned messages, known, acted; };

static void judge_one(struct session *session, const struct config *config, struct tally *tally)
{
	struct message *message = message_new(session, "<joe@partner.example>", NULL);
	struct said said = { .known = true };
	const struct decision *decision;
	unsigned wanted;

	said.recipients = add_recipients(message, &said.known);
	if (said.recipients != 0) {
		add_authors(message, &said);
		decision = &message_judge(message)->decision;
		wanted = oracle(message, config, &said, &session_connection(session)->client);
		if (decision_rank(decision) < wanted)
			fail_msg("policy %s: %s, rank %u, but %u could apply", decision->policy, action_name(decision->action),
			    decision_rank(decision), wanted);
		/* and where everything is known nothing stricter than what is asked for */
		if (said.known)
			assert_int_equal(decision_rank(decision), wanted);
		tally->messages++;
		tally->known += said.known;
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
		struct engine *engine = random_engine(settings, weighed, sizeof(weighed) / sizeof(weighed[0]));
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
