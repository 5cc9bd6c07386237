/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Tokenizer and recursive-descent reader for address lists. Groups do not nest and comments are counted, not recursed
 * into, so the stack is bounded whatever comes in. See address.h.
 *
 * Obsolete forms are taken where they leave the meaning clear: CFWS between all tokens, "." in phrases, routes, empty
 * list elements. Control characters, which RFC 5322 section 4.1 lets stand in old quoted strings and comments, and bytes
 * that are not UTF-8 are refused: programs do not agree on what they mean.
 */
#include "message/address.h"

#include <string.h>

#include "util/utf8.h"

enum {
	COMMENT_DEPTH_MAX = 50,
	DOMAIN_TEXT_MAX = 1000,
};

enum token_kind { TOKEN_END, TOKEN_ATOM, TOKEN_QUOTED, TOKEN_LITERAL, TOKEN_SPECIAL, TOKEN_BAD };

struct token {
	enum token_kind kind;
	char special;		/* TOKEN_SPECIAL: one of . , : ; < > @ */
	const char *start, *end;
};

struct reader {
	const char *cursor, *end;
	struct token token;	/* the one looked at */
	const char *error;	/* the first; static */
	address_seen *seen;
	void *arg;
	char domain[DOMAIN_TEXT_MAX];
	size_t domain_length;
	bool domain_spaced, routed;
};

static bool fail(struct reader *reader, const char *error)
{
	if (reader->error == NULL)
		reader->error = error;
	return false;
}

/* White space: blank, tab, or a fold (LF, or CR LF, with white space behind it; at the end of the field nothing). */
static size_t wsp_length(const struct reader *reader)
{
	const char *p = reader->cursor;

	if (p < reader->end && (*p == ' ' || *p == '\t'))
		return 1;
	if (p < reader->end && *p == '\r')
		p++;
	if (p < reader->end && *p == '\n' && (p + 1 == reader->end || p[1] == ' ' || p[1] == '\t'))
		return (size_t)(p + 1 - reader->cursor);
	return 0;
}

/* Bytes of one character that may stand in comments, quoted strings and literals; 0: none may. */
static size_t text_length(struct reader *reader)
{
	size_t length = wsp_length(reader);

	if (length != 0)
		return length;
	length = utf8_char_length(reader->cursor, (size_t)(reader->end - reader->cursor));
	if (length == 0)
		fail(reader, "8-bit bytes that are not UTF-8");
	else if (length == 1 && ((unsigned char)*reader->cursor < ' ' || *reader->cursor == 0x7f)) {
		fail(reader, "control character");
		length = 0;
	}
	return length;
}

/* One step inside a comment, quoted string or literal, quoted pairs included. @return false on an error. */
static bool skip_text(struct reader *reader)
{
	size_t length;

	if (*reader->cursor == '\\') {
		reader->cursor++;
		if (reader->cursor == reader->end || *reader->cursor == '\n' || *reader->cursor == '\r')
			return fail(reader, "backslash at the end of a line");
	}
	length = text_length(reader);
	reader->cursor += length;
	return length != 0;
}

static bool skip_comment(struct reader *reader)
{
	unsigned depth = 0;

	do {
		if (reader->cursor == reader->end)
			return fail(reader, "comment without an end");
		if (*reader->cursor == '(') {
			reader->cursor++;
			if (++depth > COMMENT_DEPTH_MAX)
				return fail(reader, "comments nested too deeply");
		} else if (*reader->cursor == ')') {
			reader->cursor++;
			depth--;
		} else if (!skip_text(reader)) {
			return false;
		}
	} while (depth != 0);
	return true;
}

/* CFWS, RFC 5322 section 3.2.2. */
static bool skip_cfws(struct reader *reader)
{
	size_t length;

	for (;;) {
		while ((length = wsp_length(reader)) != 0)
			reader->cursor += length;
		if (reader->cursor == reader->end || *reader->cursor != '(')
			return true;
		if (!skip_comment(reader))
			return false;
	}
}

/* atext, with UTF-8 (RFC 6532 section 3.2). @return bytes of the character; 0: not atext. */
static size_t atext_length(const char *p, const char *end)
{
	unsigned char c = (unsigned char)*p;

	if (c >= 0x80)
		return utf8_char_length(p, (size_t)(end - p));
	if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'))
		return 1;
	return c != '\0' && strchr("!#$%&'*+-/=?^_`{|}~", c) != NULL;
}

static bool read_enclosed(struct reader *reader, enum token_kind kind, char close, const char *error)
{
	reader->cursor++;
	while (reader->cursor < reader->end && *reader->cursor != close) {
		if (kind == TOKEN_LITERAL && *reader->cursor == '[')
			return fail(reader, "[ inside a domain literal");
		if (!skip_text(reader))
			return false;
	}
	if (reader->cursor == reader->end)
		return fail(reader, error);
	reader->cursor++;
	reader->token.kind = kind;
	return true;
}

static bool read_atom(struct reader *reader)
{
	size_t length;

	while (reader->cursor < reader->end && (length = atext_length(reader->cursor, reader->end)) != 0)
		reader->cursor += length;
	if (reader->cursor == reader->token.start)
		return fail(reader, (unsigned char)*reader->cursor >= 0x80 ?
		    "8-bit bytes that are not UTF-8" : "character that may not stand there");
	reader->token.kind = TOKEN_ATOM;
	return true;
}

/* Reads the next token into reader->token. */
static void next_token(struct reader *reader)
{
	struct token *token = &reader->token;

	token->kind = TOKEN_BAD;
	token->special = '\0';
	if (reader->error != NULL || !skip_cfws(reader))
		return;
	token->start = reader->cursor;
	if (reader->cursor == reader->end) {
		token->kind = TOKEN_END;
	} else if (*reader->cursor == '"') {
		read_enclosed(reader, TOKEN_QUOTED, '"', "quoted string without an end");
	} else if (*reader->cursor == '[') {
		read_enclosed(reader, TOKEN_LITERAL, ']', "domain literal without an end");
	} else if (*reader->cursor != '\0' && strchr(".,:;<>@", *reader->cursor) != NULL) {
		token->kind = TOKEN_SPECIAL;
		token->special = *reader->cursor++;
	} else {
		read_atom(reader);
	}
	token->end = reader->cursor;
}

static bool is_special(const struct reader *reader, char special)
{
	return reader->token.kind == TOKEN_SPECIAL && reader->token.special == special;
}

static bool is_word(const struct reader *reader)
{
	return reader->token.kind == TOKEN_ATOM || reader->token.kind == TOKEN_QUOTED;
}

static bool domain_append(struct reader *reader, const char *data, size_t length)
{
	if (length > sizeof(reader->domain) - reader->domain_length)
		return fail(reader, "domain too long");
	memcpy(reader->domain + reader->domain_length, data, length);
	reader->domain_length += length;
	return true;
}

/* domain / obs-domain, behind the "@". */
static bool read_domain(struct reader *reader, bool *literal_r)
{
	const char *last;

	reader->domain_length = 0;
	reader->domain_spaced = false;
	*literal_r = reader->token.kind == TOKEN_LITERAL;
	for (;;) {
		if (reader->token.kind != TOKEN_ATOM && !*literal_r)
			return fail(reader, "no domain behind the @");
		if (!domain_append(reader, reader->token.start, (size_t)(reader->token.end - reader->token.start)))
			return false;
		last = reader->token.end;
		next_token(reader);
		if (*literal_r || !is_special(reader, '.'))
			return reader->error == NULL;
		if (!domain_append(reader, ".", 1))
			return false;
		reader->domain_spaced = reader->domain_spaced || reader->token.start != last;
		last = reader->token.end;
		next_token(reader);
		reader->domain_spaced = reader->domain_spaced || (reader->error == NULL && reader->token.start != last);
	}
}

/* From the "@" on; local is the slice before it. */
static bool read_at_domain(struct reader *reader, const char *local, const char *local_end)
{
	struct address address = { .local = local, .local_length = (size_t)(local_end - local), .routed = reader->routed };
	const char *at_end = reader->token.end;
	bool comment;

	next_token(reader);
	comment = reader->error == NULL && memchr(at_end, '(', (size_t)(reader->token.start - at_end)) != NULL;
	if (!read_domain(reader, &address.literal))
		return false;
	if (is_special(reader, '@'))	/* in a@b@c nobody knows what a@b is */
		return fail(reader, "second @ in an address");
	address.domain = reader->domain;
	address.domain_length = reader->domain_length;
	address.spaced = comment || reader->domain_spaced;
	reader->seen(reader->arg, &address);
	return true;
}

/* obs-route: "@a,@b:"; the token looked at is its first. */
static bool skip_route(struct reader *reader)
{
	bool literal;

	while (!is_special(reader, ':')) {
		if (is_special(reader, ',')) {
			next_token(reader);
			continue;
		}
		if (!is_special(reader, '@'))
			return fail(reader, "broken route");
		next_token(reader);
		if (!read_domain(reader, &literal))
			return false;
	}
	next_token(reader);
	return true;
}

/* angle-addr, from behind the "<" to behind the ">". */
static bool read_angle(struct reader *reader)
{
	const char *local, *local_end;

	next_token(reader);
	reader->routed = is_special(reader, '@') || is_special(reader, ',');
	if (reader->routed && !skip_route(reader))
		return false;
	local = local_end = reader->token.start;
	if (is_special(reader, '>'))
		return fail(reader, "empty address");
	for (;;) {
		if (!is_word(reader))
			return fail(reader, "broken local part");
		local_end = reader->token.end;
		next_token(reader);
		if (!is_special(reader, '.'))
			break;
		next_token(reader);
	}
	if (!is_special(reader, '@'))
		return fail(reader, "address without a domain");
	if (!read_at_domain(reader, local, local_end))
		return false;
	if (!is_special(reader, '>'))
		return fail(reader, "address without its >");
	next_token(reader);
	return true;
}

static bool read_list(struct reader *reader, bool in_group);

/* The words before "@", "<" or ":"; what they are is known only there. */
static bool read_address(struct reader *reader, bool in_group)
{
	const char *start = reader->token.start, *end = start;
	bool local_form = true, after_word = false;	/* word *("." word) so far */
	size_t words = 0;

	for (;; next_token(reader)) {
		if (is_word(reader)) {
			local_form = local_form && !after_word;
			after_word = true;
			words++;
		} else if (is_special(reader, '.') && words != 0) {
			local_form = local_form && after_word;
			after_word = false;
		} else {
			break;
		}
		end = reader->token.end;
	}
	if (is_special(reader, '@')) {
		if (!local_form || !after_word)
			return fail(reader, "broken local part");
		reader->routed = false;
		return read_at_domain(reader, start, end);
	}
	if (is_special(reader, '<'))
		return read_angle(reader);
	if (is_special(reader, ':') && words != 0 && !in_group) {
		next_token(reader);
		return read_list(reader, true);
	}
	return fail(reader, words != 0 ? "address without a domain" : "character that may not stand there");
}

/* address-list or group-list; a group's ends behind its ";", the other at the end of the text. */
static bool read_list(struct reader *reader, bool in_group)
{
	for (;;) {
		while (is_special(reader, ','))
			next_token(reader);
		if (reader->error != NULL)
			return false;
		if (in_group && is_special(reader, ';')) {
			next_token(reader);
			return reader->error == NULL;
		}
		if (reader->token.kind == TOKEN_END)
			return in_group ? fail(reader, "group without its ;") : true;
		if (!read_address(reader, in_group))
			return false;
		if (reader->error == NULL && !is_special(reader, ',') && reader->token.kind != TOKEN_END &&
		    !(in_group && is_special(reader, ';')))
			return fail(reader, "text behind an address");
	}
}

const char *address_list_parse(const char *text, size_t length, address_seen *seen, void *arg)
{
	struct reader reader = { .cursor = text, .end = text + length, .seen = seen, .arg = arg };

	next_token(&reader);
	read_list(&reader, false);
	return reader.error;
}
