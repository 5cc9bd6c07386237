/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_RESOLVER_SCOPE_H
#define ASSAY_RESOLVER_SCOPE_H
/*
 * What scope.c (life, starting, waiting) and question.c (one question and its chain) share. Order of locks: scope, then
 * cache shard, then transport. The scope's mutex is never held while waiting, validating or calling a continuation.
 */
#include <pthread.h>
#include <stdatomic.h>

#include "resolver/internal.h"

enum { QUESTION_BUCKETS = 32 };

struct question {
	struct question *next;		/* in its bucket */
	struct question *made_before;	/* the one that the scope made before this one: a list of all */
	struct cache_entry *links[ANSWER_CHAIN_LINKS + 1];	/* the chain, one entry a message */
	unsigned entry_count, link_count;
	enum dns_purpose purpose;	/* whose share it is charged to */
	bool from_cache;
	bool guessed;			/* begun by dns_guess(); purpose is DNS_FOR_GUESS until somebody opens it */
	bool known;			/* dns_guess() named it */
	unsigned opened, awaited;	/* see struct dns_asked */
	bool followed;			/* a continuation goes along the chain as it comes */
	bool limited;			/* not asked, or not to the end, because its purpose's share was used up */
	const char *broken;		/* the chain cannot be followed: why */
	const struct dns_answer *answer;	/* final, judged */
};

/* A view of a scope: what callers hold. */
struct dns_scope {
	struct scope_core *core;
	enum dns_purpose purpose;
};

/* A question of the validator that was begun early. */
struct early {
	struct early *next;
	struct cache_entry *entry;
};

struct scope_core {
	struct dns_resolver *resolver;
	_Atomic unsigned refs;		/* the owner's, and one per continuation that is to come */
	_Atomic int64_t deadline_ms;	/* monotonic; 0: none */
	_Atomic unsigned failures;	/* see dns_scope_failures() */
	_Atomic uint64_t waited_us;	/* see dns_scope_waited_us() */
	struct account *account;
	struct dns_scope views[DNS_PURPOSE_COUNT];
	pthread_mutex_t lock;		/* guards what follows */
	pthread_cond_t idle;
	unsigned running;		/* continuations being run */
	bool closed;
	struct arena *arena;
	struct question *buckets[QUESTION_BUCKETS];
	struct question *last_made;
	struct early *early;
};

/* ---- question.c; the scope's lock is held, unless said otherwise ---- */

/**
 * The question, or the answer that stands in its place: not a name, no type of records, or over a limit.
 * @return NULL with *instead_r set, or the question.
 */
struct question *question_open(struct dns_scope *scope, const char *name, uint16_t type, const struct dns_answer **instead_r);

/** The same of a name that was read before. @param type  one of records. @return NULL: over a limit. */
struct question *question_open_name(struct dns_scope *scope, const struct dns_name *name, uint16_t type);

/** Goes along the chain as far as it is known. @return the entry to wait for, NULL when the chain is at its end. */
struct cache_entry *question_advance(struct scope_core *core, struct question *question);

/** The answer of a chain that is at its end: data from the last link, the worst of the others. */
struct dns_answer *question_compose(struct scope_core *core, const struct question *question, bool judged);

/** An answer made by us, because nothing was asked. */
const struct dns_answer *answer_without_message(struct scope_core *core, const char *name, uint16_t type,
    enum dns_failure failure, const char *why);

/** Opens the question and has its chain followed, as dns_start() does; name and type as above. @return NULL: not asked. */
struct question *question_start(struct dns_scope *scope, const struct dns_name *name, uint16_t type);

/** Lets everything go that the scope has asked; queries that nobody else waits for end. */
void questions_leave(struct scope_core *core);

/** @return whether the type is one of queries, not of records: OPT, ANY and their like. Without the lock. */
bool is_meta_type(uint16_t type);

#endif
