/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_TESTS_STRICTEST_FIXTURE_H
#define ASSAY_TESTS_STRICTEST_FIXTURE_H
/*
 * What the generators of messages share: domains, configurations with random policies, recipients in every way, and the rule of
 * the manual by which a policy is chosen, written anew.
 */
#include "pipeline/pipeline.h"
#include "policy/reply.h"

enum { RECIPIENTS_CAP = 3, RECIPIENTS_MAX = 5 };

/* The last stands in no policy: any domain that nobody named. */
enum { VICTIM, PARTNER, SUB_PARTNER, BANK, OTHER, DOMAINS };
extern const char *const domains[DOMAINS];

/* Which domains a name could stand for: one bit each. */
typedef unsigned domain_set;
#define ANY_DOMAIN ((domain_set)((1u << DOMAINS) - 1))

/** A random number under count. */
unsigned below(unsigned count);

/** An engine with random policies over random actions for these findings; all others have none. */
struct engine *random_engine(const char *settings, const enum finding_id *findings, size_t count);

/**
 * Some recipients.
 * @param known_r  set to false where one's domain is not known.
 * @return the domains that they could be in; 0: all were refused.
 */
domain_set add_recipients(struct message *message, bool *known_r);

/** The manual: the first policy in the file whose conditions all hold. */
const struct policy_config *first_policy(const struct config *config, const char *recipient, const char *author,
    const struct ip_addr *client);

/** Enforced ones before dry ones, then strength; an enforced "none" holds nobody back. */
unsigned decision_rank(const struct decision *decision);

/** The same of what a policy makes of these findings. */
unsigned policy_rank(const struct policy_config *policy, const finding_set *findings);

#endif
