/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Encoded words in every reading: a byte of the text becomes three of UTF-8 at most, names to be compared hold no NUL, and text
 * without words comes back as it is.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "message/encoded_word.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const enum encoded_word_reading readings[] = { ENCODED_WORDS_APART, ENCODED_WORDS_JOINED, ENCODED_WORDS_MARKED };
	struct arena *arena = arena_new();
	const char *text = (const char *)data, *decoded;
	bool whole = memchr(data, 0, size) == NULL && !encoded_word_in(text, size);
	size_t length;

	for (size_t i = 0; i < sizeof(readings) / sizeof(readings[0]); i++) {
		decoded = encoded_words_decode(arena, text, size, readings[i], &length);
		if (length > 3 * size || (readings[i] == ENCODED_WORDS_MARKED && strlen(decoded) != length))
			abort();
		if (whole && (length != size || memcmp(decoded, text, size) != 0))
			abort();
	}
	arena_free(&arena);
	return 0;
}
