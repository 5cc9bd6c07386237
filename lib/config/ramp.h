/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_CONFIG_RAMP_H
#define ASSAY_CONFIG_RAMP_H
/*
 * `ramp "FINDING" { from share before }`: since when, and for which share of domains, the action of a finding is in force.
 * What it comes to for a message is the policy's (policy/ramp.h). Pure. Thread: any.
 */
#include <stdbool.h>
#include <stdint.h>

#include "config/findings.h"

enum { RAMP_SHARE_ALL = 10000 };	/* hundredths of a percent */

/* All zero texts: no ramp, the action is in force. */
struct ramp_config {
	const char *from;		/* as written; NULL: since ever */
	const char *share;		/* as written; NULL: all */
	enum action before;		/* until then, and for other domains; never more than the action itself */
	int64_t from_secs;		/* epoch; 0: since ever */
	unsigned share_parts;		/* of RAMP_SHARE_ALL */
};

/** A ramp that changes nothing. */
struct ramp_config ramp_none(void);

/** @return whether it may change something. */
static inline bool ramp_is_set(const struct ramp_config *ramp)
{
	return ramp->from_secs != 0 || ramp->share_parts != RAMP_SHARE_ALL;
}

/** "2027-01-01", or "2027-01-01T06" for an hour of it, UTC. @return 0; -E_SYNTAX with why_r (static). */
int ramp_parse_from(const char *text, int64_t *secs_r, const char **why_r);

/** "10%", "0.25%". @return 0; -E_SYNTAX with why_r (static). */
int ramp_parse_share(const char *text, unsigned *parts_r, const char **why_r);

#endif
