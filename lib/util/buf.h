/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_UTIL_BUF_H
#define ASSAY_UTIL_BUF_H
/*
 * Growing text buffer in an arena: for header fields, log lines, explanations.
 * data is always NUL-terminated after the first append. Thread: that of the arena.
 */
#include "util/arena.h"

struct buf {
	struct arena *arena;
	char *data;	/* "" until something is appended */
	size_t length, room;
};

/** Empty buffer whose bytes live in the arena (borrowed). */
struct buf buf_make(struct arena *arena);
void buf_append(struct buf *buf, const void *data, size_t length);
void buf_puts(struct buf *buf, const char *text);
void buf_putc(struct buf *buf, char c);
/** Makes room for so many more octets, which are the text's from now on and are to be written. @return the first of them. */
char *buf_extend(struct buf *buf, size_t more);
/** Appends texts one after the other. The last argument is NULL and no other may be: the rest would be missing. A fifth of what buf_printf() works. */
void buf_join(struct buf *buf, ...) __attribute__((sentinel));
/** Appends a number in decimal. */
void buf_put_uint(struct buf *buf, uint64_t number);
void buf_printf(struct buf *buf, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
