/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Ramps and brakes of a finding's action. Of recorded evidence time may be a span, and domains may be lacking: then the answer can be
 * "maybe". Pure. Thread: any. Trusts the evidence's enums; its names come from the network and are hashed only.
 */
#include "policy/ramp.h"

#include <string.h>

#include "policy/internal.h"
#include "util/siphash.h"

/* "assay: share of domains" would do as well as any: it is no secret. */
static const uint64_t share_key[2] = { 0x61737361792e7368, 0x6172652e72616d70 };

unsigned ramp_bucket(const char *domain)
{
	return (unsigned)(siphash(domain, strlen(domain), share_key) % RAMP_SHARE_ALL);
}

bool ramp_goes_by_author(enum finding_id id)
{
	return findings_table[id].stage == FINDING_STAGE_MESSAGE;
}

bool policy_has_brake(const struct policy_config *policy, enum finding_id id)
{
	return policy->brake.wanted != 0 && policy->actions[id] > ACTION_TAG;
}

int64_t ramp_next_flag_day(const struct policy_config *policies, size_t count, int64_t secs)
{
	int64_t next_secs = INT64_MAX;

	for (size_t i = 0; i < count; i++) {
		for (int id = 0; id < FINDING_COUNT; id++) {
			int64_t from_secs = policies[i].ramps[id].from_secs;

			if (from_secs > secs && from_secs < next_secs)
				next_secs = from_secs;
		}
	}
	return next_secs;
}

static enum truth has_begun(const struct ramp_config *ramp, const struct evidence *evidence)
{
	if (ramp->from_secs == 0)
		return TRUTH_YES;
	if (evidence->time_secs == 0)
		return TRUTH_MAYBE;
	if (evidence->time_secs >= ramp->from_secs)
		return TRUTH_YES;
	return evidence->time_secs + (int64_t)evidence->span_secs > ramp->from_secs ? TRUTH_MAYBE : TRUTH_NO;
}

/* One author in the share is enough; without a domain nobody can say that a message is not of one in it. */
static enum truth authors_in_share(const struct ramp_config *ramp, const struct evidence *evidence)
{
	for (size_t i = 0; i < evidence->author_count; i++)
		if (ramp_bucket(evidence->authors[i].domain) < ramp->share_parts)
			return TRUTH_YES;
	if (evidence->authors_unknown)
		return TRUTH_YES;
	if (evidence_lacks(evidence, EVIDENCE_LACKS_AUTHORS))
		return TRUTH_MAYBE;
	return evidence->author_count == 0 ? TRUTH_YES : TRUTH_NO;
}

/* What is known at RCPT is told by the envelope's domain, then and later: a message must not be another one at its end. */
static enum truth is_in_share(const struct ramp_config *ramp, const struct evidence *evidence, enum finding_id id)
{
	if (ramp->share_parts == RAMP_SHARE_ALL)
		return TRUTH_YES;
	if (ramp->share_parts == 0)	/* nobody, whoever it is */
		return TRUTH_NO;
	if (ramp_goes_by_author(id))
		return authors_in_share(ramp, evidence);
	if (evidence_lacks(evidence, EVIDENCE_LACKS_ENVELOPE))
		return TRUTH_MAYBE;
	return evidence->envelope_domain == NULL || ramp_bucket(evidence->envelope_domain) < ramp->share_parts ? TRUTH_YES : TRUTH_NO;
}

static enum truth brake_truth(const struct brake *brake, const struct evidence *evidence)
{
	int64_t first_secs = evidence->time_secs, last_secs = first_secs + (evidence->span_secs != 0 ? evidence->span_secs - 1 : 0);
	int64_t until_secs = brake->until_secs != 0 ? brake->until_secs : INT64_MAX;

	if (first_secs == 0)
		return TRUTH_MAYBE;
	if (last_secs < brake->since_secs || first_secs >= until_secs)
		return TRUTH_NO;
	return first_secs >= brake->since_secs && last_secs < until_secs && !brake->unsure ? TRUTH_YES : TRUTH_MAYBE;
}

static enum truth is_braked(const struct policy_config *policy, const struct evidence *evidence, enum finding_id id)
{
	const struct brakes *brakes = evidence->brakes;
	enum truth truth = TRUTH_NO, one;

	if (brakes == NULL || !policy_has_brake(policy, id))
		return TRUTH_NO;
	if (brakes->unknown)
		return TRUTH_YES;
	for (size_t i = 0; i < brakes->count; i++) {
		if (brakes->items[i].finding != id || strcmp(brakes->items[i].policy, policy->name) != 0)
			continue;
		one = brake_truth(&brakes->items[i], evidence);
		truth = one > truth ? one : truth;
	}
	return truth;
}

static void lower(enum action *action, enum action most, enum asked_why *why_r, enum asked_why why)
{
	if (*action <= most)
		return;
	*action = most;
	*why_r = why;
}

enum action ramp_action(const struct policy_config *policy, const struct evidence *evidence, enum finding_id id, bool most,
    enum asked_why *why_r)
{
	const struct ramp_config *ramp = &policy->ramps[id];
	enum truth enough = most ? TRUTH_MAYBE : TRUTH_YES;	/* to be in force */
	enum action action = policy->actions[id];

	*why_r = ASKED_AS_SET;
	if (ramp_is_set(ramp)) {
		if (has_begun(ramp, evidence) < enough)
			lower(&action, ramp->before, why_r, ASKED_BEFORE_FLAG_DAY);
		else if (is_in_share(ramp, evidence, id) < enough)
			lower(&action, ramp->before, why_r, ASKED_OUTSIDE_SHARE);
	}
	/* a brake that may be on holds only for the least */
	if (is_braked(policy, evidence, id) > (most ? TRUTH_MAYBE : TRUTH_NO))
		lower(&action, ACTION_TAG, why_r, ASKED_BRAKED);
	return action;
}
