/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * assay brakes: which findings a policy only tags because what it held back looked wanted, and back to enforcement. Lists by reading;
 * --lift changes one row while the daemon may be running, which sees it within seconds.
 */
#include <getopt.h>
#include <inttypes.h>
#include <jansson.h>
#include <string.h>
#include <sysexits.h>

#include "assay.h"
#include "json_text.h"
#include "record/store.h"
#include "util/arena.h"
#include "util/clean.h"
#include "util/clock.h"
#include "util/error.h"

/* Every daemon of the record has seen it by then, so that all of them go back to enforcement at one time. */
enum { LIFT_AFTER_SECS = 60, NAME_SHOWN_MAX = 80 };

struct brakes_command {
	const char *config_path, *database, *policy, *finding;
	bool lift, json, all;
	int64_t time_secs;
	json_t *list;
	struct arena *arena;
	unsigned count;
};

static void usage(FILE *out)
{
	fputs("usage: assay brakes [OPTION]... [--lift POLICY FINDING]\n"
	    "  lists the brakes that are on: findings on which a policy only tags, because what it held back looked wanted\n"
	    "  --lift         the policy enforces the finding again, a minute from now\n"
	    "  --all          list those that were lifted, too\n"
	    "  --config F     configuration (default " DEFAULT_CONFIG ")\n"
	    "  --database F   database instead of the configured one\n"
	    "  --time EPOCH   lift at this time (for tests)\n"
	    "  --json         print JSON\n", out);
}

static const struct option long_options[] = {
	{ "lift", no_argument, NULL, 'l' }, { "all", no_argument, NULL, 'a' }, { "config", required_argument, NULL, 'c' },
	{ "database", required_argument, NULL, 'd' }, { "time", required_argument, NULL, 't' }, { "json", no_argument, NULL, 'j' },
	{ "help", no_argument, NULL, 'h' }, { 0 },
};

static const char *time_text(int64_t secs, char text[32])
{
	return clock_text(text, 32, CLOCK_ISO_MINUTE, secs);
}

static void list_row(void *arg, const struct brake_row *row)
{
	struct brakes_command *command = arg;
	char since[32], lifted[32];

	if (row->lifted_secs != 0 && !command->all)
		return;
	command->count++;
	if (command->json) {
		json_array_append_new(command->list, json_pack("{s:o, s:o, s:I, s:o, s:I, s:I}", "policy",
		    json_text(command->arena, row->policy), "finding", json_text(command->arena, row->finding),
		    "since", (json_int_t)row->since_secs, "lifted", row->lifted_secs != 0 ? json_integer(row->lifted_secs) : json_null(),
		    "held_back", (json_int_t)row->held, "wanted", (json_int_t)row->wanted));
		return;
	}
	if (command->count == 1)
		printf("%-20s %-25s %-17s %9s %9s  %s\n", "policy", "finding", "since", "held back", "wanted", "lifted");
	printf("%-20s %-25s %-17s %9" PRIu64 " %9" PRIu64 "  %s\n", clean_word(command->arena, row->policy, NAME_SHOWN_MAX),
	    clean_word(command->arena, row->finding, NAME_SHOWN_MAX), time_text(row->since_secs, since), row->held, row->wanted,
	    row->lifted_secs != 0 ? time_text(row->lifted_secs, lifted) : "-");
}

static int list(struct brakes_command *command, struct store *store)
{
	int code;

	command->list = json_array();
	code = store_brakes_each(store, list_row, command);
	if (code == 0 && command->json) {
		json_dumpf(command->list, stdout, JSON_INDENT(1));
		putchar('\n');
	} else if (code == 0 && command->count == 0) {
		puts("no brake is on");
	}
	json_decref(command->list);
	return code;
}

static int lift(struct brakes_command *command, struct store *store)
{
	int64_t now_secs = command->time_secs != 0 ? command->time_secs : clock_wall_secs(NULL), at_secs = now_secs + LIFT_AFTER_SECS;
	int code = store_brake_lift(store, command->policy, command->finding, at_secs);
	char text[32];

	if (code == 0)
		printf("policy %s enforces %s again from %s on\n", command->policy, command->finding, time_text(at_secs, text));
	return code;
}

static int run(struct brakes_command *command)
{
	const struct config *config = load_config(command->config_path);
	struct store *store;
	int code;

	if (config == NULL)
		return EX_CONFIG;
	code = record_open("brakes", config, command->database, &store);
	config_unref(&config);
	if (code != 0)
		return code;
	command->arena = arena_new();
	code = command->lift ? lift(command, store) : list(command, store);
	if (code == -E_ABSENT)
		code = tool_complain(EX_DATAERR, "brakes: no brake of policy '%s' on %s is on; assay brakes lists them", command->policy,
		    command->finding);
	else if (code != 0)
		code = record_failed("brakes", store);
	store_close(&store);
	arena_free(&command->arena);
	return code;
}

static int take_names(struct brakes_command *command, int argc, char **argv)
{
	enum finding_id id;

	if (!command->lift)
		return optind < argc ? tool_unexpected("brakes", argv[optind], long_options) : 0;
	if (optind + 2 > argc)
		return tool_complain(EX_USAGE, "brakes: --lift which one? write --lift POLICY FINDING; assay brakes lists them");
	command->policy = argv[optind++];
	command->finding = argv[optind++];
	if (optind < argc)
		return tool_unexpected("brakes", argv[optind], long_options);
	if (finding_from_name(command->finding, &id) != 0)
		return tool_complain(EX_USAGE, "brakes: '%s' is no finding; assay findings lists them", command->finding);
	return 0;
}

int command_brakes(int argc, char **argv)
{
	struct brakes_command command = { 0 };
	int option, code;

	while ((option = tool_getopt(argc, argv, long_options)) != -1) {
		switch (option) {
		case 'l': command.lift = true; break;
		case 'a': command.all = true; break;
		case 'c': command.config_path = optarg; break;
		case 'd': command.database = optarg; break;
		case 'j': command.json = true; break;
		case 't':
			if (parse_time(optarg, &command.time_secs) != 0)
				return tool_complain(EX_USAGE, "brakes: --time: '%s' is not a number of seconds since 1970", optarg);
			break;
		case 'h': usage(stdout); return EX_OK;
		default: return EX_USAGE;
		}
	}
	code = take_names(&command, argc, argv);
	return code != 0 ? code : run(&command);
}
