/* SPDX-License-Identifier: BSD-2-Clause */
/* Connection strings, by libpq's own parser. Trusts nothing of them. Thread: any. */
#include "util/connection.h"

#include <stdlib.h>
#include <string.h>

#include <libpq-fe.h>

/* The value of a keyword; NULL: it is not given. */
static const char *value_of(const PQconninfoOption *options, const char *keyword)
{
	for (; options->keyword != NULL; options++)
		if (strcmp(options->keyword, keyword) == 0)
			return options->val != NULL && options->val[0] != '\0' ? options->val : NULL;
	return NULL;
}

const char *connection_fault(const char *text)
{
	PQconninfoOption *options = PQconninfoParse(text, NULL);
	const char *fault = NULL;

	if (options == NULL)
		return "not a connection string of PostgreSQL; write \"host=… dbname=… user=…\" or \"postgresql://…\"";
	if (value_of(options, "password") != NULL || value_of(options, "sslpassword") != NULL)
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
	bool bare;

	if (options == NULL)
		return false;
	hosts = value_of(options, "hostaddr");
	if (hosts == NULL)
		hosts = value_of(options, "host");
	mode = value_of(options, "sslmode");
	if (mode == NULL)
		mode = getenv("PGSSLMODE");
	bare = value_of(options, "service") == NULL && hosts != NULL && !all_local(hosts);	/* a service is told elsewhere */
	for (size_t i = 0; i < sizeof(sure) / sizeof(sure[0]) && mode != NULL; i++)
		bare = bare && strcmp(mode, sure[i]) != 0;
	PQconninfoFree(options);
	return bare;
}
