/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Encoded words for those who must know what a mail program may read in a field: not what RFC 2047 allows, but whatever is
 * decoded somewhere. So they are found anywhere, with blanks inside, with bad base64 and bad hexadecimals.
 * Pure. Trusts nothing; work is linear in the text. One layer a call.
 */
#include "message/encoded_word.h"

#include <string.h>
#include <strings.h>

#include "util/buf.h"

/* One word: =?charset?encoding?data?= */
struct word {
	const char *charset, *data;
	size_t charset_length, data_length;
	bool base64;
};

static const char *find(const char *at, const char *end, const char *what)
{
	return memmem(at, (size_t)(end - at), what, strlen(what));
}

/* The word that begins at "=?". @return where it ends; NULL when it is none. */
static const char *read_word(const char *at, const char *end, struct word *word_r)
{
	const char *mark = memchr(at + 2, '?', (size_t)(end - at - 2)), *close;

	if (mark == NULL || end - mark < 3 || mark[2] != '?' || strchr("qQbB", mark[1]) == NULL || mark[1] == '\0')
		return NULL;
	close = find(mark + 3, end, "?=");
	if (close == NULL)
		return NULL;
	*word_r = (struct word){ .charset = at + 2, .charset_length = (size_t)(mark - at - 2), .data = mark + 3,
		.data_length = (size_t)(close - mark - 3), .base64 = (mark[1] | 0x20) == 'b' };
	return close + 2;
}

/* Charsets in which a byte below 128 is ASCII, always. A language may stand behind an asterisk (RFC 2231 section 5). */
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

static void put(struct buf *buf, unsigned c)
{
	if ((c & 0xff) != 0)
		buf_putc(buf, (char)c);
}

/* What is not of the alphabet is passed over, padding is not asked for. */
static void decode_base64(struct buf *buf, const char *data, size_t length)
{
	static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	unsigned bits = 0, count = 0;

	for (size_t i = 0; i < length; i++) {
		const char *place = data[i] != '\0' ? strchr(alphabet, data[i]) : NULL;

		if (place == NULL)
			continue;
		bits = (bits << 6 | (unsigned)(place - alphabet)) & 0xffffff;
		count += 6;
		if (count >= 8) {
			count -= 8;
			put(buf, bits >> count);
		}
	}
}

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static void decode_quoted(struct buf *buf, const char *data, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		if (data[i] == '=' && length - i > 2 && hex_value(data[i + 1]) >= 0 && hex_value(data[i + 2]) >= 0) {
			put(buf, (unsigned)(hex_value(data[i + 1]) << 4 | hex_value(data[i + 2])));
			i += 2;
		} else {
			put(buf, data[i] == '_' ? ' ' : (unsigned char)data[i]);
		}
	}
}

static void decode_word(struct buf *buf, const struct word *word)
{
	if (!charset_holds_ascii(word))
		buf_putc(buf, ENCODED_WORD_UNREAD);
	else if (word->base64)
		decode_base64(buf, word->data, word->data_length);
	else
		decode_quoted(buf, word->data, word->data_length);
}

/* Behind the last "?=": no word ends later, so none is looked for there, and the search for an end always succeeds. */
static const char *last_end(const char *text, size_t length)
{
	const char *end = text + length;

	while (end - text >= 2 && (end[-2] != '?' || end[-1] != '='))
		end--;
	return end - text >= 2 ? end : text;
}

static const char *skip_blanks(const char *at, const char *end)
{
	while (at < end && (*at == ' ' || *at == '\t' || *at == '\r' || *at == '\n'))
		at++;
	return at;
}

bool encoded_words_present(const char *text, size_t length)
{
	const char *at = text, *end = last_end(text, length);
	struct word word;

	for (; (at = find(at, end, "=?")) != NULL; at += 2)
		if (read_word(at, end, &word) != NULL)
			return true;
	return false;
}

const char *encoded_words_decode(struct arena *arena, const char *text, size_t length, size_t *length_r)
{
	const char *at = text, *end = text + length, *words_end = last_end(text, length), *after;
	struct buf buf = buf_make(arena);
	bool behind_word = false;
	struct word word;

	while (at < end) {
		const char *start = behind_word ? skip_blanks(at, end) : at;

		after = words_end - start > 2 && start[0] == '=' && start[1] == '?' ? read_word(start, words_end, &word) : NULL;
		behind_word = after != NULL;
		if (after != NULL) {
			decode_word(&buf, &word);
			at = after;
		} else {
			put(&buf, (unsigned char)*at++);
		}
	}
	*length_r = buf.length;
	return buf.data;
}
