/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_MILTER_READAHEAD_SLOT_H
#define ASSAY_MILTER_READAHEAD_SLOT_H
/*
 * What readahead.c and writebehind.c share, and nobody else includes: the table of the MTA's connections by descriptor, the blocks
 * of memory that hold what was read or is to be written, and the C library's own functions.
 * Thread: a slot belongs to whoever uses its connection; of others' slots only stage and ahead may be looked at.
 */
#include <poll.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <sys/uio.h>

#include <libmilter/mfapi.h>
#include <libmilter/mfdef.h>

#include "readahead.h"

enum {
	BLOCK_BYTES = 16 * 1024,	/* 32 or 64 KB gained nothing (tests/bench/noop_milter -a) */
	HEAD_BYTES = MILTER_LEN_BYTES + 1,
};

/* In the order of a connection's life. PLAIN: what was seen is not what we know how to stand under. */
enum stage { NOT_OURS, FIRST_PACKET, PLAIN, AHEAD };

struct block {
	struct block *next;		/* among the spare ones */
	size_t at, end;			/* what it holds */
	unsigned char octets[BLOCK_BYTES];
};

struct slot {
	_Atomic unsigned char stage;
	bool polled;			/* since the last read() of the first packet */
	bool likely;			/* more can be read, to the best of our knowledge: worth trying before poll() */
	bool answers;			/* the reply to the offer came by here */
	bool full;			/* the socket took no more */
	int patience_ms;		/* how long recv() waits for something to come; 0: for ever */
	unsigned char length[MILTER_LEN_BYTES];	/* the first packet's */
	size_t seen;			/* octets of the first packet */
	size_t rest;			/* octets to come of a packet that was written in part */
	struct readahead_library *library;	/* NULL: none that learns */
	struct block *_Atomic ahead;	/* NULL: nothing was read ahead; else never empty */
	struct block *behind;		/* NULL: nothing waits to be written; else never empty */
};

/* The C library's, or a sanitizer's. */
struct real_calls {
	int (*poll)(struct pollfd *fds, nfds_t count, int timeout_ms);
	ssize_t (*read)(int fd, void *to, size_t bytes);
	ssize_t (*writev)(int fd, const struct iovec *parts, int count);
	int (*close)(int fd);
};

/** Before main(), too. */
const struct real_calls *real(void);

/** @return NULL: not a connection of the MTA; it stays the table's. */
struct slot *slot_of(int fd);

enum stage slot_stage(const struct slot *slot);
void slot_stage_set(struct slot *slot, enum stage stage);

/** @return what was read ahead and not yet handed out; NULL: nothing. To be looked into by the slot's owner only. */
struct block *slot_ahead(const struct slot *slot);
void slot_ahead_set(struct slot *slot, struct block *block);

/** Forgets all: what a closed connection left is nothing to whoever gets its number. */
void slot_clear(struct slot *slot);

/** @return an empty block, until block_give(); NULL: no memory. */
struct block *block_take(void);
void block_give(struct block *block);

/**
 * Whether one more may wait in recv(): the system counts that time in its ticks, of up to 10 ms, and meanwhile a thread and a block are
 * held that poll() would give back after one millisecond. @return true: until wait_end().
 */
bool wait_begin(void);
void wait_end(void);

/**
 * Sends what waits, without anything to go with it. @return false: that cannot be done, the connection was shut down, and from
 * here on every call on it says so. Blocks for SETTLE_MS at most. (writebehind.c)
 */
bool behind_settle(struct slot *slot, int fd);

/** The same before the descriptor is closed: one try. (writebehind.c) */
void behind_last(struct slot *slot, int fd);

#endif
