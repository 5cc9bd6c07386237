/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The translated configuration as a file: settings in the order of the schema, each with the old options it comes from, then
 * what became of every old option. Texts from the old files are cleaned: a comment is one line.
 */
#include <string.h>

#include "config/import_internal.h"
#include "config/value.h"
#include "util/clean.h"

enum { COLUMNS = 118 };

static const char *const fate_words[] = {
	[FATE_KEPT] = "kept", [FATE_CHANGED] = "changed", [FATE_DROPPED] = "dropped", [FATE_SIGNING] = "stays with opendkim",
	[FATE_BY_HAND] = "BY HAND", [FATE_UNKNOWN] = "UNKNOWN",
};

/* One character of a comment. @return columns. */
static size_t put_clean(char c, FILE *out)
{
	char escaped[CLEAN_ESCAPE_MAX];

	return fwrite(escaped, 1, clean_escape(c, escaped), out);
}

/* Words of a comment, broken at COLUMNS. */
static void print_comment(const char *text, const char *first, const char *next, FILE *out)
{
	size_t column = strlen(first);

	fputs(first, out);
	for (bool begun = false; *(text += strspn(text, " ")) != '\0'; begun = true) {
		size_t length = strcspn(text, " ");

		if (begun && column + 1 + length > COLUMNS) {
			fprintf(out, "\n%s", next);
			column = strlen(next);
		} else if (begun) {
			column += put_clean(' ', out);
		}
		for (; length > 0; length--)
			column += put_clean(*text++, out);
	}
	fputc('\n', out);
}

static void print_setting(const struct import_setting *setting, const char *indent, FILE *out)
{
	bool word = setting->row.type != OPTION_STRING && setting->row.type != OPTION_SOCKET && setting->row.type != OPTION_PATH &&
	    setting->row.type != OPTION_NAME && !option_is_list(setting->row.type);

	fprintf(out, "%s# from %s\n", indent, setting->origin);
	fprintf(out, "%s%s = %s", indent, setting->row.name, option_is_list(setting->row.type) ? "{" : "");
	for (size_t i = 0; i < setting->count; i++) {
		if (option_is_list(setting->row.type))
			fprintf(out, "%s\n%s\t", i != 0 ? "," : "", indent);
		if (word)
			fputs(setting->values[i], out);
		else
			value_print_quoted(setting->values[i], out);
	}
	fprintf(out, option_is_list(setting->row.type) ? "\n%s}\n" : "\n", indent);
}

static void print_section(const struct import *import, const char *section, FILE *out)
{
	bool opened = false;

	for (const struct import_setting *setting = import->settings; setting != NULL; setting = setting->next) {
		if (setting->count == 0 || strcmp(setting->row.section, section) != 0)
			continue;
		if (!opened && section[0] != '\0')
			fprintf(out, "\n%s {\n", section);
		opened = true;
		print_setting(setting, section[0] != '\0' ? "\t" : "", out);
	}
	if (opened && section[0] != '\0')
		fputs("}\n", out);
}

static void print_ignored_authors(const struct import *import, FILE *out)
{
	if (import->ignored_authors.count == 0)
		return;
	fputs("\n# from IgnoreMailFrom: judged, but nothing is held back. Anybody can write these domains into a From field.\n"
	    "policy \"ignored-authors\" {\n\tauthor-domains = {", out);
	for (size_t i = 0; i < import->ignored_authors.count; i++) {
		fputs(i != 0 ? ",\n\t\t" : "\n\t\t", out);
		value_print_quoted(import->ignored_authors.domains[i], out);
	}
	fputs("\n\t}\n\tmode = dry-run\n}\n", out);
}

static void print_notes(const struct import *import, enum import_program program, FILE *out)
{
	const char *text;

	if (import->files[program] == NULL)
		return;
	fputs("\n", out);
	print_comment(arena_printf(import->arena, "What became of %s", import->files[program]->path), "# ---- ", "# ", out);
	for (const struct import_note *note = import->notes[program]; note != NULL; note = note->next) {
		fputs("#\n", out);
		if (note->option != NULL)
			print_comment(note->option, "# ", "#     ", out);
		text = arena_printf(import->arena, "%s: %s", fate_words[note->fate], note->text);
		print_comment(text, note->option != NULL ? "#     " : "# ", "#     ", out);
	}
}

void import_print(const struct import *import, FILE *out)
{
	fputs("# Configuration of Assay, translated from that of opendkim or opendmarc; see assay-migration(7).\n"
	    "# Options that do not stand here have their defaults. What became of each old option is told at the end:\n"
	    "# look for BY HAND and UNKNOWN.\n\n"
	    "# Nothing is held back yet. See what `assay report` says of your mail, then write enforce.\n"
	    "mode = dry-run\n", out);
	print_section(import, "", out);
	fputs("\n# what is judged is counted here, for `assay report`\nrecord {\n\tpath = \"/var/lib/assay/assay.db\"\n}\n", out);
	for (const struct section_row *row = schema_sections; row->name != NULL; row++) {
		if (row->name[0] != '\0' && !schema_is_titled(row->name) && strcmp(row->name, "record") != 0)
			print_section(import, row->name, out);
	}
	print_ignored_authors(import, out);
	for (int i = 0; i < IMPORT_PROGRAMS; i++)
		print_notes(import, (enum import_program)i, out);
}
