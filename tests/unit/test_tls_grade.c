/* SPDX-License-Identifier: BSD-2-Clause */
/* Cipher table, TLS grades (RFC 9325) of sessions and of earlier hops, certificate status. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "check/tls/cipher.h"
#include "check/tls/tls.h"

static void test_cipher_table_is_sorted_and_complete(void **state)
{
	(void)state;
	for (size_t i = 0; i < cipher_table_count; i++) {
		if (i != 0)
			assert_true(strcmp(cipher_table[i - 1].openssl_name, cipher_table[i].openssl_name) < 0);
		assert_ptr_equal(cipher_find(cipher_table[i].openssl_name), &cipher_table[i]);
		assert_int_equal(strncmp(cipher_table[i].iana_name, "TLS_", 4), 0);
		/* RFC 8314 section 4.3: letters, digits, underscores */
		assert_int_equal(strspn(cipher_table[i].iana_name,
		    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_"), strlen(cipher_table[i].iana_name));
	}
}

static void test_cipher_find_names(void **state)
{
	(void)state;
	/* pairs from the IANA registry and OpenSSL's manual page ciphers(1) */
	assert_string_equal(cipher_find("ECDHE-RSA-AES256-GCM-SHA384")->iana_name, "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384");
	assert_string_equal(cipher_find("DES-CBC3-SHA")->iana_name, "TLS_RSA_WITH_3DES_EDE_CBC_SHA");
	assert_string_equal(cipher_find("EDH-RSA-DES-CBC3-SHA")->iana_name, "TLS_DHE_RSA_WITH_3DES_EDE_CBC_SHA");
	assert_string_equal(cipher_find("EXP-RC4-MD5")->iana_name, "TLS_RSA_EXPORT_WITH_RC4_40_MD5");
	assert_string_equal(cipher_find("ADH-AES256-GCM-SHA384")->iana_name, "TLS_DH_anon_WITH_AES_256_GCM_SHA384");
	assert_string_equal(cipher_find("TLS_AES_256_GCM_SHA384")->iana_name, "TLS_AES_256_GCM_SHA384");
	assert_string_equal(cipher_find("TLS_RSA_WITH_RC4_128_SHA")->openssl_name, "RC4-SHA");
	assert_string_equal(cipher_find("ecdhe-rsa-aes256-gcm-sha384")->openssl_name, "ECDHE-RSA-AES256-GCM-SHA384");
	assert_null(cipher_find("NO-SUCH-SUITE"));
	assert_null(cipher_find(""));
	assert_null(cipher_find(NULL));
}

static const struct {
	const char *version, *cipher;
	unsigned bits;
	enum tls_grade grade;
	bool forward_secrecy;
	const char *reason;	/* a part of it */
} session_rows[] = {
	{ NULL, NULL, 0, TLS_GRADE_NONE, false, "no TLS" },
	{ "TLSv1.3", "TLS_AES_256_GCM_SHA384", 256, TLS_GRADE_STRONG, true, "authenticated" },
	{ "TLSv1.3", "TLS_AES_128_GCM_SHA256", 128, TLS_GRADE_STRONG, true, "authenticated" },
	{ "TLSv1.3", "TLS_NEW_SUITE", 256, TLS_GRADE_STRONG, true, "authenticated" },
	{ "TLSv1.3", "TLS_AES_128_CCM_8_SHA256", 128, TLS_GRADE_OK, true, "tag" },
	/* what OpenSSL counts of them, and so {cipher_bits} */
	{ "TLSv1.3", "TLS_AES_128_CCM_8_SHA256", 64, TLS_GRADE_OK, true, "tag" },
	{ "TLSv1.2", "ECDHE-ECDSA-AES128-CCM8", 64, TLS_GRADE_OK, true, "tag" },
	{ "TLSv1.2", "ECDHE-ECDSA-AES256-CCM8", 64, TLS_GRADE_OK, true, "tag" },
	{ "TLSv1.2", "DHE-RSA-AES256-CCM8", 64, TLS_GRADE_OK, true, "tag" },
	{ "TLSv1.2", "AES128-CCM8", 64, TLS_GRADE_WEAK, false, "forward secrecy" },
	{ "TLSv1.1", "ECDHE-ECDSA-AES128-CCM8", 64, TLS_GRADE_WEAK, true, "before TLS 1.2" },
	{ "TLSv1.2", "ECDHE-RSA-AES128-GCM-SHA256", 128, TLS_GRADE_STRONG, true, "authenticated" },
	{ "TLSv1.2", "ECDHE-ECDSA-CHACHA20-POLY1305", 256, TLS_GRADE_STRONG, true, "authenticated" },
	{ "TLSv1.2", "DHE-RSA-AES256-GCM-SHA384", 256, TLS_GRADE_OK, true, "finite-field" },
	{ "TLSv1.2", "ECDHE-RSA-AES256-SHA384", 256, TLS_GRADE_OK, true, "CBC" },
	{ "TLSv1.2", "AES256-GCM-SHA384", 256, TLS_GRADE_WEAK, false, "forward secrecy" },
	{ "TLSv1.2", "AES128-SHA", 128, TLS_GRADE_WEAK, false, "forward secrecy" },
	{ "TLSv1.2", "ECDH-RSA-AES128-SHA", 128, TLS_GRADE_WEAK, false, "forward secrecy" },
	{ "TLSv1.2", "DES-CBC3-SHA", 168, TLS_GRADE_WEAK, false, "3DES" },
	{ "TLSv1.2", "ECDHE-RSA-DES-CBC3-SHA", 112, TLS_GRADE_WEAK, true, "3DES" },
	{ "TLSv1.2", "RC4-SHA", 128, TLS_GRADE_WEAK, false, "RC4" },
	{ "TLSv1.2", "NULL-SHA256", 0, TLS_GRADE_WEAK, false, "NULL" },
	{ "TLSv1.2", "ECDHE-RSA-NULL-SHA", 0, TLS_GRADE_WEAK, true, "NULL" },
	{ "TLSv1.2", "EXP-DES-CBC-SHA", 40, TLS_GRADE_WEAK, false, "export" },
	{ "TLSv1.2", "DES-CBC-SHA", 56, TLS_GRADE_WEAK, false, "DES" },
	{ "TLSv1.2", "AECDH-AES256-SHA", 256, TLS_GRADE_WEAK, true, "anonymous" },
	{ "TLSv1.2", "ADH-AES256-GCM-SHA384", 256, TLS_GRADE_WEAK, true, "anonymous" },
	{ "TLSv1.2", "PSK-AES128-GCM-SHA256", 128, TLS_GRADE_WEAK, false, "forward secrecy" },
	{ "TLSv1.2", "ECDHE-RSA-AES128-GCM-SHA256", 112, TLS_GRADE_WEAK, true, "128 bits" },
	{ "TLSv1.2", "SUITE-OF-TOMORROW", 256, TLS_GRADE_WEAK, false, "not known" },
	{ "TLSv1.2", NULL, 0, TLS_GRADE_WEAK, false, "not known" },
	{ "TLSv1.1", "ECDHE-RSA-AES256-SHA", 256, TLS_GRADE_WEAK, true, "before TLS 1.2" },
	{ "TLSv1", "ECDHE-RSA-AES256-SHA", 256, TLS_GRADE_WEAK, true, "before TLS 1.2" },
	{ "TLSv1.0", "AES256-SHA", 256, TLS_GRADE_WEAK, false, "before TLS 1.2" },
	{ "SSLv3", "AES256-SHA", 256, TLS_GRADE_WEAK, false, "before TLS 1.2" },
	{ "SSLv2", "RC4-MD5", 128, TLS_GRADE_WEAK, false, "before TLS 1.2" },
	{ "TLSv9", "ECDHE-RSA-AES256-GCM-SHA384", 256, TLS_GRADE_WEAK, true, "version not known" },
	{ "", "", 0, TLS_GRADE_WEAK, false, "version not known" },
};

static void test_tls_grade_session_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(session_rows) / sizeof(session_rows[0]); i++) {
		struct facts_tls tls = { .version = session_rows[i].version, .cipher = session_rows[i].cipher, .bits = session_rows[i].bits };
		struct tls_result result;

		tls_grade_session(&tls, &result);
		if (result.grade != session_rows[i].grade || strstr(result.reason, session_rows[i].reason) == NULL ||
		    result.forward_secrecy != session_rows[i].forward_secrecy)
			fail_msg("%s %s: %s, %s", session_rows[i].version, session_rows[i].cipher, tls_grade_name(result.grade), result.reason);
		assert_true(result.checked);
	}
}

static void test_tls_grade_table_is_ordered_from_bad_to_good(void **state)
{
	(void)state;
	for (size_t i = 1; i < tls_grade_table_count; i++)
		assert_true(tls_grade_table[i - 1].grade <= tls_grade_table[i].grade);
}

/* Earlier hops, by what their Received fields say. */
static void test_tls_grade_hop(void **state)
{
	static const char classical[] = "ephemeral key exchange", quantum[] = "post-quantum key exchange";
	static const struct { enum hop_transport transport; const char *version, *cipher, *group; bool graded; enum tls_grade grade;
		const char *reason; } rows[] = {
		{ HOP_TLS, "TLSv1.3", "TLS_AES_256_GCM_SHA384", "X25519MLKEM768", true, TLS_GRADE_STRONG, quantum },
		{ HOP_TLS, "TLS1.3", "TLS_AES_256_GCM_SHA384", "x25519mlkem768", true, TLS_GRADE_STRONG, quantum },
		{ HOP_TLS, NULL, "TLS_AES_128_GCM_SHA256", "SecP256r1MLKEM768", true, TLS_GRADE_STRONG, quantum },
		{ HOP_TLS, "TLSv1.3", "TLS_AES_256_GCM_SHA384", "X25519", true, TLS_GRADE_STRONG, classical },
		{ HOP_TLS, "TLSv1.3", "TLS_AES_256_GCM_SHA384", "prime256v1", true, TLS_GRADE_STRONG, classical },
		{ HOP_TLS, "TLSv1.3", "TLS_AES_256_GCM_SHA384", "X25519MLKEM7680", true, TLS_GRADE_STRONG, classical },
		{ HOP_TLS, "TLSv1.3", "TLS_AES_256_GCM_SHA384", NULL, true, TLS_GRADE_STRONG, classical },
		/* a good group mends nothing else, and TLS 1.2 has none of these */
		{ HOP_TLS, "TLSv1.3", "TLS_AES_128_CCM_8_SHA256", "X25519MLKEM768", true, TLS_GRADE_OK, "tag" },
		{ HOP_TLS, "TLSv1.2", "ECDHE-RSA-AES256-GCM-SHA384", "X25519MLKEM768", true, TLS_GRADE_STRONG, classical },
		{ HOP_TLS, "TLS1_2", "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", NULL, true, TLS_GRADE_STRONG, classical },
		{ HOP_TLS, "TLS1_0", "TLS_RSA_WITH_AES_256_CBC_SHA", NULL, true, TLS_GRADE_WEAK, "before TLS 1.2" },
		/* as Courier with GnuTLS and Exchange tell them; what looks like it and is none */
		{ HOP_TLS, "TLS1.2", "ECDHE_RSA_AES_256_GCM_SHA384", NULL, true, TLS_GRADE_STRONG, classical },
		{ HOP_TLS, "TLS1.2", "ECDHE_ECDSA_CHACHA20_POLY1305", NULL, true, TLS_GRADE_STRONG, classical },
		{ HOP_TLS, "TLS1.2", "ECDHE_RSA_AES_256_CBC_SHA1", NULL, true, TLS_GRADE_OK, "CBC" },
		{ HOP_TLS, "TLS1.2", "RSA_AES_256_GCM_SHA384", NULL, true, TLS_GRADE_WEAK, "forward secrecy" },
		{ HOP_TLS, "TLS1_2", "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA384_P384", NULL, true, TLS_GRADE_OK, "CBC" },
		{ HOP_TLS, "TLS1_2", "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384_P999", NULL, true, TLS_GRADE_WEAK, "not known" },
		{ HOP_TLS, "TLS1.2", "ECDHE_RSA_AES_256_GCM_SHA3840", NULL, true, TLS_GRADE_WEAK, "not known" },
		{ HOP_TLS, "TLS1.2", "ECDHE_RSA", NULL, true, TLS_GRADE_WEAK, "not known" },
		{ HOP_TLS, "TLS1.2", "_P384", NULL, true, TLS_GRADE_WEAK, "not known" },
		{ HOP_TLS, NULL, "DHE-RSA-AES256-SHA", NULL, false, TLS_GRADE_NONE, NULL },
		{ HOP_TLS, NULL, NULL, NULL, false, TLS_GRADE_NONE, NULL },
		{ HOP_CLEARTEXT, NULL, NULL, NULL, false, TLS_GRADE_NONE, NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct path_hop hop = { .transport = rows[i].transport, .version = rows[i].version, .cipher = rows[i].cipher,
			.group = rows[i].group };
		struct tls_result result;

		assert_int_equal(tls_grade_hop(&hop, &result), rows[i].graded);
		if (rows[i].graded && (result.grade != rows[i].grade || strstr(result.reason, rows[i].reason) == NULL))
			fail_msg("row %zu: %s, %s", i, tls_grade_name(result.grade), result.reason);
	}
}

static void test_tls_grade_session_names(void **state)
{
	struct facts_tls tls = { .version = "TLSv1.2", .cipher = "ECDHE-RSA-AES256-GCM-SHA384", .bits = 0 };
	struct tls_result result;

	(void)state;
	tls_grade_session(&tls, &result);
	assert_string_equal(result.cipher, "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384");
	assert_int_equal(result.bits, 256);
	tls.cipher = "SUITE-OF-TOMORROW";
	tls_grade_session(&tls, &result);
	assert_string_equal(result.cipher, "SUITE-OF-TOMORROW");
}

static void test_tls_grade_session_certificate(void **state)
{
	static const struct { const char *subject, *verify; enum cert_status status; } rows[] = {
		{ NULL, NULL, CERT_NONE },
		{ "mail.example.org", NULL, CERT_VERIFIED },	/* Postfix names only trusted ones */
		{ "/C=DE/CN=mail.example.org", NULL, CERT_UNVERIFIED },	/* Sendmail, {verify} not handed over */
		{ "/C=DE/CN=mail.example.org", "OK", CERT_VERIFIED },
		{ "/C=DE/CN=mail.example.org", "FAIL", CERT_FAILED },
		{ "/C=DE/CN=mail.example.org", "TEMP", CERT_UNVERIFIED },
		{ "/C=DE/CN=mail.example.org", "PROTOCOL", CERT_UNVERIFIED },
		{ "/C=DE/CN=mail.example.org", "", CERT_UNVERIFIED },
		{ "/C=DE/CN=mail.example.org", "something new", CERT_UNVERIFIED },
		{ NULL, "NO", CERT_NONE },
		{ NULL, "NOT", CERT_NONE },
		{ NULL, "NONE", CERT_NONE },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct facts_tls tls = { .version = "TLSv1.3", .cipher = "TLS_AES_256_GCM_SHA384", .bits = 256,
			.cert_subject = rows[i].subject, .verify = rows[i].verify };
		struct tls_result result;

		tls_grade_session(&tls, &result);
		assert_int_equal(result.cert_status, rows[i].status);
		tls.version = NULL;
		tls_grade_session(&tls, &result);
		assert_int_equal(result.cert_status, CERT_NONE);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cipher_table_is_sorted_and_complete),
		cmocka_unit_test(test_cipher_find_names),
		cmocka_unit_test(test_tls_grade_session_rows),
		cmocka_unit_test(test_tls_grade_table_is_ordered_from_bad_to_good),
		cmocka_unit_test(test_tls_grade_hop),
		cmocka_unit_test(test_tls_grade_session_names),
		cmocka_unit_test(test_tls_grade_session_certificate),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
