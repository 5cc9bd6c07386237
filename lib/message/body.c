/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * See body.h. Most of a body is looked at by the block, without asking where in it a line ends. A line that is too long leaves more
 * octets than LINE_BYTES between the block of one LF and that of the next; such a line is counted by itself.
 */
#include "message/body.h"

#include <string.h>

#include "util/vectors.h"

enum {
	BLOCK_BYTES = 64,
	LINE_BYTES = MESSAGE_LINE_MAX_BYTES + 1,	/* with the CR */
};

/* Without a branch and of constant length, so that compilers make vectors of it. */
WITHIN_VECTORS unsigned block_line_ends(const char *block, unsigned char *nul)
{
	unsigned char count = 0, seen = 0;

	for (size_t i = 0; i < BLOCK_BYTES; i++) {
		count = (unsigned char)(count + (block[i] == '\n'));
		seen |= (unsigned char)(block[i] == '\0');
	}
	*nul |= seen;
	return count;
}

/* The line at `at`, or what came of it. @return where the next one begins. */
static const char *line_count(struct facts *facts, size_t *line_bytes, const char *at, const char *end)
{
	const char *lf = memchr(at, '\n', (size_t)(end - at)), *stop = lf != NULL ? lf : end;

	*line_bytes += (size_t)(stop - at);
	if (*line_bytes > LINE_BYTES || memchr(at, '\0', (size_t)(stop - at)) != NULL)
		facts->malformed = true;
	if (lf == NULL)
		return end;
	facts->body_lines++;
	*line_bytes = 0;
	return lf + 1;
}

/* By the block, as long as no line may be too long. @return where line_count() goes on. */
WIDE_VECTORS
static const char *blocks_count(struct facts *facts, size_t *line_bytes, const char *data, const char *end)
{
	const char *at = data, *last = NULL;	/* the last block with an LF */
	size_t most = *line_bytes;		/* that the line under way can have where the block begins */
	unsigned char nul = 0;

	for (; end - at >= BLOCK_BYTES && most + BLOCK_BYTES <= LINE_BYTES; at += BLOCK_BYTES) {
		unsigned count = block_line_ends(at, &nul);

		most += BLOCK_BYTES;
		if (count != 0) {
			facts->body_lines += count;
			last = at;
			most = BLOCK_BYTES;
		}
	}
	if (nul != 0)
		facts->malformed = true;
	if (last == NULL)
		*line_bytes += (size_t)(at - data);
	else
		*line_bytes = (size_t)(at - 1 - (const char *)memrchr(last, '\n', BLOCK_BYTES));
	return at;
}

void body_count(struct facts *facts, size_t *line_bytes, const char *data, size_t length)
{
	const char *at = data, *end = data + length;

	facts->body_bytes += length;
	while (at < end) {
		at = blocks_count(facts, line_bytes, at, end);
		if (at < end)
			at = line_count(facts, line_bytes, at, end);
	}
}
