/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_UTIL_CLEAN_H
#define ASSAY_UTIL_CLEAN_H
/*
 * Text from outside on its way to where it could do harm: a function for each such place, and one table of what a character is.
 * What a place does not take is replaced, never passed. All are pure and cannot fail; out of memory aborts. Thread: any (that of
 * the arena or buffer).
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "util/arena.h"
#include "util/buf.h"

/* What an octet is; one over 0x7f is none of these. */
enum clean_class {
	CLEAN_CONTROL = 1 << 0,	/* 0x00 to 0x1f, 0x7f */
	CLEAN_TEXT = 1 << 1,	/* printable ASCII with the blank */
	CLEAN_GRAPH = 1 << 2,	/* without it */
	CLEAN_NAME = 1 << 3,	/* letter, digit, one of -_. */
	CLEAN_BARE = 1 << 4,	/* stands in a log line without quotes: letter, digit, one of -_.:,@/+*<>[] */
	CLEAN_ATEXT = 1 << 5,	/* RFC 5322 section 3.2.3 */
	CLEAN_TOKEN = 1 << 6,	/* RFC 2045 section 5.1 */
	CLEAN_PLAIN = 1 << 7,	/* stands within quotes as it is: CLEAN_TEXT but " and \ */
};

extern const unsigned char clean_table[256];

static inline bool clean_is(char c, enum clean_class class)
{
	return (clean_table[(unsigned char)c] & (unsigned)class) != 0;
}

/** @return how many characters at the beginning of the text are of the class. */
size_t clean_span(const char *text, enum clean_class class);

/** For an SMTP reply (RFC 5321 section 4.2): printable ASCII, '?' for each other octet. */
static inline char clean_smtp_char(char c)
{
	return clean_is(c, CLEAN_TEXT) ? c : '?';
}

/** Appends the text as for an SMTP reply, at most max characters of it. */
void clean_smtp(struct buf *buf, const char *text, size_t max);

/** A name that is shown, for comments and tables: printable ASCII without blanks, '?' for each other octet; the first max of them. */
const char *clean_word(struct arena *arena, const char *text, size_t max);

/**
 * For a header field, before it is quoted or escaped: UTF-8 is kept (RFC 6532: addresses of internationalized mail), '?' for control
 * characters and octets that are no UTF-8; cut at max bytes, at a character's end. The copy is the caller's to change.
 */
char *clean_field(struct arena *arena, const char *text, size_t max);

enum { CLEAN_ESCAPE_MAX = 4 };

/** An octet as itself when it is printable ASCII, else as \xNN. Not terminated. @return how many characters. */
size_t clean_escape(char c, char text_r[CLEAN_ESCAPE_MAX]);

/** One line for the log: with \xNN, in room bytes with its NUL, cut to what fits. Allocates nothing. room: 5 at least. */
void clean_log_line(char *line_r, size_t room, const char *text);

/** Prints text that may end on a terminal, with \xNN. */
void clean_terminal(FILE *out, const char *text);

#endif
