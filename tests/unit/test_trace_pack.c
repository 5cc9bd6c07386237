/* SPDX-License-Identifier: BSD-2-Clause */
/* Texts of traces packed and unpacked: the same text, whatever was packed before; damaged ones; those of older versions. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/evp.h>
#include <zlib.h>

#include "record/store.h"
#include "record/trace_pack.h"
#include "record/trace_words.h"

/* A trace as the pipeline writes them, of names that are not in the words. */
static const char typical[] =
    "assay-trace 1\n"
    "message ref=k7m9-qxw2-rtbh time=1795978388 queue=4F2A00B12C stage=judged\n"
    "client address=198.51.100.77 name=smtp7.bulk.invalid helo=smtp7.bulk.invalid listener=mx2.host.test mta=mx2.host.test\n"
    "envelope from=<return-4711@bulk.invalid> domain=bulk.invalid rcpts=1 bytes=48213\n"
    "author status=ok address=billing@bank.test domains=bank.test\n"
    "decision action=reject finding=dmarc-reject-corroborated about=bank.test policy=customers mode=enforce\n"
    "result check=iprev result=pass domain=smtp7.bulk.invalid dnssec=insecure\n"
    "result check=spf result=pass scope=mfrom domain=bulk.invalid mechanism=ip4 dnssec=insecure reason=\"matched ip4:198.51.100.0/24\"\n"
    "result check=dmarc result=fail domain=bank.test policy=reject policy_domain=bank.test org_domain=bank.test disposition=reject "
    "dnssec=secure\n"
    "dns name=_dmarc.bank.test type=TXT for=author used=yes status=NOERROR security=secure ttl=900 why=\"_dmarc.bank.test TXT signed by "
    "key 12345 ECDSAP256SHA256 of zone bank.test\"\n"
    "rr data=\"_dmarc.bank.test. 900 IN TXT \\\"v=DMARC1; p=reject; rua=mailto:dmarc@bank.test\\\"\"\n"
    "end\n";

/* The text goes in and comes out. @return octets that it takes. */
static size_t check_round(struct trace_packer *packer, const char *text, size_t length)
{
	size_t bytes;
	const void *data = trace_pack(packer, text, length, &bytes);
	char *exact = malloc(bytes), *again;

	memcpy(exact, data, bytes);	/* so that a sanitizer sees a read behind it */
	again = trace_unpack(exact, bytes, (int64_t)length);
	assert_true(bytes <= length);
	assert_non_null(again);
	assert_memory_equal(again, text, length);
	assert_int_equal(again[length], '\0');
	free(again);
	free(exact);
	return bytes;
}

static void test_trace_pack_is_shorter(void **state)
{
	struct trace_packer *packer = trace_packer_new();

	(void)state;
	assert_true(check_round(packer, typical, strlen(typical)) * 2 < strlen(typical));
	trace_packer_free(&packer);
	assert_null(packer);
	trace_packer_free(&packer);
}

static void test_trace_pack_of_every_length(void **state)
{
	struct trace_packer *packer = trace_packer_new();
	char *text = malloc(STORE_TRACE_BYTES);
	uint32_t random = 1;

	(void)state;
	for (size_t length = 1; length < strlen(typical); length++)
		check_round(packer, typical, length);
	memset(text, 'x', STORE_TRACE_BYTES);
	assert_true(check_round(packer, text, STORE_TRACE_BYTES) < 1000);
	for (size_t i = 0; i < STORE_TRACE_BYTES; i++) {
		random = random * 1664525 + 1013904223;
		text[i] = (char)(random >> 24);
	}
	/* octets without any order stand as they are */
	for (size_t length = 1; length <= STORE_TRACE_BYTES; length = length < 20 ? length + 1 : length * 2)
		assert_int_equal(check_round(packer, text, length), length);
	free(text);
	trace_packer_free(&packer);
}

/* Nothing of one trace is in the next: each can be unpacked alone. */
static void test_trace_pack_remembers_nothing(void **state)
{
	struct trace_packer *used = trace_packer_new(), *fresh = trace_packer_new();
	size_t first, again, alone;

	(void)state;
	first = check_round(used, typical, strlen(typical));
	for (size_t i = 0; i < 100; i++)
		again = check_round(used, typical, strlen(typical));
	alone = check_round(fresh, typical, strlen(typical));
	assert_int_equal(first, again);
	assert_int_equal(first, alone);
	trace_packer_free(&used);
	trace_packer_free(&fresh);
}

static void test_trace_unpack_of_older_versions(void **state)
{
	unsigned char data[4000];
	uLongf bytes = sizeof(data);
	char *text;

	(void)state;
	assert_int_equal(compress2(data, &bytes, (const unsigned char *)typical, strlen(typical), 1), Z_OK);
	text = trace_unpack(data, bytes, (int64_t)strlen(typical));
	assert_non_null(text);
	assert_string_equal(text, typical);
	free(text);
	assert_null(trace_unpack(data, bytes - 1, (int64_t)strlen(typical)));
	assert_null(trace_unpack(data, bytes, (int64_t)strlen(typical) + 1));
	assert_null(trace_unpack(data, bytes, (int64_t)strlen(typical) - 1));
}

static void test_trace_unpack_of_what_is_damaged(void **state)
{
	struct trace_packer *packer = trace_packer_new();
	size_t length = strlen(typical), bytes;
	const void *packed = trace_pack(packer, typical, length, &bytes);
	unsigned char *data = malloc(bytes);

	(void)state;
	memcpy(data, packed, bytes);
	for (size_t cut = 0; cut < bytes; cut++)
		assert_null(trace_unpack(data, cut, (int64_t)length));
	assert_null(trace_unpack(data, bytes, (int64_t)length - 1));
	assert_null(trace_unpack(data, bytes, (int64_t)length + 1));
	assert_null(trace_unpack(data, bytes, STORE_TRACE_BYTES + 1));
	assert_null(trace_unpack(data, bytes, 0));
	assert_null(trace_unpack(data, bytes, -1));
	assert_null(trace_unpack(NULL, 0, (int64_t)length));
	data[0] = 2;	/* words of a version to come */
	assert_null(trace_unpack(data, bytes, (int64_t)length));
	free(data);
	trace_packer_free(&packer);
}

/* Whoever changes the words makes every trace in every database unreadable. */
static void test_trace_words_stay(void **state)
{
	static const char expected[] = "b770545ca800bb62639c59f3f31ee970dc038b4ca77cd699520e4974aac21dde";
	unsigned char digest[EVP_MAX_MD_SIZE];
	char text[2 * EVP_MAX_MD_SIZE + 1];
	unsigned length;

	(void)state;
	assert_int_equal(EVP_Digest(trace_words_1, trace_words_1_length, digest, &length, EVP_sha256(), NULL), 1);
	for (unsigned i = 0; i < length; i++)
		(void)snprintf(text + 2 * (size_t)i, 3, "%02x", digest[i]);
	assert_string_equal(text, expected);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_trace_pack_is_shorter),
		cmocka_unit_test(test_trace_pack_of_every_length),
		cmocka_unit_test(test_trace_pack_remembers_nothing),
		cmocka_unit_test(test_trace_unpack_of_older_versions),
		cmocka_unit_test(test_trace_unpack_of_what_is_damaged),
		cmocka_unit_test(test_trace_words_stay),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
