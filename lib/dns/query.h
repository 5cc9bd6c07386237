/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_DNS_QUERY_H
#define ASSAY_DNS_QUERY_H
/* What transport.c (the thread, the table) and query.c (one question's way over the servers) share. I/O thread only. */
#include <uv.h>

#include "dns/transport.h"

enum { QUERY_BYTES = 12 + 255 + 4 + 11 };

/* One try: a socket. Lives until libuv has closed it, which may be after the query went on. */
struct attempt {
	struct query *query;		/* NULL: abandoned */
	union {
		uv_handle_t handle;
		uv_stream_t stream;
		uv_udp_t udp;
		uv_tcp_t tcp;
	} socket;
	uv_connect_t connect;
	uv_write_t write;
	uint8_t out[2 + QUERY_BYTES];	/* the first two: TCP's length */
	size_t out_bytes;		/* without those two */
	uint8_t length[2];		/* TCP: length of the reply */
	size_t got;			/* TCP: bytes read, with the length */
	uint8_t *in;			/* TCP: the reply */
	uint16_t id;
	bool tcp, edns;
};

struct query {
	struct query *next, *previous;	/* in the table or the backlog */
	struct transport *transport;
	void *cookie;
	struct dns_name name;
	uint16_t type;
	uv_timer_t timer;
	struct attempt *attempt;
	unsigned server, round;
	uint32_t tried, struck;		/* servers: asked in this round; gave a definite refusal, not asked again */
	unsigned socket_failures;
	uint8_t rcode;			/* of the last refusal */
	bool edns, started;
	char why[128];			/* what went wrong last */
};

struct counters {
	_Atomic uint64_t queries_sent, retries, tcp, timeouts, malformed, mismatched;
	_Atomic size_t inflight;
};

struct server_state {
	struct dns_server server;
	unsigned timeouts;		/* in a row */
	int64_t slow_until_ms;		/* asked last until then */
};

struct transport {
	struct transport_config config;
	struct server_state servers[TRANSPORT_MAX_SERVERS];
	uv_loop_t loop;
	uv_async_t wake;
	uv_thread_t thread;
	uv_mutex_t lock;		/* guards submitted and stop */
	struct query *submitted, **submitted_end;
	bool stop;
	/* I/O thread only */
	struct query *table;		/* under way */
	struct query *backlog, **backlog_end;
	size_t backlog_count;
	bool stopping;
	uint8_t random[256];
	size_t random_left;
	uint8_t in[65536];		/* UDP receive buffer */
	struct counters counters;
};

/** Puts a query of the table on its way. */
void query_begin(struct query *query);

/** Ends a query with give_up(). */
void query_abandon(struct query *query, uint8_t rcode, const char *why);

/** Called by query.c when a query is over, before it is freed: takes it off the table, lets the backlog follow. */
void transport_query_over(struct query *query);

/** 16 unpredictable bits. */
uint16_t transport_random(struct transport *transport);

#endif
