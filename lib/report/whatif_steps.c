/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One step more: for each finding the same policies that reject on it besides, asked only about messages that have it; and what a
 * step is worth. Decisions are policy_replay()'s, so what else a policy asks for (reject-only-secure, TLS-Required: No, exemption)
 * holds for a step as it would in the daemon. Thread: one.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "report/whatif_internal.h"
#include "util/out_of_memory.h"

const char *whatif_pays_name(enum whatif_pays pays)
{
	static const char *const names[] = { [PAYS_NO] = "no", [PAYS_PERHAPS] = "perhaps", [PAYS_YES] = "yes" };

	return names[pays];
}

static bool refuses(enum action action)
{
	return action == ACTION_DEFER || action == ACTION_REJECT;
}

/* Findings that a policy raises itself are there only where it asks for what they are about. */
static bool can_be_raised(const struct policy_set *set, enum finding_id id)
{
	for (size_t i = 0; i < set->count; i++) {
		if (id == FINDING_TLS_CERT_REQUIRED ? set->policies[i].require_cert : id == FINDING_INSECURE_PASS ?
		    set->policies[i].require_secure_domains.count != 0 : true)
			return true;
	}
	return false;
}

void steps_prepare(struct whatif *whatif)
{
	const struct policy_set *set = &whatif->set;

	for (int id = 0; id < FINDING_COUNT; id++) {
		bool refused = true;

		for (size_t i = 0; i < set->count; i++)
			refused = refused && refuses(set->policies[i].actions[id]);
		if (refused || !can_be_raised(set, (enum finding_id)id))
			continue;
		whatif->stepped[id] = calloc(set->count, sizeof(*whatif->stepped[id]));
		if (whatif->stepped[id] == NULL)
			out_of_memory();
		for (size_t i = 0; i < set->count; i++) {
			whatif->stepped[id][i] = set->policies[i];
			if (refuses(set->policies[i].actions[id]))
				continue;
			whatif->stepped[id][i].actions[id] = ACTION_REJECT;
			whatif->stepped[id][i].ramps[id] = ramp_none();
		}
	}
}

void steps_free(struct whatif *whatif)
{
	for (int id = 0; id < FINDING_COUNT; id++)
		free(whatif->stepped[id]);
}

/* The findings whose step may change something: those that are there or may be, and those that policies raise themselves. */
static finding_set candidates(const struct evidence *evidence)
{
	finding_set set = evidence->unlooked;

	for (size_t i = 0; i < evidence->finding_count; i++)
		finding_set_add(&set, evidence->findings[i].id);
	for (size_t i = 0; i < evidence->waivable_count; i++) {
		finding_set_add(&set, evidence->waivable[i].as_is.id);
		finding_set_add(&set, FINDING_DMARC_OVERRIDDEN);
	}
	finding_set_add(&set, FINDING_TLS_CERT_REQUIRED);
	finding_set_add(&set, FINDING_INSECURE_PASS);
	return set;
}

void steps_ask(struct whatif *whatif, const struct evidence *evidence, struct verdict *verdict)
{
	const struct decision *now = &verdict->now.decision;
	finding_set ids = candidates(evidence);

	if (fate_of(now->enforced, now->action) == FATE_REFUSED)
		return;
	FINDING_SET_EACH(&ids, id) {
		struct policy_set set = whatif->set;
		struct recorded_decision then;

		if (whatif->stepped[id] == NULL)
			continue;
		set.policies = whatif->stepped[id];
		policy_replay(&set, evidence, whatif->arena, &then);
		if (then.why != UNTOLD_NOT)
			finding_set_add(&verdict->unsure, id);
		else if (fate_of(then.decision.enforced, then.decision.action) == FATE_REFUSED)
			finding_set_add(&verdict->hit, id);
	}
}

void steps_count(struct whatif *whatif, const struct verdict *verdict, uint64_t messages)
{
	const struct decision *now = &verdict->now.decision;
	bool quarantined = fate_of(now->enforced, now->action) == FATE_QUARANTINED;

	FINDING_SET_EACH(&verdict->seen, id)
		whatif->steps[id].seen += messages;
	FINDING_SET_EACH(&verdict->unsure, id)
		whatif->steps[id].untold += messages;
	FINDING_SET_EACH(&verdict->hit, id) {
		count_add(&whatif->steps[id].newly, verdict->looks.look, messages);
		whatif->steps[id].seen += finding_set_has(&verdict->seen, id) ? 0 : messages;	/* raised by a policy itself */
		whatif->steps[id].quarantined += quarantined ? messages : 0;
	}
}

/* ---- what a step is worth ---------------------------------------------------------------------------------------- */

static enum action least_action(const struct policy_set *set, enum finding_id id)
{
	enum action least = ACTION_REJECT;

	for (size_t i = 0; i < set->count; i++)
		least = set->policies[i].actions[id] < least ? set->policies[i].actions[id] : least;
	return least;
}

static double share(uint64_t part, uint64_t whole)
{
	return whole != 0 ? (double)part / (double)whole : (double)NAN;
}

/*
 * What refusing forged mail wins, less what refusing wanted mail loses, less the upkeep. It is nil where the share of wanted mail
 * that the step leaves alone is 1 - (won - upkeep) / (all wanted mail × its weight).
 */
static void weigh(const struct whatif_totals *totals, const struct whatif_weights *weights, double upkeep, struct whatif_step *step)
{
	const uint64_t *looks = step->newly.looks;
	double won = weights->forged * (double)looks[LOOK_FORGED], lost = weights->good * (double)looks[LOOK_WANTED];
	double unclear = (double)looks[LOOK_UNCLEAR], wanted = (double)totals->all.looks[LOOK_WANTED];

	step->gain = won - lost - upkeep;
	step->gain_low = step->gain - weights->good * unclear;
	step->gain_high = step->gain + weights->forged * unclear;
	step->pays = step->gain_low > 0 ? PAYS_YES : step->gain_high > 0 ? PAYS_PERHAPS : PAYS_NO;
	step->mail_ready = share(totals->all.looks[LOOK_WANTED] - looks[LOOK_WANTED], totals->all.looks[LOOK_WANTED]);
	step->senders_ready = share(totals->senders - step->senders_hit, totals->senders);
	step->needed = wanted > 0 ? 1 - (won - upkeep) / (weights->good * wanted) : (double)NAN;
}

/* What pays stands first, then what perhaps does, in each that which surely gains most; last what only cannot be told. */
static int by_worth(const void *left, const void *right)
{
	const struct whatif_step *a = left, *b = right;

	if ((a->newly.messages == 0) != (b->newly.messages == 0))
		return a->newly.messages == 0 ? 1 : -1;
	if (a->pays != b->pays)
		return a->pays < b->pays ? 1 : -1;
	if (a->gain_low < b->gain_low || a->gain_low > b->gain_low)
		return a->gain_low < b->gain_low ? 1 : -1;
	if (a->newly.messages != b->newly.messages)
		return a->newly.messages < b->newly.messages ? -1 : 1;
	return (int)a->finding - (int)b->finding;
}

static uint64_t count_hit(const struct whatif *whatif, enum finding_id id)
{
	uint64_t count = 0;

	for (const struct sender *sender = whatif->senders; sender != NULL; sender = sender->hh.next)
		count += finding_set_has(&sender->hit, id);
	return count;
}

size_t whatif_steps(struct whatif *whatif, const struct whatif_weights *weights, double days, struct whatif_step *steps_r)
{
	size_t count = 0;

	for (int i = 0; i < FINDING_COUNT; i++) {
		const struct step_counts *counts = &whatif->steps[i];
		enum finding_id id = (enum finding_id)i;

		if (counts->newly.messages == 0 && counts->untold == 0)
			continue;
		steps_r[count] = (struct whatif_step){ .finding = id, .action = least_action(&whatif->set, id), .seen = counts->seen,
			.newly = counts->newly, .quarantined = counts->quarantined, .untold = counts->untold,
			.senders_hit = count_hit(whatif, id) };
		weigh(&whatif->totals, weights, weights->upkeep * days, &steps_r[count]);
		count++;
	}
	if (count > 1)
		qsort(steps_r, count, sizeof(*steps_r), by_worth);
	return count;
}
