/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which recursive servers answer. Time-outs alone say nothing: they may be those of one silent zone. So a server that has
 * let several tries in a row go by is asked for the root's SOA, which every server knows; when that is not answered
 * either, it is down, and is looked at again until it is back. Thread: I/O thread; down_since_ms is read by any.
 */
#include <stdatomic.h>
#include <string.h>

#include "resolver/query.h"
#include "util/clock.h"

enum {
	SLOW_AFTER_TIMEOUTS = 3, SLOW_FOR_MS = 30000, LOOK_AGAIN_MS = 1000, LONG_TIMEOUTS = 7 /* three rounds: 1 + 2 + 4 */,
	RESEND_LEAST_MS = 200, RESEND_PART = 4	/* at the latest after a quarter of the time-out */
};

void server_replied(struct transport *transport, unsigned server)
{
	struct server_state *state = &transport->servers[server];

	state->timeouts = 0;
	state->slow_until_ms = 0;
	state->silent_since_ms = 0;
	state->replied_ms = clock_monotonic_ms();
	atomic_store(&state->down_since_ms, 0);
}

void server_timed_out(struct transport *transport, unsigned server)
{
	struct server_state *state = &transport->servers[server];
	int64_t now_ms = clock_monotonic_ms();

	if (state->silent_since_ms == 0)
		state->silent_since_ms = now_ms;
	if (++state->timeouts < SLOW_AFTER_TIMEOUTS)
		return;
	state->slow_until_ms = now_ms + SLOW_FOR_MS;
	if (state->look == NULL && atomic_load(&state->down_since_ms) == 0 && !transport->stopping)
		query_look(transport, server);
}

/*
 * As RFC 6298 section 2 has it, but that an answer counts from the first sending even where a second one went out: nobody can tell
 * which of the two it answers, and an estimate that is too long only sends less.
 */
void server_took(struct transport *transport, unsigned server, int64_t took_ms)
{
	struct server_state *state = &transport->servers[server];
	unsigned most_ms = transport->config.timeout_ms, took = took_ms < 1 ? 1 : took_ms > most_ms ? most_ms : (unsigned)took_ms;
	unsigned usual = state->took_ms8 / 8, off = took > usual ? took - usual : usual - took;

	if (state->took_ms8 == 0) {
		state->took_ms8 = took * 8;
		state->varies_ms4 = took * 4 / 2;
		return;
	}
	state->varies_ms4 = state->varies_ms4 - state->varies_ms4 / 4 + off;
	state->took_ms8 = state->took_ms8 - state->took_ms8 / 8 + took;
}

unsigned server_again_ms(const struct transport *transport, unsigned server)
{
	const struct server_state *state = &transport->servers[server];
	unsigned most_ms = transport->config.timeout_ms / RESEND_PART, usual_ms = state->took_ms8 / 8 + state->varies_ms4;

	/* a time-out so short is soon over by itself; and whoever answers nobody needs not be asked twice as often */
	if (most_ms < RESEND_LEAST_MS || state->timeouts >= SLOW_AFTER_TIMEOUTS)
		return 0;
	if (state->took_ms8 == 0 || usual_ms > most_ms)
		return most_ms;
	return usual_ms > RESEND_LEAST_MS ? usual_ms : RESEND_LEAST_MS;
}

static void on_look(uv_timer_t *timer)
{
	servers_look(timer->data);
}

void server_look_failed(struct transport *transport, unsigned server)
{
	struct server_state *state = &transport->servers[server];

	if (transport->stopping || state->replied_ms >= state->looked_ms)	/* it speaks: the look was lost, or not answered */
		return;
	if (atomic_load(&state->down_since_ms) == 0)
		atomic_store(&state->down_since_ms, state->silent_since_ms != 0 ? state->silent_since_ms : clock_monotonic_ms());
	if (!uv_is_active((uv_handle_t *)&transport->look))
		uv_timer_start(&transport->look, on_look, LOOK_AGAIN_MS, 0);
}

void servers_look(struct transport *transport)
{
	for (unsigned i = 0; i < transport->config.server_count; i++) {
		struct server_state *state = &transport->servers[i];

		if (atomic_load(&state->down_since_ms) != 0 && state->look == NULL)
			query_look(transport, i);
	}
}

void servers_leave(struct transport *transport)
{
	for (unsigned i = 0; i < transport->config.server_count; i++)
		if (transport->servers[i].look != NULL)
			query_abandon(transport->servers[i].look, 2, DNS_FAILURE_SERVER, "");
}

/* @return whether each server is down since then at least. */
static bool are_down_since(const struct transport *transport, int64_t since_ms)
{
	for (size_t i = 0; i < transport->config.server_count; i++) {
		int64_t down_since_ms = atomic_load(&transport->servers[i].down_since_ms);

		if (down_since_ms == 0 || down_since_ms > since_ms)
			return false;
	}
	return true;
}

bool servers_are_down(const struct transport *transport)
{
	return are_down_since(transport, INT64_MAX);
}

bool servers_are_out_for_long(const struct transport *transport)
{
	return are_down_since(transport, clock_monotonic_ms() - (int64_t)LONG_TIMEOUTS * transport->config.timeout_ms);
}

size_t transport_servers(const struct transport *transport, struct dns_server *servers_r, size_t max)
{
	size_t count = transport->config.server_count < max ? transport->config.server_count : max;

	for (size_t i = 0; i < count; i++)
		servers_r[i] = transport->servers[i].server;
	return count;
}

void transport_note_server(struct transport *transport, size_t index, bool passes_dnssec)
{
	if (index < transport->config.server_count)
		atomic_store(&transport->servers[index].plain, !passes_dnssec);
}

void transport_health(const struct transport *transport, struct dns_health *health_r)
{
	memset(health_r, 0, sizeof(*health_r));
	health_r->server_count = transport->config.server_count;
	health_r->pressed = atomic_load_explicit(&transport->counters.pressed, memory_order_relaxed);
	for (size_t i = 0; i < transport->config.server_count; i++) {
		const struct server_state *state = &transport->servers[i];
		int64_t since_ms = atomic_load(&state->down_since_ms);

		if (since_ms == 0)
			continue;
		if (health_r->down_count++ == 0 || since_ms < health_r->down_since_ms) {
			health_r->down = state->server;
			health_r->down_since_ms = since_ms;
		}
	}
	health_r->outage = health_r->down_count == health_r->server_count;
}
