/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Folding and quoting. Valid UTF-8 is kept (RFC 6532: the addresses of internationalized mail); everything else above
 * 0x7E and all control bytes become '?'. Values are cut at FIELD_VALUE_MAX bytes.
 */
#include "action/field.h"

#include <string.h>

#include "util/clean.h"

struct field field_make(struct arena *arena, size_t name_length)
{
	return (struct field){ .buf = buf_make(arena), .column = name_length };
}

/* White space, or a fold, before a token of so many octets. */
static void token_begin(struct field *field, size_t length)
{
	struct buf *buf = &field->buf;

	/* the first token stays on the line of the field's name: a line of white space only would be obsolete syntax */
	if (buf->length != 0 && buf->data[buf->length - 1] != '\t' && field->column + 1 + length > FIELD_LINE_MAX)
		field_fold(field);
	if (buf->length == 0 || buf->data[buf->length - 1] != '\t') {
		buf_putc(buf, ' ');
		field->column++;
	}
	field->column += length;
}

void field_token(struct field *field, const char *token)
{
	size_t length = strlen(token);

	token_begin(field, length);
	buf_append(&field->buf, token, length);
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

bool field_is_domain(const char *text)
{
	size_t length = clean_span(text, CLEAN_NAME);

	return length != 0 && length <= 255 && text[length] == '\0';
}

/* With the 8-bit octets of UTF-8 (RFC 6532). */
static bool is_atext(char c)
{
	return (unsigned char)c >= 0x80 || clean_is(c, CLEAN_ATEXT);
}

bool field_is_dot_atom(const char *text, size_t length)
{
	if (length == 0 || length > FIELD_VALUE_MAX || text[0] == '.' || text[length - 1] == '.')
		return false;
	for (size_t i = 0; i < length; i++) {
		if (!is_atext(text[i]) && !(text[i] == '.' && text[i - 1] != '.'))
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
	return clean_span(text, CLEAN_TOKEN) == length;
}

/* domain-name of RFC 6376 section 3.5: two labels or more, of letters, digits and hyphens, none of these at an end of a label. */
static bool is_domain_name(const char *text)
{
	size_t length = strlen(text), label = 0, dots = 0;

	if (length > 255)
		return false;
	for (size_t i = 0; i <= length; i++) {
		if (text[i] == '.' || text[i] == '\0') {
			if (label == 0 || text[i - label] == '-' || text[i - 1] == '-')
				return false;
			dots += text[i] == '.';
			label = 0;
		} else if (text[i] == '_' || !clean_is(text[i], CLEAN_NAME)) {
			return false;
		} else {
			label++;
		}
	}
	return dots != 0;
}

/* [local-part] "@" domain-name, the local part a dot-atom in ASCII or nothing. */
static bool is_addr_spec(const char *text)
{
	const char *at = strrchr(text, '@');

	if (at == NULL || !is_domain_name(at + 1))
		return false;
	return at == text || (field_is_dot_atom(text, (size_t)(at - text)) && clean_span(text, CLEAN_GRAPH) == strlen(text));
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
	return quote(arena, clean_field(arena, text, FIELD_VALUE_MAX));
}

const char *field_id(struct arena *arena, const char *text)
{
	const char *cleaned = clean_field(arena, text, FIELD_VALUE_MAX);

	return is_token(cleaned) ? cleaned : quote(arena, cleaned);
}

const char *field_value(struct arena *arena, const char *text)
{
	const char *cleaned = clean_field(arena, text, FIELD_VALUE_MAX);
	bool bare = is_addr_spec(cleaned) || (strchr(cleaned, '.') != NULL ? is_domain_name(cleaned) : is_token(cleaned));

	return bare ? cleaned : quote(arena, cleaned);
}

const char *field_plain(struct arena *arena, const char *text)
{
	char *plain = arena_strdup(arena, text);

	for (char *c = plain; *c != '\0'; c++) {
		switch (*c) {
		case '(': *c = '['; break;
		case ')': *c = ']'; break;
		case '\\': *c = '/'; break;
		case '"': *c = '\''; break;
		default: break;
		}
	}
	return plain;
}

const char *field_dot_atom(struct arena *arena, const char *text)
{
	const char *cleaned = clean_field(arena, text, FIELD_VALUE_MAX);

	return field_is_dot_atom(cleaned, strlen(cleaned)) ? cleaned : quote(arena, cleaned);
}

static bool is_special(char c)
{
	return c == '(' || c == ')' || c == '\\';
}

/* One word of a comment, escaped, parentheses included at its ends where asked for. */
static void comment_word(struct field *field, const char *word, size_t length, bool first, bool last)
{
	struct buf *buf = &field->buf;
	size_t specials = 0;

	for (size_t i = 0; i < length; i++)
		specials += is_special(word[i]);
	token_begin(field, first + length + specials + last);
	if (first)
		buf_putc(buf, '(');
	for (size_t i = 0; specials != 0 && i < length; i++) {
		if (is_special(word[i]))
			buf_putc(buf, '\\');
		buf_putc(buf, word[i]);
	}
	if (specials == 0)
		buf_append(buf, word, length);
	if (last)
		buf_putc(buf, ')');
}

void field_comment(struct field *field, const char *text)
{
	const char *word = text != NULL ? clean_field(field->buf.arena, text, FIELD_VALUE_MAX) : "";
	bool first = true;

	word += strspn(word, " ");
	while (*word != '\0') {
		size_t length = strcspn(word, " "), next = length + strspn(word + length, " ");

		comment_word(field, word, length, first, word[next] == '\0');
		first = false;
		word += next;
	}
}
