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
	assert_int_equal(diff(a, b), 3);
	assert_string_equal(told, "policy a is gone\npolicy b is new\npolicy b recipient-domains = { \"b.example\" }\n");
	assert_int_equal(diff("policy a { recipient-domains = a.example actions { spf-fail = reject } }",
	    "policy a { recipient-domains = c.example mode = enforce actions { spf-fail = tag } }"), 3);
	assert_non_null(strstr(told, "policy a mode: dry-run -> enforce\n"));
	assert_non_null(strstr(told, "policy a spf-fail: reject -> tag\n"));
	assert_non_null(strstr(told, "a.example"));
	assert_non_null(strstr(told, "c.example"));
}

/* What a section that is new says: conditions, and settings that are none of where they would come from; nothing else. */
static void test_config_diff_of_what_is_new(void **state)
{
	static const char gold[] = "findings { spf-softfail = tag }\npolicy gold { template = yes mode = enforce actions { spf-softfail = reject } "
		"ramp \"spf-softfail\" { share = 10% } }\n";
	char new[512];

	(void)state;
	assert_int_equal(diff("mode = enforce", "mode = enforce\nfindings { spf-softfail = tag }\npolicy b { authenticated = yes recipient-domains = b.example "
	    "mode = enforce dns-outage = defer reject-only-secure = yes actions { spf-softfail = tag dkim-none = reject } "
	    "ramp \"dkim-none\" { share = 10% } }\n"), 8);
	assert_string_equal(told, "findings spf-softfail: none -> tag\npolicy b is new\npolicy b recipient-domains = { \"b.example\" }\n"
	    "policy b authenticated = yes\npolicy b dns-outage = defer\npolicy b reject-only-secure = yes\npolicy b dkim-none = reject\n"
	    "policy b ramp dkim-none share = \"10%\"\n");
	snprintf(new, sizeof(new), "%spolicy b { inherits = gold recipient-domains = b.example actions { dkim-none = tag } }\n", gold);
	assert_int_equal(diff(gold, new), 4);
	assert_string_equal(told, "policy b is new\npolicy b inherits = \"gold\"\npolicy b recipient-domains = { \"b.example\" }\n"
	    "policy b dkim-none = tag\n");
	assert_int_equal(diff("", "override lists { kind = mailing-list client-networks = 192.0.2.1 list-id = yes }"), 4);
	assert_string_equal(told, "override lists is new\noverride lists kind = mailing-list\n"
	    "override lists client-networks = { \"192.0.2.1/32\" }\noverride lists list-id = yes\n");
}

/* A change of a template is told there, with who has it from there; an heir's own at the heir. */
static void test_config_diff_of_templates(void **state)
{
	static const char gold[] = "policy gold { template = yes actions { spf-softfail = %s } }\n"
		"policy a { inherits = gold recipient-domains = a.example %s }\npolicy b { inherits = gold recipient-domains = b.example }\n";
	char old[512], new[512];

	(void)state;
	snprintf(old, sizeof(old), gold, "tag", "");
	snprintf(new, sizeof(new), gold, "reject", "");
	assert_int_equal(diff(old, old), 0);
	assert_int_equal(diff(old, new), 1);
	assert_string_equal(told, "policy gold spf-softfail: tag -> reject\npolicy gold is inherited by a, b\n");
	snprintf(new, sizeof(new), gold, "tag", "actions { spf-softfail = defer }");
	assert_int_equal(diff(old, new), 1);
	assert_string_equal(told, "policy a spf-softfail: tag -> defer\n");
	assert_int_equal(diff(old, "policy a { recipient-domains = a.example }\npolicy b { recipient-domains = b.example }\n"), 5);
	assert_string_equal(told, "policy gold is gone\npolicy a inherits: \"gold\" -> \"\"\npolicy a spf-softfail: tag -> none\n"
	    "policy b inherits: \"gold\" -> \"\"\npolicy b spf-softfail: tag -> none\n");
	assert_int_equal(diff("", "policy gold { template = yes }"), 2);
	assert_string_equal(told, "policy gold is new\npolicy gold template = yes\n");
	assert_int_equal(diff("policy p { template = yes }", "policy p { recipient-domains = a.example }"), 2);
	assert_string_equal(told, "policy p template: yes -> no\npolicy p recipient-domains: {} -> { \"a.example\" }\n");
	/* templates stand in no order with policies */
	assert_int_equal(diff("policy t { template = yes } policy a { recipient-domains = a.example }",
	    "policy a { recipient-domains = a.example } policy t { template = yes }"), 0);
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
	assert_int_equal(diff("mode = dry-run", policies), 200);	/* each is new, and for some domain */
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
		cmocka_unit_test(test_config_diff_of_what_is_new),
		cmocka_unit_test(test_config_diff_of_templates),
		cmocka_unit_test(test_config_diff_findings_names_what_is_not_recorded),
		cmocka_unit_test(test_config_diff_long_values_and_many_lines),
		cmocka_unit_test(test_config_load_file_that_sets_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
