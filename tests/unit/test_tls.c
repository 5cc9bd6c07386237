/* SPDX-License-Identifier: BSD-2-Clause */
/* The checks that only look at facts: tls, auth, author; and TLSA records of clients. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "check/tls/tls.h"
#include "check_fixture.h"
#include "fake_dns.h"
#include "finding_sets.h"

static void test_check_tls_findings(void **state)
{
	struct check_fixture *fixture = fixture_new(NULL);

	(void)state;
	fixture_run(fixture, &check_tls);
	assert_findings(fixture->results.set, SET_OF(FINDING_TLS_NONE));
	fixture_free(&fixture);

	fixture = fixture_new(NULL);
	fixture->connection.tls = (struct facts_tls){ .version = "TLSv1.2", .cipher = "AES128-SHA", .bits = 128 };
	fixture_run(fixture, &check_tls);
	assert_findings(fixture->results.set, SET_OF(FINDING_TLS_WEAK, FINDING_TLS_NO_FORWARD_SECRECY));
	fixture_free(&fixture);

	fixture = fixture_new(NULL);
	fixture->connection.tls = (struct facts_tls){ .version = "TLSv1.1", .cipher = "ECDHE-RSA-AES256-SHA", .bits = 256 };
	fixture_run(fixture, &check_tls);
	assert_findings(fixture->results.set, SET_OF(FINDING_TLS_WEAK));
	fixture_free(&fixture);

	fixture = fixture_new(NULL);
	fixture->connection.tls = (struct facts_tls){ .version = "TLSv1.3", .cipher = "TLS_AES_256_GCM_SHA384", .bits = 256 };
	fixture_run(fixture, &check_tls);
	assert_findings(fixture->results.set, SET_NONE);
	assert_int_equal(fixture->results.tls.grade, TLS_GRADE_STRONG);
	fixture_free(&fixture);
}

/* A client that came back with TLS was not stripped of it. */
static void test_check_tls_stripped(void **state)
{
	struct check_fixture *fixture = fixture_new(NULL);

	(void)state;
	fixture->connection.starttls_mangled = true;
	fixture_run(fixture, &check_tls);
	assert_findings(fixture->results.set, SET_OF(FINDING_TLS_NONE, FINDING_TLS_STRIPPED));
	fixture_free(&fixture);
	fixture = fixture_new(NULL);
	fixture->connection.starttls_mangled = true;
	fixture->connection.tls = (struct facts_tls){ .version = "TLSv1.3", .cipher = "TLS_AES_256_GCM_SHA384", .bits = 256 };
	fixture_run(fixture, &check_tls);
	assert_findings(fixture->results.set, SET_NONE);
	assert_false(fixture->results.tls.stripped);
	fixture_free(&fixture);
}

/* RFC 8689 section 5: once, and "No"; of fields that were not kept one may have been the second. */
static void test_check_tls_not_required(void **state)
{
	static const struct { const char *values[2]; bool unkept, requiretls, not_required; } rows[] = {
		{ { " No" }, false, false, true }, { { " no \n" }, false, false, true }, { { NULL }, false, false, false },
		{ { " No", " No" }, false, false, false }, { { " Nope" }, false, false, false }, { { " No; x" }, false, false, false },
		{ { " No" }, true, false, false }, { { " No" }, false, true, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct check_fixture *fixture = fixture_new(NULL);

		for (size_t j = 0; j < 2 && rows[i].values[j] != NULL; j++)
			fixture_field(fixture, "TLS-Required", rows[i].values[j]);
		fixture->facts.judged_unkept = rows[i].unkept;
		fixture->facts.requiretls = rows[i].requiretls;
		fixture_run(fixture, &check_tls);
		if (fixture->results.tls.not_required != rows[i].not_required)
			fail_msg("row %zu", i);
		fixture_free(&fixture);
	}
}

/* Sendmail, which says {verify}, writes octets of names as +XX; with Postfix a plus is a plus. */
static void test_check_tls_names_are_decoded_for_sendmail_only(void **state)
{
	struct check_fixture *fixture = fixture_new(NULL);

	(void)state;
	fixture->connection.tls = (struct facts_tls){ .version = "TLSv1.3", .cipher = "TLS_AES_256_GCM_SHA384", .bits = 256,
		.cert_subject = "a+2Bb", .cert_issuer = "CA+20One" };
	fixture_run(fixture, &check_tls);
	assert_string_equal(fixture->results.tls.cert_subject, "a+2Bb");
	assert_string_equal(fixture->results.tls.cert_issuer, "CA+20One");
	fixture_free(&fixture);
	fixture = fixture_new(NULL);
	fixture->connection.tls = (struct facts_tls){ .version = "TLSv1.3", .cipher = "TLS_AES_256_GCM_SHA384", .bits = 256, .verify = "OK",
		.cert_subject = "a+2Bb", .cert_issuer = "CA+20One" };
	fixture_run(fixture, &check_tls);
	assert_string_equal(fixture->results.tls.cert_subject, "a+b");
	assert_string_equal(fixture->results.tls.cert_issuer, "CA One");
	fixture_free(&fixture);
}

static void test_check_auth_cleartext(void **state)
{
	struct check_fixture *fixture = fixture_new(NULL);

	(void)state;
	fixture_run(fixture, &check_auth);
	assert_false(fixture_raised(fixture, FINDING_AUTH_CLEARTEXT));
	fixture->connection.auth.mechanism = "PLAIN";
	fixture->connection.tls.version = "TLSv1.3";
	fixture_run(fixture, &check_auth);
	assert_false(fixture_raised(fixture, FINDING_AUTH_CLEARTEXT));
	fixture->connection.tls.version = NULL;
	fixture_run(fixture, &check_auth);
	assert_true(fixture_raised(fixture, FINDING_AUTH_CLEARTEXT));
	fixture_free(&fixture);
}

static void author_findings(const char *from, bool malformed, bool truncated, finding_set expected)
{
	struct check_fixture *fixture = fixture_new(NULL);

	if (from != NULL)
		fixture_field(fixture, "From", from);
	fixture->facts.malformed = malformed;
	fixture->facts.fields_truncated = fixture->facts.from_unkept = truncated;
	fixture_run(fixture, &check_author);
	assert_findings(fixture->results.set, expected);
	fixture_free(&fixture);
}

static void test_check_author_findings(void **state)
{
	const enum finding_id missing = FINDING_FROM_MISSING, invalid = FINDING_FROM_INVALID, multiple = FINDING_FROM_MULTIPLE,
	    limit = FINDING_LIMIT_EXCEEDED, broken = FINDING_MESSAGE_MALFORMED;

	(void)state;
	author_findings(" a@one.example", false, false, SET_NONE);
	author_findings(NULL, false, false, SET_OF(missing));
	author_findings(" x:;", false, false, SET_OF(missing));
	author_findings(" a@one.example <b@two.example>", false, false, SET_OF(invalid, multiple));
	author_findings(" a@one.example>", false, false, SET_OF(invalid));
	author_findings(" a@one.example, b@two.example", false, false, SET_OF(multiple));
	author_findings(" a@one.example", true, false, SET_OF(broken));
	author_findings(" a@one.example", false, true, SET_OF(invalid, limit));
	author_findings(" a@0.x,a@1.x,a@2.x,a@3.x,a@4.x,a@5.x,a@6.x,a@7.x,a@8.x,a@9.x,a@10.x", false, false,
	    SET_OF(invalid, multiple, limit, FINDING_FROM_TOO_MANY));
}

/* context: whether the server sets the AD bit; NULL: it fails. */
static void answer_tlsa(void *context, const char *name, uint16_t type, bool tcp, struct fake_dns_reply *reply)
{
	(void)name;
	(void)type;
	(void)tcp;
	reply->ad = context != NULL && *(const bool *)context;
	reply->rcode_set = context == NULL;
	reply->rcode = 2;
}

#define SHA256_HEX "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define SHA512_HEX "cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce" \
	"47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e"

struct tlsa_case { const char *record, *fingerprint, *verify; bool insecure, fails; };

/* The client calls itself mx.example.org; the MTA knows it as gate.example.net. Texts live as long as the records given. */
static struct tls_result tlsa_verdict(struct tlsa_case given, unsigned *questions_r)
{
	bool secure = !given.insecure;
	struct fake_dns *server = fake_dns_start(given.record, answer_tlsa, given.fails ? NULL : &secure);
	struct check_fixture *fixture = fixture_new_server(fake_dns_address(server));
	static char name[64];
	struct tls_result result;

	fixture->connection.tls.version = "TLSv1.3";
	fixture->connection.tls.cipher = "TLS_AES_256_GCM_SHA384";
	fixture->connection.tls.verify = given.verify != NULL ? given.verify : "FAIL";
	fixture->connection.tls.cert_subject = "/CN=self+20signed";
	fixture->connection.tls.cert_fingerprint = given.fingerprint;
	fixture->connection.helo = "mx.example.org";
	fixture->connection.client_name = "gate.example.net";
	fixture_run(fixture, &check_tls);
	result = fixture->results.tls;
	if (result.tlsa_name != NULL) {
		snprintf(name, sizeof(name), "%s", result.tlsa_name);
		result.tlsa_name = name;
	}
	if (questions_r != NULL)
		*questions_r = fake_dns_count(server, NULL, DNS_TYPE_TLSA);
	fixture_free(&fixture);
	fake_dns_stop(&server);
	return result;
}

static void assert_tlsa(struct tlsa_case given, enum tlsa_status status, const char *name)
{
	struct tls_result result = tlsa_verdict(given, NULL);

	assert_int_equal(result.tlsa, status);
	assert_int_equal(result.cert_status, status == TLSA_MATCH ? CERT_TLSA : CERT_FAILED);
	if (status == TLSA_MATCH)
		assert_string_equal(result.cert_match, "tlsa");
	else
		assert_null(result.cert_match);
	assert_string_equal(result.tlsa_name, name);
}

#define OWN "_smtp-client.mx.example.org. TLSA "
#define GATE "_smtp-client.gate.example.net. TLSA "
#define GOOD OWN "3 0 1 " SHA256_HEX "\n"
#define GATE_GOOD GATE "3 0 1 " SHA256_HEX "\n"
#define BAD "3 0 1 00b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\n"

static void test_check_tls_client_tlsa(void **state)
{
	static const char other_name[] = "_smtp-client.other.example.org. TLSA 3 0 1 " SHA256_HEX "\n";
	static const char mixed_case[] = "E3:B0" /* the rest in lower case, without colons */
	    "c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

	(void)state;
	assert_tlsa((struct tlsa_case){ GOOD, .fingerprint = mixed_case }, TLSA_MATCH, "mx.example.org");
	assert_tlsa((struct tlsa_case){ OWN BAD GOOD, .fingerprint = SHA256_HEX }, TLSA_MATCH, "mx.example.org");
	assert_tlsa((struct tlsa_case){ OWN "3 0 2 " SHA512_HEX "\n", .fingerprint = SHA512_HEX }, TLSA_MATCH, "mx.example.org");
	assert_tlsa((struct tlsa_case){ GOOD, .fingerprint = SHA256_HEX, .insecure = true }, TLSA_INSECURE, "mx.example.org");
	assert_tlsa((struct tlsa_case){ OWN BAD, .fingerprint = SHA256_HEX }, TLSA_MISMATCH, "mx.example.org");
	assert_tlsa((struct tlsa_case){ OWN "2 0 1 " SHA256_HEX "\n", .fingerprint = SHA256_HEX }, TLSA_MISMATCH, "mx.example.org");
	assert_tlsa((struct tlsa_case){ OWN "3 1 1 " SHA256_HEX "\n", .fingerprint = SHA256_HEX }, TLSA_MISMATCH, "mx.example.org");
	assert_tlsa((struct tlsa_case){ OWN "3 0 2 " SHA256_HEX "\n", .fingerprint = SHA256_HEX }, TLSA_MISMATCH, "mx.example.org");
	assert_tlsa((struct tlsa_case){ other_name, .fingerprint = SHA256_HEX }, TLSA_NONE, "mx.example.org");
	assert_tlsa((struct tlsa_case){ GOOD, .fingerprint = SHA256_HEX, .fails = true }, TLSA_TEMPERROR, "mx.example.org");
}

/* Either of the client's names may prove it; what is known of one is not hidden by the other. */
static void test_check_tls_client_tlsa_of_two_names(void **state)
{
	(void)state;
	assert_tlsa((struct tlsa_case){ GATE_GOOD, .fingerprint = SHA256_HEX }, TLSA_MATCH, "gate.example.net");
	assert_tlsa((struct tlsa_case){ OWN BAD GATE_GOOD, .fingerprint = SHA256_HEX }, TLSA_MATCH, "gate.example.net");
	assert_tlsa((struct tlsa_case){ GATE BAD GOOD, .fingerprint = SHA256_HEX }, TLSA_MATCH, "mx.example.org");
	assert_tlsa((struct tlsa_case){ GATE BAD, .fingerprint = SHA256_HEX }, TLSA_MISMATCH, "gate.example.net");
}

static void test_check_tls_client_tlsa_beside_a_chain(void **state)
{
	struct tls_result result = tlsa_verdict((struct tlsa_case){ GOOD, .fingerprint = SHA256_HEX, .verify = "OK" }, NULL);

	(void)state;
	assert_int_equal(result.cert_status, CERT_VERIFIED);	/* the names in it stay proven */
	assert_string_equal(tls_proven_name(&result), "mx.example.org");
	result = tlsa_verdict((struct tlsa_case){ OWN BAD, .fingerprint = SHA256_HEX, .verify = "OK" }, NULL);
	assert_int_equal(result.cert_status, CERT_VERIFIED);
	assert_null(tls_proven_name(&result));
}

static void test_check_tls_client_tlsa_needs_a_fingerprint(void **state)
{
	static const char *const useless[] = { NULL, "", "d41d8cd98f00b204e9800998ecf8427e" /* MD5 */,
		"da39a3ee5e6b4b0d3255bfef95601890afd80709" /* SHA-1 */ };
	unsigned questions;

	(void)state;
	for (size_t i = 0; i < sizeof(useless) / sizeof(useless[0]); i++) {
		struct tls_result result = tlsa_verdict((struct tlsa_case){ GOOD, .fingerprint = useless[i] }, &questions);

		assert_int_equal(result.tlsa, TLSA_UNCHECKED);
		assert_int_equal(result.cert_status, CERT_FAILED);
		assert_int_equal(questions, 0);
	}
	tlsa_verdict((struct tlsa_case){ GOOD, .fingerprint = SHA256_HEX }, &questions);
	assert_int_equal(questions, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_check_tls_findings),
		cmocka_unit_test(test_check_tls_client_tlsa),
		cmocka_unit_test(test_check_tls_client_tlsa_of_two_names),
		cmocka_unit_test(test_check_tls_client_tlsa_beside_a_chain),
		cmocka_unit_test(test_check_tls_client_tlsa_needs_a_fingerprint),
		cmocka_unit_test(test_check_tls_stripped),
		cmocka_unit_test(test_check_tls_not_required),
		cmocka_unit_test(test_check_tls_names_are_decoded_for_sendmail_only),
		cmocka_unit_test(test_check_auth_cleartext),
		cmocka_unit_test(test_check_author_findings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
