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

/* As a file that is to be readable by whom the umask says. */
static int open_beside(const char *path, struct arena *arena, char **beside_r)
{
	mode_t mask = umask(0);
	int fd;

	umask(mask);
	*beside_r = arena_printf(arena, "%s.XXXXXX", path);
	fd = mkstemp(*beside_r);
	if (fd >= 0)
		(void)fchmod(fd, 0666 & ~mask);
	return fd;
}

static bool is_special(const char *path)
{
	struct stat stat_buf;

	return stat(path, &stat_buf) == 0 && !S_ISREG(stat_buf.st_mode);
}

/* A pipe or device cannot be replaced, and is not meant to be. */
static int write_special(const struct content *content, const char *path)
{
	FILE *out = fopen(path, "w");
	bool failed;

	if (out == NULL)
		return complain(path);
	print(content, out);
	failed = ferror(out) != 0;
	return fclose(out) != 0 || failed ? complain(path) : EX_OK;
}

static int write_file(const struct content *content, const char *path)
{
	struct arena *arena = arena_new();
	char *beside;
	FILE *out = NULL;
	bool failed;
	int fd, code = EX_OK;

	if (is_special(path)) {
		arena_free(&arena);
		return write_special(content, path);
	}
	fd = open_beside(path, arena, &beside);
	if (fd >= 0)
		out = fdopen(fd, "w");
	if (out == NULL) {
		code = complain(path);
		goto out;
	}
	print(content, out);
	failed = ferror(out) != 0 || fflush(out) != 0 || fsync(fd) != 0;
	if (fclose(out) != 0 || failed || rename(beside, path) != 0) {
		code = complain(path);
		(void)unlink(beside);
	}
out:
	arena_free(&arena);
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
	if (output != NULL)
		return write_file(&content, output);
	print(&content, stdout);
	return fflush(stdout) != 0 || ferror(stdout) != 0 ? tool_complain(EX_IOERR, "report: standard output: %s", strerror(errno)) : EX_OK;
}
