/* SPDX-License-Identifier: BSD-2-Clause */
/* Tables of words, looked up by line: they have a dozen lines at most. Trusts nothing of the text but its NUL or length. */
#include "util/words.h"

#include <string.h>
#include <strings.h>

#include "util/error.h"

const char *words_of(const struct word *table, int value)
{
	for (; table->word != NULL; table++) {
		if (table->value == value)
			return table->word;
	}
	return NULL;
}

int words_value(const struct word *table, const char *text, int *value_r)
{
	for (; table->word != NULL; table++) {
		if (strcmp(table->word, text) != 0)
			continue;
		*value_r = table->value;
		return 0;
	}
	return -E_SYNTAX;
}

int words_value_nocase(const struct word *table, const char *text, size_t length, int *value_r)
{
	for (; table->word != NULL; table++) {
		if (strlen(table->word) != length || strncasecmp(table->word, text, length) != 0)
			continue;
		*value_r = table->value;
		return 0;
	}
	return -E_SYNTAX;
}
