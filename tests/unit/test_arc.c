/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The ARC check with a resolver that answers as told, and its work shared with DKIM. What chains are right and which are not is
 * tests/flow/test_arc.py's.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "arc_message.h"
#include "message/authres_parse.h"
#include "spf_fake.h"

static const struct config config = { .dkim_enabled = true, .arc_enabled = true, .dkim_min_key_bits = 1024, .dkim_max_signatures = 20 };

static struct dkim_case case_new(const struct config *own)
{
	struct dkim_case test = { .config = own, .time_secs = 1800000000 };
	char why[200];

	test.engine = dkim_engine_new(&config, why, sizeof why);
	assert_non_null(test.engine);
	test.dns = fake_new();
	return test;
}

static struct dkim_case case_with_keys(void)
{
	struct dkim_case test = case_new(&config);

	fake_add(test.dns, ARC_KEY_ONE, DNS_TYPE_TXT, ARC_RECORD_ONE);
	fake_add(test.dns, ARC_KEY_TWO, DNS_TYPE_TXT, ARC_RECORD_TWO);
	fake_add(test.dns, ARC_KEY_AUTHOR, DNS_TYPE_TXT, ARC_RECORD_ONE);
	return test;
}

static void case_end(struct dkim_case *test)
{
	dkim_case_free(test);
	fake_free(&test->dns);
	dkim_engine_free(&test->engine);
}

static bool raised(const struct dkim_case *test, enum finding_id id)
{
	return finding_set_has(&test->results.set, id);
}

/* The letter with one text put in place of another; free it. */
static char *letter_with(const char *old, const char *new)
{
	const char *at = strstr(arc_letter, old);
	size_t before = (size_t)(at - arc_letter), room = strlen(arc_letter) + strlen(new) + 1;
	char *copy = malloc(room);

	assert_non_null(at);
	snprintf(copy, room, "%.*s%s%s", (int)before, arc_letter, new, at + strlen(old));
	return copy;
}

static void run_with(struct dkim_case *test, const char *old, const char *new)
{
	char *letter = letter_with(old, new);

	arc_case_run(test, letter, strlen(letter));
	free(letter);	/* facts hold copies */
}

static void test_arc_passes_whole_chain(void **state)
{
	struct dkim_case test = case_with_keys();
	const struct arc_result *arc = &test.results.arc;

	(void)state;
	arc_case_run(&test, arc_letter, strlen(arc_letter));
	assert_int_equal(arc->result, RESULT_PASS);
	assert_null(arc->reason);
	assert_int_equal(arc->oldest_pass, 0);
	assert_int_equal(arc->set_count, 2);
	assert_string_equal(arc->sealer, "two.example");
	assert_string_equal(arc->sets[0].sealer, "one.example");
	assert_string_equal(arc->sets[0].selector, "s");
	assert_true(arc->sets[0].intact && arc->sets[1].intact);
	assert_false(arc->sets[0].unknown || arc->sets[1].unknown);
	assert_int_equal(arc->sets[0].said->method_count, 1);
	assert_int_equal(arc->sets[1].said->method_count, 2);
	assert_string_equal(arc->sets[1].said->methods[0].method, "arc");
	assert_int_equal(test.results.finding_count, 0);
	case_end(&test);
}

/* The weakest of all keys. */
static void test_arc_security_is_the_weakest_of_its_keys(void **state)
{
	static const struct { enum dns_security one, two, expected; } rows[] = {
		{ DNS_SECURE, DNS_SECURE, DNS_SECURE }, { DNS_INSECURE, DNS_SECURE, DNS_INSECURE },
		{ DNS_SECURE, DNS_INSECURE, DNS_INSECURE }, { DNS_INDETERMINATE, DNS_SECURE, DNS_INDETERMINATE },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct dkim_case test = case_with_keys();

		fake_security(test.dns, ARC_KEY_ONE, rows[i].one);
		fake_security(test.dns, ARC_KEY_TWO, rows[i].two);
		arc_case_run(&test, arc_letter, strlen(arc_letter));
		assert_int_equal(test.results.arc.result, RESULT_PASS);
		assert_int_equal(test.results.arc.dnssec, rows[i].expected);
		case_end(&test);
	}
}

/* No chunk and no other check changes what is hashed: with DKIM's signature beside it the body is hashed for both at once. */
static void test_arc_shares_the_body_with_dkim(void **state)
{
	(void)state;
	for (size_t chunk = 0; chunk < 30; chunk++) {
		struct dkim_case test = case_with_keys();

		test.chunk_bytes = chunk;
		assert_false(arc_case_run(&test, arc_letter, strlen(arc_letter)));
		assert_true(test.wanted_body);
		assert_int_equal(test.results.dkim[0].result, RESULT_PASS);
		assert_int_equal(test.results.arc.result, RESULT_PASS);
		case_end(&test);
	}
}

static void test_arc_hashes_by_itself_without_dkim(void **state)
{
	struct config no_dkim = config;

	(void)state;
	no_dkim.dkim_enabled = false;
	for (size_t chunk = 0; chunk < 30; chunk++) {
		struct dkim_case test = case_with_keys();

		test.config = &no_dkim;
		test.chunk_bytes = chunk;
		assert_true(arc_case_run(&test, arc_letter, strlen(arc_letter)));
		assert_int_equal(test.results.arc.result, RESULT_PASS);
		case_end(&test);
	}
}

static void check_missing(const char *name, enum dns_security security, size_t unknown)
{
	struct dkim_case test = case_new(&config);
	const struct arc_result *arc = &test.results.arc;
	bool is_one = strcmp(name, ARC_KEY_ONE) == 0;

	fake_add(test.dns, is_one ? ARC_KEY_TWO : ARC_KEY_ONE, DNS_TYPE_TXT, is_one ? ARC_RECORD_TWO : ARC_RECORD_ONE);
	fake_fail(test.dns, name, DNS_TYPE_TXT, security);
	arc_case_run(&test, arc_letter, strlen(arc_letter));
	assert_int_equal(arc->result, RESULT_TEMPERROR);
	assert_non_null(arc->reason);
	assert_int_equal(arc->dnssec, security);
	assert_int_equal(arc->set_count, 2);
	assert_true(arc->sets[unknown].unknown);
	assert_false(arc->sets[1 - unknown].unknown);
	assert_true(raised(&test, FINDING_ARC_TEMPERROR));
	assert_false(raised(&test, FINDING_ARC_FAIL));
	assert_int_equal(raised(&test, FINDING_DNSSEC_BOGUS), security == DNS_BOGUS);
	case_end(&test);
}

static void test_arc_missing_key_is_temporary(void **state)
{
	(void)state;
	check_missing(ARC_KEY_ONE, DNS_INDETERMINATE, 0);
	check_missing(ARC_KEY_TWO, DNS_INDETERMINATE, 1);
	check_missing(ARC_KEY_ONE, DNS_BOGUS, 0);
	check_missing(ARC_KEY_TWO, DNS_BOGUS, 1);
}

/* What is known to be wrong is wrong, whatever else is not known. */
static void test_arc_failure_stands_before_a_missing_key(void **state)
{
	struct dkim_case test = case_new(&config);

	(void)state;
	fake_add(test.dns, ARC_KEY_TWO, DNS_TYPE_TXT, ARC_RECORD_TWO);
	fake_fail(test.dns, ARC_KEY_ONE, DNS_TYPE_TXT, DNS_INDETERMINATE);
	run_with(&test, "Subject: A letter", "Subject: Another");
	assert_int_equal(test.results.arc.result, RESULT_FAIL);
	assert_int_equal(test.results.arc.set_count, 0);
	dkim_case_free(&test);
	/* the older seal is the one that is wrong, and the newer one's key does not come */
	fake_free(&test.dns);
	test.dns = fake_new();
	fake_add(test.dns, ARC_KEY_ONE, DNS_TYPE_TXT, ARC_RECORD_ONE);
	fake_fail(test.dns, ARC_KEY_TWO, DNS_TYPE_TXT, DNS_INDETERMINATE);
	run_with(&test, "b=RwGT6K2k", "b=RwGT6K2l");
	assert_int_equal(test.results.arc.result, RESULT_FAIL);
	assert_true(raised(&test, FINDING_ARC_FAIL));
	assert_false(raised(&test, FINDING_ARC_TEMPERROR));
	case_end(&test);
}

/* A chain that is wrong by its structure costs no look-up and no hash. */
static void test_arc_structure_is_looked_at_first(void **state)
{
	static const struct { const char *old, *new; } rows[] = {
		{ "ARC-Seal: i=1", "X-Seal: i=1" }, { "ARC-Seal: i=2; cv=pass", "ARC-Seal: i=2; cv=fail" }, { "cv=none", "cv=pass" },
		{ "ARC-Authentication-Results: i=1", "ARC-Authentication-Results: i=2" }, { "ARC-Seal: i=2", "ARC-Seal: i=3" },
		{ "ARC-Seal: i=2;", "ARC-Seal: i=2; h=from;" }, { "a=rsa-sha256; d=two.example; s=s", "a=rsa-sha1; d=two.example; s=s" },
		{ "ARC-Seal: i=1", "ARC-Seal: i=51" }, { "ARC-Seal: i=1", "ARC-Seal: i=0" },
	};
	struct config no_dkim = config;

	(void)state;
	no_dkim.dkim_enabled = false;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct dkim_case test = case_new(&no_dkim);

		run_with(&test, rows[i].old, rows[i].new);
		assert_int_equal(test.results.arc.result, RESULT_FAIL);
		assert_int_equal(fake_starts(test.dns) + fake_waits(test.dns), 0);
		assert_false(test.wanted_body);
		assert_true(raised(&test, FINDING_ARC_FAIL));
		/* nothing of that stands on the DNS */
		assert_int_equal(test.results.findings[0].dnssec, DNS_SECURE);
		case_end(&test);
	}
}

/* An older message signature that does not hold: told, and no fault. One on top of which something was put holds for no reader. */
static void test_arc_intact_sets(void **state)
{
	struct dkim_case test = case_with_keys();

	(void)state;
	run_with(&test, "From: Ann", "Subject: On top\r\nFrom: Ann");
	assert_int_equal(test.results.arc.result, RESULT_PASS);
	assert_int_equal(test.results.arc.oldest_pass, 0);
	assert_false(test.results.arc.sets[0].intact || test.results.arc.sets[1].intact);
	dkim_case_free(&test);
	run_with(&test, "bh=nfqSD/pwKIV72a5lX78WMqOto4bv4vusM1k0WtU7gOs=;\r\n b=HfeJ", "bh=nfqSD/pwKIV72a5lX78WMqOto4bv4vusM1k0WtU7gOt=;\r\n b=HfeJ");
	assert_int_equal(test.results.arc.result, RESULT_FAIL);	/* for the seals cover it */
	case_end(&test);
}

static void test_arc_none_and_off(void **state)
{
	struct dkim_case test = case_new(&config);
	struct config off = config;

	(void)state;
	arc_case_run(&test, "From: a@b.example\r\n\r\nx\r\n", 25);
	assert_int_equal(test.results.arc.result, RESULT_NONE);
	dkim_case_free(&test);
	off.arc_enabled = false;
	test.config = &off;
	arc_case_run(&test, arc_letter, strlen(arc_letter));
	assert_int_equal(test.results.arc.result, RESULT_UNCHECKED);
	case_end(&test);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_arc_passes_whole_chain),
		cmocka_unit_test(test_arc_security_is_the_weakest_of_its_keys),
		cmocka_unit_test(test_arc_shares_the_body_with_dkim),
		cmocka_unit_test(test_arc_hashes_by_itself_without_dkim),
		cmocka_unit_test(test_arc_missing_key_is_temporary),
		cmocka_unit_test(test_arc_failure_stands_before_a_missing_key),
		cmocka_unit_test(test_arc_structure_is_looked_at_first),
		cmocka_unit_test(test_arc_intact_sets),
		cmocka_unit_test(test_arc_none_and_off),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
