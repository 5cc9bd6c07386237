/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Collected errors of a configuration file. Their texts may quote the file, so what is printed is cleaned of control
 * and 8-bit bytes. Never fails.
 */
#include "config/complaints.h"

#include <stdlib.h>
#include <string.h>

#include "util/clean.h"

void complain(struct complaints *complaints, unsigned line, const char *format, ...)
{
	va_list arguments;
	const char *text;

	va_start(arguments, format);
	text = arena_vprintf(complaints->arena, format, arguments);
	va_end(arguments);
	for (size_t i = 0; i < complaints->count; i++) {
		if (complaints->items[i].line == line && strcmp(complaints->items[i].text, text) == 0)
			return;
	}
	if (complaints->count == COMPLAINTS_MAX) {
		complaints->dropped++;
		return;
	}
	complaints->items[complaints->count].line = line;
	complaints->items[complaints->count++].text = text;
}

/* Insertion sort: stable, and there are at most COMPLAINTS_MAX. */
static void sort_by_line(struct complaints *complaints)
{
	for (size_t i = 1; i < complaints->count; i++) {
		for (size_t j = i; j > 0 && complaints->items[j - 1].line > complaints->items[j].line; j--) {
			unsigned line = complaints->items[j].line;
			const char *text = complaints->items[j].text;

			complaints->items[j] = complaints->items[j - 1];
			complaints->items[j - 1].line = line;
			complaints->items[j - 1].text = text;
		}
	}
}

void complaints_print(struct complaints *complaints, const char *name, FILE *out)
{
	sort_by_line(complaints);
	for (size_t i = 0; i < complaints->count; i++) {
		clean_terminal(out, name);
		if (complaints->items[i].line != 0)
			fprintf(out, ":%u", complaints->items[i].line);
		fputs(": ", out);
		clean_terminal(out, complaints->items[i].text);
		fputc('\n', out);
	}
	if (complaints->dropped != 0)
		fprintf(out, "%zu more errors\n", complaints->dropped);
}
