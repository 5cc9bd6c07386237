/* SPDX-License-Identifier: BSD-2-Clause */
/* report: figures of made-up flow rows, counted by hand here; policies replayed over them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "report/text.h"

static const struct flow_row row_template = {
	.hour_secs = 1700000400, .author_domain = "a.example", .envelope_domain = "a.example",
	.client_network = "192.0.2.0/24", .findings = "", .results = "spf=pass", .tls_grade = "strong", .tls_version = "TLSv1.3",
	.tls_cipher = "TLS_AES_256_GCM_SHA384", .policy = "default", .action = "none", .evidence = "", .messages = 1, .bytes = 100,
};

/* The report on some rows under some settings, as text; free() it. */
static char *report_of(const char *settings, const struct flow_row *rows, size_t count)
{
	const struct config *config = config_load_buffer(settings, strlen(settings), "test", stderr);
	struct tally *tally;
	char *text = NULL;
	size_t length = 0;
	FILE *out = open_memstream(&text, &length);

	assert_non_null(config);
	assert_non_null(out);
	tally = tally_new(config);
	for (size_t i = 0; i < count; i++)
		tally_add(tally, &rows[i]);
	text_print_tally(tally, 1700000000, 1700003600, out);
	fclose(out);
	tally_free(&tally);
	config_unref(&config);
	return text;
}

/* The numbers of the first line whose first word is that one. @return how many there are. */
static size_t line_numbers(const char *text, const char *word, double *numbers_r, size_t room)
{
	char start[128];
	const char *line;
	char *end;
	size_t count = 0;

	snprintf(start, sizeof(start), "\n  %s ", word);
	line = strstr(text, start);
	if (line == NULL)
		fail_msg("no line \"%s\" in:\n%s", word, text);
	line += strlen(start);
	while (*line != '\n' && count < room) {
		double number = strtod(line, &end);

		assert_true(end != line);
		numbers_r[count++] = number;
		line = end + strspn(end, " %");
	}
	return count;
}

static void assert_line(const char *text, const char *word, const double *expected, size_t count)
{
	double numbers[8];

	assert_int_equal(line_numbers(text, word, numbers, 8), count);
	for (size_t i = 0; i < count; i++)
		if (numbers[i] < expected[i] - 0.006 || numbers[i] > expected[i] + 0.006)
			fail_msg("%s: number %zu is %g, not %g in:\n%s", word, i, numbers[i], expected[i], text);
}

#define ASSERT_LINE(text, word, ...) \
	assert_line(text, word, (const double[]){ __VA_ARGS__ }, sizeof((const double[]){ __VA_ARGS__ }) / sizeof(double))

static void test_report_add_counts_actions_then_and_now(void **state)
{
	struct flow_row rows[3] = { row_template, row_template, row_template };
	char *text;

	(void)state;
	rows[0].findings = "spf-fail";		/* 10 messages tagged for good */
	rows[0].action = "tag";
	rows[0].enforced = true;
	rows[0].messages = 10;
	rows[1].findings = "spf-fail,dkim-none";	/* 5 told in dry-run that they would have been tagged */
	rows[1].action = "tag";
	rows[1].messages = 5;
	rows[2].messages = 25;
	text = report_of("findings { spf-fail = reject dkim-none = defer }", rows, 3);
	assert_non_null(strstr(text, "40 messages, 300 bytes, 3 flows"));
	/* carried out, told, by the policies now, share of 40 */
	ASSERT_LINE(text, "reject", 0, 0, 15, 37.5);
	ASSERT_LINE(text, "tag", 10, 5, 0, 0);
	ASSERT_LINE(text, "none", 0, 25, 25, 62.5);
	/* messages, then by the policies now: tag, greylist, defer, quarantine, reject */
	ASSERT_LINE(text, "spf-fail", 15, 0, 0, 0, 0, 15);
	ASSERT_LINE(text, "dkim-none", 5, 0, 0, 0, 0, 5);
	ASSERT_LINE(text, "a.example", 40, 0, 0, 0, 0, 15);
	free(text);
}

static void test_report_add_counts_tls_by_messages_and_networks(void **state)
{
	struct flow_row rows[4] = { row_template, row_template, row_template, row_template };
	char *text;

	(void)state;
	rows[0].messages = 6;
	rows[1].messages = 1;			/* the same network again */
	rows[2].client_network = "198.51.100.0/24";
	rows[2].messages = 1;
	rows[3].tls_grade = "none";
	rows[3].tls_version = rows[3].tls_cipher = "";
	rows[3].messages = 2;
	text = report_of("", rows, 4);
	ASSERT_LINE(text, "TLSv1.3", 8, 80, 2);
	ASSERT_LINE(text, "(cleartext)", 2, 20, 1);
	ASSERT_LINE(text, "TLS_AES_256_GCM_SHA384", 8, 80, 2);
	ASSERT_LINE(text, "strong", 8, 0, 0, 0, 0, 0);
	free(text);
}

/* What became of one row under some settings. */
static uint64_t rejected(const char *settings, const struct flow_row *row)
{
	char *text = report_of(settings, row, 1);
	double numbers[4];

	assert_int_equal(line_numbers(text, "reject", numbers, 4), 4);
	free(text);
	return (uint64_t)numbers[2];
}

/* Of one row nothing is told, and why that is. */
static void assert_untold(const char *settings, const struct flow_row *row, const char *why, unsigned old)
{
	char *text = report_of(settings, row, 1);
	char line[128];

	snprintf(line, sizeof(line), "\n  %-40s %10d\n", why, 1);
	if (strstr(text, line) == NULL)
		fail_msg("no line \"%s\" in:\n%s", why, text);
	assert_int_equal(strstr(text, "of these by an earlier version") != NULL, old);
	ASSERT_LINE(text, "cannot tell", 1, 100);
	ASSERT_LINE(text, "none", 0, row->messages, 0, 0);
	free(text);
}

static void test_report_add_finds_a_policy_that_is_new(void **state)
{
	static const char by_author[] = "policy \"bank\" { author-domains = { \"bank.example\" } actions { dkim-none = reject } }";
	static const char by_network[] = "policy \"net\" { client-networks = { \"192.0.0.0/16\" } actions { dkim-none = reject } }";
	static const char by_host[] = "policy \"host\" { client-networks = { \"192.0.2.7/32\" } actions { dkim-none = reject } }";
	static const char by_recipient[] = "policy \"r\" { recipient-domains = { \"x.example\" } actions { dkim-none = reject } }";
	struct flow_row row = row_template;

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
	struct flow_row row = row_template;

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
	struct flow_row row = row_template;

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
	struct flow_row row = row_template;

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
	struct flow_row row = row_template;

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
	struct flow_row row = row_template;
	char *text;

	(void)state;
	row.findings = "of-the-future,spf-fail,,";
	row.action = "of-the-future";
	row.client_network = "nonsense";
	row.policy = "gone";
	text = report_of("findings { spf-fail = reject }", &row, 1);	/* whatever the future's is, it cannot ask for more */
	ASSERT_LINE(text, "reject", 0, 0, 1, 100);
	assert_null(strstr(text, "of-the-future"));
	free(text);
	assert_untold("findings { spf-fail = tag }", &row, "unknown findings", 1);
}

static void test_report_print_text_of_nothing(void **state)
{
	char *text = report_of("", NULL, 0);

	(void)state;
	assert_non_null(strstr(text, "0 messages, 0 bytes, 0 flows"));
	assert_non_null(strstr(text, "2023-11-14 22:13 to 2023-11-14 23:13"));
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_report_add_counts_actions_then_and_now),
		cmocka_unit_test(test_report_add_counts_tls_by_messages_and_networks),
		cmocka_unit_test(test_report_add_finds_a_policy_that_is_new),
		cmocka_unit_test(test_report_add_replays_evidence),
		cmocka_unit_test(test_report_add_replays_what_the_policy_looked_at),
		cmocka_unit_test(test_report_add_of_an_earlier_version_says_what_was_missing),
		cmocka_unit_test(test_report_add_of_an_earlier_version_guesses_nothing),
		cmocka_unit_test(test_report_add_unknown_words_are_left_out),
		cmocka_unit_test(test_report_print_text_of_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
