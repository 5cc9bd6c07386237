/* SPDX-License-Identifier: BSD-2-Clause */
/* See local_socket.h. */
#include "local_socket.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { QUEUE = 8 };

static bool answers(const struct sockaddr_un *address)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool result = fd >= 0 && connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0;

	if (fd >= 0)
		close(fd);
	return result;
}

static int open_at(const struct sockaddr_un *address, uid_t uid, gid_t gid)
{
	struct stat old;
	mode_t mask;
	int fd, result;

	if (lstat(address->sun_path, &old) == 0) {
		errno = EADDRINUSE;
		if (!S_ISSOCK(old.st_mode) || answers(address) || unlink(address->sun_path) != 0)
			return -1;
	}
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	mask = umask(0117);	/* for root, our user and our group */
	result = bind(fd, (const struct sockaddr *)address, sizeof(*address));
	umask(mask);
	if (result != 0 || (uid != (uid_t)-1 && lchown(address->sun_path, uid, gid) != 0) || listen(fd, QUEUE) != 0) {
		result = errno;
		close(fd);
		errno = result;
		return -1;
	}
	return fd;
}

int local_socket_listen(const char *path, uid_t uid, gid_t gid)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	if (strlen(path) >= sizeof(address.sun_path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	strcpy(address.sun_path, path);
	return open_at(&address, uid, gid);
}
