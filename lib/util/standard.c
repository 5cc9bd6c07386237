/* SPDX-License-Identifier: BSD-2-Clause */
/* See standard.h. */
#include "util/standard.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

void standard_hold(void)
{
	/* open() gives the lowest number that is free; not for writing, so that what is printed there is missed at the end */
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDONLY) != fd)
			return;
}

const char *standard_output_end(void)
{
	errno = 0;
	if (fflush(stdout) == 0 && ferror(stdout) == 0)
		return NULL;
	/* an earlier piece may have failed, and its reason is gone */
	return errno != 0 ? strerror(errno) : "not all of it could be written";
}
