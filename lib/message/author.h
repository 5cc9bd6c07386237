/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_MESSAGE_AUTHOR_H
#define ASSAY_MESSAGE_AUTHOR_H
/*
 * The author domain(s): domains of the addresses in the From field(s) (RFC 5322 section 3.4, obsolete forms too; groups,
 * comments, quoted strings and pairs, domain literals; EAI (RFC 6532) with U-labels converted to A-labels).
 * Hostile input: never guesses. What cannot be parsed is AUTHOR_INVALID, and no policy takes that for "nothing to check".
 */
#include "message/facts.h"
#include "util/words.h"

enum author_status {
	AUTHOR_OK,		/* exactly one From field, exactly one distinct domain */
	AUTHOR_MULTIPLE,	/* several From fields or several distinct domains: each is listed */
	AUTHOR_MISSING,		/* no From field (the sender's domain is listed), or one without any address (empty group) */
	AUTHOR_INVALID,		/* a From field that does not parse, or was not read to its end; domains that could be read are listed */
};
extern const struct word author_status_words[];	/* "ok" "multiple" "missing" "invalid" */

enum { AUTHOR_MAX_DOMAINS = 10 };

struct author {
	enum author_status status;
	const char *domains[AUTHOR_MAX_DOMAINS];	/* distinct, A-labels, lower case, no trailing dot */
	size_t domain_count;
	bool domains_truncated;		/* there were more: AUTHOR_INVALID */
	size_t field_count;		/* From fields seen, "From :" and its like included: facts_name_reads_as() */
	const char *address;		/* first address as local@domain, for the log; NULL when none */
	const char *reason;		/* why it is not AUTHOR_OK; NULL when it is */
};

/** Reads the From fields of the message. Everything in author_r lives in the message's arena. Thread: the message's. */
void author_parse(const struct facts *facts, struct author *author_r);

#endif
