/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * assay log: reads the lines back that assayd writes about messages, from its standard error, from syslog's files or from
 * journalctl. Lines of others are passed over. A line that begins as ours and is not in our grammar is told, never guessed
 * at: somebody else wrote it, or something cut it.
 */
#include <errno.h>
#include <getopt.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "assay.h"
#include "json_text.h"
#include "util/clean.h"
#include "util/error.h"
#include "util/log_field.h"
#include "util/out_of_memory.h"

/* Of a line of a log file: what the logger puts in front has room. What is longer is read over, and is none of ours. */
enum { LINE_CAP = LOG_LINE_BYTES + 1024 };

struct log_reader {
	FILE *in;
	const char *name;
	bool json;
	unsigned long line, unreadable;
	char text[LINE_CAP + 1];
	size_t length;
	bool too_long;
};

/* @return false at the end of the file. A NUL ends nothing. */
static bool read_line(struct log_reader *reader)
{
	int c;

	reader->length = 0;
	reader->too_long = false;
	reader->line++;
	while ((c = getc_unlocked(reader->in)) != EOF && c != '\n') {
		if (reader->length < LINE_CAP)
			reader->text[reader->length++] = (char)c;
		else
			reader->too_long = true;
	}
	return c != EOF || reader->length != 0;
}

/* JSON wants UTF-8, and nothing may be lost: of other values each byte becomes the character of its number. */
static json_t *value_json(struct arena *arena, const char *value, bool *as_bytes_r)
{
	json_t *string = json_string(value);
	struct buf buf = buf_make(arena);

	*as_bytes_r = string == NULL;
	for (; string == NULL && *value != '\0'; value++) {
		unsigned char c = (unsigned char)*value;

		if (c >= 0x80)
			buf_putc(&buf, (char)(0xc0 | c >> 6));
		buf_putc(&buf, (char)(c >= 0x80 ? 0x80 | (c & 0x3f) : c));
	}
	return string != NULL ? string : json_string(buf.data);
}

static void print_json(const struct log_record *record, struct arena *arena)
{
	json_t *object = json_object(), *cut = json_array(), *bytes = json_array();

	json_object_set_new(object, "logged", json_text(arena, record->place));
	for (size_t i = 0; i < record->count; i++) {
		const struct log_field *field = &record->fields[i];
		bool as_bytes;

		json_object_set_new(object, field->key, value_json(arena, field->value, &as_bytes));
		if (as_bytes)
			json_array_append_new(bytes, json_string(field->key));
		if (field->cut)
			json_array_append_new(cut, json_string(field->key));
	}
	json_object_set_new(object, "cut", cut);
	json_object_set_new(object, "bytes", bytes);
	json_dumpf(object, stdout, JSON_COMPACT);
	putchar('\n');
	json_decref(object);
}

static void print_text(const struct log_record *record)
{
	if (record->place != NULL) {
		clean_terminal(stdout, record->place);
		putchar('\n');
	}
	for (size_t i = 0; i < record->count; i++) {
		printf("  %-16s ", record->fields[i].key);
		clean_terminal(stdout, record->fields[i].value);
		puts(record->fields[i].cut ? " (cut)" : "");
	}
	putchar('\n');
}

static void read_record(struct log_reader *reader, struct arena *arena)
{
	struct log_record record;
	int error = log_record_parse(reader->text, reader->length, arena, &record);

	if (error == -E_ABSENT)
		return;
	if (error == 0 && reader->too_long)
		error = -E_LIMIT;
	if (error != 0) {
		reader->unreadable++;
		tool_complain(EX_DATAERR, "log: %s: line %lu %s; it is passed over", reader->name, reader->line,
		    error == -E_LIMIT ? "is longer than any that assayd writes" :
		    "begins as one of assayd, but its fields cannot be read");
		return;
	}
	if (reader->json)
		print_json(&record, arena);
	else
		print_text(&record);
}

static int read_log(const char *name, bool json)
{
	struct log_reader *reader = calloc(1, sizeof(*reader));
	struct arena *arena = arena_new();
	int code = EX_OK;

	if (reader == NULL)
		out_of_memory();
	reader->name = name;
	reader->json = json;
	reader->in = strcmp(name, "-") == 0 ? stdin : fopen(name, "re");
	if (reader->in == NULL) {
		code = tool_complain(EX_NOINPUT, "log: %s cannot be read: %s", name, strerror(errno));
		goto out;
	}
	while (read_line(reader)) {
		read_record(reader, arena);
		arena_reset(arena);
	}
	if (ferror(reader->in))
		code = tool_complain(EX_IOERR, "log: %s: %s", name, strerror(errno));
	else if (reader->unreadable != 0)
		code = EX_DATAERR;
	if (reader->in != stdin)
		fclose(reader->in);
out:
	arena_free(&arena);
	free(reader);
	return code;
}

static const struct option long_options[] = {
	{ "json", no_argument, NULL, 'j' }, { "help", no_argument, NULL, 'h' }, { 0 },
};

int command_log(int argc, char **argv)
{
	bool json = false;
	int option;

	while ((option = tool_getopt(argc, argv, long_options)) != -1) {
		if (option == 'h') {
			puts("usage: assay log [--json] FILE\n"
			    "  reads what assayd logged about messages; FILE is a log file, - is standard input\n"
			    "  --json    one object a line, all values as strings");
			return EX_OK;
		}
		if (option != 'j')
			return EX_USAGE;
		json = true;
	}
	if (optind == argc)
		return tool_complain(EX_USAGE, "log: which file? - is standard input, as in: journalctl -u assayd | assay log -");
	if (optind + 1 < argc)
		return tool_unexpected("log", argv[optind + 1], long_options);
	return read_log(argv[optind], json);
}
