/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_CHECK_DMARC_FEEDBACK_H
#define ASSAY_CHECK_DMARC_FEEDBACK_H
/*
 * What an aggregate report tells (RFC 9990 section 3.1.1): the policy as it was published, and a row of messages that are alike. Both
 * as values, and as the text under which the record counts them: the same values give the same text. Pure. Thread: that of the arena.
 */
#include "check/dmarc/record.h"
#include "check/result.h"
#include "util/arena.h"

enum {
	FEEDBACK_SIGNATURES_MAX = 100,		/* of a row (RFC 9990 section 3.1.3) */
	FEEDBACK_SIGNATURES_BYTES = 1024,	/* of their text; those that matter most come first, and one always has room */
	FEEDBACK_WORD_MAX = 255,		/* characters of a name from outside */
	FEEDBACK_COMMENT_MAX = 200
};

enum feedback_disposition { FEEDBACK_NONE, FEEDBACK_PASS, FEEDBACK_QUARANTINE, FEEDBACK_REJECT };
extern const struct word feedback_disposition_words[];

/* Why the disposition is not what was published. */
enum feedback_reason {
	FEEDBACK_NO_REASON, FEEDBACK_LOCAL_POLICY, FEEDBACK_MAILING_LIST, FEEDBACK_OTHER, FEEDBACK_POLICY_TEST_MODE,
	FEEDBACK_TRUSTED_FORWARDER
};
extern const struct word feedback_reason_words[];	/* "-" "local_policy" … */

/* What is wrong with the record, for <error>. */
enum feedback_fault { FEEDBACK_SOUND, FEEDBACK_BAD_POLICY, FEEDBACK_REPEATED_TAG };

/* Found or default values. */
struct feedback_policy {
	enum dmarc_policy p, sp, np;
	bool strict_dkim, strict_spf, testing;
	bool psl;		/* found by the public suffix list, not by the tree walk */
	enum feedback_fault fault;
	const char *fo;
};

struct feedback_signature {
	const char *domain, *selector;
	enum result result;
};

struct feedback_row {
	const char *source_ip, *header_from;
	const char *envelope_from;	/* "": the null sender; NULL: not known */
	enum feedback_disposition disposition;
	bool dkim_aligned, spf_aligned;
	const char *spf_domain;		/* NULL: SPF looked at none */
	enum result spf;
	enum feedback_reason reason;
	const char *comment;		/* "": none */
	const struct feedback_signature *signatures;
	size_t signature_count;
};

/** The published policy of a record. */
struct feedback_policy feedback_policy_of(const struct dmarc_record *record, bool psl, struct arena *arena);

/** As text, one line. What is not printable ASCII or a blank in what came from outside is "?" then. */
const char *feedback_policy_write(struct arena *arena, const struct feedback_policy *policy);
const char *feedback_row_write(struct arena *arena, const struct feedback_row *row);

/** And back. @return 0, or -E_SYNTAX for what no such function has written. */
int feedback_policy_read(struct arena *arena, const char *text, struct feedback_policy *policy_r);
int feedback_row_read(struct arena *arena, const char *text, struct feedback_row *row_r);

#endif
