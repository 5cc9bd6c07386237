/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a message may ask, through the whole resolver: shares by purpose, queries that end with their message, excess that is
 * nobody else's answer, servers that are down.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "resolver/resolver.h"
#include "resolver_fixture.h"

enum { PATIENCE = 20000 };	/* steps of a millisecond, only ever waited for when a test fails */

static struct dns_scope *limited(struct resolver_fixture *dns, unsigned lookups, unsigned queries)
{
	dns_scope_free(&dns->scope);
	dns->scope = dns_scope_new_limited(dns->resolver, &(struct dns_limits){ .deadline_ms = 20000, .max_lookups = lookups,
		.max_queries = queries, .by_purpose = true });
	return dns->scope;
}

static const char *numbered(char name_r[64], unsigned number)
{
	snprintf(name_r, 64, "n%u.wild.example.com", number);
	return name_r;
}

static struct dns_statistics statistics_of(struct resolver_fixture *dns)
{
	struct dns_statistics statistics;

	dns_resolver_statistics(dns->resolver, &statistics);
	return statistics;
}

static void test_spf_takes_nothing_from_the_author(void **state)
{
	struct resolver_fixture *dns = fixture_start(state, NULL, config_off());
	struct dns_scope *scope = limited(dns, 100, 1000), *spf = dns_scope_for(scope, DNS_FOR_SPF);
	unsigned answered = 0;
	char name[64];

	for (unsigned i = 0; i < 60; i++)
		answered += dns_wait(spf, numbered(name, i), DNS_TYPE_TXT)->failure != DNS_FAILURE_LIMIT;
	assert_int_equal(answered, 24);
	assert_int_equal(dns_scope_exceeded(scope), 1u << DNS_FOR_SPF);
	assert_int_equal(dns_scope_failures(scope), 1u << DNS_FAILURE_LIMIT);
	assert_int_equal(dns_wait(dns_scope_for(scope, DNS_FOR_AUTHOR), "host.example.com", DNS_TYPE_A)->status, DNS_STATUS_DATA);
	/* what is known already costs nothing */
	assert_int_equal(dns_wait(spf, "host.example.com", DNS_TYPE_A)->status, DNS_STATUS_DATA);
}

/* A question that SPF's share did not suffice for is asked anew for the author. */
static void test_excess_is_nobody_elses_answer(void **state)
{
	struct resolver_fixture *dns = fixture_start(state, NULL, config_off());
	struct dns_scope *scope = limited(dns, 300, 20), *spf = dns_scope_for(scope, DNS_FOR_SPF);
	char name[64];

	for (unsigned i = 0; i < 5; i++)	/* 24 % of 20 queries */
		assert_int_equal(dns_wait(spf, numbered(name, i), DNS_TYPE_TXT)->failure, DNS_FAILURE_NONE);
	assert_int_equal(dns_wait(spf, "host.example.com", DNS_TYPE_A)->failure, DNS_FAILURE_LIMIT);
	assert_int_equal(dns_wait(dns_scope_for(scope, DNS_FOR_AUTHOR), "host.example.com", DNS_TYPE_A)->status, DNS_STATUS_DATA);
	assert_int_equal(dns_scope_exceeded(scope), 1u << DNS_FOR_SPF);
	/* and the next message finds no trace of it */
	assert_int_equal(dns_wait(limited(dns, 300, 400), numbered(name, 9), DNS_TYPE_TXT)->status, DNS_STATUS_DATA);
}

static void test_retries_are_charged(void **state)
{
	struct behaviour behaviour = { .reply = { .drop = true } };
	struct dns_config config = { .dnssec = DNSSEC_OFF, .timeout_ms = 200, .rounds = 10 };
	struct resolver_fixture *dns = fixture_start(state, &behaviour, config);
	struct dns_scope *scope = limited(dns, 300, 5), *author = dns_scope_for(scope, DNS_FOR_AUTHOR);

	assert_int_equal(dns_wait(author, "host.example.com", DNS_TYPE_A)->failure, DNS_FAILURE_LIMIT);
	assert_int_equal(fake_dns_count(dns->server, "host.example.com", 0), 2);	/* 33 % of 5 */
}

/* Two wait for one answer: the one whose share is used up does not take it from the other. */
static void test_shared_query_goes_on_for_the_other(void **state)
{
	struct behaviour behaviour = { .reply = { .drop = true }, .first = 3 };
	struct dns_config config = { .dnssec = DNSSEC_OFF, .timeout_ms = 200, .rounds = 10 };
	struct resolver_fixture *dns = fixture_start(state, &behaviour, config);
	struct dns_scope *poor = limited(dns, 300, 5), *rich = dns_scope_new(dns->resolver, 20000, 10);

	dns_start(dns_scope_for(poor, DNS_FOR_AUTHOR), "host.example.com", DNS_TYPE_A);
	assert_int_equal(dns_wait(rich, "host.example.com", DNS_TYPE_A)->status, DNS_STATUS_DATA);
	dns_scope_free(&rich);
}

/* Nor when it is the only one that is left: whoever asked first has gone, with nothing left in its share. */
static void test_shared_query_goes_on_when_its_maker_has_gone(void **state)
{
	struct behaviour behaviour = { .reply = { .drop = true }, .first = 3 };
	struct dns_config config = { .dnssec = DNSSEC_OFF, .timeout_ms = 200, .rounds = 10 };
	struct resolver_fixture *dns = fixture_start(state, &behaviour, config);
	struct dns_scope *poor = limited(dns, 300, 5), *rich = dns_scope_new(dns->resolver, 20000, 10);

	dns_start(dns_scope_for(poor, DNS_FOR_AUTHOR), "host.example.com", DNS_TYPE_A);
	dns_start(rich, "host.example.com", DNS_TYPE_A);
	dns_scope_free(&dns->scope);
	assert_int_equal(dns_wait(rich, "host.example.com", DNS_TYPE_A)->status, DNS_STATUS_DATA);
	dns_scope_free(&rich);
}

/* One purpose's share does not suffice for what another one, with room left, waits for at the same time. */
static void test_excess_under_way_is_nobody_elses_answer(void **state)
{
	struct behaviour behaviour = { .reply = { .drop = true }, .first = 3 };
	struct dns_config config = { .dnssec = DNSSEC_OFF, .timeout_ms = 200, .rounds = 10 };
	struct resolver_fixture *dns = fixture_start(state, &behaviour, config);
	struct dns_scope *scope = limited(dns, 300, 10);	/* of these three are SPF's, and four the author's */

	dns_start(dns_scope_for(scope, DNS_FOR_SPF), "host.example.com", DNS_TYPE_A);
	assert_int_equal(dns_wait(dns_scope_for(scope, DNS_FOR_AUTHOR), "host.example.com", DNS_TYPE_A)->status, DNS_STATUS_DATA);
	assert_int_equal(dns_scope_exceeded(scope), 1u << DNS_FOR_SPF);
	assert_int_equal(dns_wait(dns_scope_for(scope, DNS_FOR_SPF), "host.example.com", DNS_TYPE_A)->status, DNS_STATUS_DATA);
}

static void test_queries_end_with_their_message(void **state)
{
	struct behaviour behaviour = { .reply = { .drop = true } };
	struct dns_config config = { .dnssec = DNSSEC_OFF, .timeout_ms = 60000, .max_inflight = 16 };
	struct resolver_fixture *dns = fixture_start(state, &behaviour, config);
	struct dns_scope *first = limited(dns, 300, 400), *second = dns_scope_new(dns->resolver, 20000, 10);
	char name[64];
	int i;

	dns_start(second, numbered(name, 0), DNS_TYPE_TXT);
	for (unsigned n = 0; n < 20; n++)	/* more than may be under way at once */
		dns_start(dns_scope_for(first, DNS_FOR_SPF), numbered(name, n), DNS_TYPE_TXT);
	for (i = 0; i < PATIENCE && statistics_of(dns).inflight < 8; i++)
		usleep(1000);
	dns_scope_free(&dns->scope);
	for (i = 0; i < PATIENCE && statistics_of(dns).inflight > 1; i++)
		usleep(1000);
	assert_int_equal(statistics_of(dns).inflight, 1);	/* what the second waits for as well */
	assert_int_equal(statistics_of(dns).cancelled, 19);
	dns_scope_free(&second);
	for (i = 0; i < PATIENCE && statistics_of(dns).inflight != 0; i++)
		usleep(1000);
	assert_int_equal(statistics_of(dns).cancelled, 20);
	assert_true(fake_dns_count(dns->server, NULL, 0) <= 16);
}

static struct dns_scope *scope_for_client(struct resolver_fixture *dns, const char *client)
{
	struct dns_limits limits = { .deadline_ms = 5000, .max_lookups = 3000 };
	struct ip_addr address;

	assert_int_equal(addr_parse(client, &address), 0);
	limits.client = &address;
	return dns_scope_new_limited(dns->resolver, &limits);
}

/* All that a message may ask finds room with the fewest places that can be configured, and one place is enough to go on. */
static void test_few_places_hold_what_a_message_asks(void **state)
{
	for (unsigned places = 16; places != 0; places /= 16) {
		struct dns_config config = { .dnssec = DNSSEC_OFF, .timeout_ms = 20000, .max_inflight = places };
		struct resolver_fixture *dns = fixture_start(state, NULL, config);
		struct dns_scope *scope = scope_for_client(dns, "203.0.113.1");
		char name[64];

		for (unsigned i = 0; i < 400; i++)
			dns_start(scope, numbered(name, i), DNS_TYPE_TXT);
		for (unsigned i = 0; i < 400; i++)
			assert_int_equal(dns_wait(scope, numbered(name, i), DNS_TYPE_TXT)->status, DNS_STATUS_DATA);
		dns_scope_free(&scope);
	}
}

/* Who asks what stands in the queue of a network that floods does not wait with it. */
static void test_flood_takes_no_question_of_others_along(void **state)
{
	struct behaviour behaviour = { .reply = { .drop = true }, .first = 8 };	/* a network's part of 16 */
	struct dns_config config = { .dnssec = DNSSEC_OFF, .timeout_ms = 60000, .max_inflight = 16 };
	struct resolver_fixture *dns = fixture_start(state, &behaviour, config);
	struct dns_scope *flood = scope_for_client(dns, "198.51.100.1"), *other = scope_for_client(dns, "203.0.113.1");
	char name[64];

	for (unsigned i = 0; i < 20; i++)
		dns_start(flood, numbered(name, i), DNS_TYPE_TXT);
	dns_start(flood, "host.example.com", DNS_TYPE_A);
	for (unsigned i = 20; i < 2100; i++)	/* until there is no more room: then that one stands in the queue */
		dns_start(flood, numbered(name, i), DNS_TYPE_TXT);
	for (int i = 0; i < PATIENCE && (statistics_of(dns).pressed == 0 || fake_dns_count(dns->server, NULL, 0) < 8); i++)
		usleep(1000);
	assert_int_equal(dns_wait(other, "host.example.com", DNS_TYPE_A)->status, DNS_STATUS_DATA);
	assert_int_equal(fake_dns_count(dns->server, NULL, 0), 9);
	dns_scope_free(&other);
	dns_scope_free(&flood);
}

/* A server that answers nothing, not even for the root, is down; it is seen to come back without any message. */
static void test_outage_is_known_and_ends(void **state)
{
	struct behaviour behaviour = { .reply = { .drop = true }, .first = 8 };
	struct dns_config config = { .dnssec = DNSSEC_OFF, .timeout_ms = 150, .rounds = 4, .fail_ttl_secs = 1 };
	struct resolver_fixture *dns = fixture_start(state, &behaviour, config);
	const struct dns_answer *answer;
	struct dns_health health;
	int i;

	dns_resolver_health(dns->resolver, &health);
	assert_false(health.outage);
	answer = dns_wait(fixture_scope(dns, 20000, 10), "host.example.com", DNS_TYPE_A);
	assert_int_equal(answer->status, DNS_STATUS_FAIL);
	for (i = 0; i < PATIENCE && !health.outage; i++) {
		usleep(1000);
		dns_resolver_health(dns->resolver, &health);
	}
	assert_true(health.outage);
	assert_int_equal(health.down_count, 1);
	assert_true(health.down_since_ms != 0 && health.down.port != 0);
	while (clock_monotonic_ms() - health.down_since_ms <= (int64_t)7 * 40)	/* then a question goes one round only */
		usleep(1000);
	answer = dns_wait(fixture_scope(dns, 20000, 10), "ns1.example.com", DNS_TYPE_A);
	assert_int_equal(answer->failure, DNS_FAILURE_OUTAGE);
	for (i = 0; i < PATIENCE && health.outage; i++) {
		usleep(1000);
		dns_resolver_health(dns->resolver, &health);
	}
	assert_false(health.outage);
	assert_int_equal(fixture_status(dns, "www.example.com", DNS_TYPE_A), DNS_STATUS_DATA);
}

/* A restart of the server, or a hiccup of the line: what was under way is asked once more, though nothing answers just now. */
static void test_short_outage_costs_no_answer(void **state)
{
	struct behaviour behaviour = { .reply = { .drop = true }, .first = 17 };	/* eight questions, twice, and the look at the server */
	struct dns_config config = { .dnssec = DNSSEC_OFF, .timeout_ms = 200, .rounds = 3 };
	struct resolver_fixture *dns = fixture_start(state, &behaviour, config);
	struct dns_scope *scope = fixture_scope(dns, 20000, 10);
	char name[64];

	for (unsigned i = 0; i < 8; i++)
		dns_start(scope, numbered(name, i), DNS_TYPE_TXT);
	for (unsigned i = 0; i < 8; i++)
		assert_int_equal(dns_wait(scope, numbered(name, i), DNS_TYPE_TXT)->status, DNS_STATUS_DATA);
}

/* Nothing for the root, nor for the first eight questions. */
static void no_root(void *context, const char *name, uint16_t type, bool tcp, struct fake_dns_reply *reply)
{
	unsigned *seen = context;

	(void)type;
	(void)tcp;
	reply->drop = strcmp(name, ".") == 0 || (*seen)++ < 8;
}

/* A look that is lost, or that the server does not answer, says nothing of one that has answered others meanwhile. */
static void test_lost_look_is_no_outage(void **state)
{
	struct dns_config config = { .dnssec = DNSSEC_OFF, .timeout_ms = 200, .rounds = 3 };
	static unsigned seen;	/* outlives the test */
	struct resolver_fixture *dns = fixture_start_callback(state, no_root, &seen, config);
	struct dns_scope *scope = fixture_scope(dns, 20000, 10);
	struct dns_health health;
	char name[64];

	for (unsigned i = 0; i < 8; i++)
		dns_start(scope, numbered(name, i), DNS_TYPE_TXT);
	for (unsigned i = 0; i < 8; i++)
		assert_int_equal(dns_wait(scope, numbered(name, i), DNS_TYPE_TXT)->status, DNS_STATUS_NXDOMAIN);
	for (int i = 0; i < PATIENCE && statistics_of(dns).timeouts < 9; i++)
		usleep(1000);
	assert_int_equal(fake_dns_count(dns->server, ".", DNS_TYPE_SOA), 1);
	for (int i = 0; i < 50; i++) {
		dns_resolver_health(dns->resolver, &health);
		assert_false(health.outage);
		usleep(1000);
	}
}

/* One silent zone is no outage: the server answers for the root. */
static void test_silent_zone_is_no_outage(void **state)
{
	struct behaviour behaviour = { .reply = { .drop = true }, .name = "host.example.com" };
	struct dns_config config = { .dnssec = DNSSEC_OFF, .timeout_ms = 200, .rounds = 6 };
	struct resolver_fixture *dns = fixture_start(state, &behaviour, config);
	struct dns_health health;
	const struct dns_answer *answer = dns_wait(fixture_scope(dns, 20000, 10), "host.example.com", DNS_TYPE_A);

	assert_int_equal(answer->failure, DNS_FAILURE_SILENT);
	assert_true(fake_dns_count(dns->server, ".", DNS_TYPE_SOA) >= 1);
	dns_resolver_health(dns->resolver, &health);
	assert_false(health.outage);
}

/* Guesses in the scope that nobody wanted. */
static void count_unwanted(void *arg, const struct dns_asked *asked)
{
	*(unsigned *)arg += asked->known && asked->opened == 1u << DNS_FOR_GUESS;
}

/* What could not be answered when it was guessed may be by the time that it is really asked. */
static void test_failed_guess_is_asked_again(void **state)
{
	struct behaviour behaviour = { .reply = { .rcode_set = true, .rcode = 2 }, .first = 1 };
	struct dns_config config = { .dnssec = DNSSEC_OFF, .timeout_ms = 3000, .rounds = 1, .fail_ttl_secs = 1 };
	struct resolver_fixture *dns = fixture_start(state, &behaviour, config);
	struct dns_scope *scope = limited(dns, 100, 1000), *guess = dns_scope_for(scope, DNS_FOR_GUESS);
	struct dns_scope *dkim = dns_scope_for(scope, DNS_FOR_DKIM);
	unsigned unwanted = 0;

	dns_guess(scope, "host.example.com", DNS_TYPE_A);
	for (int i = 0; i < PATIENCE && !dns_ready(guess, "host.example.com", DNS_TYPE_A); i++)
		usleep(1000);
	assert_int_equal(dns_wait(guess, "host.example.com", DNS_TYPE_A)->failure, DNS_FAILURE_SERVER);
	usleep(1100 * 1000);
	assert_int_equal(dns_wait(dkim, "host.example.com", DNS_TYPE_A)->status, DNS_STATUS_DATA);
	assert_int_equal(fake_dns_count(dns->server, "host.example.com", 0), 2);
	dns_scope_each(scope, count_unwanted, &unwanted);
	assert_int_equal(unwanted, 0);
}

/* The guess's share ends before its answer is there; the purpose goes on by its own, and the guess was right. */
static void test_guess_cut_short_was_right(void **state)
{
	struct behaviour behaviour = { .reply = { .truncate = true }, .name = "host.example.com" };
	struct resolver_fixture *dns = fixture_start(state, &behaviour, config_off());
	struct dns_scope *scope = limited(dns, 100, 40), *guess = dns_scope_for(scope, DNS_FOR_GUESS);
	unsigned unwanted = 0;
	char name[64];

	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(dns_wait(guess, numbered(name, i), DNS_TYPE_TXT)->status, DNS_STATUS_DATA);
	dns_guess(scope, "host.example.com", DNS_TYPE_A);
	assert_int_equal(dns_wait(guess, "host.example.com", DNS_TYPE_A)->failure, DNS_FAILURE_LIMIT);
	assert_int_equal(dns_wait(dns_scope_for(scope, DNS_FOR_SPF), "host.example.com", DNS_TYPE_A)->status, DNS_STATUS_DATA);
	dns_scope_each(scope, count_unwanted, &unwanted);
	assert_int_equal(unwanted, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RESOLVER_TEST(test_spf_takes_nothing_from_the_author),
		RESOLVER_TEST(test_excess_is_nobody_elses_answer),
		RESOLVER_TEST(test_retries_are_charged),
		RESOLVER_TEST(test_shared_query_goes_on_for_the_other),
		RESOLVER_TEST(test_shared_query_goes_on_when_its_maker_has_gone),
		RESOLVER_TEST(test_excess_under_way_is_nobody_elses_answer),
		RESOLVER_TEST(test_queries_end_with_their_message),
		RESOLVER_TEST(test_few_places_hold_what_a_message_asks),
		RESOLVER_TEST(test_flood_takes_no_question_of_others_along),
		RESOLVER_TEST(test_outage_is_known_and_ends),
		RESOLVER_TEST(test_short_outage_costs_no_answer),
		RESOLVER_TEST(test_lost_look_is_no_outage),
		RESOLVER_TEST(test_silent_zone_is_no_outage),
		RESOLVER_TEST(test_failed_guess_is_asked_again),
		RESOLVER_TEST(test_guess_cut_short_was_right),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
