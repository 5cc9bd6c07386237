/* SPDX-License-Identifier: BSD-2-Clause */
/* What makes a rejection corroborated (RFC 9989 section 7.4): dmarc { corroborate }, and what speaks for a forwarder. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "check_fixture.h"
#include "finding_sets.h"

#define R "TXT \"v=DMARC1; "

/* What config.c has as the default; tests/unit/test_config.c holds it to that. */
static finding_set usual(void)
{
	return SET_OF(FINDING_IPREV_FAIL, FINDING_ADSP_DISCARDABLE, FINDING_TLS_DOWNGRADE);
}

struct row {
	const char *name, *value;	/* of a field or, "dkim" and "dkim+", of a signature */
	bool iprev_fails;
	const char *record;
	bool corroborated;
};

/* An author whose domain asks to reject, from a client that SPF says may not. */
static struct check_fixture *message_new(const char *record)
{
	static const char *const forwarders[] = { "lists.example", ".forwarder.example" };
	char zone[300];
	struct check_fixture *fixture;

	snprintf(zone, sizeof(zone), "_dmarc.example.com. " R "%s\"\n_dmarc.other.test. " R "%s\"\nexample.com. A 192.0.2.1\n"
	    "other.test. A 192.0.2.1\n", record, record);
	fixture = fixture_new(zone);
	fixture->config.trusted_forwarders = (struct domain_list){ .count = 2,
	    .set = domain_set_make(fixture->context.arena, forwarders, 2) };
	fixture->config.dmarc_corroborate = usual();
	fixture_from(fixture, "example.com");
	fixture_spf(fixture, RESULT_FAIL, "example.com", DNS_INSECURE);
	results_raise(&fixture->results, FINDING_SPF_FAIL, "example.com", NULL, DNS_INSECURE);
	return fixture;
}

static void assert_corroborated(struct check_fixture *fixture, bool expected, const char *about)
{
	fixture_run(fixture, &check_dmarc);
	fixture_run(fixture, &check_corroborate);
	if (fixture_raised(fixture, FINDING_DMARC_REJECT_CORROBORATED) != expected)
		fail_msg("%s: %s", about, expected ? "not corroborated" : "corroborated");
	/* it comes in addition */
	if (expected)
		assert_true(fixture_raised(fixture, FINDING_DMARC_REJECT));
	fixture_free(&fixture);
}

/* "arc": a chain of one set passes; "arc+": and changed since; "arc-": it does not pass. */
static void seal(struct check_fixture *fixture, const char *name, const char *sealer)
{
	struct arc_set *set = arena_calloc(fixture->facts.arena, 1, sizeof(*set));

	*set = (struct arc_set){ .sealer = sealer, .selector = "s", .intact = strcmp(name, "arc+") != 0 };
	fixture->results.arc = (struct arc_result){ .result = strcmp(name, "arc-") == 0 ? RESULT_FAIL : RESULT_PASS, .sealer = sealer,
		.sets = set, .set_count = 1 };
}

static void test_corroborate_rows(void **state)
{
	static const char unverified[] = " i=1; a=rsa-sha256; d=lists.example; s=x; cv=none; b=AAAA";
	static const struct row rows[] = {
		/* section 7.4's own example, a forwarder with nothing wrong but SPF */
		{ NULL, NULL, false, "p=reject", false },
		{ NULL, NULL, true, "p=reject", true },
		{ NULL, NULL, true, "p=quarantine", false },
		{ NULL, NULL, true, "p=reject; t=y", false },
		{ "dkim", "example.com", true, "p=reject", false },
		/* signs of lists and forwarders */
		{ "List-Id", " <a.lists.example>", true, "p=reject", false },
		{ "LIST-POST", " <mailto:a@lists.example>", true, "p=reject", false },
		{ "Mailing-List", " x", true, "p=reject", false },
		{ "Precedence", " List", true, "p=reject", false },
		{ "Precedence", " bulk", true, "p=reject", true },
		{ "X-Forwarded-For", " x", true, "p=reject", false },
		{ "Resent-From", " x@y.example", true, "p=reject", false },
		{ "List", " x", true, "p=reject", true },
		/* a seal that nobody verified speaks for nobody; of those that are, and of signatures, trusted forwarders' count */
		{ "ARC-Seal", unverified, true, "p=reject", true },
		{ "arc", "lists.example", true, "p=reject", false },
		{ "arc", "other.example", true, "p=reject", true },
		{ "arc+", "lists.example", true, "p=reject", true },
		{ "arc-", "lists.example", true, "p=reject", true },
		{ "dkim", "lists.example", true, "p=reject", false },
		{ "dkim+", "lists.example", true, "p=reject", true },
		{ "dkim", "sub.lists.example", true, "p=reject", true },
		{ "dkim", "forwarder.example", true, "p=reject", false },
		{ "dkim", "a.forwarder.example", true, "p=reject", false },
		{ "dkim", "aforwarder.example", true, "p=reject", true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct check_fixture *fixture = message_new(rows[i].record);
		const char *name = rows[i].name;

		if (name != NULL && strncmp(name, "dkim", 4) == 0)
			fixture_dkim(fixture, RESULT_PASS, rows[i].value, DNS_INSECURE);
		else if (name != NULL && strncmp(name, "arc", 3) == 0)
			seal(fixture, name, rows[i].value);
		else if (name != NULL)
			fixture_field(fixture, name, rows[i].value);
		if (name != NULL && strcmp(name, "dkim+") == 0)
			fixture->dkim[0].added_field = "From";
		if (rows[i].iprev_fails)
			results_raise(&fixture->results, FINDING_IPREV_FAIL, "203.0.113.9", NULL, DNS_INSECURE);
		assert_corroborated(fixture, rows[i].corroborated, arena_printf(fixture->facts.arena, "row %zu", i));
	}
}

static void test_corroborate_evidence(void **state)
{
	/* whom each kind of evidence has to speak of, and that the list decides */
	static const struct { enum finding_id id; const char *domain; bool listed, corroborated; } rows[] = {
		{ FINDING_IPREV_FAIL, "203.0.113.9", false, false },
		{ FINDING_IPREV_TEMPERROR, "203.0.113.9", true, false },
		{ FINDING_ADSP_DISCARDABLE, "example.com", true, true },
		{ FINDING_ADSP_DISCARDABLE, "other.test", true, false },
		{ FINDING_ADSP_DISCARDABLE, "example.com", false, false },
		{ FINDING_ADSP_ALL, "example.com", false, false },
		{ FINDING_ADSP_ALL, "example.com", true, true },
		{ FINDING_ADSP_NXDOMAIN, "example.com", true, true },
		/* a habit is broken by the author's own hosts, not by a forwarder that has none of TLS */
		{ FINDING_TLS_DOWNGRADE, "example.com", true, true },
		{ FINDING_TLS_DOWNGRADE, "mail.example.com", true, true },
		{ FINDING_TLS_DOWNGRADE, "forwarder.test", true, false },
		{ FINDING_TLS_DOWNGRADE, "notexample.com", true, false },
		{ FINDING_TLS_DOWNGRADE, "203.0.113.0/24", true, false },
		/* against section 7.4, for those who want it all the same */
		{ FINDING_SPF_FAIL, "example.com", true, true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct check_fixture *fixture = message_new("p=reject");
		finding_set listed = { 0 };

		if (rows[i].listed)
			finding_set_add(&listed, rows[i].id);
		fixture->config.dmarc_corroborate = rows[i].id == FINDING_IPREV_TEMPERROR ? usual() : listed;
		results_raise(&fixture->results, rows[i].id, rows[i].domain, NULL, DNS_INSECURE);
		assert_corroborated(fixture, rows[i].corroborated, findings_table[rows[i].id].name);
	}
}

/* The client's name is remembered by its organizational domain, which stands above the author's. */
static void test_corroborate_downgrade_of_the_authors_organization(void **state)
{
	struct check_fixture *fixture = fixture_new("_dmarc.example.com. " R "p=reject\"\nnews.example.com. A 192.0.2.1\n");

	(void)state;
	fixture->config.dmarc_corroborate = usual();
	fixture_from(fixture, "news.example.com");
	fixture_spf(fixture, RESULT_FAIL, "news.example.com", DNS_INSECURE);
	results_raise(&fixture->results, FINDING_TLS_DOWNGRADE, "example.com", NULL, DNS_INSECURE);
	assert_corroborated(fixture, true, "a host of the organization");
}

/* SPF's failure for another domain that the list names is none of the author's. */
static void test_corroborate_spf_of_another_domain(void **state)
{
	struct check_fixture *fixture = message_new("p=reject");

	(void)state;
	fixture->config.dmarc_corroborate = SET_OF(FINDING_SPF_FAIL);
	fixture->results.findings[0].domain = "elsewhere.example";
	assert_corroborated(fixture, false, "SPF of another domain");
}

static void test_corroborate_each_author_domain(void **state)
{
	struct check_fixture *fixture = message_new("p=reject");

	(void)state;
	fixture->facts.field_count = 0;
	fixture_field(fixture, "From", " a@example.com, b@other.test");
	results_raise(&fixture->results, FINDING_ADSP_DISCARDABLE, "other.test", NULL, DNS_SECURE);
	fixture_run(fixture, &check_dmarc);
	fixture_run(fixture, &check_corroborate);
	assert_null(fixture_finding(fixture, FINDING_DMARC_REJECT_CORROBORATED, "example.com"));
	assert_non_null(fixture_finding(fixture, FINDING_DMARC_REJECT_CORROBORATED, "other.test"));
	assert_string_equal(fixture_finding(fixture, FINDING_DMARC_REJECT_CORROBORATED, NULL)->detail, "adsp-discardable of other.test");
	fixture_free(&fixture);
}

/* The weaker of what DMARC stands on and the best proven evidence. */
static void test_corroborate_security(void **state)
{
	static const struct { enum dns_security reject, iprev, adsp, expected; } rows[] = {
		{ DNS_SECURE, DNS_INSECURE, DNS_SECURE, DNS_SECURE },
		{ DNS_SECURE, DNS_INSECURE, DNS_INSECURE, DNS_INSECURE },
		{ DNS_INSECURE, DNS_SECURE, DNS_SECURE, DNS_INSECURE },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct check_fixture *fixture = fixture_new(NULL);

		fixture->config.dmarc_corroborate = usual();
		results_raise(&fixture->results, FINDING_IPREV_FAIL, "192.0.2.1", NULL, rows[i].iprev);
		results_raise(&fixture->results, FINDING_ADSP_DISCARDABLE, "example.com", NULL, rows[i].adsp);
		results_raise(&fixture->results, FINDING_DMARC_REJECT, "example.com", NULL, rows[i].reject);
		fixture_run(fixture, &check_corroborate);
		assert_int_equal(fixture_finding(fixture, FINDING_DMARC_REJECT_CORROBORATED, "example.com")->dnssec, rows[i].expected);
		fixture_free(&fixture);
	}
}

/* Of a domain behind the cap whatever speaks against the message counts; of a From that was not kept anything might. */
static void test_corroborate_unjudged_authors(void **state)
{
	static const struct { bool unkept, nameless, expected; } rows[] = {
		{ false, false, false }, { false, true, true }, { true, false, true }, { true, true, true },
	};
	static const char from[] = " a@0.x,a@1.x,a@2.x,a@3.x,a@4.x,a@5.x,a@6.x,a@7.x,a@8.x,a@9.x,a@bank.test";

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct check_fixture *fixture = fixture_new(NULL);

		fixture->config.dmarc_corroborate = usual();
		fixture_field(fixture, "From", from);
		fixture->facts.from_unkept = rows[i].unkept;
		if (rows[i].nameless)
			results_raise(&fixture->results, FINDING_IPREV_FAIL, "203.0.113.9", NULL, DNS_INSECURE);
		fixture_run(fixture, &check_author);
		fixture_run(fixture, &check_dmarc);
		fixture_run(fixture, &check_corroborate);
		assert_true(fixture_raised(fixture, FINDING_FROM_TOO_MANY));
		assert_true(fixture_raised(fixture, FINDING_DMARC_REJECT));
		assert_int_equal(fixture_raised(fixture, FINDING_DMARC_REJECT_CORROBORATED), rows[i].expected);
		fixture_free(&fixture);
	}
}

/* ---- ADSP, which nobody else asks for ---- */

static struct check_fixture *ask_adsp(const char *record, bool corroborates)
{
	char zone[300];
	struct check_fixture *fixture;

	snprintf(zone, sizeof(zone), "_dmarc.example.com. " R "%s\"\nexample.com. A 192.0.2.1\n"
	    "_adsp._domainkey.example.com. TXT \"dkim=discardable\"\n", record);
	fixture = fixture_new(zone);
	fixture->config.adsp_enabled = false;
	fixture->config.adsp_corroborates = corroborates;
	fixture->config.dmarc_corroborate = usual();
	fixture_from(fixture, "example.com");
	fixture_spf(fixture, RESULT_FAIL, "example.com", DNS_INSECURE);
	fixture_run(fixture, &check_dmarc);
	fixture_run(fixture, &check_adsp);
	fixture_run(fixture, &check_corroborate);
	return fixture;
}

static void test_corroborate_asks_adsp_where_it_matters(void **state)
{
	struct check_fixture *fixture = ask_adsp("p=reject", true);

	(void)state;
	assert_true(fixture_raised(fixture, FINDING_DMARC_REJECT_CORROBORATED));
	assert_int_equal(fixture->results.adsp.result, RESULT_DISCARD);
	fixture_free(&fixture);
	fixture = ask_adsp("p=reject", false);
	assert_false(fixture_raised(fixture, FINDING_DMARC_REJECT_CORROBORATED));
	assert_int_equal(fixture->results.adsp.result, RESULT_UNCHECKED);
	fixture_free(&fixture);
	/* of other mail nothing is asked */
	fixture = ask_adsp("p=quarantine", true);
	assert_int_equal(fixture->results.adsp.result, RESULT_UNCHECKED);
	assert_findings(fixture->results.set, SET_OF(FINDING_DMARC_QUARANTINE));
	fixture_free(&fixture);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_corroborate_rows),
		cmocka_unit_test(test_corroborate_evidence),
		cmocka_unit_test(test_corroborate_downgrade_of_the_authors_organization),
		cmocka_unit_test(test_corroborate_spf_of_another_domain),
		cmocka_unit_test(test_corroborate_each_author_domain),
		cmocka_unit_test(test_corroborate_security),
		cmocka_unit_test(test_corroborate_unjudged_authors),
		cmocka_unit_test(test_corroborate_asks_adsp_where_it_matters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
