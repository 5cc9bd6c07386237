/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The body's gate: what is handed on is the body without the blank lines at its end, however it is cut into chunks; and
 * blank lines cost the library no octets.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "check/signature/body.h"

enum { OUT_BYTES = 65536 };

struct out { char data[OUT_BYTES]; size_t length, calls, fail_at; };

static int take(void *closure, const char *data, size_t length)
{
	struct out *out = closure;

	if (++out->calls == out->fail_at)
		return -7;
	assert_true(length != 0 && out->length + length <= OUT_BYTES);
	memcpy(out->data + out->length, data, length);
	out->length += length;
	return 0;
}

/* The text without the empty lines at its end, read as RFC 6376 section 3.4.3 says it: a plain second reading. */
static size_t without_blank_end(const char *text, size_t length)
{
	while (length >= 4 && memcmp(text + length - 4, "\r\n\r\n", 4) == 0)
		length -= 2;
	return length == 2 && memcmp(text, "\r\n", 2) == 0 ? 0 : length;
}

static void expect(const char *text, size_t length, size_t chunk)
{
	struct dkim_body body = { 0 };
	struct out *out = calloc(1, sizeof *out);

	for (size_t at = 0; at < length; at += chunk) {
		size_t size = length - at < chunk ? length - at : chunk;

		assert_null(dkim_body_scan(&body, text + at, size));
		assert_int_equal(dkim_body_hand_on(&body, text + at, size, take, out), 0);
	}
	assert_int_equal(out->length, without_blank_end(text, length));
	assert_memory_equal(out->data, text, out->length);
	assert_int_equal(body.seen_bytes, length);
	assert_int_equal(body.held_bytes, length - out->length);
	free(out);
}

static void test_dkim_body_hand_on_cut_anywhere(void **state)
{
	static const char *const texts[] = {
		"", "\r\n", "\r\n\r\n\r\n", "a\r\n", "a\r\n\r\n", "\r\n\r\na\r\n\r\n", "a\r\n\r\nb\r\n\r\n\r\n\r\nc\r\n\r\n",
		"a", "\r\n\r\na", " \r\n\r\n", "a\r\n \r\n\r\n", "abc\r\n\r\n\r\ndef\r\nghi\r\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
		for (size_t chunk = 1; chunk <= strlen(texts[i]) + 1; chunk++)
			expect(texts[i], strlen(texts[i]), chunk);
}

/* NUL octets are text as any other. */
static void test_dkim_body_hand_on_nul(void **state)
{
	static const char text[] = "a\0\r\n\r\n\0\r\n\r\n\0";

	(void)state;
	for (size_t chunk = 1; chunk < sizeof text; chunk++)
		expect(text, sizeof text - 1, chunk);
}

static void test_dkim_body_hand_on_by_chance(void **state)
{
	static const char *const pieces[] = { "\r\n", "\r\n\r\n\r\n", "x", " ", "a long enough line for the search by memchr, is it?\r\n" };
	static char text[OUT_BYTES];

	(void)state;
	srand(6376);
	for (int round = 0; round < 3000; round++) {
		size_t length = 0;

		for (int i = rand() % 40; i > 0; i--) {
			const char *piece = pieces[(size_t)rand() % (sizeof pieces / sizeof pieces[0])];

			memcpy(text + length, piece, strlen(piece));
			length += strlen(piece);
		}
		expect(text, length, 1 + (size_t)rand() % (length + 1));
	}
}

/* More of them than stand ready in one block. */
static void test_dkim_body_hand_on_many_blank_lines_inside(void **state)
{
	static char text[OUT_BYTES];
	size_t length = 0;

	(void)state;
	text[length++] = 'a';
	for (int i = 0; i < 20000; i++) {
		text[length++] = '\r';
		text[length++] = '\n';
	}
	text[length++] = 'b';
	expect(text, length, 1000);
	expect(text, length, 1001);
	expect(text, length, length);
}

static void test_dkim_body_hand_on_tells_the_sinks_failure(void **state)
{
	struct out *out = calloc(1, sizeof *out);
	struct dkim_body body = { 0 };

	(void)state;
	out->fail_at = 2;
	assert_int_equal(dkim_body_hand_on(&body, "\r\n\r\na\r\n", 7, take, out), 0);
	assert_int_equal(dkim_body_hand_on(&body, "\r\n\r\nb\r\n", 7, take, out), -7);
	out->calls = 0;
	assert_int_equal(dkim_body_hand_on(&body, "c\r\n", 3, take, out), 0);
	free(out);
}

static const char *scan(const char *text, size_t chunk)
{
	struct dkim_body body = { 0 };
	const char *fault = NULL;

	for (size_t at = 0, length = strlen(text); at < length && fault == NULL; at += chunk)
		fault = dkim_body_scan(&body, text + at, length - at < chunk ? length - at : chunk);
	return fault;
}

static void test_dkim_body_scan_bare_line_ends(void **state)
{
	static const struct { const char *text, *fault; } cases[] = {
		{ "a\nb\r\n", "LF" }, { "\n", "LF" }, { "a\r\n\n", "LF" }, { "\r\n\r\n\nb", "LF" },
		{ "a\rb\r\n", "CR" }, { "\rb", "CR" }, { "a\r\r\n", "CR" }, { "a\r\n\r\rb", "CR" },
		{ "a line of more than thirty-two octets in all\nb", "LF" },
		{ "a line of more than thirty-two octets in all\rb\r\n", "CR" },
		{ "a\r\nb\r\n", NULL }, { "\r\n", NULL }, { "a\r", NULL },	/* the end of the body sees to the last */
		{ "a line of more than thirty-two octets in all\r\nb", NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		for (size_t chunk = 1; chunk <= strlen(cases[i].text); chunk++) {
			const char *fault = scan(cases[i].text, chunk);

			if (cases[i].fault == NULL)
				assert_null(fault);
			else
				assert_true(fault != NULL && strstr(fault, cases[i].fault) != NULL);
		}
	}
}

static void test_dkim_body_scan_longest_line(void **state)
{
	size_t cap = DKIM_BODY_LINE_MAX_BYTES;
	char *text = malloc(cap + 4);
	struct dkim_body body = { 0 };

	(void)state;
	memset(text, 'x', cap + 1);
	assert_null(dkim_body_scan(&body, text, cap));
	assert_null(dkim_body_scan(&body, "\r\n", 2));
	assert_null(dkim_body_scan(&body, text, cap));
	assert_non_null(strstr(dkim_body_scan(&body, "x", 1), "1 MiB"));
	free(text);
}

/* What is wrong first, octet by octet: a plain second reading. */
static const char *first_fault(const char *text, size_t length)
{
	size_t line = 0;

	for (size_t at = 0; at < length; at++) {
		if (text[at] == '\n' && (at == 0 || text[at - 1] != '\r'))
			return "LF";
		if (text[at] == '\r' && at + 1 < length && text[at + 1] != '\n')
			return "CR";
		line = text[at] == '\n' ? 0 : line + (text[at] != '\r');
		if (line > DKIM_BODY_LINE_MAX_BYTES)
			return "1 MiB";
	}
	return NULL;
}

static void expect_fault(const char *text, size_t length, size_t chunk)
{
	struct dkim_body body = { 0 };
	const char *fault = NULL, *expected = first_fault(text, length);

	for (size_t at = 0; at < length && fault == NULL; at += chunk)
		fault = dkim_body_scan(&body, text + at, length - at < chunk ? length - at : chunk);
	if (expected == NULL)
		assert_null(fault);
	else
		assert_true(fault != NULL && strstr(fault, expected) != NULL);
}

/* Lines around the length of a block, now and then with an octet that breaks one. */
static void test_dkim_body_scan_by_chance(void **state)
{
	static char text[OUT_BYTES];

	(void)state;
	srand(5322);
	for (int round = 0; round < 20000; round++) {
		size_t length = 0;

		for (int i = rand() % 12; i > 0; i--) {
			size_t line = (size_t)rand() % 150;

			memset(text + length, 'x', line);
			length += line;
			memcpy(text + length, "\r\n", 2);
			length += 2;
		}
		if (length != 0 && rand() % 2 == 0)
			text[(size_t)rand() % length] = "\r\nx"[rand() % 3];
		expect_fault(text, length, 1 + (size_t)rand() % (length + 1));
	}
}

/* The longest line and one over it, first, in the middle and last; in one chunk and cut around every place that matters. */
static void test_dkim_body_scan_longest_line_anywhere(void **state)
{
	static const size_t chunks[] = { 1000, 65535, DKIM_BODY_LINE_MAX_BYTES - 1, DKIM_BODY_LINE_MAX_BYTES,
		DKIM_BODY_LINE_MAX_BYTES + 1, DKIM_BODY_LINE_MAX_BYTES + 2, 3 * DKIM_BODY_LINE_MAX_BYTES };
	char *text = malloc(3 * DKIM_BODY_LINE_MAX_BYTES);

	(void)state;
	for (size_t before = 0; before < 3; before++)
		for (size_t over = 0; over < 2; over++)
			for (size_t behind = 0; behind < 3; behind++) {
				static const char *const ends[] = { "", "\r\n", "line\r\n" };
				size_t line = DKIM_BODY_LINE_MAX_BYTES + over, length = strlen(ends[before]);

				memcpy(text, ends[before], length);
				memset(text + length, 'x', line);
				length += line;
				memcpy(text + length, ends[behind], strlen(ends[behind]));
				length += strlen(ends[behind]);
				for (size_t i = 0; i < sizeof chunks / sizeof chunks[0]; i++)
					expect_fault(text, length, chunks[i]);
			}
	free(text);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_dkim_body_hand_on_cut_anywhere),
		cmocka_unit_test(test_dkim_body_hand_on_nul),
		cmocka_unit_test(test_dkim_body_hand_on_by_chance),
		cmocka_unit_test(test_dkim_body_hand_on_many_blank_lines_inside),
		cmocka_unit_test(test_dkim_body_hand_on_tells_the_sinks_failure),
		cmocka_unit_test(test_dkim_body_scan_bare_line_ends),
		cmocka_unit_test(test_dkim_body_scan_longest_line),
		cmocka_unit_test(test_dkim_body_scan_by_chance),
		cmocka_unit_test(test_dkim_body_scan_longest_line_anywhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
