/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * milter/readahead.c: what libmilter reads is what the MTA sent, whole and in order, in whatever pieces it came. The same streams
 * are read without read-ahead, too.
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "fake_milter.h"
#include "readahead.h"

enum { PATIENCE_MS = 20000, HEAD_BYTES = 5, STREAM_MAX = 600 * 1000, ROUNDS = 60, BLOCK = 16 * 1024 };

static unsigned next_random(uint64_t *state)
{
	*state = *state * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(*state >> 33);
}

struct stream {
	unsigned char *octets;
	size_t bytes, sent_bytes;	/* sent_bytes: the MTA ends there */
	uint64_t seed;
	bool tiny;			/* an octet at a time */
	int fd;
};

static void packet_add(struct stream *stream, size_t data_bytes, uint64_t *state)
{
	unsigned char *at = stream->octets + stream->bytes;
	uint32_t length = (uint32_t)data_bytes + 1;

	for (int i = 0; i < 4; i++)
		at[i] = (unsigned char)(length >> (24 - 8 * i));
	for (size_t i = 4; i < HEAD_BYTES + data_bytes; i++)
		at[i] = (unsigned char)next_random(state);
	stream->bytes += HEAD_BYTES + data_bytes;
}

/* An offer, then packets of all sizes: empty, at the border of a block, of a whole body's piece, larger than any buffer. */
static struct stream stream_new(uint64_t seed, bool tiny)
{
	static const size_t sizes[] = { 0, 1, 30, 200, 4096, BLOCK - 6, BLOCK - 5, BLOCK - 4, BLOCK + 5, 65535, 200000 };
	struct stream stream = { .octets = malloc(STREAM_MAX), .seed = seed, .tiny = tiny };
	uint64_t state = seed;
	size_t count = 1 + next_random(&state) % (tiny ? 20 : 120);

	assert_non_null(stream.octets);
	packet_add(&stream, 12, &state);
	for (size_t i = 0; i < count; i++) {
		size_t kind = next_random(&state) % 24, bytes = tiny ? kind : kind < 11 ? sizes[kind] : next_random(&state) % 300;

		if (stream.bytes + HEAD_BYTES + bytes > STREAM_MAX)
			break;
		packet_add(&stream, bytes, &state);
	}
	stream.sent_bytes = next_random(&state) % 3 != 0 ? stream.bytes : next_random(&state) % stream.bytes;
	return stream;
}

static void *stream_send(void *context)
{
	struct stream *stream = context;
	uint64_t state = stream->seed ^ 0x5eed;

	for (size_t done = 0; done < stream->sent_bytes;) {
		size_t rest = stream->sent_bytes - done, piece = rest;

		if (stream->tiny)
			piece = 1;
		else if (next_random(&state) % 3 != 0)
			piece = 1 + next_random(&state) % (next_random(&state) % 2 != 0 ? 40 : 90000);
		mta_send(stream->fd, stream->octets + done, piece < rest ? piece : rest);
		done += piece < rest ? piece : rest;
		if (next_random(&state) % 8 == 0)
			usleep(next_random(&state) % 1500);	/* now and then past the millisecond for which libmilter asks */
	}
	shutdown(stream->fd, SHUT_WR);
	return NULL;
}

/* Reads until the MTA ends. @return what came, for free(). */
static unsigned char *stream_receive(int fd, size_t *bytes_r)
{
	unsigned char *octets = malloc(STREAM_MAX + 1);
	enum packet_end end;

	assert_non_null(octets);
	*bytes_r = 0;
	do {
		struct packet packet;

		end = milter_packet(fd, PATIENCE_MS, &packet);
		assert_int_not_equal(end, PACKET_TIMEOUT);
		assert_true(*bytes_r + packet.bytes <= STREAM_MAX);
		memcpy(octets + *bytes_r, packet.octets, packet.bytes);
		*bytes_r += packet.bytes;
		free(packet.octets);
	} while (end != PACKET_END);
	return octets;
}

static void stream_check(struct stream *stream, enum wire wire, bool ahead)
{
	struct link link = link_open(wire);
	unsigned char *octets;
	pthread_t mta;
	size_t bytes;

	if (ahead)
		readahead_begin(link.milter, NULL);
	stream->fd = link.mta;
	assert_int_equal(pthread_create(&mta, NULL, stream_send, stream), 0);
	octets = stream_receive(link.milter, &bytes);
	pthread_join(mta, NULL);
	assert_int_equal(bytes, stream->sent_bytes);
	assert_memory_equal(octets, stream->octets, bytes);
	free(octets);
	link_close(&link);
	assert_int_equal(readahead_blocks(), 0);
}

static void streams_check(enum wire wire, bool tiny)
{
	for (uint64_t seed = 1; seed <= ROUNDS; seed++) {
		struct stream stream = stream_new(seed, tiny);

		stream_check(&stream, wire, true);
		if (seed % 8 == 0)
			stream_check(&stream, wire, false);
		free(stream.octets);
	}
}

static void test_readahead_random_pieces_unix(void **state)
{
	(void)state;
	streams_check(WIRE_UNIX, false);
}

static void test_readahead_random_pieces_tcp(void **state)
{
	(void)state;
	streams_check(WIRE_TCP, false);
}

static void test_readahead_single_octets(void **state)
{
	(void)state;
	streams_check(WIRE_UNIX, true);
	streams_check(WIRE_TCP, true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_readahead_random_pieces_unix),
		cmocka_unit_test(test_readahead_random_pieces_tcp),
		cmocka_unit_test(test_readahead_single_octets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
