/* SPDX-License-Identifier: BSD-2-Clause */
/* Tables for spreadsheets. See csv.h. Trusts no name; write errors are the caller's to see. Thread: one. */
#include "report/csv.h"

#include <string.h>

void csv_print_field(const char *text, FILE *out)
{
	bool guarded = *text != '\0' && strchr("=+-@\t\r\n", *text) != NULL, quoted = strpbrk(text, ",\"\r\n") != NULL;

	if (quoted)
		fputc('"', out);
	if (guarded)
		fputc('\'', out);
	for (; *text != '\0'; text++) {
		if (*text == '"')
			fputc('"', out);
		fputc(*text, out);
	}
	if (quoted)
		fputc('"', out);
}

/* A negative number is none of those formulas. */
static void print_value(const struct page_value *value, struct arena *arena, FILE *out)
{
	const char *text = page_value_plain(arena, value);

	if (value->kind == PAGE_NAME)
		csv_print_field(text, out);
	else
		fputs(text, out);
}

void csv_print_table(const struct page_table *table, FILE *out)
{
	struct arena *arena = arena_new();

	for (size_t column = 0; column < table->column_count; column++)
		fprintf(out, "%s%s", column != 0 ? "," : "", table->columns[column].key);
	fputs("\r\n", out);
	for (size_t row = 0; row < table->row_count; row++) {
		bool is_other = table->other_names != 0 && row + 1 == table->row_count;

		for (size_t column = 0; column < table->column_count; column++) {
			if (column != 0)
				fputc(',', out);
			if (column == 0 && is_other)
				fputs("(other)", out);
			else
				print_value(page_value(table, row, column), arena, out);
		}
		fputs("\r\n", out);
		arena_reset(arena);
	}
	arena_free(&arena);
}

const struct page_table *csv_find_table(const struct page *page, const char *name)
{
	for (const struct page_section *section = page->sections; section != NULL; section = section->next) {
		size_t length = strlen(section->key);

		if (strncmp(name, section->key, length) != 0 || name[length] != '.')
			continue;
		for (const struct page_item *item = section->items; item != NULL; item = item->next)
			if (item->kind == PAGE_ITEM_TABLE && strcmp(item->key, name + length + 1) == 0)
				return item->table;
	}
	return NULL;
}
