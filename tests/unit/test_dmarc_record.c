/* SPDX-License-Identifier: BSD-2-Clause */
/* dmarc_record_parse(): RFC 9989 sections 4.7 and 4.8. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "arena_fixture.h"
#include "check/dmarc/record.h"
#include "util/error.h"

static struct dmarc_record record;

static int parse(const char *text)
{
	return dmarc_record_parse(arena, text, strlen(text), &record);
}

static void test_dmarc_record_parse_all_tags(void **state)
{
	(void)state;
	assert_int_equal(parse("v=DMARC1; p=reject; sp=quarantine; np=none; adkim=s; aspf=s; psd=n; t=y; fo=1:d; "
	    "rua=mailto:a@example.org,mailto:b@example.org!10m; ruf=mailto:c@example.org;"), 0);
	assert_true(record.p.valid && record.sp.valid && record.np.valid);
	assert_int_equal(record.p.policy, DMARC_POLICY_REJECT);
	assert_int_equal(record.sp.policy, DMARC_POLICY_QUARANTINE);
	assert_int_equal(record.np.policy, DMARC_POLICY_NONE);
	assert_true(record.strict_dkim && record.strict_spf && record.testing);
	assert_int_equal(record.psd, DMARC_PSD_NO);
	assert_string_equal(record.rua, "mailto:a@example.org,mailto:b@example.org!10m");
	assert_true(record.rua_valid);
	assert_string_equal(record.ruf, "mailto:c@example.org");
	assert_int_equal(record.failure_options, DMARC_FAILURE_ANY | DMARC_FAILURE_DKIM);
}

static void test_dmarc_record_parse_defaults(void **state)
{
	(void)state;
	assert_int_equal(parse("v=DMARC1"), 0);
	assert_false(record.p.present || record.sp.present || record.np.present);
	assert_false(record.strict_dkim || record.strict_spf || record.testing || record.rua_valid);
	assert_int_equal(record.psd, DMARC_PSD_UNKNOWN);
	assert_null(record.rua);
	assert_null(record.ruf);
	assert_int_equal(record.failure_options, DMARC_FAILURE_ALL);
	/* the appendix's record for report receivers */
	assert_int_equal(parse("v=DMARC1;"), 0);
}

static void test_dmarc_record_parse_version(void **state)
{
	static const char *const others[] = {
		"", " ", ";", "v", "v=", "v=DMARC", "v=DMARC2; p=none", "v=dmarc1; p=none", "V=Dmarc1", "p=none; v=DMARC1",
		" v=DMARC1; p=none", "; v=DMARC1", "v=DMARC1 p=none", "v=DMARC1p=none", "v=DMARC10", "vv=DMARC1", "v=spf1 -all",
		"v=DMARC1\x01; p=none", "v==DMARC1",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (parse(others[i]) != -E_ABSENT)
			fail_msg("taken for a DMARC record: %s", others[i]);
	assert_int_equal(parse("v=DMARC1;p=none"), 0);
	assert_int_equal(parse("v = DMARC1 ; p = none"), 0);
	assert_int_equal(parse("V=DMARC1;p=none"), 0);
	assert_int_equal(parse("v\t=\tDMARC1\t;\tp\t=\treject\t"), 0);
	assert_int_equal(record.p.policy, DMARC_POLICY_REJECT);
}

static void test_dmarc_record_parse_values_are_case_insensitive(void **state)
{
	(void)state;
	assert_int_equal(parse("v=DMARC1; P=Reject; ADKIM=S; T=Y; PSD=Y"), 0);
	assert_true(record.p.valid && record.strict_dkim && record.testing);
	assert_int_equal(record.psd, DMARC_PSD_YES);
}

static void test_dmarc_record_parse_wrong_values(void **state)
{
	(void)state;
	/* a wrong p, sp or np is remembered (section 4.10.1); other wrong values give their defaults (section 4.8) */
	assert_int_equal(parse("v=DMARC1; p=rejected; sp=; np=none none; adkim=x; aspf=ss; psd=z; t=yes"), 0);
	assert_true(record.p.present && !record.p.valid);
	assert_true(record.sp.present && !record.sp.valid);
	assert_true(record.np.present && !record.np.valid);
	assert_false(record.strict_dkim || record.strict_spf || record.testing);
	assert_int_equal(record.psd, DMARC_PSD_UNKNOWN);
}

static void test_dmarc_record_parse_ignores_unknown_and_broken_tags(void **state)
{
	(void)state;
	assert_int_equal(parse("v=DMARC1; pct=50; rf=afrf; x=1; x=2; p; ==; =none; p1=reject; \x80=y; p=quarantine;;; ; t"), 0);
	assert_true(record.p.valid);
	assert_int_equal(record.p.policy, DMARC_POLICY_QUARANTINE);
	assert_false(record.testing);
	/* a value with bytes that are not printable is a syntax error: the tag is as if absent */
	assert_int_equal(dmarc_record_parse(arena, "v=DMARC1; p=reject\0; sp=none", 28, &record), 0);
	assert_false(record.p.present);
	assert_true(record.sp.valid);
	assert_int_equal(parse("v=DMARC1; rua=mailto:a@example.org\x7f"), 0);
	assert_null(record.rua);
}

static void test_dmarc_record_parse_tag_twice(void **state)
{
	(void)state;
	/* the first counts, whatever it is: a policy that can be read is not dropped */
	assert_int_equal(parse("v=DMARC1; p=none; p=reject"), 0);
	assert_int_equal(record.p.policy, DMARC_POLICY_NONE);
	assert_string_equal(record.repeated, "p");
	assert_int_equal(parse("v=DMARC1; p=reject; P=none; sp=none"), 0);
	assert_int_equal(record.p.policy, DMARC_POLICY_REJECT);
	assert_string_equal(record.repeated, "p");
	assert_int_equal(parse("v=DMARC1; p=x; p=reject"), 0);
	assert_false(record.p.valid);
	assert_int_equal(parse("v=DMARC1; p=none; v=DMARC1"), 0);
	assert_string_equal(record.repeated, "v");
	assert_int_equal(parse("v=DMARC1; p=none; rua=mailto:a@b.c; rua=mailto:d@b.c"), 0);
	assert_string_equal(record.rua, "mailto:a@b.c");
	assert_string_equal(record.repeated, "rua");
	assert_int_equal(parse("v=DMARC1; p=none; pct=1; pct=2; x=1; x=2"), 0);
	assert_null(record.repeated);
}

/* RFC 9989 section 4.7: options between colons; what is none spoils the value, and the default is 0. */
static void test_dmarc_record_parse_failure_options(void **state)
{
	static const struct { const char *fo; unsigned options; } cases[] = {
		{ "", DMARC_FAILURE_ALL }, { "; fo=0", DMARC_FAILURE_ALL }, { "; fo=1", DMARC_FAILURE_ANY },
		{ "; fo=D : s", DMARC_FAILURE_DKIM | DMARC_FAILURE_SPF }, { "; fo=1:d:1", DMARC_FAILURE_ANY | DMARC_FAILURE_DKIM },
		{ "; fo=x", DMARC_FAILURE_ALL }, { "; fo=1:x", DMARC_FAILURE_ALL }, { "; fo=", DMARC_FAILURE_ALL }, { "; fo=1:", DMARC_FAILURE_ALL },
		{ "; fo=ds", DMARC_FAILURE_ALL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(parse(arena_printf(arena, "v=DMARC1; p=none; ruf=mailto:f@example.org%s", cases[i].fo)), 0);
		assert_int_equal(record.failure_options, cases[i].options);
		assert_string_equal(record.ruf, "mailto:f@example.org");
	}
	assert_int_equal(parse("v=DMARC1; p=none"), 0);
	assert_null(record.ruf);
}

static void test_dmarc_record_parse_rua(void **state)
{
	static const struct { const char *text; bool valid; } rows[] = {
		{ "v=DMARC1; rua=mailto:a@example.org", true },
		{ "v=DMARC1; rua=nonsense, mailto:a@example.org", true },
		{ "v=DMARC1; rua=https://example.org/report", true },
		{ "v=DMARC1; rua=MAILTO:a@example.org!1k", true },
		{ "v=DMARC1; rua=", false },
		{ "v=DMARC1; rua=a@example.org", false },
		{ "v=DMARC1; rua=mailto:", false },
		{ "v=DMARC1; rua=mailto:example.org", false },
		{ "v=DMARC1; rua=mailto:@example.org", false },
		{ "v=DMARC1; rua=mailto:a@", false },
		{ "v=DMARC1; rua=:a@example.org", false },
		{ "v=DMARC1; rua=1x:a", false },
		{ "v=DMARC1; rua=mailto:a b@example.org", false },
		{ "v=DMARC1; rua=,,,", false },
		/* "!" is there as the size limit of old only (RFC 7489 section 6.4) */
		{ "v=DMARC1; rua=mailto:a@example.org!10", true },
		{ "v=DMARC1; rua=mailto:a@example.org!10m", true },
		{ "v=DMARC1; rua=mailto:a@example.org!10T", true },
		{ "v=DMARC1; rua=https://example.org/r!5g", true },
		{ "v=DMARC1; rua=mailto:a!b@example.org", false },
		{ "v=DMARC1; rua=mailto:a@example.org!", false },
		{ "v=DMARC1; rua=mailto:a@example.org!m", false },
		{ "v=DMARC1; rua=mailto:a@example.org!10x", false },
		{ "v=DMARC1; rua=mailto:a@example.org!10mm", false },
		{ "v=DMARC1; rua=mailto:a@example.org!10m!10m", false },
		{ "v=DMARC1; rua=mailto:a@example.org!10 m", false },
		{ "v=DMARC1; rua=mailto:a@!10m", false },
		{ "v=DMARC1; rua=https:!10m", false },
		{ "v=DMARC1; rua=!10m", false },
		{ "v=DMARC1; rua=mailto:a!b@example.org,mailto:c@example.org!1m", true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(parse(rows[i].text), 0);
		if (record.rua_valid != rows[i].valid)
			fail_msg("%s", rows[i].text);
	}
}

static void test_dmarc_record_parse_limits(void **state)
{
	static char text[20000];
	size_t used = 8;

	(void)state;
	memcpy(text, "v=DMARC1", 8);
	for (int tags = 1; tags < 100; tags++, used += 4)
		memcpy(text + used, ";x=1", 4);
	assert_int_equal(dmarc_record_parse(arena, text, used, &record), 0);
	memcpy(text + used, ";x=1", 4);
	assert_int_equal(dmarc_record_parse(arena, text, used + 4, &record), -E_LIMIT);
	memset(text + 8, ' ', sizeof(text) - 8);
	assert_int_equal(dmarc_record_parse(arena, text, 16384, &record), 0);
	assert_int_equal(dmarc_record_parse(arena, text, 16385, &record), -E_LIMIT);
	memset(text, 'x', sizeof(text));
	assert_int_equal(dmarc_record_parse(arena, text, sizeof(text), &record), -E_ABSENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_dmarc_record_parse_all_tags),
		cmocka_unit_test(test_dmarc_record_parse_defaults),
		cmocka_unit_test(test_dmarc_record_parse_version),
		cmocka_unit_test(test_dmarc_record_parse_values_are_case_insensitive),
		cmocka_unit_test(test_dmarc_record_parse_wrong_values),
		cmocka_unit_test(test_dmarc_record_parse_ignores_unknown_and_broken_tags),
		cmocka_unit_test(test_dmarc_record_parse_tag_twice),
		cmocka_unit_test(test_dmarc_record_parse_failure_options),
		cmocka_unit_test(test_dmarc_record_parse_rua),
		cmocka_unit_test(test_dmarc_record_parse_limits),
	};

	return cmocka_run_group_tests(tests, arena_setup, arena_teardown);
}
