/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_CHECK_TLS_CIPHER_H
#define ASSAY_CHECK_TLS_CIPHER_H
/*
 * What a cipher suite is made of: for the TLS grade (RFC 9325) and for the IANA name in Received (RFC 8314 section 4.3).
 * One constant table. Thread: any.
 */
#include <stdbool.h>
#include <stddef.h>

enum cipher_key_exchange {
	KEY_EXCHANGE_TLS13,	/* TLS 1.3 suites name none: always ephemeral */
	KEY_EXCHANGE_ECDHE, KEY_EXCHANGE_DHE, KEY_EXCHANGE_ECDHE_PSK, KEY_EXCHANGE_DHE_PSK,
	KEY_EXCHANGE_SRP,	/* ephemeral too (RFC 5054) */
	KEY_EXCHANGE_ANON,	/* DH or ECDH, ephemeral, but nobody is authenticated */
	KEY_EXCHANGE_RSA, KEY_EXCHANGE_RSA_PSK, KEY_EXCHANGE_PSK,
	KEY_EXCHANGE_STATIC_DH,	/* DH or ECDH with the key of the certificate */
};

enum cipher_encryption {
	ENCRYPTION_AEAD, ENCRYPTION_CCM8, ENCRYPTION_CBC, ENCRYPTION_3DES, ENCRYPTION_DES, ENCRYPTION_RC4,
	ENCRYPTION_EXPORT, ENCRYPTION_NULL,
};

struct cipher_info {
	const char *openssl_name, *iana_name;
	enum cipher_key_exchange key_exchange;
	enum cipher_encryption encryption;
	unsigned bits;		/* of effective strength */
};

extern const struct cipher_info cipher_table[];
extern const size_t cipher_table_count;

/** By OpenSSL or IANA name, any case. @return static; NULL when the suite is not known. */
const struct cipher_info *cipher_find(const char *name);

/**
 * The same for names in Received fields, GnuTLS' of Courier ("ECDHE_RSA_AES_256_GCM_SHA384") and those with a curve of Exchange
 * ("TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA384_P384") among them.
 */
const struct cipher_info *cipher_find_told(const char *name);

bool cipher_has_forward_secrecy(const struct cipher_info *cipher);

/** Whether a key exchange of this group (IANA or OpenSSL name, any case; NULL: no) withstands a quantum computer. */
bool cipher_group_is_post_quantum(const char *group);

#endif
