/* SPDX-License-Identifier: BSD-2-Clause */
/* See relax.h. */
#include "check/signature/relax.h"

#include <string.h>

#include "util/vectors.h"

enum {
	BLOCK_BYTES = 64,
	PART_BYTES = 16,		/* of a block in which something must change */
	STEP_MAX_BYTES = DKIM_RELAX_ROOM_MIN,	/* that a block makes: an octet is itself, and a space that was held */
};

static bool is_space(char c)
{
	return c == ' ' || c == '\t';
}

/*
 * Whether something in a block must change: a tab, or a space with white space or the line's end behind it. Looks at the
 * octet behind the block, too. Without a branch and, once inlined, of constant length, so that compilers make vectors of it.
 */
WITHIN_VECTORS bool octets_change(const char *block, size_t length)
{
	unsigned char changes = 0;

	for (size_t i = 0; i < length; i++) {
		char c = block[i], next = block[i + 1];

		changes |= (unsigned char)((c == '\t') | ((c == ' ') & ((next == ' ') | (next == '\t') | (next == '\r'))));
	}
	return changes != 0;
}

WITHIN_VECTORS bool block_changes(const char *block)
{
	return octets_change(block, BLOCK_BYTES);
}

WITHIN_VECTORS bool part_changes(const char *part)
{
	return octets_change(part, PART_BYTES);
}

/* Octet by octet up to stop. @return how many were written, at most two for each. */
static size_t relax_octets(struct dkim_relax *relax, const char *at, const char *stop, char *out)
{
	char *start = out;

	for (; at < stop; at++) {
		if (is_space(*at)) {
			relax->space = true;
			continue;
		}
		/* a CR ends a line here, because the body has no bare one */
		if (relax->space && *at != '\r')
			*out++ = ' ';
		relax->space = false;
		*out++ = *at;
	}
	return (size_t)(out - start);
}

/* A block in which something changes: mostly in one part of it. @return as relax_octets(). */
static size_t relax_block(struct dkim_relax *relax, const char *at, char *out)
{
	char *start = out;

	for (const char *end = at + BLOCK_BYTES; at < end; at += PART_BYTES) {
		if (!relax->space && !part_changes(at)) {
			memcpy(out, at, PART_BYTES);
			out += PART_BYTES;
		} else {
			out += relax_octets(relax, at, at + PART_BYTES, out);
		}
	}
	return (size_t)(out - start);
}

WIDE_VECTORS
size_t dkim_relax(struct dkim_relax *relax, const char *data, size_t length, char *out, size_t room, size_t *written_r)
{
	const char *at = data, *end = data + length;
	size_t written = 0;

	while (at < end && room - written >= STEP_MAX_BYTES) {
		size_t left = (size_t)(end - at), step = left < BLOCK_BYTES ? left : BLOCK_BYTES;

		if (!relax->space && left > BLOCK_BYTES && !block_changes(at)) {
			memcpy(out + written, at, BLOCK_BYTES);
			written += BLOCK_BYTES;
		} else if (left > BLOCK_BYTES) {
			written += relax_block(relax, at, out + written);
		} else {
			written += relax_octets(relax, at, at + step, out + written);
		}
		at += step;
	}
	*written_r = written;
	return (size_t)(at - data);
}
