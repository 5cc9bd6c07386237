/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Expansion of SPF macros (RFC 7208 sections 7.2 and 7.3), for the front, the prefetch and the explanation. Everything
 * here comes from the network or from the client: a record of 3,000 bytes may name a value of 1,000 bytes 700 times, so
 * domain names are built in a window that keeps the right end only, and texts stop at their cap. No allocation but the
 * buffer of the text. Thread: any.
 */
#include "check/spf/macro.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "check/spf/piece.h"
#include "util/clean.h"
#include "util/error.h"

enum { WINDOW_BYTES = 1024, WINDOW_KEPT = 512 };

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
		buf_putc(sink->text, clean_smtp_char(c));
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

		if (!url_escape || spf_is_letter(c) || spf_is_digit(c) || (c != '\0' && strchr("-._~", c) != NULL)) {
			sink_put(sink, c);
			continue;
		}
		sink_put(sink, '%');
		sink_put(sink, hex[(uint8_t)c >> 4]);
		sink_put(sink, hex[(uint8_t)c & 15]);
	}
}

static bool piece_splits(const struct spf_piece *piece, char c)
{
	if (piece->delimiter_count == 0)
		return c == '.';
	return memchr(piece->delimiter, c, piece->delimiter_count) != NULL;
}

/* The parts between delimiters, last one first: the right-hand ones of the reversed list are the first ones. */
static void sink_put_reversed(struct sink *sink, const struct spf_piece *piece, const char *value, size_t length)
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

static void sink_put_transformed(struct sink *sink, const struct spf_piece *piece, const char *value)
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

static void sink_put_macro(struct sink *sink, const struct spf_macro_values *values, const struct spf_piece *piece)
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
	struct spf_piece piece;

	while (spf_piece_next(&text, end, allow_space, &piece) == 1) {
		if (piece.kind == SPF_PIECE_MACRO)
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

		if (spf_is_letter(*name) || spf_is_digit(*name) || strchr(".-_*/:=+", c) != NULL) {
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
