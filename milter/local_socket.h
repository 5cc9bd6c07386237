/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_MILTER_LOCAL_SOCKET_H
#define ASSAY_MILTER_LOCAL_SOCKET_H
/* A unix socket of ours beside the milter's, for people and programs of this machine. Thread: main, before all others. */
#include <sys/types.h>

/**
 * Makes it and listens; one that a dead assayd has left is removed, anything else in its place is not touched. Mode 0660.
 * @param uid,gid  its owner; (uid_t)-1: as created.
 * @return the descriptor; -1 with errno set: EADDRINUSE when something is there, ENAMETOOLONG.
 */
int local_socket_listen(const char *path, uid_t uid, gid_t gid);

#endif
