/* SPDX-License-Identifier: BSD-2-Clause */
/* The one way of text into HTML. Pure but for the output. Thread: any. */
#include "report/html.h"
#include "util/clean.h"

void html_escape(const char *text, FILE *out)
{
	char escaped[CLEAN_ESCAPE_MAX];

	for (; *text != '\0'; text++) {
		switch (*text) {
		case '&': fputs("&amp;", out); break;
		case '<': fputs("&lt;", out); break;
		case '>': fputs("&gt;", out); break;
		case '"': fputs("&quot;", out); break;
		case '\'': fputs("&#39;", out); break;
		default: fwrite(escaped, 1, clean_escape(*text, escaped), out); break;
		}
	}
}
