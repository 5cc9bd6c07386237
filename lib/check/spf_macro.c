/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * SPF macros (RFC 7208 section 7). Used by the record parser (syntax), by the front and the prefetch (domain-specs) and
 * by the explanation. Everything here comes from the network or from the client: a record of 3,000 bytes may name a
 * value of 1,000 bytes 700 times, so domain names are built in a window that keeps the right end only, and texts stop
 * at their cap. No allocation but the buffer of the text. Thread: any.
 */
#include "check/spf_macro.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "util/error.h"

enum { WINDOW_BYTES = 1024, WINDOW_KEPT = 512, MAX_PARTS = 128 };

static const char delimiters[] = ".-+,/_=";

/* One piece of a macro-string. */
struct piece {
	enum { PIECE_LITERAL, PIECE_ESCAPE, PIECE_MACRO } kind;
	const char *text;	/* of a literal or an escape's replacement */
	size_t length;
	char letter;		/* lower case */
	bool url_escape;	/* the letter was upper case */
	unsigned parts;		/* right-hand parts to use; 0: all */
	bool reverse;
	const char *delimiter;
	size_t delimiter_count;
};

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* "%{" macro-letter transformers *delimiter "}"; at points behind the "%{". */
static int piece_read_macro(const char **at, const char *end, struct piece *piece)
{
	const char *p = *at;
	bool digits = false;

	if (p == end || !is_letter(*p))
		return -E_SYNTAX;
	piece->url_escape = *p < 'a';
	piece->letter = piece->url_escape ? (char)(*p - 'A' + 'a') : *p;
	if (strchr("slodiphcrtv", piece->letter) == NULL)
		return -E_SYNTAX;
	p++;
	piece->parts = 0;
	for (; p != end && is_digit(*p); p++) {
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
	piece->kind = PIECE_MACRO;
	return 0;
}

/* @return 1 with a piece, 0 at the end, -E_SYNTAX. */
static int piece_next(const char **at, const char *end, bool allow_space, struct piece *piece)
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
	piece->kind = PIECE_ESCAPE;
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

static void use_note(const struct piece *piece, struct spf_macro_use *use)
{
	if (piece->kind != PIECE_MACRO)
		return;
	use->p |= piece->letter == 'p';
	use->sender |= piece->letter == 's' || piece->letter == 'l';
	use->exp_only |= strchr("crt", piece->letter) != NULL;
}

int spf_macro_check(const char *text, size_t length, bool allow_space, struct spf_macro_use *use_r)
{
	const char *end = text + length;
	struct piece piece;
	int status;

	*use_r = (struct spf_macro_use){ 0 };
	while ((status = piece_next(&text, end, allow_space, &piece)) == 1)
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
		if (!is_letter(text[i]) && !is_digit(text[i]) && text[i] != '-')
			return false;
		other_than_digit |= !is_digit(text[i]);
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
	struct piece piece = { .kind = PIECE_LITERAL };
	int status;

	*use_r = (struct spf_macro_use){ 0 };
	if (length == 0)
		return -E_SYNTAX;
	while ((status = piece_next(&text, end, false, &piece)) == 1)
		use_note(&piece, use_r);
	if (status != 0 || use_r->exp_only)
		return -E_SYNTAX;
	return piece.kind != PIECE_LITERAL || is_domain_end(piece.text, piece.length) ? 0 : -E_SYNTAX;
}

/* Where expanded octets go: a window on the right end of a name, or a text with a cap. */
struct sink {
	char window[WINDOW_BYTES];
	size_t length;
	bool cut;		/* octets left the window on the left */
	struct buf *text;	/* instead of the window */
	size_t text_room;
};

static void sink_put(struct sink *sink, char c)
{
	if (sink->text != NULL) {
		if (sink->text_room == 0)
			return;
		sink->text_room--;
		buf_putc(sink->text, c >= 0x20 && c < 0x7f ? c : '?');
		return;
	}
	if (sink->length == WINDOW_BYTES) {
		memmove(sink->window, sink->window + WINDOW_BYTES - WINDOW_KEPT, WINDOW_KEPT);
		sink->length = WINDOW_KEPT;
		sink->cut = true;
	}
	sink->window[sink->length++] = c;
}

/* Section 7.3: upper-case letters escape all but the unreserved set of RFC 3986. */
static void sink_put_value(struct sink *sink, const char *text, size_t length, bool url_escape)
{
	static const char hex[] = "0123456789ABCDEF";

	for (size_t i = 0; i < length; i++) {
		char c = text[i];

		if (!url_escape || is_letter(c) || is_digit(c) || (c != '\0' && strchr("-._~", c) != NULL)) {
			sink_put(sink, c);
			continue;
		}
		sink_put(sink, '%');
		sink_put(sink, hex[(uint8_t)c >> 4]);
		sink_put(sink, hex[(uint8_t)c & 15]);
	}
}

static bool piece_splits(const struct piece *piece, char c)
{
	if (piece->delimiter_count == 0)
		return c == '.';
	return memchr(piece->delimiter, c, piece->delimiter_count) != NULL;
}

/* The parts between delimiters, last one first: the right-hand ones of the reversed list are the first ones. */
static void sink_put_reversed(struct sink *sink, const struct piece *piece, const char *value, size_t length)
{
	size_t end = length, limit = length;
	bool first = true;

	if (piece->parts != 0) {
		unsigned parts = 0;

		for (end = 0; end < length; end++)
			if (piece_splits(piece, value[end]) && ++parts == piece->parts)
				break;
		limit = end;
	}
	for (end = limit;; ) {
		size_t start = end;

		while (start > 0 && !piece_splits(piece, value[start - 1]))
			start--;
		if (!first)
			sink_put(sink, '.');
		first = false;
		sink_put_value(sink, value + start, end - start, piece->url_escape);
		if (start == 0)
			return;
		end = start - 1;
	}
}

static void sink_put_transformed(struct sink *sink, const struct piece *piece, const char *value)
{
	size_t length = strlen(value), start = 0, part;

	if (piece->reverse) {
		sink_put_reversed(sink, piece, value, length);
		return;
	}
	if (piece->parts != 0) {
		unsigned parts = 0;

		for (start = length; start > 0; start--)
			if (piece_splits(piece, value[start - 1]) && ++parts == piece->parts)
				break;
	}
	for (part = start; start <= length; start++) {
		if (start != length && !piece_splits(piece, value[start]))
			continue;
		sink_put_value(sink, value + part, start - part, piece->url_escape);
		if (start != length)
			sink_put(sink, '.');
		part = start + 1;
	}
}

/* %{i}: dotted quad, or the nibbles of an IPv6 address with dots between them, in upper case as in section 7.4. */
static void client_dotted(const struct ip_addr *client, char *text_r, size_t text_bytes)
{
	static const char hex[] = "0123456789ABCDEF";
	char *p = text_r;

	if (client->family != AF_INET6) {
		inet_ntop(AF_INET, client->bytes, text_r, (socklen_t)text_bytes);
		return;
	}
	for (size_t i = 0; i < 16; i++) {
		*p++ = hex[client->bytes[i] >> 4];
		*p++ = '.';
		*p++ = hex[client->bytes[i] & 15];
		*p++ = '.';
	}
	p[-1] = '\0';
}

static const char *text_or_empty(const char *text)
{
	return text != NULL ? text : "";
}

static void sink_put_macro(struct sink *sink, const struct spf_macro_values *values, const struct piece *piece)
{
	char scratch[2 * SPF_NAME_BYTES + 2 * 1024];
	const char *value = scratch;

	switch (piece->letter) {
	case 's':
		snprintf(scratch, sizeof(scratch), "%s@%s", text_or_empty(values->sender_local),
		    text_or_empty(values->sender_domain));
		break;
	case 'l':
		value = text_or_empty(values->sender_local);
		break;
	case 'o':
		value = text_or_empty(values->sender_domain);
		break;
	case 'd':
		value = text_or_empty(values->domain);
		break;
	case 'i':
		client_dotted(&values->client, scratch, sizeof(scratch));
		break;
	case 'c':
		addr_format(&values->client, scratch);
		break;
	case 'p':
		value = values->validated_name != NULL
		    ? values->validated_name(values->context, text_or_empty(values->domain)) : "unknown";
		break;
	case 'v':
		value = values->client.family == AF_INET6 ? "ip6" : "in-addr";
		break;
	case 'h':
		value = text_or_empty(values->helo);
		break;
	case 'r':
		value = values->receiver != NULL ? values->receiver : "unknown";
		break;
	default:	/* 't' */
		snprintf(scratch, sizeof(scratch), "%" PRId64, values->time_secs);
		break;
	}
	sink_put_transformed(sink, piece, value);
}

static void sink_expand(struct sink *sink, const struct spf_macro_values *values, const char *text, size_t length,
    bool allow_space)
{
	const char *end = text + length;
	struct piece piece;

	while (piece_next(&text, end, allow_space, &piece) == 1) {
		if (piece.kind == PIECE_MACRO)
			sink_put_macro(sink, values, &piece);
		else
			sink_put_value(sink, piece.text, piece.length, false);
	}
}

bool spf_name_askable(const char *name)
{
	size_t label = 0, length = 0;

	for (; name[length] != '\0'; length++) {
		if (length >= SPF_NAME_BYTES - 1 || name[length] < 0x20 || name[length] > 0x7e)
			return false;
		if (name[length] != '.') {
			if (++label > 63)
				return false;
			continue;
		}
		if (label == 0)
			return false;
		label = 0;
	}
	return label != 0;
}

int spf_macro_expand_domain(const struct spf_macro_values *values, const char *text, size_t length, char *name_r)
{
	struct sink sink;
	const char *name = sink.window;

	sink.length = 0;
	sink.cut = false;
	sink.text = NULL;
	sink_expand(&sink, values, text, length, false);
	if (sink.length != 0 && sink.window[sink.length - 1] == '.')
		sink.length--;
	while (sink.cut || sink.length >= SPF_NAME_BYTES) {
		const char *dot = memchr(name, '.', sink.length);

		if (dot == NULL)
			return -E_SYNTAX;
		sink.length -= (size_t)(dot + 1 - name);
		name = dot + 1;
		sink.cut = false;
	}
	memcpy(name_r, name, sink.length);
	name_r[sink.length] = '\0';
	return spf_name_askable(name_r) ? 0 : -E_SYNTAX;
}

void spf_macro_expand_text(const struct spf_macro_values *values, const char *text, size_t length, size_t max_bytes,
    struct buf *out)
{
	struct sink sink;

	sink.length = 0;
	sink.cut = false;
	sink.text = out;
	sink.text_room = max_bytes;
	sink_expand(&sink, values, text, length, true);
}

const char *spf_name_present(const char *name, char *text_r)
{
	char *out = text_r;

	for (; *name != '\0'; name++) {
		uint8_t c = (uint8_t)*name;

		if (is_letter(*name) || is_digit(*name) || strchr(".-_*/:=+", c) != NULL) {
			*out++ = *name;
			continue;
		}
		*out++ = '\\';
		*out++ = (char)('0' + c / 100);
		*out++ = (char)('0' + c / 10 % 10);
		*out++ = (char)('0' + c % 10);
	}
	*out = '\0';
	return text_r;
}
