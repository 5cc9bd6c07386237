/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Fields of log lines: written and read in one file, so that the two agree. The grammar is in the header. The reader is
 * strict: a key twice, an escape that the writer does not make, a blank too many is an error, never a guess.
 */
#include "util/log_field.h"

#include <string.h>

#include "util/clean.h"
#include "util/error.h"
#include "util/log.h"

#define DIGITS "0123456789"
#define KEY  "abcdefghijklmnopqrstuvwxyz" DIGITS "_"

enum { BLOCK_BYTES = 16 };

static const char hex[] = "0123456789abcdef";

/* @return length of the text that stands for a byte within quotes. */
static size_t escape(char c, char text_r[CLEAN_ESCAPE_MAX])
{
	if (c != '"' && c != '\\')
		return clean_escape(c, text_r);
	text_r[0] = '\\';
	text_r[1] = c;
	return 2;
}

/* Without a branch and of constant length, so that compilers make vectors of it: CLEAN_PLAIN without the table. */
static bool block_is_plain(const char *block)
{
	unsigned char other = 0;

	for (size_t i = 0; i < BLOCK_BYTES; i++) {
		signed char c = (signed char)block[i];	/* whatever char is here */

		other |= (unsigned char)((c < ' ') | (c == '\x7f') | (c == '"') | (c == '\\'));
	}
	return other == 0;
}

static bool is_plain(const char *at, const char *end)
{
	for (; end - at >= BLOCK_BYTES; at += BLOCK_BYTES)
		if (!block_is_plain(at))
			return false;
	while (at < end && clean_is(*at, CLEAN_PLAIN))
		at++;
	return at == end;
}

/* How many octets stand within quotes as they are, at most max. */
static size_t plain_span(const char *value, size_t max)
{
	size_t length = 0;

	while (length < max && clean_is(value[length], CLEAN_PLAIN))
		length++;
	return length;
}

/* A field whose value stands as it is, as nearly all do: in one go. */
static void put_plain(struct buf *buf, const char *key, const char *value, size_t length, bool quoted)
{
	size_t key_length = strlen(key);
	bool first = buf->length == 0;
	char *at = buf_extend(buf, (size_t)!first + key_length + 1 + length + (quoted ? 2 : 0));

	if (!first)
		*at++ = ' ';
	memcpy(at, key, key_length);
	at += key_length;
	*at++ = '=';
	if (quoted)
		*at++ = '"';
	memcpy(at, value, length);
	if (quoted)
		at[length] = '"';
}

/* One in which something is to be escaped or cut; behind its quote. */
static void put_escaped(struct buf *buf, const char *value, size_t max)
{
	size_t used = 0;

	while (*value != '\0' && used < max) {
		char text[CLEAN_ESCAPE_MAX];
		size_t length = plain_span(value, max - used);

		if (length != 0) {
			buf_append(buf, value, length);
			value += length;
		} else {
			length = escape(*value, text);
			if (used + length > max)
				break;
			buf_append(buf, text, length);
			value++;
		}
		used += length;
	}
	buf_puts(buf, *value != '\0' ? "\"..." : "\"");
}

void log_field_put(struct buf *buf, const char *key, const char *value)
{
	log_field_put_long(buf, key, value, LOG_FIELD_BYTES);
}

void log_field_put_long(struct buf *buf, const char *key, const char *value, size_t max)
{
	size_t length, bare = 0;

	if (value == NULL)
		return;
	length = strnlen(value, max + 1);
	while (bare < length && clean_is(value[bare], CLEAN_BARE))
		bare++;
	if (length <= max && is_plain(value + bare, value + length)) {
		put_plain(buf, key, value, length, bare < length || length == 0);
		return;
	}
	buf_join(buf, buf->length != 0 ? " " : "", key, "=\"", NULL);
	put_escaped(buf, value, max);
}

/* ---- reading --------------------------------------------------------------------------------------------------------- */

struct cursor {
	const char *at, *end;
	struct arena *arena;
};

static size_t span(const struct cursor *cursor, const char *set)
{
	const char *at = cursor->at;

	while (at < cursor->end && *at != '\0' && strchr(set, *at) != NULL)
		at++;
	return (size_t)(at - cursor->at);
}

static bool take(struct cursor *cursor, const char *text)
{
	size_t length = strlen(text);

	if ((size_t)(cursor->end - cursor->at) < length || memcmp(cursor->at, text, length) != 0)
		return false;
	cursor->at += length;
	return true;
}

/* One or more characters of a set. */
static bool take_run(struct cursor *cursor, const char *set)
{
	size_t length = span(cursor, set);

	cursor->at += length;
	return length != 0;
}

static bool take_month(struct cursor *cursor)
{
	static const char months[] = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec ";

	for (size_t i = 0; months[i] != '\0'; i += 4)
		if (take(cursor, (const char[]){ months[i], months[i + 1], months[i + 2], ' ', '\0' }))
			return true;
	return false;
}

/* "Nov 28 17:00:00 " as syslog has written it always. */
static bool take_old_time(struct cursor *cursor)
{
	return take_month(cursor) && (take(cursor, " ") || true) && take_run(cursor, DIGITS) && take(cursor, " ") &&
	    take_run(cursor, DIGITS ":") && take(cursor, " ");
}

/* "2026-11-28T17:00:00.123456+01:00 " (RFC 3339). */
static bool take_new_time(struct cursor *cursor)
{
	return span(cursor, DIGITS) == 4 && take_run(cursor, DIGITS "-:.+TZ") && take(cursor, " ");
}

/* "HOST assayd: " or "HOST assayd[123]: ". */
static bool take_origin(struct cursor *cursor)
{
	if (!take_run(cursor, KEY "ABCDEFGHIJKLMNOPQRSTUVWXYZ-.:") || !take(cursor, " assayd"))
		return false;
	if (take(cursor, "[") && (!take_run(cursor, DIGITS) || !take(cursor, "]")))
		return false;
	return take(cursor, ": ");
}

static bool take_logger(struct cursor *cursor, bool (*take_time)(struct cursor *))
{
	const struct cursor start = *cursor;

	if (take_time(cursor) && take_origin(cursor))
		return true;
	*cursor = start;
	return false;
}

/* What stands in front of our words: by its whole form, for what senders say holds any words but begins no line. */
static void take_place(struct cursor *cursor, struct log_record *record)
{
	const char *start = cursor->at;
	bool taken = take_logger(cursor, take_old_time) || take_logger(cursor, take_new_time);

	for (const struct word *level = log_level_words; level->word != NULL && !taken; level++) {
		taken = take(cursor, level->word) && take(cursor, ": ");
		if (!taken)
			cursor->at = start;
	}
	if (taken)
		record->place = arena_strndup(cursor->arena, start, (size_t)(cursor->at - start) - strlen(": "));
}

static int hex_value(char c)
{
	const char *place = c != '\0' ? strchr(hex, c) : NULL;

	return place != NULL ? (int)(place - hex) : -1;
}

/* The byte behind a backslash. @return it; -1: the writer writes no such thing. */
static int take_escape(struct cursor *cursor)
{
	int high, low;

	if (take(cursor, "\""))
		return '"';
	if (take(cursor, "\\"))
		return '\\';
	if (!take(cursor, "x") || cursor->end - cursor->at < 2)
		return -1;
	high = hex_value(cursor->at[0]);
	low = hex_value(cursor->at[1]);
	cursor->at += 2;
	return high < 0 || low < 0 || (high | low) == 0 ? -1 : high << 4 | low;
}

/* The cursor is behind the opening quote. */
static int read_quoted(struct cursor *cursor, struct log_field *field)
{
	struct buf buf = buf_make(cursor->arena);

	while (cursor->at < cursor->end) {
		int c = (unsigned char)*cursor->at++;

		if (c == '"') {
			field->value = buf.data;
			field->cut = take(cursor, "...");
			return 0;
		}
		if (!clean_is((char)c, CLEAN_TEXT) || (c == '\\' && (c = take_escape(cursor)) < 0))
			return -E_SYNTAX;
		buf_putc(&buf, (char)c);
	}
	return -E_SYNTAX;
}

static int read_field(struct cursor *cursor, struct log_field *field_r)
{
	size_t length = span(cursor, KEY);

	*field_r = (struct log_field){ .key = arena_strndup(cursor->arena, cursor->at, length) };
	cursor->at += length;
	if (length == 0 || !take(cursor, "="))
		return -E_SYNTAX;
	if (take(cursor, "\""))
		return read_quoted(cursor, field_r);
	length = 0;
	while (cursor->at + length < cursor->end && clean_is(cursor->at[length], CLEAN_BARE))
		length++;
	field_r->value = arena_strndup(cursor->arena, cursor->at, length);
	cursor->at += length;
	return length != 0 ? 0 : -E_SYNTAX;
}

/* From the cursor to its end. */
static int read_fields(struct cursor *cursor, struct log_record *record)
{
	struct log_field field;
	int error;

	do {
		error = read_field(cursor, &field);
		if (error != 0)
			return error;
		if (log_record_get(record, field.key) != NULL)
			return -E_SYNTAX;
		if (record->count == LOG_FIELDS_MAX)
			return -E_LIMIT;
		record->fields[record->count++] = field;
	} while (take(cursor, " "));
	return cursor->at == cursor->end ? 0 : -E_SYNTAX;
}

int log_fields_parse(const char *text, size_t length, struct arena *arena, struct log_record *record_r)
{
	struct cursor cursor = { text, text + length, arena };

	record_r->place = NULL;
	record_r->count = 0;
	return read_fields(&cursor, record_r);
}

int log_record_parse(const char *line, size_t length, struct arena *arena, struct log_record *record_r)
{
	struct cursor cursor = { line, line + length, arena };

	record_r->place = NULL;
	record_r->count = 0;
	take_place(&cursor, record_r);
	if (cursor.end - cursor.at < 3 || memcmp(cursor.at, "id=", 3) != 0)
		return -E_ABSENT;
	if (cursor.end - cursor.at > LOG_LINE_BYTES)
		return -E_LIMIT;
	return read_fields(&cursor, record_r);
}

const char *log_record_get(const struct log_record *record, const char *key)
{
	for (size_t i = 0; i < record->count; i++)
		if (strcmp(record->fields[i].key, key) == 0)
			return record->fields[i].value;
	return NULL;
}
