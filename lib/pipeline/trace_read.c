/* SPDX-License-Identifier: BSD-2-Clause */
/* Text → trace. It comes from a database: of this program, of another version, or of anybody who can write the file. Pure. */
#include "pipeline/trace_text.h"

#include <string.h>

#include "util/error.h"

static const char head[] = "assay-trace ";

const struct word trace_stage_words[] = {
	{ "judged", TRACE_JUDGED }, { "refused-at-rcpt", TRACE_REFUSED_AT_RCPT }, { "given-up", TRACE_GIVEN_UP }, { 0 }
};

static int read_line(const char *text, size_t length, struct arena *arena, struct trace_line *line_r)
{
	size_t word = 0;
	struct log_record record;
	int code;

	while (word < length && ((text[word] >= 'a' && text[word] <= 'z') || text[word] == '-'))
		word++;
	*line_r = (struct trace_line){ .word = arena_strndup(arena, text, word) };
	if (word == 0 || (word < length && text[word] != ' '))
		return -E_SYNTAX;
	if (word == length)
		return 0;
	code = log_fields_parse(text + word + 1, length - word - 1, arena, &record);
	if (code != 0)
		return code;
	line_r->fields = arena_memdup(arena, record.fields, record.count * sizeof(record.fields[0]));
	line_r->count = record.count;
	return 0;
}

/* The line that says the version. @return 0 with *text behind it. */
static int read_head(const char **text)
{
	const char *version = *text + strlen(head);
	size_t digits;

	if (strncmp(*text, head, strlen(head)) != 0)
		return -E_SYNTAX;
	digits = strspn(version, "0123456789");
	if (digits == 0 || version[digits] != '\n')
		return -E_SYNTAX;
	*text = version + digits + 1;
	return digits == 1 && version[0] == '1' ? 0 : -E_ABSENT;
}

int trace_read(const char *text, struct arena *arena, struct trace *trace_r)
{
	struct trace_line line = { .word = "" };
	const char *end;
	int code;

	*trace_r = (struct trace){ 0 };
	if (strnlen(text, TRACE_TEXT_MAX + 1) > TRACE_TEXT_MAX)
		return -E_LIMIT;
	code = read_head(&text);
	if (code != 0)
		return code;
	trace_r->lines = arena_calloc(arena, TRACE_LINES_MAX, sizeof(*trace_r->lines));
	for (; *text != '\0'; text = end + 1) {
		end = strchr(text, '\n');
		if (end == NULL || strcmp(line.word, "end") == 0)
			return -E_SYNTAX;
		code = read_line(text, (size_t)(end - text), arena, &line);
		if (code != 0)
			return code;
		if (strcmp(line.word, "end") == 0)
			continue;
		if (trace_r->count == TRACE_LINES_MAX)
			return -E_LIMIT;
		trace_r->lines[trace_r->count++] = line;
	}
	if (strcmp(line.word, "end") != 0)
		return -E_SYNTAX;
	trace_r->left_out = trace_get(&line, "left_out");
	return 0;
}

const char *trace_get(const struct trace_line *line, const char *key)
{
	for (size_t i = 0; i < line->count; i++)
		if (strcmp(line->fields[i].key, key) == 0)
			return line->fields[i].value;
	return NULL;
}

const struct trace_line *trace_find(const struct trace *trace, const char *word)
{
	for (size_t i = 0; i < trace->count; i++)
		if (strcmp(trace->lines[i].word, word) == 0)
			return &trace->lines[i];
	return NULL;
}
