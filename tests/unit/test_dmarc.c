/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The DMARC check: what records ask for, and what missing answers make of it. The walk and alignment: test_dmarc_walk.c; authors and
 * signatures: test_dmarc_author.c; the public suffix list: test_dmarc_psl.c; what makes a rejection corroborated:
 * test_dmarc_corroborate.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "dmarc_fixture.h"
#include "finding_sets.h"

static void assert_policy(const char *zone, const char *author, enum dmarc_policy policy, enum dmarc_policy disposition)
{
	struct check_fixture *fixture = judge_dmarc(zone, author, NULL, NULL);
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
		struct check_fixture *fixture = judge_dmarc(rows[i].zone, "example.com", "example.com", "example.com");

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
	fixture = judge_dmarc(zone, "example.com", "example.com", NULL);
	assert_int_equal(fixture->results.dmarc.result, RESULT_PERMERROR);
	assert_findings(fixture->results.set, SET_OF(FINDING_DMARC_PERMERROR, FINDING_DMARC_NONE));
	fixture_free(&fixture);
	/* and beside another one it is one of several, which are as none (section 4.10) */
	strcat(zone, "_dmarc.example.com. TXT \"v=DMARC1; p=none\"\n");
	fixture = judge_dmarc(zone, "example.com", "example.com", NULL);
	assert_int_equal(fixture->results.dmarc.result, RESULT_NONE);
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
		fixture = judge_dmarc(zone, rows[i].author, NULL, rows[i].signer);
		if (fixture->results.dmarc.result != rows[i].result || fixture->results.dmarc.disposition != rows[i].disposition)
			fail_msg("%s: %s, disposition %d", rows[i].record, result_name(fixture->results.dmarc.result),
			    fixture->results.dmarc.disposition);
		assert_non_null(fixture_finding(fixture, FINDING_DMARC_PERMERROR, rows[i].author));
		assert_false(fixture_raised(fixture, FINDING_DMARC_NONE));
		fixture_free(&fixture);
	}
	/* unknown tags, those that are gone among them, may stand there as often as they like */
	struct check_fixture *fixture = judge_dmarc("_dmarc.example.com. " R "p=reject; pct=1; pct=2; x=1; x=1\"\n", "example.com", NULL, NULL);
	assert_false(fixture_raised(fixture, FINDING_DMARC_PERMERROR));
	fixture_free(&fixture);
}

static void test_dmarc_none(void **state)
{
	struct check_fixture *fixture = judge_dmarc("example.com. A 192.0.2.1\n_dmarc.example.com. TXT \"v=spf1 -all\"\n",
	    "example.com", "example.com", "example.com");

	(void)state;
	assert_int_equal(fixture->results.dmarc.result, RESULT_NONE);
	assert_string_equal(fixture->results.dmarc.domain, "example.com");
	assert_false(fixture->results.dmarc.has_policy);
	assert_findings(fixture->results.set, SET_OF(FINDING_DMARC_NONE));
	fixture_free(&fixture);
}

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
	assert_result(judge_dmarc("_dmarc.example.com. " FAILS, "example.com", "example.com", NULL), RESULT_TEMPERROR);
	assert_result(judge_dmarc("_dmarc.a.example.com. " FAILS "_dmarc.example.com. " R "p=none\"\n", "a.example.com", NULL, NULL),
	    RESULT_TEMPERROR);
	/* an answer above is missing: only what does not need it is known */
	assert_result(judge_dmarc("_dmarc.example.com. " FAILS "_dmarc.a.example.com. " R "p=reject\"\n", "a.example.com", NULL,
	    "a.example.com"), RESULT_PASS);
	assert_result(judge_dmarc("_dmarc.example.com. " FAILS "_dmarc.a.example.com. " R "p=reject\"\n", "a.example.com", NULL,
	    "b.example.com"), RESULT_TEMPERROR);
	assert_result(judge_dmarc("_dmarc.example.com. " FAILS "_dmarc.a.example.com. " R "p=reject; adkim=s\"\n", "a.example.com", NULL,
	    "b.example.com"), RESULT_FAIL);
	assert_result(judge_dmarc("_dmarc.example.com. " FAILS, "a.example.com", NULL, "a.example.com"), RESULT_TEMPERROR);
	/* above a psd tag nothing is asked for */
	assert_result(judge_dmarc("_dmarc.com. " FAILS "_dmarc.example.com. " R "p=reject; psd=n\"\n", "example.com", NULL, NULL),
	    RESULT_FAIL);
	/* the walk of an identifier that may be aligned */
	assert_result(judge_dmarc("_dmarc.b.example.com. " FAILS "_dmarc.example.com. " R "p=reject\"\n", "example.com", NULL,
	    "b.example.com"), RESULT_TEMPERROR);
	assert_result(judge_dmarc("_dmarc.notexample.com. " FAILS "_dmarc.example.com. " R "p=reject\"\n", "example.com", NULL,
	    "notexample.com"), RESULT_FAIL);
	assert_result(judge_dmarc("_dmarc.b.example.net. " FAILS "_dmarc.example.com. " R "p=reject\"\n", "example.com", NULL,
	    "b.example.net"), RESULT_FAIL);
	/* whether the author domain exists, where np= makes a difference */
	assert_result(judge_dmarc("_dmarc.example.com. " R "p=reject; np=none\"\na.example.com. " FAILS, "a.example.com", NULL, NULL),
	    RESULT_TEMPERROR);
	assert_result(judge_dmarc("_dmarc.example.com. " R "p=reject; np=reject\"\na.example.com. " FAILS, "a.example.com", NULL, NULL),
	    RESULT_FAIL);
	assert_result(judge_dmarc("_dmarc.example.com. " R "p=reject; np=none\"\na.example.com. " FAILS, "a.example.com", NULL,
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_dmarc_policy_tags),
		cmocka_unit_test(test_dmarc_record_without_policy),
		cmocka_unit_test(test_dmarc_record_too_long),
		cmocka_unit_test(test_dmarc_tag_twice),
		cmocka_unit_test(test_dmarc_none),
		cmocka_unit_test(test_dmarc_missing_answers),
		cmocka_unit_test(test_dmarc_strangers_need_no_answer),
		cmocka_unit_test(test_dmarc_temperror_of_an_identifier),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
