/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_RESOLVER_TRANSPORT_H
#define ASSAY_RESOLVER_TRANSPORT_H
/*
 * Questions out, messages in: one I/O thread on a libuv loop, UDP with TCP behind it, retries over the servers. A query
 * is a table entry, so a thousand slow domains cost no thread. What a message means is not known here: the owner of
 * the query says whether it accepts it; if not, the next server is asked. Who may ask next is told by fair.h, how many
 * at once by pace.h, which zones need not be asked by silence.h, and what a message may cost by account.h.
 */
#include "dns/name.h"
#include "resolver/account.h"
#include "resolver/resolver.h"

enum { TRANSPORT_MAX_SERVERS = 16 };

/* How a query ended that got no answer. */
struct query_end {
	uint8_t rcode;
	enum dns_failure failure;
	bool is_outcome;	/* this question has no answer; false: only this attempt was ended, somebody else may get one */
	bool is_bogus;		/* a server says that it did not validate (RFC 8914) */
	const char *why;	/* borrowed */
};

struct transport_config {
	const struct dns_server *servers;	/* copied; at most TRANSPORT_MAX_SERVERS */
	size_t server_count;
	unsigned timeout_ms, rounds, edns_bytes, max_inflight;
	unsigned max_sockets;	/* 1 … max_inflight: how many queries may have a socket at once; further ones wait */
	bool dnssec_ok, checking_disabled, ask_authenticated;	/* DO, CD, AD bits of the queries */
	/**
	 * A message that matches id, question and server, with rcode NOERROR or NXDOMAIN, arrived. I/O thread.
	 * @return NULL when accepted (then the query is over), else why not (static text).
	 */
	const char *(*accept)(void *context, void *cookie, const struct dns_server *server, const uint8_t *wire,
	    size_t length);
	/** There is no answer. The query is over. I/O thread. */
	void (*give_up)(void *context, void *cookie, const struct query_end *end);
	/** transport_recall() was called for the cookie. @return whether its query is to end now, with give_up(). I/O thread. */
	bool (*recall)(void *context, void *cookie);
	/** The transport is done with a recall or a join: it will not use the cookie for it again. */
	void (*recall_done)(void *context, void *cookie);
	/** @return whether only the owner of the account waits for the answer. If so the query is taken back: nobody can join it any more.
	 * I/O thread. */
	bool (*only_asker)(void *context, void *cookie);
	/** The query of a cookie; NULL when it has been completed, or was not submitted yet. */
	struct query *(*query_of)(void *cookie);
	void *context;
};

struct transport;
struct query;

/** Starts the I/O thread. @return NULL when the system refuses a loop or a thread. */
struct transport *transport_new(const struct transport_config *config);

/** Gives up all queries, ends the thread and frees all. */
void transport_free(struct transport **transport);

/**
 * Asks; accept() or give_up() will be called with the cookie exactly once more. Thread: any; never blocks.
 * @param account  whose it is, the first try taken from it already; retries are charged to it.
 * @param query_r  set before the query can be over.
 */
void transport_submit(struct transport *transport, const struct dns_name *name, uint16_t type, struct account *account,
    enum dns_purpose purpose, void *cookie, struct query *_Atomic *query_r);

/** Has recall() called with the cookie on the I/O thread, once. Thread: any; never blocks. */
void transport_recall(struct transport *transport, void *cookie);

/** @return whether some queries have to wait: then whoever asks what is asked already should join. Thread: any. */
bool transport_has_waiting(const struct transport *transport);

/** Somebody else asks the same: see fair_join(). recall_done() is called for the cookie, once. Thread: any; never blocks. */
void transport_join(struct transport *transport, void *cookie, const struct ip_addr *network, bool for_author);

/** @return number of servers written, at most max. Thread: any. */
size_t transport_servers(const struct transport *transport, struct dns_server *servers_r, size_t max);
/** See dns_resolver_note_server(). Thread: any. */
void transport_note_server(struct transport *transport, size_t index, bool passes_dnssec);

/** What stands between us and the answers: see dns_resolver_health(). Thread: any. */
void transport_health(const struct transport *transport, struct dns_health *health_r);

/** Adds the transport's counters to the statistics. */
void transport_statistics(struct transport *transport, struct dns_statistics *statistics_r);

#endif
