/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * DMARC's DNS tree walk (RFC 9989 section 4.10): policy record and organizational domain of a name. All queries of a walk
 * are begun at once; they are read in order, and a psd tag ends the reading.
 * Thread: that of the message. Trusts the resolver's word on security; a missing answer is never taken for "no record".
 */
#include <string.h>

#include "check/dmarc/dmarc.h"
#include "util/error.h"

enum { CUT_LABELS = 7 };

static size_t label_count(const char *name)
{
	size_t count = 1;

	for (; (name = strchr(name, '.')) != NULL; name++)
		count++;
	return count;
}

/* The suffix with that many labels. */
static const char *suffix(const char *name, size_t labels)
{
	for (size_t count = label_count(name); count > labels; count--)
		name = strchr(name, '.') + 1;
	return name;
}

size_t dmarc_walk_names(const char *domain, const char **names_r)
{
	size_t labels = label_count(domain), count = 0;

	names_r[count++] = domain;
	labels = labels >= DMARC_WALK_MAX ? CUT_LABELS : labels - 1;
	for (; labels > 0; labels--)
		names_r[count++] = suffix(domain, labels);
	return count;
}

void dmarc_lookup_start(struct check_context *context, enum dns_purpose purpose, const char *name)
{
	dns_start(dns_scope_for(context->dns, purpose), arena_concat(context->arena, "_dmarc.", name, ""), DNS_TYPE_TXT);
}

void dmarc_lookup_wait(struct check_context *context, enum dns_purpose purpose, const char *name,
    struct dmarc_lookup *lookup_r)
{
	const struct dns_answer *answer = dns_wait(dns_scope_for(context->dns, purpose),
	    arena_concat(context->arena, "_dmarc.", name, ""), DNS_TYPE_TXT);
	struct dmarc_record *record = arena_alloc(context->arena, sizeof(*record)), parsed;
	size_t found = 0;

	*lookup_r = (struct dmarc_lookup){ .answer = answer };
	if (answer->status == DNS_STATUS_FAIL && answer->security == DNS_BOGUS)
		results_raise(context->results, FINDING_DNSSEC_BOGUS, answer->name, answer->why, DNS_BOGUS);
	if (answer->status != DNS_STATUS_DATA)
		return;
	/* all of them, however many others stand there: an answer has 64 KiB at most */
	for (size_t i = 0; i < answer->rr_count && found < 2; i++) {
		size_t length;
		const char *text = dns_rr_text(&answer->rrs[i], context->arena, &length);
		int status = text != NULL ? dmarc_record_parse(context->arena, text, length, &parsed) : -E_ABSENT;

		if (status == -E_ABSENT)
			continue;
		found++;
		*record = parsed;
		if (status != 0)
			lookup_r->discarded = "the DMARC record is too long";
	}
	lookup_r->too_long = found == 1 && lookup_r->discarded != NULL;
	if (found > 1)
		lookup_r->discarded = "several DMARC records at one name";
	if (found == 1 && lookup_r->discarded == NULL)
		lookup_r->record = record;
}

void dmarc_walk_start(struct check_context *context, enum dns_purpose purpose, const char *domain)
{
	const char *names[DMARC_WALK_MAX];
	size_t count = dmarc_walk_names(domain, names);

	for (size_t i = 0; i < count; i++)
		dmarc_lookup_start(context, purpose, names[i]);
}

/*
 * A name that the suffix list knows has customers below it, who are not one organization, whether the registry has heard of
 * psd=y or not. Its record counts as if it said so: it makes no organization and still has a policy for those below.
 */
static void guard_suffix(const struct check_context *context, const char *name, struct dmarc_lookup *lookup)
{
	struct dmarc_record *record;

	if (lookup->record == NULL || lookup->record->psd == DMARC_PSD_YES || context->shared->psl == NULL ||
	    !psl_is_suffix(context->shared->psl, name))
		return;
	record = arena_alloc(context->arena, sizeof(*record));
	*record = *lookup->record;
	record->psd = DMARC_PSD_YES;
	lookup->record = record;
}

struct walk {
	const char *names[DMARC_WALK_MAX];
	struct dmarc_lookup lookups[DMARC_WALK_MAX];
	size_t count;	/* names read */
};

static void walk_read(struct check_context *context, enum dns_purpose purpose, const char *domain, struct walk *walk,
    struct dmarc_discovery *discovery)
{
	size_t count = dmarc_walk_names(domain, walk->names);

	for (size_t i = 0; i < count; i++) {
		struct dmarc_lookup *lookup = &walk->lookups[i];

		dmarc_lookup_wait(context, purpose, walk->names[i], lookup);
		guard_suffix(context, walk->names[i], lookup);
		walk->count = i + 1;
		discovery->org_security = dns_weakest(discovery->org_security, lookup->answer->security);
		if (discovery->discarded == NULL)
			discovery->discarded = lookup->discarded;
		discovery->too_long = discovery->too_long || lookup->too_long;
		if (lookup->answer->status == DNS_STATUS_FAIL && discovery->failed == NULL)
			discovery->failed = lookup->answer;
		discovery->limited = discovery->limited || lookup->answer->failure == DNS_FAILURE_LIMIT;
		if (lookup->record != NULL && lookup->record->psd != DMARC_PSD_UNKNOWN)
			break;
	}
}

/* The suffix with that many labels; more of them where it is a public suffix itself, of which the one above has not said so. */
static const char *below_suffix(const struct check_context *context, const char *name, size_t labels)
{
	const char *found = suffix(name, labels);

	while (found != name && context->shared->psl != NULL && psl_is_suffix(context->shared->psl, found))
		found = suffix(name, ++labels);
	return found;
}

/* RFC 9989 section 4.10.2; the walk has ended at a psd tag, so only the last record can have one. */
static const char *walk_org_domain(const struct check_context *context, const struct walk *walk)
{
	const struct dmarc_record *record;

	for (size_t i = walk->count; i-- > 0;) {
		record = walk->lookups[i].record;
		if (record != NULL && record->psd == DMARC_PSD_YES && i != 0)
			return below_suffix(context, walk->names[0], label_count(walk->names[i]) + 1);
		if (record != NULL)
			return walk->names[i];
	}
	return walk->names[0];
}

/* RFC 9989 section 4.10.1: the domain's own record, else that of its organizational domain, else that of the public
 * suffix above it. Records between are for other names. */
static void walk_choose_record(const struct walk *walk, struct dmarc_discovery *discovery)
{
	for (size_t i = 0; i < walk->count; i++) {
		const struct dmarc_record *record = walk->lookups[i].record;

		if (record == NULL)
			continue;
		if (i == 0 || strcmp(walk->names[i], discovery->org_domain) == 0 || record->psd == DMARC_PSD_YES) {
			discovery->record = record;
			discovery->policy_domain = walk->names[i];
			discovery->inherited = i != 0;
			return;
		}
	}
}

void dmarc_walk_discover(struct check_context *context, enum dns_purpose purpose, const char *domain,
    struct dmarc_discovery *discovery_r)
{
	struct walk walk = { .count = 0 };

	*discovery_r = (struct dmarc_discovery){ .org_security = DNS_SECURE };
	walk_read(context, purpose, domain, &walk, discovery_r);
	if (discovery_r->failed == NULL)
		discovery_r->org_domain = walk_org_domain(context, &walk);
	if (walk.lookups[0].record == NULL && discovery_r->failed != NULL) {
		/* without the domain's own record all of the walk is needed */
		discovery_r->failure = discovery_r->failed->why;
		discovery_r->policy_security = discovery_r->failed->security;
		return;
	}
	discovery_r->policy_security = walk.lookups[0].record != NULL ?
	    walk.lookups[0].answer->security : discovery_r->org_security;
	walk_choose_record(&walk, discovery_r);
}
