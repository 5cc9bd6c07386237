/* SPDX-License-Identifier: BSD-2-Clause */
/* See dkim_handed.h. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE	/* RTLD_NEXT */
#endif
#include "dkim_handed.h"

#include <dkim.h>
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

enum { FIELDS = 64, FIELD_BYTES = 1024 };

static char fields[FIELDS][FIELD_BYTES];
static size_t count;

DKIM_STAT dkim_header(DKIM *handle, unsigned char *text, size_t length)
{
	DKIM_STAT (*real)(DKIM *, unsigned char *, size_t);
	void *found = dlsym(RTLD_NEXT, "dkim_header");
	const size_t kept = length < FIELD_BYTES ? length : FIELD_BYTES - 1;

	if (found == NULL)
		abort();
	if (count < FIELDS) {
		memcpy(fields[count], text, kept);
		fields[count][kept] = '\0';
	}
	count++;
	memcpy(&real, &found, sizeof(real));
	return real(handle, text, length);
}

size_t dkim_handed_count(void)
{
	return count;
}

const char *dkim_handed_field(size_t index)
{
	return index < count && index < FIELDS ? fields[index] : "";
}

void dkim_handed_forget(void)
{
	count = 0;
}
