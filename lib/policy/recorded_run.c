/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A recorded message through RCPT and its end, see recorded_run.h. What can come of it is kept as a range of ranks. Findings and
 * policies that the record may lack widen it upwards; recipients that it may lack upwards where the strictest counts, downwards where
 * the most lenient does. Trusts the evidence for nothing but its enums.
 */
#include "policy/recorded_run.h"

#include <string.h>

#include "util/arena.h"

struct range range_empty(void)
{
	return (struct range){ .low = RANK_MAX + 1, .decision = decision_none() };
}

static bool range_is_empty(const struct range *range)
{
	return range->low > range->high;
}

void range_join(struct range *range, const struct range *other)
{
	if (range_is_empty(other))
		return;
	if (range_is_empty(range))
		range->decision = other->decision;
	range->partly = other->partly && (range_is_empty(range) || range->partly);
	if (other->low < range->low)
		range->low = other->low;
	if (other->high > range->high)
		range->high = other->high;
}

/* ---- RCPT -------------------------------------------------------------------------------------------------------- */

enum fate { FATE_TAKEN, FATE_MAYBE, FATE_REFUSED };

/*
 * Refused is whom every policy that may be his refuses alike: whose least and most are one. Each of the two is known as far as the
 * evidence goes.
 */
static enum fate fate_of(const struct own *own)
{
	if (own->least.low == own->most.high)
		return rank_refuses(own->least.low) ? FATE_REFUSED : FATE_TAKEN;
	if (own->least.high < own->most.low || own->least.high < RANK_ENFORCED + ACTION_DEFER)
		return FATE_TAKEN;
	return FATE_MAYBE;
}

/*
 * At its end a message with recipients over the cap has one whose place is not known, the first of the set; at RCPT each had his
 * own. @return whether there is such a one.
 */
static bool has_over_cap(const struct run *run)
{
	return run->evidence.recipients_over_cap && run->place_count != 0 && run->places[0].where == RECIPIENT_UNKNOWN;
}

static bool lacks_recipients(const struct run *run)
{
	return (run->evidence.lacks & EVIDENCE_LACKS_RECIPIENTS) != 0;
}

/* Whom the message reaches: places that surely get it, and are weighed, go first, those that may get it behind them. */
struct sorting {
	struct recipient_place *places;
	size_t taken, maybe;
	bool unlisted_may, unlisted_are_taken;	/* of those that the evidence lacks */
	bool any_taken, all_taken;	/* somebody, or everybody, surely gets it, weighed or not */
	struct own refused;		/* the strictest of all at RCPT: what comes of it when nobody gets it */
	struct decision decision;	/* the same of what is recorded alone */
};

/* What one recipient comes to at RCPT. place NULL: one who is not listed. */
static enum fate weigh_at_rcpt(struct opinions *at_rcpt, const struct recipient_place *place, struct sorting *sorting)
{
	struct own own = policy_own(at_rcpt, place), *strictest = &sorting->refused;

	if (!strictest->any) {
		*strictest = own;
	} else {
		if (place != NULL && own_wins(&own, strictest, false))
			strictest->decider = own.decider;
		if (place != NULL && own.least.low > strictest->least.low)
			strictest->least.low = own.least.low;
		if (own.least.high > strictest->least.high)
			strictest->least.high = own.least.high;
	}
	return fate_of(&own);
}

/*
 * Whether one who was weighed may be over the cap now, for others come before him who were refused then. Where the strictest counts
 * that makes nothing weaker: whoever is over the cap may be anywhere. Without anybody refused the evidence would lack nobody.
 */
static bool may_be_pushed_out(const struct run *run)
{
	return lacks_recipients(run) && (run->evidence.recipients_over_cap || run->evidence.over_cap_but_for_refused);
}

/* Where fewer get it those over the cap may be under it: then each has a place that was not recorded. */
static void sort_over_cap(const struct run *run, enum fate unlisted, struct sorting *sorting)
{
	if (sorting->all_taken)
		sorting->places[sorting->taken++] = run->places[0];
	else if (unlisted != FATE_REFUSED)
		sorting->unlisted_may = true;
}

/* Where the most lenient counts it matters who is weighed: nobody surely is. */
static void sort_pushed_out(struct recipient_place *maybe, struct sorting *sorting)
{
	if (sorting->taken != 0)
		memcpy(maybe + sorting->maybe, sorting->places, sorting->taken * sizeof(*maybe));
	sorting->maybe += sorting->taken;
	sorting->taken = 0;
}

static void sort_recipients(const struct run *run, bool acts_at_rcpt, struct sorting *sorting_r)
{
	bool over_cap = has_over_cap(run), lacks = lacks_recipients(run);
	struct recipient_place *maybe = arena_calloc(run->arena, run->place_count + 1, sizeof(*maybe));
	struct evidence evidence = run->evidence;
	struct opinions *at_rcpt = policy_opinions(run->set, &evidence, run->arena);
	enum fate unlisted = FATE_REFUSED;

	*sorting_r = (struct sorting){ .places = arena_calloc(run->arena, run->place_count + 1, sizeof(*sorting_r->places)) };
	evidence.stage = FINDING_STAGE_ENVELOPE;
	for (size_t i = over_cap; i < run->place_count; i++) {
		enum fate fate = acts_at_rcpt ? weigh_at_rcpt(at_rcpt, &run->places[i], sorting_r) : FATE_TAKEN;

		if (fate == FATE_TAKEN)
			sorting_r->places[sorting_r->taken++] = run->places[i];
		else if (fate == FATE_MAYBE)
			maybe[sorting_r->maybe++] = run->places[i];
	}
	if (lacks || over_cap)
		unlisted = acts_at_rcpt ? weigh_at_rcpt(at_rcpt, NULL, sorting_r) : FATE_TAKEN;
	sorting_r->unlisted_may = lacks && unlisted != FATE_REFUSED;
	sorting_r->unlisted_are_taken = unlisted == FATE_TAKEN;
	sorting_r->all_taken = sorting_r->taken + over_cap == run->place_count && ((!lacks && !over_cap) || unlisted == FATE_TAKEN);
	if (sorting_r->refused.any)
		sorting_r->decision = at_rcpt->items[sorting_r->refused.decider]->decision;
	if (over_cap)
		sort_over_cap(run, unlisted, sorting_r);
	sorting_r->any_taken = sorting_r->taken != 0;
	if (may_be_pushed_out(run) && run->set->several == SEVERAL_LENIENT)
		sort_pushed_out(maybe, sorting_r);
	if (sorting_r->maybe != 0)
		memcpy(sorting_r->places + sorting_r->taken, maybe, sorting_r->maybe * sizeof(*maybe));
}

/* ---- the end of the message -------------------------------------------------------------------------------------- */

/* The same run of a message with or without limit-exceeded. */
static struct run with_limit(const struct run *run, bool is_exceeded)
{
	struct run other = *run;
	struct evidence *evidence = &other.evidence;

	evidence->findings = arena_calloc(run->arena, evidence->finding_count + 1, sizeof(*evidence->findings));
	evidence->finding_count = 0;
	for (size_t i = 0; i < run->evidence.finding_count; i++) {
		if (run->evidence.findings[i].id != FINDING_LIMIT_EXCEEDED)
			evidence->findings[evidence->finding_count++] = run->evidence.findings[i];
	}
	if (is_exceeded)
		evidence->findings[evidence->finding_count++] = (struct evidence_finding){ .id = FINDING_LIMIT_EXCEEDED, .secure = true };
	return other;
}

/*
 * What recipients come to together. Where the strictest counts more of them make nothing weaker: the least is that of those who surely
 * get it, the most that of all who may. Where the most lenient counts more make nothing stricter, and it is the other way round.
 */
struct sum {
	struct bounds all_low, all_high;	/* the least and the most of low, and of high, among all */
	struct bounds sure_low, sure_high;	/* among those who surely get it */
	bool any, any_surely;
	struct own winner;		/* of those who surely get it; else the first */
};

static void widen(struct bounds *bounds, unsigned rank, bool is_first)
{
	if (is_first || rank < bounds->low)
		bounds->low = rank;
	if (is_first || rank > bounds->high)
		bounds->high = rank;
}

static void sum_add(struct sum *sum, const struct own *least, const struct own *most, bool surely, bool lenient)
{
	widen(&sum->all_low, least->least.low, !sum->any);
	widen(&sum->all_high, most->least.high, !sum->any);
	if (!sum->any || (surely && own_wins(least, &sum->winner, lenient)))
		sum->winner = *least;
	sum->any = true;
	if (!surely)
		return;
	widen(&sum->sure_low, least->least.low, !sum->any_surely);
	widen(&sum->sure_high, most->least.high, !sum->any_surely);
	sum->any_surely = true;
}

static struct range sum_range(const struct sum *sum, bool lenient)
{
	struct range range = { .low = sum->all_low.low, .high = sum->all_high.high };

	if (sum->any_surely && lenient)
		range.high = sum->sure_high.low;
	else if (sum->any_surely)
		range.low = sum->sure_low.high;
	return range;
}

/*
 * Whether there are more recipients than are weighed, which is a finding, hangs on who was refused; it may have been raised for
 * something else.
 */
static struct range end_range(const struct run *run, const struct sorting *sorting)
{
	bool unlisted = lacks_recipients(run) || run->evidence.recipients_over_cap, lenient = run->set->several == SEVERAL_LENIENT;
	struct run most_run = run->evidence.over_cap_but_for_refused ? with_limit(run, true) : *run;
	struct run least_run = unlisted && !sorting->all_taken ? with_limit(run, false) : *run;
	struct opinions *least_opinions = policy_opinions(run->set, &least_run.evidence, run->arena);
	struct opinions *most_opinions = policy_opinions(run->set, &most_run.evidence, run->arena);
	struct sum sum = { .any = false };
	struct own least, most;
	struct range range;

	for (size_t i = 0; i < sorting->taken + sorting->maybe + sorting->unlisted_may; i++) {
		const struct recipient_place *place = i < sorting->taken + sorting->maybe ? &sorting->places[i] : NULL;

		least = policy_own(least_opinions, place);
		most = policy_own(most_opinions, place);
		if (!least.any)		/* without authors, and no more may be */
			continue;
		sum_add(&sum, &least, &most, i < sorting->taken, lenient);
	}
	if (!sum.any)
		return range_empty();
	range = sum_range(&sum, lenient);
	range.decision = least_opinions->items[sum.winner.decider]->decision;
	range.partly = sorting->taken + sorting->maybe + has_over_cap(run) < run->place_count;
	return range;
}

bool run_recorded(const struct run *run, struct range *total)
{
	bool acts_at_rcpt = !run->evidence.exempt && policy_acts_at_rcpt(run->set);
	struct sorting sorting;
	struct range range;

	sort_recipients(run, acts_at_rcpt, &sorting);
	if (sorting.taken + sorting.maybe != 0 || sorting.unlisted_may) {
		if (run->evidence.stage == FINDING_STAGE_ENVELOPE)
			return false;
		range = end_range(run, &sorting);
		range_join(total, &range);
	}
	if (sorting.refused.any && !sorting.any_taken && !sorting.unlisted_are_taken) {
		range = (struct range){ .low = sorting.refused.least.low, .high = sorting.refused.least.high, .decision = sorting.decision };
		range_join(total, &range);
	}
	return true;
}
