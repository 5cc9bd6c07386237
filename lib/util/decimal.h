/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_UTIL_DECIMAL_H
#define ASSAY_UTIL_DECIMAL_H
/* Numbers as text where printf() would take longer than all around it. Pure. Thread: any. */
#include <stdint.h>

enum { DECIMAL_BYTES = 21 };	/* of the greatest number, with its NUL */

/** Writes the number to the end of text_r. @return where it begins there. */
static inline char *decimal(uint64_t number, char text_r[static DECIMAL_BYTES])
{
	char *at = text_r + DECIMAL_BYTES - 1;

	*at = '\0';
	do {
		*--at = (char)('0' + number % 10);
		number /= 10;
	} while (number != 0);
	return at;
}

#endif
