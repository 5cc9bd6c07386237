/* SPDX-License-Identifier: BSD-2-Clause */
/* The validator within the resolver: what is kept and for how long, and who pays for it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "resolver/internal.h"
#include "served_world.h"

static void sleep_ms(unsigned ms)
{
	nanosleep(&(struct timespec){ .tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000 }, NULL);
}

/* RFC 9520 section 3.2: a failure is kept, though its message has a TTL of 0. */
static void test_bogus_answer_of_ttl_0_is_kept(void **state)
{
	struct resolver_fixture *dns;

	serve_txt("www.zone.test.", 0, NULL);
	deny_ds("www.zone.test.");
	dns = served_start(state);
	assert_answer(dns, "www.zone.test", DNS_STATUS_FAIL, DNS_BOGUS);
	sleep_ms(1300);
	assert_answer(dns, "www.zone.test", DNS_STATUS_FAIL, DNS_BOGUS);
	assert_int_equal(fake_dns_count(dns->server, "www.zone.test", DNS_TYPE_TXT), 1);
}

/* A zone whose keys are broken is asked for them once, however many of its names are asked for. */
static void test_broken_zone_is_asked_once(void **state)
{
	struct zone *broken = zone_unserved(served.tld, "broken.test.", LDNS_SIGN_ED25519);
	struct reply *keys = reply_new(served.world, "broken.test.", LDNS_RR_TYPE_DNSKEY, LDNS_RCODE_NOERROR);
	struct resolver_fixture *dns;

	zone_serve_ds(broken);
	reply_serve(keys);
	for (unsigned i = 0; i < 20; i++)
		serve_txt(arena_printf(served.world->arena, "n%u.broken.test.", i), 0, broken);
	dns = served_start(state);
	for (unsigned i = 0; i < 20; i++)
		assert_answer(dns, arena_printf(dns->arena, "n%u.broken.test", i), DNS_STATUS_FAIL, DNS_BOGUS);
	/* one more may have been on its way when the first was judged */
	assert_in_range(fake_dns_count(dns->server, "broken.test", DNS_TYPE_DNSKEY), 1, 2);
}

/* The SOA of an absence is signed by nobody who was asked: the proof bounds how long it is kept (RFC 9077 section 3.2). */
static void test_absence_kept_as_long_as_its_proof(void **state)
{
	struct reply *reply = reply_to("_dmarc.zone.test.", LDNS_RCODE_NXDOMAIN);

	reply_add(reply, SECTION_AUTHORITY, "zone.test. 86400 IN SOA a. b. 1 2 3 4 86400", NULL);
	reply_add(reply, SECTION_AUTHORITY, "zone.test. 30 IN NSEC zone.test. NS SOA RRSIG NSEC", served.zone);
	reply_serve(reply);
	served_start(state);
	assert_answer(*state, "_dmarc.zone.test", DNS_STATUS_NXDOMAIN, DNS_SECURE);
	assert_in_range(ask(*state, "_dmarc.zone.test")->ttl_secs, 1, 30);
}

/* Names of a zone that is known are asked alone; once a zone was found below it, with what they need if they are zones, too. */
static void test_names_of_a_known_zone_are_asked_alone(void **state)
{
	struct zone *sub = zone_new(served.zone, "sub.zone.test.", LDNS_SIGN_ED25519);
	struct resolver_fixture *dns;

	serve_txt("www.zone.test.", 300, served.zone);
	serve_txt("mail.zone.test.", 300, served.zone);
	serve_txt("sub.zone.test.", 300, sub);
	serve_txt("next.zone.test.", 300, served.zone);
	dns = served_start(state);
	assert_answer(dns, "www.zone.test", DNS_STATUS_DATA, DNS_SECURE);
	assert_answer(dns, "mail.zone.test", DNS_STATUS_DATA, DNS_SECURE);
	assert_int_equal(fake_dns_count(dns->server, "mail.zone.test", 0), 1);
	assert_answer(dns, "sub.zone.test", DNS_STATUS_DATA, DNS_SECURE);
	assert_answer(dns, "next.zone.test", DNS_STATUS_DATA, DNS_SECURE);
	assert_int_equal(fake_dns_await(dns->server, "next.zone.test", 0, 3), 3);	/* TXT, DS, DNSKEY */
}

static _Atomic bool holding;	/* nothing is answered yet, by serve_held() */

static void serve_held(void *context, const char *name, uint16_t type, bool tcp, struct fake_dns_reply *reply)
{
	serve_world(context, name, type, tcp, reply);
	if (holding)
		reply->hold_until = FAKE_DNS_HELD;
}

/* Whoever began the look-ups for a zone's keys goes before anything is answered; another message wants the same. */
static void test_keys_outlive_who_asked_first(void **state)
{
	static const char *const names[] = { ".", "test", "zone.test" };
	const char *anchors[] = { served.world->anchor_path, NULL };
	struct dns_config config = { .dnssec = DNSSEC_VALIDATE, .trust_anchor_files = anchors, .clock = &served.world->clock,
		.timeout_ms = 10000, .rounds = 1 };
	struct dns_scope *first, *second;
	struct resolver_fixture *dns;

	serve_txt("zone.test.", 300, served.zone);
	holding = true;
	dns = fixture_start_callback(state, serve_held, NULL, config);
	first = dns_scope_new(dns->resolver, 10000, 50);
	second = dns_scope_new(dns->resolver, 10000, 50);
	dns_start(first, "zone.test", DNS_TYPE_TXT);
	assert_int_equal(fake_dns_await(dns->server, NULL, 0, 6), 6);
	dns_start(second, "zone.test", DNS_TYPE_TXT);
	dns_scope_free(&first);
	fake_dns_release(dns->server);
	assert_int_equal(dns_wait(second, "zone.test", DNS_TYPE_TXT)->security, DNS_SECURE);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(fake_dns_count(dns->server, names[i], DNS_TYPE_DNSKEY), 1);
	for (size_t i = 1; i < 3; i++)
		assert_int_equal(fake_dns_count(dns->server, names[i], DNS_TYPE_DS), 1);
	dns_scope_free(&second);
	holding = false;
}

static struct dns_scope *scope_of(struct resolver_fixture *dns, const char *client, unsigned max_queries)
{
	struct dns_limits limits = { .deadline_ms = 20000, .max_lookups = 100, .max_queries = max_queries };
	struct ip_addr address;

	assert_int_equal(addr_parse(client, &address), 0);
	limits.client = &address;
	return dns_scope_new_limited(dns->resolver, &limits);
}

/* How things stand with the queries: polled, since nobody waits for these. */
static bool comes_true(struct resolver_fixture *dns, bool (*condition)(const struct dns_statistics *statistics))
{
	struct dns_statistics statistics;

	for (int i = 0; i < 20000; i++) {
		dns_resolver_statistics(dns->resolver, &statistics);
		if (condition(&statistics))
			return true;
		usleep(1000);
	}
	return false;
}

static bool all_answered(const struct dns_statistics *statistics)
{
	return statistics->queries_sent == 1 && statistics->inflight == 0;
}

enum { FLOODS = 4200, PLACES = 8 + 2048 };	/* one network's part of 16 under way and 4,096 that wait */

static bool pressed(const struct dns_statistics *statistics)
{
	return statistics->pressed != 0;
}

static bool all_places_are_taken(const struct dns_statistics *statistics)
{
	return statistics->pressed == FLOODS - PLACES;
}

static bool keys_found_none(const struct dns_statistics *statistics)
{
	return statistics->pressed == FLOODS - PLACES + 5;	/* keys of three zones, DS of two */
}

/* A network that floods finds no room for the keys of an answer; that is no verdict, least of all for other networks. */
static void test_pressure_of_one_network_is_nobody_elses_verdict(void **state)
{
	const char *anchors[] = { served.world->anchor_path, NULL };
	struct dns_config config = { .dnssec = DNSSEC_VALIDATE, .trust_anchor_files = anchors, .clock = &served.world->clock,
		.timeout_ms = 60000, .rounds = 1, .max_inflight = 16 };
	struct dns_scope *first, *floods[FLOODS], *same, *other;
	struct resolver_fixture *dns;
	char name[64];

	serve_txt("zone.test.", 300, served.zone);
	dns = fixture_start_callback(state, serve_world, NULL, config);
	first = scope_of(dns, "192.0.2.1", 1);	/* the answer comes, its keys are not asked for */
	dns_start(first, "zone.test", DNS_TYPE_TXT);
	assert_true(comes_true(dns, all_answered));
	dns_scope_free(&first);
	for (unsigned i = 0; i < FLOODS; i++) {
		if (i == FLOODS / 2)	/* some of the first find no room before others are on their way */
			assert_true(comes_true(dns, pressed));
		snprintf(name, sizeof(name), "flood%u.test", i);
		floods[i] = scope_of(dns, "198.51.100.1", 1);
		dns_start(floods[i], name, DNS_TYPE_TXT);
	}
	assert_true(comes_true(dns, all_places_are_taken));
	same = scope_of(dns, "198.51.100.2", 0);
	other = scope_of(dns, "203.0.113.1", 0);
	assert_int_equal(dns_wait(same, "zone.test", DNS_TYPE_TXT)->failure, DNS_FAILURE_PRESSURE);
	assert_true(comes_true(dns, keys_found_none));
	assert_int_equal(dns_wait(other, "zone.test", DNS_TYPE_TXT)->failure, DNS_FAILURE_NONE);
	assert_int_equal(dns_wait(other, "zone.test", DNS_TYPE_TXT)->security, DNS_SECURE);
	dns_scope_free(&same);
	dns_scope_free(&other);
	for (unsigned i = 0; i < FLOODS; i++)
		dns_scope_free(&floods[i]);
}

static uint32_t seconds_kept(struct resolver_fixture *dns, const char *text, uint16_t type)
{
	struct dns_name name;
	struct cache_view view;
	struct cache_entry *entry;
	bool made;

	assert_int_equal(dns_name_parse(text, &name), 0);
	entry = cache_acquire(dns->resolver->cache, &name, type, 0, NULL, true, &made);
	assert_false(made);
	cache_view(entry, dns->arena, &view);
	cache_release(&entry);
	return view.ttl_secs;
}

/* Keys that came without signatures, once, at start, must not keep DNSSEC away for as long as their TTL (here 3600). */
static void test_keys_without_signatures_are_asked_again(void **state)
{
	struct resolver_fixture *dns;

	serve_txt("one.zone.test.", 300, served.zone);
	served.unsigned_keys = true;
	dns = served_start(state);
	assert_answer(dns, "one.zone.test", DNS_STATUS_DATA, DNS_INDETERMINATE);
	assert_in_range(seconds_kept(dns, ".", DNS_TYPE_DNSKEY), 1, 60);
	/* what was judged without them is judged again as well, but not for every message */
	assert_in_range(seconds_kept(dns, "one.zone.test", DNS_TYPE_TXT), 50, 60);
}

/* Below no trust anchor there is nothing to wait for: such answers are kept as long as they say. */
static void test_uncovered_answer_is_kept(void **state)
{
	struct resolver_fixture *dns;

	world_trust(served.world, (struct zone *const[]){ served.zone, NULL });
	serve_txt("elsewhere.test.", 300, served.tld);
	serve_txt("zone.test.", 300, served.zone);
	dns = served_start(state);
	assert_answer(dns, "elsewhere.test", DNS_STATUS_DATA, DNS_INDETERMINATE);
	assert_in_range(seconds_kept(dns, "elsewhere.test", DNS_TYPE_TXT), 290, 300);
	assert_answer(dns, "zone.test", DNS_STATUS_DATA, DNS_SECURE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_pressure_of_one_network_is_nobody_elses_verdict),
		CASE(test_bogus_answer_of_ttl_0_is_kept),
		CASE(test_broken_zone_is_asked_once),
		CASE(test_absence_kept_as_long_as_its_proof),
		CASE(test_keys_without_signatures_are_asked_again),
		CASE(test_uncovered_answer_is_kept),
		CASE(test_names_of_a_known_zone_are_asked_alone),
		CASE(test_keys_outlive_who_asked_first),
	};

	return cmocka_run_group_tests_name("validate_resolver", tests, NULL, NULL);
}
