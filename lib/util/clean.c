/* SPDX-License-Identifier: BSD-2-Clause */
/* The table of characters, and the ways in which text from outside is made harmless. Trusts nothing of it but its NUL. */
#include "util/clean.h"

#include <string.h>

#include "util/utf8.h"

#define C CLEAN_CONTROL
#define S (CLEAN_TEXT | CLEAN_PLAIN)
#define Q (CLEAN_TEXT | CLEAN_GRAPH)
#define G (Q | CLEAN_PLAIN)
#define N CLEAN_NAME
#define B CLEAN_BARE
#define X CLEAN_ATEXT
#define T CLEAN_TOKEN
#define A (G | N | B | X | T)	/* letters and digits */

const unsigned char clean_table[256] = {
	C, C, C, C, C, C, C, C, C, C, C, C, C, C, C, C,
	C, C, C, C, C, C, C, C, C, C, C, C, C, C, C, C,
	/* blank to '  */ S, G | X | T, Q, G | X | T, G | X | T, G | X | T, G | X | T, G | X | T,
	/* ( to / */ G, G, G | B | X | T, G | B | X | T, G | B, G | B | N | X | T, G | B | N | T, G | B | X,
	A, A, A, A, A, A, A, A, A, A,
	/* : to @ */ G | B, G, G | B, G | X, G | B, G | X, G | B,
	A, A, A, A, A, A, A, A, A, A, A, A, A, A, A, A, A, A, A, A, A, A, A, A, A, A,
	/* [ to ` */ G | B, Q, G | B, G | X | T, G | B | N | X | T, G | X | T,
	A, A, A, A, A, A, A, A, A, A, A, A, A, A, A, A, A, A, A, A, A, A, A, A, A, A,
	/* { to ~ */ G | X | T, G | X | T, G | X | T, G | X | T, C,
};

#undef C
#undef S
#undef G
#undef Q
#undef N
#undef B
#undef X
#undef T
#undef A

size_t clean_span(const char *text, enum clean_class class)
{
	size_t length = 0;

	while (text[length] != '\0' && clean_is(text[length], class))
		length++;
	return length;
}

void clean_smtp(struct buf *buf, const char *text, size_t max)
{
	for (; *text != '\0' && max > 0; text++, max--)
		buf_putc(buf, clean_smtp_char(*text));
}

const char *clean_word(struct arena *arena, const char *text, size_t max)
{
	char *copy = arena_strndup(arena, text, strnlen(text, max));

	for (char *c = copy; *c != '\0'; c++)
		if (!clean_is(*c, CLEAN_GRAPH))
			*c = '?';
	return copy;
}

/* Length of what may stand in a field: a character of ASCII or UTF-8 that is no control character; 0 for an octet that may not. */
static size_t field_char_length(const char *text)
{
	size_t length = utf8_char_length(text, strnlen(text, 4));

	if (clean_is(*text, CLEAN_CONTROL))
		return 0;
	if (length == 2 && (unsigned char)text[0] == 0xc2 && (unsigned char)text[1] < 0xa0)	/* C1 */
		return 0;
	return length;
}

char *clean_field(struct arena *arena, const char *text, size_t max)
{
	size_t plain = clean_span(text, CLEAN_TEXT);
	struct buf buf;

	/* nearly all values are plain from end to end */
	if (plain >= max || text[plain] == '\0')
		return arena_strndup(arena, text, plain < max ? plain : max);
	buf = buf_make(arena);
	buf_append(&buf, text, plain);
	text += plain;
	while (*text != '\0') {
		size_t length = field_char_length(text);

		if (buf.length + (length != 0 ? length : 1) > max)
			break;
		if (length == 0) {
			buf_putc(&buf, '?');
			length = 1;
		} else {
			buf_append(&buf, text, length);
		}
		text += length;
	}
	/* an own copy: an empty buffer's data is shared */
	return arena_strndup(arena, buf.data, buf.length);
}

size_t clean_escape(char c, char text_r[CLEAN_ESCAPE_MAX])
{
	static const char hex[] = "0123456789abcdef";

	text_r[0] = c;
	if (clean_is(c, CLEAN_TEXT))
		return 1;
	text_r[0] = '\\';
	text_r[1] = 'x';
	text_r[2] = hex[(unsigned char)c >> 4];
	text_r[3] = hex[(unsigned char)c & 15];
	return CLEAN_ESCAPE_MAX;
}

void clean_log_line(char *line_r, size_t room, const char *text)
{
	size_t used = 0;

	while (*text != '\0' && used + CLEAN_ESCAPE_MAX + 1 < room)
		used += clean_escape(*text++, line_r + used);
	line_r[used] = '\0';
}

void clean_terminal(FILE *out, const char *text)
{
	char escaped[CLEAN_ESCAPE_MAX];

	for (; *text != '\0'; text++)
		fwrite(escaped, 1, clean_escape(*text, escaped), out);
}
