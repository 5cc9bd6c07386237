/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_POLICY_TEXT_PART_H
#define ASSAY_POLICY_TEXT_PART_H
/* Parts of a text that is read from the front; nothing is copied. Pure. Thread: any. Trusts nothing of the text. */
#include <stdbool.h>
#include <stddef.h>

/* Not terminated. */
struct part { const char *at; size_t length; };

/** Takes what stands before the separator, which goes too. @return false: there is nothing left. */
bool part_take(struct part *rest, char separator, struct part *part_r);

bool part_is(const struct part *part, const char *text);

/** Takes a mark off the end. @return false: it is not there. */
bool part_ends(struct part *part, char mark);

#endif
