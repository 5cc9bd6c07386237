/* SPDX-License-Identifier: BSD-2-Clause */
/* The validator at delegations: no DS, DS of unknown kinds, DS that match no key (RFC 4035 section 5.2). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "signed_zone.h"

static void test_judge_unsigned_delegation(void **state)
{
	struct world_fixture *f = *state;
	struct reply *reply = reply_noerror(f->world, "www.plain.test.", LDNS_RR_TYPE_A);

	serve_unsigned(f, "plain.test.", "plain.test. 300 IN NSEC zone.test. NS RRSIG NSEC");
	reply_add(reply, SECTION_ANSWER, "www.plain.test. 300 IN A 192.0.2.1", NULL);
	assert_string_equal(world_security(f->world, reply), "insecure");
}

static void test_judge_unsigned_delegation_unproven(void **state)
{
	struct world_fixture *f = *state;
	struct reply *reply = reply_noerror(f->world, "www.plain.test.", LDNS_RR_TYPE_A),
	    *ds = reply_noerror(f->world, "plain.test.", LDNS_RR_TYPE_DS);

	reply_add(ds, SECTION_AUTHORITY, "test. 300 IN SOA a. b. 1 2 3 4 5", f->tld);
	reply_serve(ds);
	reply_add(reply, SECTION_ANSWER, "www.plain.test. 300 IN A 192.0.2.1", NULL);
	assert_string_equal(world_security(f->world, reply), "bogus");
}

static void test_judge_no_ds_proof_by_child_apex(void **state)
{
	struct world_fixture *f = *state;
	struct reply *reply = reply_noerror(f->world, "www.zone.test.", LDNS_RR_TYPE_A),
	    *ds = reply_noerror(f->world, "zone.test.", LDNS_RR_TYPE_DS);

	/* an attacker replays the child's own NSEC (no DS bit there) to make the zone look unsigned */
	reply_add(ds, SECTION_AUTHORITY, "zone.test. 300 IN NSEC www.zone.test. NS SOA RRSIG NSEC DNSKEY", f->zone);
	reply_serve(ds);
	reply_add(reply, SECTION_ANSWER, "www.zone.test. 300 IN A 192.0.2.66", NULL);
	assert_string_equal(world_security(f->world, reply), "bogus");
}

static void test_judge_no_ds_proof_with_soa_bit(void **state)
{
	struct world_fixture *f = *state;
	struct reply *reply = reply_noerror(f->world, "www.zone.test.", LDNS_RR_TYPE_A),
	    *ds = reply_noerror(f->world, "zone.test.", LDNS_RR_TYPE_DS);

	reply_add(ds, SECTION_AUTHORITY, "zone.test. 300 IN NSEC zz.test. NS SOA RRSIG NSEC", f->tld);
	reply_serve(ds);
	reply_add(reply, SECTION_ANSWER, "www.zone.test. 300 IN A 192.0.2.66", NULL);
	assert_string_equal(world_security(f->world, reply), "bogus");
}

static void test_judge_no_ds_proof_from_wildcard(void **state)
{
	struct world_fixture *f = *state;
	struct reply *reply = reply_noerror(f->world, "www.zone.test.", LDNS_RR_TYPE_A),
	    *ds = reply_noerror(f->world, "zone.test.", LDNS_RR_TYPE_DS);

	/* CVE-2017-15105: an NSEC that came out of a wildcard is no proof */
	reply_add_as(ds, SECTION_AUTHORITY, "*.test. 300 IN NSEC test. NS RRSIG NSEC", f->tld, "zone.test.");
	reply_serve(ds);
	reply_add(reply, SECTION_ANSWER, "www.zone.test. 300 IN A 192.0.2.66", NULL);
	assert_string_equal(world_security(f->world, reply), "bogus");
}

static void test_judge_unreachable_chain(void **state)
{
	struct world_fixture *f = *state;
	struct reply *reply = reply_noerror(f->world, "www.gone.test.", LDNS_RR_TYPE_A);

	reply_add(reply, SECTION_ANSWER, "www.gone.test. 300 IN A 192.0.2.1", NULL);
	assert_string_equal(world_security(f->world, reply), "indeterminate");
}

static void test_judge_ds_matches_no_key(void **state)
{
	struct world_fixture *f = *state;
	struct zone *zone = zone_unserved(f->tld, "roll.test.", LDNS_SIGN_ECDSAP256SHA256);
	struct reply *reply = reply_noerror(f->world, "roll.test.", LDNS_RR_TYPE_TXT);

	zone_serve_dnskey(zone);
	zone_add_key(zone, LDNS_SIGN_ECDSAP256SHA256);	/* the DS is of this one, which is not in the zone */
	zone_serve_ds(zone);
	reply_add(reply, SECTION_ANSWER, "roll.test. 300 IN TXT \"x\"", zone);
	assert_string_equal(world_security(f->world, reply), "bogus");
}

/* Serves a DS set of given rdata for a zone and judges a TXT signed by it. */
static const char *with_ds(struct world_fixture *f, const char *name, const char *ds_rdata, bool also_real)
{
	struct zone *zone = zone_unserved(f->tld, name, LDNS_SIGN_ECDSAP256SHA256);
	struct reply *reply = reply_noerror(f->world, name, LDNS_RR_TYPE_TXT), *ds = reply_noerror(f->world, name, LDNS_RR_TYPE_DS);
	char text[256], real[256] = "", *printed;
	const char *set[] = { text, also_real ? real : NULL, NULL };
	ldns_rr *rr = ldns_key_rr2ds(ldns_rr_list_rr(zone->dnskeys, 0), LDNS_SHA256);

	printed = ldns_rr2str(rr);
	snprintf(real, sizeof(real), "%s", printed);
	snprintf(text, sizeof(text), "%s 3600 IN DS %s", name, ds_rdata);
	ldns_rr_set_ttl(rr, 3600);
	free(printed);
	ldns_rr_free(rr);
	zone_serve_dnskey(zone);
	reply_add_set(ds, SECTION_ANSWER, set, f->tld);
	reply_serve(ds);
	snprintf(text, sizeof(text), "%s 300 IN TXT \"x\"", name);
	reply_add(reply, SECTION_ANSWER, text, zone);
	return world_security(f->world, reply);
}

static void test_judge_ds_unknown_digest_only(void **state)
{
	assert_string_equal(with_ds(*state, "d1.test.", "1 13 250 abcd", false), "insecure");
}

static void test_judge_ds_unknown_algorithm_only(void **state)
{
	assert_string_equal(with_ds(*state, "d2.test.",
	    "1 200 2 0000000000000000000000000000000000000000000000000000000000000000", false), "insecure");
}

static void test_judge_ds_sha1_algorithms_are_unsupported(void **state)
{
	assert_string_equal(with_ds(*state, "d3.test.",
	    "1 5 2 0000000000000000000000000000000000000000000000000000000000000000", false), "insecure");
}

static void test_judge_ds_unknown_beside_good(void **state)
{
	assert_string_equal(with_ds(*state, "d4.test.", "1 200 250 abcd", true), "secure");
}

static void test_judge_ds_short_digest(void **state)
{
	assert_string_equal(with_ds(*state, "d5.test.", "1 13 2 00", false), "bogus");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_judge_unsigned_delegation),
		CASE(test_judge_unsigned_delegation_unproven),
		CASE(test_judge_no_ds_proof_by_child_apex),
		CASE(test_judge_no_ds_proof_with_soa_bit),
		CASE(test_judge_no_ds_proof_from_wildcard),
		CASE(test_judge_unreachable_chain),
		CASE(test_judge_ds_matches_no_key),
		CASE(test_judge_ds_unknown_digest_only),
		CASE(test_judge_ds_unknown_algorithm_only),
		CASE(test_judge_ds_sha1_algorithms_are_unsupported),
		CASE(test_judge_ds_unknown_beside_good),
		CASE(test_judge_ds_short_digest),
	};

	return cmocka_run_group_tests_name("validate", tests, NULL, NULL);
}
