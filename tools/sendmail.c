/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * See sendmail.h. Trusts the command, not the addresses: what is not plain never gets there, whoever checked it before. The message is
 * written while the command's output is read, so that neither can stop the other.
 */
#include "sendmail.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "util/buf.h"
#include "util/clean.h"
#include "util/clock.h"

enum { SAID_MAX_BYTES = 4096, STEP_MS = 20, NOT_STARTED = 127, ADDRESS_MAX = 320 };

struct letter {
	pid_t pid;
	struct pollfd fds[2];		/* its input, its output; -1: done */
	const char *rest;		/* of the message */
	size_t rest_bytes;
	struct buf said;
	int wait_status;
	bool ended, cut;		/* cut: it closed its input before it had all */
};

/* local@domain; no sign that sendmail, a shell behind it or a header could take for anything else. */
static bool address_plain(const char *address)
{
	const char *at = strchr(address, '@');

	if (at == NULL || at == address || at[1] == '\0' || address[0] == '-' || strlen(address) > ADDRESS_MAX)
		return false;
	for (const char *p = address; *p != '\0'; p++)
		if (p != at && !clean_is(*p, CLEAN_NAME) && strchr("+=~", *p) == NULL)
			return false;
	return true;
}

static void child(const struct sendmail_mail *mail, const int *in, const int *out)
{
	const char *argv[8 + SENDMAIL_RECIPIENTS_MAX] = { mail->command, "-i", "-f", mail->from[0] != '\0' ? mail->from : "<>", "--" };
	size_t used = 5;

	for (size_t i = 0; i < mail->recipient_count; i++)
		argv[used++] = mail->recipients[i];
	argv[used] = NULL;
	(void)setpgid(0, 0);
	(void)signal(SIGPIPE, SIG_DFL);
	if (dup2(in[0], STDIN_FILENO) < 0 || dup2(out[1], STDOUT_FILENO) < 0 || dup2(out[1], STDERR_FILENO) < 0)
		_exit(NOT_STARTED);
	(void)setenv("LC_ALL", "C", 1);
	execv(argv[0], (char *const *)(uintptr_t)argv);
	dprintf(STDERR_FILENO, "%s\n", strerror(errno));
	_exit(NOT_STARTED);
}

static void close_input(struct letter *letter)
{
	if (letter->fds[0].fd >= 0)
		close(letter->fds[0].fd);
	letter->fds[0].fd = -1;
}

static void write_some(struct letter *letter)
{
	ssize_t put = write(letter->fds[0].fd, letter->rest, letter->rest_bytes);

	if (put > 0) {
		letter->rest += put;
		letter->rest_bytes -= (size_t)put;
	} else if (put < 0 && errno != EINTR && errno != EAGAIN) {
		letter->cut = true;
		close_input(letter);
	}
	if (letter->rest_bytes == 0)
		close_input(letter);
}

static void read_some(struct letter *letter)
{
	char block[1024];
	ssize_t got = read(letter->fds[1].fd, block, sizeof(block));

	if (got > 0 && letter->said.length < SAID_MAX_BYTES)
		buf_append(&letter->said, block, (size_t)got);
	if (got == 0 || (got < 0 && errno != EINTR && errno != EAGAIN)) {
		close(letter->fds[1].fd);
		letter->fds[1].fd = -1;
	}
}

/* Until the command has ended, whoever else may hold its pipes. @return whether that was in time. */
static bool converse(struct letter *letter, unsigned timeout_secs)
{
	int64_t until_ms = clock_monotonic_ms() + (int64_t)timeout_secs * 1000;

	while (clock_monotonic_ms() < until_ms) {
		int ready = poll(letter->fds, 2, STEP_MS);

		if (ready > 0 && letter->fds[0].fd >= 0 && letter->fds[0].revents != 0)
			write_some(letter);
		if (ready > 0 && letter->fds[1].fd >= 0 && letter->fds[1].revents != 0)
			read_some(letter);
		if (ready > 0)
			continue;
		letter->ended = waitpid(letter->pid, &letter->wait_status, WNOHANG) == letter->pid;
		if (letter->ended)
			return true;
		if (letter->fds[0].fd < 0 && letter->fds[1].fd < 0)
			usleep(STEP_MS * 1000);
	}
	return false;
}

/* @return false when the system gives no process. */
static bool start(const struct sendmail_mail *mail, struct letter *letter)
{
	int in[2], out[2];

	if (pipe2(in, O_CLOEXEC) != 0)
		return false;
	if (pipe2(out, O_CLOEXEC) != 0 || (letter->pid = fork()) < 0) {
		close(in[0]);
		close(in[1]);
		return false;
	}
	if (letter->pid == 0)
		child(mail, in, out);
	close(in[0]);
	close(out[1]);
	(void)fcntl(in[1], F_SETFL, O_NONBLOCK);
	letter->fds[0] = (struct pollfd){ .fd = in[1], .events = POLLOUT };
	letter->fds[1] = (struct pollfd){ .fd = out[0], .events = POLLIN };
	return true;
}

static void finish(struct letter *letter)
{
	if (!letter->ended) {
		(void)kill(-letter->pid, SIGKILL);
		(void)kill(letter->pid, SIGKILL);	/* before it has made its group */
		(void)waitpid(letter->pid, &letter->wait_status, 0);
	}
	close_input(letter);
	if (letter->fds[1].fd >= 0)
		close(letter->fds[1].fd);
}

/* What it said in one line, for people. */
static const char *said(struct arena *arena, const struct letter *letter)
{
	size_t length = strcspn(letter->said.data, "\r\n");
	char line[256];

	clean_log_line(line, sizeof(line), arena_strndup(arena, letter->said.data, length));
	return length != 0 ? arena_printf(arena, ": %s", line) : "";
}

static enum sendmail_outcome judge(struct arena *arena, const struct sendmail_mail *mail, const struct letter *letter,
    const char **why_r)
{
	int status = WIFEXITED(letter->wait_status) ? WEXITSTATUS(letter->wait_status) : -1;

	if (!letter->ended || status < 0) {
		*why_r = arena_printf(arena, letter->ended ? "%s was killed%s" : "%s took too long and was stopped%s", mail->command,
		    said(arena, letter));
		return SENDMAIL_LATER;
	}
	if (status == EX_OK && !letter->cut && letter->rest_bytes == 0)
		return SENDMAIL_SENT;
	*why_r = arena_printf(arena, "%s ended with status %d%s%s", mail->command, status, letter->cut ? " before it had read all" : "",
	    said(arena, letter));
	/* what it says of the message or of the addresses stays; all else may be another day */
	if (status != EX_USAGE && status != EX_DATAERR && status != EX_NOUSER && status != EX_NOHOST)
		return SENDMAIL_LATER;
	return SENDMAIL_REFUSED;
}

enum sendmail_outcome sendmail_send(struct arena *arena, const struct sendmail_mail *mail, const char **why_r)
{
	struct letter letter = { .rest = mail->message, .rest_bytes = mail->message_bytes, .said = buf_make(arena) };
	const char *bad = mail->from[0] != '\0' && !address_plain(mail->from) ? mail->from : NULL;

	*why_r = "";
	for (size_t i = 0; i < mail->recipient_count && bad == NULL; i++)
		if (!address_plain(mail->recipients[i]))
			bad = mail->recipients[i];
	if (bad != NULL || mail->recipient_count == 0 || mail->recipient_count > SENDMAIL_RECIPIENTS_MAX) {
		*why_r = bad != NULL ? arena_printf(arena, "the address %s is not one that is mailed to",
		    clean_word(arena, bad, ADDRESS_MAX)) : "no address, or too many";
		return SENDMAIL_REFUSED;
	}
	if (!start(mail, &letter)) {
		*why_r = "the system gives no process";
		return SENDMAIL_LATER;
	}
	(void)converse(&letter, mail->timeout_secs);
	finish(&letter);
	return judge(arena, mail, &letter, why_r);
}
