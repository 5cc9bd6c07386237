/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The I/O thread and its table of queries. Other threads only append to `submitted` and wake the loop; all else belongs
 * to the I/O thread. At most max_inflight queries are under way (fewer where the process has not as many descriptors), four
 * times max_inflight wait in the backlog; more than that are given up at once, so that memory is bounded whatever the
 * senders do.
 */
#include "dns/transport.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "dns/query.h"
#include "util/out_of_memory.h"

enum { BACKLOG_FACTOR = 4 };

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

static void table_begin(struct transport *transport, struct query *query)
{
	query->previous = NULL;
	query->next = transport->table;
	if (query->next != NULL)
		query->next->previous = query;
	transport->table = query;
	atomic_fetch_add_explicit(&transport->counters.inflight, 1, memory_order_relaxed);
	query->started = true;
	query_begin(query);
}

/* Lets waiting queries follow while there is room. */
static void backlog_run(struct transport *transport)
{
	while (transport->backlog != NULL && !transport->stopping &&
	    atomic_load_explicit(&transport->counters.inflight, memory_order_relaxed) < transport->config.max_sockets) {
		struct query *query = transport->backlog;

		transport->backlog = query->next;
		if (transport->backlog == NULL)
			transport->backlog_end = &transport->backlog;
		transport->backlog_count--;
		table_begin(transport, query);
	}
}

void transport_query_over(struct query *query)
{
	struct transport *transport = query->transport;

	if (!query->started)
		return;
	*(query->previous != NULL ? &query->previous->next : &transport->table) = query->next;
	if (query->next != NULL)
		query->next->previous = query->previous;
	atomic_fetch_sub_explicit(&transport->counters.inflight, 1, memory_order_relaxed);
	/* the backlog is run by the loop, not from here: no recursion however many fail at once */
	if (transport->backlog != NULL)
		uv_async_send(&transport->wake);
}

static void query_take(struct transport *transport, struct query *query)
{
	query->next = NULL;
	uv_timer_init(&transport->loop, &query->timer);
	query->timer.data = query;
	if (transport->stopping) {
		query_abandon(query, 2, "the resolver is being stopped");
	} else if (transport->backlog_count >= (size_t)BACKLOG_FACTOR * transport->config.max_inflight) {
		query_abandon(query, 2, "too many look-ups under way");
	} else {
		*transport->backlog_end = query;
		transport->backlog_end = &query->next;
		transport->backlog_count++;
	}
}

static void transport_stop(struct transport *transport)
{
	struct query *query;

	transport->stopping = true;
	while ((query = transport->backlog) != NULL) {
		transport->backlog = query->next;
		query_abandon(query, 2, "the resolver is being stopped");
	}
	transport->backlog_end = &transport->backlog;
	while (transport->table != NULL)
		query_abandon(transport->table, 2, "the resolver is being stopped");
	if (!uv_is_closing((uv_handle_t *)&transport->wake))
		uv_close((uv_handle_t *)&transport->wake, NULL);
}

static void on_wake(uv_async_t *wake)
{
	struct transport *transport = wake->data;
	struct query *query, *next;
	bool stop;

	uv_mutex_lock(&transport->lock);
	query = transport->submitted;
	transport->submitted = NULL;
	transport->submitted_end = &transport->submitted;
	stop = transport->stop;
	uv_mutex_unlock(&transport->lock);
	for (; query != NULL; query = next) {
		next = query->next;
		query_take(transport, query);
	}
	if (stop)
		transport_stop(transport);
	backlog_run(transport);
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

struct transport *transport_new(const struct transport_config *config)
{
	struct transport *transport = calloc(1, sizeof(*transport));

	if (transport == NULL)
		out_of_memory();
	transport->config = *config;
	servers_copy(transport, config);
	transport->submitted_end = &transport->submitted;
	transport->backlog_end = &transport->backlog;
	if (uv_loop_init(&transport->loop) != 0)
		goto fail_loop;
	if (uv_async_init(&transport->loop, &transport->wake, on_wake) != 0 || uv_mutex_init(&transport->lock) != 0)
		goto fail_handles;
	transport->wake.data = transport;
	if (uv_thread_create(&transport->thread, io_thread, transport) == 0)
		return transport;
	uv_mutex_destroy(&transport->lock);
	uv_close((uv_handle_t *)&transport->wake, NULL);
	uv_run(&transport->loop, UV_RUN_DEFAULT);
fail_handles:
	uv_loop_close(&transport->loop);
fail_loop:
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
	free(old);
}

void transport_submit(struct transport *transport, const struct dns_name *name, uint16_t type, void *cookie)
{
	struct query *query = calloc(1, sizeof(*query));

	if (query == NULL)
		out_of_memory();
	query->transport = transport;
	query->cookie = cookie;
	memcpy(&query->name, name, 1u + name->length);
	query->type = type;
	query->rcode = 2;
	query->edns = true;
	uv_mutex_lock(&transport->lock);
	*transport->submitted_end = query;
	transport->submitted_end = &query->next;
	/* under the lock: the thread that stops the loop takes it too, so the handle is open */
	uv_async_send(&transport->wake);
	uv_mutex_unlock(&transport->lock);
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
	statistics_r->inflight = atomic_load_explicit(&counters->inflight, memory_order_relaxed);
}
