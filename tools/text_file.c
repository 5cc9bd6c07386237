/* SPDX-License-Identifier: BSD-2-Clause */
/* See text_file.h. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "text_file.h"
#include "util/buf.h"

const char *text_file_read(struct arena *arena, const char *path)
{
	struct buf text = buf_make(arena);
	FILE *file = fopen(path, "re");
	char block[65536];
	size_t got;
	int error = 0;

	if (file == NULL)
		return NULL;
	while ((got = fread(block, 1, sizeof(block), file)) > 0 && text.length <= TEXT_FILE_MAX_BYTES)
		buf_append(&text, block, got);
	if (ferror(file))
		error = errno != 0 ? errno : EIO;
	else if (text.length > TEXT_FILE_MAX_BYTES)
		error = EFBIG;
	else if (memchr(text.data, '\0', text.length) != NULL)
		error = EINVAL;
	fclose(file);
	errno = error;
	return error == 0 ? text.data : NULL;
}

static bool write_all(int fd, const char *text, size_t length)
{
	while (length != 0) {
		ssize_t written = write(fd, text, length);

		if (written < 0 && errno == EINTR)
			continue;
		if (written <= 0)
			return false;
		text += written;
		length -= (size_t)written;
	}
	return true;
}

int text_file_write(struct arena *arena, const char *path, const char *text, unsigned mode)
{
	char resolved[PATH_MAX];
	struct stat old;
	const char *target = realpath(path, resolved) != NULL ? resolved : path;
	char *temporary = arena_printf(arena, "%s.XXXXXX", target);
	bool exists = stat(target, &old) == 0, done;
	int fd = mkstemp(temporary), error;

	if (fd < 0)
		return -1;
	done = fchmod(fd, exists ? old.st_mode & 07777 : (mode_t)mode) == 0 &&
	    (!exists || fchown(fd, old.st_uid, old.st_gid) == 0) && write_all(fd, text, strlen(text)) && fsync(fd) == 0;
	error = errno;
	close(fd);
	errno = error;
	if (done && rename(temporary, target) == 0)
		return 0;
	error = errno;
	(void)unlink(temporary);
	errno = error;
	return -1;
}
