/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Snapshots: read a file, check it as bytes, parse it (source.c), type it (build.c), count references.
 * The file is the admin's, but may be anything: a directory, a binary, without end. Errors are told with the file's
 * name and line, all of them; a snapshot exists only when there were none.
 * Thread: load from one thread at a time (libConfuse); references from any.
 */
#include "config/config.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "config/build.h"
#include "config/slips.h"
#include "util/arena.h"

enum { MAX_FILE_BYTES = 256 * 1024, MAX_LINE_BYTES = 4096 };

struct snapshot {
	struct config config;	/* first: a struct config is always part of a snapshot */
	struct arena *arena;
	atomic_uint references;
};

/* Bytes and lines that no configuration has: they show that it is another kind of file. The first one is told. */
static void check_bytes(const char *text, size_t length, struct complaints *complaints)
{
	unsigned line = 1;
	size_t line_start = 0;

	for (size_t i = 0; i <= length && complaints->count == 0; i++) {
		unsigned char c = i < length ? (unsigned char)text[i] : '\n';

		if (c == '\n') {
			if (i - line_start > MAX_LINE_BYTES)
				complain(complaints, line, "line is longer than %d bytes", MAX_LINE_BYTES);
			line_start = i + 1;
			line++;
		} else if ((c < 0x20 && c != '\t' && c != '\r') || c == 0x7f) {
			complain(complaints, line, "%s byte: this is not a text file", c == 0 ? "NUL" : "control");
		}
	}
}

static struct config *load_text(const char *text, size_t length, const char *name, FILE *errors)
{
	struct arena *arena = arena_new(), *scratch = arena_new();
	struct snapshot *snapshot = arena_calloc(arena, 1, sizeof(*snapshot));
	struct complaints complaints = { .arena = scratch };

	snapshot->arena = arena;
	atomic_init(&snapshot->references, 1);
	if (length > MAX_FILE_BYTES)
		complain(&complaints, 0, "file is larger than %d KiB", MAX_FILE_BYTES / 1024);
	else
		check_bytes(text, length, &complaints);
	snapshot->config.sets_nothing = true;	/* until the builder finds an option */
	if (complaints.count == 0)
		build_config(source_parse(arena_strndup(scratch, text, length), &complaints), arena, &complaints, &snapshot->config);
	if (complaints.count != 0 && length <= MAX_FILE_BYTES && memchr(text, '\0', length) == NULL)
		slips_explain(arena_strndup(scratch, text, length), &complaints);
	complaints_print(&complaints, name, errors);
	arena_free(&scratch);
	if (complaints.count == 0)
		return &snapshot->config;
	arena_free(&arena);
	return NULL;
}

/* @return the file's bytes (one more than the cap at most) in the arena; NULL with errno set. */
static char *read_file(const char *path, struct arena *arena, size_t *length_r)
{
	char *text = arena_alloc(arena, MAX_FILE_BYTES + 1);
	FILE *file = fopen(path, "re");
	struct stat status;
	int error = 0;

	*length_r = 0;
	if (file == NULL)
		return NULL;
	if (fstat(fileno(file), &status) == 0 && S_ISDIR(status.st_mode))
		error = EISDIR;
	else
		*length_r = fread(text, 1, MAX_FILE_BYTES + 1, file);
	if (error == 0 && ferror(file))
		error = errno != 0 ? errno : EIO;
	fclose(file);
	errno = error;
	return error == 0 ? text : NULL;
}

struct config *config_load(const char *path, FILE *errors)
{
	struct config *config = NULL;
	struct arena *arena;
	size_t length;
	char *text;

	if (path == NULL) {
		config = load_text("", 0, "(defaults)", errors);
		if (config != NULL)
			config->sets_nothing = false;
		return config;
	}
	arena = arena_new();
	text = read_file(path, arena, &length);
	if (text == NULL)
		fprintf(errors, "%s: %s\n", path, strerror(errno));
	else
		config = load_text(text, length, path, errors);
	arena_free(&arena);
	return config;
}

struct config *config_load_buffer(const char *text, size_t length, const char *name, FILE *errors)
{
	return load_text(text, length, name, errors);
}

struct config *config_ref(struct config *config)
{
	struct snapshot *snapshot = (struct snapshot *)(void *)config;

	atomic_fetch_add_explicit(&snapshot->references, 1, memory_order_relaxed);
	return config;
}

void config_unref(struct config **config)
{
	struct snapshot *snapshot = (struct snapshot *)(void *)*config;
	struct arena *arena;

	*config = NULL;
	if (snapshot == NULL || atomic_fetch_sub_explicit(&snapshot->references, 1, memory_order_acq_rel) != 1)
		return;
	arena = snapshot->arena;
	arena_free(&arena);
}
