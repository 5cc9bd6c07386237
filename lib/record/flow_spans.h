/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_RECORD_FLOW_SPANS_H
#define ASSAY_RECORD_FLOW_SPANS_H
/*
 * Flows by kind, as rows of a database come: kind by kind, each in the order of time. What they come to is put together here, for every
 * backend alike. Out of memory aborts: how many spans a kind can have is bounded by how long flows are kept. Thread: one.
 */
#include "record/store.h"

struct flow_spans {
	unsigned span_secs;	/* of what there is no kind of: see flow_spans_plain() */
	store_kind_each_f *each;
	void *arg;
	int64_t id;		/* of the kind under way */
	struct flow_span *spans;
	size_t count, room;
};

/** One more row of the kind under way; of the same time as the one before: hours of a day of which some were rolled up already. */
void flow_spans_add(struct flow_spans *spans, const struct flow_span *span);

/** Hands the kind under way on, if there is one. @param kind  its words; its time and counts are set here. */
void flow_spans_end(struct flow_spans *spans, struct flow_row *kind);

/** A row of an earlier schema, which says all in words: a kind by itself. Fits store_flow_each_f. @param spans  struct flow_spans. */
void flow_spans_plain(void *spans, const struct flow_row *row);

void flow_spans_free(struct flow_spans *spans);

#endif
