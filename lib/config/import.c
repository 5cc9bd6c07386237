/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The translation: each line of an old file is looked up in its program's table and leaves settings of Assay and a note. A
 * setting is put through the schema's own parser before it is kept. Trusts nothing of the files.
 */
#include "config/import.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <syslog.h>
#include <unistd.h>

#include "config/import_internal.h"
#include "config/value.h"
#include "util/error.h"

static const struct import_table *const tables[IMPORT_PROGRAMS] = { &import_opendkim, &import_opendmarc };

void import_note(struct import *import, const struct import_line *line, enum import_fate fate, const char *format, ...)
{
	struct import_note *note = arena_calloc(import->arena, 1, sizeof(*note));
	va_list arguments;

	note->fate = fate;
	if (line != NULL)
		note->option = arena_printf(import->arena, "%.*s %.*s%s (line %u)", IMPORT_SHOWN, line->name, IMPORT_SHOWN, line->value,
		    strlen(line->value) > IMPORT_SHOWN ? "..." : "", line->line);
	va_start(arguments, format);
	note->text = arena_vprintf(import->arena, format, arguments);
	va_end(arguments);
	*import->last_note[import->program] = note;
	import->last_note[import->program] = &note->next;
}

/* ---- settings ---------------------------------------------------------------------------------------------------- */

static bool find_row(const char *section, const char *name, struct option_row *row_r)
{
	enum finding_id id;

	if (strcmp(section, "findings") == 0 && finding_from_name(name, &id) == 0) {
		*row_r = schema_finding_row(id, false);
		return true;
	}
	for (size_t i = 0; i < schema_count; i++) {
		if (strcmp(schema_table[i].section, section) == 0 && strcmp(schema_table[i].name, name) == 0) {
			*row_r = schema_table[i];
			return true;
		}
	}
	return false;
}

bool import_fits(struct import *import, const char *section, const char *name, const char *value)
{
	struct option_row row;
	union value parsed;
	const char *why;

	return find_row(section, name, &row) && value_parse(&row, value, import->arena, &parsed, &why) == 0;
}

static struct import_setting *find_setting(struct import *import, const char *section, const char *name)
{
	struct import_setting **setting = &import->settings;
	struct option_row row;

	while (*setting != NULL && (strcmp((*setting)->row.section, section) != 0 || strcmp((*setting)->row.name, name) != 0))
		setting = &(*setting)->next;
	if (*setting == NULL && find_row(section, name, &row)) {
		*setting = arena_calloc(import->arena, 1, sizeof(**setting));
		(*setting)->row = row;
	}
	return *setting;
}

const char *import_set(struct import *import, const char *origin, const char *section, const char *name, const char *value)
{
	struct import_setting *setting = find_setting(import, section, name);
	union value parsed;
	const char *why;

	if (setting == NULL)
		abort();	/* a mistake in a table: the tests use every row */
	if (value_parse(&setting->row, value, import->arena, &parsed, &why) != 0)
		return why;
	for (size_t i = 0; i < setting->count; i++) {
		if (strcasecmp(setting->values[i], value) == 0)
			return NULL;
	}
	if (setting->count != 0 && !option_is_list(setting->row.type))
		return arena_printf(import->arena, "%s has set it to %s already", setting->origin, setting->values[0]);
	if (setting->count == IMPORT_VALUES_MAX)
		return "there are too many of them for one list";
	setting->values[setting->count++] = arena_strdup(import->arena, value);
	if (setting->origin == NULL)
		setting->origin = origin;
	else if (strstr(setting->origin, origin) == NULL)
		setting->origin = arena_printf(import->arena, "%s, %s", setting->origin, origin);
	return NULL;
}

void import_keep(struct import *import, const struct import_line *line, const char *section, const char *name, const char *value)
{
	const char *why = import_set(import, line->name, section, name, value);

	if (why != NULL)
		import_note(import, line, FATE_BY_HAND, "%s cannot become '%.*s': %s", name, IMPORT_SHOWN, value, why);
	else if (section[0] != '\0')
		import_note(import, line, FATE_KEPT, "%s { %s = %s }", section, name, value);
	else
		import_note(import, line, FATE_KEPT, "%s = %s", name, value);
}

/* ---- hosts --------------------------------------------------------------------------------------------------------- */

/* "[::1]" → "::1", "10.1.2.3/8" → "10.0.0.0/8"; NULL: no address. */
static const char *network_text(struct import *import, const char *host)
{
	char *text = arena_strdup(import->arena, host + (host[0] == '[')), *slash, address[ADDR_TEXT_BYTES];
	unsigned bits, whole;
	struct ip_addr addr;

	text[strcspn(text, "]")] = strchr(text, ']') != NULL && strchr(text, ']')[1] == '/' ? ' ' : '\0';
	slash = strchr(text, '/');
	if (slash != NULL)
		*slash = '\0';
	text[strcspn(text, " ")] = '\0';
	if (addr_parse(text, &addr) != 0)
		return NULL;
	whole = addr.family == AF_INET ? 32 : 128;
	if (slash == NULL)
		return arena_strdup(import->arena, addr_format(&addr, address));
	bits = (unsigned)strtoul(slash + 1, NULL, 10);
	/* an IPv4 address in IPv6 form: its prefix counts from the whole */
	if (strchr(text, ':') != NULL && addr.family == AF_INET)
		bits = bits >= 96 ? bits - 96 : whole + 1;
	if (slash[1] < '0' || slash[1] > '9' || slash[1 + strspn(slash + 1, "0123456789")] != '\0' || bits > whole)
		return NULL;
	for (unsigned bit = bits; bit < whole; bit++)
		addr.bytes[bit / 8] &= (uint8_t)~(0x80u >> bit % 8);
	return arena_printf(import->arena, "%s/%u", addr_format(&addr, address), bits);
}

void import_hosts(struct import *import, const struct import_line *line, const char *const *hosts, bool more, const char *what)
{
	size_t kept = 0, left = 0;
	const char *first_left = NULL;

	/* the list replaces the default, which holds our own addresses */
	(void)import_set(import, "the default", "", "trusted-networks", "127.0.0.0/8");
	(void)import_set(import, "the default", "", "trusted-networks", "::1");
	for (; *hosts != NULL; hosts++) {
		const char *network = network_text(import, *hosts);

		if (network != NULL && import_set(import, line->name, "", "trusted-networks", network) == NULL) {
			kept++;
			continue;
		}
		left++;
		first_left = first_left != NULL ? first_left : *hosts;
	}
	import_note(import, line, left == 0 && !more ? FATE_KEPT : FATE_BY_HAND, "%zu in trusted-networks: %s", kept, what);
	if (left != 0)
		import_note(import, NULL, FATE_BY_HAND, "%s: %zu of its hosts are no addresses (the first is '%.*s'): "
		    "trusted-networks takes addresses and networks only", line->name, left, IMPORT_SHOWN, first_left);
	if (more)
		import_note(import, NULL, FATE_BY_HAND, "%s: only its first %d hosts were read", line->name, IMPORT_VALUES_MAX);
}

/* A file of hosts: the first word of each line; '#' begins a comment. */
static const char **read_hosts(struct import *import, const struct import_line *line, const char *path, bool *more_r)
{
	size_t length;
	char *text = import->read(import->closure, path, IMPORT_FILE_MAX + 1, import->arena, &length);
	struct import_file *file = arena_calloc(import->arena, 1, sizeof(*file));
	const char **items, *why;
	unsigned number;

	if (text == NULL) {
		import_note(import, line, FATE_BY_HAND, "the file cannot be read: %s; put its networks into trusted-networks",
		    strerror(errno));
		return NULL;
	}
	*more_r = import_file_parse(text, length, import->arena, file, &why, &number) != 0;
	items = arena_calloc(import->arena, file->count + 1, sizeof(*items));
	for (size_t i = 0; i < file->count; i++)
		items[i] = file->lines[i].name;
	return items;
}

const char **import_dataset(struct import *import, const struct import_line *line, bool *more_r)
{
	const char *value = line->value;
	size_t length = strlen(value);

	if (strncasecmp(value, "csl:", 4) == 0)
		return import_split(import->arena, value + 4, ", \t", more_r);
	if (strncasecmp(value, "file:", 5) == 0)
		return read_hosts(import, line, value + 5, more_r);
	if (value[0] == '/')
		return read_hosts(import, line, value, more_r);
	if (strchr(value, '/') != NULL && strchr(value, ':') != NULL && strncmp(strchr(value, ':'), "://", 3) == 0)
		length = 0;
	if (length == 0 || strncasecmp(value, "refile:", 7) == 0 || strncasecmp(value, "db:", 3) == 0 ||
	    strncasecmp(value, "dsn:", 4) == 0 || strncasecmp(value, "lua:", 4) == 0 || strncasecmp(value, "ldap", 4) == 0 ||
	    (length > 3 && strcasecmp(value + length - 3, ".db") == 0)) {
		import_note(import, line, FATE_BY_HAND, "a data set of this kind is not read; put its networks into trusted-networks");
		return NULL;
	}
	return import_split(import->arena, value, ", \t", more_r);
}

/* ---- options of both programs ---------------------------------------------------------------------------------------- */

void import_authserv_id(struct import *import, const struct import_line *line)
{
	char host[256] = "";

	if (strcmp(line->value, "HOSTNAME") != 0) {
		import_keep(import, line, "", "authserv-id", line->value);
		return;
	}
	(void)gethostname(host, sizeof(host) - 1);
	import_keep(import, line, "", "authserv-id", host);
}

void import_facility(struct import *import, const struct import_line *line)
{
	import_keep(import, line, "", "log-facility", line->value);
}

void import_socket(struct import *import, const struct import_line *line)
{
	bool chrooted = strstr(line->value, "/var/spool/postfix/") != NULL;

	import_note(import, line, FATE_DROPPED, chrooted ? "assayd has a socket of its own; assay setup postfix makes one that a "
	    "chrooted smtpd reaches" : "assayd has a socket of its own; take the old one out of the MTA's configuration");
}

/* ---- the whole ------------------------------------------------------------------------------------------------------- */

static const struct import_option *find_option(const struct import_table *table, const char *name)
{
	for (const struct import_option *option = table->options; option->name != NULL; option++) {
		if (strcasecmp(option->name, name) == 0)
			return option;
	}
	return NULL;
}

static void translate(struct import *import, const struct import_table *table, FILE *errors)
{
	const struct import_file *file = import->files[import->program];

	for (size_t i = 0; i < file->count; i++) {
		const struct import_line *line = &file->lines[i];
		const struct import_option *option = find_option(table, line->name);

		if (option == NULL) {
			fprintf(errors, "%s:%u: '%.*s' is no option of %s\n", file->path, line->line, IMPORT_SHOWN, line->name, table->program);
			import_note(import, line, FATE_UNKNOWN, "no option of %s", table->program);
		} else if (import_find(file, line->name) != line) {
			import_note(import, line, FATE_DROPPED, "set again in line %u, which counts", import_find(file, line->name)->line);
		} else if (option->apply != NULL) {
			option->apply(import, line);
		} else {
			import_note(import, line, option->fate, "%s", option->why);
		}
	}
	table->finish(import, file);
}

static int load(struct import *import, const char *path, FILE *errors)
{
	struct import_file *file = arena_calloc(import->arena, 1, sizeof(*file));
	size_t length;
	char *text = import->read(import->closure, path, IMPORT_FILE_MAX + 1, import->arena, &length);
	const char *why;
	unsigned line;

	file->path = path;
	if (text == NULL) {
		fprintf(errors, "%s: %s\n", path, strerror(errno));
		return -E_ABSENT;
	}
	if (import_file_parse(text, length, import->arena, file, &why, &line) != 0) {
		fprintf(errors, "%s:%u: %s\n", path, line, why);
		return -E_SYNTAX;
	}
	import->files[import->program] = file;
	return 0;
}

int config_import(const char *const paths[IMPORT_PROGRAMS], import_read *read, void *closure, FILE *out, FILE *errors)
{
	struct import import = { .arena = arena_new(), .read = read, .closure = closure };
	int code = 0;

	for (int i = 0; i < IMPORT_PROGRAMS; i++) {
		import.program = (enum import_program)i;
		import.last_note[i] = &import.notes[i];
		if (code == 0 && paths[i] != NULL)
			code = load(&import, paths[i], errors);
	}
	for (int i = 0; code == 0 && i < IMPORT_PROGRAMS; i++) {
		import.program = (enum import_program)i;
		if (import.files[i] != NULL)
			translate(&import, tables[i], errors);
	}
	if (code == 0)
		import_print(&import, out);
	arena_free(&import.arena);
	return code;
}
