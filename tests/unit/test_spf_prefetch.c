/* SPDX-License-Identifier: BSD-2-Clause */
/* Prefetching through the real resolver: what needs no answer is asked before any comes, so a message waits for a chain's depth. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "check/spf/spf.h"
#include "check_fixture.h"
#include "fake_dns.h"
#include "util/clock.h"

/* Twelve look-ups in three steps: example.org; two includes, mx, a; what these name. */
static const char zone[] =
	"example.org. TXT \"v=spf1 include:i1.example.org include:i2.example.org mx a:a1.example.org -all\"\n"
	"example.org. MX 1 mx1.example.org.\nexample.org. MX 2 mx2.example.org.\n"
	"i1.example.org. TXT \"v=spf1 a:b1.example.org a:b2.example.org a:b3.example.org -all\"\n"
	"i2.example.org. TXT \"v=spf1 a:c1.example.org a:c2.example.org -all\"\n"
	"a1.example.org. A 198.51.100.1\nb1.example.org. A 198.51.100.1\nb2.example.org. A 198.51.100.1\n"
	"b3.example.org. A 198.51.100.1\nc1.example.org. A 198.51.100.1\nc2.example.org. A 198.51.100.1\n"
	"mx1.example.org. A 198.51.100.1\nmx2.example.org. A 198.51.100.1\n";

/* The first answer waits for the test; the others for the last question that may be asked without them. */
static void in_steps(void *context, const char *name, uint16_t type, bool tcp, struct fake_dns_reply *reply)
{
	(void)context;
	(void)tcp;
	if (type == DNS_TYPE_TXT && strcmp(name, "example.org") == 0)
		reply->hold_until = FAKE_DNS_HELD;
	else if (type == DNS_TYPE_TXT || type == DNS_TYPE_MX || strcmp(name, "a1.example.org") == 0)
		reply->hold_until = 1 + 4;
	else
		reply->hold_until = 1 + 4 + 7;
}

enum { DELAY_MS = 100 };

static void delay(void *context, const char *name, uint16_t type, bool tcp, struct fake_dns_reply *reply)
{
	(void)context;
	(void)name;
	(void)type;
	(void)tcp;
	reply->delay_ms = DELAY_MS;
}

static struct dns_resolver *resolver_new(struct fake_dns *server)
{
	struct dns_server address = fake_dns_address(server);
	struct dns_config config = { .servers = &address, .server_count = 1, .dnssec = DNSSEC_OFF, .timeout_ms = 60000 };
	char why[200];
	struct dns_resolver *resolver = dns_resolver_new(&config, why, sizeof(why));

	assert_non_null(resolver);
	return resolver;
}

static void test_prefetch_waits_for_the_depth(void **state)
{
	struct fake_dns *server = fake_dns_start(zone, in_steps, NULL);
	struct dns_resolver *resolver = resolver_new(server);
	struct arena *arena = arena_new();
	struct dns_scope *scope = dns_scope_new(resolver, 60000, 300);
	struct spf_request request = { .client = { .family = AF_INET, .bytes = { 192, 0, 2, 1 } }, .helo = "",
		.mail_from = "user@example.org" };
	struct spf_result result;

	(void)state;
	spf_prefetch(&request, scope, arena);	/* it waits for nothing: there is no answer yet */
	assert_false(dns_ready(scope, "example.org", DNS_TYPE_TXT));
	fake_dns_release(server);
	spf_evaluate(&request, scope, arena, &result);
	assert_int_equal(result.result, RESULT_FAIL);
	assert_int_equal(fake_dns_stalled(server), 0);
	assert_int_equal(fake_dns_count(server, NULL, 0), 12);	/* none twice, none in vain */
	dns_scope_free(&scope);
	arena_free(&arena);
	dns_resolver_free(&resolver);
	fake_dns_stop(&server);
}

/* A scope that ends while answers are under way: the prefetch's memory goes with it. */
static void test_prefetch_abandoned(void **state)
{
	struct fake_dns *server = fake_dns_start(zone, delay, NULL);
	struct dns_resolver *resolver = resolver_new(server);

	(void)state;
	for (unsigned i = 0; i < 5; i++) {
		struct arena *arena = arena_new();
		struct dns_scope *scope = dns_scope_new(resolver, 10000, 300);
		struct spf_request request = { .client = { .family = AF_INET, .bytes = { 192, 0, 2, 1 } }, .helo = "",
			.mail_from = "user@example.org" };
		int64_t began = clock_monotonic_ms();

		spf_prefetch(&request, scope, arena);
		while (clock_monotonic_ms() - began < i * DELAY_MS)
			dns_wait(scope, "a1.example.org", DNS_TYPE_A);
		dns_scope_free(&scope);
		arena_free(&arena);
	}
	assert_true(fake_dns_count(server, "example.org", DNS_TYPE_TXT) >= 1);
	dns_resolver_free(&resolver);
	fake_dns_stop(&server);
}

/* The first answer waits for the test, so that all who wait for it are there when it comes. */
static void record_held(void *context, const char *name, uint16_t type, bool tcp, struct fake_dns_reply *reply)
{
	(void)context;
	(void)tcp;
	if (type == DNS_TYPE_TXT && strcmp(name, "example.org") == 0)
		reply->hold_until = FAKE_DNS_HELD;
}

static void arrived(struct dns_scope *scope, const struct dns_answer *answer, void *arg)
{
	(void)scope;
	(void)answer;
	atomic_store((atomic_bool *)arg, true);
}

/*
 * Waits until the prefetch has asked all that the record begins. It hears of the answer on the resolver's thread, when dns_wait()
 * may long have returned; who waits for the same answer after it hears of it behind it.
 */
static void prefetch_wait(struct fake_dns *server, struct dns_scope *scope)
{
	int64_t deadline_ms = clock_monotonic_ms() + 60000;
	atomic_bool behind = false;

	dns_start_then(scope, "example.org", DNS_TYPE_TXT, arrived, &behind);
	fake_dns_release(server);
	while (!atomic_load(&behind) && clock_monotonic_ms() < deadline_ms)
		usleep(1000);
	assert_true(atomic_load(&behind));
	dns_wait(scope, "last.example.org", DNS_TYPE_TXT);	/* behind all of these on the wire */
}

/* An explanation is for a fail (RFC 7208 section 6.2): it is asked early where a term may come to one, and nowhere else. */
static void test_prefetch_asks_for_explanations_of_what_may_fail(void **state)
{
	static const struct { const char *terms; bool asked; } rows[] = {
		{ "-all", true }, { "-a:x.example.org ?all", true }, { "a:x.example.org -mx:x.example.org ~all", true },
		{ "?all", false }, { "a:x.example.org ?all", false }, { "~a:x.example.org ~all", false },
		{ "ip4:192.0.2.1 -all", false }, { "-ip4:192.0.2.1 ?all", true }, { "-ip4:192.0.2.9 ?all", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct arena *arena = arena_new();
		struct fake_dns *server = fake_dns_start(arena_printf(arena, "example.org. TXT \"v=spf1 %s exp=why.example.org\"\n", rows[i].terms),
		    record_held, NULL);
		struct dns_resolver *resolver = resolver_new(server);
		struct dns_scope *scope = dns_scope_new(resolver, 60000, 300);
		struct spf_request request = { .client = { .family = AF_INET, .bytes = { 192, 0, 2, 1 } }, .helo = "",
			.mail_from = "user@example.org" };

		spf_prefetch(&request, scope, arena);
		prefetch_wait(server, scope);
		if ((fake_dns_count(server, "why.example.org", DNS_TYPE_TXT) != 0) != rows[i].asked)
			fail_msg("%s: %s", rows[i].terms, rows[i].asked ? "not asked" : "asked");
		dns_scope_free(&scope);
		dns_resolver_free(&resolver);
		fake_dns_stop(&server);
		arena_free(&arena);
	}
}

static void sender_late(void *context, const char *name, uint16_t type, bool tcp, struct fake_dns_reply *reply)
{
	(void)context;
	(void)type;
	(void)tcp;
	if (strcmp(name, "victim.example") == 0)
		reply->delay_ms = 4 * DELAY_MS;
}

/* A costly record at evil.example and one that fails at victim.example, within what leaves room for one of them. */
static struct check_fixture *costly_new(struct fake_dns **server_r)
{
	char text[4096] = "victim.example. TXT \"v=spf1 include:i1.victim.example include:i2.victim.example -all\"\n"
		"i1.victim.example. TXT \"v=spf1 ?all\"\ni2.victim.example. TXT \"v=spf1 ?all\"\nevil.example. TXT \"v=spf1";
	struct check_fixture *fixture;

	for (int i = 0; i < 10; i++)
		sprintf(text + strlen(text), " mx:m%d.evil.example", i);
	strcat(text, " -all\"\n");
	for (int i = 0; i < 60; i++)
		sprintf(text + strlen(text), "m%d.evil.example. MX 1 h%d.evil.example.\n", i % 10, i);
	*server_r = fake_dns_start(text, sender_late, NULL);
	fixture = fixture_new_server(fake_dns_address(*server_r));
	dns_scope_free(&fixture->context.dns);
	fixture->context.dns = dns_scope_new_limited(fixture->shared.resolver, &(struct dns_limits){ .deadline_ms = 20000,
		.max_lookups = 80, .by_purpose = true });
	assert_int_equal(addr_parse("192.0.2.1", &fixture->connection.client), 0);
	fixture->config.spf_check_helo = true;
	return fixture;
}

/* What the name in HELO asks for is the client's choice: it must not use up what the sender's domain is judged with. */
static void test_helo_takes_nothing_from_the_sender(void **state)
{
	struct fake_dns *server;
	struct check_fixture *fixture = costly_new(&server);

	(void)state;
	fixture->connection.helo = "evil.example";
	fixture->facts.mail_from = "ceo@victim.example";
	fixture->facts.mail_from_domain = "victim.example";
	fixture_run(fixture, &check_spf);
	assert_int_equal(fixture->results.spf.result, RESULT_FAIL);
	assert_true(fixture_raised(fixture, FINDING_SPF_FAIL));
	assert_int_not_equal(fixture->results.spf_helo.result, RESULT_UNCHECKED);
	fixture_free(&fixture);
	fake_dns_stop(&server);
}

/* Nor does the sender's record let the client's forged name off. */
static void test_sender_hides_no_failure_of_helo(void **state)
{
	struct fake_dns *server;
	struct check_fixture *fixture = costly_new(&server);

	(void)state;
	fixture->connection.helo = "victim.example";
	fixture->facts.mail_from = "x@evil.example";
	fixture->facts.mail_from_domain = "evil.example";
	fixture_run(fixture, &check_spf);
	assert_int_equal(dns_scope_exceeded(fixture->context.dns), 1u << DNS_FOR_SPF);
	assert_true(fixture_raised(fixture, FINDING_SPF_HELO_FAIL));
	fixture_free(&fixture);
	fake_dns_stop(&server);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_prefetch_waits_for_the_depth), cmocka_unit_test(test_prefetch_abandoned),
		cmocka_unit_test(test_prefetch_asks_for_explanations_of_what_may_fail),
		cmocka_unit_test(test_helo_takes_nothing_from_the_sender),
		cmocka_unit_test(test_sender_hides_no_failure_of_helo),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
