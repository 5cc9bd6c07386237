/* SPDX-License-Identifier: BSD-2-Clause */
/* Connection strings, by libpq's own parser. Trusts nothing of them. Thread: any. */
#include "util/connection.h"

#include <stdlib.h>
#include <string.h>

#include <libpq-fe.h>

enum { TIMEOUT_MAX_SECS = 30 };

/* The value of a keyword; NULL: it is not given. */
static const char *value_of(const PQconninfoOption *options, const char *keyword)
{
	for (; options->keyword != NULL; options++)
		if (strcmp(options->keyword, keyword) == 0)
			return options->val != NULL && options->val[0] != '\0' ? options->val : NULL;
	return NULL;
}

/* libpq marks what is to be hidden: passwords of the user and of his key, and whatever a later version has. */
static bool has_secret(const PQconninfoOption *options)
{
	for (; options->keyword != NULL; options++)
		if (options->dispchar != NULL && options->dispchar[0] == '*' && options->val != NULL && options->val[0] != '\0')
			return true;
	return false;
}

/* Without it libpq would wait for ever for a server that takes connections and says nothing, and so would whoever stops assayd. */
static bool waits_too_long(const char *seconds)
{
	char *end;
	long value;

	if (seconds == NULL)
		return false;
	value = strtol(seconds, &end, 10);
	return *end != '\0' || value < 1 || value > TIMEOUT_MAX_SECS;
}

const char *connection_fault(const char *text)
{
	PQconninfoOption *options = PQconninfoParse(text, NULL);
	const char *fault = NULL;

	if (options == NULL)
		return "not a connection string of PostgreSQL; write \"host=… dbname=… user=…\" or \"postgresql://…\"";
	if (waits_too_long(value_of(options, "connect_timeout")))
		fault = "connect_timeout is to be 1 to 30 seconds (without it: 5)";
	if (has_secret(options))
		fault = "it has a password, which would be seen wherever it is told: write the password into a file and its name here, passfile=/…";
	PQconninfoFree(options);
	return fault;
}

/* One of a list of hosts. An address of the machine itself, a name for it, or a directory of sockets (@: abstract ones). */
static bool is_local(const char *host, size_t length)
{
	static const char *const names[] = { "localhost", "::1", "" };

	if (length > 0 && (host[0] == '/' || host[0] == '@'))
		return true;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strlen(names[i]) == length && strncasecmp(host, names[i], length) == 0)
			return true;
	return length > 4 && strncmp(host, "127.", 4) == 0;
}

static bool all_local(const char *hosts)
{
	for (;; hosts++) {
		size_t length = strcspn(hosts, ",");

		if (!is_local(hosts, length))
			return false;
		hosts += length;
		if (*hosts == '\0')
			return true;
	}
}

bool connection_is_bare(const char *text)
{
	static const char *const sure[] = { "require", "verify-ca", "verify-full" };
	PQconninfoOption *options = PQconninfoParse(text, NULL);
	const char *hosts, *mode;
	bool bare, service;

	if (options == NULL)
		return false;
	hosts = value_of(options, "hostaddr");
	if (hosts == NULL)
		hosts = value_of(options, "host");
	service = value_of(options, "service") != NULL || (hosts == NULL && getenv("PGSERVICE") != NULL);	/* told elsewhere */
	if (hosts == NULL)
		hosts = getenv("PGHOSTADDR");
	if (hosts == NULL)
		hosts = getenv("PGHOST");
	mode = value_of(options, "sslmode");
	if (mode == NULL)
		mode = getenv("PGSSLMODE");
	bare = !service && hosts != NULL && !all_local(hosts);
	for (size_t i = 0; i < sizeof(sure) / sizeof(sure[0]) && mode != NULL; i++)
		bare = bare && strcmp(mode, sure[i]) != 0;
	PQconninfoFree(options);
	return bare;
}
