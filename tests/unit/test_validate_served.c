/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the resolver makes of a verdict, with a small signed world behind a server on loopback: names that do not exist by
 * their own record, zones that are served locally, errors that the server explains.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "denial_records.h"
#include "resolver_fixture.h"

enum { FLAG_AD = 0x20, RCODE_NXDOMAIN = 3, RCODE_REFUSED = 5 };

/* The world that the server answers from. */
static struct served {
	struct world *world;
	struct zone *root, *tld, *zone;
	bool authenticated;		/* AD in each answer */
	uint8_t wire[65536];
} served;

static int setup(void **state)
{
	memset(&served, 0, sizeof(served));
	served.world = world_new(NULL);
	served.root = world_root(served.world);
	served.tld = zone_new(served.root, "test.", LDNS_SIGN_ED25519);
	served.zone = zone_new(served.tld, "zone.test.", LDNS_SIGN_ED25519);
	return fixture_setup(state);
}

static int teardown(void **state)
{
	int status = fixture_teardown(state);

	world_free(&served.world);
	return status;
}

static void serve(void *context, const char *name, uint16_t type, bool tcp, struct fake_dns_reply *reply)
{
	const struct reply *found = world_find(served.world, name, type);

	(void)context, (void)tcp;
	if (found == NULL) {
		reply->rcode_set = true;
		reply->rcode = RCODE_REFUSED;
		return;
	}
	memcpy(served.wire, found->wire, found->length);
	if (served.authenticated)
		served.wire[3] |= FLAG_AD;
	reply->raw = served.wire;
	reply->raw_length = found->length;
}

static struct dns_scope *ask(void **state, struct dns_config config)
{
	const char *anchors[] = { served.world->anchor_path, NULL };

	config.trust_anchor_files = anchors;
	config.clock = &served.world->clock;
	config.timeout_ms = 300;
	config.rounds = 1;
	return fixture_scope(fixture_start_callback(state, serve, NULL, config), 5000, 20);
}

static struct dns_config mode(enum dnssec_mode dnssec)
{
	return (struct dns_config){ .dnssec = dnssec };
}

/* ---- compact denial ---- */

static void serve_absence(const char *name, const char *proof)
{
	struct reply *reply = reply_noerror(served.world, name, LDNS_RR_TYPE_TXT);

	reply_add(reply, SECTION_AUTHORITY, "zone.test. 300 IN SOA a. b. 1 2 3 4 5", served.zone);
	reply_add(reply, SECTION_AUTHORITY, proof, served.zone);
	reply_serve(reply);
}

#define NXNAME_PROOF "n.zone.test. 300 IN NSEC \\000.n.zone.test. RRSIG NSEC TYPE128"

static void test_nxname_is_nxdomain(void **state)
{
	const struct dns_answer *answer;

	serve_absence("n.zone.test.", NXNAME_PROOF);
	answer = dns_wait(ask(state, mode(DNSSEC_VALIDATE)), "n.zone.test", DNS_TYPE_TXT);
	assert_int_equal(answer->security, DNS_SECURE);
	assert_int_equal(answer->status, DNS_STATUS_NXDOMAIN);
	assert_int_equal(answer->rcode, RCODE_NXDOMAIN);
}

static void test_older_signer_is_nodata(void **state)
{
	const struct dns_answer *answer;

	serve_absence("n.zone.test.", "n.zone.test. 300 IN NSEC \\000.n.zone.test. RRSIG NSEC");
	answer = dns_wait(ask(state, mode(DNSSEC_VALIDATE)), "n.zone.test", DNS_TYPE_TXT);
	assert_int_equal(answer->security, DNS_SECURE);
	assert_int_equal(answer->status, DNS_STATUS_NODATA);
}

static void test_nxname_by_the_word_of_a_validating_server(void **state)
{
	struct dns_scope *scope;

	serve_absence("n.zone.test.", NXNAME_PROOF);
	served.authenticated = true;
	assert_int_equal(dns_wait(ask(state, mode(DNSSEC_TRUST_AD)), "n.zone.test", DNS_TYPE_TXT)->status, DNS_STATUS_NXDOMAIN);
	served.authenticated = false;	/* nobody vouches for the record */
	scope = ask(state, mode(DNSSEC_TRUST_AD));
	assert_int_equal(dns_wait(scope, "n.zone.test", DNS_TYPE_TXT)->status, DNS_STATUS_NODATA);
}

/* ---- zones that resolvers answer themselves ---- */

struct local_row { const char *name; uint16_t type; bool local; };

static const struct local_row local_rows[] = {
	{ "1.0.0.10.in-addr.arpa.", DNS_TYPE_PTR, true }, { "9.8.31.172.in-addr.arpa.", DNS_TYPE_PTR, true },
	{ "9.8.32.172.in-addr.arpa.", DNS_TYPE_PTR, false }, { "9.8.15.172.in-addr.arpa.", DNS_TYPE_PTR, false },
	{ "1.1.168.192.in-addr.arpa.", DNS_TYPE_PTR, true }, { "1.1.169.192.in-addr.arpa.", DNS_TYPE_PTR, false },
	{ "1.0.0.127.in-addr.arpa.", DNS_TYPE_PTR, true }, { "7.7.254.169.in-addr.arpa.", DNS_TYPE_PTR, true },
	{ "1.2.127.100.in-addr.arpa.", DNS_TYPE_PTR, true }, { "1.2.128.100.in-addr.arpa.", DNS_TYPE_PTR, false },
	{ "1.2.63.100.in-addr.arpa.", DNS_TYPE_PTR, false }, { "1.0.8.d.f.ip6.arpa.", DNS_TYPE_PTR, true },
	{ "1.0.8.e.f.ip6.arpa.", DNS_TYPE_PTR, true }, { "1.0.c.e.f.ip6.arpa.", DNS_TYPE_PTR, false },
	{ "localhost.", DNS_TYPE_A, true }, { "mail.localhost.", DNS_TYPE_A, true }, { "x.invalid.", DNS_TYPE_A, true },
	{ "x.home.arpa.", DNS_TYPE_A, true }, { "x.myhome.arpa.", DNS_TYPE_A, false }, { "x.test.", DNS_TYPE_A, true },
	{ "x.test.example.", DNS_TYPE_A, false }, { "nottest.", DNS_TYPE_A, false },
};

/* Absence with the resolver's own SOA and no proof; the root denies that there is any such zone. */
static void serve_local(const struct local_row *row)
{
	struct reply *reply = reply_new(served.world, row->name, row->type, LDNS_RCODE_NXDOMAIN);

	reply_add(reply, SECTION_AUTHORITY, arena_printf(served.world->arena, "%s 300 IN SOA localhost. nobody. 1 2 3 4 5", row->name), NULL);
	reply_serve(reply);
	for (const char *label = row->name; *label != '\0'; label = strchr(label, '.') + 1) {
		struct reply *ds = reply_new(served.world, label, LDNS_RR_TYPE_DS, LDNS_RCODE_NXDOMAIN);

		reply_add(ds, SECTION_AUTHORITY, ". 300 IN NSEC . NS SOA RRSIG NSEC DNSKEY", served.root);
		reply_serve(ds);
	}
}

static void test_local_zones(void **state)
{
	struct dns_config config = mode(DNSSEC_VALIDATE);

	for (size_t i = 0; i < sizeof(local_rows) / sizeof(local_rows[0]); i++) {
		const struct local_row *row = &local_rows[i];
		const struct dns_answer *answer;

		serve_local(row);
		config.local_zones_insecure = true;
		answer = dns_wait(ask(state, config), row->name, row->type);
		if (answer->security != (row->local ? DNS_INSECURE : DNS_BOGUS))
			fail_msg("%s: %s: %s", row->name, dns_security_name(answer->security), answer->why);
		if (row->local)
			assert_int_equal(answer->status, DNS_STATUS_NXDOMAIN);
		config.local_zones_insecure = false;
		answer = dns_wait(ask(state, config), row->name, row->type);
		assert_int_equal(answer->security, DNS_BOGUS);
	}
}

/* Who anchors such a zone wants it validated. */
static void test_anchor_at_local_zone(void **state)
{
	struct dns_config config = mode(DNSSEC_VALIDATE);
	struct reply *forged = reply_noerror(served.world, "t.test.", LDNS_RR_TYPE_TXT);

	world_trust(served.world, (struct zone *const[]){ served.root, served.tld, NULL });
	config.local_zones_insecure = true;
	reply_serve(reply_spf(served.world, "s.test.", served.tld));
	assert_int_equal(dns_wait(ask(state, config), "s.test", DNS_TYPE_TXT)->security, DNS_SECURE);
	reply_add(forged, SECTION_ANSWER, "t.test. 300 IN TXT \"v=spf1 +all\"", NULL);
	reply_serve(forged);
	serve_local(&(struct local_row){ "u.test.", DNS_TYPE_A, false });
	assert_int_not_equal(dns_wait(ask(state, config), "t.test", DNS_TYPE_TXT)->status, DNS_STATUS_DATA);
}

/* ---- servers that pass on the root, and no more ---- */

/* Root and its answers as the true server's; DS and DNSKEY of single labels are refused, as nothing is served for them. */
static void serve_stub(void)
{
	for (struct reply *reply = served.world->replies; reply != NULL; reply = reply->next)
		if (strcmp(reply->name, "test.") == 0) {
			free(reply->wire);
			reply->wire = NULL;	/* is not found any more */
		}
	reply_serve(reply_spf(served.world, "zone.test.", served.zone));
}

static struct dns_resolver *resolver_of(void **state)
{
	return ((struct resolver_fixture *)*state)->resolver;
}

/* The root validates, what is below it never did: not a sign of somebody who keeps it back. */
static void test_root_alone_is_no_reach(void **state)
{
	struct dns_scope *scope;
	const struct dns_answer *answer;

	serve_stub();
	scope = ask(state, mode(DNSSEC_VALIDATE));
	answer = dns_wait(scope, ".", DNS_TYPE_DNSKEY);
	assert_int_equal(answer->security, DNS_SECURE);
	answer = dns_wait(scope, "zone.test", DNS_TYPE_TXT);
	assert_int_equal(answer->security, DNS_INDETERMINATE);
	assert_int_equal(answer->status, DNS_STATUS_DATA);
}

/* Once a probe has succeeded, it is. */
static void test_reach_is_for_good(void **state)
{
	struct dns_scope *scope;
	const struct dns_answer *answer;

	serve_stub();
	scope = ask(state, mode(DNSSEC_VALIDATE));
	dns_resolver_note_reach(resolver_of(state), DNS_REACH_FULL);
	dns_resolver_note_reach(resolver_of(state), DNS_REACH_NONE);
	answer = dns_wait(scope, "zone.test", DNS_TYPE_TXT);
	assert_int_equal(answer->security, DNS_INDETERMINATE);
	assert_int_equal(answer->status, DNS_STATUS_FAIL);
}

/* Without reach nothing is secure, and nothing bogus either. */
static void test_no_reach_is_indeterminate(void **state)
{
	struct reply *forged = reply_noerror(served.world, "forged.zone.test.", LDNS_RR_TYPE_TXT);
	struct dns_scope *scope;
	const struct dns_answer *answer;

	reply_add(forged, SECTION_ANSWER, "forged.zone.test. 300 IN TXT \"v=spf1 +all\"", NULL);
	reply_serve(forged);
	reply_serve(reply_spf(served.world, "zone.test.", served.zone));
	scope = ask(state, mode(DNSSEC_VALIDATE));
	dns_resolver_note_reach(resolver_of(state), DNS_REACH_NONE);
	answer = dns_wait(scope, "zone.test", DNS_TYPE_TXT);
	assert_int_equal(answer->security, DNS_INDETERMINATE);
	assert_int_equal(answer->status, DNS_STATUS_DATA);
	assert_non_null(strstr(answer->why, "passes no DNSSEC on"));
	answer = dns_wait(scope, "forged.zone.test", DNS_TYPE_TXT);
	assert_int_equal(answer->security, DNS_INDETERMINATE);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_nxname_is_nxdomain), CASE(test_older_signer_is_nodata),
		CASE(test_nxname_by_the_word_of_a_validating_server), CASE(test_local_zones), CASE(test_anchor_at_local_zone),
		CASE(test_root_alone_is_no_reach), CASE(test_reach_is_for_good), CASE(test_no_reach_is_indeterminate),
	};

	return cmocka_run_group_tests_name("validate_served", tests, NULL, NULL);
}
