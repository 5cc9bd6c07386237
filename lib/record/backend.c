/* SPDX-License-Identifier: BSD-2-Clause */
/* The backends that are built in, by name. A further one is a file of its own, its line here, and its option. Thread: any. */
#include "record/backend.h"

#include <string.h>

/* The first is the default. */
static const struct backend *const backends[] = { &backend_sqlite, &backend_postgresql };

const struct backend *backend_find(const char *name)
{
	if (name == NULL)
		return backends[0];
	for (size_t i = 0; i < sizeof(backends) / sizeof(backends[0]); i++) {
		if (strcmp(backends[i]->name, name) == 0)
			return backends[i];
	}
	return NULL;
}
