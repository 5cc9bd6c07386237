/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The translation of opendkim's and opendmarc's files on any bytes: either they are refused, or what is printed loads.
 * The first byte chooses the files; the same bytes stand for the lists of hosts that they name.
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/config.h"
#include "config/import.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input {
	const uint8_t *data;
	size_t size;
};

static char *read_input(void *closure, const char *path, size_t most, struct arena *arena, size_t *length_r)
{
	const struct input *input = closure;

	if (strcmp(path, "/absent") == 0) {
		errno = ENOENT;
		return NULL;
	}
	*length_r = input->size < most ? input->size : most;
	return arena_strndup(arena, (const char *)input->data, *length_r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input input = { size != 0 ? data + 1 : data, size != 0 ? size - 1 : 0 };
	unsigned choice = size != 0 ? data[0] % 3 : 0;
	const char *paths[IMPORT_PROGRAMS] = { choice != 1 ? "opendkim" : NULL, choice != 0 ? "opendmarc" : NULL };
	char *text = NULL, *errors = NULL;
	size_t text_size, errors_size;
	FILE *out = open_memstream(&text, &text_size), *complaints = open_memstream(&errors, &errors_size);
	const struct config *config;
	int code;

	if (out == NULL || complaints == NULL)
		abort();
	code = config_import(paths, read_input, &input, out, complaints);
	fclose(out);
	fclose(complaints);
	if ((code != 0) != (text_size == 0) || (code != 0 && errors_size == 0))
		abort();
	if (code == 0) {
		config = config_load_buffer(text, text_size, "translated", stderr);
		if (config == NULL)
			abort();
		config_unref(&config);
	}
	free(text);
	free(errors);
	return 0;
}
