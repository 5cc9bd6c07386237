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

	if (length >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)	/* nobody sees it in the name that it would belong to */
		complain(complaints, line, "a byte-order mark stands in front: save the file as UTF-8 without one");
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

/* What the command line says instead of the file. */
static void apply_overrides(const struct config_overrides *overrides, struct arena *arena, struct config *config)
{
	struct dns_config *dns = &config->dns;

	if (overrides->resolver != NULL) {
		dns->servers = memcpy(arena_alloc(arena, sizeof(*dns->servers)), overrides->resolver, sizeof(*dns->servers));
		dns->server_count = 1;
		dns->zone_file = NULL;
	}
	if (overrides->zone_file != NULL)
		dns->zone_file = arena_strdup(arena, overrides->zone_file);
	if (overrides->trust_anchor_file != NULL) {
		const char **files = arena_calloc(arena, 2, sizeof(*files));

		files[0] = arena_strdup(arena, overrides->trust_anchor_file);
		dns->trust_anchor_files = files;
	}
	if (overrides->dnssec != NULL)
		dns->dnssec = *overrides->dnssec;
	if (overrides->clock != NULL)
		dns->clock = overrides->clock;
	if (overrides->cache_bytes_max != 0 && dns->cache_bytes > overrides->cache_bytes_max)
		dns->cache_bytes = overrides->cache_bytes_max;
	if (overrides->cached_cuts_max != 0 && config->dns_validator.max_cached_cuts > overrides->cached_cuts_max)
		config->dns_validator.max_cached_cuts = overrides->cached_cuts_max;
	config->generation = overrides->generation;
	if (overrides->every_check)
		config->adsp_enabled = config->adsp_enabled || config->adsp_use == ADSP_AUTO;
}

struct source_text {
	const char *text, *name;
	size_t length;
};

static const struct config *load_text(const struct source_text *source, const struct config_overrides *overrides, FILE *errors)
{
	struct arena *arena = arena_new(), *scratch = arena_new();
	struct snapshot *snapshot = arena_calloc(arena, 1, sizeof(*snapshot));
	struct complaints complaints = { .arena = scratch };
	const char *text = source->text;
	size_t length = source->length;

	snapshot->arena = arena;
	atomic_init(&snapshot->references, 1);
	if (length > MAX_FILE_BYTES)
		complain(&complaints, 0, "file is larger than %d KiB", MAX_FILE_BYTES / 1024);
	else
		check_bytes(text, length, &complaints);
	snapshot->config.sets_nothing = true;	/* until the builder finds an option */
	if (complaints.count == 0)
		build_config(source_parse(arena_strndup(scratch, text, length), &complaints), arena, &complaints, &snapshot->config);
	if (source->name == NULL)
		snapshot->config.sets_nothing = false;	/* there is no file that could */
	if (complaints.count != 0 && length <= MAX_FILE_BYTES && memchr(text, '\0', length) == NULL)
		slips_explain(arena_strndup(scratch, text, length), &complaints);
	complaints_print(&complaints, source->name != NULL ? source->name : "(defaults)", errors);
	arena_free(&scratch);
	if (complaints.count == 0) {
		apply_overrides(overrides, arena, &snapshot->config);
		return &snapshot->config;
	}
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

const struct config *config_load_with(const char *path, const struct config_overrides *overrides, FILE *errors)
{
	struct source_text source = { .text = "", .name = path };
	const struct config *config = NULL;
	struct arena *arena;

	if (path == NULL)
		return load_text(&source, overrides, errors);
	arena = arena_new();
	source.text = read_file(path, arena, &source.length);
	if (source.text == NULL)
		fprintf(errors, "%s: %s\n", path, strerror(errno));
	else
		config = load_text(&source, overrides, errors);
	arena_free(&arena);
	return config;
}

const struct config *config_load(const char *path, FILE *errors)
{
	return config_load_with(path, &(const struct config_overrides){ 0 }, errors);
}

const struct config *config_load_buffer(const char *text, size_t length, const char *name, FILE *errors)
{
	const struct source_text source = { .text = text, .name = name, .length = length };

	return load_text(&source, &(const struct config_overrides){ 0 }, errors);
}

/* The one place that knows what a config is a part of; all others hold it as it is: const. */
static struct snapshot *snapshot_of(const struct config *config)
{
	return (struct snapshot *)(uintptr_t)config;
}

const struct config *config_ref(const struct config *config)
{
	atomic_fetch_add_explicit(&snapshot_of(config)->references, 1, memory_order_relaxed);
	return config;
}

void config_unref(const struct config **config)
{
	struct snapshot *snapshot = snapshot_of(*config);
	struct arena *arena;

	*config = NULL;
	if (snapshot == NULL || atomic_fetch_sub_explicit(&snapshot->references, 1, memory_order_acq_rel) != 1)
		return;
	arena = snapshot->arena;
	arena_free(&arena);
}
