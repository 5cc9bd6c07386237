/* SPDX-License-Identifier: BSD-2-Clause */
/* milter/readahead.c: the short wait that is recv()'s own, and what one connection shows of the library for those after it. */
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "fake_milter.h"
#include "readahead.h"

enum { PATIENCE_MS = 20000, SHORT_MS = 30, HEAD_BYTES = 5 };

/* As libmilter waits before it puts a session aside. */
static void test_readahead_short_wait(void **state)
{
	(void)state;
	for (int wire = WIRE_UNIX; wire <= WIRE_TCP; wire++) {
		struct link link = link_open_ahead((enum wire)wire);
		struct pollfd wanted = { .fd = link.milter, .events = POLLIN, .revents = POLLIN };
		char octet;

		for (int wait_ms = 1; wait_ms < SHORT_MS; wait_ms += 4) {
			assert_int_equal(poll(&wanted, 1, wait_ms), 0);
			assert_int_equal(wanted.revents, 0);
			assert_int_equal(readahead_blocks(), 0);
			mta_packet(link.mta, 'L', 10);
			assert_int_equal(poll(&wanted, 1, PATIENCE_MS), 1);
			assert_int_equal(poll(&wanted, 1, wait_ms), 1);
			assert_int_equal(wanted.revents, POLLIN);
			assert_int_equal(left_in_kernel(link.milter), 0);
			expect_packet(link.milter, 'L', 10);
		}
		close(link.mta);
		link.mta = -1;
		assert_int_equal(poll(&wanted, 1, PATIENCE_MS), 1);
		assert_int_equal(poll(&wanted, 1, 1), 1);
		assert_true((wanted.revents & POLLIN) != 0);
		assert_int_equal(read(link.milter, &octet, 1), 0);
		link_close(&link);
	}
	assert_int_equal(readahead_blocks(), 0);
}

static void *send_later(void *fd)
{
	assert_int_equal(poll(NULL, 0, SHORT_MS), 0);
	mta_packet(*(int *)fd, 'L', 10);
	return NULL;
}

/* However short the wait before. */
static void test_readahead_read_waits_for_ever(void **state)
{
	struct link link = link_open_ahead(WIRE_UNIX);
	struct pollfd wanted = { .fd = link.milter, .events = POLLIN };
	char head[HEAD_BYTES];
	pthread_t thread;

	(void)state;
	assert_int_equal(poll(&wanted, 1, 1), 0);
	assert_int_equal(pthread_create(&thread, NULL, send_later, &link.mta), 0);
	assert_int_equal(read(link.milter, head, sizeof(head)), sizeof(head));
	pthread_join(thread, NULL);
	link_close(&link);
}

/* The second connection of a library that the first one has shown to be as we know it; only with the reply to the offer. */
static void test_readahead_learns_the_library(void **state)
{
	struct readahead_library library = { 0 };

	(void)state;
	for (int replied = 0; replied < 3; replied++) {
		struct link link = link_open(WIRE_UNIX);
		bool known = replied == 2;

		readahead_begin(link.milter, &library);
		mta_packet(link.mta, 'O', 12);
		mta_packet(link.mta, 'L', 10);
		expect_packet(link.milter, 'O', 12);
		assert_int_equal(left_in_kernel(link.milter), known ? 0 : HEAD_BYTES + 10);
		assert_int_equal(library.known, known);
		if (replied != 0)
			assert_true(milter_write(link.milter, 'O', 12, PATIENCE_MS));
		assert_int_equal(library.known, replied != 0);
		link_close(&link);
	}
	assert_int_equal(readahead_blocks(), 0);
}

static void test_readahead_library_that_reads_otherwise_stays_unknown(void **state)
{
	struct readahead_library library = { 0 };
	struct link link = link_open(WIRE_UNIX);
	unsigned char octets[HEAD_BYTES + 12];

	(void)state;
	readahead_begin(link.milter, &library);
	mta_packet(link.mta, 'O', 12);
	assert_int_equal(read(link.milter, octets, sizeof(octets)), sizeof(octets));
	assert_true(milter_write(link.milter, 'O', 12, PATIENCE_MS));
	assert_false(library.known);
	link_close(&link);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_readahead_short_wait),
		cmocka_unit_test(test_readahead_read_waits_for_ever),
		cmocka_unit_test(test_readahead_learns_the_library),
		cmocka_unit_test(test_readahead_library_that_reads_otherwise_stays_unknown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
