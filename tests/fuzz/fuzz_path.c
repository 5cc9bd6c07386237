/* SPDX-License-Identifier: BSD-2-Clause */
/* Received fields: any bytes without NUL, through the hop parser. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "check/path.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *arena = arena_new();
	char *value = arena_strndup(arena, (const char *)data, size);
	struct path_hop hop;

	path_parse_hop(arena, value, &hop);
	/* TLS is never concluded from nothing */
	if (hop.transport == HOP_TLS && hop.protocol == NULL && hop.version == NULL && hop.cipher == NULL)
		abort();
	for (const char *name = hop.by; name != NULL && *name != '\0'; name++)
		if (*name <= 0x20 || *name >= 0x7f)
			abort();
	arena_free(&arena);
	return 0;
}
