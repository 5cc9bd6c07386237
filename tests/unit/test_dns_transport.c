/* SPDX-License-Identifier: BSD-2-Clause */
/* The resolver's way to its servers: loss, silence, lies, refusals, TCP, hostile messages, scarce sockets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "resolver/resolvconf.h"
#include "resolver/resolver.h"
#include "resolver_fixture.h"
#include "text_fixture.h"

static void test_dns_wait_retries_after_loss(void **state)
{
	struct behaviour behaviour = { .reply = { .drop = true }, .first = 1 };
	struct resolver_fixture *dns = fixture_start(state, &behaviour, config_off());
	struct fake_dns_question first, second;
	struct dns_statistics statistics;

	assert_int_equal(fixture_status(dns, "host.example.com", DNS_TYPE_A), DNS_STATUS_DATA);
	assert_int_equal(fake_dns_count(dns->server, NULL, 0), 2);
	assert_true(fake_dns_question(dns->server, 0, &first) && fake_dns_question(dns->server, 1, &second));
	assert_false(first.id == second.id && first.port == second.port);
	dns_resolver_statistics(dns->resolver, &statistics);
	assert_int_equal(statistics.timeouts, 1);
	assert_int_equal(statistics.retries, 1);
	assert_int_equal(statistics.queries_sent, 2);
	for (int i = 0; i < 1000 && statistics.inflight != 0; i++) {	/* the query ends just after its answer is out */
		usleep(1000);
		dns_resolver_statistics(dns->resolver, &statistics);
	}
	assert_int_equal(statistics.inflight, 0);
}

static void test_dns_wait_gives_up_a_silent_server(void **state)
{
	struct behaviour behaviour = { .reply = { .drop = true } };
	struct dns_config config = { .dnssec = DNSSEC_OFF, .timeout_ms = 50, .rounds = 3 };
	struct resolver_fixture *dns = fixture_start(state, &behaviour, config);
	struct dns_scope *scope = fixture_scope(dns, 0, 10);
	int64_t begun_ms = clock_monotonic_ms(), took_ms;
	const struct dns_answer *answer = dns_wait(scope, "host.example.com", DNS_TYPE_A);

	took_ms = clock_monotonic_ms() - begun_ms;
	assert_int_equal(answer->status, DNS_STATUS_FAIL);
	assert_int_equal(answer->security, DNS_INDETERMINATE);
	assert_string_equal(answer->why, "time-out: no answer from 127.0.0.1");
	assert_int_equal(fake_dns_count(dns->server, "host.example.com", 0), 3);
	assert_true(took_ms >= 340);	/* 50 + 100 + 200 */
}

static void test_dns_wait_asks_second_server(void **state)
{
	const struct fake_dns_reply failures[] = { { .drop = true }, { .rcode_set = true, .rcode = 2 },
		{ .rcode_set = true, .rcode = 5 }, { .raw = (const uint8_t *)"xx", .raw_length = 2 } };

	for (size_t i = 0; i < sizeof(failures) / sizeof(failures[0]); i++) {
		struct behaviour behaviour = { .reply = failures[i] };
		struct resolver_fixture *dns = fixture_start_pair(state, &behaviour, config_off());

		assert_int_equal(fixture_status(dns, "host.example.com", DNS_TYPE_A), DNS_STATUS_DATA);
		assert_int_equal(fake_dns_count(dns->server, NULL, 0), 1);
		assert_int_equal(fake_dns_count(dns->second, NULL, 0), 1);
	}
}

static void test_dns_wait_asks_second_server_when_first_is_closed(void **state)
{
	struct dns_config config = { .dnssec = DNSSEC_OFF, .timeout_ms = 3000 };
	struct resolver_fixture *dns = fixture_start_pair(state, NULL, config);
	struct dns_statistics statistics;

	fake_dns_stop(&dns->server);
	assert_int_equal(fixture_status(dns, "host.example.com", DNS_TYPE_A), DNS_STATUS_DATA);
	dns_resolver_statistics(dns->resolver, &statistics);
	assert_int_equal(statistics.timeouts, 0);	/* the port is unreachable: that is known at once */
}

static void test_dns_wait_does_not_repeat_a_refusal(void **state)
{
	struct behaviour behaviour = { .reply = { .rcode_set = true, .rcode = 5 } };
	struct resolver_fixture *dns = fixture_start(state, &behaviour, config_off());

	assert_int_equal(fixture_status(dns, "host.example.com", DNS_TYPE_A), DNS_STATUS_FAIL);
	assert_int_equal(fake_dns_count(dns->server, NULL, 0), 1);
	/* and the failure is remembered for a while */
	assert_int_equal(fixture_status(dns, "host.example.com", DNS_TYPE_A), DNS_STATUS_FAIL);
	assert_int_equal(fake_dns_count(dns->server, NULL, 0), 1);
}

static void test_dns_wait_without_edns_after_formerr(void **state)
{
	struct behaviour behaviour = { .reply = { .rcode_set = true, .rcode = 1, .no_question = true }, .first = 1 };
	struct resolver_fixture *dns = fixture_start(state, &behaviour, config_off());
	struct fake_dns_question question;

	assert_int_equal(fixture_status(dns, "host.example.com", DNS_TYPE_A), DNS_STATUS_DATA);
	assert_int_equal(fake_dns_count(dns->server, NULL, 0), 2);
	assert_true(fake_dns_question(dns->server, 1, &question));
	assert_int_equal(question.edns_bytes, 0);
}

static void test_dns_wait_truncated_goes_to_tcp(void **state)
{
	struct behaviour behaviour = { .reply = { .truncate = true } };
	struct resolver_fixture *dns = fixture_start(state, &behaviour, config_off());
	struct fake_dns_question question;
	struct dns_statistics statistics;

	assert_int_equal(fixture_status(dns, "host.example.com", DNS_TYPE_A), DNS_STATUS_DATA);
	assert_true(fake_dns_question(dns->server, 1, &question));
	assert_true(question.tcp);
	dns_resolver_statistics(dns->resolver, &statistics);
	assert_int_equal(statistics.tcp, 1);
}

static void test_dns_wait_ignores_spoofed_replies(void **state)
{
	struct behaviour behaviour = { .reply = { .wrong_id = true, .wrong_question = true, .wrong_port = true,
		.garbage = true, .delay_ms = 30 } };
	struct resolver_fixture *dns = fixture_start(state, &behaviour, config_off());
	struct dns_statistics statistics;

	assert_int_equal(fixture_status(dns, "host.example.com", DNS_TYPE_A), DNS_STATUS_DATA);
	assert_int_equal(fake_dns_count(dns->server, NULL, 0), 1);	/* they did not end the wait */
	dns_resolver_statistics(dns->resolver, &statistics);
	assert_int_equal(statistics.mismatched, 3);	/* the kernel drops the wrong port's */
}

static void test_dns_wait_fails_on_lies_only(void **state)
{
	struct behaviour behaviour = { .reply = { .wrong_id = true, .wrong_question = true, .only_lies = true } };
	struct dns_config config = { .dnssec = DNSSEC_OFF, .timeout_ms = 50, .rounds = 1 };
	struct resolver_fixture *dns = fixture_start(state, &behaviour, config);

	assert_int_equal(fixture_status(dns, "host.example.com", DNS_TYPE_A), DNS_STATUS_FAIL);
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
	static struct hostile cases[] = {
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

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct resolver_fixture *dns = fixture_start_callback(state, answer_hostile, &cases[i], config_off());
		struct dns_scope *scope = fixture_scope(dns, 5000, 10);
		const struct dns_answer *answer = dns_wait(scope, "h.test", DNS_TYPE_TXT);
		struct dns_statistics statistics;

		assert_int_equal(answer->status, DNS_STATUS_FAIL);
		assert_memory_equal(answer->why, "unusable answer (", 17);
		dns_resolver_statistics(dns->resolver, &statistics);
		assert_int_equal(statistics.malformed, 1);
	}
	assert_true(peak_kilobytes() < before + 64 * 1024);
}

static void test_dns_start_with_few_files_and_few_places(void **state)
{
	struct behaviour behaviour = { .reply = { .delay_ms = 20 } };
	struct dns_config config = { .dnssec = DNSSEC_OFF, .timeout_ms = 2000, .max_inflight = 64 };
	struct resolver_fixture *dns = fixture_start(state, &behaviour, config);
	struct dns_scope *scope = fixture_scope(dns, 0, 1000);
	struct rlimit old, few;
	unsigned data = 0, limited = 0;
	int free_fd = dup(STDERR_FILENO);	/* the lowest one */
	char name[64];

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
		limited += answer->status == DNS_STATUS_FAIL && answer->failure == DNS_FAILURE_PRESSURE;
	}
	setrlimit(RLIMIT_NOFILE, &old);
	assert_true(data >= 64 * 4 / 2);	/* what found a place among half of those that may wait got its answer */
	assert_int_equal(data + limited, 1000);
}

static void test_resolvconf_read_takes_nameserver_lines(void **state)
{
	static const char text[] = "# comment\nsearch example.com\nnameserver 192.0.2.53\n"
		"nameserver\tfe80::1%eth0 \nnameserver junk\noptions edns0\nnameserver 2001:db8::53\n";
	char path[FIXTURE_PATH_BYTES], address[ADDR_TEXT_BYTES];
	struct dns_server servers[3];

	(void)state;
	text_file(path, text);
	assert_int_equal(resolvconf_read(path, servers, 3), 3);
	assert_string_equal(addr_format(&servers[0].addr, address), "192.0.2.53");
	assert_string_equal(addr_format(&servers[1].addr, address), "fe80::1");
	assert_string_equal(addr_format(&servers[2].addr, address), "2001:db8::53");
	assert_int_equal(servers[2].port, 53);
	assert_int_equal(resolvconf_read(path, servers, 1), 1);
	unlink(path);
	assert_int_equal(resolvconf_read(path, servers, 3), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RESOLVER_TEST(test_dns_wait_retries_after_loss),
		RESOLVER_TEST(test_dns_wait_gives_up_a_silent_server),
		RESOLVER_TEST(test_dns_wait_asks_second_server),
		RESOLVER_TEST(test_dns_wait_asks_second_server_when_first_is_closed),
		RESOLVER_TEST(test_dns_wait_does_not_repeat_a_refusal),
		RESOLVER_TEST(test_dns_wait_without_edns_after_formerr),
		RESOLVER_TEST(test_dns_wait_truncated_goes_to_tcp),
		RESOLVER_TEST(test_dns_wait_ignores_spoofed_replies),
		RESOLVER_TEST(test_dns_wait_fails_on_lies_only),
		RESOLVER_TEST(test_dns_wait_survives_hostile_messages),
		RESOLVER_TEST(test_dns_start_with_few_files_and_few_places),
		cmocka_unit_test(test_resolvconf_read_takes_nameserver_lines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
