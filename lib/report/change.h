/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_REPORT_CHANGE_H
#define ASSAY_REPORT_CHANGE_H
/*
 * Two configurations over the same recorded past: what the new one's policies would have made of each kind of messages, beside
 * what the old one's would have. What was done then does not matter. Kinds are read twice, as for a forecast (whatif.h):
 * change_learn() for all, then change_add() for all. Decisions are policy_replay()'s; nothing is guessed. Thread: one.
 */
#include "config/config.h"
#include "policy/recorded.h"
#include "report/signs.h"
#include "report/whatif.h"

struct change;

/* One way in which messages fare differently. */
struct change_way {
	struct whatif_count count;
	uint64_t by[FINDING_COUNT];	/* by the finding that decides: of the new policies where they are stricter, else of the old */
};

struct change_totals {
	uint64_t messages, same;	/* same: told, and of one fate under both */
	struct change_way ways[FATE_COUNT][FATE_COUNT];	/* [old][new]; those with old equal to new hold the count only */
	uint64_t untold[UNTOLD_COUNT];	/* under the old policies or the new ones; by why, of the first of them that cannot */
};

/** @param old, new  whose policies are compared; borrowed for the life of it. */
struct change *change_new(const struct config *old, const struct config *new, int64_t since_secs);
void change_free(struct change **change);

/** Fit store_peers_each() and store_kinds_each() with the change as their argument. */
void change_learn_peer(void *change, const char *peer, const struct peer_memory *memory);
void change_learn(void *change, const struct flow_row *kind, const struct flow_span *spans, size_t count);
void change_add(void *change, const struct flow_row *kind, const struct flow_span *spans, size_t count);

const struct change_totals *change_totals(const struct change *change);

#endif
