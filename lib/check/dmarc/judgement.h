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

/**
 * @param identifier  A-labels, lower case. @param security_r  of the DNS answers that the alignment stands on.
 * @return whether it is known to be aligned with the author domain. May wait for the identifier's own discovery.
 */
bool dmarc_is_aligned(struct judgement *judgement, const char *identifier, bool strict, enum dns_security *security_r);

/** Which overrides hold for the author domain, or may hold? For a failure only: fills result.overrides and what follows from them. */
void dmarc_find_overrides(struct judgement *judgement);

/**
 * Does a trusted sealer of the message's ARC chain vouch for the author domain?
 * @return whether he does, or may (override_r->unknown).
 */
bool dmarc_sealer_override(struct judgement *judgement, struct dmarc_override *override_r);

/**
 * Does what a section `override` asks for hold of the message and this author domain?
 * @return whether it does, or may (override_r->unknown).
 */
bool dmarc_section_override(const struct check_context *context, const struct override_config *section, const char *author,
    struct dmarc_override *override_r);

/**
 * @return whether what this set's sealer wrote about the message counts, when those domains are trusted: his seal is verified, and
 *         everybody who could have changed the message since is trusted, too.
 */
bool dmarc_seal_counts(const struct arc_result *arc, const struct domain_set *trusted, size_t index);

#endif
