/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_RESOLVER_CACHE_H
#define ASSAY_RESOLVER_CACHE_H
/*
 * The cache: a table of questions, sharded. An entry is made when a question is first asked (PENDING: one query on its
 * way, however many wait), gets its answer once, is judged once, and is dropped when its time is over or the bytes are
 * needed. Entries are counted references: one of the table, one of each scope, query or judgement that uses them. Those
 * who wait for the answer are counted too: when the last leaves a PENDING entry, its query ends with it.
 *
 *   PENDING ──cache_complete()──▶ RAW ──cache_judge_begin()──▶ JUDGING ──cache_judge_end()──▶ JUDGED
 *
 * Thread: any. Everything that changes in an entry is guarded by its shard's mutex. The state is changed under it, after all else
 * that a state brings, and may be read without: who has seen one beyond PENDING may read answer, which is immutable then.
 */
#include <pthread.h>

#include "dns/answer.h"
#include "dnssec/validator.h"

enum entry_state { ENTRY_PENDING, ENTRY_RAW, ENTRY_JUDGING, ENTRY_JUDGED };

/* Somebody to be told when an entry is complete; memory of the subscriber. */
struct subscriber {
	struct subscriber *next;
	void (*notify)(struct subscriber *subscriber);	/* on the completing thread, without any lock */
};

struct cache_shard;

struct cache_entry {
	/* immutable */
	struct cache_shard *shard;
	uint64_t hash;
	uint16_t type;
	uint8_t depth;			/* how many CNAMEs, each asked in a message of its own, led to this question: bounds such chains */
	struct dns_name *name;		/* behind the entry; only its length's bytes exist */
	/* under the shard's mutex */
	struct cache_entry *next;	/* in its bucket */
	struct cache_entry *newer, *older;	/* completed entries by last use */
	struct subscriber *subscribers;
	unsigned askers;		/* how many scopes and judgements asked for it and have not left */
	unsigned own_askers;		/* how many of these belong to the account that asked first (maker) */
	const void *maker;		/* the account that asked first; only compared, never dereferenced; the query holds it while PENDING */
	pthread_cond_t changed;
	_Atomic enum entry_state state;
	bool in_table;
	enum dns_security security;	/* when JUDGED */
	bool withheld, nonexistent;	/* when JUDGED: see struct validator_verdict */
	char *why;			/* when JUDGED; owned, or NULL: as in the answer */
	struct answer *answer;		/* set once on leaving PENDING */
	int64_t expires_ms;		/* monotonic; when complete */
	size_t bytes;
	/* atomic */
	_Atomic unsigned refs;
	/* the maker's, before anybody else can have left; read by the I/O thread while PENDING */
	struct query *_Atomic query;
};

struct cache;

struct cache *cache_new(size_t bytes);
void cache_free(struct cache **cache);

/**
 * The entry of a question, alive and not expired, made when there is none and the caller may.
 * @param who    on whose account: the same who made it, or somebody else.
 * @param new_r  set to whether it was made now: then the caller must see to it that it gets completed.
 * @return with a reference for the caller, who counts as an asker until cache_leave(); NULL when there is none.
 */
struct cache_entry *cache_acquire(struct cache *cache, const struct dns_name *name, uint16_t type, unsigned depth,
    const void *who, bool may_make, bool *new_r);
void cache_retain(struct cache_entry *entry);
void cache_release(struct cache_entry **entry);

/** An asker goes; its reference stays. @return whether the entry is PENDING and nobody waits for it any more. */
bool cache_leave(struct cache_entry *entry, const void *who);

/**
 * Takes a PENDING entry out of the table when nobody waits for it, or (from_maker) nobody but its maker, so that its query can be
 * ended: who asks from now on gets another entry. @return whether it did; then the caller must complete it.
 */
bool cache_withdraw(struct cache_entry *entry, bool from_maker);

/**
 * Gives the entry its answer (owned from now on), wakes who waits, tells the subscribers.
 * @param judged  nothing will judge it.
 * @param keep    false: the answer is for those who wait now, and for nobody else.
 */
void cache_complete(struct cache_entry *entry, struct answer *answer, bool judged, enum dns_security security, bool keep);

/** @return whether the entry was PENDING, so that the subscriber is on its list and will be told. */
bool cache_subscribe(struct cache_entry *entry, struct subscriber *subscriber);

bool cache_is_complete(struct cache_entry *entry);

/** Waits until complete. @param deadline_ms monotonic, 0: none. @return whether it is. */
bool cache_wait_complete(struct cache_entry *entry, int64_t deadline_ms);

enum judge_turn { JUDGE_DONE, JUDGE_YOURS, JUDGE_TIMEOUT };

/** Waits while somebody else judges. YOURS: the caller must call cache_judge_end(). */
enum judge_turn cache_judge_begin(struct cache_entry *entry, int64_t deadline_ms);

/** @param stands  false: the judgement was broken off, somebody else may try. */
void cache_judge_end(struct cache_entry *entry, const struct validator_verdict *verdict, bool stands);

/** Takes a completed entry out of the table, so that its question is asked anew; holders keep it. */
void cache_forget(struct cache_entry *entry);

/** Lets a completed entry live no longer than so many seconds from now. */
void cache_shorten(struct cache_entry *entry, uint32_t secs);

/* What changes in a completed entry, read at once. */
struct cache_view {
	enum entry_state state;
	enum dns_security security;
	bool withheld;		/* the validator says that the answer is not to be used */
	bool nonexistent;	/* … that the name does not exist, whatever the rcode says */
	const char *why;	/* in the arena */
	uint32_t ttl_secs;
};
void cache_view(struct cache_entry *entry, struct arena *arena, struct cache_view *view_r);

void cache_usage(struct cache *cache, size_t *bytes_r, size_t *entries_r);

#endif
