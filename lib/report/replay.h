/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_REPORT_REPLAY_H
#define ASSAY_REPORT_REPLAY_H
/*
 * What a policy would have made of the past: the policy is a function of the findings, so recorded rows are decided anew by the
 * configuration at hand. Thread: one.
 */
#include "config/config.h"
#include "record/store.h"

struct replay;

/* What one row comes to. */
struct replayed {
	enum action action;	/* that the policies at hand decide, enforced or not */
	finding_set findings;	/* the row's, as far as this version knows them */
};

/** @param config whose policies are replayed; borrowed for the replay's life. */
struct replay *replay_new(const struct config *config);
void replay_free(struct replay **replay);

/** Decides the messages of one row. */
void replay_row(struct replay *replay, const struct flow_row *row, struct replayed *replayed_r);

#endif
