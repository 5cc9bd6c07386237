/* SPDX-License-Identifier: BSD-2-Clause */
/* Advice on configurations that load and are hardly meant: each sentence comes when it should, and only then. */
#include <grp.h>
#include <pwd.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "config/advice.h"
#include "scratch.h"
#include "text_fixture.h"

/* Nothing of these is looked for in the file system, whatever machine runs the test. */
#define QUIET "user = \"\"\nsocket = inet:8893@127.0.0.1\ndns { dnssec = trust-ad }\n"

struct told {
	size_t count;
	char text[8192];
};

static void note(void *closure, const char *text)
{
	struct told *told = closure;
	size_t length = strlen(told->text);

	assert_null(strchr(text, '\n'));
	told->count++;
	snprintf(told->text + length, sizeof(told->text) - length, "%s\n", text);
}

static struct told advice_on(const char *text)
{
	const struct config *config = text_config(text);
	struct told told = { 0 };
	size_t count;

	count = config_advise(config, note, &told);
	assert_int_equal(count, told.count);
	config_unref(&config);
	return told;
}

/* One sentence, which contains all of these. */
static void check_one(const char *config, const char *first, const char *second)
{
	struct told told = advice_on(config);

	if (told.count != 1 || strstr(told.text, first) == NULL || strstr(told.text, second) == NULL)
		fail_msg("wanted one sentence with '%s' and '%s', got %zu: %s", first, second, told.count, told.text);
}

static void check_none(const char *config)
{
	struct told told = advice_on(config);

	if (told.count != 0)
		fail_msg("unwanted: %s", told.text);
}

static void test_config_advise_actions_of_disabled_checks(void **state)
{
	static const struct { const char *off, *finding, *why; } cases[] = {
		{ "spf { enabled = no } dmarc { enabled = no }", "spf-fail", "SPF is not checked" },
		{ "spf { check-helo = no }", "spf-helo-fail", "check-helo" },
		{ "dkim { enabled = no } dmarc { enabled = no }", "dkim-none", "DKIM is not checked" },
		{ "dmarc { enabled = no }", "dmarc-reject", "DMARC is not checked" },
		{ "dmarc { corroborate = {} }", "dmarc-reject-corroborated", "nothing corroborates" },
		{ "adsp { enabled = no }", "adsp-all", "ADSP is not checked" },
		{ "iprev { enabled = no }", "iprev-fail", "reverse DNS is not checked" },
		{ "", "tls-downgrade", "nothing is remembered" },
		{ "", "dnssec-bogus", "not validated" },
		{ "", "insecure-pass", "require-secure-domains" },
		{ "", "tls-cert-required", "require-cert" },
	};
	char text[1024];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		snprintf(text, sizeof(text), QUIET "%s", cases[i].off);
		check_none(text);
		snprintf(text, sizeof(text), QUIET "%s findings { %s = defer }", cases[i].off, cases[i].finding);
		check_one(text, cases[i].finding, cases[i].why);
		snprintf(text, sizeof(text), QUIET "%s policy \"p\" { client-networks = 192.0.2.0/24 actions { %s = defer } }",
		    cases[i].off, cases[i].finding);
		check_one(text, cases[i].finding, cases[i].why);
	}
	check_none(QUIET "findings { spf-fail = reject dkim-none = defer adsp-all = reject tls-none = reject }");
	check_none(QUIET "findings { insecure-pass = reject } policy \"p\" { client-networks = 192.0.2.0/24 "
	    "require-secure-domains = a.example }");
}

static void test_config_advise_path_beside_a_server(void **state)
{
	static const char server[] = QUIET "record { backend = postgresql connection = \"host=/run/postgresql dbname=assay\" %s }";
	char text[512];

	(void)state;
	snprintf(text, sizeof(text), server, "path = \"/tmp/assay-no-such.db\"");
	check_one(text, "path in record { } does nothing", "/tmp/assay-no-such.db remembers");
	snprintf(text, sizeof(text), server, "");
	check_none(text);
}

static void test_config_advise_one_sentence_a_reason(void **state)
{
	(void)state;
	check_one(QUIET "iprev { enabled = no } findings { iprev-fail = reject iprev-temperror = defer }",
	    "iprev-fail, iprev-temperror", "reverse DNS");
}

static void test_config_advise_greylist_without_memory(void **state)
{
	(void)state;
	check_one(QUIET "findings { spf-none = greylist }", "greylists on spf-none", "record { }");
	check_none(QUIET "findings { spf-none = greylist } record { path = \"/tmp/assay-no-such.db\" }");
	check_one(QUIET "dmarc-reports { aggregate = yes email = \"a@b.example\" }", "aggregate = yes", "record { }");
	check_one(QUIET "dmarc-reports { failure = yes email = \"a@b.example\" }", "failure = yes", "record { }");
	check_one(QUIET "dmarc-reports { failure = yes } record { path = \"/tmp/assay-no-such.db\" }", "failure = yes", "set email");
	check_none(QUIET "dmarc-reports { failure = yes email = \"a@b.example\" } record { path = \"/tmp/assay-no-such.db\" }");
	check_one(QUIET "dmarc-reports { aggregate = yes } record { path = \"/tmp/assay-no-such.db\" }", "no report can be sent", "email");
	check_none(QUIET "dmarc-reports { aggregate = yes email = \"a@b.example\" } record { path = \"/tmp/assay-no-such.db\" }");
}

static void test_config_advise_traces_without_memory(void **state)
{
	(void)state;
	check_one(QUIET "record { traces = failures }", "traces of messages", "record { }");
	check_none(QUIET "record { path = \"/tmp/assay-no-such.db\" traces = all }");
}

static void test_config_advise_ramps_and_brakes(void **state)
{
	(void)state;
	check_one(QUIET "findings { dmarc-reject = reject } ramp \"dmarc-reject\" { share = 10% }",
	    "policy default: the ramp of dmarc-reject leaves dmarc-reject-corroborated = reject (default) in force", "give it a ramp");
	check_one(QUIET "policy p { recipient-domains = a.example ramp \"dmarc-reject\" { from = 2027-01-01 } }", "policy p: the ramp of", "or name its action");
	check_none(QUIET "findings { dmarc-reject = reject dmarc-reject-corroborated = reject } ramp \"dmarc-reject\" { share = 10% }");
	check_none(QUIET "findings { dmarc-reject = reject } ramp \"dmarc-reject\" { share = 10% } ramp \"dmarc-reject-corroborated\" { share = 10% }");
	check_none(QUIET "dmarc { corroborate = {} } ramp \"dmarc-reject\" { share = 10% }");
	check_one(QUIET "ramp \"spf-fail\" { share = 10% }", "the ramp of spf-fail does nothing: spf-fail = tag in policy default", "before = tag");
	check_one(QUIET "findings { spf-fail = quarantine } ramp \"spf-fail\" { share = 10% before = reject }", "does nothing", "before = reject");
	check_none(QUIET "ramp \"spf-fail\" { share = 10% before = none }");
	check_none(QUIET "ramp \"spf-fail\" { share = 10% } policy p { recipient-domains = a.example actions { spf-fail = reject } }");
	check_one(QUIET "brake-percent = 5", "policy default has brake-percent and no brake", "brake-wanted is 0");
	check_none(QUIET "brake-percent = 5 brake-wanted = 1 record { path = \"/tmp/assay-no-such.db\" }");
}

static void test_config_advise_domains_of_two_policies(void **state)
{
	(void)state;
	check_one(QUIET "policy a { recipient-domains = { x.example, y.example } } policy b { recipient-domains = { z.example, y.example } }",
	    "policy b never has 1 of its 2 recipient-domains", "policy a before it takes them: y.example");
	check_one(QUIET "policy a { recipient-domains = .example } policy b { recipient-domains = { .y.example, z.example, example, other.test } }",
	    "never has 3 of its 4", "and so on");
	check_none(QUIET "policy a { recipient-domains = y.example } policy b { recipient-domains = { .y.example, x.y.example } }");
	check_none(QUIET "policy a { recipient-domains = y.example listeners = l } policy b { recipient-domains = y.example }");
	check_none(QUIET "policy a { recipient-domains = y.example author-domains = a.example } policy b { recipient-domains = y.example }");
	check_one(QUIET "policy a { recipient-domains = y.example } policy b { recipient-domains = y.example listeners = l }", "policy b never has 1",
	    "policy a");
}

static void test_config_advise_what_dmarc_and_dnssec_need(void **state)
{
	(void)state;
	check_one(QUIET "spf { enabled = no }", "DMARC is judged", "section spf");
	check_one(QUIET "dkim { enabled = no }", "DMARC is judged", "section dkim");
	check_one("user = \"\" socket = inet:1@::1 dns { dnssec = off } policy \"p\" { reject-only-secure = yes }",
	    "reject-only-secure", "dnssec = off");
	check_one("user = \"\" socket = inet:1@::1 dns { dnssec = off } override a { kind = forwarder dkim-domains = a.example secure = yes }",
	    "override a", "it never holds");
	check_one("user = \"\" socket = inet:1@::1 dns { dnssec = off } override a { kind = forwarder client-networks = 192.0.2.1 "
	    "client-names = a.example secure = yes }", "override a", "it never holds");
	check_one("user = \"\" socket = inet:1@::1 dmarc { enabled = no } override a { kind = forwarder dkim-domains = a.example }\n"
	    "findings { dmarc-quarantine = none dmarc-reject = none dmarc-reject-corroborated = none dmarc-fail = none }",
	    "sections override do nothing", "enabled = yes in section dmarc");
	check_one("user = \"\" socket = inet:1@::1 dns { dnssec = off } policy \"p\" { require-secure-domains = a.example }",
	    "require-secure-domains", "dnssec = off");
	check_one(QUIET "trusted-networks = {} trusted-authserv-ids = a.example", "trusted-authserv-ids", "trusted-networks");
	check_one(QUIET "trusted-networks = {} reinjection-daemons = after-filter", "reinjection-daemons does nothing", "trusted-networks");
	check_one(QUIET "trusted-networks = { 0.0.0.0/1, 128.0.0.0/1 }", "every client is in trusted-networks", "no mail of theirs");
	check_one(QUIET "authserv-id = mx.example.net\nreinjection-daemons = { after-filter, MX.example.net }", "reinjection-daemons has mx.example.net",
	    "another one");
	check_one(QUIET "policy p { authenticated = yes }", "policy p is for clients that have authenticated", "exempt-authenticated = yes");
	check_none(QUIET "exempt-authenticated = no\npolicy p { authenticated = yes }\npolicy q { authenticated = no }");
}

static void test_config_advise_help_url(void **state)
{
	(void)state;
	check_one(QUIET "help-url = \"https://a.example/why\"", "help-url has no %s", "https://a.example/why?finding=%s");
	check_one(QUIET "help-url = \"https://a.example/?a=%20b\"", "help-url has no %s", "b&finding=%s");
	check_none(QUIET "help-url = \"https://a.example/%s\"");
	check_none(QUIET "help-url = \"https://a.example/%d\"");
}

static void test_config_advise_users_and_files(void **state)
{
	(void)state;
	check_one("user = no-such-user\nsocket = inet:1@::1 dns { dnssec = off }", "user \"no-such-user\" does not exist",
	    "option user");
	check_one("user = \"\" group = no-such-group socket = inet:1@::1 dns { dnssec = off }",
	    "group \"no-such-group\" does not exist", "option group");
	check_one("user = \"\" socket = inet:1@::1 dns { trust-anchor-files = \"/nonexistent/root.key\" }",
	    "trust-anchor-files", "/nonexistent/root.key does not exist");
	check_none("user = \"\" socket = inet:1@::1 dns { trust-anchor-files = \"/nonexistent/root.key\" dnssec = off }");
	check_one(QUIET "dmarc { org-domain = psl psl-file = \"/nonexistent/psl\" }", "psl-file", "does not exist");
	check_one(QUIET "dmarc { psl-file = \"/nonexistent/psl\" }", "psl-file", "no suffix is kept from");
	check_none(QUIET "dmarc { psl-file = \"\" }");
	check_one("user = \"\" socket = inet:1@::1 dns { dnssec = off zone-file = \"/nonexistent/z\" }", "zone-file",
	    "does not exist");
	check_one("user = \"\" socket = unix:/nonexistent/s dns { dnssec = off }", "socket directory /nonexistent",
	    "install -d");
	check_one("user = \"\" socket = unix:/nonexistent/spool/postfix/assay/s dns { dnssec = off }", "assay setup postfix --apply",
	    "-g postfix -m 2750");
	check_none("user = \"\" socket = unix:/run/assay/assay.sock dns { dnssec = off }");
}

static void test_config_advise_database_directory(void **state)
{
	const struct passwd *nobody = getpwnam("nobody");
	const struct group *group = nobody != NULL ? getgrgid(nobody->pw_gid) : NULL;
	char directory[SCRATCH_BYTES + 8], text[256], remedy[256];

	(void)state;
	if (group == NULL || geteuid() != 0)
		skip();
	scratch_directory(directory);
	snprintf(text, sizeof(text), "user = nobody socket = inet:1@::1 dns { dnssec = off } record { path = \"%s/d/a.db\" }",
	    directory);
	assert_int_equal(chmod(directory, 0755), 0);
	snprintf(remedy, sizeof(remedy), "install -d -o nobody -g %s -m 0750 %s/d", group->gr_name, directory);
	check_one(text, "does not exist", remedy);

	strcat(directory, "/d");
	assert_int_equal(mkdir(directory, 0755), 0);
	snprintf(remedy, sizeof(remedy), "chown nobody:%s %s", group->gr_name, directory);
	check_one(text, "belongs to root", remedy);
	assert_int_equal(chown(directory, nobody->pw_uid, nobody->pw_gid), 0);
	check_none(text);

	strcat(directory, "/a.db");
	fclose(fopen(directory, "w"));
	snprintf(remedy, sizeof(remedy), "chown nobody:%s %s*", group->gr_name, directory);
	check_one(text, "belongs to root", remedy);
	assert_int_equal(unlink(directory), 0);

	*strrchr(directory, '/') = '\0';
	assert_int_equal(rmdir(directory), 0);
	*strrchr(directory, '/') = '\0';
	assert_int_equal(chmod(directory, 0700), 0);
	assert_int_equal(rmdir(directory), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_config_advise_actions_of_disabled_checks),
		cmocka_unit_test(test_config_advise_path_beside_a_server),
		cmocka_unit_test(test_config_advise_one_sentence_a_reason),
		cmocka_unit_test(test_config_advise_greylist_without_memory),
		cmocka_unit_test(test_config_advise_traces_without_memory),
		cmocka_unit_test(test_config_advise_domains_of_two_policies),
		cmocka_unit_test(test_config_advise_ramps_and_brakes),
		cmocka_unit_test(test_config_advise_what_dmarc_and_dnssec_need),
		cmocka_unit_test(test_config_advise_help_url),
		cmocka_unit_test(test_config_advise_users_and_files),
		cmocka_unit_test(test_config_advise_database_directory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
