/* SPDX-License-Identifier: BSD-2-Clause */
/* See slow_owners.h. Thread: one. */
#include "slow_owners.h"

#include <stdio.h>
#include <string.h>

#include "util/domain.h"

enum { LIMIT_DEADLINES = 3 };

void slow_owners_begin(struct slow_owners *slow, const struct psl_context *psl, unsigned dns_deadline_ms)
{
	*slow = (struct slow_owners){ .psl = psl, .limit_ms = (int64_t)LIMIT_DEADLINES * dns_deadline_ms };
}

static const char *last_labels(const char *domain)
{
	const char *dot = strrchr(domain, '.');

	while (dot != NULL && dot > domain && dot[-1] != '.')
		dot--;
	return dot != NULL ? dot : domain;
}

/* @return its place; the count when there is none. */
static size_t find(const struct slow_owners *slow, const char *domain)
{
	size_t i = 0;

	while (i < slow->count && !domain_is_within(domain, slow->owners[i].name))
		i++;
	return i;
}

void slow_owners_note(struct slow_owners *slow, const char *domain, int64_t waited_ms)
{
	size_t i = find(slow, domain);
	struct arena *arena;

	if (i == SLOW_OWNERS_MAX)
		return;
	if (i == slow->count) {
		arena = arena_new();
		snprintf(slow->owners[slow->count++].name, SLOW_OWNER_BYTES, "%s",
		    slow->psl != NULL ? psl_org_domain(slow->psl, arena, domain) : last_labels(domain));
		arena_free(&arena);
	}
	slow->owners[i].waited_ms += waited_ms;
}

bool slow_owners_has(const struct slow_owners *slow, const char *domain)
{
	size_t i = find(slow, domain);

	return i < slow->count && slow->owners[i].waited_ms >= slow->limit_ms;
}
