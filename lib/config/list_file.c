/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Files of domains and addresses. The text is the admin's, or what a program of theirs made of a database: it may be another kind of file, or
 * half a file. A line that is no entry is an error with its line and what would be right, never skipped. Only regular files
 * are opened: a pipe would make the loader wait, a device may do anything. See list_file.h.
 */
#include "config/list_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/domain.h"
#include "util/error.h"
#include "util/mailbox.h"

struct line {
	char *start;
	size_t length;
	unsigned number;
};

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* What remains of the line without its comment, its CR, and the blanks around. A NUL ends nothing. */
static void trim(struct line *line)
{
	char *comment = memchr(line->start, '#', line->length);

	if (comment != NULL)
		line->length = (size_t)(comment - line->start);
	if (comment == NULL && line->length > 0 && line->start[line->length - 1] == '\r')
		line->length--;
	while (line->length > 0 && is_blank(line->start[line->length - 1]))
		line->length--;
	while (line->length > 0 && is_blank(line->start[0])) {
		line->start++;
		line->length--;
	}
}

static bool has_any(const struct line *line, const char *characters)
{
	for (size_t i = 0; i < line->length; i++) {
		if (line->start[i] != '\0' && strchr(characters, line->start[i]) != NULL)
			return true;
	}
	return false;
}

static bool has_control(const struct line *line)
{
	for (size_t i = 0; i < line->length; i++) {
		unsigned char c = (unsigned char)line->start[i];

		if ((c < 0x20 && c != '\t') || c == 0x7f)
			return true;
	}
	return false;
}

/* Why a line that is no domain is none, with the nearest thing that would be right. */
static const char *explain(const struct line *line, const char *why, enum list_form form)
{
	if (has_control(line))
		return "control character: this is not a text file";
	if (line->start[0] == '@')
		return "a file of domains cannot name another one";
	if (has_any(line, " \t,;{}="))
		return form == LIST_OF_ADDRESSES ? "one address stands in a line, and nothing else" :
		    "one domain stands in a line, and nothing else";
	if (form == LIST_OF_ADDRESSES)
		return why;
	if (has_any(line, "\"'"))
		return "domains stand without quotes here";
	if (has_any(line, "@"))
		return "an address, not a domain: write what stands behind the @";
	if (line->length > 2 && line->start[0] == '*' && line->start[1] == '.')
		return form != LIST_OF_DOMAINS ? "not a domain name: \".example.org\" is example.org and all below it" : why;
	if (line->start[0] == '.' && form == LIST_OF_DOMAINS)
		return "this list is of single domains: write it without the dot in front";
	return why;
}

const char *list_entry_fault(char *text, size_t length, enum list_form form)
{
	bool below = form != LIST_OF_DOMAINS && text[0] == '.';

	if (form == LIST_OF_ADDRESSES)
		return mailbox_entry(text, length);
	if (form == LIST_OF_SENDERS && length == 2 && memcmp(text, "<>", 2) == 0)
		return NULL;
	for (size_t i = 0; i < length; i++) {
		if (text[i] >= 'A' && text[i] <= 'Z')
			text[i] += 'a' - 'A';
	}
	return domain_fault(text + below, length - below);
}

static size_t count_lines(const char *text, size_t length)
{
	size_t lines = 1;

	for (const char *end = text; (end = memchr(end, '\n', length - (size_t)(end - text))) != NULL; end++)
		lines++;
	return lines;
}

int list_parse(char *text, size_t length, enum list_form form, struct arena *arena, list_fault *tell, void *closure,
    struct list_names *names_r)
{
	size_t lines = count_lines(text, length), room = lines < LIST_FILE_MAX_ENTRIES ? lines : LIST_FILE_MAX_ENTRIES;
	char *at = text, *end = text + length;
	struct line line = { .number = 0 };

	*names_r = (struct list_names){ .names = arena_calloc(arena, room, sizeof(*names_r->names)) };
	if (length >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)	/* a byte-order mark */
		at += 3;
	while (at < end) {
		char *line_end = memchr(at, '\n', (size_t)(end - at));
		const char *why;

		line = (struct line){ at, (size_t)((line_end != NULL ? line_end : end) - at), line.number + 1 };
		at = line_end != NULL ? line_end + 1 : end;
		trim(&line);
		if (line.length == 0)
			continue;
		why = list_entry_fault(line.start, line.length, form);
		if (why != NULL)
			why = explain(&line, why, form);
		line.start[line.length] = '\0';	/* where the comment or the line ended */
		if (why != NULL) {
			tell(closure, line.number, line.start, why);
		} else if (names_r->count == room) {
			names_r->count = 0;
			return -E_LIMIT;
		} else {
			names_r->names[names_r->count++] = line.start;
		}
	}
	return 0;
}

/* Opens what is a regular file, and stays one between the look and the opening. @return -1 with the reason. */
static int open_regular(const char *path, struct stat *status, const char **why_r)
{
	int file;

	*why_r = NULL;
	if (stat(path, status) == 0 && !S_ISREG(status->st_mode)) {
		*why_r = S_ISDIR(status->st_mode) ? "is a directory, not a file" : "is not a regular file";
		return -1;
	}
	file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (file >= 0 && fstat(file, status) == 0 && S_ISREG(status->st_mode))
		return file;
	*why_r = file >= 0 ? "is not a regular file" : strerror(errno);
	if (file >= 0)
		(void)close(file);
	return -1;
}

/* @return bytes read, at most room; -1 with errno. */
static ssize_t read_whole(int file, char *text, size_t room)
{
	size_t length = 0;
	ssize_t got = 1;

	while (length < room && got != 0) {
		got = read(file, text + length, room - length);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -1;
		length += (size_t)got;
	}
	return (ssize_t)length;
}

int list_file_read(const char *path, struct arena *arena, char **text_r, size_t *length_r, const char **why_r)
{
	struct stat status;
	int file = open_regular(path, &status, why_r);
	ssize_t length;
	size_t room;

	if (file < 0) {
		*why_r = arena_strdup(arena, *why_r);
		return -E_SYSTEM;
	}
	/* one byte more shows a file that grows meanwhile: it is being written */
	room = status.st_size < LIST_FILE_MAX_BYTES ? (size_t)status.st_size + 1 : LIST_FILE_MAX_BYTES + 1;
	*text_r = arena_alloc(arena, room + 1);
	length = read_whole(file, *text_r, room);
	if (length < 0)
		*why_r = arena_strdup(arena, strerror(errno));
	(void)close(file);
	if (length < 0)
		return -E_SYSTEM;
	if ((size_t)length == room) {
		*why_r = room > LIST_FILE_MAX_BYTES ? arena_printf(arena, "is larger than %d MiB", LIST_FILE_MAX_BYTES >> 20) :
		    "grows while it is read: replace it by renaming a finished one";
		return room > LIST_FILE_MAX_BYTES ? -E_LIMIT : -E_SYSTEM;
	}
	(*text_r)[length] = '\0';
	*length_r = (size_t)length;
	return 0;
}
