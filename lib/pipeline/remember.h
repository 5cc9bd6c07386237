/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_PIPELINE_REMEMBER_H
#define ASSAY_PIPELINE_REMEMBER_H
/* Where the road meets the store: greylisting as the last step of a decision (greylist.c), and what is noted of a judged message
 * (flow.c, feedback.c). Thread: any; the store is shared by all. */
#include "pipeline/shared.h"

/**
 * Greylist: lets a decision of that action pass (none) when an earlier try or the results allow it.
 * @return how many seconds the client has to wait, for the reply; 0: nobody knows, or it need not.
 */
unsigned remember_greylist(struct shared_store *shared, struct message *message, struct decision *decision);

/** Notes the message as a flow, and its session, once, with its peer. @param evidence  that the decision stands on. */
void remember_message(struct shared_store *shared, struct message *message, const struct decision *decision,
    const struct evidence *evidence);

/** Notes the message for the aggregate reports of its author domains, where they want any (feedback.c). */
void remember_feedback(struct shared_store *shared, struct message *message, const struct decision *decision);

/** Notes a message all of whose recipients were refused at RCPT as a flow. */
void remember_refused(struct shared_store *shared, struct message *message);

/** Notes the failure reports that a judged message calls for, if the configuration wants any (failure.c). Before the message's DNS goes. */
void remember_failure(struct shared_store *shared, struct message *message);

/** Notes the shape of a domain (resolver/shape.h) for the next start. shared NULL: does nothing. */
void remember_shape(struct shared_store *shared, const char *key, const char *text, int64_t time_secs);

#endif
