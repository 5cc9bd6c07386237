/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The validator within the resolver: a small signed world behind a server on loopback that lies. What is joined from several
 * answers, and where resolver and validator must see the same in one message. What is kept, and for how
 * long: test_validate_kept.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "served_world.h"

/* An alias alone: its target is to be asked for. */
static void serve_alias(const char *name, unsigned ttl, const char *target, struct zone *signer)
{
	struct reply *reply = reply_to(name, LDNS_RCODE_NOERROR);

	reply_add(reply, SECTION_ANSWER, arena_printf(served.world->arena, "%s %u IN CNAME %s", name, ttl, target), signer);
	reply_serve(reply);
}

/* ---- DNAME ---- */

static void add_dname(struct reply *reply)
{
	reply_add(reply, SECTION_ANSWER, "d.zone.test. 300 IN DNAME e.zone.test.", served.zone);
}

static void test_dname_with_its_cname(void **state)
{
	struct reply *reply = reply_to("www.d.zone.test.", LDNS_RCODE_NOERROR);

	add_dname(reply);
	reply_add(reply, SECTION_ANSWER, "www.d.zone.test. 300 IN CNAME www.e.zone.test.", NULL);
	reply_add(reply, SECTION_ANSWER, "www.e.zone.test. 300 IN TXT \"v=spf1 -all\"", served.zone);
	reply_serve(reply);
	assert_answer(served_start(state), "www.d.zone.test", DNS_STATUS_DATA, DNS_SECURE);
}

/*
 * A true DNAME whose CNAME was taken away, and an SOA that anybody could have written: the validator follows the one, the
 * resolver would take the other for the absence of the record (RFC 6672 section 3.1: the CNAME comes with the DNAME).
 */
static void test_dname_stripped_of_its_cname(void **state)
{
	static const char soa[] = "zone.test. 300 IN SOA a. b. 1 2 3 4 300";
	struct reply *alone = reply_to("www.d.zone.test.", LDNS_RCODE_NOERROR);
	struct reply *away = reply_to("www.f.zone.test.", LDNS_RCODE_NOERROR);
	struct reply *with_target = reply_to("ftp.d.zone.test.", LDNS_RCODE_NOERROR);
	struct reply *behind_alias = reply_to("alias.zone.test.", LDNS_RCODE_NOERROR);
	struct reply *nxdomain = reply_to("nx.d.zone.test.", LDNS_RCODE_NXDOMAIN);

	add_dname(alone);
	reply_add(alone, SECTION_AUTHORITY, soa, NULL);
	reply_serve(alone);
	/* the target out of reach of the SOA: the validator would leave it to a question of its own */
	reply_add(away, SECTION_ANSWER, "f.zone.test. 300 IN DNAME test.", served.zone);
	reply_add(away, SECTION_AUTHORITY, soa, NULL);
	reply_serve(away);
	add_dname(with_target);
	reply_add(with_target, SECTION_ANSWER, "ftp.e.zone.test. 300 IN TXT \"v=spf1 -all\"", served.zone);
	reply_add(with_target, SECTION_AUTHORITY, soa, NULL);
	reply_serve(with_target);
	add_dname(behind_alias);
	reply_add(behind_alias, SECTION_ANSWER, "alias.zone.test. 300 IN CNAME www.d.zone.test.", served.zone);
	reply_add(behind_alias, SECTION_AUTHORITY, soa, NULL);
	reply_serve(behind_alias);
	add_dname(nxdomain);
	reply_add(nxdomain, SECTION_AUTHORITY, soa, NULL);
	reply_add(nxdomain, SECTION_AUTHORITY, "zone.test. 300 IN NSEC zone.test. NS SOA RRSIG NSEC", served.zone);
	reply_serve(nxdomain);
	served_start(state);
	assert_answer(*state, "www.d.zone.test", DNS_STATUS_FAIL, DNS_INDETERMINATE);
	assert_answer(*state, "www.f.zone.test", DNS_STATUS_FAIL, DNS_INDETERMINATE);
	assert_answer(*state, "ftp.d.zone.test", DNS_STATUS_FAIL, DNS_INDETERMINATE);
	assert_answer(*state, "alias.zone.test", DNS_STATUS_FAIL, DNS_INDETERMINATE);
	assert_answer(*state, "nx.d.zone.test", DNS_STATUS_FAIL, DNS_INDETERMINATE);
}

/* ---- answers joined ---- */

static void test_alias_and_target_asked_separately(void **state)
{
	serve_alias("alias.zone.test.", 50, "target.zone.test.", served.zone);
	serve_txt("target.zone.test.", 300, served.zone);
	serve_alias("out.zone.test.", 300, "www.plain.test.", served.zone);
	serve_alias("in.plain.test.", 300, "target.zone.test.", NULL);
	serve_txt("www.plain.test.", 40, NULL);
	serve_alias("torn.zone.test.", 300, "stripped.zone.test.", served.zone);
	serve_txt("stripped.zone.test.", 300, NULL);
	deny_ds("stripped.zone.test.");
	served_start(state);
	assert_answer(*state, "alias.zone.test", DNS_STATUS_DATA, DNS_SECURE);
	assert_in_range(ask(*state, "alias.zone.test")->ttl_secs, 40, 50);
	assert_answer(*state, "out.zone.test", DNS_STATUS_DATA, DNS_INSECURE);
	assert_in_range(ask(*state, "out.zone.test")->ttl_secs, 30, 40);
	assert_answer(*state, "in.plain.test", DNS_STATUS_DATA, DNS_INSECURE);
	assert_answer(*state, "torn.zone.test", DNS_STATUS_FAIL, DNS_BOGUS);
	assert_answer(*state, "target.zone.test", DNS_STATUS_DATA, DNS_SECURE);
}

/* The alias is true, its target is denied by nothing but the word of the server: in the same message, and asked for. */
static void test_alias_whose_target_is_hidden(void **state)
{
	struct reply *one = reply_to("one.zone.test.", LDNS_RCODE_NOERROR), *two = reply_to("two.zone.test.", LDNS_RCODE_NXDOMAIN);
	struct reply *target = reply_to("target.zone.test.", LDNS_RCODE_NOERROR);

	deny_ds("target.zone.test.");
	reply_add(one, SECTION_ANSWER, "one.zone.test. 300 IN CNAME target.zone.test.", served.zone);
	reply_add(one, SECTION_AUTHORITY, "zone.test. 300 IN SOA a. b. 1 2 3 4 300", served.zone);
	reply_serve(one);
	reply_add(two, SECTION_ANSWER, "two.zone.test. 300 IN CNAME target.zone.test.", served.zone);
	reply_serve(two);
	reply_add(target, SECTION_AUTHORITY, "test. 300 IN SOA a. b. 1 2 3 4 300", NULL);
	reply_serve(target);
	serve_alias("three.zone.test.", 300, "target.zone.test.", served.zone);
	served_start(state);
	assert_answer(*state, "one.zone.test", DNS_STATUS_FAIL, DNS_BOGUS);
	assert_answer(*state, "two.zone.test", DNS_STATUS_FAIL, DNS_BOGUS);
	assert_answer(*state, "three.zone.test", DNS_STATUS_FAIL, DNS_BOGUS);
}

/* ---- headers that lie ---- */

static void test_error_codes_are_no_absence(void **state)
{
	static const uint8_t codes[] = { 1, 2, 4, 5, 6, 7, 8, 9, 10, 15 };

	serve_txt("www.zone.test.", 300, served.zone);
	deny_ds("www.zone.test.");
	for (size_t i = 0; i < sizeof(codes); i++) {
		served.rcode = codes[i];
		assert_answer(served_start(state), "www.zone.test", DNS_STATUS_FAIL, DNS_INDETERMINATE);
	}
	/* NXDOMAIN, but no proof */
	served.rcode = 3;
	assert_answer(served_start(state), "www.zone.test", DNS_STATUS_FAIL, DNS_BOGUS);
	served.rcode = 0;
	assert_answer(served_start(state), "www.zone.test", DNS_STATUS_DATA, DNS_SECURE);
}

static void test_nxdomain_with_the_record(void **state)
{
	struct reply *reply = reply_to("www.zone.test.", LDNS_RCODE_NXDOMAIN);

	reply_add(reply, SECTION_ANSWER, "www.zone.test. 300 IN TXT \"v=spf1 -all\"", served.zone);
	reply_serve(reply);
	assert_int_equal(ask(served_start(state), "www.zone.test")->status, DNS_STATUS_FAIL);
}

/* An SOA of another zone, or several, prove nothing. */
static void test_absence_by_foreign_soa(void **state)
{
	struct reply *reply = reply_to("www.zone.test.", LDNS_RCODE_NOERROR);

	deny_ds("www.zone.test.");
	reply_add(reply, SECTION_AUTHORITY, "plain.test. 300 IN SOA a. b. 1 2 3 4 300", NULL);
	reply_add(reply, SECTION_AUTHORITY, "test. 300 IN SOA a. b. 1 2 3 4 300", NULL);
	reply_add(reply, SECTION_AUTHORITY, "zone.test. 300 IN SOA a. b. 1 2 3 4 300", served.zone);
	reply_serve(reply);
	assert_answer(served_start(state), "www.zone.test", DNS_STATUS_FAIL, DNS_BOGUS);
}

/* What a truncated answer lacks is not known to be absent (RFC 2181 section 9), whether anybody validates or not. */
static void test_truncated_by_tcp_too(void **state)
{
	struct reply *empty = reply_to("www.plain.test.", LDNS_RCODE_NOERROR);

	reply_add(empty, SECTION_AUTHORITY, "plain.test. 300 IN SOA a. b. 1 2 3 4 300", NULL);
	reply_serve(empty);
	served.truncate = true;
	assert_answer(served_start(state), "www.plain.test", DNS_STATUS_FAIL, DNS_INDETERMINATE);
	assert_answer(served_start_mode(state, DNSSEC_OFF), "www.plain.test", DNS_STATUS_FAIL, DNS_INDETERMINATE);
	assert_answer(served_start_mode(state, DNSSEC_TRUST_AD), "www.plain.test", DNS_STATUS_FAIL, DNS_INDETERMINATE);
	served.truncate = false;
	assert_answer(served_start(state), "www.plain.test", DNS_STATUS_NODATA, DNS_INSECURE);
}

/* ---- kept back, kept, and for how long ---- */

static void test_one_kind_of_answer_kept_back(void **state)
{
	struct zone *dark = zone_new(served.tld, "dark.test.", LDNS_SIGN_ED25519);
	static const uint16_t types[] = { DNS_TYPE_DS, DNS_TYPE_DNSKEY };

	serve_txt("zone.test.", 300, served.zone);
	serve_txt("dark.test.", 300, dark);
	for (size_t i = 0; i < 2; i++) {
		served.dropped = "dark.test";
		served.dropped_type = types[i];
		served_start(state);
		assert_answer(*state, "zone.test", DNS_STATUS_DATA, DNS_SECURE);
		assert_answer(*state, "dark.test", DNS_STATUS_FAIL, DNS_INDETERMINATE);
		served.dropped = NULL;
		assert_answer(served_start(state), "dark.test", DNS_STATUS_DATA, DNS_SECURE);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_dname_with_its_cname),
		CASE(test_dname_stripped_of_its_cname),
		CASE(test_alias_and_target_asked_separately),
		CASE(test_alias_whose_target_is_hidden),
		CASE(test_error_codes_are_no_absence),
		CASE(test_nxdomain_with_the_record),
		CASE(test_absence_by_foreign_soa),
		CASE(test_truncated_by_tcp_too),
		CASE(test_one_kind_of_answer_kept_back),
	};

	return cmocka_run_group_tests_name("validate_resolver", tests, NULL, NULL);
}
