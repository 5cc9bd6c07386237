/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the number of an error says (SQLSTATE; PostgreSQL's manual, appendix A). A class that is not named here is a state of the server or of
 * the database. Pure. Thread: any.
 */
#include "record/pg_internal.h"

#include <string.h>

const char *pg_error_hint(const char *state)
{
	static const struct { const char *state, *hint; } hints[] = {
		{ "25006", ": the server takes no writes, as a standby does; name all servers in the connection" },
		{ "55P03", ": another program has held the writers' turn all this time" },
	};

	for (size_t i = 0; state != NULL && i < sizeof(hints) / sizeof(hints[0]); i++)
		if (strcmp(hints[i].state, state) == 0)
			return hints[i].hint;
	return "";
}

/* By the first two characters, which are the error's class. */
bool pg_error_is_refusal(const char *state)
{
	static const char *const classes[] = {
		"09", "27", "38", "P0",	/* a trigger that is not ours, in any language */
		"0A",	/* what the server cannot do */
		"21", "22", "23", "44",	/* one row twice; a value that a column does not take; a constraint; a view's condition */
		"54",	/* a limit of the server's */
	};

	for (size_t i = 0; state != NULL && i < sizeof(classes) / sizeof(classes[0]); i++)
		if (strncmp(classes[i], state, 2) == 0)
			return true;
	return false;
}
