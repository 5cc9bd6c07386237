/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The record, found and opened for reading, for every subcommand alike. Before it is opened an admin needs to hear which directory is
 * missing and whose it should be.
 */
#include <string.h>
#include <sysexits.h>

#include "assay.h"
#include "config/advice.h"
#include "record/backend.h"
#include "record/store.h"
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

int record_find(const char *command, const struct config *config, const char *database, const char **location_r)
{
	const struct backend *backend;
	struct backend_look look;
	const char *place;
	int code;

	*location_r = database != NULL ? database : config->record_location;
	if (database != NULL && (database[0] == '\0' || strcmp(database, "sqlite:") == 0))
		return tool_complain(EX_USAGE, "%s: --database names none: a path, sqlite:PATH or postgresql:CONNECTION", command);
	if (*location_r == NULL || (*location_r)[0] == '\0')
		return tool_complain(EX_CONFIG, "%s: no database: set path in the section record of the configuration, or give --database",
		    command);
	backend = backend_of(*location_r, &place);
	code = backend->look(place, &look);
	if (code == -E_ABSENT)
		return complain_absent(command, config, place, database != NULL);
	return code == 0 ? 0 : tool_complain(EX_NOINPUT, "%s: %s", command, look.why);
}

int record_open(const char *command, const struct config *config, const char *database, struct store **store_r)
{
	struct store_config store_config = { .read_only = true };
	char why[STORE_WHY_BYTES] = "";
	int code = record_find(command, config, database, &store_config.location);

	*store_r = code == 0 ? store_open(&store_config, why, sizeof(why)) : NULL;
	return code == 0 && *store_r == NULL ? tool_complain(EX_CONFIG, "%s: %s", command, why) : code;
}

int record_failed(const char *command, struct store *store)
{
	struct store_statistics statistics = { 0 };

	store_statistics(store, &statistics);
	return tool_complain(EX_IOERR, "%s: %s", command, statistics.why);
}
