/* SPDX-License-Identifier: BSD-2-Clause */
/* Extended DNS errors (RFC 8914): read from messages, hostile ones too, and what the resolver makes of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "dns/ede.h"
#include "resolver_fixture.h"

enum { RCODE_SERVFAIL = 2, RCODE_REFUSED = 5 };

/* A message of one question for x.test A, with these EDNS options. */
struct message { uint8_t wire[600]; size_t length; };

static void put(struct message *message, const void *bytes, size_t length)
{
	memcpy(message->wire + message->length, bytes, length);
	message->length += length;
}

static struct message message_make(uint8_t rcode, const char *options, size_t options_bytes)
{
	const uint8_t header[] = { 0, 0, 0x81, rcode, 0, 1, 0, 0, 0, 0, 0, 1 };
	const uint8_t opt[] = { 0, 0, 41, 4, 208, 0, 0, 0, 0, (uint8_t)(options_bytes >> 8), (uint8_t)options_bytes };
	struct message message = { .length = 0 };

	put(&message, header, sizeof(header));
	put(&message, "\1x\4test\0\0\1\0\1", 12);
	put(&message, opt, sizeof(opt));
	put(&message, options, options_bytes);
	return message;
}

#define MESSAGE(rcode, options) message_make(rcode, options, sizeof(options) - 1)

static struct ede read_options(struct message message)
{
	struct ede ede;

	ede_read(message.wire, message.length, &ede);
	return ede;
}

static void test_ede_read(void **state)
{
	struct ede ede = read_options(MESSAGE(RCODE_SERVFAIL, "\0\017\0\2\0\7"));

	(void)state;
	assert_true(ede.present && ede.code == 7 && ede_is_bogus(&ede));
	assert_string_equal(ede.words, "Signature Expired (7)");
	ede = read_options(MESSAGE(RCODE_SERVFAIL, "\0\012\0\10cookie..\0\017\0\6\0\11text"));
	assert_string_equal(ede.words, "DNSKEY Missing (9): text");
	ede = read_options(MESSAGE(RCODE_SERVFAIL, "\0\017\0\2\0\5"));
	assert_true(ede.present && !ede_is_bogus(&ede));
	ede = read_options(MESSAGE(RCODE_SERVFAIL, "\0\017\0\2\0\15"));
	assert_true(ede.present && !ede_is_bogus(&ede));
	ede = read_options(MESSAGE(RCODE_SERVFAIL, "\0\017\0\2\xff\xff"));
	assert_string_equal(ede.words, "extended error (65535)");
}

/* One of DNSSEC goes before others, wherever it stands. */
static void test_ede_read_several(void **state)
{
	(void)state;
	assert_int_equal(read_options(MESSAGE(2, "\0\017\0\2\0\26\0\017\0\2\0\12")).code, 10);
	assert_int_equal(read_options(MESSAGE(2, "\0\017\0\2\0\12\0\017\0\2\0\26")).code, 10);
	assert_int_equal(read_options(MESSAGE(2, "\0\017\0\2\0\26\0\017\0\2\0\27")).code, 22);
}

static void test_ede_read_hostile(void **state)
{
	struct message message = MESSAGE(2, "\0\017\0\2\0\7");
	struct ede ede;
	char text[256] = "\0\017\0\176\0\7";

	(void)state;
	assert_false(read_options(MESSAGE(2, "\0\017\0\1\7")).present);	/* no room for a code */
	assert_false(read_options(MESSAGE(2, "\0\017\0\3\0\7")).present);	/* longer than the record */
	assert_false(read_options(MESSAGE(2, "")).present);
	for (size_t length = 0; length < message.length; length++) {
		ede_read(message.wire, length, &ede);
		assert_false(ede.present);
	}
	memset(text + 6, '\n', 124);
	ede = read_options(message_make(2, text, 130));
	assert_null(strchr(ede.words, '\n'));
	assert_int_equal(strlen(ede.words), strlen("Signature Expired (7): ") + 80);
	ede = read_options(MESSAGE(2, "\0\017\0\12\0\7\r\nX: \xc3\xa4\0"));
	assert_string_equal(ede.words, "Signature Expired (7): ??X: ??");
}

/* ---- in the resolver ---- */

static struct message served;

static void serve(void *context, const char *name, uint16_t type, bool tcp, struct fake_dns_reply *reply)
{
	(void)context, (void)name, (void)type, (void)tcp;
	reply->raw = served.wire;
	reply->raw_length = served.length;
}

static const struct dns_answer *ask(void **state, enum dnssec_mode mode, struct message message)
{
	static const char *const anchors[] = { "/usr/share/dns/root.key", NULL };
	struct dns_config config = { .dnssec = mode, .trust_anchor_files = anchors, .rounds = 1, .timeout_ms = 1000 };

	/* the server of the question before reads it from a thread of its own */
	fixture_teardown(state);
	fixture_setup(state);
	served = message;
	return dns_wait(fixture_scope(fixture_start_callback(state, serve, NULL, config), 5000, 10), "x.test", DNS_TYPE_A);
}

static void test_servfail_by_dnssec_is_bogus(void **state)
{
	const struct dns_answer *answer;

	for (char code = 0; code <= 30; code++) {
		const char options[] = { 0, 15, 0, 2, 0, code };

		answer = ask(state, DNSSEC_VALIDATE, message_make(RCODE_SERVFAIL, options, sizeof(options)));
		assert_int_equal(answer->status, DNS_STATUS_FAIL);
		assert_int_equal(answer->security, code >= 6 && code <= 12 ? DNS_BOGUS : DNS_INDETERMINATE);
	}
	answer = ask(state, DNSSEC_VALIDATE, MESSAGE(RCODE_SERVFAIL, "\0\017\0\2\0\7"));
	assert_non_null(strstr(answer->why, "SERVFAIL, Signature Expired (7) from 127.0.0.1"));
	/* other refusals are no failed validation */
	answer = ask(state, DNSSEC_VALIDATE, MESSAGE(RCODE_REFUSED, "\0\017\0\2\0\7"));
	assert_int_equal(answer->security, DNS_INDETERMINATE);
	answer = ask(state, DNSSEC_TRUST_AD, MESSAGE(RCODE_SERVFAIL, "\0\017\0\2\0\7"));
	assert_int_equal(answer->security, DNS_BOGUS);
	answer = ask(state, DNSSEC_OFF, MESSAGE(RCODE_SERVFAIL, "\0\017\0\2\0\7"));
	assert_int_equal(answer->security, DNS_INDETERMINATE);
}

/* Said with an answer it changes nothing, and is told. */
static void test_remark_of_a_usable_answer(void **state)
{
	const struct dns_answer *answer = ask(state, DNSSEC_OFF, MESSAGE(0, "\0\017\0\10\0\17a list"));

	assert_int_equal(answer->status, DNS_STATUS_NODATA);
	assert_string_equal(answer->remark, "Blocked (15): a list");
	answer = ask(state, DNSSEC_OFF, MESSAGE(0, ""));
	assert_null(answer->remark);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ede_read), cmocka_unit_test(test_ede_read_several), cmocka_unit_test(test_ede_read_hostile),
		RESOLVER_TEST(test_servfail_by_dnssec_is_bogus), RESOLVER_TEST(test_remark_of_a_usable_answer),
	};

	return cmocka_run_group_tests_name("dns_ede", tests, NULL, NULL);
}
