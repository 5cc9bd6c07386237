/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_REPORT_BRAKES_H
#define ASSAY_REPORT_BRAKES_H
/*
 * When a brake comes on, worked out from the record alone, by the daemon as by a forecast of it.
 *
 * Each whole hour has, for each policy and finding, the messages that this finding would have held back by itself (greylist or more),
 * and those of them that look wanted (signs.h, by what was known at the beginning of their day). At the end of an hour the hours of
 * brake-window that end there are added up. Where brake-wanted and brake-percent are reached, the brake is on from an hour later:
 * in the hour between the daemon does the sum, and messages that took long are still being noted. It stays until it is lifted;
 * after that hours count that began later. Which brakes are on changes nothing of what is counted.
 *
 * Where the record is coarser than it was (days instead of hours, kinds counted together) a forecast says from when on the brake may be
 * on, and from when on it surely is. Out of memory aborts. Thread: one.
 */
#include "policy/policy.h"
#include "record/store.h"

struct arena;
struct brake_watch;

struct brake_watch_wish {
	const struct config *config;	/* whose lists say who is trusted; borrowed, as the next */
	const struct policy_set *set;	/* policies that do not enforce brake nothing */
	int64_t first_secs, end_secs;	/* whole hours between which is counted */
	bool only_enforced;		/* of the record what was enforced: it is that of a daemon; else it is asked what would be */
};

/** @return whether any policy of a set that enforces has a brake. */
bool brake_watch_is_needed(const struct policy_set *set);

struct brake_watch *brake_watch_new(const struct brake_watch_wish *wish);
void brake_watch_free(struct brake_watch **watch);

/**
 * Reads all that it needs of the record, in few passes.
 * @return 0 or -E_SYSTEM.
 */
int brake_watch_read(struct brake_watch *watch, struct store *store);

/** The same step by step, for who has rows from elsewhere: first brakes that were, then all kinds since brake_watch_since() by the day,
 * then those since first_secs by the hour. */
int64_t brake_watch_since(const struct brake_watch *watch);
void brake_watch_past(void *watch, const struct brake_row *row);
void brake_watch_learn(void *watch, const struct flow_row *kind, const struct flow_span *spans, size_t count);
void brake_watch_add(void *watch, const struct flow_row *kind, const struct flow_span *spans, size_t count);

/** Those that were on and are, as the record has them. @return 0 or -E_SYSTEM; brakes_r in the arena, with none then. */
int brakes_read(struct store *store, struct arena *arena, const struct brakes **brakes_r);

/** When brakes would be on, with the lifting of those that were; in the arena. */
const struct brakes *brake_watch_forecast(struct brake_watch *watch, struct arena *arena);

/** Visits the brakes that are due: not on, and surely reached in an hour that has ended; since is an hour after the end of the watch. */
void brake_watch_due(struct brake_watch *watch, store_brake_each_f *each, void *arg);

#endif
