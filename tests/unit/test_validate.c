/* SPDX-License-Identifier: BSD-2-Clause */
/* The validator on answers of a small signed world: chains, signatures, wildcards, aliases (RFC 4035, 6672, 6840). */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "dnssec_world.h"

static int setup(void **state)
{
	return world_setup(state, "zone.test.", LDNS_SIGN_ECDSAP256SHA256);
}

/* An unsigned delegation of tld: the proof that it has no DS. */
static void serve_unsigned(struct world_fixture *f, const char *name, const char *nsec)
{
	struct reply *reply = reply_noerror(f->world, name, LDNS_RR_TYPE_DS);

	reply_add(reply, SECTION_AUTHORITY, nsec, f->tld);
	reply_serve(reply);
}

static void test_judge_signed_answer(void **state)
{
	struct world_fixture *f = *state;
	struct reply *reply = reply_noerror(f->world, "www.zone.test.", LDNS_RR_TYPE_A);
	struct validator_verdict verdict;

	reply_add_set(reply, SECTION_ANSWER, (const char *const[]){ "www.zone.test. 300 IN A 192.0.2.2",
	    "www.zone.test. 300 IN A 192.0.2.1", NULL }, f->zone);
	verdict = world_judge(f->world, reply);
	assert_int_equal(verdict.security, DNS_SECURE);
	assert_int_equal(verdict.ttl_secs, 300);
	assert_non_null(strstr(verdict.explanation, "zone.test: DNSKEY set"));
	/* root first, then down */
	assert_true(strstr(verdict.explanation, ".: trust anchor") < strstr(verdict.explanation, "\ntest: DS set"));
	assert_true(strstr(verdict.explanation, "\ntest: DS set") < strstr(verdict.explanation, "\nzone.test: DS set"));
}

static void test_judge_every_algorithm(void **state)
{
	static const ldns_signing_algorithm algorithms[] = { LDNS_SIGN_RSASHA256, LDNS_SIGN_RSASHA512,
		LDNS_SIGN_ECDSAP256SHA256, LDNS_SIGN_ECDSAP384SHA384, LDNS_SIGN_ED25519, LDNS_SIGN_ED448 };
	static const char *const names[] = { "a8.test.", "a10.test.", "a13.test.", "a14.test.", "a15.test.", "a16.test." };
	struct world_fixture *f = *state;

	for (size_t i = 0; i < 6; i++) {
		struct zone *zone = zone_new(f->tld, names[i], algorithms[i]);
		struct reply *reply = reply_noerror(f->world, names[i], LDNS_RR_TYPE_TXT);
		char text[64];

		snprintf(text, sizeof(text), "%s 300 IN TXT \"x\"", names[i]);
		reply_add(reply, SECTION_ANSWER, text, zone);
		assert_string_equal(world_security(f->world, reply), "secure");
	}
}

static void test_judge_altered_data(void **state)
{
	struct world_fixture *f = *state;
	struct reply *reply = reply_noerror(f->world, "www.zone.test.", LDNS_RR_TYPE_A);

	reply_add(reply, SECTION_ANSWER, "www.zone.test. 300 IN A 192.0.2.1", f->zone);
	reply_add(reply, SECTION_ANSWER, "www.zone.test. 300 IN A 192.0.2.66", NULL);
	assert_string_equal(world_security(f->world, reply), "bogus");
}

static void test_judge_duplicate_record(void **state)
{
	struct world_fixture *f = *state;
	struct reply *reply = reply_noerror(f->world, "www.zone.test.", LDNS_RR_TYPE_A);

	/* RFC 4034 section 6.3: a duplicate is dropped, not hashed twice */
	reply_add(reply, SECTION_ANSWER, "www.zone.test. 300 IN A 192.0.2.1", f->zone);
	reply_add(reply, SECTION_ANSWER, "www.zone.test. 300 IN A 192.0.2.1", NULL);
	assert_string_equal(world_security(f->world, reply), "secure");
}

static void test_judge_raised_ttl(void **state)
{
	struct world_fixture *f = *state;
	struct reply *reply = reply_noerror(f->world, "www.zone.test.", LDNS_RR_TYPE_A);

	reply_add(reply, SECTION_ANSWER, "www.zone.test. 300 IN A 192.0.2.1", f->zone);
	ldns_rr_set_ttl(ldns_rr_list_rr(reply->sections[0], 0), 80000);
	/* RFC 4035 section 5.3.3: not longer than the original TTL */
	assert_int_equal(world_judge(f->world, reply).ttl_secs, 300);
}

static void test_judge_mixed_case(void **state)
{
	struct world_fixture *f = *state;
	struct reply *reply = reply_noerror(f->world, "WWW.zone.TEST.", LDNS_RR_TYPE_MX);

	reply_add_as(reply, SECTION_ANSWER, "www.zone.test. 300 IN MX 5 Mail.Zone.Test.", f->zone, "Www.Zone.Test.");
	assert_string_equal(world_security(f->world, reply), "secure");
}

static void test_judge_missing_signature(void **state)
{
	struct world_fixture *f = *state;
	struct reply *reply = reply_noerror(f->world, "www.zone.test.", LDNS_RR_TYPE_A);
	struct reply *ds = reply_noerror(f->world, "www.zone.test.", LDNS_RR_TYPE_DS);

	reply_add(reply, SECTION_ANSWER, "www.zone.test. 300 IN A 192.0.2.1", NULL);
	reply_add(ds, SECTION_AUTHORITY, "www.zone.test. 300 IN NSEC zone.test. A RRSIG NSEC", f->zone);
	reply_serve(ds);
	assert_string_equal(world_security(f->world, reply), "bogus");
}

static void test_judge_expired(void **state)
{
	struct world_fixture *f = *state;
	struct reply *reply = reply_noerror(f->world, "www.zone.test.", LDNS_RR_TYPE_A);
	struct reply *ds = reply_noerror(f->world, "www.zone.test.", LDNS_RR_TYPE_DS);

	reply_add(ds, SECTION_AUTHORITY, "www.zone.test. 300 IN NSEC zone.test. A RRSIG NSEC", f->zone);
	reply_serve(ds);
	reply_add_dated(reply, "www.zone.test. 300 IN A 192.0.2.1", f->zone, WORLD_NOW - 1000, WORLD_NOW - 1);
	assert_string_equal(world_security(f->world, reply), "bogus");
}

static void test_judge_not_yet_valid(void **state)
{
	struct world_fixture *f = *state;
	struct reply *reply = reply_noerror(f->world, "www.zone.test.", LDNS_RR_TYPE_A);
	struct reply *ds = reply_noerror(f->world, "www.zone.test.", LDNS_RR_TYPE_DS);

	reply_add(ds, SECTION_AUTHORITY, "www.zone.test. 300 IN NSEC zone.test. A RRSIG NSEC", f->zone);
	reply_serve(ds);
	reply_add_dated(reply, "www.zone.test. 300 IN A 192.0.2.1", f->zone, WORLD_NOW + 1, WORLD_NOW + 1000);
	assert_string_equal(world_security(f->world, reply), "bogus");
}

static void test_judge_validity_bounds_ttl(void **state)
{
	struct world_fixture *f = *state;
	struct reply *reply = reply_noerror(f->world, "www.zone.test.", LDNS_RR_TYPE_A);

	/* the borders themselves are valid (RFC 4034 section 3.1.5) */
	reply_add_dated(reply, "www.zone.test. 300 IN A 192.0.2.1", f->zone, WORLD_NOW, WORLD_NOW + 20);
	assert_int_equal(world_judge(f->world, reply).security, DNS_SECURE);
	assert_int_equal(world_judge(f->world, reply).ttl_secs, 20);
}

static void test_judge_replayed_name(void **state)
{
	struct world_fixture *f = *state;
	struct reply *reply = reply_noerror(f->world, "victim.zone.test.", LDNS_RR_TYPE_TXT);

	reply_add_as(reply, SECTION_ANSWER, "other.zone.test. 300 IN TXT \"v=spf1 +all\"", f->zone, "victim.zone.test.");
	assert_string_equal(world_security(f->world, reply), "bogus");
}

static void test_judge_sibling_signer(void **state)
{
	struct world_fixture *f = *state;
	struct zone *other = zone_new(f->tld, "other.test.", LDNS_SIGN_ECDSAP256SHA256);
	struct reply *reply = reply_noerror(f->world, "www.zone.test.", LDNS_RR_TYPE_A);
	struct reply *ds = reply_noerror(f->world, "www.zone.test.", LDNS_RR_TYPE_DS);

	/* a good signature, by a secure zone that is not the owner's */
	reply_add(ds, SECTION_AUTHORITY, "www.zone.test. 300 IN NSEC zone.test. A RRSIG NSEC", f->zone);
	reply_serve(ds);
	reply_add(reply, SECTION_ANSWER, "www.zone.test. 300 IN A 192.0.2.1", other);
	assert_string_equal(world_security(f->world, reply), "bogus");
}

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

static void test_judge_wildcard(void **state)
{
	struct world_fixture *f = *state;
	struct reply *reply = reply_noerror(f->world, "x.w.zone.test.", LDNS_RR_TYPE_TXT);

	reply_add_as(reply, SECTION_ANSWER, "*.w.zone.test. 300 IN TXT \"x\"", f->zone, "x.w.zone.test.");
	reply_add(reply, SECTION_AUTHORITY, "*.w.zone.test. 300 IN NSEC z.zone.test. TXT RRSIG NSEC", f->zone);
	assert_string_equal(world_security(f->world, reply), "secure");
}

static void test_judge_wildcard_without_proof(void **state)
{
	struct world_fixture *f = *state;
	struct reply *reply = reply_noerror(f->world, "x.w.zone.test.", LDNS_RR_TYPE_TXT);

	reply_add_as(reply, SECTION_ANSWER, "*.w.zone.test. 300 IN TXT \"x\"", f->zone, "x.w.zone.test.");
	assert_string_equal(world_security(f->world, reply), "bogus");
}

static void test_judge_wildcard_over_existing_name(void **state)
{
	struct world_fixture *f = *state;
	struct reply *reply = reply_noerror(f->world, "x.w.zone.test.", LDNS_RR_TYPE_TXT);

	/* the NSEC at hand shows that x.w exists (as the next name), or ends before it */
	reply_add_as(reply, SECTION_ANSWER, "*.w.zone.test. 300 IN TXT \"x\"", f->zone, "x.w.zone.test.");
	reply_add(reply, SECTION_AUTHORITY, "*.w.zone.test. 300 IN NSEC x.w.zone.test. TXT RRSIG NSEC", f->zone);
	reply_add(reply, SECTION_AUTHORITY, "x.w.zone.test. 300 IN NSEC z.zone.test. A RRSIG NSEC", f->zone);
	assert_string_equal(world_security(f->world, reply), "bogus");
}

static void test_judge_wildcard_over_empty_non_terminal(void **state)
{
	struct world_fixture *f = *state;
	struct reply *reply = reply_noerror(f->world, "x.w.zone.test.", LDNS_RR_TYPE_TXT);

	reply_add_as(reply, SECTION_ANSWER, "*.w.zone.test. 300 IN TXT \"x\"", f->zone, "x.w.zone.test.");
	reply_add(reply, SECTION_AUTHORITY, "*.w.zone.test. 300 IN NSEC a.x.w.zone.test. TXT RRSIG NSEC", f->zone);
	assert_string_equal(world_security(f->world, reply), "bogus");
}

static void test_judge_wildcard_proof_by_parent_zone(void **state)
{
	struct world_fixture *f = *state;
	struct reply *reply = reply_noerror(f->world, "x.w.zone.test.", LDNS_RR_TYPE_TXT);

	/* the records of one proof must be of one zone */
	reply_add_as(reply, SECTION_ANSWER, "*.w.zone.test. 300 IN TXT \"x\"", f->zone, "x.w.zone.test.");
	reply_add(reply, SECTION_AUTHORITY, "a.test. 300 IN NSEC test. A RRSIG NSEC", f->tld);
	assert_string_equal(world_security(f->world, reply), "bogus");
}

static void test_judge_wildcard_name_itself(void **state)
{
	struct world_fixture *f = *state;
	struct reply *reply = reply_noerror(f->world, "*.w.zone.test.", LDNS_RR_TYPE_TXT);

	reply_add(reply, SECTION_ANSWER, "*.w.zone.test. 300 IN TXT \"x\"", f->zone);
	assert_string_equal(world_security(f->world, reply), "secure");
}

static void test_judge_cname_chain_weakest_link(void **state)
{
	struct world_fixture *f = *state;
	struct reply *good = reply_noerror(f->world, "a.zone.test.", LDNS_RR_TYPE_A),
	    *weak = reply_noerror(f->world, "b.zone.test.", LDNS_RR_TYPE_A);
	struct reply *bad = reply_noerror(f->world, "c.zone.test.", LDNS_RR_TYPE_A);

	reply_add(good, SECTION_ANSWER, "a.zone.test. 300 IN CNAME www.zone.test.", f->zone);
	reply_add(good, SECTION_ANSWER, "www.zone.test. 300 IN A 192.0.2.1", f->zone);
	assert_string_equal(world_security(f->world, good), "secure");
	serve_unsigned(f, "plain.test.", "plain.test. 300 IN NSEC zone.test. NS RRSIG NSEC");
	reply_add(weak, SECTION_ANSWER, "b.zone.test. 300 IN CNAME www.plain.test.", f->zone);
	reply_add(weak, SECTION_ANSWER, "www.plain.test. 300 IN A 192.0.2.1", NULL);
	assert_string_equal(world_security(f->world, weak), "insecure");
	reply_add(bad, SECTION_ANSWER, "c.zone.test. 300 IN CNAME www.zone.test.", f->zone);
	reply_add_as(bad, SECTION_ANSWER, "w.zone.test. 300 IN A 192.0.2.1", f->zone, "www.zone.test.");
	assert_string_equal(world_security(f->world, bad), "bogus");
}

static void test_judge_cname_from_insecure_zone(void **state)
{
	struct world_fixture *f = *state;
	struct reply *reply = reply_noerror(f->world, "a.plain.test.", LDNS_RR_TYPE_A);

	serve_unsigned(f, "plain.test.", "plain.test. 300 IN NSEC zone.test. NS RRSIG NSEC");
	reply_add(reply, SECTION_ANSWER, "a.plain.test. 300 IN CNAME www.zone.test.", NULL);
	reply_add(reply, SECTION_ANSWER, "www.zone.test. 300 IN A 192.0.2.1", f->zone);
	assert_string_equal(world_security(f->world, reply), "insecure");
}

static void test_judge_cname_beside_data(void **state)
{
	struct world_fixture *f = *state;
	struct reply *reply = reply_noerror(f->world, "a.zone.test.", LDNS_RR_TYPE_A);

	reply_add(reply, SECTION_ANSWER, "a.zone.test. 300 IN A 192.0.2.1", f->zone);
	reply_add(reply, SECTION_ANSWER, "a.zone.test. 300 IN CNAME www.zone.test.", NULL);
	assert_string_equal(world_security(f->world, reply), "bogus");
}

static void test_judge_cname_unfinished(void **state)
{
	struct world_fixture *f = *state;
	struct reply *open = reply_noerror(f->world, "a.zone.test.", LDNS_RR_TYPE_A),
	    *closed = reply_noerror(f->world, "b.zone.test.", LDNS_RR_TYPE_A);

	/* no word about the target: the alias alone is judged, the resolver asks on */
	reply_add(open, SECTION_ANSWER, "a.zone.test. 300 IN CNAME www.zone.test.", f->zone);
	assert_string_equal(world_security(f->world, open), "secure");
	/* an SOA says "there is nothing": that needs a proof */
	reply_add(closed, SECTION_ANSWER, "b.zone.test. 300 IN CNAME www.zone.test.", f->zone);
	reply_add(closed, SECTION_AUTHORITY, "zone.test. 300 IN SOA a. b. 1 2 3 4 5", f->zone);
	reply_serve(reply_noerror(f->world, "www.zone.test.", LDNS_RR_TYPE_DS));
	assert_string_equal(world_security(f->world, closed), "bogus");
}

static void test_judge_too_many_aliases(void **state)
{
	struct world_fixture *f = *state;
	struct reply *reply = reply_noerror(f->world, "n0.zone.test.", LDNS_RR_TYPE_A);
	char text[128];

	for (int i = 0; i < 12; i++) {
		snprintf(text, sizeof(text), "n%d.zone.test. 300 IN CNAME n%d.zone.test.", i, i + 1);
		reply_add(reply, SECTION_ANSWER, text, f->zone);
	}
	reply_add(reply, SECTION_ANSWER, "n12.zone.test. 300 IN A 192.0.2.1", f->zone);
	assert_string_equal(world_security(f->world, reply), "bogus");
}

static void test_judge_cname_loop(void **state)
{
	struct world_fixture *f = *state;
	struct reply *reply = reply_noerror(f->world, "a.zone.test.", LDNS_RR_TYPE_A);

	reply_add(reply, SECTION_ANSWER, "a.zone.test. 300 IN CNAME b.zone.test.", f->zone);
	reply_add(reply, SECTION_ANSWER, "b.zone.test. 300 IN CNAME a.zone.test.", f->zone);
	assert_string_equal(world_security(f->world, reply), "bogus");
}

static void test_judge_dname(void **state)
{
	struct world_fixture *f = *state;
	struct reply *reply = reply_noerror(f->world, "www.d.zone.test.", LDNS_RR_TYPE_A);

	reply_add(reply, SECTION_ANSWER, "d.zone.test. 300 IN DNAME zone.test.", f->zone);
	reply_add(reply, SECTION_ANSWER, "www.d.zone.test. 300 IN CNAME www.zone.test.", NULL);
	reply_add(reply, SECTION_ANSWER, "www.zone.test. 300 IN A 192.0.2.1", f->zone);
	assert_string_equal(world_security(f->world, reply), "secure");
}

static void test_judge_cname_made_from_dname(void **state)
{
	struct world_fixture *f = *state;
	struct reply *good = reply_noerror(f->world, "www.d.zone.test.", LDNS_RR_TYPE_CNAME);
	struct reply *bad = reply_noerror(f->world, "www.d.zone.test.", LDNS_RR_TYPE_CNAME);

	reply_add(good, SECTION_ANSWER, "d.zone.test. 300 IN DNAME zone.test.", f->zone);
	reply_add(good, SECTION_ANSWER, "www.d.zone.test. 300 IN CNAME www.zone.test.", NULL);
	assert_string_equal(world_security(f->world, good), "secure");
	reply_add(bad, SECTION_ANSWER, "d.zone.test. 300 IN DNAME zone.test.", f->zone);
	reply_add(bad, SECTION_ANSWER, "www.d.zone.test. 300 IN CNAME evil.zone.test.", NULL);
	assert_string_equal(world_security(f->world, bad), "bogus");
}

static void test_judge_dname_with_wrong_cname(void **state)
{
	struct world_fixture *f = *state;
	struct reply *reply = reply_noerror(f->world, "www.d.zone.test.", LDNS_RR_TYPE_A);

	reply_add(reply, SECTION_ANSWER, "d.zone.test. 300 IN DNAME zone.test.", f->zone);
	reply_add(reply, SECTION_ANSWER, "www.d.zone.test. 300 IN CNAME evil.zone.test.", NULL);
	reply_add(reply, SECTION_ANSWER, "evil.zone.test. 300 IN A 192.0.2.1", f->zone);
	assert_string_equal(world_security(f->world, reply), "bogus");
}

static void test_judge_rcode_hides_data(void **state)
{
	struct world_fixture *f = *state;
	struct reply *reply = reply_new(f->world, "www.zone.test.", LDNS_RR_TYPE_A, LDNS_RCODE_NXDOMAIN);

	/* the rcode is not signed: a signed record with NXDOMAIN must not become a secure absence */
	reply_add(reply, SECTION_ANSWER, "www.zone.test. 300 IN A 192.0.2.1", f->zone);
	assert_string_equal(world_security(f->world, reply), "bogus");
}

static void test_judge_servfail(void **state)
{
	struct world_fixture *f = *state;
	struct reply *reply = reply_new(f->world, "www.zone.test.", LDNS_RR_TYPE_A, LDNS_RCODE_SERVFAIL);

	assert_string_equal(world_security(f->world, reply), "indeterminate");
}

static void test_judge_recursor_strips_signatures(void **state)
{
	struct world_fixture *f = *state;
	struct reply *reply = reply_noerror(f->world, "www.zone.test.", LDNS_RR_TYPE_A),
	    *keys = reply_noerror(f->world, ".", LDNS_RR_TYPE_DNSKEY);
	char *text = ldns_rr2str(ldns_rr_list_rr(f->root->dnskeys, 0));
	struct validator_verdict verdict;

	reply_add(keys, SECTION_ANSWER, text, NULL);
	reply_serve(keys);
	free(text);
	reply_add(reply, SECTION_ANSWER, "www.zone.test. 300 IN A 192.0.2.1", NULL);
	verdict = world_judge(f->world, reply);
	assert_int_equal(verdict.security, DNS_INDETERMINATE);
	assert_non_null(strstr(verdict.why, "pass DNSSEC records on"));
}

static void test_judge_recursor_hides_keys(void **state)
{
	struct world_fixture *f = *state;
	struct reply *reply = reply_noerror(f->world, "www.zone.test.", LDNS_RR_TYPE_A);
	struct validator_verdict verdict;

	/* a recursor that knows nothing of DNSSEC: indeterminate, never bogus, and what it says may be used */
	reply_serve(reply_noerror(f->world, ".", LDNS_RR_TYPE_DNSKEY));
	reply_add(reply, SECTION_ANSWER, "www.zone.test. 300 IN A 192.0.2.1", NULL);
	verdict = world_judge(f->world, reply);
	assert_int_equal(verdict.security, DNS_INDETERMINATE);
	assert_false(verdict.withheld);
}

/* Once DNSSEC has been seen to reach us, an answer whose keys are kept back is not to be used. */
static void test_judge_keys_kept_back_after_anchoring(void **state)
{
	struct world_fixture *f = *state;
	struct reply *reply = reply_noerror(f->world, "www.zone.test.", LDNS_RR_TYPE_A),
	    *other = reply_noerror(f->world, "dark.test.", LDNS_RR_TYPE_TXT);
	struct zone *dark = zone_unserved(f->tld, "dark.test.", LDNS_SIGN_ECDSAP256SHA256);
	struct validator_verdict verdict;

	zone_serve_ds(dark);	/* and no answer to its DNSKEY */
	reply_add(other, SECTION_ANSWER, "dark.test. 300 IN TXT \"x\"", dark);
	reply_add(reply, SECTION_ANSWER, "www.zone.test. 300 IN A 192.0.2.1", f->zone);
	assert_string_equal(world_security(f->world, reply), "secure");
	verdict = world_judge(f->world, other);
	assert_int_equal(verdict.security, DNS_INDETERMINATE);
	assert_true(verdict.withheld);
}

static void test_judge_keys_are_cached(void **state)
{
	struct world_fixture *f = *state;
	struct reply *reply = reply_noerror(f->world, "www.zone.test.", LDNS_RR_TYPE_A);
	unsigned fetches;

	reply_add(reply, SECTION_ANSWER, "www.zone.test. 300 IN A 192.0.2.1", f->zone);
	assert_string_equal(world_security(f->world, reply), "secure");
	fetches = f->world->fetches;
	assert_true(fetches >= 5);	/* DNSKEY of three zones, DS of two */
	assert_string_equal(world_security(f->world, reply), "secure");
	assert_int_equal(f->world->fetches, fetches);
}

static void test_judge_fetches_chain_at_once(void **state)
{
	struct world_fixture *f = *state;
	struct reply *reply = reply_noerror(f->world, "www.zone.test.", LDNS_RR_TYPE_A);

	reply_add(reply, SECTION_ANSWER, "www.zone.test. 300 IN A 192.0.2.1", f->zone);
	assert_string_equal(world_security(f->world, reply), "secure");
	/* one round trip: root's DNSKEY, DS and DNSKEY of test and of zone.test are under way before the first is waited for */
	assert_true(f->world->starts_before_fetch >= 5);
}

static char started[1024];

static void note_start(void *context, const char *name, uint16_t type)
{
	(void)context;
	snprintf(started + strlen(started), sizeof(started) - strlen(started), "%s/%u ", name, type);
}

static void test_prefetch_starts_what_is_unknown(void **state)
{
	struct world_fixture *f = *state;
	struct dns_fetcher fetcher = { .start = note_start };
	struct reply *reply = reply_noerror(f->world, "www.zone.test.", LDNS_RR_TYPE_A);

	started[0] = '\0';
	validator_prefetch(f->world->validator, &fetcher, "_dmarc.zone.test");
	assert_string_equal(started, "./48 zone.test/43 zone.test/48 test/43 test/48 ");
	reply_add(reply, SECTION_ANSWER, "www.zone.test. 300 IN A 192.0.2.1", f->zone);
	assert_string_equal(world_security(f->world, reply), "secure");
	started[0] = '\0';
	validator_prefetch(f->world->validator, &fetcher, "sel._domainkey.zone.test");
	assert_string_equal(started, "");
	validator_prefetch(f->world->validator, &fetcher, "other.test");
	assert_string_equal(started, "other.test/43 other.test/48 ");
}

static void test_judge_bogus_zone_is_cached(void **state)
{
	struct world_fixture *f = *state;
	struct zone *zone = zone_unserved(f->tld, "bad.test.", LDNS_SIGN_ECDSAP256SHA256);
	struct reply *reply = reply_noerror(f->world, "bad.test.", LDNS_RR_TYPE_TXT);
	unsigned fetches;

	zone_serve_ds(zone);
	reply_serve(reply_noerror(f->world, "bad.test.", LDNS_RR_TYPE_DNSKEY));
	reply_add(reply, SECTION_ANSWER, "bad.test. 300 IN TXT \"x\"", zone);
	assert_string_equal(world_security(f->world, reply), "bogus");
	fetches = f->world->fetches;
	assert_string_equal(world_security(f->world, reply), "bogus");
	assert_int_equal(f->world->fetches, fetches);
}

static void test_judge_negative_anchor(void **state)
{
	static const char *const names[] = { "Zone.Test", NULL };
	struct validator_config config = { .negative_trust_anchors = names };
	struct world *world = world_new(&config);
	struct zone *tld = zone_new(world_root(world), "test.", LDNS_SIGN_ECDSAP256SHA256);
	struct reply *below = reply_new(world, "www.zone.test.", LDNS_RR_TYPE_A, LDNS_RCODE_NOERROR);
	struct reply *beside = reply_new(world, "xzone.test.", LDNS_RR_TYPE_A, LDNS_RCODE_NOERROR);

	(void)state;
	reply_add(below, SECTION_ANSWER, "www.zone.test. 300 IN A 192.0.2.1", NULL);
	assert_string_equal(world_security(world, below), "insecure");
	reply_add(beside, SECTION_ANSWER, "xzone.test. 300 IN A 192.0.2.1", tld);
	assert_string_equal(world_security(world, beside), "secure");
	world_free(&world);
}

enum { THREADS = 4, ROUNDS = 200 };

struct crowd { struct world *world; struct reply *replies[3]; enum dns_security expected[3]; };

static void *crowd_member(void *argument)
{
	const struct crowd *crowd = argument;
	struct arena *arena = arena_new();
	intptr_t wrong = 0;

	for (unsigned i = 0; i < ROUNDS; i++) {
		wrong += world_judge_in_thread(crowd->world, crowd->replies[i % 3], arena) != crowd->expected[i % 3];
		arena_reset(arena);
	}
	arena_free(&arena);
	return (void *)wrong;
}

/* One validator, all its zones unknown at first, asked by several threads at once (see also the TSAN build). */
static void test_judge_in_many_threads(void **state)
{
	struct world_fixture *f = *state;
	struct crowd crowd = { .world = f->world, .expected = { DNS_SECURE, DNS_INSECURE, DNS_BOGUS } };
	pthread_t threads[THREADS];

	serve_unsigned(f, "plain.test.", "plain.test. 300 IN NSEC zone.test. NS RRSIG NSEC");
	crowd.replies[0] = reply_noerror(f->world, "www.zone.test.", LDNS_RR_TYPE_A);
	reply_add(crowd.replies[0], SECTION_ANSWER, "www.zone.test. 300 IN A 192.0.2.1", f->zone);
	crowd.replies[1] = reply_noerror(f->world, "www.plain.test.", LDNS_RR_TYPE_A);
	reply_add(crowd.replies[1], SECTION_ANSWER, "www.plain.test. 300 IN A 192.0.2.1", NULL);
	crowd.replies[2] = reply_noerror(f->world, "v.zone.test.", LDNS_RR_TYPE_A);
	reply_add_as(crowd.replies[2], SECTION_ANSWER, "www.zone.test. 300 IN A 192.0.2.1", f->zone, "v.zone.test.");
	for (unsigned i = 0; i < 3; i++)
		reply_serve(crowd.replies[i]);
	for (unsigned i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, crowd_member, &crowd), 0);
	for (unsigned i = 0; i < THREADS; i++) {
		void *wrong;

		pthread_join(threads[i], &wrong);
		assert_int_equal((intptr_t)wrong, 0);
	}
}

static void test_judge_malformed(void **state)
{
	static const uint8_t wire[] = { 0, 0, 0x80, 0, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0, 1, 0, 1, 0xc0 };
	struct world_fixture *f = *state;
	struct dns_fetcher fetcher = { 0 };
	struct validator_verdict verdict;

	for (size_t length = 0; length <= sizeof(wire); length++) {
		validator_judge(f->world->validator, &fetcher, "a.test", LDNS_RR_TYPE_A, wire, length, false, f->world->arena,
		    &verdict);
		assert_int_equal(verdict.security, DNS_BOGUS);
	}
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, world_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_judge_signed_answer), CASE(test_judge_every_algorithm), CASE(test_judge_altered_data),
		CASE(test_judge_duplicate_record), CASE(test_judge_raised_ttl), CASE(test_judge_mixed_case),
		CASE(test_judge_missing_signature), CASE(test_judge_expired), CASE(test_judge_not_yet_valid),
		CASE(test_judge_validity_bounds_ttl), CASE(test_judge_replayed_name), CASE(test_judge_sibling_signer),
		CASE(test_judge_unsigned_delegation), CASE(test_judge_unsigned_delegation_unproven),
		CASE(test_judge_no_ds_proof_by_child_apex), CASE(test_judge_no_ds_proof_with_soa_bit),
		CASE(test_judge_no_ds_proof_from_wildcard), CASE(test_judge_unreachable_chain),
		CASE(test_judge_ds_matches_no_key), CASE(test_judge_ds_unknown_digest_only),
		CASE(test_judge_ds_unknown_algorithm_only), CASE(test_judge_ds_sha1_algorithms_are_unsupported),
		CASE(test_judge_ds_unknown_beside_good), CASE(test_judge_ds_short_digest), CASE(test_judge_wildcard),
		CASE(test_judge_wildcard_without_proof), CASE(test_judge_wildcard_over_existing_name),
		CASE(test_judge_wildcard_over_empty_non_terminal), CASE(test_judge_wildcard_proof_by_parent_zone),
		CASE(test_judge_wildcard_name_itself), CASE(test_judge_cname_chain_weakest_link),
		CASE(test_judge_cname_from_insecure_zone), CASE(test_judge_cname_beside_data),
		CASE(test_judge_cname_unfinished), CASE(test_judge_too_many_aliases), CASE(test_judge_cname_loop),
		CASE(test_judge_dname), CASE(test_judge_cname_made_from_dname), CASE(test_judge_dname_with_wrong_cname),
		CASE(test_judge_rcode_hides_data),
		CASE(test_judge_servfail), CASE(test_judge_recursor_strips_signatures),
		CASE(test_judge_recursor_hides_keys), CASE(test_judge_keys_kept_back_after_anchoring), CASE(test_judge_keys_are_cached),
		CASE(test_judge_fetches_chain_at_once), CASE(test_prefetch_starts_what_is_unknown),
		CASE(test_judge_bogus_zone_is_cached), CASE(test_judge_negative_anchor), CASE(test_judge_in_many_threads),
		CASE(test_judge_malformed),
	};

	return cmocka_run_group_tests_name("validate", tests, NULL, NULL);
}
