/* SPDX-License-Identifier: BSD-2-Clause */
/* What a reload says of two configurations. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "config/diff.h"
#include "text_fixture.h"

static char told[16384];
static size_t lines;

static void note(void *closure, const char *text)
{
	(void)closure;
	assert_true(strlen(told) + strlen(text) + 2 < sizeof(told));
	strcat(told, text);
	strcat(told, "\n");
	lines++;
}

/* @return how many options differ; the lines are in told. */
static size_t diff(const char *old_text, const char *new_text)
{
	const struct config *old = text_config(old_text), *new = text_config(new_text);
	size_t count;

	told[0] = '\0';
	lines = 0;
	count = config_diff(old, new, note, NULL);
	config_unref(&old);
	config_unref(&new);
	return count;
}

static void test_config_diff_tells_names_and_values(void **state)
{
	(void)state;
	assert_int_equal(diff("mode = enforce", "mode = enforce"), 0);
	assert_string_equal(told, "");
	assert_int_equal(diff("mode = enforce", "mode = dry-run"), 1);
	assert_string_equal(told, "mode: enforce -> dry-run\n");
	assert_int_equal(diff("findings { spf-fail = tag } spf { check-helo = no }", "findings { spf-fail = reject }"), 2);
	assert_string_equal(told, "spf check-helo: no -> yes\nfindings spf-fail: tag -> reject\n");
}

static void test_config_diff_of_policies(void **state)
{
	static const char a[] = "policy a { recipient-domains = a.example }\n", b[] = "policy b { recipient-domains = b.example }\n";
	char ab[256], ba[256];

	(void)state;
	snprintf(ab, sizeof(ab), "mode = enforce %s%s", a, b);
	snprintf(ba, sizeof(ba), "mode = enforce %s%s", b, a);
	assert_int_equal(diff(ab, ba), 1);
	assert_string_equal(told, "the order of policies changed\n");
	assert_int_equal(diff(a, b), 2);
	assert_string_equal(told, "policy a is gone\npolicy b is new\n");
	assert_int_equal(diff("policy a { recipient-domains = a.example actions { spf-fail = reject } }",
	    "policy a { recipient-domains = c.example mode = enforce actions { spf-fail = tag } }"), 3);
	assert_non_null(strstr(told, "policy a mode: dry-run -> enforce\n"));
	assert_non_null(strstr(told, "policy a spf-fail: reject -> tag\n"));
	assert_non_null(strstr(told, "a.example"));
	assert_non_null(strstr(told, "c.example"));
}

/* @return what config_diff_findings() tells, a line each. */
static const char *names(const char *old_text, const char *new_text)
{
	const struct config *old = text_config(old_text), *new = text_config(new_text);
	size_t count;

	told[0] = '\0';
	lines = 0;
	count = config_diff_findings(old, new, note, NULL);
	assert_int_equal(count, lines);
	config_unref(&old);
	config_unref(&new);
	return told;
}

/* By what the manual says of each option: these change what a check finds, those only what is done about it. */
static void test_config_diff_findings_names_what_is_not_recorded(void **state)
{
	(void)state;
	assert_string_equal(names("", "mode = enforce\nhelp-url = \"https://x.example/\"\nfindings { spf-fail = reject }\n"
	    "policy p { recipient-domains = a.example actions { dkim-none = reject } }\nheaders { received-spf = yes }\n"
	    "record { keep-flows = 100d }\ngreylist { delay = 1m }\nlocal-domains = a.example\ndns-outage = defer"), "");
	assert_string_equal(names("dkim { min-key-bits = 1024 }", "dkim { min-key-bits = 2048 }"), "dkim min-key-bits\n");
	assert_string_equal(names("", "dmarc { trusted-sealers = x.example }\ntrusted-networks = 192.0.2.0/24\n"
	    "record { habit-min-days = 9 }\ntls { weak = TLSv1.2 }\nlimits { max-recipients = 3 }"),
	    "trusted-networks\ndmarc trusted-sealers\ntls weak\nrecord habit-min-days\nlimits max-recipients\n");
}

static void test_config_diff_long_values_and_many_lines(void **state)
{
	char many[8192] = "trusted-networks = { 192.0.2.0/32", policies[16384] = "";

	(void)state;
	for (int i = 1; i < 40; i++)
		sprintf(many + strlen(many), ", 192.0.2.%d/32", i);
	strcat(many, " }");
	assert_int_equal(diff("mode = dry-run", many), 1);
	assert_string_equal(told, "trusted-networks changed\n");
	for (int i = 0; i < 100; i++)
		sprintf(policies + strlen(policies), "policy p%d { recipient-domains = a.example }\n", i);
	assert_int_equal(diff("mode = dry-run", policies), 100);
	assert_true(lines < 100);
	assert_non_null(strstr(told, " more\n"));
}

static bool sets_nothing(const char *text)
{
	char path[FIXTURE_PATH_BYTES];
	const struct config *config;
	bool nothing;

	text_file(path, text);
	config = config_load(path, stderr);
	unlink(path);
	assert_non_null(config);
	nothing = config->sets_nothing;
	config_unref(&config);
	return nothing;
}

static void test_config_load_file_that_sets_nothing(void **state)
{
	const struct config *defaults = config_load(NULL, stderr);

	(void)state;
	assert_non_null(defaults);
	assert_false(defaults->sets_nothing);
	config_unref(&defaults);
	assert_true(sets_nothing(""));
	assert_true(sets_nothing("# mode = enforce\n"));
	assert_true(sets_nothing("spf {\n}\nfindings { }\n"));
	assert_false(sets_nothing("mode = dry-run"));
	assert_false(sets_nothing("findings { spf-fail = tag }"));
	assert_false(sets_nothing("policy x { actions { spf-fail = tag } }"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_config_diff_tells_names_and_values),
		cmocka_unit_test(test_config_diff_of_policies),
		cmocka_unit_test(test_config_diff_findings_names_what_is_not_recorded),
		cmocka_unit_test(test_config_diff_long_values_and_many_lines),
		cmocka_unit_test(test_config_load_file_that_sets_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
