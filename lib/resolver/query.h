/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_RESOLVER_QUERY_H
#define ASSAY_RESOLVER_QUERY_H
/*
 * What transport.c (the thread, the table), query.c (one question's way over the servers) and server.c (which of them
 * answer) share. I/O thread only.
 */
#include <uv.h>

#include "resolver/account.h"
#include "resolver/fair.h"
#include "resolver/pace.h"
#include "resolver/silence.h"
#include "resolver/transport.h"

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
	bool is_paced;			/* it is in the list of pace.h */
	struct attempt *newer, *older;	/* in that list */
	int64_t sent_ms;		/* for the first time */
	uint64_t rest_ms;		/* UDP: of the wait, behind the moment when it is sent again; 0: that is past, or will not be */
};

struct query {
	struct query *next, *previous;	/* in the table, or among those of its network that wait */
	struct transport *transport;
	void *cookie;			/* NULL: a look at a server, which nobody waits for */
	struct account *account;	/* whose it is; held */
	enum dns_purpose purpose;
	struct ip_addr network;		/* in whose queue it waits: the network of the account, or of somebody else who asks the same */
	bool for_author;		/* one of those who ask wants it for an author domain */
	struct fair_client *client;	/* NULL: neither waiting nor under way */
	struct zone *zone;		/* the zone that it is counted for (silence.h); NULL: none */
	struct dns_name name;
	uint16_t type;
	uv_timer_t timer;
	struct attempt *attempt;
	unsigned server, round;
	uint32_t tried, struck;		/* bit sets of servers: asked in this round; refused for good and not asked again */
	unsigned socket_failures;
	unsigned tries;			/* packets and connections so far */
	uint8_t rcode;			/* of the last refusal */
	enum dns_failure failure;	/* the kind of failure to report if nothing better comes */
	bool edns, started;
	bool bogus;			/* a server said that it did not validate */
	bool unsent;			/* for want of a socket the last try did not go out */
	char why[256];			/* what went wrong last */
};

struct recall;	/* transport.c */

struct counters {
	_Atomic uint64_t queries_sent, retries, tcp, timeouts, malformed, mismatched, cancelled, pressed, silenced;
	_Atomic size_t inflight;
};

struct server_state {
	struct dns_server server;
	unsigned timeouts;		/* in a row */
	int64_t slow_until_ms;		/* asked last until then */
	int64_t replied_ms;		/* its last reply, whatever it said; 0: none yet */
	unsigned took_ms8, varies_ms4;	/* how long its answers by UDP take, in 1/8 ms, and by how much that varies, in 1/4 ms; 0: none came yet */
	int64_t silent_since_ms;	/* first time-out behind that reply; 0: none */
	struct query *look;		/* a look at it that is under way */
	int64_t looked_ms;		/* when that was begun, or the last one */
	_Atomic bool plain;		/* passes no DNSSEC on, while another does: asked last */
	_Atomic int64_t down_since_ms;	/* it answers nothing, not even for the root; 0: it does */
};

struct transport {
	struct transport_config config;
	struct server_state servers[TRANSPORT_MAX_SERVERS];
	uv_loop_t loop;
	uv_async_t wake;
	uv_thread_t thread;
	uv_mutex_t lock;		/* guards submitted, recalled and stop */
	_Atomic bool waits;		/* some queries have to wait, at this time */
	struct query *submitted, **submitted_end;
	struct recall *recalled, **recalled_end;
	bool stop;
	/* I/O thread only */
	struct query *table;		/* under way */
	struct fair fair;
	struct pace pace;
	struct silence *silence;
	struct account *own;		/* for looks at servers */
	uv_timer_t look;		/* at servers that are down, to see them come back */
	bool stopping;
	uint8_t random[256];
	size_t random_left;
	uint8_t in[65536];		/* UDP receive buffer */
	struct counters counters;
};

/* ---- attempt.c ---- */

/** Begins a try, in place of the one before. */
void attempt_begin(struct query *query, bool tcp);
/** Ends the try that is under way, if there is one, and the timer. */
void attempt_end(struct query *query);

/* ---- query.c: what became of a try ---- */

/** Charges a further try to the account. @return false when its share is used up and nobody else waits for the answer. */
bool query_charge(struct query *query);
/** Charges the same datagram once more. @return false when there is no room for it: nothing is noted, for nobody needs it. */
bool query_charge_again(struct query *query);
/** A message with its id and question. */
void query_replied(struct query *query, const uint8_t *wire, size_t length);
void query_unreachable(struct query *query, int error);
void query_timed_out(struct query *query);
/** Notes what went wrong, and from which server. */
__attribute__((format(printf, 2, 3)))
void query_note(struct query *query, const char *format, ...);
/** The server refused for good: it is not asked again for this question. */
void query_strike(struct query *query);

/** Puts a query of the table on its way. */
void query_begin(struct query *query);

/** Ends a query with give_up(). */
void query_abandon(struct query *query, uint8_t rcode, enum dns_failure failure, const char *why);

/** Called by query.c when a query is over, before it is freed: takes it off the table, lets those that wait follow. */
void transport_query_over(struct query *query, bool answered);

/** Makes a query that nobody waits for, to one server alone: does it answer anything? Not counted in the table. */
void query_look(struct transport *transport, unsigned server);

/* ---- server.c ---- */

/** A server has replied, or let a try time out. */
void server_replied(struct transport *transport, unsigned server);
void server_timed_out(struct transport *transport, unsigned server);
/** An answer by UDP took so long, from when it was asked for first. */
void server_took(struct transport *transport, unsigned server, int64_t took_ms);
/** @return after how many ms without an answer a datagram is sent again; 0: not at all. */
unsigned server_again_ms(const struct transport *transport, unsigned server);
/** A look at it ended without a reply. */
void server_look_failed(struct transport *transport, unsigned server);
/** Looks again at the servers that are down. */
void servers_look(struct transport *transport);
/** Ends the looks. */
void servers_leave(struct transport *transport);
/** @return whether no server answers anything. */
bool servers_are_down(const struct transport *transport);
/** @return whether that is so for longer than a question goes its rounds. */
bool servers_are_out_for_long(const struct transport *transport);

/** 16 unpredictable bits. */
uint16_t transport_random(struct transport *transport);

#endif
