/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_POLICY_REASON_H
#define ASSAY_POLICY_REASON_H
/*
 * Why a message was decided as it was, for people: which policies it fell under and by what, what each made of it, and by which line of
 * the configuration. Asks the same functions as the decision, so that what is told is what was done. Pure. Thread: any.
 */
#include "policy/evidence.h"
#include "policy/policy.h"

/* How it comes that a finding asks for an action. */
enum asked_why {
	ASKED_AS_SET,		/* the configuration says so for this finding */
	ASKED_DNS_OUTAGE,	/* dns-outage: what could not be looked for would be refused */
	ASKED_TLS_NOT_REQUIRED,	/* the message says TLS-Required: No */
	ASKED_ONLY_SECURE,	/* reject-only-secure */
	ASKED_BEFORE_FLAG_DAY,	/* its ramp has not begun */
	ASKED_OUTSIDE_SHARE,	/* its ramp is for other domains */
	ASKED_BRAKED,		/* a brake is on */
	ASKED_OVERRIDE_UNKNOWN,	/* an override may hold; its evidence did not come */
	ASKED_OVERRIDDEN,	/* an override holds, which the policy honours */
	ASKED_TLSA_UNKNOWN,	/* the client's TLSA record, which may be the proof, could not be read */
};

/* One policy and what it makes of the message. */
struct policy_reason {
	const struct policy_config *policy;
	bool sure;			/* the message falls under it; false: it may, and is weighed for that */
	const char *match;		/* by what: "recipient test.example", "all mail"; in the arena */
	struct decision decision;	/* by it alone, without a reply */
	const char *rule;		/* by which lines: "spf-fail = reject"; NULL: nothing asked for anything; in the arena */
};

/**
 * The policies that were weighed, in the order of the configuration.
 * @param evidence  its client has to be one address, or none; recipients that were refused do not count.
 * @param reasons_r  room for set->count.
 * @return how many.
 */
size_t policy_reasons(const struct policy_set *set, const struct evidence *evidence, struct arena *arena,
    struct policy_reason *reasons_r);

/**
 * What one policy asks for a finding that is in the evidence.
 * @return the action, the strongest of those that the finding asks for; none where it is not there or not weighed.
 */
enum action policy_asked_for(const struct policy_config *policy, const struct evidence *evidence, enum finding_id id,
    enum asked_why *why_r);

#endif
