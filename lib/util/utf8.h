/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_UTIL_UTF8_H
#define ASSAY_UTIL_UTF8_H
/* UTF-8 (RFC 3629) as header fields may hold it (RFC 6532). Thread: any. */
#include <stddef.h>

/**
 * Length of the character at text, of which `left` (at least one) bytes are there.
 * @return 1 to 4; 0 when it is not UTF-8: broken, overlong, a surrogate, or over U+10FFFF.
 */
static inline size_t utf8_char_length(const char *text, size_t left)
{
	const unsigned char *p = (const unsigned char *)text;
	unsigned char low = 0x80, high = 0xbf;
	size_t length;

	if (p[0] < 0x80)
		return 1;
	if (p[0] >= 0xc2 && p[0] <= 0xdf)
		length = 2;
	else if ((p[0] & 0xf0) == 0xe0)
		length = 3;
	else if (p[0] >= 0xf0 && p[0] <= 0xf4)
		length = 4;
	else
		return 0;
	/* the first continuation byte rules out overlong forms, surrogates and what is over U+10FFFF */
	if (p[0] == 0xe0)
		low = 0xa0;
	else if (p[0] == 0xed)
		high = 0x9f;
	else if (p[0] == 0xf0)
		low = 0x90;
	else if (p[0] == 0xf4)
		high = 0x8f;
	if (left < length || p[1] < low || p[1] > high)
		return 0;
	for (size_t i = 2; i < length; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	return length;
}

#endif
