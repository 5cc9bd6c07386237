/* SPDX-License-Identifier: BSD-2-Clause */
/* Where test programs write; see scratch.h. Whatever fails here ends the program, for no case can go on. */
#include "scratch.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { REMOVE_TRIES = 100, REMOVE_PAUSE_US = 50000 };

static struct {
	pthread_mutex_t lock;
	char root[SCRATCH_BYTES - 8];	/* "": not made yet */
	unsigned count;			/* of names given out below it */
	pid_t owner, keeper;
} scratch = { .lock = PTHREAD_MUTEX_INITIALIZER };

static void must(int good, const char *what)
{
	if (good)
		return;
	perror(what);
	abort();
}

static void make_directory(char *path_r, size_t bytes)
{
	static const char name[] = "assay-unit-XXXXXX";
	const char *parent = getenv("TMPDIR");

	if (parent == NULL || parent[0] == '\0' || strlen(parent) + sizeof(name) >= bytes)
		parent = "/tmp";
	snprintf(path_r, bytes, "%s/%s", parent, name);
	must(mkdtemp(path_r) != NULL, path_r);
	must(chmod(path_r, 0755) == 0, path_r);
}

/* More than once: a server that ends at the same time may still write. */
static void remove_root(void)
{
	char command[SCRATCH_BYTES + 32];

	snprintf(command, sizeof(command), "exec rm -rf -- '%s'", scratch.root);
	for (int i = 0; i < REMOVE_TRIES && access(scratch.root, F_OK) == 0; i++) {
		if (system(command) != 0)
			usleep(REMOVE_PAUSE_US);
	}
}

/* The second process: no signal that is meant for the program, nor a descriptor of its, is kept. */
static _Noreturn void keep(int program)
{
	struct pollfd ended = { .fd = program, .events = POLLIN };
	int null = open("/dev/null", O_RDWR);

	for (int fd = 0; null >= 0 && fd < 3; fd++)
		dup2(null, fd);
	for (int fd = 3; fd < 1024; fd++)
		if (fd != program)
			close(fd);
	while (poll(&ended, 1, -1) != 1)
		;
	remove_root();
	_exit(0);
}

static void end(void)
{
	if (getpid() != scratch.owner)
		return;		/* a child of the test */
	remove_root();
	kill(scratch.keeper, SIGKILL);
	waitpid(scratch.keeper, NULL, 0);
}

static void begin(void)
{
	sigset_t all, before;
	int program;

	make_directory(scratch.root, sizeof(scratch.root));
	scratch.owner = getpid();
	program = pidfd_open(scratch.owner, 0);
	must(program >= 0, "pidfd_open");
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &before);
	scratch.keeper = fork();
	must(scratch.keeper >= 0, "fork");
	if (scratch.keeper == 0)
		keep(program);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	close(program);
	must(atexit(end) == 0, "atexit");
}

static void next_name(char *path_r)
{
	pthread_mutex_lock(&scratch.lock);
	if (scratch.root[0] == '\0')
		begin();
	snprintf(path_r, SCRATCH_BYTES, "%s/%u", scratch.root, ++scratch.count);
	pthread_mutex_unlock(&scratch.lock);
}

void scratch_directory(char *path_r)
{
	next_name(path_r);
	must(mkdir(path_r, 0755) == 0 && chmod(path_r, 0755) == 0, path_r);
}

void scratch_file(char *path_r)
{
	int fd;

	next_name(path_r);
	fd = open(path_r, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	must(fd >= 0 && close(fd) == 0, path_r);
}

void scratch_directory_kept(char *path_r)
{
	make_directory(path_r, SCRATCH_BYTES);
}
