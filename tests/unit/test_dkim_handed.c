/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the DKIM check hands to libopendkim 2.11.0 beta 2, seen by dkim_handed.c. What the library does by itself, and what
 * keeps it from doing so:
 *
 *   it does                                                  what is handed instead
 *   h= that takes every field there is and goes on makes     first of all a field that no h= can name, so that one is
 *   it write behind an array                                 always left
 *   one signature field that it cannot read costs the        only signatures in which our own reader finds no fault
 *   message all verdicts
 *   it blanks the wrong value, cuts a long h=, or refuses    of signatures that are "unfit" nothing: the header hash is
 *   8-bit octets                                             made in canon.c
 *   other control characters count as white space to it,     of such a field nothing: all header hashes are our own
 *   so that a field may be changed under its signature
 *   it looks at the octets of a body one by one, and         no body: body hashes are our own (bodies.c)
 *   hashes some wrongly
 *   it fetches, decodes and keeps keys                       it never gets that far (hash.c: stop_at_end)
 *
 * None of the messages here would harm it: each leaves fields unsigned, and is in the grammar.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "dkim_handed.h"
#include "dkim_message.h"
#include "spf_fake.h"

#define PADDING "assay pad: x"
#define HASHES "bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=; b=F45dVWDfMbQDGHJFlXUNB2HKfbCeLRyhDXgFpEL8Gws="
#define SIGNATURE(tags) "DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.org; " tags "; " HASHES "\r\n"
#define PLAIN SIGNATURE("s=x; h=from:subject")
#define LETTER "From: Joe <joe@example.org>\r\nTo: ann@example.net\r\nSubject: dinner\r\nX-More: x\r\n\r\nHi.\r\n"

static struct dkim_case test;

static int setup(void **state)
{
	static const struct config config = { .dkim_enabled = true, .dkim_min_key_bits = 1024, .dkim_max_signatures = 20 };
	char why[200];

	(void)state;
	test = (struct dkim_case){ .config = &config, .time_secs = 1600000000, .dns = fake_new() };
	test.engine = dkim_engine_new(&config, why, sizeof why);
	dkim_handed_forget();
	return test.engine != NULL ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	dkim_case_free(&test);
	fake_free(&test.dns);
	dkim_engine_free(&test.engine);
	return 0;
}

static void run(const char *message)
{
	dkim_case_run(&test, message, strlen(message));
}

static bool begins(size_t index, const char *text)
{
	return strncmp(dkim_handed_field(index), text, strlen(text)) == 0;
}

/* A field that no h= can name, as a space is in its name; then what is signed, whole, and nothing else. */
static void test_handed_padding_and_signed_fields(void **state)
{
	(void)state;
	run(PLAIN LETTER);
	assert_int_equal(dkim_handed_count(), 4);
	assert_string_equal(dkim_handed_field(0), PADDING);
	assert_true(begins(1, "DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.org; s=x; h=from:subject; bh="));
	assert_string_equal(dkim_handed_field(2), "From: Joe <joe@example.org>");
	assert_string_equal(dkim_handed_field(3), "Subject: dinner");
}

static void test_handed_folds_as_crlf(void **state)
{
	(void)state;
	run(SIGNATURE("s=x;\r\n\th=from:to") "From: Joe\r\n <joe@example.org>\r\nTo: x\r\nSubject: y\r\n\r\nHi.\r\n");
	assert_int_equal(dkim_handed_count(), 4);
	assert_non_null(strstr(dkim_handed_field(1), "s=x;\r\n\th=from:to;"));
	assert_string_equal(dkim_handed_field(2), "From: Joe\r\n <joe@example.org>");
}

/* Signatures with a fault: each is one permerror and none is handed over, wherever it stands. */
static void test_handed_no_faulty_signature(void **state)
{
	(void)state;
	run(SIGNATURE("s=x; h=from; x=1; t=2") SIGNATURE("h=from") PLAIN SIGNATURE("s=x; h=to") LETTER);
	assert_int_equal(test.results.dkim_count, 4);
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(test.results.dkim[i].result, RESULT_PERMERROR);	/* that in between has no key */
	assert_int_equal(dkim_handed_count(), 4);
	assert_true(begins(1, "DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.org; s=x; h=from:subject;"));
}

/* What the library would misread. */
static void test_handed_no_unfit_signature(void **state)
{
	static const char *const messages[] = {
		SIGNATURE("s=x; h=from; zb=y") LETTER, SIGNATURE("s=x; h=from:dkim-signature") LETTER, SIGNATURE("s=x; h=from; n=\xc3\xa4") LETTER,
		SIGNATURE("s=x; h=from; t=5") LETTER,
	};

	(void)state;
	for (size_t i = 0; i < sizeof messages / sizeof messages[0]; i++) {
		run(messages[i]);
		assert_int_equal(dkim_handed_count(), 1);
		assert_true(begins(0, PADDING));
		dkim_handed_forget();
		dkim_case_free(&test);
	}
	run(PLAIN LETTER);
}

/* A control character in a signed field; in one that is not signed it is of no account. */
static void test_handed_no_odd_white_space(void **state)
{
	static const char *const odd[] = { "\va", "ab\v", "a\fb", "a\rb", "ab\r", "\r", "a\r\n b\r\n c\rd", "a\r\n b\f" };

	(void)state;
	for (size_t i = 0; i < sizeof odd / sizeof odd[0]; i++) {
		char message[2048];

		snprintf(message, sizeof message, "%s%s%s", PLAIN "From: Joe <joe@example.org>\r\nTo: ann@example.net\r\nSubject: ",
		    odd[i], "\r\n\r\nHi.\r\n");
		run(message);
		assert_int_equal(dkim_handed_count(), 1);
		assert_true(begins(0, PADDING));
		dkim_handed_forget();
		dkim_case_free(&test);
	}
	run(PLAIN "From: Joe <joe@example.org>\r\nTo: ann@example.net\r\nSubject: a\r\n b\r\n\tc\r\n\r\nHi.\r\n");
	assert_int_equal(dkim_handed_count(), 4);
	dkim_handed_forget();
	dkim_case_free(&test);
	run(PLAIN "From: Joe <joe@example.org>\r\nTo: a\vnn@example.net\r\nSubject: ab\r\n\r\nHi.\r\n");
	assert_int_equal(dkim_handed_count(), 4);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_handed_padding_and_signed_fields), TEST(test_handed_folds_as_crlf), TEST(test_handed_no_faulty_signature),
		TEST(test_handed_no_unfit_signature), TEST(test_handed_no_odd_white_space),
	};

	return cmocka_run_group_tests_name("dkim_handed", tests, NULL, NULL);
}
