/* SPDX-License-Identifier: BSD-2-Clause */
/* Octets of a trace out of a database: what is unpacked has its length; what is packed comes out again. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "record/store.h"
#include "record/trace_pack.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int condition)
{
	if (!condition)
		abort();
}

static void check_round(const uint8_t *data, size_t size)
{
	struct trace_packer *packer = trace_packer_new();
	size_t bytes;
	const void *packed = trace_pack(packer, (const char *)data, size, &bytes);
	char *text = trace_unpack(packed, bytes, (int64_t)size);

	require(bytes <= size && text != NULL && memcmp(text, data, size) == 0);
	free(text);
	trace_packer_free(&packer);
}

/* The first two octets: how long the text is said to be. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t length;
	char *text;

	if (size < 3 || size > STORE_TRACE_BYTES)
		return 0;
	length = (size_t)data[0] << 8 | data[1];
	text = trace_unpack(data + 2, size - 2, (int64_t)length);
	if (text != NULL)
		require(text[length] == '\0' && strnlen(text, length + 1) <= length);
	free(text);
	check_round(data + 2, size - 2);
	return 0;
}
