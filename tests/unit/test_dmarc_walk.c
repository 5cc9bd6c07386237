/* SPDX-License-Identifier: BSD-2-Clause */
/* DMARC: the tree walk and policy discovery, alignment (RFC 9989 sections 4.4, 4.7, 4.10, 5.3, appendix B). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "dmarc_fixture.h"

static void assert_walk(const char *domain, const char *const *expected)
{
	const char *names[DMARC_WALK_MAX];
	size_t count = dmarc_walk_names(domain, names), i;

	for (i = 0; i < count && expected[i] != NULL; i++)
		assert_string_equal(names[i], expected[i]);
	assert_int_equal(i, count);
	assert_null(expected[i]);
}

static void test_dmarc_walk_names(void **state)
{
	(void)state;
	/* section 4.10's own illustration, and section 5.1.8's */
	assert_walk("a.b.c.d.e.f.g.h.i.j.mail.example.com", (const char *const[]){ "a.b.c.d.e.f.g.h.i.j.mail.example.com",
	    "g.h.i.j.mail.example.com", "h.i.j.mail.example.com", "i.j.mail.example.com", "j.mail.example.com",
	    "mail.example.com", "example.com", "com", NULL });
	assert_walk("mail.a.b.c.d.e.f.g.example.com", (const char *const[]){ "mail.a.b.c.d.e.f.g.example.com",
	    "c.d.e.f.g.example.com", "d.e.f.g.example.com", "e.f.g.example.com", "f.g.example.com", "g.example.com",
	    "example.com", "com", NULL });
	/* exactly eight labels, and seven */
	assert_walk("a.b.c.d.e.f.example.com", (const char *const[]){ "a.b.c.d.e.f.example.com", "b.c.d.e.f.example.com",
	    "c.d.e.f.example.com", "d.e.f.example.com", "e.f.example.com", "f.example.com", "example.com", "com", NULL });
	assert_walk("b.c.d.e.f.example.com", (const char *const[]){ "b.c.d.e.f.example.com", "c.d.e.f.example.com",
	    "d.e.f.example.com", "e.f.example.com", "f.example.com", "example.com", "com", NULL });
	assert_walk("a.mail.example.com", (const char *const[]){ "a.mail.example.com", "mail.example.com", "example.com",
	    "com", NULL });
	assert_walk("com", (const char *const[]){ "com", NULL });
}

struct discovery_row {
	const char *zone, *domain, *org_domain, *policy_domain;
	bool inherited;
};

static void test_dmarc_walk_discover_rows(void **state)
{
	static const struct discovery_row rows[] = {
		/* the three examples at the end of section 4.10.2 */
		{ "_dmarc.mail.example.com. " R "p=none\"\n_dmarc.example.com. " R "p=reject\"\n",
		    "a.mail.example.com", "example.com", "example.com", true },
		{ "_dmarc.mail.example.com. " R "p=none; psd=n\"\n_dmarc.example.com. " R "p=reject\"\n",
		    "a.mail.example.com", "mail.example.com", "mail.example.com", true },
		{ "_dmarc.com. " R "p=none; psd=y\"\n", "a.mail.example.com", "example.com", "com", true },
		/* and the one in rule 2 */
		{ "_dmarc.example.com. " R "p=none; psd=y\"\n", "mail.example.com", "mail.example.com", "example.com", true },
		/* own record: the policy, but not of need the organizational domain */
		{ "_dmarc.mail.example.com. " R "p=none\"\n_dmarc.example.com. " R "p=reject\"\n",
		    "mail.example.com", "example.com", "mail.example.com", false },
		/* psd=y at the start does not make the name below it anything */
		{ "_dmarc.example.com. " R "p=none; psd=y\"\n_dmarc.com. " R "p=none\"\n",
		    "example.com", "example.com", "example.com", false },
		/* psd=y above own and organizational records: the walk ends there */
		{ "_dmarc.co.example. " R "p=none; psd=y\"\n_dmarc.a.co.example. " R "p=quarantine\"\n_dmarc.example. " R "p=none\"\n",
		    "x.a.co.example", "a.co.example", "a.co.example", true },
		/* the organizational domain has no record: that of the public suffix above it (4.10.1), not one between */
		{ "_dmarc.b.a.co.example. " R "p=reject\"\n_dmarc.co.example. " R "p=none; psd=y\"\n",
		    "c.b.a.co.example", "a.co.example", "co.example", true },
		/* psd=u is as if absent */
		{ "_dmarc.mail.example.com. " R "p=none; psd=u\"\n_dmarc.example.com. " R "p=reject\"\n",
		    "mail.example.com", "example.com", "mail.example.com", false },
		/* no record: the starting name */
		{ "a.example.com. A 192.0.2.1\n", "a.example.com", "a.example.com", NULL, false },
		/* section 5.1.8: a record at the ninth label from the right is not found */
		{ "_dmarc.b.c.d.e.f.g.example.com. " R "p=none; psd=n\"\n_dmarc.example.com. " R "p=reject\"\n",
		    "mail.a.b.c.d.e.f.g.example.com", "example.com", "example.com", true },
		/* several records at one name: none of them counts, the walk goes on */
		{ "_dmarc.mail.example.com. " R "p=none\"\n_dmarc.mail.example.com. " R "p=reject\"\n"
		  "_dmarc.example.com. " R "p=reject\"\n", "mail.example.com", "example.com", "example.com", true },
		/* other TXT records at the name do not disturb */
		{ "_dmarc.example.com. TXT \"v=spf1 -all\"\n_dmarc.example.com. " R "p=reject\"\n_dmarc.example.com. TXT \"v=DMARC2\"\n",
		    "example.com", "example.com", "example.com", false },
		/* an alias, a wildcard, a record in several strings */
		{ "_dmarc.example.com. CNAME policy.example.net.\npolicy.example.net. " R "p=reject\"\n",
		    "example.com", "example.com", "example.com", false },
		{ "*.example.com. " R "p=reject\"\n", "mail.example.com", "example.com", "mail.example.com", false },
		{ "_dmarc.example.com. TXT \"v=DM\" \"ARC1; p=rej\" \"ect\"\n", "example.com", "example.com", "example.com", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct check_fixture *fixture = fixture_new(rows[i].zone);
		struct dmarc_discovery found;

		dmarc_discover(&fixture->context, DNS_FOR_AUTHOR, rows[i].domain, &found);
		if (found.org_domain == NULL || strcmp(found.org_domain, rows[i].org_domain) != 0)
			fail_msg("row %zu: organizational domain %s", i, found.org_domain);
		assert_int_equal(found.record != NULL, rows[i].policy_domain != NULL);
		if (found.record != NULL && strcmp(found.policy_domain, rows[i].policy_domain) != 0)
			fail_msg("row %zu: policy domain %s", i, found.policy_domain);
		assert_int_equal(found.inherited, rows[i].inherited);
		assert_null(found.failure);
		fixture_free(&fixture);
	}
}

static void assert_alignment(const char *record, const char *author, const char *spf, const char *dkim, bool spf_aligned,
    bool dkim_aligned)
{
	char zone[500];
	struct check_fixture *fixture;
	struct dmarc_result *result;

	snprintf(zone, sizeof(zone), "_dmarc.example.com. TXT \"%s\"\n_dmarc.example.net. " R "p=none\"\n", record);
	fixture = judge_dmarc(zone, author, spf, dkim);
	result = &fixture->results.dmarc;
	if (result->spf_aligned != spf_aligned || result->dkim_aligned != dkim_aligned)
		fail_msg("%s: %s against %s, %s", record, author, spf, dkim);
	assert_int_equal(result->result, spf_aligned || dkim_aligned ? RESULT_PASS : RESULT_FAIL);
	assert_int_equal(result->disposition, result->result == RESULT_PASS ? DMARC_POLICY_NONE : DMARC_POLICY_REJECT);
	assert_int_equal(fixture_raised(fixture, FINDING_DMARC_REJECT), result->result == RESULT_FAIL);
	fixture_free(&fixture);
}

static void test_dmarc_alignment(void **state)
{
	static const char relaxed[] = "v=DMARC1; p=reject", strict[] = "v=DMARC1; p=reject; aspf=s; adkim=s";

	(void)state;
	/* table 1 of section 4.4 */
	assert_alignment(relaxed, "news.example.com", "foo.example.com", NULL, true, false);
	assert_alignment(relaxed, "news.example.com", "news.example.com", NULL, true, false);
	assert_alignment(relaxed, "news.example.com", "foo.example.net", NULL, false, false);
	/* appendix B.1.1: SPF */
	assert_alignment(strict, "example.com", "example.com", NULL, true, false);
	assert_alignment(relaxed, "example.com", "child.example.com", NULL, true, false);
	assert_alignment(relaxed, "child.example.com", "example.net", NULL, false, false);
	/* appendix B.1.2: DKIM */
	assert_alignment(strict, "example.com", NULL, "example.com", false, true);
	assert_alignment(relaxed, "child.example.com", NULL, "example.com", false, true);
	assert_alignment(relaxed, "child.example.com", NULL, "example.net", false, false);
	/* strict is equality */
	assert_alignment(strict, "example.com", "child.example.com", NULL, false, false);
	assert_alignment(strict, "child.example.com", NULL, "example.com", false, false);
	assert_alignment("v=DMARC1; p=reject; aspf=s", "example.com", "a.example.com", "a.example.com", false, true);
	assert_alignment("v=DMARC1; p=reject; adkim=s", "example.com", "a.example.com", "a.example.com", true, false);
	/* names that only look alike */
	assert_alignment(relaxed, "example.com", "notexample.com", "example.com.evil.example", false, false);
	assert_alignment(relaxed, "example.com", "com", "com", false, false);
	/* case does not matter */
	assert_alignment(strict, "Example.COM", "EXAMPLE.com", NULL, true, false);
}

static void test_dmarc_alignment_stops_at_psd_no(void **state)
{
	static const char zone[] = "_dmarc.example.com. " R "p=reject\"\n_dmarc.dept.example.com. " R "p=reject; psd=n\"\n";
	struct check_fixture *fixture;

	(void)state;
	/* a department of its own is not aligned with the rest, in either direction */
	fixture = judge_dmarc(zone, "example.com", NULL, "dept.example.com");
	assert_int_equal(fixture->results.dmarc.result, RESULT_FAIL);
	fixture_free(&fixture);
	fixture = judge_dmarc(zone, "a.dept.example.com", NULL, "example.com");
	assert_int_equal(fixture->results.dmarc.result, RESULT_FAIL);
	assert_string_equal(fixture->results.dmarc.org_domain, "dept.example.com");
	fixture_free(&fixture);
	fixture = judge_dmarc(zone, "a.dept.example.com", NULL, "b.dept.example.com");
	assert_int_equal(fixture->results.dmarc.result, RESULT_PASS);
	fixture_free(&fixture);
}

static void test_dmarc_alignment_below_a_public_suffix(void **state)
{
	static const char zone[] = "_dmarc.co.example. " R "p=reject; psd=y\"\n";
	struct check_fixture *fixture;

	(void)state;
	/* two customers of one registry are not one organization; the registry is neither of them */
	fixture = judge_dmarc(zone, "bank.co.example", NULL, "evil.co.example");
	assert_int_equal(fixture->results.dmarc.result, RESULT_FAIL);
	assert_string_equal(fixture->results.dmarc.policy_domain, "co.example");
	fixture_free(&fixture);
	fixture = judge_dmarc(zone, "bank.co.example", NULL, "co.example");
	assert_int_equal(fixture->results.dmarc.result, RESULT_FAIL);
	fixture_free(&fixture);
	fixture = judge_dmarc(zone, "bank.co.example", NULL, "mail.bank.co.example");
	assert_int_equal(fixture->results.dmarc.result, RESULT_PASS);
	fixture_free(&fixture);
}

static void test_dmarc_only_the_right_identities_count(void **state)
{
	static const char zone[] = "_dmarc.example.com. " R "p=reject\"\n";
	struct check_fixture *fixture = fixture_new(zone);

	(void)state;
	/* a passing HELO beside a MAIL FROM of another domain never counts (section 4.4.2) */
	fixture_from(fixture, "example.com");
	fixture_spf(fixture, RESULT_NONE, "elsewhere.example", DNS_INSECURE);
	fixture->results.spf_helo = (struct spf_result){ .result = RESULT_PASS, .scope = SPF_SCOPE_HELO, .domain = "example.com" };
	/* nor do signatures that do not pass */
	fixture_dkim(fixture, RESULT_FAIL, "example.com", DNS_INSECURE);
	fixture_dkim(fixture, RESULT_POLICY, "example.com", DNS_INSECURE);
	fixture_dkim(fixture, RESULT_NEUTRAL, "example.com", DNS_INSECURE);
	fixture_dkim(fixture, RESULT_PASS, "elsewhere.example", DNS_INSECURE);
	fixture_dkim(fixture, RESULT_PERMERROR, NULL, DNS_INSECURE);
	fixture_run(fixture, &check_dmarc);
	assert_int_equal(fixture->results.dmarc.result, RESULT_FAIL);
	fixture_free(&fixture);

	/* the null sender: HELO is the identity, and results->spf says so */
	fixture = fixture_new(zone);
	fixture_from(fixture, "example.com");
	fixture_spf(fixture, RESULT_PASS, "mail.example.com", DNS_INSECURE);
	fixture->results.spf.scope = SPF_SCOPE_HELO;
	fixture_run(fixture, &check_dmarc);
	assert_int_equal(fixture->results.dmarc.result, RESULT_PASS);
	fixture_free(&fixture);

	static const enum result others[] = { RESULT_SOFTFAIL, RESULT_NEUTRAL, RESULT_NONE, RESULT_PERMERROR };
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		fixture = fixture_new(zone);
		fixture_from(fixture, "example.com");
		fixture_spf(fixture, others[i], "example.com", DNS_INSECURE);
		fixture_run(fixture, &check_dmarc);
		assert_int_equal(fixture->results.dmarc.result, RESULT_FAIL);
		fixture_free(&fixture);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_dmarc_walk_names),
		cmocka_unit_test(test_dmarc_walk_discover_rows),
		cmocka_unit_test(test_dmarc_alignment),
		cmocka_unit_test(test_dmarc_alignment_stops_at_psd_no),
		cmocka_unit_test(test_dmarc_alignment_below_a_public_suffix),
		cmocka_unit_test(test_dmarc_only_the_right_identities_count),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
