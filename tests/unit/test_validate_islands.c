/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Several trust anchors, some of them islands below unsigned delegations, and negative ones among them (RFC 6840 section
 * 5.10 and appendix C.1, RFC 7646): the closest anchor decides, and no zone above it speaks for the names below it.
 *
 *   . ── test. (signed) ──┬── plain.test. (unsigned) ── isle.plain.test. (signed, anchored) ── sub, child
 *                         └── zone.test. (signed)
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "dnssec_world.h"

struct fixture {
	struct world *world;
	struct zone *root, *tld, *zone, *isle;
	struct zone *plain;		/* the attacker's keys for plain.test, which has none */
};

static void fixture_fill(struct fixture *f, const struct validator_config *config)
{
	struct reply *reply;

	f->world = world_new(config);
	f->root = world_root(f->world);
	f->tld = zone_new(f->root, "test.", LDNS_SIGN_ED25519);
	f->zone = zone_new(f->tld, "zone.test.", LDNS_SIGN_ED25519);
	f->plain = zone_unserved(f->tld, "plain.test.", LDNS_SIGN_ED25519);
	f->isle = zone_unserved(f->plain, "isle.plain.test.", LDNS_SIGN_ED25519);
	zone_serve_dnskey(f->isle);
	reply = reply_new(f->world, "plain.test.", LDNS_RR_TYPE_DS, LDNS_RCODE_NOERROR);
	reply_add(reply, SECTION_AUTHORITY, "plain.test. 300 IN NSEC zone.test. NS RRSIG NSEC", f->tld);
	reply_serve(reply);
	world_trust(f->world, (struct zone *const[]){ f->root, f->isle, NULL });
}

static int setup(void **state)
{
	*state = calloc(1, sizeof(struct fixture));
	fixture_fill(*state, NULL);
	return 0;
}

/* With plain.test under a negative anchor, and everything below it but the island. */
static int setup_negative(void **state)
{
	static const char *const names[] = { "plain.test", NULL };

	*state = calloc(1, sizeof(struct fixture));
	fixture_fill(*state, &(struct validator_config){ .negative_trust_anchors = names });
	return 0;
}

/* The proof that name is no delegation: there is but this name in the zone. */
static void deny_ds(struct fixture *f, const char *name, struct zone *zone)
{
	struct reply *reply = reply_noerror(f->world, name, LDNS_RR_TYPE_DS);
	char text[256];

	snprintf(text, sizeof(text), "%s 300 IN NSEC %s TXT RRSIG NSEC", name, zone->name);
	reply_add(reply, SECTION_AUTHORITY, text, zone);
	reply_serve(reply);
}

static void test_island_is_secure(void **state)
{
	struct fixture *f = *state;

	assert_string_equal(world_security(f->world, reply_spf(f->world, "isle.plain.test.", f->isle)), "secure");
	assert_string_equal(world_security(f->world, reply_spf(f->world, "a.b.isle.plain.test.", f->isle)), "secure");
	assert_string_equal(world_security(f->world, reply_spf(f->world, "zone.test.", f->zone)), "secure");
	assert_string_equal(world_security(f->world, reply_spf(f->world, "www.plain.test.", NULL)), "insecure");
}

static void test_island_without_signatures_is_bogus(void **state)
{
	struct fixture *f = *state;

	assert_string_equal(world_security(f->world, reply_spf(f->world, "isle.plain.test.", NULL)), "bogus");
}

/* A signature that says to be by the unsigned zone above must not make the island unsigned. */
static void test_island_signed_from_above_is_bogus(void **state)
{
	struct fixture *f = *state;

	deny_ds(f, "www.isle.plain.test.", f->isle);
	assert_string_equal(world_security(f->world, reply_spf(f->world, "isle.plain.test.", f->plain)), "bogus");
	assert_string_equal(world_security(f->world, reply_spf(f->world, "www.isle.plain.test.", f->plain)), "bogus");
	/* nor by one that is secure: it has nothing to say there */
	assert_string_equal(world_security(f->world, reply_spf(f->world, "www.isle.plain.test.", f->tld)), "bogus");
	assert_string_equal(world_security(f->world, reply_spf(f->world, "www.isle.plain.test.", f->root)), "bogus");
}

/* A record of two signatures, the false one first: the true one counts. */
static void test_island_signed_from_above_and_by_itself(void **state)
{
	struct fixture *f = *state;
	struct reply *reply = reply_spf(f->world, "isle.plain.test.", f->plain);

	ldns_rr_list *section = reply->sections[0];
	ldns_rr *record = ldns_rr_list_rr(section, 0), *false_one = ldns_rr_list_pop_rr(section);
	ldns_rr_list *set = ldns_rr_list_new(), *sigs;
	ldns_rr_list_push_rr(set, record);
	sigs = zone_sign(f->isle, set);
	ldns_rr_list_push_rr(section, false_one);
	ldns_rr_list_push_rr_list(section, sigs);
	ldns_rr_list_free(sigs);
	ldns_rr_list_free(set);
	assert_string_equal(world_security(f->world, reply), "secure");
}

static void test_island_denied_from_above_is_bogus(void **state)
{
	struct fixture *f = *state;
	struct reply *nodata = reply_noerror(f->world, "isle.plain.test.", LDNS_RR_TYPE_TXT);
	struct reply *nxdomain = reply_new(f->world, "_dmarc.isle.plain.test.", LDNS_RR_TYPE_TXT, LDNS_RCODE_NXDOMAIN);
	struct reply *by_tld = reply_new(f->world, "_dmarc.isle.plain.test.", LDNS_RR_TYPE_TXT, LDNS_RCODE_NXDOMAIN);

	deny_ds(f, "_dmarc.isle.plain.test.", f->isle);
	reply_add(nodata, SECTION_AUTHORITY, "isle.plain.test. 300 IN NSEC plain.test. A RRSIG NSEC", f->plain);
	assert_string_equal(world_security(f->world, nodata), "bogus");
	reply_add(nxdomain, SECTION_AUTHORITY, "plain.test. 300 IN NSEC plain.test. NS SOA RRSIG NSEC", f->plain);
	assert_string_equal(world_security(f->world, nxdomain), "bogus");
	reply_add(by_tld, SECTION_AUTHORITY, "plain.test. 300 IN NSEC zone.test. NS RRSIG NSEC", f->tld);
	assert_string_equal(world_security(f->world, by_tld), "bogus");
}

static void test_island_denies_itself(void **state)
{
	struct fixture *f = *state;
	struct reply *reply = reply_new(f->world, "_dmarc.isle.plain.test.", LDNS_RR_TYPE_TXT, LDNS_RCODE_NXDOMAIN);

	reply_add(reply, SECTION_AUTHORITY, "isle.plain.test. 300 IN NSEC isle.plain.test. NS SOA RRSIG NSEC DNSKEY", f->isle);
	assert_string_equal(world_security(f->world, reply), "secure");
}

/* A DNAME above the island would carry all its names away (RFC 6672 section 2.2). */
static void test_island_redirected_from_above_is_bogus(void **state)
{
	struct fixture *f = *state;
	struct reply *reply = reply_noerror(f->world, "www.isle.plain.test.", LDNS_RR_TYPE_TXT);

	deny_ds(f, "www.isle.plain.test.", f->isle);
	reply_add(reply, SECTION_ANSWER, "plain.test. 300 IN DNAME zone.test.", NULL);
	reply_add(reply, SECTION_ANSWER, "www.isle.plain.test. 300 IN CNAME www.isle.zone.test.", NULL);
	reply_add(reply, SECTION_ANSWER, "www.isle.zone.test. 300 IN TXT \"v=spf1 +all\"", f->zone);
	assert_string_equal(world_security(f->world, reply), "bogus");
	reply = reply_noerror(f->world, "www.isle.plain.test.", LDNS_RR_TYPE_CNAME);
	reply_add(reply, SECTION_ANSWER, "plain.test. 300 IN DNAME zone.test.", NULL);
	reply_add(reply, SECTION_ANSWER, "www.isle.plain.test. 300 IN CNAME www.isle.zone.test.", NULL);
	assert_string_equal(world_security(f->world, reply), "bogus");
	/* below the unsigned zone, but not in the island, it is what it is */
	reply = reply_noerror(f->world, "www.other.plain.test.", LDNS_RR_TYPE_TXT);
	reply_add(reply, SECTION_ANSWER, "plain.test. 300 IN DNAME zone.test.", NULL);
	reply_add(reply, SECTION_ANSWER, "www.other.plain.test. 300 IN CNAME www.other.zone.test.", NULL);
	reply_add(reply, SECTION_ANSWER, "www.other.zone.test. 300 IN TXT \"x\"", f->zone);
	assert_string_equal(world_security(f->world, reply), "insecure");
}

/* An island's own delegations are judged from its anchor down. */
static void test_island_delegates(void **state)
{
	struct fixture *f = *state;
	struct zone *child = zone_new(f->isle, "child.isle.plain.test.", LDNS_SIGN_ED25519);
	struct reply *ds = reply_noerror(f->world, "sub.isle.plain.test.", LDNS_RR_TYPE_DS);

	reply_add(ds, SECTION_AUTHORITY, "sub.isle.plain.test. 300 IN NSEC isle.plain.test. NS RRSIG NSEC", f->isle);
	reply_serve(ds);
	deny_ds(f, "www.child.isle.plain.test.", child);
	assert_string_equal(world_security(f->world, reply_spf(f->world, "www.child.isle.plain.test.", child)), "secure");
	assert_string_equal(world_security(f->world, reply_spf(f->world, "www.child.isle.plain.test.", NULL)), "bogus");
	assert_string_equal(world_security(f->world, reply_spf(f->world, "www.sub.isle.plain.test.", NULL)), "insecure");
}

/* The DS set of the island belongs to the zone above it (RFC 4035 section 2.4), which is unsigned. */
static void test_island_ds_belongs_above(void **state)
{
	struct fixture *f = *state;
	struct reply *reply = reply_noerror(f->world, "isle.plain.test.", LDNS_RR_TYPE_DS);

	assert_string_equal(world_security(f->world, reply), "insecure");
	reply_add(reply, SECTION_ANSWER, "isle.plain.test. 300 IN DS 1 15 2 00", f->plain);
	assert_string_equal(world_security(f->world, reply), "insecure");
}

/* Only the island is known: all else is indeterminate (RFC 4033 section 5), the island is not. */
static void test_island_alone(void **state)
{
	struct fixture *f = *state;
	struct reply *reply = reply_noerror(f->world, "isle.plain.test.", LDNS_RR_TYPE_TXT);

	world_trust(f->world, (struct zone *const[]){ f->isle, NULL });
	deny_ds(f, "www.isle.plain.test.", f->isle);
	assert_string_equal(world_security(f->world, reply_spf(f->world, "isle.plain.test.", f->isle)), "secure");
	assert_string_equal(world_security(f->world, reply_spf(f->world, "zone.test.", f->zone)), "indeterminate");
	assert_string_equal(world_security(f->world, reply_spf(f->world, "isle.plain.test.", f->plain)), "bogus");
	assert_string_equal(world_security(f->world, reply_spf(f->world, "www.isle.plain.test.", f->root)), "bogus");
	reply_add(reply, SECTION_AUTHORITY, "isle.plain.test. 300 IN NSEC plain.test. A RRSIG NSEC", f->plain);
	assert_string_equal(world_security(f->world, reply), "bogus");
}

/* The closest anchor decides, whatever the zone above delegates to (RFC 6840 appendix C.1). */
static void test_anchor_below_secure_zone_decides(void **state)
{
	struct fixture *f = *state;
	struct zone *mine = zone_unserved(f->tld, "zone.test.", LDNS_SIGN_ED25519);

	world_trust(f->world, (struct zone *const[]){ f->root, mine, NULL });
	zone_serve_dnskey(mine);	/* the DS set served by test. is of the other key */
	assert_string_equal(world_security(f->world, reply_spf(f->world, "www.zone.test.", mine)), "secure");
	assert_string_equal(world_security(f->world, reply_spf(f->world, "www.zone.test.", f->zone)), "bogus");
}

static void test_negative_anchor_above_island(void **state)
{
	struct fixture *f = *state;

	deny_ds(f, "www.isle.plain.test.", f->isle);
	assert_string_equal(world_security(f->world, reply_spf(f->world, "www.plain.test.", NULL)), "insecure");
	assert_string_equal(world_security(f->world, reply_spf(f->world, "www.isle.plain.test.", f->isle)), "secure");
	assert_string_equal(world_security(f->world, reply_spf(f->world, "www.isle.plain.test.", NULL)), "bogus");
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, world_teardown)
#define NEGATIVE(name) cmocka_unit_test_setup_teardown(name, setup_negative, world_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_island_is_secure), CASE(test_island_without_signatures_is_bogus),
		CASE(test_island_signed_from_above_is_bogus), CASE(test_island_signed_from_above_and_by_itself),
		CASE(test_island_denied_from_above_is_bogus), CASE(test_island_denies_itself),
		CASE(test_island_redirected_from_above_is_bogus), CASE(test_island_delegates),
		CASE(test_island_ds_belongs_above), CASE(test_island_alone), CASE(test_anchor_below_secure_zone_decides),
		NEGATIVE(test_negative_anchor_above_island), NEGATIVE(test_island_signed_from_above_is_bogus),
		NEGATIVE(test_island_denied_from_above_is_bogus), NEGATIVE(test_island_redirected_from_above_is_bogus),
	};

	return cmocka_run_group_tests_name("validate_islands", tests, NULL, NULL);
}
