/* SPDX-License-Identifier: BSD-2-Clause */
/* The validator on answers of a small signed world: chains, signatures, wildcards, aliases (RFC 4035, 6672, 6840). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "signed_zone.h"

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_judge_signed_answer),
		CASE(test_judge_every_algorithm),
		CASE(test_judge_altered_data),
		CASE(test_judge_duplicate_record),
		CASE(test_judge_raised_ttl),
		CASE(test_judge_mixed_case),
		CASE(test_judge_missing_signature),
		CASE(test_judge_expired),
		CASE(test_judge_not_yet_valid),
		CASE(test_judge_validity_bounds_ttl),
		CASE(test_judge_replayed_name),
		CASE(test_judge_sibling_signer),
		CASE(test_judge_wildcard),
		CASE(test_judge_wildcard_without_proof),
		CASE(test_judge_wildcard_over_existing_name),
		CASE(test_judge_wildcard_over_empty_non_terminal),
		CASE(test_judge_wildcard_proof_by_parent_zone),
		CASE(test_judge_wildcard_name_itself),
		CASE(test_judge_cname_chain_weakest_link),
		CASE(test_judge_cname_from_insecure_zone),
		CASE(test_judge_cname_beside_data),
		CASE(test_judge_cname_unfinished),
		CASE(test_judge_too_many_aliases),
		CASE(test_judge_cname_loop),
		CASE(test_judge_dname),
		CASE(test_judge_cname_made_from_dname),
		CASE(test_judge_dname_with_wrong_cname),
		CASE(test_judge_rcode_hides_data),
		CASE(test_judge_servfail),
		CASE(test_judge_malformed),
	};

	return cmocka_run_group_tests_name("validate", tests, NULL, NULL);
}
