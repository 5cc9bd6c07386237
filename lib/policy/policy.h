/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_POLICY_POLICY_H
#define ASSAY_POLICY_POLICY_H
/*
 * The policy: a pure function (findings, who, clock) → decision. No I/O, no globals, no waiting: so it can be replayed
 * over the past, and dry-run is only the `enforced` flag of the outcome. Thread: any.
 */
#include "check/result.h"
#include "config/config.h"

/* Who the message concerns, as far as policies match on it. */
struct policy_who {
	const char *recipient_domain;		/* of one recipient; lower case A-labels; NULL unknown */
	const char *const *author_domains;	/* NULL/0 at RCPT: policies with author_domains do not match then */
	size_t author_domain_count;
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

/** First policy that matches; never NULL (the last one matches everything). */
const struct policy_config *policy_select(const struct config *config, const struct policy_who *who);

/**
 * Weighs findings by one policy.
 * @param stage  ENVELOPE: only findings of that stage count (at RCPT); MESSAGE: all.
 */
void policy_decide(const struct config *config, const struct policy_config *policy, const struct results *results,
    enum finding_stage stage, struct arena *arena, struct decision *decision_r);

/** The stricter of two decisions for one message with several recipients: enforced ones before dry ones, then strength. */
const struct decision *decision_stricter(const struct decision *a, const struct decision *b);

/** @return whether a finding's evidence is DNS data, so that DNSSEC has something to say about it. */
bool finding_needs_dns(enum finding_id id);

/** @return whether any policy could defer or reject at RCPT (enforced action on an envelope finding). */
bool policy_acts_at_rcpt(const struct config *config);

/** @return whether any policy gives this finding an action other than none. */
bool policy_uses(const struct config *config, enum finding_id id);

#endif
