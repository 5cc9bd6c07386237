/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_CHECK_DMARC_RECORD_H
#define ASSAY_CHECK_DMARC_RECORD_H
/* A DMARC policy record (RFC 9989 sections 4.7 and 4.8). Pure. Thread: that of the arena. */
#include <stdbool.h>
#include <stddef.h>

#include "check/result.h"
#include "util/arena.h"

enum dmarc_psd { DMARC_PSD_UNKNOWN, DMARC_PSD_YES, DMARC_PSD_NO };

/* fo (RFC 9989 section 4.7). */
enum dmarc_failure_option {
	DMARC_FAILURE_ALL = 1 << 0,	/* 0: nothing gave an aligned pass; the default */
	DMARC_FAILURE_ANY = 1 << 1,	/* 1: something did not */
	DMARC_FAILURE_DKIM = 1 << 2,	/* d: a signature failed, aligned or not */
	DMARC_FAILURE_SPF = 1 << 3,	/* s: SPF failed, aligned or not */
};

/* A policy tag: absent, one of the three words, or something else. */
struct dmarc_policy_tag {
	bool present, valid;
	enum dmarc_policy policy;
};

struct dmarc_record {
	struct dmarc_policy_tag p, sp, np;
	enum dmarc_psd psd;
	bool testing;			/* t=y */
	bool strict_dkim, strict_spf;	/* adkim=s, aspf=s */
	const char *rua;		/* as written, printable ASCII; NULL when absent */
	const char *ruf;		/* likewise, for failure reports */
	bool rua_valid;			/* at least one reporting URI in it is one */
	unsigned failure_options;	/* fo: which failures are to be reported, a set of enum dmarc_failure_option; never empty */
	const char *repeated;		/* a known tag that stands there again, of which the first value counts; NULL. Static */
};

/**
 * Parses the text of one TXT record.
 * @return 0; -E_ABSENT when it is no DMARC record (does not begin with v=DMARC1) and must be ignored; -E_LIMIT when
 *         it is over 16 KiB or 100 tags: such a record counts for nothing.
 */
int dmarc_record_parse(struct arena *arena, const char *text, size_t length, struct dmarc_record *record_r);

#endif
