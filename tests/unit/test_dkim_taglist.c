/* SPDX-License-Identifier: BSD-2-Clause */
/* Tag lists (RFC 6376 section 3.2) and signature fields (sections 3.5 and 6.1.1). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include <openssl/evp.h>
#include <stdlib.h>

#include "check/signature/signature.h"
#include "check/signature/taglist.h"

static int parse(const char *text, struct dkim_taglist *list)
{
	const char *why;

	return dkim_taglist_parse(text, strlen(text), list, &why);
}

static void test_dkim_taglist_parse_plain(void **state)
{
	struct dkim_taglist list;

	(void)state;
	assert_int_equal(parse(" v=1; a = rsa-sha256 ;\n\th=from :\n to;z=", &list), 0);
	assert_int_equal(list.count, 4);
	assert_true(dkim_tag_is(dkim_taglist_get(&list, "a"), "RSA-sha256"));
	assert_true(dkim_taglist_get(&list, "a")->spaced);
	assert_false(dkim_taglist_get(&list, "v")->spaced);
	assert_int_equal(dkim_taglist_get(&list, "z")->value_length, 0);
	assert_null(dkim_taglist_get(&list, "V"));
	assert_int_equal(parse("v=1;", &list), 0);
	assert_int_equal(parse("v=1; \r\n ", &list), 0);
	assert_int_equal(parse("b==;c=a=b", &list), 0);
	assert_int_equal(dkim_taglist_get(&list, "c")->value_length, 3);
}

static void test_dkim_taglist_parse_malformed(void **state)
{
	static const char *const bad[] = { "", " ", ";", "v", "v;", "=1", "v=1;;a=b", "v=1; ;a=b", "1v=1", "v 1=1", "v=1; v=2",
		"v=\x01", "v=a\x7f", "v-w=1", "\xc3\xa4=1", "v=1;=", "v=1; a" };
	struct dkim_taglist list;

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		assert_int_not_equal(parse(bad[i], &list), 0);
}

static void test_dkim_taglist_parse_too_many(void **state)
{
	char text[DKIM_TAGS_MAX * 8 + 16] = "";
	struct dkim_taglist list;

	(void)state;
	for (int i = 0; i < DKIM_TAGS_MAX; i++)
		sprintf(text + strlen(text), "t%d=;", i);
	assert_int_equal(parse(text, &list), 0);
	strcat(text, "v=");
	assert_int_not_equal(parse(text, &list), 0);
}

static void test_dkim_tag_number_limits(void **state)
{
	static const struct { const char *text; int good; uint64_t number; } cases[] = {
		{ "0", 1, 0 }, { "12345678901", 1, UINT64_C(12345678901) }, { "00000000000000000000000000007", 1, 7 },
		{ "99999999999999999999999999999999999999", 1, DKIM_NUMBER_CEILING }, { "", 0, 0 }, { "-1", 0, 0 }, { "+1", 0, 0 },
		{ "1 2", 0, 0 }, { "0x1", 0, 0 },
		{ "11111111111111111111111111111111111111111111111111111111111111111111111111111", 0, 0 } /* 77 digits */
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct dkim_tag tag = { .value = cases[i].text, .value_length = strlen(cases[i].text) };
		uint64_t number = 1;

		assert_int_equal(dkim_tag_number(&tag, &number) == 0, cases[i].good);
		if (cases[i].good)
			assert_true(number == cases[i].number);
	}
}

static void test_dkim_tag_base64_rfc4648_vectors(void **state)
{
	/* RFC 4648 section 10, and what may not be decoded; padding may be missing */
	static const struct { const char *text, *bytes; } cases[] = {
		{ "Zg==", "f" }, { "Zm8=", "fo" }, { "Zm9v", "foo" }, { "Zm9vYg==", "foob" }, { "Zm9vYmE=", "fooba" },
		{ "Zm9vYmFy", "foobar" }, { "Zm9v\n\tYm Fy", "foobar" }, { "Zm9vYg", "foob" }, { "", NULL }, { "Z", NULL },
		{ "Zm9vY", NULL }, { "Zm9v=", NULL }, { "Zg=", NULL }, { "Zg===", NULL }, { "Z=g=", NULL }, { "Zm9v-_", NULL },
		{ "====", NULL },
	};
	struct arena *arena = arena_new();

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct dkim_tag tag = { .value = cases[i].text, .value_length = strlen(cases[i].text) };
		size_t length = 0;
		uint8_t *bytes = dkim_tag_base64(&tag, arena, &length);

		if (cases[i].bytes == NULL) {
			assert_null(bytes);
			continue;
		}
		assert_non_null(bytes);
		assert_int_equal(length, strlen(cases[i].bytes));
		assert_memory_equal(bytes, cases[i].bytes, length);
	}
	arena_free(&arena);
}

/* What OpenSSL has encoded, with folds at any place; then with one octet that is no digit. */
static void test_dkim_tag_base64_against_openssl(void **state)
{
	enum { DATA_BYTES = 100, ROUNDS = 20000 };
	static const char spaces[] = " \t\r\n", others[] = "-_.,:;@[`{\x01\x7f\x80\xc1\xff";
	uint8_t data[DATA_BYTES], encoded[2 * DATA_BYTES];
	char text[4 * DATA_BYTES];
	struct arena *arena = arena_new();

	(void)state;
	srand(4648);
	for (int round = 0; round < ROUNDS; round++) {
		size_t bytes = 1 + (size_t)rand() % DATA_BYTES, length = 0, decoded_bytes = 0, count;
		unsigned often = 1 + (unsigned)rand() % 90;
		struct dkim_tag tag = { .value = text };
		uint8_t *decoded;

		for (size_t i = 0; i < bytes; i++)
			data[i] = (uint8_t)rand();
		count = (size_t)EVP_EncodeBlock(encoded, data, (int)bytes);
		for (size_t i = 0; i < count; i++) {
			text[length++] = (char)encoded[i];
			if ((unsigned)rand() % often == 0)
				text[length++] = spaces[rand() % 4];
		}
		tag.value_length = length;
		decoded = dkim_tag_base64(&tag, arena, &decoded_bytes);
		assert_non_null(decoded);
		assert_int_equal(decoded_bytes, bytes);
		assert_memory_equal(decoded, data, bytes);
		text[(size_t)rand() % length] = others[(size_t)rand() % (sizeof others - 1)];
		assert_null(dkim_tag_base64(&tag, arena, &decoded_bytes));
		arena_reset(arena);
	}
	arena_free(&arena);
}

#define HASHES "bh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=; b=AAECAwQFBgcICQ=="
#define GOOD "v=1; a=rsa-sha256; d=Example.ORG; s=Sel; h=From : to; " HASHES

static struct dkim_signature read_signature(struct arena *arena, const char *text)
{
	struct dkim_signature signature;

	dkim_signature_parse(arena, text, strlen(text), &signature);
	return signature;
}

static void test_dkim_signature_parse_plain(void **state)
{
	struct arena *arena = arena_new();
	struct dkim_signature signature = read_signature(arena, " " GOOD);

	(void)state;
	assert_null(signature.fault);
	assert_string_equal(signature.domain, "example.org");
	assert_string_equal(signature.selector, "sel");
	assert_string_equal(signature.identity, "@example.org");
	assert_int_equal(signature.algorithm, DKIM_ALGORITHM_RSA_SHA256);
	assert_false(signature.header_relaxed || signature.body_relaxed || signature.has_length || signature.library_unfit);
	assert_int_equal(signature.name_count, 2);
	assert_int_equal(signature.b_length, 10);
	assert_string_equal(signature.b_text, "AAECAwQFBgcICQ==");
	arena_free(&arena);
}

static void test_dkim_signature_parse_faults(void **state)
{
	static const struct { const char *text, *fault; } cases[] = {
		{ "v=1; a=rsa-sha256; s=x; h=from; " HASHES, "d= is missing" },
		{ "v=1; a=rsa-sha256; d=x; h=from; " HASHES, "s= is missing" },
		{ "v=1; d=x; s=x; h=from; " HASHES, "a= is missing" },
		{ "a=rsa-sha256; d=x; s=x; h=from; " HASHES, "v= is missing" },
		{ "v=1; a=rsa-sha256; d=x; s=x; " HASHES, "h= is missing" },
		{ "v=1; a=rsa-sha256; d=x; s=x; h=from; b=AAAA", "bh= is missing" },
		{ "v=1; a=rsa-sha256; d=x; s=x; h=from; bh=AAAA; b=AAAA", "bh= is not a SHA-256 hash" },
		{ "v=1; a=rsa-sha256; d=exam ple.org; s=x; h=from; " HASHES, "d= is not a domain name" },
		{ "v=1; a=rsa-sha256; d=x; s=a\n b; h=from; " HASHES, "s= is not a selector" },
		{ "v=1; a=rsa- sha256; d=x; s=x; h=from; " HASHES, "a= is not an algorithm" },
		{ GOOD "; c=relaxed / relaxed", "c= names an unknown canonicalization" },
		{ GOOD "; c=nofws", "c= names an unknown canonicalization" },
		{ GOOD "; c=relaxed/", "c= names an unknown canonicalization" },
		{ GOOD "; q=dns", "q= does not offer dns/txt" },
		{ GOOD "; i=@example.net", "i= is not within d=" },
		{ GOOD "; i=example.org", "i= is not an identity" },
		{ GOOD "; i=a=0Ab@example.org", "i= is not an identity" },
		{ GOOD "; t=20; x=20", "x= is not after t=" },
		{ GOOD "; l=", "l= is not a number" },
		{ "v=1; a=rsa-sha256; d=x; s=x; h=to:subject; " HASHES, "the From field is not signed" },
		{ "v=1; a=rsa-sha256; d=x; s=x; h=from:fr om; " HASHES, "h= names something that is no header field" },
	};
	struct arena *arena = arena_new();

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct dkim_signature signature = read_signature(arena, cases[i].text);

		assert_non_null(signature.fault);
		assert_string_equal(signature.fault, cases[i].fault);
	}
	arena_free(&arena);
}

static void test_dkim_signature_parse_library_unfit(void **state)
{
	static const char *const unfit[] = {
		"v=1; a=rsa-sha256; d=b\xc3\xbc" "cher.example; s=x; h=from; " HASHES,
		"v=1; a=rsa-sha256; d=x; s=x; h=from:DKIM-signature; " HASHES,
		"v=1; a=rsa-sha256; d=x; s=x; h=from; bh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=; b =AAAA",
		GOOD "; zb=1", "v=1; a=rsa-sha256; d=x; s=x; h=from; bh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=; b=/g",
		GOOD "; H=from", GOOD "; t=5", GOOD "; x=5", GOOD "; l=99999999999999999999",
	};
	struct arena *arena = arena_new();

	(void)state;
	for (size_t i = 0; i < sizeof unfit / sizeof unfit[0]; i++) {
		struct dkim_signature signature = read_signature(arena, unfit[i]);

		assert_null(signature.fault);
		assert_true(signature.library_unfit);
	}
	arena_free(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_dkim_taglist_parse_plain),
		cmocka_unit_test(test_dkim_taglist_parse_malformed),
		cmocka_unit_test(test_dkim_taglist_parse_too_many),
		cmocka_unit_test(test_dkim_tag_number_limits),
		cmocka_unit_test(test_dkim_tag_base64_rfc4648_vectors),
		cmocka_unit_test(test_dkim_tag_base64_against_openssl),
		cmocka_unit_test(test_dkim_signature_parse_plain),
		cmocka_unit_test(test_dkim_signature_parse_faults),
		cmocka_unit_test(test_dkim_signature_parse_library_unfit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
