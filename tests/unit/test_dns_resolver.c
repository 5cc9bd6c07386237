/* SPDX-License-Identifier: BSD-2-Clause */
/* What the resolver answers: records, absence, names, aliases, DNSSEC. The servers: resolver_fixture.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "resolver/resolver.h"
#include "resolver_fixture.h"

static void test_dns_wait_gives_records(void **state)
{
	struct resolver_fixture *dns = fixture_start(state, NULL, config_off());
	struct dns_scope *scope = fixture_scope(dns, 5000, 10);
	const struct dns_answer *answer = dns_wait(scope, "EXAMPLE.com", DNS_TYPE_TXT);
	struct fake_dns_question question;

	assert_int_equal(answer->status, DNS_STATUS_DATA);
	assert_int_equal(answer->security, DNS_INDETERMINATE);
	assert_int_equal(answer->rcode, 0);
	assert_int_equal(answer->rr_count, 1);
	assert_string_equal(answer->name, "example.com");
	assert_string_equal(answer->canonical_name, "example.com");
	assert_string_equal(dns_rr_text(&answer->rrs[0], dns->arena, NULL), "v=spf1 -all");
	assert_int_equal(answer->ttl_secs, 300);
	assert_false(answer->from_cache);
	answer = dns_wait(scope, "example.com", DNS_TYPE_MX);
	assert_string_equal(dns_rr_name(&answer->rrs[0], dns->arena), "mail.example.com");
	assert_int_equal(dns_rr_preference(&answer->rrs[0]), 10);
	assert_string_equal(dns_rr_to_text(&answer->rrs[0], dns->arena), "example.com.\t300\tIN\tMX\t10 Mail.example.com.");
	/* DNSSEC off: EDNS without DO, RD and nothing else */
	assert_true(fake_dns_question(dns->server, 0, &question));
	assert_int_equal(question.edns_bytes, 1232);
	assert_false(question.dnssec_ok);
	assert_int_equal(question.flags[0], 0x01);
	assert_int_equal(question.flags[1], 0);
}

static void test_dns_wait_tells_kinds_of_absence(void **state)
{
	struct resolver_fixture *dns = fixture_start(state, NULL, config_off());
	struct dns_scope *scope = fixture_scope(dns, 5000, 10);
	const struct dns_answer *answer = dns_wait(scope, "host.example.com", DNS_TYPE_AAAA);

	assert_int_equal(answer->status, DNS_STATUS_NODATA);
	assert_int_equal(answer->ttl_secs, 60);		/* SOA minimum, RFC 2308 section 5 */
	assert_null(answer->rrs);
	answer = dns_wait(scope, "none.example.com", DNS_TYPE_A);
	assert_int_equal(answer->status, DNS_STATUS_NXDOMAIN);
	assert_int_equal(answer->rcode, 3);
	answer = dns_wait(scope, "bad.example.com", DNS_TYPE_A);
	assert_int_equal(answer->status, DNS_STATUS_FAIL);
	assert_int_equal(answer->rcode, 2);
	assert_int_equal(answer->ttl_secs, 0);
	assert_string_equal(answer->why, "SERVFAIL from 127.0.0.1");
}

static void test_dns_wait_of_no_name(void **state)
{
	struct resolver_fixture *dns = fixture_start(state, NULL, config_off());
	struct dns_scope *scope = fixture_scope(dns, 5000, 10);
	char label[65], name[300];
	const char *bad[] = { "", "a..b", ".a", "a\\", "a\\1", "a\\256", label, name };

	memset(label, 'x', 64);
	label[64] = '\0';
	for (int i = 0; i < 128; i++)
		memcpy(name + 2 * i, "a.", 3);	/* 128 labels: 257 octets */
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		const struct dns_answer *answer = dns_wait(scope, bad[i], DNS_TYPE_A);

		assert_int_equal(answer->status, DNS_STATUS_NXDOMAIN);
		assert_int_equal(answer->security, DNS_INSECURE);
		assert_string_equal(answer->why, "not a domain name");
		dns_start(scope, bad[i], DNS_TYPE_A);
		assert_true(dns_ready(scope, bad[i], DNS_TYPE_A));
	}
	assert_int_equal(fake_dns_count(dns->server, NULL, 0), 0);
	name[254] = '\0';	/* 127 labels: 255 octets, allowed */
	assert_int_equal(dns_wait(scope, name, DNS_TYPE_A)->status, DNS_STATUS_NXDOMAIN);
	assert_int_equal(fake_dns_count(dns->server, NULL, 0), 1);
}

static void test_dns_wait_names_with_escapes(void **state)
{
	struct resolver_fixture *dns = fixture_start(state, NULL, config_off());
	struct dns_scope *scope = fixture_scope(dns, 5000, 10);
	const struct dns_answer *answer = dns_wait(scope, "ODD\\ \\.name.example.com", DNS_TYPE_TXT);
	size_t length;

	assert_int_equal(answer->status, DNS_STATUS_DATA);
	assert_string_equal(answer->name, "odd\\032\\.name.example.com");
	answer = dns_wait(scope, "ptr.example.com", DNS_TYPE_PTR);
	assert_string_equal(dns_rr_name(&answer->rrs[0], dns->arena), "odd\\.label.example.net");
	answer = dns_wait(scope, "nul.example.com", DNS_TYPE_TXT);
	assert_memory_equal(dns_rr_text(&answer->rrs[0], dns->arena, &length), "a\0b", 4);
	assert_int_equal(length, 3);
}

static void test_dns_wait_follows_aliases(void **state)
{
	struct resolver_fixture *dns = fixture_start(state, NULL, config_off());
	struct dns_scope *scope = fixture_scope(dns, 5000, 10);
	const struct dns_answer *answer = dns_wait(scope, "www.example.com", DNS_TYPE_A);

	assert_int_equal(answer->status, DNS_STATUS_DATA);
	assert_string_equal(answer->name, "www.example.com");
	assert_string_equal(answer->canonical_name, "host.example.com");
	assert_string_equal(answer->rrs[0].owner, "host.example.com");
	answer = dns_wait(scope, "x.dn.example.com", DNS_TYPE_A);
	assert_string_equal(answer->canonical_name, "x.example.org");
	assert_int_equal(answer->rr_count, 1);
	answer = dns_wait(scope, "y.dn.example.com", DNS_TYPE_A);
	assert_int_equal(answer->status, DNS_STATUS_NXDOMAIN);
	answer = dns_wait(scope, "loop.example.com", DNS_TYPE_A);
	assert_int_equal(answer->status, DNS_STATUS_FAIL);
	assert_non_null(strstr(answer->why, "CNAME loop"));
	answer = dns_wait(scope, "www.example.com", DNS_TYPE_CNAME);
	assert_int_equal(answer->status, DNS_STATUS_DATA);
	assert_string_equal(answer->canonical_name, "www.example.com");
	assert_int_equal(fake_dns_count(dns->server, NULL, 0), 5);
}

/* A recursor that gives one link a message: "cN.test" is a CNAME for "cN+1.test", and c3 (or none) has an address. */
struct links {
	uint8_t wire[512];
	int last, loop_to;
};

static void link_by_link(void *context, const char *name, uint16_t type, bool tcp, struct fake_dns_reply *reply)
{
	struct links *links = context;
	int number = atoi(name + 1), next = number == links->loop_to ? 0 : number + 1;
	uint8_t *at = links->wire;
	char label[16];
	int used;

	(void)tcp;
	(void)type;
	memcpy(at, "\0\0\x81\x80\0\1\0\1\0\0\0\0", 12);
	at += 12;
	used = snprintf(label, sizeof(label), "c%d", number);
	*at++ = (uint8_t)used;
	memcpy(at, label, (size_t)used);
	memcpy(at + used, "\4test\0\0\1\0\1\xc0\x0c", 12);
	at += used + 12;
	if (number == links->last) {
		memcpy(at, "\0\1\0\1\0\0\1\0\0\4\xc0\0\2\5", 14);
		at += 14;
	} else {
		used = snprintf(label, sizeof(label), "c%d", next);
		memcpy(at, "\0\5\0\1\0\0\0\x1e\0", 9);
		at[9] = (uint8_t)(used + 7);
		at[10] = (uint8_t)used;
		memcpy(at + 11, label, (size_t)used);
		memcpy(at + 11 + used, "\4test\0", 6);
		at += 17 + used;
	}
	reply->raw = links->wire;
	reply->raw_length = (size_t)(at - links->wire);
}

static void test_dns_wait_asks_on_when_a_chain_is_unfinished(void **state)
{
	static struct links links = { .last = 10, .loop_to = -1 };
	struct resolver_fixture *dns = fixture_start_callback(state, link_by_link, &links, config_off());
	struct dns_scope *scope = fixture_scope(dns, 5000, 1);
	const struct dns_answer *answer = dns_wait(scope, "c0.test", DNS_TYPE_A);

	assert_int_equal(answer->status, DNS_STATUS_DATA);
	assert_string_equal(answer->canonical_name, "c10.test");
	assert_string_equal(answer->name, "c0.test");
	assert_int_equal(answer->ttl_secs, 30);		/* the least of the chain */
	assert_int_equal(fake_dns_count(dns->server, NULL, 0), 11);
}

static void test_dns_wait_fails_on_chains_without_end(void **state)
{
	static struct links longer = { .last = 11, .loop_to = -1 }, loop = { .last = -1, .loop_to = 3 };
	struct links *cases[] = { &longer, &loop };
	const char *whys[] = { "more than 10 CNAME links", "CNAME loop" };

	for (size_t i = 0; i < 2; i++) {
		struct resolver_fixture *dns = fixture_start_callback(state, link_by_link, cases[i], config_off());
		struct dns_scope *scope = fixture_scope(dns, 5000, 1);
		const struct dns_answer *answer = dns_wait(scope, "c0.test", DNS_TYPE_A);

		assert_int_equal(answer->status, DNS_STATUS_FAIL);
		assert_string_equal(answer->why, whys[i]);
		usleep(50 * 1000);	/* nobody goes on asking */
		assert_true(fake_dns_count(dns->server, NULL, 0) <= 12);
	}
}

static void test_dns_wait_refuses_meta_types(void **state)
{
	struct resolver_fixture *dns = fixture_start(state, NULL, config_off());

	assert_int_equal(fixture_status(dns, "example.com", 255), DNS_STATUS_FAIL);
	assert_int_equal(fixture_status(dns, "example.com", 252), DNS_STATUS_FAIL);
	assert_int_equal(fixture_status(dns, "example.com", 0), DNS_STATUS_FAIL);
	assert_int_equal(fake_dns_count(dns->server, NULL, 0), 0);
}

static void test_dns_trust_ad_believes_loopback(void **state)
{
	struct behaviour behaviour = { .reply = { .ad = true }, .name = "host.example.com" };
	struct dns_config config = { .dnssec = DNSSEC_TRUST_AD };
	struct resolver_fixture *dns = fixture_start(state, &behaviour, config);
	struct dns_scope *scope = fixture_scope(dns, 5000, 10);
	struct fake_dns_question question;

	assert_int_equal(dns_wait(scope, "host.example.com", DNS_TYPE_A)->security, DNS_SECURE);
	assert_int_equal(dns_wait(scope, "example.com", DNS_TYPE_TXT)->security, DNS_INSECURE);
	assert_int_equal(dns_wait(scope, "bad.example.com", DNS_TYPE_TXT)->security, DNS_INDETERMINATE);
	assert_true(fake_dns_question(dns->server, 0, &question));
	assert_true(question.dnssec_ok);
	assert_int_equal(question.flags[1], 0x20);	/* AD asked for, CD not */
}

/* An unsigned server cannot prove a thing: never secure, never insecure; and one judgement serves all who wait. */
static void test_dns_validate_judges_once_for_all(void **state)
{
	struct behaviour behaviour = { .reply = { .delay_ms = 30, .ad = true } };
	struct resolver_fixture *dns = fixture_start_validating(state, &behaviour);
	struct fake_dns_question question;
	const struct dns_answer *answer;
	const char *explanation = NULL;
	struct dns_scope *scope;
	unsigned questions;

	fixture_ask_together(dns, 8);
	questions = fake_dns_count(dns->server, NULL, 0);
	assert_int_equal(fake_dns_count(dns->server, "host.example.com", DNS_TYPE_A), 1);
	assert_int_equal(fake_dns_count(dns->server, ".", DNS_TYPE_DNSKEY), 1);
	assert_true(fake_dns_question(dns->server, 0, &question));
	assert_true(question.dnssec_ok);
	assert_int_equal(question.flags[1], 0x10);	/* CD: we judge ourselves */
	scope = fixture_scope(dns, 5000, 10);
	assert_true(dns_ready(scope, "host.example.com", DNS_TYPE_A));
	answer = dns_explain(scope, "host.example.com", DNS_TYPE_A, &explanation);
	assert_true(answer->security == DNS_INDETERMINATE || answer->security == DNS_BOGUS);
	assert_int_equal(answer->status, answer->security == DNS_BOGUS ? DNS_STATUS_FAIL : DNS_STATUS_DATA);
	assert_true(answer->why[0] != '\0');
	assert_non_null(explanation);
	assert_int_equal(fake_dns_count(dns->server, NULL, 0), questions);	/* all from the cache */
	print_message("%s: %s\n%s", dns_security_name(answer->security), answer->why, explanation);
}

static void test_dns_validate_cut_short_is_not_kept(void **state)
{
	struct behaviour behaviour = { .reply = { .delay_ms = 900 }, .name = "." };
	struct resolver_fixture *dns = fixture_start_validating(state, &behaviour);
	struct dns_scope *scope = fixture_scope(dns, 220, 10);	/* enough for the answer, not for its keys */

	assert_int_equal(dns_wait(scope, "host.example.com", DNS_TYPE_A)->status, DNS_STATUS_FAIL);
	assert_false(dns_wait(scope, "host.example.com", DNS_TYPE_A)->security == DNS_BOGUS);
	dns_scope_set_deadline(scope, 5000);
	assert_true(strncmp(dns_wait(scope, "host.example.com", DNS_TYPE_A)->why, "deadline", 8) != 0);
}

/* The chain of keys is asked for with the question, not when somebody waits for the verdict. */
static void test_dns_start_validating_asks_for_keys_too(void **state)
{
	struct resolver_fixture *dns = fixture_start_validating(state, NULL);
	struct dns_scope *scope = fixture_scope(dns, 0, 10);

	dns_start(scope, "host.example.com", DNS_TYPE_A);
	assert_int_equal(fake_dns_await(dns->server, ".", DNS_TYPE_DNSKEY, 1), 1);
	assert_int_equal(fake_dns_await(dns->server, "com", DNS_TYPE_DS, 1), 1);
}

static void test_dns_resolver_new_tells_what_is_wrong(void **state)
{
	struct dns_config config = { .dnssec = DNSSEC_OFF, .zone_file = "/nonexistent/zone" };
	char why[256] = "";

	(void)state;
	assert_null(dns_resolver_new(&config, why, sizeof(why)));
	assert_string_equal(why, "/nonexistent/zone: No such file or directory");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RESOLVER_TEST(test_dns_wait_gives_records),
		RESOLVER_TEST(test_dns_wait_tells_kinds_of_absence),
		RESOLVER_TEST(test_dns_wait_of_no_name),
		RESOLVER_TEST(test_dns_wait_names_with_escapes),
		RESOLVER_TEST(test_dns_wait_follows_aliases),
		RESOLVER_TEST(test_dns_wait_asks_on_when_a_chain_is_unfinished),
		RESOLVER_TEST(test_dns_wait_fails_on_chains_without_end),
		RESOLVER_TEST(test_dns_wait_refuses_meta_types),
		RESOLVER_TEST(test_dns_trust_ad_believes_loopback),
		RESOLVER_TEST(test_dns_validate_judges_once_for_all),
		RESOLVER_TEST(test_dns_validate_cut_short_is_not_kept),
		RESOLVER_TEST(test_dns_start_validating_asks_for_keys_too),
		cmocka_unit_test(test_dns_resolver_new_tells_what_is_wrong),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
