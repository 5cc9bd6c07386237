/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Log lines both ways. The input is a line for the reader: what it reads, written again, must be read alike. And it is a
 * value for the writer: it must come back, whole or cut with the mark, and the field behind it must be untouched.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "util/log_field.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int condition)
{
	if (!condition)
		abort();
}

static void check_line(struct arena *arena, const char *line, size_t length)
{
	struct log_record record, again;
	struct buf buf = buf_make(arena);

	if (log_record_parse(line, length, arena, &record) != 0)
		return;
	require(record.count > 0 && record.count <= LOG_FIELDS_MAX && strcmp(record.fields[0].key, "id") == 0);
	for (size_t i = 0; i < record.count; i++)
		log_field_put(&buf, record.fields[i].key, record.fields[i].value);
	if (log_record_parse(buf.data, buf.length, arena, &again) != 0) {
		require(buf.length > LOG_LINE_BYTES);	/* as it stood, with fewer quotes, it just fitted */
		return;
	}
	require(again.count == record.count && again.place == NULL);
	for (size_t i = 0; i < record.count; i++) {
		require(strcmp(again.fields[i].key, record.fields[i].key) == 0);
		require(again.fields[i].cut || strcmp(again.fields[i].value, record.fields[i].value) == 0);
	}
}

static void check_value(struct arena *arena, const char *value)
{
	struct buf buf = buf_make(arena);
	struct log_record record;
	size_t length;

	log_field_put(&buf, "id", value);
	log_field_put(&buf, "decision", "reject");
	for (const char *c = buf.data; *c != '\0'; c++)
		require(*c >= 0x20 && *c < 0x7f);
	require(log_record_parse(buf.data, buf.length, arena, &record) == 0);
	require(record.count == 2 && strcmp(log_record_get(&record, "decision"), "reject") == 0);
	length = strlen(record.fields[0].value);
	require(strncmp(record.fields[0].value, value, length) == 0);
	require(record.fields[0].cut == (value[length] != '\0'));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *arena = arena_new();

	check_line(arena, (const char *)data, size);
	check_value(arena, arena_strndup(arena, (const char *)data, size));
	arena_free(&arena);
	return 0;
}
