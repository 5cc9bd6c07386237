/* SPDX-License-Identifier: BSD-2-Clause */
/* resolver: a datagram that is not answered as soon as usual is sent once more, early in the wait. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "resolver/query.h"
#include "resolver/resolver.h"
#include "resolver_fixture.h"
#include "util/clock.h"

enum { LEAST_MS = 200 };	/* sooner than this nothing is sent again */

static struct dns_config config_of(unsigned timeout_ms, unsigned rounds)
{
	return (struct dns_config){ .dnssec = DNSSEC_OFF, .timeout_ms = timeout_ms, .rounds = rounds };
}

static void test_dns_wait_sends_what_was_lost_again_soon(void **state)
{
	struct behaviour behaviour = { .reply = { .drop = true }, .first = 1 };
	struct resolver_fixture *dns = fixture_start(state, &behaviour, config_of(20000, 1));
	struct fake_dns_question first, second;
	struct dns_statistics statistics;

	/* after a quarter of the time-out, for a server of which nothing is known yet */
	assert_int_equal(dns_wait(fixture_scope(dns, 15000, 10), "host.example.com", DNS_TYPE_A)->status, DNS_STATUS_DATA);
	assert_int_equal(fake_dns_count(dns->server, NULL, 0), 2);
	assert_true(fake_dns_question(dns->server, 0, &first) && fake_dns_question(dns->server, 1, &second));
	assert_true(first.id == second.id && first.port == second.port);	/* an answer to either serves */
	dns_resolver_statistics(dns->resolver, &statistics);
	assert_int_equal(statistics.queries_sent, 2);
	assert_int_equal(statistics.retries, 1);
	assert_int_equal(statistics.timeouts, 0);
}

/* Whoever has always answered at once is not waited for so long. */
static void test_dns_wait_sends_again_after_what_is_usual(void **state)
{
	struct behaviour behaviour = { .reply = { .drop = true }, .name = "lost.wild.example.com", .first = 1 };
	struct resolver_fixture *dns = fixture_start(state, &behaviour, config_of(60000, 1));
	struct dns_scope *scope = fixture_scope(dns, 0, 100);
	int64_t begun_ms, took_ms;
	char name[64];

	for (unsigned i = 0; i < 20; i++) {
		snprintf(name, sizeof(name), "n%u.wild.example.com", i);
		assert_int_equal(dns_wait(scope, name, DNS_TYPE_TXT)->status, DNS_STATUS_DATA);
	}
	begun_ms = clock_monotonic_ms();
	assert_int_equal(dns_wait(scope, "lost.wild.example.com", DNS_TYPE_TXT)->status, DNS_STATUS_DATA);
	took_ms = clock_monotonic_ms() - begun_ms;
	assert_int_equal(fake_dns_count(dns->server, "lost.wild.example.com", 0), 2);
	assert_true(took_ms >= LEAST_MS && took_ms < 15000);	/* a quarter of the time-out, where nothing is usual */
}

/* The first answer comes when the second datagram is out: it counts, and so does its whole time. */
static void test_dns_wait_takes_a_late_answer(void **state)
{
	struct behaviour behaviour = { .reply = { .delay_ms = 700 }, .name = "host.example.com" };
	struct resolver_fixture *dns = fixture_start(state, &behaviour, config_of(2000, 1));
	struct dns_statistics statistics;

	assert_int_equal(fixture_status(dns, "host.example.com", DNS_TYPE_A), DNS_STATUS_DATA);
	assert_int_equal(fake_dns_count(dns->server, NULL, 0), 2);
	dns_resolver_statistics(dns->resolver, &statistics);
	assert_int_equal(statistics.timeouts, 0);
	assert_int_equal(statistics.mismatched, 0);
}

/* One a try: two tries of a name that nobody answers for are four datagrams, and two time-outs. */
static void test_dns_wait_sends_again_once_a_try(void **state)
{
	struct behaviour behaviour = { .reply = { .drop = true } };
	struct resolver_fixture *dns = fixture_start(state, &behaviour, config_of(800, 2));
	struct dns_statistics statistics;
	int64_t begun_ms = clock_monotonic_ms();

	assert_int_equal(dns_wait(fixture_scope(dns, 0, 10), "host.example.com", DNS_TYPE_A)->status, DNS_STATUS_FAIL);
	assert_true(clock_monotonic_ms() - begun_ms >= 2390);	/* 800 + 1600: the waits are as long as ever */
	assert_int_equal(fake_dns_count(dns->server, "host.example.com", 0), 4);
	dns_resolver_statistics(dns->resolver, &statistics);
	assert_int_equal(statistics.timeouts, 2);
	assert_int_equal(statistics.queries_sent, 4);
}

/* A quarter of a short time-out would be sooner than any server far away answers. */
static void test_dns_wait_with_a_short_timeout_sends_once_a_try(void **state)
{
	struct behaviour behaviour = { .reply = { .drop = true } };
	struct resolver_fixture *dns = fixture_start(state, &behaviour, config_of(4 * LEAST_MS - 4, 1));

	assert_int_equal(dns_wait(fixture_scope(dns, 0, 10), "host.example.com", DNS_TYPE_A)->status, DNS_STATUS_FAIL);
	assert_int_equal(fake_dns_count(dns->server, NULL, 0), 1);
}

/* What the account has no room for is not sent, and ends nothing: the answer to the first datagram is waited for. */
static void test_dns_wait_sends_again_what_is_paid_for(void **state)
{
	struct behaviour behaviour = { .reply = { .delay_ms = 700 } };
	const struct dns_limits limits = { .deadline_ms = 10000, .max_lookups = 10, .max_queries = 1 };
	struct resolver_fixture *dns = fixture_start(state, &behaviour, config_of(2000, 1));

	dns->scope = dns_scope_new_limited(dns->resolver, &limits);
	assert_int_equal(dns_wait(dns->scope, "host.example.com", DNS_TYPE_A)->status, DNS_STATUS_DATA);
	assert_int_equal(fake_dns_count(dns->server, NULL, 0), 1);
	assert_int_equal(dns_scope_exceeded(dns->scope), 0);
}

/* Nor does it take anything of what the checks may ask: all of SPF's share goes out after a third of it was lost once. */
static void test_dns_wait_sends_again_on_no_check_s_account(void **state)
{
	struct behaviour behaviour = { .reply = { .drop = true }, .first = 8 };
	const struct dns_limits limits = { .deadline_ms = 30000, .max_lookups = 400, .max_queries = 100, .by_purpose = true };
	struct resolver_fixture *dns = fixture_start(state, &behaviour, config_of(4000, 1));
	struct dns_scope *spf;
	char name[64];

	dns->scope = dns_scope_new_limited(dns->resolver, &limits);
	spf = dns_scope_for(dns->scope, DNS_FOR_SPF);
	for (unsigned i = 0; i < 24; i++) {	/* 24 % of 100 */
		snprintf(name, sizeof(name), "n%u.wild.example.com", i);
		dns_start(spf, name, DNS_TYPE_TXT);
	}
	for (unsigned i = 0; i < 24; i++) {
		snprintf(name, sizeof(name), "n%u.wild.example.com", i);
		assert_int_equal(dns_wait(spf, name, DNS_TYPE_TXT)->status, DNS_STATUS_DATA);
	}
	assert_true(fake_dns_count(dns->server, NULL, 0) >= 24 + 8);
	assert_int_equal(dns_scope_exceeded(dns->scope), 0);
}

static void drop_test(void *context, const char *name, uint16_t type, bool tcp, struct fake_dns_reply *reply)
{
	size_t length = strlen(name);

	(void)context;
	(void)type;
	(void)tcp;
	reply->drop = length > 5 && strcmp(name + length - 5, ".test") == 0;
}

/* A zone is silent after two time-outs, one after the other. Two datagrams of one try that were lost are one. */
static void test_dns_silence_counts_tries(void **state)
{
	struct resolver_fixture *dns = fixture_start_callback(state, drop_test, NULL, config_of(800, 1));
	struct dns_scope *scope = dns_scope_for(fixture_scope(dns, 0, 20), DNS_FOR_SPF);	/* more is let through for authors */
	static const struct { const char *silent, *speaks; unsigned datagrams; } tries[] = {
		{ "a.zone.test", "a.example", 2 }, { "b.zone.test", "b.example", 2 }, { "c.zone.test", "c.example", 0 } };

	for (size_t i = 0; i < sizeof(tries) / sizeof(tries[0]); i++) {
		dns_start(scope, tries[i].silent, DNS_TYPE_A);
		/* the server answers others meanwhile: it is the zone that does not */
		assert_int_equal(dns_wait(scope, tries[i].speaks, DNS_TYPE_A)->status, DNS_STATUS_NXDOMAIN);
		assert_int_equal(dns_wait(scope, tries[i].silent, DNS_TYPE_A)->status, DNS_STATUS_FAIL);
		assert_int_equal(fake_dns_count(dns->server, tries[i].silent, 0), tries[i].datagrams);
	}
}

static double distance(double a, double b)
{
	return a > b ? a - b : b - a;
}

/* RFC 6298 section 2, in floating point; ours is in eighths and quarters of a millisecond. */
static void test_server_again_ms_follows_rfc_6298(void **state)
{
	static const unsigned took[] = { 100, 120, 90, 300, 310, 290, 5, 5, 5, 5, 5, 5, 5, 5, 900, 5, 5, 5, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0 };
	static struct transport transport = { .config = { .timeout_ms = 4000, .server_count = 1 } };
	double srtt = 0, rttvar = 0;

	(void)state;
	transport.servers[0] = (struct server_state){ 0 };
	assert_int_equal(server_again_ms(&transport, 0), 1000);
	for (size_t i = 0; i < sizeof(took) / sizeof(took[0]); i++) {
		double r = took[i], expected;

		rttvar = i == 0 ? r / 2 : 0.75 * rttvar + 0.25 * distance(srtt, r);
		srtt = i == 0 ? r : 0.875 * srtt + 0.125 * r;
		expected = srtt + 4 * rttvar;
		expected = expected < LEAST_MS ? LEAST_MS : expected > 1000 ? 1000 : expected;
		server_took(&transport, 0, took[i]);
		assert_true(distance(server_again_ms(&transport, 0), expected) <= 8);
	}
	/* a clock that says nonsense leaves it within its bounds */
	server_took(&transport, 0, INT64_MAX);
	assert_int_equal(server_again_ms(&transport, 0), 1000);
	server_took(&transport, 0, INT64_MIN);
	assert_in_range(server_again_ms(&transport, 0), LEAST_MS, 1000);
	transport.servers[0].timeouts = 3;	/* it answers nobody: once is enough */
	assert_int_equal(server_again_ms(&transport, 0), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RESOLVER_TEST(test_dns_wait_sends_what_was_lost_again_soon),
		RESOLVER_TEST(test_dns_wait_sends_again_after_what_is_usual),
		RESOLVER_TEST(test_dns_wait_takes_a_late_answer),
		RESOLVER_TEST(test_dns_wait_sends_again_once_a_try),
		RESOLVER_TEST(test_dns_wait_with_a_short_timeout_sends_once_a_try),
		RESOLVER_TEST(test_dns_wait_sends_again_what_is_paid_for),
		RESOLVER_TEST(test_dns_wait_sends_again_on_no_check_s_account),
		RESOLVER_TEST(test_dns_silence_counts_tries),
		cmocka_unit_test(test_server_again_ms_follows_rfc_6298),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
