/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Fuzz target: the header of a failure report. Input: fields "Name:value", one behind the other, separated by byte 0x1e, any bytes but
 * NUL. What comes out must be fields of printable ASCII, bounded, without an empty line. (That no
 * local part is in it is the matter of tests/unit/test_redact.c: a Message-ID has something like one.)
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "action/redact.h"
#include "util/clean.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { FIELDS_MAX = 60, LINE_MAX_BYTES = 998 };

static void check(bool holds)
{
	if (!holds)
		abort();
}

static void check_lines(const char *header)
{
	size_t line = 0, length = strlen(header);

	check(length <= REDACT_HEADER_MAX);
	check(length == 0 || header[length - 1] == '\n');
	for (size_t i = 0; i < length; i++) {
		if (header[i] == '\n') {
			check(line != 0);
			line = 0;
			continue;
		}
		check(clean_is(header[i], CLEAN_TEXT) || (header[i] == '\t' && line == 0 && i != 0));
		check(++line <= LINE_MAX_BYTES);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct redact_key key = { .bytes = "fuzz" };
	struct header_field fields[FIELDS_MAX];
	struct facts facts = { .arena = arena_new(), .fields = fields };
	char *text = arena_strndup(facts.arena, (const char *)data, size), *end = text + size, *next, *colon;
	const char *header;

	for (char *p = text; p < end && facts.field_count < FIELDS_MAX; p = next + 1) {
		next = memchr(p, 0x1e, (size_t)(end - p));
		if (next == NULL)
			next = end;
		colon = memchr(p, ':', (size_t)(next - p));
		if (colon == NULL)
			continue;
		*next = '\0';
		fields[facts.field_count++] = (struct header_field){ .name = p, .name_length = (size_t)(colon - p), .value = colon + 1,
			.value_length = (size_t)(next - colon - 1) };
	}
	header = redact_header(facts.arena, &key, &facts);
	check_lines(header);
	arena_free(&facts.arena);
	return 0;
}
