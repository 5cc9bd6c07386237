/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Proof signatures are verified once and remembered. Whether one was remembered is seen by spoiling the zone's decoded
 * keys: from then on nothing new can verify.
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dnssec/internal.h"
#include "dnssec_world.h"

#define COVER "m.zone.test. 300 IN NSEC w.zone.test. A RRSIG NSEC"
#define APEX "zone.test. 300 IN NSEC m.zone.test. NS SOA RRSIG NSEC DNSKEY"

static int setup(void **state)
{
	return world_setup(state, "zone.test.", LDNS_SIGN_ECDSAP256SHA256);
}

static struct reply *denial_of(struct world_fixture *f, const char *name, const char *cover)
{
	struct reply *reply = reply_new(f->world, name, LDNS_RR_TYPE_TXT, LDNS_RCODE_NXDOMAIN);

	reply_add(reply, SECTION_AUTHORITY, cover, f->zone);
	reply_add(reply, SECTION_AUTHORITY, APEX, f->zone);
	return reply;
}

/* The same records and signatures as another reply's (signing anew gives other ECDSA signatures). */
static struct reply *same_denial_of(struct world_fixture *f, const char *name, const struct reply *other)
{
	struct reply *reply = reply_new(f->world, name, LDNS_RR_TYPE_TXT, LDNS_RCODE_NXDOMAIN);

	for (size_t i = 0; i < ldns_rr_list_rr_count(other->sections[1]); i++)
		ldns_rr_list_push_rr(reply->sections[1], ldns_rr_clone(ldns_rr_list_rr(other->sections[1], i)));
	return reply;
}

static struct cut *zone_cut(struct world_fixture *f)
{
	static const uint8_t name[] = "\4zone\4test";
	struct cut *cut = cuts_get(f->world->validator->cuts, name, WORLD_NOW);

	assert_non_null(cut);
	return cut;
}

/* From now on only what is remembered verifies in the zone. */
static void spoil_keys(struct world_fixture *f)
{
	struct cut *cut = zone_cut(f);

	for (size_t i = 0; i < cut->key_count; i++) {
		EVP_PKEY_free(cut->keys[i].pkey);
		cut->keys[i].pkey = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
		cut->keys[i].decoded = true;
	}
	cut_unref(cut);
}

static void test_memo_spares_verification(void **state)
{
	struct world_fixture *f = *state;
	struct reply *first = denial_of(f, "n.zone.test.", COVER);

	assert_string_equal(world_security(f->world, first), "secure");
	spoil_keys(f);
	/* another name, the same proof */
	assert_string_equal(world_security(f->world, same_denial_of(f, "o.zone.test.", first)), "secure");
	/* the same records under new signatures are not what was verified */
	assert_int_equal(world_judge(f->world, denial_of(f, "o.zone.test.", COVER)).security, DNS_BOGUS);
}

/* The remembered signature under a record that says more than the one that was signed. */
static void test_memo_is_of_the_data(void **state)
{
	struct world_fixture *f = *state;
	struct reply *first = denial_of(f, "n.zone.test.", COVER), *forged;
	ldns_rr_list *section;
	ldns_rr *wider = NULL;

	assert_string_equal(world_security(f->world, first), "secure");
	forged = same_denial_of(f, "x.zone.test.", first);
	section = forged->sections[1];
	assert_int_equal(ldns_rr_new_frm_str(&wider, "m.zone.test. 300 IN NSEC y.zone.test. A RRSIG NSEC", 0, NULL, NULL),
	    LDNS_STATUS_OK);
	for (size_t i = 0; i < ldns_rr_list_rr_count(section); i++) {
		ldns_rr *rr = ldns_rr_list_rr(section, i);
		char *owner = ldns_rdf2str(ldns_rr_owner(rr));

		if (ldns_rr_get_type(rr) == LDNS_RR_TYPE_NSEC && strcmp(owner, "m.zone.test.") == 0)
			ldns_rr_free(ldns_rr_list_set_rr(section, wider, i));
		free(owner);
	}
	assert_int_equal(world_judge(f->world, forged).security, DNS_BOGUS);
}

static void test_memo_is_of_the_key(void **state)
{
	struct world_fixture *f = *state;
	struct dnssec_crypto *crypto = &f->world->validator->crypto;
	struct cut *cut;
	struct sig_mark marks[4];
	static const uint8_t name[] = "\4keys\4test";
	struct zone *two = zone_unserved(f->tld, "keys.test.", LDNS_SIGN_ECDSAP256SHA256);
	struct reply *reply = reply_new(f->world, "keys.test.", LDNS_RR_TYPE_TXT, LDNS_RCODE_NOERROR);
	struct vsig signature = { .signature = (const uint8_t *)"0123456789", .signature_length = 9 }, longer = signature;

	zone_add_key(two, LDNS_SIGN_ECDSAP256SHA256);
	zone_serve_dnskey(two);
	zone_serve_ds(two);
	reply_add(reply, SECTION_ANSWER, "keys.test. 300 IN TXT \"x\"", two);
	assert_string_equal(world_security(f->world, reply), "secure");
	cut = cuts_get(f->world->validator->cuts, name, WORLD_NOW);
	assert_non_null(cut);
	assert_int_equal(cut->key_count, 2);
	assert_true(sig_mark(crypto, cut, &cut->keys[0], &signature, (const uint8_t *)"9data", 5, &marks[0]));
	assert_true(sig_mark(crypto, cut, &cut->keys[1], &signature, (const uint8_t *)"9data", 5, &marks[1]));
	/* the same octets in a row, cut apart elsewhere */
	longer.signature_length = 10;
	assert_true(sig_mark(crypto, cut, &cut->keys[0], &longer, (const uint8_t *)"data", 4, &marks[2]));
	assert_true(sig_mark(crypto, cut, &cut->keys[0], &signature, (const uint8_t *)"9data", 5, &marks[3]));
	assert_memory_not_equal(&marks[0], &marks[1], sizeof(marks[0]));
	assert_memory_not_equal(&marks[0], &marks[2], sizeof(marks[0]));
	assert_memory_equal(&marks[0], &marks[3], sizeof(marks[0]));
	assert_false(sig_is_known(cut, &marks[0]));
	sig_remember(cut, &marks[0]);
	assert_true(sig_is_known(cut, &marks[0]));
	assert_false(sig_is_known(cut, &marks[1]));
	cut_unref(cut);
}

/* That it once verified does not lengthen its time. */
static void test_memo_knows_no_dates(void **state)
{
	struct world_fixture *f = *state;
	struct reply *first = reply_new(f->world, "n.zone.test.", LDNS_RR_TYPE_TXT, LDNS_RCODE_NOERROR), *again;

	/* the name is an empty non-terminal: one proof is enough. The zone's keys stay known for longer than it is good. */
	reply_add_dated(first, "m.zone.test. 300 IN NSEC a.n.zone.test. A RRSIG NSEC", f->zone, WORLD_NOW - 100, WORLD_NOW + 60);
	for (size_t i = 0, count = ldns_rr_list_rr_count(first->sections[0]); i < count; i++)
		ldns_rr_list_push_rr(first->sections[1], ldns_rr_list_pop_rr(first->sections[0]));
	again = same_denial_of(f, "n.zone.test.", first);
	again->rcode = LDNS_RCODE_NOERROR;
	assert_string_equal(world_security(f->world, first), "secure");
	f->world->validator->clock.fixed_secs = WORLD_NOW + 59;
	assert_string_equal(world_security(f->world, again), "secure");
	f->world->validator->clock.fixed_secs = WORLD_NOW + 61;
	assert_int_equal(world_judge(f->world, again).security, DNS_BOGUS);
}

/* What one zone signed proves nothing in another, verified before or not. */
static void test_memo_keeps_the_other_rules(void **state)
{
	struct world_fixture *f = *state;
	struct reply *first = denial_of(f, "n.zone.test.", COVER), *foreign;

	assert_string_equal(world_security(f->world, first), "secure");
	foreign = same_denial_of(f, "other.test.", first);
	zone_new(f->tld, "other.test.", LDNS_SIGN_ECDSAP256SHA256);
	assert_int_equal(world_judge(f->world, foreign).security, DNS_BOGUS);
}

enum { THREADS = 4, ROUNDS = 300, PROOFS = 50 };

struct crowd { struct world *world; struct reply *replies[PROOFS]; };

static void *crowd_member(void *argument)
{
	const struct crowd *crowd = argument;
	struct arena *arena = arena_new();
	intptr_t wrong = 0;

	for (unsigned i = 0; i < ROUNDS; i++) {
		wrong += world_judge_in_thread(crowd->world, crowd->replies[i % PROOFS], arena) != DNS_SECURE;
		arena_reset(arena);
	}
	arena_free(&arena);
	return (void *)wrong;
}

/* More proofs than are remembered, by several threads (see also the TSAN build). */
static void test_memo_in_many_threads(void **state)
{
	struct world_fixture *f = *state;
	struct crowd crowd = { .world = f->world };
	pthread_t threads[THREADS];

	for (unsigned i = 0; i < PROOFS; i++) {
		char name[64], cover[128];

		snprintf(name, sizeof(name), "n%02u.zone.test.", i);
		snprintf(cover, sizeof(cover), "m%02u.zone.test. 300 IN NSEC w.zone.test. A RRSIG NSEC", i);
		crowd.replies[i] = denial_of(f, name, cover);
		reply_serve(crowd.replies[i]);
	}
	for (unsigned i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, crowd_member, &crowd), 0);
	for (unsigned i = 0; i < THREADS; i++) {
		void *wrong;

		assert_int_equal(pthread_join(threads[i], &wrong), 0);
		assert_int_equal((intptr_t)wrong, 0);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_memo_spares_verification, setup, world_teardown),
		cmocka_unit_test_setup_teardown(test_memo_is_of_the_data, setup, world_teardown),
		cmocka_unit_test_setup_teardown(test_memo_is_of_the_key, setup, world_teardown),
		cmocka_unit_test_setup_teardown(test_memo_knows_no_dates, setup, world_teardown),
		cmocka_unit_test_setup_teardown(test_memo_keeps_the_other_rules, setup, world_teardown),
		cmocka_unit_test_setup_teardown(test_memo_in_many_threads, setup, world_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
