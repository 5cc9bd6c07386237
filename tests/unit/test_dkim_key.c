/* SPDX-License-Identifier: BSD-2-Clause */
/* Key records (RFC 6376 section 3.6.1), the cache of decoded keys, verification over a hash. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <openssl/ec.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "check/signature/key.h"

/* RFC 8463 appendix A.2 */
#define ED_P "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="
#define RSA_P                                                                                                              \
	"MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDkHlOQoBTzWRiGs5V6NpP3idY6Wk08a5qhdR6wy5bdOKb2jLQiY/J16JYi0Qvx/byYzCNb3W91y3F" \
	"utACDfzwQ/BC/e/8uBsCR+yz1Lxj+PL6lHvqMKrM3rG4hstT5QjvHO9PzoxZyVYLzBfO2EeC3Ip3G+2kryOTIKT+l/K4w3QIDAQAB"

static const char *parse(struct arena *arena, const char *text, struct dkim_key_record *record)
{
	return dkim_key_parse(arena, text, strlen(text), record);
}

static void test_dkim_key_parse_good(void **state)
{
	struct arena *arena = arena_new();
	struct dkim_key_record record;

	(void)state;
	assert_null(parse(arena, "v=DKIM1; k=rsa; p=" RSA_P, &record));
	assert_int_equal(record.type, DKIM_TYPE_RSA);
	assert_int_equal(record.data_length, 162);
	assert_true(record.sha256 && record.email && !record.revoked && !record.test_mode && !record.no_subdomains);
	assert_null(parse(arena, "p=" RSA_P ";", &record));
	assert_null(parse(arena, "v=DKIM1;t=y:s;h=sha1 : sha256;s=foo:*;n=note=20;k=ed25519;p=" ED_P, &record));
	assert_int_equal(record.type, DKIM_TYPE_ED25519);
	assert_true(record.test_mode && record.no_subdomains && record.sha256 && record.email);
	assert_int_equal(record.data_length, 32);
	assert_null(parse(arena, "v=DKIM1; h=sha1; s=tlsrpt; p=" RSA_P, &record));
	assert_false(record.sha256 || record.email);
	assert_null(parse(arena, "v=DKIM1; p=", &record));
	assert_true(record.revoked);
	arena_free(&arena);
}

static void test_dkim_key_parse_refused(void **state)
{
	static const char *const bad[] = { "", "v=DKIM1", "v=dkim1; p=AAAA", "k=rsa; v=DKIM1; p=AAAA", "v=DKIM2; p=AAAA",
		"v=spf1 -all", "v=DKIM1; k=dsa; p=AAAA", "v=DKIM1; p=A", "v=DKIM1; p=!!!!", "v=DKIM1; p=AAAA; p=AAAA",
		"v=DKIM1;; p=AAAA", "v=DKIM1; p=AA\001AA" };
	struct arena *arena = arena_new();
	struct dkim_key_record record;
	char *long_record = malloc(10001);

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		assert_non_null(parse(arena, bad[i], &record));
	assert_non_null(dkim_key_parse(arena, "v=DKIM1; n=\0; p=AAAA", 20, &record));
	memset(long_record, 'A', 10000);
	memcpy(long_record, "v=DKIM1; p=", 11);
	long_record[10000] = '\0';
	assert_non_null(parse(arena, long_record, &record));
	free(long_record);
	arena_free(&arena);
}

static void test_dkim_key_refuses_each_rule(void **state)
{
	static const struct { const char *record; enum dkim_algorithm algorithm; bool below; const char *why; } cases[] = {
		{ "p=" RSA_P, DKIM_ALGORITHM_RSA_SHA256, true, NULL },
		{ "t=s; p=" RSA_P, DKIM_ALGORITHM_RSA_SHA256, false, NULL },
		{ "t=s; p=" RSA_P, DKIM_ALGORITHM_RSA_SHA256, true, "the key does not allow a subdomain in i=" },
		{ "p=", DKIM_ALGORITHM_RSA_SHA256, false, "the key is revoked" },
		{ "h=sha1; p=" RSA_P, DKIM_ALGORITHM_RSA_SHA256, false, "the key record does not allow SHA-256" },
		{ "s=tlsrpt; p=" RSA_P, DKIM_ALGORITHM_RSA_SHA256, false, "the key is not for e-mail" },
		{ "k=ed25519; p=" ED_P, DKIM_ALGORITHM_RSA_SHA256, false, "the key is of another type than the signature" },
		{ "p=" RSA_P, DKIM_ALGORITHM_ED25519_SHA256, false, "the key is of another type than the signature" },
		{ "k=ed25519; p=" ED_P, DKIM_ALGORITHM_ED25519_SHA256, false, NULL },
	};
	struct arena *arena = arena_new();

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct dkim_signature signature = { .algorithm = cases[i].algorithm, .identity_below_domain = cases[i].below };
		struct dkim_key_record record;
		const char *why;

		assert_null(parse(arena, cases[i].record, &record));
		why = dkim_key_refuses(&record, &signature);
		if (cases[i].why == NULL)
			assert_null(why);
		else
			assert_string_equal(why, cases[i].why);
	}
	arena_free(&arena);
}

static void test_dkim_key_decode_bad_data(void **state)
{
	uint8_t data[400] = { 0x30, 0x82, 0x01, 0x8c };
	const char *why;
	unsigned bits;

	(void)state;
	assert_null(dkim_key_decode(DKIM_TYPE_RSA, data, sizeof data, &bits, &why));
	assert_non_null(why);
	assert_null(dkim_key_decode(DKIM_TYPE_RSA, data, 1, &bits, &why));
	assert_null(dkim_key_decode(DKIM_TYPE_ED25519, data, 31, &bits, &why));
	assert_null(dkim_key_decode(DKIM_TYPE_ED25519, data, 33, &bits, &why));
	assert_non_null(why);
}

/* Both forms that p= may have for rsa (RFC 6376 section 3.6.1, appendix C and erratum 3017), and nothing behind them. */
static void test_dkim_key_decode_rsa_forms(void **state)
{
	EVP_PKEY *made = EVP_RSA_gen(1024), *decoded;
	int (*const encoders[2])(const EVP_PKEY *, unsigned char **) = { i2d_PUBKEY, i2d_PublicKey };
	const char *why;
	unsigned bits;

	(void)state;
	assert_non_null(made);
	for (size_t i = 0; i < 2; i++) {
		unsigned char data[400] = { 0 }, *end = data;
		int length = encoders[i](made, &end);

		assert_in_range(length, 100, 300);
		decoded = dkim_key_decode(DKIM_TYPE_RSA, data, (size_t)length, &bits, &why);
		assert_non_null(decoded);
		assert_int_equal(bits, 1024);
		assert_int_equal(EVP_PKEY_eq(made, decoded), 1);
		EVP_PKEY_free(decoded);
		assert_null(dkim_key_decode(DKIM_TYPE_RSA, data, (size_t)length + 1, &bits, &why));
		assert_null(dkim_key_decode(DKIM_TYPE_RSA, data, (size_t)length - 1, &bits, &why));
		assert_string_equal(why, "the key is not an RSA key");
	}
	EVP_PKEY_free(made);
}

static void test_dkim_key_decode_other_type(void **state)
{
	EVP_PKEY *made = EVP_EC_gen("P-256");
	unsigned char *data = NULL;
	int length = i2d_PUBKEY(made, &data);
	const char *why;
	unsigned bits;

	(void)state;
	assert_true(length > 0);
	assert_null(dkim_key_decode(DKIM_TYPE_RSA, data, (size_t)length, &bits, &why));
	OPENSSL_free(data);
	EVP_PKEY_free(made);
}

static void test_dkim_keycache_get_keeps_and_bounds(void **state)
{
	struct dkim_keycache *cache = dkim_keycache_new(64);
	struct dkim_keycache_statistics statistics;
	struct arena *arena = arena_new();
	struct dkim_key_record record;
	const char *why;
	unsigned bits;
	EVP_PKEY_CTX *first, *second;

	(void)state;
	assert_null(parse(arena, "p=" RSA_P, &record));
	first = dkim_keycache_get(cache, &record, &bits, &why);
	second = dkim_keycache_get(cache, &record, &bits, &why);
	assert_non_null(first);
	assert_ptr_equal(EVP_PKEY_CTX_get0_pkey(first), EVP_PKEY_CTX_get0_pkey(second));
	assert_int_equal(bits, 1024);
	EVP_PKEY_CTX_free(second);
	for (unsigned i = 0; i < 5000; i++) {
		uint8_t raw[32] = { (uint8_t)i, (uint8_t)(i >> 8), 1 };
		struct dkim_key_record other = { .type = DKIM_TYPE_ED25519, .data = raw, .data_length = 32 };

		EVP_PKEY_CTX_free(dkim_keycache_get(cache, &other, &bits, &why));
	}
	dkim_keycache_statistics(cache, &statistics);
	assert_true(statistics.keys <= 64 + 16 && statistics.keys >= 16);
	assert_int_equal(statistics.hits, 1);
	/* a key that fell out lives as long as somebody holds it */
	assert_int_equal(EVP_PKEY_get_bits(EVP_PKEY_CTX_get0_pkey(first)), 1024);
	EVP_PKEY_CTX_free(first);
	dkim_keycache_free(&cache);
	arena_free(&arena);
}

static void test_dkim_keycache_get_remembers_failure(void **state)
{
	struct dkim_keycache *cache = dkim_keycache_new(64);
	struct dkim_keycache_statistics statistics;
	struct dkim_key_record record = { .type = DKIM_TYPE_RSA, .data = (const uint8_t *)"junk", .data_length = 4 };
	const char *why = NULL;
	unsigned bits;

	(void)state;
	for (int i = 0; i < 2; i++) {
		assert_null(dkim_keycache_get(cache, &record, &bits, &why));
		assert_non_null(why);
	}
	dkim_keycache_statistics(cache, &statistics);
	assert_int_equal(statistics.hits, 1);
	assert_int_equal(statistics.misses, 1);
	dkim_keycache_free(&cache);
}

/* A key of each kind from the cache, twice, on a good signature and on ones with a bit changed, after each other. */
static void check_verifies(enum dkim_key_type type, EVP_PKEY *made, const uint8_t *data, size_t length)
{
	struct dkim_keycache *cache = dkim_keycache_new(64);
	struct dkim_key_record record = { .type = type, .data = data, .data_length = length };
	uint8_t hash[DKIM_HASH_BYTES] = { 1, 2, 3 }, signature[256];
	size_t signature_length = sizeof signature;
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	EVP_PKEY_CTX *signer = EVP_PKEY_CTX_new(made, NULL);

	if (type == DKIM_TYPE_RSA) {
		assert_int_equal(EVP_PKEY_sign_init(signer), 1);
		assert_int_equal(EVP_PKEY_CTX_set_signature_md(signer, EVP_sha256()), 1);
		assert_int_equal(EVP_PKEY_sign(signer, signature, &signature_length, hash, sizeof hash), 1);
	} else {
		assert_int_equal(EVP_DigestSignInit(md, NULL, NULL, NULL, made), 1);
		assert_int_equal(EVP_DigestSign(md, signature, &signature_length, hash, sizeof hash), 1);
	}
	for (int i = 0; i < 4; i++) {
		const char *why;
		unsigned bits;
		EVP_PKEY_CTX *verifier = dkim_keycache_get(cache, &record, &bits, &why);
		bool good = i % 2 == 0;

		assert_non_null(verifier);
		hash[0] ^= !good;
		assert_int_equal(dkim_verify_hash(verifier, type, hash, signature, signature_length), good);
		hash[0] ^= !good;
		assert_int_equal(dkim_verify_hash(verifier, type, hash, signature, signature_length), true);
		assert_false(dkim_verify_hash(verifier, type, hash, signature, signature_length - 1));
		EVP_PKEY_CTX_free(verifier);
	}
	EVP_PKEY_CTX_free(signer);
	EVP_MD_CTX_free(md);
	dkim_keycache_free(&cache);
}

static void test_dkim_keycache_get_verifies(void **state)
{
	static const int sizes[] = { 512, 1024, 2048 };
	EVP_PKEY *edwards = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	uint8_t raw[32];
	size_t raw_length = sizeof raw;

	(void)state;
	for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
		EVP_PKEY *made = EVP_RSA_gen((size_t)sizes[i]);
		unsigned char *data = NULL;
		int length = i2d_PUBKEY(made, &data);

		assert_true(length > 0);
		check_verifies(DKIM_TYPE_RSA, made, data, (size_t)length);
		OPENSSL_free(data);
		EVP_PKEY_free(made);
	}
	assert_int_equal(EVP_PKEY_get_raw_public_key(edwards, raw, &raw_length), 1);
	check_verifies(DKIM_TYPE_ED25519, edwards, raw, raw_length);
	EVP_PKEY_free(edwards);
}

static void *hammer(void *arg)
{
	struct dkim_keycache *cache = arg;

	for (unsigned i = 0; i < 3000; i++) {
		uint8_t raw[32] = { (uint8_t)(i * 7), 2 };
		struct dkim_key_record record = { .type = DKIM_TYPE_ED25519, .data = raw, .data_length = 32 };
		const char *why;
		unsigned bits;
		EVP_PKEY_CTX *verifier = dkim_keycache_get(cache, &record, &bits, &why);

		if (verifier != NULL && EVP_PKEY_get_bits(EVP_PKEY_CTX_get0_pkey(verifier)) == 0)
			abort();
		EVP_PKEY_CTX_free(verifier);
	}
	return NULL;
}

static void test_dkim_keycache_get_many_threads(void **state)
{
	struct dkim_keycache *cache = dkim_keycache_new(48);
	struct dkim_keycache_statistics statistics;
	pthread_t threads[6];

	(void)state;
	for (size_t i = 0; i < 6; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, hammer, cache), 0);
	for (size_t i = 0; i < 6; i++)
		pthread_join(threads[i], NULL);
	dkim_keycache_statistics(cache, &statistics);
	assert_int_equal(statistics.hits + statistics.misses, 6 * 3000);
	assert_true(statistics.keys <= 48 + 16);
	dkim_keycache_free(&cache);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_dkim_key_parse_good),
		cmocka_unit_test(test_dkim_key_parse_refused),
		cmocka_unit_test(test_dkim_key_refuses_each_rule),
		cmocka_unit_test(test_dkim_key_decode_bad_data), cmocka_unit_test(test_dkim_key_decode_rsa_forms),
		cmocka_unit_test(test_dkim_key_decode_other_type),
		cmocka_unit_test(test_dkim_keycache_get_keeps_and_bounds),
		cmocka_unit_test(test_dkim_keycache_get_remembers_failure),
		cmocka_unit_test(test_dkim_keycache_get_verifies),
		cmocka_unit_test(test_dkim_keycache_get_many_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
