/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_ACTION_OVERRIDDEN_H
#define ASSAY_ACTION_OVERRIDDEN_H
/* What header, log line and reply tell of overrides of a DMARC failure, and of what speaks against it. Pure. Thread: the message's. */
#include "action/action.h"
#include "check/dmarc/feedback.h"

/** @return whether overrides hold, and the policy that decided honours none of them. */
bool overridden_is_ignored(const struct action_input *input);

/** @return the names of the overrides that hold for the message's strictest author, with commas between; NULL: there is none. */
const char *overridden_names(const struct action_input *input);

/** @return what agrees with that author's p=reject, where that counts: "iprev-fail of 192.0.2.1"; NULL. */
const char *overridden_agrees(const struct action_input *input);

/** For the A-R comment: which override holds or may hold, and whether that counts; NULL: none. */
const char *overridden_comment(const struct action_input *input);

/** @return the word of DMARC's reports for why mail is let in by an override of that kind (RFC 9990 section 3.1.6). */
enum feedback_reason overridden_reason(enum override_kind kind);

#endif
