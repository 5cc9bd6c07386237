/* SPDX-License-Identifier: BSD-2-Clause */
/* Loads the bench corpus: see corpus.h. */
#include "corpus.h"

#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *read_file(const char *path, size_t *length_r)
{
	FILE *file = fopen(path, "rb");
	char *data;
	long length;

	if (file == NULL || fseek(file, 0, SEEK_END) != 0 || (length = ftell(file)) < 0)
		err(66, "%s", path);
	rewind(file);
	data = malloc((size_t)length + 1);
	if (data == NULL || fread(data, 1, (size_t)length, file) != (size_t)length)
		err(66, "%s", path);
	data[length] = '\0';
	fclose(file);
	*length_r = (size_t)length;
	return data;
}

/* Turns the header at text (CRLF, ends before end) into fields, in place. */
static void split_header(struct corpus_message *message, char *text, char *end)
{
	size_t room = 0;

	while (text < end) {
		char *line = text, *out = text, *colon;

		for (; text < end; text++) {
			if (text[0] == '\r' && text[1] == '\n') {
				if (text + 2 >= end || (text[2] != ' ' && text[2] != '\t')) {
					text += 2;
					break;
				}
				continue;	/* a fold: keep the LF only */
			}
			*out++ = *text;
		}
		*out = '\0';
		colon = strchr(line, ':');
		if (colon == NULL)
			errx(65, "%s: not a header field: %s", message->file, line);
		*colon = '\0';
		if (message->field_count == room) {
			room = room * 2 + 16;
			message->fields = realloc(message->fields, room * sizeof(*message->fields));
			if (message->fields == NULL)
				abort();
		}
		message->fields[message->field_count++] = (struct corpus_field){ line, colon + 1 };
	}
}

static void load_message(struct corpus_message *message, const char *directory, char *line)
{
	const char **columns[] = { &message->file, &message->client, &message->client_name, &message->helo,
		&message->mail_from, &message->recipient };
	char path[4096], *data, *empty;
	size_t length;

	for (size_t i = 0; i < sizeof(columns) / sizeof(columns[0]); i++)
		if ((*columns[i] = strsep(&line, "\t")) == NULL)
			errx(65, "index.tsv: too few columns");
	snprintf(path, sizeof(path), "%s/%s", directory, message->file);
	data = read_file(path, &length);
	empty = strstr(data, "\r\n\r\n");
	if (empty == NULL)
		errx(65, "%s: no empty line", path);
	message->body = empty + 4;
	message->body_length = length - (size_t)(message->body - data);
	split_header(message, data, empty + 2);
}

const struct corpus *corpus_load(const char *directory)
{
	static struct corpus corpus;
	char path[4096], *index, *line;
	size_t length;

	snprintf(path, sizeof(path), "%s/index.tsv", directory);
	index = read_file(path, &length);
	while ((line = strsep(&index, "\n")) != NULL && *line != '\0') {
		corpus.messages = realloc(corpus.messages, (corpus.count + 1) * sizeof(*corpus.messages));
		if (corpus.messages == NULL)
			abort();
		corpus.messages[corpus.count] = (struct corpus_message){ 0 };
		load_message(&corpus.messages[corpus.count++], directory, line);
	}
	if (corpus.count == 0)
		errx(65, "%s: empty corpus", directory);
	return &corpus;
}
