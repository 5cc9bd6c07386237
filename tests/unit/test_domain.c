/* SPDX-License-Identifier: BSD-2-Clause */
/* domain_normalize(): what is a domain name, and in which form it leaves. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "util/domain.h"
#include "arena_fixture.h"

static const char *normal(const char *text)
{
	return domain_normalize(arena, text, strlen(text));
}

static void test_domain_normalize_ascii(void **state)
{
	(void)state;
	assert_string_equal(normal("example.org"), "example.org");
	assert_string_equal(normal("Example.ORG."), "example.org");
	assert_string_equal(normal("_dmarc.a_b.example"), "_dmarc.a_b.example");
	assert_string_equal(normal("localhost"), "localhost");
	assert_string_equal(normal("XN--BCHER-KVA.example"), "xn--bcher-kva.example");
}

static void test_domain_normalize_refuses_what_is_no_name(void **state)
{
	static const char *const bad[] = {
		"", ".", "..", ".example", "a..b", "example..", "a b.example", "a@b.example", "ex\tample", "ex\x01mple",
		"[192.0.2.1]", "exa\"mple.org", "a/b.example", "a\\046b.example", "a,b", "\x7f.example",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (normal(bad[i]) != NULL)
			fail_msg("taken for a domain: %s", bad[i]);
	assert_null(domain_normalize(arena, "exa\0mple.org", 12));
}

static void test_domain_normalize_lengths(void **state)
{
	char name[300];
	size_t length = 0;

	(void)state;
	memset(name, 'a', sizeof(name));
	assert_non_null(domain_normalize(arena, name, 63));
	assert_null(domain_normalize(arena, name, 64));
	/* 3 × 63 + 61 letters with 3 dots: 253 characters, the longest (RFC 1035: 255 octets in wire form) */
	for (length = 63; length < sizeof(name); length += 64)
		name[length] = '.';
	assert_non_null(domain_normalize(arena, name, 253));
	assert_null(domain_normalize(arena, name, 254));
}

static void test_domain_normalize_u_labels(void **state)
{
	(void)state;
	/* RFC 3492 / RFC 5891 well-known pairs; straße tells non-transitional from transitional mapping */
	assert_string_equal(normal("b\xc3\xbc" "cher.example"), "xn--bcher-kva.example");
	assert_string_equal(normal("B\xc3\x9c" "CHER.Example"), "xn--bcher-kva.example");
	assert_string_equal(normal("stra\xc3\x9f" "e.example"), "xn--strae-oqa.example");
	assert_string_equal(normal("\xe4\xbe\x8b\xe3\x81\x88.\xe3\x83\x86\xe3\x82\xb9\xe3\x83\x88"), "xn--r8jz45g.xn--zckzah");
	/* decomposed u + U+0308 is the same name */
	assert_string_equal(normal("bu\xcc\x88" "cher.example"), "xn--bcher-kva.example");
	/* ideographic full stop separates labels (UTS 46) */
	assert_string_equal(normal("b\xc3\xbc" "cher\xe3\x80\x82" "example"), "xn--bcher-kva.example");
}

static void test_domain_normalize_hostile_bytes(void **state)
{
	char name[1200];

	(void)state;
	assert_null(normal("caf\xe9.example"));			/* Latin-1 */
	assert_null(normal("a\xc0\xae" "b.example"));		/* overlong "." */
	assert_null(normal("\xed\xa0\x80.example"));		/* surrogate */
	assert_null(normal("a\xef\xbc\xa0" "b.example"));	/* full-width @ maps to @ */
	assert_null(normal("a\xe2\x80\xae" "b.example"));	/* right-to-left override */
	memset(name, 0xc3, sizeof(name));
	assert_null(domain_normalize(arena, name, sizeof(name)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_domain_normalize_ascii),
		cmocka_unit_test(test_domain_normalize_refuses_what_is_no_name),
		cmocka_unit_test(test_domain_normalize_lengths),
		cmocka_unit_test(test_domain_normalize_u_labels),
		cmocka_unit_test(test_domain_normalize_hostile_bytes),
	};

	return cmocka_run_group_tests(tests, arena_setup, arena_teardown);
}
