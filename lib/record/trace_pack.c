/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Traces packed for a database and unpacked again. They are texts of some thousand octets, in which nearly all words are those of
 * every trace. With these known before, LZ4 leaves a fifth of the octets, where zlib left a third by ten times the work. Trusts nothing
 * of what is unpacked. Pure.
 */
#include "record/trace_pack.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <lz4.h>
#include <zlib.h>

#include "record/store.h"
#include "record/trace_words.h"
#include "util/out_of_memory.h"

enum { WITH_WORDS_1 = 1 };	/* the first octet; zlib's is 0x58 or 0x78 */

struct trace_packer {
	LZ4_stream_t knows_words, work;		/* the first one is copied for each trace: reading the words again takes longer */
	char data[STORE_TRACE_BYTES];
};

struct trace_packer *trace_packer_new(void)
{
	struct trace_packer *packer = malloc(sizeof(*packer));

	if (packer == NULL)
		out_of_memory();
	(void)LZ4_initStream(&packer->knows_words, sizeof(packer->knows_words));
	(void)LZ4_loadDict(&packer->knows_words, trace_words_1, (int)trace_words_1_length);
	return packer;
}

void trace_packer_free(struct trace_packer **packer_r)
{
	free(*packer_r);
	*packer_r = NULL;
}

const void *trace_pack(struct trace_packer *packer, const char *text, size_t length, size_t *bytes_r)
{
	int bytes;

	*bytes_r = length;
	if (length <= 2 || length > sizeof(packer->data))
		return text;
	packer->work = packer->knows_words;
	/* an octet less than the text has: 0 says that it would not be shorter */
	bytes = LZ4_compress_fast_continue(&packer->work, text, packer->data + 1, (int)length, (int)length - 2, 1);
	if (bytes <= 0)
		return text;
	packer->data[0] = WITH_WORDS_1;
	*bytes_r = (size_t)bytes + 1;
	return packer->data;
}

static bool unpack_with_words(char *text, size_t length, const char *data, size_t bytes)
{
	int got = LZ4_decompress_safe_usingDict(data, text, (int)bytes, (int)length, trace_words_1, (int)trace_words_1_length);

	return got >= 0 && (size_t)got == length;
}

/* Of versions before there were words. */
static bool inflate_all(char *text, size_t length, const char *data, size_t bytes)
{
	uLongf got = (uLongf)length;

	return uncompress((unsigned char *)text, &got, (const unsigned char *)data, (uLong)bytes) == Z_OK && got == (uLongf)length;
}

char *trace_unpack(const void *data, size_t bytes, int64_t length)
{
	const char *octets = data;
	char *text;
	bool whole = true;

	if (length <= 0 || length > STORE_TRACE_BYTES || data == NULL || bytes == 0 || bytes > (size_t)length)
		return NULL;
	text = malloc((size_t)length + 1);
	if (text == NULL)
		out_of_memory();
	if (bytes == (size_t)length)
		memcpy(text, data, bytes);
	else if (octets[0] == WITH_WORDS_1)
		whole = unpack_with_words(text, (size_t)length, octets + 1, bytes - 1);
	else
		whole = inflate_all(text, (size_t)length, octets, bytes);
	if (!whole) {
		free(text);
		return NULL;
	}
	text[length] = '\0';
	return text;
}
