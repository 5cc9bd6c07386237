/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_POLICY_MATCH_H
#define ASSAY_POLICY_MATCH_H
/*
 * Whether one policy's conditions hold for one recipient with one author. All that are set have to; what is not known may hold.
 * Pure. Thread: any. Trusts the evidence for nothing but its enums.
 */
#include "config/config.h"
#include "policy/evidence.h"

/*
 * In the order in which the least of several conditions is that of the policy. LACKS: the message told, but the record does not: it
 * is one of the others. MAYBE: nobody could tell when the message came, and it is weighed as the strictest that it could be.
 */
enum match { MATCH_NO, MATCH_LACKS, MATCH_MAYBE, MATCH_YES };

/* One recipient and one author of a message. NULL: not known, it may be any. */
struct match_who {
	const struct evidence *evidence;	/* its client is one address, or none */
	const char *recipient, *author;		/* domains */
	const char *mailbox;			/* the recipient's, in lower case */
	bool any_local;				/* recipient stands for all local domains, in which the mailbox is the same */
	const char *delimiters;			/* behind which extensions of mailboxes begin; NULL: none */
};

struct arena;

/* One option of the schema's NUMBER_CONDITION. */
struct condition {
	const char *option;
	bool (*is_set)(const struct policy_config *policy);
	enum match (*holds)(const struct policy_config *policy, const struct match_who *who);	/* asked only when it is set */
	/* what of a message that is weighed by the policy it holds for, for people: "recipient test.example"; names are cleaned */
	const char *(*words)(const struct policy_config *policy, const struct evidence *evidence, struct arena *arena);
};
extern const struct condition match_conditions[];	/* those that cost least first */
extern const size_t match_condition_count;

/** @return the condition of that option; NULL: there is none. */
const struct condition *match_condition_find(const char *option);

/** At stage ENVELOPE a policy with author-domains does not match yet. */
enum match match_policy(const struct policy_config *policy, const struct match_who *who);

#endif
