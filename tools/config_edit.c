/* SPDX-License-Identifier: BSD-2-Clause */
/* See config_edit.h. Only options outside sections are edited, and no section has an option of the same name: so a line that
 * begins with the name is the right one. */
#include <stdbool.h>
#include <string.h>

#include "config_edit.h"
#include "util/buf.h"

/* @return whether the line sets the option, or shows it behind a # (then commented). */
static bool is_line_of(const char *line, const char *end, const char *name, bool commented)
{
	size_t length = strlen(name);

	while (line < end && (*line == ' ' || *line == '\t'))
		line++;
	if (commented && (line == end || *line++ != '#'))
		return false;
	if ((size_t)(end - line) <= length || strncmp(line, name, length) != 0)
		return false;
	for (line += length; line < end && (*line == ' ' || *line == '\t');)
		line++;
	return line < end && *line == '=';
}

/* The last such line; NULL. */
static const char *find_line(const char *text, const char *name, bool commented, const char **end_r)
{
	const char *found = NULL;

	while (*text != '\0') {
		const char *end = text + strcspn(text, "\n");

		if (is_line_of(text, end, name, commented)) {
			found = text;
			*end_r = end;
		}
		text = *end == '\n' ? end + 1 : end;
	}
	return found;
}

const char *config_edit_set(struct arena *arena, const char *text, const char *name, const char *value)
{
	struct buf out = buf_make(arena);
	const char *end = text, *line = find_line(text, name, false, &end);

	if (line != NULL) {
		buf_append(&out, text, (size_t)(line - text));
	} else if (find_line(text, name, true, &end) != NULL) {
		buf_append(&out, text, (size_t)(end - text));
		buf_putc(&out, '\n');
	} else {
		end = text;
	}
	buf_printf(&out, "%s = \"%s\"", name, value);
	if (end == text)
		buf_putc(&out, '\n');
	buf_puts(&out, end);
	return out.data;
}
