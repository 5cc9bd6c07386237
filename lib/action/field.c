/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Folding and quoting. Valid UTF-8 is kept (RFC 6532: the addresses of internationalized mail); everything else above
 * 0x7E and all control bytes become '?'. Values are cut at FIELD_VALUE_MAX bytes.
 */
#include "action/field.h"

#include <stdint.h>
#include <string.h>

struct field field_make(struct arena *arena, size_t name_length)
{
	return (struct field){ .buf = buf_make(arena), .column = name_length };
}

void field_token(struct field *field, const char *token)
{
	struct buf *buf = &field->buf;
	size_t length = strlen(token);

	/* the first token stays on the line of the field's name: a line of white space only would be obsolete syntax */
	if (buf->length != 0 && buf->data[buf->length - 1] != '\t' && field->column + 1 + length > FIELD_LINE_MAX)
		field_fold(field);
	if (buf->length == 0 || buf->data[buf->length - 1] != '\t') {
		buf_putc(buf, ' ');
		field->column++;
	}
	buf_puts(buf, token);
	field->column += length;
}

void field_printf(struct field *field, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	field_token(field, arena_vprintf(field->buf.arena, format, arguments));
	va_end(arguments);
}

void field_glue(struct field *field, const char *text)
{
	buf_puts(&field->buf, text);
	field->column += strlen(text);
}

void field_fold(struct field *field)
{
	buf_puts(&field->buf, "\n\t");
	field->column = 8;
}

/* Length of the UTF-8 character at text (RFC 3629); 0 when it is not one. */
static size_t utf8_length(const char *text)
{
	const uint8_t *b = (const uint8_t *)text;
	size_t length = b[0] < 0x80 ? 1 : b[0] >= 0xc2 && b[0] <= 0xdf ? 2 : (b[0] & 0xf0) == 0xe0 ? 3 :
	    b[0] >= 0xf0 && b[0] <= 0xf4 ? 4 : 0;

	for (size_t i = 1; i < length; i++) {
		if ((b[i] & 0xc0) != 0x80)
			return 0;
	}
	if ((b[0] == 0xe0 && b[1] < 0xa0) || (b[0] == 0xed && b[1] > 0x9f) ||	/* overlong, surrogate */
	    (b[0] == 0xf0 && b[1] < 0x90) || (b[0] == 0xf4 && b[1] > 0x8f))	/* overlong, above U+10FFFF */
		return 0;
	if (b[0] == 0xc2 && b[1] < 0xa0)	/* C1 control characters */
		return 0;
	return length;
}

/* Copies text without control bytes, cut to the maximum at a character's end. */
static char *clean(struct arena *arena, const char *text)
{
	struct buf buf = buf_make(arena);

	while (*text != '\0') {
		size_t length = utf8_length(text);

		if (buf.length + (length != 0 ? length : 1) > FIELD_VALUE_MAX)
			break;
		if (length == 0 || (unsigned char)*text < 0x20 || *text == 0x7f) {
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

bool field_is_domain(const char *text)
{
	size_t length = strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.");

	return length != 0 && length <= 255 && text[length] == '\0';
}

static bool is_atext(unsigned char c)
{
	return c >= 0x80 || (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') ||
	    (c != '\0' && strchr("!#$%&'*+-/=?^_`{|}~", c) != NULL);
}

bool field_is_dot_atom(const char *text, size_t length)
{
	if (length == 0 || length > FIELD_VALUE_MAX || text[0] == '.' || text[length - 1] == '.')
		return false;
	for (size_t i = 0; i < length; i++) {
		if (!is_atext((unsigned char)text[i]) && !(text[i] == '.' && text[i - 1] != '.'))
			return false;
	}
	return true;
}

/* token of RFC 2045: no space, control, 8-bit byte or tspecial. Dots only between others: some parsers expect a dot-atom. */
static bool is_token(const char *text)
{
	size_t length = strlen(text);

	if (length == 0 || text[0] == '.' || text[length - 1] == '.' || strstr(text, "..") != NULL)
		return false;
	for (; *text != '\0'; text++) {
		if ((unsigned char)*text <= 0x20 || (unsigned char)*text >= 0x7f || strchr("()<>@,;:\\\"/[]?=", *text) != NULL)
			return false;
	}
	return true;
}

/* [local-part] "@" domain-name, the local part a dot-atom or nothing. */
static bool is_addr_spec(const char *text)
{
	const char *at = strrchr(text, '@');

	if (at == NULL || !field_is_domain(at + 1) || !is_token(at + 1))
		return false;
	return at == text || field_is_dot_atom(text, (size_t)(at - text));
}

static const char *quote(struct arena *arena, const char *text)
{
	struct buf buf = buf_make(arena);

	buf_putc(&buf, '"');
	for (; *text != '\0'; text++) {
		if (*text == '"' || *text == '\\')
			buf_putc(&buf, '\\');
		buf_putc(&buf, *text);
	}
	buf_putc(&buf, '"');
	return buf.data;
}

const char *field_quoted(struct arena *arena, const char *text)
{
	return quote(arena, clean(arena, text));
}

const char *field_value(struct arena *arena, const char *text)
{
	const char *cleaned = clean(arena, text);

	return is_token(cleaned) || is_addr_spec(cleaned) ? cleaned : quote(arena, cleaned);
}

const char *field_dot_atom(struct arena *arena, const char *text)
{
	const char *cleaned = clean(arena, text);

	return field_is_dot_atom(cleaned, strlen(cleaned)) ? cleaned : quote(arena, cleaned);
}

/* One word of a comment, escaped, parentheses included at its ends where asked for. */
static void comment_word(struct field *field, const char *word, size_t length, bool first, bool last)
{
	struct buf buf = buf_make(field->buf.arena);

	if (first)
		buf_putc(&buf, '(');
	for (size_t i = 0; i < length; i++) {
		if (strchr("()\\", word[i]) != NULL)
			buf_putc(&buf, '\\');
		buf_putc(&buf, word[i]);
	}
	if (last)
		buf_putc(&buf, ')');
	field_token(field, buf.data);
}

void field_comment(struct field *field, const char *text)
{
	const char *word = text != NULL ? clean(field->buf.arena, text) : "";
	bool first = true;

	word += strspn(word, " ");
	while (*word != '\0') {
		size_t length = strcspn(word, " "), next = length + strspn(word + length, " ");

		comment_word(field, word, length, first, word[next] == '\0');
		first = false;
		word += next;
	}
}
