/* SPDX-License-Identifier: BSD-2-Clause */
/* Authentication-Results of others: what is read, and what counts as forged. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "util/error.h"
#include "action_fixture.h"

static void test_authres_parse_rfc8601_examples(void **state)
{
	struct action_fixture *f = *state;
	struct authres a = authres_parsed(f, " example.org 1; none");

	assert_string_equal(a.version, "1");
	assert_int_equal(a.method_count, 0);
	/* appendix B.7: comments everywhere */
	a = authres_parsed(f, " foo.example.net (foobar) 1 (baz);\n    dkim (Because I like it) / 1 (One yay) = (wait for it) fail\n"
	    "      policy (A dot can go here) . (like that) expired\n      (this surprised me) = (as I wasn't expecting it) 1362471462");
	assert_string_equal(a.authserv_id, "foo.example.net");
	assert_string_equal(a.methods[0].method, "dkim");
	assert_string_equal(a.methods[0].result, "fail");
	assert_string_equal(authres_property(&a.methods[0], "policy.expired"), "1362471462");
	/* appendix B.5 */
	a = authres_parsed(f, " example.com;\n  auth=pass (cram-md5) smtp.auth=sender@example.net;\n  spf=hardfail smtp.mailfrom=example.net");
	assert_int_equal(a.method_count, 2);
	assert_string_equal(authres_property(&a.methods[0], "smtp.auth"), "sender@example.net");
}

static void test_authres_parse_refuses(void **state)
{
	static const char *const bad[] = {
		"", " ;none", " a", " a; ", " a; spf", " a; spf=", " a b; none", " a; none; spf=pass", " a; spf=pass x", " a (; none",
		" a; spf=pass x.y=\"z", " a; spf=pass reason=\"x", " a; spf=pass x.y=z reason=q", " a; spf=pass x.y=a@b@c", " \"a; none",
	};
	struct action_fixture *f = *state;
	struct authres a;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(authres_parse(bad[i], strlen(bad[i]), f->arena, &a), -E_SYNTAX);
		assert_int_equal(authres_parse_loose(bad[i], strlen(bad[i]), f->arena, &a), -E_SYNTAX);
	}
}

/* Words that are no properties are let in by the loose reader alone, and are none. */
static void test_authres_parse_loose(void **state)
{
	static const char text[] = " mx.a.example 1; dmarc=pass action=none header.from=b.example (x); arc=none (0)";
	struct action_fixture *f = *state;
	struct authres a;

	assert_int_equal(authres_parse(text, strlen(text), f->arena, &a), -E_SYNTAX);
	assert_int_equal(authres_parse_loose(text, strlen(text), f->arena, &a), 0);
	assert_int_equal(a.method_count, 2);
	assert_string_equal(authres_property(&a.methods[0], "header.from"), "b.example");
	assert_string_equal(authres_property(&a.methods[0], ".action"), "none");
	assert_null(authres_property(&a.methods[0], "header.action"));
}

static void test_authres_parse_instance(void **state)
{
	static const struct { const char *text; int instance; const char *rest; } rows[] = {
		{ "i=1; a; none", 1, " a; none" }, { " (x) i (y) = (z(z)) 50 ( ) ;a", 50, "a" }, { "i=00;", 0, "" }, { "i=99;x", 99, "x" },
		{ "i=100; a", -1, NULL }, { "i=; a", -1, NULL }, { "I=1; a", -1, NULL }, { "i=1 a; none", -1, NULL }, { "i=-1; a", -1, NULL },
		{ "i=1", -1, NULL }, { "a; i=1; none", -1, NULL }, { "ii=1;", -1, NULL }, { "i=1(;", -1, NULL }, { "", -1, NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		unsigned instance;
		const char *rest;
		int code = authres_parse_instance(rows[i].text, strlen(rows[i].text), &instance, &rest);

		assert_int_equal(code, rows[i].instance < 0 ? -E_SYNTAX : 0);
		if (code != 0)
			continue;
		assert_int_equal(instance, rows[i].instance);
		assert_string_equal(rest, rows[i].rest);
	}
}

static size_t forged(struct action_fixture *f, const char *value)
{
	unsigned occurrences[1];

	f->facts.field_count = 0;
	action_add_field(f, "authentication-results", value);
	return authres_find_forged(&f->facts, "mx.example.net", occurrences, 1);
}

static void test_authres_find_forged_disguises(void **state)
{
	static const char *const ours[] = {
		" mx.example.net; spf=pass", "MX.Example.NET; none", " (x) mx.example.net 1; none", "\n\tmx.example.net\n\t(a (nested) b) ; none",
		" \"mx.example.net\"; none", " \"mx.ex\\ample.net\"; none", " mx.example.net.; none", " mx.example.net", " mx.example.net spf=pass",
		" \"mx.example.net; none", " mx.(x)example.net; none", " (mx.example.net; none", " ; mx.example.net", " mx.exam\n ple.net; none",
		/* no-break space, zero-width space, a stray 8-bit byte: shown or stripped as nothing by others */
		" mx.example.net\xc2\xa0; none", " \xc2\xa0mx.example.net; none", " mx.exam\xe2\x80\x8bple.net; none", " mx.example.net\xff; none",
		" mx\x01.example.net; none", " mx.example\xa0.net spf=pass",
		/* dots, blanks and quotes too many */
		" mx.example.net..; none", " .mx.example.net; none", " mx..example.net; none", " \" mx.example.net \"; none", " \"mx.example. net\"; none",
		" 'mx.example.net'; none", " `mx.example.net`; none", " \"'mx.example.net'\"; none", " <mx.example.net>; none", " {mx.example.net}; none",
		/* double width and other compatibility forms */
		" mx\xe3\x80\x82" "example\xef\xbc\x8enet; none", " mx\xef\xbd\xa1" "example.net; none", " \xef\xbd\x8d\xef\xbd\x98.example.net; none",
		" \xef\xbd\x8d\xef\xbd\x98\xef\xbc\x8e" "example\xef\xbc\x8enet; none", " mx\xe2\x80\xa4" "example.net; none",
		" \xef\xbc\xad\xef\xbc\xb8.example.net; none", " \xf0\x9d\x90\xa6x.example.net; none", " mx.example.net\xef\xbc\x9b none",
		/* encoded words */
		" =?utf-8?q?mx.example.net?=; none", " =?UTF-8?Q?mx=2Eexample=2enet?=; none", " =?us-ascii?b?bXguZXhhbXBsZS5uZXQ=?=; none",
		" =?iso-8859-1?B?bXguZXhhbXBsZS5uZXQ?=; none", " =?utf-8*en?q?mx.example.net?=; none", " mx.=?utf-8?q?example.net?=; none",
		" =?utf-8?q?mx.exa?=\n =?utf-8?q?mple.net?=; none", " \"=?utf-8?q?mx.example.net?=\"; none", " =?utf-8?q?mx.example.net=3B_dkim=3Dpass?=",
		" =?utf-8?q?=22mx.example.net=22?=; none", " (=?utf-8?q?=29?= mx.example.net; none", " (=?utf-8?q?=29_mx.example.net=3B?=) a.example; none",
		" =?utf-8?q?mx_.example.net?=; none", " =?windows-1252?q?=A0mx.example.net?=; none", " =?utf-8?b?b?=; =?utf-8?q?mx.example.net?=",
		" =?utf-8?q?\xef\xbd\x8dx.example.net?=; none", " =?utf-8?q?=EF=BD=8Dx.example.net?=; none", " =?utf-8?q?mx.example.net; none?=",
		" =?utf-8?q?m x.example.net?=; none", " =?utf-8?q?=3D=3Futf-8=3Fq=3Fmx=2Eexample=2Enet=3F=3D?=; none", " a=?utf-8?q?" "?=; mx.example.net",
		/* in a charset that hides ASCII: nobody honest names himself so */
		" =?utf-7?q?+AG0-x.example.net?=; none", " =?utf-16?b?bQB4AC4AZQB4AGEAbQBwAGwAZQAuAG4AZQB0AA==?=; none", " =?cp037?q?=94=A7?=; none",
		" =?x?q?a?=; none", " (=?hz?b?AAAA?=) a.example; none",
	};
	static const char *const foreign[] = {
		" mx.example.com; spf=pass", " other.mx.example.net; none", " a.example; spf=pass (mx.example.net)", " a.example; spf=pass smtp.helo=mx.example.net",
		" mx.example.net.evil.example; none", " mx.\xc3\xbc.example.net; none", " =?utf-8?q?a.example?=; none", " =?utf-8?b?YS5leGFtcGxl?=; none",
		" a.example; none (=?utf-8?q?mx.example.net?=)", " a.example; spf=pass reason=\"=?utf-16?b?bQB4?=\"", " a.example (=?utf-8?q?x?=); none",
		" 'a.example'; none", " a..example; none", " m.x.example.net; none", " mx-example.net; none", " \xef\xbd\x8dy.example.net; none",
		" a.example\x01; none", " a.example; none (=?", " a.example; none (=?utf-8?q?",
	};
	struct action_fixture *f = *state;

	for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++)
		if (forged(f, ours[i]) != 1)
			fail_msg("not found: %s", ours[i]);
	for (size_t i = 0; i < sizeof(foreign) / sizeof(foreign[0]); i++)
		if (forged(f, foreign[i]) != 0)
			fail_msg("found: %s", foreign[i]);
}

static void test_authres_find_forged_u_label(void **state)
{
	struct action_fixture *f = *state;
	unsigned occurrences[2];

	action_add_field(f, "Authentication-Results", " mx.b\xc3\xbc" "cher.example; spf=pass");
	assert_int_equal(authres_find_forged(&f->facts, "mx.xn--bcher-kva.example", occurrences, 2), 1);
	assert_int_equal(occurrences[0], 1);
	action_add_field(f, "Authentication-Results", " =?utf-8?q?mx.b=C3=BCcher.example?=; spf=pass");
	action_add_field(f, "Authentication-Results", " 'mx..B\xc3\x9c" "cher.example.'; spf=pass");
	assert_int_equal(authres_find_forged(&f->facts, "mx.xn--bcher-kva.example", occurrences, 2), 3);
	/* our name as U-label is the same */
	action_add_field(f, "Authentication-Results", " mx.xn--bcher-kva.example; spf=pass");
	assert_int_equal(authres_find_forged(&f->facts, "mx.b\xc3\xbc" "cher.example", occurrences, 2), 4);
	assert_int_equal(authres_find_forged(&f->facts, "mx.example.net", occurrences, 2), 0);
	/* octets of 0x80, the least that is no ASCII */
	action_add_field(f, "Authentication-Results", " mx.\xd1\x80\xd1\x84; spf=pass");
	assert_int_equal(authres_find_forged(&f->facts, "mx.xn--p1ai", occurrences, 2), 1);
	assert_int_equal(occurrences[0], 5);
}

/* An authserv-id need not be a domain name. */
static void test_authres_find_forged_ids_that_are_no_names(void **state)
{
	struct action_fixture *f = *state;
	unsigned occurrences[1];

	action_add_field(f, "Authentication-Results", " \"our place\"; none");
	assert_int_equal(authres_find_forged(&f->facts, "our place", occurrences, 1), 1);
	assert_int_equal(authres_find_forged(&f->facts, "OUR PLACE", occurrences, 1), 1);
	assert_int_equal(authres_find_forged(&f->facts, "other place", occurrences, 1), 0);
	action_add_field(f, "Authentication-Results", " +++; none");
	assert_int_equal(authres_find_forged(&f->facts, "+++", occurrences, 1), 1);
	assert_int_equal(authres_find_forged(&f->facts, "***", occurrences, 1), 0);
	assert_int_equal(authres_find_forged(&f->facts, "", occurrences, 1), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_authres_parse_rfc8601_examples),
		TEST(test_authres_parse_refuses),
		TEST(test_authres_parse_loose),
		TEST(test_authres_parse_instance),
		TEST(test_authres_find_forged_disguises),
		TEST(test_authres_find_forged_u_label),
		TEST(test_authres_find_forged_ids_that_are_no_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
