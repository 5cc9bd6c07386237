/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_MILTER_READAHEAD_H
#define ASSAY_MILTER_READAHEAD_H
/*
 * Fewer system calls under libmilter. For each packet of the MTA it asks poll() three times and read() twice, and poll() and
 * writev() for each edit and reply. Between it and the C library, for the connections named here only:
 *
 *   read-ahead     one read takes what has come, up to a block, and waits for it a moment; poll() says "ready" while some of it
 *                  is left
 *   write-behind   edits wait for what libmilter always sends after them (the reply, or a progress packet), and leave with it
 *                  in one write
 *
 * What passes is the same octets in the same order, with the same time-outs; every other descriptor of the process passes through
 * untouched. `configure --disable-read-ahead` builds without: libmilter's calls are then its own.
 * Thread: a connection is used by one thread at a time, and hand-over between threads is locked by whoever hands over (libmilter
 * does, and progress.c). readahead_begin() and readahead_blocks(): any.
 */
#include <stdatomic.h>
#include <stddef.h>

/* What connections have shown of the libmilter that this process runs with; all zero at its start. */
struct readahead_library {
	atomic_bool known;		/* it reads and writes in the steps that we stand under */
};

/**
 * A new connection, before anybody reads from it. Ends with its close(). Descriptors past the table are left as they are.
 * @param library  lives on; the first connection of each process is watched, and those after it when it showed what we know.
 *                 NULL: each is watched.
 */
void readahead_begin(int fd, struct readahead_library *library);

/** @return how many blocks hold something now; 0 when nothing is read ahead or waits. */
size_t readahead_blocks(void);

#endif
