/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_REPORT_HTML_H
#define ASSAY_REPORT_HTML_H
/*
 * A report as one HTML file: style and plots are inside, there is no script, and nothing is asked of the network. Each value carries
 * its place in the page (data-key="SECTION.FIGURE" or "SECTION.TABLE.ROW.COLUMN") and what it is for machines (data-value), for who
 * compares it with JSON. Thread: one.
 */
#include <stdio.h>

#include "report/page.h"

/** Write errors are the caller's to see (ferror()). */
void html_print_page(const struct page *page, FILE *out);

/** Text from anywhere as HTML text or the value of an attribute in double quotes: what is no printable ASCII as \xNN. */
void html_escape(const char *text, FILE *out);

#endif
