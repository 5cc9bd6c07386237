/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_RESOLVER_ACCOUNT_H
#define ASSAY_RESOLVER_ACCOUNT_H
/*
 * An account: what one message may ask, and what it has asked. Each purpose has a share of its own, so that whoever fills one
 * (an SPF record with many hosts, twenty signatures) takes nothing from the others. Distinct questions are counted, and the
 * queries that go out for them: DNSSEC's fetches, retries and TCP included. Lives as long as a scope or a query uses it.
 * Thread: any.
 */
#include <stdatomic.h>

#include "resolver/resolver.h"

struct account_share {
	unsigned max_lookups, max_queries;
	_Atomic unsigned lookups, queries;
	_Atomic bool exceeded;		/* more was asked for than the share allows, at least once */
};

struct account {
	_Atomic unsigned refs;
	bool by_purpose;
	struct ip_addr network;		/* the client's; AF_UNSPEC: nobody's */
	unsigned max_sent;		/* queries of all shares together: the shares are the whole, and guesses come out of it; the author's share is kept free */
	_Atomic unsigned sent;
	struct account_share shares[DNS_PURPOSE_COUNT];
};

/** Makes an account; the caller holds a reference. Without limits->by_purpose all purposes use the first share. */
struct account *account_new(const struct dns_limits *limits);
struct account *account_ref(struct account *account);
void account_unref(struct account **account);

/** The share that a purpose is charged to. */
struct account_share *account_share(struct account *account, enum dns_purpose purpose);

/** Takes one distinct question. @return false when the share is used up; that is noted. */
bool account_take_lookup(struct account_share *share);

/** Takes one query; @return false when the share is used up; that is noted. */
bool account_take_query(struct account *account, struct account_share *share);

/**
 * Takes one query if the share has room for it. A refusal is not noted as exceeded.
 * @param early  the query is a guess that nobody waits for yet. Guesses may use two fifths of the share, so that there is room
 *               left for what is really asked.
 */
bool account_try_query(struct account *account, struct account_share *share, bool early);

/** Gives back a query that was not needed. */
void account_return_query(struct account *account, struct account_share *share);

/** Counts a query whatever the limit says: somebody else waits for its answer too. */
void account_note_query(struct account *account, struct account_share *share);

#endif
