/* SPDX-License-Identifier: BSD-2-Clause */
/* Who may ask next. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "resolver/cache.h"
#include "resolver/query.h"

enum { PLACES = 64, ROOM = 256, LIGHT = 8 };	/* LIGHT: an eighth of PLACES */

static void add_number(struct ip_addr *addr, unsigned network)
{
	addr->family = AF_INET;
	addr->bytes[0] = 198;
	addr->bytes[1] = (uint8_t)(network >> 8);
	addr->bytes[2] = (uint8_t)network;
	addr->bytes[3] = 7;
}

static struct query *query_new(unsigned network, enum dns_purpose purpose)
{
	struct dns_limits limits = { .max_lookups = 1 };
	struct ip_addr client = { 0 };
	struct query *query = calloc(1, sizeof(*query));

	assert_non_null(query);
	add_number(&client, network);
	limits.client = &client;
	query->account = account_new(&limits);
	query->purpose = purpose;
	query->network = query->account->network;
	query->for_author = purpose == DNS_FOR_AUTHOR;
	return query;
}

static void query_drop(struct query *query)
{
	account_unref(&query->account);
	free(query);
}

/* @return how many of them found room. */
static unsigned ask(struct fair *fair, unsigned network, enum dns_purpose purpose, unsigned count)
{
	unsigned taken = 0;

	for (unsigned i = 0; i < count; i++) {
		struct query *query = query_new(network, purpose);

		if (fair_add(fair, query))
			taken++;
		else
			query_drop(query);
	}
	return taken;
}

static unsigned network_of(const struct query *query)
{
	return (unsigned)query->account->network.bytes[1] << 8 | query->account->network.bytes[2];
}

/* Begins what may begin. @return how many; under_way_r: they, for end(). */
static unsigned begin(struct fair *fair, struct query **under_way_r, unsigned room)
{
	unsigned begun = 0;
	struct query *query;

	while (begun < room && (query = fair_next(fair)) != NULL)
		under_way_r[begun++] = query;
	return begun;
}

static void end(struct fair *fair, struct query **queries, unsigned count, bool answered)
{
	for (unsigned i = 0; i < count; i++) {
		fair_over(fair, queries[i], answered);
		query_drop(queries[i]);
	}
}

static void finish(struct fair *fair)
{
	struct query *query;

	while ((query = fair_first_waiting(fair)) != NULL) {
		fair_remove(fair, query);
		query_drop(query);
	}
	assert_int_equal(fair->inflight, 0);
	assert_int_equal(fair->waiting, 0);
	fair_done(fair);
	assert_int_equal(fair->clients, 0);
}

static void test_one_network_gets_half_and_others_still_begin(void **state)
{
	struct query *heavy[PLACES] = { NULL }, *other[PLACES] = { NULL };
	struct fair fair;

	(void)state;
	fair_init(&fair, PLACES, ROOM);
	assert_int_equal(ask(&fair, 1, DNS_FOR_SPF, 100), 100);
	assert_int_equal(begin(&fair, heavy, PLACES), PLACES / 2);
	assert_int_equal(ask(&fair, 2, DNS_FOR_SPF, 3), 3);
	assert_int_equal(begin(&fair, other, PLACES), 3);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(network_of(other[i]), 2);
	end(&fair, other, 3, true);
	end(&fair, heavy, PLACES / 2, false);
	assert_int_equal(begin(&fair, heavy, PLACES), PLACES / 2);
	end(&fair, heavy, PLACES / 2, false);
	finish(&fair);
}

/* However many networks flood, a quarter of the places is for those that have little under way. */
static void test_places_are_kept_for_light_networks(void **state)
{
	struct query *queries[PLACES] = { NULL }, *late[PLACES] = { NULL };
	unsigned begun, light;
	struct fair fair;

	(void)state;
	fair_init(&fair, PLACES, (size_t)ROOM * 8);
	for (unsigned network = 1; network <= 3; network++)
		ask(&fair, network, DNS_FOR_DKIM, 100);
	begun = begin(&fair, queries, PLACES);
	assert_int_equal(begun, PLACES - PLACES / 4);
	assert_int_equal(ask(&fair, 9, DNS_FOR_DKIM, 5), 5);
	light = begin(&fair, late, PLACES);
	assert_int_equal(light, 5);
	assert_int_equal(network_of(late[0]), 9);
	assert_true(fair_is_pressed(&fair, queries[0]));	/* others wait: no second chance */
	end(&fair, late, light, true);
	end(&fair, queries, begun, false);
	finish(&fair);
}

static void test_author_domains_go_before_the_rest_of_their_network(void **state)
{
	struct query *queries[4] = { NULL };
	struct fair fair;

	(void)state;
	fair_init(&fair, PLACES, ROOM);
	ask(&fair, 1, DNS_FOR_SPF, 2);
	ask(&fair, 1, DNS_FOR_AUTHOR, 2);
	assert_int_equal(begin(&fair, queries, 4), 4);
	assert_int_equal(queries[0]->purpose, DNS_FOR_AUTHOR);
	assert_int_equal(queries[1]->purpose, DNS_FOR_AUTHOR);
	assert_int_equal(queries[2]->purpose, DNS_FOR_SPF);
	assert_false(fair_is_pressed(&fair, queries[2]));
	end(&fair, queries, 4, true);
	finish(&fair);
}

/* One network fills its half of the room; the room full, others with little still find some. */
static void test_room_to_wait_is_shared(void **state)
{
	struct fair fair;

	(void)state;
	fair_init(&fair, PLACES, ROOM);
	assert_int_equal(ask(&fair, 1, DNS_FOR_SPF, ROOM), ROOM / 2);
	assert_int_equal(ask(&fair, 2, DNS_FOR_SPF, ROOM), ROOM / 2);
	assert_int_equal(ask(&fair, 3, DNS_FOR_SPF, ROOM), LIGHT);
	assert_int_equal(ask(&fair, 1, DNS_FOR_SPF, 1), 0);
	finish(&fair);
}

/* Whose queries have been answered goes first; but newcomers are not kept out. */
static void test_known_networks_go_first(void **state)
{
	struct query *queries[PLACES] = { NULL };
	unsigned first_known = 0, newcomers = 0;
	struct fair fair;

	(void)state;
	fair_init(&fair, PLACES, ROOM);
	for (unsigned i = 0; i < 20; i++) {
		ask(&fair, 1, DNS_FOR_SPF, 1);
		assert_int_equal(begin(&fair, queries, 1), 1);
		end(&fair, queries, 1, true);
	}
	ask(&fair, 2, DNS_FOR_SPF, 6);
	ask(&fair, 1, DNS_FOR_SPF, 6);
	for (unsigned i = 0; i < 8; i++) {
		assert_int_equal(begin(&fair, &queries[i], 1), 1);
		first_known += network_of(queries[i]) == 1;
		newcomers += network_of(queries[i]) == 2;
	}
	assert_int_equal(first_known, 6);
	assert_int_equal(newcomers, 2);
	end(&fair, queries, 8, true);
	finish(&fair);
}

/* What two ask for waits where less stands before it; nobody's flood takes another one's question along. */
static void test_shared_question_waits_where_there_is_less(void **state)
{
	struct query *heavy[PLACES] = { NULL }, *shared = query_new(1, DNS_FOR_SPF), *next[2] = { NULL };
	struct ip_addr other = { 0 }, flooder = shared->network;
	struct fair fair;

	(void)state;
	add_number(&other, 2);
	other.bytes[3] = 0;
	fair_init(&fair, PLACES, ROOM);
	ask(&fair, 1, DNS_FOR_SPF, 100);
	assert_int_equal(begin(&fair, heavy, PLACES), PLACES / 2);
	assert_true(fair_add(&fair, shared));
	assert_int_equal(begin(&fair, next, 1), 0);
	fair_join(&fair, shared, &other, false);
	fair_join(&fair, shared, &flooder, false);
	assert_int_equal(begin(&fair, next, 2), 1);
	assert_ptr_equal(next[0], shared);
	end(&fair, next, 1, true);
	end(&fair, heavy, PLACES / 2, false);
	finish(&fair);
}

static void test_networks_are_not_remembered_without_end(void **state)
{
	struct query *query[1] = { NULL };
	struct fair fair;

	(void)state;
	fair_init(&fair, PLACES, ROOM);
	for (unsigned network = 0; network < 6000; network++) {
		ask(&fair, network, DNS_FOR_SPF, 1);
		assert_int_equal(begin(&fair, query, 1), 1);
		end(&fair, query, 1, true);
	}
	assert_int_equal(fair.clients, 4096);
	finish(&fair);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_network_gets_half_and_others_still_begin),
		cmocka_unit_test(test_places_are_kept_for_light_networks),
		cmocka_unit_test(test_author_domains_go_before_the_rest_of_their_network),
		cmocka_unit_test(test_room_to_wait_is_shared),
		cmocka_unit_test(test_known_networks_go_first),
		cmocka_unit_test(test_shared_question_waits_where_there_is_less),
		cmocka_unit_test(test_networks_are_not_remembered_without_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
