/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_POLICY_REPLY_H
#define ASSAY_POLICY_REPLY_H
/* The SMTP reply of a decision: codes from the findings table, text with the domain that failed. Pure. Thread: any. */
#include "policy/policy.h"

enum { REPLY_TEXT_MAX = 400 };

/* How the text of a greylisted message ends, before the help: whoever knows how long it takes replaces the last word. */
#define REPLY_TRY_AGAIN "; greylisted, try again "

/**
 * Fills code, enhanced and text of a decision whose action, finding and domain are set.
 * @param asking  all findings that ask for the decided action (RFC 7372: several failed checks have a code of their own).
 */
void reply_fill(const struct config *config, const struct results *results, const finding_set *asking, struct arena *arena,
    struct decision *decision);

#endif
