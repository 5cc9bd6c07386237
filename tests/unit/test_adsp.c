/* SPDX-License-Identifier: BSD-2-Clause */
/* ADSP: records (RFC 5617 section 4.2.1), procedure (4.3), result words (5.4). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "check/adsp/record.h"
#include "check_fixture.h"
#include "util/error.h"
#include "finding_sets.h"

static void test_adsp_record_parse_practices(void **state)
{
	static const struct { const char *text; enum adsp_practice practice; } rows[] = {
		{ "dkim=all", ADSP_ALL }, { "dkim=discardable", ADSP_DISCARDABLE }, { "dkim=unknown", ADSP_UNKNOWN },
		{ "dkim = \t all ;", ADSP_ALL }, { "dkim=all; t=s; x=y", ADSP_ALL }, { "dkim=all;;", ADSP_UNKNOWN },
		/* any other value is as unknown */
		{ "dkim=strict", ADSP_UNKNOWN }, { "dkim=ALL", ADSP_UNKNOWN }, { "dkim=all all", ADSP_UNKNOWN },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		enum adsp_practice practice;
		int status = adsp_record_parse(rows[i].text, strlen(rows[i].text), &practice);

		if (strcmp(rows[i].text, "dkim=all;;") == 0)
			assert_int_equal(status, -E_ABSENT);
		else
			assert_int_equal(status, 0);
		if (practice != rows[i].practice)
			fail_msg("%s", rows[i].text);
	}
}

static void test_adsp_record_parse_ignores_what_is_no_record(void **state)
{
	static const char *const bad[] = {
		"", "dkim", "dkim=", "dkim= ;", " dkim=all", "DKIM=all", "t=s; dkim=all", "dkimx=all", "dkim all", "v=spf1 -all",
		"dkim=all; dkim=all", "dkim=all; x", "dkim=all; =y", "dkim=a\x01ll", "dkim=all; x=\x80", "dkim=all; 1x=y",
	};
	enum adsp_practice practice;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (adsp_record_parse(bad[i], strlen(bad[i]), &practice) != -E_ABSENT)
			fail_msg("taken: %s", bad[i]);
	assert_int_equal(adsp_record_parse("dkim=all\0", 9, &practice), -E_ABSENT);
}

#define ZONE(record) "example.com. A 192.0.2.1\n_adsp._domainkey.example.com. TXT \"" record "\"\n"
#define FAILS "TYPE65280 \\# 0\n"

static struct check_fixture *judge(const char *zone, enum result dkim, const char *domain)
{
	struct check_fixture *fixture = fixture_new(zone);

	fixture_from(fixture, "example.com");
	if (domain != NULL)
		fixture_dkim(fixture, dkim, domain, DNS_INSECURE);
	fixture_run(fixture, &check_adsp);
	return fixture;
}

static void assert_verdict(const char *zone, enum result dkim, const char *domain, enum result result,
    const char *practices, finding_set findings)
{
	struct check_fixture *fixture = judge(zone, dkim, domain);

	if (fixture->results.adsp.result != result)
		fail_msg("%s: %s", zone, result_name(fixture->results.adsp.result));
	assert_string_equal(fixture->results.adsp.domain, "example.com");
	if (practices != NULL)
		assert_string_equal(fixture->results.adsp.practices, practices);
	else
		assert_null(fixture->results.adsp.practices);
	assert_findings(fixture->results.set, findings);
	fixture_free(&fixture);
}

static void test_adsp_results(void **state)
{
	const finding_set all = SET_OF(FINDING_ADSP_ALL), discardable = SET_OF(FINDING_ADSP_DISCARDABLE),
	    nxdomain = SET_OF(FINDING_ADSP_NXDOMAIN), temperror = SET_OF(FINDING_ADSP_TEMPERROR);

	(void)state;
	assert_verdict(ZONE("dkim=unknown"), RESULT_NONE, NULL, RESULT_UNKNOWN, "unknown", SET_NONE);
	assert_verdict(ZONE("dkim=all"), RESULT_NONE, NULL, RESULT_FAIL, "all", all);
	assert_verdict(ZONE("dkim=discardable"), RESULT_NONE, NULL, RESULT_DISCARD, "discardable", discardable);
	assert_verdict(ZONE("nonsense"), RESULT_NONE, NULL, RESULT_NONE, NULL, SET_NONE);
	assert_verdict("example.com. A 192.0.2.1\n", RESULT_NONE, NULL, RESULT_NONE, NULL, SET_NONE);
	assert_verdict("example.org. A 192.0.2.1\n", RESULT_NONE, NULL, RESULT_NXDOMAIN, NULL, nxdomain);
	/* the author domain need not have mail exchangers or addresses, only exist */
	assert_verdict("x.example.com. A 192.0.2.1\n", RESULT_NONE, NULL, RESULT_NONE, NULL, SET_NONE);
	assert_verdict(ZONE("dkim=all") "_adsp._domainkey.example.com. TXT \"dkim=discardable\"\n", RESULT_NONE, NULL,
	    RESULT_PERMERROR, NULL, SET_NONE);
	assert_verdict(ZONE("dkim=all") "_adsp._domainkey.example.com. TXT \"something else\"\n", RESULT_NONE, NULL, RESULT_FAIL,
	    "all", all);
	assert_verdict("example.com. A 192.0.2.1\n_adsp._domainkey.example.com. " FAILS, RESULT_NONE, NULL, RESULT_TEMPERROR,
	    NULL, temperror);
	assert_verdict("example.com. " FAILS, RESULT_NONE, NULL, RESULT_TEMPERROR, NULL, temperror);
}

static void test_adsp_author_domain_signature(void **state)
{
	const finding_set discardable = SET_OF(FINDING_ADSP_DISCARDABLE);

	(void)state;
	assert_verdict(ZONE("dkim=discardable"), RESULT_PASS, "example.com", RESULT_PASS, NULL, SET_NONE);
	/* without a look-up */
	assert_verdict("example.com. " FAILS, RESULT_PASS, "example.com", RESULT_PASS, NULL, SET_NONE);
	/* d= must be the author's domain itself, and the signature valid */
	assert_verdict(ZONE("dkim=discardable"), RESULT_PASS, "com", RESULT_DISCARD, "discardable", discardable);
	assert_verdict(ZONE("dkim=discardable"), RESULT_PASS, "a.example.com", RESULT_DISCARD, "discardable", discardable);
	assert_verdict(ZONE("dkim=discardable"), RESULT_FAIL, "example.com", RESULT_DISCARD, "discardable", discardable);
	assert_verdict(ZONE("dkim=discardable"), RESULT_POLICY, "example.com", RESULT_DISCARD, "discardable", discardable);
	/* a key that could not be fetched says nothing */
	assert_verdict(ZONE("dkim=discardable"), RESULT_TEMPERROR, "example.com", RESULT_TEMPERROR, "discardable",
	    SET_OF(FINDING_ADSP_TEMPERROR));
	assert_verdict(ZONE("dkim=discardable"), RESULT_TEMPERROR, "other.example", RESULT_DISCARD, "discardable", discardable);
	assert_verdict(ZONE("dkim=unknown"), RESULT_TEMPERROR, "example.com", RESULT_UNKNOWN, "unknown", SET_NONE);
}

static void test_adsp_signature_with_added_field(void **state)
{
	static const enum result results[] = { RESULT_PASS, RESULT_TEMPERROR };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct check_fixture *fixture = fixture_new(ZONE("dkim=discardable"));

		fixture_from(fixture, "example.com");
		fixture_dkim(fixture, results[i], "example.com", DNS_INSECURE);
		fixture->dkim[0].added_field = "From";
		fixture_run(fixture, &check_adsp);
		assert_int_equal(fixture->results.adsp.result, RESULT_DISCARD);
		fixture_free(&fixture);
	}
}

static void test_adsp_several_author_domains(void **state)
{
	struct check_fixture *fixture = fixture_new(ZONE("dkim=all") "example.net. A 192.0.2.1\n"
	    "_adsp._domainkey.example.net. TXT \"dkim=discardable\"\n");

	(void)state;
	fixture_field(fixture, "From", " a@example.com, b@example.net, c@example.org");
	fixture_dkim(fixture, RESULT_PASS, "example.com", DNS_INSECURE);
	fixture_run(fixture, &check_adsp);
	assert_int_equal(fixture->results.adsp.result, RESULT_DISCARD);
	assert_string_equal(fixture->results.adsp.domain, "example.net");
	assert_non_null(fixture_finding(fixture, FINDING_ADSP_DISCARDABLE, "example.net"));
	assert_non_null(fixture_finding(fixture, FINDING_ADSP_NXDOMAIN, "example.org"));
	assert_int_equal(fixture->results.finding_count, 2);
	fixture_free(&fixture);
}

static void test_adsp_not_judged(void **state)
{
	struct check_fixture *fixture = fixture_new(ZONE("dkim=all"));

	(void)state;
	fixture->config.adsp_enabled = false;
	fixture_from(fixture, "example.com");
	fixture_run(fixture, &check_adsp);
	assert_int_equal(fixture->results.adsp.result, RESULT_UNCHECKED);
	/* without DKIM nothing can be said of signatures */
	fixture->config.adsp_enabled = true;
	fixture->results.dkim_checked = false;
	fixture_run(fixture, &check_adsp);
	assert_int_equal(fixture->results.adsp.result, RESULT_PERMERROR);
	assert_findings(fixture->results.set, SET_NONE);
	fixture_free(&fixture);
	fixture = fixture_new(ZONE("dkim=all"));
	fixture_run(fixture, &check_adsp);
	assert_int_equal(fixture->results.adsp.result, RESULT_PERMERROR);
	fixture_free(&fixture);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_adsp_record_parse_practices),
		cmocka_unit_test(test_adsp_record_parse_ignores_what_is_no_record),
		cmocka_unit_test(test_adsp_results),
		cmocka_unit_test(test_adsp_author_domain_signature),
		cmocka_unit_test(test_adsp_signature_with_added_field),
		cmocka_unit_test(test_adsp_several_author_domains),
		cmocka_unit_test(test_adsp_not_judged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
