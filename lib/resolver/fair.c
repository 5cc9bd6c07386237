/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which waiting query is sent next: see fair.h. Every step costs the same however many networks there are: networks of one rank
 * form a ring that is gone round, and a network that may not send now is in no ring. Of what a client can choose only its address
 * is looked at, which TCP has confirmed. Thread: I/O thread.
 */
#include "resolver/fair.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "resolver/query.h"
#include "util/out_of_memory.h"
#include "util/siphash.h"

enum {
	LIGHT_MAX = 64,			/* under way, for a network that has little */
	IDLE_CLIENTS = 4096,		/* kept for their standing */
	STANDING_FULL = 256,		/* then both counts are halved: the past fades */
	STANDING_GOOD = 16,		/* answered queries before a network is known */
	SILENT_SHARE = 8,		/* a known network has at least eight answers for one silence */
	NEWCOMER_TURN = 4,		/* every so often one whom nobody knows goes first */
};

enum rank { RANK_KNOWN, RANK_LIGHT, RANK_HEAVY, RANK_NONE };

struct fair_client {
	struct fair_client *chain;	/* same bucket */
	struct ip_addr network;
	unsigned inflight, waiting;
	unsigned answered, silent;
	/* questions of author domains, and the others */
	struct { struct query *first, *last; } queues[2];
	enum rank rank;			/* of the ring that it stands in */
	struct fair_client *next, *previous;	/* in its ring, or in the list of the idle (next: older) */
	bool is_idle;
};

void fair_init(struct fair *fair, unsigned max_inflight, size_t max_waiting)
{
	memset(fair, 0, sizeof(*fair));
	fair->max_inflight = max_inflight;
	fair->max_waiting = max_waiting;
	fair->light = max_inflight / 8 < LIGHT_MAX ? max_inflight / 8 : LIGHT_MAX;
	if (getrandom(fair->key, sizeof(fair->key), 0) != sizeof(fair->key))
		abort();	/* clients could choose their buckets */
}

/* ---- networks ---- */

static struct fair_client **bucket_of(struct fair *fair, const struct ip_addr *network)
{
	uint8_t bytes[sizeof(network->bytes) + 1];

	memcpy(bytes, network->bytes, sizeof(network->bytes));
	bytes[sizeof(network->bytes)] = (uint8_t)network->family;
	return &fair->buckets[siphash(bytes, sizeof(bytes), fair->key) % (sizeof(fair->buckets) / sizeof(fair->buckets[0]))];
}

static void idle_unlink(struct fair *fair, struct fair_client *client)
{
	*(client->previous != NULL ? &client->previous->next : &fair->idle_newest) = client->next;
	*(client->next != NULL ? &client->next->previous : &fair->idle_oldest) = client->previous;
	client->next = client->previous = NULL;
	client->is_idle = false;
	fair->idle_count--;
}

static void client_drop(struct fair *fair, struct fair_client *client)
{
	struct fair_client **link = bucket_of(fair, &client->network);

	while (*link != client)
		link = &(*link)->chain;
	*link = client->chain;
	idle_unlink(fair, client);
	fair->clients--;
	free(client);
}

static void idle_push(struct fair *fair, struct fair_client *client)
{
	client->previous = NULL;
	client->next = fair->idle_newest;
	*(client->next != NULL ? &client->next->previous : &fair->idle_oldest) = client;
	fair->idle_newest = client;
	client->is_idle = true;
	if (++fair->idle_count > IDLE_CLIENTS)
		client_drop(fair, fair->idle_oldest);
}

static struct fair_client *client_find(struct fair *fair, const struct ip_addr *network)
{
	struct fair_client *client = *bucket_of(fair, network);

	while (client != NULL && !addr_equal(&client->network, network))
		client = client->chain;
	return client;
}

static struct fair_client *client_get(struct fair *fair, const struct ip_addr *network)
{
	struct fair_client **bucket = bucket_of(fair, network), *client = client_find(fair, network);

	if (client != NULL)
		return client;
	client = calloc(1, sizeof(*client));
	if (client == NULL)
		out_of_memory();
	client->network = *network;
	client->rank = RANK_NONE;
	client->chain = *bucket;
	*bucket = client;
	fair->clients++;
	idle_push(fair, client);
	return client;
}

void fair_done(struct fair *fair)
{
	while (fair->idle_oldest != NULL)
		client_drop(fair, fair->idle_oldest);
}

/* ---- rings ---- */

static bool is_known(const struct fair_client *client)
{
	return client->answered >= STANDING_GOOD && client->silent * SILENT_SHARE <= client->answered;
}

static enum rank rank_of(const struct fair *fair, const struct fair_client *client)
{
	if (client->waiting == 0 || client->inflight >= (fair->max_inflight + 1) / 2)
		return RANK_NONE;
	if (client->inflight > fair->light)
		return RANK_HEAVY;
	return is_known(client) ? RANK_KNOWN : RANK_LIGHT;
}

static void ring_leave(struct fair *fair, struct fair_client *client)
{
	struct fair_client **head = &fair->rings[client->rank];

	if (client->next == client) {
		*head = NULL;
	} else {
		client->previous->next = client->next;
		client->next->previous = client->previous;
		if (*head == client)
			*head = client->next;
	}
	client->next = client->previous = NULL;
	client->rank = RANK_NONE;
}

/* Behind the others of its rank. */
static void ring_join(struct fair *fair, struct fair_client *client, enum rank rank)
{
	struct fair_client **head = &fair->rings[rank];

	client->rank = rank;
	if (*head == NULL) {
		client->next = client->previous = client;
		*head = client;
		return;
	}
	client->next = *head;
	client->previous = (*head)->previous;
	client->previous->next = client;
	client->next->previous = client;
}

/* Puts a network where it belongs after its counts have changed. */
static void client_place(struct fair *fair, struct fair_client *client)
{
	enum rank rank = rank_of(fair, client);

	if (client->is_idle)
		idle_unlink(fair, client);
	if (rank != client->rank) {
		if (client->rank != RANK_NONE)
			ring_leave(fair, client);
		if (rank != RANK_NONE)
			ring_join(fair, client, rank);
	}
	if (client->waiting == 0 && client->inflight == 0)
		idle_push(fair, client);
}

/* ---- queries that wait ---- */

static void query_put(struct fair *fair, struct query *query)
{
	struct fair_client *client = client_get(fair, &query->network);
	bool author = query->for_author;

	query->client = client;
	query->next = NULL;
	query->previous = client->queues[author].last;
	*(query->previous != NULL ? &query->previous->next : &client->queues[author].first) = query;
	client->queues[author].last = query;
	client->waiting++;
	fair->waiting++;
	client_place(fair, client);
}

bool fair_add(struct fair *fair, struct query *query)
{
	const struct fair_client *client = client_get(fair, &query->network);

	/* a network with little waiting finds room even then: what bounds it is the number of networks */
	if (client->waiting >= fair->max_waiting / 2 || (fair->waiting >= fair->max_waiting && client->waiting >= fair->light))
		return false;
	query_put(fair, query);
	return true;
}

static void queue_unlink(struct fair_client *client, struct query *query)
{
	bool author = query->for_author;

	*(query->previous != NULL ? &query->previous->next : &client->queues[author].first) = query->next;
	*(query->next != NULL ? &query->next->previous : &client->queues[author].last) = query->previous;
	query->next = query->previous = NULL;
}

void fair_remove(struct fair *fair, struct query *query)
{
	struct fair_client *client = query->client;

	queue_unlink(client, query);
	client->waiting--;
	fair->waiting--;
	query->client = NULL;
	client_place(fair, client);
}

static unsigned load_of(struct fair *fair, const struct ip_addr *network)
{
	const struct fair_client *client = client_find(fair, network);

	return client != NULL ? client->waiting + client->inflight : 0;
}

void fair_join(struct fair *fair, struct query *query, const struct ip_addr *network, bool for_author)
{
	bool better = load_of(fair, network) < load_of(fair, &query->network), waits = query->client != NULL;

	if (!better && (query->for_author || !for_author))
		return;
	if (waits)
		fair_remove(fair, query);
	query->for_author = query->for_author || for_author;
	if (better)
		query->network = *network;
	if (waits)
		query_put(fair, query);
}

/* The network whose turn it is. */
static struct fair_client *client_choose(struct fair *fair)
{
	bool newcomer_first = ++fair->turn % NEWCOMER_TURN == 0;
	struct fair_client *known = fair->rings[RANK_KNOWN], *light = fair->rings[RANK_LIGHT];

	if (fair->inflight >= fair->max_inflight)
		return NULL;
	if (light != NULL && (known == NULL || newcomer_first))
		return light;
	if (known != NULL)
		return known;
	return fair->inflight < fair->max_inflight - fair->max_inflight / 4 ? fair->rings[RANK_HEAVY] : NULL;
}

struct query *fair_next(struct fair *fair)
{
	struct fair_client *client = client_choose(fair);
	struct query *query;

	if (client == NULL)
		return NULL;
	query = client->queues[true].first != NULL ? client->queues[true].first : client->queues[false].first;
	queue_unlink(client, query);
	client->waiting--;
	client->inflight++;
	fair->waiting--;
	fair->inflight++;
	if (client->rank != RANK_NONE)	/* to the end of its ring */
		fair->rings[client->rank] = client->next;
	client_place(fair, client);
	return query;
}

struct query *fair_first_waiting(const struct fair *fair)
{
	for (size_t i = 0; i < sizeof(fair->rings) / sizeof(fair->rings[0]); i++) {
		const struct fair_client *client = fair->rings[i];

		if (client != NULL)
			return client->queues[true].first != NULL ? client->queues[true].first : client->queues[false].first;
	}
	return NULL;
}

void fair_over(struct fair *fair, struct query *query, bool answered)
{
	struct fair_client *client = query->client;

	query->client = NULL;
	if (answered)
		client->answered++;
	else
		client->silent++;
	if (client->answered + client->silent >= STANDING_FULL) {
		client->answered /= 2;
		client->silent /= 2;
	}
	client->inflight--;
	fair->inflight--;
	client_place(fair, client);
}

bool fair_is_pressed(const struct fair *fair, const struct query *query)
{
	return !query->for_author && fair->waiting != 0 && fair->inflight >= fair->max_inflight - fair->max_inflight / 4;
}
