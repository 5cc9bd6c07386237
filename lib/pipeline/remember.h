/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_PIPELINE_REMEMBER_H
#define ASSAY_PIPELINE_REMEMBER_H
/*
 * Where the road meets the store: the past as the checks may ask for it, greylisting as the last step of a decision, and
 * what is noted of a judged message. Thread: any; the store is shared by all.
 */
#include <stdatomic.h>

#include "check/memory.h"
#include "pipeline/pipeline.h"
#include "record/greylist.h"
#include "record/peer.h"
#include "record/store.h"

/* A store and the settings it was opened with; shared by engines whose settings are the same. */
struct shared_store {
	atomic_int references;
	struct store *store;
	struct config *config;		/* a reference */
	struct peer_rules rules;
	struct memory_source source;	/* for the checks; its context is this struct */
};

/**
 * Opens the store that the config names, or shares the previous one.
 * @return NULL when the config names none (why_r empty) or it cannot be opened (why_r set).
 */
struct shared_store *shared_store_get(struct config *config, struct shared_store *previous, engine_store_changed *changed,
    char *why_r, size_t why_bytes);
void shared_store_unref(struct shared_store **shared);

/**
 * Greylist: lets a decision of that action pass (none) when an earlier try or the results allow it.
 * @return how many seconds the client has to wait, for the reply; 0: nobody knows, or it need not.
 */
unsigned remember_greylist(struct shared_store *shared, struct message *message, struct decision *decision);

/** Notes the message as a flow, and its session, once, with its peer. @param evidence  that the decision stands on. */
void remember_message(struct shared_store *shared, struct message *message, const struct decision *decision,
    const struct evidence *evidence);

/** The same of a message all of whose recipients were refused at RCPT. */
void remember_refused(struct shared_store *shared, struct message *message);

#endif
