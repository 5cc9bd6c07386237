/* SPDX-License-Identifier: BSD-2-Clause */
/* Fields of log lines: whatever value is written is read back, and what assayd did not write is not read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "util/error.h"
#include "util/log_field.h"

static int parse(struct arena *arena, const char *line, struct log_record *record)
{
	return log_record_parse(line, strlen(line), arena, record);
}

static void test_log_field_put_forms(void **state)
{
	static const struct { const char *value, *text; } rows[] = {
		{ "mx.example.org", "id=mx.example.org" }, { "<a@b.example>", "id=<a@b.example>" }, { "", "id=\"\"" },
		{ "a b", "id=\"a b\"" }, { "a=b", "id=\"a=b\"" }, { "a\"b", "id=\"a\\\"b\"" }, { "a\\b", "id=\"a\\\\b\"" },
		{ "a\nb\r\t\x1b\x7f", "id=\"a\\x0ab\\x0d\\x09\\x1b\\x7f\"" }, { "\xc3\xa4", "id=\"\\xc3\\xa4\"" },
		{ "it's", "id=\"it's\"" }, { "\\x0a", "id=\"\\\\x0a\"" }, { "a;b", "id=\"a;b\"" }, { "(a)", "id=\"(a)\"" },
	};
	struct arena *arena = arena_new();

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct buf buf = buf_make(arena);

		log_field_put(&buf, "id", rows[i].value);
		assert_string_equal(buf.data, rows[i].text);
		log_field_put(&buf, "next", NULL);
		assert_string_equal(buf.data, rows[i].text);
		log_field_put(&buf, "next", "x");
		assert_string_equal(buf.data + strlen(rows[i].text), " next=x");
	}
	arena_free(&arena);
}

/* Each octet at each place of a value of several lengths, against the grammar's own words. */
static void test_log_field_put_every_octet(void **state)
{
	static const char bare[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.:,@/+*<>[]";
	struct arena *arena = arena_new();
	char value[50], expected[64];

	(void)state;
	for (unsigned octet = 1; octet < 256; octet++)
		for (unsigned length = 1; length < sizeof(value); length += length < 4 ? 1 : 15)
			for (unsigned place = 0; place < length; place++) {
				const bool printable = octet >= 0x20 && octet <= 0x7e, quotes = strchr(bare, (int)octet) == NULL;
				struct buf buf = buf_make(arena);

				memset(value, 'x', length);
				value[length] = '\0';
				value[place] = (char)octet;
				(void)snprintf(expected, sizeof(expected), printable && octet != '"' && octet != '\\' ? "k=%s%.*s%c%s%s" :
				    printable ? "k=%s%.*s\\%c%s%s" : "k=%s%.*s\\x%02x%s%s", quotes ? "\"" : "", (int)place, value, octet,
				    value + place + 1, quotes ? "\"" : "");
				log_field_put(&buf, "k", value);
				assert_string_equal(buf.data, expected);
			}
	arena_free(&arena);
}

/* Values made of everything that could end a value or begin a field. */
static void test_log_record_parse_reads_any_value_back(void **state)
{
	static const char *const parts[] = { " ", "=", "\"", "\\", "\n", "\r", "\t", "\x01", "\x7f", "\x80", "\xff", "id=", "\" decision=none ",
		"x", "...", "\"...", "info: ", "Nov 28 17:00:00 mail assayd[1]: id=", "\\x0a", "\\\"", ": ", "assayd[1]: id=", "<", ">", "'", "\xe2\x80\xae" };
	static const char *const places[] = { "", "info: ", "Nov  8 17:00:00 mail assayd[12]: ", "2026-11-28T17:00:00+01:00 mail assayd: " };
	struct arena *arena = arena_new();
	const char *place;

	(void)state;
	srandom(1);
	for (int round = 0; round < 20000; round++) {
		struct buf line = buf_make(arena), values[3];
		struct log_record record;
		static const char *const keys[] = { "id", "helo", "from" };

		for (int i = 0; i < 3; i++) {
			values[i] = buf_make(arena);
			for (long n = random() % 8; n > 0; n--)
				buf_puts(&values[i], parts[(size_t)random() % (sizeof(parts) / sizeof(parts[0]))]);
			log_field_put(&line, keys[i], values[i].data);
		}
		place = places[(size_t)random() % (sizeof(places) / sizeof(places[0]))];
		assert_int_equal(parse(arena, arena_printf(arena, "%s%s", place, line.data), &record), 0);
		assert_int_equal(record.place != NULL ? strlen(record.place) + 2 : 0, strlen(place));
		assert_int_equal(record.count, 3);
		for (int i = 0; i < 3; i++) {
			assert_string_equal(record.fields[i].key, keys[i]);
			assert_string_equal(record.fields[i].value, values[i].data);
			assert_false(record.fields[i].cut);
		}
		arena_reset(arena);
	}
	arena_free(&arena);
}

static void test_log_field_put_cuts_with_a_mark(void **state)
{
	static const char *const units[] = { "a", " ", "\"", "\n", "\xc3\xa4" };
	struct arena *arena = arena_new();

	(void)state;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		struct buf value = buf_make(arena), line = buf_make(arena);
		struct log_record record;

		while (value.length < LOG_FIELD_BYTES + 1)
			buf_puts(&value, units[i]);
		log_field_put(&line, "id", value.data);
		log_field_put(&line, "next", "x");
		assert_true(line.length <= strlen("id=\"\"... next=x") + LOG_FIELD_BYTES);
		assert_int_equal(parse(arena, line.data, &record), 0);
		assert_true(record.fields[0].cut);
		assert_true(strlen(record.fields[0].value) >= LOG_FIELD_BYTES / 4);
		assert_memory_equal(record.fields[0].value, value.data, strlen(record.fields[0].value));
		assert_string_equal(log_record_get(&record, "next"), "x");
		assert_false(record.fields[1].cut);
	}
	/* to the last byte */
	for (size_t length = LOG_FIELD_BYTES - 1; length <= LOG_FIELD_BYTES + 1; length++) {
		struct buf value = buf_make(arena), line = buf_make(arena);
		struct log_record record;

		while (value.length < length)
			buf_putc(&value, 'a');
		log_field_put(&line, "id", value.data);
		assert_int_equal(parse(arena, line.data, &record), 0);
		assert_int_equal(record.fields[0].cut, length > LOG_FIELD_BYTES);
	}
	arena_free(&arena);
}

static void test_log_record_parse_places(void **state)
{
	static const struct { const char *line, *place; } rows[] = {
		{ "id=Q1 helo=x", NULL },
		{ "info: id=Q1 helo=x", "info" },
		{ "Nov 28 17:00:00 mail assayd[123]: id=Q1 helo=x", "Nov 28 17:00:00 mail assayd[123]" },
		{ "Nov  1 17:00:00 mail assayd[123]: id=Q1 helo=x", "Nov  1 17:00:00 mail assayd[123]" },
		{ "Nov 28 17:00:00 mail assayd: id=Q1 helo=x", "Nov 28 17:00:00 mail assayd" },
		{ "2026-11-28T17:00:00.123456+01:00 mail assayd[123]: id=Q1 helo=x", "2026-11-28T17:00:00.123456+01:00 mail assayd[123]" },
	};
	struct arena *arena = arena_new();
	struct log_record record;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(parse(arena, rows[i].line, &record), 0);
		assert_string_equal(log_record_get(&record, "id"), "Q1");
		assert_string_equal(log_record_get(&record, "helo"), "x");
		assert_null(log_record_get(&record, "logged"));
		if (rows[i].place != NULL)
			assert_string_equal(record.place, rows[i].place);
		else
			assert_null(record.place);
	}
	arena_free(&arena);
}

/* Other programs log what senders say, too: their lines may hold ours at any place but its own. */
static void test_log_record_parse_passes_others_over(void **state)
{
	static const char *const rows[] = {
		"", "i", "id", "serving at unix:/run/assay/assay.sock, mode enforce", "warning: store: id=Q1 decision=none",
		"Nov 28 17:00:00 mail postfix/smtpd[9]: NOQUEUE: reject: helo=<x assayd[1]: id=Q1 decision=none>",
		"Nov 28 17:00:00 mail postfix/smtpd[9]: assayd[1]: id=Q1 decision=none",
		"Nov 28 17:00:00 mail assayd[x]: id=Q1", "Nov 28 17:00:00 mail assayd[]: id=Q1", "Nov 28 17:00:00 mail assayd[1]:id=Q1",
		"Nov 28 17:00:00 mail assayd[1]: probe id=Q1", "Nov 28 17:00:00 mail xassayd[1]: id=Q1", "28 17:00:00 mail assayd[1]: id=Q1",
		"info: a b c assayd[1]: id=Q1", "Nov 28 17:00:00 a b assayd[1]: id=Q1", "Nov 28 x mail assayd[1]: id=Q1", "Nov 28 17:00:00 a\"b assayd[1]: id=Q1",
		"info:  id=Q1", " id=Q1", "fatal: id=Q1", "info: info: id=Q1", "assayd[1]: id=Q1", "ID=Q1", "helo=x id=Q1",
	};
	struct arena *arena = arena_new();
	struct log_record record;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (parse(arena, rows[i], &record) != -E_ABSENT)
			fail_msg("read: %s", rows[i]);
	arena_free(&arena);
}

static void test_log_record_parse_refuses_what_is_not_written(void **state)
{
	static const char *const rows[] = {
		"id=", "id= helo=x", "id=Q1 ", "id=Q1  helo=x", "id=Q1 helo", "id=Q1 helo=", "id=Q1 id=Q2", "id=Q1 helo=x helo=y", "id=Q1 =x",
		"id=Q1 Helo=x", "id=\"Q1", "id=\"Q1\"x", "id=\"Q1\"..", "id=\"Q1\"....", "id=Q1...\"", "id=\"a\\", "id=\"a\\n\"",
		"id=\"a\\x0\"", "id=\"a\\x0g\"", "id=\"a\\x00\"", "id=\"a\\xAB\"", "id=\"a\\x\"", "id=\"a\\x", "id=Q1 helo=a\"b", "id=Q1 helo='a'",
		"id=\"a\tb\"", "id=\"a\x80\"", "id=a\x80", "id=Q1\thelo=x", "id=Q1 he lo=x", "id=Q1 helo=x\r",
	};
	struct arena *arena = arena_new();
	struct log_record record;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (parse(arena, rows[i], &record) != -E_SYNTAX)
			fail_msg("read: %s", rows[i]);
	assert_int_equal(log_record_parse("id=Q\0", 5, arena, &record), -E_SYNTAX);
	assert_int_equal(log_record_parse("id=\"Q\0\"", 7, arena, &record), -E_SYNTAX);
	arena_free(&arena);
}

static void test_log_record_parse_limits(void **state)
{
	struct arena *arena = arena_new();
	struct buf fields = buf_make(arena), line = buf_make(arena);
	struct log_record record;

	(void)state;
	log_field_put(&fields, "id", "Q1");
	for (int i = 1; i < LOG_FIELDS_MAX; i++)
		log_field_put(&fields, arena_printf(arena, "k%d", i), "x");
	assert_int_equal(parse(arena, fields.data, &record), 0);
	assert_int_equal(record.count, LOG_FIELDS_MAX);
	log_field_put(&fields, "more", "x");
	assert_int_equal(parse(arena, fields.data, &record), -E_LIMIT);
	buf_puts(&line, "id=");
	while (line.length < LOG_LINE_BYTES)
		buf_putc(&line, 'x');
	assert_int_equal(parse(arena, line.data, &record), 0);
	buf_putc(&line, 'x');
	assert_int_equal(parse(arena, line.data, &record), -E_LIMIT);
	arena_free(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_log_field_put_forms),
		cmocka_unit_test(test_log_field_put_every_octet),
		cmocka_unit_test(test_log_record_parse_reads_any_value_back),
		cmocka_unit_test(test_log_field_put_cuts_with_a_mark),
		cmocka_unit_test(test_log_record_parse_places),
		cmocka_unit_test(test_log_record_parse_passes_others_over),
		cmocka_unit_test(test_log_record_parse_refuses_what_is_not_written),
		cmocka_unit_test(test_log_record_parse_limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
