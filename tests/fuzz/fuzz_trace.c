/* SPDX-License-Identifier: BSD-2-Clause */
/* A trace out of a database. What is read has names that are there, and reads alike when it is written again. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "pipeline/trace_text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int condition)
{
	if (!condition)
		abort();
}

static void write_line(struct buf *text, struct arena *arena, const struct trace_line *line)
{
	struct buf one = buf_make(arena);

	require(line->word[0] != '\0');
	buf_puts(&one, line->word);
	for (size_t i = 0; i < line->count; i++) {
		require(line->fields[i].key[0] != '\0' && trace_get(line, line->fields[i].key) == line->fields[i].value);
		log_field_put_long(&one, line->fields[i].key, line->fields[i].value, TRACE_TEXT_MAX);
	}
	buf_printf(text, "%s\n", one.data);
}

static void check_again(const struct trace *trace, struct arena *arena)
{
	struct buf text = buf_make(arena);
	struct trace again;

	require(trace->count <= TRACE_LINES_MAX);
	buf_puts(&text, "assay-trace 1\n");
	for (size_t i = 0; i < trace->count; i++)
		write_line(&text, arena, &trace->lines[i]);
	buf_puts(&text, "end\n");
	if (text.length > TRACE_TEXT_MAX)	/* a quote in place of bare text may make it longer */
		return;
	require(trace_read(text.data, arena, &again) == 0 && again.count == trace->count);
	for (size_t i = 0; i < trace->count; i++) {
		require(strcmp(again.lines[i].word, trace->lines[i].word) == 0 && again.lines[i].count == trace->lines[i].count);
		for (size_t j = 0; j < trace->lines[i].count; j++)
			require(strcmp(again.lines[i].fields[j].value, trace->lines[i].fields[j].value) == 0);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *arena = arena_new();
	struct trace trace;

	if (trace_read(arena_strndup(arena, (const char *)data, size), arena, &trace) == 0)
		check_again(&trace, arena);
	arena_free(&arena);
	return 0;
}
