/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Compact denial of existence (RFC 9824): a signer that makes its proofs as they are asked for says that a name is there,
 * without the type, and by NXNAME (type 128) in the bitmap that it is not there at all.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "denial_records.h"

static int setup(void **state)
{
	return world_setup(state, "z.test.", LDNS_SIGN_ED25519);
}

struct row {
	const char *title;
	const char *name;
	uint16_t type;
	ldns_pkt_rcode rcode;
	const char *proof;
	enum dns_security security;
	bool nonexistent;
};

static const struct row rows[] = {
	{ "NXNAME under NOERROR", "n.z.test.", LDNS_RR_TYPE_TXT, LDNS_RCODE_NOERROR,
	    "n.z.test. 300 IN NSEC \\000.n.z.test. RRSIG NSEC TYPE128", DNS_SECURE, true },
	{ "NXNAME under NXDOMAIN", "n.z.test.", LDNS_RR_TYPE_TXT, LDNS_RCODE_NXDOMAIN,
	    "n.z.test. 300 IN NSEC \\000.n.z.test. RRSIG NSEC TYPE128", DNS_SECURE, true },
	{ "NXNAME for a name far down", "a.b.c.n.z.test.", LDNS_RR_TYPE_A, LDNS_RCODE_NOERROR,
	    "a.b.c.n.z.test. 300 IN NSEC \\000.a.b.c.n.z.test. RRSIG NSEC TYPE128", DNS_SECURE, true },
	{ "no NXNAME: an older signer, for which nothing was said but that the type is not there", "n.z.test.", LDNS_RR_TYPE_TXT,
	    LDNS_RCODE_NOERROR, "n.z.test. 300 IN NSEC \\000.n.z.test. RRSIG NSEC", DNS_SECURE, false },
	{ "a name with other types, and NXNAME: it is there", "n.z.test.", LDNS_RR_TYPE_TXT, LDNS_RCODE_NOERROR,
	    "n.z.test. 300 IN NSEC \\000.n.z.test. A RRSIG NSEC TYPE128", DNS_SECURE, false },
	{ "other types and NXNAME do not prove NXDOMAIN", "n.z.test.", LDNS_RR_TYPE_TXT, LDNS_RCODE_NXDOMAIN,
	    "n.z.test. 300 IN NSEC \\000.n.z.test. A RRSIG NSEC TYPE128", DNS_BOGUS, false },
	{ "NXDOMAIN with a match that lacks NXNAME", "n.z.test.", LDNS_RR_TYPE_TXT, LDNS_RCODE_NXDOMAIN,
	    "n.z.test. 300 IN NSEC \\000.n.z.test. RRSIG NSEC", DNS_BOGUS, false },
	{ "NXNAME of another name", "n.z.test.", LDNS_RR_TYPE_TXT, LDNS_RCODE_NXDOMAIN,
	    "m.z.test. 300 IN NSEC \\000.m.z.test. RRSIG NSEC TYPE128", DNS_BOGUS, false },
	{ "NXNAME of the name above", "x.n.z.test.", LDNS_RR_TYPE_TXT, LDNS_RCODE_NOERROR,
	    "n.z.test. 300 IN NSEC \\000.n.z.test. RRSIG NSEC TYPE128", DNS_BOGUS, false },
	{ "the type asked for is there", "n.z.test.", LDNS_RR_TYPE_TXT, LDNS_RCODE_NOERROR,
	    "n.z.test. 300 IN NSEC \\000.n.z.test. TXT RRSIG NSEC TYPE128", DNS_BOGUS, false },
};

static void judge(struct world_fixture *f, const struct row *row, struct zone *signer, struct validator_verdict *verdict_r)
{
	struct reply *reply = reply_new(f->world, row->name, row->type, row->rcode);

	reply_add(reply, SECTION_AUTHORITY, "z.test. 300 IN SOA a. b. 1 2 3 4 5", f->zone);
	reply_add(reply, SECTION_AUTHORITY, row->proof, signer);
	*verdict_r = world_judge(f->world, reply);
}

static void test_nxname(void **state)
{
	struct world_fixture *f = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct validator_verdict verdict;

		judge(f, &rows[i], f->zone, &verdict);
		if (verdict.security != rows[i].security || verdict.nonexistent != rows[i].nonexistent)
			fail_msg("%s: %s, nonexistent %d: %s", rows[i].title, dns_security_name(verdict.security), verdict.nonexistent,
			    verdict.why);
	}
}

/* What nobody signed makes no name disappear. */
static void test_nxname_unsigned(void **state)
{
	struct world_fixture *f = *state;
	struct reply *reply = reply_noerror(f->world, "n.z.test.", LDNS_RR_TYPE_TXT);
	struct reply *ds = reply_noerror(f->world, "n.z.test.", LDNS_RR_TYPE_DS);
	struct validator_verdict verdict;

	reply_add(ds, SECTION_AUTHORITY, "n.z.test. 300 IN NSEC o.z.test. A RRSIG NSEC", f->zone);
	reply_serve(ds);
	judge(f, &rows[0], NULL, &verdict);
	assert_int_equal(verdict.security, DNS_BOGUS);
	/* nor does a record like that beside the true one */
	reply_add(reply, SECTION_AUTHORITY, "n.z.test. 300 IN NSEC o.z.test. A RRSIG NSEC", f->zone);
	reply_add(reply, SECTION_AUTHORITY, "n.z.test. 300 IN NSEC \\000.n.z.test. RRSIG NSEC TYPE128", NULL);
	verdict = world_judge(f->world, reply);
	assert_int_equal(verdict.security, DNS_BOGUS);	/* two records, of which one signature can cover no more than one */
	assert_false(verdict.nonexistent);
}

/* One that came out of a wildcard is no proof of its own. */
static void test_nxname_expanded(void **state)
{
	struct world_fixture *f = *state;
	struct reply *reply = reply_noerror(f->world, "n.z.test.", LDNS_RR_TYPE_TXT);
	struct validator_verdict verdict;

	reply_add_as(reply, SECTION_AUTHORITY, "*.z.test. 300 IN NSEC \\000.*.z.test. RRSIG NSEC TYPE128", f->zone, "n.z.test.");
	verdict = world_judge(f->world, reply);
	assert_int_equal(verdict.security, DNS_BOGUS);
	assert_false(verdict.nonexistent);
}

static void test_nxname_nsec3(void **state)
{
	struct world_fixture *f = *state;
	struct arena *arena = f->world->arena;
	struct row row = { .name = "n.z.test.", .type = LDNS_RR_TYPE_TXT, .rcode = LDNS_RCODE_NOERROR };
	struct validator_verdict verdict;

	row.proof = nsec3_match(arena, "z.test.", "n.z.test.", "TYPE128");
	judge(f, &row, f->zone, &verdict);
	assert_int_equal(verdict.security, DNS_SECURE);
	assert_true(verdict.nonexistent);
	row.rcode = LDNS_RCODE_NXDOMAIN;
	judge(f, &row, f->zone, &verdict);
	assert_int_equal(verdict.security, DNS_SECURE);
	assert_true(verdict.nonexistent);
	row.proof = nsec3_match(arena, "z.test.", "n.z.test.", "A RRSIG TYPE128");
	judge(f, &row, f->zone, &verdict);
	assert_int_equal(verdict.security, DNS_BOGUS);
}

/* It is the end of the chain that does or does not exist. */
static void test_nxname_behind_alias(void **state)
{
	struct world_fixture *f = *state;
	struct reply *reply = reply_noerror(f->world, "c.z.test.", LDNS_RR_TYPE_TXT);
	struct validator_verdict verdict;

	reply_add(reply, SECTION_ANSWER, "c.z.test. 300 IN CNAME n.z.test.", f->zone);
	reply_add(reply, SECTION_AUTHORITY, "z.test. 300 IN SOA a. b. 1 2 3 4 5", f->zone);
	reply_add(reply, SECTION_AUTHORITY, rows[0].proof, f->zone);
	verdict = world_judge(f->world, reply);
	assert_int_equal(verdict.security, DNS_SECURE);
	assert_true(verdict.nonexistent);
}

/* As such a signer answers to DS of a name between: no delegation, so what is below is the zone's. */
static void test_nxname_is_no_delegation(void **state)
{
	struct world_fixture *f = *state;
	struct reply *ds = reply_noerror(f->world, "n.z.test.", LDNS_RR_TYPE_DS);
	struct reply *forged = reply_noerror(f->world, "n.z.test.", LDNS_RR_TYPE_TXT);

	reply_add(ds, SECTION_AUTHORITY, "n.z.test. 300 IN NSEC \\000.n.z.test. RRSIG NSEC TYPE128", f->zone);
	reply_serve(ds);
	reply_add(forged, SECTION_ANSWER, "n.z.test. 300 IN TXT \"v=spf1 +all\"", NULL);
	assert_string_equal(world_security(f->world, forged), "bogus");
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, world_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_nxname), CASE(test_nxname_unsigned), CASE(test_nxname_expanded), CASE(test_nxname_nsec3),
		CASE(test_nxname_behind_alias), CASE(test_nxname_is_no_delegation),
	};

	return cmocka_run_group_tests_name("validate_compact", tests, NULL, NULL);
}
