/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_CHECK_DMARC_CORROBORATE_H
#define ASSAY_CHECK_DMARC_CORROBORATE_H
#include "check/check.h"

/**
 * RFC 9989 section 7.4: nobody should reject for p=reject alone. Other evidence agrees when SPF fails hard as well and
 * nothing in the message speaks for a mailing list or a forwarder.
 * @param result  of one author domain. Pure. Thread: that of the message.
 */
bool dmarc_reject_corroborated(const struct check_context *context, const struct dmarc_result *result);

#endif
