/* SPDX-License-Identifier: BSD-2-Clause */
/* milter/readahead.c: when it reads ahead and when not, how it waits, and that nothing is left behind by a connection. */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <cmocka.h>

#include "fake_milter.h"
#include "readahead.h"

enum { PATIENCE_MS = 20000, SHORT_MS = 30, HEAD_BYTES = 5 };

static void test_readahead_takes_all_that_came_at_once(void **state)
{
	struct link link = link_open_ahead(WIRE_UNIX);

	(void)state;
	for (int i = 0; i < 20; i++)
		mta_packet(link.mta, 'L', 100);
	expect_packet(link.milter, 'L', 100);
	assert_int_equal(left_in_kernel(link.milter), 0);
	assert_int_equal(readahead_blocks(), 1);
	for (int i = 1; i < 20; i++)
		expect_packet(link.milter, 'L', 100);
	assert_int_equal(readahead_blocks(), 0);
	link_close(&link);
}

/* A first packet in other steps than libmilter's: from there on everything is left in the kernel. */
static void check_left_alone(bool with_poll, size_t first_read)
{
	struct link link = link_open(WIRE_UNIX);
	unsigned char octets[100];
	const size_t offer = HEAD_BYTES + 12;
	struct pollfd ready = { .fd = link.milter, .events = POLLIN };

	readahead_begin(link.milter, NULL);
	mta_packet(link.mta, 'O', 12);
	for (size_t done = 0; done < offer;) {
		if (with_poll)
			assert_int_equal(poll(&ready, 1, PATIENCE_MS), 1);
		done += (size_t)read(link.milter, octets + done, done == 0 ? first_read : offer - done);
	}
	mta_packet(link.mta, 'L', 100);
	mta_packet(link.mta, 'L', 100);
	expect_packet(link.milter, 'L', 100);
	assert_int_equal(left_in_kernel(link.milter), HEAD_BYTES + 100);
	expect_packet(link.milter, 'L', 100);
	link_close(&link);
}

static void test_readahead_leaves_alone_whoever_reads_otherwise(void **state)
{
	(void)state;
	check_left_alone(false, HEAD_BYTES);
	check_left_alone(true, 4);
	check_left_alone(true, HEAD_BYTES + 12);
	check_left_alone(true, 100);
}

static void test_readahead_leaves_the_first_packet_in_its_steps(void **state)
{
	struct link link = link_open(WIRE_UNIX);
	struct pollfd ready = { .fd = link.milter, .events = POLLIN };
	unsigned char octets[20];

	(void)state;
	readahead_begin(link.milter, NULL);
	mta_packet(link.mta, 'O', 12);
	assert_int_equal(poll(&ready, 1, PATIENCE_MS), 1);
	assert_int_equal(read(link.milter, octets, HEAD_BYTES), HEAD_BYTES);
	assert_int_equal(left_in_kernel(link.milter), 12);
	link_close(&link);
}

static void test_readahead_other_descriptors_are_untouched(void **state)
{
	struct link link = link_open(WIRE_UNIX);

	(void)state;
	for (int i = 0; i < 3; i++)
		mta_packet(link.mta, 'O', 12);
	expect_packet(link.milter, 'O', 12);
	assert_int_equal(left_in_kernel(link.milter), 2 * (HEAD_BYTES + 12));
	link_close(&link);
}

static void test_readahead_no_descriptors_at_all(void **state)
{
	struct pollfd wanted = { .fd = -1, .events = POLLIN };
	char octet;

	(void)state;
	readahead_begin(-1, NULL);
	readahead_begin(1 << 30, NULL);
	assert_int_equal(read(-1, &octet, 1), -1);
	assert_int_equal(errno, EBADF);
	assert_int_equal(close(1 << 30), -1);
	assert_int_equal(errno, EBADF);
	assert_int_equal(poll(&wanted, 1, 0), 0);
	assert_int_equal(poll(NULL, 0, 0), 0);
}

/* ---- numbers that come again ---- */

static void test_readahead_descriptor_reused_as_a_connection(void **state)
{
	struct link old = link_open_ahead(WIRE_UNIX), link;
	int number = old.milter;

	(void)state;
	for (int i = 0; i < 20; i++)
		mta_packet(old.mta, 'L', 100);
	expect_packet(old.milter, 'L', 100);
	close(old.milter);
	assert_int_equal(readahead_blocks(), 0);
	link = link_open(WIRE_UNIX);
	if (link.mta == number)		/* the system gives the lowest number; both ends are alike */
		link = (struct link){ link.milter, link.mta };
	assert_int_equal(link.milter, number);
	readahead_begin(link.milter, NULL);
	mta_packet(link.mta, 'O', 12);
	mta_packet(link.mta, 'M', 7);
	expect_packet(link.milter, 'O', 12);
	expect_packet(link.milter, 'M', 7);
	close(old.mta);
	link_close(&link);
}

/* Even where the old one was not closed by close(). */
static void test_readahead_descriptor_reused_by_dup2(void **state)
{
	struct link old = link_open_ahead(WIRE_UNIX), link = link_open(WIRE_UNIX);

	(void)state;
	mta_packet(old.mta, 'L', 100);
	mta_packet(old.mta, 'L', 100);
	expect_packet(old.milter, 'L', 100);
	assert_true(milter_write(old.milter, 'i', 50, PATIENCE_MS));
	assert_int_equal(readahead_blocks(), 2);
	assert_int_equal(dup2(link.milter, old.milter), old.milter);
	readahead_begin(old.milter, NULL);
	assert_int_equal(readahead_blocks(), 0);
	mta_packet(link.mta, 'O', 12);
	expect_packet(old.milter, 'O', 12);
	link_close(&old);
	link_close(&link);
}

static void test_readahead_descriptor_reused_by_something_else(void **state)
{
	struct link old = link_open_ahead(WIRE_UNIX);
	int number = old.milter, ends[2];
	char text[32];

	(void)state;
	mta_packet(old.mta, 'L', 100);
	mta_packet(old.mta, 'L', 100);
	expect_packet(old.milter, 'L', 100);
	close(old.milter);
	assert_int_equal(pipe(ends), 0);
	if (ends[0] != number) {
		assert_int_equal(dup2(ends[0], number), number);
		close(ends[0]);
	}
	assert_int_equal(write(ends[1], "pipe more", 9), 9);
	assert_int_equal(read(number, text, 4), 4);
	assert_memory_equal(text, "pipe", 4);
	assert_int_equal(left_in_kernel(number), 5);
	close(number);
	close(ends[1]);
	close(old.mta);
}

/* ---- waiting ---- */

static void test_readahead_partial_packets_time_out(void **state)
{
	static const unsigned char head[] = { 0, 0, 0, 50, 'L', 'x', 'y' };

	(void)state;
	for (size_t bytes = 0; bytes <= sizeof(head); bytes++) {
		struct link link = link_open_ahead(WIRE_UNIX);
		struct packet packet;

		mta_send(link.mta, head, bytes);
		assert_int_equal(milter_packet(link.milter, SHORT_MS, &packet), bytes == 0 ? PACKET_NOTHING : PACKET_TIMEOUT);
		assert_int_equal(packet.bytes, bytes);
		assert_int_equal(readahead_blocks(), 0);	/* nobody holds memory by waiting in the middle */
		free(packet.octets);
		link_close(&link);
	}
}

enum { MANY = 40 };

/* As the pool waits: for all idle sessions and a pipe at once. */
static void test_readahead_pool_sees_what_is_read_ahead(void **state)
{
	struct link links[MANY];
	struct pollfd fds[MANY];

	(void)state;
	for (int i = 0; i < MANY; i++) {
		links[i] = link_open_ahead(i % 2 == 0 ? WIRE_UNIX : WIRE_TCP);
		fds[i] = (struct pollfd){ .fd = links[i].milter, .events = POLLIN | POLLPRI };
	}
	assert_int_equal(readahead_blocks(), 0);
	assert_int_equal(poll(fds, MANY, SHORT_MS), 0);
	mta_packet(links[7].mta, 'L', 10);
	mta_packet(links[7].mta, 'L', 10);
	expect_packet(links[7].milter, 'L', 10);
	assert_int_equal(poll(fds, MANY, PATIENCE_MS), 1);
	assert_int_equal(fds[7].revents, POLLIN);
	mta_packet(links[8].mta, 'L', 10);
	mta_packet(links[7].mta, 'L', 10);
	assert_int_equal(poll(fds, MANY, PATIENCE_MS), 2);
	assert_int_equal(fds[7].revents, POLLIN);
	assert_int_equal(fds[8].revents, POLLIN);
	for (int i = 0; i < 2; i++)
		mta_packet(links[9].mta, 'L', 10);
	expect_packet(links[9].milter, 'L', 10);
	fds[7].events = 0;
	assert_int_equal(poll(fds, MANY, PATIENCE_MS), 2);
	assert_int_equal(fds[7].revents, 0);
	assert_int_equal(fds[9].revents, POLLIN);
	for (int i = 0; i < MANY; i++)
		link_close(&links[i]);
	assert_int_equal(readahead_blocks(), 0);
}

static void on_alarm(int number) { (void)number; }

static void test_readahead_signals_interrupt_waiting_only(void **state)
{
	struct link link = link_open_ahead(WIRE_UNIX);
	struct sigaction action = { .sa_handler = on_alarm }, old;
	struct itimerval every = { .it_interval.tv_usec = 5000, .it_value.tv_usec = 5000 }, never = { 0 };
	struct pollfd wanted = { .fd = link.milter, .events = POLLIN };

	(void)state;
	sigaction(SIGALRM, &action, &old);
	setitimer(ITIMER_REAL, &every, NULL);
	assert_int_equal(poll(&wanted, 1, PATIENCE_MS), -1);
	assert_int_equal(errno, EINTR);
	for (int i = 0; i < 200; i++) {
		mta_packet(link.mta, 'B', 300);
		mta_packet(link.mta, 'B', 30000);
		expect_packet(link.milter, 'B', 300);
		expect_packet(link.milter, 'B', 30000);
	}
	setitimer(ITIMER_REAL, &never, NULL);
	sigaction(SIGALRM, &old, NULL);
	link_close(&link);
}

static void test_readahead_end_comes_after_what_was_sent(void **state)
{
	(void)state;
	for (int wire = WIRE_UNIX; wire <= WIRE_TCP; wire++) {
		struct link link = link_open_ahead((enum wire)wire);
		struct packet packet;

		mta_packet(link.mta, 'L', 10);
		mta_packet(link.mta, 'L', 10);
		mta_send(link.mta, "\0\0", 2);
		expect_packet(link.milter, 'L', 10);
		close(link.mta);
		link.mta = -1;
		expect_packet(link.milter, 'L', 10);
		assert_int_equal(milter_packet(link.milter, PATIENCE_MS, &packet), PACKET_END);
		free(packet.octets);
		link_close(&link);
	}
	assert_int_equal(readahead_blocks(), 0);
}

static void test_readahead_reset_is_an_end(void **state)
{
	struct link link = link_open_ahead(WIRE_TCP);
	struct linger at_once = { .l_onoff = 1 };
	struct packet packet;

	(void)state;
	assert_int_equal(setsockopt(link.mta, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once)), 0);
	assert_int_equal(milter_packet(link.milter, PATIENCE_MS, &packet), PACKET_NOTHING);
	free(packet.octets);
	close(link.mta);
	link.mta = -1;
	for (int i = 0; i < 2; i++) {
		assert_int_equal(milter_packet(link.milter, PATIENCE_MS, &packet), PACKET_END);
		free(packet.octets);
	}
	link_close(&link);
}

/* ---- from thread to thread ---- */

struct relay {
	pthread_mutex_t lock;
	int fd;
	unsigned left;
	bool failed;
};

/* As in libmilter's pool: whoever has the lock has the session, for a packet. */
static void *relay_run(void *context)
{
	struct relay *relay = context;
	struct packet packet;

	for (;;) {
		pthread_mutex_lock(&relay->lock);
		if (relay->left == 0) {
			pthread_mutex_unlock(&relay->lock);
			return NULL;
		}
		if (milter_packet(relay->fd, PATIENCE_MS, &packet) == PACKET_WHOLE) {
			relay->failed |= packet.bytes != HEAD_BYTES + 700 || !milter_write(relay->fd, 'i', 20, PATIENCE_MS) ||
			    !milter_write(relay->fd, 'c', 0, PATIENCE_MS);
			relay->left--;
		}
		free(packet.octets);
		pthread_mutex_unlock(&relay->lock);
	}
}

static void test_readahead_threads_take_turns(void **state)
{
	struct link link = link_open_ahead(WIRE_UNIX);
	struct relay relay = { .lock = PTHREAD_MUTEX_INITIALIZER, .fd = link.milter, .left = 500 };
	unsigned char replies[(HEAD_BYTES + 20 + HEAD_BYTES) * 5];
	pthread_t threads[3];

	(void)state;
	for (int i = 0; i < 3; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, relay_run, &relay), 0);
	for (int i = 0; i < 100; i++) {
		for (int k = 0; k < 5; k++)
			mta_packet(link.mta, 'L', 700);
		assert_int_equal(recv(link.mta, replies, sizeof(replies), MSG_WAITALL), sizeof(replies));
	}
	for (int i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
	assert_false(relay.failed);
	link_close(&link);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_readahead_takes_all_that_came_at_once),
		cmocka_unit_test(test_readahead_leaves_alone_whoever_reads_otherwise),
		cmocka_unit_test(test_readahead_leaves_the_first_packet_in_its_steps),
		cmocka_unit_test(test_readahead_other_descriptors_are_untouched),
		cmocka_unit_test(test_readahead_no_descriptors_at_all),
		cmocka_unit_test(test_readahead_descriptor_reused_as_a_connection),
		cmocka_unit_test(test_readahead_descriptor_reused_by_dup2),
		cmocka_unit_test(test_readahead_descriptor_reused_by_something_else),
		cmocka_unit_test(test_readahead_partial_packets_time_out),
		cmocka_unit_test(test_readahead_pool_sees_what_is_read_ahead),
		cmocka_unit_test(test_readahead_signals_interrupt_waiting_only),
		cmocka_unit_test(test_readahead_end_comes_after_what_was_sent),
		cmocka_unit_test(test_readahead_reset_is_an_end),
		cmocka_unit_test(test_readahead_threads_take_turns),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
