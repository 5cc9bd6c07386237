/* SPDX-License-Identifier: BSD-2-Clause */
/* Fuzz target: rows of aggregate reports as the record has them. Input: a byte that says which, then the text. What can be read is
 * written again as the same. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "check/dmarc/feedback.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds)
{
	if (!holds)
		abort();
}

static void try_policy(struct arena *arena, const char *text)
{
	struct feedback_policy policy, back;
	const char *written;

	if (feedback_policy_read(arena, text, &policy) != 0)
		return;
	written = feedback_policy_write(arena, &policy);
	check(feedback_policy_read(arena, written, &back) == 0);
	check(strcmp(feedback_policy_write(arena, &back), written) == 0);
}

static void try_row(struct arena *arena, const char *text)
{
	struct feedback_row row, back;
	const char *written;

	if (feedback_row_read(arena, text, &row) != 0)
		return;
	check(row.signature_count <= FEEDBACK_SIGNATURES_MAX && row.comment != NULL && row.header_from != NULL);
	written = feedback_row_write(arena, &row);
	check(feedback_row_read(arena, written, &back) == 0);
	check(back.signature_count <= row.signature_count && back.disposition == row.disposition && back.reason == row.reason);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *arena = arena_new();

	if (size > 0 && data[0] == 'p')
		try_policy(arena, arena_strndup(arena, (const char *)data + 1, size - 1));
	else if (size > 0)
		try_row(arena, arena_strndup(arena, (const char *)data + 1, size - 1));
	arena_free(&arena);
	return 0;
}
