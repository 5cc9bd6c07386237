/* SPDX-License-Identifier: BSD-2-Clause */
/* The text of a key record: read, and what it calls a key decoded. */
#include <stdint.h>
#include <stdlib.h>

#include "check/signature/key.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *arena = arena_new();
	struct dkim_key_record record;
	const char *why = NULL;
	unsigned bits = 0;

	if (dkim_key_parse(arena, (const char *)data, size, &record) == NULL && !record.revoked) {
		EVP_PKEY *key = dkim_key_decode(record.type, record.data, record.data_length, &bits, &why);
		static const uint8_t hash[DKIM_HASH_BYTES], signature[256];

		if ((key == NULL) == (why == NULL) || (key != NULL && bits > DKIM_KEY_MAX_BITS))
			abort();
		if (key != NULL) {
			EVP_PKEY_CTX *verifier = dkim_verifier_new(record.type, key);

			if (verifier != NULL && dkim_verify_hash(verifier, record.type, hash, signature, 64))
				abort();
			EVP_PKEY_CTX_free(verifier);
		}
		EVP_PKEY_free(key);
	}
	arena_free(&arena);
	return 0;
}
