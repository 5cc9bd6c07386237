/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What policies come to: for one recipient (his own decision), and for a message with several. Each policy is asked once a message,
 * however many recipients fall under it. Pure. Thread: any. Trusts its callers.
 */
#include <string.h>

#include "policy/internal.h"
#include "util/arena.h"

unsigned rank_of(bool enforced, enum action action)
{
	return (enforced && action != ACTION_NONE ? RANK_ENFORCED : 0) + (unsigned)action;
}

bool rank_refuses(unsigned rank)
{
	return rank == RANK_ENFORCED + ACTION_DEFER || rank == RANK_ENFORCED + ACTION_REJECT;
}

struct opinions *policy_opinions(const struct policy_set *set, const struct evidence *evidence, struct arena *arena)
{
	struct opinions *opinions = arena_calloc(arena, 1, sizeof(*opinions));

	*opinions = (struct opinions){ .set = *set, .evidence = evidence, .arena = arena,
		.items = arena_calloc(arena, set->count, sizeof(*opinions->items)),
		.marks = arena_calloc(arena, set->count, sizeof(*opinions->marks)) };
	return opinions;
}

const struct opinion *opinion_of(struct opinions *opinions, size_t policy)
{
	struct opinion *opinion = opinions->items[policy];

	if (opinion != NULL)
		return opinion;
	opinion = opinions->items[policy] = arena_calloc(opinions->arena, 1, sizeof(*opinion));
	policy_decide(&opinions->set.policies[policy], opinions->evidence, &opinion->decision);
	opinion->low = rank_of(opinion->decision.enforced, opinion->decision.action);
	opinion->high = rank_of(opinion->decision.enforced, opinion->decision.may);
	return opinion;
}

static unsigned least_of(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

static unsigned most_of(unsigned a, unsigned b)
{
	return a > b ? a : b;
}

/* ---- one recipient ----------------------------------------------------------------------------------------------- */

struct path path_begin(void)
{
	return (struct path){ .end = { RANK_MAX + 1, RANK_MAX } };
}

/* One policy that may be the first to match, were the path to end there: with those that counted before it in any case. */
static void path_end(struct path *path, const struct opinion *opinion, size_t policy)
{
	bool is_stricter = !path->any_surely || opinion->low > path->surely.low;
	unsigned low = most_of(path->surely.low, opinion->low), high = most_of(path->surely.high, opinion->high);

	if (low <= path->end.low) {
		path->end.low = low;
		path->decider = is_stricter ? policy : path->surely_decider;
	}
	path->end.high = least_of(path->end.high, high);
}

void path_add(struct path *path, const struct opinion *opinion, size_t policy, enum reached reached, bool ends)
{
	path->lacks = path->lacks || reached == REACHED_PERHAPS;
	path->all.low = most_of(path->all.low, opinion->low);
	path->all.high = most_of(path->all.high, opinion->high);
	if (ends)
		path_end(path, opinion, policy);
	if (reached != REACHED_SURELY)
		return;
	if (!path->any_surely || opinion->low > path->surely.low)
		path->surely_decider = policy;
	path->any_surely = true;
	path->surely.low = most_of(path->surely.low, opinion->low);
	path->surely.high = most_of(path->surely.high, opinion->high);
}

struct own own_begin(void)
{
	return (struct own){ .any = false };
}

/* The strictest of all paths counts; one that nobody may have taken adds to what may be only, unless there is no other. */
void own_add(struct own *own, const struct path *path, bool surely)
{
	struct bounds least = path->end, most = path->all;

	if (path->lacks) {	/* what was reached is not known: anything from the least to all of it */
		least.high = path->all.high;
		most.low = path->end.low;
	}
	if (!own->any) {
		*own = (struct own){ .any = true, .least = least, .most = most, .decider = path->decider };
		return;
	}
	if (surely && (least.low > own->least.low || (least.low == own->least.low && path->decider < own->decider)))
		own->decider = path->decider;
	if (surely) {
		own->least.low = most_of(own->least.low, least.low);
		own->most.low = most_of(own->most.low, most.low);
	}
	own->least.high = most_of(own->least.high, least.high);
	own->most.high = most_of(own->most.high, most.high);
}

/* ---- several recipients ------------------------------------------------------------------------------------------ */

/* At RCPT the author is not known yet: refused is only what every policy that may be his refuses as strictly. */
static bool waits_for_the_end(const struct own *own)
{
	return rank_refuses(own->least.low) && own->least.low != own->most.high;
}

static bool wins(unsigned rank, size_t policy, unsigned rank_until_now, size_t policy_until_now, bool lenient)
{
	if (rank == rank_until_now)
		return policy < policy_until_now;
	return lenient ? rank < rank_until_now : rank > rank_until_now;
}

bool own_wins(const struct own *own, const struct own *other, bool lenient)
{
	return wins(own->least.low, own->decider, other->least.low, other->decider, lenient);
}

static size_t count_marked(const struct opinions *opinions)
{
	size_t count = 0;

	for (size_t i = 0; i < opinions->set.count; i++)
		count += opinions->marks[i] != POLICY_OUT;
	return count;
}

struct decision policy_judge_places(struct opinions *opinions, const struct recipient_place *places, size_t count)
{
	const struct policy_set *set = &opinions->set;
	bool at_rcpt = opinions->evidence->stage == FINDING_STAGE_ENVELOPE, differ = false, anything = false;
	struct decision decision = decision_none();
	struct own winner = own_begin(), own;

	memset(opinions->marks, POLICY_OUT, set->count);
	for (size_t i = 0; i < count; i++) {
		own = policy_own(opinions, &places[i]);
		if (!own.any)
			continue;
		own.waits = at_rcpt && waits_for_the_end(&own);
		if (own.waits)
			own.least = (struct bounds){ 0, 0 };
		anything = anything || own.least.low != 0;
		differ = differ || (winner.any && own.decider != winner.decider);
		if (!winner.any || own_wins(&own, &winner, set->several == SEVERAL_LENIENT && !at_rcpt))
			winner = own;
	}
	if (!winner.any)
		return decision;
	decision.policy = set->policies[winner.decider].name;
	decision.enforced = set->policies[winner.decider].mode == MODE_ENFORCE;
	if (!winner.waits)
		decision = opinions->items[winner.decider]->decision;
	decision.weighed = count_marked(opinions);
	decision.by_rule = differ && anything && !at_rcpt;
	decision.rule = set->several;
	return decision;
}

struct decision policy_judge(const struct policy_set *set, const struct evidence *evidence, struct arena *arena)
{
	return policy_judge_places(policy_opinions(set, evidence, arena), evidence->recipients, evidence->recipient_count);
}
