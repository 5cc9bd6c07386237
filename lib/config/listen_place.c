/* SPDX-License-Identifier: BSD-2-Clause */
/* See listen_place.h. Trusts nothing of the text. */
#include "config/listen_place.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "util/error.h"

#define FORMS "write unix:PATH, inet:PORT@127.0.0.1 or inet6:PORT@[::1]"

static int parse_path(const char *path, struct listen_place *place, const char **why_r)
{
	*why_r = "the path of a unix socket must be absolute";
	if (path[0] != '/')
		return -E_SYNTAX;
	*why_r = "the path is too long for a unix socket (at most 107 bytes)";
	if (strlen(path) > LISTEN_PATH_MAX)
		return -E_SYNTAX;
	place->path = path;
	return 0;
}

/* "PORT@ADDRESS". A port alone would be one of every address, as libmilter reads it. */
static int parse_port(const char *text, int family, struct listen_place *place, const char **why_r)
{
	size_t digits = strspn(text, "0123456789");
	long port = digits >= 1 && digits <= 5 ? strtol(text, NULL, 10) : 0;

	*why_r = "write inet:PORT@HOST (inet:HOST:PORT is Postfix's form, for main.cf); here HOST is 127.0.0.1 or [::1]";
	if (digits == 0 || (text[digits] != '@' && text[digits] != '\0'))
		return -E_SYNTAX;
	*why_r = "port is not a number from 1 to 65535";
	if (port < 1 || port > 65535)
		return -E_SYNTAX;
	*why_r = "only an address of this machine's loopback: nobody is asked who he is there; " FORMS ", and for others put a web "
	    "server in front that asks";
	if (text[digits] == '\0' || addr_parse_written(text + digits + 1, &place->addr) != 0 || !addr_is_loopback(&place->addr))
		return -E_SYNTAX;
	*why_r = "inet: takes an IPv4 address, inet6: an IPv6 address";
	if (place->addr.family != family)
		return -E_SYNTAX;
	place->port = (uint16_t)port;
	return 0;
}

int listen_place_parse(const char *text, struct listen_place *place_r, const char **why_r)
{
	struct listen_place unwanted = { .path = NULL }, *place = place_r != NULL ? place_r : &unwanted;

	*place = (struct listen_place){ .path = NULL };
	if (text[0] == '/')
		return parse_path(text, place, why_r);
	if (strncasecmp(text, "unix:", 5) == 0)
		return parse_path(text + 5, place, why_r);
	if (strncasecmp(text, "local:", 6) == 0)
		return parse_path(text + 6, place, why_r);
	if (strncasecmp(text, "inet:", 5) == 0)
		return parse_port(text + 5, AF_INET, place, why_r);
	if (strncasecmp(text, "inet6:", 6) == 0)
		return parse_port(text + 6, AF_INET6, place, why_r);
	*why_r = "not a socket; " FORMS;
	return -E_SYNTAX;
}
