/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which policies a message falls under: one for each recipient with each author domain, so that a second author, a recipient whose
 * domain nobody can tell, or one over the cap sheds no policy; and what they come to for one recipient (own.c adds it up). Pure.
 * Thread: any. Trusts the places for their kind.
 */
#include <string.h>

#include "config/policy_index.h"
#include "policy/internal.h"
#include "util/arena.h"
#include "util/domain.h"

/* One recipient and one author, as policies match on them, and where it goes what is found. */
struct who {
	struct match_who is;
	struct evidence evidence;	/* is.evidence: at stage MESSAGE, for an author that is not known yet may be any */
	const struct policy_set *set;
	bool before_author;		/* at RCPT */
	bool of_the_past;		/* the recipient or author is known to nobody here, but was to those who judged it */
	enum policy_mark mark;
	unsigned char *marks;
	struct opinions *opinions;	/* NULL: only marks are wanted */
	struct own *own;		/* with opinions */
};

struct policy_set policy_set_of(const struct config *config)
{
	return (struct policy_set){ .policies = config->policies, .count = config->policy_count,
		.index = config->policy_index, .delimiters = config->recipient_delimiters, .local_domains = config->local_domains.set,
		.local_samples = config->local_samples,
		.local_sample_count = config->local_sample_count, .several = config->several_recipients };
}

/* Whether a policy would be the one, were the author one of those whom it names. */
static bool matches_its_author(const struct policy_config *policy, const struct who *who)
{
	const char *name = domain_set_entry(policy->author_domains.set, 0);
	struct match_who is = who->is;

	is.author = name + (name[0] == '.');	/* ".example.org" is example.org, too */
	return match_policy(policy, &is) == MATCH_YES;
}

static enum reached how_reached(const struct who *who, const struct policy_config *policy, enum match match, bool *ends_r)
{
	*ends_r = true;
	if (match == MATCH_LACKS || (match == MATCH_MAYBE && who->of_the_past))
		return REACHED_PERHAPS;
	if (who->before_author && policy->author_domains.count != 0) {
		*ends_r = matches_its_author(policy, who);
		return REACHED_LATER;
	}
	*ends_r = match == MATCH_YES;
	return REACHED_SURELY;
}

/* What nobody could ever know may be so: the policy counts, and those behind it. What will be known is one or the other. */
static void walk(struct who *who)
{
	const struct policy_index *index = who->set->index;
	struct path path = path_begin();
	struct policy_numbers numbers;
	enum policy_mark mark = who->mark;

	if (index != NULL)
		policy_index_find(index, who->is.recipient, who->is.author, &numbers);
	for (size_t i = 0; (i = index != NULL ? policy_numbers_next(&numbers, i) : i) < who->set->count; i++) {
		const struct policy_config *policy = &who->set->policies[i];
		enum match match = match_policy(policy, &who->is);
		enum reached reached;
		bool ends;

		if (match == MATCH_NO)
			continue;
		reached = how_reached(who, policy, match, &ends);
		if (reached != REACHED_SURELY)	/* perhaps it is the one, and then none behind it */
			mark = POLICY_MAYBE;
		if (who->marks[i] < mark)
			who->marks[i] = (unsigned char)mark;
		if (who->opinions != NULL)
			path_add(&path, opinion_of(who->opinions, i), i, reached, ends);
		if (match == MATCH_YES && reached == REACHED_SURELY)
			break;
	}
	if (who->opinions != NULL)
		own_add(who->own, &path, who->mark == POLICY_IN);
}

/*
 * A mailbox of the MTA's own is the same in every local domain; where none are named it may be in any domain. Of local domains
 * that no policy tells apart one stands for all.
 */
static void walk_place(struct who *who, const struct recipient_place *place)
{
	const struct policy_set *set = who->set;
	bool is_local = place->where == RECIPIENT_LOCAL;

	if (place->where == RECIPIENT_AT_DOMAIN)
		is_local = domain_set_has(set->local_domains, place->domain);
	who->is.mailbox = place->mailbox;
	who->is.any_local = true;
	for (size_t i = 0; is_local && i < set->local_sample_count; i++) {
		who->is.recipient = set->local_samples[i];
		walk(who);
	}
	who->is.any_local = is_local && set->local_domains == NULL;
	who->is.recipient = who->is.any_local ? NULL : place->domain;
	if (!is_local || set->local_domains == NULL || place->domain != NULL)
		walk(who);
}

/* Sets up who for a message. */
static void who_of(const struct policy_set *set, const struct evidence *evidence, struct who *who_r)
{
	*who_r = (struct who){ .set = set, .evidence = *evidence, .before_author = evidence->stage == FINDING_STAGE_ENVELOPE,
		.mark = POLICY_IN };
	who_r->evidence.stage = FINDING_STAGE_MESSAGE;
	who_r->is.evidence = &who_r->evidence;
	who_r->is.delimiters = set->delimiters;
}

/* One recipient with every author. */
static void walk_authors(struct who *who, const struct recipient_place *place)
{
	const struct evidence *evidence = &who->evidence;
	enum policy_mark mark = who->mark;
	bool of_the_past = who->of_the_past;

	for (size_t i = 0; !who->before_author && i < evidence->author_count; i++) {
		who->is.author = evidence->authors[i].domain;
		walk_place(who, place);
	}
	who->is.author = NULL;
	if (who->before_author || evidence->authors_unknown)
		walk_place(who, place);
	if (!who->before_author && (evidence->lacks & EVIDENCE_LACKS_AUTHORS) != 0) {
		who->mark = POLICY_MAYBE;
		who->of_the_past = true;
		walk_place(who, place);
		who->mark = mark;
		who->of_the_past = of_the_past;
	}
}

static const struct recipient_place anywhere = { .where = RECIPIENT_UNKNOWN };

struct own policy_own(struct opinions *opinions, const struct recipient_place *place)
{
	struct own own = own_begin();
	struct who who;

	who_of(&opinions->set, opinions->evidence, &who);
	who.marks = opinions->marks;
	who.opinions = opinions;
	who.own = &own;
	who.of_the_past = place == NULL;
	walk_authors(&who, place != NULL ? place : &anywhere);
	return own;
}

void policy_select(const struct policy_set *set, const struct evidence *evidence, unsigned char *marks_r)
{
	struct who who;

	memset(marks_r, POLICY_OUT, set->count);
	who_of(set, evidence, &who);
	who.marks = marks_r;
	for (size_t i = 0; i < evidence->recipient_count; i++)
		walk_authors(&who, &evidence->recipients[i]);
	who.mark = POLICY_MAYBE;
	who.of_the_past = true;
	if ((evidence->lacks & EVIDENCE_LACKS_RECIPIENTS) != 0)
		walk_authors(&who, &anywhere);
}
