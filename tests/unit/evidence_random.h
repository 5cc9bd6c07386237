/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_TESTS_EVIDENCE_RANDOM_H
#define ASSAY_TESTS_EVIDENCE_RANDOM_H
/* Random messages, as far as policies look at them, and random configurations with every option that a policy has. */
#include "policy/evidence.h"
#include "policy/policy.h"

enum { MODEL_RECIPIENTS = 14, MODEL_HIDDEN = 2, MODEL_SIGNATURES = 12, MODEL_BRAKES = 6 };

/* What a message is. Its evidence is made of it by evidence_make(), as the daemon makes it. */
struct model {
	struct facts_connection connection;
	struct facts facts;
	struct author author;
	struct results results, at_rcpt;	/* at_rcpt: what is known of them there */
	struct dmarc_result dmarc[AUTHOR_MAX_DOMAINS];
	struct dkim_result dkim[MODEL_SIGNATURES];
	struct recipient_place places[MODEL_RECIPIENTS];
	size_t place_count;
	struct recipient_place hidden[MODEL_HIDDEN];	/* over the cap */
	size_t hidden_count;
	struct brake brake[MODEL_BRAKES];
	struct brakes brakes;
};

/** What a policy is called in configurations made here. */
const char *random_policy_name(void);

/** A number below count. */
unsigned random_below(unsigned count);

/** A message. @param wide  more recipients, passes and longer names than the record keeps happen. */
void model_random(struct model *model_r, struct arena *arena, bool wide);

/** Another order of everything that has none. */
void model_shuffle(struct model *model);

/** A configuration; fails the test when the schema has a policy option for which there is no generator. */
const struct config *config_random(void);

#endif
