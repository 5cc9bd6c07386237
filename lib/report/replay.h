/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_REPORT_REPLAY_H
#define ASSAY_REPORT_REPLAY_H
/*
 * The past, for policies to be asked about it: a policy is a function of evidence (policy/evidence.h), and the evidence of each message
 * was recorded. Rows of an older database have none; what their other columns say is evidence with gaps. Thread: one.
 */
#include "config/config.h"
#include "policy/evidence.h"
#include "record/store.h"

/* What one row says of its messages. */
struct replay_past {
	struct evidence evidence;	/* with what it lacks */
	finding_set findings;		/* the row's, as far as this version knows them */
	bool old;			/* the row is from before evidence was recorded */
};

/**
 * Reads a row back, for whoever asks policies of his own about it.
 * @param config  whose policies are to be asked: what a check would have found that was off then, and is on there, is not known.
 * @param arena  in which the evidence lives; it may borrow from the row.
 */
void replay_read(const struct config *config, const struct flow_row *row, struct arena *arena, struct replay_past *past_r);

#endif
