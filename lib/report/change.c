/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Kinds → how many messages fare differently. Both configurations are asked of the same evidence, each with its own checks: what
 * one has on that was off then is not known to it. Trusts the store for nothing but termination of strings. Out of memory aborts.
 * Thread: one.
 */
#include "report/change.h"

#include <stdlib.h>

#include "report/epochs.h"
#include "report/replay.h"
#include "report/whatif_internal.h"
#include "util/out_of_memory.h"

struct side {
	const struct config *config;
	struct policy_set set;
};

struct change {
	struct side old, new;
	struct signs *signs;
	struct arena *arena, *kept;	/* for one kind, reset each time; of the epochs */
	struct epochs epochs;	/* of both */
	struct change_totals totals;
};

struct change *change_new(const struct config *old, const struct config *new, int64_t since_secs)
{
	struct change *change = calloc(1, sizeof(*change));

	if (change == NULL)
		out_of_memory();
	change->old = (struct side){ old, policy_set_of(old) };
	change->new = (struct side){ new, policy_set_of(new) };
	change->signs = signs_new(new, since_secs);
	change->arena = arena_new();
	change->kept = arena_new();
	change->epochs = epochs_make((const struct policy_set *const[]){ &change->old.set, &change->new.set }, 2, NULL, change->kept);
	return change;
}

void change_free(struct change **change)
{
	struct change *gone = *change;

	*change = NULL;
	if (gone == NULL)
		return;
	signs_free(&gone->signs);
	arena_free(&gone->arena);
	arena_free(&gone->kept);
	free(gone);
}

void change_learn_peer(void *arg, const char *peer, const struct peer_memory *memory)
{
	signs_learn_peer(((struct change *)arg)->signs, peer, memory);
}

void change_learn(void *arg, const struct flow_row *kind, const struct flow_span *spans, size_t count)
{
	struct change *change = arg;
	struct replay_past past;

	arena_reset(change->arena);
	replay_read(change->new.config, kind, change->arena, &past);
	for (size_t i = 0; i < count; i++)
		signs_learn(change->signs, spans[i].from_secs, &past.evidence);
}

static void ask(struct change *change, const struct side *side, const struct epoch_part *part, struct replay_past *past_r,
    struct recorded_decision *decision_r)
{
	replay_read(side->config, &part->row, change->arena, past_r);
	epochs_date(&change->epochs, part, &past_r->evidence);
	policy_replay(&side->set, &past_r->evidence, change->arena, decision_r);
}

static void count(struct change *change, const struct decision *before, const struct decision *after, const struct evidence *evidence,
    uint64_t messages)
{
	enum fate then = fate_of(before->enforced, before->action), now = fate_of(after->enforced, after->action);
	struct change_way *way = &change->totals.ways[then][now];
	enum finding_id by = now > then ? after->finding : before->finding;

	count_add(&way->count, signs_look(change->signs, evidence).look, messages);
	if (then == now)
		change->totals.same += messages;
	else if (by < FINDING_COUNT)
		way->by[by] += messages;
}

static void add_part(void *arg, const struct epoch_part *part)
{
	struct change *change = arg;
	uint64_t messages = part->row.messages;
	struct recorded_decision before, after;
	struct replay_past past;

	arena_reset(change->arena);
	ask(change, &change->old, part, &past, &before);
	ask(change, &change->new, part, &past, &after);
	change->totals.messages += messages;
	if (before.why != UNTOLD_NOT || after.why != UNTOLD_NOT)
		change->totals.untold[before.why != UNTOLD_NOT ? before.why : after.why] += messages;
	else
		count(change, &before.decision, &after.decision, &past.evidence, messages);
}

void change_add(void *arg, const struct flow_row *kind, const struct flow_span *spans, size_t span_count)
{
	struct change *change = arg;

	epochs_each(&change->epochs, kind, spans, span_count, add_part, change);
}

const struct change_totals *change_totals(const struct change *change)
{
	return &change->totals;
}
