/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_CHECK_PATH_TLS_H
#define ASSAY_CHECK_PATH_TLS_H
/* What MTAs write of TLS in a Received field, each in its own way. Pure. Thread: any. */
#include "check/path.h"

/** Reads a comment (without its parentheses) into version, cipher and group. @return whether it says TLS. */
bool path_tls_comment(struct arena *arena, const char *comment, struct path_hop *hop);

/** Protocols of RFC 3848, RFC 6531 and practice, upper case. @return 1: over TLS; 0: not; -1: it does not tell. */
int path_tls_protocol(const char *protocol);

#endif
