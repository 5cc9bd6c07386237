/* SPDX-License-Identifier: BSD-2-Clause */
/* See flow_spans.h. Trusts the order of rows, and nothing of what they say. */
#include "record/flow_spans.h"

#include <stdlib.h>

#include "util/out_of_memory.h"

void flow_spans_add(struct flow_spans *spans, const struct flow_span *span)
{
	struct flow_span *last = spans->count != 0 ? &spans->spans[spans->count - 1] : NULL;

	if (last != NULL && last->from_secs == span->from_secs && last->span_secs == span->span_secs) {
		last->messages += span->messages;
		last->bytes += span->bytes;
		last->sessions += span->sessions;
		return;
	}
	if (spans->count == spans->room) {
		spans->room = spans->room != 0 ? spans->room * 2 : 64;
		spans->spans = realloc(spans->spans, spans->room * sizeof(*spans->spans));
		if (spans->spans == NULL)
			out_of_memory();
	}
	spans->spans[spans->count++] = *span;
}

void flow_spans_end(struct flow_spans *spans, struct flow_row *kind)
{
	if (spans->count == 0)
		return;
	kind->hour_secs = spans->spans[0].from_secs;
	kind->span_secs = spans->spans[0].span_secs;
	kind->messages = kind->bytes = kind->sessions = 0;
	for (size_t i = 0; i < spans->count; i++) {
		kind->messages += spans->spans[i].messages;
		kind->bytes += spans->spans[i].bytes;
		kind->sessions += spans->spans[i].sessions;
	}
	spans->each(spans->arg, kind, spans->spans, spans->count);
	spans->count = 0;
}

void flow_spans_plain(void *arg, const struct flow_row *row)
{
	const struct flow_spans *spans = arg;
	struct flow_span span = { .from_secs = row->hour_secs - row->hour_secs % spans->span_secs, .span_secs = spans->span_secs,
		.messages = row->messages, .bytes = row->bytes, .sessions = row->sessions };
	struct flow_row kind = *row;

	kind.hour_secs = span.from_secs;
	kind.span_secs = span.span_secs;
	spans->each(spans->arg, &kind, &span, 1);
}

void flow_spans_free(struct flow_spans *spans)
{
	free(spans->spans);
	spans->spans = NULL;
	spans->count = spans->room = 0;
}
