/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * assay whatif: a policy over the recorded past, beside what was done: what it would newly refuse, whose that is, how much of it
 * looks wanted, what stays exposed, what cannot be told; and which finding to enforce next. Only reads.
 */
#include <getopt.h>
#include <stdlib.h>
#include <sysexits.h>
#include <unistd.h>

#include "assay.h"
#include "record/store.h"
#include "report/brakes.h"
#include "util/arena.h"
#include "whatif.h"

enum { DAY_SECS = 86400, HOUR_SECS = 3600, SINCE_DEFAULT_DAYS = 30, TOP_DEFAULT = 15, PEERS_MAX = 200000 };

struct whatif_command {
	const char *config_path, *database;
	struct whatif_choice choice;
	struct whatif_page page;
	int64_t since_secs;	/* back from now */
	bool json;
};

static void usage(FILE *out)
{
	fputs("usage: assay whatif [OPTION]...\n"
	    "  --config F       configuration whose policies are asked (default " DEFAULT_CONFIG ")\n"
	    "  --policy NAME    enforce this one of them, leave the others as they are; else all are enforced\n"
	    "  --everywhere     that policy alone, for all mail, whomever it is for\n"
	    "  --as-configured  what is in dry-run stays in dry-run\n"
	    "  --since AGE      how far back: 90m, 12h, 7d, 4w (default 30d)\n"
	    "  --weights W      what things are worth to you: good=10,forged=1,upkeep=1 (the default); see assay(1)\n"
	    "  --top N          so many domains of each kind (default 15)\n"
	    "  --database F     database instead of the configured one\n"
	    "  --json           print JSON\n", out);
}

static const struct option long_options[] = {
	{ "config", required_argument, NULL, 'c' }, { "policy", required_argument, NULL, 'p' }, { "everywhere", no_argument, NULL, 'e' },
	{ "as-configured", no_argument, NULL, 'a' }, { "since", required_argument, NULL, 's' },
	{ "weights", required_argument, NULL, 'w' }, { "top", required_argument, NULL, 'n' },
	{ "database", required_argument, NULL, 'd' }, { "json", no_argument, NULL, 'j' }, { "help", no_argument, NULL, 'h' }, { 0 },
};

static const char *title(const struct whatif_command *command, struct arena *arena)
{
	const struct whatif_choice *choice = &command->choice;
	const char *file = command->config_path != NULL ? command->config_path : access(DEFAULT_CONFIG, R_OK) == 0 ? DEFAULT_CONFIG :
	    "the built-in defaults", *how = choice->as_configured ? "as configured" : "enforced";

	if (choice->policy == NULL)
		return arena_printf(arena, "policies of %s, %s", file, how);
	return arena_printf(arena, "policy %s of %s, %s%s", choice->policy, file, how, choice->everywhere ? ", for all mail" : "");
}

/* A kind of any time, for who asks about a period without any. */
static void see_newest(void *arg, const struct flow_row *kind, const struct flow_span *spans, size_t count)
{
	int64_t *newest_secs = arg;

	(void)kind;
	*newest_secs = spans[count - 1].from_secs > *newest_secs ? spans[count - 1].from_secs : *newest_secs;
}

static int complain_empty(struct store *store, int64_t now)
{
	int64_t newest_secs = 0;

	if (store_kinds_each(store, 0, HOUR_SECS, see_newest, &newest_secs) == 0 && newest_secs != 0)
		return tool_complain(EX_NOINPUT, "whatif: nothing was recorded in that period; the newest record is %lld hours old: try a longer "
		    "--since", (long long)((now - newest_secs) / 3600));
	return tool_complain(EX_NOINPUT, "whatif: nothing has been recorded yet");
}

static int print(struct whatif_command *command, struct whatif *whatif, struct store *store)
{
	const struct whatif_totals *totals = whatif_totals(whatif);

	if (totals->messages == 0)
		return complain_empty(store, command->page.until_secs);
	command->page.days = (double)(totals->last_secs + HOUR_SECS - totals->first_secs) / DAY_SECS;
	(command->json ? whatif_print_json : whatif_print_text)(whatif, &command->page, stdout);
	return EX_OK;
}

/* When brakes would come on, were what is asked enforced from the beginning of the period. */
static int foresee_brakes(const struct whatif_page *page, const struct config *config, const struct policy_set *set, struct store *store,
    struct whatif *whatif)
{
	const struct brake_watch_wish wish = { .config = config, .set = set, .first_secs = page->since_secs,
		.end_secs = page->until_secs - page->until_secs % HOUR_SECS };
	struct brake_watch *watch;
	struct arena *arena;
	int code;

	if (!brake_watch_is_needed(set))
		return 0;
	watch = brake_watch_new(&wish);
	arena = arena_new();
	code = brake_watch_read(watch, store);
	if (code == 0)
		whatif_set_brakes(whatif, brake_watch_forecast(watch, arena));
	brake_watch_free(&watch);
	arena_free(&arena);
	return code;
}

static int forecast(struct whatif_command *command, const struct config *config, const struct policy_set *set, struct store *store)
{
	struct whatif_page *page = &command->page;
	struct whatif *whatif;
	int code;

	page->until_secs = clock_wall_secs(NULL);
	page->flag_day_secs = ramp_next_flag_day(set->policies, set->count, page->until_secs);
	page->flag_day_secs = page->flag_day_secs != INT64_MAX ? page->flag_day_secs : 0;
	page->since_secs = begin_of_age(page->until_secs, command->since_secs);	/* an hour counts whole; of long ago a day does */
	whatif = whatif_new(config, set, page->since_secs);
	code = store_peers_each(store, NULL, PEERS_MAX, whatif_learn_peer, whatif);
	if (code == 0)
		code = foresee_brakes(page, config, set, store, whatif);
	if (code == 0)
		code = store_kinds_each(store, page->since_secs, HOUR_SECS, whatif_learn, whatif);
	if (code == 0)
		code = store_kinds_each(store, page->since_secs, HOUR_SECS, whatif_add, whatif);
	code = code == 0 ? print(command, whatif, store) : record_failed("whatif", store);
	whatif_free(&whatif);
	return code;
}

static int open_and_run(struct whatif_command *command, const struct config *config, const struct policy_set *set)
{
	struct store *store;
	int code = record_open("whatif", config, command->database, &store);

	if (code != 0)
		return code;
	code = forecast(command, config, set, store);
	store_close(&store);
	return code;
}

static int run(struct whatif_command *command)
{
	const struct config *config = load_config(command->config_path);
	struct arena *arena;
	struct policy_set set;
	int code;

	if (config == NULL)
		return EX_CONFIG;
	arena = arena_new();
	command->page.policies = title(command, arena);
	code = whatif_choose(config, "whatif", &command->choice, arena, &set);
	if (code == 0)
		code = open_and_run(command, config, &set);
	config_unref(&config);
	arena_free(&arena);
	return code;
}

/* @return -1 to go on, else an exit code. */
static int take_option(struct whatif_command *command, int option)
{
	switch (option) {
	case 'c': command->config_path = optarg; return -1;
	case 'p': command->choice.policy = optarg; return -1;
	case 'e': command->choice.everywhere = true; return -1;
	case 'a': command->choice.as_configured = true; return -1;
	case 'd': command->database = optarg; return -1;
	case 'j': command->json = true; return -1;
	case 's': return take_age("whatif", optarg, &command->since_secs);
	case 'n': return take_rows("whatif", "--top", optarg, &command->page.top);
	case 'w': return whatif_take_weights(optarg, &command->page.weights) == 0 ? -1 : EX_USAGE;
	case 'h': usage(stdout); return EX_OK;
	default: return EX_USAGE;
	}
}

int command_whatif(int argc, char **argv)
{
	struct whatif_command command = { .since_secs = (int64_t)SINCE_DEFAULT_DAYS * DAY_SECS,
		.page = { .top = TOP_DEFAULT, .weights = { WHATIF_GOOD, WHATIF_FORGED, WHATIF_UPKEEP } } };
	int option, code;

	while ((option = tool_getopt(argc, argv, long_options)) != -1) {
		code = take_option(&command, option);
		if (code >= 0)
			return code;
	}
	if (optind < argc)
		return tool_unexpected("whatif", argv[optind], long_options);
	if (command.choice.everywhere && command.choice.policy == NULL)
		return tool_complain(EX_USAGE, "whatif: --everywhere says where one policy is asked: name it with --policy");
	if (command.choice.as_configured && command.choice.policy != NULL && !command.choice.everywhere)
		return tool_complain(EX_USAGE, "whatif: --policy enforces that policy, --as-configured changes nothing: give one of them");
	return run(&command);
}
