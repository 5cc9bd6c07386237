/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The evaluation behind the front: verdicts, and what libspf2 is handed (limits: test_spf_limits.c). spf_handed.c looks at
 * each text on its way to the library, in every test here, and ends the program when one is not tame.
 *
 * What libspf2 1.2.10 does by itself, and how its guard is tested with input that would harm nobody without it:
 *
 *   it does                                                  the guard is tested by
 *   a long text with macros overruns a buffer, and the       records and explanations with few macros: none reaches it
 *   process ends
 *   names grow from include to include, without bound        a name that grows past 253 octets and no further
 *   numbers out of range become others, and match            numbers one over their range, which are refused
 *   terms that do not fit into 511 octets are lost           what it is handed is counted, and short
 *   every wrong character is an error that it keeps          it is handed nothing of a wrong record
 *   its limits begin anew in every include                   twenty look-ups, of which eleven are begun
 *   it drops a letter where more parts are asked for than    the example of RFC 7208 section 7.4 (test_spf_macro.c)
 *   there are
 *   a host name of 64 characters ends the process            it is not asked to find out any
 *   a client of this host passes                             the client it is handed is another
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "check/spf/record.h"
#include "check/spf/spf.h"
#include "spf_fake.h"
#include "spf_handed.h"
#include "util/buf.h"
#include "spf_evaluate_fixture.h"

static void test_evaluate_qualifiers(void **state)
{
	(void)state;
	assert_int_equal(judge_record("v=spf1 ip4:192.0.2.0/24 -all", "192.0.2.77"), RESULT_PASS);
	assert_string_equal(result.reason, "matched ip4:192.0.2.0/24");
	assert_string_equal(result.domain, "example.org");
	assert_int_equal(result.scope, SPF_SCOPE_MFROM);
	assert_int_equal(judge_record("v=spf1 -ip4:192.0.2.0/24 +all", "192.0.2.77"), RESULT_FAIL);
	assert_int_equal(judge_record("v=spf1 ~all", "192.0.2.77"), RESULT_SOFTFAIL);
	assert_int_equal(judge_record("v=spf1 ?all", "192.0.2.77"), RESULT_NEUTRAL);
	assert_int_equal(judge_record("v=spf1", "192.0.2.77"), RESULT_NEUTRAL);
	assert_string_equal(result.reason, "no mechanism matched");
	assert_int_equal(judge_record("no record", "192.0.2.77"), RESULT_NONE);
	assert_string_equal(result.reason, "no SPF record at example.org");
	assert_int_equal(judge_record("v=spf1 mop -all", "192.0.2.77"), RESULT_PERMERROR);
	assert_string_equal(result.reason, "SPF record at example.org: syntax error in \"mop\"");
}

static void test_evaluate_include_reason(void **state)
{
	(void)state;
	put_txt("example.org", "v=spf1 include:_spf.example.net -all");
	put_txt("_spf.example.net", "v=spf1 a:no.example.net ip4:192.0.2.0/24 -all");
	put_address("no.example.net", "198.51.100.1");
	assert_int_equal(judge("192.0.2.1"), RESULT_PASS);
	assert_string_equal(result.reason, "matched include:_spf.example.net -> ip4:192.0.2.0/24");
	assert_int_equal(judge("203.0.113.1"), RESULT_FAIL);
	assert_string_equal(result.reason, "matched -all");
	assert_int_equal(judge("198.51.100.1"), RESULT_PASS);
	assert_string_equal(result.reason, "matched include:_spf.example.net -> a:no.example.net");
}

/* What Received-SPF shows (RFC 7208 section 9.1): of the record asked, or of the one that it hands over to. */
static void test_evaluate_mechanism(void **state)
{
	static const struct { const char *record, *client, *mechanism; } rows[] = {
		{ "v=spf1 ip4:192.0.2.0/24 -all", "192.0.2.1", "ip4:192.0.2.0/24" },
		{ "v=spf1 -ip4:192.0.2.0/24 +all", "192.0.2.1", "ip4:192.0.2.0/24" },
		{ "v=spf1 a:x.example.org ~all", "192.0.2.1", "all" },
		{ "v=spf1 ?all", "192.0.2.1", "all" },
		{ "v=spf1", "192.0.2.1", "default" },
		{ "v=spf1 ip4:192.0.2.9", "192.0.2.1", "default" },
		{ "v=spf1 include:i.example.org -all", "192.0.2.1", "include:i.example.org" },
		{ "v=spf1 redirect=i.example.org", "192.0.2.1", "ip4:192.0.2.1" },
		{ "v=spf1 redirect=i.example.org", "192.0.2.2", "default" },
		{ "no record", "192.0.2.1", NULL },
		{ "v=spf1 moo", "192.0.2.1", NULL },
		{ "v=spf1 include:none.example.org -all", "192.0.2.1", NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		fake_free(&scope);
		scope = fake_new();
		put_txt("example.org", rows[i].record);
		put_txt("i.example.org", "v=spf1 ip4:192.0.2.1");
		judge(rows[i].client);
		if (rows[i].mechanism == NULL)
			assert_null(result.mechanism);
		else
			assert_string_equal(result.mechanism, rows[i].mechanism);
	}
}

static void test_evaluate_redirect_stands_anywhere(void **state)
{
	(void)state;
	put_txt("example.org", "v=spf1 redirect=r.example.org ip4:192.0.2.1 exp=no.example.org");
	put_txt("r.example.org", "v=spf1 -all exp=x.%{d}");
	put_txt("x.r.example.org", "%{i} may not: %{S}");
	assert_int_equal(judge("192.0.2.1"), RESULT_PASS);
	assert_int_equal(judge("192.0.2.2"), RESULT_FAIL);
	assert_string_equal(result.explanation, "192.0.2.2 may not: user%40example.org");
	assert_string_equal(result.reason, "matched redirect=r.example.org -> -all");
}

static void test_evaluate_family_chooses_type(void **state)
{
	(void)state;
	put_txt("example.org", "v=spf1 a:h.example.org mx -exists:e.example.org -all");
	fake_add(scope, "example.org", DNS_TYPE_MX, "h.example.org");
	put_address("h.example.org", "192.0.2.1");
	put_address("h.example.org", "2001:db8::1");
	put_address("e.example.org", "127.0.0.2");
	assert_int_equal(judge("2001:db8::1"), RESULT_PASS);
	assert_int_equal(fake_asked(scope, "h.example.org", DNS_TYPE_A), 0);
	assert_int_equal(fake_asked(scope, "h.example.org", DNS_TYPE_AAAA), 1);
	assert_int_equal(judge("2001:db8::2"), RESULT_FAIL);
	assert_int_equal(fake_asked(scope, "e.example.org", DNS_TYPE_A), 1);
	assert_int_equal(fake_asked(scope, "e.example.org", DNS_TYPE_AAAA), 0);
}

static void test_evaluate_mapped_client(void **state)
{
	struct spf_request request = { .mail_from = "user@example.org", .client = { .family = AF_INET6,
		.bytes = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, 1 } } };

	(void)state;
	put_txt("example.org", "v=spf1 -ip6:::/0 ip4:192.0.2.1 -all");
	spf_evaluate(&request, scope, arena, &result);
	assert_int_equal(result.result, RESULT_PASS);
}

/* RFC 7208 knows no exemption for loopback; libspf2 has one. */
static void test_evaluate_loopback_client(void **state)
{
	(void)state;
	assert_int_equal(judge_record("v=spf1 -all", "127.0.0.1"), RESULT_FAIL);
	assert_int_equal(judge_record("v=spf1 -all", "::1"), RESULT_FAIL);
	assert_int_equal(judge_record("v=spf1 a:l.example.org/8 a:m.example.org -all", "127.0.0.1"), RESULT_FAIL);
	put_address("l.example.org", "127.9.9.9");
	assert_int_equal(judge("127.0.0.1"), RESULT_PASS);
	assert_int_equal(judge("255.0.0.1"), RESULT_FAIL);
	put_address("m.example.org", "::1");
	assert_int_equal(judge("::1"), RESULT_PASS);
	assert_int_equal(judge("8000::1"), RESULT_FAIL);
}

static void test_evaluate_prefix_lengths(void **state)
{
	(void)state;
	assert_int_equal(judge_record("v=spf1 a/0 -all", "203.0.113.9"), RESULT_FAIL);	/* no address at all */
	put_address("example.org", "192.0.2.129");
	put_address("example.org", "2001:db8:8000::1");
	assert_int_equal(judge("203.0.113.9"), RESULT_PASS);
	assert_int_equal(judge("2001:db8::9"), RESULT_FAIL);	/* the /0 is for IPv4 */
	for (unsigned bits = 0; bits <= 32; bits++) {
		fake_free(&scope);
		scope = fake_new();
		put_txt("example.org", arena_printf(arena, "v=spf1 mx/%u//%u -all", bits, bits * 4));
		fake_add(scope, "example.org", DNS_TYPE_MX, "h.example.org");
		put_address("h.example.org", "192.0.2.128");
		put_address("h.example.org", "2001:db8::");
		assert_int_equal(judge("192.0.2.0"), bits <= 24 ? RESULT_PASS : RESULT_FAIL);
		assert_int_equal(judge("2001:db8:8000::"), bits * 4 <= 32 ? RESULT_PASS : RESULT_FAIL);
		assert_int_equal(judge("192.0.2.128"), RESULT_PASS);
		assert_int_equal(judge("2001:db8::"), RESULT_PASS);
	}
	assert_int_equal(judge_record("v=spf1 ip4:1.2.3.5/0 -all", "203.0.113.9"), RESULT_PASS);
	assert_int_equal(judge_record("v=spf1 ip6:::/0 -all", "203.0.113.9"), RESULT_FAIL);
}

/* ---- identities ---- */

static void test_evaluate_null_sender(void **state)
{
	(void)state;
	put_txt("helo.example.net", "v=spf1 exists:%{l}.%{o}.%{h} -all");
	put_address("postmaster.helo.example.net.helo.example.net", "127.0.0.2");
	assert_int_equal(judge_as("192.0.2.1", "helo.example.net", ""), RESULT_PASS);
	assert_int_equal(result.scope, SPF_SCOPE_HELO);
	assert_string_equal(result.domain, "helo.example.net");
	assert_int_equal(judge_as("192.0.2.1", "helo.example.net", NULL), RESULT_PASS);
	assert_int_equal(judge_as("192.0.2.1", "other.example", "@helo.example.net"), RESULT_FAIL);
	assert_int_equal(result.scope, SPF_SCOPE_MFROM);
}

/* A name that does not fit into the macros is cut, and its domain judged: else it would shed every policy of the domain. */
static void test_evaluate_long_names(void **state)
{
	char sender[SPF_IDENTITY_BYTES + 100];

	(void)state;
	memset(sender, 'a', sizeof(sender));
	strcpy(sender + SPF_IDENTITY_BYTES + 50, "@example.org");
	put_txt("example.org", "v=spf1 exists:%{l}.example -all");
	assert_int_equal(judge_as("192.0.2.1", "helo.example.org", sender), RESULT_FAIL);
	assert_string_equal(result.domain, "example.org");
	assert_int_equal(judge_as("192.0.2.1", sender, "user@example.org"), RESULT_FAIL);
	sender[10] = '@';
	sender[SPF_IDENTITY_BYTES + 50] = 'a';	/* a domain that is none */
	assert_int_equal(judge_as("192.0.2.1", "helo.example.org", sender), RESULT_NONE);
}

static void test_evaluate_identity_unusable(void **state)
{
	static const char *const senders[] = { "user", "user@", "user@localhost", "user@[192.0.2.1]", "user@a..org", "user@.a.org",
		"user@a.org..", "user@192.0.2.1", "user@a b.org", "user@a.o\xc3\xa9", "user@a.o\nrg",
		"u@a123456789012345678901234567890123456789012345678901234567890123.example", "@", "user@a.org\\", NULL };
	char sender[SPF_IDENTITY_BYTES + 100];

	(void)state;
	put_txt("*.org", "v=spf1 +all");
	for (size_t i = 0; senders[i] != NULL; i++) {
		assert_int_equal(judge_as("192.0.2.1", "helo.example.org", senders[i]), RESULT_NONE);
		assert_null(result.domain);
	}
	memset(sender, 'a', sizeof(sender));
	strcpy(sender + SPF_IDENTITY_BYTES + 50, "@example.org");
	assert_int_equal(judge_as("192.0.2.1", sender, NULL), RESULT_NONE);
	assert_int_equal(fake_waits(scope), 0);
	assert_int_equal(result.dnssec, DNS_INDETERMINATE);
	assert_int_equal(judge_as("192.0.2.1", NULL, NULL), RESULT_NONE);
	assert_int_equal(judge_as("192.0.2.1", "[192.0.2.1]", ""), RESULT_NONE);
	assert_int_equal(judge_as("192.0.2.1", "", "user@example.org."), RESULT_PASS);	/* section 4.3: only in the middle is it wrong */
	assert_int_equal(judge_as("192.0.2.1", "", "\"u@v\"@example.org"), RESULT_PASS);	/* the domain stands behind the last @ */
	assert_string_equal(result.domain, "example.org");
}

/* RFC 8616 section 4: terms with %{l} or %{s} match nothing when the local part has 8-bit octets. */
static void test_evaluate_8bit_local_part(void **state)
{
	(void)state;
	put_txt("example.org", "v=spf1 exists:%{l}.example.org include:%{s}.example.org ip4:192.0.2.1 -all");
	put_address("*.example.org", "127.0.0.2");
	assert_int_equal(judge_as("192.0.2.1", "h.example", "us\xc3\xa9r@example.org"), RESULT_PASS);
	assert_string_equal(result.reason, "matched ip4:192.0.2.1");
	assert_int_equal(judge_as("192.0.2.2", "h.example", "us\xc3\xa9r@example.org"), RESULT_FAIL);
}

/* ---- explanation ---- */

static const char *explanation_of(const char *text)
{
	fake_free(&scope);
	scope = fake_new();
	put_txt("example.org", "v=spf1 -all exp=e.example.org");
	if (text != NULL)
		put_txt("e.example.org", text);
	assert_int_equal(judge("192.0.2.1"), RESULT_FAIL);
	return result.explanation;
}

static void test_explain_text(void **state)
{
	char *text = arena_alloc(arena, 4000);

	(void)state;
	assert_string_equal(explanation_of("%{c} is not %{o}. See http://%{d}/why?s=%{S}&r=%{r}"),
	    "192.0.2.1 is not example.org. See http://example.org/why?s=user%40example.org&r=mx.receiver.example");
	assert_null(explanation_of(NULL));
	assert_null(explanation_of(""));
	assert_null(explanation_of("\xef\xbb\xbftext"));
	assert_null(explanation_of("a\r\nb"));
	assert_null(explanation_of("The %{x}-files"));
	memset(text, 'x', 2999);
	text[2999] = '\0';
	assert_int_equal(strlen(explanation_of(text)), 450);
}

static void test_explain_hostile_sender(void **state)
{
	(void)state;
	put_txt("example.org", "v=spf1 -all exp=e.example.org");
	put_txt("e.example.org", "<%{l}>");
	assert_int_equal(judge_as("192.0.2.1", "h.example", "a\r\n250 ok\x9b@example.org"), RESULT_FAIL);
	assert_string_equal(result.explanation, "<a?" "?250 ok?>");
}

static void test_explain_default(void **state)
{
	struct spf_request request = { .mail_from = "user@example.org", .default_explanation = "100% not by %{i}" };

	(void)state;
	assert_int_equal(addr_parse("192.0.2.1", &request.client), 0);
	put_txt("example.org", "v=spf1 -all");
	spf_evaluate(&request, scope, arena, &result);
	assert_string_equal(result.explanation, "100% not by %{i}");
	request.default_explanation = "not by %{i}";
	spf_evaluate(&request, scope, arena, &result);
	assert_string_equal(result.explanation, "not by 192.0.2.1");
}

/* ---- what libspf2 is handed (see the head of this file) ---- */

static const char *repeat(const char *head, const char *piece, unsigned count, const char *tail)
{
	struct buf text = buf_make(arena);

	buf_puts(&text, head);
	while (count-- != 0)
		buf_puts(&text, piece);
	buf_puts(&text, tail);
	return text.data;
}

/* Each kind of term, with what stands for it. */
static void test_handed_tokens_for_names(void **state)
{
	(void)state;
	put_txt("i.example.org", "v=spf1 ?all");
	assert_int_equal(judge_record("v=spf1 a:%{d} ~mx:h.example.org/24 exists:%{i}.%{o} x=%{d} ip4:198.51.100.1 ?ptr -all", "192.0.2.1"),
	    RESULT_PERMERROR);	/* four terms without an answer */
	assert_string_equal(spf_handed_record(), "v=spf1 +a:t1.x/32 ~mx:t2.x/24 +exists:t3.x ?exists:t4.x -all");
	assert_int_equal(judge_record("v=spf1 redirect=r.%{d} a:h.example.org//64 exp=e.%{d}", "2001:db8::1"), RESULT_PERMERROR);
	assert_string_equal(spf_handed_record(), "v=spf1 +a:t1.x//64 redirect=t2.x");
	assert_int_equal(judge_record("v=spf1 a/0 mx/0 -all", "192.0.2.1"), RESULT_FAIL);
	assert_string_equal(spf_handed_record(), "v=spf1 +a:t1.x +mx:t2.x -all");
}

/* An explanation is made by us alone: libspf2 does not even know that there is one. */
static void test_handed_no_explanation(void **state)
{
	(void)state;
	assert_string_equal(explanation_of("%{d} and %{d} and %{i}"), "example.org and example.org and 192.0.2.1");
	assert_string_equal(spf_handed_record(), "v=spf1 -all");
	assert_int_equal(spf_handed_records(), 1);
}

/* Each include would make its name twice as long; whole labels go from the left at 253 octets (RFC 7208 section 7.3). */
static void test_handed_names_that_grow(void **state)
{
	(void)state;
	put_txt("example.org", "v=spf1 include:%{d}.%{d}");
	put_txt("*.org", "v=spf1 include:%{d}.%{d}");
	assert_int_equal(judge("192.0.2.1"), RESULT_PERMERROR);
	assert_int_equal(strncmp(result.reason, "over 10 DNS look-ups", strlen("over 10 DNS look-ups")), 0);
	assert_int_equal(spf_handed_records(), 11);
	assert_true(strlen(result.reason) < 600);	/* the longest name is in it */
	assert_true(arena_used_bytes(arena) < 100000);
}

static void test_handed_nothing_out_of_range(void **state)
{
	/* one over, and what 8 bits would make a good length of */
	static const char *const terms[] = { "ip4:192.0.2.1/33", "ip4:192.0.2.1/280", "a/33", "a/280", "mx//129", "ip6:2001:db8::/129",
		"ip6:2001:db8::/288", "exists:%{d0}.example", NULL };

	(void)state;
	for (size_t i = 0; terms[i] != NULL; i++) {
		assert_int_equal(judge_record(arena_printf(arena, "v=spf1 %s -all", terms[i]), "192.0.2.77"), RESULT_PERMERROR);
		assert_int_equal(spf_handed_records(), 0);
	}
}

/* Networks are decided here, and what cannot be reached is not handed on: so a record never becomes long. */
static void test_handed_short_records(void **state)
{
	(void)state;
	assert_int_equal(judge_record(repeat("v=spf1", " ip4:192.0.2.1", 20, " -all"), "203.0.113.1"), RESULT_FAIL);
	assert_string_equal(spf_handed_record(), "v=spf1 -all");
	assert_int_equal(judge_record(repeat("v=spf1", " ip4:192.0.2.1", 20, " ~ip4:203.0.113.1 a -all"), "203.0.113.1"), RESULT_SOFTFAIL);
	assert_string_equal(spf_handed_record(), "v=spf1 ~all");
	assert_int_equal(judge_record(repeat("v=spf1", " x=y", 20, " -all"), "203.0.113.1"), RESULT_FAIL);
	assert_string_equal(spf_handed_record(), "v=spf1 -all");
	assert_int_equal(judge_record("v=spf1 ?all a:h.example.org -all", "203.0.113.1"), RESULT_NEUTRAL);
	assert_string_equal(spf_handed_record(), "v=spf1 ?all");
	put_address("h.example.org", "192.0.2.1");
	assert_int_equal(judge_record(repeat("v=spf1", " a:h.example.org", 14, " -all"), "203.0.113.1"), RESULT_PERMERROR);
	assert_string_equal(spf_handed_record(), "v=spf1 +a:t1.x/32 +a:t2.x/32 +a:t3.x/32 +a:t4.x/32 +a:t5.x/32 +a:t6.x/32 +a:t7.x/32 "
	    "+a:t8.x/32 +a:t9.x/32 +a:t10.x/32 +a:t11.x/32");
}

/* A record just over our cap, of blanks. */
static void test_handed_no_long_record(void **state)
{
	const unsigned blanks = SPF_RECORD_BYTES - (unsigned)strlen("v=spf1-all");

	(void)state;
	assert_int_equal(judge_record(repeat("v=spf1", " ", blanks, "-all"), "192.0.2.1"), RESULT_FAIL);
	assert_int_equal(judge_record(repeat("v=spf1", " ", blanks + 1, "-all"), "192.0.2.1"), RESULT_PERMERROR);
	assert_string_equal(result.reason, "SPF record at example.org is over 3000 bytes");
	assert_int_equal(spf_handed_records(), 0);
}

static void test_handed_nothing_of_a_wrong_record(void **state)
{
	(void)state;
	assert_int_equal(judge_record("v=spf1 ip4:192.0.2.1 !", "192.0.2.1"), RESULT_PERMERROR);
	assert_int_equal(judge_record("v=spf1 ip4:192.0.2.1 a:h.example.org all:x", "192.0.2.1"), RESULT_PERMERROR);
	assert_int_equal(spf_handed_records(), 0);
}

/* The library's own server looks up this host's name. */
static void test_handed_no_host_name(void **state)
{
	(void)state;
	assert_int_equal(judge_record("v=spf1 -all", "192.0.2.1"), RESULT_FAIL);
	assert_int_equal(spf_handed_records(), 1);
	assert_int_equal(spf_handed_servers(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_evaluate_qualifiers),
		TEST(test_evaluate_include_reason),
		TEST(test_evaluate_mechanism),
		TEST(test_evaluate_redirect_stands_anywhere),
		TEST(test_evaluate_family_chooses_type),
		TEST(test_evaluate_mapped_client),
		TEST(test_evaluate_loopback_client),
		TEST(test_evaluate_prefix_lengths),
		TEST(test_evaluate_null_sender),
		TEST(test_evaluate_long_names),
		TEST(test_evaluate_identity_unusable),
		TEST(test_evaluate_8bit_local_part),
		TEST(test_explain_text),
		TEST(test_explain_hostile_sender),
		TEST(test_explain_default),
		TEST(test_handed_tokens_for_names),
		TEST(test_handed_no_explanation),
		TEST(test_handed_names_that_grow),
		TEST(test_handed_nothing_out_of_range),
		TEST(test_handed_short_records),
		TEST(test_handed_no_long_record),
		TEST(test_handed_nothing_of_a_wrong_record),
		TEST(test_handed_no_host_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
