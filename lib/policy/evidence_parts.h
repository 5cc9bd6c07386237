/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_POLICY_EVIDENCE_PARTS_H
#define ASSAY_POLICY_EVIDENCE_PARTS_H
/* Parts of the text of evidence, for those who read it. Pure. Thread: that of the arena. */
#include "policy/evidence.h"

/* A part of the text: not terminated. */
struct part { const char *at; size_t length; };

/** Takes what stands before the separator, which goes too. @return false: there is nothing left. */
bool part_take(struct part *rest, char separator, struct part *part_r);

bool part_is(const struct part *part, const char *text);

/** Takes a mark off the end. @return whether it was there. */
bool part_ends(struct part *part, char mark);

/** A name, unescaped, in the arena. @return 0 or -E_SYNTAX. */
int part_name(struct arena *arena, const struct part *part, const char **name_r);

/** Field o. What cannot be kept is a lack. @return 0 or -E_SYNTAX. */
int evidence_read_waivable(struct arena *arena, struct part value, struct evidence *evidence);

#endif
