/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_CONFIG_TOKEN_H
#define ASSAY_CONFIG_TOKEN_H
/*
 * The text of a configuration file as libConfuse's scanner cuts it up, for explaining what its parser refused. Strings are
 * not unescaped and variables not replaced. Pure; borrows the text.
 */
#include <stdbool.h>
#include <stddef.h>

enum token_kind { TOKEN_WORD, TOKEN_STRING, TOKEN_SIGN, TOKEN_END };

struct token {
	enum token_kind kind;
	const char *text;	/* of a string: what is between the quotes; of a sign: { } ( ) = , */
	size_t length;
	unsigned line;		/* where it begins */
	bool broken;		/* a string that does not end on its line */
};

struct token_reader {
	const char *at;
	unsigned line;		/* 1 at the beginning */
	unsigned comment_line;		/* where a comment without an end begins, once it was met; 0: none */
};

/** Reads the next token; at the end TOKEN_END again and again. */
struct token token_next(struct token_reader *reader);

/** @return whether it is this sign. */
bool token_is(const struct token *token, char sign);

/** @return whether it is a word or string, and so can be a name or value. */
bool token_is_text(const struct token *token);

#endif
