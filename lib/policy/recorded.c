/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The past under other policies. What can come of a message is kept as a range of ranks, of which the lowest and the highest are
 * known to be possible; told is what has only one. Lacks add to what is weighed, so they widen the range upwards; of a network each
 * host that some policy tells apart is tried. Pure. Thread: any. Trusts the evidence for nothing but its enums.
 */
#include "policy/recorded.h"

#include <string.h>

#include "policy/internal.h"
#include "util/arena.h"

enum { CLIENTS_MAX = 10000 };	/* hosts of one network tried; past it nothing is told */

const char *untold_name(enum untold why)
{
	static const char *const names[UNTOLD_COUNT] = {
		[UNTOLD_UNREADABLE] = "unreadable", [UNTOLD_OTHER] = "kinds over max-kinds", [UNTOLD_AT_RCPT] = "refused at RCPT",
		[UNTOLD_CLIENT] = "client address", [UNTOLD_MAILBOXES] = "recipients' mailboxes", [UNTOLD_ENVELOPE] = "envelope domain",
		[UNTOLD_CLIENT_NAME] = "client name", [UNTOLD_LISTENER] = "listener", [UNTOLD_AUTH] = "whether it authenticated",
		[UNTOLD_RECIPIENTS] = "recipients", [UNTOLD_AUTHORS] = "author domains", [UNTOLD_SIGNATURES] = "DKIM signatures",
		[UNTOLD_SPF] = "SPF domain", [UNTOLD_CERT] = "certificate names", [UNTOLD_FINDINGS] = "unknown findings",
		[UNTOLD_PRESSURE] = "DNS pressure", [UNTOLD_TIME] = "time of day",
		[UNTOLD_BRAKES] = "brakes", [UNTOLD_CHECKS] = "checks that were off",
	};

	return names[why];
}

/* What comes of a message, as decision_stricter() orders it: what has an effect goes before what has none. */
enum { RANK_ENFORCED = 100, RANK_MAX = RANK_ENFORCED + ACTION_REJECT };

static unsigned rank(bool enforced, enum action action)
{
	return (enforced && action != ACTION_NONE ? RANK_ENFORCED : 0) + (unsigned)action;
}

/* Empty: low > high. */
struct range {
	unsigned low, high;
	struct decision decision;	/* that comes of what is recorded alone */
	bool partly;			/* whatever of this it was, some recipients were refused and others not */
};

static struct range range_empty(void)
{
	return (struct range){ .low = RANK_MAX + 1, .decision = decision_none() };
}

static bool range_is_empty(const struct range *range)
{
	return range->low > range->high;
}

static void range_join(struct range *range, const struct range *other)
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

/* A message as it is taken through a set of policies, with one client. */
struct run {
	const struct policy_set *set;
	struct arena *arena;
	unsigned char *marks;
	struct evidence evidence;
	const struct recipient_place *places;	/* all recipients, refused then or not */
	size_t place_count;
};

/* Without any policy under which it surely falls, it falls under at least one of those that may be. */
static struct range weigh(const struct run *run, const struct evidence *evidence)
{
	const struct policy_set *set = run->set;
	struct range sure = { .decision = decision_none() }, maybe = range_empty();
	bool any = false;

	policy_select(set, evidence, run->marks);
	for (size_t i = 0; i < set->count; i++) {
		struct range one = { .partly = false };

		if (run->marks[i] == POLICY_OUT)
			continue;
		policy_decide(&set->policies[i], evidence, &one.decision);
		one.low = rank(one.decision.enforced, one.decision.action);
		one.high = rank(one.decision.enforced, one.decision.may);
		range_join(&maybe, &one);
		if (run->marks[i] != POLICY_IN)
			continue;
		sure.low = one.low > sure.low ? one.low : sure.low;
		sure.decision = any ? *decision_stricter(&sure.decision, &one.decision) : one.decision;
		any = true;
	}
	sure.high = maybe.high;
	return any ? sure : maybe;
}

/* ---- RCPT -------------------------------------------------------------------------------------------------------- */

enum fate { FATE_TAKEN, FATE_MAYBE, FATE_REFUSED };

static bool rank_refuses(unsigned rank_value)
{
	return rank_value == RANK_ENFORCED + ACTION_DEFER || rank_value == RANK_ENFORCED + ACTION_REJECT;
}

/* Greylisting waits for the end of the message, and a quarantine needs one. */
static enum fate fate_of(const struct range *range)
{
	if (range->low == range->high)
		return rank_refuses(range->low) ? FATE_REFUSED : FATE_TAKEN;
	return range->high < RANK_ENFORCED + ACTION_DEFER ? FATE_TAKEN : FATE_MAYBE;
}

static struct evidence at_rcpt(const struct run *run, const struct recipient_place *places, size_t count, unsigned lacks)
{
	struct evidence evidence = run->evidence;

	evidence.stage = FINDING_STAGE_ENVELOPE;
	evidence.recipients = places;
	evidence.recipient_count = count;
	evidence.lacks = (evidence.lacks & ~(unsigned)EVIDENCE_LACKS_RECIPIENTS) | lacks;
	return evidence;
}

/* Of recipients that are not listed: those that the evidence lacks, and those over the cap. */
static enum fate unlisted_fate(const struct run *run)
{
	struct evidence evidence = at_rcpt(run, NULL, 0, EVIDENCE_LACKS_RECIPIENTS);
	struct range range = weigh(run, &evidence);

	return fate_of(&range);
}

/*
 * At its end a message with recipients over the cap has one whose place is not known, the first of the set; at RCPT each had his
 * own. @return whether there is such a one.
 */
static bool has_over_cap(const struct run *run)
{
	return run->evidence.recipients_over_cap && run->place_count != 0 && run->places[0].where == RECIPIENT_UNKNOWN;
}

static enum fate place_fate(const struct run *run, const struct recipient_place *place)
{
	struct evidence evidence = at_rcpt(run, place, 1, 0);
	struct range range = weigh(run, &evidence);

	return fate_of(&range);
}

/* What comes of a message that nobody gets. */
static struct range rcpt_range(const struct run *run)
{
	bool over_cap = has_over_cap(run), lacks = over_cap || (run->evidence.lacks & EVIDENCE_LACKS_RECIPIENTS) != 0;
	struct evidence evidence = at_rcpt(run, run->places + over_cap, run->place_count - over_cap,
	    lacks ? EVIDENCE_LACKS_RECIPIENTS : 0);

	return weigh(run, &evidence);
}

/* Who gets the message: places that surely do go first, those that may get it behind them. */
struct sorting {
	struct recipient_place *places;
	size_t taken, maybe;
	bool unlisted_may, unlisted_are_taken;	/* of those that the evidence lacks */
	bool all_taken;
};

/* Where fewer get it those over the cap may be under it: then each has a place that was not recorded. */
static void sort_over_cap(const struct run *run, enum fate unlisted, struct sorting *sorting)
{
	if (sorting->all_taken)
		sorting->places[sorting->taken++] = run->places[0];
	else if (unlisted != FATE_REFUSED)
		sorting->unlisted_may = true;
}

static void sort_recipients(const struct run *run, bool acts_at_rcpt, struct sorting *sorting_r)
{
	bool over_cap = has_over_cap(run), lacks = (run->evidence.lacks & EVIDENCE_LACKS_RECIPIENTS) != 0;
	enum fate unlisted = !lacks && !over_cap ? FATE_REFUSED : acts_at_rcpt ? unlisted_fate(run) : FATE_TAKEN;
	struct recipient_place *maybe = arena_calloc(run->arena, run->place_count + 1, sizeof(*maybe));

	*sorting_r = (struct sorting){ .unlisted_may = lacks && unlisted != FATE_REFUSED, .unlisted_are_taken = unlisted == FATE_TAKEN };
	sorting_r->places = arena_calloc(run->arena, run->place_count + 1, sizeof(*sorting_r->places));
	for (size_t i = over_cap; i < run->place_count; i++) {
		enum fate fate = acts_at_rcpt ? place_fate(run, &run->places[i]) : FATE_TAKEN;

		if (fate == FATE_TAKEN)
			sorting_r->places[sorting_r->taken++] = run->places[i];
		else if (fate == FATE_MAYBE)
			maybe[sorting_r->maybe++] = run->places[i];
	}
	sorting_r->all_taken = sorting_r->taken + over_cap == run->place_count && ((!lacks && !over_cap) || unlisted == FATE_TAKEN);
	if (over_cap)
		sort_over_cap(run, unlisted, sorting_r);
	memcpy(sorting_r->places + sorting_r->taken, maybe, sorting_r->maybe * sizeof(*maybe));
}

/* ---- the end of the message -------------------------------------------------------------------------------------- */

static struct range at_end(const struct run *run, const struct recipient_place *places, size_t count, bool unlisted)
{
	struct evidence evidence = run->evidence;

	evidence.recipients = places;
	evidence.recipient_count = count;
	evidence.lacks &= ~(unsigned)EVIDENCE_LACKS_RECIPIENTS;
	if (unlisted)
		evidence.lacks |= EVIDENCE_LACKS_RECIPIENTS;
	return weigh(run, &evidence);
}

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
 * More recipients make nothing weaker: the least is that of those who surely get it, the most that of all who may. Whether there
 * are more than are weighed, which is a finding, hangs on who was refused; it may have been raised for something else.
 */
static struct range end_range(const struct run *run, const struct sorting *sorting)
{
	bool unlisted = (run->evidence.lacks & EVIDENCE_LACKS_RECIPIENTS) != 0 || run->evidence.recipients_over_cap;
	struct run most_run = run->evidence.over_cap_but_for_refused ? with_limit(run, true) : *run;
	struct run least_run = unlisted && !sorting->all_taken ? with_limit(run, false) : *run;
	struct range most = at_end(&most_run, sorting->places, sorting->taken + sorting->maybe, sorting->unlisted_may);
	struct range least = range_empty(), one;

	if (sorting->taken != 0) {
		least = at_end(&least_run, sorting->places, sorting->taken, false);
	} else {
		for (size_t i = 0; i < sorting->maybe; i++) {
			one = at_end(&least_run, &sorting->places[i], 1, false);
			range_join(&least, &one);
		}
		if (sorting->unlisted_may) {
			one = at_end(&least_run, NULL, 0, true);
			range_join(&least, &one);
		}
	}
	least.high = most.high;
	return least;
}

/* @return false: it ended at RCPT, and would not have. */
static bool run_once(const struct run *run, struct range *total)
{
	bool acts_at_rcpt = !run->evidence.exempt && policy_acts_at_rcpt(run->set);
	struct sorting sorting;
	struct range range;

	sort_recipients(run, acts_at_rcpt, &sorting);
	if (sorting.taken + sorting.maybe != 0 || sorting.unlisted_may) {
		if (run->evidence.stage == FINDING_STAGE_ENVELOPE)
			return false;
		range = end_range(run, &sorting);
		range.partly = sorting.taken + sorting.maybe + has_over_cap(run) < run->place_count;
		range_join(total, &range);
	}
	if (sorting.taken == 0 && !sorting.unlisted_are_taken) {
		range = rcpt_range(run);
		range_join(total, &range);
	}
	return true;
}

/* ---- what can be told -------------------------------------------------------------------------------------------- */

static const struct { enum evidence_lack lack; enum untold why; } reasons[] = {
	{ EVIDENCE_LACKS_SENSE, UNTOLD_UNREADABLE }, { EVIDENCE_LACKS_FINDINGS, UNTOLD_FINDINGS },
	{ EVIDENCE_LACKS_PRESSURE, UNTOLD_PRESSURE }, { EVIDENCE_LACKS_RECIPIENTS, UNTOLD_RECIPIENTS },
	{ EVIDENCE_LACKS_MAILBOXES, UNTOLD_MAILBOXES }, { EVIDENCE_LACKS_ENVELOPE, UNTOLD_ENVELOPE },
	{ EVIDENCE_LACKS_CLIENT_NAME, UNTOLD_CLIENT_NAME }, { EVIDENCE_LACKS_LISTENER, UNTOLD_LISTENER },
	{ EVIDENCE_LACKS_AUTH, UNTOLD_AUTH }, { EVIDENCE_LACKS_AUTHORS, UNTOLD_AUTHORS }, { EVIDENCE_LACKS_SIGNATURES, UNTOLD_SIGNATURES },
	{ EVIDENCE_LACKS_SPF, UNTOLD_SPF }, { EVIDENCE_LACKS_CERT, UNTOLD_CERT },
};
enum { REASONS = sizeof(reasons) / sizeof(reasons[0]) };

static bool brakes_are_unsure(const struct brakes *brakes)
{
	bool unsure = false;

	for (size_t i = 0; brakes != NULL && i < brakes->count; i++)
		unsure = unsure || brakes->items[i].unsure;
	return unsure;
}

/* What is lacking. Of several things the one but for which it could be told; when no single one is that, the first of them. */
static enum untold find_reason(const struct run *run)
{
	struct run other = *run;
	struct range looked = range_empty();
	unsigned lacks = run->evidence.lacks;

	other.evidence.unlooked = (finding_set){ 0 };
	if (!finding_set_is_empty(&run->evidence.unlooked) && run_once(&other, &looked) && looked.low == looked.high)
		return UNTOLD_CHECKS;
	other = *run;
	other.evidence.brakes = NULL;
	looked = range_empty();
	if (brakes_are_unsure(run->evidence.brakes) && run_once(&other, &looked) && looked.low == looked.high)
		return UNTOLD_BRAKES;
	other = *run;
	other.evidence.span_secs = 0;
	looked = range_empty();
	if (run->evidence.span_secs != 0 && run_once(&other, &looked) && looked.low == looked.high)
		return UNTOLD_TIME;
	other = *run;
	for (size_t i = 0; i < REASONS; i++) {
		struct range range = range_empty();

		other.evidence.lacks = lacks & ~(unsigned)reasons[i].lack;
		if (other.evidence.lacks != lacks && run_once(&other, &range) && range.low == range.high)
			return reasons[i].why;
	}
	for (size_t i = 0; i < REASONS; i++)
		if ((lacks & reasons[i].lack) != 0)
			return reasons[i].why;
	return UNTOLD_RECIPIENTS;	/* over the cap, some here, some there */
}

static const struct recipient_place *all_places(const struct evidence *evidence, struct arena *arena, size_t *count_r)
{
	size_t count = evidence->recipient_count;
	struct recipient_place *places = arena_calloc(arena, count + evidence->refused_count + 1, sizeof(*places));

	if (count != 0)
		memcpy(places, evidence->recipients, count * sizeof(*places));
	if (evidence->refused_count != 0)
		memcpy(places + count, evidence->refused, evidence->refused_count * sizeof(*places));
	*count_r = evidence_sort_places(places, count + evidence->refused_count);
	return places;
}

static enum untold run_clients(struct run *run, const struct clients *clients, struct range *total)
{
	struct range one;

	for (size_t i = 0; i < clients->count; i++) {
		run->evidence.client = (struct ip_network){ .addr = clients->items[i],
			.prefix_bits = clients->items[i].family == AF_INET6 ? 128 : 32 };
		one = range_empty();
		if (!run_once(run, &one))
			return UNTOLD_AT_RCPT;
		if (one.low != one.high)
			return find_reason(run);
		range_join(total, &one);
		if (total->low != total->high)
			return UNTOLD_CLIENT;
	}
	return UNTOLD_NOT;
}

void policy_replay(const struct policy_set *set, const struct evidence *evidence, struct arena *arena,
    struct recorded_decision *recorded_r)
{
	struct run run = { .set = set, .arena = arena, .evidence = *evidence };
	struct clients clients = clients_of(set, &evidence->client, arena);
	struct range total = range_empty();

	*recorded_r = (struct recorded_decision){ .decision = decision_none() };
	run.marks = arena_alloc(arena, set->count);
	run.places = all_places(evidence, arena, &run.place_count);
	if ((evidence->lacks & EVIDENCE_LACKS_ALL) != 0)
		recorded_r->why = UNTOLD_OTHER;
	else if ((evidence->lacks & EVIDENCE_LACKS_SENSE) != 0)
		recorded_r->why = UNTOLD_UNREADABLE;
	else if (clients.count > CLIENTS_MAX)
		recorded_r->why = UNTOLD_CLIENT;
	else
		recorded_r->why = run_clients(&run, &clients, &total);
	if (recorded_r->why != UNTOLD_NOT)
		return;
	recorded_r->decision = total.decision;
	recorded_r->partly = total.partly;
}
