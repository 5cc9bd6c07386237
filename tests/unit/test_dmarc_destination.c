/* SPDX-License-Identifier: BSD-2-Clause */
/* Consent of whoever a report would be mailed to: RFC 9990 section 4, RFC 9991 section 5. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "check/dmarc/destination.h"
#include "check_fixture.h"

#define CONSENT(domain, host) domain "._report._dmarc." host ". "
#define OURS "_dmarc.example.com. TXT \"v=DMARC1; p=none\"\n"

struct row {
	const char *zone, *policy_domain, *address;
	enum dmarc_consent consent;
	bool external;
	const char *to;		/* addresses, comma between them */
};

static const struct row rows[] = {
	/* our own, below or above, whatever another name says */
	{ OURS, "example.com", "a@example.com", DMARC_CONSENT_GIVEN, false, "a@example.com" },
	{ OURS, "mail.example.com", "a@example.com", DMARC_CONSENT_GIVEN, false, "a@example.com" },
	{ OURS, "example.com", "a@reports.example.com", DMARC_CONSENT_GIVEN, false, "a@reports.example.com" },
	/* another organization: without, with a record; any domain; a record that is none */
	{ OURS, "example.com", "a@example.net", DMARC_CONSENT_REFUSED, true, "" },
	{ OURS CONSENT("example.com", "example.net") "TXT \"v=DMARC1\"\n", "example.com", "a@example.net", DMARC_CONSENT_GIVEN, true,
	  "a@example.net" },
	{ OURS CONSENT("*", "example.net") "TXT \"v=DMARC1;\"\n", "example.com", "a@example.net", DMARC_CONSENT_GIVEN, true,
	  "a@example.net" },
	{ OURS CONSENT("example.com", "example.net") "TXT \"v=spf1 -all\"\n", "example.com", "a@example.net", DMARC_CONSENT_REFUSED, true, "" },
	{ OURS CONSENT("example.com", "example.net") "TXT \"p=none; v=DMARC1\"\n", "example.com", "a@example.net", DMARC_CONSENT_REFUSED,
	  true, "" },
	/* the consent of another domain's, or for the host's own parent, is none */
	{ OURS CONSENT("example.org", "example.net") "TXT \"v=DMARC1\"\n", "example.com", "a@example.net", DMARC_CONSENT_REFUSED, true, "" },
	{ OURS CONSENT("example.com", "example.net") "TXT \"v=DMARC1\"\n", "example.com", "a@sub.example.net", DMARC_CONSENT_REFUSED, true, "" },
	/* several records: one that counts will do */
	{ OURS CONSENT("example.com", "example.net") "TXT \"v=spf1\"\n" CONSENT("example.com", "example.net") "TXT \"v=DMARC1\"\n"
	  CONSENT("example.com", "example.net") "TXT \"v=DMARC1; p=none\"\n", "example.com", "a@example.net", DMARC_CONSENT_GIVEN, true,
	  "a@example.net" },
	/* another address at the same host in its place */
	{ OURS CONSENT("example.com", "example.net") "TXT \"v=DMARC1; rua=mailto:b@example.net,mailto:c@example.net\"\n", "example.com",
	  "a@example.net", DMARC_CONSENT_GIVEN, true, "b@example.net,c@example.net" },
	/* several records that name the same address: it gets the report once */
	{ OURS CONSENT("example.com", "example.net") "TXT \"v=DMARC1; rua=mailto:b@example.net\"\n" CONSENT("example.com", "example.net")
	  "TXT \"v=DMARC1; p=none; rua=mailto:b@EXAMPLE.net,mailto:c@example.net\"\n", "example.com", "a@example.net", DMARC_CONSENT_GIVEN, true,
	  "b@example.net,c@example.net" },
	/* another host, alone or beside, a place where no report can go: to nobody */
	{ OURS CONSENT("example.com", "example.net") "TXT \"v=DMARC1; rua=mailto:b@victim.example\"\n", "example.com", "a@example.net",
	  DMARC_CONSENT_REFUSED, true, "" },
	{ OURS CONSENT("example.com", "example.net") "TXT \"v=DMARC1; rua=mailto:b@example.net,mailto:b@victim.example\"\n", "example.com",
	  "a@example.net", DMARC_CONSENT_REFUSED, true, "" },
	{ OURS CONSENT("example.com", "example.net") "TXT \"v=DMARC1; rua=mailto:b@sub.example.net\"\n", "example.com", "a@example.net",
	  DMARC_CONSENT_REFUSED, true, "" },
	{ OURS CONSENT("example.com", "example.net") "TXT \"v=DMARC1; rua=https://example.net/\"\n", "example.com", "a@example.net",
	  DMARC_CONSENT_REFUSED, true, "" },
	/* no answer is no consent yet: for the consent, and for the walk that would tell whose the host is */
	{ OURS CONSENT("example.com", "example.net") "TYPE65280 \\# 0\n", "example.com", "a@example.net", DMARC_CONSENT_UNKNOWN, true, "" },
	{ OURS "_dmarc.example.net. TYPE65280 \\# 0\n", "example.com", "a@example.net", DMARC_CONSENT_UNKNOWN, false, "" },
	/* a public suffix's record: those below it are others */
	{ "_dmarc.co.example. TXT \"v=DMARC1; p=none; psd=y\"\n", "co.example", "a@shop.co.example", DMARC_CONSENT_REFUSED, true, "" },
	{ "_dmarc.co.example. TXT \"v=DMARC1; p=none; psd=y\"\n", "co.example", "a@co.example", DMARC_CONSENT_GIVEN, false, "a@co.example" },
};

static void ask(struct check_fixture *fixture, enum dmarc_report_kind kind, const char *policy_domain, const char *address,
    struct dmarc_destination *destination)
{
	struct dmarc_address to = { address, strchr(address, '@') + 1 };

	dmarc_destination_ask(&fixture->context, kind, policy_domain, &to, destination);
}

static const char *joined(const struct dmarc_destination *destination)
{
	static char text[500];

	text[0] = '\0';
	for (size_t i = 0; i < destination->uris.count; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%s", i > 0 ? "," : "", destination->uris.addresses[i].address);
	return text;
}

static void test_dmarc_destination_ask_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct check_fixture *fixture = fixture_new(rows[i].zone);
		struct dmarc_destination destination;

		ask(fixture, DMARC_REPORT_AGGREGATE, rows[i].policy_domain, rows[i].address, &destination);
		if (destination.consent != rows[i].consent || destination.external != rows[i].external ||
		    strcmp(joined(&destination), rows[i].to) != 0)
			fail_msg("row %zu: consent %d external %d to %s: %s", i, (int)destination.consent, destination.external,
			    joined(&destination), destination.why);
		assert_non_null(destination.why);
		fixture_free(&fixture);
	}
}

/* Each kind of report has its own tag. */
static void test_dmarc_destination_ask_failure(void **state)
{
	struct check_fixture *fixture = fixture_new(OURS CONSENT("example.com", "example.net")
	    "TXT \"v=DMARC1; rua=mailto:b@victim.example; ruf=mailto:f@example.net\"\n");
	struct dmarc_destination destination;

	(void)state;
	ask(fixture, DMARC_REPORT_FAILURE, "example.com", "a@example.net", &destination);
	assert_int_equal(destination.consent, DMARC_CONSENT_GIVEN);
	assert_string_equal(joined(&destination), "f@example.net");
	ask(fixture, DMARC_REPORT_AGGREGATE, "example.com", "a@example.net", &destination);
	assert_int_equal(destination.consent, DMARC_CONSENT_REFUSED);
	fixture_free(&fixture);
}

/* A name over 253 characters cannot be asked: no consent. */
static void test_dmarc_destination_ask_long(void **state)
{
	char domain[240] = "", host[240];
	struct check_fixture *fixture = fixture_new(NULL);
	struct dmarc_destination destination;
	char address[250];

	(void)state;
	for (int i = 0; i < 59; i++)
		strcat(domain, "a.b.");
	strcat(domain, "a.b");
	snprintf(host, sizeof(host), "c.d.example");
	snprintf(address, sizeof(address), "a@%s", host);
	ask(fixture, DMARC_REPORT_AGGREGATE, domain, address, &destination);
	assert_int_equal(destination.consent, DMARC_CONSENT_REFUSED);
	fixture_free(&fixture);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_dmarc_destination_ask_rows),
		cmocka_unit_test(test_dmarc_destination_ask_failure),
		cmocka_unit_test(test_dmarc_destination_ask_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
