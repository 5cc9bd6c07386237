/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_CHECK_SIGNATURE_KEY_H
#define ASSAY_CHECK_SIGNATURE_KEY_H
/*
 * Key records (RFC 6376 section 3.6.1, RFC 8463) and keys kept decoded. Thread: any.
 */
#include <openssl/evp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "check/signature/signature.h"
#include "util/arena.h"

enum dkim_key_type { DKIM_TYPE_RSA, DKIM_TYPE_ED25519 };

enum { DKIM_KEY_RECORD_MAX_BYTES = 8192, DKIM_KEY_MAX_BITS = 8192 };

struct dkim_key_record {
	enum dkim_key_type type;
	bool revoked;			/* p= is empty */
	bool test_mode, no_subdomains;	/* t=y, t=s */
	bool sha256, email;		/* h= and s= allow them (they do when absent) */
	const uint8_t *data;		/* p= decoded */
	size_t data_length;
};

/**
 * Reads the text of one TXT record.
 * @return NULL, or a static text: why it is no usable key record.
 */
const char *dkim_key_parse(struct arena *arena, const char *text, size_t length, struct dkim_key_record *record_r);

/** @return NULL when the key may verify this signature, else a static text: why not (RFC 6376 section 6.1.2). */
const char *dkim_key_refuses(const struct dkim_key_record *record, const struct dkim_signature *signature);

struct dkim_keycache;

/** @param keys_max  how many decoded keys are kept, about. */
struct dkim_keycache *dkim_keycache_new(size_t keys_max);
void dkim_keycache_free(struct dkim_keycache **cache);

/**
 * A verifier with the decoded key; the caller frees it with EVP_PKEY_CTX_free().
 * @param bits_r  RSA modulus, or 256 for Ed25519; set on success.
 * @param why_r   static text on failure.
 * @return NULL when the data is no such key.
 */
EVP_PKEY_CTX *dkim_keycache_get(struct dkim_keycache *cache, const struct dkim_key_record *record, unsigned *bits_r,
    const char **why_r);

struct dkim_keycache_statistics { size_t keys, hits, misses; };
void dkim_keycache_statistics(struct dkim_keycache *cache, struct dkim_keycache_statistics *statistics_r);

/** Decodes without the cache; as dkim_keycache_get(), but the key itself, which the caller frees with EVP_PKEY_free(). */
EVP_PKEY *dkim_key_decode(enum dkim_key_type type, const uint8_t *data, size_t length, unsigned *bits_r,
    const char **why_r);

/**
 * A verifier for dkim_verify_hash(), which takes its own reference to the key; may be duplicated with EVP_PKEY_CTX_dup(), at a
 * fraction of what making one costs. @return NULL: OpenSSL has none for it.
 */
EVP_PKEY_CTX *dkim_verifier_new(enum dkim_key_type type, EVP_PKEY *key);

/**
 * @param verifier  nobody else's meanwhile.
 * @return whether the signature over that SHA-256 header hash is the key's (RFC 8017 section 8.2.2, RFC 8463).
 */
bool dkim_verify_hash(EVP_PKEY_CTX *verifier, enum dkim_key_type type, const uint8_t hash[DKIM_HASH_BYTES],
    const uint8_t *signature, size_t length);

#endif
