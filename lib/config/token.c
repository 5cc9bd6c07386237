/* SPDX-License-Identifier: BSD-2-Clause */
/* The scanner of configuration files for explanations. Pure; trusts nothing of the text but that it ends with a NUL. */
#include "config/token.h"

#include <string.h>

#define WORD_END " \t\r\n\"'={}()+,#*"

static void skip_comment(struct token_reader *reader)
{
	const char *end = strstr(reader->at + 2, "*/");

	if (end == NULL) {
		end = reader->at + strlen(reader->at);
		reader->comment_line = reader->line;
	}
	for (; reader->at < end; reader->at++)
		reader->line += *reader->at == '\n';
	if (*reader->at != '\0')
		reader->at += 2;
}

/* White space, comments, and the bytes that libConfuse passes over in silence. */
static void skip_space(struct token_reader *reader)
{
	for (;;) {
		const char *at = reader->at;

		if (at[0] == '\n')
			reader->line++;
		if (at[0] == '#' || (at[0] == '/' && at[1] == '/'))
			reader->at += strcspn(at, "\n");
		else if (at[0] == '/' && at[1] == '*')
			skip_comment(reader);
		else if (at[0] != '\0' && strchr(" \t\r\n*", at[0]) != NULL)
			reader->at++;
		else if (at[0] == '+' && at[1] != '=')
			reader->at++;
		else
			return;
	}
}

static struct token read_string(struct token_reader *reader)
{
	const char quote = *reader->at, *start = ++reader->at;
	struct token token = { .kind = TOKEN_STRING, .text = start, .line = reader->line };

	while (*reader->at != '\0' && *reader->at != quote) {
		if (*reader->at == '\\' && reader->at[1] != '\0')
			reader->at++;
		if (*reader->at == '\n') {
			reader->line++;
			token.broken = token.broken || reader->at[-1] != '\\';
		}
		reader->at++;
	}
	token.length = (size_t)(reader->at - start);
	if (*reader->at == '\0')
		token.broken = true;
	else
		reader->at++;
	return token;
}

static struct token read_word(struct token_reader *reader)
{
	struct token token = { .kind = TOKEN_WORD, .text = reader->at, .line = reader->line };

	if (reader->at[0] == '$' && reader->at[1] == '{') {
		reader->at += strcspn(reader->at, "}\n");
		reader->at += *reader->at == '}';
	} else {
		while (*reader->at != '\0' && strchr(WORD_END, *reader->at) == NULL)
			reader->at++;
	}
	token.length = (size_t)(reader->at - token.text);
	return token;
}

struct token token_next(struct token_reader *reader)
{
	struct token token;

	skip_space(reader);
	token = (struct token){ .kind = TOKEN_SIGN, .text = reader->at, .length = 1, .line = reader->line };
	switch (*reader->at) {
	case '\0':
		token.kind = TOKEN_END;
		return token;
	case '"':
	case '\'':
		return read_string(reader);
	case '+':
		token.text = ++reader->at;	/* += is no other than = here */
		reader->at++;
		return token;
	case '{':
	case '}':
	case '(':
	case ')':
	case '=':
	case ',':
		reader->at++;
		return token;
	default:
		return read_word(reader);
	}
}

bool token_is(const struct token *token, char sign)
{
	return token->kind == TOKEN_SIGN && token->text[0] == sign;
}

bool token_is_text(const struct token *token)
{
	return token->kind == TOKEN_WORD || token->kind == TOKEN_STRING;
}
