/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Files of opendkim and opendmarc: "Name value" lines, '#' begins a comment anywhere. Trusts nothing: bytes, lines and options
 * are capped, and what no such file has is refused. Pure.
 */
#include <string.h>
#include <strings.h>

#include "config/import_internal.h"
#include "util/error.h"

static void cut_end(char *text)
{
	size_t length = strlen(text);

	while (length > 0 && strchr(" \t\r", text[length - 1]) != NULL)
		text[--length] = '\0';
}

/* @return why it is no line of such a file; NULL: it is. */
static const char *take_line(char *line, unsigned number, struct import_file *file)
{
	size_t length;
	char *value;

	for (const char *c = line; *c != '\0'; c++) {
		if (((unsigned char)*c < 0x20 && *c != '\t' && *c != '\r') || *c == 0x7f)
			return "a control byte: this is not a text file";
	}
	line[strcspn(line, "#")] = '\0';
	cut_end(line);
	line += strspn(line, " \t");
	if (*line == '\0')
		return NULL;
	if (file->count == IMPORT_OPTIONS_MAX)
		return "more options than such a file has";
	length = strcspn(line, " \t");
	value = line + length + strspn(line + length, " \t");
	line[length] = '\0';
	file->lines[file->count++] = (struct import_line){ .name = line, .value = value, .line = number };
	return NULL;
}

int import_file_parse(const char *text, size_t length, struct arena *arena, struct import_file *file_r, const char **why_r,
    unsigned *line_r)
{
	char *rest, *line;

	*line_r = 0;
	file_r->count = 0;
	*why_r = length > IMPORT_FILE_MAX ? "longer than 64 KiB: this is another kind of file" : "a NUL byte: this is not a text file";
	if (length > IMPORT_FILE_MAX || memchr(text, '\0', length) != NULL)
		return -E_SYNTAX;
	*why_r = NULL;
	rest = arena_strndup(arena, text, length);
	for (unsigned number = 1; *why_r == NULL && (line = strsep(&rest, "\n")) != NULL; number++) {
		*line_r = number;
		*why_r = strlen(line) > IMPORT_LINE_MAX ? "a line longer than 1024 bytes" : take_line(line, number, file_r);
	}
	return *why_r == NULL ? 0 : -E_SYNTAX;
}

const struct import_line *import_find(const struct import_file *file, const char *name)
{
	const struct import_line *found = NULL;

	for (size_t i = 0; file != NULL && i < file->count; i++) {
		if (strcasecmp(file->lines[i].name, name) == 0)
			found = &file->lines[i];
	}
	return found;
}

bool import_bool(const char *value, bool *value_r)
{
	*value_r = value[0] != '\0' && strchr("TtYy1", value[0]) != NULL;
	return *value_r || (value[0] != '\0' && strchr("FfNn0", value[0]) != NULL);
}

const char **import_split(struct arena *arena, const char *text, const char *separators, bool *more_r)
{
	const char **items = arena_calloc(arena, IMPORT_VALUES_MAX + 1, sizeof(*items));
	char *save = NULL, *item, *copy = arena_strdup(arena, text);
	size_t count = 0;

	*more_r = false;
	for (item = strtok_r(copy, separators, &save); item != NULL; item = strtok_r(NULL, separators, &save)) {
		if (count == IMPORT_VALUES_MAX) {
			*more_r = true;
			break;
		}
		items[count++] = item;
	}
	return items;
}
