/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * See destination.h. Trusts nothing of DNS but that who answers for a host may speak for its mailboxes. What is not known is never
 * consent. Where the RFC leaves open what several consenting records mean that name different addresses, all of them are taken, and
 * one address at another host spoils the lot, as the RFC says of one record.
 */
#include "check/dmarc/destination.h"

#include <string.h>

#include "check/dmarc/dmarc.h"
#include "util/error.h"

static void refuse(struct dmarc_destination *destination, const char *why)
{
	destination->consent = DMARC_CONSENT_REFUSED;
	destination->uris.count = 0;
	destination->why = why;
}

static void set_address(struct dmarc_destination *destination, const struct dmarc_address *address)
{
	destination->consent = DMARC_CONSENT_GIVEN;
	destination->uris = (struct dmarc_uris){ .addresses = { *address }, .count = 1 };
}

/* Joins the addresses of a list that replaces the one asked about. @return false when one is at another host. */
static bool add_override(struct arena *arena, const char *list, const char *host, struct dmarc_uris *uris)
{
	struct dmarc_uris found;

	dmarc_uri_list_read(arena, list, &found);
	for (size_t i = 0; i < found.count; i++) {
		if (strcmp(found.addresses[i].host, host) != 0)
			return false;
		dmarc_uris_add(uris, &found.addresses[i]);
	}
	return true;
}

/* The records that consent. @return how many; overrides_r: of them those that name addresses. */
static size_t read_records(struct arena *arena, enum dmarc_report_kind kind, const struct dns_answer *answer,
    const struct dmarc_address *address, struct dmarc_uris *uris_r, size_t *overrides_r, bool *elsewhere_r)
{
	size_t consenting = 0;

	for (size_t i = 0; i < answer->rr_count; i++) {
		struct dmarc_record record;
		size_t length;
		const char *text = dns_rr_text(&answer->rrs[i], arena, &length), *list;

		if (text == NULL || dmarc_record_parse(arena, text, length, &record) != 0)
			continue;
		consenting++;
		list = kind == DMARC_REPORT_AGGREGATE ? record.rua : record.ruf;
		if (list == NULL)
			continue;
		++*overrides_r;
		if (!add_override(arena, list, address->host, uris_r))
			*elsewhere_r = true;
	}
	return consenting;
}

/* What the answer to the TXT question says. Pure. */
static void read_answer(struct arena *arena, enum dmarc_report_kind kind, const struct dns_answer *answer,
    const struct dmarc_address *address, struct dmarc_destination *destination_r)
{
	struct dmarc_uris uris = { 0 };
	size_t overrides = 0;
	bool elsewhere = false;

	*destination_r = (struct dmarc_destination){ .external = true };
	if (answer->status == DNS_STATUS_FAIL) {
		destination_r->consent = DMARC_CONSENT_UNKNOWN;
		destination_r->why = arena_printf(arena, "whether %s takes such reports is not known now: %s", address->host, answer->why);
		return;
	}
	if (answer->status != DNS_STATUS_DATA ||
	    read_records(arena, kind, answer, address, &uris, &overrides, &elsewhere) == 0) {
		refuse(destination_r, arena_printf(arena, "%s does not say in its DNS that it takes reports about this domain", address->host));
	} else if (elsewhere) {
		refuse(destination_r, arena_printf(arena, "%s sends its reports on to another host, which is not allowed", address->host));
	} else if (overrides != 0 && uris.count == 0) {
		refuse(destination_r, arena_printf(arena, "%s names no address instead to which a report could be mailed", address->host));
	} else {
		set_address(destination_r, address);
		if (overrides != 0)
			destination_r->uris = uris;
		destination_r->why = arena_printf(arena, "%s takes reports about this domain", address->host);
	}
}

/* Whose names they are. @return 0, or -E_DNS when an answer is missing that could decide it. */
static int compare_organizations(struct check_context *context, const char *policy_domain, const char *host, bool *same_r)
{
	struct dmarc_discovery ours, theirs;

	*same_r = strcmp(policy_domain, host) == 0;
	if (*same_r)
		return 0;
	dmarc_discovery_start(context, DNS_FOR_AUTHOR, policy_domain);
	dmarc_discovery_start(context, DNS_FOR_AUTHOR, host);
	dmarc_discover(context, DNS_FOR_AUTHOR, policy_domain, &ours);
	dmarc_discover(context, DNS_FOR_AUTHOR, host, &theirs);
	if (ours.org_domain == NULL || theirs.org_domain == NULL)
		return -E_DNS;
	*same_r = strcmp(ours.org_domain, theirs.org_domain) == 0;
	return 0;
}

void dmarc_destination_ask(struct check_context *context, enum dmarc_report_kind kind, const char *policy_domain,
    const struct dmarc_address *address, struct dmarc_destination *destination_r)
{
	struct dns_scope *scope = dns_scope_for(context->dns, DNS_FOR_AUTHOR);
	bool same;

	*destination_r = (struct dmarc_destination){ .consent = DMARC_CONSENT_UNKNOWN };
	if (compare_organizations(context, policy_domain, address->host, &same) != 0) {
		destination_r->why = arena_printf(context->arena, "whether %s and %s are one organization is not known now", policy_domain,
		    address->host);
		return;
	}
	if (same) {
		set_address(destination_r, address);
		destination_r->why = "the address is the domain's own";
		return;
	}
	/* a name that is too long for DNS is answered as one that does not exist: no consent */
	read_answer(context->arena, kind, dns_wait(scope, arena_printf(context->arena, "%s._report._dmarc.%s",
	    policy_domain, address->host), DNS_TYPE_TXT), address, destination_r);
}
