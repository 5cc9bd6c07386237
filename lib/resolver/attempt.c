/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One try: a socket of its own (connected, so the kernel drops other senders; random port and id), by UDP or TCP. A reply
 * counts only when id and question are those of the try; anything else is counted and ignored, and the wait goes on. A datagram that
 * is not answered as soon as this server usually answers is sent once more, early in the wait: the same one from the same socket, so
 * that an answer to either serves. A burst of ours overflows a server's buffer sooner than one would think, and what is lost there
 * would cost the whole time-out.
 * Trusts nothing in a reply but its header and question, which it compares; query.c goes on from there. Thread: I/O thread.
 */
#include "resolver/query.h"

#include <netinet/in.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "dns/scan.h"
#include "util/clock.h"
#include "util/out_of_memory.h"

enum {
	FLAG_RD = 0x01, FLAG_AD = 0x20, FLAG_CD = 0x10, FLAG_QR = 0x80,
	RCODE_SERVFAIL = 2, RCODE_NXDOMAIN = 3,
	SOCKET_RETRY_MS = 20, SOCKET_RETRIES = 250,
};

static void on_timeout(uv_timer_t *timer);

static void count(_Atomic uint64_t *counter)
{
	atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
}

static void attempt_closed(uv_handle_t *handle)
{
	struct attempt *attempt = handle->data;

	free(attempt->in);
	free(attempt);
}

void attempt_end(struct query *query)
{
	struct attempt *attempt = query->attempt;

	uv_timer_stop(&query->timer);
	if (attempt == NULL)
		return;
	pace_over(query->transport, attempt);
	attempt->query = NULL;
	query->attempt = NULL;
	uv_close(&attempt->socket.handle, attempt_closed);
}

/* ---- replies ---- */

static size_t get16(const uint8_t *bytes)
{
	return (size_t)bytes[0] << 8 | bytes[1];
}

/* Whether a message answers this try (RFC 5452 section 9.1): id, opcode, question. */
static bool reply_matches(const struct attempt *attempt, const uint8_t *wire, size_t length)
{
	const struct query *query = attempt->query;
	size_t name_length = query->name.length;

	if (length < SCAN_HEADER_BYTES || get16(wire) != attempt->id || (wire[2] & 0xf8) != FLAG_QR)
		return false;
	if (get16(wire + 4) == 0)	/* some say FORMERR and the like without the question */
		return length == SCAN_HEADER_BYTES && (wire[3] & 15) != 0 && (wire[3] & 15) != RCODE_NXDOMAIN;
	return get16(wire + 4) == 1 && length >= SCAN_HEADER_BYTES + name_length + 4 &&
	    dns_name_equals_wire(&query->name, wire + SCAN_HEADER_BYTES, name_length) &&
	    get16(wire + SCAN_HEADER_BYTES + name_length) == query->type &&
	    get16(wire + SCAN_HEADER_BYTES + name_length + 2) == 1;
}

/* An error code came: without EDNS at the same server, or the next one. */
/* ---- UDP ---- */

static void on_udp_buffer(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer_r)
{
	struct attempt *attempt = handle->data;

	(void)suggested;
	*buffer_r = attempt->query == NULL ? uv_buf_init(NULL, 0) :
	    uv_buf_init((char *)attempt->query->transport->in, sizeof(attempt->query->transport->in));
}

static void on_udp(uv_udp_t *udp, ssize_t got, const uv_buf_t *buffer, const struct sockaddr *from, unsigned flags)
{
	struct attempt *attempt = udp->data;

	if (attempt->query == NULL || (got == 0 && from == NULL))
		return;
	if (got < 0) {
		query_unreachable(attempt->query, (int)got);
		return;
	}
	if ((flags & UV_UDP_PARTIAL) != 0 || !reply_matches(attempt, (const uint8_t *)buffer->base, (size_t)got)) {
		count(&attempt->query->transport->counters.mismatched);
		return;
	}
	query_replied(attempt->query, (const uint8_t *)buffer->base, (size_t)got);
}

/* @return 0 or libuv's error. A full socket buffer is a lost packet: the timer sees to it. */
static int udp_send(struct attempt *attempt)
{
	uv_buf_t buffer = uv_buf_init((char *)attempt->out + 2, (unsigned)attempt->out_bytes);
	int error = uv_udp_try_send(&attempt->socket.udp, &buffer, 1, NULL);

	if (error < 0 && error != UV_EAGAIN)
		return error;
	count(&attempt->query->transport->counters.queries_sent);
	return 0;
}

static int udp_begin(struct attempt *attempt, const struct sockaddr *address)
{
	int error = uv_udp_connect(&attempt->socket.udp, address);

	if (error == 0)
		error = uv_udp_recv_start(&attempt->socket.udp, on_udp_buffer, on_udp);
	if (error == 0)
		error = udp_send(attempt);
	if (error == 0)
		pace_sent(attempt->query->transport, attempt);
	return error;
}

/* Nothing came for longer than usual. What the account has no room for is not sent, and the wait goes on. */
static void udp_again(struct query *query)
{
	struct attempt *attempt = query->attempt;
	int error;

	uv_timer_start(&query->timer, on_timeout, attempt->rest_ms, 0);
	attempt->rest_ms = 0;
	if (!query_charge_again(query))
		return;
	count(&query->transport->counters.retries);
	error = udp_send(attempt);
	if (error != 0)
		query_unreachable(query, error);
}

static void on_timeout(uv_timer_t *timer)
{
	struct query *query = timer->data;

	if (query->attempt != NULL && query->attempt->rest_ms != 0)
		udp_again(query);
	else
		query_timed_out(query);
}

/* ---- TCP (RFC 7766): one question a connection ---- */

static void on_tcp_buffer(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer_r)
{
	struct attempt *attempt = handle->data;

	(void)suggested;
	if (attempt->got < 2)
		*buffer_r = uv_buf_init((char *)attempt->length + attempt->got, (unsigned)(2 - attempt->got));
	else
		*buffer_r = uv_buf_init((char *)attempt->in + attempt->got - 2,
		    (unsigned)(get16(attempt->length) - (attempt->got - 2)));
}

static void on_tcp(uv_stream_t *stream, ssize_t got, const uv_buf_t *buffer)
{
	struct attempt *attempt = stream->data;
	struct query *query = attempt->query;

	(void)buffer;
	if (query == NULL || got == 0)
		return;
	if (got < 0) {
		query_unreachable(query, (int)got);
		return;
	}
	attempt->got += (size_t)got;
	if (attempt->got == 2) {
		size_t length = get16(attempt->length);

		if (length < SCAN_HEADER_BYTES || length > SCAN_MESSAGE_BYTES) {
			count(&query->transport->counters.malformed);
			query_note(query, "answer of %zu bytes", length);
			query_strike(query);
			return;
		}
		attempt->in = malloc(length);
		if (attempt->in == NULL)
			out_of_memory();
	}
	if (attempt->got < 2 || attempt->got - 2 < get16(attempt->length))
		return;
	if (reply_matches(attempt, attempt->in, attempt->got - 2)) {
		query_replied(query, attempt->in, attempt->got - 2);
		return;
	}
	count(&query->transport->counters.mismatched);
	query_note(query, "answer to another question");
	query_strike(query);
}

static void on_written(uv_write_t *write, int error)
{
	struct attempt *attempt = write->data;

	if (attempt->query != NULL && error < 0)
		query_unreachable(attempt->query, error);
}

static void on_connected(uv_connect_t *connect, int error)
{
	struct attempt *attempt = connect->data;
	uv_buf_t buffer = uv_buf_init((char *)attempt->out, (unsigned)attempt->out_bytes + 2);

	if (attempt->query == NULL)
		return;
	if (error == 0)
		error = uv_write(&attempt->write, &attempt->socket.stream, &buffer, 1, on_written);
	if (error == 0)
		error = uv_read_start(&attempt->socket.stream, on_tcp_buffer, on_tcp);
	if (error < 0)
		query_unreachable(attempt->query, error);
}

/* ---- begin ---- */

static void put16(uint8_t **at, unsigned value)
{
	*(*at)++ = (uint8_t)(value >> 8);
	*(*at)++ = (uint8_t)value;
}

/* Header, question, OPT (RFC 1035 section 4.1, RFC 6891 section 6.1.2). */
static void question_write(struct attempt *attempt, const struct query *query)
{
	const struct transport_config *config = &query->transport->config;
	uint8_t *at = attempt->out + 2;

	put16(&at, attempt->id);
	*at++ = FLAG_RD;
	*at++ = (uint8_t)((config->checking_disabled ? FLAG_CD : 0) | (config->ask_authenticated ? FLAG_AD : 0));
	put16(&at, 1);
	put16(&at, 0);
	put16(&at, 0);
	put16(&at, attempt->edns ? 1 : 0);
	memcpy(at, query->name.bytes, query->name.length);
	at += query->name.length;
	put16(&at, query->type);
	put16(&at, 1);
	if (attempt->edns) {
		*at++ = 0;
		put16(&at, 41);
		put16(&at, config->edns_bytes);
		put16(&at, 0);
		put16(&at, config->dnssec_ok ? 0x8000 : 0);
		put16(&at, 0);
	}
	attempt->out_bytes = (size_t)(at - attempt->out) - 2;
	attempt->out[0] = (uint8_t)(attempt->out_bytes >> 8);
	attempt->out[1] = (uint8_t)attempt->out_bytes;
}

static void server_sockaddr(const struct dns_server *server, struct sockaddr_storage *address_r)
{
	memset(address_r, 0, sizeof(*address_r));
	address_r->ss_family = (sa_family_t)server->addr.family;
	if (server->addr.family == AF_INET) {
		struct sockaddr_in *in = (struct sockaddr_in *)(void *)address_r;

		memcpy(&in->sin_addr, server->addr.bytes, 4);
		in->sin_port = htons(server->port);
	} else {
		struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)(void *)address_r;

		memcpy(&in6->sin6_addr, server->addr.bytes, 16);
		in6->sin6_port = htons(server->port);
	}
}

/* @return 0 or libuv's error. */
static int attempt_open(struct query *query, struct attempt *attempt)
{
	struct transport *transport = query->transport;
	struct sockaddr_storage address;
	int error;

	server_sockaddr(&transport->servers[query->server].server, &address);
	attempt->socket.handle.data = attempt->connect.data = attempt->write.data = attempt;
	error = attempt->tcp ? uv_tcp_connect(&attempt->connect, &attempt->socket.tcp,
	    (const struct sockaddr *)&address, on_connected) : udp_begin(attempt, (const struct sockaddr *)&address);
	if (error == 0 && attempt->tcp)
		count(&transport->counters.queries_sent);
	return error;
}

static bool is_shortage(int error)
{
	return error == UV_EMFILE || error == UV_ENFILE || error == UV_ENOBUFS || error == UV_ENOMEM ||
	    error == UV_EADDRNOTAVAIL || error == UV_EAGAIN;
}

/* The wait, in two parts when the datagram may be sent again in between. */
static void attempt_wait(struct query *query)
{
	struct attempt *attempt = query->attempt;
	struct transport *transport = query->transport;
	uint64_t timeout_ms = (uint64_t)transport->config.timeout_ms << query->round;
	unsigned again_ms = attempt->tcp || query->cookie == NULL ? 0 : server_again_ms(transport, query->server);

	attempt->rest_ms = again_ms != 0 ? timeout_ms - again_ms : 0;
	uv_timer_start(&query->timer, on_timeout, again_ms != 0 ? again_ms : timeout_ms, 0);
}

void attempt_begin(struct query *query, bool tcp)
{
	struct transport *transport = query->transport;
	struct attempt *attempt;
	int error;

	attempt_end(query);
	if (!query_charge(query)) {
		query_abandon(query, RCODE_SERVFAIL, DNS_FAILURE_LIMIT, "limit: too many queries for one message");
		return;
	}
	attempt = calloc(1, sizeof(*attempt));
	if (attempt == NULL)
		out_of_memory();
	attempt->query = query;
	attempt->sent_ms = clock_monotonic_ms();
	attempt->tcp = tcp;
	attempt->edns = query->edns;
	attempt->id = transport_random(transport);
	question_write(attempt, query);
	if (tcp)
		uv_tcp_init(&transport->loop, &attempt->socket.tcp);
	else
		uv_udp_init(&transport->loop, &attempt->socket.udp);
	query->attempt = attempt;
	error = attempt_open(query, attempt);
	query->unsent = error != 0;
	if (error == 0) {
		attempt_wait(query);
	} else if (is_shortage(error) && query->socket_failures++ < SOCKET_RETRIES) {
		attempt_end(query);
		uv_timer_start(&query->timer, on_timeout, SOCKET_RETRY_MS, 0);
	} else {
		query_unreachable(query, error);
	}
}
