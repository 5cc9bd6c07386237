/* SPDX-License-Identifier: BSD-2-Clause */
/* body_count(): lines, octets, and what RFC 5322 forbids, however the body is cut. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "message/body.h"

enum { TEXT_BYTES = 32 * 1024, ROUNDS = 20000 };

static char text[TEXT_BYTES];

/* Octet by octet: RFC 5322 section 2.1.1 (998 without CRLF) and 2.3 as they read. */
static void expect(size_t length, size_t chunk)
{
	struct facts facts = { 0 };
	size_t line = 0, lines = 0, under_way = 0;
	bool malformed = false;

	for (size_t at = 0; at < length; at += chunk)
		body_count(&facts, &under_way, text + at, length - at < chunk ? length - at : chunk);
	for (size_t at = 0; at < length; at++) {
		if (text[at] == '\n') {
			lines++;
			line = 0;
			continue;
		}
		line++;
		malformed = malformed || text[at] == '\0' || line > 998 + 1;	/* the CR before the LF */
	}
	assert_int_equal(facts.body_bytes, length);
	assert_int_equal(facts.body_lines, lines);
	assert_int_equal(facts.malformed, malformed);
	assert_int_equal(under_way, line);
}

static size_t line_put(size_t at, size_t length)
{
	memset(text + at, 'x', length);
	memcpy(text + at + length, "\r\n", 2);
	return at + length + 2;
}

static void test_body_count_longest_line_anywhere(void **state)
{
	static const size_t chunks[] = { 1, 63, 64, 65, 998, 999, 1000, 1001, TEXT_BYTES };

	(void)state;
	for (size_t before = 0; before < 130; before++)
		for (size_t line = 997; line <= 1000; line++)
			for (size_t i = 0; i < sizeof(chunks) / sizeof(chunks[0]); i++) {
				size_t length = line_put(before == 0 ? 0 : line_put(0, before - 1), line);

				expect(length, chunks[i]);
				expect(line_put(length, 3), chunks[i]);
				expect(length - 2, chunks[i]);
			}
}

static void test_body_count_by_chance(void **state)
{
	(void)state;
	srand(5322);
	for (int round = 0; round < ROUNDS; round++) {
		size_t length = 0, lines = (size_t)rand() % 25, most = rand() % 4 == 0 ? 1100 : 150;

		for (size_t i = 0; i < lines; i++)
			length = line_put(length, (size_t)rand() % most);
		if (length != 0 && rand() % 3 == 0)
			text[(size_t)rand() % length] = "\0\n\rx"[rand() % 4];
		expect(length, 1 + (size_t)rand() % (length + 1));
	}
}

static void test_body_count_nothing(void **state)
{
	(void)state;
	expect(0, 1);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_body_count_longest_line_anywhere),
		cmocka_unit_test(test_body_count_by_chance),
		cmocka_unit_test(test_body_count_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
