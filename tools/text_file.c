/* SPDX-License-Identifier: BSD-2-Clause */
/* See text_file.h. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
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

/* What a file is to be. */
struct content {
	const char *data;
	size_t bytes;
	mode_t mode;
	const struct stat *owner;	/* NULL: whoever makes it */
};

/* @return 0 with no file left, or -1 with errno. */
static int write_beside(const char *target, char *temporary, const struct content *content)
{
	int fd = mkstemp(temporary), error;
	bool done;

	if (fd < 0)
		return -1;
	done = fchmod(fd, content->mode) == 0 &&
	    (content->owner == NULL || fchown(fd, content->owner->st_uid, content->owner->st_gid) == 0) &&
	    write_all(fd, content->data, content->bytes) && fsync(fd) == 0;
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

/* Whoever interrupts us waits until nothing lies beside the file any more. */
static int replace(struct arena *arena, const char *target, const struct content *content)
{
	static const int signals[] = { SIGHUP, SIGINT, SIGTERM, SIGQUIT };
	sigset_t blocked, before;
	int code, error;

	(void)sigemptyset(&blocked);
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		(void)sigaddset(&blocked, signals[i]);
	(void)pthread_sigmask(SIG_BLOCK, &blocked, &before);
	code = write_beside(target, arena_printf(arena, "%s.XXXXXX", target), content);
	error = errno;
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	errno = error;
	return code;
}

int text_file_write(struct arena *arena, const char *path, const char *text, unsigned mode)
{
	char resolved[PATH_MAX];
	struct stat old;
	const char *target = realpath(path, resolved) != NULL ? resolved : path;
	struct content content = { .data = text, .bytes = strlen(text), .mode = (mode_t)mode };

	if (stat(target, &old) == 0) {
		content.mode = old.st_mode & 07777;
		content.owner = &old;
	}
	return replace(arena, target, &content);
}

int text_file_make(struct arena *arena, const char *path, const void *data, size_t bytes, unsigned mode)
{
	struct content content = { .data = data, .bytes = bytes };
	mode_t mask = umask(0);

	(void)umask(mask);
	content.mode = (mode_t)mode & ~mask;
	return replace(arena, path, &content);
}
