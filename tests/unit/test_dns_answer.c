/* SPDX-License-Identifier: BSD-2-Clause */
/* What is made of a message: an answer to the question, or none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "dns/answer.h"
#include "dns_message_fixture.h"

static const struct answer_limits limits = { .max_ttl_secs = 86400, .max_negative_ttl_secs = 900, .fail_ttl_secs = 5 };

static struct answer *built(struct message *message, uint16_t type, const char **why_r)
{
	struct dns_name name;
	struct answer *answer;

	assert_int_equal(dns_name_parse("a.test", &name), 0);
	answer = answer_build(&name, type, message->wire, message->length, &limits, why_r);
	free(message);
	return answer;
}

/* ---- answers ---- */

static void test_answer_build_takes_only_what_was_asked(void **state)
{
	struct message *message = message_begin(DNS_TYPE_TXT);
	struct answer *answer;
	const char *why;

	(void)state;
	put_answer(message, DNS_TYPE_TXT, "\3one", 4);
	put_answer(message, DNS_TYPE_TXT, "\3one", 4);	/* a duplicate */
	put_record(message, 1, "\1A\4TEST", 8, DNS_TYPE_TXT, 20, "\3two", 4);	/* the same name */
	put_record(message, 1, "\1b\4test", 8, DNS_TYPE_TXT, 1, "\5other", 6);
	put_answer(message, DNS_TYPE_A, "\xc0\0\2\1", 4);
	put_record(message, 2, "\xc0\x0c", 2, DNS_TYPE_TXT, 1, "\4auth", 5);
	answer = built(message, DNS_TYPE_TXT, &why);
	assert_non_null(answer);
	assert_int_equal(answer->head.status, DNS_STATUS_DATA);
	assert_int_equal(answer->head.rr_count, 2);
	assert_memory_equal(answer->head.rrs[0].rdata, "\3one", 4);
	assert_memory_equal(answer->head.rrs[1].rdata, "\3two", 4);
	assert_int_equal(answer->head.ttl_secs, 20);
	answer_free(&answer);
}

static void test_answer_build_drops_duplicates_only(void **state)
{
	struct message *message = message_begin(DNS_TYPE_TXT);
	struct answer *answer;
	const char *why;

	(void)state;
	for (int i = 0; i < 256; i++) {
		const uint8_t rdata[2] = { 1, (uint8_t)('a' + i % 3) };

		put_answer(message, DNS_TYPE_TXT, rdata, 2);
	}
	answer = built(message, DNS_TYPE_TXT, &why);
	assert_non_null(answer);
	assert_int_equal(answer->head.rr_count, 3);
	assert_memory_equal(answer->head.rrs[2].rdata, "\1c", 2);
	answer_free(&answer);
}

static void test_answer_build_ignores_other_classes(void **state)
{
	struct message *message = message_begin(DNS_TYPE_A);
	struct answer *answer;
	const char *why;

	(void)state;
	put_answer(message, DNS_TYPE_A, "\xc0\0\2\1", 4);
	message->wire[message->length - 11] = 3;	/* CHAOS */
	answer = built(message, DNS_TYPE_A, &why);
	assert_non_null(answer);
	assert_int_equal(answer->head.status, DNS_STATUS_NODATA);
	answer_free(&answer);
}

static void test_answer_build_uncompresses_rdata(void **state)
{
	struct message *message = message_begin(DNS_TYPE_MX);
	struct arena *arena = arena_new();
	struct answer *answer;
	const char *why;

	(void)state;
	put_answer(message, DNS_TYPE_MX, "\0\12\2MX\xc0\x0c", 7);
	answer = built(message, DNS_TYPE_MX, &why);
	assert_non_null(answer);
	assert_string_equal(dns_rr_name(&answer->head.rrs[0], arena), "mx.a.test");
	assert_int_equal(answer->head.rrs[0].rdata_length, 13);
	answer_free(&answer);
	arena_free(&arena);
}

static void test_answer_build_refuses_contradictions(void **state)
{
	struct message *message;
	const char *why;

	(void)state;
	message = message_begin(DNS_TYPE_A);	/* two targets for one name */
	put_answer(message, DNS_TYPE_CNAME, "\1b\4test", 8);
	put_answer(message, DNS_TYPE_CNAME, "\1c\4test", 8);
	assert_null(built(message, DNS_TYPE_A, &why));
	assert_string_equal(why, "several CNAME records at one name");
	message = message_begin(DNS_TYPE_A);	/* its own alias */
	put_answer(message, DNS_TYPE_CNAME, "\1A\4Test", 8);
	assert_null(built(message, DNS_TYPE_A, &why));
	assert_string_equal(why, "CNAME loop");
	message = message_begin(DNS_TYPE_A);
	put_answer(message, DNS_TYPE_A, "\xc0\0\2\1", 4);
	message->wire[3] |= 3;
	assert_null(built(message, DNS_TYPE_A, &why));
	assert_string_equal(why, "NXDOMAIN with the records asked for");
	message = message_begin(DNS_TYPE_A);	/* a DNAME alone says nothing about the name */
	put_record(message, 1, "\4test", 6, DNS_TYPE_DNAME, 300, "\7example", 9);
	assert_null(built(message, DNS_TYPE_A, &why));
	assert_string_equal(why, "DNAME without its CNAME");
}

static void test_answer_build_refuses_referrals(void **state)
{
	struct message *message = message_begin(DNS_TYPE_A);
	const char *why;

	(void)state;
	message->wire[2] &= (uint8_t)~4u;	/* not authoritative */
	put_record(message, 2, "\4test", 6, DNS_TYPE_NS, 300, "\2ns\4test", 9);
	assert_null(built(message, DNS_TYPE_A, &why));
	assert_true(strncmp(why, "a referral", 10) == 0);
}

/* BADVERS is 16: in the header it reads NOERROR, and an empty answer would pass for NODATA. */
static void test_answer_build_refuses_extended_rcodes(void **state)
{
	struct message *message = message_begin(DNS_TYPE_A);
	const char *why;

	(void)state;
	put_record(message, 3, "\0", 1, 41, 0x01000000, "", 0);
	assert_null(built(message, DNS_TYPE_A, &why));
	assert_string_equal(why, "an extended error code");
}

static void test_answer_build_negative_ttl(void **state)
{
	static const struct { uint32_t ttl, minimum, expected; const char *owner; size_t owner_length; } cases[] = {
		{ 300, 60, 60, "\4test", 6 }, { 30, 60, 30, "\4test", 6 }, { 90000, 80000, 900, "\0", 1 },
		{ 0x80000001u, 60, 0, "\4test", 6 },	/* RFC 2181 section 8: the sign bit means zero */
		{ 300, 60, 5, "\5other", 7 },		/* not of this zone: not to be believed */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct message *message = message_begin(DNS_TYPE_A);
		uint8_t soa[22] = { 0, 0, [5] = 1 };
		struct answer *answer;
		const char *why;

		soa[20] = (uint8_t)(cases[i].minimum >> 8);
		soa[21] = (uint8_t)cases[i].minimum;
		soa[19] = (uint8_t)(cases[i].minimum >> 16);
		put_record(message, 2, cases[i].owner, cases[i].owner_length, DNS_TYPE_SOA, cases[i].ttl, soa, 22);
		message->wire[3] |= 3;
		answer = built(message, DNS_TYPE_A, &why);
		assert_non_null(answer);
		assert_int_equal(answer->head.status, DNS_STATUS_NXDOMAIN);
		assert_int_equal(answer->head.ttl_secs, cases[i].expected);
		answer_free(&answer);
	}
}

static void test_answer_build_unfinished_chain(void **state)
{
	struct message *message = message_begin(DNS_TYPE_A);
	char text[DNS_NAME_TEXT_BYTES];
	struct answer *answer;
	const char *why;

	(void)state;
	put_answer(message, DNS_TYPE_CNAME, "\1b\xc0\x0e", 4);
	answer = built(message, DNS_TYPE_A, &why);
	assert_non_null(answer);
	assert_non_null(answer->target);
	dns_name_text(answer->target->bytes, text);
	assert_string_equal(text, "b.test");
	assert_string_equal(answer->head.canonical_name, "b.test");
	assert_int_equal(answer->link_count, 1);
	answer_free(&answer);
	/* with the SOA of the target's zone it is NODATA */
	message = message_begin(DNS_TYPE_A);
	put_answer(message, DNS_TYPE_CNAME, "\1b\xc0\x0e", 4);
	put_record(message, 2, "\xc0\x0e", 2, DNS_TYPE_SOA, 300, "\0\0\0\0\0\1\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\74", 22);
	answer = built(message, DNS_TYPE_A, &why);
	assert_non_null(answer);
	assert_null(answer->target);
	assert_int_equal(answer->head.status, DNS_STATUS_NODATA);
	assert_int_equal(answer->head.ttl_secs, 60);
	answer_free(&answer);
}

/* ---- records ---- */

static void test_dns_rr_accessors_refuse_other_forms(void **state)
{
	struct arena *arena = arena_new();
	struct dns_rr a = { .type = DNS_TYPE_A, .rdata_length = 5, .rdata = (const uint8_t *)"\1\2\3\4\5", .owner = "x" };
	struct dns_rr txt = { .type = DNS_TYPE_TXT, .rdata_length = 4, .rdata = (const uint8_t *)"\1a\7b", .owner = "x" };
	struct dns_rr ptr = { .type = DNS_TYPE_PTR, .rdata_length = 3, .rdata = (const uint8_t *)"\7ab", .owner = "x" };
	size_t length;

	(void)state;
	assert_int_equal(dns_rr_addr(&a).family, AF_UNSPEC);
	assert_null(dns_rr_name(&a, arena));
	assert_null(dns_rr_name(&ptr, arena));
	assert_int_equal(dns_rr_preference(&a), 0);
	assert_string_equal(dns_rr_text(&txt, arena, &length), "ab");
	assert_int_equal(length, 2);
	assert_string_equal(dns_rr_to_text(&a, arena), "x.\t0\tIN\tA\t\\# 5 0102030405");
	arena_free(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_answer_build_takes_only_what_was_asked),
		cmocka_unit_test(test_answer_build_drops_duplicates_only),
		cmocka_unit_test(test_answer_build_ignores_other_classes),
		cmocka_unit_test(test_answer_build_uncompresses_rdata),
		cmocka_unit_test(test_answer_build_refuses_contradictions),
		cmocka_unit_test(test_answer_build_refuses_referrals),
		cmocka_unit_test(test_answer_build_refuses_extended_rcodes),
		cmocka_unit_test(test_answer_build_negative_ttl),
		cmocka_unit_test(test_answer_build_unfinished_chain),
		cmocka_unit_test(test_dns_rr_accessors_refuse_other_forms),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
