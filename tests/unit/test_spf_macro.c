/* SPDX-License-Identifier: BSD-2-Clause */
/* Macro expansion: the examples of RFC 7208 section 7.4, and what hostile records make of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "check/spf/macro.h"
#include "util/error.h"

static const char *validated(void *context, const char *domain)
{
	(void)context;
	return strcmp(domain, "unvalidated.example") == 0 ? "unknown" : "mx.example.org";
}

/* "the <sender> strong-bad@email.example.com, IPv4 192.0.2.3, validated name mx.example.org" */
static struct spf_macro_values rfc_values(const char *client)
{
	struct spf_macro_values values = {
		.sender_local = "strong-bad", .sender_domain = "email.example.com", .domain = "email.example.com",
		.helo = "helo.example.net", .receiver = "mx.receiver.example", .time_secs = 1700000000, .validated_name = validated,
	};

	assert_int_equal(addr_parse(client, &values.client), 0);
	return values;
}

static void assert_text(const struct spf_macro_values *values, const char *text, const char *expected)
{
	struct arena *arena = arena_new();
	struct buf out = buf_make(arena);
	struct spf_macro_use use;

	assert_int_equal(spf_macro_check(text, strlen(text), true, &use), 0);
	spf_macro_expand_text(values, text, strlen(text), 4000, &out);
	assert_string_equal(out.data, expected);
	arena_free(&arena);
}

static void assert_domain(const struct spf_macro_values *values, const char *text, const char *expected)
{
	char name[SPF_NAME_BYTES];
	struct spf_macro_use use;

	assert_int_equal(spf_domain_spec_check(text, strlen(text), &use), 0);
	assert_int_equal(spf_macro_expand_domain(values, text, strlen(text), name), 0);
	assert_string_equal(name, expected);
}

static void test_expand_rfc_examples(void **state)
{
	static const char *const rows[][2] = {
		{ "%{s}", "strong-bad@email.example.com" }, { "%{o}", "email.example.com" }, { "%{d}", "email.example.com" },
		{ "%{d4}", "email.example.com" }, { "%{d3}", "email.example.com" }, { "%{d2}", "example.com" }, { "%{d1}", "com" },
		{ "%{dr}", "com.example.email" }, { "%{d2r}", "example.email" }, { "%{l}", "strong-bad" }, { "%{l-}", "strong.bad" },
		{ "%{lr}", "strong-bad" }, { "%{lr-}", "bad.strong" }, { "%{l1r-}", "strong" },
		{ "%{ir}.%{v}._spf.%{d2}", "3.2.0.192.in-addr._spf.example.com" },
		{ "%{lr-}.lp._spf.%{d2}", "bad.strong.lp._spf.example.com" },
		{ "%{lr-}.lp.%{ir}.%{v}._spf.%{d2}", "bad.strong.lp.3.2.0.192.in-addr._spf.example.com" },
		{ "%{ir}.%{v}.%{l1r-}.lp._spf.%{d2}", "3.2.0.192.in-addr.strong.lp._spf.example.com" },
		{ "%{d2}.trusted-domains.example.net", "example.com.trusted-domains.example.net" },
	};
	struct spf_macro_values values = rfc_values("192.0.2.3");

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_text(&values, rows[i][0], rows[i][1]);
	values = rfc_values("2001:db8::cb01");
	assert_domain(&values, "%{ir}.%{v}._spf.%{d2}",
	    "1.0.B.C.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.B.D.0.1.0.0.2.ip6._spf.example.com");
}

static void test_expand_letters(void **state)
{
	struct spf_macro_values values = rfc_values("2001:db8::cb01");

	(void)state;
	assert_text(&values, "%{c} %{h} %{r} %{t} %{p} %{v}", "2001:db8::cb01 helo.example.net mx.receiver.example 1700000000 "
	    "mx.example.org ip6");
	values.domain = "unvalidated.example";
	assert_text(&values, "%{p}", "unknown");
	values.receiver = NULL;
	assert_text(&values, "%{r}", "unknown");
	assert_text(&values, "%%%_%-.", "% %20.");
}

static void test_expand_transformers(void **state)
{
	struct spf_macro_values values = rfc_values("192.0.2.3");

	(void)state;
	values.sender_local = "foo-bar+zip+quux";
	assert_text(&values, "%{l2r+-}", "bar.foo");	/* reversed: quux zip bar foo; the right-hand two */
	assert_text(&values, "%{l2+-}", "zip.quux");
	assert_text(&values, "%{l4r+}", "quux.zip.foo-bar");	/* as many parts as there are */
	assert_text(&values, "%{l129}", "foo-bar+zip+quux");	/* more than any name has labels */
	assert_text(&values, "%{l258+}", "foo-bar.zip.quux");	/* not what 8 bits make of it */
	values.sender_local = "a..b";
	assert_text(&values, "%{lr}", "b..a");
	assert_text(&values, "%{l2}", ".b");
	values.sender_local = "";
	assert_text(&values, "<%{l}%{lr}%{l1}%{l1r}>", "<>");
	values.sender_local = ".";
	assert_text(&values, "<%{l}|%{lr}|%{l1}|%{l1r}>", "<.|.||>");
}

static void test_expand_url_escape(void **state)
{
	struct spf_macro_values values = rfc_values("192.0.2.3");

	(void)state;
	values.sender_local = "~jack&jill=up-a_b3.c";
	assert_text(&values, "%{L}", "~jack%26jill%3Dup-a_b3.c");
	values.sender_local = "\xc3\xa9%";
	assert_text(&values, "%{L}", "%C3%A9%25");
}

static void test_expand_domain_dots(void **state)
{
	struct spf_macro_values values = rfc_values("192.0.2.3");
	char name[SPF_NAME_BYTES];

	(void)state;
	assert_domain(&values, "x.%{d}", "x.email.example.com");
	assert_domain(&values, "x.example.org.", "x.example.org");
	assert_int_equal(spf_macro_expand_domain(&values, "x..org", 6, name), -E_SYNTAX);
	assert_int_equal(spf_macro_expand_domain(&values, ".x.org", 6, name), -E_SYNTAX);
	values.helo = "\xc3\xa9.example";
	assert_int_equal(spf_macro_expand_domain(&values, "%{h}", 4, name), -E_SYNTAX);
	values.helo = "a\nb.example";
	assert_int_equal(spf_macro_expand_domain(&values, "%{h}", 4, name), -E_SYNTAX);
	values.helo = "";
	assert_int_equal(spf_macro_expand_domain(&values, "%{h}", 4, name), -E_SYNTAX);
}

/* Section 7.3: whole labels go from the left until 253 octets are left. */
static void test_expand_domain_truncates(void **state)
{
	struct spf_macro_values values = rfc_values("192.0.2.3");
	char domain[251], spec[300], helo[601];

	(void)state;
	memset(domain, 'a', sizeof(domain));
	for (size_t i = 49; i < sizeof(domain) - 1; i += 50)
		domain[i] = '.';
	domain[sizeof(domain) - 2] = 'b';
	domain[sizeof(domain) - 1] = '\0';	/* 250 octets */
	values.domain = domain;
	assert_domain(&values, "xy.%{d}", strcat(strcpy(spec, "xy."), domain));	/* 253 */
	assert_domain(&values, "xyz.%{d}", domain);
	assert_domain(&values, "a.b.c.xyz.%{d}", domain);
	/* two values that are longer together than what is kept while a name is made */
	memset(helo, 'h', sizeof(helo));
	for (size_t i = 49; i < sizeof(helo) - 1; i += 50)
		helo[i] = '.';
	helo[sizeof(helo) - 2] = 'g';
	helo[sizeof(helo) - 1] = '\0';
	values.helo = helo;
	assert_domain(&values, "%{h}.%{h}", helo + 600 - 250);
}

static void test_expand_domain_long_label(void **state)
{
	struct spf_macro_values values = rfc_values("192.0.2.3");
	char name[SPF_NAME_BYTES], helo[1000];

	(void)state;
	memset(helo, 'a', sizeof(helo));
	helo[sizeof(helo) - 1] = '\0';
	values.helo = helo;
	assert_int_equal(spf_macro_expand_domain(&values, "%{h}.org", 8, name), 0);	/* only "org" fits */
	assert_string_equal(name, "org");
	assert_int_equal(spf_macro_expand_domain(&values, "x.%{h}", 6, name), -E_SYNTAX);
	helo[64] = '\0';
	assert_int_equal(spf_macro_expand_domain(&values, "%{h}.org", 8, name), -E_SYNTAX);
	helo[63] = '\0';
	assert_int_equal(spf_macro_expand_domain(&values, "%{h}.org", 8, name), 0);
}

static void test_expand_text_caps_and_sanitizes(void **state)
{
	struct spf_macro_values values = rfc_values("192.0.2.3");
	struct arena *arena = arena_new();
	struct buf out = buf_make(arena);

	(void)state;
	values.sender_local = "a\r\nb\x80\x7f";
	assert_text(&values, "%{l}.", "a??b??.");
	spf_macro_expand_text(&values, "%{d}%{d}%{d}", 12, 20, &out);
	assert_string_equal(out.data, "email.example.comema");
	arena_free(&arena);
}

static void test_check_refuses(void **state)
{
	static const char *const bad[] = { "%", "a%", "%a", "%{", "%{d", "%{d}%", "%{d!}", "%{1}", "%{d 1}", "\x80", "\t", "%{d0}",
		"%{\xe9}", NULL };
	struct spf_macro_use use;

	(void)state;
	for (size_t i = 0; bad[i] != NULL; i++)
		if (spf_macro_check(bad[i], strlen(bad[i]), true, &use) == 0)
			fail_msg("accepted: %s", bad[i]);
	assert_int_equal(spf_macro_check("a b", 3, false, &use), -E_SYNTAX);
	assert_int_equal(spf_macro_check("a b", 3, true, &use), 0);
	assert_int_equal(spf_macro_check("%{C}%{t}%{S}%{p}", 16, false, &use), 0);
	assert_true(use.exp_only && use.sender && use.p);
	assert_int_equal(spf_macro_check("a\0b", 3, true, &use), -E_SYNTAX);
	assert_int_equal(spf_macro_check("%{d\0}", 5, true, &use), -E_SYNTAX);
}

static void test_name_present_escapes(void **state)
{
	char text[SPF_PRESENTATION_BYTES];

	(void)state;
	assert_string_equal(spf_name_present("a-b._x.org", text), "a-b._x.org");
	assert_string_equal(spf_name_present("macro%percent  x\\.org", text), "macro\\037percent\\032\\032x\\092.org");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_expand_rfc_examples), cmocka_unit_test(test_expand_letters),
		cmocka_unit_test(test_expand_transformers), cmocka_unit_test(test_expand_url_escape),
		cmocka_unit_test(test_expand_domain_dots), cmocka_unit_test(test_expand_domain_truncates),
		cmocka_unit_test(test_expand_domain_long_label), cmocka_unit_test(test_expand_text_caps_and_sanitizes),
		cmocka_unit_test(test_check_refuses), cmocka_unit_test(test_name_present_escapes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
