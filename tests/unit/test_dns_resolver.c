/* SPDX-License-Identifier: BSD-2-Clause */
/* The resolver over the network, against a DNS server on loopback that lies, dawdles and fails (fake_dns.c). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "dns/dns.h"
#include "dns/resolvconf.h"
#include "fake_dns.h"

static const char zone_text[] =
	"$ORIGIN example.com.\n"
	"$TTL 300\n"
	"@ SOA ns hostmaster 1 2 3 4 60\n"
	"@ TXT \"v=spf1 \" \"-all\"\n"
	"@ MX 10 Mail\n"
	"short 1 TXT \"short\"\n"
	"host A 192.0.2.1\n"
	"www CNAME Host\n"
	"*.wild TXT \"wild\"\n"
	"loop CNAME pool\n"
	"pool CNAME loop\n"
	"dn DNAME example.org.\n"
	"x.example.org. A 192.0.2.7\n"
	"nul TXT \"a\\000b\"\n"
	"odd\\032\\.name TXT \"odd\"\n"
	"ptr PTR Odd\\.Label.Example.NET.\n"
	"bad TYPE65280 \\# 0\n";

struct behaviour {
	struct fake_dns_reply reply;	/* for every question, or only for `name` */
	const char *name;
	unsigned first;			/* only for so many questions; 0: all */
	unsigned seen;
};

static void behave(void *context, const char *name, uint16_t type, bool tcp, struct fake_dns_reply *reply)
{
	struct behaviour *behaviour = context;

	(void)type;
	(void)tcp;
	if (behaviour->name != NULL && strcmp(behaviour->name, name) != 0)
		return;
	if (behaviour->first == 0 || behaviour->seen++ < behaviour->first)
		*reply = behaviour->reply;
}

static struct dns_resolver *resolver_with(const struct dns_server *servers, size_t count, struct dns_config config)
{
	struct dns_resolver *resolver;
	char why[256] = "";

	config.servers = servers;
	config.server_count = count;
	if (config.timeout_ms == 0)
		config.timeout_ms = 500;	/* a loaded machine must not look like a lost packet */
	if (config.rounds == 0)
		config.rounds = 2;
	resolver = dns_resolver_new(&config, why, sizeof(why));
	assert_non_null(resolver);
	return resolver;
}

static struct dns_resolver *resolver_for(struct fake_dns *server, struct dns_config config)
{
	struct dns_server address = fake_dns_address(server);

	return resolver_with(&address, 1, config);
}

static struct dns_config config_off(void)
{
	return (struct dns_config){ .dnssec = DNSSEC_OFF };
}

/* One question of a fresh scope; what is asserted must be copied out of it. */
static enum dns_status status_of(struct dns_resolver *resolver, const char *name, uint16_t type)
{
	struct dns_scope *scope = dns_scope_new(resolver, 5000, 10);
	enum dns_status status = dns_wait(scope, name, type)->status;

	dns_scope_free(&scope);
	return status;
}

static void test_dns_wait_gives_records(void **state)
{
	struct fake_dns *server = fake_dns_start(zone_text, NULL, NULL);
	struct dns_resolver *resolver = resolver_for(server, config_off());
	struct dns_scope *scope = dns_scope_new(resolver, 5000, 10);
	struct arena *arena = arena_new();
	const struct dns_answer *answer = dns_wait(scope, "EXAMPLE.com", DNS_TYPE_TXT);
	struct fake_dns_question question;

	(void)state;
	assert_int_equal(answer->status, DNS_STATUS_DATA);
	assert_int_equal(answer->security, DNS_INDETERMINATE);
	assert_int_equal(answer->rcode, 0);
	assert_int_equal(answer->rr_count, 1);
	assert_string_equal(answer->name, "example.com");
	assert_string_equal(answer->canonical_name, "example.com");
	assert_string_equal(dns_rr_text(&answer->rrs[0], arena, NULL), "v=spf1 -all");
	assert_int_equal(answer->ttl_secs, 300);
	assert_false(answer->from_cache);
	answer = dns_wait(scope, "example.com", DNS_TYPE_MX);
	assert_string_equal(dns_rr_name(&answer->rrs[0], arena), "mail.example.com");
	assert_int_equal(dns_rr_preference(&answer->rrs[0]), 10);
	assert_string_equal(dns_rr_to_text(&answer->rrs[0], arena), "example.com.\t300\tIN\tMX\t10 Mail.example.com.");
	/* DNSSEC off: EDNS without DO, RD and nothing else */
	assert_true(fake_dns_question(server, 0, &question));
	assert_int_equal(question.edns_bytes, 1232);
	assert_false(question.dnssec_ok);
	assert_int_equal(question.flags[0], 0x01);
	assert_int_equal(question.flags[1], 0);
	arena_free(&arena);
	dns_scope_free(&scope);
	dns_resolver_free(&resolver);
	fake_dns_stop(&server);
}

static void test_dns_wait_tells_kinds_of_absence(void **state)
{
	struct fake_dns *server = fake_dns_start(zone_text, NULL, NULL);
	struct dns_resolver *resolver = resolver_for(server, config_off());
	struct dns_scope *scope = dns_scope_new(resolver, 5000, 10);
	const struct dns_answer *answer = dns_wait(scope, "host.example.com", DNS_TYPE_AAAA);

	(void)state;
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
	dns_scope_free(&scope);
	dns_resolver_free(&resolver);
	fake_dns_stop(&server);
}

static void test_dns_wait_of_no_name(void **state)
{
	struct fake_dns *server = fake_dns_start(zone_text, NULL, NULL);
	struct dns_resolver *resolver = resolver_for(server, config_off());
	struct dns_scope *scope = dns_scope_new(resolver, 5000, 10);
	char label[65], name[300];
	const char *bad[] = { "", "a..b", ".a", "a\\", "a\\1", "a\\256", label, name };

	(void)state;
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
	assert_int_equal(fake_dns_count(server, NULL, 0), 0);
	name[254] = '\0';	/* 127 labels: 255 octets, allowed */
	assert_int_equal(dns_wait(scope, name, DNS_TYPE_A)->status, DNS_STATUS_NXDOMAIN);
	assert_int_equal(fake_dns_count(server, NULL, 0), 1);
	dns_scope_free(&scope);
	dns_resolver_free(&resolver);
	fake_dns_stop(&server);
}

static void test_dns_wait_names_with_escapes(void **state)
{
	struct fake_dns *server = fake_dns_start(zone_text, NULL, NULL);
	struct dns_resolver *resolver = resolver_for(server, config_off());
	struct dns_scope *scope = dns_scope_new(resolver, 5000, 10);
	struct arena *arena = arena_new();
	const struct dns_answer *answer = dns_wait(scope, "ODD\\ \\.name.example.com", DNS_TYPE_TXT);
	size_t length;

	(void)state;
	assert_int_equal(answer->status, DNS_STATUS_DATA);
	assert_string_equal(answer->name, "odd\\032\\.name.example.com");
	answer = dns_wait(scope, "ptr.example.com", DNS_TYPE_PTR);
	assert_string_equal(dns_rr_name(&answer->rrs[0], arena), "odd\\.label.example.net");
	answer = dns_wait(scope, "nul.example.com", DNS_TYPE_TXT);
	assert_memory_equal(dns_rr_text(&answer->rrs[0], arena, &length), "a\0b", 4);
	assert_int_equal(length, 3);
	arena_free(&arena);
	dns_scope_free(&scope);
	dns_resolver_free(&resolver);
	fake_dns_stop(&server);
}

static void test_dns_wait_retries_after_loss(void **state)
{
	struct behaviour behaviour = { .reply = { .drop = true }, .first = 1 };
	struct fake_dns *server = fake_dns_start(zone_text, behave, &behaviour);
	struct dns_resolver *resolver = resolver_for(server, config_off());
	struct fake_dns_question first, second;
	struct dns_statistics statistics;

	(void)state;
	assert_int_equal(status_of(resolver, "host.example.com", DNS_TYPE_A), DNS_STATUS_DATA);
	assert_int_equal(fake_dns_count(server, NULL, 0), 2);
	assert_true(fake_dns_question(server, 0, &first) && fake_dns_question(server, 1, &second));
	assert_false(first.id == second.id && first.port == second.port);
	dns_resolver_statistics(resolver, &statistics);
	assert_int_equal(statistics.timeouts, 1);
	assert_int_equal(statistics.retries, 1);
	assert_int_equal(statistics.queries_sent, 2);
	for (int i = 0; i < 1000 && statistics.inflight != 0; i++) {	/* the query ends just after its answer is out */
		usleep(1000);
		dns_resolver_statistics(resolver, &statistics);
	}
	assert_int_equal(statistics.inflight, 0);
	dns_resolver_free(&resolver);
	fake_dns_stop(&server);
}

static void test_dns_wait_gives_up_a_silent_server(void **state)
{
	struct behaviour behaviour = { .reply = { .drop = true } };
	struct fake_dns *server = fake_dns_start(zone_text, behave, &behaviour);
	struct dns_config config = { .dnssec = DNSSEC_OFF, .timeout_ms = 50, .rounds = 3 };
	struct dns_resolver *resolver = resolver_for(server, config);
	struct dns_scope *scope = dns_scope_new(resolver, 0, 10);
	int64_t begun_ms = clock_monotonic_ms(), took_ms;
	const struct dns_answer *answer = dns_wait(scope, "host.example.com", DNS_TYPE_A);

	(void)state;
	took_ms = clock_monotonic_ms() - begun_ms;
	assert_int_equal(answer->status, DNS_STATUS_FAIL);
	assert_int_equal(answer->security, DNS_INDETERMINATE);
	assert_string_equal(answer->why, "time-out: no answer from 127.0.0.1");
	assert_int_equal(fake_dns_count(server, NULL, 0), 3);
	assert_true(took_ms >= 340 && took_ms < 2000);	/* 50 + 100 + 200 */
	dns_scope_free(&scope);
	dns_resolver_free(&resolver);
	fake_dns_stop(&server);
}

static void test_dns_wait_asks_second_server(void **state)
{
	const struct fake_dns_reply failures[] = { { .drop = true }, { .rcode_set = true, .rcode = 2 },
		{ .rcode_set = true, .rcode = 5 }, { .raw = (const uint8_t *)"xx", .raw_length = 2 } };

	(void)state;
	for (size_t i = 0; i < sizeof(failures) / sizeof(failures[0]); i++) {
		struct behaviour behaviour = { .reply = failures[i] };
		struct fake_dns *first = fake_dns_start(zone_text, behave, &behaviour);
		struct fake_dns *second = fake_dns_start(zone_text, NULL, NULL);
		struct dns_server servers[] = { fake_dns_address(first), fake_dns_address(second) };
		struct dns_resolver *resolver = resolver_with(servers, 2, config_off());

		assert_int_equal(status_of(resolver, "host.example.com", DNS_TYPE_A), DNS_STATUS_DATA);
		assert_int_equal(fake_dns_count(first, NULL, 0), 1);
		assert_int_equal(fake_dns_count(second, NULL, 0), 1);
		dns_resolver_free(&resolver);
		fake_dns_stop(&first);
		fake_dns_stop(&second);
	}
}

static void test_dns_wait_asks_second_server_when_first_is_closed(void **state)
{
	struct fake_dns *first = fake_dns_start(zone_text, NULL, NULL);
	struct fake_dns *second = fake_dns_start(zone_text, NULL, NULL);
	struct dns_server servers[] = { fake_dns_address(first), fake_dns_address(second) };
	struct dns_config config = { .dnssec = DNSSEC_OFF, .timeout_ms = 3000 };
	struct dns_resolver *resolver = resolver_with(servers, 2, config);
	int64_t begun_ms = clock_monotonic_ms();

	(void)state;
	fake_dns_stop(&first);
	assert_int_equal(status_of(resolver, "host.example.com", DNS_TYPE_A), DNS_STATUS_DATA);
	assert_true(clock_monotonic_ms() - begun_ms < 1000);	/* port unreachable, not the time-out */
	dns_resolver_free(&resolver);
	fake_dns_stop(&second);
}

static void test_dns_wait_does_not_repeat_a_refusal(void **state)
{
	struct behaviour behaviour = { .reply = { .rcode_set = true, .rcode = 5 } };
	struct fake_dns *server = fake_dns_start(zone_text, behave, &behaviour);
	struct dns_resolver *resolver = resolver_for(server, config_off());

	(void)state;
	assert_int_equal(status_of(resolver, "host.example.com", DNS_TYPE_A), DNS_STATUS_FAIL);
	assert_int_equal(fake_dns_count(server, NULL, 0), 1);
	/* and the failure is remembered for a while */
	assert_int_equal(status_of(resolver, "host.example.com", DNS_TYPE_A), DNS_STATUS_FAIL);
	assert_int_equal(fake_dns_count(server, NULL, 0), 1);
	dns_resolver_free(&resolver);
	fake_dns_stop(&server);
}

static void test_dns_wait_without_edns_after_formerr(void **state)
{
	struct behaviour behaviour = { .reply = { .rcode_set = true, .rcode = 1, .no_question = true }, .first = 1 };
	struct fake_dns *server = fake_dns_start(zone_text, behave, &behaviour);
	struct dns_resolver *resolver = resolver_for(server, config_off());
	struct fake_dns_question question;

	(void)state;
	assert_int_equal(status_of(resolver, "host.example.com", DNS_TYPE_A), DNS_STATUS_DATA);
	assert_int_equal(fake_dns_count(server, NULL, 0), 2);
	assert_true(fake_dns_question(server, 1, &question));
	assert_int_equal(question.edns_bytes, 0);
	dns_resolver_free(&resolver);
	fake_dns_stop(&server);
}

static void test_dns_wait_truncated_goes_to_tcp(void **state)
{
	struct behaviour behaviour = { .reply = { .truncate = true } };
	struct fake_dns *server = fake_dns_start(zone_text, behave, &behaviour);
	struct dns_resolver *resolver = resolver_for(server, config_off());
	struct fake_dns_question question;
	struct dns_statistics statistics;

	(void)state;
	assert_int_equal(status_of(resolver, "host.example.com", DNS_TYPE_A), DNS_STATUS_DATA);
	assert_true(fake_dns_question(server, 1, &question));
	assert_true(question.tcp);
	dns_resolver_statistics(resolver, &statistics);
	assert_int_equal(statistics.tcp, 1);
	dns_resolver_free(&resolver);
	fake_dns_stop(&server);
}

static void test_dns_wait_ignores_spoofed_replies(void **state)
{
	struct behaviour behaviour = { .reply = { .wrong_id = true, .wrong_question = true, .wrong_port = true,
		.garbage = true, .delay_ms = 30 } };
	struct fake_dns *server = fake_dns_start(zone_text, behave, &behaviour);
	struct dns_resolver *resolver = resolver_for(server, config_off());
	struct dns_statistics statistics;

	(void)state;
	assert_int_equal(status_of(resolver, "host.example.com", DNS_TYPE_A), DNS_STATUS_DATA);
	assert_int_equal(fake_dns_count(server, NULL, 0), 1);	/* they did not end the wait */
	dns_resolver_statistics(resolver, &statistics);
	assert_int_equal(statistics.mismatched, 3);	/* the kernel drops the wrong port's */
	dns_resolver_free(&resolver);
	fake_dns_stop(&server);
}

static void test_dns_wait_fails_on_lies_only(void **state)
{
	struct behaviour behaviour = { .reply = { .wrong_id = true, .wrong_question = true, .only_lies = true } };
	struct fake_dns *server = fake_dns_start(zone_text, behave, &behaviour);
	struct dns_config config = { .dnssec = DNSSEC_OFF, .timeout_ms = 50, .rounds = 1 };
	struct dns_resolver *resolver = resolver_for(server, config);

	(void)state;
	assert_int_equal(status_of(resolver, "host.example.com", DNS_TYPE_A), DNS_STATUS_FAIL);
	dns_resolver_free(&resolver);
	fake_dns_stop(&server);
}

struct asker {
	struct dns_resolver *resolver;
	enum dns_status status;
	pthread_t thread;
};

static void *ask_host(void *argument)
{
	struct asker *asker = argument;

	asker->status = status_of(asker->resolver, "host.example.com", DNS_TYPE_A);
	return NULL;
}

static void test_dns_wait_same_question_goes_out_once(void **state)
{
	struct behaviour behaviour = { .reply = { .delay_ms = 60 } };
	struct fake_dns *server = fake_dns_start(zone_text, behave, &behaviour);
	struct dns_config config = { .dnssec = DNSSEC_OFF, .timeout_ms = 3000 };
	struct dns_resolver *resolver = resolver_for(server, config);
	struct asker askers[16];

	(void)state;
	for (size_t i = 0; i < 16; i++) {
		askers[i].resolver = resolver;
		assert_int_equal(pthread_create(&askers[i].thread, NULL, ask_host, &askers[i]), 0);
	}
	for (size_t i = 0; i < 16; i++) {
		pthread_join(askers[i].thread, NULL);
		assert_int_equal(askers[i].status, DNS_STATUS_DATA);
	}
	assert_int_equal(fake_dns_count(server, NULL, 0), 1);
	dns_resolver_free(&resolver);
	fake_dns_stop(&server);
}

static void test_dns_cache_keeps_for_the_ttl(void **state)
{
	struct fake_dns *server = fake_dns_start(zone_text, NULL, NULL);
	struct dns_config config = { .dnssec = DNSSEC_OFF, .cache_negative_ttl_secs = 1 };
	struct dns_resolver *resolver = resolver_for(server, config);
	struct dns_scope *scope;

	(void)state;
	for (int i = 0; i < 3; i++) {
		assert_int_equal(status_of(resolver, "short.example.com", DNS_TYPE_TXT), DNS_STATUS_DATA);
		assert_int_equal(status_of(resolver, "none.example.com", DNS_TYPE_TXT), DNS_STATUS_NXDOMAIN);
		assert_int_equal(status_of(resolver, "host.example.com", DNS_TYPE_A), DNS_STATUS_DATA);
	}
	assert_int_equal(fake_dns_count(server, NULL, 0), 3);
	usleep(1100 * 1000);
	assert_int_equal(status_of(resolver, "short.example.com", DNS_TYPE_TXT), DNS_STATUS_DATA);
	assert_int_equal(status_of(resolver, "none.example.com", DNS_TYPE_TXT), DNS_STATUS_NXDOMAIN);
	assert_int_equal(fake_dns_count(server, "short.example.com", 0), 2);
	assert_int_equal(fake_dns_count(server, "none.example.com", 0), 2);
	scope = dns_scope_new(resolver, 0, 1);
	assert_true(dns_ready(scope, "host.example.com", DNS_TYPE_A));
	assert_true(dns_wait(scope, "HOST.example.com", DNS_TYPE_A)->from_cache);
	assert_true(dns_wait(scope, "host.example.com", DNS_TYPE_A)->ttl_secs < 300);
	assert_int_equal(fake_dns_count(server, "host.example.com", 0), 1);
	dns_scope_free(&scope);
	dns_resolver_free(&resolver);
	fake_dns_stop(&server);
}

static void test_dns_cache_is_bounded_in_bytes(void **state)
{
	struct fake_dns *server = fake_dns_start(zone_text, NULL, NULL);
	struct dns_config config = { .dnssec = DNSSEC_OFF, .cache_bytes = 64 * 1024 };
	struct dns_resolver *resolver = resolver_for(server, config);
	struct dns_statistics statistics;
	char name[64];

	(void)state;
	for (int i = 0; i < 500; i++) {
		snprintf(name, sizeof(name), "n%d.wild.example.com", i);
		assert_int_equal(status_of(resolver, name, DNS_TYPE_TXT), DNS_STATUS_DATA);
	}
	dns_resolver_statistics(resolver, &statistics);
	assert_true(statistics.cache_bytes <= 64 * 1024);
	assert_true(statistics.cache_entries >= 20 && statistics.cache_entries < 500);
	/* the newest is still there */
	assert_int_equal(status_of(resolver, "n499.wild.example.com", DNS_TYPE_TXT), DNS_STATUS_DATA);
	assert_int_equal(fake_dns_count(server, "n499.wild.example.com", 0), 1);
	dns_resolver_free(&resolver);
	fake_dns_stop(&server);
}

static void test_dns_scope_keeps_answers_that_were_evicted(void **state)
{
	struct fake_dns *server = fake_dns_start(zone_text, NULL, NULL);
	struct dns_config config = { .dnssec = DNSSEC_OFF, .cache_bytes = 1 };
	struct dns_resolver *resolver = resolver_for(server, config);
	struct dns_scope *scope = dns_scope_new(resolver, 5000, 10);
	const struct dns_answer *answer = dns_wait(scope, "host.example.com", DNS_TYPE_A);
	struct dns_statistics statistics;
	struct ip_addr addr = dns_rr_addr(&answer->rrs[0]);

	(void)state;
	dns_resolver_statistics(resolver, &statistics);
	assert_int_equal(statistics.cache_entries, 0);
	assert_memory_equal(addr.bytes, "\xc0\x00\x02\x01", 4);
	assert_ptr_equal(dns_wait(scope, "host.example.com", DNS_TYPE_A), answer);
	assert_int_equal(fake_dns_count(server, NULL, 0), 1);
	dns_scope_free(&scope);
	dns_resolver_free(&resolver);
	fake_dns_stop(&server);
}

static void test_dns_wait_honours_the_deadline(void **state)
{
	struct behaviour behaviour = { .reply = { .delay_ms = 1000 } };
	struct fake_dns *server = fake_dns_start(zone_text, behave, &behaviour);
	struct dns_config config = { .dnssec = DNSSEC_OFF, .timeout_ms = 3000 };
	struct dns_resolver *resolver = resolver_for(server, config);
	struct dns_scope *scope = dns_scope_new(resolver, 80, 10);
	int64_t begun_ms = clock_monotonic_ms(), took_ms;
	const struct dns_answer *answer = dns_wait(scope, "host.example.com", DNS_TYPE_A);

	(void)state;
	took_ms = clock_monotonic_ms() - begun_ms;
	assert_int_equal(answer->status, DNS_STATUS_FAIL);
	assert_true(strncmp(answer->why, "deadline", 8) == 0);
	assert_true(took_ms >= 75 && took_ms < 900);
	/* the deadline is for all look-ups together */
	begun_ms = clock_monotonic_ms();
	assert_int_equal(dns_wait(scope, "www.example.com", DNS_TYPE_A)->status, DNS_STATUS_FAIL);
	assert_true(clock_monotonic_ms() - begun_ms < 500);
	/* and may be set anew; the look-up went on meanwhile */
	dns_scope_set_deadline(scope, 3000);
	assert_int_equal(dns_wait(scope, "host.example.com", DNS_TYPE_A)->status, DNS_STATUS_DATA);
	assert_int_equal(fake_dns_count(server, "host.example.com", 0), 1);
	dns_scope_free(&scope);
	dns_resolver_free(&resolver);
	fake_dns_stop(&server);
}

static void test_dns_scope_caps_look_ups(void **state)
{
	struct fake_dns *server = fake_dns_start(zone_text, NULL, NULL);
	struct dns_resolver *resolver = resolver_for(server, config_off());
	struct dns_scope *scope = dns_scope_new(resolver, 5000, 2);
	const struct dns_answer *answer;

	(void)state;
	dns_start(scope, "host.example.com", DNS_TYPE_A);
	dns_start(scope, "host.example.com", DNS_TYPE_AAAA);
	dns_start(scope, "example.com", DNS_TYPE_TXT);
	assert_int_equal(dns_wait(scope, "host.example.com", DNS_TYPE_A)->status, DNS_STATUS_DATA);
	answer = dns_wait(scope, "example.com", DNS_TYPE_TXT);
	assert_int_equal(answer->status, DNS_STATUS_FAIL);
	assert_true(strncmp(answer->why, "limit", 5) == 0);
	assert_int_equal(dns_wait(scope, "host.example.com", DNS_TYPE_AAAA)->status, DNS_STATUS_NODATA);
	assert_int_equal(fake_dns_count(server, "example.com", 0), 0);
	dns_scope_free(&scope);
	dns_resolver_free(&resolver);
	fake_dns_stop(&server);
}

static void test_dns_wait_follows_aliases(void **state)
{
	struct fake_dns *server = fake_dns_start(zone_text, NULL, NULL);
	struct dns_resolver *resolver = resolver_for(server, config_off());
	struct dns_scope *scope = dns_scope_new(resolver, 5000, 10);
	const struct dns_answer *answer = dns_wait(scope, "www.example.com", DNS_TYPE_A);

	(void)state;
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
	assert_int_equal(fake_dns_count(server, NULL, 0), 5);
	dns_scope_free(&scope);
	dns_resolver_free(&resolver);
	fake_dns_stop(&server);
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
	struct links links = { .last = 10, .loop_to = -1 };
	struct fake_dns *server = fake_dns_start(NULL, link_by_link, &links);
	struct dns_resolver *resolver = resolver_for(server, config_off());
	struct dns_scope *scope = dns_scope_new(resolver, 5000, 1);
	const struct dns_answer *answer = dns_wait(scope, "c0.test", DNS_TYPE_A);

	(void)state;
	assert_int_equal(answer->status, DNS_STATUS_DATA);
	assert_string_equal(answer->canonical_name, "c10.test");
	assert_string_equal(answer->name, "c0.test");
	assert_int_equal(answer->ttl_secs, 30);		/* the least of the chain */
	assert_int_equal(fake_dns_count(server, NULL, 0), 11);
	dns_scope_free(&scope);
	dns_resolver_free(&resolver);
	fake_dns_stop(&server);
}

static void test_dns_wait_fails_on_chains_without_end(void **state)
{
	struct links longer = { .last = 11, .loop_to = -1 }, loop = { .last = -1, .loop_to = 3 };
	struct links *cases[] = { &longer, &loop };
	const char *whys[] = { "more than 10 CNAME links", "CNAME loop" };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct fake_dns *server = fake_dns_start(NULL, link_by_link, cases[i]);
		struct dns_resolver *resolver = resolver_for(server, config_off());
		struct dns_scope *scope = dns_scope_new(resolver, 5000, 1);
		const struct dns_answer *answer = dns_wait(scope, "c0.test", DNS_TYPE_A);

		assert_int_equal(answer->status, DNS_STATUS_FAIL);
		assert_string_equal(answer->why, whys[i]);
		usleep(50 * 1000);	/* nobody goes on asking */
		assert_true(fake_dns_count(server, NULL, 0) <= 12);
		dns_scope_free(&scope);
		dns_resolver_free(&resolver);
		fake_dns_stop(&server);
	}
}

/* Sends a message made of `record` (type, class, TTL, rdlength, rdata) and `padding` zero octets as the answer. */
struct hostile {
	const char *record;
	size_t record_length, padding;
	unsigned copies, section;
	uint8_t wire[65536];
};

static void answer_hostile(void *context, const char *name, uint16_t type, bool tcp, struct fake_dns_reply *reply)
{
	struct hostile *hostile = context;
	uint8_t *at = hostile->wire;

	(void)name;
	(void)tcp;
	memset(hostile->wire, 0, sizeof(hostile->wire));
	memcpy(at, "\0\0\x81\x80\0\1\0\0\0\0\0\0\1h\4test\0\0", 21);
	hostile->wire[5 + 2 * hostile->section] = (uint8_t)hostile->copies;
	at[21] = (uint8_t)type;
	at[23] = 1;
	at += 24;
	for (unsigned i = 0; i < hostile->copies; i++) {
		memcpy(at, "\xc0\x0c", 2);
		memcpy(at + 2, hostile->record, hostile->record_length);
		at += 2 + hostile->record_length + hostile->padding;
	}
	reply->raw = hostile->wire;
	reply->raw_length = (size_t)(at - hostile->wire);
}

static size_t peak_kilobytes(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return (size_t)usage.ru_maxrss;
}

static void test_dns_wait_survives_hostile_messages(void **state)
{
	struct hostile cases[] = {
		/* P1: 65,000 and 4,000 empty strings in a TXT */
		{ .record = "\0\x10\0\1\0\0\0\0\xfd\xe8", .record_length = 10, .padding = 65000, .copies = 1, .section = 1 },
		{ .record = "\0\x10\0\1\0\0\0\0\x0f\xa0", .record_length = 10, .padding = 4000, .copies = 1, .section = 1 },
		/* P2: an A with rdlength 8 */
		{ .record = "\0\1\0\1\0\0\0\0\0\x8\1\2\3\4\5\6\7\x8", .record_length = 18, .copies = 1, .section = 1 },
		/* P3: rdata that points at itself */
		{ .record = "\0\5\0\1\0\0\0\0\0\2\xc0\x24", .record_length = 12, .copies = 1, .section = 1 },
		/* P4: two TSIG */
		{ .record = "\0\xfa\0\xff\0\0\0\0\0\x11\0\0\0\0\0\0\1\x2c\0\0\0\0\0\0\0\0\0", .record_length = 27,
			.copies = 2, .section = 3 },
		/* NSEC3 with an empty hash: an assertion of ldns */
		{ .record = "\0\x32\0\1\0\0\0\0\0\6\1\0\0\0\0\0", .record_length = 16, .copies = 1, .section = 2 },
	};
	size_t before = peak_kilobytes();

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct fake_dns *server = fake_dns_start(NULL, answer_hostile, &cases[i]);
		struct dns_resolver *resolver = resolver_for(server, config_off());
		struct dns_scope *scope = dns_scope_new(resolver, 5000, 10);
		const struct dns_answer *answer = dns_wait(scope, "h.test", DNS_TYPE_TXT);
		struct dns_statistics statistics;

		assert_int_equal(answer->status, DNS_STATUS_FAIL);
		assert_memory_equal(answer->why, "unusable answer (", 17);
		dns_resolver_statistics(resolver, &statistics);
		assert_int_equal(statistics.malformed, 1);
		dns_scope_free(&scope);
		dns_resolver_free(&resolver);
		fake_dns_stop(&server);
	}
	assert_true(peak_kilobytes() < before + 64 * 1024);
}

static void test_dns_wait_refuses_meta_types(void **state)
{
	struct fake_dns *server = fake_dns_start(zone_text, NULL, NULL);
	struct dns_resolver *resolver = resolver_for(server, config_off());

	(void)state;
	assert_int_equal(status_of(resolver, "example.com", 255), DNS_STATUS_FAIL);
	assert_int_equal(status_of(resolver, "example.com", 252), DNS_STATUS_FAIL);
	assert_int_equal(status_of(resolver, "example.com", 0), DNS_STATUS_FAIL);
	assert_int_equal(fake_dns_count(server, NULL, 0), 0);
	dns_resolver_free(&resolver);
	fake_dns_stop(&server);
}

static void test_resolvconf_read_takes_nameserver_lines(void **state)
{
	static const char text[] = "# comment\nsearch example.com\nnameserver 192.0.2.53\n"
		"nameserver\tfe80::1%eth0 \nnameserver junk\noptions edns0\nnameserver 2001:db8::53\n";
	char path[] = "/tmp/assay-resolv-XXXXXX", address[ADDR_TEXT_BYTES];
	struct dns_server servers[3];
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, sizeof(text) - 1), sizeof(text) - 1);
	close(fd);
	assert_int_equal(resolvconf_read(path, servers, 3), 3);
	assert_string_equal(addr_format(&servers[0].addr, address), "192.0.2.53");
	assert_string_equal(addr_format(&servers[1].addr, address), "fe80::1");
	assert_string_equal(addr_format(&servers[2].addr, address), "2001:db8::53");
	assert_int_equal(servers[2].port, 53);
	assert_int_equal(resolvconf_read(path, servers, 1), 1);
	unlink(path);
	assert_int_equal(resolvconf_read(path, servers, 3), 0);
}

static void test_dns_trust_ad_believes_loopback(void **state)
{
	struct behaviour behaviour = { .reply = { .ad = true }, .name = "host.example.com" };
	struct fake_dns *server = fake_dns_start(zone_text, behave, &behaviour);
	struct dns_config config = { .dnssec = DNSSEC_TRUST_AD };
	struct dns_resolver *resolver = resolver_for(server, config);
	struct dns_scope *scope = dns_scope_new(resolver, 5000, 10);
	struct fake_dns_question question;

	(void)state;
	assert_int_equal(dns_wait(scope, "host.example.com", DNS_TYPE_A)->security, DNS_SECURE);
	assert_int_equal(dns_wait(scope, "example.com", DNS_TYPE_TXT)->security, DNS_INSECURE);
	assert_int_equal(dns_wait(scope, "bad.example.com", DNS_TYPE_TXT)->security, DNS_INDETERMINATE);
	assert_true(fake_dns_question(server, 0, &question));
	assert_true(question.dnssec_ok);
	assert_int_equal(question.flags[1], 0x20);	/* AD asked for, CD not */
	dns_scope_free(&scope);
	dns_resolver_free(&resolver);
	fake_dns_stop(&server);
}

/* A file with the root's trust anchor, which the fake server can sign nothing for. */
static void anchor_write(char *path)
{
	static const char text[] =
	    ". IN DS 20326 8 2 E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D\n";
	int fd;

	strcpy(path, "/tmp/assay-anchor-XXXXXX");
	fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
}

/* An unsigned server cannot prove a thing: never secure, never insecure; and one judgement serves all who wait. */
static void test_dns_validate_judges_once_for_all(void **state)
{
	struct behaviour behaviour = { .reply = { .delay_ms = 30, .ad = true } };
	struct fake_dns *server = fake_dns_start(zone_text, behave, &behaviour);
	char path[64];
	const char *anchors[] = { path, NULL }, *explanation = NULL;
	struct dns_config config = { .dnssec = DNSSEC_VALIDATE, .timeout_ms = 3000, .trust_anchor_files = anchors };
	struct fake_dns_question question;
	struct dns_resolver *resolver;
	const struct dns_answer *answer;
	struct dns_scope *scope;
	struct asker askers[8];
	unsigned questions;

	(void)state;
	anchor_write(path);
	resolver = resolver_for(server, config);
	unlink(path);
	for (size_t i = 0; i < 8; i++) {
		askers[i].resolver = resolver;
		assert_int_equal(pthread_create(&askers[i].thread, NULL, ask_host, &askers[i]), 0);
	}
	for (size_t i = 0; i < 8; i++)
		pthread_join(askers[i].thread, NULL);
	questions = fake_dns_count(server, NULL, 0);
	assert_int_equal(fake_dns_count(server, "host.example.com", DNS_TYPE_A), 1);
	assert_int_equal(fake_dns_count(server, ".", DNS_TYPE_DNSKEY), 1);
	assert_true(fake_dns_question(server, 0, &question));
	assert_true(question.dnssec_ok);
	assert_int_equal(question.flags[1], 0x10);	/* CD: we judge ourselves */
	scope = dns_scope_new(resolver, 5000, 10);
	assert_true(dns_ready(scope, "host.example.com", DNS_TYPE_A));
	answer = dns_explain(scope, "host.example.com", DNS_TYPE_A, &explanation);
	assert_true(answer->security == DNS_INDETERMINATE || answer->security == DNS_BOGUS);
	assert_int_equal(answer->status, answer->security == DNS_BOGUS ? DNS_STATUS_FAIL : DNS_STATUS_DATA);
	assert_true(answer->why[0] != '\0');
	assert_non_null(explanation);
	assert_int_equal(fake_dns_count(server, NULL, 0), questions);	/* all from the cache */
	print_message("%s: %s\n%s", dns_security_name(answer->security), answer->why, explanation);
	dns_scope_free(&scope);
	dns_resolver_free(&resolver);
	fake_dns_stop(&server);
}

static void test_dns_validate_cut_short_is_not_kept(void **state)
{
	struct behaviour behaviour = { .reply = { .delay_ms = 900 }, .name = "." };
	struct fake_dns *server = fake_dns_start(zone_text, behave, &behaviour);
	char path[64];
	const char *anchors[] = { path, NULL };
	struct dns_config config = { .dnssec = DNSSEC_VALIDATE, .timeout_ms = 3000, .trust_anchor_files = anchors };
	struct dns_resolver *resolver;
	struct dns_scope *scope;

	(void)state;
	anchor_write(path);
	resolver = resolver_for(server, config);
	unlink(path);
	scope = dns_scope_new(resolver, 220, 10);	/* enough for the answer, not for its keys */
	assert_int_equal(dns_wait(scope, "host.example.com", DNS_TYPE_A)->status, DNS_STATUS_FAIL);
	assert_false(dns_wait(scope, "host.example.com", DNS_TYPE_A)->security == DNS_BOGUS);
	dns_scope_set_deadline(scope, 5000);
	assert_true(strncmp(dns_wait(scope, "host.example.com", DNS_TYPE_A)->why, "deadline", 8) != 0);
	dns_scope_free(&scope);
	dns_resolver_free(&resolver);
	fake_dns_stop(&server);
}

/* The chain of keys is asked for with the question, not when somebody waits for the verdict. */
static void test_dns_start_validating_asks_for_keys_too(void **state)
{
	struct fake_dns *server = fake_dns_start(zone_text, NULL, NULL);
	char path[64];
	const char *anchors[] = { path, NULL };
	struct dns_config config = { .dnssec = DNSSEC_VALIDATE, .timeout_ms = 3000, .trust_anchor_files = anchors };
	struct dns_resolver *resolver;
	struct dns_scope *scope;

	(void)state;
	anchor_write(path);
	resolver = resolver_for(server, config);
	unlink(path);
	scope = dns_scope_new(resolver, 0, 10);
	dns_start(scope, "host.example.com", DNS_TYPE_A);
	for (int i = 0; i < 300 && fake_dns_count(server, "com", DNS_TYPE_DS) == 0; i++)
		usleep(10000);
	assert_int_equal(fake_dns_count(server, ".", DNS_TYPE_DNSKEY), 1);
	assert_int_equal(fake_dns_count(server, "com", DNS_TYPE_DS), 1);
	dns_scope_free(&scope);
	dns_resolver_free(&resolver);
	fake_dns_stop(&server);
}

static void test_dns_start_thousand_slow_names_at_once(void **state)
{
	struct behaviour behaviour = { .reply = { .delay_ms = 300 } };
	struct fake_dns *server = fake_dns_start(zone_text, behave, &behaviour);
	struct dns_config config = { .dnssec = DNSSEC_OFF, .timeout_ms = 5000 };
	struct dns_resolver *resolver = resolver_for(server, config);
	struct dns_scope *scope = dns_scope_new(resolver, 0, 1000);
	int64_t begun_ms = clock_monotonic_ms();
	char name[64];

	(void)state;
	for (int i = 0; i < 1000; i++) {
		snprintf(name, sizeof(name), "s%d.wild.example.com", i);
		dns_start(scope, name, DNS_TYPE_TXT);
	}
	for (int i = 0; i < 1000; i++) {
		snprintf(name, sizeof(name), "s%d.wild.example.com", i);
		assert_int_equal(dns_wait(scope, name, DNS_TYPE_TXT)->status, DNS_STATUS_DATA);
	}
	assert_true(clock_monotonic_ms() - begun_ms < 8000);	/* one after the other: 300 s */
	dns_scope_free(&scope);
	dns_resolver_free(&resolver);
	fake_dns_stop(&server);
}

static void test_dns_start_with_few_files_and_few_places(void **state)
{
	struct behaviour behaviour = { .reply = { .delay_ms = 20 } };
	struct fake_dns *server = fake_dns_start(zone_text, behave, &behaviour);
	struct dns_config config = { .dnssec = DNSSEC_OFF, .timeout_ms = 2000, .max_inflight = 64 };
	struct dns_resolver *resolver = resolver_for(server, config);
	struct dns_scope *scope = dns_scope_new(resolver, 0, 1000);
	struct rlimit old, few;
	unsigned data = 0, limited = 0;
	int free_fd = dup(STDERR_FILENO);	/* the lowest one */
	char name[64];

	(void)state;
	close(free_fd);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
	few = old;
	few.rlim_cur = (rlim_t)free_fd + 24;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
	for (int i = 0; i < 1000; i++) {
		snprintf(name, sizeof(name), "f%d.wild.example.com", i);
		dns_start(scope, name, DNS_TYPE_TXT);
	}
	for (int i = 0; i < 1000; i++) {
		const struct dns_answer *answer;

		snprintf(name, sizeof(name), "f%d.wild.example.com", i);
		answer = dns_wait(scope, name, DNS_TYPE_TXT);
		data += answer->status == DNS_STATUS_DATA;
		limited += answer->status == DNS_STATUS_FAIL && strcmp(answer->why, "too many look-ups under way") == 0;
	}
	setrlimit(RLIMIT_NOFILE, &old);
	assert_true(data >= 64 * 4);	/* what found a place got its answer */
	assert_int_equal(data + limited, 1000);
	dns_scope_free(&scope);
	dns_resolver_free(&resolver);
	fake_dns_stop(&server);
}

static void start_mx_host(struct dns_scope *scope, const struct dns_answer *answer, void *arg)
{
	unsigned *called = arg;

	(*called)++;
	if (answer->status == DNS_STATUS_DATA)
		dns_start(scope, "host.example.com", DNS_TYPE_A);
}

static void start_txt_then_mx(struct dns_scope *scope, const struct dns_answer *answer, void *arg)
{
	assert_int_equal(answer->type, DNS_TYPE_TXT);
	dns_start_then(scope, "example.com", DNS_TYPE_MX, start_mx_host, arg);
}

static void test_dns_start_then_walks_ahead(void **state)
{
	struct behaviour behaviour = { .reply = { .delay_ms = 20 } };
	struct fake_dns *server = fake_dns_start(zone_text, behave, &behaviour);
	struct dns_resolver *resolver = resolver_for(server, config_off());
	struct dns_scope *scope = dns_scope_new(resolver, 5000, 10);
	struct fake_dns_question questions[3];
	unsigned called = 0;

	(void)state;
	dns_start_then(scope, "example.com", DNS_TYPE_TXT, start_txt_then_mx, &called);
	for (int i = 0; i < 300 && fake_dns_count(server, NULL, 0) < 3; i++)
		usleep(10 * 1000);
	usleep(200 * 1000);
	for (size_t i = 0; i < 3; i++)
		assert_true(fake_dns_question(server, i, &questions[i]));
	assert_int_equal(questions[0].type, DNS_TYPE_TXT);
	assert_int_equal(questions[1].type, DNS_TYPE_MX);
	assert_int_equal(questions[2].type, DNS_TYPE_A);
	assert_true(dns_ready(scope, "host.example.com", DNS_TYPE_A));
	dns_scope_free(&scope);
	assert_int_equal(called, 1);
	/* from the cache: called before it returns */
	scope = dns_scope_new(resolver, 5000, 10);
	dns_start_then(scope, "example.com", DNS_TYPE_TXT, start_txt_then_mx, &called);
	assert_int_equal(called, 2);
	assert_true(dns_ready(scope, "host.example.com", DNS_TYPE_A));
	dns_scope_free(&scope);
	dns_resolver_free(&resolver);
	fake_dns_stop(&server);
}

static void test_dns_start_then_over_the_limit_and_no_name(void **state)
{
	struct fake_dns *server = fake_dns_start(zone_text, NULL, NULL);
	struct dns_resolver *resolver = resolver_for(server, config_off());
	struct dns_scope *scope = dns_scope_new(resolver, 5000, 0);
	unsigned called = 0;

	(void)state;
	dns_start_then(scope, "example.com", DNS_TYPE_MX, start_mx_host, &called);
	dns_start_then(scope, "a..b", DNS_TYPE_MX, start_mx_host, &called);
	assert_int_equal(called, 2);
	dns_scope_free(&scope);
	dns_resolver_free(&resolver);
	fake_dns_stop(&server);
}

static void test_dns_scope_free_while_in_flight(void **state)
{
	struct behaviour behaviour = { .reply = { .delay_ms = 40 } };
	struct fake_dns *server = fake_dns_start(zone_text, behave, &behaviour);
	struct dns_resolver *resolver = resolver_for(server, config_off());

	(void)state;
	for (int i = 0; i < 60; i++) {
		struct dns_scope *scope = dns_scope_new(resolver, 5000, 10);
		unsigned *called = calloc(1, sizeof(*called));
		char name[64];

		snprintf(name, sizeof(name), "r%d.wild.example.com", i);
		dns_start_then(scope, name, DNS_TYPE_TXT, start_mx_host, called);
		dns_start(scope, "www.example.com", DNS_TYPE_A);
		usleep((unsigned)i * 1000);	/* before, while and after the answer comes */
		dns_scope_free(&scope);
		free(called);			/* nobody may touch it now */
	}
	usleep(60 * 1000);
	/* the look-ups went on and filled the cache */
	assert_int_equal(status_of(resolver, "r0.wild.example.com", DNS_TYPE_TXT), DNS_STATUS_DATA);
	assert_int_equal(fake_dns_count(server, "r0.wild.example.com", 0), 1);
	dns_resolver_free(&resolver);
	fake_dns_stop(&server);
}

static void test_dns_resolver_free_while_in_flight(void **state)
{
	struct behaviour behaviour = { .reply = { .drop = true } };
	struct fake_dns *server = fake_dns_start(zone_text, behave, &behaviour);
	struct dns_config config = { .dnssec = DNSSEC_OFF, .timeout_ms = 60000, .max_inflight = 4 };
	struct dns_resolver *resolver = resolver_for(server, config);
	struct dns_scope *scope = dns_scope_new(resolver, 5000, 20);
	int64_t begun_ms;
	unsigned called = 0;
	char name[64];

	(void)state;
	for (int i = 0; i < 12; i++) {
		snprintf(name, sizeof(name), "q%d.example.com", i);
		dns_start_then(scope, name, DNS_TYPE_TXT, start_mx_host, &called);
	}
	dns_scope_free(&scope);
	begun_ms = clock_monotonic_ms();
	dns_resolver_free(&resolver);
	assert_null(resolver);
	assert_true(clock_monotonic_ms() - begun_ms < 2000);
	assert_int_equal(called, 0);
	fake_dns_stop(&server);
}

static void test_dns_resolver_new_tells_what_is_wrong(void **state)
{
	struct dns_config config = { .dnssec = DNSSEC_OFF, .zone_file = "/nonexistent/zone" };
	char why[256] = "";

	(void)state;
	assert_null(dns_resolver_new(&config, why, sizeof(why)));
	assert_string_equal(why, "/nonexistent/zone: No such file or directory");
}

/* Many sessions at once over few names, a cache too small for them, prefetch, early ends: for the sanitizers. */
static void *session(void *argument)
{
	struct asker *asker = argument;
	unsigned seed = (unsigned)(uintptr_t)&asker->thread;

	asker->status = DNS_STATUS_DATA;
	for (int i = 0; i < 60; i++) {
		struct dns_scope *scope = dns_scope_new(asker->resolver, 5000, 30);
		unsigned called[8] = { 0 };
		char name[40];

		for (int j = 0; j < 8; j++) {
			snprintf(name, sizeof(name), "m%d.wild.example.com", rand_r(&seed) % 100);
			dns_start_then(scope, name, DNS_TYPE_TXT, start_mx_host, &called[j]);
		}
		for (int j = 0; j < rand_r(&seed) % 8; j++) {
			snprintf(name, sizeof(name), "m%d.wild.example.com", rand_r(&seed) % 100);
			if (dns_wait(scope, name, DNS_TYPE_TXT)->status != DNS_STATUS_DATA ||
			    dns_wait(scope, "www.example.com", DNS_TYPE_A)->rr_count != 1)
				asker->status = DNS_STATUS_FAIL;
			dns_ready(scope, name, DNS_TYPE_A);
		}
		dns_scope_free(&scope);
	}
	return NULL;
}

static void test_dns_scopes_of_many_threads(void **state)
{
	struct fake_dns *server = fake_dns_start(zone_text, NULL, NULL);
	struct dns_config config = { .dnssec = DNSSEC_OFF, .cache_bytes = 32 * 1024, .timeout_ms = 2000 };
	struct dns_resolver *resolver = resolver_for(server, config);
	struct asker askers[8];

	(void)state;
	for (size_t i = 0; i < 8; i++) {
		askers[i].resolver = resolver;
		assert_int_equal(pthread_create(&askers[i].thread, NULL, session, &askers[i]), 0);
	}
	for (size_t i = 0; i < 8; i++)
		pthread_join(askers[i].thread, NULL);
	for (size_t i = 0; i < 8; i++)
		assert_int_equal(askers[i].status, DNS_STATUS_DATA);
	dns_resolver_free(&resolver);
	fake_dns_stop(&server);
}

static void test_dns_wait_from_cache_is_fast(void **state)
{
	struct fake_dns *server = fake_dns_start(zone_text, NULL, NULL);
	struct dns_resolver *resolver = resolver_for(server, config_off());
	struct timespec begun, ended;
	double ns;
	enum { SCOPES = 200, NAMES = 50 };
	char names[NAMES][40];

	(void)state;
	for (int i = 0; i < NAMES; i++) {
		snprintf(names[i], sizeof(names[i]), "c%d.wild.example.com", i);
		assert_int_equal(status_of(resolver, names[i], DNS_TYPE_TXT), DNS_STATUS_DATA);
	}
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &begun);
	for (int i = 0; i < SCOPES; i++) {
		struct dns_scope *scope = dns_scope_new(resolver, 5000, NAMES);

		for (int j = 0; j < NAMES; j++)
			assert_true(dns_wait(scope, names[j], DNS_TYPE_TXT)->from_cache);
		dns_scope_free(&scope);
	}
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ended);
	ns = ((double)(ended.tv_sec - begun.tv_sec) * 1e9 + (double)(ended.tv_nsec - begun.tv_nsec)) / (SCOPES * NAMES);
	print_message("cached dns_wait: %.0f ns of CPU\n", ns);
	assert_true(ns < 100000);	/* sanitizers and slow machines; without them about 1000 */
	dns_resolver_free(&resolver);
	fake_dns_stop(&server);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_dns_wait_gives_records),
		cmocka_unit_test(test_dns_wait_tells_kinds_of_absence),
		cmocka_unit_test(test_dns_wait_of_no_name),
		cmocka_unit_test(test_dns_wait_names_with_escapes),
		cmocka_unit_test(test_dns_wait_retries_after_loss),
		cmocka_unit_test(test_dns_wait_gives_up_a_silent_server),
		cmocka_unit_test(test_dns_wait_asks_second_server),
		cmocka_unit_test(test_dns_wait_asks_second_server_when_first_is_closed),
		cmocka_unit_test(test_dns_wait_does_not_repeat_a_refusal),
		cmocka_unit_test(test_dns_wait_without_edns_after_formerr),
		cmocka_unit_test(test_dns_wait_truncated_goes_to_tcp),
		cmocka_unit_test(test_dns_wait_ignores_spoofed_replies),
		cmocka_unit_test(test_dns_wait_fails_on_lies_only),
		cmocka_unit_test(test_dns_wait_same_question_goes_out_once),
		cmocka_unit_test(test_dns_cache_keeps_for_the_ttl),
		cmocka_unit_test(test_dns_cache_is_bounded_in_bytes),
		cmocka_unit_test(test_dns_scope_keeps_answers_that_were_evicted),
		cmocka_unit_test(test_dns_wait_honours_the_deadline),
		cmocka_unit_test(test_dns_scope_caps_look_ups),
		cmocka_unit_test(test_dns_wait_follows_aliases),
		cmocka_unit_test(test_dns_wait_asks_on_when_a_chain_is_unfinished),
		cmocka_unit_test(test_dns_wait_fails_on_chains_without_end),
		cmocka_unit_test(test_dns_wait_survives_hostile_messages),
		cmocka_unit_test(test_dns_wait_refuses_meta_types),
		cmocka_unit_test(test_resolvconf_read_takes_nameserver_lines),
		cmocka_unit_test(test_dns_trust_ad_believes_loopback),
		cmocka_unit_test(test_dns_validate_judges_once_for_all),
		cmocka_unit_test(test_dns_validate_cut_short_is_not_kept),
		cmocka_unit_test(test_dns_start_validating_asks_for_keys_too),
		cmocka_unit_test(test_dns_start_thousand_slow_names_at_once),
		cmocka_unit_test(test_dns_start_with_few_files_and_few_places),
		cmocka_unit_test(test_dns_start_then_walks_ahead),
		cmocka_unit_test(test_dns_start_then_over_the_limit_and_no_name),
		cmocka_unit_test(test_dns_scope_free_while_in_flight),
		cmocka_unit_test(test_dns_resolver_free_while_in_flight),
		cmocka_unit_test(test_dns_resolver_new_tells_what_is_wrong),
		cmocka_unit_test(test_dns_scopes_of_many_threads),
		cmocka_unit_test(test_dns_wait_from_cache_is_fast),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
