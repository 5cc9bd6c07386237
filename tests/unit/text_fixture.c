/* SPDX-License-Identifier: BSD-2-Clause */
/* Texts of a test as files and configurations; see text_fixture.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "text_fixture.h"

void text_file(char *path_r, const char *text)
{
	FILE *file;

	scratch_file(path_r);
	file = fopen(path_r, "w");
	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

const struct config *text_config(const char *text)
{
	const struct config *config = config_load_buffer(text, strlen(text), "test.conf", stderr);

	assert_non_null(config);
	return config;
}

const struct config *text_load(const char *text, size_t length, char **errors_r)
{
	size_t size;
	FILE *out = open_memstream(errors_r, &size);
	const struct config *config;

	assert_non_null(out);
	config = config_load_buffer(text, length, "test.conf", out);
	fclose(out);
	return config;
}

void text_check_errors(const char *text, const char *expected)
{
	char *errors;
	const struct config *config = text_load(text, strlen(text), &errors);

	assert_string_equal(errors, expected);
	assert_null(config);
	free(errors);
}
