/* SPDX-License-Identifier: BSD-2-Clause */
/* The database before it is opened: an admin needs to hear which directory is missing and whose it should be. */
#include <sysexits.h>

#include "assay.h"
#include "config/advice.h"
#include "record/backend.h"
#include "util/error.h"

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

static int complain_absent(const char *command, const struct config *config, const char *location, bool given)
{
	struct told told = { .command = command };

	if (given)
		return tool_complain(EX_NOINPUT, "%s: database %s does not exist", command, location);
	(void)config_advise_database(config, location, tell_first, &told);
	if (told.count == 0)
		tool_complain(0, "%s: database %s does not exist yet: assayd makes it when it starts with this configuration",
		    command, location);
	return EX_NOINPUT;
}

int database_check(const char *command, const struct config *config, const char *location, bool given)
{
	const struct backend *backend;
	struct backend_look look;
	int code;

	if (location == NULL || location[0] == '\0')
		return 0;	/* said by the store */
	backend = backend_of(location, &location);
	code = backend->look(location, &look);
	if (code == -E_ABSENT)
		return complain_absent(command, config, location, given);
	return code == 0 ? 0 : tool_complain(EX_NOINPUT, "%s: %s", command, look.why);
}
