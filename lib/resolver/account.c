/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Accounts: shares by purpose, atomic counters. Trusts nobody: all counting is bounded. Thread: any.
 */
#include "resolver/account.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "util/out_of_memory.h"

enum { EARLY_PERCENT = 40 };	/* of a share, for what is begun before anybody waits for it */
enum { NETWORK_BITS_V4 = 24, NETWORK_BITS_V6 = 48 };

/* Percent of a message's questions and queries. The author's share holds eight deep author domains with their tree walks. */
static const unsigned percent[DNS_PURPOSE_COUNT] = {
	[DNS_FOR_AUTHOR] = 33, [DNS_FOR_SPF] = 24, [DNS_FOR_HELO] = 9, [DNS_FOR_DKIM] = 9, [DNS_FOR_ARC] = 9,
	[DNS_FOR_ALIGNMENT] = 7, [DNS_FOR_CLIENT] = 9,
	[DNS_FOR_GUESS] = 10,	/* over the hundred: what the others left of the whole (struct account) */
};

static unsigned part_of(unsigned total, unsigned percents)
{
	return (unsigned)(((unsigned long long)total * percents + 99) / 100);
}

static struct ip_addr network_of(const struct ip_addr *client)
{
	struct ip_addr network = { .family = AF_UNSPEC };
	size_t bytes;

	if (client == NULL || (client->family != AF_INET && client->family != AF_INET6))
		return network;
	bytes = (client->family == AF_INET ? NETWORK_BITS_V4 : NETWORK_BITS_V6) / 8;
	network.family = client->family;
	memcpy(network.bytes, client->bytes, bytes);
	return network;
}

struct account *account_new(const struct dns_limits *limits)
{
	struct account *account = calloc(1, sizeof(*account));
	unsigned max_queries = limits->max_queries != 0 ? limits->max_queries : UINT_MAX;

	if (account == NULL)
		out_of_memory();
	account->refs = 1;
	account->by_purpose = limits->by_purpose;
	account->network = network_of(limits->client);
	account->max_sent = limits->by_purpose ? max_queries : UINT_MAX;
	for (size_t i = 0; i < DNS_PURPOSE_COUNT; i++) {
		unsigned part = limits->by_purpose ? percent[i] : 100;

		account->shares[i].max_lookups = part_of(limits->max_lookups, part);
		account->shares[i].max_queries = part_of(max_queries, part);
	}
	return account;
}

struct account *account_ref(struct account *account)
{
	atomic_fetch_add_explicit(&account->refs, 1, memory_order_relaxed);
	return account;
}

void account_unref(struct account **account)
{
	struct account *old = *account;

	*account = NULL;
	if (old != NULL && atomic_fetch_sub_explicit(&old->refs, 1, memory_order_acq_rel) == 1)
		free(old);
}

struct account_share *account_share(struct account *account, enum dns_purpose purpose)
{
	return &account->shares[account->by_purpose ? purpose : 0];
}

/* @return false when the counter is at its maximum. */
static bool take(_Atomic unsigned *counter, unsigned max)
{
	unsigned used = atomic_load_explicit(counter, memory_order_relaxed);

	do {
		if (used >= max)
			return false;
	} while (!atomic_compare_exchange_weak_explicit(counter, &used, used + 1, memory_order_relaxed, memory_order_relaxed));
	return true;
}

static bool noted(struct account_share *share, bool taken)
{
	if (!taken)
		atomic_store_explicit(&share->exceeded, true, memory_order_relaxed);
	return taken;
}

bool account_take_lookup(struct account_share *share)
{
	return noted(share, take(&share->lookups, share->max_lookups));
}

/*
 * What a share may have of the whole: all but what the author domains have not used yet. Guesses come before all else, so that the
 * whole can run out before the shares do: whoever makes a message ask as much as it may, and guess wrong, gains nothing by it at
 * the author domains' expense. (Two look-ups at the same moment may be off by one.)
 */
static unsigned max_for(struct account *account, const struct account_share *share)
{
	struct account_share *author = account_share(account, DNS_FOR_AUTHOR);
	unsigned used = atomic_load_explicit(&author->queries, memory_order_relaxed);

	if (!account->by_purpose || share == author || used >= author->max_queries)
		return account->max_sent;
	return account->max_sent - (author->max_queries - used);
}

/* @return false when the share is used up, or the whole. */
static bool take_query(struct account *account, struct account_share *share, unsigned max)
{
	if (!take(&account->sent, max_for(account, share)))
		return false;
	if (take(&share->queries, max))
		return true;
	atomic_fetch_sub_explicit(&account->sent, 1, memory_order_relaxed);
	return false;
}

bool account_take_query(struct account *account, struct account_share *share)
{
	return noted(share, take_query(account, share, share->max_queries));
}

bool account_try_query(struct account *account, struct account_share *share, bool early)
{
	return take_query(account, share, early ? part_of(share->max_queries, EARLY_PERCENT) : share->max_queries);
}

void account_return_query(struct account *account, struct account_share *share)
{
	atomic_fetch_sub_explicit(&share->queries, 1, memory_order_relaxed);
	atomic_fetch_sub_explicit(&account->sent, 1, memory_order_relaxed);
}

void account_note_query(struct account *account, struct account_share *share)
{
	atomic_fetch_add_explicit(&share->queries, 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&account->sent, 1, memory_order_relaxed);
}
