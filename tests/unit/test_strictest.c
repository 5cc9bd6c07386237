/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The rule "never weaker than the strictest that could apply", through the pipeline: authors and recipients that would shed a
 * policy or borrow another.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "message/recipient.h"
#include "pipeline/pipeline.h"
#include "text_fixture.h"

static const char zone_text[] =
	"victim.example. 300 IN TXT \"v=spf1 -all\"\n"
	"_dmarc.victim.example. 300 IN TXT \"v=DMARC1; p=reject\"\n"
	"partner.example. 300 IN TXT \"v=spf1 ip4:192.0.2.1 -all\"\n"
	"_dmarc.partner.example. 300 IN TXT \"v=DMARC1; p=quarantine\"\n"
	"bank.example. 300 IN TXT \"v=spf1 ip4:192.0.2.1 -all\"\n"
	"_dmarc.bank.example. 300 IN TXT \"v=DMARC1; p=none\"\n"
	"1.2.0.192.in-addr.arpa. 300 IN PTR mx.partner.example.\n"
	"mx.partner.example. 300 IN A 192.0.2.1\n";

struct world {
	char zone_path[FIXTURE_PATH_BYTES];
	struct engine *engine;
	struct session *session;
};

static void world_open(struct world *world, const char *settings)
{
	char text[16384], why[256] = "";
	const struct config *config;

	text_file(world->zone_path, zone_text);
	snprintf(text, sizeof(text), "dns { zone-file = \"%s\" dnssec = off }\n%s", world->zone_path, settings);
	config = text_config(text);
	world->engine = engine_new(config, NULL, why, sizeof(why));
	if (world->engine == NULL)
		fail_msg("no engine: %s", why);
	config_unref(&config);
	world->session = session_new(world->engine);
	assert_int_equal(addr_parse("192.0.2.1", &session_connection(world->session)->client), 0);
	session_connection(world->session)->helo = "mx.partner.example";
}

static void world_close(struct world *world)
{
	session_free(&world->session);
	engine_unref(&world->engine);
	unlink(world->zone_path);
}

static void field(struct message *message, const char *name, const char *value)
{
	message_field(message, name, value, strlen(value));
}

/* A message of partner.example's own host, whose SPF passes. @return the decision; the message lives on. */
static struct decision judge(struct world *world, struct message **message, const char *recipient, const char *from)
{
	struct decision at_rcpt;

	*message = message_new(world->session, "<joe@partner.example>", NULL);
	message_recipient(*message, recipient, &at_rcpt);
	if (from != NULL)
		field(*message, "From", from);
	return message_judge(*message)->decision;
}

static void check_policy(struct world *world, const char *recipient, const char *from, const char *policy, enum action action)
{
	struct message *message;
	struct decision decision = judge(world, &message, recipient, from);

	if (strcmp(decision.policy, policy) != 0 || decision.action != action)
		fail_msg("to %s from %s: policy %s action %s", recipient, from != NULL ? from : "nobody", decision.policy,
		    action_name(decision.action));
	message_free(&message);
}

static void test_message_decide_each_author_counts(void **state)
{
	static const char settings[] = "mode = enforce\nfindings { dmarc-reject = quarantine dmarc-none = tag dkim-none = none }\n"
	    "policy victim { author-domains = victim.example actions { dmarc-reject = reject } }\n"
	    "policy partner { author-domains = .partner.example actions { dmarc-reject = none dmarc-none = none from-multiple = none } }\n";
	struct world world;

	(void)state;
	world_open(&world, settings);
	check_policy(&world, "<ann@rcpt.example>", " a@partner.example", "partner", ACTION_NONE);
	check_policy(&world, "<ann@rcpt.example>", " a@partner.example, b@sub.partner.example", "partner", ACTION_NONE);
	/* neither sheds the victim's policy nor borrows the partner's */
	check_policy(&world, "<ann@rcpt.example>", " ceo@victim.example, x@other.example", "victim", ACTION_REJECT);
	check_policy(&world, "<ann@rcpt.example>", " x@other.example, ceo@victim.example", "victim", ACTION_REJECT);
	check_policy(&world, "<ann@rcpt.example>", " a@partner.example, ceo@victim.example", "victim", ACTION_REJECT);
	check_policy(&world, "<ann@rcpt.example>", " a@partner.example, b@other.example", "default", ACTION_TAG);
	world_close(&world);
}

static void test_message_decide_unknown_author_is_any(void **state)
{
	static const char settings[] = "mode = enforce\nfindings { dkim-none = none from-missing = tag from-invalid = tag dmarc-permerror = none }\n"
	    "policy victim { author-domains = victim.example actions { dkim-none = reject } }\n";
	struct world world;
	char many[2048] = " a@partner.example";

	(void)state;
	world_open(&world, settings);
	check_policy(&world, "<ann@rcpt.example>", " a@partner.example", "default", ACTION_NONE);
	check_policy(&world, "<ann@rcpt.example>", NULL, "victim", ACTION_REJECT);
	check_policy(&world, "<ann@rcpt.example>", " nobody: ;", "victim", ACTION_REJECT);
	check_policy(&world, "<ann@rcpt.example>", " a@partner.example <", "victim", ACTION_REJECT);
	check_policy(&world, "<ann@rcpt.example>", " a@[192.0.2.1]", "victim", ACTION_REJECT);
	for (int i = 0; i < 20; i++)	/* more than are judged: what is behind the cap may be the victim */
		snprintf(many + strlen(many), sizeof(many) - strlen(many), ", a@d%d.example", i);
	check_policy(&world, "<ann@rcpt.example>", many, "victim", ACTION_REJECT);
	world_close(&world);
}

#define RCPT_POLICIES "mode = enforce\nfindings { dkim-none = none }\n"                                     \
	"policy soft { recipient-domains = soft.example actions { dkim-none = tag } }\n"                     \
	"policy strict { recipient-domains = { rcpt.example, .below.example } actions { dkim-none = quarantine } }\n"

static void test_message_decide_recipient_without_a_domain(void **state)
{
	static const char *const escapes[] = { "<ann>", "<postmaster>", "<c%rcpt.example>", "<\"d@rcpt.example\">",
		"<@soft.example:ann@rcpt.example>", "<rcpt.example!ann>", "<ann@[192.0.2.9]>", "<ann@localhost>", "<ann@a..b>" };
	struct world world;

	(void)state;
	world_open(&world, RCPT_POLICIES);
	for (size_t i = 0; i < sizeof(escapes) / sizeof(escapes[0]); i++)
		check_policy(&world, escapes[i], " a@partner.example", "strict", ACTION_QUARANTINE);
	check_policy(&world, "<ann@soft.example>", " a@partner.example", "soft", ACTION_TAG);
	check_policy(&world, "<ann@other.example>", " a@partner.example", "default", ACTION_NONE);
	world_close(&world);
}

static void test_message_decide_local_domains_share_their_mailboxes(void **state)
{
	struct world world;

	(void)state;
	world_open(&world, "local-domains = { mx.example, soft.example }\n" RCPT_POLICIES);
	check_policy(&world, "<ann>", " a@partner.example", "soft", ACTION_TAG);
	check_policy(&world, "<ann@mx.example>", " a@partner.example", "soft", ACTION_TAG);
	check_policy(&world, "<ann@localhost>", " a@partner.example", "soft", ACTION_TAG);
	check_policy(&world, "<ann@other.example>", " a@partner.example", "default", ACTION_NONE);
	check_policy(&world, "<ann@rcpt.example>", " a@partner.example", "strict", ACTION_QUARANTINE);
	check_policy(&world, "<c%rcpt.example>", " a@partner.example", "strict", ACTION_QUARANTINE);
	world_close(&world);
}

static void test_message_decide_as_the_mta_resolved(void **state)
{
	static const struct { const char *given, *address, *policy; } rows[] = {
		{ "<c%rcpt.example>", "c@rcpt.example", "strict" },
		{ "<@rcpt.example:ann@soft.example>", "ann@soft.example", "soft" },
		{ "<\"d@rcpt.example\"@other.example>", "d@rcpt.example@other.example", "default" },
		{ "<ann>", "ann@other.example", "strict" },
	};
	struct world world;

	(void)state;
	world_open(&world, RCPT_POLICIES);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct message *message = message_new(world.session, "<joe@partner.example>", NULL);
		struct recipient_route route = { .address = rows[i].address };
		struct decision decision;

		message_recipient_resolved(message, rows[i].given, &route, &decision);
		field(message, "From", " a@partner.example");
		assert_string_equal(message_judge(message)->decision.policy, rows[i].policy);
		message_free(&message);
	}
	world_close(&world);
}

static void test_message_decide_recipient_over_the_cap_may_be_any(void **state)
{
	struct world world;

	(void)state;
	world_open(&world, "limits { max-recipients = 2 }\n" RCPT_POLICIES);
	for (int over = 0; over < 2; over++) {
		struct message *message = message_new(world.session, "<joe@partner.example>", NULL);
		struct decision decision;

		message_recipient(message, "<a@soft.example>", &decision);
		message_recipient(message, "<b@soft.example>", &decision);
		if (over)
			message_recipient(message, "<c@rcpt.example>", &decision);
		field(message, "From", " a@partner.example");
		assert_string_equal(message_judge(message)->decision.policy, over ? "strict" : "soft");
		assert_int_equal(finding_set_has(&message_results(message)->set, FINDING_LIMIT_EXCEEDED), over);
		message_free(&message);
	}
	world_close(&world);
}

static void test_message_recipient_without_a_domain_is_refused_at_rcpt(void **state)
{
	struct world world;
	struct message *message;
	struct decision decision;

	(void)state;
	world_open(&world, "mode = enforce\npolicy strict { recipient-domains = rcpt.example actions { tls-none = reject } }\n"
	    "tls { honor-tls-required-no = no }\n");
	message = message_new(world.session, "<joe@partner.example>", NULL);
	message_recipient(message, "<ann@other.example>", &decision);
	assert_false(decision_refuses(&decision));
	message_recipient(message, "<c%rcpt.example>", &decision);
	assert_true(decision_refuses(&decision));
	assert_string_equal(decision.policy, "strict");
	message_free(&message);
	world_close(&world);
}

/* Listed, insecure, and hidden behind an author whose result is stricter; or behind a From that cannot be read. */
static void test_message_decide_require_secure_of_each_author(void **state)
{
	static const char settings[] = "mode = enforce\nfindings { dmarc-reject = tag from-multiple = tag from-invalid = tag dmarc-permerror = tag }\n"
	    "policy default { require-secure-domains = partner.example actions { insecure-pass = quarantine } }\n";
	struct world world;

	(void)state;
	world_open(&world, settings);
	check_policy(&world, "<ann@rcpt.example>", " a@partner.example", "default", ACTION_QUARANTINE);
	check_policy(&world, "<ann@rcpt.example>", " a@partner.example, ceo@victim.example", "default", ACTION_QUARANTINE);
	check_policy(&world, "<ann@rcpt.example>", " ceo@victim.example, a@partner.example", "default", ACTION_QUARANTINE);
	check_policy(&world, "<ann@rcpt.example>", " a@partner.example <", "default", ACTION_QUARANTINE);
	world_close(&world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_message_decide_each_author_counts),
		cmocka_unit_test(test_message_decide_unknown_author_is_any),
		cmocka_unit_test(test_message_decide_recipient_without_a_domain),
		cmocka_unit_test(test_message_decide_local_domains_share_their_mailboxes),
		cmocka_unit_test(test_message_decide_as_the_mta_resolved),
		cmocka_unit_test(test_message_decide_recipient_over_the_cap_may_be_any),
		cmocka_unit_test(test_message_decide_require_secure_of_each_author),
		cmocka_unit_test(test_message_recipient_without_a_domain_is_refused_at_rcpt),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
