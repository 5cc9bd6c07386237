/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_POLICY_REPLY_H
#define ASSAY_POLICY_REPLY_H
/*
 * The SMTP reply of a decision: codes from the findings table, text with the domain that failed. Made once, when the decision is
 * settled. Pure. Thread: any.
 */
#include "policy/policy.h"

enum { REPLY_TEXT_MAX = 400 };

/* What is said besides the decision. */
struct reply_input {
	const char *help_url;		/* with %s for the finding's name, %d for the domain; NULL */
	const char *detail;		/* what the finding stands on, where its kind tells that (TRAIT_DETAILED); NULL */
	const char *explanation;	/* by the domain that failed, or the configured one; NULL */
	const char *reference;		/* of the message (util/reference.h); NULL: it has none */
	unsigned wait_secs;		/* of a greylisted message: so long; 0: nobody knows */
};

/** Sets code, enhanced and text of a settled decision; everything in the arena. */
void reply_make(const struct reply_input *input, struct arena *arena, struct decision *decision);

#endif
