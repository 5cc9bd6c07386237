/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_CONFIG_IMPORT_INTERNAL_H
#define ASSAY_CONFIG_IMPORT_INTERNAL_H
/*
 * What the parts of the translation share: import_file.c reads "Name value" lines, import.c collects settings of Assay and
 * notes, import_print.c writes them; import_opendkim.c and import_opendmarc.c say what each option means.
 */
#include <stdbool.h>

#include "config/import.h"
#include "config/schema.h"

enum {
	IMPORT_FILE_MAX = 64 * 1024, IMPORT_LINE_MAX = 1024, IMPORT_OPTIONS_MAX = 300, IMPORT_VALUES_MAX = 300, IMPORT_SHOWN = 80,
};

/* One option of an old file. */
struct import_line {
	const char *name, *value;	/* value: "" when there is none */
	unsigned line;
};

struct import_file {
	const char *path;
	struct import_line lines[IMPORT_OPTIONS_MAX];
	size_t count;
};

/* What became of an option; also the order of seriousness. */
enum import_fate { FATE_KEPT, FATE_CHANGED, FATE_DROPPED, FATE_SIGNING, FATE_BY_HAND, FATE_UNKNOWN };

struct import;

/* One option of the old program: a fixed fate and reason, or a function that decides. */
struct import_option {
	const char *name;
	enum import_fate fate;
	const char *why;
	void (*apply)(struct import *import, const struct import_line *line);
};

struct import_table {
	const char *program;		/* as in "opendkim" */
	const struct import_option *options;	/* ends with a NULL name */
	/* what is in effect when the file says nothing, and what it means as a whole; NULL: nothing */
	void (*finish)(struct import *import, const struct import_file *file);
};

extern const struct import_table import_opendkim, import_opendmarc;

/* One option of Assay; lists have several values. */
struct import_setting {
	struct option_row row;
	const char *values[IMPORT_VALUES_MAX];
	size_t count;
	const char *origin;		/* the old options it comes from */
	struct import_setting *next;
};

struct import_note {
	const char *option;		/* "Name value (line 3)"; NULL: about the program as a whole */
	enum import_fate fate;
	const char *text;
	struct import_note *next;
};

struct import {
	struct arena *arena;
	import_read *read;
	void *closure;
	const struct import_file *files[IMPORT_PROGRAMS];
	enum import_program program;	/* whose options are read now */
	struct import_setting *settings;
	struct import_note *notes[IMPORT_PROGRAMS], **last_note[IMPORT_PROGRAMS];
	struct { const char *domains[IMPORT_VALUES_MAX]; size_t count; } ignored_authors;	/* IgnoreMailFrom */
};

/* ---- import_file.c: opendkim's and opendmarc's format --------------------------------------------------------------- */

/** @return 0; -E_SYNTAX when it is no such file, with *why_r and *line_r. */
int import_file_parse(const char *text, size_t length, struct arena *arena, struct import_file *file_r, const char **why_r,
    unsigned *line_r);
/** The last line of that name, which is the one that counts; NULL: none. */
const struct import_line *import_find(const struct import_file *file, const char *name);
/** Takes the first letter, as those programs do. @return false when it is none of theirs. */
bool import_bool(const char *value, bool *value_r);
/** Cuts a list at commas and white space, in the arena; NULL-terminated, at most IMPORT_VALUES_MAX; *more_r: there were more. */
const char **import_split(struct arena *arena, const char *text, const char *separators, bool *more_r);

/* ---- import.c -------------------------------------------------------------------------------------------------------- */

/** Says what became of a line (NULL: of something that the file does not say). */
void import_note(struct import *import, const struct import_line *line, enum import_fate fate, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
/**
 * Sets an option of Assay, or adds to its list.
 * @return NULL; else why not (in the arena): the value does not fit, or another line has set something else.
 */
const char *import_set(struct import *import, const char *origin, const char *section, const char *name, const char *value);
/** @return whether Assay's option would take the value. */
bool import_fits(struct import *import, const char *section, const char *name, const char *value);
/** As import_set(), with a note: kept as "section { name = value }", or by hand. */
void import_keep(struct import *import, const struct import_line *line, const char *section, const char *name, const char *value);
/** Networks of a list or file of hosts become trusted-networks; what is no address is noted. */
void import_hosts(struct import *import, const struct import_line *line, const char *const *hosts, bool more, const char *what);
/** A data set: a list, or a file that is read. @return NULL after a note. */
const char **import_dataset(struct import *import, const struct import_line *line, bool *more_r);

/* Options that both programs have. */
void import_authserv_id(struct import *import, const struct import_line *line);
void import_facility(struct import *import, const struct import_line *line);
void import_socket(struct import *import, const struct import_line *line);

/* ---- import_print.c ---------------------------------------------------------------------------------------------------- */

void import_print(const struct import *import, FILE *out);

#endif
