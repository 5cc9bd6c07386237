/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Fuzz target: From fields. Input: values of From fields, one behind the other, separated by byte 0x1e; the first byte
 * chooses between "From" and "From " as the name. Invariants of struct author are checked.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "message/author.h"
#include "util/domain.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { FIELDS_MAX = 20 };

static void check(bool holds)
{
	if (!holds)
		abort();
}

static void check_author(struct arena *arena, const struct author *author)
{
	check(author->domain_count <= AUTHOR_MAX_DOMAINS);
	check((author->status == AUTHOR_OK) == (author->reason == NULL));
	check(author->status != AUTHOR_OK || (author->domain_count == 1 && author->field_count == 1));
	check(!author->domains_truncated || author->status == AUTHOR_INVALID);
	check(author->status != AUTHOR_MISSING || author->domain_count == 0);
	check(author->status != AUTHOR_MULTIPLE || author->domain_count > 1 || author->field_count > 1);
	for (size_t i = 0; i < author->domain_count; i++) {
		const char *again = domain_normalize(arena, author->domains[i], strlen(author->domains[i]));

		check(again != NULL && strcmp(again, author->domains[i]) == 0);
		for (size_t j = 0; j < i; j++)
			check(strcmp(author->domains[i], author->domains[j]) != 0);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct header_field fields[FIELDS_MAX];
	struct facts facts = { .arena = arena_new(), .fields = fields };
	struct author author;
	const char *p = (const char *)data, *end = p + size, *next;

	while (p < end && facts.field_count < FIELDS_MAX) {
		next = memchr(p, 0x1e, (size_t)(end - p));
		if (next == NULL)
			next = end;
		fields[facts.field_count++] = (struct header_field){
			.name = "From ", .name_length = *p == '\x1f' ? 5 : 4, .value = p, .value_length = (size_t)(next - p),
		};
		p = next + 1;
	}
	author_parse(&facts, &author);
	check_author(facts.arena, &author);
	arena_free(&facts.arena);
	return 0;
}
