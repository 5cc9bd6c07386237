/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * See daemon.h. The try at a socket happens in a child that has become the MTA's user inside the MTA's root, as a chrooted
 * smtpd does (chroot after the groups are read, then the user): whatever stands in its way stands in the child's.
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <grp.h>
#include <netdb.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "assay.h"
#include "daemon.h"
#include "milters.h"
#include "run.h"
#include "util/buf.h"
#include "util/clock.h"

enum {
	STATUS_TIMEOUT_SECS = 3, STATUS_MAX_BYTES = 1 << 16,
	PROBE_STEP_MS = 20,
	STOP_SECS = 75,			/* messages under way are finished first */
	START_SECS = 30,
	REACH_SECS = 5,
};

static int connect_unix(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	const struct timeval patience = { .tv_sec = STATUS_TIMEOUT_SECS };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || strlen(path) >= sizeof(address.sun_path)) {
		errno = fd < 0 ? errno : ENAMETOOLONG;
		return -1;
	}
	strcpy(address.sun_path, path);
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0)
		return fd;
	close(fd);
	return -1;
}

json_t *daemon_status(struct arena *arena, const char *path, const char **why_r)
{
	struct buf text = buf_make(arena);
	json_t *status = NULL;
	char block[4096];
	ssize_t got;
	int fd = path != NULL ? connect_unix(path) : -1;

	if (path == NULL) {
		*why_r = "no status-socket is configured";
		return NULL;
	}
	if (fd < 0) {
		*why_r = arena_printf(arena, "%s: %s", path, errno == ENOENT || errno == ECONNREFUSED ? "assayd is not running, or with "
		    "another configuration" : strerror(errno));
		return NULL;
	}
	while ((got = read(fd, block, sizeof(block))) > 0 && text.length < STATUS_MAX_BYTES)
		buf_append(&text, block, (size_t)got);
	close(fd);
	status = json_loadb(text.data, text.length, 0, NULL);
	if (status == NULL)
		*why_r = arena_printf(arena, "%s: assayd does not answer (it may be starting or stopping)", path);
	return status;
}

bool daemon_saw_probe(struct arena *arena, const char *status_path, const char *label, unsigned timeout_ms)
{
	int64_t until_ms = clock_monotonic_ms() + timeout_ms;
	const char *why;
	bool seen = false;

	do {
		json_t *status = daemon_status(arena, status_path, &why), *probe;
		size_t i;

		json_array_foreach(json_object_get(status, "probes"), i, probe)
			seen = seen || strcmp(json_string_value(probe), label) == 0;
		json_decref(status);
		if (!seen)
			usleep(PROBE_STEP_MS * 1000);
	} while (!seen && clock_monotonic_ms() < until_ms);
	return seen;
}

/* ---- the try, in the child ------------------------------------------------------------------------------------------ */

static int become(const struct reach *as)
{
	const struct passwd *user = as->user != NULL ? getpwnam(as->user) : NULL;
	uid_t uid;
	gid_t gid;

	if (as->user != NULL && user == NULL) {
		errno = ENOENT;
		return -1;
	}
	uid = user != NULL ? user->pw_uid : geteuid();
	gid = user != NULL ? user->pw_gid : getegid();
	if (user != NULL && initgroups(as->user, gid) != 0)
		return -1;
	if (as->root != NULL && (chroot(as->root) != 0 || chdir("/") != 0))
		return -1;
	if (as->root == NULL && as->directory != NULL && chdir(as->directory) != 0)
		return -1;
	return user == NULL || (setresgid(gid, gid, gid) == 0 && setresuid(uid, uid, uid) == 0) ? 0 : -1;
}

/* inet:HOST:PORT, [HOST] too. @return 0 or an errno. */
static int try_inet(const char *address)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *found;
	char host[256];
	const char *at = strchr(address, ':') + 1, *colon = strrchr(at, ':');
	size_t length = colon != NULL ? (size_t)(colon - at) : 0;
	int fd, result;

	if (length == 0 || length >= sizeof(host))
		return EINVAL;
	if (*at == '[' && at[length - 1] == ']') {
		at++;
		length -= 2;
	}
	memcpy(host, at, length);
	host[length] = '\0';
	if (getaddrinfo(host, colon + 1, &hints, &found) != 0)
		return EHOSTUNREACH;
	fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	result = fd >= 0 && connect(fd, found->ai_addr, found->ai_addrlen) == 0 ? 0 : errno;
	freeaddrinfo(found);
	return result;
}

static int try_address(const char *address)
{
	const char *path = libmilter_unix_path(address);
	int fd;

	if (path == NULL)
		return try_inet(address);
	fd = connect_unix(path);
	return fd >= 0 ? 0 : errno;
}

static const char *say_errno(struct arena *arena, int error)
{
	switch (error) {
	case ENOENT: return "there is no such socket";
	case ECONNREFUSED: return "nobody listens there";
	case EACCES: return "permission denied";
	default: return arena_strdup(arena, strerror(error));
	}
}

const char *daemon_reach(struct arena *arena, const char *address, const struct reach *as)
{
	int status;
	pid_t pid = fork();

	if (pid < 0)
		return "the system gives no process to try with";
	if (pid == 0) {
		alarm(REACH_SECS);
		_exit(become(as) != 0 ? 255 : try_address(address));
	}
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return "the try was lost";
	if (!WIFEXITED(status))
		return "no answer in time";
	if (WEXITSTATUS(status) == 255)
		return arena_printf(arena, "nobody can become user %s%s%s here", as->user != NULL ? as->user : "(none)",
		    as->root != NULL ? " in " : "", as->root != NULL ? as->root : "");
	return WEXITSTATUS(status) == 0 ? NULL : say_errno(arena, WEXITSTATUS(status));
}

/* ---- the daemon's life ------------------------------------------------------------------------------------------------ */

enum daemon_keeper daemon_keeper(struct arena *arena, const char *config_path)
{
	static const char *const argv[] = { "systemctl", "cat", "assayd.service", NULL };
	struct run_result result;

	if (strcmp(config_path, DEFAULT_CONFIG) != 0 || access("/run/systemd/system", F_OK) != 0)
		return KEEPER_NONE;
	return run_program(arena, argv, 10, &result) ? KEEPER_SYSTEMD : KEEPER_NONE;
}

static const char *restart_unit(struct arena *arena)
{
	static const char *const argv[] = { "systemctl", "restart", "assayd.service", NULL };
	struct run_result result;

	if (run_program(arena, argv, STOP_SECS + START_SECS, &result))
		return NULL;
	return arena_printf(arena, "systemctl restart assayd: %s (see `journalctl -u assayd`)", first_line(arena, result.errors));
}

/* A process that has ended but whom nobody has waited for counts as gone. */
static bool is_alive(pid_t pid)
{
	char path[64], state = '\0';
	FILE *file;

	if (kill(pid, 0) != 0)
		return false;
	snprintf(path, sizeof(path), "/proc/%ld/stat", (long)pid);
	file = fopen(path, "re");
	if (file == NULL)
		return false;
	if (fscanf(file, "%*d (%*[^)]) %c", &state) != 1)
		state = '\0';
	fclose(file);
	return state != 'Z';
}

/* @return NULL when it runs no more. */
static const char *stop_running(struct arena *arena, const char *status_path)
{
	const char *why;
	json_t *status = daemon_status(arena, status_path, &why);
	pid_t pid = (pid_t)json_integer_value(json_object_get(status, "pid"));
	int64_t until_ms = clock_monotonic_ms() + STOP_SECS * 1000;

	json_decref(status);
	if (pid <= 1)
		return NULL;	/* nobody there */
	if (kill(pid, SIGTERM) != 0)
		return errno == ESRCH ? NULL : arena_printf(arena, "process %ld, the running assayd, cannot be stopped: %s", (long)pid,
		    strerror(errno));
	while (is_alive(pid) && clock_monotonic_ms() < until_ms)
		usleep(50000);
	return !is_alive(pid) ? NULL : arena_printf(arena, "process %ld, the running assayd, does not end", (long)pid);
}

const char *daemon_restart(struct arena *arena, const char *config_path, const char *status_path)
{
	const char *const argv[] = { "assayd", access(config_path, F_OK) == 0 ? "-c" : NULL, config_path, NULL };
	struct run_result result;
	const char *why;

	if (daemon_keeper(arena, config_path) == KEEPER_SYSTEMD)
		return restart_unit(arena);
	why = stop_running(arena, status_path);
	if (why != NULL)
		return why;
	/* it goes into the background by itself, and returns when it serves or has failed */
	if (run_program(arena, argv, START_SECS, &result))
		return NULL;
	return arena_printf(arena, "assayd does not start: %s", first_line(arena, result.errors));
}

/* A file of a process under /proc as text; arguments are apart by NUL. @return its length, 0 when it is gone. */
static size_t proc_text(const char *pid, const char *name, char *text_r, size_t bytes)
{
	char path[300];
	FILE *file;
	size_t length = 0;

	snprintf(path, sizeof(path), "/proc/%s/%s", pid, name);
	file = fopen(path, "re");
	if (file != NULL) {
		length = fread(text_r, 1, bytes - 1, file);
		fclose(file);
	}
	text_r[length] = '\0';
	return length;
}

/* The configuration in its command line: behind -c, else the default. */
static const char *config_of(const char *arguments, size_t length)
{
	for (const char *at = arguments; at < arguments + length; at += strlen(at) + 1) {
		if (strncmp(at, "-c", 2) != 0)
			continue;
		if (at[2] != '\0')
			return at + 2;
		return at + 3 < arguments + length ? at + 3 : "";
	}
	return DEFAULT_CONFIG;
}

unsigned daemon_count(const char *config_path)
{
	DIR *directory = opendir("/proc");
	const struct dirent *entry;
	unsigned count = 0;

	while (directory != NULL && (entry = readdir(directory)) != NULL) {
		char name[32], arguments[4096];
		size_t length;

		if (!isdigit((unsigned char)entry->d_name[0]) || proc_text(entry->d_name, "comm", name, sizeof(name)) == 0 ||
		    strcmp(name, "assayd\n") != 0)
			continue;
		length = proc_text(entry->d_name, "cmdline", arguments, sizeof(arguments));
		count += length != 0 && strcmp(config_of(arguments, length), config_path) == 0;
	}
	if (directory != NULL)
		closedir(directory);
	return count;
}
