/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Traces packed for a database and unpacked again. They are texts of some thousand octets, of which two thirds go. Trusts nothing of
 * what is unpacked. Pure.
 */
#include "record/trace_pack.h"

#include <stdlib.h>
#include <string.h>

#include <zlib.h>

#include "record/store.h"
#include "util/out_of_memory.h"

enum {
	LEVEL = 1,		/* of zlib: 6 takes twice the work for a twentieth of the octets */
	WINDOW_BITS = 13,	/* most traces are shorter; zlib clears its tables for each, and with the usual 15 takes four times as long */
	MEMORY_LEVEL = 6
};

/* @return octets written; 0: it needs more room than there is. */
static size_t deflate_all(const char *text, size_t length, unsigned char *data, size_t room)
{
	z_stream stream = { .next_in = (unsigned char *)(uintptr_t)text, .avail_in = (uInt)length, .next_out = data,
		.avail_out = (uInt)room };
	bool whole;

	if (deflateInit2(&stream, LEVEL, Z_DEFLATED, WINDOW_BITS, MEMORY_LEVEL, Z_DEFAULT_STRATEGY) != Z_OK)
		return 0;
	whole = deflate(&stream, Z_FINISH) == Z_STREAM_END;
	(void)deflateEnd(&stream);
	return whole ? room - stream.avail_out : 0;
}

size_t trace_pack(const char *text, size_t length, unsigned char **data_r)
{
	unsigned char *data = malloc(length + 1);
	size_t bytes;

	if (data == NULL)
		out_of_memory();
	*data_r = data;
	bytes = length > 1 ? deflate_all(text, length, data, length - 1) : 0;
	if (bytes != 0)
		return bytes;
	memcpy(data, text, length);
	return length;
}

char *trace_unpack(const void *data, size_t bytes, int64_t length)
{
	uLongf got;
	char *text;

	if (length <= 0 || length > STORE_TRACE_BYTES || data == NULL || bytes > (size_t)length)
		return NULL;
	got = (uLongf)length;
	text = malloc((size_t)length + 1);
	if (text == NULL)
		out_of_memory();
	if (bytes == (size_t)length) {
		memcpy(text, data, bytes);
	} else if (uncompress((unsigned char *)text, &got, data, (uLong)bytes) != Z_OK || got != (uLongf)length) {
		free(text);
		return NULL;
	}
	text[length] = '\0';
	return text;
}
