/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_RESOLVER_FAIR_H
#define ASSAY_RESOLVER_FAIR_H
/*
 * Who may ask next. The queries that wait are held by client network, so that one network's flood waits behind itself; the
 * questions of author domains go before the other questions of their network, networks with little under way before
 * those with much, and among them those whose queries have been answered before the others. Part of the table is kept for
 * networks with little under way.
 *
 * I/O thread only. Sizes: networks are kept while they have queries, and some thousands of others for their standing.
 */
#include <stddef.h>
#include <stdint.h>

#include "util/addr.h"

struct query;
struct fair_client;

struct fair {
	unsigned max_inflight;
	unsigned light;			/* queries under way up to which a network has little */
	size_t inflight, waiting, max_waiting;
	size_t clients, idle_count;
	uint64_t key[2];
	unsigned turn;
	struct fair_client *buckets[1024];
	struct fair_client *rings[3];	/* by rank: networks that wait and may go on */
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
 * Somebody else, of that network, asks the same as a query that has not been begun: it waits where there is less before it, so
 * that nobody's question stands behind another one's flood.
 */
void fair_join(struct fair *fair, struct query *query, const struct ip_addr *network, bool for_author);

/** A query that waits goes away. */
void fair_remove(struct fair *fair, struct query *query);

/** @return any query that waits; NULL: none does. To be asked when nothing is under way. */
struct query *fair_first_waiting(const struct fair *fair);

/** A query that was under way is over. @param answered  somebody answered it. */
void fair_over(struct fair *fair, struct query *query, bool answered);

/** @return whether others wait for this query's place: it had its chance, and is not to be sent again. */
bool fair_is_pressed(const struct fair *fair, const struct query *query);

#endif
