/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_POLICY_RECORDED_RUN_H
#define ASSAY_POLICY_RECORDED_RUN_H
/* One recorded message through one set of policies, with one client; for recorded.c. Pure. Thread: any. */
#include "policy/internal.h"

/* What can come of it, as ranks; each that can is within. Empty: low > high. */
struct range {
	unsigned low, high;
	struct decision decision;	/* that comes of what is recorded alone */
	bool partly;			/* whatever of this it was, some recipients were refused and others not */
};
struct range range_empty(void);
void range_join(struct range *range, const struct range *other);

struct run {
	const struct policy_set *set;
	struct arena *arena;
	struct evidence evidence;	/* its client is one address */
	const struct recipient_place *places;	/* all recipients, refused then or not */
	size_t place_count;
};

/** Joins to total what comes of the message. @return false: it ended at RCPT, and would not have. */
bool run_recorded(const struct run *run, struct range *total);

#endif
