/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_CHECK_DMARC_DMARC_H
#define ASSAY_CHECK_DMARC_DMARC_H
/*
 * DMARC's two ways to the policy record and the organizational domain: the tree walk of RFC 9989 (walk.c) and the
 * public suffix list of RFC 7489 (psl.c). The judgement on top of them is dmarc.c.
 * Thread: that of the message; a loaded suffix list is constant and shared by all.
 */
#include "check/check.h"
#include "check/dmarc/record.h"

/**
 * Loads a public suffix list (.dat or .dafsa).
 * @param why_r  on failure: what is wrong with the file.
 * @return NULL on failure.
 */
struct psl_context *psl_context_new(const char *path, char *why_r, size_t why_bytes);
/** Sets *psl to NULL; NULL is allowed. */
void psl_context_free(struct psl_context **psl);

/** Organizational domain by RFC 7489 section 3.2; a public suffix is its own. In the arena. */
const char *psl_org_domain(const struct psl_context *psl, struct arena *arena, const char *domain);

/** @return whether the list has this name as a public suffix, ICANN's or a private one. Name as A-labels, lower case. */
bool psl_is_suffix(const struct psl_context *psl, const char *name);

enum { DMARC_WALK_MAX = 8 };	/* RFC 9989 section 4.10 */

/**
 * The names whose _dmarc records a walk from this domain asks for, in order; they are suffixes of the domain.
 * @param names_r  room for DMARC_WALK_MAX. @return how many.
 */
size_t dmarc_walk_names(const char *domain, const char **names_r);

/* What was found for one domain. */
struct dmarc_discovery {
	const struct dmarc_record *record;	/* that applies to the domain; NULL: none */
	const char *policy_domain;		/* where it stands */
	bool inherited;				/* it stands above the domain: sp and np count */
	const char *org_domain;			/* NULL when an answer that could decide it is missing */
	const char *discarded;			/* why a record that was there does not count; NULL */
	bool too_long;				/* it was one, over our caps */
	const struct dns_answer *failed;	/* an answer that is missing; NULL */
	const char *failure;			/* why nothing can be known at all (no answer, no suffix list); NULL */
	bool limited;				/* an answer is missing because the message asked for too much */
	enum dns_security policy_security;	/* of what the choice of the record stands on */
	enum dns_security org_security;		/* of what the organizational domain stands on */
};

/** Begins the look-ups of a discovery, for an author domain (DNS_FOR_AUTHOR) or an identifier (DNS_FOR_ALIGNMENT). */
void dmarc_discovery_start(struct check_context *context, enum dns_purpose purpose, const char *domain);

/** Waits for them. Raises FINDING_DNSSEC_BOGUS where an answer is bogus. */
void dmarc_discover(struct check_context *context, enum dns_purpose purpose, const char *domain,
    struct dmarc_discovery *discovery_r);

/** The part of each method. */
void dmarc_walk_start(struct check_context *context, enum dns_purpose purpose, const char *domain);
void dmarc_walk_discover(struct check_context *context, enum dns_purpose purpose, const char *domain,
    struct dmarc_discovery *discovery_r);
void dmarc_psl_start(struct check_context *context, enum dns_purpose purpose, const char *domain);
void dmarc_psl_discover(struct check_context *context, enum dns_purpose purpose, const char *domain,
    struct dmarc_discovery *discovery_r);

/* One query for _dmarc.<name>. */
struct dmarc_lookup {
	const struct dns_answer *answer;
	const struct dmarc_record *record;	/* the only one there; NULL: none that counts */
	const char *discarded;			/* why none counts although there were some; NULL */
	bool too_long;				/* because the only one is over our caps */
};
void dmarc_lookup_start(struct check_context *context, enum dns_purpose purpose, const char *name);
void dmarc_lookup_wait(struct check_context *context, enum dns_purpose purpose, const char *name,
    struct dmarc_lookup *lookup_r);

#endif
