/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_REPORT_BRAKES_INTERNAL_H
#define ASSAY_REPORT_BRAKES_INTERNAL_H
/* What the files of brakes share; nobody else includes it. Thread: one. */
#include "report/brakes.h"
#include "report/signs.h"
#include "util/arena.h"

enum { HOUR_SECS = 3600, DAY_SECS = 86400 };

struct counts { uint64_t held, wanted; };

/* What a policy held back for a finding, by the hour; of days that are no longer kept by the hour, in their first. */
struct pair { struct counts *hours, *days; };

struct brake_watch {
	struct brake_watch_wish wish;
	size_t hour_count;
	struct signs *signs;
	bool learnt;			/* signs know who vouches; before, nobody is */
	struct pair *pairs;		/* policy × FINDING_COUNT + finding */
	struct counts *dark;		/* of days: messages that may be of any pair, for kinds were counted together, or a flag day is in it */
	bool has_dark;
	struct brake_row *past;		/* in kept */
	size_t past_count, past_room;
	struct arena *arena, *kept;	/* for one kind; for as long as the watch */
	bool dark_past;			/* some of what there was to learn is counted together */
};

/** @return whether a pair has held anything back, or may have. */
static inline bool brake_may_have_held(const struct brake_watch *watch, size_t index)
{
	const struct policy_config *policy = &watch->wish.set->policies[index / FINDING_COUNT];

	return watch->pairs[index].hours != NULL || watch->pairs[index].days != NULL ||
	    (watch->has_dark && policy->mode == MODE_ENFORCE && policy_has_brake(policy, (enum finding_id)(index % FINDING_COUNT)));
}

#endif
