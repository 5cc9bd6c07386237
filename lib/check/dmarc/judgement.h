/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_CHECK_DMARC_JUDGEMENT_H
#define ASSAY_CHECK_DMARC_JUDGEMENT_H
/* One author domain on its way from the record (dmarc.c) through alignment (align.c). Inside the DMARC check only. */
#include "check/dmarc/dmarc.h"

/* One author domain under judgement. */
struct judgement {
	struct check_context *context;
	struct dmarc_discovery discovery;
	struct dmarc_result result;
	const char *unknown;		/* why DMARC is temperror instead of fail unless something passes; NULL: nothing is in doubt */
	enum dns_security passed;	/* the best evidence of an aligned pass */
	enum dns_security failed;	/* the weakest evidence of aligned identifiers that did not pass */
};

/**
 * Weighs SPF and every signature against the author domain: fills result.spf_aligned and .dkim_aligned, unknown, passed, failed.
 * May wait for the identifiers' own discoveries.
 */
void dmarc_weigh_identifiers(struct judgement *judgement);

#endif
