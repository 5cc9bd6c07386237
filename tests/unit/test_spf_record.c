/* SPDX-License-Identifier: BSD-2-Clause */
/* The grammar of RFC 7208 section 12: what a record may say, and nothing else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "arena_fixture.h"
#include "check/spf/record.h"
#include "util/error.h"

static int parse_bytes(const char *text, size_t length, struct spf_record *record_r)
{
	const char *why = NULL;
	int status = spf_record_parse(arena, text, length, record_r, &why);

	assert_true(status == 0 || why != NULL);
	return status;
}

static void assert_accepts(const char *const *terms)
{
	for (; *terms != NULL; terms++) {
		struct spf_record record;
		const char *text = arena_printf(arena, "v=spf1 %s", *terms);

		if (parse_bytes(text, strlen(text), &record) != 0)
			fail_msg("refused: %s", *terms);
	}
}

static void assert_refuses(const char *const *terms)
{
	for (; *terms != NULL; terms++) {
		struct spf_record record;
		const char *text = arena_printf(arena, "v=spf1 %s", *terms);

		if (parse_bytes(text, strlen(text), &record) == 0)
			fail_msg("accepted: %s", *terms);
	}
}

static void test_record_is_version(void **state)
{
	(void)state;
	assert_true(spf_record_is("v=spf1", 6));
	assert_true(spf_record_is("V=SpF1 -all", 11));
	assert_false(spf_record_is("v=spf10", 7));
	assert_false(spf_record_is("v=spf1\t-all", 11));
	assert_false(spf_record_is("v=spf", 5));
	assert_false(spf_record_is(" v=spf1", 7));
	assert_false(spf_record_is("v=spf1\0-all", 11));
}

static void test_parse_mechanisms(void **state)
{
	static const char *const good[] = { "", "   ", "all", "+all", "-ALL", "~all", "?all", "a", "A/24", "a//64", "a/24//64",
		"a/0", "a//0", "a:example.org", "a:example.org.", "a:foo:bar/baz.example.com", "a:x.example/32//128", "mx", "mx/0",
		"MX:example.org/24", "ptr", "ptr:example.org", "include:example.org", "exists:%{i}._spf.%{d}", "a:%{d}",
		"a:x.xn--zckzah", "a:.org", "a:a..b.org", "a:x.%%", "a:x.%_", "a:x%-", "a:x.a-1", "a:_x.1a", NULL };
	static const char *const bad[] = { "all.", "all:x.org", "all/8", "-", "+-all", "--all", "al", "alll", "include", "include:",
		"include/24", "include:x.org/24", "a:", "a:/24", "a:museum", "a:museum.", "a:x.1", "a:111.222.33.44", "a:x.-com",
		"a:x.com-", "a:x.com..", "a/33", "a/032", "a/00", "a//129", "a//", "a/", "a/24/64", "a/24//", "a/x", "a//064", "a/24/",
		"a:example.org:8080", "ptr:", "ptr/0", "ptr:x.org/24", "exists", "exists:", "exists:x.org/24", "mx:", "1a", "ip4",
		"a:x.%", "a:%x.org", "a:%{d", "a:%{}", "a:%{x}", "a:%{d0}", "a:%{d00r}", "a:%{dr9}", "a:%{d|}", "a:%{c}", "a:%{r}",
		"a:%{t}", "a:%(d).org", "a:x.o\x01rg", "a:x\x7f.org", "a:x\xc3\xa9.org", "!all", "!!!!", "moo", "a\tmx", "a\rall", NULL };

	(void)state;
	assert_accepts(good);
	assert_refuses(bad);
}

static void test_parse_networks(void **state)
{
	static const char *const good[] = { "ip4:192.0.2.1", "ip4:192.0.2.1/0", "ip4:1.2.3.4/32", "IP4:0.0.0.0/8",
		"ip6:::", "ip6:2001:db8::/32", "ip6:::1.1.1.1/0", "ip6:::FFFF:1.2.3.4", "ip6:Cafe:Babe:8000::/33", "ip6:::1/128", NULL };
	static const char *const bad[] = { "ip4:", "ip4:1.2.3", "ip4:1.2.3.4/33", "ip4:1.2.3.4/032", "ip4:1.2.3.4//32",
		"ip4:1.2.3.4:8080", "ip4:1.2.3.04", "ip4:1.2.3.256", "ip4:1.2.3.4/", "ip4:1.2.3.5/280", "ip4:1.2.3.4/100",
		"ip4/24", "ip4:%{i}", "ip4:1.2.3.4.", "ip6", "ip6:", "ip6:1.2.3.4", "ip6::CAFE::BABE", "ip6:::1.1.1.1/129",
		"ip6:::1.1.1.1//33", "ip6:12345::", "ip6:::1%lo", "ip6:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0001", NULL };

	(void)state;
	assert_accepts(good);
	assert_refuses(bad);
}

static void test_parse_modifiers(void **state)
{
	static const char *const good[] = { "redirect=x.org", "REDIRECT=%{d}", "exp=x.%{d}", "moo.cow-far_out=man:dog/cat", "x=",
		"default=pass", "default=+", "x=%{s}", "-all exp=a.org redirect=b.org", "redirects=", "include=", NULL };
	static const char *const bad[] = { "redirect=", "redirect=-all", "redirect:x.org", "exp=", "exp=-all", "exp=%{r}.org",
		"redirect=a.org redirect=a.org", "exp=a.org exp=a.org", "exp=a.org -all EXP=b.org", "1up=foo", "=all", "-x=y",
		"x=%", "x=%abc", "x=%{q}", "moo.cow/far_out=man", "moo.cow:far_out=man", "a b=\x80", "x!=y", "~redirect=x.org", NULL };

	(void)state;
	assert_accepts(good);
	assert_refuses(bad);
}

static void test_parse_nul(void **state)
{
	static const char text[] = "v=spf1 a:foo.example.com\0", also[] = "v=spf1 -all\0", name[] = "v=spf1 a\0b=c";
	struct spf_record record;

	(void)state;
	assert_int_equal(parse_bytes(text, sizeof(text) - 1, &record), -E_SYNTAX);
	assert_int_equal(parse_bytes(also, sizeof(also) - 1, &record), -E_SYNTAX);
	assert_int_equal(parse_bytes(name, sizeof(name) - 1, &record), -E_SYNTAX);
}

static void test_parse_terms(void **state)
{
	static const char text[] = "v=spf1  ?a:foo/1.%{d}/20//40 -ip6:2001:db8::/32 include:%{l}.%{p}.org redirect=x.org exp=y.org  ";
	struct spf_record record;

	(void)state;
	assert_int_equal(parse_bytes(text, sizeof(text) - 1, &record), 0);
	assert_int_equal(record.term_count, 5);
	assert_int_equal(record.terms[0].kind, SPF_TERM_A);
	assert_int_equal(record.terms[0].qualifier, '?');
	assert_int_equal(record.terms[0].prefix4, 20);
	assert_int_equal(record.terms[0].prefix6, 40);
	assert_int_equal(record.terms[0].domain_length, strlen("foo/1.%{d}"));
	assert_memory_equal(record.terms[0].domain, "foo/1.%{d}", strlen("foo/1.%{d}"));
	assert_int_equal(record.terms[1].kind, SPF_TERM_IP6);
	assert_int_equal(record.terms[1].qualifier, '-');
	assert_int_equal(record.terms[1].prefix6, 32);
	assert_int_equal(record.terms[1].addr.bytes[1], 0x01);
	assert_int_equal(record.terms[2].kind, SPF_TERM_INCLUDE);
	assert_int_equal(record.terms[2].qualifier, '+');
	assert_true(record.terms[2].uses_p && record.terms[2].uses_sender);
	assert_ptr_equal(record.redirect, &record.terms[3]);
	assert_ptr_equal(record.exp, &record.terms[4]);
}

static void test_addr_match_prefixes(void **state)
{
	struct ip_addr a, b, c;

	(void)state;
	assert_int_equal(addr_parse("192.0.2.129", &a), 0);
	assert_int_equal(addr_parse("192.0.2.1", &b), 0);
	assert_int_equal(addr_parse("2001:db8::1", &c), 0);
	assert_true(spf_addr_match(&a, &b, 24));
	assert_false(spf_addr_match(&a, &b, 25));
	assert_true(spf_addr_match(&a, &b, 0));
	assert_true(spf_addr_match(&a, &a, 32));
	assert_false(spf_addr_match(&a, &c, 0));
	assert_true(spf_addr_match(&c, &c, 128));
}

static void test_describe_hostile(void **state)
{
	char text[200];
	struct spf_term term = { .text = text, .text_length = sizeof(text) };

	(void)state;
	memset(text, '\n', sizeof(text));
	assert_string_equal(spf_term_describe(arena, &term) + 77, "...");
	assert_null(strchr(spf_term_describe(arena, &term), '\n'));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_record_is_version, arena_setup, arena_teardown),
		cmocka_unit_test_setup_teardown(test_parse_mechanisms, arena_setup, arena_teardown),
		cmocka_unit_test_setup_teardown(test_parse_networks, arena_setup, arena_teardown),
		cmocka_unit_test_setup_teardown(test_parse_modifiers, arena_setup, arena_teardown),
		cmocka_unit_test_setup_teardown(test_parse_nul, arena_setup, arena_teardown),
		cmocka_unit_test_setup_teardown(test_parse_terms, arena_setup, arena_teardown),
		cmocka_unit_test_setup_teardown(test_addr_match_prefixes, arena_setup, arena_teardown),
		cmocka_unit_test_setup_teardown(test_describe_hostile, arena_setup, arena_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
