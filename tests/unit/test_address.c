/* SPDX-License-Identifier: BSD-2-Clause */
/* address_list_parse(): the grammar of RFC 5322 sections 3.4 and 4.4, with the examples of its appendix A. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "message/address.h"

static char seen_text[4096];
static size_t seen_count;

static void remember(void *arg, const struct address *address)
{
	size_t used = strlen(seen_text);

	(void)arg;
	seen_count++;
	if (used < sizeof(seen_text) - 200)
		snprintf(seen_text + used, sizeof(seen_text) - used, "%s%.*s@%.*s", used != 0 ? "|" : "",
		    (int)address->local_length, address->local, (int)address->domain_length, address->domain);
}

static const char *parse(const char *text)
{
	seen_text[0] = '\0';
	seen_count = 0;
	return address_list_parse(text, strlen(text), remember, NULL);
}

struct row {
	const char *text, *addresses;
};

static void test_address_list_parse_rfc5322_examples(void **state)
{
	/* RFC 5322 appendix A.1 to A.6 */
	static const struct row rows[] = {
		{ " John Doe <jdoe@machine.example>", "jdoe@machine.example" },
		{ " Mary Smith <mary@example.net>", "mary@example.net" },
		{ " \"Joe Q. Public\" <john.q.public@example.com>", "john.q.public@example.com" },
		{ " Mary Smith <mary@x.test>, jdoe@example.org, Who? <one@y.test>",
		    "mary@x.test|jdoe@example.org|one@y.test" },
		{ " <boss@nil.test>, \"Giant; \\\"Big\\\" Box\" <sysservices@example.net>",
		    "boss@nil.test|sysservices@example.net" },
		{ " Pete <pete@silly.example>", "pete@silly.example" },
		{ " A Group:Ed Jones <c@a.test>,joe@where.test,John <jdoe@one.test>;",
		    "c@a.test|joe@where.test|jdoe@one.test" },
		{ " Undisclosed recipients:;", "" },
		{ " Pete(A nice \\) chap) <pete(his account)@silly.test(his host)>", "pete@silly.test" },
		{ " A Group(Some people)\n     :Chris Jones <c@(Chris's host.)public.example>,\n"
		  "         joe@example.org,\n  John <jdoe@one.test> (my dear friend); (the end of the group)",
		    "c@public.example|joe@example.org|jdoe@one.test" },
		{ " (Empty list)(start)Hidden recipients  :(nobody(that I know))  ;", "" },
		{ " Joe Q. Public <john.q.public@example.com>", "john.q.public@example.com" },
		{ " Mary Smith <@node.test:mary@example.net>, , jdoe@test  . example", "mary@example.net|jdoe@test.example" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *error = parse(rows[i].text);

		if (error != NULL)
			fail_msg("%s: %s", rows[i].text, error);
		assert_string_equal(seen_text, rows[i].addresses);
	}
}

static void test_address_list_parse_more_forms(void **state)
{
	static const struct row rows[] = {
		{ "", "" },
		{ " \t ", "" },
		{ ",,", "" },
		{ "a@b.example", "a@b.example" },
		{ "\"a b\"@c.example", "\"a b\"@c.example" },
		{ "\"a@good.example\" <b@evil.example>", "b@evil.example" },
		{ "\"a\\\"b\\\\\" <x@y.example>", "x@y.example" },
		{ "user@[192.0.2.1]", "user@[192.0.2.1]" },
		{ "user@[IPv6:2001:db8::1]", "user@[IPv6:2001:db8::1]" },
		{ "<@a.example,@b.example:c@d.example>", "c@d.example" },
		{ "<,@a.example,,@b.example:c@d.example>", "c@d.example" },
		{ "a . b @ c . example", "a . b@c.example" },
		{ "\"a\".b.\"c\"@d.example", "\"a\".b.\"c\"@d.example" },
		{ "(a@x.example, b@y.example) c@z.example", "c@z.example" },
		{ "=?UTF-8?Q?J=C3=BCrgen?= <j@b.example>", "j@b.example" },
		{ "J\xc3\xbcrgen <j\xc3\xbc@b\xc3\xbc" "cher.example>", "j\xc3\xbc@b\xc3\xbc" "cher.example" },
		{ "a@b.example (trailing\n comment)\n", "a@b.example" },
		{ "a\r\n @b.example", "a@b.example" },
		{ "undisclosed:;, a@b.example", "a@b.example" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *error = parse(rows[i].text);

		if (error != NULL)
			fail_msg("%s: %s", rows[i].text, error);
		assert_string_equal(seen_text, rows[i].addresses);
	}
}

static void test_address_list_parse_refuses_what_is_not_in_the_grammar(void **state)
{
	static const char *const bad[] = {
		"a@good.example <b@evil.example>", "a@b@c.example", "root", "a b@c.example", "<a@b.example", "a@b.example>",
		"<a@b.example>>", "<<a@b.example>>", "<>", "<a>", "<@b.example>", "@b.example", "a@", "a@.b", "a@b..c", "a@b.",
		".a@b", "a.@b", "a..b@c", "a@b.example;", "a@b.example; c@d.example", "g: a@b.example", "g: h: a@b.example;;",
		": a@b.example;", "a@b.example c", "\"open <a@b.example>", "(open a@b.example", "a@[192.0.2.1", "a@[[x]]",
		"a@b.example)", "a\\b@c.example", "[x] <a@b.example>", "a@b.example\nc@d.example", "a\x01@b.example",
		"\"a\x1b\" <b@c.example>", "caf\xe9 <a@b.example>", "\"caf\xe9\" <a@b.example>", "(caf\xe9) a@b.example",
		"a@\"b.example\"", "a@b.example,c", "a@b.example\\", "\"a\\", "<@a.example c@d.example>", "x <a@b.example> y",
		"a@b.example\rc", "a <b> <c@d.example>", "\"a\\\n b\" <c@d.example>", "a@[1.2.3.4]b",
		"a\n@b.example", "\"a\nb\"@c.example", "(a\nb) c@d.example", "\"a\x7f\"@b.example", "\"a\\\x7f\"@b.example",
		"a\n(x)@b.example",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (parse(bad[i]) == NULL)
			fail_msg("taken: %s", bad[i]);
	seen_text[0] = '\0';
	assert_non_null(address_list_parse("a\0@b.example", 12, remember, NULL));
	assert_non_null(address_list_parse("\"a\0\"@b.example", 14, remember, NULL));
}

static void test_address_list_parse_comment_depth_is_capped(void **state)
{
	char text[300] = "";

	(void)state;
	for (int i = 0; i < 50; i++)
		strcat(text, "(");
	for (int i = 0; i < 50; i++)
		strcat(text, ")");
	strcat(text, "a@b.example");
	assert_null(parse(text));
	assert_string_equal(seen_text, "a@b.example");
	memset(text, 0, sizeof(text));
	memset(text, '(', 51);
	memset(text + 51, ')', 51);
	strcat(text, "a@b.example");
	assert_string_equal(parse(text), "comments nested too deeply");
}

static void test_address_list_parse_many_addresses(void **state)
{
	enum { COUNT = 10000 };
	static char text[COUNT * 12 + 1];

	(void)state;
	for (size_t i = 0; i < COUNT; i++)
		memcpy(text + i * 12, "a@b.example,", 12);
	assert_null(parse(text));
	assert_int_equal(seen_count, COUNT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_address_list_parse_rfc5322_examples),
		cmocka_unit_test(test_address_list_parse_more_forms),
		cmocka_unit_test(test_address_list_parse_refuses_what_is_not_in_the_grammar),
		cmocka_unit_test(test_address_list_parse_comment_depth_is_capped),
		cmocka_unit_test(test_address_list_parse_many_addresses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
