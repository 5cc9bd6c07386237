/* SPDX-License-Identifier: BSD-2-Clause */
/* util/clock: a time as text, also one that no calendar has. Expected texts: date -u -d @SECONDS. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "util/clock.h"

static void assert_text(enum clock_form form, int64_t secs, const char *expected)
{
	char text[32] = "";

	assert_string_equal(clock_text(text, sizeof(text), form, secs), expected);
}

static void test_clock_text_in_each_form(void **state)
{
	(void)state;
	assert_text(CLOCK_DAY, 951782400, "2000-02-29");
	assert_text(CLOCK_DAY, 951868799, "2000-02-29");
	assert_text(CLOCK_MINUTE, 951868799, "2000-02-29 23:59");
	assert_text(CLOCK_SECOND, 951868799, "2000-02-29 23:59:59");
	assert_text(CLOCK_SECOND_UTC, 951868799, "2000-02-29 23:59:59 UTC");
	assert_text(CLOCK_ISO_HOUR, 951868799, "2000-02-29T23");
	assert_text(CLOCK_ISO_MINUTE, 951868799, "2000-02-29T23:59Z");
	assert_text(CLOCK_ISO_SECOND, 951868799, "2000-02-29T23:59:59Z");
	assert_text(CLOCK_SECOND, 0, "1970-01-01 00:00:00");
}

/* A year that no int holds; there gmtime() gives nothing. */
static void test_clock_text_of_no_time(void **state)
{
	(void)state;
	assert_text(CLOCK_DAY, INT64_MAX, "?");
	assert_text(CLOCK_ISO_MINUTE, INT64_MIN, "?");
}

static void test_clock_text_without_room(void **state)
{
	char text[16];

	(void)state;
	assert_string_equal(clock_text(text, 10, CLOCK_DAY, 0), "?");
	assert_string_equal(clock_text(text, 11, CLOCK_DAY, 0), "1970-01-01");
	/* the last year that there is takes ten digits */
	assert_string_equal(clock_text(text, sizeof(text), CLOCK_DAY, 67767976233529199), "?");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_clock_text_in_each_form),
		cmocka_unit_test(test_clock_text_of_no_time),
		cmocka_unit_test(test_clock_text_without_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
