/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_TESTS_FAKE_MILTER_H
#define ASSAY_TESTS_FAKE_MILTER_H
/*
 * A connection between an MTA (the test) and a milter library: the steps in which libmilter reads packets and writes replies, over
 * poll(), read() and writev() of milter/readahead.c or, for what is not announced with readahead_begin(), of the C library.
 * Thread: each end one thread at a time.
 */
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum wire { WIRE_UNIX, WIRE_TCP, WIRE_RECORDS /* a unix socket that keeps the borders between writes */ };

struct link {
	int mta, milter;
};

/** Fails the test when there is no socket. */
struct link link_open(enum wire wire);
void link_close(struct link *link);

/** With read-ahead, past the offer and its reply; so that everything is in force. */
struct link link_open_ahead(enum wire wire);

/** The MTA's side: all of it. */
void mta_send(int fd, const void *octets, size_t bytes);
void mta_packet(int fd, char command, size_t data_bytes);

enum packet_end { PACKET_WHOLE, PACKET_NOTHING /* none has begun */, PACKET_TIMEOUT, PACKET_END /* closed, hung up, or an error */ };

struct packet {
	unsigned char *octets;		/* head and data, for free() */
	size_t bytes;			/* so many came */
	char command;
};

/** libmilter's steps: is there something (1 ms)? then the head, then the data. @return the packet in part, but for PACKET_WHOLE. */
enum packet_end milter_packet(int fd, int timeout_ms, struct packet *packet_r);

/** Takes a packet like this with patience; the test fails when another comes, or none. */
void expect_packet(int fd, char command, size_t data_bytes);
/** @return octets that have come and that nobody has read. */
int left_in_kernel(int fd);

/** A packet of so many octets 'x' after the command. @return false: not within the time. */
bool milter_write(int fd, char command, size_t data_bytes, int timeout_ms);

#endif
