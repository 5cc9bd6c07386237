/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * assay report: what was recorded, and what the policies at hand would have made of it. Give it another --config to try a
 * stricter policy on the past.
 */
#include <getopt.h>
#include <sysexits.h>

#include "assay.h"
#include "record/store.h"
#include "report/text.h"

enum { DAY_SECS = 86400, SINCE_DEFAULT_DAYS = 7 };

struct report_command {
	const char *config_path, *database;
	int64_t since_secs;	/* back from now */
};

static void usage(FILE *out)
{
	fputs("usage: assay report [OPTION]...\n"
	    "  --text         as text (default)\n"
	    "  --since AGE    how far back: 90m, 12h, 7d, 4w (default 7d)\n"
	    "  --config F     configuration whose policies are applied to the past (default " DEFAULT_CONFIG ")\n"
	    "  --database F   database instead of the configured one\n", out);
}

static const struct option long_options[] = {
	{ "config", required_argument, NULL, 'c' }, { "database", required_argument, NULL, 'd' },
	{ "since", required_argument, NULL, 's' }, { "text", no_argument, NULL, 't' }, { "help", no_argument, NULL, 'h' }, { 0 },
};

static int run(const struct report_command *command)
{
	const struct config *config = load_config(command->config_path);
	struct store_config store_config = { .read_only = true };
	struct store_statistics statistics = { 0 };
	struct tally *tally;
	struct store *store;
	int64_t now = clock_wall_secs(NULL), since = now - command->since_secs;
	char why[256];
	int code;

	if (config == NULL)
		return EX_CONFIG;
	store_config.location = command->database != NULL ? command->database : config->record_path;
	code = database_check("report", config, store_config.location, command->database != NULL);
	if (code != 0) {
		config_unref(&config);
		return code;
	}
	store = store_open(&store_config, why, sizeof(why));
	if (store == NULL) {
		config_unref(&config);
		return tool_complain(EX_CONFIG, "report: no database: set path in the section record of the configuration, or give --database");
	}
	tally = tally_new(config);
	/* whole hours: a row counts from the beginning of its hour */
	code = store_flows_each(store, since - since % 3600, tally_add, tally);
	if (code == 0)
		text_print_tally(tally, since - since % 3600, now, stdout);
	store_statistics(store, &statistics);
	tally_free(&tally);
	store_close(&store);
	config_unref(&config);
	return code == 0 ? EX_OK : tool_complain(EX_IOERR, "report: %s", statistics.why);
}

int command_report(int argc, char **argv)
{
	struct report_command command = { .since_secs = SINCE_DEFAULT_DAYS * DAY_SECS };
	int option;

	while ((option = tool_getopt(argc, argv, long_options)) != -1) {
		switch (option) {
		case 'c': command.config_path = optarg; break;
		case 'd': command.database = optarg; break;
		case 't': break;
		case 'h': usage(stdout); return EX_OK;
		case 's':
			if (take_age("report", optarg, &command.since_secs) >= 0)
				return EX_USAGE;
			break;
		default: return EX_USAGE;
		}
	}
	if (optind < argc)
		return tool_unexpected("report", argv[optind], long_options);
	return run(&command);
}
