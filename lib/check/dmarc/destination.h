/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_CHECK_DMARC_DESTINATION_H
#define ASSAY_CHECK_DMARC_DESTINATION_H
/*
 * Whether reports about a domain may be mailed where its DMARC record says. An address of another organization has to agree in its own
 * DNS (RFC 9990 section 4, RFC 9991 section 5), or anybody could aim the reports of the whole world at a victim.
 * Thread: that of the context's scope; waits for DNS up to its deadline.
 */
#include "check/check.h"
#include "check/dmarc/uri.h"

enum dmarc_report_kind { DMARC_REPORT_AGGREGATE, DMARC_REPORT_FAILURE };

/* Only GIVEN allows to send. UNKNOWN: a DNS answer is missing or bogus; ask again later. */
enum dmarc_consent { DMARC_CONSENT_REFUSED, DMARC_CONSENT_GIVEN, DMARC_CONSENT_UNKNOWN };

struct dmarc_destination {
	enum dmarc_consent consent;
	bool external;			/* the address belongs to another organization than the policy domain */
	struct dmarc_uris uris;		/* GIVEN: where to mail to, one address or more: the one asked about, or those in its place */
	const char *why;		/* one sentence for the admin; in the arena or static, never NULL */
};

/**
 * Asks whether reports may go to an address.
 * @param context  its config, shared (with the suffix list), dns, arena and results are used; results may get dnssec-bogus raised.
 * @param policy_domain  where the record stood; normal form.
 */
void dmarc_destination_ask(struct check_context *context, enum dmarc_report_kind kind, const char *policy_domain,
    const struct dmarc_address *address, struct dmarc_destination *destination_r);

#endif
