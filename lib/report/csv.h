/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_REPORT_CSV_H
#define ASSAY_REPORT_CSV_H
/*
 * One table of a report as CSV (RFC 4180): a line of column keys, then a line a row, ended by CRLF; the row that sums up the rest is
 * named "(other)". A spreadsheet takes a cell that begins with "=", "+", "-", "@", a tab or a line end for a formula: names are from
 * outside, so such ones get an apostrophe in front. Thread: one.
 */
#include <stdio.h>

#include "report/page.h"

void csv_print_table(const struct page_table *table, FILE *out);

/** Writes one text as a field: guarded, quoted where needed. */
void csv_print_field(const char *text, FILE *out);

/** @return the table named "SECTION.TABLE"; NULL. */
const struct page_table *csv_find_table(const struct page *page, const char *name);

#endif
