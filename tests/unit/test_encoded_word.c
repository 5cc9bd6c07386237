/* SPDX-License-Identifier: BSD-2-Clause */
/* Encoded words: RFC 2047's own examples, and what is decoded somewhere although it should not be. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "message/encoded_word.h"

static void test_encoded_words_decode_rows(void **state)
{
	static const struct { const char *text, *decoded; } rows[] = {
		{ "", "" }, { "plain", "plain" },
		/* RFC 2047 section 8; in UTF-8 */
		{ "=?ISO-8859-1?Q?Andr=E9?= Pirard <PIRARD@vm1.ulg.ac.be>", "Andr\xc3\xa9 Pirard <PIRARD@vm1.ulg.ac.be>" },
		{ "=?ISO-8859-1?B?SWYgeW91IGNhbiByZWFkIHRoaXMgeW8=?=\n =?ISO-8859-2?B?dSB1bmRlcnN0YW5kIHRoZSBleGFtcGxlLg==?=",
		    "If you can read this you understand the example." },
		{ "(=?ISO-8859-1?Q?a?=)", "(a)" }, { "(=?ISO-8859-1?Q?a?= b)", "(a b)" }, { "(=?ISO-8859-1?Q?a?= =?ISO-8859-1?Q?b?=)", "(ab)" },
		{ "(=?ISO-8859-1?Q?a?=  =?ISO-8859-1?Q?b?=)", "(ab)" }, { "(=?ISO-8859-1?Q?a_b?=)", "(a b)" },
		/* white space before other text stays */
		{ "=?utf-8?q?a?= \n b", "a \n b" }, { "a =?utf-8?q?b?=", "a b" }, { "=?utf-8?q?a?= ", "a " },
		/* anywhere, in any case, with anything inside */
		{ "x=?utf-8?Q?y?=z", "xyz" }, { "\"=?utf-8?q?a?=\"", "\"a\"" }, { "=?UTF-8*en?q?a?=", "a" }, { "=?us-ascii?q?a b?=", "a b" },
		{ "=?utf-8?q?=41=c3=A4?=", "A\xc3\xa4" }, { "=?utf-8?q?=4?=", "=4" }, { "=?utf-8?q?=zz=?=", "=zz=" }, { "=?utf-8?q?" "?=", "" },
		{ "=?utf-8?b?QQ?=", "A" }, { "=?utf-8?b?Q Q=*=?=", "A" }, { "=?utf-8?B?QUJD?=", "ABC" }, { "=?utf-8?b?Q?=", "" },
		{ "=?utf-8?q?a=00b?=", "ab" },
		/* no words */
		{ "=?", "=?" }, { "=?utf-8?q?a", "=?utf-8?q?a" }, { "=?utf-8?x?a?=", "=?utf-8?x?a?=" }, { "=?utf-8?qq?a?=", "=?utf-8?qq?a?=" },
		{ "=?utf-8?q?a?", "=?utf-8?q?a?" }, { "?=", "?=" }, { "=?=", "=?=" },
		/* one layer only */
		{ "=?utf-8?q?=3D=3Futf-8=3Fq=3Fa=3F=3D?=", "=?utf-8?q?a?=" },
		/* what cannot be read */
		{ "=?utf-16?b?AAAA?=", "\x01" }, { "=?utf-7?q?a?= =?utf-8?q?b?=", "\x01" "b" }, { "=?" "?q?a?=", "\x01" }, { "=?iso-8859-?q?a?=", "\x01" },
		{ "=?utf-88?q?a?=", "\x01" }, { "=?cp1250?q?a?=", "a" }, { "=?koi8-r?q?a?=", "a" },
	};
	struct arena *arena = arena_new();
	size_t length;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *decoded = encoded_words_decode(arena, rows[i].text, strlen(rows[i].text), ENCODED_WORDS_MARKED, &length);

		if (strcmp(decoded, rows[i].decoded) != 0 || length != strlen(decoded))
			fail_msg("%s: %s", rows[i].text, decoded);
		/* a word whose bytes are themselves is none in the table */
		assert_int_equal(encoded_word_in(rows[i].text, strlen(rows[i].text)), strcmp(rows[i].text, rows[i].decoded) != 0);
	}
	arena_free(&arena);
}

/* Nothing behind the length is read: the text need not end. */
static void test_encoded_words_decode_ends_where_it_ends(void **state)
{
	static const char text[] = "=?utf-8?q?a?= =?utf-8?q?b?=";
	struct arena *arena = arena_new();
	size_t length;

	(void)state;
	for (size_t i = 0; i < sizeof(text); i++) {
		char *copy = arena_memdup(arena, text, i + 1);

		copy[i] = '=';	/* what stands behind would end a word */
		(void)encoded_words_decode(arena, copy, i, ENCODED_WORDS_MARKED, &length);
		assert_true(length <= i);
		assert_int_equal(encoded_word_in(copy, i), i >= strlen("=?utf-8?q?a?="));
	}
	arena_free(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_encoded_words_decode_rows),
		cmocka_unit_test(test_encoded_words_decode_ends_where_it_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
