/* SPDX-License-Identifier: BSD-2-Clause */
/* action/redact: what a failure report shows of a header, and that nothing of a person is in it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "action/redact.h"
#include "arena_fixture.h"
#include "util/clean.h"

enum { FIELDS = 64 };

static const struct redact_key key = { .bytes = "0123456789abcdef0123456789abcde" };
static struct header_field fields[FIELDS];
static struct facts facts;

static void begin(void)
{
	facts = (struct facts){ .arena = arena, .fields = fields };
}

static void add(const char *name, const char *value)
{
	assert_true(facts.field_count < FIELDS);
	fields[facts.field_count++] = (struct header_field){ .name = name, .value = value, .name_length = strlen(name),
		.value_length = strlen(value) };
}

/* One field, redacted, without its folds. */
static const char *one(const char *name, const char *value)
{
	char *text, *fold;

	begin();
	add(name, value);
	text = arena_strdup(arena, redact_header(arena, &key, &facts));
	while ((fold = strstr(text, "\n\t")) != NULL) {
		*fold = ' ';
		memmove(fold + 1, fold + 2, strlen(fold + 2) + 1);
	}
	return text;
}

/* Pseudonyms are HMAC-SHA-256 in base64, the first 12 characters, "+/" as "-_". This one was made by Python's hmac module. */
static void test_redact_local_is_keyed(void **state)
{
	const struct redact_key other = { .bytes = "another key" };
	const char *john = redact_local(arena, &key, "john", 4);

	(void)state;
	assert_string_equal(john, "itVqAy03wsBn");
	assert_int_equal(strlen(john), 12);
	assert_int_equal(clean_span(john, CLEAN_NAME), 12);
	assert_string_equal(redact_local(arena, &key, " \"john\"\n ", 9), john);
	assert_string_equal(redact_local(arena, &key, "\"j\\ohn\"", 7), john);
	assert_string_not_equal(redact_local(arena, &key, "John", 4), john);
	assert_string_not_equal(redact_local(arena, &other, "john", 4), john);
}

static void test_redact_address(void **state)
{
	const char *john = redact_local(arena, &key, "john", 4);

	(void)state;
	assert_string_equal(redact_address(arena, &key, ""), "<>");
	assert_string_equal(redact_address(arena, &key, "john@example.org"), arena_printf(arena, "<%s@example.org>", john));
	assert_string_equal(redact_address(arena, &key, "john"), arena_printf(arena, "<%s>", john));
	assert_string_equal(redact_address(arena, &key, "john@exa mple\n"), arena_printf(arena, "<%s@invalid>", john));
}

static void test_redact_header_addresses(void **state)
{
	const char *john = redact_local(arena, &key, "john", 4);

	(void)state;
	assert_string_equal(one("From", " John Doe <john@example.org>"), arena_printf(arena, "From: <%s@example.org>\n", john));
	assert_string_equal(one("fRoM", " =?utf-8?q?John?= (Doe) <\"john\"@example.org>, john@example.net"),
	    arena_printf(arena, "From: <%s@example.org>, <%s@example.net>\n", john, john));
	assert_string_equal(one("To", " undisclosed-recipients:;"), "To: undisclosed:;\n");
	assert_string_equal(one("Cc", " John Doe at example.org"), "Cc: [unreadable]\n");
	assert_string_equal(one("From", " john@example.org, John \x01 Doe"), arena_printf(arena, "From: <%s@example.org>\n", john));
}

static void test_redact_header_counts_what_is_over(void **state)
{
	struct buf many = buf_make(arena);

	(void)state;
	for (int i = 0; i < 25; i++)
		buf_printf(&many, "%s u%d@example.org", i != 0 ? "," : "", i);
	assert_non_null(strstr(one("To", many.data), "(and 15 more)"));
}

static void test_redact_header_received(void **state)
{
	(void)state;
	assert_string_equal(one("Received", " from mail.example.org (mx.example.org [192.0.2.1])\n\t(Authenticated sender: john)\n"
	    "\tby mx.example.net (Postfix) with ESMTPS id 4XYZ\n\tfor john doe <john@example.net>; Tue, 19 Jul 2022 07:57:50 +0200 (CEST)"),
	    "Received: from mail.example.org ([192.0.2.1]) by mx.example.net with ESMTPS id 4XYZ for [redacted] ; Tue, 19 Jul 2022 07:57:50 "
	    "+0200\n");
	assert_null(strstr(one("Received", " by mx (a (john) \\) john) with x for(x)john;john@x \"john\" 'john'@"), "john"));
	assert_null(strstr(one("Received", " from x for john"), "john"));
	assert_null(strstr(one("Received", " from x (unclosed john [192.0.2.1] john"), "john"));
	assert_string_equal(one("Received", "  "), "Received: [unreadable]\n");
}

static void test_redact_header_signature(void **state)
{
	const char *john = redact_local(arena, &key, "john", 4), *text;

	(void)state;
	text = one("DKIM-Signature", " v=1; a=rsa-sha256; d=example.org; s=s1; i=john@mail.example.org; h=from:to;\n\tbh=AAAA; b=BB\n\tBB;"
	    " z=From:john@example.org|Subject:secret; r=john; x=12");
	assert_string_equal(text, arena_printf(arena, "DKIM-Signature: v=1; a=rsa-sha256; d=example.org; s=s1; i=%s@mail.example.org; h=from:to;"
	    " bh=AAAA; b=BBBB; x=12\n", john));
	assert_string_equal(one("DKIM-Signature", " john"), "DKIM-Signature: [unreadable]\n");
	assert_null(strstr(one("DKIM-Signature", " v=1; d=john@x; s=\xc3\xa4; h=a"), "john"));
}

static void test_redact_header_other_fields(void **state)
{
	(void)state;
	assert_string_equal(one("Subject", " Dear John, your secret"), "Subject: [redacted]\n");
	assert_string_equal(one("Date", " Tue, 19 Jul 2022 00:57:48 -0500 (CDT)"), "Date: Tue, 19 Jul 2022 00:57:48 -0500 (CDT)\n");
	assert_string_equal(one("Date", " call john@example.org"), "Date: call [redacted]\n");
	assert_string_equal(one("Message-ID", " <abc$1@example.org> (john)"), "Message-ID: <abc$1@example.org>\n");
	assert_string_equal(one("Message-ID", " abc"), "Message-ID: [unreadable]\n");
	assert_string_equal(one("List-Id", " \"John's friends\" <friends.example.org>"), "List-Id: <friends.example.org>\n");
	assert_string_equal(one("Message-ID", " <HTTPS://evil.example/x>"), "Message-ID: <HxxPS://evil.example/x>\n");
	assert_string_equal(one("Content-Type", " application/pdf; name=\"john.pdf\""), "Content-Type: application/pdf\n");
	assert_string_equal(one("X-Originating-User", " john"), "");
	assert_string_equal(one("Bcc", " john@example.org"), "");
	assert_string_equal(one("Authentication-Results", " x; auth=pass smtp.auth=john"), "");
}

static void test_redact_header_is_bounded(void **state)
{
	struct buf large = buf_make(arena);
	const char *text;
	unsigned lines = 0;

	(void)state;
	while (large.length < 100000)
		buf_puts(&large, " mx.example.org");
	begin();
	for (int i = 0; i < 30; i++)
		add("Received", " from mail.example.org by mx.example.net");
	add("DKIM-Signature", large.data);
	add("Subject", large.data);
	text = redact_header(arena, &key, &facts);
	assert_true(strlen(text) <= REDACT_HEADER_MAX);
	for (const char *p = text; (p = strstr(p, "Received:")) != NULL; p++)
		lines++;
	assert_int_equal(lines, 10);
}

#define ARENA_TEST(f) cmocka_unit_test_setup_teardown(f, arena_setup, arena_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ARENA_TEST(test_redact_local_is_keyed),
		ARENA_TEST(test_redact_address),
		ARENA_TEST(test_redact_header_addresses),
		ARENA_TEST(test_redact_header_counts_what_is_over),
		ARENA_TEST(test_redact_header_received),
		ARENA_TEST(test_redact_header_signature),
		ARENA_TEST(test_redact_header_other_fields),
		ARENA_TEST(test_redact_header_is_bounded),
	};

	return cmocka_run_group_tests_name("redact", tests, NULL, NULL);
}
