/* SPDX-License-Identifier: BSD-2-Clause */
/* See milters.h. */
#include <string.h>
#include <strings.h>

#include "milters.h"
#include "util/buf.h"

static const char separators[] = ", \t\r\n";

/* Behind the item that begins at text. */
static const char *item_end(const char *text)
{
	unsigned depth = 0;

	if (*text != '{')
		return text + strcspn(text, separators);
	for (; *text != '\0'; text++) {
		if (*text == '{')
			depth++;
		else if (*text == '}' && --depth == 0)
			return text + 1;
	}
	return text;
}

static const char *address_of(struct arena *arena, const char *text, size_t length)
{
	const char *end = text + length;

	if (*text != '{')
		return arena_strndup(arena, text, length);
	text++;
	text += strspn(text, separators);
	if (text >= end)
		return "";
	length = strcspn(text, ", \t\r\n}");
	return arena_strndup(arena, text, length < (size_t)(end - text) ? length : (size_t)(end - text));
}

struct milter_item *milters_split(struct arena *arena, const char *list, size_t *count_r)
{
	struct milter_item *items = arena_calloc(arena, strlen(list) / 2 + 1, sizeof(*items));

	*count_r = 0;
	for (list += strspn(list, separators); *list != '\0'; list += strspn(list, separators)) {
		const char *end = item_end(list);

		items[*count_r].text = arena_strndup(arena, list, (size_t)(end - list));
		items[*count_r].address = address_of(arena, list, (size_t)(end - list));
		(*count_r)++;
		list = end;
	}
	return items;
}

const char *milters_join(struct arena *arena, const struct milter_item *items, size_t count, size_t skip)
{
	struct buf list = buf_make(arena);

	for (size_t i = 0; i < count; i++) {
		if (i == skip)
			continue;
		if (list.length != 0)
			buf_puts(&list, ", ");
		buf_puts(&list, items[i].text);
	}
	return list.data;
}

const char *milter_unix_path(struct arena *arena, const char *address, const char *root, const char *directory)
{
	const char *path = libmilter_unix_path(address);

	/* Postfix knows unix:PATH only; a bare word would be a host */
	if (path == NULL || path == address)
		return NULL;
	if (*path == '/')
		return arena_printf(arena, "%s%s", root, path);
	return arena_printf(arena, "%s/%s", directory, path);
}

const char *milter_from_libmilter(struct arena *arena, const char *socket)
{
	const char *colon = strchr(socket, ':'), *at = strchr(socket, '@');
	bool v6 = strncasecmp(socket, "inet6:", 6) == 0;
	const char *host;

	if (!v6 && strncasecmp(socket, "inet:", 5) != 0)
		return NULL;
	host = at != NULL && at[1] != '\0' ? at + 1 : v6 ? "::1" : "127.0.0.1";
	/* what listens everywhere is reached on loopback */
	if (strcmp(host, "0.0.0.0") == 0)
		host = "127.0.0.1";
	else if (strcmp(host, "::") == 0 || strcmp(host, "[::]") == 0)
		host = "::1";
	return arena_printf(arena, strchr(host, ':') != NULL && *host != '[' ? "inet:[%s]:%.*s" : "inet:%s:%.*s", host,
	    (int)(at != NULL ? at - colon - 1 : (long)strlen(colon + 1)), colon + 1);
}

const char *libmilter_unix_path(const char *socket)
{
	if (strncasecmp(socket, "unix:", 5) == 0)
		return socket + 5;
	if (strncasecmp(socket, "local:", 6) == 0)
		return socket + 6;
	return strchr(socket, ':') == NULL ? socket : NULL;
}
