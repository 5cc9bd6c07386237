/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The database before it is opened: SQLite says "unable to open database file" to everything, and an admin needs to hear
 * which directory is missing and whose it should be.
 */
#include <errno.h>
#include <pwd.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "assay.h"
#include "config/advice.h"

struct told {
	const char *command;
	unsigned count;
};

/* The first of them is the reason; what follows would be its consequence. */
static void tell_first(void *closure, const char *text)
{
	struct told *told = closure;

	if (told->count++ == 0)
		tool_complain(0, "%s: %s", told->command, text);
}

static int complain_absent(const char *command, const struct config *config, const char *path, bool given)
{
	struct told told = { .command = command };

	if (given)
		return tool_complain(EX_NOINPUT, "%s: database %s does not exist", command, path);
	(void)config_advise_database(config, path, tell_first, &told);
	if (told.count == 0)
		tool_complain(0, "%s: database %s does not exist yet: assayd makes it when it starts with this configuration",
		    command, path);
	return EX_NOINPUT;
}

int database_check(const char *command, const struct config *config, const char *path, bool given)
{
	const struct passwd *owner;
	struct stat status;

	if (path == NULL || path[0] == '\0')
		return 0;	/* said by the store */
	if (stat(path, &status) != 0) {
		if (errno == ENOENT || errno == ENOTDIR)
			return complain_absent(command, config, path, given);
		return tool_complain(EX_NOINPUT, "%s: database %s cannot be read: %s; run this as root or as the user of assayd",
		    command, path, strerror(errno));
	}
	if (S_ISDIR(status.st_mode))
		return tool_complain(EX_NOINPUT, "%s: database %s is a directory", command, path);
	if (access(path, R_OK) == 0)
		return 0;
	owner = getpwuid(status.st_uid);
	return tool_complain(EX_NOINPUT, "%s: database %s cannot be read: it belongs to %s; run this as root or as that user",
	    command, path, owner != NULL ? owner->pw_name : "another user");
}
