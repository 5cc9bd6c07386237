/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Look-ups in the facts of a message. Facts are filled by milter/ and tools/ and only read here.
 * Thread: that of the message. Trusts the lengths in struct header_field; cannot fail.
 */
#include "message/facts.h"

#include <strings.h>
#include <string.h>

bool facts_bytes(const struct facts *facts, uint64_t *bytes_r)
{
	*bytes_r = facts->header_bytes + facts->body_bytes;
	if (!facts->body_unread)
		return true;
	if (facts->told_bytes <= *bytes_r)	/* not said, or not believable */
		return false;
	*bytes_r = facts->told_bytes;
	return true;
}

static bool field_is(const struct header_field *field, const char *name, size_t name_length)
{
	return field->name_length == name_length && strncasecmp(field->name, name, name_length) == 0;
}

const struct header_field *facts_field(const struct facts *facts, const char *name)
{
	size_t name_length = strlen(name);

	for (size_t i = 0; i < facts->field_count; i++)
		if (field_is(&facts->fields[i], name, name_length))
			return &facts->fields[i];
	return NULL;
}

size_t facts_field_count(const struct facts *facts, const char *name)
{
	size_t name_length = strlen(name), count = 0;

	for (size_t i = 0; i < facts->field_count; i++)
		count += field_is(&facts->fields[i], name, name_length);
	return count;
}

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

bool facts_name_reads_as(const char *name, size_t length, const char *wanted)
{
	for (size_t i = 0; i < length; i++) {
		if (name[i] <= ' ' || name[i] >= 0x7f)	/* char is signed */
			continue;
		if (lower(name[i]) != lower(*wanted))	/* also where wanted has ended */
			return false;
		wanted++;
	}
	return *wanted == '\0';
}
