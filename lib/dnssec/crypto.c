/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The cryptography of the validator: ldns verifies, with keys that are decoded once and kept (given DNSKEY records
 * it would decode them for every signature, which costs more than most verifications). Where ldns decodes by deprecated
 * or slow ways, OpenSSL does: RSA, and EdDSA (6 us instead of 170). Hashes of DS and NSEC3 are OpenSSL's, on digests
 * fetched once: ldns's SHA-1 is slower, and NSEC3 hashing is what a hostile answer can ask most of.
 * Trusts nothing: key material, signatures and digests come from the network. Fails by "does not verify"; OpenSSL's error
 * queue is left empty. Thread: any; a decoded EVP_PKEY may be used by several threads at once.
 */
#include "dnssec/internal.h"

#include <ldns/ldns.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/param_build.h>
#include <string.h>

#include "util/error.h"
#include "util/out_of_memory.h"

enum {
	ALG_RSASHA1 = 5, ALG_RSASHA1_NSEC3 = 7, ALG_RSASHA256 = 8, ALG_RSASHA512 = 10, ALG_ECDSAP256 = 13,
	ALG_ECDSAP384 = 14, ALG_ED25519 = 15, ALG_ED448 = 16,
	DIGEST_SHA1 = 1, DIGEST_SHA256 = 2, DIGEST_SHA384 = 4,
	RSA_MIN_BITS = 1024, RSA_MAX_BITS = 4096, RSA_MAX_EXPONENT_BYTES = 8,
	DNSKEY_FIXED_BYTES = 4, SHA1_BYTES = 20, MAX_DER_BYTES = 128, P256_COORDINATE = 32, P384_COORDINATE = 48,
};

static const struct { uint8_t number; const char *name; } algorithms[] = {
	{ 1, "RSAMD5" }, { 3, "DSA" }, { 5, "RSASHA1" }, { 6, "DSA-NSEC3-SHA1" }, { 7, "RSASHA1-NSEC3-SHA1" },
	{ 8, "RSASHA256" }, { 10, "RSASHA512" }, { 12, "ECC-GOST" }, { 13, "ECDSAP256SHA256" },
	{ 14, "ECDSAP384SHA384" }, { 15, "ED25519" }, { 16, "ED448" },
};

int dnssec_crypto_init(struct dnssec_crypto *crypto)
{
	crypto->sha1 = EVP_MD_fetch(NULL, "SHA1", NULL);
	crypto->sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
	crypto->sha384 = EVP_MD_fetch(NULL, "SHA384", NULL);
	crypto->sha512 = EVP_MD_fetch(NULL, "SHA512", NULL);
	if (crypto->sha1 != NULL && crypto->sha256 != NULL && crypto->sha384 != NULL && crypto->sha512 != NULL)
		return 0;
	dnssec_crypto_done(crypto);
	return -E_SYSTEM;
}

void dnssec_crypto_done(struct dnssec_crypto *crypto)
{
	EVP_MD_free(crypto->sha1);
	EVP_MD_free(crypto->sha256);
	EVP_MD_free(crypto->sha384);
	EVP_MD_free(crypto->sha512);
	memset(crypto, 0, sizeof(*crypto));
}

const char *dnssec_algorithm_name(uint8_t algorithm)
{
	for (size_t i = 0; i < sizeof(algorithms) / sizeof(*algorithms); i++)
		if (algorithms[i].number == algorithm)
			return algorithms[i].name;
	return "unknown algorithm";
}

const char *dnssec_digest_name(uint8_t digest_type)
{
	switch (digest_type) {
	case DIGEST_SHA1: return "SHA-1";
	case DIGEST_SHA256: return "SHA-256";
	case DIGEST_SHA384: return "SHA-384";
	default: return "unknown digest";
	}
}

bool dnssec_algorithm_supported(uint8_t algorithm, bool allow_sha1)
{
	switch (algorithm) {
	case ALG_RSASHA256: case ALG_RSASHA512: case ALG_ECDSAP256: case ALG_ECDSAP384: case ALG_ED25519: case ALG_ED448:
		return true;
	case ALG_RSASHA1: case ALG_RSASHA1_NSEC3:
		return allow_sha1;
	default:
		return false;
	}
}

bool dnssec_digest_supported(uint8_t digest_type)
{
	return digest_type == DIGEST_SHA1 || digest_type == DIGEST_SHA256 || digest_type == DIGEST_SHA384;
}

static EVP_MD *digest_md(const struct dnssec_crypto *crypto, uint8_t digest_type)
{
	switch (digest_type) {
	case DIGEST_SHA1: return crypto->sha1;
	case DIGEST_SHA256: return crypto->sha256;
	case DIGEST_SHA384: return crypto->sha384;
	default: return NULL;
	}
}

bool dnssec_crypto_ds_matches(const struct dnssec_crypto *crypto, const uint8_t *owner, const struct vkey *key, uint8_t digest_type,
    const uint8_t *digest, size_t length)
{
	EVP_MD *md = digest_md(crypto, digest_type);
	uint8_t computed[EVP_MAX_MD_SIZE];
	unsigned computed_length = 0;
	EVP_MD_CTX *context;
	bool matches;

	/* an empty digest must never match: the length is that of the hash, not that of the record */
	if (md == NULL || length != (size_t)EVP_MD_get_size(md))
		return false;
	context = EVP_MD_CTX_new();
	matches = context != NULL && EVP_DigestInit_ex2(context, md, NULL) == 1 &&
	    EVP_DigestUpdate(context, owner, dns_wire_length(owner)) == 1 &&
	    EVP_DigestUpdate(context, key->rdata, key->length) == 1 &&
	    EVP_DigestFinal_ex(context, computed, &computed_length) == 1 &&
	    computed_length == length && memcmp(computed, digest, length) == 0;
	EVP_MD_CTX_free(context);
	ERR_clear_error();
	return matches;
}

static EVP_PKEY *rsa_build(const uint8_t *exponent, size_t exponent_length, const uint8_t *modulus, size_t modulus_length)
{
	OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
	BIGNUM *n = BN_bin2bn(modulus, (int)modulus_length, NULL), *e = BN_bin2bn(exponent, (int)exponent_length, NULL);
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
	OSSL_PARAM *params = NULL;
	EVP_PKEY *pkey = NULL;

	if (builder != NULL && n != NULL && e != NULL && OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_N, n) == 1 &&
	    OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_E, e) == 1)
		params = OSSL_PARAM_BLD_to_param(builder);
	if (context == NULL || params == NULL || EVP_PKEY_fromdata_init(context) != 1 ||
	    EVP_PKEY_fromdata(context, &pkey, EVP_PKEY_PUBLIC_KEY, params) != 1)
		pkey = NULL;
	EVP_PKEY_CTX_free(context);
	OSSL_PARAM_free(params);
	OSSL_PARAM_BLD_free(builder);
	BN_free(n);
	BN_free(e);
	return pkey;
}

/* RFC 3110 section 2: exponent length in one octet, or in two after a zero; exponent; modulus. */
static void rsa_decode(struct vkey *key, const uint8_t *data, size_t length)
{
	size_t exponent_length, skip = 1;
	const uint8_t *modulus;

	key->why = "malformed RSA key";
	if (length < 3)
		return;
	exponent_length = data[0];
	if (exponent_length == 0) {
		exponent_length = (size_t)data[1] << 8 | data[2];
		skip = 3;
	}
	if (exponent_length == 0 || length - skip <= exponent_length)
		return;
	modulus = data + skip + exponent_length;
	length -= skip + exponent_length;
	while (length != 0 && *modulus == 0) {
		modulus++;
		length--;
	}
	if (exponent_length > RSA_MAX_EXPONENT_BYTES) {
		key->why = "RSA exponent over 64 bits";
		return;
	}
	/* the top octet is not zero: so many octets hold at least that many bits, give or take 7 */
	if (length < RSA_MIN_BITS / 8 || length > RSA_MAX_BITS / 8) {
		key->why = length < RSA_MIN_BITS / 8 ? "RSA key under 1024 bits" : "RSA key over 4096 bits";
		return;
	}
	key->pkey = rsa_build(data + skip, exponent_length, modulus, length);
	if (key->pkey != NULL && EVP_PKEY_get_bits(key->pkey) < RSA_MIN_BITS) {
		EVP_PKEY_free(key->pkey);
		key->pkey = NULL;
		key->why = "RSA key under 1024 bits";
	}
}

/* RFC 6605 section 4: the two coordinates; a point that is not on the curve is refused. */
static void ecdsa_decode(struct vkey *key, const uint8_t *data, size_t length, size_t coordinate)
{
	key->why = "malformed ECDSA key";
	if (length == 2 * coordinate)
		key->pkey = ldns_ecdsa2pkey_raw(data, length, key->algorithm);
}

void dnssec_crypto_key_decode(struct vkey *key)
{
	const uint8_t *data = key->rdata + DNSKEY_FIXED_BYTES;
	size_t length = key->length - DNSKEY_FIXED_BYTES;

	key->decoded = true;
	key->why = "unsupported algorithm";
	switch (key->algorithm) {
	case ALG_RSASHA1: case ALG_RSASHA1_NSEC3: case ALG_RSASHA256: case ALG_RSASHA512:
		rsa_decode(key, data, length);
		break;
	case ALG_ECDSAP256:
		ecdsa_decode(key, data, length, P256_COORDINATE);
		break;
	case ALG_ECDSAP384:
		ecdsa_decode(key, data, length, P384_COORDINATE);
		break;
	case ALG_ED25519: case ALG_ED448:
		key->why = "malformed EdDSA key";
		key->pkey = EVP_PKEY_new_raw_public_key_ex(NULL, key->algorithm == ALG_ED25519 ? "ED25519" : "ED448", NULL,
		    data, length);
		break;
	}
	if (key->pkey != NULL)
		key->why = NULL;
	ERR_clear_error();
}

/* RFC 6605 section 4: r and s side by side; OpenSSL wants them in DER. NULL when the length is wrong. */
static ldns_buffer *ecdsa_to_der(const uint8_t *signature, size_t length, size_t coordinate)
{
	ldns_buffer *der = ldns_buffer_new(MAX_DER_BYTES);
	ldns_rdf *rdf = ldns_rdf_new_frm_data(LDNS_RDF_TYPE_B64, length, signature);

	if (der == NULL || rdf == NULL)
		out_of_memory();
	if (length != 2 * coordinate || ldns_convert_ecdsa_rrsig_rdf2asn1(der, rdf) != LDNS_STATUS_OK) {
		ldns_buffer_free(der);
		der = NULL;
	}
	ldns_rdf_deep_free(rdf);
	return der;
}

static EVP_MD *algorithm_md(const struct dnssec_crypto *crypto, uint8_t algorithm)
{
	switch (algorithm) {
	case ALG_RSASHA1: case ALG_RSASHA1_NSEC3: return crypto->sha1;
	case ALG_RSASHA256: case ALG_ECDSAP256: return crypto->sha256;
	case ALG_ECDSAP384: return crypto->sha384;
	case ALG_RSASHA512: return crypto->sha512;
	default: return NULL;	/* EdDSA hashes by itself */
	}
}

bool dnssec_crypto_verify(const struct dnssec_crypto *crypto, const struct vkey *key, const uint8_t *data, size_t length,
    const uint8_t *signature, size_t signature_length)
{
	EVP_MD *md = algorithm_md(crypto, key->algorithm);
	ldns_buffer *der = NULL, *buffer;
	bool good;

	if (key->pkey == NULL)
		return false;
	if (key->algorithm == ALG_ECDSAP256 || key->algorithm == ALG_ECDSAP384) {
		der = ecdsa_to_der(signature, signature_length, key->algorithm == ALG_ECDSAP256 ? P256_COORDINATE : P384_COORDINATE);
		if (der == NULL)
			return false;
		signature = ldns_buffer_begin(der);
		signature_length = ldns_buffer_position(der);
	}
	buffer = ldns_buffer_new(length);
	if (buffer == NULL)
		out_of_memory();
	ldns_buffer_write(buffer, data, length);
	good = ldns_verify_rrsig_evp_raw(signature, signature_length, buffer, key->pkey, md) == LDNS_STATUS_OK;
	ldns_buffer_free(buffer);
	ldns_buffer_free(der);
	ERR_clear_error();
	return good;
}

int dnssec_crypto_nsec3_hash(const struct dnssec_crypto *crypto, const uint8_t *name, const uint8_t *salt, size_t salt_length,
    unsigned iterations, uint8_t hash_r[SHA1_BYTES])
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	uint8_t block[DNS_NAME_BYTES + UINT8_MAX];
	size_t used = dns_wire_length(name);
	int status = -E_SYSTEM;

	if (context == NULL)
		return status;
	memcpy(block, name, used);
	for (unsigned round = 0; round <= iterations; round++) {
		memcpy(block + used, salt, salt_length);
		if (EVP_DigestInit_ex2(context, crypto->sha1, NULL) != 1 ||
		    EVP_DigestUpdate(context, block, used + salt_length) != 1 || EVP_DigestFinal_ex(context, hash_r, NULL) != 1)
			goto out;
		memcpy(block, hash_r, SHA1_BYTES);
		used = SHA1_BYTES;
	}
	status = 0;
out:
	EVP_MD_CTX_free(context);
	return status;
}
