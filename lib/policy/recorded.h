/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_POLICY_RECORDED_H
#define ASSAY_POLICY_RECORDED_H
/*
 * What a set of policies would have made of a recorded message. The message is taken through RCPT and its end as a run under that
 * set would have taken it: recipients that the set refuses do not get it. Where what was recorded is coarser than the message, every
 * message that it could have been is weighed, and a decision is told only when all of them come to the same. Never guesses.
 * Pure. Thread: any.
 */
#include "policy/evidence.h"
#include "policy/policy.h"

/* Why nothing can be told. */
enum untold {
	UNTOLD_NOT,		/* it is told */
	UNTOLD_UNREADABLE,	/* written by another version, or damaged */
	UNTOLD_OTHER,		/* counted together with others of its day, of which there were too many kinds */
	UNTOLD_AT_RCPT,		/* it was refused at RCPT, and these policies would have read on */
	UNTOLD_CLIENT,		/* which host of its network the client was */
	UNTOLD_MAILBOXES, UNTOLD_ENVELOPE, UNTOLD_CLIENT_NAME, UNTOLD_LISTENER, UNTOLD_AUTH,
	UNTOLD_RECIPIENTS, UNTOLD_AUTHORS, UNTOLD_SIGNATURES, UNTOLD_SPF, UNTOLD_CERT,
	UNTOLD_OVERRIDES,	/* what an override of a DMARC failure stood in for */
	UNTOLD_FINDINGS,	/* not known to this version */
	UNTOLD_PRESSURE,	/* whether DNS was under pressure, or out */
	UNTOLD_TIME,		/* when of its span it came: a flag day or a brake began or ended in it */
	UNTOLD_BRAKES,		/* whether a brake would have been on */
	UNTOLD_CHECKS,		/* what checks would have found that were off */
	UNTOLD_COUNT
};

/** For people, without an article: "client address" …; UNTOLD_NOT gives NULL. */
const char *untold_name(enum untold why);

struct recorded_decision {
	enum untold why;		/* NOT: the decision is the one that the policies would have come to */
	struct decision decision;	/* without a reply; its domain is nowhere recorded. When nothing is told: no action */
	bool partly;			/* some recipients would surely be refused at RCPT, and the message goes on for others */
};

/**
 * @param evidence  read from the record, or of a message that is still there.
 * @param arena  for a moment's work; nothing of recorded_r lives in it but what the evidence's does.
 */
void policy_replay(const struct policy_set *set, const struct evidence *evidence, struct arena *arena,
    struct recorded_decision *recorded_r);

/**
 * Marks the policies under which a recorded message surely falls, whichever host of its network its client was, and with all the
 * recipients that it was meant for.
 * @param marks_r  set->count of enum policy_mark: POLICY_IN or POLICY_OUT.
 */
void policy_select_recorded(const struct policy_set *set, const struct evidence *evidence, struct arena *arena,
    unsigned char *marks_r);

#endif
