/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Threads and what each of them costs in memory; set before there are any.
 *
 * The C library reserves 8 MiB of address space for a thread's stack and 64 MiB for the heap of each of up to eight threads a
 * processor, of which next to nothing is used. Under a limit on address space that alone ends the process, so both are bounded:
 * the deepest stack that hostile mail was made to take is a fraction of STACK_BYTES (tests/flow/test_resources.py measures it),
 * and more heaps than HEAPS made nothing faster (tests/bench/run). libuv takes its stack's size from RLIMIT_STACK.
 *
 * When libmilter cannot make a thread for a session it says so in syslog and forgets the session: it hangs, with its descriptor,
 * for good. The pthread_create() below stands before the C library's (as sigwait() in sigwait.c does) and keeps what could not
 * be started until it can. All threads but libmilter's are made by the main thread, and their makers are told of a failure.
 */
#include <dlfcn.h>
#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "assayd.h"
#include "health.h"
#include "util/error.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { STACK_BYTES = 8 << 20 };	/* their frames are many times as large */
#else
enum { STACK_BYTES = 512 << 10 };
#endif

enum {
	HEAPS = 4,			/* one where address space is scarce */
	SCARCE_BYTES = 1 << 30,
	LATE_MAX = 1024,
	RETRY_MS = 20,
};

typedef int create_function(pthread_t *restrict, const pthread_attr_t *restrict, void *(*)(void *), void *restrict);

struct late { void *(*start)(void *); void *argument; };

static struct {
	create_function *create;	/* the C library's, or a sanitizer's */
	pthread_t main_thread;
	bool serves;			/* there is who starts what comes late */
	pthread_mutex_t lock;
	pthread_cond_t wake;
	struct late late[LATE_MAX];
	_Atomic unsigned count;		/* written under the lock */
} threads = { .lock = PTHREAD_MUTEX_INITIALIZER, .wake = PTHREAD_COND_INITIALIZER };

void threads_prepare(void)
{
	struct rlimit stack, space;
	pthread_attr_t attributes;

	threads.main_thread = pthread_self();
	(void)mallopt(M_ARENA_MAX, getrlimit(RLIMIT_AS, &space) == 0 && space.rlim_cur < SCARCE_BYTES ? 1 : HEAPS);
	if (getrlimit(RLIMIT_STACK, &stack) == 0 && stack.rlim_cur > STACK_BYTES) {
		stack.rlim_cur = STACK_BYTES;
		(void)setrlimit(RLIMIT_STACK, &stack);
	}
	if (pthread_attr_init(&attributes) != 0)
		return;
	if (pthread_attr_setstacksize(&attributes, STACK_BYTES) == 0)
		(void)pthread_setattr_default_np(&attributes);
	pthread_attr_destroy(&attributes);
}

static void *nothing_run(void *unused)
{
	return unused;
}

bool threads_can_be_made(void)
{
	pthread_t thread;

	return pthread_create(&thread, NULL, nothing_run, NULL) == 0 && pthread_join(thread, NULL) == 0;
}

bool threads_are_short(void)
{
	return atomic_load(&threads.count) != 0;
}

static create_function *real_create(void)
{
	if (threads.create == NULL) {	/* first by the main thread */
		void *found = dlsym(RTLD_NEXT, "pthread_create");

		memcpy(&threads.create, &found, sizeof(found));
	}
	return threads.create;
}

static int start_later(void *(*start)(void *), void *argument, int why)
{
	char text[160];
	int result = why;

	pthread_mutex_lock(&threads.lock);
	if (threads.count < LATE_MAX) {
		threads.late[threads.count] = (struct late){ start, argument };
		threads.count++;
		result = 0;
		pthread_cond_signal(&threads.wake);
	}
	pthread_mutex_unlock(&threads.lock);
	snprintf(text, sizeof(text), "no further thread can be made (%s); raise TasksMax= in the unit (ulimit -u) or the memory's limits",
	    strerror(why));
	health_note(HEALTH_THREADS, false, text);
	health_affected(HEALTH_THREADS, 1);
	return result;
}

int pthread_create(pthread_t *restrict thread_r, const pthread_attr_t *restrict attributes, void *(*start)(void *),
    void *restrict argument)
{
	int code = real_create()(thread_r, attributes, start, argument);

	if (code != EAGAIN || !threads.serves || pthread_equal(pthread_self(), threads.main_thread))
		return code;
	*thread_r = threads.main_thread;	/* libmilter does not look at it */
	return start_later(start, argument, code);
}

/* Tries until everything has started; with the lock held but for the pauses. */
static void *late_run(void *unused)
{
	pthread_t thread;

	(void)unused;
	pthread_mutex_lock(&threads.lock);
	for (;;) {
		if (threads.count == 0) {
			pthread_cond_wait(&threads.wake, &threads.lock);
		} else if (real_create()(&thread, NULL, threads.late[0].start, threads.late[0].argument) == 0) {
			threads.count--;
			memmove(&threads.late[0], &threads.late[1], threads.count * sizeof(threads.late[0]));
		} else {
			pthread_mutex_unlock(&threads.lock);
			usleep(RETRY_MS * 1000);
			pthread_mutex_lock(&threads.lock);
		}
	}
	return NULL;
}

int threads_serve(void)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, late_run, NULL) != 0)
		return -E_SYSTEM;
	pthread_detach(thread);
	threads.serves = true;
	return 0;
}
