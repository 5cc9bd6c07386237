/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_CONFIG_LISTEN_PLACE_H
#define ASSAY_CONFIG_LISTEN_PLACE_H
/*
 * A place where this machine alone can reach us: a unix socket, or a port of a loopback address. What is served there asks nobody
 * who he is, so there is no form for any other address. Pure; thread: any.
 */
#include <stdint.h>

#include "util/addr.h"

enum { LISTEN_PATH_MAX = 107 };	/* what struct sockaddr_un takes, without the NUL */

struct listen_place {
	const char *path;	/* of a unix socket, borrowed from the text; NULL: a port */
	struct ip_addr addr;	/* loopback */
	uint16_t port;		/* 1 to 65535 */
};

/**
 * "unix:/path", "local:/path", "/path", "inet:PORT@127.0.0.1" (or any other of 127.0.0.0/8), "inet6:PORT@[::1]".
 * @param place_r  NULL: only whether it is one.
 * @param why_r    static: what is wrong, and what would be right; only set on an error.
 * @return 0 or -E_SYNTAX.
 */
int listen_place_parse(const char *text, struct listen_place *place_r, const char **why_r);

#endif
