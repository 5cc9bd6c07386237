/* SPDX-License-Identifier: BSD-2-Clause */
/* Who may ask next, which zones need not be asked, and what a message may ask: pure parts of the resolver. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dns/cache.h"
#include "dns/query.h"

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

/* ---- silence ---- */

static struct dns_name named(const char *text)
{
	struct dns_name name;

	assert_int_equal(dns_name_parse(text, &name), 0);
	return name;
}

static void time_out(struct silence *silence, const char *text, int64_t now_ms)
{
	struct dns_name name = named(text);

	silence_timed_out(silence, &name, now_ms, now_ms);
}

static bool holds(struct silence *silence, const char *text, int64_t now_ms)
{
	struct dns_name name = named(text);
	const char *zone;

	return silence_holds(silence, &name, false, now_ms, &zone);
}

/* Under a domain that gives names below it to strangers: what has answered, and its own policy, is asked on. */
static void test_strangers_silence_no_neighbour_that_answers(void **state)
{
	struct silence *silence = silence_new();
	struct dns_name neighbour = named("mail.honest.hosting.example"), policy = named("_dmarc.hosting.example"),
		deep = named("_dmarc.new.hosting.example");
	const char *zone;
	unsigned let_through = 0;

	(void)state;
	silence_answered(silence, &neighbour, 1000);
	for (unsigned i = 0; i < 20; i++)
		time_out(silence, "a.stranger.hosting.example", 1000);
	assert_true(holds(silence, "b.stranger.hosting.example", 1001));
	assert_true(holds(silence, "new.hosting.example", 1001));
	assert_false(holds(silence, "mail.honest.hosting.example", 1001));
	assert_false(silence_holds(silence, &policy, true, 1001, &zone));
	for (unsigned i = 0; i < 20; i++)
		let_through += !silence_holds(silence, &deep, true, 1001, &zone);
	assert_int_equal(let_through, 8);
	assert_true(silence_is_known(silence, &deep, 1001));
	assert_false(silence_is_known(silence, &neighbour, 1001));
	silence_free(&silence);
}

/* A dead name below a domain keeps nobody from what the domain is judged by: a forger's "no such key" must stay that. */
static void test_dead_name_below_silences_no_record_of_its_domain(void **state)
{
	static const char *const own[] = { "victim.example", "_dmarc.victim.example", "s1._domainkey.victim.example" };
	struct silence *silence = silence_new();
	struct dns_name name;

	(void)state;
	for (unsigned i = 0; i < 2; i++)
		time_out(silence, "dead.victim.example", 1000);
	assert_true(holds(silence, "other.victim.example", 1001));
	assert_true(holds(silence, "_spf.victim.example", 1001));
	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++) {
		for (unsigned n = 0; n < 20; n++)
			assert_false(holds(silence, own[i], 1001));
		name = named(own[i]);
		assert_false(silence_is_known(silence, &name, 1001));
	}
	/* but for their own silence */
	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++) {
		time_out(silence, own[i], 2000);
		time_out(silence, own[i], 2000);
		assert_true(holds(silence, own[i], 2001));
	}
	silence_free(&silence);
}

/* Where everybody can have a name, no name silences the others. */
static void test_public_suffix_is_no_zone(void **state)
{
	struct silence *silence = silence_new();
	char name[64];

	(void)state;
	for (unsigned i = 0; i < 20; i++) {
		snprintf(name, sizeof(name), "x%u.evil.co.uk", i);
		time_out(silence, name, 1000);
	}
	assert_true(holds(silence, "another.evil.co.uk", 1001));
	assert_false(holds(silence, "honest.co.uk", 1001));
	assert_false(holds(silence, "_dmarc.honest.co.uk", 1001));
	silence_free(&silence);
}

static void test_what_was_lost_together_counts_once(void **state)
{
	struct silence *silence = silence_new();
	char text[64];
	struct dns_name name;

	(void)state;
	for (unsigned i = 0; i < 50; i++) {
		snprintf(text, sizeof(text), "x%u.hiccup.example", i % 5);
		name = named(text);
		silence_timed_out(silence, &name, 1000 + i, 3000 + i);
	}
	assert_false(holds(silence, "x1.hiccup.example", 3100));
	assert_false(silence_is_known(silence, &name, 3100));
	silence_timed_out(silence, &name, 3050, 5050);
	assert_true(holds(silence, "x1.hiccup.example", 5051));
	silence_free(&silence);
}

static void test_silence_ends_with_an_answer_or_with_time(void **state)
{
	struct silence *silence = silence_new();
	struct dns_name name = named("y.evil.example");
	unsigned let_through = 0;

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		assert_false(holds(silence, "x.evil.example", 1000));
		time_out(silence, "x.evil.example", 1000);
	}
	assert_true(holds(silence, "x.evil.example", 1001));
	for (int64_t now_ms = 1000; now_ms < 31000; now_ms += 100)	/* each five seconds one may look, of the label and of all */
		let_through += !holds(silence, "x.evil.example", now_ms);
	assert_int_equal(let_through, 5);
	assert_false(holds(silence, "x.evil.example", 31000));
	time_out(silence, "x.evil.example", 40000);
	assert_true(holds(silence, "x.evil.example", 40001));
	silence_answered(silence, &name, 40001);	/* another label's */
	assert_true(holds(silence, "x.evil.example", 40002));
	name = named("x.evil.example");
	silence_answered(silence, &name, 40002);
	assert_false(holds(silence, "x.evil.example", 40003));
	silence_free(&silence);
}

static void test_silence_of_reverse_zones_stays_near(void **state)
{
	struct silence *silence = silence_new();
	char name[128];

	(void)state;
	for (unsigned i = 0; i < 12; i++) {
		snprintf(name, sizeof(name), "%u.77.0.192.in-addr.arpa", i);
		time_out(silence, name, 1000);
	}
	assert_true(holds(silence, "99.77.0.192.in-addr.arpa", 1001));
	assert_false(holds(silence, "99.78.0.192.in-addr.arpa", 1001));
	silence_free(&silence);
}

static void test_silence_is_bounded(void **state)
{
	struct silence *silence = silence_new();
	char name[64];

	(void)state;
	for (unsigned i = 0; i < 20000; i++) {
		snprintf(name, sizeof(name), "x.zone%u.example", i);
		time_out(silence, name, 1000);
		time_out(silence, name, 1000);
		time_out(silence, name, 1000);
	}
	assert_false(holds(silence, "x.zone1.example", 1001));	/* long forgotten */
	assert_true(holds(silence, "x.zone19999.example", 1001));
	silence_free(&silence);
}

static void test_zone_has_its_share(void **state)
{
	struct silence *silence = silence_new();
	struct zone *held[9] = { NULL }, *other;
	struct dns_name name = named("x.slow.example"), neighbour = named("x.quick.example");
	char text[64];

	(void)state;
	for (unsigned i = 0; i < 8; i++)
		assert_true(zone_enter(silence, &name, false, 8, &held[i]));
	assert_false(zone_enter(silence, &name, false, 8, &other));
	assert_true(zone_enter(silence, &name, true, 8, &held[8]));	/* an author domain's */
	assert_true(zone_enter(silence, &neighbour, false, 8, &other));
	zone_leave(&other);
	for (unsigned i = 0; i < 20000; i++) {	/* however many others come meanwhile, its queries are not forgotten */
		snprintf(text, sizeof(text), "x.zone%u.example", i);
		time_out(silence, text, 1000);
	}
	assert_false(zone_enter(silence, &name, false, 8, &other));
	for (unsigned i = 0; i < 9; i++)
		zone_leave(&held[i]);
	assert_null(held[0]);
	assert_true(zone_enter(silence, &name, false, 8, &other));
	zone_leave(&other);
	silence_free(&silence);
}

/* ---- accounts ---- */

static void test_each_purpose_has_its_share(void **state)
{
	struct account *account = account_new(&(struct dns_limits){ .max_lookups = 100, .max_queries = 200, .by_purpose = true });
	struct account_share *spf = account_share(account, DNS_FOR_SPF), *author = account_share(account, DNS_FOR_AUTHOR);
	unsigned lookups = 0, queries = 0, sum = 0;

	(void)state;
	while (account_take_lookup(spf))
		lookups++;
	while (account_try_query(spf, false))
		queries++;
	assert_int_equal(lookups, 26);
	assert_int_equal(queries, 52);
	assert_false(account_try_query(spf, false));
	for (queries = 0; account_try_query(author, true); queries++)
		;
	assert_int_equal(queries, 29);	/* two fifths of 72 */
	assert_true(spf->exceeded);
	assert_false(author->exceeded);
	assert_true(account_take_lookup(author) && account_take_query(author));
	account_return_query(spf);
	assert_true(account_take_query(spf));
	assert_false(account_take_query(spf));
	for (unsigned i = 0; i < DNS_PURPOSE_COUNT; i++)
		sum += account_share(account, (enum dns_purpose)i)->max_queries;
	assert_int_equal(sum, 200);
	account_unref(&account);
}

static void test_without_purposes_all_share_one(void **state)
{
	struct account *account = account_new(&(struct dns_limits){ .max_lookups = 3 });

	(void)state;
	assert_ptr_equal(account_share(account, DNS_FOR_SPF), account_share(account, DNS_FOR_CLIENT));
	assert_true(account_take_lookup(account_share(account, DNS_FOR_SPF)));
	assert_true(account_take_lookup(account_share(account, DNS_FOR_DKIM)));
	assert_true(account_take_lookup(account_share(account, DNS_FOR_AUTHOR)));
	assert_false(account_take_lookup(account_share(account, DNS_FOR_AUTHOR)));
	for (unsigned i = 0; i < 100000; i++)	/* 0: any number */
		assert_true(account_take_query(account_share(account, DNS_FOR_SPF)));
	account_unref(&account);
}

/* Who asks twice (a key that is begun early, and waited for) is one all the same; a stranger is another, and may stay alone. */
static void test_who_asks_twice_is_one(void **state)
{
	struct cache *cache = cache_new(65536);
	struct dns_name name = named("key.example");
	struct cache_entry *entry, *held;
	int maker, stranger;
	bool made;

	(void)state;
	entry = cache_acquire(cache, &name, DNS_TYPE_TXT, 0, &maker, true, &made);
	assert_true(made);
	held = entry;	/* as the query does */
	cache_retain(held);
	assert_ptr_equal(cache_acquire(cache, &name, DNS_TYPE_TXT, 0, &maker, true, &made), entry);
	assert_ptr_equal(cache_acquire(cache, &name, DNS_TYPE_TXT, 0, &stranger, true, &made), entry);
	assert_false(cache_withdraw(entry, true));
	assert_false(cache_leave(entry, &maker));
	assert_false(cache_leave(entry, &maker));
	assert_false(cache_withdraw(entry, true));
	assert_ptr_equal(cache_acquire(cache, &name, DNS_TYPE_TXT, 0, &maker, true, &made), entry);
	assert_ptr_equal(cache_acquire(cache, &name, DNS_TYPE_TXT, 0, &maker, true, &made), entry);
	assert_false(cache_leave(entry, &stranger));
	assert_false(cache_withdraw(entry, false));
	assert_true(cache_withdraw(entry, true));
	for (unsigned i = 0; i < 6; i++) {
		struct cache_entry *reference = held;

		cache_release(&reference);
	}
	cache_free(&cache);
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
		cmocka_unit_test(test_strangers_silence_no_neighbour_that_answers),
		cmocka_unit_test(test_dead_name_below_silences_no_record_of_its_domain),
		cmocka_unit_test(test_public_suffix_is_no_zone),
		cmocka_unit_test(test_what_was_lost_together_counts_once),
		cmocka_unit_test(test_silence_ends_with_an_answer_or_with_time),
		cmocka_unit_test(test_silence_of_reverse_zones_stays_near),
		cmocka_unit_test(test_silence_is_bounded),
		cmocka_unit_test(test_zone_has_its_share),
		cmocka_unit_test(test_each_purpose_has_its_share),
		cmocka_unit_test(test_without_purposes_all_share_one),
		cmocka_unit_test(test_who_asks_twice_is_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
