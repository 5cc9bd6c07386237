/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_RESOLVER_FAIR_H
#define ASSAY_RESOLVER_FAIR_H
/*
 * Which waiting query is sent next when more is asked than may be under way. There is a queue for each client network, so a
 * network that asks a flood of questions waits behind its own flood and not in front of others.
 *   within a network     questions about author domains first
 *   between networks     those with few queries under way first; among equals those whose earlier queries were answered
 * Some places of the table are kept free for networks with few queries under way.
 *
 * I/O thread only. A network is remembered while it has queries; of the others some thousands, for how their queries fared.
 */
#include <stddef.h>
#include <stdint.h>

#include "util/addr.h"

struct query;
struct fair_client;

struct fair {
	unsigned max_inflight;
	unsigned light;			/* a network with at most so many queries under way has "few" */
	size_t inflight, waiting, max_waiting;
	size_t clients, idle_count;
	uint64_t key[2];
	unsigned turn;
	struct fair_client *buckets[1024];
	struct fair_client *rings[3];	/* networks that have a query waiting and may send it, by rank: the first ring goes first */
	struct fair_client *idle_newest, *idle_oldest;
};

void fair_init(struct fair *fair, unsigned max_inflight, size_t max_waiting);
/** All queries must be gone. */
void fair_done(struct fair *fair);

/** Lets a query wait. @return false when there is no room for it: the network has its share. Sets query->client if not. */
bool fair_add(struct fair *fair, struct query *query);

/** @return the query that may go out now, counted as under way; NULL: none may. */
struct query *fair_next(struct fair *fair);

/**
 * A client of another network asks the same question while the query still waits. The query moves to that network's queue if
 * it is the shorter one, so that nobody's question waits behind somebody else's flood.
 */
void fair_join(struct fair *fair, struct query *query, const struct ip_addr *network, bool for_author);

/** A query that waits goes away. */
void fair_remove(struct fair *fair, struct query *query);

/** @return any query that waits; NULL: none does. To be asked when nothing is under way. */
struct query *fair_first_waiting(const struct fair *fair);

/** A query that was under way is over. @param answered  somebody answered it. */
void fair_over(struct fair *fair, struct query *query, bool answered);

/** @return whether queries of others wait for the place of this one: then it is not sent a second time, it had its chance. */
bool fair_is_pressed(const struct fair *fair, const struct query *query);

#endif
