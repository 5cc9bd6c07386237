/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which policies a message falls under: one for each recipient with each author domain, so that a second author, a recipient whose
 * domain nobody can tell, or one over the cap sheds no policy. Pure. Thread: any. Trusts the places for their kind.
 */
#include <string.h>

#include "policy/match.h"
#include "policy/policy.h"
#include "util/arena.h"
#include "util/domain.h"

/* One recipient and one author, as policies match on them, and where the marks go. */
struct who {
	struct match_who is;
	const struct policy_set *set;
	enum policy_mark mark;
	unsigned char *marks;
};

struct policy_set policy_set_of(const struct config *config)
{
	return (struct policy_set){ .policies = config->policies, .count = config->policy_count,
		.delimiters = config->recipient_delimiters, .local_domains = config->local_domains.set, .local_samples = config->local_samples,
		.local_sample_count = config->local_sample_count };
}

static void mark(struct who *who)
{
	enum policy_mark as = who->mark;

	for (size_t i = 0; i < who->set->count; i++) {
		enum match match = match_policy(&who->set->policies[i], &who->is);

		if (match == MATCH_LACKS)	/* perhaps it is the one, and then none behind it */
			as = POLICY_MAYBE;
		if (match != MATCH_NO && who->marks[i] < as)
			who->marks[i] = (unsigned char)as;
		if (match == MATCH_YES)
			return;
	}
}

/*
 * A mailbox of the MTA's own is the same in every local domain; where none are named it may be in any domain. Of local domains
 * that no policy tells apart one stands for all.
 */
static void mark_place(struct who *who, const struct recipient_place *place)
{
	const struct policy_set *set = who->set;
	bool is_local = place->where == RECIPIENT_LOCAL;

	if (place->where == RECIPIENT_AT_DOMAIN)
		is_local = domain_set_has(set->local_domains, place->domain);
	who->is.mailbox = place->mailbox;
	who->is.any_local = true;
	for (size_t i = 0; is_local && i < set->local_sample_count; i++) {
		who->is.recipient = set->local_samples[i];
		mark(who);
	}
	who->is.any_local = is_local && set->local_domains == NULL;
	who->is.recipient = is_local && set->local_domains == NULL ? NULL : place->domain;
	if (!is_local || set->local_domains == NULL || place->domain != NULL)
		mark(who);
}

/* Every recipient with the author that stands in who; those that the evidence lacks may be anywhere. */
static void mark_recipients(struct who *who)
{
	static const struct recipient_place anywhere = { .where = RECIPIENT_UNKNOWN };
	enum policy_mark as = who->mark;

	for (size_t i = 0; i < who->is.evidence->recipient_count; i++)
		mark_place(who, &who->is.evidence->recipients[i]);
	who->mark = POLICY_MAYBE;
	if ((who->is.evidence->lacks & EVIDENCE_LACKS_RECIPIENTS) != 0)
		mark_place(who, &anywhere);
	who->mark = as;
}

void policy_select(const struct policy_set *set, const struct evidence *evidence, unsigned char *marks_r)
{
	bool before_author = evidence->stage == FINDING_STAGE_ENVELOPE;
	struct who who = { .is = { .evidence = evidence, .delimiters = set->delimiters }, .set = set, .mark = POLICY_IN, .marks = marks_r };

	memset(marks_r, POLICY_OUT, set->count);
	for (size_t i = 0; !before_author && i < evidence->author_count; i++) {
		who.is.author = evidence->authors[i].domain;
		mark_recipients(&who);
	}
	who.is.author = NULL;
	if (before_author || evidence->authors_unknown)
		mark_recipients(&who);
	who.mark = POLICY_MAYBE;
	if (!before_author && (evidence->lacks & EVIDENCE_LACKS_AUTHORS) != 0)
		mark_recipients(&who);
}

struct decision policy_judge(const struct policy_set *set, const struct evidence *evidence, struct arena *arena)
{
	unsigned char *marks = arena_alloc(arena, set->count);
	struct decision strictest = decision_none(), decision;

	policy_select(set, evidence, marks);
	for (size_t i = 0; i < set->count; i++) {
		if (marks[i] == POLICY_OUT)
			continue;
		policy_decide(&set->policies[i], evidence, &decision);
		strictest = strictest.policy != NULL ? *decision_stricter(&strictest, &decision) : decision;
	}
	return strictest;
}
