/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From bytes to answers: names, the scan in front of ldns (answers built from messages: test_dns_answer.c).
 *
 * What ldns 1.8.3 does by itself, and what is refused here, just over the limit, so that it never comes to that:
 *
 *   it does                                                  refused
 *   each character string of a TXT costs it the record's     more than 64 strings in a record, messages over 16 KB
 *   whole length in memory
 *   fields of a record may run past its rdata, and may be    rdata that is not exactly as long as its type needs
 *   missing at its end: it reads on, or a later look at
 *   the field ends the process
 *   an NSEC3 hash of no length, or of twice SHA-1's, ends    hashes of fewer than 16 octets or more than 32
 *   the process when records are compared
 *   it follows tens of thousands of pointers in a name       more than ten
 *   a second TSIG record is leaked                           the first one
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "dns/answer.h"
#include "dns/scan.h"
#include "dns_message_fixture.h"
#include "util/siphash.h"

static const char *scanned(struct message *message)
{
	const char *why;
	uint8_t *exact = malloc(message->length);	/* so that ASAN sees a read past the end */

	assert_non_null(exact);
	memcpy(exact, message->wire, message->length);
	why = scan_message(exact, message->length);
	free(exact);
	free(message);
	return why;
}

/* ---- names ---- */

static void test_dns_name_valid_limits(void **state)
{
	char name[600];

	(void)state;
	assert_true(dns_name_valid("example.com"));
	assert_true(dns_name_valid("example.com."));
	assert_true(dns_name_valid("."));
	assert_true(dns_name_valid("_dmarc.example.com"));
	assert_true(dns_name_valid("*.example.com"));
	assert_false(dns_name_valid(""));
	assert_false(dns_name_valid(".."));
	assert_false(dns_name_valid("example..com"));
	assert_false(dns_name_valid(".com"));
	assert_false(dns_name_valid("a\\"));
	assert_false(dns_name_valid("a\\25"));
	assert_false(dns_name_valid("a\\999"));
	memset(name, 'l', 63);
	strcpy(name + 63, ".x");
	assert_true(dns_name_valid(name));
	strcpy(name + 63, "l.x");
	assert_false(dns_name_valid(name));
	/* three labels of 63 and one of 61: 4 * 64 - 2 + 1 = 255 octets */
	for (int i = 0; i < 4; i++) {
		memset(name + 64 * i, 'l', 63);
		name[64 * i + 63] = '.';
	}
	name[64 * 3 + 61] = '\0';
	assert_true(dns_name_valid(name));
	strcpy(name + 64 * 3 + 61, "l");
	assert_false(dns_name_valid(name));
}

static void test_dns_name_parse_and_text_are_inverse(void **state)
{
	static const struct { const char *text, *canonical; const char *wire; size_t length; } cases[] = {
		{ "Example.COM.", "example.com", "\7example\3com", 13 },
		{ "a\\.b.c", "a\\.b.c", "\3a.b\1c", 7 },
		{ "a\\\\b", "a\\\\b", "\3a\\b", 5 },
		{ "\\065\\000\\255", "a\\000\\255", "\3a\0\xff", 5 },
		{ "a b", "a\\032b", "\3a b", 5 },
		{ ".", ".", "", 1 },
	};
	char text[DNS_NAME_TEXT_BYTES];
	struct dns_name name;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(dns_name_parse(cases[i].text, &name), 0);
		assert_int_equal(name.length, cases[i].length);
		assert_memory_equal(name.bytes, cases[i].wire, cases[i].length);
		assert_int_equal(dns_name_text(name.bytes, text), strlen(cases[i].canonical));
		assert_string_equal(text, cases[i].canonical);
	}
}

static void test_dns_name_parse_every_octet(void **state)
{
	struct dns_name name;

	(void)state;
	for (int octet = 1; octet <= 255; octet++) {
		const char text[] = { 'x', (char)octet, 'y', '\0' };
		int lower = octet >= 'A' && octet <= 'Z' ? octet + 32 : octet;
		const uint8_t wire[] = { 3, 'x', (uint8_t)lower, 'y', 0 };

		assert_int_equal(dns_name_parse(text, &name), 0);
		if (octet == '.' || octet == '\\') {
			assert_memory_equal(name.bytes, octet == '.' ? "\1x\1y" : "\2xy", (size_t)(octet == '.' ? 5 : 4));
			continue;
		}
		assert_int_equal(name.length, 5);
		assert_memory_equal(name.bytes, wire, 5);
	}
}

/* Plain and escaped octets count alike against the bounds of a label and of a name. */
static void test_dns_name_parse_bounds_of_escaped_octets(void **state)
{
	char text[4 * 64 * 4 + 1];
	struct dns_name name;

	(void)state;
	for (size_t octets = 62; octets <= 64; octets++) {
		for (size_t escaped = 0; escaped <= octets; escaped++) {	/* the one that is escaped; the last time around none */
			text[0] = '\0';
			for (size_t i = 0; i < octets; i++)
				strcat(text, i == escaped ? "\\065" : "a");
			assert_int_equal(dns_name_parse(text, &name) == 0, octets <= 63);
		}
	}
	for (size_t octets = 60; octets <= 63; octets++) {	/* three labels of 63 take 192, the last one's length and the root 2 */
		text[0] = '\0';
		for (size_t i = 0; i < 3 * 63 + octets; i++)
			strcat(strcat(text, i != 0 && i % 63 == 0 && i <= 3 * 63 ? "." : ""), i % 2 == 0 ? "\\200" : "a");
		assert_int_equal(dns_name_parse(text, &name) == 0, 192 + 2 + octets <= 255);
	}
}

static void test_dns_name_is_within_by_labels(void **state)
{
	struct dns_name name, ancestor;

	(void)state;
	dns_name_parse("mail.example.com", &name);
	dns_name_parse("example.com", &ancestor);
	assert_true(dns_name_is_within(&name, &ancestor));
	assert_false(dns_name_is_within(&ancestor, &name));
	dns_name_parse("ple.com", &ancestor);
	assert_false(dns_name_is_within(&name, &ancestor));
	dns_name_parse(".", &ancestor);
	assert_true(dns_name_is_within(&name, &ancestor));
	dns_name_chop(&name);
	dns_name_parse("example.com", &ancestor);
	assert_true(dns_name_equal(&name, &ancestor));
}

/* Reference value of SipHash-2-4: key 00..0f, input 00..0e (the paper's appendix A). */
static void test_siphash_reference_value(void **state)
{
	uint8_t input[15];
	const uint64_t key[2] = { 0x0706050403020100u, 0x0f0e0d0c0b0a0908u };

	(void)state;
	for (uint8_t i = 0; i < 15; i++)
		input[i] = i;
	assert_true(siphash(input, 15, key) == 0xa129ca6149be45e5u);
}

/* ---- scan ---- */

static void test_scan_message_accepts_what_is_right(void **state)
{
	struct message *message = message_begin(DNS_TYPE_A);

	(void)state;
	put_answer(message, DNS_TYPE_A, "\xc0\0\2\1", 4);
	put_answer(message, DNS_TYPE_MX, "\0\12\xc0\x0c", 4);
	put_answer(message, DNS_TYPE_TXT, "\3abc\0\1d", 7);
	put_answer(message, DNS_TYPE_TXT, "\0", 1);
	put_answer(message, DNS_TYPE_NSEC, "\0\0\1\x40", 4);
	put_answer(message, DNS_TYPE_NSEC3, "\1\0\0\1\0\24""01234567890123456789", 26);	/* an empty bitmap: RFC 5155 7.1 */
	put_answer(message, 65280, "anything", 8);
	put_answer(message, 65280, "", 0);
	put_record(message, 3, "\0", 1, 41, 0, "\0\3\0\1x", 5);	/* OPT with an option; empty below */
	assert_null(scanned(message));
	message = message_begin(DNS_TYPE_A);
	put_record(message, 3, "\0", 1, 41, 0, "", 0);
	assert_null(scanned(message));
}

static void test_scan_message_checks_rdata_of_each_type(void **state)
{
	static const struct { uint16_t type; const char *rdata; size_t length; } bad[] = {
		{ DNS_TYPE_A, "\xc0\0\2\1\1\1\1\1", 8 },	/* records in the rest of it */
		{ DNS_TYPE_A, "\xc0\0\2", 3 }, { DNS_TYPE_A, "", 0 },
		{ DNS_TYPE_AAAA, "\x20\1\xd\xb8", 4 }, { DNS_TYPE_AAAA, "12345678901234567", 17 },
		{ DNS_TYPE_MX, "\0", 1 }, { DNS_TYPE_MX, "\0\12", 2 }, { DNS_TYPE_MX, "\0\12\0x", 4 },
		{ DNS_TYPE_CNAME, "", 0 }, { DNS_TYPE_CNAME, "\5abc", 4 }, { DNS_TYPE_CNAME, "\0\0", 2 },
		{ DNS_TYPE_CNAME, "\x41""a\0", 3 },	/* label type 01 */
		{ DNS_TYPE_TXT, "\5abc", 4 }, { DNS_TYPE_TXT, "", 0 },
		{ DNS_TYPE_SOA, "\0\0\0\0\0\1", 6 },
		{ DNS_TYPE_DS, "\0\1\x8\2", 4 }, { DNS_TYPE_DNSKEY, "\1\1\3\x8", 4 }, { DNS_TYPE_DNSKEY, "\1\1", 2 },
		{ DNS_TYPE_RRSIG, "\0\1\x8\2\0\0\1\x2c\0\0\0\0\0\0\0\0\0\0\0", 19 },	/* no signature */
		{ DNS_TYPE_NSEC, "\0\0\0", 3 }, { DNS_TYPE_NSEC, "\0\0\x21\1", 4 }, { DNS_TYPE_NSEC, "\0\1\1\1\0\1\1", 7 },
		{ DNS_TYPE_NSEC3, "\1\0\0\1\0\17""012345678901234", 21 },	/* 15 octets of hash */
		{ DNS_TYPE_NSEC3, "\1\0\0\1\0\41""012345678901234567890123456789012", 39 },	/* 33 */
		{ DNS_TYPE_NSEC3, "\1\0\0\1\7ab", 7 },
		{ 55, "\1\1\0\1ab\5", 7 }, { 55, "\2\1\0\1ab", 6 },	/* HIP: names behind its key, a HIT too long */
		{ 250, "\0", 1 }, { 255, "", 0 }, { 252, "", 0 }, { 0, "", 0 },
		{ 41, "", 0 },		/* OPT in the answer section */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct message *message = message_begin(DNS_TYPE_A);
		const char *why;

		put_answer(message, bad[i].type, bad[i].rdata, bad[i].length);
		why = scanned(message);
		if (why == NULL)
			fail_msg("type %u, case %zu passes", bad[i].type, i);
	}
}

/* Asserted by itself: an NSEC without its bitmap is what ldns takes, and cannot bear later. */
static void test_scan_fields_minimum(void **state)
{
	(void)state;
	assert_int_equal(scan_fields_minimum(DNS_TYPE_NSEC), 2);
	assert_int_equal(scan_fields_minimum(DNS_TYPE_NSEC3), 5);
	assert_int_equal(scan_fields_minimum(41), 0);
	assert_int_equal(scan_fields_minimum(DNS_TYPE_MX), 2);
}

static void test_scan_message_checks_counts_and_ends(void **state)
{
	struct message *message = message_begin(DNS_TYPE_A);

	(void)state;
	for (int i = 0; i < 256; i++)
		put_answer(message, DNS_TYPE_A, "\xc0\0\2\1", 4);
	assert_null(scanned(message));
	message = message_begin(DNS_TYPE_A);
	for (int i = 0; i < 257; i++)
		put_answer(message, DNS_TYPE_A, "\xc0\0\2\1", 4);
	assert_string_equal(scanned(message), "too many records in a section");
	message = message_begin(DNS_TYPE_A);
	put_octets(message, "x", 1);
	assert_string_equal(scanned(message), "bytes behind the last record");
	message = message_begin(DNS_TYPE_A);
	message->wire[7] = 1;
	assert_non_null(scanned(message));
	message = message_begin(DNS_TYPE_A);
	message->wire[5] = 0;
	assert_string_equal(scanned(message), "not exactly one question");
	message = message_begin(DNS_TYPE_A);
	message->wire[5] = 2;
	assert_string_equal(scanned(message), "not exactly one question");
	message = message_begin(DNS_TYPE_A);
	put_record(message, 3, "\0", 1, 41, 0, "", 0);
	put_record(message, 3, "\0", 1, 41, 0, "", 0);
	assert_string_equal(scanned(message), "OPT record out of place");
	for (size_t length = 0; length < 24; length++) {
		message = message_begin(DNS_TYPE_A);
		message->length = length;
		assert_non_null(scanned(message));
	}
}

static void test_scan_message_walks_names(void **state)
{
	struct message *message = message_begin(DNS_TYPE_A);
	uint8_t chain[64];
	unsigned at;

	(void)state;
	put_record(message, 1, "\xc0\x17", 2, DNS_TYPE_A, 0, "\xc0\0\2\1", 4);	/* forwards: at itself less one */
	assert_non_null(scanned(message));
	message = message_begin(DNS_TYPE_A);
	put_record(message, 1, "\xc0\x18", 2, DNS_TYPE_A, 0, "\xc0\0\2\1", 4);	/* itself */
	assert_non_null(scanned(message));
	message = message_begin(DNS_TYPE_A);
	put_record(message, 1, "\xc0\x02", 2, DNS_TYPE_A, 0, "\xc0\0\2\1", 4);	/* into the header */
	assert_non_null(scanned(message));
	for (unsigned hops = 10; hops <= 11; hops++) {	/* P3: pointers to pointers, in rdata of no known type */
		message = message_begin(DNS_TYPE_A);
		at = (unsigned)message->length + 12;
		for (unsigned i = 0; i < hops - 1; i++) {
			chain[2 * i] = 0xc0;
			chain[2 * i + 1] = (uint8_t)(i == 0 ? 12 : at + 2 * (i - 1));
		}
		put_answer(message, 65280, chain, (size_t)2 * (hops - 1));
		chain[0] = 0xc0;
		chain[1] = (uint8_t)(at + 2 * (hops - 2));
		put_record(message, 1, chain, 2, DNS_TYPE_A, 0, "\xc0\0\2\1", 4);
		if (hops == 10)
			assert_null(scanned(message));
		else
			assert_string_equal(scanned(message), "too many compression pointers in a name");
	}
}

static void test_scan_name_refuses_more_than_255_octets(void **state)
{
	uint8_t wire[400];
	size_t end;

	(void)state;
	memset(wire, 0, sizeof(wire));
	for (size_t i = 0; i < 127; i++) {
		wire[2 * i] = 1;
		wire[2 * i + 1] = 'a';
	}
	assert_null(scan_name(wire, sizeof(wire), 0, &end));	/* 254 + 1 */
	assert_int_equal(end, 255);
	wire[252] = 2;
	wire[254] = 'a';
	assert_string_equal(scan_name(wire, sizeof(wire), 0, &end), "name of more than 255 octets");
}

static void test_scan_message_refuses_many_strings(void **state)
{
	static const uint8_t empty[65];
	struct message *message = message_begin(DNS_TYPE_TXT);

	(void)state;
	put_answer(message, DNS_TYPE_TXT, empty, 64);
	assert_null(scanned(message));
	message = message_begin(DNS_TYPE_TXT);
	put_answer(message, DNS_TYPE_TXT, empty, 65);
	assert_string_equal(scanned(message), "too many character strings in a record");
}

static void test_scan_message_refuses_more_than_16_kb(void **state)
{
	uint8_t *rdata = calloc(1, 16384);
	struct message *message = message_begin(DNS_TYPE_TXT);
	size_t rest = 16384 - message->length - 12;

	(void)state;
	assert_non_null(rdata);
	put_answer(message, 65280, rdata, rest);
	assert_int_equal(message->length, 16384);
	assert_null(scanned(message));
	message = message_begin(DNS_TYPE_TXT);
	put_answer(message, 65280, rdata, rest + 1);
	assert_string_equal(scanned(message), "longer than 16 KB");
	free(rdata);
}

static void test_scan_message_refuses_tsig(void **state)
{
	static const uint8_t rdata[] = "\x8hmac-md5\0\0\0\0\0\0\0\1\x2c\0\0\0\0\0\0\0\0";
	struct message *message = message_begin(DNS_TYPE_A);

	(void)state;
	put_record(message, 3, "\0", 1, 250, 0, rdata, sizeof(rdata) - 1);
	assert_string_equal(scanned(message), "TSIG record");
}

static void test_dns_type_names(void **state)
{
	char text[16];

	(void)state;
	assert_int_equal(dns_type_from_name("TXT"), 16);
	assert_int_equal(dns_type_from_name("txt"), 16);
	assert_int_equal(dns_type_from_name("TYPE65"), 65);
	assert_int_equal(dns_type_from_name("TYPE65536"), 0);
	assert_int_equal(dns_type_from_name("TYPE"), 0);
	assert_int_equal(dns_type_from_name("NOSUCH"), 0);
	assert_int_equal(dns_type_from_name(""), 0);
	assert_string_equal(dns_type_name(16, text), "TXT");
	assert_string_equal(dns_type_name(48, text), "DNSKEY");
	assert_string_equal(dns_type_name(65280, text), "TYPE65280");
	assert_string_equal(dns_type_name(0, text), "TYPE0");
	assert_string_equal(dns_status_name(DNS_STATUS_FAIL), "SERVFAIL");
	assert_string_equal(dns_security_name(DNS_BOGUS), "bogus");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_dns_name_valid_limits),
		cmocka_unit_test(test_dns_name_parse_and_text_are_inverse),
		cmocka_unit_test(test_dns_name_parse_every_octet),
		cmocka_unit_test(test_dns_name_parse_bounds_of_escaped_octets),
		cmocka_unit_test(test_dns_name_is_within_by_labels),
		cmocka_unit_test(test_siphash_reference_value),
		cmocka_unit_test(test_scan_message_accepts_what_is_right),
		cmocka_unit_test(test_scan_message_checks_rdata_of_each_type),
		cmocka_unit_test(test_scan_fields_minimum),
		cmocka_unit_test(test_scan_message_checks_counts_and_ends),
		cmocka_unit_test(test_scan_message_walks_names),
		cmocka_unit_test(test_scan_name_refuses_more_than_255_octets),
		cmocka_unit_test(test_scan_message_refuses_many_strings),
		cmocka_unit_test(test_scan_message_refuses_more_than_16_kb),
		cmocka_unit_test(test_scan_message_refuses_tsig),
		cmocka_unit_test(test_dns_type_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
