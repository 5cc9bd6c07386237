/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What `assay setup` reads of main.cf and assay.conf: any text as a list of milters, and as a configuration in which the socket
 * is set. A list that was taken apart and joined again gives the same items; an edit adds or changes one line, once.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "config_edit.h"
#include "milters.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void demand(bool holds)
{
	if (!holds)
		abort();
}

static void try_list(struct arena *arena, const char *text)
{
	size_t count, again_count;
	struct milter_item *items = milters_split(arena, text, &count), *again;

	again = milters_split(arena, milters_join(arena, items, count, count), &again_count);
	/* a brace that is never closed takes all that follows: nothing may follow */
	demand(again_count == count);
	for (size_t i = 0; i < count; i++) {
		demand(items[i].text[0] != '\0' && strcmp(items[i].text, again[i].text) == 0);
		demand(strstr(items[i].text, items[i].address) != NULL);
		(void)milter_unix_path(arena, items[i].address, "/queue", "/queue");
		(void)milter_from_libmilter(arena, items[i].address);
	}
	if (count != 0) {
		(void)milters_split(arena, milters_join(arena, items, count, 0), &again_count);
		demand(again_count == count - 1);
	}
}

static size_t lines_of(const char *text)
{
	size_t lines = 0;

	for (; *text != '\0'; text++)
		lines += *text == '\n';
	return lines;
}

static void try_edit(struct arena *arena, const char *text)
{
	const char *once = config_edit_set(arena, text, "socket", "unix:/new/place"), *twice;

	demand(strstr(once, "socket = \"unix:/new/place\"") != NULL);
	demand(lines_of(once) - lines_of(text) <= 1);
	twice = config_edit_set(arena, once, "socket", "unix:/new/place");
	demand(strcmp(once, twice) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *arena = arena_new();
	/* up to the first NUL, as the files are read */
	const char *text = arena_strndup(arena, (const char *)data, size);

	try_list(arena, text);
	try_edit(arena, text);
	arena_free(&arena);
	return 0;
}
