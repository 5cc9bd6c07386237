/* SPDX-License-Identifier: BSD-2-Clause */
/* Encoded words: never more text than before, no NUL, and text without words comes back as it is. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "message/encoded_word.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *arena = arena_new();
	const char *text = (const char *)data, *decoded;
	size_t length;

	decoded = encoded_words_decode(arena, text, size, ENCODED_WORDS_MARKED, &length);
	if (length > size || strlen(decoded) != length)
		abort();
	if (memchr(data, 0, size) == NULL && !encoded_word_in(text, size) &&
	    (length != size || memcmp(decoded, text, size) != 0))
		abort();
	arena_free(&arena);
	return 0;
}
