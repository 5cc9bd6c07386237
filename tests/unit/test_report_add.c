/* SPDX-License-Identifier: BSD-2-Clause */
/* report: how flow rows are added up, counted by hand here, and policies replayed over them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "report/tally.h"
#include "report_fixture.h"

static void test_report_add_counts_actions_then_and_now(void **state)
{
	struct flow_row rows[3] = { report_row, report_row, report_row };
	struct report report;

	(void)state;
	rows[0].findings = "spf-fail";		/* 10 messages tagged for good */
	rows[0].action = "tag";
	rows[0].enforced = true;
	rows[0].messages = 10;
	rows[1].findings = "spf-fail,dkim-none";	/* 5 told in dry-run that they would have been tagged */
	rows[1].action = "tag";
	rows[1].messages = 5;
	rows[2].messages = 25;
	report_of("findings { spf-fail = reject dkim-none = defer }", rows, 3, &report);
	assert_int_equal(report_figure(&report, "overview", "messages")->u.count, 40);
	assert_int_equal(report_figure(&report, "overview", "bytes")->u.count, 300);
	assert_int_equal(report_count(&report, "policy.actions", "reject", "now"), 15);
	assert_int_equal(report_count(&report, "policy.actions", "reject", "carried_out"), 0);
	assert_share(report_value(&report, "policy.actions", "reject", "share"), 0.375);
	assert_int_equal(report_count(&report, "policy.actions", "tag", "carried_out"), 10);
	assert_int_equal(report_count(&report, "policy.actions", "tag", "dry_run"), 5);
	assert_int_equal(report_count(&report, "policy.actions", "none", "dry_run"), 25);
	assert_int_equal(report_count(&report, "policy.actions", "none", "now"), 25);
	/* spf-fail decided all of its own; dkim-none was there and decided none */
	assert_int_equal(report_count(&report, "policy.findings", "spf-fail", "decided"), 15);
	assert_int_equal(report_count(&report, "policy.findings", "spf-fail", "merely_present"), 0);
	assert_int_equal(report_count(&report, "policy.findings", "spf-fail", "reject"), 15);
	assert_int_equal(report_count(&report, "policy.findings", "dkim-none", "decided"), 0);
	assert_int_equal(report_count(&report, "policy.findings", "dkim-none", "merely_present"), 5);
	assert_int_equal(report_count(&report, "policy.authors", "a.example", "messages"), 40);
	assert_int_equal(report_count(&report, "policy.authors", "a.example", "reject"), 15);
	assert_int_equal(report_figure(&report, "policy", "decided")->u.count, 15);
	assert_int_equal(report_figure(&report, "policy", "undecided")->u.count, 25);
	report_free(&report);
}

static void test_report_add_counts_days(void **state)
{
	struct flow_row rows[3] = { report_row, report_row, report_row };
	const struct page_table *table;
	struct report report;

	(void)state;
	rows[0].messages = 3;
	rows[1].messages = 4;
	rows[1].hour_secs += 2 * 86400 + 3600;
	rows[2].messages = 5;
	rows[2].hour_secs += 40 * 86400;	/* a clock that runs ahead: counts for the last day */
	report_of("", rows, 3, &report);
	for (const struct page_item *item = report.page->sections->next->next->items; item != NULL; item = item->next)
		if (item->kind == PAGE_ITEM_TABLE && strcmp(item->key, "days") == 0) {
			table = item->table;
			assert_int_equal(table->row_count, 11);
			assert_int_equal(page_value(table, 0, 0)->u.secs, REPORT_DAY);
			assert_int_equal(page_value(table, 0, 1)->u.count, 3);
			assert_int_equal(page_value(table, 1, 1)->u.count, 0);
			assert_int_equal(page_value(table, 2, 1)->u.count, 4);
			assert_int_equal(page_value(table, 10, 1)->u.count, 5);
			report_free(&report);
			return;
		}
	fail_msg("no days");
}

static void test_report_add_counts_tls_by_messages_sessions_and_networks(void **state)
{
	struct flow_row rows[5] = { report_row, report_row, report_row, report_row, report_row };
	struct report report;

	(void)state;
	rows[0].messages = 6;
	rows[0].sessions = 2;
	rows[1].messages = 1;			/* the same network again */
	rows[2].client_network = "198.51.100.0/24";
	rows[2].sessions = 1;
	rows[3].tls_grade = "none";		/* the first network without TLS */
	rows[3].tls_version = rows[3].tls_cipher = "";
	rows[3].messages = 2;
	rows[3].sessions = 1;
	rows[4].tls_grade = "weak";
	rows[4].tls_version = "TLSv1.2";
	rows[4].tls_cipher = "TLS_RSA_WITH_AES_128_CBC_SHA";
	rows[4].messages = 10;
	report_of("", rows, 5, &report);
	assert_int_equal(report_count(&report, "tls.versions", "TLSv1.3", "messages"), 8);
	assert_share(report_value(&report, "tls.versions", "TLSv1.3", "messages_share"), 0.4);
	assert_int_equal(report_count(&report, "tls.versions", "TLSv1.3", "sessions"), 3);
	assert_int_equal(report_count(&report, "tls.versions", "TLSv1.3", "servers"), 2);
	assert_share(report_value(&report, "tls.versions", "TLSv1.3", "servers_share"), 1);
	assert_int_equal(report_count(&report, "tls.versions", "(cleartext)", "servers"), 1);
	assert_share(report_value(&report, "tls.versions", "(cleartext)", "sessions_share"), 0.25);
	assert_int_equal(report_count(&report, "tls.suites", "TLS_RSA_WITH_AES_128_CBC_SHA", "messages"), 10);
	assert_string_equal(report_value(&report, "tls.suites", "TLS_RSA_WITH_AES_128_CBC_SHA", "forward_secrecy")->u.name, "no");
	assert_string_equal(report_value(&report, "tls.suites", "TLS_AES_256_GCM_SHA384", "forward_secrecy")->u.name, "yes");
	assert_int_equal(report_count(&report, "tls.forward_secrecy", "yes", "messages"), 8);
	assert_int_equal(report_count(&report, "tls.forward_secrecy", "no", "messages"), 10);
	assert_int_equal(report_count(&report, "tls.forward_secrecy", "cleartext", "messages"), 2);
	assert_int_equal(report_count(&report, "tls.version_sets", "TLSv1.3", "servers"), 1);
	assert_int_equal(report_count(&report, "tls.version_sets", "TLSv1.3 + (cleartext) + TLSv1.2", "messages"), 19);
	assert_int_equal(report_count(&report, "tls.grades", "weak", "messages"), 10);
	report_free(&report);
}

static void test_report_add_counts_mechanisms_with_and_without_tls(void **state)
{
	struct flow_row rows[3] = { report_row, report_row, report_row };
	struct report report;

	(void)state;
	rows[0].results = "spf=none sasl=PLAIN";
	rows[1].results = "spf=none sasl=PLAIN";
	rows[1].tls_grade = "none";
	rows[1].tls_version = rows[1].tls_cipher = "";
	rows[2].results = "spf=none sasl=SCRAM-SHA-256";
	rows[2].client_network = "198.51.100.0/24";
	report_of("", rows, 3, &report);
	assert_int_equal(report_figure(&report, "tls", "authenticated")->u.count, 3);
	assert_int_equal(report_figure(&report, "tls", "authenticated_clear")->u.count, 1);
	assert_int_equal(report_count(&report, "tls.mechanisms", "PLAIN without TLS", "messages"), 1);
	assert_int_equal(report_count(&report, "tls.mechanism_sets", "PLAIN under TLS + PLAIN without TLS", "servers"), 1);
	assert_int_equal(report_count(&report, "tls.mechanism_sets", "SCRAM-SHA-256 under TLS", "servers"), 1);
	report_free(&report);
}

/* Whatever the top is, a table comes to the whole. */
static void test_report_other_is_the_rest(void **state)
{
	static const char *const tables[] = { "policy.authors", "policy.envelopes", "policy.clients", "policy.recipients" };
	struct flow_row rows[30];
	char names[30][32];
	struct report report;

	(void)state;
	for (size_t i = 0; i < 30; i++) {
		rows[i] = report_row;
		snprintf(names[i], sizeof(names[i]), "d%zu.example", i);
		rows[i].author_domain = rows[i].envelope_domain = rows[i].client_network = names[i];
		rows[i].messages = i + 1;	/* 465 in all, 30 and 29 at the top */
		rows[i].findings = i % 2 != 0 ? "spf-fail" : "";
	}
	report_make(&(struct report_world){ .settings = "findings { spf-fail = reject }", .rows = rows, .count = 30, .top = 2 }, &report);
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(report_count(&report, tables[i], NULL, "messages"), 465 - 30 - 29);
		assert_int_equal(report_count(&report, tables[i], NULL, "reject"), 240 - 30);
	}
	assert_int_equal(report_count(&report, "policy.recipients", "(unknown)", "messages"), 465);
	assert_int_equal(report_count(&report, "policy.authors", "d29.example", "messages"), 30);
	report_free(&report);
}

/* ---- policies replayed ------------------------------------------------------------------------------------------- */

/* What became of one row under some settings. */
static uint64_t rejected(const char *settings, const struct flow_row *row)
{
	struct report report;
	uint64_t count;

	report_of(settings, row, 1, &report);
	count = report_count(&report, "policy.actions", "reject", "now");
	report_free(&report);
	return count;
}

/* Of one row nothing is told, and why that is. */
static void assert_untold(const char *settings, const struct flow_row *row, const char *why, unsigned old)
{
	struct report report;

	report_of(settings, row, 1, &report);
	assert_int_equal(report_count(&report, "untold.reasons", why, "messages"), 1);
	assert_int_equal(report_figure(&report, "untold", "messages")->u.count, 1);
	assert_int_equal(report_figure(&report, "untold", "older")->u.count, old);
	assert_int_equal(report_count(&report, "policy.actions", "cannot tell", "now"), 1);
	assert_int_equal(report_count(&report, "policy.actions", "none", "now"), 0);
	assert_int_equal(report_count(&report, "policy.authors", row->author_domain, "cannot_tell"), 1);
	report_free(&report);
}

static void test_report_add_finds_a_policy_that_is_new(void **state)
{
	static const char by_author[] = "policy \"bank\" { author-domains = { \"bank.example\" } actions { dkim-none = reject } }";
	static const char by_network[] = "policy \"net\" { client-networks = { \"192.0.0.0/16\" } actions { dkim-none = reject } }";
	static const char by_host[] = "policy \"host\" { client-networks = { \"192.0.2.7/32\" } actions { dkim-none = reject } }";
	static const char by_recipient[] = "policy \"r\" { recipient-domains = { \"x.example\" } actions { dkim-none = reject } }";
	struct flow_row row = report_row;

	(void)state;
	row.findings = "dkim-none";
	row.author_domain = "bank.example";
	assert_int_equal(rejected(by_author, &row), 1);
	row.author_domain = "other.example";
	assert_int_equal(rejected(by_author, &row), 0);
	assert_int_equal(rejected(by_network, &row), 1);
	row.policy = "net";
	row.client_network = "203.0.113.0/24";
	assert_int_equal(rejected(by_network, &row), 0);	/* it did match then, but does not any more */
	/* what a row of an earlier version does not know is not guessed */
	row.client_network = "192.0.2.0/24";
	assert_untold(by_host, &row, "client address", 1);
	assert_untold(by_recipient, &row, "recipients", 1);
	row.findings = "spf-softfail";		/* which neither of them minds */
	assert_int_equal(rejected(by_host, &row), 0);
	assert_int_equal(rejected(by_recipient, &row), 0);
}

/* The same with evidence, which knows the recipients. */
static void test_report_add_replays_evidence(void **state)
{
	static const char by_recipient[] = "policy \"r\" { recipient-domains = { \"x.example\" } actions { dkim-none = reject } }";
	static const char secure[] = "policy \"s\" { author-domains = { \"bank.example\" } require-secure-domains = \"bank.example\" "
	    "actions { insecure-pass = reject } }";
	static const char names[] = "policy \"c\" { author-domains = { \"bank.example\" } require-cert = yes "
	    "require-cert-names = { \".partner.example\" } }";
	struct flow_row row = report_row;

	(void)state;
	row.findings = "dkim-none";
	row.evidence = "1 s=m f=dkim-none r=x.example a=bank.example:pass";
	assert_int_equal(rejected(by_recipient, &row), 1);
	assert_int_equal(rejected(secure, &row), 1);
	row.evidence = "1 s=m f=dkim-none r=y.example a=bank.example:pass+";
	assert_int_equal(rejected(by_recipient, &row), 0);
	assert_int_equal(rejected(secure, &row), 0);
	row.evidence = "1 s=m f=dkim-none r=y.example,& a=bank.example:pass";
	assert_untold(by_recipient, &row, "recipients", 0);
	row.evidence = "1 s=m r=y.example a=bank.example:pass c=verified::mta.partner.example:ca:";
	assert_int_equal(rejected(names, &row), 0);
	row.evidence = "1 s=m r=y.example a=bank.example:pass c=verified::mta.other.example:ca:";
	assert_int_equal(rejected(names, &row), 1);
	row.evidence = "2 s=m r=y.example";
	assert_untold(names, &row, "unreadable", 0);
	row.evidence = "nonsense";
	assert_untold(names, &row, "unreadable", 0);
}

static void test_report_add_replays_what_the_policy_looked_at(void **state)
{
	static const char secure_only[] = "policy \"s\" { author-domains = { \".example\" } reject-only-secure = yes "
	    "actions { spf-fail = reject tls-none = reject } }";
	static const char cert[] = "policy \"c\" { author-domains = { \".example\" } require-cert = yes }";
	static const char issuer[] = "policy \"i\" { author-domains = { \".example\" } require-cert = yes "
	    "require-cert-issuers = { \"Test CA\" } }";
	struct flow_row row = report_row;

	(void)state;
	row.findings = "spf-fail";
	assert_int_equal(rejected(secure_only, &row), 0);	/* quarantined: the evidence was insecure */
	row.results = "spf=fail dkim=none secure=spf-fail,dkim-none";
	assert_int_equal(rejected(secure_only, &row), 1);
	row.results = "spf=fail secure=spf-failure";
	assert_int_equal(rejected(secure_only, &row), 0);
	row.findings = "tls-none";			/* stands on no DNS */
	row.results = "spf=pass";
	assert_int_equal(rejected(secure_only, &row), 1);
	row.results = "spf=pass tls-required=no";	/* RFC 8689 */
	assert_int_equal(rejected(secure_only, &row), 0);

	row.findings = "";
	row.results = "spf=pass";
	assert_int_equal(rejected(cert, &row), 1);
	row.results = "spf=pass cert=unverified";
	assert_int_equal(rejected(cert, &row), 1);
	row.results = "spf=pass cert=verified";		/* of somebody else */
	assert_int_equal(rejected(cert, &row), 1);
	row.results = "spf=pass cert=verified/helo";
	assert_int_equal(rejected(cert, &row), 0);
	row.results = "spf=pass cert=tlsa/tlsa";
	assert_int_equal(rejected(cert, &row), 0);
	assert_int_equal(rejected(issuer, &row), 1);	/* no authority stands behind a record */
	row.results = "spf=pass cert=failed tlsa=temperror";
	assert_int_equal(rejected(cert, &row), 0);	/* deferred */
	assert_int_equal(rejected(issuer, &row), 1);
}

/* What an earlier version did not record is not guessed, where a policy asks for it. */
/* Of all that such a row lacks, what it hangs on is told: the recipients here, the certificate there. */
static void test_report_add_of_an_earlier_version_says_what_was_missing(void **state)
{
	static const char cert[] = "policy default { require-cert = yes require-cert-names = { \"mx.a.example\" } }";
	static const char recipient[] = "policy \"r\" { recipient-domains = { \"x.example\" } actions { dkim-none = reject } }";
	struct flow_row row = report_row;

	(void)state;
	row.findings = "dkim-none";
	row.results = "spf=pass dkim=none cert=verified/helo";
	assert_untold(cert, &row, "certificate names", 1);
	assert_untold(recipient, &row, "recipients", 1);
}

static void test_report_add_of_an_earlier_version_guesses_nothing(void **state)
{
	static const char secure[] = "policy default { require-secure-domains = \"a.example\" actions { insecure-pass = reject } }";
	static const char pressed[] = "findings { spf-fail = reject spf-temperror = none dns-unavailable = none }";
	struct flow_row row = report_row;

	(void)state;
	row.results = "spf=pass dkim=none dmarc=pass";	/* on secure data or not */
	assert_untold(secure, &row, "SPF domain", 1);

	row.results = "spf=temperror";
	row.findings = "spf-temperror,dns-unavailable";	/* pressure, or an outage */
	assert_untold(pressed, &row, "DNS pressure", 1);
	assert_int_equal(rejected("dns-outage = accept findings { spf-fail = reject spf-temperror = none dns-unavailable = none }", &row), 0);
	row.findings = "spf-temperror";			/* neither: both raise a finding */
	assert_int_equal(rejected(pressed, &row), 0);
}

static void test_report_add_unknown_words_are_left_out(void **state)
{
	struct flow_row row = report_row;
	struct report report;

	(void)state;
	row.findings = "of-the-future,spf-fail,,";
	row.action = "of-the-future";
	row.client_network = "nonsense";
	row.policy = "gone";
	report_of("findings { spf-fail = reject }", &row, 1, &report);	/* whatever the future's is, it cannot ask for more */
	assert_int_equal(report_count(&report, "policy.actions", "reject", "now"), 1);
	assert_int_equal(report_count(&report, "policy.findings", "spf-fail", "present"), 1);
	report_free(&report);
	assert_untold("findings { spf-fail = tag }", &row, "unknown findings", 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_report_add_counts_actions_then_and_now),
		cmocka_unit_test(test_report_add_counts_days),
		cmocka_unit_test(test_report_add_counts_tls_by_messages_sessions_and_networks),
		cmocka_unit_test(test_report_add_counts_mechanisms_with_and_without_tls),
		cmocka_unit_test(test_report_other_is_the_rest),
		cmocka_unit_test(test_report_add_finds_a_policy_that_is_new),
		cmocka_unit_test(test_report_add_replays_evidence),
		cmocka_unit_test(test_report_add_replays_what_the_policy_looked_at),
		cmocka_unit_test(test_report_add_of_an_earlier_version_says_what_was_missing),
		cmocka_unit_test(test_report_add_of_an_earlier_version_guesses_nothing),
		cmocka_unit_test(test_report_add_unknown_words_are_left_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
