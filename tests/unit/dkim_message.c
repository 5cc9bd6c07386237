/* SPDX-License-Identifier: BSD-2-Clause */
/* See dkim_message.h. The reader of header fields is as simple as may be: it is fed by tests. */
#include "dkim_message.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

char *dkim_read_file(const char *path, size_t *length_r)
{
	FILE *file = fopen(path, "rb");
	char *data = NULL;
	size_t room = 0, length = 0, got;

	if (file == NULL) {
		perror(path);
		exit(1);
	}
	do {
		if (room - length < 65537) {
			room = room * 2 + 131072;
			data = realloc(data, room);
			if (data == NULL)
				abort();
		}
		got = fread(data + length, 1, room - length - 1, file);
		length += got;
	} while (got != 0);
	fclose(file);
	data[length] = '\0';
	*length_r = length;
	return data;
}

/* End of the field that begins at text: behind its last line. */
static size_t field_end(const char *text, size_t length)
{
	size_t at = 0;

	do {
		const char *end = memchr(text + at, '\n', length - at);

		at = end != NULL ? (size_t)(end - text) + 1 : length;
	} while (at < length && (text[at] == ' ' || text[at] == '\t'));
	return at;
}

/* A copy with folds as LF, without NULs and without the last line end, as facts have it. */
static char *field_value(struct arena *arena, const char *text, size_t length, size_t *length_r)
{
	char *copy = arena_alloc(arena, length + 1);
	size_t out = 0;

	if (length != 0 && text[length - 1] == '\n')
		length--;
	if (length != 0 && text[length - 1] == '\r')
		length--;
	for (size_t i = 0; i < length; i++)
		if (text[i] != '\0' && !(text[i] == '\r' && i + 1 < length && text[i + 1] == '\n'))
			copy[out++] = text[i];
	copy[out] = '\0';
	*length_r = out;
	return copy;
}

static void field_add(struct dkim_case *test, struct header_field *fields, const char *text, size_t length)
{
	const char *colon = memchr(text, ':', length);
	struct header_field *field = &fields[test->facts.field_count];

	if (colon == NULL)
		return;
	field->name = field_value(test->arena, text, (size_t)(colon - text), &field->name_length);
	field->value = field_value(test->arena, colon + 1, length - (size_t)(colon + 1 - text), &field->value_length);
	field->occurrence = 1;	/* not looked at by the check */
	test->facts.header_bytes += length;
	test->facts.field_count++;
}

size_t dkim_case_header(struct dkim_case *test, const char *message, size_t length)
{
	size_t at = 0, lines = 1;
	struct header_field *fields;

	/* of the header only: a body of blank lines would cost more here than in the check */
	for (const char *line = message; (line = memchr(line, '\n', length - (size_t)(line - message))) != NULL; line++) {
		lines++;
		if (message + length - line > 2 && (line[1] == '\n' || (line[1] == '\r' && line[2] == '\n')))
			break;
	}
	fields = arena_calloc(test->arena, lines, sizeof *fields);
	test->facts.fields = fields;
	while (at < length) {
		size_t size = field_end(message + at, length - at);

		if (message[at] == '\n' || (message[at] == '\r' && at + 1 < length && message[at + 1] == '\n'))
			return at + (message[at] == '\r' ? 2 : 1);
		field_add(test, fields, message + at, size);
		at += size;
	}
	return length;
}

void dkim_case_run(struct dkim_case *test, const char *message, size_t length)
{
	struct check_shared shared = { .dkim = test->engine };
	struct check_context context = { .config = test->config, .shared = &shared, .facts = &test->facts,
		.author = &test->author, .dns = test->dns, .results = &test->results };
	size_t at;

	test->arena = context.arena = arena_new();
	memset(&test->facts, 0, sizeof test->facts);
	memset(&test->results, 0, sizeof test->results);
	test->facts.arena = test->arena;
	test->facts.time_secs = test->time_secs;
	at = dkim_case_header(test, message, length);
	author_parse(&test->facts, &test->author);
	test->wanted_body = check_dkim.header(&context);
	while (test->wanted_body && at < length) {
		size_t size = length - at;

		if (test->chunk_bytes != 0 && size > test->chunk_bytes)
			size = test->chunk_bytes;
		check_dkim.body(&context, message + at, size);
		at += size;
	}
	check_dkim.judge(&context);
	check_dkim.release(&context);
}

void dkim_case_free(struct dkim_case *test)
{
	arena_free(&test->arena);
}
