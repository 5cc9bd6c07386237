/* SPDX-License-Identifier: BSD-2-Clause */
/* Look-ups in the table of cipher suites. Thread: any. See cipher.h. */
#include "check/tls/cipher.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

static int compare_name(const void *key, const void *element)
{
	return strcmp(key, ((const struct cipher_info *)element)->openssl_name);
}

const struct cipher_info *cipher_find(const char *name)
{
	const struct cipher_info *found;

	if (name == NULL)
		return NULL;
	found = bsearch(name, cipher_table, cipher_table_count, sizeof(cipher_table[0]), compare_name);
	for (size_t i = 0; found == NULL && i < cipher_table_count; i++)
		if (strcasecmp(cipher_table[i].iana_name, name) == 0 || strcasecmp(cipher_table[i].openssl_name, name) == 0)
			found = &cipher_table[i];
	return found;
}

/* Whether GnuTLS means this suite: the IANA name without "TLS_" and "_WITH", SHA-1 with its number, no hash of ChaCha20's. */
static bool is_gnutls_name(const char *name, const char *iana)
{
	const char *with = strstr(iana, "_WITH_");
	size_t head;

	if (with == NULL || strncmp(iana, "TLS_", 4) != 0)
		return false;
	iana += 4;
	head = (size_t)(with - iana);
	if (strncmp(name, iana, head) != 0 || name[head] != '_')
		return false;
	name += head + 1;
	with += strlen("_WITH_");
	head = strlen(with);
	if (strncmp(name, with, head) == 0)
		return name[head] == '\0' || (head > 4 && strcmp(name + head - 4, "_SHA1") == 0);
	return strcmp(name, "CHACHA20_POLY1305") == 0 && strcmp(with, "CHACHA20_POLY1305_SHA256") == 0;
}

const struct cipher_info *cipher_find_told(const char *name)
{
	const struct cipher_info *found = cipher_find(name);
	char copy[100];
	size_t length = name != NULL ? strlen(name) : 0;

	for (size_t i = 0; found == NULL && name != NULL && i < cipher_table_count; i++)
		if (is_gnutls_name(name, cipher_table[i].iana_name))
			found = &cipher_table[i];
	if (found != NULL || length < 6 || length >= sizeof(copy))
		return found;
	if (strcmp(name + length - 5, "_P256") != 0 && strcmp(name + length - 5, "_P384") != 0 && strcmp(name + length - 5, "_P521") != 0)
		return NULL;
	memcpy(copy, name, length - 5);
	copy[length - 5] = '\0';
	return cipher_find(copy);
}

bool cipher_has_forward_secrecy(const struct cipher_info *cipher)
{
	switch (cipher->key_exchange) {
	case KEY_EXCHANGE_TLS13:
	case KEY_EXCHANGE_ECDHE:
	case KEY_EXCHANGE_DHE:
	case KEY_EXCHANGE_ECDHE_PSK:
	case KEY_EXCHANGE_DHE_PSK:
	case KEY_EXCHANGE_SRP:
	case KEY_EXCHANGE_ANON:
		return true;
	case KEY_EXCHANGE_RSA:
	case KEY_EXCHANGE_RSA_PSK:
	case KEY_EXCHANGE_PSK:
	case KEY_EXCHANGE_STATIC_DH:
		break;
	}
	return false;
}

/* TLS Supported Groups registry: hybrids with ML-KEM and ML-KEM alone; Kyber of the drafts before it. */
bool cipher_group_is_post_quantum(const char *group)
{
	static const char *const names[] = {
		"X25519MLKEM768", "SecP256r1MLKEM768", "SecP384r1MLKEM1024", "MLKEM512", "MLKEM768", "MLKEM1024",
		"curveSM2MLKEM768", "X25519Kyber768Draft00", "SecP256r1Kyber768Draft00",
	};

	for (size_t i = 0; group != NULL && i < sizeof(names) / sizeof(names[0]); i++)
		if (strcasecmp(names[i], group) == 0)
			return true;
	return false;
}
