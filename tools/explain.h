/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_TOOLS_EXPLAIN_H
#define ASSAY_TOOLS_EXPLAIN_H
/*
 * assay explain: a trace read back (explain.c), judged again by another configuration (explain_again.c), as text (explain_text.c) and
 * as JSON (explain_json.c). One thread.
 */
#include "assay.h"
#include "pipeline/trace_text.h"
#include "policy/reason.h"
#include "policy/recorded.h"
#include "report/replay.h"

/* What another configuration makes of it. */
struct again {
	const char *config_path;	/* as given */
	const char *untold;		/* why nothing can be told, a sentence; NULL: it can */
	struct decision decision;	/* without a reply */
	bool partly;			/* some recipients would be refused at RCPT, and the message goes on for others */
	bool greylist_passed;		/* greylisting let it pass then, and would now for the same reasons */
	bool changes;			/* what becomes of the message */
	const struct policy_reason *reasons;	/* the policies there that are weighed */
	size_t reason_count;
	const char *const *whys;	/* sentences: what is different, and by which line */
	size_t why_count;
};

struct explained {
	const char *reference, *queue_id;
	int64_t time_secs;
	struct trace trace;
	const char *const *others;	/* references of older traces with the same queue id */
	size_t other_count;
	const struct again *again;	/* NULL: nobody asked */
};

/** The evidence of a trace with what only the trace knows. @param line  of the trace, with the evidence. */
void explain_evidence(const struct trace *trace, const struct trace_line *line, const struct config *config, struct arena *arena,
    struct replay_past *past_r);

/**
 * Has the policies of a configuration decide what the trace recorded. All is in the arena or borrowed from the config.
 * @param brakes  that were on; NULL: none.
 */
void explain_again(const struct trace *trace, const struct config *config, const char *config_path, const struct brakes *brakes,
    struct arena *arena, struct again *again_r);

void explain_print_text(const struct explained *explained, struct arena *arena, FILE *out);
void explain_print_json(const struct explained *explained, struct arena *arena, FILE *out);

#endif
