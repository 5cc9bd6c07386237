/* SPDX-License-Identifier: BSD-2-Clause */
/* check/cert: names of client certificates as Postfix and Sendmail give them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "check/tls/cert.h"

static void test_cert_decode_xtext(void **state)
{
	struct arena *arena = arena_new();

	(void)state;
	/* RFC 3461 section 4: "+" and two upper-case hexadecimal digits */
	assert_string_equal(cert_decode(arena, "/CN=Test+20CA+2B"), "/CN=Test CA+");
	assert_string_equal(cert_decode(arena, "a+2g+"), "a+2g+");
	assert_string_equal(cert_decode(arena, "a+0Ab+00c"), "a?b?c");
	assert_string_equal(cert_decode(arena, ""), "");
	arena_free(&arena);
}

static void test_cert_common_name_forms(void **state)
{
	struct arena *arena = arena_new();

	(void)state;
	assert_string_equal(cert_common_name(arena, "MX.example.org"), "mx.example.org");
	assert_string_equal(cert_common_name(arena, "/C=DE/O=Example/CN=mx.example.org"), "mx.example.org");
	assert_string_equal(cert_common_name(arena, "/CN=mx.example.org/emailAddress=a@b"), "mx.example.org");
	assert_string_equal(cert_common_name(arena, "/C=US/CN=smtp.example.org/"), "smtp.example.org");
	assert_null(cert_common_name(arena, "/CN=a/b"));
	assert_null(cert_common_name(arena, "/C=DE/O=Example"));
	assert_null(cert_common_name(arena, "/CN=a.example/CN=b.example"));
	assert_null(cert_common_name(arena, "/CN="));
	assert_null(cert_common_name(arena, ""));
	assert_null(cert_common_name(arena, NULL));
	arena_free(&arena);
}

static void test_cert_read_fingerprint_forms(void **state)
{
	static const char sha256[] = "E3:B0:C4:42:98:FC:1C:14:9A:FB:F4:C8:99:6F:B9:24:27:AE:41:E4:64:9B:93:4C:A4:95:99:1B:78:52:B8:55";
	uint8_t digest[CERT_DIGEST_MAX];

	(void)state;
	assert_int_equal(cert_read_fingerprint(sha256, digest), 32);
	assert_int_equal(digest[0], 0xe3);
	assert_int_equal(digest[31], 0x55);
	assert_int_equal(cert_read_fingerprint("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", digest), 32);
	assert_int_equal(cert_read_fingerprint("d41d8cd98f00b204e9800998ecf8427e", digest), 0);	/* MD5 proves nothing */
	assert_int_equal(cert_read_fingerprint("", digest), 0);
	assert_int_equal(cert_read_fingerprint("e3b", digest), 0);
	assert_int_equal(cert_read_fingerprint("zz", digest), 0);
}

static void test_cert_matches_host_wildcards(void **state)
{
	(void)state;
	assert_true(cert_matches_host("mx.example.org", "MX.example.org"));
	assert_true(cert_matches_host("*.example.org", "mx.example.org"));
	assert_false(cert_matches_host("*.example.org", "a.mx.example.org"));
	assert_false(cert_matches_host("*.example.org", "example.org"));
	assert_false(cert_matches_host("*.example.org", ".example.org"));
	assert_false(cert_matches_host("*.org", "example.org"));
	assert_false(cert_matches_host("*", "example"));
	assert_false(cert_matches_host(NULL, "example.org"));
	assert_false(cert_matches_host("example.org", NULL));
}

static void test_cert_matches_domain_at_label_borders(void **state)
{
	(void)state;
	assert_true(cert_matches_domain("mx.example.org", "example.org"));
	assert_true(cert_matches_domain("example.org", "example.org"));
	assert_true(cert_matches_domain("*.example.org", "example.org"));
	assert_false(cert_matches_domain("badexample.org", "example.org"));
	assert_false(cert_matches_domain("org", "example.org"));
	assert_false(cert_matches_domain("example.org", ""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cert_decode_xtext),
		cmocka_unit_test(test_cert_common_name_forms),
		cmocka_unit_test(test_cert_read_fingerprint_forms),
		cmocka_unit_test(test_cert_matches_host_wildcards),
		cmocka_unit_test(test_cert_matches_domain_at_label_borders),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
