/* SPDX-License-Identifier: BSD-2-Clause */
/* report: what is told of made-up flow rows, counted by hand here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "report/tally.h"
#include "report_fixture.h"

/* ---- what is not known -------------------------------------------------------------------------------------------- */

/* Whether a section has a sentence with these words. */
static bool has_text(const struct report *report, const char *section, const char *words)
{
	const struct page_section *at = report->page->sections;

	while (at != NULL && strcmp(at->key, section) != 0)
		at = at->next;
	assert_non_null(at);
	for (const struct page_item *item = at->items; item != NULL; item = item->next)
		if (item->kind == PAGE_ITEM_TEXT && strstr(item->text, words) != NULL)
			return true;
	return false;
}

/* Somebody vouched for it, and nobody wrote down who: that is not forged. */
static void test_report_of_an_earlier_version_takes_no_unknown_signer_for_none(void **state)
{
	static const char *const results[] = { "spf=fail dkim=pass dmarc=fail", "spf=pass dkim=none dmarc=fail", "spf=fail dkim=none dmarc=fail",
		"spf=fail dkim=fail dmarc=fail" };
	struct flow_row rows[4] = { report_row, report_row, report_row, report_row };
	struct report report;

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		rows[i].findings = "dmarc-reject";
		rows[i].results = results[i];
		rows[i].messages = 1000;
	}
	report_of("mode = dry-run", rows, 4, &report);
	assert_int_equal(report_figure(&report, "overview", "forged")->u.count, 2000);
	assert_int_equal(report_figure(&report, "overview", "unclear")->u.count, 2000);
	assert_int_equal(report_count(&report, "next.steps", "dmarc-reject", "unclear"), 2000);
	assert_string_equal(report_value(&report, "next.steps", "dmarc-reject", "pays")->u.name, "perhaps");
	report_free(&report);
}

static void test_report_says_of_which_messages_sessions_are_known(void **state)
{
	struct flow_row rows[2] = { report_row, report_row };
	struct report report;

	(void)state;
	rows[0].messages = 3;
	rows[0].sessions = 2;
	rows[1].messages = 40;
	report_of("", rows, 2, &report);
	assert_int_equal(report_figure(&report, "overview", "sessions")->u.count, 2);
	assert_false(has_text(&report, "overview", "sessions of"));
	assert_true(has_text(&report, "overview", "Of 43 messages an earlier version recorded less"));
	report_free(&report);
	rows[1].sessions_unknown = true;
	report_of("", rows, 2, &report);
	assert_true(has_text(&report, "overview", "The sessions of 40 messages are not known"));
	report_free(&report);
}

/* The period ends ten days after REPORT_DAY; hours are kept for three, unless asked otherwise. */
static void test_report_says_that_the_first_day_counts_whole(void **state)
{
	static const struct { const char *settings; int64_t later_secs; bool whole; } cases[] = {
		{ "", 0, false }, { "", 3600, true }, { "", 6 * 86400 + 3600, true }, { "", 7 * 86400 + 3600, false },
		{ "record { keep-hours = 11d }", 3600, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct report report;

		report_make(&(struct report_world){ .settings = cases[i].settings, .rows = &report_row, .count = 1,
			.later_secs = cases[i].later_secs }, &report);
		assert_int_equal(has_text(&report, "overview", "counts whole"), cases[i].whole);
		report_free(&report);
	}
}

static void test_report_says_that_some_recipients_only_are_refused(void **state)
{
	static const char settings[] = "mode = enforce policy p { recipient-domains = x.example actions { spf-fail = reject } } "
	    "policy default { actions { spf-fail = none } }";
	struct flow_row row = report_row;
	struct report report;

	(void)state;
	row.findings = "spf-fail";
	row.messages = 5;
	row.evidence = "1 s=m f=spf-fail r=x.example,y.example a=a.example:none m=a.example p=a.example:fail n=192.0.2.0/24";
	report_of(settings, &row, 1, &report);
	assert_int_equal(report_count(&report, "policy.recipients", "x.example", "none"), 5);
	assert_true(has_text(&report, "policy", "5 of the messages would be refused to some of their recipients"));
	report_free(&report);
	/* that it goes on to others is not said where it is refused to them as well */
	report_of("mode = dry-run policy p { mode = enforce recipient-domains = x.example actions { spf-fail = reject } } "
	    "policy default { actions { spf-fail = reject } }", &row, 1, &report);
	assert_int_equal(report_count(&report, "policy.actions", "reject", "now"), 5);
	assert_false(has_text(&report, "policy", "some of their recipients"));
	report_free(&report);
	row.evidence = "1 s=m f=spf-fail r=y.example a=a.example:none m=a.example p=a.example:fail n=192.0.2.0/24";
	report_of(settings, &row, 1, &report);
	assert_false(has_text(&report, "policy", "some of their recipients"));
	report_free(&report);
}

/* Kinds that were put together have no recipients that could be called unknown. */
static void test_report_does_not_tell_apart_what_was_put_together(void **state)
{
	struct flow_row row = report_row, rows[2];
	struct report report;

	(void)state;
	row.author_domain = row.envelope_domain = row.client_network = row.tls_grade = row.tls_version = row.tls_cipher = row.results = "";
	row.evidence = STORE_EVIDENCE_OTHER;
	row.other = true;
	row.messages = 7;
	report_of("mode = enforce findings { spf-fail = reject }", &row, 1, &report);
	assert_int_equal(report_count(&report, "policy.authors", "(not told apart)", "messages"), 7);
	assert_int_equal(report_count(&report, "policy.recipients", "(not told apart)", "messages"), 7);
	assert_non_null(strstr(report_answer(&report, "next"), "No step can be named: of 7 messages it cannot be told"));
	report_free(&report);
	rows[0] = row;
	rows[1] = report_row;
	rows[1].findings = "dkim-none";
	rows[1].evidence = "1 s=m f=dkim-none r=x.example a=a.example:none m=a.example p=a.example:pass n=192.0.2.0/24";
	report_of("mode = enforce findings { spf-fail = reject }", rows, 2, &report);
	assert_int_equal(report_count(&report, "next.steps", "dkim-none", "refused"), 1);
	assert_true(has_text(&report, "next", "Of 7 messages nothing of that can be told"));
	assert_false(has_text(&report, "overview", "earlier version"));
	report_free(&report);
}

static void test_report_of_nothing(void **state)
{
	struct report report;

	(void)state;
	report_of("", NULL, 0, &report);
	assert_int_equal(report_figure(&report, "overview", "messages")->u.count, 0);
	assert_true(report_value(&report, "policy.actions", "none", "share")->absent);
	assert_non_null(strstr(report_answer(&report, "next"), "Nothing was recorded in this period"));
	report_free(&report);
}

/* Each override once a message; one of which it is not known whether it held is none. */
static void test_report_names_overrides(void **state)
{
	static const char *const evidence[] = {
		"1 s=m o=dmarc-reject:lists/uni r=x.example a=a.example:fail", "1 s=m o=dmarc-reject:uni,dmarc-reject-corroborated:uni r=x.example a=a.example:fail",
		"1 s=m o=dmarc-reject:arc? r=x.example a=a.example:fail",
	};
	struct flow_row rows[3] = { report_row, report_row, report_row };
	struct report report;

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		rows[i].evidence = evidence[i];
		rows[i].messages = 4 + i;
	}
	report_of("", rows, 3, &report);
	assert_int_equal(report_count(&report, "forwarders.overrides", "lists", "messages"), 4);
	assert_int_equal(report_count(&report, "forwarders.overrides", "uni", "messages"), 9);
	assert_int_equal(report_count(&report, "forwarders.overrides", "uni", "wanted"), 9);
	report_free(&report);
}

/* ---- senders ----------------------------------------------------------------------------------------------------- */

/* Three authors, signed by themselves, through one client for which SPF fails; with less of either it is none. */
static void test_report_finds_forwarders(void **state)
{
	static const char *const evidence[] = {
		"1 s=m f=spf-fail r=x.example a=a.example:pass m=a.example p=a.example:fail d=a.example n=192.0.2.0/24",
		"1 s=m f=spf-fail r=x.example a=b.example:pass m=b.example p=b.example:fail d=b.example n=192.0.2.0/24",
		"1 s=m r=x.example a=c.example:pass m=list.example p=list.example:pass d=c.example n=192.0.2.0/24",
		/* the author's own server, whatever it is called */
		"1 s=m r=x.example a=c.example:pass m=c.example p=c.example:pass d=c.example n=192.0.2.0/24",
	};
	struct flow_row rows[4] = { report_row, report_row, report_row, report_row };
	struct report report;

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		rows[i].evidence = evidence[i];
		rows[i].messages = 4;
	}
	report_of("", rows, 4, &report);
	assert_int_equal(report_figure(&report, "forwarders", "found")->u.count, 1);
	assert_int_equal(report_count(&report, "forwarders.clients", "[192.0.2.0/24]", "carried"), 12);
	assert_int_equal(report_count(&report, "forwarders.clients", "[192.0.2.0/24]", "authors"), 3);
	assert_int_equal(report_count(&report, "forwarders.clients", "[192.0.2.0/24]", "kept"), 8);
	assert_int_equal(report_count(&report, "forwarders.clients", "[192.0.2.0/24]", "rewritten"), 4);
	assert_int_equal(report_count(&report, "forwarders.clients", "[192.0.2.0/24]", "messages"), 16);
	report_free(&report);
	report_of("", rows, 2, &report);		/* two authors */
	assert_int_equal(report_figure(&report, "forwarders", "found")->u.count, 0);
	report_free(&report);
	for (size_t i = 0; i < 3; i++)
		rows[i].messages = 3;		/* nine messages */
	report_of("", rows, 3, &report);
	assert_int_equal(report_figure(&report, "forwarders", "found")->u.count, 0);
	report_free(&report);
}

static void test_report_tells_protection(void **state)
{
	struct flow_row rows[3] = { report_row, report_row, report_row };
	struct report report;

	(void)state;
	rows[0].evidence = "1 s=m r=x.example a=a.example:pass+ m=a.example p=a.example:pass+ d=a.example+ n=192.0.2.0/24";
	rows[0].messages = 3;
	rows[1].evidence = "1 s=m r=x.example a=a.example:pass m=a.example p=a.example:pass n=192.0.2.0/24";
	rows[1].tls_grade = "none";
	rows[1].tls_version = rows[1].tls_cipher = "";
	/* a forger is not the domain */
	rows[2].findings = "spf-fail";
	rows[2].evidence = "1 s=m f=spf-fail r=x.example a=a.example:fail m=a.example p=a.example:fail n=198.51.100.0/24";
	rows[2].messages = 100;
	report_of("", rows, 3, &report);
	assert_int_equal(report_count(&report, "protection.domains", "a.example", "messages"), 4);
	assert_share(report_value(&report, "protection.domains", "a.example", "tls"), 0.75);
	assert_share(report_value(&report, "protection.domains", "a.example", "spf"), 1);
	assert_share(report_value(&report, "protection.domains", "a.example", "dkim_pass"), 0.75);
	assert_share(report_value(&report, "protection.domains", "a.example", "dmarc"), 1);
	assert_share(report_value(&report, "protection.domains", "a.example", "dnssec"), 0.75);
	assert_true(report_value(&report, "protection.domains", "a.example", "adsp")->absent);
	assert_int_equal(report_count(&report, "protection.protections", "SPF record", "always"), 1);
	assert_int_equal(report_count(&report, "protection.protections", "TLS", "always"), 0);
	assert_int_equal(report_count(&report, "protection.protections", "TLS", "ever"), 1);
	assert_int_equal(report_count(&report, "dns.passes", "SPF", "passes"), 4);
	assert_int_equal(report_count(&report, "dns.passes", "SPF", "secure"), 3);
	assert_int_equal(report_count(&report, "dns.passes", "DKIM", "insecure"), 0);
	report_free(&report);
}

static void test_report_tells_dns_failures(void **state)
{
	struct flow_row rows[3] = { report_row, report_row, report_row };
	struct report report;

	(void)state;
	rows[0].findings = "spf-temperror,dns-unavailable";
	rows[0].evidence = "1 s=m q=d f=spf-temperror,dns-unavailable r=x.example a=a.example:temperror n=192.0.2.0/24";
	rows[0].messages = 2;
	rows[1].findings = "dnssec-bogus";
	rows[1].messages = 3;
	report_of("", rows, 3, &report);
	assert_int_equal(report_figure(&report, "dns", "failed")->u.count, 5);
	assert_int_equal(report_count(&report, "dns.findings", "spf-temperror", "messages"), 2);
	assert_int_equal(report_count(&report, "dns.domains", "a.example", "messages"), 5);
	assert_int_equal(report_count(&report, "dns.domains", "a.example", "bogus"), 3);
	report_free(&report);
}

static void add_peers(void *tally)
{
	struct peer_memory memory = { .first_secs = REPORT_DAY, .last_secs = REPORT_DAY, .sessions = 100, .days = 30, .tls_days = 30,
		.grades = { 0, 0, 0, 100 } };

	tally_peer(tally, "steady.example", &memory);
	memory.changed_secs = REPORT_DAY + 86400;
	memory.changed_sessions = 7;
	tally_peer(tally, "changed.example", &memory);
	memory = (struct peer_memory){ .sessions = 5, .grades = { 5, 0, 0, 0 }, .pinned = true, .last_secs = REPORT_DAY };
	tally_peer(tally, "pinned.example", &memory);
}

static void test_report_tells_peers(void **state)
{
	struct report report;

	(void)state;
	report_make(&(struct report_world){ .settings = "", .more = add_peers }, &report);
	assert_int_equal(report_figure(&report, "peers", "peers")->u.count, 3);
	assert_int_equal(report_figure(&report, "peers", "habit")->u.count, 3);	/* a pin is one, too */
	assert_int_equal(report_figure(&report, "peers", "changed")->u.count, 1);
	assert_int_equal(report_count(&report, "peers.changed", "changed.example", "weaker"), 7);
	assert_int_equal(report_value(&report, "peers.changed", "changed.example", "since")->u.secs, REPORT_DAY + 86400);
	assert_int_equal(report_count(&report, "peers.pinned", "pinned.example", "sessions"), 5);
	/* the seven are none of the hundred */
	assert_int_equal(report_count(&report, "peers.changed", "changed.example", "sessions"), 100);
	assert_true(has_text(&report, "peers", "Sessions weaker than a habit"));
	assert_int_equal(report_count(&report, "peers.usual", "strong", "peers"), 2);
	report_free(&report);
}

/* ---- the next step ----------------------------------------------------------------------------------------------- */

/* The first day and the last one are eleven of the calendar, and ten days of time. */
static void test_report_reckons_upkeep_for_the_period(void **state)
{
	struct flow_row rows[2] = { report_row, report_row };
	struct report report;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		rows[i].findings = "spf-fail";
		rows[i].evidence = "1 s=m f=spf-fail r=x.example a=a.example:none m=a.example p=a.example:fail n=192.0.2.0/24";
		rows[i].messages = 50;
	}
	rows[1].hour_secs += 10 * 86400;
	report_of("mode = dry-run", rows, 2, &report);
	assert_true(report_value(&report, "next.steps", "spf-fail", "gain_low")->u.number == 90);
	report_free(&report);
}

static void test_report_answers_which_finding_first(void **state)
{
	struct flow_row rows[3] = { report_row, report_row, report_row };
	struct report report;

	(void)state;
	/* forged: SPF fails and nothing speaks for it */
	rows[0].findings = "spf-fail,dkim-none";
	rows[0].evidence = "1 s=m f=spf-fail,dkim-none r=x.example a=a.example:none m=a.example p=a.example:fail n=192.0.2.0/24";
	rows[0].messages = 500;
	/* wanted: its author signed nothing, but SPF is for him */
	rows[1].findings = "dkim-none";
	rows[1].evidence = "1 s=m f=dkim-none r=x.example a=b.example:none m=b.example p=b.example:pass n=198.51.100.0/24";
	rows[1].messages = 1000;
	rows[1].author_domain = "b.example";
	report_of("mode = dry-run findings { spf-fail = tag }", rows, 2, &report);
	assert_non_null(strstr(report_answer(&report, "next"), "Enforce first: spf-fail. In this period it would have refused 500 messages; "
	    "500 of them look forged. It costs no message that looks wanted"));
	assert_int_equal(report_count(&report, "next.steps", "spf-fail", "rank"), 1);
	assert_string_equal(report_value(&report, "next.steps", "spf-fail", "asked")->u.name, "tag");
	assert_int_equal(report_count(&report, "next.steps", "dkim-none", "wanted"), 1000);
	assert_int_equal(report_count(&report, "next.steps", "dkim-none", "senders"), 1);
	report_free(&report);
	/* nobody knows of the mail without any sign whether it is wanted */
	rows[1].evidence = "1 s=m f=dkim-none r=x.example a=b.example:none m=b.example p=b.example:none n=198.51.100.0/24";
	report_of("mode = enforce findings { spf-fail = reject }", rows, 2, &report);
	assert_non_null(strstr(report_answer(&report, "next"), "Look first at dkim-none; whether it pays hangs on the mail that is unclear. In "
	    "this period it would have refused 1,000 messages; 0 of them look forged. It costs no message that looks wanted; 1,000 are unclear"));
	assert_string_equal(report_value(&report, "next.steps", "dkim-none", "pays")->u.name, "perhaps");
	report_free(&report);
	rows[1].evidence = "1 s=m f=dkim-none r=x.example a=b.example:none m=b.example p=b.example:pass n=198.51.100.0/24";
	/* what is enforced already is no step */
	report_of("mode = enforce findings { spf-fail = reject }", rows, 2, &report);
	assert_non_null(strstr(report_answer(&report, "next"), "Enforce none yet"));
	assert_non_null(strstr(report_answer(&report, "next"), "would cost more, in wanted mail and in upkeep,"));
	assert_int_equal(report_count(&report, "next.steps", "dkim-none", "refused"), 1000);
	report_free(&report);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_report_of_an_earlier_version_takes_no_unknown_signer_for_none),
		cmocka_unit_test(test_report_says_of_which_messages_sessions_are_known),
		cmocka_unit_test(test_report_says_that_the_first_day_counts_whole),
		cmocka_unit_test(test_report_says_that_some_recipients_only_are_refused),
		cmocka_unit_test(test_report_does_not_tell_apart_what_was_put_together),
		cmocka_unit_test(test_report_reckons_upkeep_for_the_period),
		cmocka_unit_test(test_report_of_nothing),
		cmocka_unit_test(test_report_names_overrides),
		cmocka_unit_test(test_report_finds_forwarders),
		cmocka_unit_test(test_report_tells_protection),
		cmocka_unit_test(test_report_tells_dns_failures),
		cmocka_unit_test(test_report_tells_peers),
		cmocka_unit_test(test_report_answers_which_finding_first),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
