/* SPDX-License-Identifier: BSD-2-Clause */
/* iprev, RFC 8601 section 3 and its result words of section 2.7.3. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "check_fixture.h"
#include "finding_sets.h"

static struct check_fixture *judge(const char *zone, const char *client, const char *client_name)
{
	struct check_fixture *fixture = fixture_new(zone);

	assert_int_equal(addr_parse(client, &fixture->connection.client), 0);
	fixture->connection.client_name = client_name;
	fixture_run(fixture, &check_iprev);
	return fixture;
}

static void assert_verdict(const char *zone, const char *client, enum result result, const char *name)
{
	struct check_fixture *fixture = judge(zone, client, NULL);

	assert_int_equal(fixture->results.iprev.result, result);
	if (name != NULL)
		assert_string_equal(fixture->results.iprev.name, name);
	else
		assert_null(fixture->results.iprev.name);
	assert_int_equal(fixture_raised(fixture, FINDING_IPREV_FAIL), result == RESULT_FAIL || result == RESULT_PERMERROR);
	assert_int_equal(fixture_raised(fixture, FINDING_IPREV_TEMPERROR), result == RESULT_TEMPERROR);
	assert_true(result == RESULT_PASS || fixture->results.iprev.reason != NULL);
	if (result != RESULT_PASS)
		assert_string_equal(fixture->results.findings[0].domain, client);
	fixture_free(&fixture);
}

static void test_iprev_pass(void **state)
{
	(void)state;
	assert_verdict("1.2.0.192.in-addr.arpa. PTR mail.example.\nmail.example. A 192.0.2.1\n",
	    "192.0.2.1", RESULT_PASS, "mail.example");
	assert_verdict("1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa. PTR mail.example.\n"
	    "mail.example. AAAA 2001:db8::1\n", "2001:db8::1", RESULT_PASS, "mail.example");
	/* one of several names and addresses is enough */
	assert_verdict("1.2.0.192.in-addr.arpa. PTR bad.example.\n1.2.0.192.in-addr.arpa. PTR good.example.\n"
	    "bad.example. A 192.0.2.7\ngood.example. A 192.0.2.8\ngood.example. A 192.0.2.1\n",
	    "192.0.2.1", RESULT_PASS, "good.example");
	/* RFC 2317 delegation and an alias in front */
	assert_verdict("1.2.0.192.in-addr.arpa. CNAME 1.0-7.2.0.192.in-addr.arpa.\n"
	    "1.0-7.2.0.192.in-addr.arpa. PTR mail.example.\nmail.example. CNAME host.example.\nhost.example. A 192.0.2.1\n",
	    "192.0.2.1", RESULT_PASS, "mail.example");
	/* a name that fails does not matter when another leads back */
	assert_verdict("1.2.0.192.in-addr.arpa. PTR a.example.\n1.2.0.192.in-addr.arpa. PTR b.example.\n"
	    "a.example. TYPE65280 \\# 0\nb.example. A 192.0.2.1\n", "192.0.2.1", RESULT_PASS, "b.example");
}

static void test_iprev_fail(void **state)
{
	(void)state;
	assert_verdict("1.2.0.192.in-addr.arpa. PTR mail.example.\nmail.example. A 192.0.2.2\n", "192.0.2.1", RESULT_FAIL, NULL);
	/* forward NXDOMAIN and NODATA */
	assert_verdict("1.2.0.192.in-addr.arpa. PTR none.example.\n", "192.0.2.1", RESULT_FAIL, NULL);
	assert_verdict("1.2.0.192.in-addr.arpa. PTR mail.example.\nmail.example. TXT x\n", "192.0.2.1", RESULT_FAIL, NULL);
	/* the address of the other family does not count */
	assert_verdict("1.2.0.192.in-addr.arpa. PTR mail.example.\nmail.example. AAAA ::ffff:192.0.2.1\n",
	    "192.0.2.1", RESULT_FAIL, NULL);
}

static void test_iprev_permerror_without_ptr(void **state)
{
	(void)state;
	assert_verdict("other.example. A 192.0.2.1\n", "192.0.2.1", RESULT_PERMERROR, NULL);
	assert_verdict("1.2.0.192.in-addr.arpa. TXT x\n", "192.0.2.1", RESULT_PERMERROR, NULL);
}

static void test_iprev_temperror(void **state)
{
	(void)state;
	assert_verdict("1.2.0.192.in-addr.arpa. TYPE65280 \\# 0\n", "192.0.2.1", RESULT_TEMPERROR, NULL);
	assert_verdict("1.2.0.192.in-addr.arpa. PTR a.example.\n1.2.0.192.in-addr.arpa. PTR b.example.\n"
	    "a.example. TYPE65280 \\# 0\nb.example. A 192.0.2.9\n", "192.0.2.1", RESULT_TEMPERROR, NULL);
}

static void test_iprev_looks_at_ten_names_and_the_one_of_the_mta(void **state)
{
	char zone[4000] = "";
	struct check_fixture *fixture;

	(void)state;
	for (int i = 0; i < 30; i++)
		sprintf(zone + strlen(zone), "1.2.0.192.in-addr.arpa. PTR n%d.example.\n", i);
	strcat(zone, "n25.example. A 192.0.2.1\n");
	/* the name that leads back is somewhere among 30: found when the MTA has found it too */
	fixture = judge(zone, "192.0.2.1", "N25.example");
	assert_int_equal(fixture->results.iprev.result, RESULT_PASS);
	assert_string_equal(fixture->results.iprev.name, "n25.example");
	fixture_free(&fixture);
	/* a name that the MTA claims and DNS does not is nothing */
	fixture = judge("1.2.0.192.in-addr.arpa. PTR a.example.\nb.example. A 192.0.2.1\n", "192.0.2.1", "b.example");
	assert_int_equal(fixture->results.iprev.result, RESULT_FAIL);
	fixture_free(&fixture);
}

static void test_iprev_not_checked(void **state)
{
	struct check_fixture *fixture = fixture_new(NULL);

	(void)state;
	fixture->connection.client.family = AF_UNSPEC;
	fixture_run(fixture, &check_iprev);
	assert_int_equal(fixture->results.iprev.result, RESULT_UNCHECKED);
	fixture->config.iprev_enabled = false;
	assert_int_equal(addr_parse("192.0.2.1", &fixture->connection.client), 0);
	fixture_run(fixture, &check_iprev);
	assert_int_equal(fixture->results.iprev.result, RESULT_UNCHECKED);
	assert_findings(fixture->results.set, SET_NONE);
	fixture_free(&fixture);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_iprev_pass),
		cmocka_unit_test(test_iprev_fail),
		cmocka_unit_test(test_iprev_permerror_without_ptr),
		cmocka_unit_test(test_iprev_temperror),
		cmocka_unit_test(test_iprev_looks_at_ten_names_and_the_one_of_the_mta),
		cmocka_unit_test(test_iprev_not_checked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
