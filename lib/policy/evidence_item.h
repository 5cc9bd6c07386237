/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_POLICY_EVIDENCE_ITEM_H
#define ASSAY_POLICY_EVIDENCE_ITEM_H
/*
 * Pieces of the text of evidence, for its reader: names, and items of lists. Pure. Thread: that of the arena. Trusts nothing of the
 * text.
 */
#include "policy/evidence.h"
#include "policy/text_part.h"

struct arena;

/** A name, unescaped, in the arena. @return 0 or -E_SYNTAX. */
int evidence_item_name(struct arena *arena, const struct part *part, const char **name_r);

/**
 * Takes the next item of a list with commas between. What says that there were more, and what finds no room, is a lack.
 * @param count  items that are kept already, of at most max.
 * @return false: there is no more to be kept.
 */
bool evidence_item_take(struct evidence *evidence, enum evidence_lack lack, struct part *list, size_t count, size_t max,
    struct part *item_r);

#endif
