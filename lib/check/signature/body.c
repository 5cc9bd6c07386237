/* SPDX-License-Identifier: BSD-2-Clause */
/* See body.h. */
#include "check/signature/body.h"

#include <string.h>

#include "util/vectors.h"

enum {
	SHORT_LINE_BYTES = 32,		/* a call of memchr() costs as much as looking at so many octets */
	BLOCK_BYTES = 64,
};

#define FOUR_TIMES(text) text text text text
static const char blanks[] = FOUR_TIMES(FOUR_TIMES(FOUR_TIMES(FOUR_TIMES(FOUR_TIMES("\r\n")))));
enum { BLANKS_BYTES = sizeof(blanks) - 1 };

/* The first CR or LF, else end. look: how many octets are looked at one by one before the rest is searched. */
static const char *line_stop(const char *at, const char *end, ptrdiff_t look)
{
	const char *near = end - at > look ? at + look : end, *lf, *cr;

	for (; at < near; at++)
		if (*at == '\r' || *at == '\n')
			return at;
	if (at == end)
		return end;
	lf = memchr(at, '\n', (size_t)(end - at));
	cr = memchr(at, '\r', (size_t)((lf != NULL ? lf : end) - at));
	if (cr != NULL)
		return cr;
	return lf != NULL ? lf : end;
}

/*
 * Whether a CR has no LF behind it, or an LF no CR before it. Looks at the octet behind the block, too, and not at what is before
 * its first one. Without a branch and of constant length, so that compilers make vectors of it.
 */
WITHIN_VECTORS bool block_breaks(const char *block)
{
	unsigned char breaks = 0;

	for (size_t i = 0; i < BLOCK_BYTES; i++)
		breaks |= (unsigned char)((block[i] == '\r') ^ (block[i + 1] == '\n'));
	return breaks != 0;
}

WIDE_VECTORS
static bool lines_break(const char *at, const char *end)
{
	if (*at == '\n')
		return true;
	for (; end - at > BLOCK_BYTES; at += BLOCK_BYTES)
		if (block_breaks(at))
			return true;
	for (; end - at > 1; at++)
		if ((at[0] == '\r') != (at[1] == '\n'))
			return true;
	return false;
}

/* Octets of the last line, which may have its CR already, but no LF. */
static uint64_t last_line_bytes(const char *start, const char *end)
{
	const char *lf = start < end ? memrchr(start, '\n', (size_t)(end - start)) : NULL;

	start = lf != NULL ? lf + 1 : start;
	return (uint64_t)(end - start) - (start < end && end[-1] == '\r');
}

/* What nearly all bodies are: @return false: something is wrong here, or may be; nothing was changed. */
static bool scan_quickly(struct dkim_body *body, const char *at, const char *end)
{
	const char *lf;
	uint64_t first_bytes;

	if (at == end)
		return true;
	if (end - at > DKIM_BODY_LINE_MAX_BYTES || lines_break(at, end))
		return false;
	lf = memchr(at, '\n', (size_t)(end - at));
	first_bytes = body->line_bytes + (lf != NULL ? (uint64_t)(lf - 1 - at) : last_line_bytes(at, end));
	if (first_bytes > DKIM_BODY_LINE_MAX_BYTES)
		return false;
	body->line_bytes = lf != NULL ? last_line_bytes(lf, end) : first_bytes;
	return true;
}

/* Line by line. @return what is wrong with them first, or NULL. */
static const char *scan_lines(struct dkim_body *body, const char *at, const char *end)
{
	const char *stop;
	ptrdiff_t look = SHORT_LINE_BYTES;

	while (at < end) {
		stop = line_stop(at, end, look);
		look = stop - at < SHORT_LINE_BYTES ? SHORT_LINE_BYTES : 0;	/* lines are mostly like the one before */
		body->line_bytes += (uint64_t)(stop - at);
		if (body->line_bytes > DKIM_BODY_LINE_MAX_BYTES)
			return "the body has a line over 1 MiB";
		if (stop == end || (stop + 1 == end && *stop == '\r'))
			return NULL;
		if (*stop == '\n')
			return "the body has a bare LF";
		if (stop[1] != '\n')
			return "the body has a bare CR";
		body->line_bytes = 0;
		at = stop + 2;
	}
	return NULL;
}

const char *dkim_body_scan(struct dkim_body *body, const char *data, size_t length)
{
	const char *at = data, *end = data + length, *fault;

	if (length == 0)
		return NULL;
	if (body->last_byte == '\r') {
		if (*at++ != '\n')
			return "the body has a bare CR";
		body->line_bytes = 0;
	}
	fault = scan_quickly(body, at, end) ? NULL : scan_lines(body, at, end);
	if (fault != NULL)
		return fault;
	body->last_byte = end[-1];
	body->seen_bytes += length;
	return NULL;
}

/* How many octets go on with the CRLF CRLF ... of which there are `held` already. */
static size_t more_blanks(uint64_t held, const char *data, size_t length)
{
	size_t count = 0;

	while (count < length && data[count] == ((held + count) % 2 == 0 ? '\r' : '\n'))
		count++;
	return count;
}

/* Where the blank lines at the end begin, an incomplete one included; length when there are none. */
static size_t blanks_start(const struct dkim_body *body, const char *data, size_t length)
{
	size_t start = length;
	bool line_start;

	if (start != 0 && data[start - 1] == '\r')
		start--;
	while (start >= 2 && data[start - 2] == '\r' && data[start - 1] == '\n')
		start -= 2;
	line_start = start != 0 ? data[start - 1] == '\n' : !body->inside_line;
	if (line_start)
		return start;
	/* the first CRLF ends a line with something in it */
	return length - start > 2 ? start + 2 : length;
}

static int hand_on_held(struct dkim_body *body, dkim_body_sink *sink, void *closure)
{
	int result = 0;

	while (body->held_bytes != 0 && result == 0) {
		size_t part = body->held_bytes < BLANKS_BYTES ? (size_t)body->held_bytes : BLANKS_BYTES;

		result = sink(closure, blanks, part);
		body->held_bytes -= part;
	}
	return result;
}

int dkim_body_hand_on(struct dkim_body *body, const char *data, size_t length, dkim_body_sink *sink, void *closure)
{
	size_t first = body->held_bytes != 0 ? more_blanks(body->held_bytes, data, length) : 0, start;
	int result;

	body->held_bytes += first;
	if (first == length)
		return 0;
	result = hand_on_held(body, sink, closure);
	if (result != 0)
		return result;
	data += first;
	length -= first;
	start = blanks_start(body, data, length);
	if (start != 0) {
		result = sink(closure, data, start);
		body->inside_line = data[start - 1] != '\n';
	}
	body->held_bytes = length - start;
	return result;
}
