/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Recursive descent over the grammar of RFC 8601 section 2.2, with comments, folding white space, quoted strings and
 * quoted pairs of RFC 5322. No recursion on input: nested comments are counted. Strict: what does not follow the grammar
 * is -E_SYNTAX, never guessed.
 */
#include "message/authres_parse.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

#include "util/buf.h"
#include "util/error.h"

struct cursor {
	const char *at, *end;
	struct arena *arena;
	bool loose;		/* words that are no properties may stand among them */
};

static bool at_end(const struct cursor *cursor)
{
	return cursor->at == cursor->end;
}

static bool is_wsp(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* Comment with nesting; the cursor is at "(". @return false when it does not end. */
static bool skip_comment(struct cursor *cursor)
{
	size_t depth = 0;

	for (; !at_end(cursor); cursor->at++) {
		if (*cursor->at == '\\') {
			if (++cursor->at == cursor->end)
				return false;
		} else if (*cursor->at == '(') {
			depth++;
		} else if (*cursor->at == ')' && --depth == 0) {
			cursor->at++;
			return true;
		}
	}
	return false;
}

/* [CFWS] */
static bool skip_cfws(struct cursor *cursor)
{
	while (!at_end(cursor)) {
		if (is_wsp(*cursor->at))
			cursor->at++;
		else if (*cursor->at != '(')
			return true;
		else if (!skip_comment(cursor))
			return false;
	}
	return true;
}

static bool take(struct cursor *cursor, char c)
{
	if (at_end(cursor) || *cursor->at != c)
		return false;
	cursor->at++;
	return true;
}

static bool is_token_char(char c)
{
	unsigned char u = (unsigned char)c;

	return u > 0x20 && u != 0x7f && strchr("()<>@,;:\\\"/[]?=", c) == NULL;
}

static bool is_keyword_char(char c)
{
	return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || c == '-' || c == '_';
}

/* One or more characters of a class. @return NULL when there is none. */
static const char *take_run(struct cursor *cursor, bool (*belongs)(char))
{
	const char *start = cursor->at;

	while (!at_end(cursor) && belongs(*cursor->at))
		cursor->at++;
	return cursor->at == start ? NULL : arena_strndup(cursor->arena, start, (size_t)(cursor->at - start));
}

static const char *take_quoted(struct cursor *cursor)
{
	struct buf buf = buf_make(cursor->arena);

	cursor->at++;
	for (; !at_end(cursor); cursor->at++) {
		if (*cursor->at == '"') {
			cursor->at++;
			return buf.data;
		}
		if (*cursor->at == '\\' && ++cursor->at == cursor->end)
			return NULL;
		if (*cursor->at != '\n' && *cursor->at != '\r')
			buf_putc(&buf, *cursor->at);
	}
	return NULL;
}

/* value = token / quoted-string (RFC 2045); 8-bit bytes are let in for internationalized mail. */
static const char *take_value(struct cursor *cursor)
{
	if (!at_end(cursor) && *cursor->at == '"')
		return take_quoted(cursor);
	return take_run(cursor, is_token_char);
}

static bool is_pvalue_char(char c)
{
	unsigned char u = (unsigned char)c;

	/* token, or atext and "@" of an address */
	return is_token_char(c) || c == '@' || c == '/' || c == '=' || c == '?' || u >= 0x80;
}

/* pvalue = value / [[local-part] "@"] domain-name */
static const char *take_pvalue(struct cursor *cursor)
{
	const char *text, *at;

	if (!at_end(cursor) && *cursor->at == '"') {
		text = take_quoted(cursor);
		if (text == NULL || !take(cursor, '@'))
			return text;
		at = take_run(cursor, is_token_char);
		return at == NULL ? NULL : arena_printf(cursor->arena, "%s@%s", text, at);
	}
	text = take_run(cursor, is_pvalue_char);
	if (text == NULL || strpbrk(text, "@/=?") == NULL)
		return text;
	/* not a token, so it must be an address */
	at = strchr(text, '@');
	return at != NULL && strchr(at + 1, '@') == NULL && at[1] != '\0' && strpbrk(at, "/=?") == NULL ? text : NULL;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static int parse_id(struct cursor *cursor, struct authres *authres_r)
{
	if (!skip_cfws(cursor))
		return -E_SYNTAX;
	authres_r->authserv_id = take_value(cursor);
	if (authres_r->authserv_id == NULL || !skip_cfws(cursor))
		return -E_SYNTAX;
	authres_r->version = take_run(cursor, is_digit);
	if (!skip_cfws(cursor) || (!at_end(cursor) && *cursor->at != ';'))
		return -E_SYNTAX;
	return 0;
}

/* "reason" [CFWS] "=" [CFWS] value, the word already read. */
static int parse_reason(struct cursor *cursor, struct authres_method *method)
{
	if (method->reason != NULL || method->property_count != 0 || !take(cursor, '=') || !skip_cfws(cursor))
		return -E_SYNTAX;
	method->reason = take_value(cursor);
	return method->reason != NULL ? 0 : -E_SYNTAX;
}

/* ptype [CFWS] "." [CFWS] property [CFWS] "=" pvalue, the ptype already read. */
static int parse_property(struct cursor *cursor, const char *ptype, struct authres_method *method,
    struct authres_property *properties)
{
	struct authres_property *property = &properties[method->property_count];

	if (method->property_count == AUTHRES_PROPERTIES_MAX)
		return -E_LIMIT;
	if (take(cursor, '.')) {
		property->ptype = ptype;
		property->property = skip_cfws(cursor) ? take_run(cursor, is_keyword_char) : NULL;
	} else if (cursor->loose) {
		property->ptype = "";
		property->property = ptype;
	} else {
		return -E_SYNTAX;
	}
	if (property->property == NULL || !skip_cfws(cursor) || !take(cursor, '=') || !skip_cfws(cursor))
		return -E_SYNTAX;
	property->value = take_pvalue(cursor);
	if (property->value == NULL)
		return -E_SYNTAX;
	method->property_count++;
	return 0;
}

/* method [CFWS] ["/" version] "=" result, reason and properties, up to ";" or the end. */
static int parse_method(struct cursor *cursor, const char *name, struct authres_method *method)
{
	struct authres_property properties[AUTHRES_PROPERTIES_MAX];
	const char *word;
	int error;

	method->method = name;
	if (take(cursor, '/') && (!skip_cfws(cursor) || take_run(cursor, is_digit) == NULL || !skip_cfws(cursor)))
		return -E_SYNTAX;
	if (!take(cursor, '=') || !skip_cfws(cursor))
		return -E_SYNTAX;
	method->result = take_run(cursor, is_keyword_char);
	if (method->result == NULL || !skip_cfws(cursor))
		return -E_SYNTAX;
	while (!at_end(cursor) && *cursor->at != ';') {
		word = take_run(cursor, is_keyword_char);
		if (word == NULL || !skip_cfws(cursor))
			return -E_SYNTAX;
		error = strcasecmp(word, "reason") == 0 ? parse_reason(cursor, method) :
		    parse_property(cursor, word, method, properties);
		if (error != 0)
			return error;
		if (!skip_cfws(cursor))
			return -E_SYNTAX;
	}
	method->properties = arena_memdup(cursor->arena, properties, method->property_count * sizeof(properties[0]));
	return 0;
}

int authres_parse_id(const char *value, size_t length, struct arena *arena, const char **id_r, size_t *used_r)
{
	struct cursor cursor = { value, value + length, arena, false };
	struct authres authres = { 0 };
	int error = parse_id(&cursor, &authres);

	*id_r = error == 0 ? authres.authserv_id : NULL;
	*used_r = (size_t)(cursor.at - value);
	return error;
}

static int parse_all(struct cursor cursor, struct authres *authres_r)
{
	struct authres_method methods[AUTHRES_METHODS_MAX];
	size_t count = 0;
	const char *word;
	int error;

	memset(authres_r, 0, sizeof(*authres_r));
	error = parse_id(&cursor, authres_r);
	while (error == 0 && !at_end(&cursor)) {
		if (!take(&cursor, ';') || !skip_cfws(&cursor))
			return -E_SYNTAX;
		word = take_run(&cursor, is_keyword_char);
		if (word == NULL || !skip_cfws(&cursor))
			return -E_SYNTAX;
		if (strcasecmp(word, "none") == 0 && count == 0 && at_end(&cursor))
			return 0;
		if (count == AUTHRES_METHODS_MAX)
			return -E_LIMIT;
		memset(&methods[count], 0, sizeof(methods[count]));
		error = parse_method(&cursor, word, &methods[count++]);
	}
	if (error == 0 && count == 0)
		return -E_SYNTAX;
	authres_r->methods = arena_memdup(cursor.arena, methods, count * sizeof(methods[0]));
	authres_r->method_count = count;
	return error;
}

int authres_parse(const char *value, size_t length, struct arena *arena, struct authres *authres_r)
{
	return parse_all((struct cursor){ value, value + length, arena, false }, authres_r);
}

int authres_parse_loose(const char *value, size_t length, struct arena *arena, struct authres *authres_r)
{
	return parse_all((struct cursor){ value, value + length, arena, true }, authres_r);
}

int authres_parse_instance(const char *value, size_t length, unsigned *instance_r, const char **payload_r)
{
	struct cursor cursor = { .at = value, .end = value + length };
	unsigned digits = 0, instance = 0;

	if (!skip_cfws(&cursor) || !take(&cursor, 'i') || !skip_cfws(&cursor) || !take(&cursor, '=') || !skip_cfws(&cursor))
		return -E_SYNTAX;
	for (; !at_end(&cursor) && is_digit(*cursor.at) && digits < 3; cursor.at++, digits++)
		instance = instance * 10 + (unsigned)(*cursor.at - '0');
	if (digits == 0 || digits > 2 || !skip_cfws(&cursor) || !take(&cursor, ';'))
		return -E_SYNTAX;
	*instance_r = instance;
	*payload_r = cursor.at;
	return 0;
}
