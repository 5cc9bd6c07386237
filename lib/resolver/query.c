/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One question's way over the servers: time-out, next server, TCP when truncated, and what each try means for the zone, for
 * the server and for the account that it is charged to. What a try is stands in attempt.c. Thread: I/O thread.
 */
#include "resolver/query.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dns/ede.h"
#include "util/clock.h"
#include "util/out_of_memory.h"

enum { FLAG_TC = 0x02, RCODE_FORMERR = 1, RCODE_SERVFAIL = 2, RCODE_NXDOMAIN = 3, RCODE_NOTIMP = 4, TYPE_SOA = 6 };

static void query_next(struct query *query);

static void count(_Atomic uint64_t *counter)
{
	atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
}

/* ---- end ---- */

static void query_closed(uv_handle_t *handle)
{
	free(handle->data);
}

static void query_end(struct query *query, bool answered)
{
	attempt_end(query);
	if (query->cookie == NULL)
		query->transport->servers[query->server].look = NULL;
	transport_query_over(query, answered);
	account_unref(&query->account);
	uv_close((uv_handle_t *)&query->timer, query_closed);
}

void query_abandon(struct query *query, uint8_t rcode, enum dns_failure failure, const char *why)
{
	struct transport *transport = query->transport;
	const struct query_end end = { .rcode = rcode, .failure = failure, .why = why,
		/* what says nothing of the question is for nobody else */
		.is_outcome = query->tries != 0 && (failure == DNS_FAILURE_SERVER || failure == DNS_FAILURE_SILENT),
		.is_bogus = query->bogus && failure == DNS_FAILURE_SERVER };

	/* an error is an answer: whose zone it is of has servers that speak */
	query_end(query, failure == DNS_FAILURE_SERVER);
	if (query->cookie != NULL)
		transport->config.give_up(transport->config.context, query->cookie, &end);
	else
		server_look_failed(transport, query->server);
}

/* ---- choice of the server ---- */

static const char *server_text(const struct query *query, char text_r[ADDR_TEXT_BYTES])
{
	return addr_format(&query->transport->servers[query->server].server.addr, text_r);
}

void query_note(struct query *query, const char *format, ...)
{
	char server[ADDR_TEXT_BYTES];
	va_list arguments;
	int used;

	va_start(arguments, format);
	used = vsnprintf(query->why, sizeof(query->why), format, arguments);
	va_end(arguments);
	if (used >= 0 && (size_t)used < sizeof(query->why))
		snprintf(query->why + used, sizeof(query->why) - (size_t)used, " from %s", server_text(query, server));
}

/* The server to ask next in this round: in the configured order; slow ones, and those without DNSSEC, last. @return -1 when none is left. */
static int server_choose(const struct query *query)
{
	const struct transport *transport = query->transport;
	int64_t now_ms = clock_monotonic_ms();
	int slow = -1;

	for (size_t i = 0; i < transport->config.server_count; i++) {
		if (((query->tried | query->struck) >> i & 1) != 0)
			continue;
		if (transport->servers[i].slow_until_ms <= now_ms && !atomic_load(&transport->servers[i].plain))
			return (int)i;
		if (slow < 0)
			slow = (int)i;
	}
	return slow;
}

/*
 * Whether there is another round. When no server has answered anything for a while, or others wait for the place, one was
 * enough; but a short outage (a restart, a hiccup of the line) is what the rounds are for.
 */
static bool query_may_go_round(const struct query *query)
{
	const struct transport *transport = query->transport;
	uint32_t all = (uint32_t)((1ull << transport->config.server_count) - 1);

	return query->cookie != NULL && query->struck != all && query->round + 1 < transport->config.rounds &&
	    !servers_are_out_for_long(transport) && !fair_is_pressed(&transport->fair, query);
}

bool query_charge(struct query *query)
{
	struct transport *transport = query->transport;
	struct account_share *share = account_share(query->account, query->purpose);

	if (query->unsent)	/* charged already */
		return true;
	if (query->tries++ == 0 || query->cookie == NULL || account_take_query(query->account, share))
		return true;
	if (transport->config.only_asker(transport->config.context, query->cookie))
		return false;
	account_note_query(query->account, share);
	return true;
}

/*
 * It costs the share of guesses, which is for what spares waiting: what a check may ask is not less because a packet was lost, and the
 * packets of a message are bounded as before.
 */
bool query_charge_again(struct query *query)
{
	return account_try_query(query->account, account_share(query->account, DNS_FOR_GUESS), false);
}

static void query_next(struct query *query)
{
	int server;

	attempt_end(query);
	server = server_choose(query);
	if (server < 0 && query_may_go_round(query)) {
		query->round++;
		query->tried = 0;
		server = server_choose(query);
	}
	if (server < 0) {
		if (query->failure == DNS_FAILURE_SILENT && servers_are_down(query->transport))
			query->failure = DNS_FAILURE_OUTAGE;
		query_abandon(query, query->rcode, query->failure, query->why);
		return;
	}
	if (query->tried != 0 || query->struck != 0 || query->round != 0)
		count(&query->transport->counters.retries);
	query->tried |= 1u << server;
	query->server = (unsigned)server;
	query->edns = true;
	attempt_begin(query, false);
}

void query_strike(struct query *query)
{
	query->struck |= 1u << query->server;
	query_next(query);
}

/* ---- replies ---- */

static void query_refused(struct query *query, uint8_t rcode, const struct ede *ede)
{
	static const char *const names[16] = { "NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED" };
	bool edns = query->attempt->edns, tcp = query->attempt->tcp;

	query->rcode = rcode;
	query->failure = DNS_FAILURE_SERVER;
	query->bogus = query->bogus || (rcode == RCODE_SERVFAIL && ede_is_bogus(ede));
	if (names[rcode] != NULL)
		query_note(query, "%s%s%s", names[rcode], ede->present ? ", " : "", ede->words);
	else
		query_note(query, "rcode %u%s%s", rcode, ede->present ? ", " : "", ede->words);
	if ((rcode == RCODE_FORMERR || rcode == RCODE_NOTIMP) && edns) {
		count(&query->transport->counters.retries);
		query->edns = false;
		attempt_begin(query, tcp);
		return;
	}
	query_strike(query);
}

void query_replied(struct query *query, const uint8_t *wire, size_t length)
{
	struct transport *transport = query->transport;
	struct server_state *server = &transport->servers[query->server];
	uint8_t rcode = wire[3] & 15;
	const char *why;

	server_replied(transport, query->server);
	if (!query->attempt->tcp)
		server_took(transport, query->server, clock_monotonic_ms() - query->attempt->sent_ms);
	if (query->cookie == NULL) {	/* it was to say anything: it has */
		query_end(query, true);
		return;
	}
	silence_answered(transport->silence, &query->name, clock_monotonic_ms());
	query->failure = DNS_FAILURE_SERVER;
	if ((wire[2] & FLAG_TC) != 0 && !query->attempt->tcp) {
		count(&transport->counters.tcp);
		attempt_begin(query, true);
		return;
	}
	if ((wire[2] & FLAG_TC) != 0) {	/* what it lacks is not known to be absent: RFC 2181 section 9 */
		count(&transport->counters.malformed);
		query->rcode = RCODE_SERVFAIL;
		query_note(query, "truncated answer by TCP too");
		query_strike(query);
		return;
	}
	if (rcode != 0 && rcode != RCODE_NXDOMAIN) {
		struct ede ede;

		ede_read(wire, length, &ede);
		query_refused(query, rcode, &ede);
		return;
	}
	why = transport->config.accept(transport->config.context, query->cookie, &server->server, wire, length);
	if (why == NULL) {
		query_end(query, true);
		return;
	}
	count(&transport->counters.malformed);
	query->rcode = RCODE_SERVFAIL;
	query_note(query, "unusable answer (%s)", why);
	query_strike(query);
}

void query_timed_out(struct query *query)
{
	struct transport *transport = query->transport;

	if (query->attempt == NULL) {	/* there was no socket: once more */
		attempt_begin(query, false);
		return;
	}
	count(&transport->counters.timeouts);
	/* the server speaks, but not of this name */
	if (query->cookie != NULL && transport->servers[query->server].replied_ms >= query->attempt->sent_ms)
		silence_timed_out(transport->silence, &query->name, query->attempt->sent_ms, clock_monotonic_ms());
	server_timed_out(transport, query->server);
	query->rcode = RCODE_SERVFAIL;
	query->failure = DNS_FAILURE_SILENT;
	query_note(query, "time-out: no answer");
	if (query->cookie != NULL && silence_is_known(transport->silence, &query->name, clock_monotonic_ms())) {
		count(&transport->counters.silenced);
		query_abandon(query, query->rcode, query->failure, query->why);
		return;
	}
	query_next(query);
}

void query_unreachable(struct query *query, int error)
{
	server_timed_out(query->transport, query->server);
	query->rcode = RCODE_SERVFAIL;
	query->failure = DNS_FAILURE_SILENT;
	query_note(query, "%s: no answer", uv_strerror(error));
	query_next(query);
}

void query_begin(struct query *query)
{
	query_next(query);
}

void query_look(struct transport *transport, unsigned server)
{
	struct query *query = calloc(1, sizeof(*query));

	if (query == NULL)
		out_of_memory();
	query->transport = transport;
	query->account = account_ref(transport->own);
	query->name = (struct dns_name){ .length = 1 };
	query->type = TYPE_SOA;
	query->struck = ~(1u << server);
	query->failure = DNS_FAILURE_SERVER;
	query->server = server;
	uv_timer_init(&transport->loop, &query->timer);
	query->timer.data = query;
	transport->servers[server].look = query;
	transport->servers[server].looked_ms = clock_monotonic_ms();
	query_next(query);
}

