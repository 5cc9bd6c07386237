/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which incoming Authentication-Results fields claim a name that only we, or relays we trust, may use (RFC 8601
 * section 5). The authserv-id is parsed, not searched for: `"mx" (x)`, folds and other case are the same name. A field
 * that cannot be parsed counts as forged when the name occurs in it in any disguise, because another reader may be more
 * lenient than we are. Pure. Thread: the message's.
 */
#include "action/forged.h"

#include <string.h>
#include <strings.h>

#include "action/action.h"
#include "action/authres_parse.h"
#include "message/author.h"
#include "util/buf.h"

/* Is it an Authentication-Results field? Blanks before the colon are obsolete syntax, but syntax. */
static bool has_authres_name(const struct header_field *header)
{
	static const char name[] = "Authentication-Results";
	size_t length = header->name_length;

	while (length > 0 && (header->name[length - 1] == ' ' || header->name[length - 1] == '\t'))
		length--;
	return length == sizeof(name) - 1 && strncasecmp(header->name, name, length) == 0;
}

/* Equal but for case and one trailing dot. */
static bool equal_ids(const char *id, size_t length, const char *ours)
{
	size_t our_length = strlen(ours);

	length -= length > 0 && id[length - 1] == '.';
	our_length -= our_length > 0 && ours[our_length - 1] == '.';
	return length == our_length && strncasecmp(id, ours, length) == 0;
}

/*
 * U-labels are the A-labels' name. And what other characters are around or in our name, no-break or zero-width spaces,
 * others may take for white space or not show at all: the rest counts.
 */
static bool same_id(const char *id, const char *ours, struct arena *arena)
{
	size_t length = strlen(id);
	struct buf ascii = buf_make(arena);
	const char *normal;

	if (equal_ids(id, length, ours))
		return true;
	for (const char *c = id; *c != '\0'; c++) {
		if ((unsigned char)*c < 0x80)
			buf_putc(&ascii, *c);
	}
	if (ascii.length == length)
		return false;
	normal = domain_normalize(arena, id, length);
	return equal_ids(ascii.data, ascii.length, ours) || (normal != NULL && equal_ids(normal, strlen(normal), ours));
}

/* The bytes with comments, white space, quotes, backslashes, control and 8-bit bytes taken out (comments only where they end). */
static const char *undisguise(const char *value, size_t length, bool drop_comments, struct arena *arena)
{
	struct buf buf = buf_make(arena);
	size_t depth = 0;

	for (size_t i = 0; i < length; i++) {
		if (drop_comments && value[i] == '(')
			depth++;
		else if (drop_comments && value[i] == ')' && depth > 0)
			depth--;
		else if (depth == 0 && value[i] > ' ' && value[i] < 0x7f && value[i] != '"' && value[i] != '\\')	/* char is signed */
			buf_putc(&buf, value[i]);
	}
	return buf.data;
}

static bool claims(const struct header_field *header, const char *ours, struct arena *arena)
{
	const char *id;

	if (ours[0] == '\0')
		return false;
	if (authres_parse_id(header->value, header->value_length, arena, &id) == 0)
		return same_id(id, ours, arena);
	return strcasestr(undisguise(header->value, header->value_length, true, arena), ours) != NULL ||
	    strcasestr(undisguise(header->value, header->value_length, false, arena), ours) != NULL;
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
