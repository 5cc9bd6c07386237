/* SPDX-License-Identifier: BSD-2-Clause */
/* See slow_owners.h. Thread: one. */
#include "slow_owners.h"

#include <stdio.h>
#include <string.h>


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

/* One that stands on the list itself is its own owner, and not that of the names below it. */
static const char *owner_of(const struct slow_owners *slow, const char *domain, struct arena *arena)
{
	return slow->psl != NULL ? psl_org_domain(slow->psl, arena, domain) : last_labels(domain);
}

/* @return its place; the count when there is none. */
static size_t find(const struct slow_owners *slow, const char *owner)
{
	size_t i = 0;

	while (i < slow->count && strcmp(owner, slow->owners[i].name) != 0)
		i++;
	return i;
}

void slow_owners_note(struct slow_owners *slow, const char *domain, int64_t waited_ms)
{
	struct arena *arena = arena_new();
	const char *owner = owner_of(slow, domain, arena);
	size_t i = find(slow, owner);

	if (i < SLOW_OWNERS_MAX) {
		if (i == slow->count)
			snprintf(slow->owners[slow->count++].name, SLOW_OWNER_BYTES, "%s", owner);
		slow->owners[i].waited_ms += waited_ms;
	}
	arena_free(&arena);
}

bool slow_owners_has(const struct slow_owners *slow, const char *domain)
{
	struct arena *arena = arena_new();
	size_t i = find(slow, owner_of(slow, domain, arena));
	bool slow_enough = i < slow->count && slow->owners[i].waited_ms >= slow->limit_ms;

	arena_free(&arena);
	return slow_enough;
}
