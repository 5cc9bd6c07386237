/* SPDX-License-Identifier: BSD-2-Clause */
/* See readahead.h: what is built with --disable-read-ahead. */
#include "readahead.h"

void readahead_begin(int fd, struct readahead_library *library)
{
	(void)fd;
	(void)library;
}

size_t readahead_blocks(void)
{
	return 0;
}
