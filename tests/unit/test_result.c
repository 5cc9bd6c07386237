/* SPDX-License-Identifier: BSD-2-Clause */
/* results_raise() and the names of results. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "check/result.h"
#include "finding_sets.h"

static void test_results_raise_once_per_id_and_domain(void **state)
{
	static struct results results;
	char domain[] = "a.example";

	(void)state;
	results_raise(&results, FINDING_DKIM_FAIL, "a.example", "first", DNS_SECURE);
	results_raise(&results, FINDING_DKIM_FAIL, domain, "second", DNS_INSECURE);
	results_raise(&results, FINDING_DKIM_FAIL, "b.example", NULL, DNS_INSECURE);
	results_raise(&results, FINDING_DKIM_FAIL, NULL, NULL, DNS_INSECURE);
	results_raise(&results, FINDING_DKIM_FAIL, NULL, NULL, DNS_INSECURE);
	results_raise(&results, FINDING_SPF_FAIL, "a.example", NULL, DNS_INSECURE);
	assert_int_equal(results.finding_count, 4);
	assert_string_equal(results.findings[0].detail, "first");
	assert_int_equal(results.findings[0].dnssec, DNS_SECURE);
	assert_findings(results.set, SET_OF(FINDING_DKIM_FAIL, FINDING_SPF_FAIL));
}

/* What may be waived is that failure of that author domain: another failure, and another author's, weigh as they did. */
static void test_results_waive_one_finding_of_one_domain(void **state)
{
	static struct results results;
	const struct waivable waivable = { .finding = { .id = FINDING_DMARC_REJECT, .domain = "a.example" } };

	(void)state;
	results_raise(&results, FINDING_DMARC_REJECT, "b.example", NULL, DNS_SECURE);
	results_raise(&results, FINDING_DMARC_REJECT_CORROBORATED, "a.example", NULL, DNS_SECURE);
	results_raise(&results, FINDING_DMARC_REJECT, "a.example", NULL, DNS_SECURE);
	results_waive(&results, &waivable);
	assert_int_equal(results.finding_count, 3);
	assert_false(results.findings[0].waivable);
	assert_false(results.findings[1].waivable);
	assert_true(results.findings[2].waivable);
	assert_int_equal(results.waivable_count, 1);
}

static const struct finding *first_of(const struct results *results, enum finding_id id)
{
	for (size_t i = 0; i < results->finding_count; i++) {
		if (results->findings[i].id == id)
			return &results->findings[i];
	}
	return NULL;
}

/* A sender with many domains cannot crowd out what is found later: policies read the list. */
static void test_results_raise_keeps_each_id_whatever_came_before(void **state)
{
	static struct results results;
	static char domains[FINDINGS_MAX + 10][8];

	(void)state;
	for (unsigned i = 0; i < FINDINGS_MAX + 10; i++) {
		sprintf(domains[i], "d%u", i);
		results_raise(&results, FINDING_DKIM_FAIL, domains[i], NULL, DNS_INSECURE);
	}
	assert_int_equal(first_of(&results, FINDING_DKIM_FAIL)->dnssec, DNS_INSECURE);
	assert_non_null(first_of(&results, FINDING_LIMIT_EXCEEDED));
	for (int id = 0; id < FINDING_COUNT; id++) {
		results_raise(&results, (enum finding_id)id, "late.example", NULL, DNS_SECURE);
		assert_non_null(first_of(&results, (enum finding_id)id));
		/* what found no room makes the one that is there weigh as much */
		assert_int_equal(first_of(&results, (enum finding_id)id)->dnssec, DNS_SECURE);
		assert_true(finding_set_has(&results.set, (enum finding_id)id));
	}
	assert_true(results.finding_count <= FINDINGS_MAX);
}

static void test_result_name_words(void **state)
{
	(void)state;
	assert_null(result_name(RESULT_UNCHECKED));
	for (int i = RESULT_NONE; i < RESULT_COUNT; i++)
		assert_non_null(result_name((enum result)i));
	assert_string_equal(result_name(RESULT_SOFTFAIL), "softfail");
	assert_string_equal(result_name(RESULT_NXDOMAIN), "nxdomain");
	assert_null(result_name(RESULT_COUNT));
	assert_string_equal(tls_grade_name(TLS_GRADE_NONE), "none");
	assert_string_equal(tls_grade_name(TLS_GRADE_STRONG), "strong");
	assert_string_equal(cert_status_name(CERT_NONE), "none");
	assert_string_equal(cert_status_name(CERT_TLSA), "tlsa");
	assert_string_equal(cert_status_name(CERT_VERIFIED), "verified");
	assert_string_equal(tlsa_status_name(TLSA_UNCHECKED), "unchecked");
	assert_string_equal(tlsa_status_name(TLSA_BOGUS), "bogus");
	assert_string_equal(tlsa_status_name(TLSA_MATCH), "match");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_results_raise_once_per_id_and_domain),
		cmocka_unit_test(test_results_waive_one_finding_of_one_domain),
		cmocka_unit_test(test_results_raise_keeps_each_id_whatever_came_before),
		cmocka_unit_test(test_result_name_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
