/* SPDX-License-Identifier: BSD-2-Clause */
/* What is wrong with a configuration: every kind of error with its line, and files that are none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "config/config.h"
#include "text_fixture.h"

static void test_config_load_unknown_names_all_told(void **state)
{
	(void)state;
	text_check_errors("soket = \"/x\"\ndns {\n serves = {}\n mode = enforce\n}\nfoo { a = 1 b { c = 2 } }\nkiwi \"t\" { x = {1,2} }\n"
	    "findings { spf-fial = reject }\npolicy p { recipient-domains = a.b actoins { } }\nzzzzzzzz += 3\n",
	    "test.conf:1: unknown option 'soket'; did you mean 'socket'?\n"
	    "test.conf:3: unknown option 'serves' in section 'dns'; did you mean 'servers'?\n"
	    "test.conf:4: unknown option 'mode' in section 'dns'; 'mode' belongs to the top level, outside of any section\n"
	    "test.conf:6: unknown section 'foo'\n"
	    "test.conf:7: unknown section 'kiwi'\n"
	    "test.conf:8: unknown finding 'spf-fial' in section 'findings'; did you mean 'spf-fail'?\n"
	    "test.conf:9: unknown section 'actoins' in section 'policy'; did you mean 'actions'?\n"
	    "test.conf:10: unknown option 'zzzzzzzz'\n");
}

static void test_config_load_bad_values(void **state)
{
	(void)state;
	text_check_errors("mode = enforced\nmilter-timeout = 20\numask = 999\ntrusted-networks = { 10.0.0.1/8, ::1, \"x\" }\n"
	    "dns { servers = { \"1.2.3.4@99999\" } edns-size = 100 }\nexempt-authenticated = maybe\npid-file = { \"/a\", \"/b\" }\n"
	    "milter-timeout = 5w\nsocket = inet:localhost:8899\n",
	    "test.conf:1: mode = 'enforced': valid: dry-run, enforce\n"
	    "test.conf:3: umask = '999': not an octal number from 0 to 0777\n"
	    "test.conf:4: trusted-networks = '10.0.0.1/8': not a network; write an address or ADDRESS/PREFIX with the host bits zero\n"
	    "test.conf:4: trusted-networks = 'x': not a network; write an address or ADDRESS/PREFIX with the host bits zero\n"
	    "test.conf:5: servers = '1.2.3.4@99999': port is not a number from 1 to 65535\n"
	    "test.conf:5: edns-size = '100': out of range; valid: 512 to 4K\n"
	    "test.conf:6: exempt-authenticated = 'maybe': valid: yes, no (also true, false, on, off)\n"
	    "test.conf:7: 'pid-file' takes one value, not a list\n"
	    "test.conf:8: 'milter-timeout' is already set in line 2\n"
	    "test.conf:8: milter-timeout = '5w': unknown unit 'w'; valid: d, h, m, s\n"
	    "test.conf:9: socket = 'inet:localhost:8899': write inet:PORT@HOST (inet:HOST:PORT is Postfix's form, for main.cf)\n");
}

/* Be it in one line, and be the second one empty: a policy would else lose its conditions, and match everything. */
static void test_config_load_options_set_twice(void **state)
{
	(void)state;
	text_check_errors("mode = enforce mode = dry-run\npolicy \"p\" {\n\trecipient-domains = { a.example, b.example }\n"
	    "\trecipient-domains = {}\n\tauthor-domains = { a.example, b.example } author-domains = c.example\n}\n",
	    "test.conf:1: 'mode' is already set in line 1\n"
	    "test.conf:3: 'recipient-domains' is set in line 3, and to {} behind\n"
	    "test.conf:5: 'author-domains' is already set in line 5\n");
}

static void test_config_load_time_without_unit(void **state)
{
	(void)state;
	text_check_errors("milter-timeout = 20", "test.conf:1: milter-timeout = '20': needs a unit: d, h, m, s\n");
}

static void test_config_load_policy_order(void **state)
{
	(void)state;
	text_check_errors("policy \"all\" { }\npolicy \"b\" { client-networks = 10.0.0.0/8 }\npolicy \"b\" { author-domains = x.y }\n"
	    "policy \"default\" { client-networks = 10.0.0.0/8 }\npolicy \"a b\" { recipient-domains = a..b }\n",
	    "test.conf:1: policy 'all' has no conditions and matches everything: the policies after it can never match; one that only serves to be inherited says template = yes\n"
	    "test.conf:3: there is a policy 'b' already\n"
	    "test.conf:4: policy 'default' is the one for all other mail and cannot have conditions\n"
	    "test.conf:5: policy 'a b': a name has 1 to 64 letters, digits, '-', '_' or '.'\n"
	    "test.conf:5: recipient-domains = 'a..b': not a domain name (empty label)\n");
}

static void test_config_load_syntax_errors(void **state)
{
	(void)state;
	text_check_errors("mode = enforce /* but\n", "test.conf:1: the comment that begins in this line has no closing */\n");
	/* libConfuse stops at a name that is none without a word of its own */
	text_check_errors("mode = enforce\n\"\"", "test.conf:2: unknown option '' (options are written NAME = VALUE)\n");
	text_check_errors("\"\" = 1\nmode = enforce", "test.conf:1: unknown option ''\n");
	text_check_errors("\n}\n", "test.conf:2: unexpected closing brace\n");
	text_check_errors("policy { }\n", "test.conf:1: missing title for section 'policy'\n");
}

static void test_config_load_bytes(void **state)
{
	char line[5000], *errors;

	(void)state;
	assert_null(text_load("mode\0= enforce", 14, &errors));
	assert_string_equal(errors, "test.conf:1: NUL byte: this is not a text file\n");
	free(errors);
	assert_null(text_load("\xef\xbb\xbfmode = enforce", 17, &errors));
	assert_string_equal(errors, "test.conf:1: a byte-order mark stands in front: save the file as UTF-8 without one\n");
	free(errors);
	memset(line, '#', sizeof(line));
	assert_null(text_load(line, sizeof(line), &errors));
	assert_string_equal(errors, "test.conf:1: line is longer than 4096 bytes\n");
	free(errors);
	text_check_errors("mode = \"\x1b[2J\"", "test.conf:1: control byte: this is not a text file\n");
	text_check_errors("user = \"j\xc3\xb6rg\"", "test.conf:1: user = 'j\\xc3\\xb6rg': only letters, digits, '-', '_' and '.' are allowed\n");
}

static void test_config_load_unreadable_file(void **state)
{
	char *errors;
	size_t size;
	FILE *out = open_memstream(&errors, &size);

	(void)state;
	assert_null(config_load("/nonexistent/assay.conf", out));
	assert_null(config_load("/", out));
	fclose(out);
	assert_string_equal(errors, "/nonexistent/assay.conf: No such file or directory\n/: Is a directory\n");
	free(errors);
}

static void test_config_load_endless_file(void **state)
{
	char *errors;
	size_t size;
	FILE *out = open_memstream(&errors, &size);

	(void)state;
	assert_null(config_load("/dev/zero", out));
	fclose(out);
	assert_string_equal(errors, "/dev/zero: file is larger than 256 KiB\n");
	free(errors);
}

static void test_config_load_many_errors_are_counted(void **state)
{
	char text[4000] = "", *errors;

	(void)state;
	strcpy(text, "trusted-networks = {\n");
	for (int i = 0; i < 150; i++)
		strcat(text, i != 0 ? ",\nx" : "x");
	strcat(text, "}\n");
	assert_null(text_load(text, strlen(text), &errors));
	assert_non_null(strstr(errors, "\n50 more errors\n"));
	free(errors);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_config_load_unknown_names_all_told),
		cmocka_unit_test(test_config_load_bad_values),
		cmocka_unit_test(test_config_load_options_set_twice),
		cmocka_unit_test(test_config_load_time_without_unit),
		cmocka_unit_test(test_config_load_policy_order),
		cmocka_unit_test(test_config_load_syntax_errors),
		cmocka_unit_test(test_config_load_bytes),
		cmocka_unit_test(test_config_load_unreadable_file),
		cmocka_unit_test(test_config_load_endless_file),
		cmocka_unit_test(test_config_load_many_errors_are_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
