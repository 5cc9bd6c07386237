/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One connection under milter/readahead.c: any series of steps of an MTA and of whoever reads and writes under it. Whatever they
 * do, both get what the other sent, all of it, once, in order; poll() and read() say "nothing" only when there is nothing.
 * Each octet of the input is a step: the low three bits say which, the others how much.
 */
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "readahead.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
	STEPS_MAX = 2000,
	ROOM = 64 * 1024,	/* a socket takes so much without anybody reading */
	PIECES_MAX = 100,	/* in so many pieces */
	HEAD_BYTES = 5, FIRST_BYTES = 17,	/* of the first packet, an offer */
};

/* One direction: what was sent and has not come yet. */
struct way {
	unsigned char octets[ROOM];
	size_t bytes;
	unsigned pieces;
	uint64_t sent;
};

static struct {
	int mta, milter;
	bool ended;
	struct way in, out;
} world;

static void check(bool holds)
{
	if (!holds)
		abort();
}

static void way_add(struct way *way, const unsigned char *octets, size_t bytes)
{
	memcpy(way->octets + way->bytes, octets, bytes);
	way->bytes += bytes;
	way->sent += bytes;
	way->pieces++;
}

static void way_came(struct way *way, const unsigned char *octets, size_t bytes)
{
	check(bytes <= way->bytes && memcmp(way->octets, octets, bytes) == 0);
	way->bytes -= bytes;
	memmove(way->octets, way->octets + bytes, way->bytes);
	if (way->bytes == 0)
		way->pieces = 0;
}

static bool way_is_full(const struct way *way, size_t bytes)
{
	return way->bytes + bytes > ROOM || way->pieces >= PIECES_MAX;
}

static void begin(void)
{
	int ends[2];

	check(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
	world.mta = ends[0];
	world.milter = ends[1];
	world.ended = false;
	world.in.bytes = world.out.bytes = world.in.pieces = world.out.pieces = 0;
	world.in.sent = world.out.sent = 0;
	readahead_begin(world.milter, NULL);
}

static void mta_sends(size_t bytes)
{
	static const unsigned char first[] = { 0, 0, 0, FIRST_BYTES - 4, 'O' };
	static unsigned char octets[ROOM];

	if (world.ended || bytes == 0 || way_is_full(&world.in, bytes))
		return;
	for (size_t i = 0; i < bytes; i++) {
		uint64_t place = world.in.sent + i;

		octets[i] = place < sizeof(first) ? first[place] : (unsigned char)(place * 31 + (place >> 8));
	}
	check(send(world.mta, octets, bytes, 0) == (ssize_t)bytes);
	way_add(&world.in, octets, bytes);
}

/* patient: waits as libmilter does, where that takes no time. */
static void milter_reads(size_t bytes, bool patient)
{
	static unsigned char octets[ROOM];
	struct pollfd wanted = { .fd = world.milter, .events = POLLIN };
	int ready = poll(&wanted, 1, patient && (world.in.bytes != 0 || world.ended));
	ssize_t got;

	check(ready == (world.in.bytes != 0 || world.ended));
	if (ready == 0)
		return;
	got = read(world.milter, octets, bytes);
	check(got >= 0 && (size_t)got <= bytes && (got > 0 || world.in.bytes == 0));
	way_came(&world.in, octets, (size_t)got);
}

/* In libmilter's steps while the first packet lasts; so that there is something ahead. */
static size_t step_bytes(size_t otherwise)
{
	uint64_t came = world.in.sent - world.in.bytes;

	if (came < HEAD_BYTES)
		return HEAD_BYTES - came;
	return came < FIRST_BYTES ? FIRST_BYTES - came : otherwise;
}

static void mta_reads(void)
{
	static unsigned char octets[ROOM];
	ssize_t got = recv(world.mta, octets, sizeof(octets), MSG_DONTWAIT);

	check(got > 0 || errno == EAGAIN);
	if (got > 0)
		way_came(&world.out, octets, (size_t)got);
}

static void milter_writes(unsigned char command, size_t bytes)
{
	static unsigned char packet[ROOM];
	struct iovec parts[2] = { { packet, HEAD_BYTES }, { packet + HEAD_BYTES, bytes } };
	ssize_t went;

	if (way_is_full(&world.out, HEAD_BYTES + bytes))
		mta_reads();
	if (way_is_full(&world.out, HEAD_BYTES + bytes))
		return;		/* edits that wait */
	memset(packet, (unsigned char)(world.out.sent * 7), HEAD_BYTES + bytes);
	memcpy(packet, (unsigned char[]){ 0, 0, (unsigned char)((bytes + 1) >> 8), (unsigned char)(bytes + 1), command }, HEAD_BYTES);
	went = writev(world.milter, parts, bytes != 0 ? 2 : 1);
	check(went > 0);
	way_add(&world.out, packet, (size_t)went);
}

static void end(void)
{
	milter_reads(step_bytes(1), false);	/* asks, and so sends what waits */
	mta_reads();
	check(world.out.bytes == 0);
	close(world.milter);
	close(world.mta);
	check(readahead_blocks() == 0);
}

static void step(unsigned char what)
{
	size_t much = what >> 3;

	switch (what & 7) {
	case 0: mta_sends(much + 1); break;
	case 1: mta_sends(much * 1000); break;
	case 2: milter_reads(step_bytes(much + 1), much % 2 == 0); break;
	case 3: milter_reads(much * 700 + 1, much % 2 != 0); break;
	case 4: milter_writes("imhq"[much % 4], much * 300); break;
	case 5: milter_writes(much % 2 != 0 ? 'O' : 'c', much % 2 != 0 ? 12 : 0); break;
	case 6: mta_reads(); break;
	default:
		if (much == 31) {
			world.ended = true;
			shutdown(world.mta, SHUT_WR);
		} else if (much == 30) {
			end();
			begin();
		} else {
			milter_writes((unsigned char)('a' + much), much);
		}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	begin();
	for (size_t i = 0; i < size && i < STEPS_MAX; i++)
		step(data[i]);
	end();
	return 0;
}
