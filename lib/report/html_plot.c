/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Plots by day: bars in an SVG that is stretched to its place, and the labels as HTML, so that they have the size of text on every
 * screen. The table beside it has all of its numbers, so for a screen reader one sentence stands for the plot. Thread: one.
 */
#include <inttypes.h>

#include "report/html_internal.h"

const char *html_tone(enum page_tone tone)
{
	static const char *const classes[TONE_COUNT] = { NULL, "t0", "t1", "t2", "t3", "t4", "t5", "t6" };

	return classes[tone];
}

static uint64_t row_sum(const struct page_table *table, size_t row)
{
	uint64_t sum = 0;

	for (size_t column = 0; column < table->column_count; column++)
		if (table->columns[column].tone != TONE_NONE)
			sum += page_value(table, row, column)->u.count;
	return sum;
}

static uint64_t column_sum(const struct page_table *table, size_t column)
{
	uint64_t sum = 0;

	for (size_t row = 0; row < table->row_count; row++)
		sum += page_value(table, row, column)->u.count;
	return sum;
}

static void print_bar(const struct page_table *table, size_t row, double most, struct arena *arena, FILE *out)
{
	double y = 100;

	fputs("<g><title>", out);
	html_escape(page_value_text(arena, page_value(table, row, 0)), out);
	for (size_t column = 1; column < table->column_count; column++) {
		const struct page_value *value = page_value(table, row, column);

		if (table->columns[column].tone != TONE_NONE && value->u.count != 0)
			fprintf(out, ", %s %s", table->columns[column].title, page_value_text(arena, value));
	}
	fputs("</title>", out);
	for (size_t column = 1; column < table->column_count; column++) {
		double height = 100 * (double)page_value(table, row, column)->u.count / most;

		if (table->columns[column].tone == TONE_NONE || height <= 0)
			continue;
		y -= height;
		fprintf(out, "<rect class=\"%s\" x=\"%zu.08\" y=\"%.3f\" width=\".84\" height=\"%.3f\"/>", html_tone(table->columns[column].tone),
		    row, y, height);
	}
	fputs("</g>\n", out);
}

static void print_key(const struct page_table *table, FILE *out)
{
	fputs("<ul class=\"key\">\n", out);
	for (size_t column = 1; column < table->column_count; column++)
		if (table->columns[column].tone != TONE_NONE && column_sum(table, column) != 0)
			fprintf(out, "<li><span class=\"swatch %s\"></span>%s</li>\n", html_tone(table->columns[column].tone),
			    table->columns[column].title);
	fputs("</ul>\n", out);
}

void html_print_plot(const struct page_table *table, const char *section, FILE *out)
{
	struct arena *arena = arena_new();
	struct page_value most = page_count(1);

	for (size_t row = 0; row < table->row_count; row++)
		most.u.count = row_sum(table, row) > most.u.count ? row_sum(table, row) : most.u.count;
	fprintf(out, "<figure>\n<figcaption>%s</figcaption>\n<div class=\"axis\" aria-hidden=\"true\"><span>%s messages</span></div>\n"
	    "<svg role=\"img\" aria-label=\"%s: stacked bars, one for each of %zu days, at most %s messages a day. The table below has the "
	    "numbers.\" viewBox=\"0 0 %zu 100\" preserveAspectRatio=\"none\" data-plot=\"%s.%s\">\n", table->title,
	    page_value_text(arena, &most), table->title, table->row_count, page_value_text(arena, &most), table->row_count, section, table->key);
	for (size_t row = 0; row < table->row_count; row++)
		print_bar(table, row, (double)most.u.count, arena, out);
	fprintf(out, "</svg>\n<div class=\"axis\" aria-hidden=\"true\"><span>%s</span><span>%s</span></div>\n",
	    page_value_text(arena, page_value(table, 0, 0)), page_value_text(arena, page_value(table, table->row_count - 1, 0)));
	print_key(table, out);
	fputs("</figure>\n", out);
	arena_free(&arena);
}
