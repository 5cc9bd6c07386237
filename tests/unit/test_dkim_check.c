/* SPDX-License-Identifier: BSD-2-Clause */
/* The DKIM check on whole messages with a resolver that answers as told: what a zone file cannot say. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "dkim_message.h"
#include "spf_fake.h"

#define ED_NAME "brisbane._domainkey.football.example.com"
#define RSA_NAME "test._domainkey.football.example.com"
#define ED_RECORD "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="
#define RSA_RECORD                                                                                                     \
	"v=DKIM1; k=rsa; p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDkHlOQoBTzWRiGs5V6NpP3idY6Wk08a5qhdR6wy5bdOKb2jLQiY/J16JYi" \
	"0Qvx/byYzCNb3W91y3FutACDfzwQ/BC/e/8uBsCR+yz1Lxj+PL6lHvqMKrM3rG4hstT5QjvHO9PzoxZyVYLzBfO2EeC3Ip3G+2kryOTIKT+l/K4" \
	"w3QIDAQAB"

/* The example of RFC 8463 appendix A.3. */
static const char message[] =
	"DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/relaxed;\r\n"
	" d=football.example.com; i=@football.example.com;\r\n"
	" q=dns/txt; s=brisbane; t=1528637909; h=from : to :\r\n"
	" subject : date : message-id : from : subject : date;\r\n"
	" bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;\r\n"
	" b=/gCrinpcQOoIfuHNQIbq4pgh9kyIK3AQUdt9OdqQehSwhEIug4D11Bus\r\n"
	" Fa3bT3FY5OsU7ZbnKELq+eXdp1Q1Dw==\r\n"
	"DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed;\r\n"
	" d=football.example.com; i=@football.example.com;\r\n"
	" q=dns/txt; s=test; t=1528637909; h=from : to : subject :\r\n"
	" date : message-id : from : subject : date;\r\n"
	" bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;\r\n"
	" b=F45dVWDfMbQDGHJFlXUNB2HKfbCeLRyhDXgFpEL8GwpsRe0IeIixNTe3\r\n"
	" DhCVlUrSjV4BwcVcOF6+FF3Zo9Rpo1tFOeS9mPYQTnGdaSGsgeefOsk2Jz\r\n"
	" dA+L10TeYt9BgDfQNZtKdN1WO//KgIqXP7OdEFE4LjFYNcUxZQ4FADY+8=\r\n"
	"From: Joe SixPack <joe@football.example.com>\r\n"
	"To: Suzie Q <suzie@shopping.example.net>\r\n"
	"Subject: Is dinner ready?\r\n"
	"Date: Fri, 11 Jul 2003 21:00:37 -0700 (PDT)\r\n"
	"Message-ID: <20030712040037.46341.5F8J@football.example.com>\r\n"
	"\r\n"
	"Hi.\r\n"
	"\r\n"
	"We lost the game.  Are you hungry yet?\r\n"
	"\r\n"
	"Joe.\r\n";

static const struct config config = { .dkim_enabled = true, .dkim_min_key_bits = 1024, .dkim_max_signatures = 20 };

static struct dkim_case case_new(void)
{
	struct dkim_case test = { .config = &config, .time_secs = 1600000000 };
	char why[200];

	test.engine = dkim_engine_new(&config, why, sizeof why);
	assert_non_null(test.engine);
	test.dns = fake_new();
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

static void test_check_dkim_secure_keys(void **state)
{
	struct dkim_case test = case_new();

	(void)state;
	fake_add(test.dns, ED_NAME, DNS_TYPE_TXT, ED_RECORD);
	fake_add(test.dns, RSA_NAME, DNS_TYPE_TXT, RSA_RECORD);
	fake_security(test.dns, ED_NAME, DNS_SECURE);
	fake_security(test.dns, RSA_NAME, DNS_INSECURE);
	dkim_case_run(&test, message, sizeof message - 1);
	assert_true(test.wanted_body && test.results.dkim_checked);
	assert_int_equal(test.results.dkim_count, 2);
	assert_int_equal(test.results.dkim[0].result, RESULT_PASS);
	assert_int_equal(test.results.dkim[0].dnssec, DNS_SECURE);
	assert_int_equal(test.results.dkim[0].key_bits, 256);
	assert_int_equal(test.results.dkim[1].result, RESULT_PASS);
	assert_int_equal(test.results.dkim[1].dnssec, DNS_INSECURE);
	assert_int_equal(test.results.finding_count, 0);
	case_end(&test);
}

static void test_check_dkim_dns_failure_is_temperror(void **state)
{
	struct dkim_case test = case_new();

	(void)state;
	fake_fail(test.dns, ED_NAME, DNS_TYPE_TXT, DNS_INDETERMINATE);
	fake_fail(test.dns, RSA_NAME, DNS_TYPE_TXT, DNS_BOGUS);
	dkim_case_run(&test, message, sizeof message - 1);
	assert_int_equal(test.results.dkim[0].result, RESULT_TEMPERROR);
	assert_int_equal(test.results.dkim[1].result, RESULT_TEMPERROR);
	assert_int_equal(test.results.dkim[1].dnssec, DNS_BOGUS);
	assert_true(raised(&test, FINDING_DKIM_TEMPERROR) && raised(&test, FINDING_DNSSEC_BOGUS));
	assert_true(raised(&test, FINDING_DKIM_NO_PASS));
	assert_false(raised(&test, FINDING_DKIM_PERMERROR) || raised(&test, FINDING_DKIM_FAIL));
	/* the servers' failure is nothing that the message says of itself, which would be as good as signed */
	for (size_t i = 0; i < test.results.dkim_count; i++)
		assert_false(test.results.dkim[i].message_alone);
	for (size_t i = 0; i < test.results.finding_count; i++)
		assert_true(test.results.findings[i].id != FINDING_DKIM_TEMPERROR || test.results.findings[i].dnssec != DNS_SECURE);
	case_end(&test);
}

static void test_check_dkim_one_failure_leaves_the_other(void **state)
{
	struct dkim_case test = case_new();

	(void)state;
	fake_fail(test.dns, ED_NAME, DNS_TYPE_TXT, DNS_INDETERMINATE);
	fake_add(test.dns, RSA_NAME, DNS_TYPE_TXT, RSA_RECORD);
	dkim_case_run(&test, message, sizeof message - 1);
	assert_int_equal(test.results.dkim[0].result, RESULT_TEMPERROR);
	assert_int_equal(test.results.dkim[1].result, RESULT_PASS);
	assert_false(raised(&test, FINDING_DKIM_NO_PASS));
	case_end(&test);
}

/* Records that hold NULs, or nothing: no key, no crash. */
static void test_check_dkim_odd_records(void **state)
{
	struct dkim_case test = case_new();

	(void)state;
	fake_add_text(test.dns, ED_NAME, "v=DKIM1\0; p=AAAA", 16);
	fake_add_text(test.dns, RSA_NAME, "", 0);
	dkim_case_run(&test, message, sizeof message - 1);
	assert_int_equal(test.results.dkim[0].result, RESULT_PERMERROR);
	assert_int_equal(test.results.dkim[1].result, RESULT_PERMERROR);
	case_end(&test);
}

static void test_check_dkim_disabled(void **state)
{
	struct dkim_case test = case_new();
	struct config off = config;

	(void)state;
	off.dkim_enabled = false;
	test.config = &off;
	dkim_case_run(&test, message, sizeof message - 1);
	assert_false(test.wanted_body || test.results.dkim_checked);
	assert_int_equal(test.results.finding_count, 0);
	assert_int_equal(fake_starts(test.dns), 0);
	case_end(&test);
}

/* Fields over the caps were not kept: a hash over the rest proves nothing, also when it fits. */
static void test_check_dkim_truncated_header_never_passes(void **state)
{
	struct dkim_case test = case_new();
	struct check_shared shared = { .dkim = test.engine };
	struct check_context context = { .config = &config, .shared = &shared, .facts = &test.facts,
		.author = &test.author, .dns = test.dns, .results = &test.results };

	(void)state;
	fake_add(test.dns, ED_NAME, DNS_TYPE_TXT, ED_RECORD);
	test.arena = test.facts.arena = context.arena = arena_new();
	test.facts.time_secs = test.time_secs;
	size_t at = dkim_case_header(&test, message, sizeof message - 1);
	test.facts.fields_truncated = true;
	author_parse(&test.facts, &test.author);
	check_dkim.header(&context);
	check_dkim.body(&context, message + at, sizeof message - 1 - at);
	check_dkim.judge(&context);
	check_dkim.release(&context);
	assert_int_equal(test.results.dkim[0].result, RESULT_NEUTRAL);
	case_end(&test);
}

/* ABORT at each stage: nothing leaks (ASAN looks). */
static void test_check_dkim_release_without_judge(void **state)
{
	(void)state;
	for (int stage = 0; stage < 3; stage++) {
		struct dkim_case test = case_new();
		struct check_shared shared = { .dkim = test.engine };
		struct check_context context = { .config = &config, .shared = &shared, .facts = &test.facts,
			.author = &test.author, .dns = test.dns, .results = &test.results };

		test.arena = test.facts.arena = context.arena = arena_new();
		dkim_case_header(&test, message, sizeof message - 1);
		if (stage > 0)
			assert_true(check_dkim.header(&context));
		if (stage > 1)
			check_dkim.body(&context, "Hi.\r\n", 5);
		check_dkim.release(&context);
		assert_null(context.state[CHECK_DKIM]);
		case_end(&test);
	}
}

static void *judge_often(void *arg)
{
	struct dkim_case test = { .config = &config, .time_secs = 1600000000, .engine = arg };
	size_t passed = 0;

	test.dns = fake_new();
	fake_add(test.dns, ED_NAME, DNS_TYPE_TXT, ED_RECORD);
	fake_add(test.dns, RSA_NAME, DNS_TYPE_TXT, RSA_RECORD);
	for (int i = 0; i < 200; i++) {
		dkim_case_run(&test, message, sizeof message - 1);
		passed += test.results.dkim[0].result == RESULT_PASS && test.results.dkim[1].result == RESULT_PASS;
		dkim_case_free(&test);
	}
	fake_free(&test.dns);
	return (void *)passed;
}

static void test_check_dkim_many_threads(void **state)
{
	char why[200];
	struct dkim_engine *engine = dkim_engine_new(&config, why, sizeof why);
	pthread_t threads[6];

	(void)state;
	for (size_t i = 0; i < 6; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, judge_often, engine), 0);
	for (size_t i = 0; i < 6; i++) {
		void *passed = NULL;

		pthread_join(threads[i], &passed);
		assert_int_equal((size_t)passed, 200);
	}
	dkim_engine_free(&engine);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_check_dkim_secure_keys),
		cmocka_unit_test(test_check_dkim_dns_failure_is_temperror),
		cmocka_unit_test(test_check_dkim_one_failure_leaves_the_other),
		cmocka_unit_test(test_check_dkim_odd_records),
		cmocka_unit_test(test_check_dkim_disabled),
		cmocka_unit_test(test_check_dkim_truncated_header_never_passes),
		cmocka_unit_test(test_check_dkim_release_without_judge),
		cmocka_unit_test(test_check_dkim_many_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
