/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Of several hosts libpq tries the next one when one does not answer, or takes no writes. One that takes the connection and then ends it,
 * or refuses who comes, is the last that it tries: a proxy in front of a server that is gone is such a one. Here is what stands behind
 * that host. Trusts the connection string, which libpq has read already. Pure. Thread: any.
 */
#include "record/pg_internal.h"

#include <string.h>

/* The first of what is left of a list after so many commas; NULL: it has not so many. */
static const char *list_after(const char *list, unsigned skip)
{
	while (list != NULL && skip-- > 0)
		list = strchr(list, ',') != NULL ? strchr(list, ',') + 1 : NULL;
	return list;
}

/* Whether an item of a list is that value; of a list that has not so many it is the only one, and an empty one is any. */
static bool item_is(const char *list, unsigned index, const char *value)
{
	const char *item = list_after(list, index);
	size_t length;

	if (item == NULL)
		item = list != NULL && strchr(list, ',') == NULL ? list : "";
	length = strcspn(item, ",");
	return length == 0 || (strlen(value) == length && strncmp(item, value, length) == 0);
}

static const char *option(const PQconninfoOption *options, const char *name)
{
	for (; options != NULL && options->keyword != NULL; options++)
		if (strcmp(options->keyword, name) == 0)
			return options->val != NULL && options->val[0] != '\0' ? options->val : NULL;
	return NULL;
}

static const char *kept(struct arena *arena, const char *text)
{
	return text != NULL ? arena_concat(arena, text, "", "") : NULL;
}

bool pg_hosts_behind(const char *location, const PGconn *failed, unsigned *skip, struct arena *arena, struct pg_hosts *hosts_r)
{
	PQconninfoOption *options = PQconninfoParse(location, NULL);
	const char *host = option(options, "host"), *address = option(options, "hostaddr"), *port = option(options, "port");
	const char *name = host != NULL ? host : address;
	unsigned at = *skip;

	while (list_after(name, at) != NULL && !(item_is(name, at, PQhost(failed)) && item_is(port, at, PQport(failed))))
		at++;
	if (list_after(name, at) != NULL)
		*skip = ++at;
	*hosts_r = (struct pg_hosts){ .host = kept(arena, list_after(host, at)), .address = kept(arena, list_after(address, at)),
		.port = kept(arena, port != NULL && strchr(port, ',') == NULL ? port : list_after(port, at)) };
	PQconninfoFree(options);
	return hosts_r->host != NULL || hosts_r->address != NULL;
}
