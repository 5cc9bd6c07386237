/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Decoding of public keys and verification over a hash, with OpenSSL.
 * Thread: any; an EVP_PKEY is only read. Trusts nothing: sizes are capped before arithmetic is done with them.
 */
#include "check/signature/key.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

enum { EXPONENT_MAX_BITS = 64 };

/* A great exponent makes verification as slow as signing. */
static bool exponent_small(const EVP_PKEY *key)
{
	BIGNUM *exponent = NULL;
	bool small = EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_E, &exponent) == 1 &&
	    BN_num_bits(exponent) <= EXPONENT_MAX_BITS;

	BN_free(exponent);
	return small;
}

/*
 * A SubjectPublicKeyInfo, as appendix C of RFC 6376 makes it and nearly everybody publishes, or the RSAPublicKey in it by
 * itself, which section 3.6.1 asks for: erratum 3017 says that both are meant. Nothing may stand behind it.
 */
static EVP_PKEY *decode_rsa_der(const uint8_t *data, size_t length)
{
	const uint8_t *at = data, *end = data + length;
	EVP_PKEY *key = d2i_PUBKEY(NULL, &at, (long)length);

	if (key == NULL) {
		at = data;
		key = d2i_PublicKey(EVP_PKEY_RSA, NULL, &at, (long)length);
	}
	if (key != NULL && at == end && EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA)
		return key;
	EVP_PKEY_free(key);
	return NULL;
}

static EVP_PKEY *decode_rsa(const uint8_t *data, size_t length, unsigned *bits_r, const char **why_r)
{
	EVP_PKEY *key = decode_rsa_der(data, length);

	*why_r = "the key is not an RSA key";
	if (key == NULL)
		goto fail;
	*why_r = "the RSA key is too long";
	*bits_r = (unsigned)EVP_PKEY_get_bits(key);
	if (*bits_r > DKIM_KEY_MAX_BITS)
		goto fail;
	*why_r = "the RSA key has too long an exponent";
	if (!exponent_small(key))
		goto fail;
	*why_r = NULL;
	return key;
fail:
	ERR_clear_error();
	EVP_PKEY_free(key);
	return NULL;
}

EVP_PKEY *dkim_key_decode(enum dkim_key_type type, const uint8_t *data, size_t length, unsigned *bits_r,
    const char **why_r)
{
	EVP_PKEY *key = NULL;

	if (type == DKIM_TYPE_RSA)
		return decode_rsa(data, length, bits_r, why_r);
	/* RFC 8463 section 4: the 32 bytes themselves */
	if (length == 32)
		key = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, data, length);
	if (key == NULL)
		ERR_clear_error();
	*why_r = key != NULL ? NULL : "the key is not an Ed25519 key";
	*bits_r = 256;
	return key;
}

EVP_PKEY_CTX *dkim_verifier_new(enum dkim_key_type type, EVP_PKEY *key)
{
	EVP_PKEY_CTX *verifier = EVP_PKEY_CTX_new(key, NULL);

	if (verifier != NULL && type == DKIM_TYPE_RSA && EVP_PKEY_verify_init(verifier) == 1 &&
	    EVP_PKEY_CTX_set_rsa_padding(verifier, RSA_PKCS1_PADDING) == 1 &&
	    EVP_PKEY_CTX_set_signature_md(verifier, EVP_sha256()) == 1)
		return verifier;
	ERR_clear_error();	/* one that is not ready verifies nothing; Ed25519's is made from the key */
	return verifier;
}

/* RFC 8463 section 3: Ed25519 (not the prehash variant) over the SHA-256 hash. */
static bool verify_ed25519(EVP_PKEY *key, const uint8_t hash[DKIM_HASH_BYTES], const uint8_t *signature, size_t length)
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	bool good = context != NULL && EVP_DigestVerifyInit(context, NULL, NULL, NULL, key) == 1 &&
	    EVP_DigestVerify(context, signature, length, hash, DKIM_HASH_BYTES) == 1;

	EVP_MD_CTX_free(context);
	return good;
}

bool dkim_verify_hash(EVP_PKEY_CTX *verifier, enum dkim_key_type type, const uint8_t hash[DKIM_HASH_BYTES],
    const uint8_t *signature, size_t length)
{
	bool good = type == DKIM_TYPE_RSA ? EVP_PKEY_verify(verifier, signature, length, hash, DKIM_HASH_BYTES) == 1 :
	    verify_ed25519(EVP_PKEY_CTX_get0_pkey(verifier), hash, signature, length);

	if (!good)
		ERR_clear_error();
	return good;
}
