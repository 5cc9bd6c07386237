/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_REPORT_MORNING_H
#define ASSAY_REPORT_MORNING_H
/*
 * What changed since yesterday, in ten lines: one UTC day of the record against the day before it and against the habit of the seven days
 * before. Kinds are read twice, as for a tally: morning_learn() for all, then morning_add() for all. Pure; all text is printable ASCII.
 * Out of memory aborts. Thread: one.
 */
#include "config/config.h"
#include "record/store.h"
#include "util/arena.h"

enum { MORNING_LINES = 10, MORNING_WEEK_DAYS = 7 };

struct morning;

/** @param config  whose lists say what looks wanted; borrowed. @param day_secs  when the day begins that is told of. */
struct morning *morning_new(const struct config *config, int64_t day_secs);
void morning_free(struct morning **morning);

/** @return since when kinds have to be read. */
int64_t morning_since(const struct morning *morning);

/** First: peers, and each kind; fit store_peers_each() and store_kinds_each() with the morning as their argument. */
void morning_peer(void *morning, const char *peer, const struct peer_memory *memory);
void morning_learn(void *morning, const struct flow_row *kind, const struct flow_span *spans, size_t count);
/** Brakes: those that are on need somebody. Fits store_brakes_each(). */
void morning_brake(void *morning, const struct brake_row *row);
/** Then: each kind again, with spans of a day. */
void morning_add(void *morning, const struct flow_row *kind, const struct flow_span *spans, size_t count);

struct morning_text {
	const char *subject;			/* what the day came to, for who reads no further */
	const char *lines[MORNING_LINES];	/* the last one says what needs somebody */
	bool needs_admin;
};

/** In the arena. */
void morning_tell(const struct morning *morning, struct arena *arena, struct morning_text *text_r);

#endif
