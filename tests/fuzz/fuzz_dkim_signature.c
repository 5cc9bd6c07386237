/* SPDX-License-Identifier: BSD-2-Clause */
/* A DKIM-Signature field's value through the tag list reader and the rules for signatures. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "check/signature/signature.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *arena = arena_new();
	struct dkim_signature signature;

	dkim_signature_parse(arena, (const char *)data, size, &signature);
	/* whatever is to be judged has all that judging needs */
	if (signature.fault == NULL) {
		if (signature.domain == NULL || signature.selector == NULL || signature.identity == NULL ||
		    signature.algorithm == DKIM_ALGORITHM_UNKNOWN || signature.name_count == 0 || signature.b_length == 0 ||
		    signature.b_text == NULL || strlen(signature.domain) > 253 || signature.name_count > DKIM_SIGNATURE_MAX_NAMES)
			abort();
		for (size_t i = 0; i < signature.name_count; i++)
			if (signature.names[i].length == 0)
				abort();
	}
	arena_free(&arena);
	return 0;
}
