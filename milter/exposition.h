/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_MILTER_EXPOSITION_H
#define ASSAY_MILTER_EXPOSITION_H
/*
 * Prometheus' text format 0.0.4: how figures are written, and the histogram, which is counted lock-free. It knows nothing of
 * mail. Times are counted in microseconds and written in seconds, as Prometheus has them.
 * Thread: histogram_note() any; the writers one stream at a time.
 */
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>

enum metric_type { METRIC_COUNTER, METRIC_GAUGE, METRIC_HISTOGRAM };

struct label { const char *name, *value; };	/* name: [a-z_]+ and no "le"; value: any text, escaped here */

enum { HISTOGRAM_BOUNDS = 14 };

/* Zeros are an empty one. The last count is of what is above all bounds. */
struct histogram { _Atomic uint64_t counts[HISTOGRAM_BOUNDS + 1], sum_us; };

/** Upper bounds of the buckets (inclusive), rising; in microseconds. */
extern const uint64_t histogram_bounds_us[HISTOGRAM_BOUNDS];

/** Counts one. Two relaxed atomic additions. */
void histogram_note(struct histogram *histogram, uint64_t us);

/** HELP and TYPE, once before a metric's samples. @param help  any text, escaped here. */
void exposition_family(FILE *out, const char *name, enum metric_type type, const char *help);

/** One sample. @param labels  up to an entry without a name; NULL: none. */
void exposition_count(FILE *out, const char *name, const struct label *labels, uint64_t value);

/** One sample that is a time. */
void exposition_seconds(FILE *out, const char *name, const struct label *labels, uint64_t us);

/** All samples of a histogram: cumulative, and of one moment as far as its own counts go (_count is the bucket +Inf). */
void exposition_histogram(FILE *out, const char *name, const struct histogram *histogram);

#endif
