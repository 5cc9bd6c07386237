/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_TOOLS_REPORT_H
#define ASSAY_TOOLS_REPORT_H
/* What the files of assay report share. Thread: one. */
#include <stdio.h>

#include "report/page.h"

enum report_form { REPORT_TEXT, REPORT_HTML, REPORT_JSON, REPORT_CSV };

/** The report as JSON; assay-report(7) lists the keys. */
void report_print_json(const struct page *page, FILE *out);

/**
 * Writes the report to where it is to go: a file is made beside and put in its place when it is whole, so that who reads it never
 * sees a half. CSV without a table goes into a directory, a file a table.
 * @param output  a file or directory; NULL or "-": standard output. @param table  with CSV, "SECTION.TABLE"; NULL.
 * @return an exit code, after a complaint where it is none of success.
 */
int report_write(const struct page *page, enum report_form form, const char *output, const char *table);

/** The same of what is text already. @return an exit code, after a complaint where it is none of success. */
int report_write_text(const char *path, const char *text, size_t bytes);

#endif
