/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A signed alias into an unsigned zone in which there is nothing: the proof that comes with such an answer is that of the
 * delegation, not of the absence, which is insecure then (RFC 4035 section 5.2, RFC 6840 section 4.1). And what an
 * attacker makes of the same records for names in signed zones, which stays bogus.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "denial_records.h"

/* How z.test. proves things. */
enum denial_way { WAY_NSEC, WAY_NSEC3, WAY_OPT_OUT, WAYS };
static const char *const way_names[WAYS] = { "NSEC", "NSEC3", "opt-out" };

/* Who adds the proof of the delegation: the server of z.test. alone, when it does not have far.z.test. itself. */
enum servers { SERVERS_TWO, SERVERS_ONE, SERVERS };
static const char *const server_names[SERVERS] = { "two servers", "one server" };

enum alias_way { ALIAS_PLAIN, ALIAS_WILDCARD, ALIAS_DNAME };

struct row {
	const char *title;
	enum alias_way alias;
	const char *asked, *target;
	uint16_t type;
	ldns_pkt_rcode rcode;
	const char *soa;		/* owner of the unsigned one; NULL: none */
	const char *want;
	const char *want_of_one;	/* with one server; NULL: the same */
};

/* far.z.test. is an unsigned delegation, near.z.test. a name of the signed zone, sub.z.test. a signed delegation. */
static const struct row rows[] = {
	{ "A: CNAME, no such name", ALIAS_PLAIN, "c4.z.test.", "nx.far.z.test.", LDNS_RR_TYPE_A, LDNS_RCODE_NXDOMAIN,
	    "far.z.test.", "insecure", NULL },
	{ "B: CNAME, no such type", ALIAS_PLAIN, "c4.z.test.", "www.far.z.test.", LDNS_RR_TYPE_AAAA, LDNS_RCODE_NOERROR,
	    "far.z.test.", "insecure", NULL },
	{ "B: CNAME to the apex, no such type", ALIAS_PLAIN, "c4.z.test.", "far.z.test.", LDNS_RR_TYPE_AAAA,
	    LDNS_RCODE_NOERROR, "far.z.test.", "insecure", NULL },
	{ "C: CNAME from a wildcard, no such name", ALIAS_WILDCARD, "c5.w.z.test.", "nx.far.z.test.", LDNS_RR_TYPE_A,
	    LDNS_RCODE_NXDOMAIN, "far.z.test.", "insecure", NULL },
	{ "C: CNAME from a wildcard, no such type", ALIAS_WILDCARD, "c5.w.z.test.", "www.far.z.test.", LDNS_RR_TYPE_AAAA,
	    LDNS_RCODE_NOERROR, "far.z.test.", "insecure", NULL },
	{ "D: DNAME, no such name", ALIAS_DNAME, "nx.d.z.test.", "far.z.test.", LDNS_RR_TYPE_A, LDNS_RCODE_NXDOMAIN,
	    "far.z.test.", "insecure", NULL },
	{ "D: DNAME, no such type", ALIAS_DNAME, "www.d.z.test.", "far.z.test.", LDNS_RR_TYPE_AAAA, LDNS_RCODE_NOERROR,
	    "far.z.test.", "insecure", NULL },
	{ "E: a selector, no such type", ALIAS_PLAIN, "sel2._domainkey.z.test.", "key.far.z.test.", LDNS_RR_TYPE_A,
	    LDNS_RCODE_NOERROR, "far.z.test.", "insecure", NULL },
	{ "E: a selector, no such name", ALIAS_PLAIN, "sel2._domainkey.z.test.", "key.far.z.test.", LDNS_RR_TYPE_A,
	    LDNS_RCODE_NXDOMAIN, "far.z.test.", "insecure", NULL },
	{ "no SOA, no such name", ALIAS_PLAIN, "c4.z.test.", "nx.far.z.test.", LDNS_RR_TYPE_A, LDNS_RCODE_NXDOMAIN, NULL,
	    "insecure", NULL },
	/* forged: the records of far.z.test. are true, what they are to stand for is not */
	{ "forged: a name of the signed zone", ALIAS_PLAIN, "c6.z.test.", "nx.near.z.test.", LDNS_RR_TYPE_A,
	    LDNS_RCODE_NXDOMAIN, "near.z.test.", "bogus", NULL },
	{ "forged: a name of the signed zone, no such type", ALIAS_PLAIN, "c6.z.test.", "near.z.test.", LDNS_RR_TYPE_A,
	    LDNS_RCODE_NOERROR, "near.z.test.", "bogus", NULL },
	{ "forged: a signed zone below", ALIAS_PLAIN, "c7.z.test.", "nx.sub.z.test.", LDNS_RR_TYPE_A, LDNS_RCODE_NXDOMAIN,
	    "sub.z.test.", "bogus", NULL },
	{ "forged: a signed zone below, by DNAME", ALIAS_DNAME, "nx.d.z.test.", "sub.z.test.", LDNS_RR_TYPE_A,
	    LDNS_RCODE_NXDOMAIN, "sub.z.test.", "bogus", NULL },
	{ "forged: a delegation that is not there", ALIAS_PLAIN, "c8.z.test.", "nx.lie.z.test.", LDNS_RR_TYPE_A,
	    LDNS_RCODE_NXDOMAIN, "lie.z.test.", "bogus", NULL },
	{ "the proof of the delegation cannot be had", ALIAS_PLAIN, "c9.z.test.", "nx.gone.z.test.", LDNS_RR_TYPE_A,
	    LDNS_RCODE_NXDOMAIN, "gone.z.test.", "bogus", "indeterminate" },
};

static int setup(void **state)
{
	return world_setup(state, "z.test.", LDNS_SIGN_ED25519);
}

static void add_proof(struct reply *reply, const char *record, struct zone *signer)
{
	reply_add(reply, SECTION_AUTHORITY, record, signer);
}

/* That far.z.test. is a delegation without DS. */
static void add_delegation(struct world_fixture *f, struct reply *reply, enum denial_way way)
{
	struct arena *arena = f->world->arena;

	if (way == WAY_NSEC) {
		add_proof(reply, "far.z.test. 300 IN NSEC near.z.test. NS RRSIG NSEC", f->zone);
	} else if (way == WAY_NSEC3) {
		add_proof(reply, nsec3_match(arena, "z.test.", "far.z.test.", "NS"), f->zone);
	} else {
		add_proof(reply, nsec3_match(arena, "z.test.", "z.test.", "NS SOA RRSIG DNSKEY NSEC3PARAM"), f->zone);
		add_proof(reply, nsec3_cover(arena, "z.test.", "far.z.test.", FLAG_OPT_OUT), f->zone);
	}
}

/* The zone's word that name, which is its own, has no DS. */
static void serve_no_ds(struct world_fixture *f, const char *name, enum denial_way way, struct zone *signer)
{
	struct reply *reply = reply_noerror(f->world, name, LDNS_RR_TYPE_DS);

	reply_add(reply, SECTION_AUTHORITY, "z.test. 300 IN SOA a. b. 1 2 3 4 5", signer);
	if (way == WAY_NSEC)
		add_proof(reply, arena_printf(f->world->arena, "%s 300 IN NSEC zz.z.test. A RRSIG NSEC", name), signer);
	else
		add_proof(reply, nsec3_match(f->world->arena, "z.test.", name, "A RRSIG"), signer);
	reply_serve(reply);
}

static void serve_no_such_name_ds(struct world_fixture *f, const char *name, const char *encloser, enum denial_way way,
    struct zone *signer)
{
	struct reply *reply = reply_new(f->world, name, LDNS_RR_TYPE_DS, LDNS_RCODE_NXDOMAIN);
	struct arena *arena = f->world->arena;

	if (way == WAY_NSEC) {
		add_proof(reply, arena_printf(arena, "%s 300 IN NSEC zz.%s A RRSIG NSEC", encloser, encloser), signer);
	} else {
		add_proof(reply, nsec3_match(arena, signer->name, encloser, "A RRSIG"), signer);
		add_proof(reply, nsec3_cover(arena, signer->name, name, 0), signer);
		add_proof(reply, nsec3_cover(arena, signer->name, arena_printf(arena, "*.%s", encloser), 0), signer);
	}
	reply_serve(reply);
}

/* What the servers truly say of the names on the way. */
static void serve_tree(struct world_fixture *f, enum denial_way way)
{
	struct reply *reply = reply_noerror(f->world, "far.z.test.", LDNS_RR_TYPE_DS), *lie;
	struct zone *sub = zone_new(f->zone, "sub.z.test.", LDNS_SIGN_ED25519);

	reply_add(reply, SECTION_AUTHORITY, "z.test. 300 IN SOA a. b. 1 2 3 4 5", f->zone);
	add_delegation(f, reply, way);
	reply_serve(reply);
	serve_no_ds(f, "near.z.test.", way, f->zone);
	serve_no_such_name_ds(f, "nx.near.z.test.", "near.z.test.", way, f->zone);
	serve_no_such_name_ds(f, "nx.sub.z.test.", "sub.z.test.", way, sub);
	/* the attacker answers this one too, and has no key */
	lie = reply_noerror(f->world, "lie.z.test.", LDNS_RR_TYPE_DS);
	add_proof(lie, "lie.z.test. 300 IN NSEC near.z.test. NS RRSIG NSEC", NULL);
	reply_serve(lie);
}

static void add_alias(struct world_fixture *f, struct reply *reply, const struct row *row, enum denial_way way)
{
	struct arena *arena = f->world->arena;
	const char *asked = row->asked, *target = row->target;

	if (row->alias == ALIAS_PLAIN) {
		reply_add(reply, SECTION_ANSWER, arena_printf(arena, "%s 300 IN CNAME %s", asked, target), f->zone);
	} else if (row->alias == ALIAS_DNAME) {
		reply_add(reply, SECTION_ANSWER, arena_printf(arena, "d.z.test. 300 IN DNAME %s", target), f->zone);
		reply_add(reply, SECTION_ANSWER, arena_printf(arena, "%s 300 IN CNAME %.*s.%s", asked, (int)strcspn(asked, "."),
		    asked, target), NULL);
	} else {
		reply_add_as(reply, SECTION_ANSWER, arena_printf(arena, "*.w.z.test. 300 IN CNAME %s", target), f->zone, asked);
		if (way == WAY_NSEC)
			add_proof(reply, "*.w.z.test. 300 IN NSEC y.z.test. CNAME RRSIG NSEC", f->zone);
		else
			add_proof(reply, nsec3_cover(arena, "z.test.", asked, 0), f->zone);
	}
}

static void judge_row(struct world_fixture *f, const struct row *row, enum denial_way way, enum servers servers)
{
	struct reply *reply = reply_new(f->world, row->asked, row->type, row->rcode);
	const char *security, *want = servers == SERVERS_ONE && row->want_of_one != NULL ? row->want_of_one : row->want;

	add_alias(f, reply, row, way);
	if (servers == SERVERS_TWO)
		add_delegation(f, reply, way);
	if (row->soa != NULL)
		reply_add(reply, SECTION_AUTHORITY, arena_printf(f->world->arena, "%s 300 IN SOA a. b. 1 2 3 4 5", row->soa), NULL);
	security = world_security(f->world, reply);
	if (strcmp(security, want) != 0)
		fail_msg("%s, %s, %s: %s instead of %s", row->title, way_names[way], server_names[servers], security, want);
}

static void test_alias_into_unsigned_zone(void **state)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]) * WAYS * SERVERS; i++) {
		enum denial_way way = i % WAYS;

		/* nothing remembered: each is judged from the anchor */
		world_teardown(state);
		setup(state);
		serve_tree(*state, way);
		judge_row(*state, &rows[i / (WAYS * SERVERS)], way, i / WAYS % SERVERS);
	}
}

/* The zone below has keys of its own, but no DS: its own proofs are as insecure, and do no harm. */
static void test_alias_into_island(void **state)
{
	struct world_fixture *f = *state;
	struct zone *far = zone_unserved(f->zone, "far.z.test.", LDNS_SIGN_ED25519);
	struct reply *reply = reply_new(f->world, "c4.z.test.", LDNS_RR_TYPE_A, LDNS_RCODE_NXDOMAIN);

	serve_tree(f, WAY_NSEC);
	zone_serve_dnskey(far);
	reply_add(reply, SECTION_ANSWER, "c4.z.test. 300 IN CNAME nx.far.z.test.", f->zone);
	add_proof(reply, "far.z.test. 300 IN NSEC far.z.test. NS SOA RRSIG NSEC", far);
	add_delegation(f, reply, WAY_NSEC3);
	assert_string_equal(world_security(f->world, reply), "insecure");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_alias_into_unsigned_zone, setup, world_teardown),
		cmocka_unit_test_setup_teardown(test_alias_into_island, setup, world_teardown),
	};

	return cmocka_run_group_tests_name("validate_alias", tests, NULL, NULL);
}
