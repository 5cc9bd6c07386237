/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How many sessions are let in. Up to max-sessions (or what the descriptors allow, descriptors.h) are judged; a few more are taken
 * to be told a temporary failure, which the MTA hands on whatever its milter_default_action says; the rest waits in the socket's
 * queue until a place is free. So no session can take the descriptors that DNS, database and log need for the others.
 *
 * libmilter has no call for that: when accept() fails for want of descriptors it asks again at once, for ever, at full
 * load, and its sessions' descriptors are its own. The accept() below stands before the C library's, as sigwait() does
 * (sigwait.c). A session's place is free when its descriptor is no longer the socket that it was; that is looked at only when no
 * place seems to be left.
 * Thread: accept() libmilter's listener; the others any.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "assayd.h"
#include "health.h"
#include "metrics.h"
#include "readahead.h"
#include "util/out_of_memory.h"

enum {
	WAIT_MS = 20,			/* until we look again; the MTA waits much longer */
	SHORTAGE_MS = 100,
};

struct place { int fd; uint64_t inode; };

static struct {
	atomic_uint sessions, refusals;	/* how many places; 0 before the start */
	atomic_uint taken;		/* sessions that are judged */
	atomic_uint_fast64_t waits;
	const char *_Atomic reason;
	/* the listener's own */
	struct place *places;
	size_t count, room;
	struct readahead_library library;
} admission;

void admission_open(unsigned sessions, unsigned refusals, const char *reason)
{
	atomic_store(&admission.reason, reason);
	atomic_store(&admission.refusals, refusals);
	atomic_store(&admission.sessions, sessions);
}

bool admission_take(void)
{
	unsigned max = atomic_load(&admission.sessions);
	char text[160];

	if (atomic_fetch_add(&admission.taken, 1) < max)
		return true;
	atomic_fetch_sub(&admission.taken, 1);
	snprintf(text, sizeof(text), "%u sessions of the MTA are open, as many as %s", max, atomic_load(&admission.reason));
	health_note(HEALTH_SESSIONS, false, text);
	health_affected(HEALTH_SESSIONS, 1);
	metrics_note_session_put_off(PUT_OFF_SESSIONS);
	return false;
}

void admission_give_back(void)
{
	atomic_fetch_sub(&admission.taken, 1);
}

uint64_t admission_waits(void)
{
	return atomic_load(&admission.waits);
}

/*
 * The descriptor may long be somebody else's, who opens and closes as he likes: whatever is seen of it is true at some moment, and
 * a socket that has another number is not ours. (ThreadSanitizer would call fstat() on it a race.)
 */
static bool socket_inode(int fd, uint64_t *inode_r)
{
	struct statx status;

	if (statx(fd, "", AT_EMPTY_PATH, STATX_INO | STATX_TYPE, &status) != 0 || !S_ISSOCK(status.stx_mode))
		return false;
	*inode_r = status.stx_ino;
	return true;
}

static bool is_same_socket(const struct place *place)
{
	uint64_t inode;

	return socket_inode(place->fd, &inode) && inode == place->inode;
}

static void places_sweep(void)
{
	size_t kept = 0;

	for (size_t i = 0; i < admission.count; i++)
		if (is_same_socket(&admission.places[i]))
			admission.places[kept++] = admission.places[i];
	admission.count = kept;
}

static bool place_is_free(void)
{
	size_t max = (size_t)atomic_load(&admission.sessions) + atomic_load(&admission.refusals);

	if (admission.count >= max)
		places_sweep();
	if (admission.room < max) {
		struct place *larger = realloc(admission.places, max * sizeof(*larger));

		if (larger == NULL)
			out_of_memory();
		admission.places = larger;
		admission.room = max;
	}
	return admission.count < max;
}

static void place_take(int fd)
{
	uint64_t inode;

	if (socket_inode(fd, &inode))
		admission.places[admission.count++] = (struct place){ fd, inode };
}

/* @return -1 with an error that libmilter takes for "nothing there", and asks again. */
static int not_now(unsigned wait_ms)
{
	atomic_fetch_add(&admission.waits, 1);
	usleep(wait_ms * 1000);
	errno = EAGAIN;
	return -1;
}

static int accept_session(int listener, __SOCKADDR_ARG address, socklen_t *restrict length)
{
	char text[160];
	int fd;

	if (!place_is_free()) {
		health_note(HEALTH_SESSIONS, false, "connections of the MTA wait, there are as many as can be had");
		return not_now(WAIT_MS);
	}
	if (threads_are_short())
		return not_now(WAIT_MS);
	fd = accept4(listener, address, length, SOCK_CLOEXEC);
	if (fd >= 0) {
		place_take(fd);
		readahead_begin(fd, &admission.library);
	} else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
		snprintf(text, sizeof(text), "a connection of the MTA cannot be taken: %s; raise the system's limits", strerror(errno));
		health_note(HEALTH_SESSIONS, false, text);
		return not_now(SHORTAGE_MS);
	}
	return fd;
}

int accept(int listener, __SOCKADDR_ARG address, socklen_t *restrict length)
{
	if (!listen_is_ours(listener) || atomic_load(&admission.sessions) == 0)
		return accept4(listener, address, length, 0);
	return accept_session(listener, address, length);
}
