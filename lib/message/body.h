/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_MESSAGE_BODY_H
#define ASSAY_MESSAGE_BODY_H
/*
 * What is noted of a body as it passes, whatever is signed: how long it is, and whether it is one by RFC 5322.
 * Thread: the message's. Trusts nothing of the body.
 */
#include <stddef.h>

#include "message/facts.h"

enum { MESSAGE_LINE_MAX_BYTES = 998 };		/* RFC 5322 section 2.1.1 */

/**
 * Adds the next piece to body_bytes and body_lines; sets malformed for a NUL octet or too long a line.
 * @param line_bytes  of the line under way, a CR included; 0 at the start of the body.
 */
void body_count(struct facts *facts, size_t *line_bytes, const char *data, size_t length);

#endif
