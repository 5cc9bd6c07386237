/* SPDX-License-Identifier: BSD-2-Clause */
/* DMARC of messages whose author is missing, repeated or several, or whose signatures do not count. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "dmarc_fixture.h"

static void test_dmarc_several_author_domains(void **state)
{
	static const char zone[] = "_dmarc.one.example. " R "p=none\"\n_dmarc.two.example. " R "p=reject\"\n"
	    "_dmarc.three.example. " R "p=quarantine\"\n_dmarc.bad.example. " FAILS;
	struct check_fixture *fixture = fixture_new(zone);

	(void)state;
	fixture_field(fixture, "From", " a@one.example, b@two.example, c@three.example, d@four.example");
	fixture_dkim(fixture, RESULT_PASS, "one.example", DNS_INSECURE);
	fixture_spf(fixture, RESULT_NONE, "one.example", DNS_INSECURE);
	fixture_run(fixture, &check_dmarc);
	assert_int_equal(fixture->results.dmarc.result, RESULT_FAIL);
	assert_string_equal(fixture->results.dmarc.domain, "two.example");
	assert_int_equal(fixture->results.dmarc.disposition, DMARC_POLICY_REJECT);
	assert_non_null(fixture_finding(fixture, FINDING_DMARC_REJECT, "two.example"));
	assert_non_null(fixture_finding(fixture, FINDING_DMARC_QUARANTINE, "three.example"));
	assert_non_null(fixture_finding(fixture, FINDING_DMARC_NONE, "four.example"));
	assert_int_equal(fixture->results.finding_count, 3);
	fixture_free(&fixture);

	/* not known is stricter than none, but a pass needs all of them */
	fixture = fixture_new(zone);
	fixture_field(fixture, "From", " a@one.example, b@bad.example");
	fixture_dkim(fixture, RESULT_PASS, "one.example", DNS_INSECURE);
	fixture_dkim(fixture, RESULT_PASS, "bad.example", DNS_INSECURE);
	fixture_run(fixture, &check_dmarc);
	assert_int_equal(fixture->results.dmarc.result, RESULT_TEMPERROR);
	fixture_free(&fixture);

	fixture = fixture_new(zone);
	fixture_field(fixture, "From", " a@one.example, b@two.example");
	fixture_dkim(fixture, RESULT_PASS, "one.example", DNS_INSECURE);
	fixture_dkim(fixture, RESULT_PASS, "two.example", DNS_INSECURE);
	fixture_run(fixture, &check_dmarc);
	assert_int_equal(fixture->results.dmarc.result, RESULT_PASS);
	fixture_free(&fixture);
}

static void test_dmarc_author_missing_or_invalid(void **state)
{
	struct check_fixture *fixture = fixture_new("_dmarc.good.example. " R "p=none\"\n_dmarc.evil.example. " R "p=reject\"\n");

	(void)state;
	fixture_run(fixture, &check_dmarc);
	assert_int_equal(fixture->results.dmarc.result, RESULT_PERMERROR);
	assert_null(fixture->results.dmarc.domain);
	assert_string_equal(fixture->results.dmarc.reason, "no From field");
	fixture_free(&fixture);

	/* every domain that can be read is judged */
	fixture = fixture_new("_dmarc.good.example. " R "p=none\"\n_dmarc.evil.example. " R "p=reject\"\n");
	fixture_field(fixture, "From", " a@good.example <b@evil.example>");
	fixture_dkim(fixture, RESULT_PASS, "good.example", DNS_INSECURE);
	fixture_run(fixture, &check_dmarc);
	assert_int_equal(fixture->results.dmarc.result, RESULT_FAIL);
	assert_string_equal(fixture->results.dmarc.domain, "evil.example");
	fixture_free(&fixture);

	/* a field that is not in the grammar never passes: what is shown may be something else */
	fixture = fixture_new("_dmarc.good.example. " R "p=none\"\n");
	fixture_field(fixture, "From", " a@good.example>");
	fixture_dkim(fixture, RESULT_PASS, "good.example", DNS_INSECURE);
	fixture_run(fixture, &check_dmarc);
	assert_int_equal(fixture->results.dmarc.result, RESULT_PERMERROR);
	assert_true(fixture->results.dmarc.dkim_aligned);
	fixture_free(&fixture);
	fixture = fixture_new(NULL);
	fixture_field(fixture, "From", " a@good.example>");
	fixture_run(fixture, &check_dmarc);
	assert_int_equal(fixture->results.dmarc.result, RESULT_PERMERROR);
	fixture_free(&fixture);
}

/* An MTA may write a From field of the sender into a message without one: it is judged, and never passes. */
static void test_dmarc_sender_of_a_message_without_from(void **state)
{
	static const struct { const char *zone; enum result spf, result; } rows[] = {
		{ "_dmarc.good.example. " R "p=reject\"\n", RESULT_FAIL, RESULT_FAIL },
		{ "_dmarc.good.example. " R "p=reject\"\n", RESULT_PASS, RESULT_PERMERROR },
		{ NULL, RESULT_FAIL, RESULT_PERMERROR },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct check_fixture *fixture = fixture_new(rows[i].zone);

		fixture->facts.mail_from_domain = "good.example";
		fixture_spf(fixture, rows[i].spf, "good.example", DNS_INSECURE);
		fixture_run(fixture, &check_dmarc);
		assert_int_equal(fixture->results.dmarc.result, rows[i].result);
		assert_int_equal(fixture_raised(fixture, FINDING_DMARC_REJECT), i == 0);
		fixture_free(&fixture);
	}
}

/* RFC 9989 section 4.4: whatever aligns. One field with several addresses is another matter. */
static void test_dmarc_repeated_from_never_passes(void **state)
{
	static const struct { const char *first, *second; const char *zone; enum result result; } rows[] = {
		{ " a@good.example", " a@good.example", "_dmarc.good.example. " R "p=reject\"\n", RESULT_PERMERROR },
		{ " a@good.example", " b@good.example", "_dmarc.good.example. " R "p=none\"\n", RESULT_PERMERROR },
		{ " a@good.example", " a@sub.good.example", "_dmarc.good.example. " R "p=reject\"\n", RESULT_PERMERROR },
		{ " a@good.example", " a@bank.test", "_dmarc.good.example. " R "p=none\"\n_dmarc.bank.test. " R "p=reject\"\n", RESULT_FAIL },
		{ " a@bank.test", " a@good.example", "_dmarc.good.example. " R "p=none\"\n_dmarc.bank.test. " R "p=reject\"\n", RESULT_FAIL },
		{ " a@good.example", " a@none.test", "_dmarc.good.example. " R "p=none\"\n", RESULT_PERMERROR },
		{ " a@none.test", " a@none.test", "_dmarc.good.example. " R "p=none\"\n", RESULT_NONE },
		{ " a@good.example, b@good.example", NULL, "_dmarc.good.example. " R "p=reject\"\n", RESULT_PASS },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct check_fixture *fixture = fixture_new(rows[i].zone);

		fixture_field(fixture, "From", rows[i].first);
		if (rows[i].second != NULL)
			fixture_field(fixture, "From", rows[i].second);
		fixture_spf(fixture, RESULT_PASS, "good.example", DNS_SECURE);
		fixture_run(fixture, &check_dmarc);
		if (fixture->results.dmarc.result != rows[i].result)
			fail_msg("row %zu: %s", i, result_name(fixture->results.dmarc.result));
		fixture_free(&fixture);
	}
}

static void test_dmarc_more_author_domains_than_are_judged(void **state)
{
	static const char *const froms[] = {
		" a@0.x,a@1.x,a@2.x,a@3.x,a@4.x,a@5.x,a@6.x,a@7.x,a@8.x,a@9.x,a@bank.example",
		" a@0.x a@1.x a@2.x a@3.x a@4.x a@5.x a@6.x a@7.x a@8.x a@9.x a@bank.example",
	};

	(void)state;
	/* the one that counts may stand behind the cap: neither "none" nor "pass" is known */
	for (size_t i = 0; i < 2; i++) {
		struct check_fixture *fixture = fixture_new("_dmarc.bank.example. " R "p=reject\"\n");

		fixture_field(fixture, "From", froms[i]);
		fixture_run(fixture, &check_dmarc);
		assert_int_equal(fixture->results.dmarc.result, RESULT_PERMERROR);
		fixture_free(&fixture);
	}
	struct check_fixture *fixture = fixture_new("_dmarc.x. " R "p=reject\"\n");

	fixture_field(fixture, "From", froms[0]);
	fixture_dkim(fixture, RESULT_PASS, "x", DNS_INSECURE);
	fixture_run(fixture, &check_dmarc);
	assert_int_equal(fixture->results.dmarc.result, RESULT_PERMERROR);
	fixture_free(&fixture);
}

static void test_dmarc_mechanism_not_checked(void **state)
{
	struct check_fixture *fixture = fixture_new("_dmarc.example.com. " R "p=reject\"\n");

	(void)state;
	/* dkim = no in the config, but the message is signed: nobody can say that it fails */
	fixture_from(fixture, "example.com");
	fixture_field(fixture, "DKIM-Signature", " v=1; d=example.com");
	fixture_spf(fixture, RESULT_FAIL, "example.com", DNS_INSECURE);
	fixture->results.dkim_checked = false;
	fixture_run(fixture, &check_dmarc);
	assert_int_equal(fixture->results.dmarc.result, RESULT_PERMERROR);
	fixture_free(&fixture);

	fixture = fixture_new("_dmarc.example.com. " R "p=reject\"\n");
	fixture_from(fixture, "example.com");
	fixture->config.spf_enabled = false;
	fixture_run(fixture, &check_dmarc);
	assert_int_equal(fixture->results.dmarc.result, RESULT_PERMERROR);
	fixture_free(&fixture);

	fixture = fixture_new("_dmarc.example.com. " R "p=reject\"\n");
	fixture_from(fixture, "example.com");
	fixture->config.dmarc_enabled = false;
	fixture_run(fixture, &check_dmarc);
	assert_int_equal(fixture->results.dmarc.result, RESULT_UNCHECKED);
	fixture_free(&fixture);
}

/* A signature below added fields (RFC 6376 section 8.15) passes and does not count, known or not whether its key is good. */
static void test_dmarc_signature_with_added_field(void **state)
{
	static const enum result results[] = { RESULT_PASS, RESULT_TEMPERROR };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct check_fixture *fixture = fixture_new("_dmarc.example.com. " R "p=reject\"\n");

		fixture_from(fixture, "example.com");
		fixture_dkim(fixture, results[i], "example.com", DNS_SECURE);
		fixture->dkim[0].added_field = "Subject";
		fixture_spf(fixture, RESULT_NONE, "other.example", DNS_INSECURE);
		fixture_run(fixture, &check_dmarc);
		assert_int_equal(fixture->results.dmarc.result, RESULT_FAIL);
		assert_false(fixture->results.dmarc.dkim_aligned);
		assert_true(fixture_raised(fixture, FINDING_DMARC_REJECT));
		fixture_free(&fixture);
	}
}

static void test_dmarc_other_signature_counts_beside_added_field(void **state)
{
	struct check_fixture *fixture = fixture_new("_dmarc.example.com. " R "p=reject\"\n");

	(void)state;
	fixture_from(fixture, "example.com");
	fixture_dkim(fixture, RESULT_PASS, "example.com", DNS_SECURE);
	fixture->dkim[0].added_field = "Subject";
	fixture_dkim(fixture, RESULT_PASS, "mail.example.com", DNS_INSECURE);
	fixture_spf(fixture, RESULT_NONE, "other.example", DNS_INSECURE);
	fixture_run(fixture, &check_dmarc);
	assert_int_equal(fixture->results.dmarc.result, RESULT_PASS);
	assert_true(fixture->results.dmarc.dkim_aligned);
	fixture_free(&fixture);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_dmarc_several_author_domains),
		cmocka_unit_test(test_dmarc_author_missing_or_invalid),
		cmocka_unit_test(test_dmarc_sender_of_a_message_without_from),
		cmocka_unit_test(test_dmarc_repeated_from_never_passes),
		cmocka_unit_test(test_dmarc_more_author_domains_than_are_judged),
		cmocka_unit_test(test_dmarc_mechanism_not_checked),
		cmocka_unit_test(test_dmarc_signature_with_added_field),
		cmocka_unit_test(test_dmarc_other_signature_counts_beside_added_field),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
