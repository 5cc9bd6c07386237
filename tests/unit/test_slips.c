/* SPDX-License-Identifier: BSD-2-Clause */
/* Slips of those who come from other formats: one sentence a line, and none about a file without a fault. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "config/config.h"
#include "config/slips.h"

/* The text must be refused with exactly these lines. */
static void check_errors(const char *text, const char *expected)
{
	const struct config *config;
	char *errors;
	size_t size;
	FILE *out = open_memstream(&errors, &size);

	config = config_load_buffer(text, strlen(text), "c", out);
	fclose(out);
	assert_string_equal(errors, expected);
	assert_null(config);
	free(errors);
}

static void test_slips_explain_colon_for_equals(void **state)
{
	static const char *const texts[] = {
		"mode: enforce\n", "mode : enforce\n", "mode:enforce\n", "mode := enforce\n", "\"mode\": \"enforce\"\n", "Mode: enforce",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		check_errors(texts[i], "c:1: write 'mode = enforce': '=' stands between name and value, not ':'\n");
	check_errors("findings {\n spf-fail: reject\n}\npolicy \"p\" {\n mode: enforce\n actions {\n  dkim_none: tag }\n}\n",
	    "c:2: write 'spf-fail = reject': '=' stands between name and value, not ':'\n"
	    "c:5: write 'mode = enforce': '=' stands between name and value, not ':'\n"
	    "c:7: write 'dkim-none = tag': '=' stands between name and value, not ':'\n");
	check_errors("dns:\n", "c:1: write 'dns { ... }': a section's options stand in braces\n");
	check_errors("help-url: https://a.example/\n",
	    "c:1: write 'help-url = https://a.example/': '=' stands between name and value, not ':'\n");
}

/* A third of the letters may differ, of "gits" two: "gilt" is so far, and "gold" one further. */
static void test_slips_suggest_no_name_that_is_too_far(void **state)
{
	(void)state;
	check_errors("policy a { listeners = x inherits = gits }\npolicy gilt { template = yes }",
	    "c:1: policy 'a' inherits from 'gits', and there is no such policy; did you mean 'gilt'?\n");
	check_errors("policy a { listeners = x inherits = gits }\npolicy gold { template = yes }",
	    "c:1: policy 'a' inherits from 'gits', and there is no such policy\n");
}

static void test_slips_explain_missing_equals(void **state)
{
	(void)state;
	check_errors("mode enforce\n\nSocket inet:1@::1\n",
	    "c:1: write 'mode = enforce': '=' stands between name and value\n"
	    "c:3: write 'socket = inet:1@::1': '=' stands between name and value\n");
	check_errors("UserID nobody\n", "c:1: unknown option 'UserID'; did you mean 'user'? (options are written NAME = VALUE)\n");
	check_errors("dns { timeout 2s }", "c:1: write 'timeout = 2s': '=' stands between name and value\n");
	check_errors("mode", "c:1: write 'mode = VALUE': '=' stands between name and value\n");
	check_errors("mode =\nuser = x", "c:1: 'mode' has no value behind its '='\n");
	check_errors("mode == enforce", "c:1: write one '=' behind 'mode'\n");
}

static void test_slips_explain_other_formats(void **state)
{
	(void)state;
	check_errors("[main]\nmode = enforce\n", "c:1: '[main]': a section is written NAME { ... }\n");
	check_errors("---\nmode = enforce\n", "c:1: '---': options are written NAME = VALUE, lists NAME = { VALUE, VALUE }\n");
	check_errors("; why\nmode = enforce\n", "c:1: a comment begins with '#', not with ';'\n");
	check_errors("mode = enforce;\nuser = \"a\";\ndns { timeout = 2s; }\n",
	    "c:1: no ';' at the end of an option: write 'mode = enforce'\n"
	    "c:2: no ';' at the end of an option\n"
	    "c:3: no ';' at the end of an option: write 'timeout = 2s'\n");
	check_errors("mode = enforce,\n", "c:1: no ',' at the end of an option\n");
	check_errors("{ \"mode\": \"enforce\" }", "c:1: '{' without a section's name before it\n");
	check_errors("dns = { timeout = 2s }", "c:1: write 'dns { ... }': a section has no '='\n");
	check_errors("dns\ntimeout = 2s\n", "c:1: write 'dns { ... }': a section's options stand in braces\n");
	check_errors("spf.enabled = no", "c:1: unknown option 'spf.enabled'; write 'spf { enabled = ... }'\n");
	check_errors("MODE = enforce", "c:1: unknown option 'MODE'; did you mean 'mode'?\n");
	check_errors("trusted_networks = ::1", "c:1: unknown option 'trusted_networks'; did you mean 'trusted-networks'?\n");
}

static void test_slips_explain_lists_and_quotes(void **state)
{
	(void)state;
	check_errors("trusted-networks = 10.0.0.0/8, ::1\n",
	    "c:1: several values stand in braces: write 'trusted-networks = { 10.0.0.0/8, ... }'\n");
	check_errors("trusted-networks = [ ::1 ]\n", "c:1: several values stand in braces: write 'trusted-networks = { ..., ... }'\n");
	check_errors("trusted-networks { ::1 }\n", "c:1: write 'trusted-networks = { ... }': a list stands behind '='\n");
	check_errors("tls { weak = { a; b } }", "c:1: the values of 'weak' are separated by ',', not by ';'\n");
	check_errors("tls { weak = { a\nb } }", "c:2: a ',' is missing before 'b' in the list of 'weak'\n");
	check_errors("trusted-networks = { ::1\nmode = enforce\n", "c:1: the list of 'trusted-networks' has no closing '}'\n");
	check_errors("authserv-id = my host\n", "c:1: a value with spaces stands in quotes: write 'authserv-id = \"my host\"'\n");
	check_errors("help-url = http://x/?a=b\n", "c:1: a value that contains '=' stands in quotes\n");
	check_errors("user = \"a\nmode = enforce\nsocket = \"/x\"\n",
	    "c:1: the quote that begins in this line does not end in it: a \" or ' is missing\n");
	check_errors("user = 'a\n", "c:1: the quote that begins in this line does not end in it: a \" or ' is missing\n");
	check_errors("mode = enforce\ndns {\n /* why\n timeout = 2s\n}\nuser = a\n",
	    "c:3: the comment that begins in this line has no closing */\n");
	check_errors("mode = enforce\nlocal-domains = { a.example, /* why\n b.example }\nuser = a\n",
	    "c:2: the comment that begins in this line has no closing */\n");
	check_errors("/*", "c:1: the comment that begins in this line has no closing */\n");
	check_errors("mode = enforce\ndns {\n timeout = 2s\n", "c:2: the section that begins in this line has no closing '}'\n");
}

/* Wherever a string may stand, one without an end is told where it opens, whatever the text behind it makes of the quotes. */
static void test_slips_explain_quote_where_it_opens(void **state)
{
	static const char *const opened[] = {
		"user = \"a", "user = a\"", "user = don't", "local-domains = { a.example, \"b.example }", "local-domains = { \"a.example\", 'b }",
		"local-domains = {\ta.example\"", "policy \"p {", "policy p { mode = \"enforce }", "dns { timeout = '2s }", "\"user = a",
		"user = \"a\\\"", "findings { spf-fail = \"tag }", "user = \"a # b", "trusted-networks += { \"::1 }",
	};
	static const char *const behind[] = {
		"", "mode = enforce\n", "socket = \"unix:/x\"\nmode = \"enforce\"\n", "socket = 'unix:/x'\nhelp-url = \"https://x/'\"\n",
		"# it's\nmode = enforce\n", "dns {\n timeout = \"2s\"\n}\n", "/* \" */\n", "user = \"\n",
	};
	char text[400];

	(void)state;
	for (size_t i = 0; i < sizeof(opened) / sizeof(opened[0]); i++)
		for (size_t j = 0; j < sizeof(behind) / sizeof(behind[0]); j++) {
			snprintf(text, sizeof(text), "mode = dry-run\n# it's \"\n\n%s\n%s", opened[i], behind[j]);
			check_errors(text, "c:4: the quote that begins in this line does not end in it: a \" or ' is missing\n");
		}
}

/* Errors before the first slip are told as ever; behind it the parser has read something else than was meant. */
static void test_slips_explain_keeps_earlier_errors(void **state)
{
	(void)state;
	check_errors("moed = enforce\nmilter-timeout = 5\nmode: enforce\nfoo = 1\n",
	    "c:1: unknown option 'moed'; did you mean 'mode'?\n"
	    "c:2: milter-timeout = '5': needs a unit: d, h, m, s\n"
	    "c:3: write 'mode = enforce': '=' stands between name and value, not ':'\n");
	check_errors("mode: enforce\nmode = enforced\n",
	    "c:1: write 'mode = enforce': '=' stands between name and value, not ':'\n");
}

/* A file without a fault has no slips, however it is laid out. */
static void test_slips_explain_finds_nothing_in_good_files(void **state)
{
	static const char *const texts[] = {
		"", "# only a comment", "mode = enforce # comment; with: signs = {\n/* [x]\n; */ user = 'a' // mode: x\n",
		"findings { spf-fail = reject dkim-none = tag }", "findings\n{\nspf-fail\n=\nreject\n}\n", "mode=enforce user=a",
		"policy \"p\" { recipient-domains = { \"a.example\", b.example, } mode = enforce actions { tls-none = defer } }",
		"policy p\n{ client-networks = ::1 }", "trusted-networks = {}", "trusted-networks += { ::1, \"10.0.0.0/8\" }",
		"help-url = \"https://a.example/?a=%s;b \\\" c\"", "help-url = \"${HOME:-/x}\"", "user = ${USER}",
		"socket = inet:8893@127.0.0.1\nsocket = unix:/run/x\n", "dns { servers = { 127.0.0.1, ::1 } timeout = 2s }\n",
	};
	struct complaints complaints = { .arena = arena_new() };
	char *text, *line;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		slips_explain(texts[i], &complaints);
		if (complaints.count != 0)
			fail_msg("%s: line %u: %s", texts[i], complaints.items[0].line, complaints.items[0].text);
	}
	config_print_sample(out);
	fclose(out);
	slips_explain(text, &complaints);
	assert_int_equal(complaints.count, 0);
	/* and with every option of it in force */
	line = strstr(text, "\n#override");
	assert_non_null(line);
	line[1] = '\0';
	for (line = text; (line = strchr(line, '#')) != NULL; line++) {
		if (line[1] >= 'a' && line[1] <= 'z')
			*line = ' ';
	}
	slips_explain(text, &complaints);
	assert_int_equal(complaints.count, 0);
	free(text);
	arena_free(&complaints.arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_slips_explain_colon_for_equals),
		cmocka_unit_test(test_slips_suggest_no_name_that_is_too_far),
		cmocka_unit_test(test_slips_explain_missing_equals),
		cmocka_unit_test(test_slips_explain_other_formats),
		cmocka_unit_test(test_slips_explain_lists_and_quotes),
		cmocka_unit_test(test_slips_explain_quote_where_it_opens),
		cmocka_unit_test(test_slips_explain_keeps_earlier_errors),
		cmocka_unit_test(test_slips_explain_finds_nothing_in_good_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
