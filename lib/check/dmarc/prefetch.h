/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_CHECK_DMARC_PREFETCH_H
#define ASSAY_CHECK_DMARC_PREFETCH_H
#include "check/check.h"

/** Begins what DMARC will probably ask for: the walks of the author domains and of the identifiers that may be aligned. */
void dmarc_prefetch(struct check_context *context);

/** The d= of a signature field (DKIM-Signature, ARC-Seal), unverified: for guesses only. @return NULL when there is none. */
const char *dmarc_signature_domain(struct arena *arena, const struct header_field *field);

#endif
