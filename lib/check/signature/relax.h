/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_CHECK_SIGNATURE_RELAX_H
#define ASSAY_CHECK_SIGNATURE_RELAX_H
/*
 * White space of a body in the relaxed form (RFC 6376 section 3.4.4 a): none at the end of a line, one space for each run inside.
 * Blank lines at the end are body.c's. Most of a body is in that form already, and is copied in blocks.
 * Thread: the message's.
 */
#include <stdbool.h>
#include <stddef.h>

enum { DKIM_RELAX_ROOM_MIN = 128 };

/* All zero at the start of a body. */
struct dkim_relax {
	bool space;		/* white space came and what stands behind it did not yet */
};

/**
 * Brings the start of a chunk that dkim_body_scan() has passed into the relaxed form.
 * @param out        room for room octets, at least DKIM_RELAX_ROOM_MIN.
 * @param written_r  octets written there; never more than were read and one.
 * @return octets read; fewer than length only when there was no more room.
 */
size_t dkim_relax(struct dkim_relax *relax, const char *data, size_t length, char *out, size_t room, size_t *written_r);

#endif
