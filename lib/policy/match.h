/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_POLICY_MATCH_H
#define ASSAY_POLICY_MATCH_H
/*
 * Whether one policy's conditions hold for one recipient with one author. All that are set have to; what is not known may hold.
 * Pure. Thread: any. Trusts the evidence for nothing but its enums.
 */
#include "config/config.h"
#include "policy/evidence.h"

enum match { MATCH_NO, MATCH_MAYBE, MATCH_YES };

/* One recipient and one author of a message. NULL: not known, it may be any. */
struct match_who {
	const struct evidence *evidence;	/* its client is one address, or none */
	const char *recipient, *author;		/* domains */
};

/** At stage ENVELOPE a policy with author-domains does not match yet. */
enum match match_policy(const struct policy_config *policy, const struct match_who *who);

#endif
