/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_POLICY_INTERNAL_H
#define ASSAY_POLICY_INTERNAL_H
/* What the files of this directory share; nobody else includes it. Pure. Thread: any. */
#include "policy/match.h"
#include "policy/ramp.h"
#include "policy/reason.h"

/* Whether something is so. MAYBE: it hangs on what the evidence lacks. */
enum truth { TRUTH_NO, TRUTH_MAYBE, TRUTH_YES };

static inline bool evidence_lacks(const struct evidence *evidence, enum evidence_lack what)
{
	return (evidence->lacks & what) != 0;
}

/**
 * What the policy asks for a finding that is there.
 * @param most  what it may ask for at most, where that hangs on what the evidence lacks (time, domains, brakes); else the least.
 */
enum action policy_asked_action(const struct policy_config *policy, const struct evidence *evidence,
    const struct evidence_finding *finding, bool most, enum asked_why *why_r);

/** The configured action, as far as its ramp and brakes have it in force. */
enum action ramp_action(const struct policy_config *policy, const struct evidence *evidence, enum finding_id id, bool most,
    enum asked_why *why_r);

/** Whether a finding is weighed at the evidence's stage. */
bool policy_counts(const struct policy_config *policy, const struct evidence *evidence, enum finding_id id);

/** @return whether a finding of the evidence's own list is weighed. */
bool policy_takes(const struct policy_config *policy, const struct evidence *evidence, const struct evidence_finding *finding);

/** @return what the policy weighs of a finding that overrides may waive: a part of the waivable. */
const struct evidence_finding *policy_waive(const struct policy_config *policy, const struct evidence_waivable *waivable);

/** @return whether the policy might weigh something that was waived and that the evidence does not name. */
bool policy_lacks_waived(const struct policy_config *policy, const struct evidence *evidence);

/** What that could be. @return how many. */
size_t policy_waived_ids(const enum finding_id **ids_r);

/**
 * Whether there is a pass that the policy's require-secure-domains does not believe.
 * @param domain_r  whose, with YES; borrowed from the evidence.
 */
enum truth require_insecure_pass(const struct policy_config *policy, const struct evidence *evidence, const char **domain_r);

/** Whether the policy asks for a client certificate that the session does not have. */
enum truth require_cert_lacking(const struct policy_config *policy, const struct evidence *evidence);

/*
 * What comes of a message, in order: what has an effect goes before what has none, then strength. An enforced "none" has none, so that
 * it does not hide what a policy in dry-run would have done.
 */
enum { RANK_ENFORCED = 100, RANK_MAX = RANK_ENFORCED + ACTION_REJECT };
unsigned rank_of(bool enforced, enum action action);

/** Whether RCPT refuses. Greylisting waits for the end of the message, and a quarantine needs one. */
bool rank_refuses(unsigned rank);

/* What one policy makes of a message: from low to high, where the evidence lacks something. */
struct opinion {
	struct decision decision;	/* of what is there: its rank is low */
	unsigned low, high;
};

struct opinions {
	struct policy_set set;
	const struct evidence *evidence;
	struct arena *arena;
	struct opinion **items;		/* NULL: not asked yet */
	unsigned char *marks;		/* of enum policy_mark, raised by policy_own() */
};
const struct opinion *opinion_of(struct opinions *opinions, size_t policy);

/* Whether one of the policies that may match is weighed for a recipient with an author. */
enum reached {
	REACHED_SURELY,
	REACHED_LATER,		/* or not: at RCPT that hangs on the author, who will be known */
	REACHED_PERHAPS		/* or not: that hangs on what the evidence lacks */
};

struct bounds { unsigned low, high; };

/* The policies of one recipient with one author, in the order of the file. */
struct path {
	struct bounds surely;		/* the strictest of those that are weighed in any case */
	bool any_surely;
	size_t surely_decider;
	struct bounds all;		/* the strictest of all */
	struct bounds end;		/* the least that it may come to: wherever it ends, with those before that are weighed in any case */
	size_t decider;			/* by which policy that */
	bool lacks;
};
struct path path_begin(void);
/** @param ends  it may be the first policy whose conditions all hold. */
void path_add(struct path *path, const struct opinion *opinion, size_t policy, enum reached reached, bool ends);

/*
 * A recipient's own decision, as ranks: the strictest of all policies that he may fall under. least: at the end of the message what
 * it is; at RCPT the least that it may be for any author, and most the most. low and high differ only where the evidence lacks
 * something.
 */
struct own {
	bool any;
	bool waits;		/* at RCPT: nothing is refused before the author is known */
	struct bounds least, most;
	size_t decider;		/* policy of least.low; of several the first in the file */
};
struct own own_begin(void);
/** @param surely  false: there may have been no such author. */
void own_add(struct own *own, const struct path *path, bool surely);

/** @param place  NULL: the evidence lacks him, and he may have been anywhere. */
struct own policy_own(struct opinions *opinions, const struct recipient_place *place);

/** Whether this recipient's decision is the message's rather than the other's. */
bool own_wins(const struct own *own, const struct own *other, bool lenient);

struct clients { struct ip_addr *items; size_t count, room; };

/** One host of each part into which the networks of the policies cut the client's, in the arena; at least one. */
struct clients clients_of(const struct policy_set *set, const struct ip_network *client, struct arena *arena);

#endif
