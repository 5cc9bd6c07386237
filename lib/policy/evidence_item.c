/* SPDX-License-Identifier: BSD-2-Clause */
/* See evidence_item.h; a part of evidence_read.c, which says what is trusted: nothing. */
#include "policy/evidence_item.h"

#include <string.h>

#include "policy/evidence_text.h"
#include "util/arena.h"
#include "util/error.h"

static int hex_digit(char c)
{
	static const char digits[] = "0123456789ABCDEF";
	const char *place = c != '\0' ? strchr(digits, c) : NULL;

	return place != NULL ? (int)(place - digits) : -1;
}

int evidence_item_name(struct arena *arena, const struct part *part, const char **name_r)
{
	char *out = arena_strndup(arena, part->at, part->length), *to = out;

	for (const char *from = out; *from != '\0'; from++, to++) {
		*to = *from;
		if (*from != '%')
			continue;
		if (hex_digit(from[1]) < 0 || hex_digit(from[2]) < 0)
			return -E_SYNTAX;
		*to = (char)(hex_digit(from[1]) * 16 + hex_digit(from[2]));
		if (*to == '\0')
			return -E_SYNTAX;
		from += 2;
	}
	*to = '\0';
	*name_r = out;
	return to - out <= EVIDENCE_NAME_MAX ? 0 : -E_SYNTAX;
}

bool evidence_item_take(struct evidence *evidence, enum evidence_lack lack, struct part *list, size_t count, size_t max,
    struct part *item_r)
{
	while (part_take(list, ',', item_r)) {
		if (count < max && !part_is(item_r, "&"))
			return true;
		evidence->lacks |= lack;
	}
	return false;
}
