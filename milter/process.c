/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The process: user and group, pid file, background. Called by main.c before any thread exists.
 * Fails with a sysexits.h code and a sentence for the admin.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "assayd.h"

static struct {
	int pid_fd;
	char *pid_path;
	int parent_fd;		/* pipe to the waiting parent; -1: none */
} process = { .pid_fd = -1, .parent_fd = -1 };

int process_find_user(const char *user, const char *group, struct process_user *user_r, char *why_r, size_t why_bytes)
{
	const struct passwd *passwd;
	const struct group *entry;

	*user_r = (struct process_user){ .uid = geteuid(), .gid = getegid() };
	if (user == NULL || *user == '\0' || geteuid() != 0)	/* the option is for a start by root */
		return 0;
	passwd = getpwnam(user);
	if (passwd == NULL) {
		snprintf(why_r, why_bytes, "user \"%s\" does not exist (option user; create it, or name another)", user);
		return EX_NOUSER;
	}
	user_r->name = user;
	user_r->uid = passwd->pw_uid;
	user_r->gid = passwd->pw_gid;
	if (group != NULL && *group != '\0') {
		entry = getgrnam(group);
		if (entry == NULL) {
			snprintf(why_r, why_bytes, "group \"%s\" does not exist (option group)", group);
			return EX_NOUSER;
		}
		user_r->gid = entry->gr_gid;
	}
	user_r->change = user_r->uid != 0;
	return 0;
}

int process_drop_privileges(const struct process_user *user, char *why_r, size_t why_bytes)
{
	(void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	if (!user->change)
		return 0;
	if (initgroups(user->name, user->gid) != 0 || setresgid(user->gid, user->gid, user->gid) != 0 ||
	    setresuid(user->uid, user->uid, user->uid) != 0) {
		snprintf(why_r, why_bytes, "cannot become user \"%s\": %s", user->name, strerror(errno));
		return EX_NOPERM;
	}
	if (setuid(0) == 0 || seteuid(0) == 0) {
		snprintf(why_r, why_bytes, "privileges did not go away for good");
		return EX_OSERR;
	}
	return 0;
}

static int pid_file_fail(char *why_r, size_t why_bytes, const char *path)
{
	snprintf(why_r, why_bytes, "pid file %s cannot be written: %s", path, strerror(errno));
	if (process.pid_fd >= 0)
		close(process.pid_fd);
	process.pid_fd = -1;
	return EX_CANTCREAT;
}

int process_write_pid_file(const char *path, char *why_r, size_t why_bytes)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	char text[32];
	int length = snprintf(text, sizeof(text), "%ld\n", (long)getpid());

	process.pid_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (process.pid_fd < 0)
		return pid_file_fail(why_r, why_bytes, path);
	if (fcntl(process.pid_fd, F_SETLK, &lock) != 0) {
		lock.l_pid = 0;
		(void)fcntl(process.pid_fd, F_GETLK, &lock);
		snprintf(why_r, why_bytes, "pid file %s is locked: assayd is already running as process %ld", path,
		    (long)lock.l_pid);
		close(process.pid_fd);
		process.pid_fd = -1;
		return EX_UNAVAILABLE;
	}
	if (ftruncate(process.pid_fd, 0) != 0 || write(process.pid_fd, text, (size_t)length) != length)
		return pid_file_fail(why_r, why_bytes, path);
	process.pid_path = strdup(path);
	return 0;
}

void process_remove_pid_file(void)
{
	if (process.pid_fd < 0)
		return;
	/* The directory may belong to root: then an empty file stays, whose lock is gone. */
	if (process.pid_path != NULL && unlink(process.pid_path) != 0 && ftruncate(process.pid_fd, 0) != 0)
		log_debug("pid file %s could not be removed", process.pid_path);
	close(process.pid_fd);
	process.pid_fd = -1;
	free(process.pid_path);
	process.pid_path = NULL;
}

/* The parent's part: its exit code is the child's, so that a failed start is seen by who started it. */
static void parent_wait(int fd, pid_t child)
{
	unsigned char code;
	int status;

	if (read(fd, &code, 1) == 1)
		_exit(code);
	if (waitpid(child, &status, 0) == child && WIFEXITED(status))
		_exit(WEXITSTATUS(status));
	_exit(EX_SOFTWARE);
}

int process_background(char *why_r, size_t why_bytes)
{
	int fds[2];
	pid_t child;

	if (pipe2(fds, O_CLOEXEC) != 0 || (child = fork()) < 0) {
		snprintf(why_r, why_bytes, "cannot go into the background: %s", strerror(errno));
		return EX_OSERR;
	}
	if (child != 0) {
		close(fds[1]);
		parent_wait(fds[0], child);
	}
	close(fds[0]);
	process.parent_fd = fds[1];
	(void)setsid();
	return 0;
}

void process_ready(bool keep_stderr)
{
	const unsigned char code = EX_OK;
	int null;

	if (process.parent_fd < 0)
		return;
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null >= 0) {
		(void)dup2(null, STDIN_FILENO);
		(void)dup2(null, STDOUT_FILENO);
		if (!keep_stderr)
			(void)dup2(null, STDERR_FILENO);
		if (null > STDERR_FILENO)
			close(null);
	}
	if (write(process.parent_fd, &code, 1) != 1)
		log_debug("the process that started assayd is gone");
	close(process.parent_fd);
	process.parent_fd = -1;
}
