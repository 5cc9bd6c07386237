/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Takes the signals away from libmilter. smfi_main() starts a thread that does sigwait() on SIGHUP, SIGTERM and SIGINT and
 * stops the filter on any of them, SIGHUP too; there is no call to forbid it. A blocked signal goes to any thread that waits
 * for it, so a second waiter of our own would win only sometimes. This sigwait() stands before the C library's
 * when libmilter is linked, and never returns to that thread; our own code uses sigwaitinfo().
 * Thread: libmilter's signal thread. If libmilter ever stops calling sigwait(), nothing is lost but this file's purpose;
 * tests/flow/test_daemon.py sends bursts of SIGHUP and would notice.
 */
#include <signal.h>
#include <unistd.h>

int sigwait(const sigset_t *restrict set, int *restrict signal_r)
{
	sigset_t all;

	if (!sigismember(set, SIGHUP)) {	/* somebody else's, after all */
		int signal_number = sigwaitinfo(set, NULL);

		*signal_r = signal_number;
		return signal_number < 0 ? 1 : 0;
	}
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, NULL);
	for (;;)
		pause();
}
