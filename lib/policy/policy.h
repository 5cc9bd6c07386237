/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_POLICY_POLICY_H
#define ASSAY_POLICY_POLICY_H
/*
 * The policy: a pure function (evidence, policy) → decision. No I/O, no globals, no waiting, and nothing is looked at beside the
 * two: so it can be replayed over the past (recorded.h), and dry-run is only the `enforced` flag of the outcome. Thread: any.
 */
#include "check/result.h"
#include "config/config.h"
#include "policy/evidence.h"

/* All policies of a configuration, and what choosing one of them hangs on besides. Borrowed from the config. */
struct policy_set {
	const struct policy_config *policies;	/* file order; the last one matches all */
	size_t count;
	const struct policy_index *index;	/* of just these; NULL: each is asked */
	const char *delimiters;		/* behind which extensions of mailboxes begin; NULL: none */
	const struct domain_set *local_domains;	/* in which the MTA has the same mailboxes; NULL: none */
	const char *const *local_samples;	/* of those that no policy tells apart one each */
	size_t local_sample_count;
	enum several_recipients several;	/* whose decision counts at the end of a message */
};
struct policy_set policy_set_of(const struct config *config);

/*
 * What was decided. The reply is made of it afterwards, once (reply.h). Where the evidence lacks something, action is what comes of
 * the rest, and may the strongest that could come of the whole: nothing that is lacking ever makes a decision weaker.
 */
struct decision {
	enum action action;		/* the strongest of what the findings ask for */
	enum action may;		/* the same, unless the evidence lacks something on which it hangs */
	enum finding_id finding;	/* the one that decided; FINDING_COUNT: none */
	const char *domain;		/* its domain; NULL */
	const char *policy;		/* name of the policy section that decided */
	bool enforced;			/* mode was enforce: the action is to be carried out */
	finding_set asking;		/* all findings that ask for the action */
	size_t weighed;			/* by policy_judge(): how many policies were */
	bool by_rule;			/* by policy_judge(): recipients have different policies, some of which ask for an action */
	enum several_recipients rule;	/* which chose among them */

	/* the reply, by reply_make() */
	unsigned code;			/* 250 when nothing is refused; else 4xx / 5xx */
	const char *enhanced;		/* "5.7.23"; NULL with 250 */
	const char *text;		/* reply text without codes, ASCII, in the arena; NULL with 250 */
};

/** A decision to do nothing, by no policy. */
struct decision decision_none(void);

/* Whether a message falls under a policy. MAYBE: that hangs on what the evidence lacks. */
enum policy_mark { POLICY_OUT, POLICY_MAYBE, POLICY_IN };

/**
 * Marks the policies under which a message has to be weighed: for each recipient with each author domain the first that matches;
 * before it every one that may match, since a name that it asks for is not known. So what cannot be read is never weighed more
 * leniently than anything it could stand for.
 * At stage ENVELOPE policies with author-domains are MAYBE: that hangs on who the author will be. Recipients that were refused do not
 * count. The client has to be one address: of recorded evidence recorded.h knows what to do.
 * @param marks_r  set->count of enum policy_mark. At least one is not OUT when the evidence has a recipient or lacks some.
 */
void policy_select(const struct policy_set *set, const struct evidence *evidence, unsigned char *marks_r);

/** Weighs evidence by one policy. At stage ENVELOPE (at RCPT) only findings of that stage count. Makes no reply. */
void policy_decide(const struct policy_config *policy, const struct evidence *evidence, struct decision *decision_r);

/**
 * The decision for a message. Each recipient has his own: the strictest of all policies under which he falls, by his place and every
 * author. At the end of the message that of the strictest or of the most lenient recipient counts, as the set says.
 * At stage ENVELOPE the strictest counts, and nobody is refused by a policy while one before it may be the author's that would not
 * refuse him as strictly: then the action is none until the end of the message.
 * @param evidence  lacks nothing.
 */
struct decision policy_judge(const struct policy_set *set, const struct evidence *evidence, struct arena *arena);

/* What each policy of a set makes of one message. Each is asked once, when a recipient first falls under it. */
struct opinions;

/**
 * @param set  copied.
 * @param evidence  borrowed; its recipients are not looked at.
 * @param arena  where opinions live, those that are still to be asked for, too.
 */
struct opinions *policy_opinions(const struct policy_set *set, const struct evidence *evidence, struct arena *arena);

/** As policy_judge(), for these recipients. */
struct decision policy_judge_places(struct opinions *opinions, const struct recipient_place *places, size_t count);

/**
 * @param policy  name of the policy that decided; NULL: none.
 * @return the first override of this author's failure that holds and that the policy honours; NULL.
 */
const struct dmarc_override *policy_honoured(const struct config *config, const char *policy, const struct dmarc_result *dmarc);

/** @return whether the decision is to be carried out as a 4xx or 5xx reply. */
bool decision_refuses(const struct decision *decision);

/** @return whether any policy could defer or reject at RCPT (enforced action on an envelope finding). */
bool policy_acts_at_rcpt(const struct policy_set *set);

/** @return whether any policy gives a finding with this trait an action other than none. */
bool policy_uses(const struct config *config, enum finding_trait trait);

#endif
