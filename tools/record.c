/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * assay record: the record as a whole. copy takes it from one database to another that is empty, also of another backend. All of it
 * goes or nothing: who is stopped in the middle leaves the target as it was, and can begin anew.
 */
#include <getopt.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "assay.h"
#include "record/backend.h"
#include "util/error.h"

enum { BUSY_MS = 30000 };	/* others write in moments; a server may be far away */

struct copy_command {
	const char *from, *to;
	uint64_t rows, messages;
	unsigned tables;
};

static void usage(FILE *out)
{
	fputs("usage: assay record copy --from DATABASE --to DATABASE\n"
	    "  --from D  the record to copy: sqlite:PATH, or postgresql:CONNECTION as in the configuration\n"
	    "  --to D    where to; what is there must be empty, or is made\n"
	    "Stop assayd, where it uses the target, before: until the copy ends nobody else can write there.\n", out);
}

static const struct option long_options[] = {
	{ "from", required_argument, NULL, 'f' }, { "to", required_argument, NULL, 't' }, { "help", no_argument, NULL, 'h' }, { 0 },
};

/* Finds the backend of a location, which may hold a password: it is never told. @return 0, or an exit code after a complaint. */
static int side_parse(const char *option, const char *text, struct copy_side *side_r, const char **location_r)
{
	const char *rest;

	if (text == NULL)
		return tool_complain(EX_USAGE, "record: %s is missing: sqlite:PATH or postgresql:CONNECTION", option);
	side_r->backend = backend_of(text, &rest);
	*location_r = rest;
	if (*rest == '\0')
		return tool_complain(EX_USAGE, "record: %s: no place is named: sqlite:PATH or postgresql:CONNECTION", option);
	/* a path, unless it looks like a kind of database that is not known */
	if (rest == text && side_r->backend == backend_find(NULL) && text[strcspn(text, ":/")] == ':')
		return tool_complain(EX_USAGE, "record: %s: there is no such kind of database; sqlite:PATH or postgresql:CONNECTION", option);
	return 0;
}

static int open_from(const char *location, struct copy_side *from)
{
	struct backend_look look;
	char why[512];
	int code = from->backend->look(location, &look);

	if (code == -E_ABSENT)
		return tool_complain(EX_NOINPUT, "record: --from: database %s does not exist", location);
	if (code != 0)
		return tool_complain(EX_NOINPUT, "record: --from: %s", look.why);
	from->handle = from->backend->open(location, BACKEND_READ, BUSY_MS, why, sizeof(why));
	return from->handle != NULL ? 0 : tool_complain(EX_NOINPUT, "record: --from: %s", why);
}

static int open_to(const char *location, struct copy_side *to)
{
	char why[512];

	to->handle = to->backend->open(location, BACKEND_MAKE, BUSY_MS, why, sizeof(why));
	return to->handle != NULL ? 0 : tool_complain(EX_CANTCREAT, "record: --to: %s", why);
}

static void tell_table(void *arg, const struct copy_table *table, const struct copy_sums *sums)
{
	struct copy_command *command = arg;

	if (command->tables++ == 0)
		printf("%-16s %12s %12s\n", "table", "rows", "messages");
	printf("%-16s %12" PRIu64, table->name, sums->rows);
	if (table->sum >= 0)
		printf(" %12" PRIu64, sums->messages);
	putchar('\n');
	fflush(stdout);
	command->rows += sums->rows;
	command->messages += table->sum >= 0 && strncmp(table->name, "flow", 4) == 0 ? sums->messages : 0;
}

static int copy(struct copy_command *command, const struct copy_side *from, const struct copy_side *to)
{
	const struct copy_table *table;

	switch (record_copy(from, to, tell_table, command, &table)) {
	case COPY_DONE:
		printf("copied: %" PRIu64 " rows, flows of %" PRIu64 " messages; all was read back and is the same\n", command->rows,
		    command->messages);
		return EX_OK;
	case COPY_NOT_EMPTY:
		return tool_complain(EX_DATAERR, "record: --to: it is not empty (table %s): records are not merged. Give a database without "
		    "a record; nothing was changed", table->name);
	case COPY_FROM_FAILED:
		return tool_complain(EX_IOERR, "record: --from: table %s: %s; nothing was copied", table->name, from->backend->why(from->handle));
	case COPY_TO_FAILED:
		return tool_complain(EX_IOERR, "record: --to: table %s: %s; nothing was copied", table->name, to->backend->why(to->handle));
	case COPY_DIFFERS:
		break;
	}
	return tool_complain(EX_SOFTWARE, "record: --to: table %s reads back as something else than was written; nothing was copied",
	    table->name);
}

static int run(struct copy_command *command)
{
	struct copy_side from = { 0 }, to = { 0 };
	const char *from_location, *to_location;
	int code = side_parse("--from", command->from, &from, &from_location);

	if (code == 0)
		code = side_parse("--to", command->to, &to, &to_location);
	if (code == 0)
		code = open_from(from_location, &from);
	if (code == 0)
		code = open_to(to_location, &to);
	if (code == 0)
		code = copy(command, &from, &to);
	if (from.handle != NULL)
		from.backend->close(&from.handle);
	if (to.handle != NULL)
		to.backend->close(&to.handle);
	return code;
}

int command_record(int argc, char **argv)
{
	struct copy_command command = { 0 };
	int option;

	while ((option = tool_getopt(argc, argv, long_options)) != -1) {
		switch (option) {
		case 'f':
			command.from = optarg;
			break;
		case 't':
			command.to = optarg;
			break;
		case 'h':
			usage(stdout);
			return EX_OK;
		default:
			return EX_USAGE;
		}
	}
	if (optind == argc || strcmp(argv[optind], "copy") != 0) {
		tool_complain(0, optind == argc ? "record: what is to be done? copy" : "record: '%s': there is only copy", argv[optind]);
		return EX_USAGE;
	}
	if (optind + 1 < argc)
		return tool_unexpected("record", argv[optind + 1], long_options);
	return run(&command);
}
