/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_POLICY_POLICY_H
#define ASSAY_POLICY_POLICY_H
/*
 * The policy: a pure function (findings, who, clock) → decision. No I/O, no globals, no waiting: so it can be replayed
 * over the past, and dry-run is only the `enforced` flag of the outcome. Thread: any.
 */
#include "check/result.h"
#include "config/config.h"

/* Whom a message concerns, as far as policies match on it: one recipient and one author of what may be several. */
struct policy_who {
	const char *recipient_domain;	/* lower case A-labels; NULL: not known, it may be any */
	const char *author_domain;	/* lower case A-labels; NULL: not known, it may be any */
	bool before_author;		/* at RCPT, before the header: policies with author_domains do not match yet */
	const struct ip_addr *client;
};

struct decision {
	enum action action;		/* the strongest of what the findings ask for */
	enum finding_id finding;	/* the one that decided; FINDING_COUNT: none */
	const char *domain;		/* its domain; NULL */
	const char *policy;		/* name of the policy section that decided */
	bool enforced;			/* mode was enforce: the action is to be carried out */
	unsigned code;			/* 250 when nothing is refused; else 4xx / 5xx */
	const char *enhanced;		/* "5.7.23"; NULL with 250 */
	const char *text;		/* reply text without codes, ASCII, in the arena; NULL with 250 */
};

/** Whether all conditions of a policy hold; one whose recipient or author is not known does not. */
bool policy_matches(const struct policy_config *policy, const struct policy_who *who);

/**
 * Marks the policies under which a message has to be weighed, the strictest of which counts: the first that matches; before it
 * every one that may match, since a name that it asks for is not known. So what cannot be read is never weighed more leniently
 * than anything it could stand for. Called once for each recipient with each author; at least one is marked.
 * @param marked  config->policy_count flags; those that are set stay set.
 */
void policy_mark(const struct config *config, const struct policy_who *who, bool *marked);

/**
 * Weighs findings by one policy.
 * @param stage  ENVELOPE: only findings of that stage count (at RCPT); MESSAGE: all.
 */
void policy_decide(const struct config *config, const struct policy_config *policy, const struct results *results,
    enum finding_stage stage, struct arena *arena, struct decision *decision_r);

/** The stricter of two decisions for one message with several recipients: enforced ones before dry ones, then strength. */
const struct decision *decision_stricter(const struct decision *a, const struct decision *b);

/** @return whether any policy could defer or reject at RCPT (enforced action on an envelope finding). */
bool policy_acts_at_rcpt(const struct config *config);

/** @return whether any policy gives a finding with this trait an action other than none. */
bool policy_uses(const struct config *config, enum finding_trait trait);

#endif
