/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The DMARC check: tree walk, policy discovery, alignment (RFC 9989 sections 4.4, 4.7, 4.10, 5.3, appendix B).
 * With the public suffix list: test_dmarc_psl.c; what makes a rejection corroborated: test_dmarc_corroborate.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "check/dmarc/dmarc.h"
#include "check_fixture.h"
#include "finding_sets.h"
#include "text_fixture.h"

#define R "TXT \"v=DMARC1; "

/* ---- the walk ---- */

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

/* ---- the check ---- */

/* One message: zone, author domain, SPF and DKIM that pass (NULL: fail). */
static struct check_fixture *judge(const char *zone, const char *author, const char *spf, const char *dkim)
{
	struct check_fixture *fixture = fixture_new(zone);

	fixture_from(fixture, author);
	fixture_spf(fixture, spf != NULL ? RESULT_PASS : RESULT_FAIL, spf != NULL ? spf : "elsewhere.example", DNS_INSECURE);
	if (dkim != NULL)
		fixture_dkim(fixture, RESULT_PASS, dkim, DNS_INSECURE);
	fixture_run(fixture, &check_dmarc);
	return fixture;
}

static void assert_alignment(const char *record, const char *author, const char *spf, const char *dkim, bool spf_aligned,
    bool dkim_aligned)
{
	char zone[500];
	struct check_fixture *fixture;
	struct dmarc_result *result;

	snprintf(zone, sizeof(zone), "_dmarc.example.com. TXT \"%s\"\n_dmarc.example.net. " R "p=none\"\n", record);
	fixture = judge(zone, author, spf, dkim);
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
	fixture = judge(zone, "example.com", NULL, "dept.example.com");
	assert_int_equal(fixture->results.dmarc.result, RESULT_FAIL);
	fixture_free(&fixture);
	fixture = judge(zone, "a.dept.example.com", NULL, "example.com");
	assert_int_equal(fixture->results.dmarc.result, RESULT_FAIL);
	assert_string_equal(fixture->results.dmarc.org_domain, "dept.example.com");
	fixture_free(&fixture);
	fixture = judge(zone, "a.dept.example.com", NULL, "b.dept.example.com");
	assert_int_equal(fixture->results.dmarc.result, RESULT_PASS);
	fixture_free(&fixture);
}

static void test_dmarc_alignment_below_a_public_suffix(void **state)
{
	static const char zone[] = "_dmarc.co.example. " R "p=reject; psd=y\"\n";
	struct check_fixture *fixture;

	(void)state;
	/* two customers of one registry are not one organization; the registry is neither of them */
	fixture = judge(zone, "bank.co.example", NULL, "evil.co.example");
	assert_int_equal(fixture->results.dmarc.result, RESULT_FAIL);
	assert_string_equal(fixture->results.dmarc.policy_domain, "co.example");
	fixture_free(&fixture);
	fixture = judge(zone, "bank.co.example", NULL, "co.example");
	assert_int_equal(fixture->results.dmarc.result, RESULT_FAIL);
	fixture_free(&fixture);
	fixture = judge(zone, "bank.co.example", NULL, "mail.bank.co.example");
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

static void assert_policy(const char *zone, const char *author, enum dmarc_policy policy, enum dmarc_policy disposition)
{
	struct check_fixture *fixture = judge(zone, author, NULL, NULL);
	struct dmarc_result *result = &fixture->results.dmarc;

	if (result->result != RESULT_FAIL || result->policy != policy || result->disposition != disposition)
		fail_msg("%s: %s policy %d disposition %d", zone, result_name(result->result), result->policy, result->disposition);
	assert_true(result->has_policy);
	assert_string_equal(result->domain, author);
	assert_int_equal(fixture_raised(fixture, FINDING_DMARC_FAIL), disposition == DMARC_POLICY_NONE);
	assert_int_equal(fixture_raised(fixture, FINDING_DMARC_QUARANTINE), disposition == DMARC_POLICY_QUARANTINE);
	assert_int_equal(fixture_raised(fixture, FINDING_DMARC_REJECT), disposition == DMARC_POLICY_REJECT);
	fixture_free(&fixture);
}

static void test_dmarc_policy_tags(void **state)
{
	static const enum dmarc_policy NONE = DMARC_POLICY_NONE, QUARANTINE = DMARC_POLICY_QUARANTINE,
	    REJECT = DMARC_POLICY_REJECT;

	(void)state;
	assert_policy("_dmarc.example.com. " R "p=none; sp=reject; np=reject\"\n", "example.com", NONE, NONE);
	assert_policy("_dmarc.example.com. " R "p=quarantine\"\n", "example.com", QUARANTINE, QUARANTINE);
	assert_policy("_dmarc.example.com. " R "p=reject\"\n", "example.com", REJECT, REJECT);
	/* subdomains: sp where the name exists, np where it does not, else sp, else p */
	assert_policy("_dmarc.example.com. " R "p=reject; sp=none; np=quarantine\"\na.example.com. A 192.0.2.1\n",
	    "a.example.com", NONE, NONE);
	assert_policy("_dmarc.example.com. " R "p=reject; sp=none; np=quarantine\"\n", "a.example.com", QUARANTINE, QUARANTINE);
	assert_policy("_dmarc.example.com. " R "p=reject; sp=none\"\n", "a.example.com", NONE, NONE);
	assert_policy("_dmarc.example.com. " R "p=quarantine; np=reject\"\n", "a.example.com", REJECT, REJECT);
	assert_policy("_dmarc.example.com. " R "p=quarantine; np=reject\"\na.example.com. TXT x\n",
	    "a.example.com", QUARANTINE, QUARANTINE);
	assert_policy("_dmarc.example.com. " R "p=quarantine\"\n", "a.example.com", QUARANTINE, QUARANTINE);
	/* an empty non-terminal exists (RFC 8020) */
	assert_policy("_dmarc.example.com. " R "p=none; np=reject\"\nx.a.example.com. A 192.0.2.1\n", "a.example.com", NONE, NONE);
	/* so does an alias, wherever it leads: NXDOMAIN is then said of its target */
	assert_policy("_dmarc.example.com. " R "p=none; np=reject\"\na.example.com. CNAME nowhere.example.net.\n", "a.example.com",
	    NONE, NONE);
	assert_policy("_dmarc.example.com. " R "p=none; np=reject\"\na.example.com. CNAME b.example.com.\n", "a.example.com", NONE, NONE);
	assert_policy("_dmarc.example.com. " R "p=none; np=reject\"\n*.example.com. CNAME nowhere.example.net.\n",
	    "a.example.com", NONE, NONE);
	/* of a public suffix */
	assert_policy("_dmarc.example. " R "p=none; sp=quarantine; np=reject; psd=y\"\n", "a.example", REJECT, REJECT);
	/* t=y: one level lower */
	assert_policy("_dmarc.example.com. " R "p=reject; t=y\"\n", "example.com", REJECT, QUARANTINE);
	assert_policy("_dmarc.example.com. " R "p=quarantine; t=y\"\n", "example.com", QUARANTINE, NONE);
	assert_policy("_dmarc.example.com. " R "p=none; t=y\"\n", "example.com", NONE, NONE);
	assert_policy("_dmarc.example.com. " R "p=none; sp=reject; t=y\"\n", "a.example.com", REJECT, QUARANTINE);
	/* removed and unknown tags change nothing */
	assert_policy("_dmarc.example.com. " R "p=reject; pct=0; rf=x; ri=1\"\n", "example.com", REJECT, REJECT);
	/* missing or wrong p (or sp, np) with a reporting address: as p=none (4.10.1) */
	assert_policy("_dmarc.example.com. " R "rua=mailto:a@example.com\"\n", "example.com", NONE, NONE);
	assert_policy("_dmarc.example.com. " R "p=rejct; rua=mailto:a@example.com\"\n", "example.com", NONE, NONE);
	assert_policy("_dmarc.example.com. " R "p=reject; sp=x; rua=mailto:a@example.com\"\n", "example.com", NONE, NONE);
	assert_policy("_dmarc.example.com. " R "p=reject; np=x; rua=mailto:a@example.com\"\n", "a.example.com", NONE, NONE);
}

static void test_dmarc_record_without_policy(void **state)
{
	/* a badly formed record is told as such; several are as none (section 4.10) */
	static const struct { const char *zone; enum result result; } rows[] = {
		{ "_dmarc.example.com. TXT \"v=DMARC1\"\n", RESULT_PERMERROR },
		{ "_dmarc.example.com. " R "p=rejct\"\n", RESULT_PERMERROR },
		{ "_dmarc.example.com. " R "p=reject; sp=x\"\n", RESULT_PERMERROR },
		{ "_dmarc.example.com. " R "p=reject; rua=x; np=x\"\n", RESULT_PERMERROR },
		{ "_dmarc.example.com. " R "p=rejct; p=reject\"\n", RESULT_PERMERROR },
		{ "_dmarc.example.com. " R "p=reject\"\n_dmarc.example.com. " R "p=none\"\n", RESULT_NONE },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		/* an identifier that is aligned makes no pass of it */
		struct check_fixture *fixture = judge(rows[i].zone, "example.com", "example.com", "example.com");

		/* no DMARC processing (4.10.1), and the admin is told why */
		if (fixture->results.dmarc.result != rows[i].result)
			fail_msg("%s: %s", rows[i].zone, result_name(fixture->results.dmarc.result));
		assert_non_null(fixture->results.dmarc.reason);
		assert_false(fixture->results.dmarc.has_policy);
		assert_int_equal(fixture->results.dmarc.disposition, DMARC_POLICY_NONE);
		assert_findings(fixture->results.set, SET_OF(FINDING_DMARC_PERMERROR, FINDING_DMARC_NONE));
		fixture_free(&fixture);
	}
}

/* What could not be read to its end is a record all the same. */
static void test_dmarc_record_too_long(void **state)
{
	static char zone[4000];
	struct check_fixture *fixture;

	(void)state;
	strcpy(zone, "_dmarc.example.com. TXT \"v=DMARC1;p=reject");
	for (int i = 0; i < 50; i++)
		strcat(zone, ";x=1");
	strcat(zone, "\" \"");
	for (int i = 0; i < 50; i++)
		strcat(zone, ";x=1");
	strcat(zone, "\"\n");
	fixture = judge(zone, "example.com", "example.com", NULL);
	assert_int_equal(fixture->results.dmarc.result, RESULT_PERMERROR);
	assert_findings(fixture->results.set, SET_OF(FINDING_DMARC_PERMERROR, FINDING_DMARC_NONE));
	fixture_free(&fixture);
}

/* A slip does not leave a domain without protection: the first value counts, and the admin hears of it. */
static void test_dmarc_tag_twice(void **state)
{
	static const struct { const char *record, *author, *signer; enum result result; enum dmarc_policy disposition; } rows[] = {
		{ "p=reject; p=none", "example.com", NULL, RESULT_FAIL, DMARC_POLICY_REJECT },
		{ "p=none; p=reject", "example.com", NULL, RESULT_FAIL, DMARC_POLICY_NONE },
		{ "p=reject; rua=mailto:a@b.example; rua=mailto:c@b.example", "example.com", NULL, RESULT_FAIL, DMARC_POLICY_REJECT },
		{ "p=reject; v=DMARC1", "example.com", NULL, RESULT_FAIL, DMARC_POLICY_REJECT },
		{ "p=none; sp=quarantine; sp=none", "a.example.com", NULL, RESULT_FAIL, DMARC_POLICY_QUARANTINE },
		{ "p=reject; adkim=s; adkim=r", "example.com", "a.example.com", RESULT_FAIL, DMARC_POLICY_REJECT },
		{ "p=reject; adkim=r; adkim=s", "example.com", "a.example.com", RESULT_PASS, DMARC_POLICY_NONE },
		{ "p=reject; t=y; t=n", "example.com", NULL, RESULT_FAIL, DMARC_POLICY_QUARANTINE },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char zone[200];
		struct check_fixture *fixture;

		snprintf(zone, sizeof(zone), "_dmarc.example.com. " R "%s\"\na.example.com. A 192.0.2.1\n", rows[i].record);
		fixture = judge(zone, rows[i].author, NULL, rows[i].signer);
		if (fixture->results.dmarc.result != rows[i].result || fixture->results.dmarc.disposition != rows[i].disposition)
			fail_msg("%s: %s, disposition %d", rows[i].record, result_name(fixture->results.dmarc.result),
			    fixture->results.dmarc.disposition);
		assert_non_null(fixture_finding(fixture, FINDING_DMARC_PERMERROR, rows[i].author));
		assert_false(fixture_raised(fixture, FINDING_DMARC_NONE));
		fixture_free(&fixture);
	}
	/* unknown tags, those that are gone among them, may stand there as often as they like */
	struct check_fixture *fixture = judge("_dmarc.example.com. " R "p=reject; pct=1; pct=2; x=1; x=1\"\n", "example.com", NULL, NULL);
	assert_false(fixture_raised(fixture, FINDING_DMARC_PERMERROR));
	fixture_free(&fixture);
}

static void test_dmarc_none(void **state)
{
	struct check_fixture *fixture = judge("example.com. A 192.0.2.1\n_dmarc.example.com. TXT \"v=spf1 -all\"\n",
	    "example.com", "example.com", "example.com");

	(void)state;
	assert_int_equal(fixture->results.dmarc.result, RESULT_NONE);
	assert_string_equal(fixture->results.dmarc.domain, "example.com");
	assert_false(fixture->results.dmarc.has_policy);
	assert_findings(fixture->results.set, SET_OF(FINDING_DMARC_NONE));
	fixture_free(&fixture);
}

#define FAILS "TYPE65280 \\# 0\n"

static void assert_result(struct check_fixture *fixture, enum result result)
{
	if (fixture->results.dmarc.result != result)
		fail_msg("%s instead of %s: %s", result_name(fixture->results.dmarc.result), result_name(result),
		    fixture->results.dmarc.reason);
	assert_int_equal(fixture_raised(fixture, FINDING_DMARC_TEMPERROR), result == RESULT_TEMPERROR);
	fixture_free(&fixture);
}

static void test_dmarc_missing_answers(void **state)
{
	(void)state;
	/* own record missing */
	assert_result(judge("_dmarc.example.com. " FAILS, "example.com", "example.com", NULL), RESULT_TEMPERROR);
	assert_result(judge("_dmarc.a.example.com. " FAILS "_dmarc.example.com. " R "p=none\"\n", "a.example.com", NULL, NULL),
	    RESULT_TEMPERROR);
	/* an answer above is missing: only what does not need it is known */
	assert_result(judge("_dmarc.example.com. " FAILS "_dmarc.a.example.com. " R "p=reject\"\n", "a.example.com", NULL,
	    "a.example.com"), RESULT_PASS);
	assert_result(judge("_dmarc.example.com. " FAILS "_dmarc.a.example.com. " R "p=reject\"\n", "a.example.com", NULL,
	    "b.example.com"), RESULT_TEMPERROR);
	assert_result(judge("_dmarc.example.com. " FAILS "_dmarc.a.example.com. " R "p=reject; adkim=s\"\n", "a.example.com", NULL,
	    "b.example.com"), RESULT_FAIL);
	assert_result(judge("_dmarc.example.com. " FAILS, "a.example.com", NULL, "a.example.com"), RESULT_TEMPERROR);
	/* above a psd tag nothing is asked for */
	assert_result(judge("_dmarc.com. " FAILS "_dmarc.example.com. " R "p=reject; psd=n\"\n", "example.com", NULL, NULL),
	    RESULT_FAIL);
	/* the walk of an identifier that may be aligned */
	assert_result(judge("_dmarc.b.example.com. " FAILS "_dmarc.example.com. " R "p=reject\"\n", "example.com", NULL,
	    "b.example.com"), RESULT_TEMPERROR);
	assert_result(judge("_dmarc.notexample.com. " FAILS "_dmarc.example.com. " R "p=reject\"\n", "example.com", NULL,
	    "notexample.com"), RESULT_FAIL);
	assert_result(judge("_dmarc.b.example.net. " FAILS "_dmarc.example.com. " R "p=reject\"\n", "example.com", NULL,
	    "b.example.net"), RESULT_FAIL);
	/* whether the author domain exists, where np= makes a difference */
	assert_result(judge("_dmarc.example.com. " R "p=reject; np=none\"\na.example.com. " FAILS, "a.example.com", NULL, NULL),
	    RESULT_TEMPERROR);
	assert_result(judge("_dmarc.example.com. " R "p=reject; np=reject\"\na.example.com. " FAILS, "a.example.com", NULL, NULL),
	    RESULT_FAIL);
	assert_result(judge("_dmarc.example.com. " R "p=reject; np=none\"\na.example.com. " FAILS, "a.example.com", NULL,
	    "a.example.com"), RESULT_PASS);
}

/*
 * The author's own record is there, but where its organization begins is not known. Names that cannot be of it are strangers
 * all the same: their pass is no doubt that would turn a reject into a temporary error (section 5.3.6).
 */
static void test_dmarc_strangers_need_no_answer(void **state)
{
	static const char zone[] = "_dmarc.www.bank.test. " R "p=reject\"\n_dmarc.bank.test. " FAILS "_dmarc.test. " FAILS
	    "_dmarc.test.other. " FAILS;
	static const struct { const char *identifier; enum result passes, unknown; } rows[] = {
		{ "evil.example", RESULT_FAIL, RESULT_FAIL },
		{ "test", RESULT_TEMPERROR, RESULT_TEMPERROR },
		{ "evil.test", RESULT_TEMPERROR, RESULT_TEMPERROR },
		{ "bank.test.other", RESULT_FAIL, RESULT_FAIL },
		{ "bank.attest", RESULT_FAIL, RESULT_FAIL },
		{ "t", RESULT_FAIL, RESULT_FAIL },
		{ "bank.test", RESULT_TEMPERROR, RESULT_TEMPERROR },
		{ "www.bank.test", RESULT_PASS, RESULT_TEMPERROR },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		for (int unknown = 0; unknown < 2; unknown++) {
			struct check_fixture *fixture = fixture_new(zone);
			enum result wanted = unknown ? rows[i].unknown : rows[i].passes;

			fixture_from(fixture, "www.bank.test");
			fixture_spf(fixture, unknown ? RESULT_TEMPERROR : RESULT_PASS, rows[i].identifier, DNS_INSECURE);
			fixture_run(fixture, &check_dmarc);
			if (fixture->results.dmarc.result != wanted)
				fail_msg("%s, %s: %s", rows[i].identifier, unknown ? "unknown" : "passes",
				    result_name(fixture->results.dmarc.result));
			assert_int_equal(fixture_raised(fixture, FINDING_DMARC_REJECT), wanted == RESULT_FAIL);
			fixture_free(&fixture);
		}
	}
}

static struct check_fixture *judge_identifiers(enum result spf, const char *spf_domain, enum result dkim,
    const char *dkim_domain)
{
	struct check_fixture *fixture = fixture_new("_dmarc.example.com. " R "p=reject\"\n");

	fixture_from(fixture, "example.com");
	fixture_spf(fixture, spf, spf_domain, DNS_INSECURE);
	fixture_dkim(fixture, dkim, dkim_domain, DNS_INSECURE);
	fixture_run(fixture, &check_dmarc);
	return fixture;
}

static void test_dmarc_temperror_of_an_identifier(void **state)
{
	(void)state;
	assert_result(judge_identifiers(RESULT_TEMPERROR, "example.com", RESULT_FAIL, "example.com"), RESULT_TEMPERROR);
	assert_result(judge_identifiers(RESULT_TEMPERROR, "a.example.com", RESULT_FAIL, "example.com"), RESULT_TEMPERROR);
	assert_result(judge_identifiers(RESULT_FAIL, "example.com", RESULT_TEMPERROR, "example.com"), RESULT_TEMPERROR);
	assert_result(judge_identifiers(RESULT_TEMPERROR, NULL, RESULT_FAIL, "example.com"), RESULT_TEMPERROR);
	/* one that passes is enough; one that cannot be aligned does not matter */
	assert_result(judge_identifiers(RESULT_TEMPERROR, "example.com", RESULT_PASS, "example.com"), RESULT_PASS);
	assert_result(judge_identifiers(RESULT_PASS, "example.com", RESULT_TEMPERROR, "example.com"), RESULT_PASS);
	assert_result(judge_identifiers(RESULT_TEMPERROR, "elsewhere.example", RESULT_TEMPERROR, "third.example"), RESULT_FAIL);
}

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
		cmocka_unit_test(test_dmarc_walk_names),
		cmocka_unit_test(test_dmarc_walk_discover_rows),
		cmocka_unit_test(test_dmarc_alignment),
		cmocka_unit_test(test_dmarc_alignment_stops_at_psd_no),
		cmocka_unit_test(test_dmarc_alignment_below_a_public_suffix),
		cmocka_unit_test(test_dmarc_only_the_right_identities_count),
		cmocka_unit_test(test_dmarc_policy_tags),
		cmocka_unit_test(test_dmarc_record_without_policy),
		cmocka_unit_test(test_dmarc_record_too_long),
		cmocka_unit_test(test_dmarc_tag_twice),
		cmocka_unit_test(test_dmarc_none),
		cmocka_unit_test(test_dmarc_missing_answers),
		cmocka_unit_test(test_dmarc_strangers_need_no_answer),
		cmocka_unit_test(test_dmarc_temperror_of_an_identifier),
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
