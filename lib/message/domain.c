/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Domain names from hostile text to the one form in which the rest of the program compares and asks them.
 * ASCII names take a short way without libidn2; others go through IDNA2008 with the non-transitional mapping of
 * UTS 46 (RFC 5891, RFC 8616), and what comes out is checked like an ASCII name.
 * Thread: any. Trusts nothing; what is no domain name gives NULL.
 */
#include "message/author.h"

#include <idn2.h>
#include <stdlib.h>
#include <string.h>

enum {
	LABEL_MAX = 63,		/* RFC 1035 section 2.3.4 */
	NAME_MAX_TEXT = 253,	/* 255 octets in wire form */
	TEXT_MAX = 1000,	/* U-labels may need up to four bytes a character */
};

/* The underscore is no host name character, but stands in names under which mail is sent and signed. */
static bool label_char(unsigned char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

/* Lower-cases the name in place. @return whether it is a name of LDH labels (and underscores). */
static bool ascii_name_check(char *name, size_t length)
{
	size_t label = 0;

	if (length == 0 || length > NAME_MAX_TEXT)
		return false;
	for (size_t i = 0; i < length; i++) {
		if (name[i] >= 'A' && name[i] <= 'Z')
			name[i] += 'a' - 'A';
		if (name[i] == '.') {
			if (label == 0)
				return false;
			label = 0;
		} else if (!label_char((unsigned char)name[i]) || ++label > LABEL_MAX) {
			return false;
		}
	}
	return label != 0;
}

static bool is_ascii(const char *text, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if ((unsigned char)text[i] >= 0x80)
			return false;
	return true;
}

static const char *domain_to_ascii(struct arena *arena, const char *text)
{
	uint8_t *ascii = NULL;
	char *name = NULL;
	size_t length;

	if (idn2_lookup_u8((const uint8_t *)text, &ascii, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL) != IDN2_OK)
		return NULL;
	length = strlen((const char *)ascii);
	/* the mapping may turn U+3002 and its like into the root's dot */
	if (length > 1 && ascii[length - 1] == '.')
		length--;
	name = arena_strndup(arena, (const char *)ascii, length);
	idn2_free(ascii);
	return ascii_name_check(name, length) ? name : NULL;
}

const char *domain_normalize(struct arena *arena, const char *text, size_t length)
{
	char *name;

	if (length != 0 && text[length - 1] == '.')
		length--;
	if (length == 0 || length > TEXT_MAX || memchr(text, '\0', length) != NULL)
		return NULL;
	name = arena_strndup(arena, text, length);
	if (!is_ascii(name, length))
		return domain_to_ascii(arena, name);
	return ascii_name_check(name, length) ? name : NULL;
}
