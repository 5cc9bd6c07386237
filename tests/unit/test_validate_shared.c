/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What judgements share: of those that want the same zone at the same time one does the work, and a signature that has
 * verified is not verified again while the zone's keys are the same, whether its cut has run out or not. Verifications are counted
 * where the validator hands them to ldns, and made slow there, so that judgements meet.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dlfcn.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "dnssec/internal.h"
#include "dnssec_world.h"

enum { CROWD = 8, SLOW_US = 5000, MOMENT_US = 50000, HOUR_SECS = 3600, DAY_SECS = 86400 };

static _Atomic unsigned verifications;
static _Atomic bool slow;

/* In the place of ldns's. */
ldns_status ldns_verify_rrsig_evp_raw(const unsigned char *signature, size_t length, const ldns_buffer *data, EVP_PKEY *key,
    const EVP_MD *md)
{
	ldns_status (*real)(const unsigned char *, size_t, const ldns_buffer *, EVP_PKEY *, const EVP_MD *);
	void *symbol = dlsym(RTLD_NEXT, "ldns_verify_rrsig_evp_raw");

	memcpy(&real, &symbol, sizeof(real));
	verifications++;
	if (slow)
		usleep(SLOW_US);
	return real(signature, length, data, key, md);
}

static int setup(void **state)
{
	int status = world_setup(state, "zone.test.", LDNS_SIGN_ECDSAP256SHA256);

	verifications = 0;
	slow = false;
	return status;
}

/* ---- at the same time ---- */

struct crowd { struct world *world; pthread_barrier_t ready; };
struct member { struct crowd *crowd; struct reply *reply; enum dns_security security; };

static void *crowd_member(void *argument)
{
	struct member *member = argument;
	struct arena *arena = arena_new();

	pthread_barrier_wait(&member->crowd->ready);
	member->security = world_judge_in_thread(member->crowd->world, member->reply, arena);
	arena_free(&arena);
	return NULL;
}

/* Names of one cold zone, all at once. @return the verifications that it took. */
static unsigned crowd_judge(struct world_fixture *f, struct zone *signer, enum dns_security expected)
{
	struct crowd crowd = { .world = f->world };
	struct member members[CROWD];
	pthread_t threads[CROWD];

	for (unsigned i = 0; i < CROWD; i++) {
		members[i].crowd = &crowd;
		members[i].reply = reply_spf(f->world, arena_printf(f->world->arena, "n%u.%s", i, signer->name), signer);
		reply_serve(members[i].reply);
	}
	pthread_barrier_init(&crowd.ready, NULL, CROWD);
	slow = true;
	for (unsigned i = 0; i < CROWD; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, crowd_member, &members[i]), 0);
	for (unsigned i = 0; i < CROWD; i++)
		pthread_join(threads[i], NULL);
	pthread_barrier_destroy(&crowd.ready);
	for (unsigned i = 0; i < CROWD; i++)
		assert_int_equal(members[i].security, expected);
	return verifications;
}

static void test_crowd_verifies_each_signature_once(void **state)
{
	struct world_fixture *f = *state;

	/* keys of root, test, zone.test; DS of test, zone.test; and each its own record */
	assert_int_equal(crowd_judge(f, f->zone, DNS_SECURE), 5 + CROWD);
}

static void test_crowd_finds_false_keys_once(void **state)
{
	struct world_fixture *f = *state;
	struct zone *broken = zone_unserved(f->tld, "broken.test.", LDNS_SIGN_ECDSAP256SHA256);
	struct reply *keys = reply_new(f->world, "broken.test.", LDNS_RR_TYPE_DNSKEY, LDNS_RCODE_NOERROR);
	ldns_rr_list *both = ldns_rr_list_new(), *signatures;

	/* the signature of a larger set */
	ldns_rr_list_push_rr(both, ldns_rr_list_rr(broken->dnskeys, 0));
	ldns_rr_list_push_rr(both, ldns_rr_list_rr(f->zone->dnskeys, 0));
	signatures = zone_sign(broken, both);
	zone_serve_ds(broken);
	ldns_rr_list_push_rr(keys->sections[SECTION_ANSWER], ldns_rr_clone(ldns_rr_list_rr(broken->dnskeys, 0)));
	ldns_rr_list_push_rr_list(keys->sections[SECTION_ANSWER], signatures);
	reply_serve(keys);
	ldns_rr_list_free(both);
	ldns_rr_list_free(signatures);
	/* keys of root and test, DS of test and broken.test; and its keys, in vain */
	assert_int_equal(crowd_judge(f, broken, DNS_BOGUS), 5);
}

/* ---- turns ---- */

static const uint8_t here[] = "\4here\4test", there[] = "\5there\4test";

struct waiter { struct cut_cache *cuts; const uint8_t *name; struct cut *found; struct cut_turn turn; _Atomic bool over; };

static void *waiter_run(void *argument)
{
	struct waiter *waiter = argument;

	waiter->found = cuts_turn_begin(waiter->cuts, &waiter->turn, waiter->name, WORLD_NOW);
	waiter->over = true;
	if (waiter->found == NULL)
		cuts_turn_end(waiter->cuts, &waiter->turn);
	return NULL;
}

static struct cut *cut_of(const uint8_t *name)
{
	struct cut *cut = cut_new(name, CUT_SECURE, NULL);

	cut->expires_ms = clock_monotonic_ms() + 60000;
	cut->expires_wall = WORLD_NOW + 60;
	return cut;
}

static void test_turn_ends_with_the_cut(void **state)
{
	struct cut_cache *cuts = cuts_new(100);
	struct waiter waiter = { .cuts = cuts, .name = here };
	struct cut *cut = cut_of(here);
	struct cut_turn turn;
	pthread_t thread;

	(void)state;
	assert_null(cuts_turn_begin(cuts, &turn, here, WORLD_NOW));
	assert_int_equal(pthread_create(&thread, NULL, waiter_run, &waiter), 0);
	usleep(MOMENT_US);
	assert_false(waiter.over);
	cuts_put(cuts, cut);
	usleep(MOMENT_US);
	assert_false(waiter.over);
	cuts_turn_end(cuts, &turn);
	pthread_join(thread, NULL);
	assert_ptr_equal(waiter.found, cut);
	cut_unref(waiter.found);
	/* who comes later finds it, too, and has no turn to end */
	assert_ptr_equal(cuts_turn_begin(cuts, &turn, here, WORLD_NOW), cut);
	cut_unref(cut);
	cut_unref(cut);
	cuts_free(&cuts);
}

/* One whose budget ended leaves nothing behind: those who waited for him go on by themselves, and not one after the other. */
static void test_turn_ends_without_a_cut(void **state)
{
	struct cut_cache *cuts = cuts_new(100);
	struct waiter waiters[2] = { { .cuts = cuts, .name = here }, { .cuts = cuts, .name = here } };
	struct cut_turn turn, next;
	pthread_t threads[2];

	(void)state;
	assert_null(cuts_turn_begin(cuts, &turn, here, WORLD_NOW));
	for (unsigned i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, waiter_run, &waiters[i]), 0);
	usleep(MOMENT_US);
	assert_false(waiters[0].over || waiters[1].over);
	cuts_turn_end(cuts, &turn);
	for (unsigned i = 0; i < 2; i++) {
		pthread_join(threads[i], NULL);
		assert_null(waiters[i].found);
		assert_null(waiters[i].turn.name);
	}
	assert_null(cuts_turn_begin(cuts, &next, here, WORLD_NOW));
	assert_non_null(next.name);
	cuts_turn_end(cuts, &next);
	cuts_free(&cuts);
}

static void test_turn_is_of_one_zone(void **state)
{
	struct cut_cache *cuts = cuts_new(100);
	struct cut_turn turns[2];
	struct cut *cut = cut_of(there);

	(void)state;
	assert_null(cuts_turn_begin(cuts, &turns[0], here, WORLD_NOW));
	assert_null(cuts_turn_begin(cuts, &turns[1], there, WORLD_NOW));
	cuts_put(cuts, cut);
	cuts_turn_end(cuts, &turns[0]);
	cuts_turn_end(cuts, &turns[1]);
	/* one that has run out is none */
	assert_null(cuts_turn_begin(cuts, &turns[0], there, WORLD_NOW + 61));
	cuts_turn_end(cuts, &turns[0]);
	cut_unref(cut);
	cuts_free(&cuts);
}

/* ---- after the cut has run out ---- */

static void later(struct world_fixture *f, int64_t secs)
{
	f->world->validator->clock.fixed_secs = WORLD_NOW + secs;
}

static void test_renewed_cut_verifies_nothing_again(void **state)
{
	struct world_fixture *f = *state;
	struct reply *reply = reply_spf(f->world, "zone.test.", f->zone);

	assert_string_equal(world_security(f->world, reply), "secure");
	assert_int_equal(verifications, 6);
	assert_string_equal(world_security(f->world, reply), "secure");
	assert_int_equal(verifications, 6);
	later(f, HOUR_SECS + 1);	/* the TTL of DS and DNSKEY */
	assert_string_equal(world_security(f->world, reply), "secure");
	assert_int_equal(verifications, 6);
	/* what was signed anew has to be verified */
	assert_string_equal(world_security(f->world, reply_spf(f->world, "zone.test.", f->zone)), "secure");
	assert_int_equal(verifications, 7);
}

/* That they once verified does not lengthen the time of keys and records. */
static void test_renewed_cut_keeps_to_dates(void **state)
{
	struct world_fixture *f = *state;
	struct reply *reply = reply_spf(f->world, "zone.test.", f->zone);
	struct validator_verdict verdict;

	assert_string_equal(world_security(f->world, reply), "secure");
	later(f, DAY_SECS - 1);
	verdict = world_judge(f->world, reply);
	assert_int_equal(verdict.security, DNS_SECURE);
	assert_in_range(verdict.ttl_secs, 0, 1);
	later(f, DAY_SECS + 1);
	assert_int_equal(world_judge(f->world, reply).security, DNS_BOGUS);
	assert_int_equal(verifications, 6);
}

/* Another key in the set, under the signature of before: what is remembered of the zone is of no use to it. */
static void test_renewed_cut_with_other_keys(void **state)
{
	struct world_fixture *f = *state;
	struct reply *reply = reply_spf(f->world, "zone.test.", f->zone), *forged;
	const struct reply *true_keys = world_find(f->world, "zone.test", LDNS_RR_TYPE_DNSKEY);
	struct zone *thief = zone_unserved(f->tld, "zone.test.", LDNS_SIGN_ECDSAP256SHA256);

	assert_string_equal(world_security(f->world, reply), "secure");
	later(f, HOUR_SECS + 1);
	forged = reply_new(f->world, "zone.test.", LDNS_RR_TYPE_DNSKEY, LDNS_RCODE_NOERROR);
	for (size_t i = 0; i < ldns_rr_list_rr_count(true_keys->sections[SECTION_ANSWER]); i++)
		ldns_rr_list_push_rr(forged->sections[SECTION_ANSWER],
		    ldns_rr_clone(ldns_rr_list_rr(true_keys->sections[SECTION_ANSWER], i)));
	ldns_rr_list_push_rr(forged->sections[SECTION_ANSWER], ldns_rr_clone(ldns_rr_list_rr(thief->dnskeys, 0)));
	reply_serve(forged);
	assert_int_equal(world_judge(f->world, reply).security, DNS_BOGUS);
	assert_int_equal(world_judge(f->world, reply_spf(f->world, "zone.test.", thief)).security, DNS_BOGUS);
}

/* A zone that rolls its keys is verified anew, from its DS set down. */
static void test_renewed_cut_after_a_rollover(void **state)
{
	struct world_fixture *f = *state;
	struct reply *reply = reply_spf(f->world, "zone.test.", f->zone);

	assert_string_equal(world_security(f->world, reply), "secure");
	assert_int_equal(verifications, 6);
	later(f, HOUR_SECS + 1);
	zone_add_key(f->zone, LDNS_SIGN_ECDSAP256SHA256);
	zone_serve_dnskey(f->zone);
	zone_serve_ds(f->zone);
	/* the record still bears the old key's signature */
	assert_string_equal(world_security(f->world, reply), "secure");
	assert_int_equal(verifications, 6 + 3);
}

/* The only key in place of the only key. */
static void test_renewed_cut_after_a_change_of_keys(void **state)
{
	struct world_fixture *f = *state;
	ldns_rr *old;

	assert_string_equal(world_security(f->world, reply_spf(f->world, "zone.test.", f->zone)), "secure");
	later(f, HOUR_SECS + 1);
	zone_add_key(f->zone, LDNS_SIGN_ECDSAP256SHA256);
	old = ldns_rr_list_set_rr(f->zone->dnskeys, ldns_rr_list_rr(f->zone->dnskeys, 1), 0);
	ldns_rr_list_pop_rr(f->zone->dnskeys);
	ldns_rr_free(old);
	zone_serve_dnskey(f->zone);
	zone_serve_ds(f->zone);
	assert_string_equal(world_security(f->world, reply_spf(f->world, "zone.test.", f->zone)), "secure");
	assert_int_equal(verifications, 6 + 3);
}

/* More signatures than are remembered: what is asked for again and again stays. */
static void test_memory_keeps_what_is_in_use(void **state)
{
	struct world_fixture *f = *state;
	struct reply *often = reply_spf(f->world, "often.zone.test.", f->zone);

	assert_string_equal(world_security(f->world, often), "secure");
	for (unsigned i = 0; i < 100; i++) {
		assert_string_equal(world_security(f->world, reply_spf(f->world, arena_printf(f->world->arena, "n%u.zone.test.", i),
		    f->zone)), "secure");
		assert_string_equal(world_security(f->world, often), "secure");
	}
	assert_int_equal(verifications, 6 + 100);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, world_teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		CASE(test_crowd_verifies_each_signature_once), CASE(test_crowd_finds_false_keys_once),
		cmocka_unit_test(test_turn_ends_with_the_cut), cmocka_unit_test(test_turn_ends_without_a_cut),
		cmocka_unit_test(test_turn_is_of_one_zone),
		CASE(test_renewed_cut_verifies_nothing_again), CASE(test_renewed_cut_keeps_to_dates),
		CASE(test_renewed_cut_with_other_keys), CASE(test_renewed_cut_after_a_rollover),
		CASE(test_renewed_cut_after_a_change_of_keys),
		CASE(test_memory_keeps_what_is_in_use),
	};

	return cmocka_run_group_tests_name("validate_shared", tests, NULL, NULL);
}
