/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_TOOLS_SLOW_OWNERS_H
#define ASSAY_TOOLS_SLOW_OWNERS_H
/*
 * For whose domains DNS let a run of reports wait, and how long. Whoever publishes a record chooses the names that are asked before a
 * report of his is mailed: one who names many that nobody answers for must not keep the reports of others waiting. Thread: one.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "check/dmarc/dmarc.h"

enum { SLOW_OWNERS_MAX = 500, SLOW_OWNER_BYTES = 256 };

struct slow_owners {
	const struct psl_context *psl;	/* says who owns a domain; NULL: the last two labels do */
	int64_t limit_ms;		/* that an owner may cost in a run */
	struct { char name[SLOW_OWNER_BYTES]; int64_t waited_ms; } owners[SLOW_OWNERS_MAX];	/* further ones are not remembered */
	size_t count;
};

/** @param dns_deadline_ms  of one question for consent. */
void slow_owners_begin(struct slow_owners *slow, const struct psl_context *psl, unsigned dns_deadline_ms);

/** Adds a wait that came to nothing. */
void slow_owners_note(struct slow_owners *slow, const char *domain, int64_t waited_ms);

/** @return whether what is left of this domain's owner is for a later run. */
bool slow_owners_has(const struct slow_owners *slow, const char *domain);

#endif
