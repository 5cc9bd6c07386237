/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_MILTER_METRICS_REPORT_H
#define ASSAY_MILTER_METRICS_REPORT_H
/* The report as a page (metrics { report }). Thread: the server's of metrics. */
#include <stdint.h>
#include <stdio.h>

enum { METRICS_REPORT_OFF = -2 };

/**
 * Opens the page that the configuration in force names.
 * @param why  after -1: gets what is wrong and what to do, for who asks.
 * @param bytes_r  its length; set with the descriptor.
 * @return a descriptor for the caller to close; -1; METRICS_REPORT_OFF: the configuration names none.
 */
int metrics_report_open(FILE *why, uint64_t *bytes_r);

#endif
