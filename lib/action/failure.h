/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_ACTION_FAILURE_H
#define ASSAY_ACTION_FAILURE_H
/*
 * Which failure reports a judged message calls for (RFC 9989 section 4.7, RFC 9991), and what they say of it: everything but who
 * sends it and to whom. Pure: facts, results and decision in, text out. Thread: the message's.
 */
#include "action/action.h"
#include "action/redact.h"

/* Of what failure a report is; the Auth-Failure field. */
enum failure_kind {
	FAILURE_DMARC,	/* "dmarc" (RFC 9991 section 4) */
	FAILURE_DKIM,	/* "signature", "bodyhash" or "revoked" (RFC 6591): fo=d */
	FAILURE_SPF,	/* "spf": fo=s */
	FAILURE_KINDS
};

/**
 * @return a bit, 1 << kind, for each report that the policy domain asks for. 0 where it asks for none, where the outcome is not known,
 * and for what may be an answer to a report, or one itself (null sender, Auto-Submitted, multipart/report): no report leads to another.
 * Where a report about DMARC is due it is the only one: it says what the others would.
 */
unsigned failure_due(const struct facts *facts, const struct author *author, const struct results *results);

struct failure_text {
	const char *alike;	/* messages for which it is the same failed in the same way: one report will do for them */
	const char *fields;	/* of the message/feedback-report: "Name: value\n" each, folds as "\n\t"; no Incidents */
	const char *header;	/* redacted: redact_header() */
};

/**
 * @param spf_record  the SPF record that was judged, any octets; NULL: not known, or there was none.
 * @param text_r  all in the message's arena; printable ASCII.
 */
void failure_write(const struct action_input *input, enum failure_kind kind, const struct redact_key *key, const char *spf_record,
    struct failure_text *text_r);

#endif
