/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_REPORT_TEXT_H
#define ASSAY_REPORT_TEXT_H
/* A report for people, as text in columns. Thread: one. */
#include <stdio.h>

#include "report/page.h"

/** @param colour  with escape sequences of a terminal. Names are cleaned for one, and cut. Times are UTC. */
void text_print_page(const struct page *page, bool colour, FILE *out);

#endif
