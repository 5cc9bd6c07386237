/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reads a message file as an MTA would hand it over. Trusts nothing: a line of any length, NUL bytes, no header, no end.
 * Header lines are kept up to a cap (what is longer is cut, and the pipeline calls it malformed anyway); the body goes
 * through in blocks, so that the size of the file does not matter.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "assay.h"
#include "util/out_of_memory.h"

enum { LINE_CAP = 1 << 20, FIELD_CAP = 1 << 20, BLOCK_BYTES = 65536 };

/* A growing block of bytes with a cap; what does not fit is dropped. */
struct bytes {
	char *data;
	size_t length, room, cap;
};

static void bytes_append(struct bytes *bytes, const char *data, size_t length)
{
	if (length > bytes->cap - bytes->length)
		length = bytes->cap - bytes->length;
	if (bytes->length + length > bytes->room) {
		bytes->room = (bytes->length + length) * 2;
		bytes->data = realloc(bytes->data, bytes->room);
		if (bytes->data == NULL)
			out_of_memory();
	}
	if (length != 0)
		memcpy(bytes->data + bytes->length, data, length);
	bytes->length += length;
}

struct reader {
	FILE *in;
	struct bytes line;	/* without its line end */
	bool line_had_end;
	struct bytes field;	/* the field under way: "Name: value" with folds as LF */
	struct message *message;
};

/* @return false at the end of the file. */
static bool read_line(struct reader *reader)
{
	int c;

	reader->line.length = 0;
	reader->line_had_end = false;
	while ((c = getc_unlocked(reader->in)) != EOF) {
		char byte = (char)c;

		if (c == '\n') {
			reader->line_had_end = true;
			if (reader->line.length > 0 && reader->line.data[reader->line.length - 1] == '\r')
				reader->line.length--;
			return true;
		}
		bytes_append(&reader->line, &byte, 1);
	}
	return reader->line.length > 0;
}

/* Length of the field name when the line begins a field, else 0. White space may stand before the colon (RFC 5322 4.5). */
static size_t field_name_length(const struct bytes *line)
{
	const char *colon = line->length != 0 ? memchr(line->data, ':', line->length) : NULL;
	size_t length;

	if (colon == NULL)
		return 0;
	length = (size_t)(colon - line->data);
	while (length > 0 && (line->data[length - 1] == ' ' || line->data[length - 1] == '\t'))
		length--;
	for (size_t i = 0; i < length; i++) {
		if (line->data[i] == ' ' || line->data[i] == '\t' || line->data[i] == '\0')
			return 0;
	}
	return length;
}

static void flush_field(struct reader *reader)
{
	size_t name_length = field_name_length(&reader->field);
	const char *colon;
	char *name;

	if (name_length == 0)
		return;
	colon = memchr(reader->field.data, ':', reader->field.length);
	/* with the white space that may stand before the colon: others read such a name differently, the checks must know */
	name = strndup(reader->field.data, (size_t)(colon - reader->field.data));
	if (name == NULL)
		out_of_memory();
	message_field(reader->message, name, colon + 1,
	    reader->field.length - (size_t)(colon + 1 - reader->field.data));
	free(name);
	reader->field.length = 0;
}

/* The "From joe@a.example Sat Nov 21 ..." line of mailboxes; "From : joe@a.example" is a field (RFC 5322 section 4.5). */
static bool is_mbox_separator(const struct bytes *line)
{
	return line->length >= 5 && memcmp(line->data, "From ", 5) == 0 && field_name_length(line) == 0;
}

/* @return whether the line under the reader is the body's first (a line that is no field ends the header). */
static bool read_header(struct reader *reader)
{
	bool first = true;

	while (read_line(reader)) {
		struct bytes *line = &reader->line;

		if (first && is_mbox_separator(line)) {
			first = false;
			continue;
		}
		first = false;
		if (line->length == 0)
			break;
		if ((line->data[0] == ' ' || line->data[0] == '\t') && reader->field.length != 0) {
			bytes_append(&reader->field, "\n", 1);
		} else if (field_name_length(line) == 0) {
			flush_field(reader);
			return true;
		} else {
			flush_field(reader);
		}
		bytes_append(&reader->field, line->data, line->length);
	}
	flush_field(reader);
	return false;
}

/* Hands on a block with every bare LF as CRLF; last_r is the byte before it and is set to its last. */
static void body_block(struct message *message, const char *data, size_t length, char *last_r, char *out)
{
	size_t used = 0;

	for (size_t i = 0; i < length; i++) {
		if (data[i] == '\n' && *last_r != '\r')
			out[used++] = '\r';
		out[used++] = *last_r = data[i];
	}
	message_body(message, out, used);
}

static void read_body(struct reader *reader)
{
	char *block = malloc(BLOCK_BYTES), *out = malloc(2 * BLOCK_BYTES);
	char last = '\0';
	size_t length;

	if (block == NULL || out == NULL)
		out_of_memory();
	while ((length = fread(block, 1, BLOCK_BYTES, reader->in)) > 0)
		body_block(reader->message, block, length, &last, out);
	if (last != '\0' && last != '\n')	/* SMTP cannot end a body without a line end */
		message_body(reader->message, last == '\r' ? "\n" : "\r\n", last == '\r' ? 1 : 2);
	free(block);
	free(out);
}

int message_read(FILE *in, const char *name, struct message *message)
{
	struct reader reader = { .in = in, .message = message };
	bool pending;

	reader.line.cap = LINE_CAP;
	reader.field.cap = FIELD_CAP;
	errno = 0;
	pending = read_header(&reader);
	/* the body is read even when no check wants it, which spares an MTA the sending: its form is a finding too */
	(void)message_header_done(message);
	if (pending) {
		message_body(message, reader.line.data, reader.line.length);
		message_body(message, "\r\n", 2);
	}
	read_body(&reader);
	free(reader.line.data);
	free(reader.field.data);
	if (ferror(in))
		return tool_complain(EX_IOERR, "%s: %s", name, strerror(errno));
	return 0;
}
