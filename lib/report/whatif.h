/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_REPORT_WHATIF_H
#define ASSAY_REPORT_WHATIF_H
/*
 * A policy over the recorded past, beside what was done then: what it would newly refuse and let in, how much of that looks wanted
 * (signs.h), what stays exposed, what cannot be told, and for each finding what one step more would come to. Kinds are read twice:
 * whatif_learn() for all, then whatif_add() for all. Decisions are policy_replay()'s; nothing is guessed. Thread: one.
 */
#include "config/config.h"
#include "policy/recorded.h"
#include "report/signs.h"

struct whatif;

/* What becomes of a message, in the order of strictness. A delayed one is weighed for greylisting: its sender has to come again. */
enum fate { FATE_DELIVERED, FATE_DELAYED, FATE_QUARANTINED, FATE_REFUSED, FATE_COUNT };
const char *fate_name(enum fate fate);

/* Messages, and how they look. */
struct whatif_count {
	uint64_t messages, looks[LOOK_COUNT];
};

/* Changes from then to now, and what does not change but is worth seeing. */
enum whatif_kind {
	WHATIF_REFUSED,		/* newly refused: deferred or rejected now, and not then */
	WHATIF_QUARANTINED,	/* newly in quarantine: delivered or delayed then */
	WHATIF_DELAYED,		/* newly weighed for greylisting: delivered then */
	WHATIF_LET_IN,		/* newly let in: refused or in quarantine then, now neither */
	WHATIF_EXPOSED,		/* a finding speaks of forgery, nothing proves the message, and it is let in */
	WHATIF_KINDS
};

struct whatif_totals {
	uint64_t rows, messages, told;	/* rows: kinds of messages; told: messages of which it can be told */
	int64_t first_secs, last_secs;	/* the first and the last hour of which there is something; 0: there is nothing */
	uint64_t then_enforced[ACTION_COUNT], then_dry[ACTION_COUNT];	/* as decided then, by whether that was carried out */
	uint64_t now_enforced[ACTION_COUNT], now_dry[ACTION_COUNT];	/* as the policies decide, of what can be told */
	uint64_t fates[FATE_COUNT][FATE_COUNT];	/* [then][now], of what can be told */
	uint64_t untold[UNTOLD_COUNT], untold_old;	/* by why; of them in rows from before evidence was recorded */
	uint64_t partly;		/* go on, but for some recipients they would be refused at RCPT; at least so many */
	struct whatif_count all;	/* of what can be told */
	struct whatif_count kinds[WHATIF_KINDS];
	uint64_t signs[WHATIF_KINDS][SIGN_COUNT];	/* a message can have several */
	uint64_t refused_by[FINDING_COUNT];	/* newly refused, by the finding that decides */
	uint64_t senders;		/* author domains with mail that looks wanted */
};

/** @param config  whose lists say who is trusted. @param set  the policies. Both borrowed for the life of it. */
struct whatif *whatif_new(const struct config *config, const struct policy_set *set, int64_t since_secs);
void whatif_free(struct whatif **whatif);
/** When brakes are on, before anything is added; else none is. @param brakes  copied but for its names; of brake_watch_forecast(), say. */
void whatif_set_brakes(struct whatif *whatif, const struct brakes *brakes);
/** @return them; NULL: none. */
const struct brakes *whatif_brakes(const struct whatif *whatif);

/** First: peers, and each kind; fit store_peers_each() and store_kinds_each() with the whatif as their argument. */
void whatif_learn_peer(void *whatif, const char *peer, const struct peer_memory *memory);
void whatif_learn(void *whatif, const struct flow_row *kind, const struct flow_span *spans, size_t count);
/** How a message looks by what was learnt. */
struct looks whatif_looks(const struct whatif *whatif, const struct evidence *evidence);
/** Then: each kind again. */
void whatif_add(void *whatif, const struct flow_row *kind, const struct flow_span *spans, size_t count);

const struct whatif_totals *whatif_totals(struct whatif *whatif);

struct whatif_domain { const char *name; struct whatif_count count; };	/* name: as recorded, or "(none)" */
typedef void whatif_domain_f(void *arg, const struct whatif_domain *domain);
/**
 * Visits the author domains of a kind, those of most messages first, equal ones by name; at most limit of them.
 * @param other_r  the rest of the messages.
 * @return how many domains that rest is of; those that were too many to be kept apart are one.
 */
size_t whatif_domains(struct whatif *whatif, enum whatif_kind kind, size_t limit, whatif_domain_f *each, void *arg,
    struct whatif_count *other_r);

/* ---- one step more ----------------------------------------------------------------------------------------------- */

/* What things are worth to the admin, in one unit of his own. */
struct whatif_weights {
	double good;		/* lost by a wanted message that is refused; above 0 */
	double forged;		/* lost by a forged message that is let in */
	double upkeep;		/* of one more enforced finding, a day */
};
enum { WHATIF_GOOD = 10, WHATIF_FORGED = 1, WHATIF_UPKEEP = 1 };	/* unless the admin says otherwise */

/* Whether a step pays: whatever the unclear messages are; whatever they are not; or that hangs on them. */
enum whatif_pays { PAYS_NO, PAYS_PERHAPS, PAYS_YES };
const char *whatif_pays_name(enum whatif_pays pays);

/* To reject on one finding besides, in every policy. */
struct whatif_step {
	enum finding_id finding;
	enum action action;		/* the least that a policy gives it */
	uint64_t seen;			/* messages that have the finding */
	struct whatif_count newly;	/* that would be refused by this step alone */
	uint64_t quarantined;		/* of them in quarantine without the step */
	uint64_t untold;		/* told without the step, but not with it */
	uint64_t senders_hit;		/* author domains whose wanted mail would be hit */
	double gain_low, gain, gain_high;	/* in the period: were all unclear mail wanted; but for it; were it all forged */
	enum whatif_pays pays;
	/* Shares, 0 to 1, NAN where there is no wanted mail. */
	double mail_ready, senders_ready;	/* of wanted mail, and of senders of wanted mail, that the step does not hit */
	double needed;			/* mail_ready at which it begins to pay; below 0: at any, above 1: at none */
};

/**
 * The steps that would newly refuse something: those that pay first, then those that perhaps do, in each the one that surely gains
 * most first. Then those of which it cannot be told whether they would.
 * @param days  the length of the period, for upkeep. @param steps_r  FINDING_COUNT of them. @return how many.
 */
size_t whatif_steps(struct whatif *whatif, const struct whatif_weights *weights, double days, struct whatif_step *steps_r);

#endif
