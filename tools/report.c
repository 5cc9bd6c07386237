/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * assay report: what was recorded, and what the policies at hand would have made of it, as text, HTML, JSON or CSV. Give it another
 * --config or one --policy to try a stricter one on the past. Only reads.
 */
#include <getopt.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "assay.h"
#include "record/store.h"
#include "report/brakes.h"
#include "report.h"
#include "report_mail.h"
#include "report/tally.h"
#include "whatif.h"

enum { DAY_SECS = 86400, HOUR_SECS = 3600, SINCE_DEFAULT_DAYS = 7, TOP_DEFAULT = 20, PEERS_MAX = 200000, PROGRESS_MS = 200 };

struct report_command {
	const char *config_path, *database, *output, *table;
	struct whatif_choice choice;
	enum report_form form;
	bool mail;
	const char *to;
	int64_t since_secs;	/* back from now */
	size_t top;
};

static void usage(FILE *out)
{
	fputs("usage: assay report [OPTION]...\n"
	    "  --text         as text (default)\n"
	    "  --html         as one HTML file that needs nothing else\n"
	    "  --json         as JSON\n"
	    "  --csv          as CSV: one table with --table, else a file for each table in the directory --output\n"
	    "  --table NAME   which table, with --csv: findings by decision are policy.findings; an unknown name lists them all\n"
	    "  --mail         mail what changed since yesterday in ten lines, the HTML attached; with --output F into F instead\n"
	    "  --to ADDRESS   to whom; else as the section morning of the configuration says\n"
	    "  --output F     into this file instead of standard output (-)\n"
	    "  --since AGE    how far back: 90m, 12h, 7d, 4w (default 7d)\n"
	    "  --config F     configuration whose policies are applied to the past (default " DEFAULT_CONFIG ")\n"
	    "  --policy NAME  one of them alone, for all mail\n"
	    "  --top N        so many names in each table (default 20), the rest as one row\n"
	    "  --database F   database instead of the configured one\n", out);
}

static const struct option long_options[] = {
	{ "config", required_argument, NULL, 'c' }, { "database", required_argument, NULL, 'd' },
	{ "since", required_argument, NULL, 's' }, { "policy", required_argument, NULL, 'p' }, { "top", required_argument, NULL, 'n' },
	{ "output", required_argument, NULL, 'o' }, { "table", required_argument, NULL, 'b' }, { "text", no_argument, NULL, 't' },
	{ "html", no_argument, NULL, 'w' }, { "json", no_argument, NULL, 'j' }, { "csv", no_argument, NULL, 'v' },
	{ "mail", no_argument, NULL, 'm' }, { "to", required_argument, NULL, 'r' },
	{ "help", no_argument, NULL, 'h' }, { 0 },
};

/* ---- reading ----------------------------------------------------------------------------------------------------- */

/* Who waits at a terminal sees how far it is. */
struct progress {
	struct tally *tally;
	bool shown, begun;
	const char *what;
	uint64_t messages;
	int64_t told_ms;
};

static void show_progress(struct progress *progress, uint64_t messages)
{
	int64_t now;

	progress->messages += messages;
	if (!progress->shown)
		return;
	now = clock_monotonic_ms();
	if (now - progress->told_ms < PROGRESS_MS)
		return;
	progress->told_ms = now;
	progress->begun = true;
	fprintf(stderr, "\r%s %" PRIu64 " messages ...\033[K", progress->what, progress->messages);
}

static void end_progress(struct progress *progress)
{
	if (progress->begun)
		fputs("\r\033[K", stderr);
	progress->messages = 0;
}

static void learn(void *arg, const struct flow_row *kind, const struct flow_span *spans, size_t count)
{
	struct progress *progress = arg;

	show_progress(progress, kind->messages);
	tally_learn(progress->tally, kind, spans, count);
}

static void add(void *arg, const struct flow_row *kind, const struct flow_span *spans, size_t count)
{
	struct progress *progress = arg;

	show_progress(progress, kind->messages);
	tally_add(progress->tally, kind, spans, count);
}

static int read_store(struct tally *tally, struct store *store, int64_t since_secs)
{
	unsigned span_secs = tally_is_dated(tally) ? HOUR_SECS : DAY_SECS;
	struct progress progress = { .tally = tally, .shown = isatty(STDERR_FILENO) == 1, .told_ms = clock_monotonic_ms() };
	int code = store_peers_each(store, NULL, PEERS_MAX, tally_peer, tally);

	progress.what = "looking at who is known:";
	if (code == 0)
		code = store_kinds_each(store, since_secs, span_secs, learn, &progress);
	end_progress(&progress);
	progress.what = "adding up:";
	if (code == 0)
		code = store_kinds_each(store, since_secs, span_secs, add, &progress);
	end_progress(&progress);
	return code;
}

/* ---- the command ------------------------------------------------------------------------------------------------- */

static const char *title(const struct report_command *command, struct arena *arena)
{
	const char *file = command->config_path != NULL ? command->config_path : access(DEFAULT_CONFIG, R_OK) == 0 ? DEFAULT_CONFIG :
	    "the built-in defaults";

	return command->choice.policy != NULL ? arena_printf(arena, "%s of %s, for all mail", command->choice.policy, file) : file;
}

static int report(const struct report_command *command, const struct config *config, const struct policy_set *set, struct store *store,
    struct arena *arena)
{
	/* an hour counts whole; of long ago a day does */
	int64_t now = clock_wall_secs(NULL), since = begin_of_age(now, command->since_secs);
	const struct brakes *brakes;
	struct tally *tally;
	int code;

	tally = tally_new(config, set, since, now);
	code = brakes_read(store, arena, &brakes);
	if (code == 0) {
		tally_set_brakes(tally, brakes);
		code = read_store(tally, store, since);
	}
	if (code == 0 && command->mail)
		code = report_mail_send(config, &(const struct report_mail){ command->to, command->output, now }, store,
		    tally_page(tally, arena, title(command, arena), command->top));
	else if (code == 0)
		code = report_write(tally_page(tally, arena, title(command, arena), command->top), command->form, command->output,
		    command->table);
	else
		code = record_failed("report", store);
	tally_free(&tally);
	return code;
}

static int open_and_report(const struct report_command *command, const struct config *config, const struct policy_set *set,
    struct arena *arena)
{
	struct store *store;
	int code = record_open("report", config, command->database, &store);

	if (code != 0)
		return code;
	code = report(command, config, set, store, arena);
	store_close(&store);
	return code;
}

static int run(const struct report_command *command)
{
	const struct config *config = load_config(command->config_path);
	struct policy_set set;
	struct arena *arena;
	int code;

	if (config == NULL)
		return EX_CONFIG;
	arena = arena_new();
	code = command->mail ? report_mail_check(config, &(const struct report_mail){ .to = command->to }) : 0;
	if (code == 0)
		code = whatif_choose(config, "report", &command->choice, arena, &set);
	if (code == 0)
		code = open_and_report(command, config, &set, arena);
	config_unref(&config);
	arena_free(&arena);
	return code;
}

/* @return -1 to go on, else an exit code. */
static int take_option(struct report_command *command, int option)
{
	switch (option) {
	case 'c': command->config_path = optarg; return -1;
	case 'd': command->database = optarg; return -1;
	case 'o': command->output = optarg; return -1;
	case 'b': command->table = optarg; return -1;
	case 'p': command->choice.policy = optarg; command->choice.everywhere = true; return -1;
	case 't': command->form = REPORT_TEXT; return -1;
	case 'w': command->form = REPORT_HTML; return -1;
	case 'j': command->form = REPORT_JSON; return -1;
	case 'v': command->form = REPORT_CSV; return -1;
	case 's': return take_age("report", optarg, &command->since_secs);
	case 'n': return take_rows("report", "--top", optarg, &command->top);
	case 'm': command->mail = true; return -1;
	case 'r': command->to = optarg; return -1;
	case 'h': usage(stdout); return EX_OK;
	default: return EX_USAGE;
	}
}

int command_report(int argc, char **argv)
{
	struct report_command command = { .since_secs = (int64_t)SINCE_DEFAULT_DAYS * DAY_SECS, .top = TOP_DEFAULT,
		.choice = { .as_configured = true } };
	int option, code;

	while ((option = tool_getopt(argc, argv, long_options)) != -1) {
		code = take_option(&command, option);
		if (code >= 0)
			return code;
	}
	if (optind < argc)
		return tool_unexpected("report", argv[optind], long_options);
	if (command.mail && command.form != REPORT_TEXT)
		return tool_complain(EX_USAGE, "report: --mail has text and HTML: leave out --html, --json and --csv");
	if (command.to != NULL && !command.mail)
		return tool_complain(EX_USAGE, "report: --to says who gets the mail of --mail");
	if (command.table != NULL && command.form != REPORT_CSV)
		return tool_complain(EX_USAGE, "report: --table says which table, with --csv");
	if (command.form == REPORT_CSV && command.table == NULL && (command.output == NULL || strcmp(command.output, "-") == 0))
		return tool_complain(EX_USAGE, "report: --csv: name one table with --table, or a directory for all of them with --output");
	return run(&command);
}
