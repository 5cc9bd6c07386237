/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_POLICY_EVIDENCE_WAIVABLE_H
#define ASSAY_POLICY_EVIDENCE_WAIVABLE_H
/* Field o of the text of evidence, for its reader. Pure. Thread: that of the arena. Trusts nothing of the text. */
#include "policy/evidence.h"
#include "policy/text_part.h"

/** What cannot be kept is a lack. @return 0 or -E_SYNTAX. */
int evidence_read_waivable(struct arena *arena, struct part value, struct evidence *evidence);

#endif
