/* SPDX-License-Identifier: BSD-2-Clause */
/* The configuration loader on any bytes: an error text or a snapshot; a snapshot prints to a text that loads to the same. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/config.h"
#include "config/slips.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct config *load(const char *text, size_t length, char **errors_r)
{
	size_t size;
	FILE *errors = open_memstream(errors_r, &size);
	const struct config *config;

	if (errors == NULL)
		abort();
	config = config_load_buffer(text, length, "fuzz", errors);
	fclose(errors);
	return config;
}

/* A file that loads has no slips to explain. */
static void check_no_slips(const char *text, size_t length)
{
	struct complaints complaints = { .arena = arena_new() };

	slips_explain(arena_strndup(complaints.arena, text, length), &complaints);
	if (complaints.count != 0)
		abort();
	arena_free(&complaints.arena);
}

static char *print(const struct config *config, size_t *size_r)
{
	char *text;
	FILE *out = open_memstream(&text, size_r);

	if (out == NULL)
		abort();
	config_print(config, out);
	fclose(out);
	return text;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *errors, *first, *second;
	size_t first_size, second_size;
	const struct config *config = load((const char *)data, size, &errors), *again;

	/* no snapshot without a reason, no reason without consequence */
	if ((config == NULL) != (errors[0] != '\0'))
		abort();
	free(errors);
	if (config == NULL)
		return 0;
	if (memchr(data, '\0', size) == NULL)
		check_no_slips((const char *)data, size);
	first = print(config, &first_size);
	again = load(first, first_size, &errors);
	/* what is printed is longer than what is read: only its size may keep it from loading */
	if (again == NULL && first_size <= 256 * 1024)
		abort();
	free(errors);
	if (again != NULL) {
		second = print(again, &second_size);
		if (strcmp(first, second) != 0)
			abort();
		free(second);
	}
	free(first);
	config_unref(&config);
	config_unref(&again);
	return 0;
}
