/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_REPORT_TEXT_H
#define ASSAY_REPORT_TEXT_H
/* A tally for people, as text in columns. Thread: one. */
#include <stdio.h>

#include "report/tally.h"

/** Totals, actions as carried out and as the policies at hand decide, and the first rows of each table. Times are UTC. */
void text_print_tally(struct tally *tally, int64_t since_secs, int64_t until_secs, FILE *out);

#endif
