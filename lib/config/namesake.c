/* SPDX-License-Identifier: BSD-2-Clause */
/* See namesake.h. */
#include "config/namesake.h"

#include <string.h>
#include <strings.h>

#include "config/import_internal.h"
#include "util/buf.h"

static const char blanks[] = " \t\r";

/* The next line, from *at on; false at the end. */
static bool next_line(const char **at, const char *end, const char **line_r, size_t *length_r)
{
	const char *stop;

	if (*at >= end)
		return false;
	stop = memchr(*at, '\n', (size_t)(end - *at));
	*line_r = *at;
	*length_r = (size_t)((stop != NULL ? stop : end) - *at);
	*at = stop != NULL ? stop + 1 : end;
	return true;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* What stands behind "name =", or NULL when the line sets something else. */
static const char *value_in(const char *line, size_t length, const char *name, size_t *value_length_r)
{
	size_t at = strlen(name);

	if (length <= at || strncmp(line, name, at) != 0)
		return NULL;
	while (at < length && is_blank(line[at]))
		at++;
	if (at == length || line[at] != '=')
		return NULL;
	*value_length_r = length - at - 1;
	return line + at + 1;
}

const char *main_cf_value(const struct namesake_text *main_cf, const char *name, struct arena *arena)
{
	const char *at = main_cf->text, *end = at != NULL ? at + main_cf->length : NULL, *line, *value;
	struct buf buf = buf_make(arena);
	bool inside = false, found = false;
	size_t length;

	while (at != NULL && next_line(&at, end, &line, &length)) {
		if (length == 0 || line[0] == '#')	/* neither ends a value that is continued */
			continue;
		if (!is_blank(line[0])) {
			value = value_in(line, length, name, &length);
			inside = value != NULL;
			line = value;
			if (inside)
				buf = buf_make(arena);
		}
		if (inside)
			buf_printf(&buf, "%s%.*s", buf.length != 0 ? " " : "", (int)length, line);
		found = found || inside;
	}
	return found ? buf.data + strspn(buf.data, blanks) : NULL;
}

/* The filters of sendmail.cf: its lines that begin with X. */
static const char *sendmail_filters(const struct namesake_text *sendmail_cf, struct arena *arena)
{
	const char *at = sendmail_cf->text, *end = at != NULL ? at + sendmail_cf->length : NULL, *line;
	struct buf buf = buf_make(arena);
	size_t length;

	while (at != NULL && next_line(&at, end, &line, &length))
		if (length != 0 && line[0] == 'X')
			buf_printf(&buf, "%.*s ", (int)length, line);
	return buf.data;
}

/* Part of the socket that must stand in a chain too: the port, or the last two parts of a path, which no chroot changes. */
static const char *socket_mark(struct arena *arena, const char *socket)
{
	const char *colon = strchr(socket, ':'), *last, *before;

	if (strncasecmp(socket, "inet", 4) == 0 && colon != NULL)
		return arena_printf(arena, ":%.*s", (int)strcspn(colon + 1, "@"), colon + 1);
	last = strrchr(socket, '/');
	if (last == NULL || last[1] == '\0')
		return NULL;
	before = last;
	while (before > socket && before[-1] != '/')
		before--;
	return arena_strdup(arena, before);
}

/* Whether a mark stands in the chain as a whole: ":8891" is not in ":88911". Sendmail writes inet:8891@localhost. */
static bool stands_in(const char *chain, const char *mark)
{
	size_t length = strlen(mark);

	for (const char *at = strstr(chain, mark); at != NULL; at = strstr(at + 1, mark))
		if (strchr(" ,}@\t;", at[length]) != NULL)	/* the NUL at the end, too */
			return true;
	return false;
}

static bool is_in_chain(const char *chain, const char *program, const struct import_file *file, struct arena *arena)
{
	const struct import_line *socket = import_find(file, "Socket");
	const char *mark = socket != NULL ? socket_mark(arena, socket->value) : NULL;

	return strstr(chain, program) != NULL || (mark != NULL && stands_in(chain, mark));
}

/* The name that it writes: both programs take the MTA's when they are told none. */
static const char *name_of(const struct import_file *file, const char *mta, const char *host)
{
	const struct import_line *line = import_find(file, "AuthservID");

	if (line == NULL || line->value[0] == '\0')
		return mta;
	return strcasecmp(line->value, "HOSTNAME") == 0 ? host : line->value;
}

static bool only_signs(const struct import_file *file)
{
	const struct import_line *mode = import_find(file, "Mode");

	return mode != NULL && strchr(mode->value, 'v') == NULL && mode->value[0] != '\0';
}

size_t namesakes_find(const struct namesake_files *files, const char *authserv_id, const char *host, struct arena *arena,
    struct namesake found_r[NAMESAKE_PROGRAMS])
{
	static const char *const programs[NAMESAKE_PROGRAMS] = { "opendkim", "opendmarc" };
	const char *milters = main_cf_value(&files->main_cf, "smtpd_milters", arena);
	const char *mta = main_cf_value(&files->main_cf, "myhostname", arena), *chain;
	size_t count = 0;

	chain = arena_printf(arena, "%s %s", milters != NULL ? milters : "", sendmail_filters(&files->sendmail_cf, arena));
	if (mta == NULL)
		mta = host;
	for (unsigned i = 0; i < NAMESAKE_PROGRAMS; i++) {
		const struct namesake_text *text = &files->programs[i];
		struct import_file *file = arena_calloc(arena, 1, sizeof(*file));
		const char *why, *name;
		unsigned line;

		if (text->text == NULL || import_file_parse(text->text, text->length, arena, file, &why, &line) != 0)
			continue;
		name = name_of(file, mta, host);
		if (strcasecmp(name, authserv_id != NULL ? authserv_id : mta) == 0 && !only_signs(file) &&
		    is_in_chain(chain, programs[i], file, arena))
			found_r[count++] = (struct namesake){ .which = i, .program = programs[i], .name = name };
	}
	return count;
}
