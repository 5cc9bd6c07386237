/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The caps of the validator: an answer just over one ends in "bogus: limit", honest collisions validate. Without caps validators
 * have tried every key with every signature, for minutes a message (CVE-2023-50387, as ldns 1.8.3's own functions do).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/evp.h>

#include "dnssec_world.h"

enum { KEY_OCTETS = 32, TAG_AT = 16 };

struct fixture { struct world *world; struct zone *tld; };

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	f->world = world_new(NULL);
	f->tld = zone_new(world_root(f->world), "test.", LDNS_SIGN_ED25519);
	*state = f;
	return 0;
}

/* Publishes an Ed25519 key of which nobody knows the private half, with a chosen tag; first orders it in the set. */
static void add_fake_key(struct zone *zone, uint16_t tag, uint8_t first, uint8_t number)
{
	uint8_t key[KEY_OCTETS] = { first, number };
	ldns_rr *rr = NULL;

	for (unsigned i = 2; i < KEY_OCTETS; i++)
		key[i] = (uint8_t)(i * 7 + number);
	for (unsigned step = 0; step < 65536; step++) {
		char base64[64], text[256];

		key[TAG_AT] = (uint8_t)(step >> 8);
		key[TAG_AT + 1] = (uint8_t)step;
		EVP_EncodeBlock((unsigned char *)base64, key, sizeof(key));
		snprintf(text, sizeof(text), "%s 3600 IN DNSKEY 257 3 15 %s", zone->name, base64);
		assert_int_equal(ldns_rr_new_frm_str(&rr, text, 3600, NULL, NULL), LDNS_STATUS_OK);
		if (ldns_calc_keytag(rr) == tag) {
			/* before the real one: zone_sign() and the DS take the last */
			ldns_rr *last = ldns_rr_list_pop_rr(zone->dnskeys);

			ldns_rr_list_push_rr(zone->dnskeys, rr);
			ldns_rr_list_push_rr(zone->dnskeys, last);
			return;
		}
		ldns_rr_free(rr);
	}
	fail_msg("no key with tag %u", tag);
}

/* A zone whose real key comes after so many fake ones of the same tag. */
static struct reply *colliding(struct fixture *f, const char *name, unsigned fakes)
{
	struct zone *zone = zone_unserved(f->tld, name, LDNS_SIGN_ED25519);
	struct reply *reply = reply_new(f->world, name, LDNS_RR_TYPE_TXT, LDNS_RCODE_NOERROR);
	uint16_t tag = ldns_calc_keytag(ldns_rr_list_rr(zone->dnskeys, 0));
	char text[128];

	for (unsigned i = 0; i < fakes; i++)
		add_fake_key(zone, tag, 0, (uint8_t)(i + 1));
	zone_serve_dnskey(zone);
	zone_serve_ds(zone);
	snprintf(text, sizeof(text), "%s 300 IN TXT \"x\"", name);
	reply_add(reply, SECTION_ANSWER, text, zone);
	return reply;
}

static void test_judge_two_keys_with_one_tag(void **state)
{
	struct fixture *f = *state;

	assert_string_equal(world_security(f->world, colliding(f, "two.test.", 1)), "secure");
	assert_string_equal(world_security(f->world, colliding(f, "four.test.", 3)), "secure");
}

static void test_judge_many_keys_with_one_tag(void **state)
{
	struct fixture *f = *state;
	struct validator_verdict verdict = world_judge(f->world, colliding(f, "five.test.", 4));

	assert_int_equal(verdict.security, DNS_BOGUS);
	assert_non_null(strstr(verdict.why, "limit"));
}

static void test_judge_many_ds_digests(void **state)
{
	struct fixture *f = *state;
	struct validator_verdict verdict = world_judge(f->world, colliding(f, "digests.test.", 16));

	/* 17 keys of the DS's tag: 16 digests are computed, the real key sorts behind them */
	assert_int_equal(verdict.security, DNS_BOGUS);
	assert_non_null(strstr(verdict.why, "limit: 16 DS digests"));
}

/* A TXT with so many bad signatures before the good one. */
static struct reply *bad_signatures(struct fixture *f, struct zone *zone, const char *name, unsigned bad)
{
	struct reply *reply = reply_new(f->world, name, LDNS_RR_TYPE_TXT, LDNS_RCODE_NOERROR);
	ldns_rr_list *section = reply->sections[0];
	char text[128];

	snprintf(text, sizeof(text), "%s 300 IN TXT \"x\"", name);
	reply_add(reply, SECTION_ANSWER, text, NULL);
	for (unsigned i = 0; i < bad; i++) {
		snprintf(text, sizeof(text), "%s 300 IN TXT \"other %u\"", name, i);
		reply_add(reply, SECTION_ANSWER, text, zone);	/* keep the signature, drop the record */
		ldns_rr *signature = ldns_rr_list_pop_rr(section);
		ldns_rr_free(ldns_rr_list_pop_rr(section));
		ldns_rr_list_push_rr(section, signature);
	}
	snprintf(text, sizeof(text), "%s 300 IN TXT \"x\"", name);
	reply_add(reply, SECTION_ANSWER, text, zone);
	return reply;
}

static void test_judge_bad_signatures_before_good_one(void **state)
{
	struct fixture *f = *state;
	struct validator_verdict verdict;

	assert_string_equal(world_security(f->world, bad_signatures(f, f->tld, "a.test.", 7)), "secure");
	verdict = world_judge(f->world, bad_signatures(f, f->tld, "b.test.", 8));
	assert_int_equal(verdict.security, DNS_BOGUS);
	assert_non_null(strstr(verdict.why, "limit"));
}

static void test_judge_failures_in_one_lookup(void **state)
{
	struct fixture *f = *state;
	struct reply *chain = reply_new(f->world, "c0.test.", LDNS_RR_TYPE_TXT, LDNS_RCODE_NOERROR);
	struct validator_verdict verdict;
	char text[128];

	/* each link succeeds at its fourth signature: 3 failures a link, the sixth link is one too many */
	for (unsigned link = 0; link < 7; link++) {
		for (unsigned bad = 0; bad < 3; bad++) {
			snprintf(text, sizeof(text), "c%u.test. 300 IN CNAME bad%u.test.", link, bad);
			reply_add(chain, SECTION_ANSWER, text, f->tld);
			ldns_rr *signature = ldns_rr_list_pop_rr(chain->sections[0]);
			ldns_rr_free(ldns_rr_list_pop_rr(chain->sections[0]));
			ldns_rr_list_push_rr(chain->sections[0], signature);
		}
		snprintf(text, sizeof(text), "c%u.test. 300 IN CNAME c%u.test.", link, link + 1);
		reply_add(chain, SECTION_ANSWER, text, f->tld);
	}
	reply_add(chain, SECTION_ANSWER, "c7.test. 300 IN TXT \"x\"", f->tld);
	verdict = world_judge(f->world, chain);
	assert_int_equal(verdict.security, DNS_BOGUS);
	assert_non_null(strstr(verdict.why, "limit"));
}

static void test_judge_too_many_ds(void **state)
{
	struct fixture *f = *state;
	struct zone *zone = zone_unserved(f->tld, "ds.test.", LDNS_SIGN_ED25519);
	struct reply *ds = reply_new(f->world, "ds.test.", LDNS_RR_TYPE_DS, LDNS_RCODE_NOERROR);
	struct reply *reply = reply_new(f->world, "ds.test.", LDNS_RR_TYPE_TXT, LDNS_RCODE_NOERROR);
	char texts[17][64];
	const char *set[18] = { NULL };
	struct validator_verdict verdict;

	for (unsigned i = 0; i < 17; i++) {
		snprintf(texts[i], sizeof(texts[i]), "ds.test. 3600 IN DS %u 15 2 00", i);
		set[i] = texts[i];
	}
	zone_serve_dnskey(zone);
	reply_add_set(ds, SECTION_ANSWER, set, f->tld);
	reply_serve(ds);
	reply_add(reply, SECTION_ANSWER, "ds.test. 300 IN TXT \"x\"", zone);
	verdict = world_judge(f->world, reply);
	assert_int_equal(verdict.security, DNS_BOGUS);
	assert_non_null(strstr(verdict.why, "limit"));
}

static void test_judge_too_many_keys(void **state)
{
	struct fixture *f = *state;
	struct zone *zone = zone_unserved(f->tld, "keys.test.", LDNS_SIGN_ED25519);
	struct reply *reply = reply_new(f->world, "keys.test.", LDNS_RR_TYPE_TXT, LDNS_RCODE_NOERROR);
	struct validator_verdict verdict;

	for (unsigned i = 0; i < 64; i++)
		zone_add_key(zone, LDNS_SIGN_ED25519);
	zone_serve_dnskey(zone);
	zone_serve_ds(zone);
	reply_add(reply, SECTION_ANSWER, "keys.test. 300 IN TXT \"x\"", zone);
	verdict = world_judge(f->world, reply);
	assert_int_equal(verdict.security, DNS_BOGUS);
	assert_non_null(strstr(verdict.why, "limit"));
}

static void test_judge_lookup_cap_spares_innocent_zones(void **state)
{
	struct validator_config config = { .max_crypto_per_lookup = 1 };
	struct world *world = world_new(&config);
	struct zone *tld = zone_new(world_root(world), "test.", LDNS_SIGN_ED25519);
	struct reply *reply = reply_new(world, "www.test.", LDNS_RR_TYPE_A, LDNS_RCODE_NOERROR);

	(void)state;
	reply_add(reply, SECTION_ANSWER, "www.test. 300 IN A 192.0.2.1", tld);
	/* root's DNSKEY set uses up the first budget, test's DS the second, its DNSKEY set the third: these look-ups fail,
	 * but what they proved is kept and no zone is branded bogus for it */
	assert_string_equal(world_security(world, reply), "bogus");
	assert_string_equal(world_security(world, reply), "bogus");
	assert_string_equal(world_security(world, reply), "bogus");
	assert_string_equal(world_security(world, reply), "secure");
	world_free(&world);
}

static void test_judge_rsa_below_limit(void **state)
{
	struct fixture *f = *state;
	struct zone *zone = zone_unserved(f->tld, "weak.test.", LDNS_SIGN_ED25519);
	ldns_key *key = ldns_key_new_frm_algorithm(LDNS_SIGN_RSASHA256, 768);
	struct reply *reply = reply_new(f->world, "weak.test.", LDNS_RR_TYPE_TXT, LDNS_RCODE_NOERROR);
	ldns_rr *rr;

	assert_non_null(key);
	ldns_key_set_pubkey_owner(key, ldns_dname_new_frm_str("weak.test."));
	ldns_key_set_flags(key, 257);
	ldns_key_set_inception(key, WORLD_NOW - 100);
	ldns_key_set_expiration(key, WORLD_NOW + 100);
	rr = ldns_key2rr(key);
	ldns_key_set_keytag(key, ldns_calc_keytag(rr));
	ldns_key_list_push_key(zone->keys, key);
	ldns_rr_list_push_rr(zone->dnskeys, rr);
	zone_serve_dnskey(zone);
	zone_serve_ds(zone);
	reply_add(reply, SECTION_ANSWER, "weak.test. 300 IN TXT \"x\"", zone);
	assert_string_equal(world_security(f->world, reply), "bogus");
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, world_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_judge_two_keys_with_one_tag), CASE(test_judge_many_keys_with_one_tag),
		CASE(test_judge_many_ds_digests), CASE(test_judge_bad_signatures_before_good_one),
		CASE(test_judge_failures_in_one_lookup), CASE(test_judge_too_many_ds), CASE(test_judge_too_many_keys),
		CASE(test_judge_lookup_cap_spares_innocent_zones), CASE(test_judge_rsa_below_limit),
	};

	return cmocka_run_group_tests_name("validate_limits", tests, NULL, NULL);
}
