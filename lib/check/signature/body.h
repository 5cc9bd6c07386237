/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_CHECK_SIGNATURE_BODY_H
#define ASSAY_CHECK_SIGNATURE_BODY_H
/*
 * The body on its way to its hash: bodies whose lines end otherwise than by CRLF are found, and blank lines are held back.
 * Those at the end of a body are no part of either canonicalization (RFC 6376 sections 3.4.3, 3.4.4); they cost next to
 * nothing, and those inside of a body go on in blocks.
 * Thread: the message's. Trusts nothing of the body.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { DKIM_BODY_LINE_MAX_BYTES = 1024 * 1024 };

/* All zero at the start of a body. */
struct dkim_body {
	uint64_t seen_bytes;		/* that came so far */
	uint64_t line_bytes;		/* of the line under way */
	uint64_t held_bytes;		/* CRLF CRLF ... at the end of what came, maybe with a CR behind; not handed on */
	char last_byte;			/* that came */
	bool inside_line;		/* what was handed on does not end in LF */
};

/* Takes octets on their way; they are borrowed for the call. @return whether it could. */
typedef int dkim_body_sink(void *closure, const char *data, size_t length);

/**
 * Looks at the next chunk.
 * @return NULL, or a static text saying why this body gets no hash (a bare CR or LF, RFC 5322 section 2.3; a line over
 * DKIM_BODY_LINE_MAX_BYTES).
 */
const char *dkim_body_scan(struct dkim_body *body, const char *data, size_t length);

/**
 * Hands on a chunk that dkim_body_scan() has passed, without the blank lines at its end, behind those held back before.
 * @return 0, or the sink's first result that is not 0.
 */
int dkim_body_hand_on(struct dkim_body *body, const char *data, size_t length, dkim_body_sink *sink, void *closure);

#endif
