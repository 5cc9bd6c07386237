/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * See setup_note.h. Members: "main.cf", "assay.conf": { path, before, after } with before null when there was no such file;
 * "parameters": { name: { before, after } } with before null when it did not stand in main.cf; "directory": { path, made }.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "setup_note.h"
#include "text_file.h"

const char *setup_note_path(const struct setup *setup)
{
	const char *slash = strrchr(setup->config_path, '/');
	size_t length = slash != NULL ? (size_t)(slash - setup->config_path) + 1 : 0;

	return arena_printf(setup->arena, "%.*ssetup-postfix.json", (int)length, setup->config_path);
}

json_t *setup_note_read(const struct setup *setup, const char **why_r)
{
	const char *path = setup_note_path(setup), *text = text_file_read(setup->arena, path);
	json_error_t error;
	json_t *note;

	if (text == NULL) {
		if (errno != ENOENT)
			*why_r = arena_printf(setup->arena, "%s: %s", path, strerror(errno));
		return NULL;
	}
	note = json_loads(text, JSON_REJECT_DUPLICATES, &error);
	if (!json_is_object(note)) {
		*why_r = arena_printf(setup->arena, "%s:%d: %s", path, error.line, error.text);
		json_decref(note);
		return NULL;
	}
	return note;
}

const char *setup_note_write(const struct setup *setup, json_t *note)
{
	const char *path = setup_note_path(setup);
	char *text = json_dumps(note, JSON_INDENT(1));
	int result;

	if (text == NULL)
		return arena_printf(setup->arena, "%s: a configuration file is not UTF-8", path);
	result = text_file_write(setup->arena, path, text, 0600);
	free(text);
	return result == 0 ? NULL : arena_printf(setup->arena, "%s: %s", path, strerror(errno));
}

const char *setup_note_text(const json_t *note, const char *section, const char *name)
{
	return json_string_value(json_object_get(json_object_get(note, section), name));
}
