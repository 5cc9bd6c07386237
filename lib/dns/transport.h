/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_DNS_TRANSPORT_H
#define ASSAY_DNS_TRANSPORT_H
/*
 * Questions out, messages in: one I/O thread on a libuv loop, UDP with TCP behind it, retries over the servers. A query
 * is a table entry, so a thousand slow domains cost no thread. What a message means is not known here: the owner of
 * the query says whether it accepts it; if not, the next server is asked.
 */
#include "dns/dns.h"
#include "dns/name.h"

enum { TRANSPORT_MAX_SERVERS = 16 };

struct transport_config {
	const struct dns_server *servers;	/* copied; at most TRANSPORT_MAX_SERVERS */
	size_t server_count;
	unsigned timeout_ms, rounds, edns_bytes, max_inflight;
	unsigned max_sockets;	/* 1 … max_inflight: queries that have one; further ones wait */
	bool dnssec_ok, checking_disabled, ask_authenticated;	/* DO, CD, AD bits of the queries */
	/**
	 * A message that matches id, question and server, with rcode NOERROR or NXDOMAIN, arrived. I/O thread.
	 * @return NULL when accepted (then the query is over), else why not (static text).
	 */
	const char *(*accept)(void *context, void *cookie, const struct dns_server *server, const uint8_t *wire,
	    size_t length);
	/** The servers are given up. The query is over. why is borrowed. I/O thread. */
	void (*give_up)(void *context, void *cookie, uint8_t rcode, const char *why);
	void *context;
};

struct transport;

/** Starts the I/O thread. @return NULL when the system refuses a loop or a thread. */
struct transport *transport_new(const struct transport_config *config);

/** Gives up all queries, ends the thread and frees all. */
void transport_free(struct transport **transport);

/** Asks; accept() or give_up() will be called with the cookie exactly once more. Thread: any; never blocks. */
void transport_submit(struct transport *transport, const struct dns_name *name, uint16_t type, void *cookie);

/** Adds the transport's counters to the statistics. */
void transport_statistics(struct transport *transport, struct dns_statistics *statistics_r);

#endif
