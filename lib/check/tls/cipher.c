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
