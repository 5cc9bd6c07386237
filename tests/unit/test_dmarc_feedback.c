/* SPDX-License-Identifier: BSD-2-Clause */
/* What an aggregate report tells, as text and back; names from outside as they come. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "arena_fixture.h"
#include "check/dmarc/feedback.h"
#include "util/error.h"

static struct feedback_row whole(void)
{
	static const struct feedback_signature signatures[] = {
		{ "example.org", "s1", RESULT_PASS }, { "list.example", "a/b", RESULT_FAIL }, { "x.example", "k", RESULT_TEMPERROR },
	};

	return (struct feedback_row){ .source_ip = "2001:db8::1", .header_from = "example.org", .envelope_from = "bounce.example.org",
		.disposition = FEEDBACK_QUARANTINE, .dkim_aligned = true, .spf_domain = "bounce.example.org", .spf = RESULT_SOFTFAIL,
		.reason = FEEDBACK_LOCAL_POLICY, .comment = "policy default: quarantine for spf-fail", .signatures = signatures,
		.signature_count = 3 };
}

static void test_feedback_row_round_trip(void **state)
{
	struct feedback_row row = whole(), back;
	const char *text = feedback_row_write(arena, &row);

	(void)state;
	assert_int_equal(feedback_row_read(arena, text, &back), 0);
	assert_string_equal(back.source_ip, row.source_ip);
	assert_string_equal(back.header_from, row.header_from);
	assert_string_equal(back.envelope_from, row.envelope_from);
	assert_int_equal(back.disposition, FEEDBACK_QUARANTINE);
	assert_true(back.dkim_aligned && !back.spf_aligned);
	assert_string_equal(back.spf_domain, row.spf_domain);
	assert_int_equal(back.spf, RESULT_SOFTFAIL);
	assert_int_equal(back.reason, FEEDBACK_LOCAL_POLICY);
	assert_string_equal(back.comment, row.comment);
	assert_int_equal(back.signature_count, 3);
	for (size_t i = 0; i < 3; i++) {
		assert_string_equal(back.signatures[i].domain, row.signatures[i].domain);
		assert_string_equal(back.signatures[i].selector, row.signatures[i].selector);
		assert_int_equal(back.signatures[i].result, row.signatures[i].result);
	}
}

static void test_feedback_row_absences(void **state)
{
	struct feedback_row row = { .source_ip = "192.0.2.1", .header_from = "example.org", .envelope_from = "" }, back;

	(void)state;
	assert_int_equal(feedback_row_read(arena, feedback_row_write(arena, &row), &back), 0);
	assert_string_equal(back.envelope_from, "");
	assert_null(back.spf_domain);
	assert_string_equal(back.comment, "");
	assert_int_equal(back.signature_count, 0);
	row.envelope_from = NULL;
	assert_int_equal(feedback_row_read(arena, feedback_row_write(arena, &row), &back), 0);
	assert_null(back.envelope_from);
}

/* Blanks, line ends, octets over 127, and a slash where a domain is: one word each, or nothing. */
static void test_feedback_row_hostile_names(void **state)
{
	static const struct feedback_signature signatures[] = {
		{ "a b.example", "s\n1", RESULT_PASS }, { "a/b.example", "s", RESULT_PASS }, { "\xff.example", "s\x01 t", RESULT_FAIL },
		{ "x.example", "-", RESULT_FAIL },
	};
	struct feedback_row row = whole(), back;

	(void)state;
	row.signatures = signatures;
	row.signature_count = 4;
	row.comment = "two\nlines";
	assert_int_equal(feedback_row_read(arena, feedback_row_write(arena, &row), &back), 0);
	assert_int_equal(back.signature_count, 3);
	assert_string_equal(back.signatures[0].domain, "a?b.example");
	assert_string_equal(back.signatures[0].selector, "s?1");
	assert_string_equal(back.signatures[1].domain, "?.example");
	assert_null(strchr(back.comment, '\n'));
}

/* A message with a hundred signatures of long names: the first of them, and no more than fits. */
static void test_feedback_row_signature_caps(void **state)
{
	struct feedback_signature signatures[150];
	struct feedback_row row = whole(), back;
	char selector[1000];

	(void)state;
	memset(selector, 's', sizeof(selector) - 1);
	selector[sizeof(selector) - 1] = '\0';
	for (size_t i = 0; i < 150; i++)
		signatures[i] = (struct feedback_signature){ "e.example", "k", RESULT_FAIL };
	row.signatures = signatures;
	row.signature_count = 150;
	assert_int_equal(feedback_row_read(arena, feedback_row_write(arena, &row), &back), 0);
	assert_true(back.signature_count > 40 && back.signature_count <= FEEDBACK_SIGNATURES_MAX);
	signatures[0].selector = selector;
	assert_int_equal(feedback_row_read(arena, feedback_row_write(arena, &row), &back), 0);
	assert_int_equal(strlen(back.signatures[0].selector), FEEDBACK_WORD_MAX);
	assert_true(strlen(feedback_row_write(arena, &row)) < FEEDBACK_SIGNATURES_BYTES + 4 * FEEDBACK_WORD_MAX + FEEDBACK_COMMENT_MAX + 100);
}

static void test_feedback_row_read_refuses(void **state)
{
	static const char *const bad[] = {
		"", "192.0.2.1", "192.0.2.1 a.example - none fail fail - -", "192.0.2.1 a.example - maybe fail fail - - -",
		"192.0.2.1 a.example - none fail fail b.example passed -", "192.0.2.1 a.example - none fail fail - - - pass/x",
		"192.0.2.1 a.example - none fail fail - - - pass//s", "192.0.2.1 a.example - none fail fail - - - good/a/s",
		"192.0.2.1 a.example - none fail fail - - because", "192.0.2.1  a.example - none fail fail - - -",
	};
	struct feedback_row row;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (feedback_row_read(arena, bad[i], &row) != -E_SYNTAX)
			fail_msg("taken: %s", bad[i]);
	assert_int_equal(feedback_row_read(arena, "192.0.2.1 a.example - none fail fail - - -", &row), 0);
}

static struct feedback_policy policy_of(const char *text)
{
	struct dmarc_record record;

	assert_int_equal(dmarc_record_parse(arena, text, strlen(text), &record), 0);
	return feedback_policy_of(&record, false, arena);
}

static void test_feedback_policy_of(void **state)
{
	struct feedback_policy policy = policy_of("v=DMARC1; p=reject");

	(void)state;
	assert_int_equal(policy.p, DMARC_POLICY_REJECT);
	assert_int_equal(policy.sp, DMARC_POLICY_REJECT);
	assert_int_equal(policy.np, DMARC_POLICY_REJECT);
	assert_string_equal(policy.fo, "0");
	policy = policy_of("v=DMARC1; p=reject; sp=quarantine; t=y; adkim=s; fo=s:d:s");
	assert_int_equal(policy.np, DMARC_POLICY_QUARANTINE);
	assert_true(policy.testing && policy.strict_dkim && !policy.strict_spf);
	assert_string_equal(policy.fo, "d:s");
	assert_int_equal(policy.fault, FEEDBACK_SOUND);
	/* what is no list of options gives the default, whatever letters are in it */
	policy = policy_of("v=DMARC1; p=reject; fo=disabled");
	assert_string_equal(policy.fo, "0");
	policy = policy_of("v=DMARC1; p=reject; fo=1:x");
	assert_string_equal(policy.fo, "0");
	policy = policy_of("v=DMARC1; p=reject; sp=refuse; rua=mailto:a@b.example");
	assert_int_equal(policy.p, DMARC_POLICY_NONE);
	assert_int_equal(policy.fault, FEEDBACK_BAD_POLICY);
	policy = policy_of("v=DMARC1; p=reject; p=none");
	assert_int_equal(policy.fault, FEEDBACK_REPEATED_TAG);
}

static void test_feedback_policy_round_trip(void **state)
{
	struct feedback_policy policy = policy_of("v=DMARC1; p=quarantine; np=reject; aspf=s; fo=1"), back;
	const char *text = feedback_policy_write(arena, &policy);

	(void)state;
	assert_int_equal(feedback_policy_read(arena, text, &back), 0);
	assert_string_equal(feedback_policy_write(arena, &back), text);
	assert_int_equal(back.np, DMARC_POLICY_REJECT);
	assert_true(back.strict_spf);
	assert_int_equal(feedback_policy_read(arena, "none none none r r n 0 treewalk", &back), -E_SYNTAX);
	assert_int_equal(feedback_policy_read(arena, "none none none r r n 0 treewalk - more", &back), -E_SYNTAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_feedback_row_round_trip, arena_setup, arena_teardown),
		cmocka_unit_test_setup_teardown(test_feedback_row_absences, arena_setup, arena_teardown),
		cmocka_unit_test_setup_teardown(test_feedback_row_hostile_names, arena_setup, arena_teardown),
		cmocka_unit_test_setup_teardown(test_feedback_row_signature_caps, arena_setup, arena_teardown),
		cmocka_unit_test_setup_teardown(test_feedback_row_read_refuses, arena_setup, arena_teardown),
		cmocka_unit_test_setup_teardown(test_feedback_policy_of, arena_setup, arena_teardown),
		cmocka_unit_test_setup_teardown(test_feedback_policy_round_trip, arena_setup, arena_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
