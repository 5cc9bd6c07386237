/* SPDX-License-Identifier: BSD-2-Clause */
/* The line of a message in the log, and the line of a reply. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "util/log_field.h"
#include "action_fixture.h"

static void test_log_line_build_cannot_be_forged(void **state)
{
	struct action_fixture *f = *state;
	const char *line;

	f->facts.queue_id = "4ABC";
	f->facts.mail_from = "x decision=none\"\n@example.org";
	f->results.findings[f->results.finding_count++].id = FINDING_SPF_FAIL;
	f->decision.action = ACTION_REJECT;
	f->decision.finding = FINDING_SPF_FAIL;
	line = log_line_build(&f->input);
	assert_non_null(strstr(line, "id=4ABC client=unknown[192.0.2.1] helo=mail.example.org"
	    " from=\"<x decision=none\\\"\\x0a@example.org>\" rcpts=0"));
	assert_non_null(strstr(line, " findings=spf-fail decision=reject because=spf-fail policy=default mode=dry-run"));
}

static void test_log_line_build_is_read_back(void **state)
{
	struct action_fixture *f = *state;
	static const struct dkim_result dkim = { .result = RESULT_PASS, .domain = "a b=\"c", .dnssec = DNS_SECURE };

	f->facts.queue_id = "4A B=\"";
	f->facts.mail_from = "\"x decision=none\"@example.org\x80";
	f->connection.client_name = "a[1] helo=x";
	f->connection.helo = "mx from=<x> \\";
	f->connection.auth = (struct facts_auth){ .mechanism = "PLAIN", .user = "joe\nid=X" };
	f->author.address = "\"a =\"@example.org";
	f->input.recipient = "<\"a rcpts=9\"@example.net>";
	f->results.tls = (struct tls_result){ .checked = true, .version = "TLSv1.3 x=y", .cipher = "A\"B", .cert_subject = "/CN= decision=none" };
	f->results.peer = (struct peer_result){ .downgrade = true, .peer = "p=q", .reason = "because of" };
	f->results.iprev = (struct iprev_result){ .result = RESULT_PASS, .name = "i p" };
	f->results.spf = (struct spf_result){ .result = RESULT_FAIL, .domain = "s=p" };
	f->results.spf_helo = (struct spf_result){ .result = RESULT_NONE, .scope = SPF_SCOPE_HELO, .domain = "h=e" };
	f->results.dkim_checked = true;
	f->results.dkim = &dkim;
	f->results.dkim_count = 1;
	f->results.dmarc = (struct dmarc_result){ .result = RESULT_FAIL, .domain = "d m" };
	f->results.adsp = (struct adsp_result){ .result = RESULT_DISCARD, .domain = "a\"d" };
	f->decision = (struct decision){ .action = ACTION_REJECT, .finding = FINDING_SPF_FAIL, .domain = "about it", .code = 550,
	    .enhanced = "5.7.23", .text = "no \" policy=x", .policy = "p=p" };
	assert_string_equal(log_line_field(f, "id"), f->facts.queue_id);
	assert_string_equal(log_line_field(f, "client"), "a[1] helo=x[192.0.2.1]");
	assert_string_equal(log_line_field(f, "helo"), f->connection.helo);
	assert_string_equal(log_line_field(f, "auth"), f->connection.auth.user);
	assert_string_equal(log_line_field(f, "from"), "<\"x decision=none\"@example.org\x80>");
	assert_string_equal(log_line_field(f, "rcpt"), f->input.recipient);
	assert_string_equal(log_line_field(f, "rcpts"), "0");
	assert_string_equal(log_line_field(f, "author"), f->author.address);
	assert_string_equal(log_line_field(f, "tls"), "TLSv1.3 x=y");
	assert_string_equal(log_line_field(f, "cipher"), "A\"B");
	assert_string_equal(log_line_field(f, "peer"), "p=q");
	assert_string_equal(log_line_field(f, "downgrade"), "because of");
	assert_string_equal(log_line_field(f, "iprev_domain"), "i p");
	assert_string_equal(log_line_field(f, "spf_domain"), "s=p");
	assert_string_equal(log_line_field(f, "spf_helo_domain"), "h=e");
	assert_string_equal(log_line_field(f, "dkim"), "pass:a b=\"c:secure");
	assert_string_equal(log_line_field(f, "dmarc_domain"), "d m");
	assert_string_equal(log_line_field(f, "adsp_domain"), "a\"d");
	assert_string_equal(log_line_field(f, "decision"), "reject");
	assert_string_equal(log_line_field(f, "about"), "about it");
	assert_string_equal(log_line_field(f, "policy"), "p=p");
	assert_string_equal(log_line_field(f, "reply"), "550 5.7.23 no \" policy=x");
	f->input.recipient = "ann@example.net";
	assert_string_equal(log_line_field(f, "rcpt"), "<ann@example.net>");
}

/* The longest line: what a sender chooses is over the cap and all escapes, the rest as long as it can be. */
static void test_log_line_build_longest_fits(void **state)
{
	struct action_fixture *f = *state;
	char bytes[1000], name[254];
	struct dkim_result dkim[6];
	struct dmarc_override overrides[5] = { 0 };

	memset(bytes, 1, sizeof(bytes) - 1);
	bytes[sizeof(bytes) - 1] = '\0';
	memset(name, 'a', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	for (size_t i = 0; i < 6; i++)
		dkim[i] = (struct dkim_result){ .result = RESULT_PERMERROR, .domain = name, .dnssec = DNS_INDETERMINATE };
	f->facts.queue_id = name + 253 - 20;
	f->facts.mail_from = f->connection.client_name = f->connection.helo = f->author.address = f->input.recipient = bytes;
	f->connection.auth = (struct facts_auth){ .mechanism = "PLAIN", .user = bytes };
	f->results.tls = (struct tls_result){ .checked = true, .version = "TLSv1.3", .cipher = "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
	    .cert_status = CERT_UNVERIFIED, .cert_match = "author-domain", .tlsa = TLSA_TEMPERROR, .tlsa_name = name };
	f->results.peer = (struct peer_result){ .downgrade = true, .peer = name, .reason = name + 253 - 120 };
	f->results.iprev = (struct iprev_result){ .result = RESULT_TEMPERROR, .name = name, .dnssec = DNS_INDETERMINATE };
	f->results.spf = (struct spf_result){ .result = RESULT_TEMPERROR, .domain = bytes, .dnssec = DNS_INDETERMINATE };
	f->results.spf_helo = (struct spf_result){ .result = RESULT_TEMPERROR, .scope = SPF_SCOPE_HELO, .domain = name,
	    .dnssec = DNS_INDETERMINATE };
	f->results.dkim_checked = true;
	f->results.dkim = dkim;
	f->results.dkim_count = 6;
	f->results.dmarc = (struct dmarc_result){ .result = RESULT_TEMPERROR, .domain = name, .dnssec = DNS_INDETERMINATE };
	f->results.arc = (struct arc_result){ .result = RESULT_TEMPERROR, .sealer = name, .dnssec = DNS_INDETERMINATE };
	assert_true(strlen(log_line_build(&f->input)) < LOG_LINE_BYTES - 200);
	for (size_t i = 0; i < 5; i++)
		overrides[i].name = name + 253 - 64;
	f->results.dmarc.overrides = overrides;
	f->results.dmarc.override_count = 5;
	f->results.dmarc.overridden = "so";
	f->results.dmarc.overridden_by = arena_printf(f->arena, "50:%s", name);
	f->results.findings[f->results.finding_count++] = (struct finding){ .id = FINDING_DMARC_REJECT_CORROBORATED, .domain = name,
		.detail = arena_printf(f->arena, "adsp-discardable of %s", name) };
	f->results.adsp = (struct adsp_result){ .result = RESULT_TEMPERROR, .domain = name, .dnssec = DNS_INDETERMINATE };
	for (int id = 0; id < FINDING_COUNT; id++)
		f->results.findings[f->results.finding_count++].id = (enum finding_id)id;
	f->decision = (struct decision){ .action = ACTION_QUARANTINE, .finding = FINDING_DMARC_REJECT_CORROBORATED, .domain = bytes, .code = 550,
	    .enhanced = "5.7.23", .text = bytes, .policy = name + 253 - 60 };
	assert_true(strlen(log_line_build(&f->input)) < LOG_LINE_BYTES - 200);
	assert_non_null(log_line_field(f, "reply"));
	assert_non_null(log_line_field(f, "dmarc_overridden"));
}

static void test_log_line_build_client_certificate(void **state)
{
	struct action_fixture *f = *state;
	struct tls_result *tls = &f->results.tls;

	*tls = (struct tls_result){ .checked = true, .version = "TLSv1.3", .cert_status = CERT_FAILED };
	assert_non_null(strstr(log_line_build(&f->input), " cert=failed findings="));
	tls->tlsa = TLSA_MISMATCH;
	tls->tlsa_name = "mx.example.org";
	assert_non_null(strstr(log_line_build(&f->input), " cert=failed tlsa=mismatch:mx.example.org findings="));
	tls->cert_status = CERT_TLSA;
	tls->tlsa = TLSA_MATCH;
	tls->cert_match = "tlsa";
	assert_non_null(strstr(log_line_build(&f->input), " cert=tlsa/tlsa tlsa=match:mx.example.org findings="));
	*tls = (struct tls_result){ .checked = true, .version = "TLSv1.3" };
	assert_null(strstr(log_line_build(&f->input), " cert="));
}

static void test_reply_line_forms(void **state)
{
	struct action_fixture *f = *state;

	assert_string_equal(reply_line(&f->decision, f->arena), "250");
	f->decision.code = 550;
	f->decision.enhanced = "5.7.23";
	f->decision.text = "SPF validation failed for a.example";
	assert_string_equal(reply_line(&f->decision, f->arena), "550 5.7.23 SPF validation failed for a.example");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_log_line_build_cannot_be_forged),
		TEST(test_log_line_build_is_read_back),
		TEST(test_log_line_build_longest_fits),
		TEST(test_log_line_build_client_certificate),
		TEST(test_reply_line_forms),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
