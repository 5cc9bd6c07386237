/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The I/O thread and its table of queries. Other threads only append to `submitted` and `recalled` and wake the loop; all else
 * belongs to the I/O thread. At most max_inflight queries are under way (fewer where the process has not as many
 * descriptors), four times max_inflight (4,096 at least) wait; more than that are given up at once, so that memory is
 * bounded whatever the senders do.
 */
#include "resolver/transport.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "resolver/query.h"
#include "util/clock.h"
#include "util/out_of_memory.h"

enum {
	/* of max_inflight; but room for what some messages of one network may ask at once, however few places there are */
	BACKLOG_FACTOR = 4, BACKLOG_MIN = 4096,
	/* a zone's part of max_inflight, for those that wait and are under way; but what one message may ask in any case */
	ZONE_PART = 8, ZONE_LEAST = 512,
};

/* A cookie whose query may be of no use any more, or of use to somebody else too. */
struct recall {
	struct recall *next;
	void *cookie;
	bool joins;
	struct ip_addr network;
	bool for_author;
};

uint16_t transport_random(struct transport *transport)
{
	uint16_t value;

	if (transport->random_left < sizeof(value)) {
		if (getrandom(transport->random, sizeof(transport->random), 0) != sizeof(transport->random))
			abort();	/* predictable ids would be worse */
		transport->random_left = sizeof(transport->random);
	}
	transport->random_left -= sizeof(value);
	memcpy(&value, transport->random + transport->random_left, sizeof(value));
	return value;
}

static void table_add(struct transport *transport, struct query *query)
{
	query->previous = NULL;
	query->next = transport->table;
	if (query->next != NULL)
		query->next->previous = query;
	transport->table = query;
	atomic_fetch_add_explicit(&transport->counters.inflight, 1, memory_order_relaxed);
	query->started = true;
}


void transport_query_over(struct query *query, bool answered)
{
	struct transport *transport = query->transport;

	zone_leave(&query->zone);
	if (query->client != NULL && !query->started)
		fair_remove(&transport->fair, query);
	if (!query->started)
		return;
	*(query->previous != NULL ? &query->previous->next : &transport->table) = query->next;
	if (query->next != NULL)
		query->next->previous = query->previous;
	if (query->client != NULL)
		fair_over(&transport->fair, query, answered);
	atomic_fetch_sub_explicit(&transport->counters.inflight, 1, memory_order_relaxed);
	/* those that wait are begun by the loop, not from here: no recursion however many fail at once */
	if (transport->fair.waiting != 0)
		uv_async_send(&transport->wake);
}

static void count(_Atomic uint64_t *counter)
{
	atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
}

static bool is_silenced(struct query *query)
{
	struct transport *transport = query->transport;
	const char *zone;

	if (!silence_holds(transport->silence, &query->name, query->purpose == DNS_FOR_AUTHOR, clock_monotonic_ms(), &zone))
		return false;
	count(&transport->counters.silenced);
	snprintf(query->why, sizeof(query->why), "%.90s has not been answering", zone);
	return true;
}

/* Whether a query may be begun: there is one, and the servers' buffers have room for it. */
static bool may_begin(struct transport *transport)
{
	return !transport->stopping && transport->fair.waiting != 0 && pace_has_room(transport);
}

/* Lets waiting queries follow while there is room. */
static void waiting_run(struct transport *transport)
{
	struct query *query;

	while (may_begin(transport) && (query = fair_next(&transport->fair)) != NULL) {
		table_add(transport, query);
		if (is_silenced(query))	/* its zone fell silent while it waited */
			query_abandon(query, 2, DNS_FAILURE_SILENT, query->why);
		else
			query_begin(query);
	}
}

static unsigned zone_places(const struct transport *transport)
{
	unsigned part = transport->config.max_inflight / ZONE_PART;

	return part > ZONE_LEAST ? part : ZONE_LEAST;
}

static void query_take(struct transport *transport, struct query *query)
{
	uv_timer_init(&transport->loop, &query->timer);
	query->timer.data = query;
	if (transport->stopping) {
		query_abandon(query, 2, DNS_FAILURE_SERVER, "the resolver is being stopped");
	} else if (is_silenced(query)) {
		query_abandon(query, 2, DNS_FAILURE_SILENT, query->why);
	} else if (!zone_enter(transport->silence, &query->name, query->purpose == DNS_FOR_AUTHOR,
	    zone_places(transport), &query->zone)) {
		count(&transport->counters.pressed);
		query_abandon(query, 2, DNS_FAILURE_PRESSURE, "too many look-ups under way in this zone");
	} else if (!fair_add(&transport->fair, query)) {
		count(&transport->counters.pressed);
		query_abandon(query, 2, DNS_FAILURE_PRESSURE, "too many look-ups under way for this network");
	}
}

static void transport_stop(struct transport *transport)
{
	struct query *query;

	transport->stopping = true;
	while (transport->table != NULL)
		query_abandon(transport->table, 2, DNS_FAILURE_SERVER, "the resolver is being stopped");
	while ((query = fair_first_waiting(&transport->fair)) != NULL)
		query_abandon(query, 2, DNS_FAILURE_SERVER, "the resolver is being stopped");
	servers_leave(transport);
	if (!uv_is_closing((uv_handle_t *)&transport->wake)) {
		uv_close((uv_handle_t *)&transport->wake, NULL);
		uv_close((uv_handle_t *)&transport->look, NULL);
		pace_close(transport);
	}
}

static void joins_run(struct transport *transport, const struct recall *recall)
{
	const struct transport_config *config = &transport->config;

	for (; recall != NULL; recall = recall->next) {
		struct query *query = recall->joins ? config->query_of(recall->cookie) : NULL;

		if (query != NULL && !query->started)
			fair_join(&transport->fair, query, &recall->network, recall->for_author);
	}
}

static void recalls_run(struct transport *transport, struct recall *recall)
{
	const struct transport_config *config = &transport->config;

	while (recall != NULL) {
		struct recall *next = recall->next;
		struct query *query;

		if (!recall->joins && config->recall(config->context, recall->cookie)) {
			query = config->query_of(recall->cookie);
			count(&transport->counters.cancelled);
			query_abandon(query, 2, DNS_FAILURE_DEADLINE, "nobody waits for it any more");
		}
		config->recall_done(config->context, recall->cookie);
		free(recall);
		recall = next;
	}
}

static void on_wake(uv_async_t *wake)
{
	struct transport *transport = wake->data;
	struct query *query, *next;
	struct recall *recalled;
	bool stop;

	uv_mutex_lock(&transport->lock);
	query = transport->submitted;
	transport->submitted = NULL;
	transport->submitted_end = &transport->submitted;
	recalled = transport->recalled;
	transport->recalled = NULL;
	transport->recalled_end = &transport->recalled;
	stop = transport->stop;
	uv_mutex_unlock(&transport->lock);
	joins_run(transport, recalled);
	for (; query != NULL; query = next) {
		next = query->next;
		query_take(transport, query);
	}
	recalls_run(transport, recalled);
	if (stop)
		transport_stop(transport);
	waiting_run(transport);
	/* here and not where a query comes: each one waits for a moment, until waiting_run() */
	atomic_store_explicit(&transport->waits, transport->fair.waiting != 0, memory_order_relaxed);
}

static void io_thread(void *argument)
{
	struct transport *transport = argument;

	uv_run(&transport->loop, UV_RUN_DEFAULT);	/* returns when the last handle is closed */
}

static void servers_copy(struct transport *transport, const struct transport_config *config)
{
	for (size_t i = 0; i < config->server_count && i < TRANSPORT_MAX_SERVERS; i++)
		transport->servers[i].server = config->servers[i];
	if (transport->config.server_count > TRANSPORT_MAX_SERVERS)
		transport->config.server_count = TRANSPORT_MAX_SERVERS;
	transport->config.servers = NULL;
}

static void parts_make(struct transport *transport)
{
	static const struct dns_limits none = { .max_lookups = 1 };
	const struct transport_config *config = &transport->config;
	size_t backlog = (size_t)BACKLOG_FACTOR * config->max_inflight;

	fair_init(&transport->fair, config->max_sockets, backlog > BACKLOG_MIN ? backlog : BACKLOG_MIN);
	transport->silence = silence_new();
	transport->own = account_new(&none);
}

static void parts_free(struct transport *transport)
{
	fair_done(&transport->fair);
	silence_free(&transport->silence);
	account_unref(&transport->own);
}

struct transport *transport_new(const struct transport_config *config)
{
	struct transport *transport = calloc(1, sizeof(*transport));

	if (transport == NULL)
		out_of_memory();
	transport->config = *config;
	servers_copy(transport, config);
	transport->submitted_end = &transport->submitted;
	transport->recalled_end = &transport->recalled;
	parts_make(transport);
	if (uv_loop_init(&transport->loop) != 0)
		goto fail_loop;
	if (uv_async_init(&transport->loop, &transport->wake, on_wake) != 0 || uv_mutex_init(&transport->lock) != 0)
		goto fail_handles;
	transport->wake.data = transport;
	uv_timer_init(&transport->loop, &transport->look);
	transport->look.data = transport;
	pace_init(transport);
	if (uv_thread_create(&transport->thread, io_thread, transport) == 0)
		return transport;
	uv_mutex_destroy(&transport->lock);
	uv_close((uv_handle_t *)&transport->wake, NULL);
	uv_close((uv_handle_t *)&transport->look, NULL);
	pace_close(transport);
	uv_run(&transport->loop, UV_RUN_DEFAULT);
fail_handles:
	uv_loop_close(&transport->loop);
fail_loop:
	parts_free(transport);
	free(transport);
	return NULL;
}

void transport_free(struct transport **transport)
{
	struct transport *old = *transport;

	*transport = NULL;
	if (old == NULL)
		return;
	uv_mutex_lock(&old->lock);
	old->stop = true;
	uv_mutex_unlock(&old->lock);
	uv_async_send(&old->wake);
	uv_thread_join(&old->thread);
	uv_loop_close(&old->loop);
	uv_mutex_destroy(&old->lock);
	parts_free(old);
	free(old);
}

void transport_submit(struct transport *transport, const struct dns_name *name, uint16_t type, struct account *account,
    enum dns_purpose purpose, void *cookie, struct query *_Atomic *query_r)
{
	struct query *query = calloc(1, sizeof(*query));

	if (query == NULL)
		out_of_memory();
	query->transport = transport;
	query->cookie = cookie;
	query->account = account_ref(account);
	query->purpose = purpose;
	query->network = account->network;
	query->for_author = purpose == DNS_FOR_AUTHOR;
	memcpy(&query->name, name, 1u + name->length);
	query->type = type;
	query->rcode = 2;
	query->failure = DNS_FAILURE_SERVER;
	query->edns = true;
	atomic_store(query_r, query);
	uv_mutex_lock(&transport->lock);
	*transport->submitted_end = query;
	transport->submitted_end = &query->next;
	/* under the lock: the thread that stops the loop takes it too, so the handle is open */
	uv_async_send(&transport->wake);
	uv_mutex_unlock(&transport->lock);
}

static void recall_post(struct transport *transport, const struct recall *what)
{
	struct recall *recall = malloc(sizeof(*recall));

	if (recall == NULL)
		out_of_memory();
	*recall = *what;
	uv_mutex_lock(&transport->lock);
	*transport->recalled_end = recall;
	transport->recalled_end = &recall->next;
	uv_async_send(&transport->wake);
	uv_mutex_unlock(&transport->lock);
}

void transport_recall(struct transport *transport, void *cookie)
{
	recall_post(transport, &(struct recall){ .cookie = cookie });
}

bool transport_has_waiting(const struct transport *transport)
{
	return atomic_load_explicit(&transport->waits, memory_order_relaxed);
}

void transport_join(struct transport *transport, void *cookie, const struct ip_addr *network, bool for_author)
{
	recall_post(transport, &(struct recall){ .cookie = cookie, .joins = true, .network = *network, .for_author = for_author });
}

void transport_statistics(struct transport *transport, struct dns_statistics *statistics_r)
{
	struct counters *counters = &transport->counters;

	statistics_r->queries_sent = atomic_load_explicit(&counters->queries_sent, memory_order_relaxed);
	statistics_r->retries = atomic_load_explicit(&counters->retries, memory_order_relaxed);
	statistics_r->tcp = atomic_load_explicit(&counters->tcp, memory_order_relaxed);
	statistics_r->timeouts = atomic_load_explicit(&counters->timeouts, memory_order_relaxed);
	statistics_r->malformed = atomic_load_explicit(&counters->malformed, memory_order_relaxed);
	statistics_r->mismatched = atomic_load_explicit(&counters->mismatched, memory_order_relaxed);
	statistics_r->cancelled = atomic_load_explicit(&counters->cancelled, memory_order_relaxed);
	statistics_r->pressed = atomic_load_explicit(&counters->pressed, memory_order_relaxed);
	statistics_r->silenced = atomic_load_explicit(&counters->silenced, memory_order_relaxed);
	statistics_r->inflight = atomic_load_explicit(&counters->inflight, memory_order_relaxed);
}
