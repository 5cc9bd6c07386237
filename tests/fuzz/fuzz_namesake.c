/* SPDX-License-Identifier: BSD-2-Clause */
/* Configurations of an MTA and of two milters, apart by lines of "%%": whatever they hold, what is found bears our name. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "config/namesake.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The next part, without the line that ends it. */
static struct namesake_text take(const uint8_t **at, const uint8_t *end)
{
	const uint8_t *start = *at, *stop = memmem(start, (size_t)(end - start), "%%\n", 3);

	*at = stop != NULL ? stop + 3 : end;
	return (struct namesake_text){ (const char *)start, (size_t)((stop != NULL ? stop : end) - start) };
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *at = data, *end = data + size;
	struct arena *arena = arena_new();
	struct namesake found[NAMESAKE_PROGRAMS];
	struct namesake_files files;
	size_t count;

	files.main_cf = take(&at, end);
	files.sendmail_cf = take(&at, end);
	files.programs[NAMESAKE_OPENDKIM] = take(&at, end);
	files.programs[NAMESAKE_OPENDMARC] = take(&at, end);
	count = namesakes_find(&files, "mx.example.net", "host.example", arena, found);
	for (size_t i = 0; i < count; i++)
		if (count > NAMESAKE_PROGRAMS || strcasecmp(found[i].name, "mx.example.net") != 0)
			abort();
	arena_free(&arena);
	return 0;
}
