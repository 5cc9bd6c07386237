/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The listening socket. libmilter makes it, but says little when it cannot, so the place is tried here first.
 * libmilter keeps the descriptor to itself; it is found again by asking each open descriptor whether it listens, to set
 * TCP_NODELAY (which accepted connections inherit; without it each inserted header field costs 41 ms on loopback) and
 * to put a socket without a name in its place at the end, when no new connection shall come but the old ones go on
 * (libmilter aborts all of them when its descriptor is closed).
 * Fails with a sysexits.h code and a sentence for the admin. Thread: main, before and after all others.
 */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sysexits.h>
#include <unistd.h>

#include "assayd.h"
#include "util/out_of_memory.h"

enum { HIGHEST_FD_SEARCHED = 1024 };

static struct {
	int fd;			/* libmilter's; -1: not open */
	int again;		/* the same socket, for the end; taken at the start, when no other thread uses descriptors */
	char *unix_path;	/* NULL: not a unix socket */
	dev_t device;
	ino_t inode;
} listening = { .fd = -1, .again = -1 };

/* "unix:/x", "local:/x", "/x" → "/x"; NULL: another kind. */
static const char *unix_path(const char *spec)
{
	if (strncasecmp(spec, "unix:", 5) == 0)
		return spec + 5;
	if (strncasecmp(spec, "local:", 6) == 0)
		return spec + 6;
	return strchr(spec, ':') == NULL ? spec : NULL;
}

/* Removes what a dead assayd has left; anything that answers, or is no socket, stays. */
static int stale_remove(const struct sockaddr_un *address, char *why_r, size_t why_bytes)
{
	struct stat status;
	int fd, result;

	if (lstat(address->sun_path, &status) != 0)
		return 0;
	if (!S_ISSOCK(status.st_mode)) {
		snprintf(why_r, why_bytes, "socket %s: there is something that is not a socket; not touched", address->sun_path);
		return EX_CANTCREAT;
	}
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	result = fd < 0 ? -1 : connect(fd, (const struct sockaddr *)address, sizeof(*address));
	if (result == 0 || (errno != ECONNREFUSED && errno != ENOENT)) {
		snprintf(why_r, why_bytes, "socket %s: %s", address->sun_path,
		    result == 0 ? "another process is listening there" : strerror(errno));
		if (fd >= 0)
			close(fd);
		return EX_UNAVAILABLE;
	}
	close(fd);
	if (unlink(address->sun_path) != 0 && errno != ENOENT) {
		snprintf(why_r, why_bytes, "stale socket %s cannot be removed: %s", address->sun_path, strerror(errno));
		return EX_CANTCREAT;
	}
	return 0;
}

static int try_unix(const char *path, char *why_r, size_t why_bytes)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	const size_t max = sizeof(address.sun_path) - 2;	/* libmilter takes an octet less than the system does */
	int fd, result;

	if (strlen(path) > max) {
		snprintf(why_r, why_bytes, "socket %s: the path is too long (at most %zu bytes)", path, max);
		return EX_CONFIG;
	}
	strcpy(address.sun_path, path);
	result = stale_remove(&address, why_r, why_bytes);
	if (result != 0)
		return result;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || bind(fd, (const struct sockaddr *)&address, sizeof(address)) != 0) {
		snprintf(why_r, why_bytes, "socket %s cannot be made: %s", path, errno != ENOENT ? strerror(errno) :
		    "its directory does not exist; make it for the user that assayd runs as (install -d -o USER DIRECTORY)");
		if (fd >= 0)
			close(fd);
		return EX_CANTCREAT;
	}
	close(fd);
	(void)unlink(path);
	return 0;
}

/* "inet:8893@127.0.0.1", "inet6:8893@[::1]", "inet:8893": cut into host and port. */
static int split_inet(const char *spec, char *host_r, size_t host_bytes, char *port_r, size_t port_bytes)
{
	const char *colon = strchr(spec, ':') + 1;
	const char *at = strchr(colon, '@');
	size_t port_length = at != NULL ? (size_t)(at - colon) : strlen(colon);
	size_t host_length = at != NULL ? strlen(at + 1) : 0;

	if (port_length == 0 || port_length >= port_bytes || host_length >= host_bytes)
		return -1;
	memcpy(port_r, colon, port_length);
	port_r[port_length] = '\0';
	if (host_length >= 2 && at[1] == '[' && at[host_length] == ']') {
		at++;
		host_length -= 2;
	}
	memcpy(host_r, at != NULL ? at + 1 : "", host_length);
	host_r[host_length] = '\0';
	return 0;
}

static int try_inet(const char *spec, int family, char *why_r, size_t why_bytes)
{
	struct addrinfo hints = { .ai_family = family, .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE }, *found;
	char host[256], port[32];
	const int on = 1;
	int fd, result;

	if (split_inet(spec, host, sizeof(host), port, sizeof(port)) != 0) {
		snprintf(why_r, why_bytes, "socket %s: not of the form inet:PORT@HOST", spec);
		return EX_CONFIG;
	}
	result = getaddrinfo(host[0] != '\0' ? host : NULL, port, &hints, &found);
	if (result != 0) {
		snprintf(why_r, why_bytes, "socket %s: %s", spec, gai_strerror(result));
		return result == EAI_SERVICE ? EX_CONFIG : EX_NOHOST;
	}
	fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd >= 0)
		(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	result = 0;
	if (fd < 0 || bind(fd, found->ai_addr, found->ai_addrlen) != 0 || listen(fd, 1) != 0) {
		snprintf(why_r, why_bytes, "socket %s cannot be used: %s", spec, strerror(errno));
		result = errno == EACCES ? EX_NOPERM : EX_UNAVAILABLE;
	}
	if (fd >= 0)
		close(fd);
	freeaddrinfo(found);
	return result;
}

/* The one descriptor of this process that listens. */
static int find_listening_fd(void)
{
	for (int fd = 0; fd < HIGHEST_FD_SEARCHED; fd++) {
		int listens = 0;
		socklen_t length = sizeof(listens);

		if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &length) == 0 && listens != 0)
			return fd;
	}
	return -1;
}

/* The set-group-id bit of the directory says whom the socket is for (Postfix's group, below its queue): whoever starts us. */
static bool directory_gives_group(const char *path)
{
	char *copy = strdup(path);
	struct stat status;
	bool gives;

	if (copy == NULL)
		out_of_memory();
	gives = stat(dirname(copy), &status) == 0 && (status.st_mode & S_ISGID) != 0;
	free(copy);
	return gives;
}

static int set_rights(const char *path, uid_t uid, gid_t gid, char *why_r, size_t why_bytes)
{
	struct stat status;

	if (uid != (uid_t)-1 && lchown(path, uid, directory_gives_group(path) ? (gid_t)-1 : gid) != 0) {
		snprintf(why_r, why_bytes, "socket %s cannot be given to its user: %s", path, strerror(errno));
		return EX_NOPERM;
	}
	if (lstat(path, &status) == 0) {
		listening.device = status.st_dev;
		listening.inode = status.st_ino;
		listening.unix_path = realpath(path, NULL);	/* we go to "/" later */
	}
	return 0;
}

static int try_place(const char *spec, char *why_r, size_t why_bytes)
{
	if (unix_path(spec) != NULL)
		return try_unix(unix_path(spec), why_r, why_bytes);
	if (strncasecmp(spec, "inet:", 5) == 0)
		return try_inet(spec, AF_INET, why_r, why_bytes);
	if (strncasecmp(spec, "inet6:", 6) == 0)
		return try_inet(spec, AF_INET6, why_r, why_bytes);
	if (strncasecmp(spec, "fd:", 3) == 0)	/* Debian's libmilter takes an inherited socket */
		return 0;
	snprintf(why_r, why_bytes, "socket %s: unknown form (unix:/path, inet:PORT@HOST, inet6:PORT@HOST)", spec);
	return EX_CONFIG;
}

int listen_open(const char *spec, unsigned umask_bits, uid_t uid, gid_t gid, char *why_r, size_t why_bytes)
{
	const int on = 1;
	char *copy = strdup(spec);
	mode_t old_umask;
	int result;

	result = try_place(spec, why_r, why_bytes);
	if (result == 0) {
		old_umask = umask((mode_t)umask_bits);
		if (copy == NULL || smfi_setconn(copy) != MI_SUCCESS || smfi_opensocket(false) != MI_SUCCESS) {
			snprintf(why_r, why_bytes, "socket %s: libmilter cannot use it (its reason is in syslog)", spec);
			result = EX_UNAVAILABLE;
		}
		umask(old_umask);
	}
	free(copy);
	if (result != 0)
		return result;
	listening.fd = find_listening_fd();
	if (listening.fd >= 0)
		listening.again = fcntl(listening.fd, F_DUPFD_CLOEXEC, 0);
	if (unix_path(spec) != NULL)
		return set_rights(unix_path(spec), uid, gid, why_r, why_bytes);
	if (listening.fd >= 0)
		(void)setsockopt(listening.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));	/* EOPNOTSUPP: fd: of a unix socket */
	return 0;
}

static int listen_on(int fd, const struct sockaddr_un *address)
{
	if (bind(fd, (const struct sockaddr *)address, sizeof(address->sun_family)) != 0)
		return -1;
	return listen(fd, 1);
}

/* Connects to a socket of ours without waiting. @return the descriptor; -1: refused, full, or its name is gone. */
static int connect_to(const struct sockaddr *address, socklen_t length)
{
	int fd = socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd >= 0 && connect(fd, address, length) != 0 && errno != EINPROGRESS) {
		close(fd);
		fd = -1;
	}
	return fd;
}

int listen_connect(void)
{
	struct sockaddr_storage address;
	struct sockaddr_un by_path = { .sun_family = AF_UNIX };
	socklen_t length = sizeof(address);

	if (listening.unix_path != NULL && strlen(listening.unix_path) < sizeof(by_path.sun_path)) {
		strcpy(by_path.sun_path, listening.unix_path);
		return connect_to((const struct sockaddr *)&by_path, sizeof(by_path));
	}
	if (listening.fd < 0 || getsockname(listening.fd, (struct sockaddr *)&address, &length) != 0)
		return -1;
	return connect_to((const struct sockaddr *)&address, length);
}

bool listen_is_ours(int fd)
{
	return fd >= 0 && fd == listening.fd;
}

/* Wakes whoever polls this listening socket. */
static void knock(int listening_fd)
{
	struct sockaddr_storage address;
	socklen_t length = sizeof(address);
	int fd;

	if (getsockname(listening_fd, (struct sockaddr *)&address, &length) != 0)
		return;
	fd = connect_to((const struct sockaddr *)&address, length);
	if (fd >= 0)
		close(fd);
}

/*
 * libmilter may be polling the old socket, and would for up to 5 s, in which it still takes connections. A knock at the old
 * one wakes its poll(), which then looks the descriptor up anew, finds the new socket, and goes back to sleep unless
 * something waits there: therefore the knock at the new one before. The new one must not block, since libmilter may
 * have polled the old one and accept here.
 */
static void replace_listening_fd(void)
{
	struct sockaddr_un no_name = { .sun_family = AF_UNIX };	/* the system gives an abstract one */
	int nobody = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (nobody >= 0 && listening.again >= 0 && listen_on(nobody, &no_name) == 0 && dup2(nobody, listening.fd) >= 0) {
		knock(listening.fd);
		knock(listening.again);
	}
	if (nobody >= 0)
		close(nobody);
	if (listening.again >= 0)
		close(listening.again);
	listening.again = -1;
}

void listen_close(void)
{
	struct stat status;

	if (listening.fd >= 0)
		replace_listening_fd();
	if (listening.unix_path != NULL && lstat(listening.unix_path, &status) == 0 && status.st_dev == listening.device &&
	    status.st_ino == listening.inode)
		(void)unlink(listening.unix_path);
	free(listening.unix_path);
	listening.unix_path = NULL;
}
