/* SPDX-License-Identifier: BSD-2-Clause */
/* SPF: limits of look-ups (RFC 7208 section 4.6.4), errors and security of answers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "check/spf/spf.h"
#include "spf_fake.h"
#include "spf_evaluate_fixture.h"

/* ---- limits, RFC 7208 section 4.6.4 ---- */

static void test_evaluate_term_limit_is_global(void **state)
{
	(void)state;
	put_address("h.example.org", "192.0.2.1");
	put_txt("example.org", "v=spf1 include:i1.example.org include:i2.example.org ip4:203.0.113.9 redirect=r.example.org");
	put_txt("i1.example.org", "v=spf1 a:h.example.org a:h.example.org a:h.example.org -all");
	put_txt("i2.example.org", "v=spf1 a:h.example.org a:h.example.org a:h.example.org -all");
	put_txt("r.example.org", "v=spf1 a:h.example.org -all");
	assert_int_equal(judge("203.0.113.1"), RESULT_FAIL);	/* 2 includes, 6 a, 1 redirect, 1 a: 10 */
	put_txt("example.net", "v=spf1 include:i1.example.org redirect=example.org");	/* 15 */
	assert_int_equal(judge_as("203.0.113.1", "h.example", "u@example.net"), RESULT_PERMERROR);
	assert_string_equal(result.reason, "over 10 DNS look-ups at a:h.example.org of i2.example.org");
	assert_int_equal(judge_as("192.0.2.1", "h.example", "u@example.net"), RESULT_PASS);	/* matched before the limit */
}

static void test_evaluate_include_loops(void **state)
{
	(void)state;
	assert_int_equal(judge_record("v=spf1 include:example.org", "192.0.2.1"), RESULT_PERMERROR);
	assert_int_equal(fake_waits(scope), 11);
	assert_int_equal(judge_record("v=spf1 redirect=example.org", "192.0.2.1"), RESULT_PERMERROR);
	assert_int_equal(judge_record("v=spf1 include:a.example.org include:b.example.org", "192.0.2.1"), RESULT_PERMERROR);
	put_txt("a.example.org", "v=spf1 include:example.org");
	assert_int_equal(judge("192.0.2.1"), RESULT_PERMERROR);
}

/* Four records of four terms each: twenty look-ups, though none of the records has more than its ten. */
static void test_evaluate_fan_out_is_bounded(void **state)
{
	(void)state;
	put_txt("example.org", "v=spf1 include:i0.org include:i1.org include:i2.org include:i3.org");
	for (unsigned i = 0; i < 4; i++)
		put_txt(arena_printf(arena, "i%u.org", i), "v=spf1 a:h.example.org a:h.example.org a:h.example.org a:h.example.org -all");
	put_address("h.example.org", "203.0.113.1");
	assert_int_equal(judge("192.0.2.1"), RESULT_PERMERROR);
	assert_string_equal(result.reason, "over 10 DNS look-ups at include:i2.org of example.org");
	assert_true(fake_waits(scope) <= 11);
}

static void test_evaluate_void_limit(void **state)
{
	(void)state;
	put_address("h.example.org", "203.0.113.1");
	assert_int_equal(judge_record("v=spf1 a:v1.example.org exists:v2.example.org ?all", "192.0.2.1"), RESULT_NEUTRAL);
	assert_int_equal(judge_record("v=spf1 a:v1.example.org mx:v2.example.org exists:v3.example.org ?all", "192.0.2.1"),
	    RESULT_PERMERROR);
	assert_int_equal(judge_record("v=spf1 a:v1.example.org include:i.example.org exists:v3.example.org ?all", "192.0.2.1"),
	    RESULT_PERMERROR);
	put_txt("i.example.org", "v=spf1 mx -all");
	assert_int_equal(judge("192.0.2.1"), RESULT_PERMERROR);
	assert_string_equal(result.reason, "over 2 look-ups without an answer at exists:v3.example.org of example.org");
	assert_int_equal(judge_record("v=spf1 a:v1.example.org a:v2.example.org exp=no.example.org -all", "192.0.2.1"), RESULT_FAIL);
}

/* One mx term of which several hosts have no address of the client's family is one void term. */
static void test_evaluate_void_counts_terms(void **state)
{
	(void)state;
	put_txt("example.org", "v=spf1 mx ip6:2001:db8::/32 -all");
	for (unsigned i = 0; i < 5; i++) {
		const char *host = arena_printf(arena, "mx%u.example.org", i);

		fake_add(scope, "example.org", DNS_TYPE_MX, host);
		put_address(host, "192.0.2.1");
	}
	assert_int_equal(judge("2001:db8::1"), RESULT_PASS);
}

/* Section 5.5: the addresses of a PTR name are queries of the ptr term; a name that fails is skipped, and names that could
 * not match are not asked for. */
static void test_evaluate_void_names_of_ptr(void **state)
{
	(void)state;
	put_txt("example.org", "v=spf1 ptr a:v1.example.org ?all");
	put_txt("example.net", "v=spf1 ptr:example.org a:v1.example.org exists:v2.example.org ?all");
	put_txt("twice.example", "v=spf1 ptr:example.org ptr:example.org ptr:example.org ?all");
	put_txt("other.example", "v=spf1 ptr a:v1.example.org exists:v2.example.org ?all");
	for (unsigned i = 0; i < 5; i++)
		fake_add(scope, "1.2.0.192.in-addr.arpa", DNS_TYPE_PTR, arena_printf(arena, "h%u.example.org", i));
	assert_int_equal(judge("192.0.2.1"), RESULT_NEUTRAL);	/* five names, one term */
	assert_int_equal(judge_as("192.0.2.1", "h.example", "u@example.net"), RESULT_PERMERROR);
	assert_string_equal(result.reason, "over 2 look-ups without an answer at exists:v2.example.org of example.net");
	assert_int_equal(judge_as("192.0.2.1", "h.example", "u@twice.example"), RESULT_PERMERROR);
	assert_int_equal(judge_as("192.0.2.1", "h.example", "u@other.example"), RESULT_NEUTRAL);
	for (unsigned i = 0; i < 5; i++)
		fake_fail(scope, arena_printf(arena, "h%u.example.org", i), DNS_TYPE_A, DNS_INDETERMINATE);
	assert_int_equal(judge_as("192.0.2.1", "h.example", "u@example.net"), RESULT_NEUTRAL);
}

/* What %{p} asks for is asked for the term it stands in; for an explanation nothing counts (section 4.6.4). */
static void test_evaluate_void_names_of_macro(void **state)
{
	(void)state;
	put_address("unknown.is.example.org", "127.0.0.2");
	put_txt("example.org", "v=spf1 a:v1.example.org a:v2.example.org exists:%{p}.is.example.org -all");
	assert_int_equal(judge("192.0.2.1"), RESULT_PERMERROR);	/* no PTR */
	assert_string_equal(result.reason, "over 2 look-ups without an answer at exists:%{p}.is.example.org of example.org");
	fake_add(scope, "1.2.0.192.in-addr.arpa", DNS_TYPE_PTR, "h.example.net");
	assert_int_equal(judge("192.0.2.1"), RESULT_PERMERROR);	/* a PTR without address */
	put_address("h.example.net", "192.0.2.2");
	assert_int_equal(judge("192.0.2.1"), RESULT_PASS);
	put_txt("example.net", "v=spf1 a:v1.example.org include:%{p}.is.example.org a:v2.example.org -all");
	put_txt("unknown.is.example.org", "v=spf1 -all");
	assert_int_equal(judge_as("192.0.2.9", "h.example", "u@example.net"), RESULT_PERMERROR);
	put_txt("e.example", "v=spf1 a:v1.example.org a:v2.example.org exp=%{p}.exp.example.org -all");
	put_txt("unknown.exp.example.org", "not you, %{p}");
	assert_int_equal(judge_as("192.0.2.9", "h.example", "u@e.example"), RESULT_FAIL);
	assert_string_equal(result.explanation, "not you, unknown");
}

static void test_evaluate_mx_limit(void **state)
{
	(void)state;
	put_txt("example.org", "v=spf1 mx -all");
	for (unsigned i = 0; i < 10; i++)
		fake_add(scope, "example.org", DNS_TYPE_MX, arena_printf(arena, "mx%u.example.org", i));
	put_address("*.example.org", "192.0.2.1");
	assert_int_equal(judge("203.0.113.1"), RESULT_FAIL);
	fake_add(scope, "example.org", DNS_TYPE_MX, "mx10.example.org");
	assert_int_equal(judge("192.0.2.1"), RESULT_PERMERROR);
	assert_string_equal(result.reason, "over 10 MX hosts at mx of example.org");
}

static void test_evaluate_null_mx(void **state)
{
	(void)state;
	put_txt("example.org", "v=spf1 mx -all");
	fake_add(scope, "example.org", DNS_TYPE_MX, ".");
	assert_int_equal(judge("192.0.2.1"), RESULT_FAIL);
}

static void test_evaluate_ptr_limit_ignores_rest(void **state)
{
	(void)state;
	put_txt("example.org", "v=spf1 ptr -all");
	for (unsigned i = 0; i < 10; i++)
		fake_add(scope, "1.2.0.192.in-addr.arpa", DNS_TYPE_PTR, arena_printf(arena, "h%u.example.net", i));
	put_address("*.example.org", "192.0.2.1");
	fake_add(scope, "1.2.0.192.in-addr.arpa", DNS_TYPE_PTR, "h.example.org");
	assert_int_equal(judge("192.0.2.1"), RESULT_FAIL);
}

static void test_evaluate_ptr(void **state)
{
	(void)state;
	put_txt("example.org", "v=spf1 ptr -all");
	put_txt("notexample.org", "v=spf1 ptr:ple.org -all");
	fake_add(scope, "1.2.0.192.in-addr.arpa", DNS_TYPE_PTR, "bad.example.org");
	fake_add(scope, "1.2.0.192.in-addr.arpa", DNS_TYPE_PTR, "H.Example.org");
	fake_fail(scope, "bad.example.org", DNS_TYPE_A, DNS_INDETERMINATE);
	put_address("h.example.org", "192.0.2.1");
	put_address("h.example.org", "192.0.2.2");
	assert_int_equal(judge("192.0.2.1"), RESULT_PASS);	/* the name that failed is skipped */
	assert_int_equal(judge_as("192.0.2.1", "h.example", "u@notexample.org"), RESULT_FAIL);
	assert_int_equal(judge("192.0.2.2"), RESULT_FAIL);	/* no PTR */
	fake_fail(scope, "1.2.0.192.in-addr.arpa", DNS_TYPE_PTR, DNS_BOGUS);
	assert_int_equal(judge("192.0.2.1"), RESULT_FAIL);	/* an error there does not match, and is no evidence */
	assert_int_equal(result.dnssec, DNS_INSECURE);
}

static void test_evaluate_validated_name(void **state)
{
	(void)state;
	put_txt("example.org", "v=spf1 exists:%{p}.is.example.org -all");
	fake_add(scope, "1.2.0.192.in-addr.arpa", DNS_TYPE_PTR, "other.example.net");
	fake_add(scope, "1.2.0.192.in-addr.arpa", DNS_TYPE_PTR, "sub.example.org");
	put_address("other.example.net", "192.0.2.1");
	put_address("sub.example.org", "192.0.2.1");
	put_address("sub.example.org.is.example.org", "127.0.0.2");
	assert_int_equal(judge("192.0.2.1"), RESULT_PASS);
	put_address("unknown.is.example.org", "127.0.0.2");
	assert_int_equal(judge("192.0.2.9"), RESULT_PASS);
}

/* ---- errors and security ---- */

static void test_evaluate_dns_failures(void **state)
{
	(void)state;
	fake_fail(scope, "example.org", DNS_TYPE_TXT, DNS_INDETERMINATE);
	assert_int_equal(judge("192.0.2.1"), RESULT_TEMPERROR);
	assert_string_equal(result.reason, "TYPE16 of example.org: no answer");
	put_txt("a.example", "v=spf1 a:f.example -all");
	put_txt("b.example", "v=spf1 mx:f.example -all");
	put_txt("c.example", "v=spf1 exists:f.example -all");
	put_txt("d.example", "v=spf1 include:f.example -all");
	put_txt("e.example", "v=spf1 redirect=f.example");
	put_txt("g.example", "v=spf1 include:a.example +all");
	put_txt("h.example", "v=spf1 mx -all");
	put_txt("ok.example", "v=spf1 ip4:192.0.2.1 a:f.example -all");
	put_txt("exp.example", "v=spf1 -all exp=f.example");
	fake_add(scope, "h.example", DNS_TYPE_MX, "f.example");
	for (unsigned i = 0; i < 4; i++)
		fake_fail(scope, "f.example", (uint16_t[]){ DNS_TYPE_A, DNS_TYPE_AAAA, DNS_TYPE_MX, DNS_TYPE_TXT }[i], DNS_INDETERMINATE);
	for (const char *letter = "abcdegh"; *letter != '\0'; letter++) {
		assert_int_equal(judge_as("192.0.2.1", "h.test", arena_printf(arena, "u@%c.example", *letter)), RESULT_TEMPERROR);
		assert_int_equal(judge_as("::1", "h.test", arena_printf(arena, "u@%c.example", *letter)), RESULT_TEMPERROR);
	}
	assert_int_equal(judge_as("192.0.2.1", "h.test", "u@ok.example"), RESULT_PASS);
	assert_int_equal(judge_as("192.0.2.1", "h.test", "u@exp.example"), RESULT_FAIL);
}

static void test_evaluate_security_is_the_weakest(void **state)
{
	(void)state;
	put_txt("example.org", "v=spf1 include:i.example.net a:h.example.org -all exp=e.example.org");
	put_txt("i.example.net", "v=spf1 ip4:192.0.2.1 -all");
	put_txt("e.example.org", "no");
	put_address("h.example.org", "192.0.2.2");
	fake_security(scope, "example.org", DNS_SECURE);
	fake_security(scope, "i.example.net", DNS_SECURE);
	assert_int_equal(judge("192.0.2.1"), RESULT_PASS);
	assert_int_equal(result.dnssec, DNS_SECURE);
	assert_int_equal(judge("192.0.2.2"), RESULT_PASS);
	assert_int_equal(result.dnssec, DNS_INSECURE);
	fake_security(scope, "h.example.org", DNS_SECURE);
	assert_int_equal(judge("192.0.2.3"), RESULT_FAIL);
	assert_int_equal(result.dnssec, DNS_SECURE);	/* the explanation is no evidence */
	assert_string_equal(result.explanation, "no");
}

static void test_evaluate_bogus(void **state)
{
	(void)state;
	put_txt("example.org", "v=spf1 a:b.example.org -all");
	fake_fail(scope, "b.example.org", DNS_TYPE_A, DNS_BOGUS);
	assert_int_equal(judge("192.0.2.1"), RESULT_TEMPERROR);
	assert_int_equal(result.dnssec, DNS_BOGUS);
}

static void test_evaluate_several_records(void **state)
{
	(void)state;
	put_txt("example.org", "v=spf1 -all");
	put_txt("example.org", "v=verify");
	put_txt("example.org", "V=SPF1 +all");
	assert_int_equal(judge("192.0.2.1"), RESULT_PERMERROR);
	assert_string_equal(result.reason, "several SPF records at example.org");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_evaluate_term_limit_is_global),
		TEST(test_evaluate_include_loops),
		TEST(test_evaluate_fan_out_is_bounded),
		TEST(test_evaluate_void_limit),
		TEST(test_evaluate_void_counts_terms),
		TEST(test_evaluate_void_names_of_ptr),
		TEST(test_evaluate_void_names_of_macro),
		TEST(test_evaluate_mx_limit),
		TEST(test_evaluate_null_mx),
		TEST(test_evaluate_ptr_limit_ignores_rest),
		TEST(test_evaluate_ptr),
		TEST(test_evaluate_validated_name),
		TEST(test_evaluate_dns_failures),
		TEST(test_evaluate_security_is_the_weakest),
		TEST(test_evaluate_bogus),
		TEST(test_evaluate_several_records),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
