/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Encoded words, leniently; see encoded_word.h. Charsets in which ASCII is not itself are converted by iconv, by names of our
 * own: a name out of the message never reaches it. Pure. Thread: any. Trusts nothing.
 */
#include "message/encoded_word.h"

#include <ctype.h>
#include <iconv.h>
#include <string.h>
#include <strings.h>

#include "util/buf.h"

enum { CHARSET_MAX = 40 };

struct word {
	const char *charset, *payload, *end;	/* end: behind the "?=" */
	size_t charset_length, payload_length;
	bool base64;
};

/* All others are taken for supersets of ASCII, so that an ASCII domain is seen in them; UTF-8 is itself. */
static const struct { const char *name, *iconv; } charsets[] = {	/* names without what is no letter or digit */
	{ "utf7", "UTF-7" }, { "unicode11utf7", "UTF-7" }, { "utf16", "UTF-16" }, { "utf16be", "UTF-16BE" },
	{ "utf16le", "UTF-16LE" }, { "utf32", "UTF-32" }, { "utf32be", "UTF-32BE" }, { "utf32le", "UTF-32LE" },
	{ "iso88591", "ISO-8859-1" }, { "latin1", "ISO-8859-1" }, { "iso885915", "ISO-8859-15" },
	{ "windows1252", "WINDOWS-1252" }, { "cp1252", "WINDOWS-1252" }, { "iso2022jp", "ISO-2022-JP" },
	{ "cp037", "IBM037" }, { "ibm037", "IBM037" }, { "cp500", "IBM500" }, { "ibm500", "IBM500" },
	{ "cp1140", "IBM1140" }, { "ibm1140", "IBM1140" }, { "cp1026", "IBM1026" }, { "ibm1026", "IBM1026" },
};

static const char *find_mark(const char *p, const char *end, const char *mark)
{
	return p < end ? memmem(p, (size_t)(end - p), mark, 2) : NULL;
}

static int hex_digit(char c)
{
	const char *digits = "0123456789abcdef", *found = c != '\0' ? strchr(digits, c >= 'A' && c <= 'F' ? c + 32 : c) : NULL;

	return found != NULL ? (int)(found - digits) : -1;
}

/* Is this "?=" that of "?q?=40", where the text begins with an escape? Only one more is tried, so that time is linear. */
static const char *pass_escape(const char *mark, const char *end)
{
	const char *next = end - mark >= 4 && hex_digit(mark[2]) >= 0 && hex_digit(mark[3]) >= 0 ?
	    find_mark(mark + 2, end, "?=") : NULL;

	return next != NULL ? next : mark;
}

/*
 * @return whether an encoded word begins at p, which is at its "=?".
 * inner: of words one inside the other the inner one is, and see pass_escape().
 */
static bool read_word(const char *p, const char *end, bool inner, struct word *word_r)
{
	const char *q = p + 2, *limit = end;

	word_r->charset = q;
	while (q < end && *q != '?')
		q++;
	word_r->charset_length = (size_t)(q - word_r->charset);
	if (end - q < 5 || q[0] != '?' || q[2] != '?' || strchr("bBqQ", q[1]) == NULL || q[1] == '\0')
		return false;
	word_r->base64 = q[1] == 'b' || q[1] == 'B';
	word_r->payload = q + 3;
	if (inner && find_mark(word_r->payload, end, "=?") != NULL)
		limit = find_mark(word_r->payload, end, "=?") + 1;
	q = find_mark(word_r->payload, limit, "?=");
	if (q == NULL)
		return false;
	if (inner && !word_r->base64)
		q = pass_escape(q, end);
	word_r->payload_length = (size_t)(q - word_r->payload);
	word_r->end = q + 2;
	return true;
}

static void decode_q(const struct word *word, struct buf *out)
{
	const char *p = word->payload, *end = p + word->payload_length;

	for (; p < end; p++) {
		if (*p == '=' && end - p >= 3 && hex_digit(p[1]) >= 0 && hex_digit(p[2]) >= 0) {
			buf_putc(out, (char)(hex_digit(p[1]) << 4 | hex_digit(p[2])));
			p += 2;
		} else {
			buf_putc(out, *p == '_' ? ' ' : *p);
		}
	}
}

/* What is not of the alphabet is passed over. */
static void decode_b(const struct word *word, struct buf *out)
{
	static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	unsigned bits = 0, count = 0;

	for (size_t i = 0; i < word->payload_length; i++) {
		const char *found = word->payload[i] != '\0' ? strchr(alphabet, word->payload[i]) : NULL;

		if (found == NULL)
			continue;
		bits = (bits << 6 | (unsigned)(found - alphabet)) & 0xfffff;
		count += 6;
		if (count >= 8) {
			count -= 8;
			buf_putc(out, (char)(bits >> count & 0xff));
		}
	}
}

static const char *charset_iconv(const struct word *word)
{
	char name[CHARSET_MAX + 1];
	size_t length = 0;

	/* RFC 2231: "utf-8*en" */
	for (size_t i = 0; i < word->charset_length && word->charset[i] != '*' && length < CHARSET_MAX; i++)
		if (isalnum((unsigned char)word->charset[i]))
			name[length++] = word->charset[i];
	name[length] = '\0';
	for (size_t i = 0; i < sizeof(charsets) / sizeof(charsets[0]); i++)
		if (strcasecmp(charsets[i].name, name) == 0)
			return charsets[i].iconv;
	return NULL;
}

/* Bytes that are not of the charset are passed over. */
static void convert(const char *charset, const struct buf *raw, struct buf *out)
{
	iconv_t conversion = iconv_open("UTF-8", charset);
	char *in = raw->data, room[256], *to;
	size_t left = raw->length, before, space;

	while (conversion != (iconv_t)-1 && left != 0) {
		before = left;
		to = room;
		space = sizeof(room);
		iconv(conversion, &in, &left, &to, &space);
		buf_append(out, room, sizeof(room) - space);
		if (left == before) {
			in++;
			left--;
		}
	}
	if (conversion != (iconv_t)-1)
		iconv_close(conversion);
	buf_append(out, in, left);
}

/* Charsets in which a byte below 128 is ASCII, always. */
static bool charset_holds_ascii(const struct word *word)
{
	static const char *const names[] = { "utf-8", "utf8", "us-ascii", "ascii", "latin1", "latin-1" };
	static const char *const families[] = { "iso-8859-", "iso8859-", "windows-125", "cp125", "koi8-" };
	const char *star = memchr(word->charset, '*', word->charset_length);
	size_t length = star != NULL ? (size_t)(star - word->charset) : word->charset_length;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (length == strlen(names[i]) && strncasecmp(word->charset, names[i], length) == 0)
			return true;
	for (size_t i = 0; i < sizeof(families) / sizeof(families[0]); i++)
		if (length > strlen(families[i]) && strncasecmp(word->charset, families[i], strlen(families[i])) == 0)
			return true;
	return false;
}

static void decode(const struct word *word, struct buf *out)
{
	const char *charset = charset_iconv(word);
	struct buf raw = buf_make(out->arena);

	(word->base64 ? decode_b : decode_q)(word, charset != NULL ? &raw : out);
	if (charset != NULL)
		convert(charset, &raw, out);
}

static const char *skip_blanks(const char *p, const char *end)
{
	while (p < end && memchr(" \t\r\n", *p, 4) != NULL)
		p++;
	return p;
}

/* Behind the last "?=" of the text: no word ends later, so that none need be looked for (else time were quadratic). */
static const char *words_end(const char *text, const char *end)
{
	while (end - text >= 2 && (end[-2] != '?' || end[-1] != '='))
		end--;
	return end - text >= 2 ? end : text;
}

bool encoded_word_in(const char *text, size_t length)
{
	const char *end = words_end(text, text + length), *p = text;
	struct word word;

	while ((p = find_mark(p, end, "=?")) != NULL) {
		if (read_word(p, end, false, &word))
			return true;
		p += 2;
	}
	return false;
}

static void drop_nuls(struct buf *out)
{
	size_t kept = 0;

	for (size_t i = 0; i < out->length; i++)
		if (out->data[i] != '\0')
			out->data[kept++] = out->data[i];
	if (out->length != 0)
		out->data[kept] = '\0';
	out->length = kept;
}

const char *encoded_words_decode(struct arena *arena, const char *text, size_t length,
    enum encoded_word_reading reading, size_t *length_r)
{
	bool joined = reading != ENCODED_WORDS_APART;
	struct buf out = buf_make(arena);
	const char *p = text, *end = words_end(text, text + length), *next, *mark;
	struct word word;

	while ((mark = find_mark(p, end, "=?")) != NULL) {
		buf_append(&out, p, (size_t)(mark - p));
		p = mark;
		if (!read_word(p, end, !joined, &word)) {
			buf_append(&out, p, 2);
			p += 2;
			continue;
		}
		if (reading == ENCODED_WORDS_MARKED && !charset_holds_ascii(&word))
			buf_putc(&out, ENCODED_WORD_UNREAD);
		else
			decode(&word, &out);
		p = word.end;
		if (!joined)
			buf_putc(&out, ' ');
		next = skip_blanks(p, end);
		if (joined && end - next >= 2 && memcmp(next, "=?", 2) == 0 && read_word(next, end, false, &word))
			p = next;
	}
	buf_append(&out, p, (size_t)(text + length - p));
	if (reading == ENCODED_WORDS_MARKED)
		drop_nuls(&out);
	*length_r = out.length;
	return out.data;
}
