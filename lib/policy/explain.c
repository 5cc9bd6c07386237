/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A choice of policies taken apart, see explain.h. A recipient in a local domain stands for those in all of them: of each condition
 * the nearest to "yes" is told. Trusts the evidence for nothing but its enums.
 */
#include "policy/explain.h"

#include "policy/internal.h"
#include "util/arena.h"
#include "util/domain.h"

/* All the domains in which the recipient may be, as policy_select() goes through them. */
struct places { struct match_who *items; size_t count; };

static struct places places_of(const struct policy_set *set, const struct evidence *evidence, struct arena *arena)
{
	const struct recipient_place *place = &evidence->recipients[0];
	bool local = place->where == RECIPIENT_LOCAL ||
	    (place->where == RECIPIENT_AT_DOMAIN && domain_set_has(set->local_domains, place->domain));
	struct places places = { .items = arena_calloc(arena, set->local_sample_count + 1, sizeof(*places.items)) };
	struct match_who who = { .evidence = evidence, .mailbox = place->mailbox, .delimiters = set->delimiters,
		.author = evidence->author_count != 0 ? evidence->authors[0].domain : NULL };

	for (size_t i = 0; local && i < set->local_sample_count; i++) {
		who.recipient = set->local_samples[i];
		who.any_local = true;
		places.items[places.count++] = who;
	}
	who.any_local = local && set->local_domains == NULL;
	who.recipient = who.any_local ? NULL : place->domain;
	if (!local || set->local_domains == NULL || place->domain != NULL)
		places.items[places.count++] = who;
	return places;
}

static enum match holds_best(const struct condition *condition, const struct policy_config *policy, const struct places *places)
{
	enum match best = MATCH_NO;

	if (!condition->is_set(policy))
		return MATCH_YES;
	for (size_t i = 0; i < places->count; i++) {
		enum match match = condition->holds(policy, &places->items[i]);

		best = match > best ? match : best;
	}
	return best;
}

size_t policy_explain(const struct policy_set *set, const struct evidence *evidence, struct arena *arena,
    struct policy_explained *explained_r)
{
	unsigned char *marks = arena_alloc(arena, set->count);
	struct places places = places_of(set, evidence, arena);
	size_t asked = 0;

	policy_select(set, evidence, marks);
	for (size_t i = 0; i < set->count; i++)
		asked = marks[i] != POLICY_OUT ? i + 1 : asked;
	for (size_t i = 0; i < asked; i++) {
		enum match *holds = arena_calloc(arena, match_condition_count, sizeof(*holds));

		explained_r[i] = (struct policy_explained){ .policy = &set->policies[i], .applies = marks[i] != POLICY_OUT, .sure = true,
			.holds = holds };
		for (size_t c = 0; c < match_condition_count; c++) {
			holds[c] = holds_best(&match_conditions[c], &set->policies[i], &places);
			explained_r[i].sure = explained_r[i].sure && holds[c] == MATCH_YES;
		}
	}
	return asked;
}
