/* SPDX-License-Identifier: BSD-2-Clause */
/* Epochs: cuts are sorted once, a span is found by halving. Trusts spans for nothing but their order. Thread: one. */
#include "report/epochs.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/arena.h"

static int compare_times(const void *left, const void *right)
{
	const int64_t *a = left, *b = right;

	return *a < *b ? -1 : *a > *b;
}

static size_t sort_cuts(int64_t *cuts, size_t count)
{
	size_t kept = 0;

	if (count > 1)
		qsort(cuts, count, sizeof(*cuts), compare_times);
	for (size_t i = 0; i < count; i++)
		if (i == 0 || cuts[i] != cuts[kept - 1])
			cuts[kept++] = cuts[i];
	return kept;
}

struct epochs epochs_make(const struct policy_set *const *sets, size_t set_count, const struct brakes *brakes, struct arena *arena)
{
	size_t room = brakes != NULL ? 2 * brakes->count : 0, count = 0;
	int64_t *cuts, secs;

	for (size_t i = 0; i < set_count; i++)
		room += sets[i]->count * FINDING_COUNT;
	cuts = arena_calloc(arena, room + 1, sizeof(*cuts));
	for (size_t i = 0; i < set_count; i++)
		for (secs = 0; (secs = ramp_next_flag_day(sets[i]->policies, sets[i]->count, secs)) != INT64_MAX;)
			cuts[count++] = secs;
	for (size_t i = 0; brakes != NULL && i < brakes->count; i++) {
		cuts[count++] = brakes->items[i].since_secs;
		if (brakes->items[i].until_secs != 0)
			cuts[count++] = brakes->items[i].until_secs;
	}
	return (struct epochs){ .cuts = cuts, .count = sort_cuts(cuts, count), .brakes = brakes };
}

/* How many cuts are at or before a time. */
static size_t epoch_of(const struct epochs *epochs, int64_t secs)
{
	size_t low = 0, high = epochs->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (epochs->cuts[middle] <= secs)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static void part_begin(const struct flow_row *kind, const struct flow_span *span, struct epoch_part *part)
{
	part->row = *kind;
	part->row.hour_secs = span->from_secs;
	part->row.span_secs = span->span_secs;
	part->row.messages = part->row.bytes = part->row.sessions = 0;
	part->spans = span;
	part->count = 0;
}

void epochs_each(const struct epochs *epochs, const struct flow_row *kind, const struct flow_span *spans, size_t count,
    epoch_part_f *each, void *arg)
{
	struct epoch_part part = { .count = 0, .first = true };
	size_t epoch = 0, last = 0;
	bool whole = false;

	for (size_t i = 0; i < count; i++) {
		size_t begins = epoch_of(epochs, spans[i].from_secs);
		size_t ends = epoch_of(epochs, spans[i].from_secs + (int64_t)spans[i].span_secs - 1);

		if (part.count != 0 && (!whole || begins != epoch || ends != last)) {
			each(arg, &part);
			part.first = false;
			part.count = 0;
		}
		if (part.count == 0) {
			part_begin(kind, &spans[i], &part);
			epoch = begins;
			last = ends;
			whole = begins == ends;
			part.name[0] = '\0';
			if (epochs->count != 0 && whole)
				snprintf(part.name, sizeof(part.name), "%zu", epoch);
			else if (epochs->count != 0)
				snprintf(part.name, sizeof(part.name), "%" PRId64 "+%u", spans[i].from_secs, spans[i].span_secs);
		}
		part.count++;
		part.row.messages += spans[i].messages;
		part.row.bytes += spans[i].bytes;
		part.row.sessions += spans[i].sessions;
	}
	if (part.count != 0)
		each(arg, &part);
}

void epochs_date(const struct epochs *epochs, const struct epoch_part *part, struct evidence *evidence)
{
	evidence->time_secs = part->row.hour_secs;
	evidence->span_secs = part->row.span_secs;
	evidence->brakes = epochs->brakes;
}
