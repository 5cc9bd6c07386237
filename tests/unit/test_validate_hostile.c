/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What an attacker between the recursive server and us may try that is not a matter of one proof (test_validate_denial.c) or
 * one cap (test_validate_limits.c): signers that are not in charge, odd names, classes, times and TTLs, floods.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "dnssec/internal.h"
#include "dnssec_world.h"

static int setup(void **state)
{
	return world_setup(state, "zone.test.", LDNS_SIGN_ED25519);
}

/* The zone's word that there is no cut at name: an NSEC by which the name is an empty non-terminal. */
static void deny_ds(struct world_fixture *f, const char *name, struct zone *zone)
{
	struct reply *reply = reply_noerror(f->world, name, LDNS_RR_TYPE_DS);
	const char *text = arena_printf(f->world->arena, "%s 300 IN NSEC x.%s NS SOA RRSIG NSEC DNSKEY", zone->name, name);

	reply_add(reply, SECTION_AUTHORITY, text, zone);
	reply_serve(reply);
}

/* ---- who may sign ---- */

/* RFC 4035 section 5.2: a key that the DS names must have signed the DNSKEY set, not just any key in it. */
static void test_keys_signed_by_unnamed_key(void **state)
{
	struct world_fixture *f = *state;
	struct zone *zone = zone_unserved(f->tld, "zsk.test.", LDNS_SIGN_ED25519);

	zone_serve_ds(zone);	/* of the first key */
	zone_add_key(zone, LDNS_SIGN_ED25519);
	zone_serve_dnskey(zone);	/* signed by the second alone */
	assert_string_equal(world_security(f->world, reply_spf(f->world, "zsk.test.", zone)), "bogus");
}

/* RFC 4035 section 2.4: the DS set is the parent's, though the child's apex has the same name. */
static void test_ds_signed_by_child(void **state)
{
	struct world_fixture *f = *state;
	struct zone *zone = zone_unserved(f->tld, "child.test.", LDNS_SIGN_ED25519);
	struct reply *ds = reply_noerror(f->world, "child.test.", LDNS_RR_TYPE_DS);
	ldns_rr *rr = ldns_key_rr2ds(ldns_rr_list_rr(zone->dnskeys, 0), LDNS_SHA256);
	char *text = ldns_rr2str(rr);

	zone_serve_dnskey(zone);
	reply_add(ds, SECTION_ANSWER, text, zone);
	reply_serve(ds);
	assert_string_equal(world_security(f->world, reply_spf(f->world, "child.test.", zone)), "bogus");
	assert_string_equal(world_security(f->world, ds), "bogus");
	free(text);
	ldns_rr_free(rr);
}

/* RFC 6840 section 4.1: what the root denies ends at its delegations. */
static void test_root_denies_name_of_zone_below(void **state)
{
	struct world_fixture *f = *state;
	struct reply *nxdomain = reply_new(f->world, "_dmarc.zone.test.", LDNS_RR_TYPE_TXT, LDNS_RCODE_NXDOMAIN);
	struct reply *tld = reply_new(f->world, "_dmarc.nope.", LDNS_RR_TYPE_TXT, LDNS_RCODE_NXDOMAIN);

	reply_add(nxdomain, SECTION_AUTHORITY, "test. 300 IN NSEC . NS DS RRSIG NSEC", f->root);
	reply_add(nxdomain, SECTION_AUTHORITY, ". 300 IN NSEC test. NS SOA RRSIG NSEC DNSKEY", f->root);
	assert_string_equal(world_security(f->world, nxdomain), "bogus");
	/* of what is its own it may speak */
	reply_add(tld, SECTION_AUTHORITY, ". 300 IN NSEC test. NS SOA RRSIG NSEC DNSKEY", f->root);
	assert_string_equal(world_security(f->world, tld), "secure");
}

/* RFC 4035 section 5.3.1: the signer is the zone of the records; one below the name is in charge of nothing here. */
static void test_signer_below_the_name(void **state)
{
	struct world_fixture *f = *state;
	struct zone *below = zone_new(f->zone, "a.b.zone.test.", LDNS_SIGN_ED25519);
	struct reply *nodata = reply_noerror(f->world, "b.zone.test.", LDNS_RR_TYPE_TXT);

	deny_ds(f, "b.zone.test.", f->zone);
	assert_string_equal(world_security(f->world, reply_spf(f->world, "b.zone.test.", below)), "bogus");
	reply_add(nodata, SECTION_AUTHORITY, "b.zone.test. 300 IN NSEC a.b.zone.test. A RRSIG NSEC", below);
	assert_string_equal(world_security(f->world, nodata), "bogus");
}

/* A signer between the zone's apex and the name, where there is no zone. */
static void test_signer_is_no_zone(void **state)
{
	struct world_fixture *f = *state;
	struct zone *fake = zone_unserved(f->zone, "b.zone.test.", LDNS_SIGN_ED25519);
	struct reply *nodata = reply_noerror(f->world, "a.b.zone.test.", LDNS_RR_TYPE_TXT);

	zone_serve_dnskey(fake);
	deny_ds(f, "b.zone.test.", f->zone);
	deny_ds(f, "a.b.zone.test.", f->zone);
	assert_string_equal(world_security(f->world, reply_spf(f->world, "a.b.zone.test.", fake)), "bogus");
	reply_add(nodata, SECTION_AUTHORITY, "a.b.zone.test. 300 IN NSEC b.zone.test. A RRSIG NSEC", fake);
	assert_string_equal(world_security(f->world, nodata), "bogus");
}

/* The record of a wildcard under the name of one that exists, with both signatures, must not pass for either. */
static void test_wildcard_signature_beside_own(void **state)
{
	struct world_fixture *f = *state;
	struct reply *reply = reply_noerror(f->world, "www.zone.test.", LDNS_RR_TYPE_TXT);

	reply_add_as(reply, SECTION_ANSWER, "*.zone.test. 300 IN TXT \"v=spf1 +all\"", f->zone, "www.zone.test.");
	reply_add(reply, SECTION_AUTHORITY, "www.zone.test. 300 IN NSEC zone.test. TXT RRSIG NSEC", f->zone);
	assert_string_equal(world_security(f->world, reply), "bogus");
}

/* ---- what is kept back ---- */

/* DS alone kept back, after DNSSEC was seen to reach us: the answer is not to be used, whatever it says. */
static void test_ds_kept_back(void **state)
{
	struct world_fixture *f = *state;
	struct zone *dark = zone_unserved(f->tld, "dark.test.", LDNS_SIGN_ED25519);
	struct validator_verdict verdict;

	zone_serve_dnskey(dark);
	assert_string_equal(world_security(f->world, reply_spf(f->world, "zone.test.", f->zone)), "secure");
	verdict = world_judge(f->world, reply_spf(f->world, "dark.test.", dark));
	assert_int_equal(verdict.security, DNS_INDETERMINATE);
	assert_true(verdict.withheld);
	verdict = world_judge(f->world, reply_spf(f->world, "dark.test.", NULL));
	assert_int_equal(verdict.security, DNS_INDETERMINATE);
	assert_true(verdict.withheld);
	verdict = world_judge(f->world, reply_new(f->world, "dark.test.", LDNS_RR_TYPE_TXT, LDNS_RCODE_NXDOMAIN));
	assert_int_equal(verdict.security, DNS_INDETERMINATE);
	assert_true(verdict.withheld);
}

/* A proof of a name below must not stand in for the DS kept back: the delegation speaks for nothing below it. */
static void test_ds_kept_back_and_name_below_denied(void **state)
{
	struct world_fixture *f = *state;
	struct zone *dark = zone_unserved(f->tld, "dark.test.", LDNS_SIGN_ED25519);
	struct reply *below = reply_noerror(f->world, "www.dark.test.", LDNS_RR_TYPE_DS);
	struct validator_verdict verdict;

	zone_serve_dnskey(dark);
	reply_add(below, SECTION_AUTHORITY, "dark.test. 300 IN NSEC x.www.dark.test. NS DS RRSIG NSEC", f->tld);
	reply_serve(below);
	verdict = world_judge(f->world, reply_spf(f->world, "www.dark.test.", NULL));
	assert_true(verdict.security == DNS_BOGUS || verdict.withheld);
	/* the same with an empty answer to DS instead of none */
	reply_serve(reply_noerror(f->world, "dark.test.", LDNS_RR_TYPE_DS));
	assert_string_equal(world_security(f->world, reply_spf(f->world, "www.dark.test.", NULL)), "bogus");
}

/* A budget that ends makes nothing insecure, now or later. */
static void test_limited_is_never_insecure(void **state)
{
	(void)state;
	for (unsigned budget = 1; budget < 12; budget++) {
		struct validator_config config = { .max_crypto_per_lookup = budget };
		struct world_fixture f = { .world = world_new(&config) };
		struct reply *nxdomain;

		f.tld = zone_new(world_root(f.world), "test.", LDNS_SIGN_ED25519);
		f.zone = zone_new(f.tld, "zone.test.", LDNS_SIGN_ED25519);
		deny_ds(&f, "www.zone.test.", f.zone);
		nxdomain = reply_new(f.world, "www.zone.test.", LDNS_RR_TYPE_TXT, LDNS_RCODE_NXDOMAIN);
		for (unsigned i = 0; i < 4; i++) {
			assert_string_equal(world_security(f.world, reply_spf(f.world, "www.zone.test.", NULL)), "bogus");
			assert_string_equal(world_security(f.world, nxdomain), "bogus");
		}
		world_free(&f.world);
	}
}

/* ---- names ---- */

/* The longest name there is, 255 octets, as itself and from a wildcard. */
static void test_name_of_255_octets(void **state)
{
	struct world_fixture *f = *state;
	struct reply *reply;
	char name[260], wild[264];

	/* four labels with their length octets, then zone.test. with its root label, 11 octets */
	memset(name, 'a', sizeof(name));
	name[63] = name[127] = name[191] = '.';
	strcpy(name + 243, ".zone.test.");
	assert_int_equal(strlen(name) + 1, 255);	/* text with its final dot is one shorter than the wire form */
	assert_string_equal(world_security(f->world, reply_spf(f->world, name, f->zone)), "secure");
	deny_ds(f, strchr(name, '.') + 1, f->zone);
	reply = reply_new(f->world, name, LDNS_RR_TYPE_TXT, LDNS_RCODE_NXDOMAIN);
	reply_add(reply, SECTION_AUTHORITY, "zone.test. 300 IN NSEC zone.test. NS SOA RRSIG NSEC", f->zone);
	assert_string_equal(world_security(f->world, reply), "secure");
	snprintf(wild, sizeof(wild), "*%s", strchr(name, '.'));
	reply = reply_noerror(f->world, name, LDNS_RR_TYPE_TXT);
	reply_add_as(reply, SECTION_ANSWER, arena_printf(f->world->arena, "%s 300 IN TXT \"w\"", wild), f->zone, name);
	assert_string_equal(world_security(f->world, reply), "bogus");
	reply_add(reply, SECTION_AUTHORITY, arena_printf(f->world->arena, "%s 300 IN NSEC zone.test. TXT RRSIG NSEC", wild),
	    f->zone);
	assert_string_equal(world_security(f->world, reply), "secure");
}

/* As many labels as a name can have, 127: the walk is long, but it ends, and in "bogus". */
static void test_name_of_127_labels(void **state)
{
	struct world_fixture *f = *state;
	char name[260] = "";

	for (unsigned i = 0; i < 122; i++)	/* and two labels of more octets: 255 */
		strcat(name, "a.");
	strcat(name, "zone.test.");
	assert_string_equal(world_security(f->world, reply_spf(f->world, name, f->zone)), "secure");
	for (const char *at = name; strcmp(at, "zone.test.") != 0; at += 2) {
		struct reply *reply = reply_noerror(f->world, at, LDNS_RR_TYPE_DS);

		reply_add(reply, SECTION_AUTHORITY, arena_printf(f->world->arena, "%s 300 IN NSEC %s TXT RRSIG NSEC",
		    at == name ? name : "zone.test.", at == name ? "zone.test." : name), f->zone);
		reply_serve(reply);
	}
	assert_string_equal(world_security(f->world, reply_spf(f->world, name, NULL)), "bogus");
	assert_string_equal(world_security(f->world, reply_new(f->world, name, LDNS_RR_TYPE_TXT, LDNS_RCODE_NXDOMAIN)), "bogus");
}

/* A dot within a label is not one between labels; a NUL ends nothing. */
static void test_names_with_odd_octets(void **state)
{
	struct world_fixture *f = *state;
	struct reply *reply = reply_noerror(f->world, "a.b.zone.test.", LDNS_RR_TYPE_TXT);
	struct reply *cut_off = reply_noerror(f->world, "zone.test.", LDNS_RR_TYPE_TXT);

	deny_ds(f, "a.b.zone.test.", f->zone);
	deny_ds(f, "b.zone.test.", f->zone);
	assert_string_equal(world_security(f->world, reply_spf(f->world, "a\\.b.zone.test.", f->zone)), "secure");
	reply_add_as(reply, SECTION_ANSWER, "a\\.b.zone.test. 300 IN TXT \"v=spf1 +all\"", f->zone, "a.b.zone.test.");
	assert_string_equal(world_security(f->world, reply), "bogus");
	assert_string_equal(world_security(f->world, reply_spf(f->world, "a\\000b.zone.test.", f->zone)), "secure");
	reply_add_as(cut_off, SECTION_ANSWER, "zone.test\\000.zone.test. 300 IN TXT \"v=spf1 +all\"", f->zone, "zone.test.");
	assert_string_equal(world_security(f->world, cut_off), "bogus");
	/* the zone of \.zone.test. is not below zone.test. by its text */
	deny_ds(f, "x\\.zone.test.", f->tld);
	reply = reply_spf(f->world, "x\\.zone.test.", f->zone);
	assert_string_equal(world_security(f->world, reply), "bogus");
}

/* Case is no part of a name (RFC 4034 section 6.2), of owner, signer and next name alike. */
static void test_names_in_upper_case(void **state)
{
	struct world_fixture *f = *state;
	struct reply *reply = reply_new(f->world, "B.Zone.TEST.", LDNS_RR_TYPE_TXT, LDNS_RCODE_NXDOMAIN);

	reply_add_as(reply, SECTION_AUTHORITY, "zone.test. 300 IN NSEC C.ZONE.test. NS SOA RRSIG NSEC", f->zone, "ZONE.Test.");
	for (size_t i = 0; i < ldns_rr_list_rr_count(reply->sections[1]); i++) {
		ldns_rr *rr = ldns_rr_list_rr(reply->sections[1], i);

		if (ldns_rr_get_type(rr) == LDNS_RR_TYPE_RRSIG)
			ldns_rdf_deep_free(ldns_rr_set_rdf(rr, ldns_dname_new_frm_str("zONE.tEST."), 7));
	}
	assert_string_equal(world_security(f->world, reply), "secure");
}

/* ---- classes, times, TTLs ---- */

static void test_other_class_is_no_data(void **state)
{
	struct world_fixture *f = *state;
	struct reply *reply = reply_spf(f->world, "www.zone.test.", f->zone), *chaos = reply_spf(f->world, "www.zone.test.", f->zone);

	deny_ds(f, "www.zone.test.", f->zone);
	reply_add(reply, SECTION_ANSWER, "www.zone.test. 300 CH TXT \"more\"", NULL);
	assert_string_equal(world_security(f->world, reply), "secure");
	for (size_t i = 0; i < ldns_rr_list_rr_count(chaos->sections[0]); i++)
		ldns_rr_set_class(ldns_rr_list_rr(chaos->sections[0], i), LDNS_RR_CLASS_CH);
	assert_string_equal(world_security(f->world, chaos), "bogus");
}

/* RFC 2181 section 8: the top bit means zero. */
static void test_ttl_zero_and_negative(void **state)
{
	struct world_fixture *f = *state;
	struct reply *reply = reply_spf(f->world, "www.zone.test.", f->zone);
	struct validator_verdict verdict;

	for (uint32_t ttl = 0, i = 0; i < 2; ttl = 0x80000005u, i++) {
		ldns_rr_set_ttl(ldns_rr_list_rr(reply->sections[0], 0), ttl);
		verdict = world_judge(f->world, reply);
		assert_int_equal(verdict.security, DNS_SECURE);
		assert_int_equal(verdict.ttl_secs, 0);
	}
}

/* An absence is not believed for longer than the keys of the zone that proves it. */
static void test_negative_ttl_within_life_of_keys(void **state)
{
	struct world_fixture *f = *state;
	struct zone *zone = zone_unserved(f->tld, "brief.test.", LDNS_SIGN_ED25519);
	struct reply *reply = reply_new(f->world, "_dmarc.brief.test.", LDNS_RR_TYPE_TXT, LDNS_RCODE_NXDOMAIN);
	struct validator_verdict verdict;

	ldns_key_set_expiration(ldns_key_list_key(zone->keys, 0), WORLD_NOW + 20);
	zone_serve_dnskey(zone);
	zone_serve_ds(zone);
	ldns_key_set_expiration(ldns_key_list_key(zone->keys, 0), WORLD_NOW + 86400);
	reply_add(reply, SECTION_AUTHORITY, "brief.test. 300 IN NSEC brief.test. NS SOA RRSIG NSEC DNSKEY", zone);
	verdict = world_judge(f->world, reply);
	assert_int_equal(verdict.security, DNS_SECURE);
	assert_int_equal(verdict.ttl_secs, 20);
}

/* Keys that were good when they were cached are not when the clock has passed their signatures, however it got there. */
static void test_clock_step_past_the_keys(void **state)
{
	struct world_fixture *f = *state;
	struct reply *reply = reply_noerror(f->world, "www.zone.test.", LDNS_RR_TYPE_A);

	reply_add_dated(reply, "www.zone.test. 300 IN A 192.0.2.1", f->zone, WORLD_NOW - 10, WORLD_NOW + 400000);
	assert_string_equal(world_security(f->world, reply), "secure");
	f->world->validator->clock.fixed_secs = WORLD_NOW + 90000;
	assert_string_equal(world_security(f->world, reply), "bogus");
}

static bool in_time(struct judgement *j, int64_t now, uint32_t inception, uint32_t expiration)
{
	static const uint8_t owner[] = "\4test";
	struct vrrset set = { .owner = owner, .type = DNS_TYPE_TXT };
	struct vsig sig = { .algorithm = 15, .labels = 1, .signer = owner, .inception = inception, .expiration = expiration };

	j->now = now;
	return dnssec_sig_refuse(j, &set, &sig) == NULL;
}

/* RFC 4034 section 3.1.5: times are serial numbers (RFC 1982), which go round in 2106 and past the sign in 2038. */
static void test_times_around_the_serial_wrap(void **state)
{
	struct world_fixture *f = *state;
	struct judgement j = { .validator = f->world->validator, .arena = f->world->arena };

	assert_true(in_time(&j, 0x7fffffff, 0x7ffffff0, 0x80000010));	/* 2038 */
	assert_true(in_time(&j, 0x80000001, 0x7ffffff0, 0x80000010));
	assert_false(in_time(&j, 0x80000011, 0x7ffffff0, 0x80000010));
	assert_false(in_time(&j, 0x7fffffef, 0x7ffffff0, 0x80000010));
	assert_true(in_time(&j, 0xffffffff, 0xfffffff0, 0x10));		/* 2106 */
	assert_true(in_time(&j, 0x100000005, 0xfffffff0, 0x10));
	assert_false(in_time(&j, 0x100000011, 0xfffffff0, 0x10));
	assert_false(in_time(&j, 0xffffffef, 0xfffffff0, 0x10));
	/* a signature for 68 years and more: no such span can be told from one that ends before it begins */
	assert_false(in_time(&j, WORLD_NOW, WORLD_NOW - 1, (uint32_t)WORLD_NOW - 1 + 0x80000000u));
	assert_false(in_time(&j, WORLD_NOW, WORLD_NOW - 1, WORLD_NOW - 2));
	assert_false(in_time(&j, WORLD_NOW, 0, UINT32_MAX));
}

/* ---- floods ---- */

static void put16(uint8_t **at, unsigned value)
{
	*(*at)++ = (uint8_t)(value >> 8);
	*(*at)++ = (uint8_t)value;
}

/* A record "<octet>.test." whose rdata has been written behind room for its length. */
static void record_end(uint8_t *at, uint8_t *length)
{
	length[0] = (uint8_t)((at - length - 2) >> 8);
	length[1] = (uint8_t)(at - length - 2);
}

/* Two sections of 256 records: 128 owners, each with an A and an RRSIG over it. */
static size_t flood_write(uint8_t *wire)
{
	uint8_t *at = wire + 12, *length;

	memset(wire, 0, 12);
	wire[5] = wire[6] = wire[8] = 1;
	memcpy(at, "\4test\0\0\20\0\1", 10);
	at += 10;
	for (unsigned i = 0; i < 512; i++) {
		memcpy(at, "\1", 1);
		at[1] = (uint8_t)(i / 2 % 128 + 128);
		memcpy(at + 2, "\xc0\x0c", 2);
		at += 4;
		put16(&at, i % 2 == 0 ? DNS_TYPE_A : DNS_TYPE_RRSIG);
		put16(&at, 1);
		put16(&at, 0);
		put16(&at, 60);
		length = at;
		at += 2;
		if (i % 2 == 0) {
			memcpy(at, "\300\0\2\1", 4);
			at += 4;
		} else {
			put16(&at, DNS_TYPE_A);
			memset(at, 0, 18);
			at += 18;	/* with the root for a signer and one octet of signature */
		}
		record_end(at, length);
	}
	return (size_t)(at - wire);
}

/* A walk may take two hundred answers apart, so one must not cost much more than what it carries. */
static void test_flood_of_records_is_cheap(void **state)
{
	static uint8_t wire[32768];
	struct arena *arena = arena_new();
	struct vmessage message;
	size_t length = flood_write(wire);

	(void)state;
	assert_int_equal(dnssec_message_parse(arena, wire, length, &message), 0);
	assert_int_equal(message.answer_count, 128);
	assert_int_equal(message.authority_count, 128);
	for (size_t i = 0; i < 128; i++)
		assert_int_equal(message.answer[i].sig_count, 1);
	assert_true(arena_used_bytes(arena) < 256 * 1024);
	arena_free(&arena);
}

static void test_flood_of_nsec_is_refused(void **state)
{
	struct world_fixture *f = *state;
	struct reply *reply = reply_new(f->world, "b.zone.test.", LDNS_RR_TYPE_TXT, LDNS_RCODE_NXDOMAIN);
	struct validator_verdict verdict;

	reply_add(reply, SECTION_AUTHORITY, "zone.test. 300 IN NSEC zone.test. NS SOA RRSIG NSEC", f->zone);
	for (unsigned i = 0; i < 15; i++)
		reply_add(reply, SECTION_AUTHORITY, arena_printf(f->world->arena, "a%u.zone.test. 300 IN NSEC c.zone.test. A RRSIG", i),
		    NULL);
	assert_string_equal(world_security(f->world, reply), "secure");
	reply_add(reply, SECTION_AUTHORITY, "a99.zone.test. 300 IN NSEC c.zone.test. A RRSIG", NULL);
	verdict = world_judge(f->world, reply);
	assert_int_equal(verdict.security, DNS_BOGUS);
	assert_non_null(strstr(verdict.why, "limit"));
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, world_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_keys_signed_by_unnamed_key), CASE(test_ds_signed_by_child), CASE(test_root_denies_name_of_zone_below),
		CASE(test_signer_below_the_name), CASE(test_signer_is_no_zone), CASE(test_wildcard_signature_beside_own),
		CASE(test_ds_kept_back), CASE(test_ds_kept_back_and_name_below_denied), CASE(test_limited_is_never_insecure),
		CASE(test_name_of_255_octets), CASE(test_name_of_127_labels), CASE(test_names_with_odd_octets),
		CASE(test_names_in_upper_case), CASE(test_other_class_is_no_data), CASE(test_ttl_zero_and_negative),
		CASE(test_negative_ttl_within_life_of_keys), CASE(test_clock_step_past_the_keys),
		CASE(test_times_around_the_serial_wrap), CASE(test_flood_of_records_is_cheap),
		CASE(test_flood_of_nsec_is_refused),
	};

	return cmocka_run_group_tests_name("validate_hostile", tests, NULL, NULL);
}
