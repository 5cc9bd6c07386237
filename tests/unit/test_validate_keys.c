/* SPDX-License-Identifier: BSD-2-Clause */
/* The validator's fetches: keys that are hidden, kept or known to be bad, by several threads at once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "signed_zone.h"

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_judge_recursor_strips_signatures),
		CASE(test_judge_recursor_hides_keys),
		CASE(test_judge_keys_kept_back_after_anchoring),
		CASE(test_judge_keys_are_cached),
		CASE(test_judge_fetches_chain_at_once),
		CASE(test_prefetch_starts_what_is_unknown),
		CASE(test_judge_bogus_zone_is_cached),
		CASE(test_judge_negative_anchor),
		CASE(test_judge_in_many_threads),
	};

	return cmocka_run_group_tests_name("validate", tests, NULL, NULL);
}
