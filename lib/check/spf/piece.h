/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_CHECK_SPF_PIECE_H
#define ASSAY_CHECK_SPF_PIECE_H
/* Pieces of a macro-string, between its syntax (macro.c) and its expansion (expand.c). Thread: any. */
#include <stdbool.h>
#include <stddef.h>

/* One piece of a macro-string. */
struct spf_piece {
	enum { SPF_PIECE_LITERAL, SPF_PIECE_ESCAPE, SPF_PIECE_MACRO } kind;
	const char *text;	/* of a literal or an escape's replacement */
	size_t length;
	char letter;		/* lower case */
	bool url_escape;	/* the letter was upper case */
	unsigned parts;		/* right-hand parts to use; 0: all */
	bool reverse;
	const char *delimiter;
	size_t delimiter_count;
};

/**
 * Reads the next piece.
 * @param at           moves on.
 * @param allow_space  spaces are literals (explain-strings).
 * @return 1 with a piece, 0 at the end, -E_SYNTAX.
 */
int spf_piece_next(const char **at, const char *end, bool allow_space, struct spf_piece *piece);

static inline bool spf_is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static inline bool spf_is_digit(char c)
{
	return c >= '0' && c <= '9';
}

#endif
