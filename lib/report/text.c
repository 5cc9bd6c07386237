/* SPDX-License-Identifier: BSD-2-Clause */
/* Prints a page for people. Names in it come from messages, so they are cleaned for the terminal, and cut. Thread: one. */
#include "report/text.h"

#include <stdlib.h>
#include <string.h>

#include "util/clean.h"

enum { NAME_SHOWN = 44, LINE_WIDTH = 100, COLUMNS_MAX = 32 };

struct printer {
	FILE *out;
	bool colour;
	struct arena *arena;	/* for one table; reset each time */
};

static void style(const struct printer *printer, const char *codes)
{
	if (printer->colour)
		fprintf(printer->out, "\033[%sm", codes);
}

static const char *tone_style(enum page_tone tone)
{
	static const char *const codes[TONE_COUNT] = { NULL, "2", "34", "36", "33", "33;1", "31", "31;1" };

	return codes[tone];
}

static const char *value_text(const struct printer *printer, const struct page_value *value)
{
	const char *text = page_value_text(printer->arena, value);
	struct buf buf = buf_make(printer->arena);

	if (value->kind != PAGE_NAME)
		return text;
	clean_smtp(&buf, text, strlen(text) > NAME_SHOWN ? NAME_SHOWN - 3 : NAME_SHOWN);
	if (strlen(text) > NAME_SHOWN)
		buf_puts(&buf, "...");
	return buf.data;
}

/* Sentences are ours, in ASCII; what they quote is cleaned. */
static void print_wrapped(const struct printer *printer, const char *text, const char *indent)
{
	size_t used = strlen(indent);
	struct buf buf = buf_make(printer->arena);
	const char *word;

	clean_smtp(&buf, text, 100000);
	fputs(indent, printer->out);
	for (word = buf.data; *word != '\0';) {
		size_t length = strcspn(word, " ");

		if (used > strlen(indent) && used + 1 + length > LINE_WIDTH) {
			fprintf(printer->out, "\n%s", indent);
			used = strlen(indent);
		} else if (used > strlen(indent)) {
			fputc(' ', printer->out);
			used++;
		}
		fwrite(word, 1, length, printer->out);
		used += length;
		word += length + strspn(word + length, " ");
	}
	fputc('\n', printer->out);
}

/* ---- tables ------------------------------------------------------------------------------------------------------ */

/* A title over several lines, each as wide as its longest word at most. */
static size_t longest_word(const char *text)
{
	size_t longest = 0;

	for (; *text != '\0'; text += strspn(text, " ")) {
		size_t length = strcspn(text, " ");

		longest = length > longest ? length : longest;
		text += length;
	}
	return longest;
}

/* @return the text behind the words that fit into a line of that width; *length_r: their length. */
static const char *take_line(const char *text, size_t width, size_t *length_r)
{
	size_t length = strcspn(text, " ");

	while (text[length] != '\0' && length + 1 + strcspn(text + length + 1, " ") <= width)
		length += 1 + strcspn(text + length + 1, " ");
	*length_r = length;
	return text + length + strspn(text + length, " ");
}

static size_t line_count(const char *text, size_t width)
{
	size_t lines = 0, length;

	while (*text != '\0') {
		text = take_line(text, width, &length);
		lines++;
	}
	return lines;
}

static void widths_of(const struct printer *printer, const struct page_table *table, size_t widths[COLUMNS_MAX])
{
	for (size_t column = 0; column < table->column_count; column++) {
		widths[column] = longest_word(table->columns[column].title);
		for (size_t row = 0; row < table->row_count; row++) {
			size_t width = strlen(value_text(printer, page_value(table, row, column)));

			widths[column] = width > widths[column] ? width : widths[column];
		}
	}
	if (table->other_names != 0 && widths[0] < strlen("other (100000 more)"))
		widths[0] = strlen("other (100000 more)");
}

static bool is_left(const struct page_table *table, size_t column)
{
	return table->columns[column].kind == PAGE_NAME || column == 0;
}

static void print_cell(const struct printer *printer, const char *text, size_t length, size_t width, bool left)
{
	fprintf(printer->out, "  %*s", left ? 0 : (int)(width - length), "");
	fwrite(text, 1, length, printer->out);
	if (left)
		fprintf(printer->out, "%*s", (int)(width - length), "");
}

/* Titles end on the same line. */
static void print_titles(const struct printer *printer, const struct page_table *table, const size_t *widths)
{
	size_t lines = 1;

	for (size_t column = 0; column < table->column_count; column++) {
		size_t count = line_count(table->columns[column].title, widths[column]);

		lines = count > lines ? count : lines;
	}
	for (size_t line = 0; line < lines; line++) {
		for (size_t column = 0; column < table->column_count; column++) {
			const char *rest = table->columns[column].title, *at = rest;
			size_t count = line_count(rest, widths[column]), length = 0;

			for (size_t i = 0; i + lines <= line + count; i++) {
				at = rest;
				rest = take_line(rest, widths[column], &length);
			}
			if (tone_style(table->columns[column].tone) != NULL)
				style(printer, tone_style(table->columns[column].tone));
			print_cell(printer, at, length, widths[column], is_left(table, column));
			style(printer, "0");
		}
		fputc('\n', printer->out);
	}
}

static void print_row(const struct printer *printer, const struct page_table *table, size_t row, const size_t *widths)
{
	bool is_other = table->other_names != 0 && row + 1 == table->row_count;

	for (size_t column = 0; column < table->column_count; column++) {
		const struct page_value *value = page_value(table, row, column);
		const char *text = is_other && column == 0 ? arena_printf(printer->arena, "other (%zu more)", table->other_names) :
		    value_text(printer, value);
		const char *codes = value->kind == PAGE_COUNT && value->u.count != 0 && !value->absent ? tone_style(table->columns[column].tone) : NULL;

		if (codes != NULL)
			style(printer, codes);
		print_cell(printer, text, strlen(text) < widths[column] ? strlen(text) : widths[column], widths[column], is_left(table, column));
		if (codes != NULL)
			style(printer, "0");
	}
	fputc('\n', printer->out);
}

static void print_table(const struct printer *printer, const struct page_table *table)
{
	size_t widths[COLUMNS_MAX] = { 0 };

	fputc('\n', printer->out);
	style(printer, "1");
	fprintf(printer->out, "%s\n", table->title);
	style(printer, "0");
	if (table->row_count == 0) {
		fputs("  none\n", printer->out);
		return;
	}
	widths_of(printer, table, widths);
	print_titles(printer, table, widths);
	for (size_t row = 0; row < table->row_count; row++)
		print_row(printer, table, row, widths);
	if (table->note != NULL)
		print_wrapped(printer, table->note, "  ");
}

/* ---- the page ---------------------------------------------------------------------------------------------------- */

static void print_item(const struct printer *printer, const struct page_item *item)
{
	switch (item->kind) {
	case PAGE_ITEM_TEXT:
		print_wrapped(printer, item->text, "");
		break;
	case PAGE_ITEM_ANSWER:
		style(printer, "1");
		print_wrapped(printer, item->text, "");
		style(printer, "0");
		break;
	case PAGE_ITEM_FIGURE:
		fprintf(printer->out, "  %-52s %20s\n", item->text, value_text(printer, &item->value));
		break;
	case PAGE_ITEM_TABLE:
		print_table(printer, item->table);
		break;
	}
	arena_reset(printer->arena);
}

void text_print_page(const struct page *page, bool colour, FILE *out)
{
	struct printer printer = { out, colour, arena_new() };
	const struct page_value since = page_time(page->since_secs), until = page_time(page->until_secs);

	fprintf(out, "Assay: %s to %s (UTC)\n", value_text(&printer, &since), value_text(&printer, &until));
	print_wrapped(&printer, arena_printf(printer.arena, "Policies: %s", page->policies), "");
	for (const struct page_section *section = page->sections; section != NULL; section = section->next) {
		fputc('\n', out);
		style(&printer, "1;4");
		fprintf(out, "%s", section->title);
		style(&printer, "0");
		fputs("\n\n", out);
		for (const struct page_item *item = section->items; item != NULL; item = item->next)
			print_item(&printer, item);
	}
	arena_free(&printer.arena);
}
