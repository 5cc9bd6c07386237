/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_REPORT_REPLAY_H
#define ASSAY_REPORT_REPLAY_H
/*
 * What the policies at hand would have made of the past: a policy is a function of evidence (policy/evidence.h), and the evidence of
 * each message was recorded. Rows of an older database have none; what their other columns say is evidence with gaps.
 * Thread: one.
 */
#include "config/config.h"
#include "policy/evidence.h"
#include "policy/recorded.h"
#include "record/store.h"

struct replay;

/* What one row comes to. */
struct replayed {
	enum untold why;	/* UNTOLD_NOT: action is what the policies would have decided */
	enum action action;	/* enforced or not; none where nothing can be told */
	bool old;		/* the row is from before evidence was recorded */
	finding_set findings;	/* the row's, as far as this version knows them */
};

/** @param config whose policies are replayed; borrowed for the replay's life. */
struct replay *replay_new(const struct config *config);
void replay_free(struct replay **replay);

/** Decides the messages of one row. */
void replay_row(struct replay *replay, const struct flow_row *row, struct replayed *replayed_r);

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
