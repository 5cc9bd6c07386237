/* SPDX-License-Identifier: BSD-2-Clause */
/* Where a report goes. Trusts the paths of the command line. Thread: one. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "assay.h"
#include "report.h"
#include "report/csv.h"
#include "report/html.h"
#include "report/text.h"
#include "text_file.h"
#include "util/buf.h"

/* What is printed into one file. */
struct content {
	const struct page *page;
	enum report_form form;
	const struct page_table *table;	/* of CSV */
};

/* Colours only for who sees them and does not mind (no-color.org). */
static bool wants_colour(FILE *out)
{
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

	return isatty(fileno(out)) == 1 && (no == NULL || *no == '\0') && term != NULL && strcmp(term, "dumb") != 0;
}

static void print(const struct content *content, FILE *out)
{
	switch (content->form) {
	case REPORT_TEXT: text_print_page(content->page, wants_colour(out), out); break;
	case REPORT_HTML: html_print_page(content->page, out); break;
	case REPORT_JSON: report_print_json(content->page, out); break;
	case REPORT_CSV: csv_print_table(content->table, out); break;
	}
}

static int complain(const char *path)
{
	return tool_complain(EX_CANTCREAT, "report: %s: %s", path, strerror(errno));
}

static bool is_special(const char *path)
{
	struct stat stat_buf;

	return stat(path, &stat_buf) == 0 && !S_ISREG(stat_buf.st_mode);
}

/* A pipe or device cannot be replaced, and is not meant to be. */
static int write_special(const char *path, const char *text, size_t bytes)
{
	FILE *out = fopen(path, "w");
	bool failed;

	if (out == NULL)
		return complain(path);
	failed = fwrite(text, 1, bytes, out) != bytes;
	return fclose(out) != 0 || failed ? complain(path) : EX_OK;
}

int report_write_text(const char *path, const char *text, size_t bytes)
{
	struct arena *arena;
	int code = EX_OK;

	if (strcmp(path, "-") == 0) {
		(void)fwrite(text, 1, bytes, stdout);	/* what fails there is told at the end */
		return EX_OK;
	}
	if (is_special(path))
		return write_special(path, text, bytes);
	arena = arena_new();
	if (text_file_make(arena, path, text, bytes, 0666) != 0)
		code = complain(path);
	arena_free(&arena);
	return code;
}

/* Made in memory first: a file is whole or not there. */
static int write_file(const struct content *content, const char *path)
{
	char *text = NULL;
	size_t bytes = 0;
	FILE *out = open_memstream(&text, &bytes);
	int code;

	if (out == NULL)
		return complain(path);
	print(content, out);
	code = fclose(out) != 0 ? complain(path) : report_write_text(path, text, bytes);
	free(text);
	return code;
}

static int write_tables(const struct page *page, const char *directory)
{
	struct arena *arena = arena_new();
	int code = EX_OK;

	if (mkdir(directory, 0777) != 0 && errno != EEXIST)
		code = complain(directory);
	for (const struct page_section *section = page->sections; section != NULL; section = section->next) {
		for (const struct page_item *item = section->items; item != NULL && code == EX_OK; item = item->next) {
			const struct content content = { page, REPORT_CSV, item->table };

			if (item->kind == PAGE_ITEM_TABLE)
				code = write_file(&content, arena_printf(arena, "%s/%s.%s.csv", directory, section->key, item->key));
		}
	}
	arena_free(&arena);
	return code;
}

/* Names the tables that there are. */
static int complain_table(const struct page *page, const char *name)
{
	struct arena *arena = arena_new();
	struct buf names = buf_make(arena);
	int code;

	for (const struct page_section *section = page->sections; section != NULL; section = section->next)
		for (const struct page_item *item = section->items; item != NULL; item = item->next)
			if (item->kind == PAGE_ITEM_TABLE)
				buf_printf(&names, "%s%s.%s", names.length != 0 ? ", " : "", section->key, item->key);
	code = tool_complain(EX_USAGE, "report: --table: there is no '%s'; there are: %s", name, names.data);
	arena_free(&arena);
	return code;
}

int report_write(const struct page *page, enum report_form form, const char *output, const char *table)
{
	struct content content = { page, form, NULL };

	if (form == REPORT_CSV && table == NULL)
		return write_tables(page, output);
	if (form == REPORT_CSV) {
		content.table = csv_find_table(page, table);
		if (content.table == NULL)
			return complain_table(page, table);
	}
	if (output != NULL && strcmp(output, "-") != 0)
		return write_file(&content, output);
	print(&content, stdout);
	return EX_OK;
}
