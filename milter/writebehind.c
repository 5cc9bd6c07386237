/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * See readahead.h: the writing half, below libmilter's mi_wr_cmd(). An edit is kept when it is a whole packet of a kind that a
 * reply must follow; whatever else libmilter writes takes it along. So an edit that could not be sent shows at the reply:
 * either way the connection is at an end and the MTA does without us.
 * Trusts and fails as readahead.c. Thread: whoever uses the connection.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

#include "readahead_slot.h"

enum {
	PARTS = 4,
	SETTLE_MS = 10 * 1000,
};

ssize_t behind_writev(int fd, const struct iovec *parts, int count) __asm__("writev");

/* What only makes sense before a reply, which libmilter sends after the callback that made them. */
static bool is_edit(char command)
{
	return command == SMFIR_INSHEADER || command == SMFIR_CHGHEADER || command == SMFIR_ADDHEADER ||
	    command == SMFIR_QUARANTINE;
}

static size_t sum(const struct iovec *parts, int count)
{
	size_t bytes = 0;

	for (int i = 0; i < count; i++)
		bytes += parts[i].iov_len;
	return bytes;
}

/* @return the command of a whole packet as libmilter hands it over; '\0': something else. */
static char packet_command(const struct slot *slot, const struct iovec *parts, int count)
{
	uint32_t length;

	if (slot->rest != 0 || count < 1 || parts[0].iov_len != HEAD_BYTES)
		return '\0';
	memcpy(&length, parts[0].iov_base, sizeof(length));
	if ((size_t)ntohl(length) + MILTER_LEN_BYTES != sum(parts, count))
		return '\0';
	return ((const char *)parts[0].iov_base)[MILTER_LEN_BYTES];
}

/* @return false: no room, or nothing that may wait. */
static bool keep_behind(struct slot *slot, const struct iovec *parts, int count)
{
	struct block *block = slot->behind;

	if (!slot->answers || !is_edit(packet_command(slot, parts, count)))
		return false;
	if (sum(parts, count) > BLOCK_BYTES - (block != NULL ? block->end : 0))
		return false;
	if (block == NULL && (block = block_take()) == NULL)
		return false;
	for (int i = 0; i < count; i++) {
		if (parts[i].iov_len != 0)
			memcpy(block->octets + block->end, parts[i].iov_base, parts[i].iov_len);
		block->end += parts[i].iov_len;
	}
	slot->behind = block;
	return true;
}

/* Of what has waited. @return how many octets of the rest went out. */
static size_t behind_went(struct slot *slot, size_t bytes)
{
	struct block *block = slot->behind;
	size_t waited = block != NULL ? block->end - block->at : 0;

	if (block == NULL)
		return bytes;
	if (bytes < waited) {
		block->at += bytes;
		return 0;
	}
	block_give(block);
	slot->behind = NULL;
	return bytes - waited;
}

/*
 * What waits and then the parts, in one write that does not block: libmilter asks poll() and comes again with the rest,
 * as long as its time-out allows.
 * @return as writev() does of the parts; -1 with EAGAIN when none of them went out.
 */
static ssize_t send_now(struct slot *slot, int fd, const struct iovec *parts, int count)
{
	struct iovec all[1 + PARTS];
	struct msghdr message = { .msg_iov = all };
	size_t bytes = sum(parts, count), went;
	ssize_t sent;

	if (slot->behind != NULL)
		all[message.msg_iovlen++] = (struct iovec){ slot->behind->octets + slot->behind->at,
			slot->behind->end - slot->behind->at };
	for (int i = 0; i < count; i++)
		all[message.msg_iovlen++] = parts[i];
	sent = sendmsg(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
	slot->likely = false;	/* the MTA first reads this */
	if (sent < 0) {
		slot->full = errno == EAGAIN;
		return -1;
	}
	went = behind_went(slot, (size_t)sent);
	slot->full = slot->behind != NULL || went < bytes;
	if (went > 0)
		slot->rest = bytes - went;
	if (went == 0 && slot->full) {
		errno = EAGAIN;
		return -1;
	}
	return (ssize_t)went;
}

/* libmilter should have sent something after what waits; the MTA must not wait for it. */
bool behind_settle(struct slot *slot, int fd)
{
	while (slot->behind != NULL) {
		struct pollfd room = { .fd = fd, .events = POLLOUT };

		if (send_now(slot, fd, NULL, 0) == 0 || errno == EINTR)
			continue;
		if (errno == EAGAIN && real()->poll(&room, 1, SETTLE_MS) != 0)
			continue;
		(void)shutdown(fd, SHUT_RDWR);
		block_give(slot->behind);
		slot->behind = NULL;
		return false;
	}
	return true;
}

void behind_last(struct slot *slot, int fd)
{
	if (slot->behind != NULL)
		(void)send_now(slot, fd, NULL, 0);
}

ssize_t behind_writev(int fd, const struct iovec *parts, int count)
{
	struct slot *slot = slot_of(fd);

	if (slot == NULL || slot_stage(slot) != AHEAD)
		return real()->writev(fd, parts, count);
	if (count < 0 || count > PARTS) {	/* not libmilter's */
		(void)behind_settle(slot, fd);
		return real()->writev(fd, parts, count);
	}
	if (keep_behind(slot, parts, count))
		return (ssize_t)sum(parts, count);
	if (!slot->answers && packet_command(slot, parts, count) == SMFIC_OPTNEG) {
		slot->answers = true;
		if (slot->library != NULL)
			atomic_store_explicit(&slot->library->known, true, memory_order_relaxed);
	}
	return send_now(slot, fd, parts, count);
}
