/* SPDX-License-Identifier: BSD-2-Clause */
/* See fake_milter.h. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cmocka.h>

#include "fake_milter.h"
#include "readahead.h"

enum { LENGTH_BYTES = 4, HEAD_BYTES = 5, READY_MS = 1, OFFER_BYTES = 12, PATIENCE_MS = 20000 };

static struct link tcp_pair(void)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t length = sizeof(address);
	int listener = socket(AF_INET, SOCK_STREAM, 0), on = 1;
	struct link link = { .mta = socket(AF_INET, SOCK_STREAM, 0) };

	assert_int_equal(bind(listener, (struct sockaddr *)&address, length), 0);
	assert_int_equal(listen(listener, 1), 0);
	assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &length), 0);
	assert_int_equal(connect(link.mta, (struct sockaddr *)&address, length), 0);
	link.milter = accept(listener, NULL, NULL);
	assert_true(link.milter >= 0);
	assert_int_equal(setsockopt(link.mta, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)), 0);
	close(listener);
	return link;
}

struct link link_open(enum wire wire)
{
	int ends[2];

	if (wire == WIRE_TCP)
		return tcp_pair();
	assert_int_equal(socketpair(AF_UNIX, wire == WIRE_RECORDS ? SOCK_SEQPACKET : SOCK_STREAM, 0, ends), 0);
	return (struct link){ ends[0], ends[1] };
}

void link_close(struct link *link)
{
	if (link->mta >= 0)
		close(link->mta);
	if (link->milter >= 0)
		close(link->milter);
	link->mta = link->milter = -1;
}

void mta_send(int fd, const void *octets, size_t bytes)
{
	for (size_t done = 0; done < bytes;) {
		ssize_t sent = send(fd, (const char *)octets + done, bytes - done, MSG_NOSIGNAL);

		assert_true(sent > 0 || errno == EINTR);
		done += sent > 0 ? (size_t)sent : 0;
	}
}

static void head_make(unsigned char head[HEAD_BYTES], char command, size_t data_bytes)
{
	uint32_t length = htonl((uint32_t)data_bytes + 1);

	memcpy(head, &length, sizeof(length));
	head[LENGTH_BYTES] = (unsigned char)command;
}

void mta_packet(int fd, char command, size_t data_bytes)
{
	unsigned char *octets = malloc(HEAD_BYTES + data_bytes);

	assert_non_null(octets);
	head_make(octets, command, data_bytes);
	memset(octets + HEAD_BYTES, 'x', data_bytes);
	mta_send(fd, octets, HEAD_BYTES + data_bytes);
	free(octets);
}

struct link link_open_ahead(enum wire wire)
{
	struct link link = link_open(wire);
	unsigned char offer[HEAD_BYTES + OFFER_BYTES] = { 0 }, reply[sizeof(offer)];
	struct packet packet;

	readahead_begin(link.milter, NULL);
	head_make(offer, 'O', OFFER_BYTES);
	mta_send(link.mta, offer, HEAD_BYTES);	/* in two, for where a read takes a record and not its part */
	mta_send(link.mta, offer + HEAD_BYTES, OFFER_BYTES);
	assert_int_equal(milter_packet(link.milter, PATIENCE_MS, &packet), PACKET_WHOLE);
	free(packet.octets);
	assert_true(milter_write(link.milter, 'O', OFFER_BYTES, PATIENCE_MS));
	assert_int_equal(recv(link.mta, reply, sizeof(reply), MSG_WAITALL), sizeof(reply));
	return link;
}

/* Polls as libmilter does before each read, again when a signal came. @return 1; 0: time-out; -1: error or hang-up. */
static int ask(int fd, int timeout_ms)
{
	struct pollfd wanted = { .fd = fd, .events = POLLIN | POLLPRI };
	int ready;

	do
		ready = poll(&wanted, 1, timeout_ms);
	while (ready < 0 && errno == EINTR);
	return ready == 1 && (wanted.revents & (POLLERR | POLLHUP | POLLNVAL)) != 0 ? -1 : ready;
}

static enum packet_end part_read(int fd, int timeout_ms, struct packet *packet, size_t until)
{
	while (packet->bytes < until) {
		int ready = ask(fd, timeout_ms);
		ssize_t got;

		if (ready <= 0)
			return ready == 0 ? PACKET_TIMEOUT : PACKET_END;
		got = read(fd, packet->octets + packet->bytes, until - packet->bytes);
		if (got <= 0)
			return PACKET_END;
		assert_true((size_t)got <= until - packet->bytes);
		packet->bytes += (size_t)got;
	}
	return PACKET_WHOLE;
}

enum packet_end milter_packet(int fd, int timeout_ms, struct packet *packet_r)
{
	struct pollfd ready = { .fd = fd, .events = POLLIN };
	enum packet_end end;
	uint32_t length;

	*packet_r = (struct packet){ .octets = malloc(HEAD_BYTES) };
	assert_non_null(packet_r->octets);
	if (poll(&ready, 1, READY_MS) == 0)
		return PACKET_NOTHING;
	end = part_read(fd, timeout_ms, packet_r, HEAD_BYTES);
	if (end != PACKET_WHOLE)
		return end;
	memcpy(&length, packet_r->octets, sizeof(length));
	packet_r->command = (char)packet_r->octets[LENGTH_BYTES];
	packet_r->octets = realloc(packet_r->octets, LENGTH_BYTES + (size_t)ntohl(length));
	assert_non_null(packet_r->octets);
	return part_read(fd, timeout_ms, packet_r, LENGTH_BYTES + (size_t)ntohl(length));
}

/* libmilter's loop around writev(). */
static bool parts_write(int fd, struct iovec *parts, int count, int timeout_ms)
{
	while (count > 0) {
		struct pollfd room = { .fd = fd, .events = POLLOUT };
		int ready = poll(&room, 1, timeout_ms);
		ssize_t went;

		if (ready == 0 || (ready < 0 && errno != EINTR))
			return false;
		went = ready > 0 ? writev(fd, parts, count) : 0;
		if (went < 0 && errno != EINTR && errno != EAGAIN)
			return false;
		for (; went > 0 && count > 0 && (size_t)went >= parts[0].iov_len; parts++, count--)
			went -= (ssize_t)parts[0].iov_len;
		if (went > 0) {
			parts[0].iov_base = (char *)parts[0].iov_base + went;
			parts[0].iov_len -= (size_t)went;
		}
	}
	return true;
}

bool milter_write(int fd, char command, size_t data_bytes, int timeout_ms)
{
	unsigned char head[HEAD_BYTES], *data = malloc(data_bytes + 1);
	struct iovec parts[2] = { { head, sizeof(head) }, { data, data_bytes } };
	bool whole;

	assert_non_null(data);
	head_make(head, command, data_bytes);
	memset(data, 'x', data_bytes);
	whole = parts_write(fd, parts, data_bytes != 0 ? 2 : 1, timeout_ms);
	free(data);
	return whole;
}

int left_in_kernel(int fd)
{
	int bytes;

	assert_int_equal(ioctl(fd, FIONREAD, &bytes), 0);
	return bytes;
}

void expect_packet(int fd, char command, size_t data_bytes)
{
	struct packet packet;

	assert_int_equal(milter_packet(fd, PATIENCE_MS, &packet), PACKET_WHOLE);
	assert_int_equal(packet.command, command);
	assert_int_equal(packet.bytes, HEAD_BYTES + data_bytes);
	free(packet.octets);
}
