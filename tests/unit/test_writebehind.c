/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * milter/writebehind.c: edits leave with the reply, in one write and before anybody waits; what cannot leave at once leaves by and
 * by, or times out as without it. Writes are told apart by a socket that keeps the borders between them.
 */
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "fake_milter.h"
#include "readahead.h"

enum { PATIENCE_MS = 20000, SHORT_MS = 30, HEAD_BYTES = 5, ROOM = 256 * 1024 };

/* @return the size of the next write; 0: none yet. */
static size_t next_write(int fd, unsigned char *octets)
{
	ssize_t got = recv(fd, octets, ROOM, MSG_DONTWAIT);

	assert_true(got >= 0 || errno == EAGAIN);
	return got > 0 ? (size_t)got : 0;
}

/* The commands of the packets, as text. */
static void commands_of(const unsigned char *octets, size_t bytes, char *commands_r)
{
	size_t at = 0;

	while (at < bytes) {
		*commands_r++ = (char)octets[at + 4];
		at += 4 + ((size_t)octets[at] << 24 | (size_t)octets[at + 1] << 16 | (size_t)octets[at + 2] << 8 | octets[at + 3]);
	}
	assert_int_equal(at, bytes);
	*commands_r = '\0';
}

static void expect_write(int fd, const char *commands)
{
	unsigned char *octets = malloc(ROOM);
	char seen[100] = "";

	assert_non_null(octets);
	commands_of(octets, next_write(fd, octets), seen);
	assert_string_equal(seen, commands);
	free(octets);
}

static void test_writebehind_edits_leave_with_the_reply(void **state)
{
	static const char edits[] = "imhiqi";
	struct link link = link_open_ahead(WIRE_RECORDS);

	(void)state;
	for (const char *edit = edits; *edit != '\0'; edit++) {
		assert_true(milter_write(link.milter, *edit, 100, PATIENCE_MS));
		expect_write(link.mta, "");
	}
	assert_int_equal(readahead_blocks(), 1);
	assert_true(milter_write(link.milter, 'c', 0, PATIENCE_MS));
	expect_write(link.mta, "imhiqic");
	expect_write(link.mta, "");
	assert_int_equal(readahead_blocks(), 0);
	link_close(&link);
}

static void test_writebehind_only_edits_wait(void **state)
{
	struct link link = link_open_ahead(WIRE_RECORDS);

	(void)state;
	for (int command = 1; command < 256; command++) {
		if (strchr("imhq", command) != NULL)
			continue;
		assert_true(milter_write(link.milter, 'i', 10, PATIENCE_MS));
		assert_true(milter_write(link.milter, (char)command, 3, PATIENCE_MS));
		expect_write(link.mta, (char[]){ 'i', (char)command, '\0' });
	}
	link_close(&link);
}

static void test_writebehind_before_waiting_for_the_mta(void **state)
{
	struct link link = link_open_ahead(WIRE_RECORDS);
	struct packet packet;

	(void)state;
	assert_true(milter_write(link.milter, 'i', 100, PATIENCE_MS));
	assert_int_equal(milter_packet(link.milter, SHORT_MS, &packet), PACKET_NOTHING);
	expect_write(link.mta, "i");
	free(packet.octets);
	link_close(&link);
}

static void test_writebehind_before_the_end(void **state)
{
	struct link link = link_open_ahead(WIRE_RECORDS);

	(void)state;
	assert_true(milter_write(link.milter, 'i', 100, PATIENCE_MS));
	close(link.milter);
	link.milter = -1;
	expect_write(link.mta, "i");
	link_close(&link);
	assert_int_equal(readahead_blocks(), 0);
}

static void test_writebehind_not_before_the_offer_is_answered(void **state)
{
	struct link link = link_open(WIRE_UNIX);
	struct packet packet;

	(void)state;
	assert_true(milter_write(link.milter, 'i', 10, PATIENCE_MS));	/* nobody said that it is a connection */
	expect_write(link.mta, "i");
	readahead_begin(link.milter, NULL);
	assert_true(milter_write(link.milter, 'i', 10, PATIENCE_MS));
	expect_write(link.mta, "i");
	mta_packet(link.mta, 'O', 12);
	assert_int_equal(milter_packet(link.milter, PATIENCE_MS, &packet), PACKET_WHOLE);
	free(packet.octets);
	assert_true(milter_write(link.milter, 'i', 10, PATIENCE_MS));
	expect_write(link.mta, "i");
	assert_true(milter_write(link.milter, 'O', 12, PATIENCE_MS));
	assert_true(milter_write(link.milter, 'i', 10, PATIENCE_MS));
	expect_write(link.mta, "O");
	assert_int_equal(readahead_blocks(), 1);
	link_close(&link);
}

static void test_writebehind_more_than_a_block_goes_out(void **state)
{
	static const size_t sizes[] = { 16 * 1024 - 6, 16 * 1024 - 5, 16 * 1024 - 4, 65535, 100, 100, 9000, 9000, 9000 };
	struct link link = link_open_ahead(WIRE_UNIX);
	size_t wanted = HEAD_BYTES, got = 0;
	unsigned char *octets = malloc(ROOM);
	char commands[20];

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		assert_true(milter_write(link.milter, 'i', sizes[i], PATIENCE_MS));
		wanted += HEAD_BYTES + sizes[i];
	}
	assert_true(milter_write(link.milter, 'c', 0, PATIENCE_MS));
	while (got < wanted)
		got += (size_t)recv(link.mta, octets + got, ROOM - got, 0);
	assert_int_equal(got, wanted);
	commands_of(octets, got, commands);
	assert_string_equal(commands, "iiiiiiiiic");
	free(octets);
	link_close(&link);
}

/* ---- an MTA that does not read ---- */

static struct link link_full(enum wire wire)
{
	struct link link = link_open_ahead(wire);
	int small = wire == WIRE_TCP ? 32 * 1024 : 1;	/* less has TCP wait for its timers */

	assert_int_equal(setsockopt(link.milter, SOL_SOCKET, SO_SNDBUF, &small, sizeof(small)), 0);
	assert_int_equal(setsockopt(link.mta, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small)), 0);
	return link;
}

static void check_times_out(enum wire wire)
{
	struct link link = link_full(wire);

	for (int i = 0; i < 200; i++)
		if (!milter_write(link.milter, 'b', 60000, SHORT_MS)) {
			assert_false(milter_write(link.milter, 'c', 0, SHORT_MS));
			link_close(&link);
			assert_int_equal(readahead_blocks(), 0);
			return;
		}
	fail_msg("an MTA that does not read was sent everything");
}

static void test_writebehind_times_out(void **state)
{
	(void)state;
	check_times_out(WIRE_UNIX);
	check_times_out(WIRE_TCP);
}

/* Edits that cannot go out and must: the connection ends, rather than go on with half of one. */
static void test_writebehind_ends_what_cannot_be_said(void **state)
{
	struct link link = link_full(WIRE_UNIX);
	struct packet packet;

	(void)state;
	while (milter_write(link.milter, 'b', 4000, SHORT_MS))
		;
	close(link.mta);
	link.mta = -1;
	assert_int_equal(milter_packet(link.milter, SHORT_MS, &packet), PACKET_END);
	free(packet.octets);
	link_close(&link);

	link = link_open_ahead(WIRE_UNIX);
	assert_true(milter_write(link.milter, 'i', 4000, PATIENCE_MS));
	close(link.mta);
	link.mta = -1;
	assert_false(milter_write(link.milter, 'c', 0, PATIENCE_MS));
	assert_int_equal(milter_packet(link.milter, SHORT_MS, &packet), PACKET_END);
	free(packet.octets);
	link_close(&link);
	assert_int_equal(readahead_blocks(), 0);
}

/* The rest of a packet is never taken for one of its own, whatever it holds. */
static void test_writebehind_the_rest_of_a_packet_does_not_wait(void **state)
{
	struct link link = link_full(WIRE_UNIX);
	unsigned char head[HEAD_BYTES] = { 0, 3, 0, 1, 'b' }, *data = calloc(1, 0x30000), like_an_edit[HEAD_BYTES] = { 0, 0, 0, 1, 'i' };
	struct iovec parts[2] = { { head, sizeof(head) }, { data, 0x30000 } }, rest = { like_an_edit, sizeof(like_an_edit) };
	ssize_t went = writev(link.milter, parts, 2);

	(void)state;
	assert_true(went > HEAD_BYTES && went < HEAD_BYTES + 0x30000);
	assert_int_equal(writev(link.milter, &rest, 1), -1);
	assert_int_equal(errno, EAGAIN);
	assert_int_equal(readahead_blocks(), 0);
	free(data);
	link_close(&link);
}

static pid_t slow_reader(const struct link *link, size_t bytes)
{
	pid_t child = fork();
	unsigned char block[1500];

	if (child != 0)
		return child;
	for (size_t got = 0; got < bytes;) {
		ssize_t more = recv(link->mta, block, sizeof(block), 0);

		for (ssize_t i = 0; i < more; i++) {
			size_t in_packet = (got + (size_t)i) % (HEAD_BYTES + 3000);
			unsigned char wanted = in_packet >= HEAD_BYTES ? 'x' : in_packet == 4 ? 'i' : in_packet == 3 ? 0xb9 :
			    in_packet == 2 ? 0x0b : 0;	/* 3,001 */

			if (block[i] != wanted)
				_exit(1);
		}
		if (more <= 0)
			_exit(2);
		got += (size_t)more;
		usleep(50);
	}
	_exit(0);
}

static void check_slow(enum wire wire)
{
	struct link link = link_full(wire);
	struct pollfd wanted = { .fd = link.milter, .events = POLLIN };
	pid_t child = slow_reader(&link, 300 * (HEAD_BYTES + 3000));
	int status;

	for (int i = 0; i < 300; i++)
		assert_true(milter_write(link.milter, 'i', 3000, PATIENCE_MS));
	assert_int_equal(poll(&wanted, 1, 0), 0);	/* takes along what still waits */
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	assert_int_equal(readahead_blocks(), 0);
	link_close(&link);
}

static void test_writebehind_a_slow_mta_gets_every_octet(void **state)
{
	(void)state;
	check_slow(WIRE_UNIX);
	check_slow(WIRE_TCP);
}

static void test_writebehind_more_parts_than_libmilter_has(void **state)
{
	struct link link = link_open_ahead(WIRE_RECORDS);
	struct iovec parts[6];
	char text[] = "abcdef";

	(void)state;
	for (int i = 0; i < 6; i++)
		parts[i] = (struct iovec){ &text[i], 1 };
	assert_true(milter_write(link.milter, 'i', 10, PATIENCE_MS));
	assert_int_equal(writev(link.milter, parts, 6), 6);
	expect_write(link.mta, "i");
	link_close(&link);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_writebehind_edits_leave_with_the_reply),
		cmocka_unit_test(test_writebehind_only_edits_wait),
		cmocka_unit_test(test_writebehind_before_waiting_for_the_mta),
		cmocka_unit_test(test_writebehind_before_the_end),
		cmocka_unit_test(test_writebehind_not_before_the_offer_is_answered),
		cmocka_unit_test(test_writebehind_more_than_a_block_goes_out),
		cmocka_unit_test(test_writebehind_times_out),
		cmocka_unit_test(test_writebehind_ends_what_cannot_be_said),
		cmocka_unit_test(test_writebehind_the_rest_of_a_packet_does_not_wait),
		cmocka_unit_test(test_writebehind_a_slow_mta_gets_every_octet),
		cmocka_unit_test(test_writebehind_more_parts_than_libmilter_has),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
