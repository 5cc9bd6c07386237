/* SPDX-License-Identifier: BSD-2-Clause */
/* Proofs of absence: what NSEC and NSEC3 prove and, above all, what they do not (RFC 4035, 5155, 6840, 9276). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "denial_records.h"
#include "dnssec/internal.h"

static int setup(void **state)
{
	return world_setup(state, "z.test.", LDNS_SIGN_ED25519);
}

/* Judges a negative answer with these proof records, all signed by the zone. */
static const char *denied(struct world_fixture *f, const char *name, uint16_t type, ldns_pkt_rcode rcode,
    const char *const *proofs)
{
	struct reply *reply = reply_new(f->world, name, type, rcode);

	reply_add(reply, SECTION_AUTHORITY, "z.test. 300 IN SOA a. b. 1 2 3 4 5", f->zone);
	for (; *proofs != NULL; proofs++)
		reply_add(reply, SECTION_AUTHORITY, *proofs, f->zone);
	return world_security(f->world, reply);
}

#define NODATA(f, name, type, ...) denied(f, name, type, LDNS_RCODE_NOERROR, (const char *const[]){ __VA_ARGS__, NULL })
#define NXDOMAIN(f, name, ...) denied(f, name, LDNS_RR_TYPE_TXT, LDNS_RCODE_NXDOMAIN, (const char *const[]){ __VA_ARGS__, NULL })

/* ---- NSEC ---- */

static void test_nsec_nodata(void **state)
{
	assert_string_equal(NODATA(*state, "a.z.test.", LDNS_RR_TYPE_TXT, "a.z.test. 300 IN NSEC c.z.test. A RRSIG NSEC"), "secure");
}

static void test_nsec_nodata_type_exists(void **state)
{
	assert_string_equal(NODATA(*state, "a.z.test.", LDNS_RR_TYPE_TXT, "a.z.test. 300 IN NSEC c.z.test. A TXT RRSIG NSEC"), "bogus");
}

static void test_nsec_nodata_cname_exists(void **state)
{
	assert_string_equal(NODATA(*state, "a.z.test.", LDNS_RR_TYPE_TXT, "a.z.test. 300 IN NSEC c.z.test. CNAME RRSIG NSEC"), "bogus");
}

static void test_nsec_nodata_parent_side_of_delegation(void **state)
{
	assert_string_equal(NODATA(*state, "a.z.test.", LDNS_RR_TYPE_TXT, "a.z.test. 300 IN NSEC c.z.test. NS RRSIG NSEC"), "bogus");
}

static void test_nsec_nodata_ds_at_delegation(void **state)
{
	assert_string_equal(NODATA(*state, "a.z.test.", LDNS_RR_TYPE_DS, "a.z.test. 300 IN NSEC c.z.test. NS RRSIG NSEC"), "secure");
}

static void test_nsec_nodata_of_other_name(void **state)
{
	assert_string_equal(NODATA(*state, "b.z.test.", LDNS_RR_TYPE_TXT, "a.z.test. 300 IN NSEC c.z.test. A RRSIG NSEC"), "bogus");
}

static void test_nsec_nodata_empty_non_terminal(void **state)
{
	assert_string_equal(NODATA(*state, "b.z.test.", LDNS_RR_TYPE_TXT, "a.z.test. 300 IN NSEC x.b.z.test. A RRSIG NSEC"), "secure");
}

static void test_nsec_nodata_wildcard(void **state)
{
	assert_string_equal(NODATA(*state, "x.w.z.test.", LDNS_RR_TYPE_TXT, "*.w.z.test. 300 IN NSEC y.z.test. A RRSIG NSEC"), "secure");
}

static void test_nsec_nodata_wildcard_name_not_covered(void **state)
{
	assert_string_equal(NODATA(*state, "x.w.z.test.", LDNS_RR_TYPE_TXT, "*.w.z.test. 300 IN NSEC a.w.z.test. A RRSIG NSEC"), "bogus");
}

static void test_nsec_nodata_wildcard_has_type(void **state)
{
	assert_string_equal(NODATA(*state, "x.w.z.test.", LDNS_RR_TYPE_TXT, "*.w.z.test. 300 IN NSEC y.z.test. TXT RRSIG NSEC"), "bogus");
}

static void test_nsec_nodata_by_nxdomain_proof(void **state)
{
	struct world_fixture *f = *state;
	struct reply *reply = reply_noerror(f->world, "b.z.test.", LDNS_RR_TYPE_TXT);
	struct validator_verdict verdict;

	/* the rcode is nobody's word: what is proven is that the name does not exist, and only by all of the proof */
	assert_string_equal(NODATA(f, "b.z.test.", LDNS_RR_TYPE_TXT, "a.z.test. 300 IN NSEC c.z.test. A RRSIG NSEC"), "bogus");
	reply_add(reply, SECTION_AUTHORITY, "a.z.test. 300 IN NSEC c.z.test. A RRSIG NSEC", f->zone);
	reply_add(reply, SECTION_AUTHORITY, "z.test. 300 IN NSEC a.z.test. NS SOA RRSIG NSEC", f->zone);
	verdict = world_judge(f->world, reply);
	assert_int_equal(verdict.security, DNS_SECURE);
	assert_true(verdict.nonexistent);
}

static void test_nsec_nxdomain(void **state)
{
	assert_string_equal(NXDOMAIN(*state, "b.z.test.", "a.z.test. 300 IN NSEC c.z.test. A RRSIG NSEC",
	    "z.test. 300 IN NSEC a.z.test. NS SOA RRSIG NSEC"), "secure");
}

static void test_nsec_nxdomain_one_record_for_both(void **state)
{
	assert_string_equal(NXDOMAIN(*state, "b.z.test.", "z.test. 300 IN NSEC z.test. NS SOA RRSIG NSEC"), "secure");
}

static void test_nsec_nxdomain_without_wildcard_proof(void **state)
{
	assert_string_equal(NXDOMAIN(*state, "b.z.test.", "a.z.test. 300 IN NSEC c.z.test. A RRSIG NSEC"), "bogus");
}

static void test_nsec_nxdomain_wildcard_of_parent_name(void **state)
{
	/* x.y.z.test: *.z.test exists; what counts is *.z.test (closest encloser z.test), not *.y.z.test */
	assert_string_equal(NXDOMAIN(*state, "x.y.z.test.", "a.z.test. 300 IN NSEC z.test. A RRSIG NSEC",
	    "*.z.test. 300 IN NSEC a.z.test. TXT RRSIG NSEC"), "bogus");
}

static void test_nsec_nxdomain_wildcard_empty_non_terminal(void **state)
{
	/* *.z.test exists as an empty non-terminal, so the answer is NODATA, not NXDOMAIN */
	assert_string_equal(NXDOMAIN(*state, "b.z.test.", "a.z.test. 300 IN NSEC z.test. A RRSIG NSEC",
	    "z.test. 300 IN NSEC sub.*.z.test. NS SOA RRSIG NSEC", "sub.*.z.test. 300 IN NSEC a.z.test. A RRSIG NSEC"), "bogus");
}

static void test_nsec_nxdomain_name_exists(void **state)
{
	assert_string_equal(NXDOMAIN(*state, "a.z.test.", "a.z.test. 300 IN NSEC c.z.test. A RRSIG NSEC",
	    "z.test. 300 IN NSEC a.z.test. NS SOA RRSIG NSEC"), "bogus");
}

static void test_nsec_nxdomain_next_name(void **state)
{
	assert_string_equal(NXDOMAIN(*state, "c.z.test.", "a.z.test. 300 IN NSEC c.z.test. A RRSIG NSEC",
	    "z.test. 300 IN NSEC a.z.test. NS SOA RRSIG NSEC"), "bogus");
}

static void test_nsec_nxdomain_empty_non_terminal(void **state)
{
	assert_string_equal(NXDOMAIN(*state, "b.z.test.", "a.z.test. 300 IN NSEC x.b.z.test. A RRSIG NSEC",
	    "z.test. 300 IN NSEC a.z.test. NS SOA RRSIG NSEC"), "bogus");
}

static void test_nsec_nxdomain_below_delegation(void **state)
{
	/* RFC 6840 section 4.1: the parent's NSEC of a delegation does not speak of the child's names */
	assert_string_equal(NXDOMAIN(*state, "x.d.z.test.", "d.z.test. 300 IN NSEC e.z.test. NS RRSIG NSEC",
	    "z.test. 300 IN NSEC d.z.test. NS SOA RRSIG NSEC"), "bogus");
}

static void test_nsec_nxdomain_below_dname(void **state)
{
	assert_string_equal(NXDOMAIN(*state, "x.d.z.test.", "d.z.test. 300 IN NSEC e.z.test. DNAME RRSIG NSEC",
	    "z.test. 300 IN NSEC d.z.test. NS SOA RRSIG NSEC"), "bogus");
}

static void test_nsec_nxdomain_last_record_wraps_to_apex_only(void **state)
{
	assert_string_equal(NXDOMAIN(*state, "zz.z.test.", "y.z.test. 300 IN NSEC z.test. A RRSIG NSEC",
	    "z.test. 300 IN NSEC y.z.test. NS SOA RRSIG NSEC"), "secure");
	assert_string_equal(NXDOMAIN(*state, "zz.z.test.", "y.z.test. 300 IN NSEC a.z.test. A RRSIG NSEC",
	    "z.test. 300 IN NSEC a.z.test. NS SOA RRSIG NSEC"), "bogus");
}

/* RFC 4035 section 5.3.4: a proof counts as the zone signed it. Shown on one record without a signature that could verify: the
 * rule comes before the cryptography. */
static void test_proof_out_of_a_wildcard_is_not_relied_on(void **state)
{
	static const uint8_t owner[] = "\1a\4test";
	struct world_fixture *f = *state;
	struct judgement j = { .validator = f->world->validator, .arena = f->world->arena, .now = WORLD_NOW };
	struct cut zone = { .name = "\4test" };
	struct denial_query query = { .j = &j, .zone = &zone, .name = owner, .type = LDNS_RR_TYPE_TXT };

	for (uint8_t labels = 1; labels <= 2; labels++) {
		struct vsig sig = { .algorithm = 15, .labels = labels, .signer = zone.name, .inception = WORLD_NOW - 10,
			.expiration = WORLD_NOW + 10 };
		struct vrrset set = { .owner = owner, .type = LDNS_RR_TYPE_NSEC, .sigs = &sig, .sig_count = 1 };

		assert_false(denial_rely(&query, &set));
		assert_int_equal(strcmp(set.why, "it came out of a wildcard") == 0, labels == 1);
	}
}

static void test_nsec_of_other_zone(void **state)
{
	struct world_fixture *f = *state;
	struct zone *other = zone_new(f->tld, "y.test.", LDNS_SIGN_ED25519);
	struct reply *reply = reply_new(f->world, "b.z.test.", LDNS_RR_TYPE_TXT, LDNS_RCODE_NXDOMAIN);

	reply_add(reply, SECTION_AUTHORITY, "y.test. 300 IN NSEC y.test. NS SOA RRSIG NSEC", other);
	reply_serve(reply_new(f->world, "b.z.test.", LDNS_RR_TYPE_DS, LDNS_RCODE_NXDOMAIN));
	assert_string_equal(world_security(f->world, reply), "bogus");
}

static void test_nsec_by_parent_over_secure_child(void **state)
{
	struct world_fixture *f = *state;
	struct reply *reply = reply_new(f->world, "b.z.test.", LDNS_RR_TYPE_TXT, LDNS_RCODE_NXDOMAIN);

	/* test. signs that nothing is between y.test and zz.test: but z.test has a DS, which its own NSEC must tell of */
	reply_add(reply, SECTION_AUTHORITY, "z.test. 300 IN NSEC zz.test. NS DS RRSIG NSEC", f->tld);
	reply_add(reply, SECTION_AUTHORITY, "test. 300 IN NSEC a.test. NS SOA RRSIG NSEC", f->tld);
	assert_string_equal(world_security(f->world, reply), "bogus");
}

static void test_unsigned_proof(void **state)
{
	struct world_fixture *f = *state;
	struct reply *reply = reply_new(f->world, "b.z.test.", LDNS_RR_TYPE_TXT, LDNS_RCODE_NXDOMAIN);

	reply_add(reply, SECTION_AUTHORITY, "z.test. 300 IN NSEC z.test. NS SOA RRSIG NSEC", NULL);
	reply_serve(reply_new(f->world, "b.z.test.", LDNS_RR_TYPE_DS, LDNS_RCODE_NXDOMAIN));
	assert_string_equal(world_security(f->world, reply), "bogus");
}

/* ---- NSEC3 ---- */

static const char *match(struct world_fixture *f, const char *name, const char *types)
{
	return nsec3_match(f->world->arena, "z.test.", name, types);
}

static const char *cover(struct world_fixture *f, const char *name, unsigned flags)
{
	return nsec3_cover(f->world->arena, "z.test.", name, flags);
}

static const char *hashed(struct world_fixture *f, const char *name, unsigned iterations, int delta)
{
	return hash_label(f->world->arena, name, iterations, delta);
}

static const char *record(struct world_fixture *f, const char *owner, const char *next, unsigned flags, unsigned iterations,
    const char *types)
{
	return nsec3_record(f->world->arena, "z.test.", owner, next, flags, iterations, types);
}

static void test_nsec3_nodata(void **state)
{
	assert_string_equal(NODATA(*state, "a.z.test.", LDNS_RR_TYPE_TXT, match(*state, "a.z.test.", "A RRSIG")), "secure");
}

static void test_nsec3_nodata_type_or_cname_exists(void **state)
{
	assert_string_equal(NODATA(*state, "a.z.test.", LDNS_RR_TYPE_TXT, match(*state, "a.z.test.", "TXT RRSIG")), "bogus");
	assert_string_equal(NODATA(*state, "b.z.test.", LDNS_RR_TYPE_TXT, match(*state, "b.z.test.", "CNAME RRSIG")), "bogus");
}

static void test_nsec3_nodata_empty_non_terminal(void **state)
{
	assert_string_equal(NODATA(*state, "a.z.test.", LDNS_RR_TYPE_TXT, match(*state, "a.z.test.", "")), "secure");
}

static void test_nsec3_nodata_delegation(void **state)
{
	assert_string_equal(NODATA(*state, "a.z.test.", LDNS_RR_TYPE_TXT, match(*state, "a.z.test.", "NS")), "bogus");
	assert_string_equal(NODATA(*state, "a.z.test.", LDNS_RR_TYPE_DS, match(*state, "a.z.test.", "NS")), "secure");
}

static void test_nsec3_nodata_wildcard(void **state)
{
	struct world_fixture *f = *state;

	assert_string_equal(NODATA(f, "a.z.test.", LDNS_RR_TYPE_TXT, match(f, "z.test.", "NS SOA RRSIG"),
	    cover(f, "a.z.test.", 0), match(f, "*.z.test.", "A RRSIG")), "secure");
	assert_string_equal(NODATA(f, "a.z.test.", LDNS_RR_TYPE_TXT, match(f, "z.test.", "NS SOA RRSIG"),
	    cover(f, "a.z.test.", 0), match(f, "*.z.test.", "TXT RRSIG")), "bogus");
	assert_string_equal(NODATA(f, "a.z.test.", LDNS_RR_TYPE_TXT, match(f, "z.test.", "NS SOA RRSIG"),
	    match(f, "*.z.test.", "A RRSIG")), "bogus");
}

static void test_nsec3_nodata_ds_opt_out(void **state)
{
	struct world_fixture *f = *state;

	assert_string_equal(NODATA(f, "a.z.test.", LDNS_RR_TYPE_DS, match(f, "z.test.", "NS SOA RRSIG"),
	    cover(f, "a.z.test.", FLAG_OPT_OUT)), "insecure");
	assert_string_equal(NODATA(f, "a.z.test.", LDNS_RR_TYPE_DS, match(f, "z.test.", "NS SOA RRSIG"),
	    cover(f, "a.z.test.", 0)), "bogus");
}

static void test_nsec3_nxdomain(void **state)
{
	struct world_fixture *f = *state;

	assert_string_equal(NXDOMAIN(f, "a.b.z.test.", match(f, "z.test.", "NS SOA RRSIG"), cover(f, "b.z.test.", 0),
	    cover(f, "*.z.test.", 0)), "secure");
}

static void test_nsec3_nxdomain_opt_out(void **state)
{
	struct world_fixture *f = *state;

	/* RFC 5155 section 9.2 */
	assert_string_equal(NXDOMAIN(f, "b.z.test.", match(f, "z.test.", "NS SOA RRSIG"), cover(f, "b.z.test.", FLAG_OPT_OUT),
	    cover(f, "*.z.test.", FLAG_OPT_OUT)), "insecure");
}

static void test_nsec3_nxdomain_incomplete(void **state)
{
	struct world_fixture *f = *state;

	assert_string_equal(NXDOMAIN(f, "b.z.test.", cover(f, "b.z.test.", 0), cover(f, "*.z.test.", 0)), "bogus");
	assert_string_equal(NXDOMAIN(f, "b.z.test.", match(f, "z.test.", "NS SOA RRSIG"), cover(f, "*.z.test.", 0)), "bogus");
	assert_string_equal(NXDOMAIN(f, "b.z.test.", match(f, "z.test.", "NS SOA RRSIG"), cover(f, "b.z.test.", 0)), "bogus");
}

static void test_nsec3_nxdomain_name_exists(void **state)
{
	struct world_fixture *f = *state;

	assert_string_equal(NXDOMAIN(f, "b.z.test.", match(f, "b.z.test.", "A RRSIG"), match(f, "z.test.", "NS SOA RRSIG"),
	    cover(f, "*.z.test.", 0)), "bogus");
}

static void test_nsec3_nxdomain_encloser_is_delegation(void **state)
{
	struct world_fixture *f = *state;

	assert_string_equal(NXDOMAIN(f, "x.d.z.test.", match(f, "d.z.test.", "NS"), cover(f, "x.d.z.test.", 0),
	    cover(f, "*.d.z.test.", 0)), "bogus");
	assert_string_equal(NXDOMAIN(f, "x.e.z.test.", match(f, "e.z.test.", "DNAME RRSIG"), cover(f, "x.e.z.test.", 0),
	    cover(f, "*.e.z.test.", 0)), "bogus");
}

/* RFC 5155 section 8.2: one set of parameters a response. Here the proof is complete without the odd record. */
static void test_nsec3_mixed_parameters(void **state)
{
	struct world_fixture *f = *state;
	const char *other = record(f, hashed(f, "n.z.test.", 2, -1), hashed(f, "n.z.test.", 2, 1), 0, 2, "A RRSIG");

	assert_string_equal(NXDOMAIN(f, "b.z.test.", match(f, "z.test.", "NS SOA RRSIG"), cover(f, "b.z.test.", 0),
	    cover(f, "*.z.test.", 0), other), "bogus");
}

static void test_nsec3_unknown_flags_or_algorithm(void **state)
{
	struct world_fixture *f = *state;
	char *text;

	assert_string_equal(NXDOMAIN(f, "b.z.test.", match(f, "z.test.", "NS SOA RRSIG"), cover(f, "b.z.test.", 2),
	    cover(f, "*.z.test.", 0)), "bogus");
	text = arena_strdup(f->world->arena, cover(f, "b.z.test.", 0));
	memcpy(strstr(text, "NSEC3 1"), "NSEC3 2", 7);
	assert_string_equal(NXDOMAIN(f, "b.z.test.", match(f, "z.test.", "NS SOA RRSIG"), text, cover(f, "*.z.test.", 0)), "bogus");
}

static void test_nsec3_too_many_iterations(void **state)
{
	struct world_fixture *f = *state;
	struct reply *forged = reply_new(f->world, "c.z.test.", LDNS_RR_TYPE_TXT, LDNS_RCODE_NOERROR);
	const char *at_cap = record(f, hashed(f, "a.z.test.", 150, 0), hashed(f, "a.z.test.", 150, 1), 0, 150, "A RRSIG");
	const char *over = record(f, hashed(f, "b.z.test.", 151, 0), hashed(f, "b.z.test.", 151, 1), 0, 151, "A RRSIG");

	assert_string_equal(NODATA(f, "a.z.test.", LDNS_RR_TYPE_TXT, at_cap), "secure");
	assert_string_equal(NODATA(f, "b.z.test.", LDNS_RR_TYPE_TXT, over), "insecure");
	/* but not on the word of a record that is not authentic */
	reply_add_as(forged, SECTION_AUTHORITY, over, f->zone, "0000000000000000000000000000000a.z.test.");
	assert_string_equal(world_security(f->world, forged), "bogus");
}

static void test_nsec3_too_many_records(void **state)
{
	struct world_fixture *f = *state;
	struct reply *reply = reply_new(f->world, "b.z.test.", LDNS_RR_TYPE_TXT, LDNS_RCODE_NOERROR);
	char name[32];

	reply_add(reply, SECTION_AUTHORITY, match(f, "b.z.test.", "A RRSIG"), f->zone);
	for (int i = 0; i < 7; i++) {
		snprintf(name, sizeof(name), "n%d.z.test.", i);
		reply_add(reply, SECTION_AUTHORITY, match(f, name, "A RRSIG"), f->zone);
	}
	assert_string_equal(world_security(f->world, reply), "secure");
	reply_add(reply, SECTION_AUTHORITY, match(f, "n8.z.test.", "A RRSIG"), f->zone);
	assert_string_equal(world_security(f->world, reply), "bogus");
}

static void test_nsec3_hashing_is_capped(void **state)
{
	struct world_fixture *f = *state;
	char name[256] = "";
	struct reply *reply;
	struct validator_verdict verdict;

	for (int i = 0; i < 35; i++)	/* 36 names of 151 hashes each: over 5,000 */
		strcat(name, "a.");
	strcat(name, "z.test.");
	reply = reply_new(f->world, name, LDNS_RR_TYPE_TXT, LDNS_RCODE_NXDOMAIN);
	reply_add(reply, SECTION_AUTHORITY, record(f, hashed(f, "z.test.", 150, 0), hashed(f, "z.test.", 150, 1), 0,
	    150, "NS SOA RRSIG"), f->zone);
	verdict = world_judge(f->world, reply);
	assert_int_equal(verdict.security, DNS_BOGUS);
	assert_non_null(strstr(verdict.why, "limit"));
}

/* The proofs of three kinds that a cap of so much hashing suffices for, and what is said of the others. */
static void judge_with_hashing_cap(unsigned work, unsigned proven_r[3])
{
	struct world_fixture f = { .world = world_new(&(struct validator_config){ .max_nsec3_work = work }) };
	struct reply *replies[3];

	f.tld = zone_new(world_root(f.world), "test.", LDNS_SIGN_ED25519);
	f.zone = zone_new(f.tld, "z.test.", LDNS_SIGN_ED25519);
	replies[0] = reply_new(f.world, "b.z.test.", LDNS_RR_TYPE_TXT, LDNS_RCODE_NXDOMAIN);
	replies[1] = reply_noerror(f.world, "b.z.test.", LDNS_RR_TYPE_TXT);
	replies[2] = reply_noerror(f.world, "b.z.test.", LDNS_RR_TYPE_TXT);
	for (int i = 0; i < 2; i++) {
		reply_add(replies[i], SECTION_AUTHORITY, match(&f, "z.test.", "NS SOA RRSIG"), f.zone);
		reply_add(replies[i], SECTION_AUTHORITY, cover(&f, "b.z.test.", 0), f.zone);
	}
	reply_add(replies[0], SECTION_AUTHORITY, cover(&f, "*.z.test.", 0), f.zone);
	reply_add(replies[1], SECTION_AUTHORITY, match(&f, "*.z.test.", "A RRSIG"), f.zone);
	reply_add_as(replies[2], SECTION_ANSWER, "*.z.test. 300 IN TXT \"w\"", f.zone, "b.z.test.");
	reply_add(replies[2], SECTION_AUTHORITY, cover(&f, "b.z.test.", 0), f.zone);
	for (int i = 0; i < 3; i++) {
		struct validator_verdict verdict = world_judge(f.world, replies[i]);

		proven_r[i] += verdict.security == DNS_SECURE;
		if (verdict.security != DNS_SECURE && strstr(verdict.why, "limit") == NULL)
			fail_msg("kind %d with a cap of %u: %s", i, work, verdict.why);
	}
	world_free(&f.world);
}

/* Wherever the cap is hit on the way, the reason is the limit and not a proof that is missing. */
static void test_nsec3_hashing_cap_is_named(void **state)
{
	unsigned proven[3] = { 0 };

	(void)state;
	for (unsigned work = 1; work <= 6; work++)	/* each hash of one iteration counts two */
		judge_with_hashing_cap(work, proven);
	assert_int_equal(proven[0], 1);
	assert_int_equal(proven[1], 1);
	assert_int_equal(proven[2], 5);
}

static void test_nsec3_wildcard_answer(void **state)
{
	struct world_fixture *f = *state;
	struct reply *reply = reply_new(f->world, "x.y.z.test.", LDNS_RR_TYPE_TXT, LDNS_RCODE_NOERROR);
	struct reply *opt_out = reply_new(f->world, "x.y.z.test.", LDNS_RR_TYPE_TXT, LDNS_RCODE_NOERROR);
	struct reply *wrong = reply_new(f->world, "x.y.z.test.", LDNS_RR_TYPE_TXT, LDNS_RCODE_NOERROR);

	reply_add_as(reply, SECTION_ANSWER, "*.z.test. 300 IN TXT \"w\"", f->zone, "x.y.z.test.");
	reply_add(reply, SECTION_AUTHORITY, cover(f, "y.z.test.", 0), f->zone);
	assert_string_equal(world_security(f->world, reply), "secure");
	reply_add_as(opt_out, SECTION_ANSWER, "*.z.test. 300 IN TXT \"w\"", f->zone, "x.y.z.test.");
	reply_add(opt_out, SECTION_AUTHORITY, cover(f, "y.z.test.", FLAG_OPT_OUT), f->zone);
	assert_string_equal(world_security(f->world, opt_out), "insecure");
	/* the name covered must be the next closer one */
	reply_add_as(wrong, SECTION_ANSWER, "*.z.test. 300 IN TXT \"w\"", f->zone, "x.y.z.test.");
	reply_add(wrong, SECTION_AUTHORITY, cover(f, "x.y.z.test.", 0), f->zone);
	assert_string_equal(world_security(f->world, wrong), "bogus");
}

static void test_nsec3_wraps(void **state)
{
	struct world_fixture *f = *state;
	/* the last record: owner above everything, next is the first hash */
	const char *last = record(f, "vvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvv", hashed(f, "z.test.", 1, 0), 0, 1, "A RRSIG");
	const char *apex = record(f, hashed(f, "z.test.", 1, 0), "vvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvv", 0, 1, "NS SOA RRSIG");

	assert_string_equal(NXDOMAIN(f, "b.z.test.", apex, last), "secure");
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, world_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_nsec_nodata), CASE(test_nsec_nodata_type_exists), CASE(test_nsec_nodata_cname_exists),
		CASE(test_nsec_nodata_parent_side_of_delegation), CASE(test_nsec_nodata_ds_at_delegation),
		CASE(test_nsec_nodata_of_other_name), CASE(test_nsec_nodata_empty_non_terminal),
		CASE(test_nsec_nodata_wildcard), CASE(test_nsec_nodata_wildcard_name_not_covered),
		CASE(test_nsec_nodata_wildcard_has_type), CASE(test_nsec_nodata_by_nxdomain_proof), CASE(test_nsec_nxdomain),
		CASE(test_nsec_nxdomain_one_record_for_both), CASE(test_nsec_nxdomain_without_wildcard_proof),
		CASE(test_nsec_nxdomain_wildcard_of_parent_name), CASE(test_nsec_nxdomain_wildcard_empty_non_terminal),
		CASE(test_nsec_nxdomain_name_exists), CASE(test_nsec_nxdomain_next_name),
		CASE(test_nsec_nxdomain_empty_non_terminal), CASE(test_nsec_nxdomain_below_delegation),
		CASE(test_nsec_nxdomain_below_dname), CASE(test_nsec_nxdomain_last_record_wraps_to_apex_only),
		CASE(test_proof_out_of_a_wildcard_is_not_relied_on), CASE(test_nsec_of_other_zone),
		CASE(test_nsec_by_parent_over_secure_child), CASE(test_unsigned_proof), CASE(test_nsec3_nodata),
		CASE(test_nsec3_nodata_type_or_cname_exists), CASE(test_nsec3_nodata_empty_non_terminal),
		CASE(test_nsec3_nodata_delegation), CASE(test_nsec3_nodata_wildcard), CASE(test_nsec3_nodata_ds_opt_out),
		CASE(test_nsec3_nxdomain), CASE(test_nsec3_nxdomain_opt_out), CASE(test_nsec3_nxdomain_incomplete),
		CASE(test_nsec3_nxdomain_name_exists), CASE(test_nsec3_nxdomain_encloser_is_delegation),
		CASE(test_nsec3_mixed_parameters), CASE(test_nsec3_unknown_flags_or_algorithm),
		CASE(test_nsec3_too_many_iterations), CASE(test_nsec3_too_many_records), CASE(test_nsec3_hashing_is_capped),
		cmocka_unit_test(test_nsec3_hashing_cap_is_named),
		CASE(test_nsec3_wildcard_answer), CASE(test_nsec3_wraps),
	};

	return cmocka_run_group_tests_name("validate_denial", tests, NULL, NULL);
}
