/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The validator within the resolver: a small signed world behind a server on loopback that lies. What is joined from several
 * answers, what is kept and for how long, and where resolver and validator must see the same in one message.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "resolver/internal.h"
#include "dnssec_world.h"
#include "resolver_fixture.h"

enum { FLAG_TC = 2, RCODE_REFUSED = 5 };

/* The world that the server answers from, made before it; the atomic members may be changed while it answers. */
static struct served {
	struct world *world;
	struct zone *root, *tld, *zone;
	_Atomic(const char *) dropped;	/* no answer to questions of this name … */
	_Atomic uint16_t dropped_type;	/* … and type */
	_Atomic uint8_t rcode;		/* instead of answers to TXT */
	_Atomic bool unsigned_keys;	/* DNSKEY answers lack their signatures */
	_Atomic bool truncate;		/* TC in answers to TXT, by UDP and TCP */
	uint8_t wire[65536];
} served;

static int setup(void **state)
{
	struct reply *ds;

	memset(&served, 0, sizeof(served));
	served.world = world_new(NULL);
	served.root = world_root(served.world);
	served.tld = zone_new(served.root, "test.", LDNS_SIGN_ED25519);
	served.zone = zone_new(served.tld, "zone.test.", LDNS_SIGN_ED25519);
	ds = reply_new(served.world, "plain.test.", LDNS_RR_TYPE_DS, LDNS_RCODE_NOERROR);
	reply_add(ds, SECTION_AUTHORITY, "plain.test. 300 IN NSEC zone.test. NS RRSIG NSEC", served.tld);
	reply_serve(ds);
	return fixture_setup(state);
}

static int teardown(void **state)
{
	int status = fixture_teardown(state);

	world_free(&served.world);
	return status;
}

/* The answer as a server passes it on that knows nothing of DNSSEC. @return its length. */
static size_t wire_without_signatures(const struct reply *reply, uint8_t *wire_r, size_t room)
{
	ldns_rr_list *kept = ldns_rr_list_new(), *all;
	uint8_t *wire = NULL;
	size_t length = 0;
	ldns_pkt *packet;

	assert_int_equal(ldns_wire2pkt(&packet, reply->wire, reply->length), LDNS_STATUS_OK);
	all = ldns_pkt_answer(packet);
	for (size_t i = 0; i < ldns_rr_list_rr_count(all); i++)
		if (ldns_rr_get_type(ldns_rr_list_rr(all, i)) != LDNS_RR_TYPE_RRSIG)
			ldns_rr_list_push_rr(kept, ldns_rr_clone(ldns_rr_list_rr(all, i)));
	ldns_rr_list_deep_free(all);
	ldns_pkt_set_answer(packet, kept);
	ldns_pkt_set_ancount(packet, (uint16_t)ldns_rr_list_rr_count(kept));
	assert_int_equal(ldns_pkt2wire(&wire, packet, &length), LDNS_STATUS_OK);
	assert_true(length <= room);
	memcpy(wire_r, wire, length);
	free(wire);
	ldns_pkt_free(packet);
	return length;
}

static void serve(void *context, const char *name, uint16_t type, bool tcp, struct fake_dns_reply *reply)
{
	const struct reply *found = world_find(served.world, name, type);
	const char *dropped = served.dropped;

	(void)context, (void)tcp;
	if (strncmp(name, "flood", 5) == 0 || (dropped != NULL && strcmp(name, dropped) == 0 && type == served.dropped_type)) {
		reply->drop = true;
		return;
	}
	if (found == NULL || (type == DNS_TYPE_TXT && served.rcode != 0)) {
		reply->rcode_set = true;
		reply->rcode = found == NULL ? RCODE_REFUSED : served.rcode;
		return;
	}
	if (type == DNS_TYPE_DNSKEY && served.unsigned_keys) {
		reply->raw = served.wire;
		reply->raw_length = wire_without_signatures(found, served.wire, sizeof(served.wire));
		return;
	}
	memcpy(served.wire, found->wire, found->length);
	if (type == DNS_TYPE_TXT && served.truncate)
		served.wire[2] |= FLAG_TC;
	reply->raw = served.wire;
	reply->raw_length = found->length;
}

static struct resolver_fixture *start_mode(void **state, enum dnssec_mode mode)
{
	const char *anchors[] = { served.world->anchor_path, NULL };
	struct dns_config config = { .dnssec = mode, .trust_anchor_files = anchors, .clock = &served.world->clock,
		.timeout_ms = 300, .rounds = 1 };

	return fixture_start_callback(state, serve, NULL, config);
}

static struct resolver_fixture *start(void **state)
{
	return start_mode(state, DNSSEC_VALIDATE);
}

static struct reply *reply_to(const char *name, ldns_pkt_rcode rcode)
{
	return reply_new(served.world, name, LDNS_RR_TYPE_TXT, rcode);
}

/* A TXT record with its signature, served. */
static void serve_txt(const char *name, unsigned ttl, struct zone *signer)
{
	struct reply *reply = reply_to(name, LDNS_RCODE_NOERROR);

	reply_add(reply, SECTION_ANSWER, arena_printf(served.world->arena, "%s %u IN TXT \"v=spf1 -all\"", name, ttl), signer);
	reply_serve(reply);
}

/* An alias alone: its target is to be asked for. */
static void serve_alias(const char *name, unsigned ttl, const char *target, struct zone *signer)
{
	struct reply *reply = reply_to(name, LDNS_RCODE_NOERROR);

	reply_add(reply, SECTION_ANSWER, arena_printf(served.world->arena, "%s %u IN CNAME %s", name, ttl, target), signer);
	reply_serve(reply);
}

/* The proof that name, which has a TXT record, is no delegation. */
static void deny_ds(const char *name)
{
	struct reply *ds = reply_new(served.world, name, LDNS_RR_TYPE_DS, LDNS_RCODE_NOERROR);

	reply_add(ds, SECTION_AUTHORITY, arena_printf(served.world->arena, "%s 300 IN NSEC zone.test. TXT RRSIG NSEC", name),
	    served.zone);
	reply_serve(ds);
}

static const struct dns_answer *ask(struct resolver_fixture *dns, const char *name)
{
	return dns_wait(fixture_scope(dns, 10000, 50), name, DNS_TYPE_TXT);
}

static void assert_answer(struct resolver_fixture *dns, const char *name, enum dns_status status, enum dns_security security)
{
	const struct dns_answer *answer = ask(dns, name);

	print_message("# %s: %s, %s, %s\n", name, dns_status_name(answer->status), dns_security_name(answer->security),
	    answer->why);
	assert_int_equal(answer->status, status);
	assert_int_equal(answer->security, security);
}

/* ---- DNAME ---- */

static void add_dname(struct reply *reply)
{
	reply_add(reply, SECTION_ANSWER, "d.zone.test. 300 IN DNAME e.zone.test.", served.zone);
}

static void test_dname_with_its_cname(void **state)
{
	struct reply *reply = reply_to("www.d.zone.test.", LDNS_RCODE_NOERROR);

	add_dname(reply);
	reply_add(reply, SECTION_ANSWER, "www.d.zone.test. 300 IN CNAME www.e.zone.test.", NULL);
	reply_add(reply, SECTION_ANSWER, "www.e.zone.test. 300 IN TXT \"v=spf1 -all\"", served.zone);
	reply_serve(reply);
	assert_answer(start(state), "www.d.zone.test", DNS_STATUS_DATA, DNS_SECURE);
}

/*
 * A true DNAME whose CNAME was taken away, and an SOA that anybody could have written: the validator follows the one, the
 * resolver would take the other for the absence of the record (RFC 6672 section 3.1: the CNAME comes with the DNAME).
 */
static void test_dname_stripped_of_its_cname(void **state)
{
	static const char soa[] = "zone.test. 300 IN SOA a. b. 1 2 3 4 300";
	struct reply *alone = reply_to("www.d.zone.test.", LDNS_RCODE_NOERROR);
	struct reply *away = reply_to("www.f.zone.test.", LDNS_RCODE_NOERROR);
	struct reply *with_target = reply_to("ftp.d.zone.test.", LDNS_RCODE_NOERROR);
	struct reply *behind_alias = reply_to("alias.zone.test.", LDNS_RCODE_NOERROR);
	struct reply *nxdomain = reply_to("nx.d.zone.test.", LDNS_RCODE_NXDOMAIN);

	add_dname(alone);
	reply_add(alone, SECTION_AUTHORITY, soa, NULL);
	reply_serve(alone);
	/* the target out of reach of the SOA: the validator would leave it to a question of its own */
	reply_add(away, SECTION_ANSWER, "f.zone.test. 300 IN DNAME test.", served.zone);
	reply_add(away, SECTION_AUTHORITY, soa, NULL);
	reply_serve(away);
	add_dname(with_target);
	reply_add(with_target, SECTION_ANSWER, "ftp.e.zone.test. 300 IN TXT \"v=spf1 -all\"", served.zone);
	reply_add(with_target, SECTION_AUTHORITY, soa, NULL);
	reply_serve(with_target);
	add_dname(behind_alias);
	reply_add(behind_alias, SECTION_ANSWER, "alias.zone.test. 300 IN CNAME www.d.zone.test.", served.zone);
	reply_add(behind_alias, SECTION_AUTHORITY, soa, NULL);
	reply_serve(behind_alias);
	add_dname(nxdomain);
	reply_add(nxdomain, SECTION_AUTHORITY, soa, NULL);
	reply_add(nxdomain, SECTION_AUTHORITY, "zone.test. 300 IN NSEC zone.test. NS SOA RRSIG NSEC", served.zone);
	reply_serve(nxdomain);
	start(state);
	assert_answer(*state, "www.d.zone.test", DNS_STATUS_FAIL, DNS_INDETERMINATE);
	assert_answer(*state, "www.f.zone.test", DNS_STATUS_FAIL, DNS_INDETERMINATE);
	assert_answer(*state, "ftp.d.zone.test", DNS_STATUS_FAIL, DNS_INDETERMINATE);
	assert_answer(*state, "alias.zone.test", DNS_STATUS_FAIL, DNS_INDETERMINATE);
	assert_answer(*state, "nx.d.zone.test", DNS_STATUS_FAIL, DNS_INDETERMINATE);
}

/* ---- answers joined ---- */

static void test_alias_and_target_asked_separately(void **state)
{
	serve_alias("alias.zone.test.", 50, "target.zone.test.", served.zone);
	serve_txt("target.zone.test.", 300, served.zone);
	serve_alias("out.zone.test.", 300, "www.plain.test.", served.zone);
	serve_alias("in.plain.test.", 300, "target.zone.test.", NULL);
	serve_txt("www.plain.test.", 40, NULL);
	serve_alias("torn.zone.test.", 300, "stripped.zone.test.", served.zone);
	serve_txt("stripped.zone.test.", 300, NULL);
	deny_ds("stripped.zone.test.");
	start(state);
	assert_answer(*state, "alias.zone.test", DNS_STATUS_DATA, DNS_SECURE);
	assert_in_range(ask(*state, "alias.zone.test")->ttl_secs, 40, 50);
	assert_answer(*state, "out.zone.test", DNS_STATUS_DATA, DNS_INSECURE);
	assert_in_range(ask(*state, "out.zone.test")->ttl_secs, 30, 40);
	assert_answer(*state, "in.plain.test", DNS_STATUS_DATA, DNS_INSECURE);
	assert_answer(*state, "torn.zone.test", DNS_STATUS_FAIL, DNS_BOGUS);
	assert_answer(*state, "target.zone.test", DNS_STATUS_DATA, DNS_SECURE);
}

/* The alias is true, its target is denied by nothing but the word of the server: in the same message, and asked for. */
static void test_alias_whose_target_is_hidden(void **state)
{
	struct reply *one = reply_to("one.zone.test.", LDNS_RCODE_NOERROR), *two = reply_to("two.zone.test.", LDNS_RCODE_NXDOMAIN);
	struct reply *target = reply_to("target.zone.test.", LDNS_RCODE_NOERROR);

	deny_ds("target.zone.test.");
	reply_add(one, SECTION_ANSWER, "one.zone.test. 300 IN CNAME target.zone.test.", served.zone);
	reply_add(one, SECTION_AUTHORITY, "zone.test. 300 IN SOA a. b. 1 2 3 4 300", served.zone);
	reply_serve(one);
	reply_add(two, SECTION_ANSWER, "two.zone.test. 300 IN CNAME target.zone.test.", served.zone);
	reply_serve(two);
	reply_add(target, SECTION_AUTHORITY, "test. 300 IN SOA a. b. 1 2 3 4 300", NULL);
	reply_serve(target);
	serve_alias("three.zone.test.", 300, "target.zone.test.", served.zone);
	start(state);
	assert_answer(*state, "one.zone.test", DNS_STATUS_FAIL, DNS_BOGUS);
	assert_answer(*state, "two.zone.test", DNS_STATUS_FAIL, DNS_BOGUS);
	assert_answer(*state, "three.zone.test", DNS_STATUS_FAIL, DNS_BOGUS);
}

/* ---- headers that lie ---- */

static void test_error_codes_are_no_absence(void **state)
{
	static const uint8_t codes[] = { 1, 2, 4, 5, 6, 7, 8, 9, 10, 15 };

	serve_txt("www.zone.test.", 300, served.zone);
	deny_ds("www.zone.test.");
	for (size_t i = 0; i < sizeof(codes); i++) {
		served.rcode = codes[i];
		assert_answer(start(state), "www.zone.test", DNS_STATUS_FAIL, DNS_INDETERMINATE);
	}
	/* NXDOMAIN, but no proof */
	served.rcode = 3;
	assert_answer(start(state), "www.zone.test", DNS_STATUS_FAIL, DNS_BOGUS);
	served.rcode = 0;
	assert_answer(start(state), "www.zone.test", DNS_STATUS_DATA, DNS_SECURE);
}

static void test_nxdomain_with_the_record(void **state)
{
	struct reply *reply = reply_to("www.zone.test.", LDNS_RCODE_NXDOMAIN);

	reply_add(reply, SECTION_ANSWER, "www.zone.test. 300 IN TXT \"v=spf1 -all\"", served.zone);
	reply_serve(reply);
	assert_int_equal(ask(start(state), "www.zone.test")->status, DNS_STATUS_FAIL);
}

/* An SOA of another zone, or several, prove nothing. */
static void test_absence_by_foreign_soa(void **state)
{
	struct reply *reply = reply_to("www.zone.test.", LDNS_RCODE_NOERROR);

	deny_ds("www.zone.test.");
	reply_add(reply, SECTION_AUTHORITY, "plain.test. 300 IN SOA a. b. 1 2 3 4 300", NULL);
	reply_add(reply, SECTION_AUTHORITY, "test. 300 IN SOA a. b. 1 2 3 4 300", NULL);
	reply_add(reply, SECTION_AUTHORITY, "zone.test. 300 IN SOA a. b. 1 2 3 4 300", served.zone);
	reply_serve(reply);
	assert_answer(start(state), "www.zone.test", DNS_STATUS_FAIL, DNS_BOGUS);
}

/* What a truncated answer lacks is not known to be absent (RFC 2181 section 9), whether anybody validates or not. */
static void test_truncated_by_tcp_too(void **state)
{
	struct reply *empty = reply_to("www.plain.test.", LDNS_RCODE_NOERROR);

	reply_add(empty, SECTION_AUTHORITY, "plain.test. 300 IN SOA a. b. 1 2 3 4 300", NULL);
	reply_serve(empty);
	served.truncate = true;
	assert_answer(start(state), "www.plain.test", DNS_STATUS_FAIL, DNS_INDETERMINATE);
	assert_answer(start_mode(state, DNSSEC_OFF), "www.plain.test", DNS_STATUS_FAIL, DNS_INDETERMINATE);
	assert_answer(start_mode(state, DNSSEC_TRUST_AD), "www.plain.test", DNS_STATUS_FAIL, DNS_INDETERMINATE);
	served.truncate = false;
	assert_answer(start(state), "www.plain.test", DNS_STATUS_NODATA, DNS_INSECURE);
}

/* ---- kept back, kept, and for how long ---- */

static void test_one_kind_of_answer_kept_back(void **state)
{
	struct zone *dark = zone_new(served.tld, "dark.test.", LDNS_SIGN_ED25519);
	static const uint16_t types[] = { DNS_TYPE_DS, DNS_TYPE_DNSKEY };

	serve_txt("zone.test.", 300, served.zone);
	serve_txt("dark.test.", 300, dark);
	for (size_t i = 0; i < 2; i++) {
		served.dropped = "dark.test";
		served.dropped_type = types[i];
		start(state);
		assert_answer(*state, "zone.test", DNS_STATUS_DATA, DNS_SECURE);
		assert_answer(*state, "dark.test", DNS_STATUS_FAIL, DNS_INDETERMINATE);
		served.dropped = NULL;
		assert_answer(start(state), "dark.test", DNS_STATUS_DATA, DNS_SECURE);
	}
}

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
	dns = start(state);
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
	dns = start(state);
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
	start(state);
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
	dns = start(state);
	assert_answer(dns, "www.zone.test", DNS_STATUS_DATA, DNS_SECURE);
	assert_answer(dns, "mail.zone.test", DNS_STATUS_DATA, DNS_SECURE);
	assert_int_equal(fake_dns_count(dns->server, "mail.zone.test", 0), 1);
	assert_answer(dns, "sub.zone.test", DNS_STATUS_DATA, DNS_SECURE);
	assert_answer(dns, "next.zone.test", DNS_STATUS_DATA, DNS_SECURE);
	assert_int_equal(fake_dns_count(dns->server, "next.zone.test", 0), 3);	/* TXT, DS, DNSKEY */
}

static _Atomic bool holding;	/* nothing is answered yet, by serve_held() */

static void serve_held(void *context, const char *name, uint16_t type, bool tcp, struct fake_dns_reply *reply)
{
	serve(context, name, type, tcp, reply);
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
	for (int i = 0; i < 5000 && fake_dns_count(dns->server, NULL, 0) < 6; i++)
		usleep(1000);
	assert_int_equal(fake_dns_count(dns->server, NULL, 0), 6);
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
	dns = fixture_start_callback(state, serve, NULL, config);
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

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

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
	dns = start(state);
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
	dns = start(state);
	assert_answer(dns, "elsewhere.test", DNS_STATUS_DATA, DNS_INDETERMINATE);
	assert_in_range(seconds_kept(dns, "elsewhere.test", DNS_TYPE_TXT), 290, 300);
	assert_answer(dns, "zone.test", DNS_STATUS_DATA, DNS_SECURE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_pressure_of_one_network_is_nobody_elses_verdict),
		CASE(test_dname_with_its_cname), CASE(test_dname_stripped_of_its_cname),
		CASE(test_alias_and_target_asked_separately), CASE(test_alias_whose_target_is_hidden),
		CASE(test_error_codes_are_no_absence), CASE(test_nxdomain_with_the_record), CASE(test_absence_by_foreign_soa),
		CASE(test_truncated_by_tcp_too), CASE(test_one_kind_of_answer_kept_back),
		CASE(test_bogus_answer_of_ttl_0_is_kept), CASE(test_broken_zone_is_asked_once),
		CASE(test_absence_kept_as_long_as_its_proof), CASE(test_keys_without_signatures_are_asked_again),
		CASE(test_uncovered_answer_is_kept), CASE(test_names_of_a_known_zone_are_asked_alone),
		CASE(test_keys_outlive_who_asked_first),
	};

	return cmocka_run_group_tests_name("validate_resolver", tests, NULL, NULL);
}
