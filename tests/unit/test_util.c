/* SPDX-License-Identifier: BSD-2-Clause */
/* util: arenas, buffers, addresses and networks, the clock, the cleaning of log lines. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "util/addr.h"
#include "util/arena.h"
#include "util/buf.h"
#include "util/clock.h"
#include "util/distance.h"
#include "util/error.h"
#include "util/out_of_memory.h"
#include "util/log.h"
#include "util/log_field.h"

static void test_arena_alloc_keeps_blocks_apart(void **state)
{
	struct arena *arena = arena_new();
	char *blocks[200];

	(void)state;
	for (int i = 0; i < 200; i++) {
		blocks[i] = arena_alloc(arena, 1 + (size_t)i * 37);
		assert_int_equal((uintptr_t)blocks[i] % sizeof(long double), 0);
		memset(blocks[i], i, 1 + (size_t)i * 37);
	}
	for (int i = 0; i < 200; i++)
		for (int j = 0; j < 1 + i * 37; j++)
			assert_int_equal((unsigned char)blocks[i][j], i);
	arena_free(&arena);
	assert_null(arena);
	arena_free(&arena);
}

static void test_arena_alloc_larger_than_block(void **state)
{
	struct arena *arena = arena_new();
	char *big = arena_alloc(arena, 1000000), *small = arena_strdup(arena, "after");

	(void)state;
	memset(big, 'x', 1000000);
	assert_string_equal(small, "after");
	assert_true(arena_used_bytes(arena) >= 1000006);
	arena_reset(arena);
	assert_int_equal(arena_used_bytes(arena), 0);
	assert_string_equal(arena_printf(arena, "%d-%s", 7, "x"), "7-x");
	arena_free(&arena);
}

/* Rounds of all sizes: less than the first block, several blocks, one that is larger than a block, in every order. */
static void test_arena_reset_begins_anew(void **state)
{
	static const size_t sizes[] = { 1, 300, 900, 5000, 16000, 40000 };
	const size_t kinds = sizeof(sizes) / sizeof(sizes[0]);
	struct arena *arena = arena_new();

	(void)state;
	for (size_t round = 0; round < kinds * kinds * kinds; round++) {
		const size_t order[] = { sizes[round % kinds], sizes[round / kinds % kinds], sizes[round / kinds / kinds] };
		unsigned char *blocks[3];

		assert_int_equal(arena_used_bytes(arena), 0);
		for (size_t i = 0; i < 3; i++) {
			blocks[i] = arena_alloc(arena, order[i]);
			assert_int_equal((uintptr_t)blocks[i] % sizeof(long double), 0);
			memset(blocks[i], (int)i + 1, order[i]);
		}
		for (size_t i = 0; i < 3; i++)
			for (size_t at = 0; at < order[i]; at++)
				assert_int_equal(blocks[i][at], i + 1);
		arena_reset(arena);
	}
	arena_free(&arena);
}

static void test_arena_strndup_ends_with_nul(void **state)
{
	struct arena *arena = arena_new();

	(void)state;
	assert_string_equal(arena_strndup(arena, "abcdef", 3), "abc");
	assert_null(arena_strdup(arena, NULL));
	arena_free(&arena);
}

/* Text of every length up to more than a block, so that it ends at each place of one, and what stands before it stays. */
static void test_arena_grow_keeps_what_is_there(void **state)
{
	struct arena *arena = arena_new();
	size_t count = 0, room = 0;
	int *items = NULL, *before;

	(void)state;
	for (; count < 1000; count++) {
		items = arena_grow(arena, items, count, &room, sizeof(*items));
		assert_true(room > count);
		items[count] = (int)count;
	}
	before = items;
	assert_ptr_equal(arena_grow(arena, items, count, &room, sizeof(*items)), before);	/* 1,024 */
	for (size_t i = 0; i < count; i++)
		assert_int_equal(items[i], (int)i);
	arena_free(&arena);
}

static void test_arena_printf_fits_or_does_not(void **state)
{
	char *text = calloc(1, 20001);

	(void)state;
	for (int length = 0; length <= 20000; length += length < 15000 || length > 17000 ? 331 : 1) {
		struct arena *arena = arena_new();
		char *before = arena_strdup(arena, "before"), *made, *after;

		memset(text, 'x', (size_t)length);
		text[length] = '\0';
		made = arena_printf(arena, "%s%c", text, '.');
		after = arena_concat(arena, "a", "", "fter");
		assert_string_equal(before, "before");
		assert_string_equal(after, "after");
		assert_int_equal(strlen(made), length + 1);
		assert_memory_equal(made, text, (size_t)length);
		assert_string_equal(made + length, ".");
		arena_free(&arena);
	}
	free(text);
}

static void test_buf_grows_and_stays_terminated(void **state)
{
	struct arena *arena = arena_new();
	struct buf buf = buf_make(arena);

	(void)state;
	assert_string_equal(buf.data, "");
	for (int i = 0; i < 5000; i++) {
		buf_printf(&buf, "%d,", i);
		assert_int_equal(strlen(buf.data), buf.length);
	}
	assert_memory_equal(buf.data, "0,1,2,3,4,5,6,7,8,9,10,", 23);
	assert_string_equal(buf.data + buf.length - 10, "4998,4999,");
	buf_putc(&buf, '\0');
	assert_int_equal(buf.data[buf.length - 1], 0);
	arena_free(&arena);
}

static void test_addr_parse_unmaps_ipv4(void **state)
{
	struct ip_addr addr, v4;
	char text[ADDR_TEXT_BYTES];

	(void)state;
	assert_int_equal(addr_parse("::ffff:192.0.2.7", &addr), 0);
	assert_int_equal(addr_parse("192.0.2.7", &v4), 0);
	assert_true(addr_equal(&addr, &v4));
	assert_string_equal(addr_format(&addr, text), "192.0.2.7");
	assert_int_equal(addr_parse("IPv6:2001:DB8::1", &addr), 0);
	assert_string_equal(addr_format(&addr, text), "2001:db8::1");
}

static void test_addr_parse_refuses_garbage(void **state)
{
	static const char *const bad[] = { "", "1.2.3", "1.2.3.4.5", "256.1.1.1", "::g", "1.2.3.4/24", " 1.2.3.4", "01.2.3.4", "[1.2.3.4]" };
	struct ip_addr addr;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(addr_parse(bad[i], &addr), -E_SYNTAX);
}

static void test_addr_parse_written_takes_brackets(void **state)
{
	static const struct { const char *written, *plain; } good[] = {
		{ "192.0.2.7", "192.0.2.7" }, { "[192.0.2.7]", "192.0.2.7" }, { "2001:db8::1", "2001:db8::1" },
		{ "[2001:db8::1]", "2001:db8::1" }, { "[IPv6:2001:DB8::1]", "2001:db8::1" }, { "[::ffff:192.0.2.7]", "192.0.2.7" },
		{ "[ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255]", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff" },
	};
	static const char *const bad[] = { "", "[", "]", "[]", "[::1", "::1]", "[[::1]]", "[::1]]", "[::1] ", "[::1]:25", "IPv6:[::1]",
		"[fe80::1%eth0]", "[aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa]" };
	char text[ADDR_TEXT_BYTES];
	struct ip_addr addr;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_int_equal(addr_parse_written(good[i].written, &addr), 0);
		assert_string_equal(addr_format(&addr, text), good[i].plain);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(addr_parse_written(bad[i], &addr), -E_SYNTAX);
}

static void test_network_parse_takes_brackets(void **state)
{
	static const char *const bad[] = { "[2001:db8::/32]", "[2001:db8::]32", "[2001:db8::1]/32", "[::1]/129", "[192.0.2.0/24]", "[]/0" };
	struct ip_network network;
	struct ip_addr inside;

	(void)state;
	assert_int_equal(network_parse("[2001:db8::]/32", &network), 0);
	assert_int_equal(network.prefix_bits, 32);
	assert_int_equal(addr_parse("2001:db8:ffff::1", &inside), 0);
	assert_true(network_contains(&network, &inside));
	assert_int_equal(network_parse("[::1]", &network), 0);
	assert_int_equal(network.prefix_bits, 128);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(network_parse(bad[i], &network), -E_SYNTAX);
}

static void test_addr_from_sockaddr_forms(void **state)
{
	struct sockaddr_in in = { .sin_family = AF_INET };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6 };
	struct sockaddr local = { .sa_family = AF_UNIX };
	struct ip_addr addr, four;

	(void)state;
	in.sin_addr.s_addr = htonl(0xc0000207);
	inet_pton(AF_INET6, "::ffff:192.0.2.7", &in6.sin6_addr);
	four = addr_from_sockaddr((struct sockaddr *)&in);
	addr = addr_from_sockaddr((struct sockaddr *)&in6);
	assert_int_equal(four.family, AF_INET);
	assert_true(addr_equal(&four, &addr));
	assert_int_equal(addr_from_sockaddr(&local).family, AF_UNSPEC);
	assert_int_equal(addr_from_sockaddr(NULL).family, AF_UNSPEC);
}

static void test_addr_is_loopback(void **state)
{
	struct ip_addr addr;

	(void)state;
	assert_int_equal(addr_parse("127.9.9.9", &addr), 0);
	assert_true(addr_is_loopback(&addr));
	assert_int_equal(addr_parse("::1", &addr), 0);
	assert_true(addr_is_loopback(&addr));
	assert_int_equal(addr_parse("::2", &addr), 0);
	assert_false(addr_is_loopback(&addr));
	assert_int_equal(addr_parse("128.0.0.1", &addr), 0);
	assert_false(addr_is_loopback(&addr));
}

static void test_network_contains_at_bit_edges(void **state)
{
	struct ip_network network;
	struct ip_addr in, out;

	(void)state;
	assert_int_equal(network_parse("192.0.2.128/25", &network), 0);
	assert_int_equal(addr_parse("192.0.2.255", &in), 0);
	assert_int_equal(addr_parse("192.0.2.127", &out), 0);
	assert_true(network_contains(&network, &in));
	assert_false(network_contains(&network, &out));
	assert_int_equal(network_parse("0.0.0.0/0", &network), 0);
	assert_true(network_contains(&network, &out));
	assert_int_equal(network_parse("2001:db8::/33", &network), 0);
	assert_int_equal(addr_parse("2001:db8:7fff::1", &in), 0);
	assert_int_equal(addr_parse("2001:db8:8000::1", &out), 0);
	assert_true(network_contains(&network, &in));
	assert_false(network_contains(&network, &out));
	assert_int_equal(addr_parse("32.1.13.184", &out), 0);	/* the same first bytes in the other family */
	assert_false(network_contains(&network, &out));
}

static void test_network_parse_refuses(void **state)
{
	static const char *const bad[] = { "192.0.2.1/24", "192.0.2.0/33", "192.0.2.0/", "192.0.2.0/-1", "192.0.2.0/2x",
		"2001:db8::/129", "2001:db8::1/64", "/8", "192.0.2.0/+8" };
	struct ip_network network;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(network_parse(bad[i], &network), -E_SYNTAX);
}

static void test_addr_reverse_name_forms(void **state)
{
	struct ip_addr addr;
	char name[80];

	(void)state;
	assert_int_equal(addr_parse("192.0.2.7", &addr), 0);
	assert_string_equal(addr_reverse_name(&addr, name), "7.2.0.192.in-addr.arpa");
	assert_int_equal(addr_parse("255.100.10.0", &addr), 0);
	assert_string_equal(addr_reverse_name(&addr, name), "0.10.100.255.in-addr.arpa");
	/* the example of RFC 3596 section 2.5 */
	assert_int_equal(addr_parse("4321:0:1:2:3:4:567:89ab", &addr), 0);
	assert_string_equal(addr_reverse_name(&addr, name),
	    "b.a.9.8.7.6.5.0.4.0.0.0.3.0.0.0.2.0.0.0.1.0.0.0.0.0.0.0.1.2.3.4.ip6.arpa");
}

static void test_clock_wall_is_settable(void **state)
{
	struct clock fixed = { .fixed_secs = 1000 }, shifted = { .shift_secs = 86400 };
	int64_t now = (int64_t)time(NULL), seen = clock_wall_secs(&shifted);

	(void)state;
	assert_int_equal(clock_wall_secs(&fixed), 1000);
	assert_in_range(seen, now + 86400, now + 86402);
	assert_in_range(clock_wall_secs(NULL), now, now + 2);
}

/* Runs log_line() with standard error in a file, returns what was written. */
static void logged(char *text, size_t room, const char *message)
{
	FILE *to = tmpfile();
	int file = to != NULL ? fileno(to) : -1, saved = dup(STDERR_FILENO);
	ssize_t got;

	assert_true(file >= 0 && saved >= 0);
	fflush(stderr);
	dup2(file, STDERR_FILENO);
	log_line(LOG_LEVEL_WARNING, "%s", message);
	fflush(stderr);
	dup2(saved, STDERR_FILENO);
	close(saved);
	got = pread(file, text, room - 1, 0);
	fclose(to);
	assert_true(got >= 0);
	text[got] = '\0';
}

static void test_log_line_cannot_be_forged(void **state)
{
	char text[LOG_LINE_BYTES + 100], big[20000];

	(void)state;
	log_open(LOG_TARGET_STDERR, LOG_LEVEL_INFO, 0, "test");
	logged(text, sizeof(text), "from=a\nwarning: forged\r\x1b[2J\x80");
	assert_string_equal(text, "warning: from=a\\x0awarning: forged\\x0d\\x1b[2J\\x80\n");
	memset(big, '\n', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	logged(text, sizeof(text), big);
	assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1);
	log_open(LOG_TARGET_STDERR, LOG_LEVEL_ERROR, 0, "test");
	assert_false(log_wants(LOG_LEVEL_WARNING));
	logged(text, sizeof(text), "quiet");
	assert_string_equal(text, "");
}

static void test_text_distance_of_misspelt_names(void **state)
{
	static const struct { const char *a, *b; unsigned distance; } rows[] = {
		{ "", "", 0 }, { "chek", "check", 1 }, { "chekc", "check", 1 }, { "czech", "check", 2 }, { "", "dns", 3 },
		{ "reject", "tceject", 2 },
	};
	char big[DISTANCE_NAME_MAX + 2];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(text_distance(rows[i].a, rows[i].b), rows[i].distance);
		assert_int_equal(text_distance(rows[i].b, rows[i].a), rows[i].distance);
	}
	memset(big, 'a', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	assert_int_equal(text_distance(big, big), DISTANCE_NAME_MAX);
	assert_int_equal(text_distance(big, "aaa"), DISTANCE_NAME_MAX);
	assert_int_equal(text_distance("aaa", big), DISTANCE_NAME_MAX);
}

static int words_fd;

static void say_words(void)
{
	assert_int_equal(write(words_fd, "last", 4), 4);
}

/* The words are said once, then the process aborts. */
static void test_out_of_memory_says_its_words(void **state)
{
	char words[8] = "";
	int fds[2], status;
	pid_t child;

	(void)state;
	assert_int_equal(pipe(fds), 0);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		const struct rlimit none = { 0, 0 };

		(void)setrlimit(RLIMIT_CORE, &none);
		(void)signal(SIGABRT, SIG_DFL);
		words_fd = fds[1];
		out_of_memory_set_last_words(say_words);
		out_of_memory();
	}
	close(fds[1]);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
	assert_int_equal(read(fds[0], words, sizeof(words) - 1), 4);
	assert_string_equal(words, "last");
	close(fds[0]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_out_of_memory_says_its_words),
		cmocka_unit_test(test_arena_alloc_keeps_blocks_apart),
		cmocka_unit_test(test_arena_alloc_larger_than_block),
		cmocka_unit_test(test_arena_reset_begins_anew),
		cmocka_unit_test(test_arena_strndup_ends_with_nul),
		cmocka_unit_test(test_arena_grow_keeps_what_is_there),
		cmocka_unit_test(test_arena_printf_fits_or_does_not),
		cmocka_unit_test(test_buf_grows_and_stays_terminated),
		cmocka_unit_test(test_addr_parse_unmaps_ipv4),
		cmocka_unit_test(test_addr_parse_refuses_garbage),
		cmocka_unit_test(test_addr_parse_written_takes_brackets),
		cmocka_unit_test(test_network_parse_takes_brackets),
		cmocka_unit_test(test_addr_from_sockaddr_forms),
		cmocka_unit_test(test_addr_is_loopback),
		cmocka_unit_test(test_network_contains_at_bit_edges),
		cmocka_unit_test(test_network_parse_refuses),
		cmocka_unit_test(test_addr_reverse_name_forms),
		cmocka_unit_test(test_clock_wall_is_settable),
		cmocka_unit_test(test_log_line_cannot_be_forged),
		cmocka_unit_test(test_text_distance_of_misspelt_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
