/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The database's files. Their rights: they say who writes to whom, so nobody but the daemon's user and group reads them, whatever
 * the umask. And what an admin needs to hear of them before they are opened, for SQLite says "unable to open database file" to
 * everything. Fails into SQLite's own words: what cannot be done here is left to its open. Thread: any.
 */
#include "record/sqlite_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/error.h"

enum { FILE_MODE = 0640, PATH_BYTES = 4096 };

/*
 * By name: opening and closing a database behind SQLite's back would drop the locks that this process holds on it. A file of
 * an older version may be open to all.
 */
static void repair(const char *path)
{
	struct stat status;

	if (stat(path, &status) == 0 && S_ISREG(status.st_mode) && (status.st_mode & 0777 & ~FILE_MODE) != 0)
		(void)chmod(path, (status.st_mode & FILE_MODE) | S_IRUSR | S_IWUSR);
}

/* A new one is made here, as SQLite would heed the umask; it gives its journals the mode of the database. */
static void make(const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, S_IRUSR | S_IWUSR);

	if (fd < 0)
		return;
	(void)fchmod(fd, FILE_MODE);
	close(fd);
}

void sqlite_files_secure(const char *path)
{
	static const char *const suffixes[] = { "", "-wal", "-shm", "-journal" };
	char name[PATH_BYTES];

	for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
		if (snprintf(name, sizeof(name), "%s%s", path, suffixes[i]) < (int)sizeof(name))
			repair(name);
	}
	make(path);
}

bool sqlite_files_exist(const char *path, char *why_r, size_t why_bytes)
{
	if (access(path, F_OK) == 0)
		return true;
	snprintf(why_r, why_bytes, "%s", strerror(errno));
	return false;
}

/* Whose it is, for an admin who is not that user. */
static int look_fail(const char *path, const struct stat *status, struct backend_look *look)
{
	const struct passwd *owner = getpwuid(status->st_uid);

	snprintf(look->why, sizeof(look->why), "database %s cannot be read: it belongs to %s; run this as root or as that user", path,
	    owner != NULL ? owner->pw_name : "another user");
	return -E_SYSTEM;
}

int sqlite_files_look(const char *path, struct backend_look *look_r)
{
	const char *slash = strrchr(path, '/');
	struct stat status;

	*look_r = (struct backend_look){ .bytes = -1 };
	snprintf(look_r->disk, sizeof(look_r->disk), "%.*s", slash != NULL && slash != path ? (int)(slash - path) : 1,
	    slash != NULL && slash != path ? path : "/");
	if (stat(path, &status) != 0) {
		if (errno == ENOENT || errno == ENOTDIR)
			return -E_ABSENT;
		snprintf(look_r->why, sizeof(look_r->why), "database %s cannot be read: %s; run this as root or as the user of assayd", path,
		    strerror(errno));
		return -E_SYSTEM;
	}
	look_r->bytes = (long long)status.st_size;
	if (S_ISDIR(status.st_mode)) {
		snprintf(look_r->why, sizeof(look_r->why), "database %s is a directory", path);
		return -E_SYSTEM;
	}
	return access(path, R_OK) == 0 ? 0 : look_fail(path, &status, look_r);
}
