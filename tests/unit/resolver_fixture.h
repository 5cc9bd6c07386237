/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_TESTS_RESOLVER_FIXTURE_H
#define ASSAY_TESTS_RESOLVER_FIXTURE_H
/*
 * A resolver and the servers on loopback that it asks (fake_dns.h), all ended after the test, passed or not.
 *
 *   static void test_…(void **state)
 *   {
 *   	struct behaviour behaviour = { .reply = { .drop = true }, .first = 1 };
 *   	struct resolver_fixture *dns = fixture_start(state, &behaviour, config_off());
 *   	struct dns_scope *scope = fixture_scope(dns, 5000, 10);
 *   	…dns_wait(scope, "host.example.com", DNS_TYPE_A)…
 *
 * A test is listed with RESOLVER_TEST(test_…). The zone: resolver_fixture.c.
 */
#include "fake_dns.h"

/* How a server departs from its zone. */
struct behaviour {
	struct fake_dns_reply reply;	/* for every question, or only for `name` */
	const char *name;
	unsigned first;			/* only for so many questions; 0: all */
	unsigned seen;
};

struct resolver_fixture {
	struct fake_dns *server;
	struct fake_dns *second;	/* of a pair; NULL */
	struct dns_resolver *resolver;
	struct dns_scope *scope;	/* the last of fixture_scope(); NULL */
	struct arena *arena;		/* for what a test prints of records */
	struct behaviour behaviour;	/* of server */
};

int fixture_setup(void **state);
int fixture_teardown(void **state);
#define RESOLVER_TEST(test) cmocka_unit_test_setup_teardown(test, fixture_setup, fixture_teardown)

/** DNSSEC off, all else as fixture_start() has it. */
struct dns_config config_off(void);

/**
 * Starts a server and a resolver that asks it; what was started before in the same test is ended.
 * @param behaviour  copied; NULL: true to the zone.
 * @param config     its servers are set; timeout_ms 0 becomes 500, rounds 0 becomes 2.
 */
struct resolver_fixture *fixture_start(void **state, const struct behaviour *behaviour, struct dns_config config);
/** The same with a second server, true to the zone, that is asked after the first. */
struct resolver_fixture *fixture_start_pair(void **state, const struct behaviour *behaviour, struct dns_config config);
/** The same with one server without a zone that answers as the callback says; context outlives the test. */
struct resolver_fixture *fixture_start_callback(void **state, fake_dns_callback *callback, void *context,
    struct dns_config config);
/** DNSSEC validated from the root's trust anchor, which the server can sign nothing for; time-out 3 s. */
struct resolver_fixture *fixture_start_validating(void **state, const struct behaviour *behaviour);

/** A new scope; the one before is freed. */
struct dns_scope *fixture_scope(struct resolver_fixture *dns, unsigned deadline_ms, unsigned max_lookups);

/** One question of a scope of its own. */
enum dns_status fixture_status(struct resolver_fixture *dns, const char *name, uint16_t type);

/** The address of host.example.com asked for by so many threads (at most 16) at once. @return how many got it. */
unsigned fixture_ask_together(struct resolver_fixture *dns, unsigned threads);

#endif
