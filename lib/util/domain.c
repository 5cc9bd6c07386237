/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Domain names from hostile text to the one form in which the rest of the program compares and asks them.
 * ASCII names take a short way without libidn2; others go through IDNA2008 with the non-transitional mapping of
 * UTS 46 (RFC 5891, RFC 8616), and what comes out is checked like an ASCII name.
 * Thread: any. Trusts nothing; what is no domain name gives NULL.
 */
#include "util/domain.h"

#include <idn2.h>
#include <string.h>
#include <strings.h>

enum {
	LABEL_MAX = 63,		/* RFC 1035 section 2.3.4 */
	TEXT_MAX = 1000,	/* U-labels may need up to four bytes a character */
};

/* The underscore is no host name character, but stands in names under which mail is sent and signed. */
static bool label_char(unsigned char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

const char *domain_fault(const char *text, size_t length)
{
	size_t label = 0;

	if (length == 0)
		return "not a domain name";
	if (length > DOMAIN_MAX_LENGTH)
		return "longer than a domain name can be (253)";
	for (size_t i = 0; i < length; i++) {
		unsigned char c = (unsigned char)text[i];

		if (c == '.' && label == 0)
			return "not a domain name (empty label)";
		if (c >= 0x80)
			return "not a domain name: write internationalized names as A-labels (xn--...)";
		if (c != '.' && !label_char(c))
			return "not a domain name";
		label = c == '.' ? 0 : label + 1;
		if (label > LABEL_MAX)
			return "not a domain name (label over 63 characters)";
	}
	return label == 0 ? "not a domain name (write it without the final dot)" : NULL;
}

/* Lower-cases the name in place. @return whether it is in normal form then. */
static bool ascii_name_check(char *name, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		if (name[i] >= 'A' && name[i] <= 'Z')
			name[i] += 'a' - 'A';
	}
	return domain_fault(name, length) == NULL;
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

bool domain_is_within(const char *name, const char *ancestor)
{
	size_t length = strlen(name), end = strlen(ancestor);

	if (end == 0 || length < end || strcasecmp(name + length - end, ancestor) != 0)
		return false;
	return length == end || name[length - end - 1] == '.';
}
