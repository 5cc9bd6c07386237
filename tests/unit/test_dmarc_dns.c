/* SPDX-License-Identifier: BSD-2-Clause */
/* What DMARC, ADSP and iprev ask of DNS, when they ask it, and how the security of the answers reaches the results. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "check_fixture.h"
#include "fake_dns.h"

#define R "TXT \"v=DMARC1; "

/* Names under secure.example and the list below come with AD; the others do not. */
static void sign(void *context, const char *name, uint16_t type, bool tcp, struct fake_dns_reply *reply)
{
	static const char *const signed_names[] = { "_dmarc.secure.example", "_dmarc.a.secure.example", "_dmarc.example",
		"1.2.0.192.in-addr.arpa", "secure.example", "_adsp._domainkey.secure.example" };

	(void)context;
	(void)type;
	(void)tcp;
	for (size_t i = 0; i < sizeof(signed_names) / sizeof(signed_names[0]); i++)
		if (strcmp(name, signed_names[i]) == 0)
			reply->ad = true;
}

/* The same, but nothing is known of the top-level domain's answers. */
static void sign_but_top(void *context, const char *name, uint16_t type, bool tcp, struct fake_dns_reply *reply)
{
	sign(context, name, type, tcp, reply);
	if (strcmp(name, "_dmarc.example") == 0)
		reply->ad = false;
}

static enum dns_security judge(fake_dns_callback *callback, const char *zone, const char *author, const char *dkim,
    enum dns_security evidence, enum result result)
{
	struct fake_dns *server = fake_dns_start(zone, callback, NULL);
	struct check_fixture *fixture = fixture_new_server(fake_dns_address(server));
	enum dns_security security;

	fixture_from(fixture, author);
	fixture_spf(fixture, RESULT_FAIL, "elsewhere.example", DNS_INSECURE);
	fixture_dkim(fixture, dkim != NULL ? RESULT_PASS : RESULT_FAIL, dkim != NULL ? dkim : author, evidence);
	fixture_run(fixture, &check_dmarc);
	assert_int_equal(fixture->results.dmarc.result, result);
	security = fixture->results.dmarc.dnssec;
	if (result == RESULT_FAIL)
		assert_int_equal(fixture->results.findings[0].dnssec, security);
	fixture_free(&fixture);
	fake_dns_stop(&server);
	return security;
}

static void test_dmarc_security_is_the_weakest_of_record_and_evidence(void **state)
{
	static const char zone[] = "_dmarc.secure.example. " R "p=reject\"\n_dmarc.plain.example. " R "p=reject\"\n";

	(void)state;
	assert_int_equal(judge(sign, zone, "secure.example", "secure.example", DNS_SECURE, RESULT_PASS), DNS_SECURE);
	assert_int_equal(judge(sign, zone, "secure.example", "secure.example", DNS_INSECURE, RESULT_PASS), DNS_INSECURE);
	assert_true(judge(sign, zone, "plain.example", "plain.example", DNS_SECURE, RESULT_PASS) > DNS_SECURE);
	/* a failure: the record, and aligned identifiers that did not pass; SPF of another domain is no matter */
	assert_int_equal(judge(sign, zone, "secure.example", NULL, DNS_SECURE, RESULT_FAIL), DNS_SECURE);
	assert_int_equal(judge(sign, zone, "secure.example", NULL, DNS_INSECURE, RESULT_FAIL), DNS_INSECURE);
	assert_true(judge(sign, zone, "plain.example", NULL, DNS_SECURE, RESULT_FAIL) > DNS_SECURE);
	/* relaxed alignment stands on both walks, up to the top */
	assert_int_equal(judge(sign, zone, "secure.example", "a.secure.example", DNS_SECURE, RESULT_PASS), DNS_SECURE);
	assert_true(judge(sign_but_top, zone, "secure.example", "a.secure.example", DNS_SECURE, RESULT_PASS) > DNS_SECURE);
	assert_int_equal(judge(sign_but_top, zone, "secure.example", "secure.example", DNS_SECURE, RESULT_PASS), DNS_SECURE);
	assert_true(judge(sign, zone, "secure.example", "b.secure.example", DNS_SECURE, RESULT_PASS) > DNS_SECURE);
	assert_true(judge(sign, zone, "b.secure.example", "secure.example", DNS_SECURE, RESULT_PASS) > DNS_SECURE);
}

/* A field that never was a signature costs nothing to write: it must not take the security from a failure. */
static void test_dmarc_failure_keeps_its_security_beside_a_signature_without_a_key(void **state)
{
	struct fake_dns *server = fake_dns_start("_dmarc.secure.example. " R "p=reject\"\n", sign, NULL);

	(void)state;
	for (int alone = 0; alone < 2; alone++) {
		struct check_fixture *fixture = fixture_new_server(fake_dns_address(server));

		fixture_from(fixture, "secure.example");
		fixture_dkim(fixture, RESULT_PERMERROR, "secure.example", DNS_INDETERMINATE);
		fixture->dkim[0].message_alone = alone != 0;
		fixture_run(fixture, &check_dmarc);
		assert_int_equal(fixture->results.dmarc.result, RESULT_FAIL);
		assert_int_equal(fixture->results.dmarc.dnssec, alone != 0 ? DNS_SECURE : DNS_INDETERMINATE);
		fixture_free(&fixture);
	}
	fake_dns_stop(&server);
}

static void test_dmarc_several_passes_take_the_best_evidence(void **state)
{
	struct fake_dns *server = fake_dns_start("_dmarc.secure.example. " R "p=reject\"\n", sign, NULL);
	struct check_fixture *fixture = fixture_new_server(fake_dns_address(server));

	(void)state;
	fixture_from(fixture, "secure.example");
	fixture_spf(fixture, RESULT_PASS, "secure.example", DNS_INSECURE);
	fixture_dkim(fixture, RESULT_PASS, "secure.example", DNS_SECURE);
	fixture_dkim(fixture, RESULT_PASS, "secure.example", DNS_INDETERMINATE);
	fixture_run(fixture, &check_dmarc);
	assert_true(fixture->results.dmarc.spf_aligned && fixture->results.dmarc.dkim_aligned);
	assert_int_equal(fixture->results.dmarc.dnssec, DNS_SECURE);
	fixture_free(&fixture);
	fake_dns_stop(&server);
}

static void test_adsp_security(void **state)
{
	struct fake_dns *server = fake_dns_start("secure.example. A 192.0.2.1\nplain.example. A 192.0.2.1\n"
	    "_adsp._domainkey.secure.example. TXT \"dkim=all\"\n_adsp._domainkey.plain.example. TXT \"dkim=all\"\n", sign, NULL);
	struct check_fixture *fixture = fixture_new_server(fake_dns_address(server));

	(void)state;
	fixture_from(fixture, "secure.example");
	fixture_run(fixture, &check_adsp);
	assert_int_equal(fixture->results.adsp.dnssec, DNS_SECURE);
	fixture_free(&fixture);
	fixture = fixture_new_server(fake_dns_address(server));
	fixture_from(fixture, "plain.example");
	fixture_run(fixture, &check_adsp);
	assert_true(fixture->results.adsp.dnssec > DNS_SECURE);
	fixture_free(&fixture);
	fake_dns_stop(&server);
}

static void test_iprev_security(void **state)
{
	struct fake_dns *server = fake_dns_start("1.2.0.192.in-addr.arpa. PTR secure.example.\nsecure.example. A 192.0.2.1\n"
	    "2.2.0.192.in-addr.arpa. PTR secure.example.\nsecure.example. A 192.0.2.2\n", sign, NULL);
	struct check_fixture *fixture = fixture_new_server(fake_dns_address(server));

	(void)state;
	assert_int_equal(addr_parse("192.0.2.1", &fixture->connection.client), 0);
	fixture_run(fixture, &check_iprev);
	assert_int_equal(fixture->results.iprev.result, RESULT_PASS);
	assert_int_equal(fixture->results.iprev.dnssec, DNS_SECURE);
	fixture_free(&fixture);
	fixture = fixture_new_server(fake_dns_address(server));
	assert_int_equal(addr_parse("192.0.2.2", &fixture->connection.client), 0);
	fixture_run(fixture, &check_iprev);
	assert_int_equal(fixture->results.iprev.result, RESULT_PASS);
	assert_true(fixture->results.iprev.dnssec > DNS_SECURE);
	fixture_free(&fixture);
	fake_dns_stop(&server);
}

/* ---- when what is asked ---- */

/*
 * Eight names of the first author's walk (RFC 9989 section 4.10), three of the second's that are not among them, one each of
 * MAIL FROM and of the signature: nothing of it needs an answer. What an answer raises, np=, is one question an author.
 */
enum { WALKS = 8 + 3 + 1 + 1, EXISTENCE = 2 };

static void in_two_steps(void *context, const char *name, uint16_t type, bool tcp, struct fake_dns_reply *reply)
{
	(void)context;
	(void)type;
	(void)tcp;
	reply->hold_until = strncmp(name, "_dmarc.", 7) == 0 ? WALKS : WALKS + EXISTENCE;
}

static void test_dmarc_asks_in_parallel(void **state)
{
	struct fake_dns *server = fake_dns_start("_dmarc.e.f.example.com. " R "p=reject; np=none\"\n_dmarc.example.com. " R
	    "p=reject; np=none\"\n", in_two_steps, NULL);
	struct check_fixture *fixture = fixture_new_server(fake_dns_address(server));

	(void)state;
	/* two author domains with long walks, a MAIL FROM and a signature that may be aligned */
	fixture_field(fixture, "From", " a@a.b.c.d.e.f.example.com, b@x.y.z.example.com");
	fixture_field(fixture, "DKIM-Signature", " v=1; a=rsa-sha256;\n d=other.example.com; s=x; b=");
	fixture_dkim(fixture, RESULT_PASS, "other.example.com", DNS_INSECURE);
	fixture->facts.mail_from_domain = "bounce.example.com";
	fixture_spf(fixture, RESULT_PASS, "bounce.example.com", DNS_INSECURE);
	fixture_run(fixture, &check_dmarc);
	assert_int_equal(fixture->results.dmarc.result, RESULT_PASS);
	assert_true(fake_dns_count(server, NULL, 0) >= WALKS + EXISTENCE);
	assert_int_equal(fake_dns_stalled(server), 0);
	fixture_free(&fixture);
	fake_dns_stop(&server);
}

static void test_dmarc_does_not_ask_for_what_cannot_be_aligned(void **state)
{
	struct fake_dns *server = fake_dns_start("_dmarc.example.com. " R "p=reject\"\n", NULL, NULL);
	struct check_fixture *fixture = fixture_new_server(fake_dns_address(server));

	(void)state;
	fixture_from(fixture, "example.com");
	fixture_field(fixture, "DKIM-Signature", " v=1; d=esp.example.net; s=x");
	fixture_dkim(fixture, RESULT_PASS, "esp.example.net", DNS_INSECURE);
	fixture->facts.mail_from_domain = "bounce.example.net";
	fixture_spf(fixture, RESULT_PASS, "bounce.example.net", DNS_INSECURE);
	fixture_run(fixture, &check_dmarc);
	assert_int_equal(fixture->results.dmarc.result, RESULT_FAIL);
	assert_int_equal(fake_dns_count(server, "_dmarc.example.com", DNS_TYPE_TXT), 1);
	assert_int_equal(fake_dns_count(server, "_dmarc.com", DNS_TYPE_TXT), 1);
	assert_int_equal(fake_dns_count(server, NULL, 0), 2);
	fixture_free(&fixture);
	fake_dns_stop(&server);
}

static void names_at_once(void *context, const char *name, uint16_t type, bool tcp, struct fake_dns_reply *reply)
{
	(void)context;
	(void)name;
	(void)tcp;
	reply->hold_until = type == DNS_TYPE_PTR ? 0 : 1 + 3;
}

static void test_iprev_asks_forward_when_the_names_come(void **state)
{
	struct fake_dns *server = fake_dns_start("1.2.0.192.in-addr.arpa. PTR a.example.\n1.2.0.192.in-addr.arpa. PTR b.example.\n"
	    "1.2.0.192.in-addr.arpa. PTR c.example.\nc.example. A 192.0.2.1\n", names_at_once, NULL);
	struct check_fixture *fixture = fixture_new_server(fake_dns_address(server));

	(void)state;
	assert_int_equal(addr_parse("192.0.2.1", &fixture->connection.client), 0);
	fixture_run(fixture, &check_iprev);
	assert_int_equal(fixture->results.iprev.result, RESULT_PASS);
	assert_int_equal(fake_dns_stalled(server), 0);
	fixture_free(&fixture);
	fake_dns_stop(&server);
}

static void test_iprev_asks_for_ten_names_at_most(void **state)
{
	char zone[4000] = "";
	struct fake_dns *server;
	struct check_fixture *fixture;

	(void)state;
	for (int i = 0; i < 40; i++)
		sprintf(zone + strlen(zone), "1.2.0.192.in-addr.arpa. PTR n%d.example.\n", i);
	server = fake_dns_start(zone, NULL, NULL);
	fixture = fixture_new_server(fake_dns_address(server));
	assert_int_equal(addr_parse("192.0.2.1", &fixture->connection.client), 0);
	fixture_run(fixture, &check_iprev);
	assert_int_equal(fixture->results.iprev.result, RESULT_FAIL);
	assert_int_equal(fake_dns_count(server, NULL, DNS_TYPE_A), 10);
	fixture_free(&fixture);
	fake_dns_stop(&server);
}

/*
 * The author domain's record is there, but where its organization begins was too much to ask: that makes no doubt of a stranger's
 * pass, which would turn its reject into a temporary error.
 */
static void test_dmarc_excess_is_no_doubt_of_alignment(void **state)
{
	struct fake_dns *server = fake_dns_start("_dmarc.victim.example. " R "p=reject\"\n", NULL, NULL);
	struct check_fixture *fixture = fixture_new_server(fake_dns_address(server));

	(void)state;
	dns_scope_free(&fixture->context.dns);
	fixture->context.dns = dns_scope_new_limited(fixture->shared.resolver, &(struct dns_limits){ .deadline_ms = 5000,
		.max_lookups = 2, .by_purpose = true });	/* one for the author */
	fixture_from(fixture, "victim.example");
	fixture_spf(fixture, RESULT_PASS, "attacker.example", DNS_INSECURE);
	fixture_run(fixture, &check_dmarc);
	assert_int_equal(dns_scope_exceeded(fixture->context.dns) >> DNS_FOR_AUTHOR & 1, 1);
	assert_int_equal(fixture->results.dmarc.result, RESULT_FAIL);
	assert_true(fixture_raised(fixture, FINDING_DMARC_REJECT));
	fixture_free(&fixture);
	fake_dns_stop(&server);
}

static void truncate_udp(void *context, const char *name, uint16_t type, bool tcp, struct fake_dns_reply *reply)
{
	(void)context;
	(void)name;
	(void)type;
	reply->truncate = !tcp;
}

/* A reverse zone that takes more queries than a client may cause is no doubt in its favour. */
static void test_iprev_excess_is_a_failure(void **state)
{
	struct fake_dns *server = fake_dns_start("1.2.0.192.in-addr.arpa. PTR n.example.\n", truncate_udp, NULL);
	struct check_fixture *fixture = fixture_new_server(fake_dns_address(server));

	(void)state;
	dns_scope_free(&fixture->context.dns);
	fixture->context.dns = dns_scope_new_limited(fixture->shared.resolver, &(struct dns_limits){ .deadline_ms = 5000,
		.max_lookups = 300, .max_queries = 10, .by_purpose = true });	/* one for the client */
	assert_int_equal(addr_parse("192.0.2.1", &fixture->connection.client), 0);
	fixture_run(fixture, &check_iprev);
	assert_int_equal(fixture->results.iprev.result, RESULT_PERMERROR);
	assert_true(fixture_raised(fixture, FINDING_IPREV_FAIL));
	fixture_free(&fixture);
	fake_dns_stop(&server);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_dmarc_security_is_the_weakest_of_record_and_evidence),
		cmocka_unit_test(test_dmarc_failure_keeps_its_security_beside_a_signature_without_a_key),
		cmocka_unit_test(test_dmarc_several_passes_take_the_best_evidence),
		cmocka_unit_test(test_dmarc_excess_is_no_doubt_of_alignment),
		cmocka_unit_test(test_adsp_security),
		cmocka_unit_test(test_iprev_security),
		cmocka_unit_test(test_dmarc_asks_in_parallel),
		cmocka_unit_test(test_dmarc_does_not_ask_for_what_cannot_be_aligned),
		cmocka_unit_test(test_iprev_asks_forward_when_the_names_come),
		cmocka_unit_test(test_iprev_asks_for_ten_names_at_most),
		cmocka_unit_test(test_iprev_excess_is_a_failure),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
