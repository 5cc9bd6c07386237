/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rights of the database's files: they say who writes to whom, so nobody but the daemon's user and group reads them, whatever
 * the umask. Fails into SQLite's own words: what cannot be done here is left to its open. Thread: any.
 */
#include "record/sqlite_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

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
