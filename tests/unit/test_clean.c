/* SPDX-License-Identifier: BSD-2-Clause */
/* util/clean: what each place of output takes, by the standards' own words, for every octet there is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/clean.h"

static bool is_in(int c, const char *set)
{
	return c != 0 && c < 0x80 && strchr(set, c) != NULL;
}

/* The classes from the texts of the RFCs and of log_field.h, octet by octet. The C locale is in force: ctype.h is ASCII. */
static void test_clean_is_every_octet(void **state)
{
	(void)state;
	for (int c = 0; c < 256; c++) {
		bool ascii = c < 0x80, alnum = ascii && isalnum(c), text = ascii && isprint(c);
		const struct { enum clean_class class; bool expected; } classes[] = {
			{ CLEAN_CONTROL, ascii && iscntrl(c) },
			{ CLEAN_TEXT, text },
			{ CLEAN_GRAPH, text && c != ' ' },
			{ CLEAN_NAME, alnum || is_in(c, "-_.") },
			{ CLEAN_BARE, alnum || is_in(c, "-_.:,@/+*<>[]") },
			{ CLEAN_ATEXT, alnum || is_in(c, "!#$%&'*+-/=?^_`{|}~") },	/* RFC 5322 section 3.2.3 */
			{ CLEAN_TOKEN, text && c != ' ' && !is_in(c, "()<>@,;:\\\"/[]?=") },	/* RFC 2045 section 5.1 */
		};

		for (size_t i = 0; i < sizeof(classes) / sizeof(classes[0]); i++) {
			if (clean_is((char)c, classes[i].class) != classes[i].expected)
				fail_msg("octet 0x%02x, class %d", c, classes[i].class);
		}
	}
}

static void test_clean_span(void **state)
{
	(void)state;
	assert_int_equal(clean_span("", CLEAN_NAME), 0);
	assert_int_equal(clean_span("a-b.c_9 d", CLEAN_NAME), 7);
	assert_int_equal(clean_span("\xc3\xa4", CLEAN_GRAPH), 0);
}

static void test_clean_smtp(void **state)
{
	struct arena *arena = arena_new();
	struct buf buf = buf_make(arena);

	(void)state;
	clean_smtp(&buf, "a\r\n550 b\tc\xc3\xa4\x7f~ %s", 100);
	assert_string_equal(buf.data, "a??550 b?c???~ %s");
	clean_smtp(&buf, "xyz", 2);
	assert_string_equal(buf.data + buf.length - 2, "xy");
	clean_smtp(&buf, "z", 0);
	assert_string_equal(buf.data + buf.length - 2, "xy");
	arena_free(&arena);
}

static void test_clean_word(void **state)
{
	struct arena *arena = arena_new();

	(void)state;
	assert_string_equal(clean_word(arena, "mx 1\xff\n(a)", 255), "mx?1?" "?(a)");
	assert_string_equal(clean_word(arena, "abcdef", 3), "abc");
	assert_string_equal(clean_word(arena, "", 3), "");
	arena_free(&arena);
}

static void test_clean_field(void **state)
{
	static const struct { const char *text, *expected; } cases[] = {
		{ "plain (x) \"y\"", "plain (x) \"y\"" },
		{ "a\r\nX: b\tc\x7f", "a??X: b?c?" },
		{ "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80", "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80" },	/* two, three and four octets */
		{ "\xc3", "?" }, { "\xc3(", "?" "(" }, { "\xe2\x82", "??" },	/* cut */
		{ "\xc0\xaf", "??" }, { "\xe0\x80\xaf", "???" },		/* overlong */
		{ "\xed\xa0\x80", "???" },					/* a surrogate */
		{ "\xf4\x90\x80\x80", "????" }, { "\xff", "?" },		/* over U+10FFFF */
		{ "\xc2\x85", "??" }, { "\xc2\xa0", "\xc2\xa0" },		/* NEL is a control character, no-break space is none */
	};
	struct arena *arena = arena_new();

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_string_equal(clean_field(arena, cases[i].text, 100), cases[i].expected);
	/* cut at a character's end */
	assert_string_equal(clean_field(arena, "a\xc3\xa4", 2), "a");
	assert_string_equal(clean_field(arena, "a\xc3\xa4", 3), "a\xc3\xa4");
	for (size_t max = 0; max < 6; max++)
		assert_memory_equal(clean_field(arena, "abcd", max), "abcd", max < 4 ? max : 5);
	assert_int_equal(strlen(clean_field(arena, "abcd\xff", 3)), 3);
	assert_string_equal(clean_field(arena, "", 3), "");
	arena_free(&arena);
}

static void test_clean_log_line_stays_one_line_in_its_room(void **state)
{
	char line[24];

	(void)state;
	clean_log_line(line, sizeof(line), "a\nb\x80 \"c\"");
	assert_string_equal(line, "a\\x0ab\\x80 \"c\"");
	/* whatever the room: terminated, and no escape is cut in two */
	for (size_t room = 5; room <= sizeof(line); room++) {
		memset(line, 'Z', sizeof(line));
		clean_log_line(line, room, "\x01\x02\x03\x04\x05");
		assert_true(strlen(line) < room);
		assert_int_equal(strlen(line) % 4, 0);
	}
}

static void test_clean_terminal(void **state)
{
	char *text = NULL;
	size_t length;
	FILE *out = open_memstream(&text, &length);

	(void)state;
	assert_non_null(out);
	clean_terminal(out, "\x1b[31mred\x1b[0m \xc3\xa4 \\x41");
	fclose(out);
	assert_string_equal(text, "\\x1b[31mred\\x1b[0m \\xc3\\xa4 \\x41");
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_clean_is_every_octet),
		cmocka_unit_test(test_clean_span),
		cmocka_unit_test(test_clean_smtp),
		cmocka_unit_test(test_clean_word),
		cmocka_unit_test(test_clean_field),
		cmocka_unit_test(test_clean_log_line_stays_one_line_in_its_room),
		cmocka_unit_test(test_clean_terminal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
