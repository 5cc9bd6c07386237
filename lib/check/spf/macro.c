/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Syntax of SPF macros (RFC 7208 section 7.1): used by the record parser, by the explanation, and piece by piece by the
 * expansion (expand.c). Texts come from the network with their length and may hold any octet; nothing is copied.
 * Thread: any.
 */
#include "check/spf/macro.h"

#include <string.h>

#include "check/spf/piece.h"
#include "util/error.h"

enum { MAX_PARTS = 128 };

static const char delimiters[] = ".-+,/_=";

/* "%{" macro-letter transformers *delimiter "}"; at points behind the "%{". */
static int piece_read_macro(const char **at, const char *end, struct spf_piece *piece)
{
	const char *p = *at;
	bool digits = false;

	if (p == end || !spf_is_letter(*p))
		return -E_SYNTAX;
	piece->url_escape = *p < 'a';
	piece->letter = piece->url_escape ? (char)(*p - 'A' + 'a') : *p;
	if (strchr("slodiphcrtv", piece->letter) == NULL)
		return -E_SYNTAX;
	p++;
	piece->parts = 0;
	for (; p != end && spf_is_digit(*p); p++) {
		digits = true;
		piece->parts = piece->parts * 10 + (unsigned)(*p - '0');
		if (piece->parts > MAX_PARTS)
			piece->parts = MAX_PARTS;	/* no name has more labels */
	}
	if (digits && piece->parts == 0)
		return -E_SYNTAX;
	piece->reverse = p != end && (*p == 'r' || *p == 'R');
	if (piece->reverse)
		p++;
	piece->delimiter = p;
	while (p != end && *p != '\0' && strchr(delimiters, *p) != NULL)
		p++;
	piece->delimiter_count = (size_t)(p - piece->delimiter);
	if (p == end || *p != '}')
		return -E_SYNTAX;
	*at = p + 1;
	piece->kind = SPF_PIECE_MACRO;
	return 0;
}

int spf_piece_next(const char **at, const char *end, bool allow_space, struct spf_piece *piece)
{
	const char *p = *at;

	if (p == end)
		return 0;
	memset(piece, 0, sizeof(*piece));
	piece->text = p;
	if (*p != '%') {
		while (p != end && *p != '%' && ((*p > 0x20 && *p < 0x7f) || (allow_space && *p == ' ')))
			p++;
		if (p == *at)
			return -E_SYNTAX;
		piece->length = (size_t)(p - *at);
		*at = p;
		return 1;
	}
	if (++p == end)
		return -E_SYNTAX;
	piece->kind = SPF_PIECE_ESCAPE;
	switch (*p++) {
	case '%':
		piece->text = "%";
		break;
	case '_':
		piece->text = " ";
		break;
	case '-':
		piece->text = "%20";
		break;
	case '{':
		*at = p;
		return piece_read_macro(at, end, piece) == 0 ? 1 : -E_SYNTAX;
	default:
		return -E_SYNTAX;
	}
	piece->length = strlen(piece->text);
	*at = p;
	return 1;
}

static void use_note(const struct spf_piece *piece, struct spf_macro_use *use)
{
	if (piece->kind != SPF_PIECE_MACRO)
		return;
	use->p |= piece->letter == 'p';
	use->sender |= piece->letter == 's' || piece->letter == 'l';
	use->exp_only |= strchr("crt", piece->letter) != NULL;
}

int spf_macro_check(const char *text, size_t length, bool allow_space, struct spf_macro_use *use_r)
{
	const char *end = text + length;
	struct spf_piece piece;
	int status;

	*use_r = (struct spf_macro_use){ 0 };
	while ((status = spf_piece_next(&text, end, allow_space, &piece)) == 1)
		use_note(&piece, use_r);
	return status;
}

/* toplabel = ( *alphanum ALPHA *alphanum ) / ( 1*alphanum "-" *( alphanum / "-" ) alphanum ) */
static bool is_toplabel(const char *text, size_t length)
{
	bool other_than_digit = false;

	if (length == 0 || text[0] == '-' || text[length - 1] == '-')
		return false;
	for (size_t i = 0; i < length; i++) {
		if (!spf_is_letter(text[i]) && !spf_is_digit(text[i]) && text[i] != '-')
			return false;
		other_than_digit |= !spf_is_digit(text[i]);
	}
	return other_than_digit;
}

/* domain-end = ( "." toplabel [ "." ] ) / macro-expand; the text is the literal behind the last macro-expand. */
static bool is_domain_end(const char *text, size_t length)
{
	const char *dot;

	if (length != 0 && text[length - 1] == '.')
		length--;
	dot = memrchr(text, '.', length);
	return dot != NULL && is_toplabel(dot + 1, length - (size_t)(dot + 1 - text));
}

int spf_domain_spec_check(const char *text, size_t length, struct spf_macro_use *use_r)
{
	const char *end = text + length;
	struct spf_piece piece = { .kind = SPF_PIECE_LITERAL };
	int status;

	*use_r = (struct spf_macro_use){ 0 };
	if (length == 0)
		return -E_SYNTAX;
	while ((status = spf_piece_next(&text, end, false, &piece)) == 1)
		use_note(&piece, use_r);
	if (status != 0 || use_r->exp_only)
		return -E_SYNTAX;
	return piece.kind != SPF_PIECE_LITERAL || is_domain_end(piece.text, piece.length) ? 0 : -E_SYNTAX;
}
