/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_ACTION_FIELD_H
#define ASSAY_ACTION_FIELD_H
/*
 * Writing the value of a header field: tokens that are folded to lines of at most 78 characters where possible, and the
 * ways in which text from the network becomes a token, a quoted string or a comment. Nothing that these return contains
 * CR, LF, NUL or another control byte, so that no text can end the field or start another.
 * Thread: that of the arena.
 */
#include <stdbool.h>

#include "util/buf.h"

enum { FIELD_LINE_MAX = 78, FIELD_VALUE_MAX = 320 };

struct field {
	struct buf buf;
	size_t column;	/* of the line under way */
};

/** Empty value; name_length is what stands before it on the first line, the colon included. */
struct field field_make(struct arena *arena, size_t name_length);

/** Appends white space (a fold when the line would grow too long) and the token. */
void field_token(struct field *field, const char *token);

/** Appends to the last token: a semicolon or a comma. */
void field_glue(struct field *field, const char *text);

/** Ends the line: the next token starts a new one. */
void field_fold(struct field *field);

/** Appends a comment whose words may be folded apart; text is cleaned and escaped. NULL or "" appends nothing. */
void field_comment(struct field *field, const char *text);

/**
 * pvalue of RFC 8601 section 2.2: as it is where that allows it, else a quoted string. What has dots is bare only as a
 * domain-name (RFC 6376 section 3.5: no underscore), and so is what stands behind "@"; nothing else than ASCII is bare, for
 * there are readers that take a part of it for all.
 */
const char *field_value(struct arena *arena, const char *text);

/** value of RFC 8601 section 2.2, for an authserv-id: a token (any, for readers take no other), else a quoted string. */
const char *field_id(struct arena *arena, const char *text);

/** The text without what would need a backslash in a comment or a quoted string: several readers drop a field that has one. */
const char *field_plain(struct arena *arena, const char *text);

/** dot-atom or quoted string (RFC 7208 section 9.1). */
const char *field_dot_atom(struct arena *arena, const char *text);

/** Always a quoted string: `"…"` with \ escapes. */
const char *field_quoted(struct arena *arena, const char *text);

/** Whether the text is letters, digits, '-', '_' and '.' only, 1 to 255 of them. */
bool field_is_domain(const char *text);

/** Whether the text is a dot-atom (RFC 5322 section 3.2.3, RFC 6532) of at most FIELD_VALUE_MAX bytes. */
bool field_is_dot_atom(const char *text, size_t length);

#endif
