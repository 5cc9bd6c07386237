/* SPDX-License-Identifier: BSD-2-Clause */
/* Decisions that hang on DNSSEC and TLS. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "policy_fixture.h"

static void test_policy_decide_reject_only_secure(void **state)
{
	struct policy_fixture f = policy_fixture_make("findings { dmarc-reject = reject tls-none = reject } policy default { reject-only-secure = yes }");

	(void)state;
	raise_finding(&f, FINDING_DMARC_REJECT, "a.example", DNS_INSECURE);
	assert_int_equal(decide(&f, FINDING_STAGE_MESSAGE).action, ACTION_QUARANTINE);
	f.results.findings[0].dnssec = DNS_INDETERMINATE;
	assert_int_equal(decide(&f, FINDING_STAGE_MESSAGE).action, ACTION_QUARANTINE);
	f.results.findings[0].dnssec = DNS_SECURE;
	assert_int_equal(decide(&f, FINDING_STAGE_MESSAGE).action, ACTION_REJECT);
	/* what does not stand on DNS is not weakened */
	f.results.finding_count = 0;
	raise_finding(&f, FINDING_TLS_NONE, NULL, DNS_INSECURE);
	assert_int_equal(decide(&f, FINDING_STAGE_MESSAGE).action, ACTION_REJECT);
	policy_fixture_drop(&f);
}

static void test_policy_decide_require_secure(void **state)
{
	struct policy_fixture f = policy_fixture_make("policy default { require-secure-domains = .bank.example actions { insecure-pass = quarantine } }");
	struct dkim_result dkim = { .result = RESULT_PASS, .domain = "mail.bank.example", .dnssec = DNS_INSECURE };
	struct dmarc_result dmarc = { .result = RESULT_PASS, .domain = "bank.example", .dnssec = DNS_INSECURE };
	struct decision d;

	(void)state;
	f.results.dmarc_authors = &dmarc;
	f.results.dmarc_author_count = 1;
	d = decide(&f, FINDING_STAGE_MESSAGE);
	assert_int_equal(d.action, ACTION_QUARANTINE);
	assert_int_equal(d.finding, FINDING_INSECURE_PASS);
	assert_string_equal(d.domain, "bank.example");
	assert_int_equal(decide(&f, FINDING_STAGE_ENVELOPE).action, ACTION_NONE);
	dmarc.dnssec = DNS_SECURE;
	assert_int_equal(decide(&f, FINDING_STAGE_MESSAGE).action, ACTION_NONE);
	dmarc.domain = "other.example";
	dmarc.dnssec = DNS_INSECURE;
	assert_int_equal(decide(&f, FINDING_STAGE_MESSAGE).action, ACTION_NONE);
	/* without a DMARC pass the single results count */
	dmarc.result = RESULT_NONE;
	f.results.dkim = &dkim;
	f.results.dkim_count = 1;
	assert_string_equal(decide(&f, FINDING_STAGE_MESSAGE).domain, "mail.bank.example");
	f.results.spf = (struct spf_result){ .result = RESULT_PASS, .domain = "mail.bank.example", .dnssec = DNS_SECURE };
	assert_int_equal(decide(&f, FINDING_STAGE_MESSAGE).action, ACTION_NONE);
	dkim.dnssec = DNS_SECURE;
	f.results.spf.dnssec = DNS_INSECURE;
	assert_int_equal(decide(&f, FINDING_STAGE_MESSAGE).action, ACTION_NONE);
	/* a secure signature that covers less than the reader sees is none */
	dkim.added_field = "Subject";
	assert_int_equal(decide(&f, FINDING_STAGE_MESSAGE).action, ACTION_QUARANTINE);
	f.results.spf.dnssec = DNS_SECURE;
	dkim.result = RESULT_FAIL;
	f.results.spf.dnssec = DNS_INDETERMINATE;
	assert_int_equal(decide(&f, FINDING_STAGE_MESSAGE).action, ACTION_QUARANTINE);
	policy_fixture_drop(&f);
}

/* The strictest result of several authors may be of a domain that nobody listed; the listed one is looked at all the same. */
static void test_policy_decide_require_secure_of_each_author(void **state)
{
	struct policy_fixture f = policy_fixture_make("policy default { require-secure-domains = .bank.example actions { insecure-pass = quarantine } }");
	struct dmarc_result authors[2] = {
		{ .result = RESULT_FAIL, .domain = "other.example", .dnssec = DNS_INSECURE },
		{ .result = RESULT_PASS, .domain = "bank.example", .dnssec = DNS_INSECURE },
	};

	(void)state;
	f.results.dmarc = authors[0];
	f.results.dmarc_authors = authors;
	f.results.dmarc_author_count = 2;
	assert_string_equal(decide(&f, FINDING_STAGE_MESSAGE).domain, "bank.example");
	authors[1].dnssec = DNS_SECURE;
	assert_int_equal(decide(&f, FINDING_STAGE_MESSAGE).action, ACTION_NONE);
	/* a secure pass of one author says nothing for the others' SPF */
	f.results.spf = (struct spf_result){ .result = RESULT_PASS, .domain = "mail.bank.example", .dnssec = DNS_INSECURE };
	assert_string_equal(decide(&f, FINDING_STAGE_MESSAGE).domain, "mail.bank.example");
	authors[0] = authors[1];
	assert_int_equal(decide(&f, FINDING_STAGE_MESSAGE).action, ACTION_NONE);
	authors[0].dnssec = DNS_INDETERMINATE;
	assert_int_equal(decide(&f, FINDING_STAGE_MESSAGE).action, ACTION_QUARANTINE);
	policy_fixture_drop(&f);
}

/* One more author may be insecure; if he is the only one he may also be secure, and then SPF and DKIM do not count. */
static void test_policy_decide_require_secure_where_authors_are_lacking(void **state)
{
	struct policy_fixture f = policy_fixture_make("policy default { require-secure-domains = bank.example actions { insecure-pass = quarantine } }");
	const struct evidence_author secure = { .domain = "bank.example", .dmarc = RESULT_PASS, .secure = true };
	const struct evidence_author insecure = { .domain = "bank.example", .dmarc = RESULT_PASS };
	const struct evidence_author other = { .domain = "other.example", .dmarc = RESULT_FAIL };
	const struct { const struct evidence_author *author; unsigned lacks; enum action action, may; } rows[] = {
		{ &secure, 0, ACTION_NONE, ACTION_NONE },
		{ &secure, EVIDENCE_LACKS_AUTHORS, ACTION_NONE, ACTION_QUARANTINE },
		{ &insecure, EVIDENCE_LACKS_AUTHORS, ACTION_QUARANTINE, ACTION_QUARANTINE },
		{ &other, EVIDENCE_LACKS_AUTHORS, ACTION_QUARANTINE, ACTION_QUARANTINE },
		{ NULL, EVIDENCE_LACKS_AUTHORS, ACTION_NONE, ACTION_QUARANTINE },
		{ NULL, 0, ACTION_QUARANTINE, ACTION_QUARANTINE },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct evidence evidence = { .stage = FINDING_STAGE_MESSAGE, .lacks = rows[i].lacks, .authors = rows[i].author,
			.author_count = rows[i].author != NULL, .spf = RESULT_PASS, .spf_domain = "bank.example" };
		struct decision decision;

		policy_decide(&f.config->policies[0], &evidence, &decision);
		assert_int_equal(decision.action, rows[i].action);
		assert_int_equal(decision.may, rows[i].may);
	}
	policy_fixture_drop(&f);
}

/* RFC 8689 */
static void test_policy_decide_tls_not_required(void **state)
{
	struct policy_fixture f = policy_fixture_make("findings { tls-none = reject tls-cert-required = reject spf-fail = tag }");

	(void)state;
	f.results.tls.not_required = true;
	raise_finding(&f, FINDING_TLS_NONE, NULL, DNS_SECURE);
	raise_finding(&f, FINDING_SPF_FAIL, "a.example", DNS_SECURE);
	assert_int_equal(decide(&f, FINDING_STAGE_MESSAGE).action, ACTION_TAG);
	raise_finding(&f, FINDING_TLS_CERT_REQUIRED, "a.example", DNS_SECURE);
	assert_int_equal(decide(&f, FINDING_STAGE_MESSAGE).action, ACTION_REJECT);
	policy_fixture_drop(&f);
}

static enum action cert_action(const char *options, const struct tls_result *tls)
{
	char text[300];
	struct policy_fixture f;
	enum action action;

	snprintf(text, sizeof(text), "mode = enforce policy p { require-cert = yes %s }", options);
	f = policy_fixture_make(text);
	f.results.tls = *tls;
	action = decide(&f, FINDING_STAGE_MESSAGE).action;
	policy_fixture_drop(&f);
	return action;
}

/* Whoever has a zone of his own can publish any certificate there: only the name of the record is proven. */
static void test_policy_decide_certificate_proven_by_tlsa(void **state)
{
	struct tls_result tls = { .cert_status = CERT_TLSA, .cert_match = "tlsa", .tlsa = TLSA_MATCH, .tlsa_name = "mx.own.example",
		.cert_subject = "/CN=mta.partner.example", .cert_issuer = "/CN=Good CA" };

	(void)state;
	assert_int_equal(cert_action("", &tls), ACTION_NONE);
	assert_int_equal(cert_action("require-cert-names = { \".partner.example\" }", &tls), ACTION_REJECT);
	assert_int_equal(cert_action("require-cert-names = { \".own.example\" }", &tls), ACTION_NONE);
	assert_int_equal(cert_action("require-cert-issuers = { \"Good CA\" }", &tls), ACTION_REJECT);
	assert_int_equal(cert_action("require-cert-issuers = { \"Good CA\" } require-cert-names = { \".own.example\" }", &tls),
	    ACTION_REJECT);
	tls.cert_status = CERT_VERIFIED;	/* an authority stands behind the names too */
	assert_int_equal(cert_action("require-cert-names = { \".partner.example\" }", &tls), ACTION_NONE);
	assert_int_equal(cert_action("require-cert-names = { \".own.example\" }", &tls), ACTION_NONE);
	assert_int_equal(cert_action("require-cert-names = { \".else.example\" }", &tls), ACTION_REJECT);
	assert_int_equal(cert_action("require-cert-issuers = { \"Good CA\" }", &tls), ACTION_NONE);
	assert_int_equal(cert_action("require-cert-issuers = { \"Other CA\" }", &tls), ACTION_REJECT);
	tls.tlsa = TLSA_MISMATCH;		/* and then the record's name is no proof */
	assert_int_equal(cert_action("require-cert-names = { \".own.example\" }", &tls), ACTION_REJECT);
}

static void test_policy_decide_certificate_of_unknown_tlsa_is_deferred(void **state)
{
	struct tls_result tls = { .cert_status = CERT_FAILED, .tlsa_name = "mx.own.example" };

	(void)state;
	for (int status = TLSA_UNCHECKED; status <= TLSA_BOGUS; status++) {
		bool unknown = status == TLSA_TEMPERROR || status == TLSA_BOGUS;

		tls.tlsa = (enum tlsa_status)status;
		assert_int_equal(cert_action("", &tls), unknown ? ACTION_DEFER : ACTION_REJECT);
		assert_int_equal(cert_action("require-cert-issuers = { \"Good CA\" }", &tls), ACTION_REJECT);
		assert_int_equal(cert_action("actions { tls-cert-required = tag }", &tls), ACTION_TAG);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_policy_decide_reject_only_secure),
		cmocka_unit_test(test_policy_decide_require_secure),
		cmocka_unit_test(test_policy_decide_require_secure_of_each_author),
		cmocka_unit_test(test_policy_decide_require_secure_where_authors_are_lacking),
		cmocka_unit_test(test_policy_decide_tls_not_required),
		cmocka_unit_test(test_policy_decide_certificate_proven_by_tlsa),
		cmocka_unit_test(test_policy_decide_certificate_of_unknown_tlsa_is_deferred),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
