/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_POLICY_RAMP_H
#define ASSAY_POLICY_RAMP_H
/*
 * Whether what a policy asks for on a finding is in force for a message: since a flag day, for a share of domains, and while no brake
 * is on it. Time and brakes are values in the evidence. Pure. Thread: any.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/config.h"

struct evidence;

/* The enforcement of a finding by a policy has fallen back to tag, for messages of a time. */
struct brake {
	const char *policy;
	enum finding_id finding;
	int64_t since_secs, until_secs;	/* until: when an admin lifted it; 0: he has not */
	bool unsure;			/* of a forecast: it may be on in that time */
};

/* What is known of brakes when a message is judged. Only findings for which their policy has a brake configured can have one. */
struct brakes {
	bool unknown;			/* nobody could read them yet: each may be on, so each counts as on */
	const struct brake *items;
	size_t count;
};

/**
 * The bucket of a domain, below RAMP_SHARE_ALL: a share of so many parts has those whose bucket is below it. It hangs on the name
 * alone, by a hash whose key is part of the program: the same on every host and after every restart, and known to everybody.
 * @param domain  lower case.
 */
unsigned ramp_bucket(const char *domain);

/** @return whether a share of the finding's ramp goes by the author domains; else it goes by the envelope's. */
bool ramp_goes_by_author(enum finding_id id);

/** @return whether the policy has a brake, and would have something to hold on this finding. */
bool policy_has_brake(const struct policy_config *policy, enum finding_id id);

/** @return the time of the first flag day of any policy after secs; INT64_MAX: there is none. */
int64_t ramp_next_flag_day(const struct policy_config *policies, size_t count, int64_t secs);

#endif
