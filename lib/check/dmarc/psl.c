/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The public suffix list, and DMARC discovery by the older rules (RFC 7489 sections 3.2 and 6.6.3) with it: the list instead of
 * the tree walk, at most two queries. Chosen in the config for domains that were deployed under them. What a record says is
 * read and judged by RFC 9989 all the same. The tree walk asks the list, too, but only as a guard (walk.c).
 * Thread: the list is constant once loaded. Without a list nothing is known: a failure, never a guess at alignment.
 */
#include <libpsl.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check/dmarc/dmarc.h"
#include "util/out_of_memory.h"

struct psl_context {
	psl_ctx_t *list;
};

struct psl_context *psl_context_new(const char *path, char *why_r, size_t why_bytes)
{
	struct psl_context *psl;
	psl_ctx_t *list;

	errno = 0;
	list = path != NULL ? psl_load_file(path) : NULL;
	if (list == NULL) {
		snprintf(why_r, why_bytes, "public suffix list %s: %s", path != NULL ? path : "(none)",
		    errno != 0 ? strerror(errno) : "cannot be read");
		return NULL;
	}
	/* any text file loads as some list; a real one knows this suffix by a rule of its own */
	if (psl_is_public_suffix2(list, "co.uk", PSL_TYPE_ICANN | PSL_TYPE_NO_STAR_RULE) != 1) {
		snprintf(why_r, why_bytes, "public suffix list %s: not a public suffix list", path);
		psl_free(list);
		return NULL;
	}
	psl = calloc(1, sizeof(*psl));
	if (psl == NULL)
		out_of_memory();
	psl->list = list;
	return psl;
}

void psl_context_free(struct psl_context **psl)
{
	if (*psl != NULL)
		psl_free((*psl)->list);
	free(*psl);
	*psl = NULL;
}

const char *psl_org_domain(const struct psl_context *psl, struct arena *arena, const char *domain)
{
	const char *registrable = psl_registrable_domain(psl->list, domain);

	return arena_strdup(arena, registrable != NULL ? registrable : domain);
}

bool psl_is_suffix(const struct psl_context *psl, const char *name)
{
	/* not by the rule "*", which makes a suffix of every last label that nobody ever listed */
	return psl_is_public_suffix2(psl->list, name, PSL_TYPE_ANY | PSL_TYPE_NO_STAR_RULE) == 1;
}

void dmarc_psl_start(struct check_context *context, enum dns_purpose purpose, const char *domain)
{
	dmarc_lookup_start(context, purpose, domain);
	if (context->shared->psl != NULL)
		dmarc_lookup_start(context, purpose, psl_org_domain(context->shared->psl, context->arena, domain));
}

void dmarc_psl_discover(struct check_context *context, enum dns_purpose purpose, const char *domain,
    struct dmarc_discovery *discovery_r)
{
	struct dmarc_lookup lookup;

	/* the list is ours, not from DNS: it does not weaken anything */
	*discovery_r = (struct dmarc_discovery){ .org_security = DNS_SECURE, .policy_domain = domain };
	if (context->shared->psl == NULL) {
		discovery_r->failure = "no public suffix list: the organizational domain cannot be found";
		discovery_r->policy_security = DNS_INDETERMINATE;
		return;
	}
	discovery_r->org_domain = psl_org_domain(context->shared->psl, context->arena, domain);
	dmarc_lookup_wait(context, purpose, domain, &lookup);
	discovery_r->policy_security = lookup.answer->security;
	if (lookup.answer->status != DNS_STATUS_FAIL && lookup.record == NULL && lookup.discarded == NULL &&
	    strcmp(domain, discovery_r->org_domain) != 0) {
		discovery_r->policy_domain = discovery_r->org_domain;
		discovery_r->inherited = true;
		dmarc_lookup_wait(context, purpose, discovery_r->org_domain, &lookup);
		discovery_r->policy_security = dns_weakest(discovery_r->policy_security, lookup.answer->security);
	}
	if (lookup.answer->status == DNS_STATUS_FAIL) {
		discovery_r->failed = lookup.answer;
		discovery_r->limited = lookup.answer->failure == DNS_FAILURE_LIMIT;
		discovery_r->failure = lookup.answer->why;
	}
	discovery_r->record = lookup.record;
	discovery_r->discarded = lookup.discarded;
	discovery_r->too_long = lookup.too_long;
}
