/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_REPORT_REPORT_H
#define ASSAY_REPORT_REPORT_H
/*
 * What was recorded, and what a policy would have made of it. The policy is a function of the findings, so the rows of
 * the past are decided anew by the configuration at hand. Thread: one.
 */
#include <stdint.h>
#include <stdio.h>

#include "config/config.h"
#include "record/store.h"

struct report;

/** @param config whose policies are replayed; borrowed for the report's life. */
struct report *report_new(const struct config *config);
void report_free(struct report **report);

/** One row; fits store_flows_each() with the report as its argument. */
void report_add(void *report, const struct flow_row *row);

/** Totals, actions as carried out and as the policies at hand decide, by finding, by author domain, TLS. */
void report_print_text(struct report *report, int64_t since_secs, int64_t until_secs, FILE *out);

#endif
