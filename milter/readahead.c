/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * See readahead.h. The poll(), read(), writev() and close() below stand before the C library's, as accept() does
 * (admission.c), for all libraries that the program is linked with; the C library's own calls are not affected. They look the
 * descriptor up in a table, and for one that is no connection of the MTA hand the call on as it is.
 *
 * Whether the libmilter at hand works through these calls is not taken for granted: it is another package. A connection's first
 * packet (the MTA's offer, after which it waits) is only watched. When all of it came by poll() and read() in libmilter's two
 * steps, the next ones are read ahead; when not, the connection is left as it is. Edits wait (writebehind.c) only where the
 * reply to that offer came by writev(). Once a connection has shown both, those that begin after it need not: the library
 * stays the same as long as the process runs.
 *
 * libmilter gives a session back to its pool of threads when poll() finds nothing to read within a millisecond; so nothing is left in
 * a block while the pool waits. That short wait is recv()'s, one call instead of two. A block is held only then and while
 * something is in it: idle sessions have none.
 *
 * Trusts: that the descriptors given to readahead_begin() are stream sockets that block, and are closed by close().
 * Fails: where there is no memory for a block, calls go through as they are. A lost connection shows at the next packet
 * that does not wait. Thread: see readahead.h; of a slot only `stage` and `ahead` are looked at by others (poll_many()).
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "readahead_slot.h"

enum { SHORT_MS = 10 };		/* of a wait that recv() does by itself; libmilter waits 1 ms before it puts a session aside */

/* Ours have names of their own in C, since headers may have inline ones of the C library's. */
int ahead_poll(struct pollfd *fds, nfds_t count, int timeout_ms) __asm__("poll");
ssize_t ahead_read(int fd, void *to, size_t bytes) __asm__("read");
int ahead_close(int fd) __asm__("close");

/* ---- reading ---- */

enum sight { SOMETHING, NOTHING /* within the time */, OTHER /* an end, an error, or no memory to look with */ };

/*
 * Reads what has come, if something has. An end or an error is left to poll() and read(): a socket tells them again, as the hang-up
 * for which libmilter looks.
 */
static enum sight look(struct slot *slot, int fd, int flags)
{
	struct block *block = block_take();
	bool nothing;
	ssize_t got;

	slot->likely = false;
	if (block == NULL)
		return OTHER;
	got = recv(fd, block->octets, BLOCK_BYTES, flags);
	nothing = got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
	if (got <= 0) {
		block_give(block);
		return nothing ? NOTHING : OTHER;
	}
	block->end = (size_t)got;
	slot->likely = got == BLOCK_BYTES;
	slot_ahead_set(slot, block);
	return SOMETHING;
}

/* For recv() on this connection. @return false: it waits for as long as before. */
static bool patience_set(struct slot *slot, int fd, int timeout_ms)
{
	struct timeval time = { .tv_usec = timeout_ms * 1000 };

	if (slot->patience_ms == timeout_ms)
		return true;
	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &time, sizeof(time)) != 0)
		return false;
	slot->patience_ms = timeout_ms;
	return true;
}

/* One read for what is asked and for what may be behind it. */
static ssize_t read_more(struct slot *slot, int fd, void *to, size_t bytes)
{
	struct block *block = block_take();
	struct iovec parts[2] = { { to, bytes }, { block != NULL ? block->octets : NULL, block != NULL ? BLOCK_BYTES : 0 } };
	struct pollfd ready = { .fd = fd, .events = POLLIN };
	ssize_t got;

	do {	/* without a time-out of its own */
		got = readv(fd, parts, block != NULL ? 2 : 1);
	} while (got < 0 && errno == EAGAIN && slot->patience_ms != 0 && real()->poll(&ready, 1, -1) >= 0);
	slot->likely = block != NULL && got > 0 && (size_t)got == bytes + BLOCK_BYTES;
	if (got <= 0 || (size_t)got <= bytes) {
		block_give(block);
		return got;
	}
	block->end = (size_t)got - bytes;
	slot_ahead_set(slot, block);
	return (ssize_t)bytes;
}

static ssize_t read_ahead(struct slot *slot, int fd, void *to, size_t bytes)
{
	struct block *block = slot_ahead(slot);

	if (block == NULL)
		return behind_settle(slot, fd) ? read_more(slot, fd, to, bytes) : 0;
	if (bytes >= block->end - block->at) {
		bytes = block->end - block->at;
		memcpy(to, block->octets + block->at, bytes);
		slot_ahead_set(slot, NULL);
		block_give(block);
	} else {
		memcpy(to, block->octets + block->at, bytes);
		block->at += bytes;
	}
	return (ssize_t)bytes;
}

/* Watches whether the packet comes in the steps that we know: its head, then the rest of it, each after a poll(). */
static ssize_t read_first(struct slot *slot, int fd, void *to, size_t bytes)
{
	bool known = slot->polled;
	size_t wanted = HEAD_BYTES;
	uint32_t length;
	ssize_t got;

	slot->polled = false;
	if (slot->seen >= HEAD_BYTES) {
		memcpy(&length, slot->length, sizeof(length));
		wanted = (size_t)ntohl(length) + MILTER_LEN_BYTES;
	}
	known = known && slot->seen + bytes == wanted;
	got = real()->read(fd, to, bytes);
	if (got <= 0)
		return got;
	for (size_t i = 0; i < (size_t)got && slot->seen + i < MILTER_LEN_BYTES; i++)
		slot->length[slot->seen + i] = ((unsigned char *)to)[i];
	slot->seen += (size_t)got;
	if (!known)
		slot_stage_set(slot, PLAIN);
	else if (slot->seen == wanted && wanted > HEAD_BYTES)
		slot_stage_set(slot, AHEAD);
	return got;
}

ssize_t ahead_read(int fd, void *to, size_t bytes)
{
	struct slot *slot = slot_of(fd);

	if (slot == NULL || bytes == 0)
		return real()->read(fd, to, bytes);
	switch (slot_stage(slot)) {
	case FIRST_PACKET:
		return read_first(slot, fd, to, bytes);
	case AHEAD:
		return read_ahead(slot, fd, to, bytes);
	default:
		return real()->read(fd, to, bytes);
	}
}

/* ---- waiting ---- */

/* Many at once, as libmilter's pool of threads waits; the connections may be others' by now, so they are only looked at. */
static int poll_many(struct pollfd *fds, nfds_t count, int timeout_ms)
{
	bool some = false;
	int ready;

	for (nfds_t i = 0; i < count && !some; i++) {
		const struct slot *slot = slot_of(fds[i].fd);

		some = slot != NULL && (fds[i].events & POLLIN) != 0 && slot_ahead(slot) != NULL;
	}
	ready = real()->poll(fds, count, some ? 0 : timeout_ms);
	if (!some || ready < 0)
		return ready;
	for (nfds_t i = 0; i < count; i++) {
		const struct slot *slot = slot_of(fds[i].fd);

		if (slot == NULL || (fds[i].events & POLLIN) == 0 || slot_ahead(slot) == NULL)
			continue;
		ready += fds[i].revents == 0;
		fds[i].revents |= POLLIN;
	}
	return ready;
}

/* Without poll(), which libmilter would follow with read(): a short wait is recv()'s own. OTHER: it takes poll(). */
static enum sight see(struct slot *slot, int fd, int timeout_ms)
{
	if (slot_ahead(slot) != NULL)
		return SOMETHING;
	if (timeout_ms > 0 && timeout_ms <= SHORT_MS && wait_begin()) {
		enum sight sight = patience_set(slot, fd, timeout_ms) ? look(slot, fd, 0) : OTHER;

		wait_end();
		return sight;
	}
	return slot->likely && look(slot, fd, MSG_DONTWAIT) == SOMETHING ? SOMETHING : OTHER;
}

static int poll_to_read(struct slot *slot, struct pollfd *wanted, int timeout_ms)
{
	enum sight sight = OTHER;
	int ready;

	slot->polled = true;
	if (behind_settle(slot, wanted->fd) && slot_stage(slot) == AHEAD)
		sight = see(slot, wanted->fd, timeout_ms);
	if (sight == OTHER) {
		ready = real()->poll(wanted, 1, timeout_ms);
	} else {
		ready = sight == SOMETHING;
		wanted->revents = ready ? POLLIN : 0;
	}
	if (sight != SOMETHING)		/* also after a time-out: libmilter's pool waits, and comes back when there is something */
		slot->likely = ready >= 0;
	return ready;
}

/* The write itself tells whether there is room, and does not block. */
static int poll_to_write(struct slot *slot, struct pollfd *wanted, int timeout_ms)
{
	int ready;

	if (slot_stage(slot) == AHEAD && !slot->full) {
		wanted->revents = POLLOUT;
		return 1;
	}
	ready = real()->poll(wanted, 1, timeout_ms);
	if (ready > 0)
		slot->full = false;
	return ready;
}

int ahead_poll(struct pollfd *fds, nfds_t count, int timeout_ms)
{
	struct slot *slot;

	if (count != 1)
		return poll_many(fds, count, timeout_ms);
	slot = slot_of(fds->fd);
	if (slot == NULL)
		return real()->poll(fds, count, timeout_ms);
	if (fds->events == POLLOUT)
		return poll_to_write(slot, fds, timeout_ms);
	if ((fds->events & (POLLIN | POLLOUT)) == POLLIN)
		return poll_to_read(slot, fds, timeout_ms);
	return poll_many(fds, count, timeout_ms);
}

int ahead_close(int fd)
{
	struct slot *slot = slot_of(fd);

	if (slot != NULL) {
		behind_last(slot, fd);
		slot_clear(slot);
		slot_stage_set(slot, NOT_OURS);
	}
	return real()->close(fd);
}
