/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_REPORT_WHATIF_INTERNAL_H
#define ASSAY_REPORT_WHATIF_INTERNAL_H
/* What the files of the forecast share; nobody else includes it. Thread: one. */
#include <uthash.h>

#include "report/epochs.h"
#include "report/whatif.h"
#include "util/arena.h"

/* What comes of the messages of a row. It hangs on the row's evidence and results and the epoch, so it is kept by those. */
struct verdict {
	UT_hash_handle hh;
	struct recorded_decision now;
	struct looks looks;
	finding_set seen;	/* findings of the message */
	finding_set hit;	/* steps that would newly refuse it */
	finding_set unsure;	/* steps of which that cannot be told */
	bool old;
	char text[];		/* epoch, results and evidence */
};

/* An author domain. */
struct sender {
	UT_hash_handle hh;
	uint64_t wanted;	/* messages that look so */
	finding_set hit;	/* steps that would refuse some of them */
	struct whatif_count kinds[WHATIF_KINDS];
	char name[];
};

struct step_counts {
	uint64_t seen, quarantined, untold;
	struct whatif_count newly;
};

struct whatif {
	const struct config *config;
	struct policy_set set;
	struct policy_config *stepped[FINDING_COUNT];	/* the policies with one finding more; NULL: it refuses already */
	struct signs *signs;
	struct arena *arena;		/* for one row; reset each time */
	struct arena *kept;		/* of the epochs */
	struct epochs epochs;
	struct verdict *verdicts;
	size_t verdict_bytes;
	struct sender *senders;
	struct whatif_totals totals;
	struct step_counts steps[FINDING_COUNT];
};

static inline enum fate fate_of(bool enforced, enum action action)
{
	if (!enforced || action <= ACTION_TAG)
		return FATE_DELIVERED;
	if (action == ACTION_GREYLIST)
		return FATE_DELAYED;
	return action == ACTION_QUARANTINE ? FATE_QUARANTINED : FATE_REFUSED;
}

static inline void count_add(struct whatif_count *count, enum look look, uint64_t messages)
{
	count->messages += messages;
	count->looks[look] += messages;
}

/** Makes the policies of each step. */
void steps_prepare(struct whatif *whatif);
void steps_free(struct whatif *whatif);
/** Asks each step that may change what comes of a message; fills hit and unsure. */
void steps_ask(struct whatif *whatif, const struct evidence *evidence, struct verdict *verdict);
/** Counts messages in each step. */
void steps_count(struct whatif *whatif, const struct verdict *verdict, uint64_t messages);

#endif
