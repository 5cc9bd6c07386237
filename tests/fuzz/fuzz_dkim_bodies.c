/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A body in both canonical forms, and one of them with l=: our hashes against libopendkim's. The first byte says how the body is
 * cut, the second how long l= is and of which form.
 */
#include <stdint.h>
#include <stdlib.h>

#include "../unit/dkim_library_body.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t chunk_bytes;

static size_t same_chunk(void)
{
	return chunk_bytes;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct body_question questions[] = { { false, false, 0 }, { true, false, 0 }, { false, true, 0 } };

	if (size < 2)
		return 0;
	chunk_bytes = data[0] != 0 ? data[0] : SIZE_MAX;
	questions[2].relaxed = data[1] % 2 != 0;
	questions[2].length = data[1] / 2;
	if (body_hashes_compare((const char *)data + 2, size - 2, questions, 3, same_chunk) != NULL)
		abort();
	return 0;
}
