/* SPDX-License-Identifier: BSD-2-Clause */
/* See key.h. How long a key may be is PostgreSQL's affair (pg_statement.c), which counts octets as they are encoded there. */
#include "record/key.h"

#include <string.h>

#include "record/pg_internal.h"

const char *record_key(struct arena *arena, const char *text)
{
	return strlen(text) <= RECORD_KEY_SURE_BYTES ? text : pg_text_decode(arena, pg_key_of(arena, text));
}
