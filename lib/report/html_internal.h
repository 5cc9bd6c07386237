/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_REPORT_HTML_INTERNAL_H
#define ASSAY_REPORT_HTML_INTERNAL_H
/* What the files of the HTML printer share; nobody else includes it. Thread: one. */
#include "report/html.h"

extern const char html_style[];

/** The class of a tone: "t0" …; TONE_NONE gives NULL. */
const char *html_tone(enum page_tone tone);

/** A plot of a table whose rows are days: stacked bars of the columns that have a tone. Labels are beside it, as HTML. */
void html_print_plot(const struct page_table *table, const char *section, FILE *out);

#endif
