/* SPDX-License-Identifier: BSD-2-Clause */
/* See text_part.h. */
#include "policy/text_part.h"

#include <string.h>

bool part_take(struct part *rest, char separator, struct part *part_r)
{
	const char *end;

	if (rest->at == NULL)
		return false;
	end = memchr(rest->at, separator, rest->length);
	*part_r = (struct part){ rest->at, end != NULL ? (size_t)(end - rest->at) : rest->length };
	if (end == NULL)
		rest->at = NULL;
	else
		*rest = (struct part){ end + 1, rest->length - part_r->length - 1 };
	return true;
}

bool part_is(const struct part *part, const char *text)
{
	return part->length == strlen(text) && memcmp(part->at, text, part->length) == 0;
}

bool part_ends(struct part *part, char mark)
{
	if (part->length == 0 || part->at[part->length - 1] != mark)
		return false;
	part->length--;
	return true;
}
