/* SPDX-License-Identifier: BSD-2-Clause */
/* The public suffix list: DMARC by the older rules of RFC 7489, and the guard that it is to the tree walk of RFC 9989. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "check/dmarc/dmarc.h"
#include "check_fixture.h"
#include "text_fixture.h"

#define R "TXT \"v=DMARC1; "
#define FAILS "TYPE65280 \\# 0\n"

/* ---- RFC 7489 ---- */

static struct psl_context *load_psl(const char *path)
{
	struct psl_context *psl;
	char why[200];

	if (access(path, R_OK) != 0) {
		print_message("%s is not there\n", path);
		skip();
	}
	psl = psl_context_new(path, why, sizeof(why));
	if (psl == NULL)
		fail_msg("%s", why);
	return psl;
}

static void assert_psl(struct psl_context *psl, const char *zone, const char *author, const char *dkim, enum result result,
    const char *policy_domain)
{
	struct check_fixture *fixture = fixture_new(zone);

	fixture->config.dmarc_method = ORG_DOMAIN_PSL;
	fixture->shared.psl = psl;
	fixture_from(fixture, author);
	fixture_spf(fixture, RESULT_NONE, NULL, DNS_INSECURE);
	fixture_dkim(fixture, RESULT_PASS, dkim, DNS_INSECURE);
	fixture_run(fixture, &check_dmarc);
	if (fixture->results.dmarc.result != result)
		fail_msg("%s, %s: %s", author, dkim, result_name(fixture->results.dmarc.result));
	if (policy_domain != NULL)
		assert_string_equal(fixture->results.dmarc.policy_domain, policy_domain);
	fixture_free(&fixture);
}

static void dmarc_psl_rows(const char *path)
{
	struct psl_context *psl = load_psl(path);

	assert_psl(psl, "_dmarc.example.co.uk. " R "p=reject\"\n", "a.b.example.co.uk", "example.co.uk", RESULT_PASS, "example.co.uk");
	assert_psl(psl, "_dmarc.example.co.uk. " R "p=reject\"\n", "example.co.uk", "other.co.uk", RESULT_FAIL, "example.co.uk");
	/* only the domain and its organizational domain are asked, never one between */
	assert_psl(psl, "_dmarc.b.example.com. " R "p=reject\"\n", "a.b.example.com", "example.com", RESULT_NONE, NULL);
	assert_psl(psl, "_dmarc.b.example.com. " R "p=reject\"\n_dmarc.example.com. " R "p=none\"\n", "b.example.com", "c.example.com",
	    RESULT_PASS, "b.example.com");
	/* psd=n means nothing to it, several records at the domain end the search (6.6.3) */
	assert_psl(psl, "_dmarc.b.example.com. " R "p=reject; psd=n\"\n", "b.example.com", "example.com", RESULT_PASS, "b.example.com");
	assert_psl(psl, "_dmarc.b.example.com. " R "p=reject\"\n_dmarc.b.example.com. " R "p=none\"\n_dmarc.example.com. " R "p=none\"\n",
	    "b.example.com", "b.example.com", RESULT_NONE, NULL);
	/* IDN suffixes, a public suffix itself, a missing answer */
	assert_psl(psl, "_dmarc.example.xn--p1ai. " R "p=reject\"\n", "a.example.xn--p1ai", "example.xn--p1ai", RESULT_PASS, NULL);
	assert_psl(psl, "_dmarc.co.uk. " R "p=reject\"\n", "co.uk", "a.co.uk", RESULT_FAIL, "co.uk");
	assert_psl(psl, "_dmarc.example.com. " FAILS, "a.example.com", "a.example.com", RESULT_TEMPERROR, NULL);
	psl_context_free(&psl);
	assert_null(psl);
}

static void test_dmarc_psl_text(void **state)
{
	(void)state;
	dmarc_psl_rows("/usr/share/publicsuffix/public_suffix_list.dat");
}

static void test_dmarc_psl_dafsa(void **state)
{
	(void)state;
	dmarc_psl_rows("/usr/share/publicsuffix/public_suffix_list.dafsa");
}

/* The tree walk asks the list, too: a suffix that it knows is no organization unless its record says psd=y. */
static void test_dmarc_walk_guards_public_suffixes(void **state)
{
	static const struct { const char *zone, *domain, *org_domain, *policy_domain; bool inherited; } rows[] = {
		/* without psd, and with the wrong one: as if it said y; the policy for those below stays */
		{ "_dmarc.co.uk. " R "p=reject\"\n", "a.shop.co.uk", "shop.co.uk", "co.uk", true },
		{ "_dmarc.co.uk. " R "p=reject; psd=n\"\n", "a.shop.co.uk", "shop.co.uk", "co.uk", true },
		{ "_dmarc.co.uk. " R "p=reject; psd=u\"\n", "shop.co.uk", "shop.co.uk", "co.uk", true },
		{ "_dmarc.co.uk. " R "p=reject; psd=y\"\n", "a.shop.co.uk", "shop.co.uk", "co.uk", true },
		{ "_dmarc.com. " R "p=reject\"\n", "a.shop.com", "shop.com", "com", true },
		/* nor does the word of the one above make a suffix an organization */
		{ "_dmarc.uk. " R "p=reject; psd=y\"\n", "a.shop.co.uk", "shop.co.uk", "uk", true },
		{ "_dmarc.uk. " R "p=reject\"\n", "co.uk", "co.uk", "uk", true },
		/* an own record, or the organization's, comes first */
		{ "_dmarc.com. " R "p=reject\"\n_dmarc.shop.com. " R "p=none\"\n", "a.shop.com", "shop.com", "shop.com", true },
		/* a private suffix, and the suffix itself as the author */
		{ "_dmarc.github.io. " R "p=reject\"\n", "joe.github.io", "joe.github.io", "github.io", true },
		{ "_dmarc.github.io. " R "p=reject\"\n", "github.io", "github.io", "github.io", false },
		/* a last label that nobody ever listed is no suffix that is known */
		{ "_dmarc.intranet. " R "p=reject\"\n", "a.host.intranet", "intranet", "intranet", true },
	};
	struct psl_context *psl = load_psl("/usr/share/publicsuffix/public_suffix_list.dafsa");

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct check_fixture *fixture = fixture_new(rows[i].zone);
		struct dmarc_discovery found;

		fixture->shared.psl = psl;
		dmarc_discover(&fixture->context, DNS_FOR_AUTHOR, rows[i].domain, &found);
		if (found.org_domain == NULL || strcmp(found.org_domain, rows[i].org_domain) != 0)
			fail_msg("row %zu: organizational domain %s", i, found.org_domain);
		assert_non_null(found.record);
		assert_string_equal(found.policy_domain, rows[i].policy_domain);
		assert_int_equal(found.inherited, rows[i].inherited);
		fixture_free(&fixture);
	}
	psl_context_free(&psl);
}

/* Two customers of one suffix are strangers, though its own answer, or the one above, is missing. */
static void test_dmarc_customers_of_a_suffix_are_strangers(void **state)
{
	static const struct { const char *zone, *author, *signer; enum result result; } rows[] = {
		{ "_dmarc.co.uk. " R "p=reject\"\n", "bank.co.uk", "evil.co.uk", RESULT_FAIL },
		{ "_dmarc.co.uk. " R "p=reject\"\n", "bank.co.uk", "co.uk", RESULT_FAIL },
		{ "_dmarc.co.uk. " R "p=reject\"\n", "bank.co.uk", "mail.bank.co.uk", RESULT_PASS },
		{ "_dmarc.bank.co.uk. " R "p=reject\"\n_dmarc.co.uk. " FAILS, "bank.co.uk", "evil.co.uk", RESULT_FAIL },
		{ "_dmarc.bank.com. " R "p=reject\"\n_dmarc.com. " FAILS, "bank.com", "evil.com", RESULT_FAIL },
		{ "_dmarc.bank.com. " R "p=reject\"\n_dmarc.com. " FAILS, "bank.com", "a.bank.com", RESULT_TEMPERROR },
	};
	struct psl_context *psl = load_psl("/usr/share/publicsuffix/public_suffix_list.dafsa");

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct check_fixture *fixture = fixture_new(rows[i].zone);

		fixture->shared.psl = psl;
		fixture_from(fixture, rows[i].author);
		fixture_spf(fixture, RESULT_NONE, NULL, DNS_INSECURE);
		fixture_dkim(fixture, RESULT_PASS, rows[i].signer, DNS_INSECURE);
		fixture_run(fixture, &check_dmarc);
		if (fixture->results.dmarc.result != rows[i].result)
			fail_msg("row %zu: %s", i, result_name(fixture->results.dmarc.result));
		fixture_free(&fixture);
	}
	psl_context_free(&psl);
}

static void test_dmarc_psl_missing_list_is_temperror(void **state)
{
	(void)state;
	assert_psl(NULL, "_dmarc.example.com. " R "p=reject\"\n", "example.com", "example.com", RESULT_TEMPERROR, NULL);
}

static void test_psl_context_new_refuses_what_is_no_list(void **state)
{
	char path[FIXTURE_PATH_BYTES], why[200] = "";

	(void)state;
	text_file(path, "<html>not found</html>\n");
	assert_null(psl_context_new(path, why, sizeof(why)));
	assert_non_null(strstr(why, path));
	unlink(path);
	assert_null(psl_context_new(path, why, sizeof(why)));
	assert_non_null(strstr(why, "No such file"));
	assert_null(psl_context_new(NULL, why, sizeof(why)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_dmarc_psl_text),
		cmocka_unit_test(test_dmarc_psl_dafsa),
		cmocka_unit_test(test_dmarc_walk_guards_public_suffixes),
		cmocka_unit_test(test_dmarc_customers_of_a_suffix_are_strangers),
		cmocka_unit_test(test_dmarc_psl_missing_list_is_temperror),
		cmocka_unit_test(test_psl_context_new_refuses_what_is_no_list),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
