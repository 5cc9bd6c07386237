/* SPDX-License-Identifier: BSD-2-Clause */
/* action/failure, report/failure_mail: when a failure report is due (RFC 9989 section 4.7, RFC 9991), its fields, and the mail. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "action/failure.h"
#include "check/dmarc/record.h"
#include "report/failure_mail.h"
#include "arena_fixture.h"
#include "text_fixture.h"

static const struct redact_key key = { .bytes = "0123456789abcdef0123456789abcde" };

static struct {
	struct facts_connection connection;
	struct facts facts;
	struct header_field fields[4];
	struct author author;
	struct results results;
	struct dkim_result dkim[3];
	struct decision decision;
	const struct config *config;	/* NULL: none, as no override is there to be honoured */
} m;

/* SPF fails for the author's own domain, and there is no signature. */
static int message_setup(void **state)
{
	arena_setup(state);
	memset(&m, 0, sizeof(m));
	assert_int_equal(addr_parse("192.0.2.7", &m.connection.client), 0);
	m.facts = (struct facts){ .arena = arena, .connection = &m.connection, .time_secs = 951827696, .mail_from = "john@mail.example.org",
		.mail_from_domain = "mail.example.org", .fields = m.fields };
	m.author = (struct author){ .status = AUTHOR_OK, .domains = { "example.org" }, .domain_count = 1, .field_count = 1 };
	m.results.spf = (struct spf_result){ .result = RESULT_FAIL, .domain = "mail.example.org" };
	m.results.dkim_checked = true;
	m.results.dkim = m.dkim;
	m.results.dmarc = (struct dmarc_result){ .result = RESULT_FAIL, .has_policy = true, .domain = "example.org",
		.policy_domain = "example.org", .org_domain = "example.org", .ruf = "mailto:r@example.org",
		.failure_options = DMARC_FAILURE_ALL };
	return 0;
}

static void add_field(const char *name, const char *value)
{
	m.fields[m.facts.field_count++] = (struct header_field){ .name = name, .value = value, .name_length = strlen(name),
		.value_length = strlen(value) };
}

static void add_signature(enum result result, const char *domain)
{
	m.dkim[m.results.dkim_count++] = (struct dkim_result){ .result = result, .domain = domain, .selector = "s1",
		.identity = arena_printf(arena, "john@%s", domain), .reason = result == RESULT_FAIL ? "the body hash did not verify" : NULL };
}

static unsigned due(void)
{
	return failure_due(&m.facts, &m.author, &m.results);
}

static void passes(bool spf, bool dkim)
{
	m.results.dmarc.result = spf || dkim ? RESULT_PASS : RESULT_FAIL;
	m.results.dmarc.spf_aligned = spf;
	m.results.dmarc.dkim_aligned = dkim;
	m.results.spf.result = spf ? RESULT_PASS : RESULT_FAIL;
}

static void test_failure_due_fo_0(void **state)
{
	(void)state;
	assert_int_equal(due(), 1u << FAILURE_DMARC);
	passes(true, false);
	assert_int_equal(due(), 0);
	passes(false, true);
	assert_int_equal(due(), 0);
}

static void test_failure_due_fo_1(void **state)
{
	(void)state;
	m.results.dmarc.failure_options = DMARC_FAILURE_ANY;
	assert_int_equal(due(), 1u << FAILURE_DMARC);
	passes(true, false);
	assert_int_equal(due(), 1u << FAILURE_DMARC);
	passes(true, true);
	assert_int_equal(due(), 0);
	/* what is not known has not failed */
	passes(false, true);
	m.results.spf.result = RESULT_TEMPERROR;
	assert_int_equal(due(), 0);
	passes(true, false);
	add_signature(RESULT_TEMPERROR, "example.org");
	assert_int_equal(due(), 0);
	m.dkim[0].result = RESULT_FAIL;
	assert_int_equal(due(), 1u << FAILURE_DMARC);
}

static void test_failure_due_fo_d_and_s(void **state)
{
	(void)state;
	m.results.dmarc.failure_options = DMARC_FAILURE_DKIM | DMARC_FAILURE_SPF;
	assert_int_equal(due(), 1u << FAILURE_SPF);
	add_signature(RESULT_FAIL, "elsewhere.example");
	assert_int_equal(due(), 1u << FAILURE_SPF | 1u << FAILURE_DKIM);
	passes(true, false);
	assert_int_equal(due(), 1u << FAILURE_DKIM);
	m.dkim[0].test_mode = true;
	assert_int_equal(due(), 0);
	m.dkim[0].test_mode = false;
	m.dkim[0].result = RESULT_TEMPERROR;
	assert_int_equal(due(), 0);
}

static void test_failure_due_one_that_says_all(void **state)
{
	(void)state;
	m.results.dmarc.failure_options = DMARC_FAILURE_ALL | DMARC_FAILURE_DKIM | DMARC_FAILURE_SPF;
	add_signature(RESULT_FAIL, "example.org");
	assert_int_equal(due(), 1u << FAILURE_DMARC);
}

static void test_failure_due_never(void **state)
{
	const struct dmarc_result dmarc = m.results.dmarc;

	(void)state;
	m.results.dmarc.ruf = NULL;
	assert_int_equal(due(), 0);
	m.results.dmarc = dmarc;
	m.results.dmarc.result = RESULT_TEMPERROR;
	assert_int_equal(due(), 0);
	m.results.dmarc.result = RESULT_PERMERROR;
	assert_int_equal(due(), 0);
	m.results.dmarc = dmarc;
	m.author.status = AUTHOR_MULTIPLE;
	assert_int_equal(due(), 0);
}

static void test_failure_due_not_about_reports(void **state)
{
	static const struct { const char *name, *value; bool due; } cases[] = {
		{ "Auto-Submitted", " auto-generated", false }, { "Auto-Submitted", "\n auto-replied", false }, { "auto-submitted", " No", true },
		{ "Content-Type", " multipart/report; report-type=feedback-report", false }, { "Content-Type", "Multipart/Report", false },
		{ "Content-Type", " text/plain", true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		m.facts.field_count = 0;
		add_field(cases[i].name, cases[i].value);
		assert_int_equal(due() != 0, cases[i].due);
	}
	m.facts.field_count = 0;
	m.facts.mail_from = "";
	assert_int_equal(due(), 0);
}

static struct failure_text text_of(enum failure_kind kind, const char *record)
{
	const struct action_input input = { .config = m.config, .facts = &m.facts,
		.author = &m.author, .results = &m.results, .decision = &m.decision, .authserv_id = "mx.example.net" };
	struct failure_text text;

	failure_write(&input, kind, &key, record, &text);
	return text;
}

static void test_failure_write_dmarc(void **state)
{
	const char *john = redact_local(arena, &key, "john", 4);
	struct failure_text text;

	(void)state;
	m.decision = (struct decision){ .action = ACTION_REJECT, .enforced = true };
	add_signature(RESULT_FAIL, "elsewhere.example");
	add_signature(RESULT_FAIL, "example.org");
	add_field("Subject", " secret");
	text = text_of(FAILURE_DMARC, "v=spf1 ip4:192.0.2.1 exp=\"x\\y\" -all\n");
	assert_string_equal(text.fields, arena_printf(arena, "Feedback-Type: auth-failure\nVersion: 1\nAuth-Failure: dmarc\n"
	    "Authentication-Results: mx.example.net;\n\tdmarc=fail header.from=example.org\nIdentity-Alignment: dkim,spf\n"
	    "Delivery-Result: reject\nDKIM-Domain: example.org\nDKIM-Identity: %s@example.org\nDKIM-Selector: s1\n"
	    "SPF-DNS: txt : mail.example.org :\n\t\"v=spf1 ip4:192.0.2.1 exp=\\\"x\\\\y\\\" -all?\"\nReported-Domain: example.org\n"
	    "Original-Mail-From: <%s@mail.example.org>\nArrival-Date: Tue, 29 Feb 2000 12:34:56 +0000\nSource-IP: 192.0.2.7\n", john, john));
	assert_string_equal(text.header, "Subject: [redacted]\n");
}

/* RFC 8601 section 2.2 has the reason before the properties; the words are those of RFC 9990 section 3.1.6. */
static void test_failure_write_names_the_override(void **state)
{
	static const struct { enum override_kind kind; const char *name, *reason; } cases[] = {
		{ OVERRIDE_MAILING_LIST, "lists", "mailing_list: override lists" }, { OVERRIDE_FORWARDER, "uni", "trusted_forwarder: override uni" },
		{ OVERRIDE_KNOWN_SENDER, "uni", "local_policy: override uni" }, { OVERRIDE_SEALER, "arc", "local_policy: override arc" },
	};
	struct dmarc_override override = { 0 };

	(void)state;
	m.config = text_config("dmarc { trusted-sealers = s.example }\noverride lists { kind = mailing-list client-networks = 192.0.2.7 }\n"
	    "override uni { kind = forwarder client-networks = 192.0.2.7 }\npolicy strict { client-networks = 192.0.2.0/24 overrides = none }\n");
	m.results.dmarc.policy = m.results.dmarc.disposition = DMARC_POLICY_REJECT;
	m.results.dmarc.overrides = &override;
	m.results.dmarc.override_count = 1;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *line = arena_printf(arena, ";\n\tdmarc=fail reason=\"%s\"\n\theader.from=example.org\n", cases[i].reason);

		override = (struct dmarc_override){ .name = cases[i].name, .kind = cases[i].kind, .why = "mailing-list lists: client 192.0.2.7" };
		m.decision = (struct decision){ .policy = "default", .action = ACTION_NONE, .enforced = true };
		assert_non_null(strstr(text_of(FAILURE_DMARC, NULL).fields, line));
		assert_non_null(strstr(text_of(FAILURE_DMARC, NULL).fields, "\nDelivery-Result: delivered\n"));
		m.decision.action = ACTION_QUARANTINE;	/* for something else, and still less than was asked for */
		assert_non_null(strstr(text_of(FAILURE_DMARC, NULL).fields, line));
		/* not honoured; refused for something else; none was asked for; not known; of SPF alone */
		m.decision.policy = "strict";
		assert_null(strstr(text_of(FAILURE_DMARC, NULL).fields, "reason="));
		m.decision = (struct decision){ .policy = "default", .action = ACTION_REJECT, .enforced = true };
		assert_null(strstr(text_of(FAILURE_DMARC, NULL).fields, "reason="));
		m.decision.enforced = false;
		assert_non_null(strstr(text_of(FAILURE_DMARC, NULL).fields, line));
		assert_null(strstr(text_of(FAILURE_SPF, NULL).fields, "reason="));
		m.results.dmarc.disposition = DMARC_POLICY_QUARANTINE;	/* and as much was done as was asked for */
		m.decision = (struct decision){ .policy = "default", .action = ACTION_QUARANTINE, .enforced = true };
		assert_null(strstr(text_of(FAILURE_DMARC, NULL).fields, "reason="));
		m.results.dmarc.disposition = DMARC_POLICY_NONE;
		assert_null(strstr(text_of(FAILURE_DMARC, NULL).fields, "reason="));
		m.results.dmarc.disposition = DMARC_POLICY_REJECT;
		override.unknown = true;
		assert_null(strstr(text_of(FAILURE_DMARC, NULL).fields, "reason="));
	}
	config_unref(&m.config);
}

/* A record that grows by its quoting stays within what a line may have, or the report would be none. */
static void test_failure_write_long_record(void **state)
{
	char record[2000] = "v=spf1 exp=";
	const char *fields;

	(void)state;
	memset(record + strlen(record), '"', sizeof(record) - 1 - strlen(record));
	record[sizeof(record) - 1] = '\0';
	fields = text_of(FAILURE_SPF, record).fields;
	assert_non_null(strstr(fields, "SPF-DNS: txt : mail.example.org :"));
	for (size_t length; *fields != '\0'; fields += length + 1) {
		length = strcspn(fields, "\n");
		assert_true(length <= 998);
	}
}

static void test_failure_write_kinds(void **state)
{
	const char *fields;

	(void)state;
	m.results.dmarc.spf_aligned = true;
	add_signature(RESULT_FAIL, "elsewhere.example");
	fields = text_of(FAILURE_DKIM, "v=spf1 -all").fields;
	assert_non_null(strstr(fields, "\nAuth-Failure: bodyhash\n"));
	assert_non_null(strstr(fields, ";\n\tdkim=fail header.d=elsewhere.example\n"));
	assert_non_null(strstr(fields, "\nReported-Domain: elsewhere.example\n"));
	assert_non_null(strstr(fields, "\nIdentity-Alignment: dkim\n"));
	assert_non_null(strstr(fields, "\nDelivery-Result: delivered\n"));
	assert_null(strstr(fields, "SPF-DNS"));
	m.dkim[0].reason = "the key is revoked";
	assert_non_null(strstr(text_of(FAILURE_DKIM, NULL).fields, "\nAuth-Failure: revoked\n"));
	m.dkim[0].reason = "the signature did not verify";
	assert_non_null(strstr(text_of(FAILURE_DKIM, NULL).fields, "\nAuth-Failure: signature\n"));
	fields = text_of(FAILURE_SPF, "v=spf1 -all").fields;
	assert_non_null(strstr(fields, "\nAuth-Failure: spf\n"));
	assert_non_null(strstr(fields, ";\n\tspf=fail smtp.mailfrom=mail.example.org\n"));
	assert_non_null(strstr(fields, "\nSPF-DNS: txt : mail.example.org :\n\t\"v=spf1 -all\"\n"));
	assert_null(strstr(fields, "DKIM-"));
	/* neither is the author domain's own: RFC 9991 asks for neither */
	m.results.spf.domain = "bounce.example";
	fields = text_of(FAILURE_DMARC, "v=spf1 -all").fields;
	assert_null(strstr(fields, "SPF-DNS"));
	assert_null(strstr(fields, "DKIM-"));
}

static void test_failure_write_alike(void **state)
{
	const char *first = text_of(FAILURE_DMARC, NULL).alike;

	(void)state;
	m.facts.time_secs += 100;
	m.facts.mail_from = "other@mail.example.org";
	assert_int_equal(addr_parse("192.0.2.9", &m.connection.client), 0);
	assert_string_equal(text_of(FAILURE_DMARC, NULL).alike, first);
	assert_int_equal(addr_parse("198.51.100.9", &m.connection.client), 0);
	assert_string_not_equal(text_of(FAILURE_DMARC, NULL).alike, first);
	assert_int_equal(addr_parse("192.0.2.7", &m.connection.client), 0);
	add_signature(RESULT_FAIL, "example.org");
	assert_string_not_equal(text_of(FAILURE_DMARC, NULL).alike, first);
	assert_string_not_equal(text_of(FAILURE_SPF, NULL).alike, first);
}

/* A selector or identity with octets that no name has is left out, whatever they would do to the report. */
static void test_failure_write_hostile_names(void **state)
{
	const char *fields;

	(void)state;
	add_signature(RESULT_FAIL, "example.org");
	m.dkim[0].selector = "s\nBcc: x";
	m.dkim[0].identity = "a\nb@example.org";
	fields = text_of(FAILURE_DMARC, "v=spf1 \r\nX: y\x80 -all").fields;
	assert_null(strstr(fields, "Bcc"));
	assert_null(strstr(fields, "\nX:"));
	assert_null(strchr(fields, '\r'));
	assert_null(strstr(fields, "\nb@"));
	m.dkim[0].domain = "x\nBcc: y";
	fields = text_of(FAILURE_DKIM, NULL).fields;
	assert_null(strstr(fields, "\nBcc"));
	assert_non_null(strstr(fields, "\nReported-Domain: example.org\n"));
}

static const struct failure_sender sender = { .from = "reports@example.net", .organization = "Example \xc3\x84", .host = "mx.example.net",
	.agent = "Assay/1", .time_secs = 951827696 };

static void test_failure_mail_parts(void **state)
{
	struct failure_row row = { .id = 7, .first_secs = 951827696, .last_secs = 951827756, .incidents = 3, .domain = "example.org",
		.fields = "Feedback-Type: auth-failure\nVersion: 1\n", .header = "Subject: [redacted]\n" };
	const char *mail = failure_mail(&row, &sender, "r@example.org", arena);

	(void)state;
	assert_non_null(mail);
	assert_non_null(strstr(mail, "To: <r@example.org>\n"));
	assert_non_null(strstr(mail, "From: <reports@example.net>\n"));
	assert_non_null(strstr(mail, "\nMessage-ID: <assay-failure.7.951827696@mx.example.net>\n"));
	assert_non_null(strstr(mail, "\nAuto-Submitted: auto-generated\n"));
	assert_non_null(strstr(mail, "multipart/report; report-type=feedback-report;"));
	assert_non_null(strstr(mail, "\nIncidents: 3\n"));
	assert_string_equal(failure_mail(&row, &sender, "r@example.org", arena), mail);
}

static void test_failure_mail_refuses_what_is_no_field(void **state)
{
	static const char *const bad[] = { "", "A: b\n\nC: d\n", "--=_assay\n", "A: b", "A: \x01\n", "A: \xc3\xa4\n", "\n" };
	struct failure_row row = { .id = 7, .incidents = 1, .domain = "example.org", .header = "" };

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		row.fields = bad[i];
		assert_null(failure_mail(&row, &sender, "r@example.org", arena));
	}
	row.fields = "A: b\n";
	assert_non_null(failure_mail(&row, &sender, "r@example.org", arena));
	row.domain = "example.org\nBcc: x";
	assert_null(failure_mail(&row, &sender, "r@example.org", arena));
}

#define MESSAGE_TEST(f) cmocka_unit_test_setup_teardown(f, message_setup, arena_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		MESSAGE_TEST(test_failure_due_fo_0),
		MESSAGE_TEST(test_failure_due_fo_1),
		MESSAGE_TEST(test_failure_due_fo_d_and_s),
		MESSAGE_TEST(test_failure_due_one_that_says_all),
		MESSAGE_TEST(test_failure_due_never),
		MESSAGE_TEST(test_failure_due_not_about_reports),
		MESSAGE_TEST(test_failure_write_dmarc),
		MESSAGE_TEST(test_failure_write_names_the_override),
		MESSAGE_TEST(test_failure_write_long_record),
		MESSAGE_TEST(test_failure_write_kinds),
		MESSAGE_TEST(test_failure_write_alike),
		MESSAGE_TEST(test_failure_write_hostile_names),
		MESSAGE_TEST(test_failure_mail_parts),
		MESSAGE_TEST(test_failure_mail_refuses_what_is_no_field),
	};

	return cmocka_run_group_tests_name("failure", tests, NULL, NULL);
}
