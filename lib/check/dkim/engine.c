/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The long-lived part of the DKIM check. Made once per configuration, before threads use it: libopendkim's options must be
 * set before its first handle. Trusts nothing; fails with a text for the admin.
 */
#include "check/dkim/dkim.h"

#include <stdio.h>
#include <stdlib.h>

#include "util/out_of_memory.h"

/*
 * Some 2.5 KB each, 20 MB for the keys of all that write to a busy server; 6.5 KB and 52 MB when somebody fills it with the longest
 * keys that there may be.
 */
enum { KEYS_MAX = 8192 };

struct dkim_engine *dkim_engine_new(const struct config *config, char *why_r, size_t why_bytes)
{
	struct dkim_engine *engine = calloc(1, sizeof *engine);

	(void)config;
	if (engine == NULL)
		out_of_memory();
	engine->keys = dkim_keycache_new(KEYS_MAX);
	engine->library = dkim_library_new(NULL, NULL);
	if (engine->library == NULL) {
		snprintf(why_r, why_bytes, "libopendkim cannot be set up (is it built with SHA-256?)");
		dkim_engine_free(&engine);
	}
	return engine;
}

void dkim_engine_free(struct dkim_engine **engine)
{
	if (*engine == NULL)
		return;
	dkim_library_free(&(*engine)->library);
	dkim_keycache_free(&(*engine)->keys);
	free(*engine);
	*engine = NULL;
}
