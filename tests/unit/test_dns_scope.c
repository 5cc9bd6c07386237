/* SPDX-License-Identifier: BSD-2-Clause */
/* Scopes and the cache behind them: one question for all, limits, deadlines, looking ahead, early ends, many threads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "resolver/resolver.h"
#include "resolver_fixture.h"

static void test_dns_wait_same_question_goes_out_once(void **state)
{
	struct behaviour behaviour = { .reply = { .delay_ms = 60 } };
	struct dns_config config = { .dnssec = DNSSEC_OFF, .timeout_ms = 3000 };
	struct resolver_fixture *dns = fixture_start(state, &behaviour, config);

	assert_int_equal(fixture_ask_together(dns, 16), 16);
	assert_int_equal(fake_dns_count(dns->server, NULL, 0), 1);
}

static void test_dns_cache_keeps_for_the_ttl(void **state)
{
	struct dns_config config = { .dnssec = DNSSEC_OFF, .cache_negative_ttl_secs = 3 };
	struct resolver_fixture *dns = fixture_start(state, NULL, config);
	struct dns_scope *scope;

	for (int i = 0; i < 3; i++) {
		assert_int_equal(fixture_status(dns, "short.example.com", DNS_TYPE_TXT), DNS_STATUS_DATA);
		assert_int_equal(fixture_status(dns, "none.example.com", DNS_TYPE_TXT), DNS_STATUS_NXDOMAIN);
		assert_int_equal(fixture_status(dns, "host.example.com", DNS_TYPE_A), DNS_STATUS_DATA);
	}
	assert_int_equal(fake_dns_count(dns->server, NULL, 0), 3);
	usleep(3100 * 1000);
	assert_int_equal(fixture_status(dns, "short.example.com", DNS_TYPE_TXT), DNS_STATUS_DATA);
	assert_int_equal(fixture_status(dns, "none.example.com", DNS_TYPE_TXT), DNS_STATUS_NXDOMAIN);
	assert_int_equal(fake_dns_count(dns->server, "short.example.com", 0), 2);
	assert_int_equal(fake_dns_count(dns->server, "none.example.com", 0), 2);
	scope = fixture_scope(dns, 0, 1);
	assert_true(dns_ready(scope, "host.example.com", DNS_TYPE_A));
	assert_true(dns_wait(scope, "HOST.example.com", DNS_TYPE_A)->from_cache);
	assert_true(dns_wait(scope, "host.example.com", DNS_TYPE_A)->ttl_secs < 300);
	assert_int_equal(fake_dns_count(dns->server, "host.example.com", 0), 1);
}

static void test_dns_cache_is_bounded_in_bytes(void **state)
{
	struct dns_config config = { .dnssec = DNSSEC_OFF, .cache_bytes = 64 * 1024 };
	struct resolver_fixture *dns = fixture_start(state, NULL, config);
	struct dns_statistics statistics;
	char name[64];

	for (int i = 0; i < 500; i++) {
		snprintf(name, sizeof(name), "n%d.wild.example.com", i);
		assert_int_equal(fixture_status(dns, name, DNS_TYPE_TXT), DNS_STATUS_DATA);
	}
	dns_resolver_statistics(dns->resolver, &statistics);
	assert_true(statistics.cache_bytes <= 64 * 1024);
	assert_true(statistics.cache_entries >= 20 && statistics.cache_entries < 500);
	/* the newest is still there */
	assert_int_equal(fixture_status(dns, "n499.wild.example.com", DNS_TYPE_TXT), DNS_STATUS_DATA);
	assert_int_equal(fake_dns_count(dns->server, "n499.wild.example.com", 0), 1);
}

static void test_dns_scope_keeps_answers_that_were_evicted(void **state)
{
	struct dns_config config = { .dnssec = DNSSEC_OFF, .cache_bytes = 1 };
	struct resolver_fixture *dns = fixture_start(state, NULL, config);
	struct dns_scope *scope = fixture_scope(dns, 5000, 10);
	const struct dns_answer *answer = dns_wait(scope, "host.example.com", DNS_TYPE_A);
	struct dns_statistics statistics;
	struct ip_addr addr = dns_rr_addr(&answer->rrs[0]);

	dns_resolver_statistics(dns->resolver, &statistics);
	assert_int_equal(statistics.cache_entries, 0);
	assert_memory_equal(addr.bytes, "\xc0\x00\x02\x01", 4);
	assert_ptr_equal(dns_wait(scope, "host.example.com", DNS_TYPE_A), answer);
	assert_int_equal(fake_dns_count(dns->server, NULL, 0), 1);
}

static void test_dns_wait_honours_the_deadline(void **state)
{
	struct behaviour behaviour = { .reply = { .hold_until = FAKE_DNS_HELD } };
	struct dns_config config = { .dnssec = DNSSEC_OFF, .timeout_ms = 60000 };
	struct resolver_fixture *dns = fixture_start(state, &behaviour, config);
	struct dns_scope *scope = fixture_scope(dns, 80, 1000);
	int64_t begun_ms = clock_monotonic_ms(), took_ms;
	const struct dns_answer *answer = dns_wait(scope, "host.example.com", DNS_TYPE_A);
	char name[64];

	took_ms = clock_monotonic_ms() - begun_ms;
	assert_int_equal(answer->status, DNS_STATUS_FAIL);
	assert_true(strncmp(answer->why, "deadline", 8) == 0);
	assert_true(took_ms >= 75);	/* and not the time-out, of which it would say so */
	/* the deadline is for all look-ups together: one of its own for each would be a minute */
	begun_ms = clock_monotonic_ms();
	for (int i = 0; i < 750; i++) {
		snprintf(name, sizeof(name), "d%d.example.com", i);
		assert_int_equal(dns_wait(scope, name, DNS_TYPE_A)->status, DNS_STATUS_FAIL);
	}
	assert_true(clock_monotonic_ms() - begun_ms < 30000);
	/* and may be set anew; the look-up went on meanwhile */
	fake_dns_release(dns->server);
	dns_scope_set_deadline(scope, 60000);
	assert_int_equal(dns_wait(scope, "host.example.com", DNS_TYPE_A)->status, DNS_STATUS_DATA);
	assert_int_equal(fake_dns_count(dns->server, "host.example.com", 0), 1);
}

static void test_dns_scope_caps_look_ups(void **state)
{
	struct resolver_fixture *dns = fixture_start(state, NULL, config_off());
	struct dns_scope *scope = fixture_scope(dns, 5000, 2);
	const struct dns_answer *answer;

	dns_start(scope, "host.example.com", DNS_TYPE_A);
	dns_start(scope, "host.example.com", DNS_TYPE_AAAA);
	dns_start(scope, "example.com", DNS_TYPE_TXT);
	assert_int_equal(dns_wait(scope, "host.example.com", DNS_TYPE_A)->status, DNS_STATUS_DATA);
	answer = dns_wait(scope, "example.com", DNS_TYPE_TXT);
	assert_int_equal(answer->status, DNS_STATUS_FAIL);
	assert_true(strncmp(answer->why, "limit", 5) == 0);
	assert_int_equal(dns_wait(scope, "host.example.com", DNS_TYPE_AAAA)->status, DNS_STATUS_NODATA);
	assert_int_equal(fake_dns_count(dns->server, "example.com", 0), 0);
}

static void test_dns_start_thousand_slow_names_at_once(void **state)
{
	struct behaviour behaviour = { .reply = { .hold_until = 1000 } };	/* the first answer comes when all are asked */
	struct dns_config config = { .dnssec = DNSSEC_OFF, .timeout_ms = 5000, .rounds = 3 };
	struct resolver_fixture *dns = fixture_start(state, &behaviour, config);
	struct dns_scope *scope = fixture_scope(dns, 0, 1000);
	char name[64];

	for (int i = 0; i < 1000; i++) {
		snprintf(name, sizeof(name), "s%d.wild.example.com", i);
		dns_start(scope, name, DNS_TYPE_TXT);
	}
	for (int i = 0; i < 1000; i++) {
		snprintf(name, sizeof(name), "s%d.wild.example.com", i);
		assert_int_equal(dns_wait(scope, name, DNS_TYPE_TXT)->status, DNS_STATUS_DATA);
	}
	assert_int_equal(fake_dns_stalled(dns->server), 0);
}

static void start_mx_host(struct dns_scope *scope, const struct dns_answer *answer, void *arg)
{
	unsigned *called = arg;

	(*called)++;
	if (answer->status == DNS_STATUS_DATA)
		dns_start(scope, "host.example.com", DNS_TYPE_A);
}

static void start_txt_then_mx(struct dns_scope *scope, const struct dns_answer *answer, void *arg)
{
	assert_int_equal(answer->type, DNS_TYPE_TXT);
	dns_start_then(scope, "example.com", DNS_TYPE_MX, start_mx_host, arg);
}

static void test_dns_start_then_walks_ahead(void **state)
{
	struct behaviour behaviour = { .reply = { .delay_ms = 20 } };
	struct resolver_fixture *dns = fixture_start(state, &behaviour, config_off());
	struct dns_scope *scope = fixture_scope(dns, 5000, 10);
	struct fake_dns_question questions[3];
	unsigned called = 0;

	dns_start_then(scope, "example.com", DNS_TYPE_TXT, start_txt_then_mx, &called);
	assert_int_equal(fake_dns_await(dns->server, NULL, 0, 3), 3);
	for (int i = 0; i < 3000 && !dns_ready(scope, "host.example.com", DNS_TYPE_A); i++)
		usleep(10 * 1000);
	for (size_t i = 0; i < 3; i++)
		assert_true(fake_dns_question(dns->server, i, &questions[i]));
	assert_int_equal(questions[0].type, DNS_TYPE_TXT);
	assert_int_equal(questions[1].type, DNS_TYPE_MX);
	assert_int_equal(questions[2].type, DNS_TYPE_A);
	assert_true(dns_ready(scope, "host.example.com", DNS_TYPE_A));
	dns_scope_free(&dns->scope);
	assert_int_equal(called, 1);
	/* from the cache: called before it returns */
	scope = fixture_scope(dns, 5000, 10);
	dns_start_then(scope, "example.com", DNS_TYPE_TXT, start_txt_then_mx, &called);
	assert_int_equal(called, 2);
	assert_true(dns_ready(scope, "host.example.com", DNS_TYPE_A));
}

static void test_dns_start_then_over_the_limit_and_no_name(void **state)
{
	struct resolver_fixture *dns = fixture_start(state, NULL, config_off());
	struct dns_scope *scope = fixture_scope(dns, 5000, 0);
	unsigned called = 0;

	dns_start_then(scope, "example.com", DNS_TYPE_MX, start_mx_host, &called);
	dns_start_then(scope, "a..b", DNS_TYPE_MX, start_mx_host, &called);
	assert_int_equal(called, 2);
}

static void test_dns_scope_free_while_in_flight(void **state)
{
	struct behaviour behaviour = { .reply = { .delay_ms = 40 } };
	struct resolver_fixture *dns = fixture_start(state, &behaviour, config_off());
	struct dns_statistics statistics;

	for (int i = 0; i < 60; i++) {
		struct dns_scope *scope = dns_scope_new(dns->resolver, 5000, 10);
		unsigned *called = calloc(1, sizeof(*called));
		char name[64];

		snprintf(name, sizeof(name), "r%d.wild.example.com", i);
		dns_start_then(scope, name, DNS_TYPE_TXT, start_mx_host, called);
		dns_start(scope, "www.example.com", DNS_TYPE_A);
		usleep((unsigned)i * 1000);	/* before, while and after the answer comes */
		dns_scope_free(&scope);
		free(called);			/* nobody may touch it now */
	}
	/* what was not answered yet ended with its scope, and left nothing behind */
	dns_resolver_statistics(dns->resolver, &statistics);
	assert_true(statistics.cancelled >= 10);
	assert_int_equal(fixture_status(dns, "r0.wild.example.com", DNS_TYPE_TXT), DNS_STATUS_DATA);
}

static void test_dns_resolver_free_while_in_flight(void **state)
{
	struct behaviour behaviour = { .reply = { .drop = true } };
	struct dns_config config = { .dnssec = DNSSEC_OFF, .timeout_ms = 60000, .max_inflight = 4 };
	struct resolver_fixture *dns = fixture_start(state, &behaviour, config);
	struct dns_scope *scope = fixture_scope(dns, 5000, 20);
	int64_t begun_ms;
	unsigned called = 0;
	char name[64];

	for (int i = 0; i < 12; i++) {
		snprintf(name, sizeof(name), "q%d.example.com", i);
		dns_start_then(scope, name, DNS_TYPE_TXT, start_mx_host, &called);
	}
	dns_scope_free(&dns->scope);
	begun_ms = clock_monotonic_ms();
	dns_resolver_free(&dns->resolver);
	assert_null(dns->resolver);
	assert_true(clock_monotonic_ms() - begun_ms < 30000);	/* the time-out is 60 s */
	assert_int_equal(called, 0);
}

/* Many sessions at once over few names, a cache too small for them, prefetch, early ends: for the sanitizers. */
struct sessions {
	struct dns_resolver *resolver;
	enum dns_status status;		/* of the worst answer */
	pthread_t thread;
};

static void *sessions_run(void *argument)
{
	struct sessions *sessions = argument;
	unsigned seed = (unsigned)(uintptr_t)&sessions->thread;

	sessions->status = DNS_STATUS_DATA;
	for (int i = 0; i < 60; i++) {
		struct dns_scope *scope = dns_scope_new(sessions->resolver, 5000, 30);
		unsigned called[8] = { 0 };
		char name[40];

		for (int j = 0; j < 8; j++) {
			snprintf(name, sizeof(name), "m%d.wild.example.com", rand_r(&seed) % 100);
			dns_start_then(scope, name, DNS_TYPE_TXT, start_mx_host, &called[j]);
		}
		for (int j = 0; j < rand_r(&seed) % 8; j++) {
			snprintf(name, sizeof(name), "m%d.wild.example.com", rand_r(&seed) % 100);
			if (dns_wait(scope, name, DNS_TYPE_TXT)->status != DNS_STATUS_DATA ||
			    dns_wait(scope, "www.example.com", DNS_TYPE_A)->rr_count != 1)
				sessions->status = DNS_STATUS_FAIL;
			dns_ready(scope, name, DNS_TYPE_A);
		}
		dns_scope_free(&scope);
	}
	return NULL;
}

static void test_dns_scopes_of_many_threads(void **state)
{
	struct dns_config config = { .dnssec = DNSSEC_OFF, .cache_bytes = 32 * 1024, .timeout_ms = 2000 };
	struct resolver_fixture *dns = fixture_start(state, NULL, config);
	struct sessions sessions[8];

	for (size_t i = 0; i < 8; i++) {
		sessions[i].resolver = dns->resolver;
		assert_int_equal(pthread_create(&sessions[i].thread, NULL, sessions_run, &sessions[i]), 0);
	}
	for (size_t i = 0; i < 8; i++)
		pthread_join(sessions[i].thread, NULL);
	for (size_t i = 0; i < 8; i++)
		assert_int_equal(sessions[i].status, DNS_STATUS_DATA);
}

/* What is cached is answered on the caller's thread: it asks nobody and sleeps for nobody. tests/bench measures the time. */
static void test_dns_wait_from_cache_asks_and_waits_for_nobody(void **state)
{
	struct resolver_fixture *dns = fixture_start(state, NULL, config_off());
	struct rusage before, after;
	enum { SCOPES = 200, NAMES = 50 };
	char names[NAMES][40];

	for (int i = 0; i < NAMES; i++) {
		snprintf(names[i], sizeof(names[i]), "c%d.wild.example.com", i);
		assert_int_equal(fixture_status(dns, names[i], DNS_TYPE_TXT), DNS_STATUS_DATA);
	}
	getrusage(RUSAGE_THREAD, &before);
	for (int i = 0; i < SCOPES; i++) {
		struct dns_scope *scope = dns_scope_new(dns->resolver, 5000, NAMES);

		for (int j = 0; j < NAMES; j++)
			assert_true(dns_wait(scope, names[j], DNS_TYPE_TXT)->from_cache);
		dns_scope_free(&scope);
	}
	getrusage(RUSAGE_THREAD, &after);
	assert_int_equal(fake_dns_count(dns->server, NULL, 0), NAMES);
	/* a wait for the resolver's thread would be one each; a lock that somebody holds is rare */
	assert_true(after.ru_nvcsw - before.ru_nvcsw < SCOPES * NAMES / 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RESOLVER_TEST(test_dns_wait_same_question_goes_out_once),
		RESOLVER_TEST(test_dns_cache_keeps_for_the_ttl),
		RESOLVER_TEST(test_dns_cache_is_bounded_in_bytes),
		RESOLVER_TEST(test_dns_scope_keeps_answers_that_were_evicted),
		RESOLVER_TEST(test_dns_wait_honours_the_deadline),
		RESOLVER_TEST(test_dns_scope_caps_look_ups),
		RESOLVER_TEST(test_dns_start_thousand_slow_names_at_once),
		RESOLVER_TEST(test_dns_start_then_walks_ahead),
		RESOLVER_TEST(test_dns_start_then_over_the_limit_and_no_name),
		RESOLVER_TEST(test_dns_scope_free_while_in_flight),
		RESOLVER_TEST(test_dns_resolver_free_while_in_flight),
		RESOLVER_TEST(test_dns_scopes_of_many_threads),
		RESOLVER_TEST(test_dns_wait_from_cache_asks_and_waits_for_nobody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
