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

const struct backend *backend_of(const char *location, const char **rest_r)
{
	*rest_r = location;
	if (strncmp(location, "postgresql://", 13) == 0 || strncmp(location, "postgres://", 11) == 0)
		return &backend_postgresql;	/* libpq's own form, which it wants whole */
	for (size_t i = 0; i < sizeof(backends) / sizeof(backends[0]); i++) {
		size_t length = strlen(backends[i]->name);

		if (strncmp(location, backends[i]->name, length) == 0 && location[length] == ':') {
			*rest_r = location + length + 1;
			return backends[i];
		}
	}
	return backends[0];
}
