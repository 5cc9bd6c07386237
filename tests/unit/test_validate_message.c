/* SPDX-License-Identifier: BSD-2-Clause */
/* The validator's own reading of a message: records that are longer or shorter than their data are none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "arena_fixture.h"
#include "dnssec/internal.h"
#include "util/error.h"

/* Header, no question, one answer: "a.test." MX IN, TTL 300; its length and data follow. */
#define BEFORE_LENGTH "\0\0\x84\0\0\0\0\1\0\0\0\0" "\1a\4test\0" "\0\x0f\0\1\0\0\1\x2c"

static int parsed(const char *octets, size_t length, struct vmessage *message_r)
{
	/* of this size exactly, so that a sanitizer sees who reads behind it */
	const uint8_t *wire = arena_memdup(arena, octets, length);

	return dnssec_message_parse(arena, wire, length, message_r);
}

#define PARSED(octets, message) parsed(octets, sizeof(octets) - 1, message)

static void test_message_parse_takes_a_record_of_its_length(void **state)
{
	struct vmessage message;

	(void)state;
	assert_int_equal(PARSED(BEFORE_LENGTH "\0\6" "\0\x0a\2MX\0", &message), 0);
	assert_int_equal(message.answer_count, 1);
	assert_int_equal(message.answer[0].count, 1);
	/* in canonical form, which is that of small letters (RFC 4034 section 6.2) */
	assert_int_equal(message.answer[0].rrs[0].length, 6);
	assert_memory_equal(message.answer[0].rrs[0].rdata, "\0\x0a\2mx\0", 6);
}

static void test_message_parse_refuses_a_name_behind_its_record(void **state)
{
	struct vmessage message;

	(void)state;
	assert_int_equal(PARSED(BEFORE_LENGTH "\0\2" "\0\x0a\2mx\0", &message), -E_SYNTAX);
	assert_int_equal(PARSED(BEFORE_LENGTH "\0\3" "\0\x0a\2mx\0", &message), -E_SYNTAX);
	assert_int_equal(PARSED(BEFORE_LENGTH "\0\5" "\0\x0a\2mx\0", &message), -E_SYNTAX);
}

static void test_message_parse_refuses_a_record_that_lacks_fields(void **state)
{
	struct vmessage message;

	(void)state;
	assert_int_equal(PARSED(BEFORE_LENGTH "\0\2" "\0\x0a", &message), -E_SYNTAX);
	assert_int_equal(PARSED(BEFORE_LENGTH "\0\0", &message), -E_SYNTAX);
}

static void test_message_parse_refuses_octets_behind_the_fields(void **state)
{
	struct vmessage message;

	(void)state;
	assert_int_equal(PARSED(BEFORE_LENGTH "\0\7" "\0\x0a\2mx\0x", &message), -E_SYNTAX);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, arena_setup, arena_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_message_parse_takes_a_record_of_its_length),
		TEST(test_message_parse_refuses_a_name_behind_its_record),
		TEST(test_message_parse_refuses_a_record_that_lacks_fields),
		TEST(test_message_parse_refuses_octets_behind_the_fields),
	};

	return cmocka_run_group_tests_name("validate_message", tests, NULL, NULL);
}
