/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Check of the author field and of the message's form: turns what author_parse() and the facts say into findings.
 * No look-ups, no result of its own. Thread: that of the message. Cannot fail.
 */
#include "check/check.h"

static void author_judge(struct check_context *context)
{
	const struct author *author = context->author;
	const struct facts *facts = context->facts;
	struct results *results = context->results;
	const char *domain = author->domain_count != 0 ? author->domains[0] : NULL;

	/* what the message says of itself needs no DNS: nothing insecure is in it */
	if (author->status == AUTHOR_MISSING)
		results_raise(results, FINDING_FROM_MISSING, NULL, author->reason, DNS_SECURE);
	if (author->status == AUTHOR_INVALID)
		results_raise(results, FINDING_FROM_INVALID, domain, author->reason, DNS_SECURE);
	if (author->field_count > 1 || author->domain_count > 1)
		results_raise(results, FINDING_FROM_MULTIPLE, domain,
		    author->field_count > 1 ? "several From fields" : "several author domains", DNS_SECURE);
	if (author->domains_truncated)
		results_raise(results, FINDING_FROM_TOO_MANY, NULL, "more author domains than are judged", DNS_SECURE);
	if (facts->malformed)
		results_raise(results, FINDING_MESSAGE_MALFORMED, NULL, "NUL bytes, over-long lines or broken field names",
		    DNS_SECURE);
	if (facts->fields_truncated)
		results_raise(results, FINDING_LIMIT_EXCEEDED, NULL, "more header fields or bytes than are kept", DNS_SECURE);
	else if (author->domains_truncated)
		results_raise(results, FINDING_LIMIT_EXCEEDED, NULL, "more author domains than are judged", DNS_SECURE);
	else if (facts->address_cut)
		results_raise(results, FINDING_LIMIT_EXCEEDED, NULL, "an address of the envelope is longer than what is kept", DNS_SECURE);
}

const struct check check_author = {
	.id = CHECK_AUTHOR, .stage = FINDING_STAGE_MESSAGE, .judge = author_judge,
};
