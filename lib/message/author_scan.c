/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Readings of a broken From field. Programs do not agree on what it says: some decode encoded words first, some take quotes,
 * comments or blanks out, some drop what they cannot show, some stop there. The field is read in each of these ways, and what
 * stands behind any "@" is reported, and where asked for what stands at any "%" and "!". Too many domains cost a few look-ups, one too few costs a forgery.
 * Called by author.c. Thread: that of the message. Trusts nothing.
 */
#include "message/author_scan.h"

#include <stdint.h>
#include <string.h>

#include "message/author.h"
#include "message/encoded_word.h"
#include "util/utf8.h"
#include "util/buf.h"
#include "util/domain.h"

/* Between "@" and name, the NUL of the literal's end too. */
#define SKIPPED " \t\r\n\1.\"\\<([])>?"

enum {
	CANDIDATE_MAX = 1000,	/* as much as domain_normalize() takes */
	ODD = '\1',		/* a character that is not shown, or as a blank: some stop at it, some pass over it */
};

struct scan {
	struct arena *arena;
	author_domain_seen *seen;
	void *arg;
	bool enough;
	bool routes;	/* "%" and "!" count */
	bool dotted;	/* names of one label are none now */
};

static const struct { uint32_t first, last; char as; } mapped[] = {
	{ 0x80, 0xa0, ODD }, { 0xad, 0xad, ODD }, { 0x034f, 0x034f, ODD }, { 0x061c, 0x061c, ODD }, { 0x115f, 0x1160, ODD },
	{ 0x1680, 0x1680, ODD }, { 0x17b4, 0x17b5, ODD }, { 0x180b, 0x180f, ODD }, { 0x2000, 0x200f, ODD },
	{ 0x2024, 0x2024, '.' }, { 0x2028, 0x202f, ODD }, { 0x205f, 0x206f, ODD }, { 0x3000, 0x3000, ODD },
	{ 0x3002, 0x3002, '.' }, { 0x3164, 0x3164, ODD }, { 0xfe00, 0xfe0f, ODD }, { 0xfe52, 0xfe52, '.' },
	{ 0xfe6b, 0xfe6b, '@' }, { 0xfeff, 0xfeff, ODD }, { 0xff61, 0xff61, '.' }, { 0xffa0, 0xffa0, ODD },
	{ 0xfff0, 0xffff, ODD }, { 0xe0000, 0xe0fff, ODD },
};

static uint32_t code_point(const char *text, size_t length)
{
	static const unsigned char first_bits[] = { 0, 0x7f, 0x1f, 0x0f, 0x07 };
	uint32_t code = (unsigned char)text[0] & first_bits[length];

	for (size_t i = 1; i < length; i++)
		code = code << 6 | ((unsigned char)text[i] & 0x3f);
	return code;
}

/* Full-width forms are ASCII to a reader; see the table for the others. Bytes that mean themselves are copied. */
static void map_char(const char *text, size_t length, struct buf *out)
{
	uint32_t code = code_point(text, length);

	if (code >= 0xff01 && code <= 0xff5e) {
		buf_putc(out, (char)(code - 0xff01 + '!'));
		return;
	}
	for (size_t i = 0; i < sizeof(mapped) / sizeof(mapped[0]); i++) {
		if (code >= mapped[i].first && code <= mapped[i].last) {
			buf_putc(out, mapped[i].as);
			return;
		}
	}
	buf_append(out, text, length);
}

static struct buf map_text(struct arena *arena, const char *text, size_t length, bool latin, bool *broken_r)
{
	struct buf out = buf_make(arena);

	for (size_t i = 0, step; i < length; i += step) {
		unsigned char c = (unsigned char)text[i];
		char two[2] = { (char)(0xc0 | c >> 6), (char)(0x80 | (c & 0x3f)) };

		step = utf8_char_length(text + i, length - i);
		if (step > 1)
			map_char(text + i, step, &out);
		else if (step == 1)
			buf_putc(&out, text[i]);
		else if (latin)
			map_char(two, 2, &out);
		else
			buf_putc(&out, ODD);
		*broken_r = *broken_r || step == 0;
		step += step == 0;
	}
	return out;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == ODD;
}

/* One character that stays; blanks go on either side of a dot and behind the "@". */
static void strip_put(struct buf *out, size_t *blanks, char c)
{
	if (is_blank(c)) {
		(*blanks)++;
		return;
	}
	if (*blanks != 0 && c != '.' && out->length != 0 && strchr(".@", out->data[out->length - 1]) == NULL)
		buf_putc(out, ' ');
	*blanks = 0;
	buf_putc(out, c);
}

/* Without comments, and with blanks for quotes and backslashes; of a comment without an end only the parenthesis goes. */
static struct buf strip_text(struct arena *arena, const struct buf *text)
{
	struct buf out = buf_make(arena);
	size_t blanks = 0, depth = 0, closing = 0;

	for (size_t i = 0; i < text->length; i++)
		closing += text->data[i] == ')';
	for (size_t i = 0; i < text->length; i++) {
		char c = text->data[i];

		closing -= c == ')';
		if (c == '(' && closing > depth)
			depth++;
		else if (c == ')' && depth != 0)
			depth--;
		else if (depth == 0)
			strip_put(&out, &blanks, strchr("()\"\\", c) != NULL ? ODD : c);
	}
	return out;
}

static bool domain_byte(char c)
{
	unsigned char u = (unsigned char)c;

	return (u >= 'a' && u <= 'z') || (u >= 'A' && u <= 'Z') || (u >= '0' && u <= '9') || u == '-' || u == '_' ||
	    u == '.' || u >= 0x80;
}

/* No domain of mail ends in a number: it is an address, or a part of one. */
static bool is_numeric(const char *domain)
{
	const char *last = strrchr(domain, '.');

	last = last != NULL ? last + 1 : domain;
	return last[strspn(last, "0123456789")] == '\0';
}

static bool report(struct scan *scan, const char *text, size_t length)
{
	const char *domain = domain_normalize(scan->arena, text, length);

	if (domain != NULL && !is_numeric(domain) && !scan->enough && !(scan->dotted && strchr(domain, '.') == NULL))
		scan->enough = !scan->seen(scan->arg, domain);
	return domain != NULL;
}

/* Dots in a row are one, those at the ends none. */
static size_t squeeze_dots(const char *text, size_t length, char *out)
{
	size_t used = 0;

	for (size_t i = 0; i < length; i++)
		if (text[i] != '.' || (used != 0 && out[used - 1] != '.'))
			out[used++] = text[i];
	return used - (used != 0 && out[used - 1] == '.');
}

/* What is left when each 8-bit byte is dropped; only for what is no name with them. */
static void report_ascii(struct scan *scan, const char *text, size_t length)
{
	char ascii[CANDIDATE_MAX];
	size_t used = 0, first = 0;

	while (first < length && (unsigned char)text[first] < 0x80)
		first++;
	for (size_t i = 0; i < length; i++)
		if ((unsigned char)text[i] < 0x80)
			ascii[used++] = text[i];
	report(scan, text, first);
	used = squeeze_dots(ascii, used, ascii);
	report(scan, ascii, used);
}

static void report_candidate(struct scan *scan, const char *text, size_t length)
{
	char name[CANDIDATE_MAX];
	const char *gap;
	size_t used;

	if (length > CANDIDATE_MAX)
		length = CANDIDATE_MAX;
	gap = memmem(text, length, "..", 2);
	if (gap != NULL)
		report(scan, text, (size_t)(gap - text));
	used = squeeze_dots(text, length, name);
	if (used != 0 && !report(scan, name, used))
		report_ascii(scan, name, used);
}

/* "<" or ">" in the middle of a name, which some pass over. */
static bool is_bracket_inside(const char *p, const char *end)
{
	return (*p == '<' || *p == '>') && (*p == '>' || domain_byte(p[-1])) && p + 1 < end && domain_byte(p[1]);
}

/*
 * From the first byte of the name to one of these delimiters, with all else left out that is in no name. What is left of an
 * encoded word in this way is none. p[-1] is in the text: an "@" stands before the name.
 */
static void read_around(struct scan *scan, const char *start, const char *end, const char *delimiters, bool brackets)
{
	char name[CANDIDATE_MAX];
	const char *p = start;
	size_t used = 0, first;

	while (p < end && domain_byte(*p))
		p++;
	first = (size_t)(p - start);
	for (p = start; p < end; p++) {
		if (*p != '\0' && strchr(delimiters, *p) != NULL && !(brackets && is_bracket_inside(p, end)))
			break;
		if (domain_byte(*p) && used < sizeof(name))
			name[used++] = *p;
	}
	if (used > first && memmem(start, (size_t)(p - start), "=?", 2) == NULL)
		report_candidate(scan, name, used);
}

/*
 * A word without a dot and with an "@" behind it, as b in "a@b@c.example": part of an address, which no program shows as a
 * domain. With 8-bit bytes in it nobody knows whether there is a dot.
 */
static bool is_inner_word(const char *start, const char *word_end, const char *end)
{
	for (const char *p = start; p < word_end; p++)
		if (*p == '.' || (unsigned char)*p >= 0x80)
			return false;
	while (word_end < end && is_blank(*word_end))
		word_end++;
	return word_end < end && *word_end == '@';
}

static void read_name(struct scan *scan, const char *start, const char *end)
{
	const char *p = start;

	while (p < end && domain_byte(*p))
		p++;
	if (!is_inner_word(start, p, end))
		report_candidate(scan, start, (size_t)(p - start));
	read_around(scan, start, end, "@,;:<> \t\r\n", false);
	read_around(scan, start, end, "@,;:<>", true);
}

static void scan_ats(struct scan *scan, const struct buf *view)
{
	const char *p = view->data, *end = p + view->length;

	while (!scan->enough && p < end && (p = memchr(p, '@', (size_t)(end - p))) != NULL) {
		do
			p++;
		while (p < end && memchr(SKIPPED, *p, sizeof(SKIPPED)) != NULL);
		read_name(scan, p, end);
	}
}

/* domain!user: the name ends where the "!" or blanks before it begin. Each byte is looked at once. */
static void scan_bangs(struct scan *scan, const struct buf *view)
{
	size_t start = 0, used = 0;	/* of the last name */

	for (size_t i = 0; i < view->length && !scan->enough; i++) {
		char c = view->data[i];

		if (domain_byte(c)) {
			start = used == 0 || start + used != i ? i : start;
			used = i + 1 - start;
		} else if (c == '!') {
			report_candidate(scan, view->data + start, used);
			used = 0;
		} else if (!is_blank(c)) {
			used = 0;
		}
	}
}

/* One name for each mark, up to the next: each byte is looked at once. */
static void scan_percents(struct scan *scan, const struct buf *view)
{
	const char *p = view->data, *end = p + view->length, *next;

	for (p = memchr(p, '%', view->length); p != NULL && !scan->enough; p = next) {
		next = memchr(p + 1, '%', (size_t)(end - p) - 1);
		do
			p++;
		while (p < end && memchr(SKIPPED, *p, sizeof(SKIPPED)) != NULL);
		read_name(scan, p, next != NULL ? next : end);
	}
}

/*
 * Without an "@" Sendmail makes user@domain of user%domain and of domain!user (its ruleset Canonify), in the From field that it
 * delivers; we see it before. A word without a dot is no author's domain there, but a per cent or a cry.
 */
static void scan_view(struct scan *scan, const struct buf *view)
{
	scan_ats(scan, view);
	if (!scan->routes)
		return;
	scan->dotted = true;
	scan_percents(scan, view);
	scan_bangs(scan, view);
	scan->dotted = false;
}

static void scan_text(struct scan *scan, const char *text, size_t length)
{
	bool broken = false;

	for (int latin = 0; latin == 0 || (latin == 1 && broken); latin++) {
		struct buf view = map_text(scan->arena, text, length, latin == 1, &broken), stripped;

		stripped = strip_text(scan->arena, &view);
		scan_view(scan, &view);
		scan_view(scan, &stripped);
	}
}

static bool has_8bit(const char *text, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if ((unsigned char)text[i] >= 0x80)
			return true;
	return false;
}

static void scan_forms(struct scan *scan, const char *text, size_t length)
{
	size_t decoded_length;
	const char *decoded;

	scan_text(scan, text, length);
	for (int joined = 0; joined < 2 && encoded_word_in(text, length); joined++) {
		decoded = encoded_words_decode(scan->arena, text, length, joined == 1 ? ENCODED_WORDS_JOINED : ENCODED_WORDS_APART,
		    &decoded_length);
		scan_text(scan, decoded, decoded_length);
	}
}

/* The text without control characters; without blanks too when no_blanks. */
static struct buf drop_unseen(struct arena *arena, const char *text, size_t length, bool no_blanks)
{
	struct buf out = buf_make(arena);

	for (size_t i = 0; i < length; i++) {
		bool blank = text[i] != ODD && is_blank(text[i]), control = (unsigned char)text[i] < ' ' || text[i] == 0x7f;

		if (blank ? !no_blanks : !control)
			buf_putc(&out, text[i]);
	}
	return out;
}

static bool may_hold_address(const char *text, size_t length, enum author_scan_routes routes)
{
	return memchr(text, '@', length) != NULL || memmem(text, length, "?=", 2) != NULL || has_8bit(text, length) ||
	    (routes == AUTHOR_SCAN_ROUTES && (memchr(text, '%', length) != NULL || memchr(text, '!', length) != NULL));
}

void author_scan(struct arena *arena, const char *text, size_t length, enum author_scan_routes routes, author_domain_seen *seen,
    void *arg)
{
	struct scan scan = { .arena = arena, .seen = seen, .arg = arg, .routes = routes == AUTHOR_SCAN_ROUTES };
	bool words = encoded_word_in(text, length);
	struct buf view;

	if (!may_hold_address(text, length, routes))
		return;
	scan_forms(&scan, text, length);
	view = drop_unseen(arena, text, length, false);
	if (view.length != length)
		scan_forms(&scan, view.data, view.length);
	/* an encoded word with a blank inside is none, but for those who drop the blank first */
	view = drop_unseen(arena, text, length, true);
	if (!words && encoded_word_in(view.data, view.length))
		scan_forms(&scan, view.data, view.length);
}
