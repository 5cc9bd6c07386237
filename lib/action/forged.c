/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which incoming Authentication-Results fields claim a name that only we, or relays we trust, may use (RFC 8601
 * section 5). The authserv-id is parsed, not searched for: `"mx" (x)`, folds and other case are the same name. A field
 * is read as it stands and with its encoded words decoded, for some programs decode before they parse, or twice. A reading that
 * cannot be parsed counts as forged when the name occurs in it in any disguise, because another reader may be more lenient
 * than we are. Pure. Thread: the message's.
 */
#include "action/forged.h"

#include <string.h>
#include <strings.h>

#include "action/action.h"
#include "message/authres_parse.h"
#include "message/encoded_word.h"
#include "util/buf.h"
#include "util/domain.h"

enum { LAYERS_MAX = 4 };

/* Is it an Authentication-Results field? Blanks before the colon are obsolete syntax, but syntax. */
static bool has_authres_name(const struct header_field *header)
{
	static const char name[] = "Authentication-Results";
	size_t length = header->name_length;

	while (length > 0 && (header->name[length - 1] == ' ' || header->name[length - 1] == '\t'))
		length--;
	return length == sizeof(name) - 1 && strncasecmp(header->name, name, length) == 0;
}

static bool is_name_char(char c)
{
	return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || c == '-' || c == '_' || c == '.';
}

/*
 * What is left of an identifier when nothing but the characters of names counts, and dots only between labels: blanks and
 * quotes of any kind, no-break and zero-width spaces, `mx..example` and `.mx.example` are shown or compared away somewhere.
 * @param keep_8bit  else bytes from 128 on are dropped, too
 */
static const char *squeeze(const char *id, bool keep_8bit, struct arena *arena)
{
	struct buf buf = buf_make(arena);
	bool behind_dot = true;

	for (const char *c = id; *c != '\0'; c++) {
		bool is_8bit = (unsigned char)*c >= 0x80, is_dot = *c == '.';

		if (is_8bit ? keep_8bit : is_name_char(*c) && !(is_dot && behind_dot))
			buf_putc(&buf, *c);
		if (is_8bit || is_name_char(*c))
			behind_dot = is_dot;
	}
	while (buf.length > 0 && buf.data[buf.length - 1] == '.')
		buf.data[--buf.length] = '\0';
	return buf.data;
}

static const char *normal_name(const char *id, struct arena *arena)
{
	const char *kept = squeeze(id, true, arena), *normal = domain_normalize(arena, kept, strlen(kept));

	return normal != NULL ? normal : kept;
}

/* Without disguise the same, or as domain names (U-labels are the A-labels' name), or without what is no ASCII. */
static bool same_id(const char *id, const char *ours, struct arena *arena)
{
	if (strcasecmp(id, ours) == 0)
		return true;
	if (squeeze(ours, true, arena)[0] == '\0')
		return false;
	return strcasecmp(squeeze(id, false, arena), squeeze(ours, true, arena)) == 0 ||
	    strcasecmp(normal_name(id, arena), normal_name(ours, arena)) == 0;
}

/* The text with comments taken out (only where they end), and what is no character of a name. */
static const char *undisguise(const char *text, bool drop_comments, struct arena *arena)
{
	struct buf buf = buf_make(arena);
	size_t depth = 0;

	for (; *text != '\0'; text++) {
		if (drop_comments && *text == '(')
			depth++;
		else if (drop_comments && *text == ')' && depth > 0)
			depth--;
		else if (depth == 0)
			buf_putc(&buf, *text);
	}
	return squeeze(buf.data, false, arena);
}

/* Characters of double width that Unicode's compatibility forms, and so IDNA, make ASCII; and what they make dots. */
static const char *narrow(const char *text, struct arena *arena)
{
	static const char *const dots[] = { "\xe3\x80\x82", "\xef\xbd\xa1", "\xef\xb9\x92", "\xe2\x80\xa4" };
	struct buf buf = buf_make(arena);

	while (*text != '\0') {
		const unsigned char *u = (const unsigned char *)text;
		/* U+FF01 to U+FF5E are "!" to "~" */
		unsigned wide = u[0] == 0xef && (u[1] == 0xbc || u[1] == 0xbd) && (u[2] & 0xc0) == 0x80 ?
		    (u[1] - 0xbcu) * 64 + (u[2] & 0x3fu) : 0;
		size_t dot = 0;

		while (dot < sizeof(dots) / sizeof(dots[0]) && strncmp(text, dots[dot], 3) != 0)
			dot++;
		if (dot < sizeof(dots) / sizeof(dots[0]) || (wide >= 1 && wide <= 0x5e)) {
			buf_putc(&buf, dot < sizeof(dots) / sizeof(dots[0]) ? '.' : (char)(wide + 0x20));
			text += 3;
		} else {
			buf_putc(&buf, *text++);
		}
	}
	return buf.data;
}

static bool parse_claims(const char *text, bool decoded, const char *ours, struct arena *arena)
{
	const char *id, *wanted = squeeze(ours, true, arena);
	size_t used;

	if (authres_parse_id(text, strlen(text), arena, &id, &used) == 0)
		return (decoded && memchr(text, ENCODED_WORD_UNREAD, used) != NULL) || same_id(id, ours, arena);
	/* a word that some program can decode and we cannot: no honest field has one there */
	if (decoded && strchr(text, ENCODED_WORD_UNREAD) != NULL)
		return true;
	return wanted[0] != '\0' && (strcasestr(undisguise(text, true, arena), wanted) != NULL ||
	    strcasestr(undisguise(text, false, arena), wanted) != NULL);
}

/* One text, with characters of double width as what they are like, and as nothing. decoded: by encoded_words_decode(). */
static bool reading_claims(const char *text, bool decoded, const char *ours, struct arena *arena)
{
	const char *narrowed = narrow(text, arena);

	return parse_claims(text, decoded, ours, arena) ||
	    (strcmp(narrowed, text) != 0 && parse_claims(narrowed, decoded, ours, arena));
}

/*
 * As it stands, and decoded as often as there is something to decode: programs in a row do so more than once. What is wrapped
 * more often is nobody's honest name.
 */
static bool claims(const struct header_field *header, const char *ours, struct arena *arena)
{
	const char *text = arena_strndup(arena, header->value, header->value_length);
	size_t length = strlen(text);

	if (ours[0] == '\0')
		return false;
	if (reading_claims(text, false, ours, arena))
		return true;
	for (int layer = 0; layer < LAYERS_MAX && encoded_word_in(text, length); layer++) {
		text = encoded_words_decode(arena, text, length, ENCODED_WORDS_MARKED, &length);
		if (reading_claims(text, true, ours, arena))
			return true;
	}
	return encoded_word_in(text, length);
}

bool forged_claims(const struct header_field *header, const char *authserv_id)
{
	struct arena *scratch;
	bool result;

	if (!has_authres_name(header))
		return false;
	scratch = arena_new();
	result = claims(header, authserv_id, scratch);
	arena_free(&scratch);
	return result;
}

size_t authres_find_forged(const struct facts *facts, const char *authserv_id, unsigned *occurrences_r, size_t max)
{
	size_t count = 0;

	for (size_t i = 0; i < facts->field_count; i++) {
		if (!forged_claims(&facts->fields[i], authserv_id))
			continue;
		if (count < max)
			occurrences_r[count] = facts->fields[i].occurrence;
		count++;
	}
	return count;
}
