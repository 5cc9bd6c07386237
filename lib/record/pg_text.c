/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Texts come from mail, and may be any octets but NUL; the server takes UTF-8 only, and one text that it refuses would hold up all
 * that is written with it. So an octet that is no part of a well-formed character (RFC 3629) becomes the character U+10FF00 plus
 * the octet, of plane 16, which nobody uses; the octets of such a character that comes from outside become four of them. Pure.
 */
#include "record/pg_internal.h"

#include <string.h>

#include "util/utf8.h"

enum { ESCAPE_BYTES = 4 };

/* How long the character is that begins here; 0: none does. The NUL at the end continues none. */
static size_t character_bytes(const unsigned char *text)
{
	return utf8_char_length((const char *)text, ESCAPE_BYTES);
}

/* U+10FF80 to U+10FFFF. */
static bool is_escape(const unsigned char *text)
{
	return text[0] == 0xf4 && text[1] == 0x8f && (text[2] == 0xbe || text[2] == 0xbf) && (text[3] & 0xc0) == 0x80;
}

/* @return octets from the start on that can stay as they are. */
static size_t plain_bytes(const unsigned char *text)
{
	const unsigned char *at = text;
	size_t bytes;

	while (*at != '\0' && (bytes = character_bytes(at)) != 0 && !is_escape(at))
		at += bytes;
	return (size_t)(at - text);
}

const char *pg_text_encode(struct arena *arena, const char *text)
{
	const unsigned char *at = (const unsigned char *)text + plain_bytes((const unsigned char *)text);
	char *copy, *to;
	size_t bytes;

	if (*at == '\0')
		return text;
	copy = to = arena_alloc(arena, strlen(text) * ESCAPE_BYTES + 1);
	for (at = (const unsigned char *)text; *at != '\0';) {
		bytes = plain_bytes(at);
		memcpy(to, at, bytes);
		to += bytes;
		at += bytes;
		if (*at == '\0')
			break;
		*to++ = (char)0xf4;
		*to++ = (char)0x8f;
		*to++ = (char)(*at < 0xc0 ? 0xbe : 0xbf);
		*to++ = (char)(0x80 | (*at++ & 0x3f));
	}
	*to = '\0';
	return copy;
}

const char *pg_text_decode(struct arena *arena, const char *text)
{
	const unsigned char *at = (const unsigned char *)text;
	char *copy, *to;

	while (*at != '\0' && !is_escape(at))
		at++;
	if (*at == '\0')
		return text;
	copy = to = arena_alloc(arena, strlen(text) + 1);
	for (at = (const unsigned char *)text; *at != '\0';) {
		if (is_escape(at)) {
			*to++ = (char)((at[2] == 0xbe ? 0x80 : 0xc0) | (at[3] & 0x3f));
			at += ESCAPE_BYTES;
		} else {
			*to++ = (char)*at++;
		}
	}
	*to = '\0';
	return copy;
}
