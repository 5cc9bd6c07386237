/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_REPORT_WHATIF_TEXT_H
#define ASSAY_REPORT_WHATIF_TEXT_H
/* A forecast for people, as text in 80 columns. Thread: one. */
#include <stdio.h>

#include "report/whatif.h"

/* What stands around the sums. */
struct whatif_page {
	const char *policies;		/* whose policies are asked, and how: the title */
	int64_t since_secs, until_secs;	/* the period that was asked for */
	struct whatif_weights weights;
	double days;			/* of the period in which there is a record */
	int64_t flag_day_secs;		/* the first one behind the period, which is in no figure; 0: there is none */
	size_t top;			/* rows of each table of domains */
};

void whatif_print_text(struct whatif *whatif, const struct whatif_page *page, FILE *out);

#endif
