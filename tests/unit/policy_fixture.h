/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_TESTS_POLICY_FIXTURE_H
#define ASSAY_TESTS_POLICY_FIXTURE_H
/* Findings of a made-up message, and what a policy makes of them. */
#include "policy/reply.h"

struct policy_fixture {
	struct arena *arena;
	const struct config *config;
	struct results results;
};

struct policy_fixture policy_fixture_make(const char *text);

void policy_fixture_drop(struct policy_fixture *fixture);

/** results_raise() without its rules: here duplicates are wanted too. */
void raise_finding(struct policy_fixture *fixture, enum finding_id id, const char *domain, enum dns_security dnssec);

/** The decision with its reply. */
struct decision decide_by(struct policy_fixture *fixture, const struct policy_config *policy, enum finding_stage stage);

struct decision decide(struct policy_fixture *fixture, enum finding_stage stage);

#endif
