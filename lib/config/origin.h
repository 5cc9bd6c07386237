/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_CONFIG_ORIGIN_H
#define ASSAY_CONFIG_ORIGIN_H
/* Where a value of a policy comes from, for people. Pure. Thread: any. */
#include "config/config.h"

enum origin_kind {
	ORIGIN_OWN,		/* the policy's section sets it */
	ORIGIN_INHERITED,	/* that of a policy from which it inherits */
	ORIGIN_OUTSIDE,		/* the settings outside of policies */
	ORIGIN_DEFAULT,		/* nobody does */
};

struct origin {
	enum origin_kind kind;
	const char *policy;	/* OWN and INHERITED: whose section; borrowed */
	unsigned line;		/* of the option; 0 with DEFAULT */
};

/** @param section  "policy", or "actions" for a finding. @param name  of the option or finding. */
struct origin config_origin(const struct config *config, const struct policy_config *policy, const char *section, const char *name);

#endif
