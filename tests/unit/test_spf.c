/* SPDX-License-Identifier: BSD-2-Clause */
/* The check: which identities of a message are judged, what its results and findings are. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "check/check.h"
#include "check/spf/spf.h"
#include "spf_fake.h"
#include "util/buf.h"

static struct config config;
static struct facts_connection connection;
static struct facts facts;
static struct results results;
static struct check_context context;

static int setup(void **state)
{
	(void)state;
	config = (struct config){ .spf_enabled = true, .spf_check_helo = true };
	connection = (struct facts_connection){ .helo = "helo.example.net", .mta_hostname = "mx.receiver.example" };
	facts = (struct facts){ .arena = arena_new(), .connection = &connection, .time_secs = 1700000000 };
	memset(&results, 0, sizeof(results));
	context = (struct check_context){ .config = &config, .facts = &facts, .dns = fake_new(), .arena = facts.arena,
		.results = &results };
	return addr_parse("192.0.2.1", &connection.client);
}

static int teardown(void **state)
{
	(void)state;
	fake_free(&context.dns);
	arena_free(&facts.arena);
	return 0;
}

static void txt(const char *name, const char *text)
{
	fake_add(context.dns, name, DNS_TYPE_TXT, text);
}

static void run(const char *mail_from, const char *domain)
{
	facts.mail_from = mail_from;
	facts.mail_from_domain = domain;
	check_spf.envelope(&context);
	check_spf.judge(&context);
}

static bool raised(enum finding_id id)
{
	return finding_set_has(&results.set, id);
}

static void test_check_two_identities(void **state)
{
	(void)state;
	txt("example.org", "v=spf1 ip4:192.0.2.1 -all");
	txt("helo.example.net", "v=spf1 -all");
	run("user@example.org", "example.org");
	assert_int_equal(results.spf.result, RESULT_PASS);
	assert_int_equal(results.spf.scope, SPF_SCOPE_MFROM);
	assert_string_equal(results.spf.domain, "example.org");
	assert_int_equal(results.spf_helo.result, RESULT_FAIL);
	assert_int_equal(results.spf_helo.scope, SPF_SCOPE_HELO);
	assert_string_equal(results.spf_helo.domain, "helo.example.net");
	assert_int_equal(results.finding_count, 1);
	assert_int_equal(results.findings[0].id, FINDING_SPF_HELO_FAIL);
	assert_string_equal(results.findings[0].domain, "helo.example.net");
}

static void test_check_null_sender(void **state)
{
	(void)state;
	txt("helo.example.net", "v=spf1 -all");
	run("", NULL);
	assert_int_equal(results.spf.result, RESULT_FAIL);
	assert_int_equal(results.spf.scope, SPF_SCOPE_HELO);
	assert_string_equal(results.spf.domain, "helo.example.net");
	assert_int_equal(results.spf_helo.result, RESULT_UNCHECKED);
	assert_true(raised(FINDING_SPF_FAIL));
	assert_false(raised(FINDING_SPF_HELO_FAIL));
}

static void test_check_helo_left_alone(void **state)
{
	static const char *const names[] = { "[192.0.2.1]", "localhost", "192.0.2.1", "", "a b.example", NULL };

	(void)state;
	txt("*.example", "v=spf1 -all");
	for (const char *const *name = names; ; name++) {
		connection.helo = *name;
		run("user@example.org", "example.org");
		assert_int_equal(results.spf_helo.result, RESULT_UNCHECKED);
		if (*name == NULL)
			break;
	}
	connection.helo = "mail.example";
	config.spf_check_helo = false;
	run("user@example.org", "example.org");
	assert_int_equal(results.spf_helo.result, RESULT_UNCHECKED);
}

static void test_check_finding_of_each_result(void **state)
{
	static const struct { const char *record; enum finding_id id; } rows[] = {
		{ "v=spf1 -all", FINDING_SPF_FAIL }, { "v=spf1 ~all", FINDING_SPF_SOFTFAIL }, { "v=spf1 ?all", FINDING_SPF_NEUTRAL },
		{ "other", FINDING_SPF_NONE }, { "v=spf1 x", FINDING_SPF_PERMERROR },
	};

	(void)state;
	connection.helo = NULL;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *domain = (const char *[]){ "a.example", "b.example", "c.example", "d.example", "e.example" }[i];

		memset(&results, 0, sizeof(results));
		txt(domain, rows[i].record);
		run(arena_printf(facts.arena, "user@%s", domain), domain);
		assert_int_equal(results.finding_count, 1);
		assert_int_equal(results.findings[0].id, rows[i].id);
		assert_string_equal(results.findings[0].domain, domain);
		assert_non_null(results.findings[0].detail);
	}
	memset(&results, 0, sizeof(results));
	txt("f.example", "v=spf1 +all");
	run("user@f.example", "f.example");
	assert_int_equal(results.finding_count, 0);
}

static void test_check_bogus(void **state)
{
	(void)state;
	fake_fail(context.dns, "example.org", DNS_TYPE_TXT, DNS_BOGUS);
	fake_fail(context.dns, "helo.example.net", DNS_TYPE_TXT, DNS_BOGUS);
	run("user@example.org", "example.org");
	assert_int_equal(results.spf.result, RESULT_TEMPERROR);
	assert_int_equal(results.finding_count, 3);
	assert_true(raised(FINDING_SPF_TEMPERROR) && raised(FINDING_DNSSEC_BOGUS));
	assert_string_equal(results.findings[1].domain, "example.org");
	assert_string_equal(results.findings[2].domain, "helo.example.net");
}

static void test_check_not_run(void **state)
{
	(void)state;
	txt("example.org", "v=spf1 -all");
	config.spf_enabled = false;
	run("user@example.org", "example.org");
	config.spf_enabled = true;
	connection.client.family = AF_UNSPEC;
	run("user@example.org", "example.org");
	assert_int_equal(results.spf.result, RESULT_UNCHECKED);
	assert_int_equal(results.finding_count, 0);
	assert_int_equal(fake_waits(context.dns) + fake_starts(context.dns), 0);
}

/* There is a client, whose address nobody told: no look-up, and never an answer that an address would be needed for. */
static void test_check_unknown_client(void **state)
{
	static const struct { const char *mail_from, *domain, *helo; enum result result; const char *told; enum spf_scope scope; } rows[] = {
		{ "user@example.org", "example.org", "helo.example.net", RESULT_TEMPERROR, "example.org", SPF_SCOPE_MFROM },
		{ "", NULL, "helo.example.net", RESULT_TEMPERROR, "helo.example.net", SPF_SCOPE_HELO },
		{ "", NULL, "[192.0.2.1]", RESULT_NONE, NULL, SPF_SCOPE_HELO },
		{ "", NULL, NULL, RESULT_NONE, NULL, SPF_SCOPE_HELO },
		{ "user", NULL, "helo.example.net", RESULT_NONE, NULL, SPF_SCOPE_MFROM },
	};

	(void)state;
	txt("example.org", "v=spf1 +all");
	txt("helo.example.net", "v=spf1 +all");
	connection.client.family = AF_UNSPEC;
	connection.client_unknown = true;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		memset(&results, 0, sizeof(results));
		connection.helo = rows[i].helo;
		run(rows[i].mail_from, rows[i].domain);
		assert_int_equal(results.spf.result, rows[i].result);
		assert_int_equal(results.spf.scope, rows[i].scope);
		assert_int_equal(results.spf.dnssec, DNS_INDETERMINATE);
		if (rows[i].told != NULL)
			assert_string_equal(results.spf.domain, rows[i].told);
		assert_int_equal(raised(FINDING_SPF_TEMPERROR), rows[i].result == RESULT_TEMPERROR);
		assert_int_equal(raised(FINDING_SPF_NONE), rows[i].result == RESULT_NONE);
	}
	assert_int_equal(fake_waits(context.dns) + fake_starts(context.dns), 0);
}

/* The sender's U-labels reach macros as A-labels (RFC 8616 section 4), and so do those of HELO. */
static void test_check_u_labels(void **state)
{
	(void)state;
	txt("xn--bcher-kva.example", "v=spf1 exists:%{o}.%{h}.ok.example -all");
	fake_add(context.dns, "xn--bcher-kva.example.xn--mller-kva.example.ok.example", DNS_TYPE_A, "127.0.0.2");
	connection.helo = "m\xc3\xbcller.example";
	run("user@b\xc3\xbc" "cher.example", "xn--bcher-kva.example");
	assert_int_equal(results.spf.result, RESULT_PASS);
	assert_string_equal(results.spf.domain, "xn--bcher-kva.example");
	assert_int_equal(results.spf_helo.result, RESULT_NONE);
	assert_string_equal(results.spf_helo.domain, "xn--mller-kva.example");
}

static void test_check_default_explanation(void **state)
{
	(void)state;
	txt("example.org", "v=spf1 -all");
	config.spf_default_explanation = "%{i} may not send for %{o}";
	run("user@example.org", "example.org");
	assert_string_equal(results.spf.explanation, "192.0.2.1 may not send for example.org");
}

static void test_check_hostile_facts(void **state)
{
	char long_text[SPF_IDENTITY_BYTES + 100];

	(void)state;
	memset(long_text, 'x', sizeof(long_text));
	strcpy(long_text + SPF_IDENTITY_BYTES + 50, "@example.org");
	txt("example.org", "v=spf1 exists:%{l}.%{h} -all exp=example.org");
	connection.helo = "\x01\xff%{d}\r\n.\n";
	run("\x7f\r\n\xff%{i}@example.org", "example.org");
	assert_int_equal(results.spf.result, RESULT_FAIL);
	connection.helo = long_text;
	/* too long for a macro, which does not make it nobody's */
	run(long_text, "example.org");
	assert_int_equal(results.spf.result, RESULT_FAIL);
	run("@", NULL);
	assert_int_equal(results.spf.result, RESULT_NONE);
	run(NULL, NULL);
	assert_int_equal(results.spf.result, RESULT_NONE);
}

/* What envelope() begins; what the record does not ask for is left alone. */
static void test_envelope_prefetches(void **state)
{
	(void)state;
	connection.helo = NULL;
	txt("example.org", "v=spf1 a mx include:%{l}.i.example.org exists:%{ir}.%{o} ip4:192.0.2.1 a:behind.example.org -all");
	fake_add(context.dns, "example.org", DNS_TYPE_MX, "mx1.example.org");
	txt("user.i.example.org", "v=spf1 a:deep.example.org -all exp=e.example.org");
	facts.mail_from = "user@example.org";
	facts.mail_from_domain = "example.org";
	check_spf.envelope(&context);
	assert_int_equal(fake_waits(context.dns), 0);
	assert_int_equal(fake_asked(context.dns, "example.org", DNS_TYPE_A), 1);
	assert_int_equal(fake_asked(context.dns, "mx1.example.org", DNS_TYPE_A), 1);
	assert_int_equal(fake_asked(context.dns, "user.i.example.org", DNS_TYPE_TXT), 1);
	assert_int_equal(fake_asked(context.dns, "deep.example.org", DNS_TYPE_A), 1);
	assert_int_equal(fake_asked(context.dns, "1.2.0.192.example.org", DNS_TYPE_A), 1);
	assert_int_equal(fake_asked(context.dns, "behind.example.org", DNS_TYPE_A), 0);
	assert_int_equal(fake_asked(context.dns, "e.example.org", DNS_TYPE_TXT), 0);
	assert_int_equal(fake_asked(context.dns, "1.2.0.192.in-addr.arpa", DNS_TYPE_PTR), 0);
	assert_int_equal(fake_asked(context.dns, "example.org", DNS_TYPE_AAAA), 0);
}

static void test_envelope_prefetches_names_when_asked_for(void **state)
{
	(void)state;
	connection.helo = NULL;
	txt("example.org", "v=spf1 ptr exists:%{p}.example.org -all");
	fake_add(context.dns, "1.2.0.192.in-addr.arpa", DNS_TYPE_PTR, "h.example.org");
	facts.mail_from = "user@example.org";
	facts.mail_from_domain = "example.org";
	check_spf.envelope(&context);
	assert_int_equal(fake_asked(context.dns, "1.2.0.192.in-addr.arpa", DNS_TYPE_PTR), 1);
	assert_int_equal(fake_asked(context.dns, "h.example.org", DNS_TYPE_A), 1);
}

/* More names than are asked for ahead: 39 and the record itself. */
static void test_envelope_prefetch_is_bounded(void **state)
{
	struct buf record = buf_make(facts.arena);

	(void)state;
	connection.helo = NULL;
	buf_puts(&record, "v=spf1");
	for (unsigned i = 0; i < 41; i++)
		buf_printf(&record, " a:h%u.example.org", i);
	txt("example.org", record.data);
	facts.mail_from = "user@example.org";
	facts.mail_from_domain = "example.org";
	check_spf.envelope(&context);
	assert_int_equal(fake_starts(context.dns), 40);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_check_two_identities), TEST(test_check_null_sender), TEST(test_check_helo_left_alone),
		TEST(test_check_unknown_client),
		TEST(test_check_finding_of_each_result), TEST(test_check_bogus), TEST(test_check_not_run), TEST(test_check_u_labels),
		TEST(test_check_default_explanation), TEST(test_check_hostile_facts), TEST(test_envelope_prefetches),
		TEST(test_envelope_prefetches_names_when_asked_for), TEST(test_envelope_prefetch_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
