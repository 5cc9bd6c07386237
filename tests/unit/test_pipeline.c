/* SPDX-License-Identifier: BSD-2-Clause */
/* Whole messages through the pipeline over a zone file: policies per recipient, dry-run, exempt, abort. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

#include "pipeline_fixture.h"

static void test_message_judge_clean_message_passes(void **state)
{
	struct world *world = world_new("", "192.0.2.1");
	struct message *message = begin_message(world, "<joe@good.example>");
	const struct outcome *outcome = finish_message(message);
	const struct results *results = message_results(message);

	(void)state;
	assert_int_equal(results->spf.result, RESULT_PASS);
	assert_string_equal(results->spf.domain, "good.example");
	assert_int_equal(results->dmarc.result, RESULT_PASS);
	assert_int_equal(results->iprev.result, RESULT_PASS);
	assert_int_equal(outcome->decision.action, ACTION_NONE);
	assert_int_equal(outcome->decision.code, 250);
	assert_non_null(strstr(topmost_inserted(outcome, "Authentication-Results"), "mx.test.example"));
	assert_ptr_equal(message_judge(message), outcome);
	message_free(&message);
	assert_null(message);
	world_free(world);
}

static const struct decision *decision_of(struct message *message)
{
	return &finish_message(message)->decision;
}

static void test_message_judge_dry_run_decides_as_enforce(void **state)
{
	static const char *const settings[] = {
		"mode = dry-run\nfindings { dmarc-reject-corroborated = reject }",
		"mode = enforce\nfindings { dmarc-reject-corroborated = reject }",
	};

	(void)state;
	for (int enforce = 0; enforce < 2; enforce++) {
		struct world *world = world_new(settings[enforce], "203.0.113.9");
		struct message *message = begin_message(world, "<joe@good.example>");
		const struct decision *decision = decision_of(message);

		assert_int_equal(decision->action, ACTION_REJECT);
		assert_int_equal(decision->finding, FINDING_DMARC_REJECT_CORROBORATED);
		assert_int_equal(decision->code, 550);
		assert_string_equal(decision->enhanced, "5.7.26");
		assert_int_equal(decision->enforced, enforce);
		assert_int_equal(decision_refuses(decision), enforce);
		message_free(&message);
		world_free(world);
	}
}

#define TWO_POLICIES                                                                                       \
	"policy \"strict\" {\n recipient-domains = { \"strict.example\" }\n mode = enforce\n"               \
	" actions { spf-fail = reject }\n}\n"                                                               \
	"policy \"soft\" {\n recipient-domains = { \"soft.example\" }\n actions { spf-fail = tag }\n}\n"

static void test_message_recipient_each_has_its_own_policy(void **state)
{
	struct world *world = world_new(TWO_POLICIES, "203.0.113.9");
	struct message *message = begin_message(world, "<joe@good.example>");
	struct decision decision;

	(void)state;
	assert_true(message_acts_at_rcpt(message));
	message_recipient(message, "<a@strict.example>", &decision);
	assert_true(decision_refuses(&decision));
	assert_string_equal(decision.enhanced, "5.7.23");
	assert_string_equal(decision.policy, "strict");
	message_recipient(message, "<b@soft.example>", &decision);
	assert_false(decision_refuses(&decision));
	/* The refused one does not count any more, at the end either. */
	assert_int_equal(message_facts(message)->recipient_count, 1);
	assert_string_equal(message_facts(message)->recipients[0], "b@soft.example");
	assert_false(decision_refuses(decision_of(message)));
	message_free(&message);
	world_free(world);
}

static void test_message_judge_strictest_of_several_recipients(void **state)
{
	/* Not refused at RCPT (kept), so both are weighed at the end: enforced reject beats tag, whatever the order. */
	static const char *const order[2][2] = { { "a@strict.example", "b@soft.example" }, { "b@soft.example", "a@strict.example" } };

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct world *world = world_new(TWO_POLICIES, "203.0.113.9");
		struct message *message = begin_message(world, "<joe@good.example>");
		const struct decision *decision;

		message_recipient_keep(message, order[i][0]);
		message_recipient_keep(message, order[i][1]);
		decision = decision_of(message);
		assert_int_equal(decision->action, ACTION_REJECT);
		assert_string_equal(decision->policy, "strict");
		assert_true(decision->enforced);
		message_free(&message);
		world_free(world);
	}
}

static void test_message_new_trusted_network_is_exempt(void **state)
{
	struct world *world = world_new("mode = enforce\nfindings { spf-fail = reject dkim-none = reject }", "198.51.100.7");
	struct message *message = begin_message(world, "<joe@good.example>");
	struct decision decision;
	const struct outcome *outcome;

	(void)state;
	assert_false(message_acts_at_rcpt(message));
	message_recipient(message, "<a@test.example>", &decision);
	assert_false(decision_refuses(&decision));
	outcome = finish_message(message);
	assert_string_equal(message_results(message)->exempt_reason, "trusted-network");
	assert_int_equal(message_results(message)->spf.result, RESULT_UNCHECKED);
	assert_int_equal(message_results(message)->dmarc.result, RESULT_UNCHECKED);
	assert_false(message_results(message)->dkim_checked);
	assert_int_equal(outcome->decision.action, ACTION_NONE);
	assert_non_null(topmost_inserted(outcome, "Authentication-Results"));
	message_free(&message);
	world_free(world);
}

static void test_message_new_authenticated_is_exempt_unless_configured(void **state)
{
	(void)state;
	for (int exempt = 0; exempt < 2; exempt++) {
		struct world *world = world_new(exempt ? "" : "exempt-authenticated = no", "203.0.113.9");
		struct message *message;
		const struct outcome *outcome;

		session_connection(world->session)->auth.mechanism = "PLAIN";
		session_connection(world->session)->auth.user = "joe";
		message = begin_message(world, "<joe@good.example>");
		outcome = finish_message(message);
		assert_int_equal(message_results(message)->exempt, exempt);
		assert_int_equal(message_results(message)->spf.result, exempt ? RESULT_UNCHECKED : RESULT_FAIL);
		assert_non_null(strstr(topmost_inserted(outcome, "Authentication-Results"), "auth=pass"));
		message_free(&message);
		world_free(world);
	}
}

static void test_message_new_local_submission_is_exempt(void **state)
{
	struct world *world = world_new("", "127.0.0.1");
	struct message *message;

	(void)state;
	session_connection(world->session)->local_submission = true;
	message = begin_message(world, "<>");
	finish_message(message);
	assert_string_equal(message_results(message)->exempt_reason, "local-submission");
	message_free(&message);
	world_free(world);
}

static void test_message_header_done_wants_no_body_without_signature(void **state)
{
	struct world *world = world_new("", "192.0.2.1");
	struct message *message = begin_message(world, "<joe@good.example>");

	(void)state;
	put_field(message, "From", " joe@good.example");
	assert_false(message_header_done(message));
	assert_int_equal(message_judge(message)->decision.code, 250);
	message_free(&message);
	world_free(world);
}

static uint64_t lookups(struct world *world)
{
	struct dns_statistics statistics;

	dns_resolver_statistics(engine_resolver(world->engine), &statistics);
	return statistics.lookups;
}

static void test_message_header_done_begins_lookups_for_a_slow_client(void **state)
{
	/* The deadline is for waiting: what a client that pauses for longer sends is looked up ahead all the same. */
	struct world *world = world_new("limits { dns-deadline = 100ms }\nfindings { spf-fail = reject }\nmode = enforce",
	    "203.0.113.9");
	struct message *message = begin_message(world, "<joe@good.example>");
	struct decision decision;
	uint64_t before;

	(void)state;
	usleep(150000);
	message_recipient(message, "<a@test.example>", &decision);
	assert_int_equal(decision.finding, FINDING_SPF_FAIL);
	usleep(150000);
	before = lookups(world);
	put_field(message, "From", " joe@good.example");
	message_header_done(message);
	assert_true(lookups(world) > before);
	message_free(&message);
	world_free(world);
}

/* DNSSEC has nothing to say about what message and session show themselves: none of it is "insecure" in a record. */
static void test_message_judge_findings_without_dns_are_not_insecure(void **state)
{
	struct world *world = world_new("limits { max-recipients = 10 }", "203.0.113.9");
	struct message *message = begin_message(world, "joe@good.example");
	const struct results *results;

	(void)state;
	for (int i = 0; i < 11; i++)
		message_recipient_keep(message, "ann@test.example");
	put_field(message, "Authentication-Results", " mx.test.example; spf=pass");
	put_field(message, "From", " broken <<joe@good.example>");
	finish_message(message);
	results = message_results(message);
	assert_true(message_raised(message, FINDING_LIMIT_EXCEEDED));
	assert_true(message_raised(message, FINDING_AUTHRES_FORGED));
	assert_true(message_raised(message, FINDING_FROM_INVALID));
	assert_true(message_raised(message, FINDING_TLS_NONE));
	for (size_t i = 0; i < results->finding_count; i++) {
		if (!finding_is(results->findings[i].id, TRAIT_DNS))
			assert_int_equal(results->findings[i].dnssec, DNS_SECURE);
	}
	message_free(&message);
	world_free(world);
}

static void test_message_new_sender_forms(void **state)
{
	static const struct { const char *given, *address, *domain; } cases[] = {
		{ "<joe@Good.Example>", "joe@Good.Example", "good.example" },
		{ "joe@good.example", "joe@good.example", "good.example" },
		{ "<>", "", NULL },
		{ "", "", NULL },
		{ "<joe>", "joe", NULL },
		{ "<joe@>", "joe@", NULL },
		{ "<\"a@b\"@good.example>", "\"a@b\"@good.example", "good.example" },
	};
	struct world *world = world_new("", "192.0.2.1");

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct message *message = begin_message(world, cases[i].given);

		assert_string_equal(message_facts(message)->mail_from, cases[i].address);
		if (cases[i].domain == NULL)
			assert_null(message_facts(message)->mail_from_domain);
		else
			assert_string_equal(message_facts(message)->mail_from_domain, cases[i].domain);
		message_free(&message);
	}
	world_free(world);
}

static void test_message_free_at_every_stage(void **state)
{
	struct world *world = world_new("", "192.0.2.1");

	(void)state;
	for (int stage = 0; stage < 5; stage++) {
		struct message *message = begin_message(world, "<joe@good.example>");
		struct decision decision;

		if (stage > 0)
			message_recipient(message, "<a@test.example>", &decision);
		if (stage > 1) {
			put_field(message, "From", " joe@good.example");
			put_field(message, "DKIM-Signature", " v=1; a=rsa-sha256; d=good.example; s=x; h=from;\n"
			    "\tbh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=; b=AAAA");
		}
		if (stage > 2)
			assert_true(message_header_done(message));
		if (stage > 3)
			message_body(message, "half", 4);
		message_free(&message);
		assert_null(message);
	}
	world_free(world);
}

static void test_message_judge_envelope_judges_no_message_findings(void **state)
{
	struct world *world = world_new("findings { spf-fail = reject from-missing = reject }", "203.0.113.9");
	struct message *message = begin_message(world, "<joe@good.example>");
	const struct outcome *outcome = message_judge_envelope(message);

	(void)state;
	assert_int_equal(message_results(message)->spf.result, RESULT_FAIL);
	assert_int_equal(message_results(message)->dmarc.result, RESULT_UNCHECKED);
	assert_false(message_raised(message, FINDING_FROM_MISSING));
	assert_int_equal(outcome->decision.finding, FINDING_SPF_FAIL);
	message_free(&message);
	world_free(world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_message_judge_clean_message_passes),
		cmocka_unit_test(test_message_judge_dry_run_decides_as_enforce),
		cmocka_unit_test(test_message_recipient_each_has_its_own_policy),
		cmocka_unit_test(test_message_judge_strictest_of_several_recipients),
		cmocka_unit_test(test_message_new_trusted_network_is_exempt),
		cmocka_unit_test(test_message_new_authenticated_is_exempt_unless_configured),
		cmocka_unit_test(test_message_new_local_submission_is_exempt),
		cmocka_unit_test(test_message_header_done_wants_no_body_without_signature),
		cmocka_unit_test(test_message_header_done_begins_lookups_for_a_slow_client),
		cmocka_unit_test(test_message_judge_findings_without_dns_are_not_insecure),
		cmocka_unit_test(test_message_new_sender_forms),
		cmocka_unit_test(test_message_free_at_every_stage),
		cmocka_unit_test(test_message_judge_envelope_judges_no_message_findings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
