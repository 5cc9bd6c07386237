/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * See run.h. Output is read from both pipes while the program runs, so that neither can fill and stop it. A program that
 * takes too long is killed with what it started in its process group.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "run.h"
#include "util/buf.h"
#include "util/clock.h"

enum { READ_BYTES = 16384, NOT_STARTED = 127, STEP_MS = 20 };

static void child(const char *const *argv, const int *out, const int *err)
{
	const char *path = getenv("PATH");
	char wide[4096];
	int null = open("/dev/null", O_RDONLY);

	(void)setpgid(0, 0);
	(void)signal(SIGPIPE, SIG_DFL);
	if (null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(out[1], STDOUT_FILENO) < 0 || dup2(err[1], STDERR_FILENO) < 0)
		_exit(NOT_STARTED);
	/* root's PATH under su or cron may lack the sbin directories */
	if (path != NULL && snprintf(wide, sizeof(wide), "%s:/usr/sbin:/sbin:/usr/local/sbin", path) < (int)sizeof(wide))
		(void)setenv("PATH", wide, 1);
	(void)setenv("LC_ALL", "C", 1);
	execvp(argv[0], (char *const *)(uintptr_t)argv);
	dprintf(STDERR_FILENO, "%s: %s\n", argv[0], strerror(errno));
	_exit(NOT_STARTED);
}

/* Reads what is there. @return whether more may come. */
static bool take(int fd, struct buf *buf)
{
	char block[READ_BYTES];
	ssize_t got = read(fd, block, sizeof(block));

	if (got > 0 && buf->length < RUN_OUTPUT_MAX_BYTES)
		buf_append(buf, block, (size_t)got);
	return got > 0 || (got < 0 && errno == EINTR);
}

struct job {
	pid_t pid;
	struct pollfd fds[2];		/* standard output, standard error; -1: at their end */
	struct buf texts[2];
	int wait_status;
	bool ended;
};

/* @return whether anything came. */
static bool take_both(struct job *job, int timeout_ms)
{
	bool came = false;

	if (poll(job->fds, 2, timeout_ms) <= 0)
		return false;
	for (int i = 0; i < 2; i++) {
		if (job->fds[i].fd < 0 || job->fds[i].revents == 0)
			continue;
		if (take(job->fds[i].fd, &job->texts[i]))
			came = true;
		else
			job->fds[i].fd = -1;
	}
	return came;
}

/*
 * Until the program has ended, whoever else may still hold its pipes: a daemon that it leaves behind.
 * @return whether that was in time.
 */
static bool collect(struct job *job, unsigned timeout_secs)
{
	int64_t until_ms = clock_monotonic_ms() + (int64_t)timeout_secs * 1000;

	while (clock_monotonic_ms() < until_ms) {
		if (take_both(job, STEP_MS))
			continue;
		job->ended = waitpid(job->pid, &job->wait_status, WNOHANG) == job->pid;
		if (job->ended) {
			while (take_both(job, 0))
				;
			return true;
		}
		if (job->fds[0].fd < 0 && job->fds[1].fd < 0)
			usleep(STEP_MS * 1000);
	}
	return false;
}

bool run_program(struct arena *arena, const char *const *argv, unsigned timeout_secs, struct run_result *result_r)
{
	struct job job = { .texts = { buf_make(arena), buf_make(arena) } };
	int out[2], err[2];

	*result_r = (struct run_result){ .status = -1, .output = "", .errors = "the system gives no process" };
	if (pipe2(out, O_CLOEXEC) != 0)
		return false;
	if (pipe2(err, O_CLOEXEC) != 0 || (job.pid = fork()) < 0) {
		close(out[0]);
		close(out[1]);
		return false;
	}
	if (job.pid == 0)
		child(argv, out, err);
	close(out[1]);
	close(err[1]);
	job.fds[0] = (struct pollfd){ .fd = out[0], .events = POLLIN };
	job.fds[1] = (struct pollfd){ .fd = err[0], .events = POLLIN };
	if (!collect(&job, timeout_secs)) {
		(void)kill(-job.pid, SIGKILL);
		(void)waitpid(job.pid, &job.wait_status, 0);
		buf_printf(&job.texts[1], "%s took longer than %u s and was stopped\n", argv[0], timeout_secs);
	}
	close(out[0]);
	close(err[0]);
	if (job.ended && WIFEXITED(job.wait_status) && WEXITSTATUS(job.wait_status) != NOT_STARTED)
		result_r->status = WEXITSTATUS(job.wait_status);
	result_r->output = job.texts[0].data;
	result_r->errors = job.texts[1].data;
	return result_r->status == 0;
}

const char *first_line(struct arena *arena, const char *text)
{
	return arena_strndup(arena, text, strcspn(text, "\r\n"));
}
