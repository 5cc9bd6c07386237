/* SPDX-License-Identifier: BSD-2-Clause */
/* Walks a page and prints HTML. All text passes html_escape(). Trusts no name. Thread: one. */
#include "report/html.h"

#include <string.h>

#include "report/html_internal.h"

struct printer {
	FILE *out;
	struct arena *arena;	/* for one value; reset each time */
	const char *section;
};

static void print_value(struct printer *printer, const struct page_value *value)
{
	arena_reset(printer->arena);
	html_escape(page_value_text(printer->arena, value), printer->out);
}

/* Of values that are no names. */
static void print_machine(struct printer *printer, const struct page_value *value)
{
	arena_reset(printer->arena);
	fprintf(printer->out, " data-value=\"%s\"", page_value_plain(printer->arena, value));
}

/* ---- tables ------------------------------------------------------------------------------------------------------ */

static void print_heads(const struct printer *printer, const struct page_table *table)
{
	fputs("<thead><tr>", printer->out);
	for (size_t i = 0; i < table->column_count; i++) {
		const struct page_column *column = &table->columns[i];

		fprintf(printer->out, "<th scope=\"col\"%s>", column->kind == PAGE_NAME ? " class=\"word\"" : "");
		if (column->tone != TONE_NONE)
			fprintf(printer->out, "<span class=\"swatch %s\"></span>", html_tone(column->tone));
		html_escape(column->title, printer->out);
		fputs("</th>", printer->out);
	}
	fputs("</tr></thead>\n", printer->out);
}

static void print_row(struct printer *printer, const struct page_table *table, size_t row)
{
	bool is_other = table->other_names != 0 && row + 1 == table->row_count;
	FILE *out = printer->out;

	fprintf(out, "<tr%s><th scope=\"row\" data-key=\"%s.%s.%zu.%s\"", is_other ? " class=\"other\"" : "", printer->section, table->key, row,
	    table->columns[0].key);
	if (page_value(table, row, 0)->kind != PAGE_NAME)
		print_machine(printer, page_value(table, row, 0));
	fputc('>', out);
	if (is_other)
		fprintf(out, "other (%zu more)", table->other_names);
	else
		print_value(printer, page_value(table, row, 0));
	fputs("</th>", out);
	for (size_t column = 1; column < table->column_count; column++) {
		const struct page_value *value = page_value(table, row, column);

		fprintf(out, "<td data-key=\"%s.%s.%zu.%s\"", printer->section, table->key, row, table->columns[column].key);
		if (value->kind != PAGE_NAME)
			print_machine(printer, value);
		fputs(value->kind == PAGE_NAME ? " class=\"word\">" : value->kind == PAGE_COUNT && value->u.count == 0 ? " class=\"zero\">" : ">", out);
		print_value(printer, value);
		fputs("</td>", out);
	}
	fputs("</tr>\n", out);
}

static void print_note(const struct printer *printer, const struct page_table *table)
{
	if (table->note == NULL)
		return;
	fputs("<p class=\"note\">", printer->out);
	html_escape(table->note, printer->out);
	fputs("</p>\n", printer->out);
}

/* A wide one scrolls by itself, also by keyboard. */
static void print_table(struct printer *printer, const struct page_table *table)
{
	FILE *out = printer->out;

	if (table->row_count == 0) {
		fputs("<p>", out);
		html_escape(table->title, out);
		fputs(": none.</p>\n", out);
		return;
	}
	if (table->plot)
		html_print_plot(table, printer->section, out);
	if (table->plot)
		fprintf(out, "<details><summary>Numbers: %s</summary>\n", table->title);
	fprintf(out, "<div class=\"scroll\" tabindex=\"0\" role=\"group\" aria-labelledby=\"%s-%s\">\n<table data-table=\"%s.%s\">"
	    "<caption id=\"%s-%s\">", printer->section, table->key, printer->section, table->key, printer->section, table->key);
	html_escape(table->title, out);
	fputs("</caption>\n", out);
	print_heads(printer, table);
	fputs("<tbody>\n", out);
	for (size_t row = 0; row < table->row_count; row++)
		print_row(printer, table, row);
	fputs("</tbody></table></div>\n", out);
	if (table->plot)
		fputs("</details>\n", out);
	print_note(printer, table);
}

/* ---- sections ---------------------------------------------------------------------------------------------------- */

static void print_figure(struct printer *printer, const struct page_item *item)
{
	fputs("<div><dt>", printer->out);
	html_escape(item->text, printer->out);
	fprintf(printer->out, "</dt><dd data-key=\"%s.%s\"", printer->section, item->key);
	print_machine(printer, &item->value);
	fputc('>', printer->out);
	print_value(printer, &item->value);
	fputs("</dd></div>\n", printer->out);
}

static void print_item(struct printer *printer, const struct page_item *item)
{
	switch (item->kind) {
	case PAGE_ITEM_TEXT:
		fputs("<p>", printer->out);
		html_escape(item->text, printer->out);
		fputs("</p>\n", printer->out);
		break;
	case PAGE_ITEM_ANSWER:
		fprintf(printer->out, "<p class=\"answer\" data-key=\"%s.%s\">", printer->section, item->key);
		html_escape(item->text, printer->out);
		fputs("</p>\n", printer->out);
		break;
	case PAGE_ITEM_FIGURE:
		print_figure(printer, item);
		break;
	case PAGE_ITEM_TABLE:
		print_table(printer, item->table);
		break;
	}
}

/* Figures that follow each other stand side by side. */
static void print_section(struct printer *printer, const struct page_section *section)
{
	bool in_list = false;

	printer->section = section->key;
	fprintf(printer->out, "<section id=\"%s\" aria-labelledby=\"%s-title\">\n<h2 id=\"%s-title\">%s</h2>\n", section->key, section->key,
	    section->key, section->title);
	for (const struct page_item *item = section->items; item != NULL; item = item->next) {
		bool is_figure = item->kind == PAGE_ITEM_FIGURE;

		if (is_figure != in_list)
			fputs(is_figure ? "<dl>\n" : "</dl>\n", printer->out);
		in_list = is_figure;
		print_item(printer, item);
	}
	fputs(in_list ? "</dl>\n</section>\n" : "</section>\n", printer->out);
}

static void print_head(struct printer *printer, const struct page *page)
{
	const struct page_value since = page_time(page->since_secs), until = page_time(page->until_secs);
	FILE *out = printer->out;

	fprintf(out, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
	    "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n<meta name=\"generator\" content=\"assay report\">\n"
	    "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
	    "<title>Assay report</title>\n<style>\n%s</style>\n</head>\n<body>\n<a class=\"skip\" href=\"#overview\">Skip the contents</a>\n"
	    "<header>\n<h1>Assay report</h1>\n<p><span data-key=\"since\"", html_style);
	print_machine(printer, &since);
	fputc('>', out);
	print_value(printer, &since);
	fputs("</span> to <span data-key=\"until\"", out);
	print_machine(printer, &until);
	fputc('>', out);
	print_value(printer, &until);
	fputs("</span> (UTC). Policies: <span data-key=\"policies\">", out);
	html_escape(page->policies, out);
	fputs("</span>.</p>\n</header>\n<nav aria-label=\"Contents\"><ol>\n", out);
	for (const struct page_section *section = page->sections; section != NULL; section = section->next)
		fprintf(out, "<li><a href=\"#%s\">%s</a></li>\n", section->key, section->title);
	fputs("</ol></nav>\n<main>\n", out);
}

void html_print_page(const struct page *page, FILE *out)
{
	struct printer printer = { .out = out, .arena = arena_new() };

	print_head(&printer, page);
	for (const struct page_section *section = page->sections; section != NULL; section = section->next)
		print_section(&printer, section);
	fputs("</main>\n<footer><p>Made by assay report of what assayd recorded; assay-report(7) says how to read it.</p></footer>\n"
	    "</body>\n</html>\n", out);
	arena_free(&printer.arena);
}
