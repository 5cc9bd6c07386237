/* SPDX-License-Identifier: BSD-2-Clause */
/* See descriptors.h. */
#include "descriptors.h"

#include <limits.h>
#include <stdio.h>
#include <sys/resource.h>

enum {
	/* Standard streams, sockets, event loop, pipe, log and database's writer are 22; a reload has resolver and database
	   twice for a while and reads files; the status socket and our own sign of life have a client each. */
	OWN = 40,
	READER = 2,			/* database and write-ahead log */
	READERS_MAX = 64, REFUSALS_MAX = 16, REFUSALS_MIN = 2,
	SMALL_SHARE = 16,		/* of what is left, for readers and for refusals */
	SESSION_SHARE = 3,		/* a third for sessions: each asks DNS for several things at once */
	REST_MIN = 16,
};

unsigned descriptors_raise(void)
{
	struct rlimit limit, raised;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return 1024;
	raised = limit;
	raised.rlim_cur = limit.rlim_max;
	if (limit.rlim_cur != limit.rlim_max && setrlimit(RLIMIT_NOFILE, &raised) == 0)
		limit = raised;
	return limit.rlim_cur < INT_MAX ? (unsigned)limit.rlim_cur : INT_MAX;
}

static unsigned lesser(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

bool descriptors_share(unsigned limit, const struct descriptor_wants *wants, struct descriptor_plan *plan_r)
{
	unsigned own = OWN + wants->others, rest = limit > own ? limit - own : 0;

	*plan_r = (struct descriptor_plan){
		.limit = limit, .sessions = wants->sessions, .refusals = REFUSALS_MAX, .queries = wants->queries,
		.readers = lesser(READERS_MAX, wants->sessions),
	};
	plan_r->needed = own + plan_r->sessions + plan_r->refusals + plan_r->queries + plan_r->readers * READER;
	if (limit >= plan_r->needed)
		return true;
	if (rest < REST_MIN)
		return false;
	plan_r->refusals = lesser(REFUSALS_MAX, rest / SMALL_SHARE);
	if (plan_r->refusals < REFUSALS_MIN)
		plan_r->refusals = REFUSALS_MIN;
	plan_r->readers = lesser(plan_r->readers, rest / SMALL_SHARE);
	rest -= plan_r->refusals + plan_r->readers * READER;
	plan_r->sessions = lesser(wants->sessions, rest / SESSION_SHARE);
	plan_r->queries = lesser(wants->queries, rest - plan_r->sessions);
	plan_r->sessions = lesser(wants->sessions, rest - plan_r->queries);	/* what few queries leave */
	return true;
}

bool descriptors_suffice(const struct descriptor_plan *plan, const struct descriptor_wants *wants)
{
	return plan->sessions >= wants->sessions && plan->queries >= wants->queries;
}

void descriptors_text(const struct descriptor_plan *plan, const struct descriptor_wants *wants, char *text_r, size_t text_bytes)
{
	if (descriptors_suffice(plan, wants))
		snprintf(text_r, text_bytes, "descriptors: the limit of %u has room for %u sessions and %u DNS queries at once (%u needed)",
		    plan->limit, plan->sessions, plan->queries, plan->needed);
	else
		snprintf(text_r, text_bytes, "descriptors: the limit of %u has room for %u sessions (max-sessions = %u) and %u DNS queries "
		    "(dns { max-inflight = %u }) at once; further sessions get a temporary failure, queries wait: set LimitNOFILE= in "
		    "the unit, or the hard limit of `ulimit -n`, to %u, or lower these options",
		    plan->limit, plan->sessions, wants->sessions, plan->queries, wants->queries, plan->needed);
}
