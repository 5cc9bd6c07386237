/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_PIPELINE_SHARED_H
#define ASSAY_PIPELINE_SHARED_H
/*
 * What outlives a configuration: resolver and store, shared by the engines whose settings for them are the same, so that a reload
 * keeps the cache and the writer. Thread: references from any.
 */
#include <stdatomic.h>

#include "action/redact.h"
#include "check/memory.h"
#include "pipeline/brakes.h"
#include "pipeline/pipeline.h"
#include "record/peer.h"
#include "record/store.h"
#include "resolver/shape.h"

/* A resolver and the settings it was made from. */
struct shared_resolver {
	atomic_int references;
	struct dns_resolver *resolver;
	const struct config *config;		/* whose dns section the resolver was made from; a reference */
	unsigned max_sockets;		/* of the process's, that it may have; 0: as many as it likes */
	const struct engine_watch *watch;	/* NULL */
	uint64_t files_stamp;		/* state of the files that it was made from */
};

/**
 * Makes the resolver that the config asks for, or shares the previous one (NULL: there is none).
 * @return NULL with why_r set.
 */
struct shared_resolver *shared_resolver_get(const struct config *config, const struct engine_share *share,
    struct shared_resolver *previous, char *why_r, size_t why_bytes);
void shared_resolver_unref(struct shared_resolver **shared);

/* The shapes of domains (resolver/shape.h). They outlive every reload: none of its settings is in them. */
struct shared_shapes {
	atomic_int references;
	struct shapes *shapes;
};

/** Shares the previous ones, or makes them (NULL: there are none). */
struct shared_shapes *shared_shapes_get(struct shared_shapes *previous);
void shared_shapes_unref(struct shared_shapes **shared);

/* A store and the settings it was opened with. */
struct shared_store {
	atomic_int references;
	struct store *store;
	const struct config *config;		/* a reference */
	struct peer_rules rules;
	struct shared_shapes *shapes;	/* that its database tells; a reference */
	struct brake_memory *brakes;	/* that its database told last */
	struct memory_source source;	/* for the checks; its context is this struct */
	const struct engine_watch *watch;	/* NULL */
	struct redact_key redact_key;	/* of the pseudonyms in failure reports; random, its own */
};

/* What is asked of a store. */
struct store_wish {
	const struct config *config;
	unsigned readers_max;		/* handles for reading; 0: the store's default */
	struct shared_shapes *shapes;	/* where those that the database knows go; NULL: nowhere */
	engine_store_changed *changed;	/* told when the database is lost or found; NULL */
	const struct engine_watch *watch;	/* NULL */
};

/**
 * Opens the store that the config names, or shares the previous one (NULL: there is none).
 * @return 0 with shared_r; -E_ABSENT when the config names none, -E_CONFIG with why_r set when it cannot be opened.
 */
int shared_store_get(const struct store_wish *wish, struct shared_store *previous, struct shared_store **shared_r, char *why_r,
    size_t why_bytes);
void shared_store_unref(struct shared_store **shared);

#endif
