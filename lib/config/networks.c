/* SPDX-License-Identifier: BSD-2-Clause */
/* Networks side by side: sorted by their first addresses, then walked through, looking for a gap. Trusts them to have no host bits. */
#include "config/networks.h"

#include <stdlib.h>
#include <string.h>

/*
 * From where nobody comes over the Internet: IANA's registries of special-purpose addresses (RFC 6890) as far as those are large,
 * multicast and what is not allocated; of IPv6 global unicast is 2000::/3. A list without them is no smaller for it.
 */
static const struct ip_network elsewhere[] = {
	{ { AF_INET, { 0 } }, 8 }, { { AF_INET, { 10 } }, 8 }, { { AF_INET, { 100, 64 } }, 10 }, { { AF_INET, { 127 } }, 8 },
	{ { AF_INET, { 169, 254 } }, 16 }, { { AF_INET, { 172, 16 } }, 12 }, { { AF_INET, { 192, 168 } }, 16 },
	{ { AF_INET, { 224 } }, 3 },
	{ { AF_INET6, { 0 } }, 3 }, { { AF_INET6, { 0x40 } }, 2 }, { { AF_INET6, { 0x80 } }, 1 },
};
enum { ELSEWHERE_COUNT = sizeof(elsewhere) / sizeof(elsewhere[0]) };

static int compare_first(const void *a, const void *b)
{
	const struct ip_network *left = a, *right = b;

	return memcmp(left->addr.bytes, right->addr.bytes, sizeof(left->addr.bytes));
}

static void last_address(const struct ip_network *network, uint8_t last_r[16])
{
	memcpy(last_r, network->addr.bytes, 16);
	for (unsigned bit = network->prefix_bits; bit < 128; bit++)
		last_r[bit / 8] |= (uint8_t)(0x80 >> bit % 8);
}

/* @return whether there is an address behind it. */
static bool step(uint8_t address[16])
{
	for (int i = 15; i >= 0; i--)
		if (++address[i] != 0)
			return true;
	return false;
}

/* Those of IPv4 are compared by 16 octets as well, as if zeros and then ones stood behind them. */
static bool leaves_no_gap(const struct ip_network *sorted, size_t count)
{
	uint8_t next[16] = { 0 }, last[16];	/* all before next are covered */

	for (size_t i = 0; i < count; i++) {
		if (memcmp(sorted[i].addr.bytes, next, 16) > 0)
			return false;
		last_address(&sorted[i], last);
		if (memcmp(last, next, 16) < 0)
			continue;
		memcpy(next, last, 16);
		if (!step(next))
			return true;
	}
	return false;
}

static size_t take(const struct ip_network *from, size_t count, int family, struct ip_network *to_r)
{
	size_t taken = 0;

	for (size_t i = 0; i < count; i++)
		if (from[i].addr.family == family)
			to_r[taken++] = from[i];
	return taken;
}

bool networks_are_everywhere(const struct network_list *networks, struct arena *arena)
{
	struct ip_network *sorted = arena_calloc(arena, networks->count + ELSEWHERE_COUNT, sizeof(*sorted));
	static const int families[] = { AF_INET, AF_INET6 };

	for (size_t i = 0; i < sizeof(families) / sizeof(families[0]); i++) {
		size_t count = take(networks->items, networks->count, families[i], sorted);

		count += take(elsewhere, ELSEWHERE_COUNT, families[i], sorted + count);
		qsort(sorted, count, sizeof(*sorted), compare_first);
		if (leaves_no_gap(sorted, count))
			return true;
	}
	return false;
}
