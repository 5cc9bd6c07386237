/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * See exposition.h. The format: https://prometheus.io/docs/instrumenting/exposition_formats/ (text, version 0.0.4): in HELP a
 * backslash and a line feed are escaped, in a label's value a double quote too.
 */
#include "exposition.h"

#include <inttypes.h>
#include <stdbool.h>

/* From a cache's answer to the longest that a message may wait. */
const uint64_t histogram_bounds_us[HISTOGRAM_BOUNDS] = {
	500, 1000, 2500, 5000, 10000, 25000, 50000, 100000, 250000, 1000000, 2500000, 5000000, 10000000, 30000000
};

static const char *const type_names[] = {
	[METRIC_COUNTER] = "counter", [METRIC_GAUGE] = "gauge", [METRIC_HISTOGRAM] = "histogram"
};

void histogram_note(struct histogram *histogram, uint64_t us)
{
	size_t i = 0;

	while (i < HISTOGRAM_BOUNDS && us > histogram_bounds_us[i])
		i++;
	atomic_fetch_add_explicit(&histogram->counts[i], 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&histogram->sum_us, us, memory_order_relaxed);
}

static void put_escaped(FILE *out, const char *text, bool quoted)
{
	for (; *text != '\0'; text++) {
		if (*text == '\n') {
			fputs("\\n", out);
			continue;
		}
		if (*text == '\\' || (quoted && *text == '"'))
			putc('\\', out);
		putc(*text, out);
	}
}

void exposition_family(FILE *out, const char *name, enum metric_type type, const char *help)
{
	fprintf(out, "# HELP %s ", name);
	put_escaped(out, help, false);
	fprintf(out, "\n# TYPE %s %s\n", name, type_names[type]);
}

static void put_labels(FILE *out, const struct label *labels)
{
	char before = '{';

	for (; labels != NULL && labels->name != NULL; labels++) {
		fprintf(out, "%c%s=\"", before, labels->name);
		put_escaped(out, labels->value, true);
		putc('"', out);
		before = ',';
	}
	if (before == ',')
		putc('}', out);
}

void exposition_count(FILE *out, const char *name, const struct label *labels, uint64_t value)
{
	fputs(name, out);
	put_labels(out, labels);
	fprintf(out, " %" PRIu64 "\n", value);
}

/* Exact, and no digits that are not needed: 0.5, 30, 0.000001. */
static void seconds_text(uint64_t us, char text_r[32])
{
	int length = snprintf(text_r, 32, "%" PRIu64 ".%06" PRIu64, us / 1000000, us % 1000000);

	while (text_r[length - 1] == '0')
		text_r[--length] = '\0';
	if (text_r[length - 1] == '.')
		text_r[--length] = '\0';
}

void exposition_seconds(FILE *out, const char *name, const struct label *labels, uint64_t us)
{
	char text[32];

	seconds_text(us, text);
	fputs(name, out);
	put_labels(out, labels);
	fprintf(out, " %s\n", text);
}

void exposition_histogram(FILE *out, const char *name, const struct histogram *histogram)
{
	uint64_t total = 0;
	char text[32];

	for (size_t i = 0; i < HISTOGRAM_BOUNDS; i++) {
		total += atomic_load_explicit(&histogram->counts[i], memory_order_relaxed);
		seconds_text(histogram_bounds_us[i], text);
		fprintf(out, "%s_bucket{le=\"%s\"} %" PRIu64 "\n", name, text, total);
	}
	total += atomic_load_explicit(&histogram->counts[HISTOGRAM_BOUNDS], memory_order_relaxed);
	fprintf(out, "%s_bucket{le=\"+Inf\"} %" PRIu64 "\n", name, total);
	seconds_text(atomic_load_explicit(&histogram->sum_us, memory_order_relaxed), text);
	fprintf(out, "%s_sum %s\n%s_count %" PRIu64 "\n", name, text, name, total);
}
