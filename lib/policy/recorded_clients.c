/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which hosts a recorded client may have been, as far as policies tell them apart: the record knows its network only. Pure.
 * Thread: any. Trusts networks to have no host bits, as network_parse() sees to.
 */
#include <stdlib.h>
#include <string.h>

#include "policy/internal.h"
#include "policy/recorded.h"
#include "util/arena.h"

static unsigned address_bits(const struct ip_addr *addr)
{
	return addr->family == AF_INET6 ? 128 : 32;
}

/* The first address behind a network. @return false: there is none. */
static bool address_behind(const struct ip_network *network, struct ip_addr *addr_r)
{
	unsigned bit = network->prefix_bits;

	*addr_r = network->addr;
	while (bit-- > 0) {
		uint8_t mask = (uint8_t)(0x80 >> bit % 8);

		addr_r->bytes[bit / 8] ^= mask;
		if ((addr_r->bytes[bit / 8] & mask) != 0)
			return true;	/* no carry */
	}
	return false;
}

static void clients_add(struct clients *clients, const struct ip_network *within, const struct ip_addr *addr)
{
	if (network_contains(within, addr) && clients->count < clients->room)
		clients->items[clients->count++] = *addr;
}

static int compare_clients(const void *a, const void *b)
{
	return memcmp(((const struct ip_addr *)a)->bytes, ((const struct ip_addr *)b)->bytes, sizeof(((struct ip_addr *)0)->bytes));
}

struct clients clients_of(const struct policy_set *set, const struct ip_network *client, struct arena *arena)
{
	struct clients clients = { .count = 1, .room = 1 };
	size_t kept = 1;

	for (size_t i = 0; i < set->count && client->prefix_bits < address_bits(&client->addr); i++)
		clients.room += 2 * set->policies[i].client_networks.count;
	clients.items = arena_calloc(arena, clients.room, sizeof(*clients.items));
	clients.items[0] = client->addr;
	for (size_t i = 0; i < set->count && clients.room > 1; i++) {
		for (size_t n = 0; n < set->policies[i].client_networks.count; n++) {
			const struct ip_network *network = &set->policies[i].client_networks.items[n];
			struct ip_addr behind;

			if (network->prefix_bits <= client->prefix_bits)
				continue;
			clients_add(&clients, client, &network->addr);
			if (address_behind(network, &behind))
				clients_add(&clients, client, &behind);
		}
	}
	qsort(clients.items, clients.count, sizeof(*clients.items), compare_clients);
	for (size_t i = 1; i < clients.count; i++)
		if (compare_clients(&clients.items[i], &clients.items[kept - 1]) != 0)
			clients.items[kept++] = clients.items[i];
	clients.count = kept;
	return clients;
}

void policy_select_recorded(const struct policy_set *set, const struct evidence *evidence, struct arena *arena, unsigned char *marks_r)
{
	const struct clients clients = clients_of(set, &evidence->client, arena);
	unsigned char *marks = arena_alloc(arena, set->count);
	struct evidence one = *evidence;

	memset(marks_r, POLICY_IN, set->count);
	for (size_t i = 0; i < clients.count; i++) {
		one.client = (struct ip_network){ .addr = clients.items[i],
			.prefix_bits = clients.items[i].family == AF_INET6 ? 128 : 32 };
		policy_select(set, &one, marks);
		for (size_t p = 0; p < set->count; p++)
			if (marks[p] != POLICY_IN)
				marks_r[p] = POLICY_OUT;
	}
}
