/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_POLICY_EXPLAIN_H
#define ASSAY_POLICY_EXPLAIN_H
/*
 * Which policies one recipient falls under and why not under those before, for people. The policies are those of policy_select(), so
 * that what is told is what would be done. Pure. Thread: any.
 */
#include "policy/match.h"
#include "policy/policy.h"

/* One policy that was asked. */
struct policy_explained {
	const struct policy_config *policy;
	bool applies;			/* the recipient falls under it */
	bool sure;			/* all its conditions hold; else it is weighed because one may */
	const enum match *holds;	/* of each of match_conditions[]; YES where it is not set */
};

/**
 * @param evidence  of one recipient and one author at most, and of nothing that was recorded.
 * @param explained_r  room for set->count.
 * @return how many were asked: those behind the last that applies are not.
 */
size_t policy_explain(const struct policy_set *set, const struct evidence *evidence, struct arena *arena,
    struct policy_explained *explained_r);

#endif
