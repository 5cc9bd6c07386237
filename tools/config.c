/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * assay config: checks a configuration file and prints the effective values or its caps only, prints the commented sample, or
 * translates the files of opendkim and opendmarc.
 */
#include <errno.h>
#include <getopt.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "assay.h"
#include "config/advice.h"
#include "config/domain_list.h"
#include "config/import.h"
#include "config_diff.h"
#include "config_explain.h"
#include "util/error.h"

struct config_command {
	const char *path;
	const char *imports[IMPORT_PROGRAMS];
	struct config_change change;
	struct explain_asked asked;
	bool sample, caps, explain, asks, json;	/* asks: something is said of a message */
};

static void usage(FILE *out)
{
	fputs("usage: assay config [--sample | --caps] [--config F | F]\n"
	    "       assay config --diff OLD NEW [--database F] [--since AGE] [--json]\n"
	    "       assay config --explain [--rcpt A]... [--from A] [--mail-from A] [--client IP[,NAME]] [--listener N] [--auth] [--json] [F]\n"
	    "       assay config [--import-opendkim F] [--import-opendmarc F]\n"
	    "  checks F (default " DEFAULT_CONFIG ", or the built-in defaults) and prints the effective values\n"
	    "  --sample               prints every option with its default and meaning instead\n"
	    "  --caps                 prints the caps on what a message may hold or cost only\n"
	    "  --diff OLD NEW         says what another file changes, and how many recorded messages would have fared differently\n"
	    "  --database F           record to look into, instead of the one that NEW names\n"
	    "  --since AGE            how far back: 90m, 12h, 7d, 4w (default 7d)\n"
	    "  --explain              tells which policy such a message falls under, why not those before it, and what it asks for;\n"
	    "                         what is not said of the message is not known\n"
	    "  --json                 prints either as JSON\n"
	    "  --import-opendkim F    prints a configuration that does what this opendkim.conf did, as far as Assay does it\n"
	    "  --import-opendmarc F   the same for an opendmarc.conf; both may be given\n", out);
}

static const struct option long_options[] = {
	{ "config", required_argument, NULL, 'c' }, { "sample", no_argument, NULL, 's' },
	{ "caps", no_argument, NULL, 'l' }, { "diff", required_argument, NULL, 'd' }, { "database", required_argument, NULL, 'b' },
	{ "since", required_argument, NULL, 'S' },
	{ "import-opendkim", required_argument, NULL, 'k' }, { "import-opendmarc", required_argument, NULL, 'm' },
	{ "explain", no_argument, NULL, 'e' }, { "rcpt", required_argument, NULL, 'r' }, { "from", required_argument, NULL, 'F' },
	{ "mail-from", required_argument, NULL, 'f' }, { "client", required_argument, NULL, 'C' },
	{ "listener", required_argument, NULL, 'L' }, { "auth", no_argument, NULL, 'a' }, { "json", no_argument, NULL, 'j' },
	{ "help", no_argument, NULL, 'h' }, { 0 },
};

static void tell_advice(void *closure, const char *text)
{
	(void)closure;
	(void)tool_complain(EX_OK, "config: %s", text);
}

/* An import_read over the file system. */
static char *read_file(void *closure, const char *path, size_t most, struct arena *arena, size_t *length_r)
{
	char *text = arena_alloc(arena, most);
	FILE *file = fopen(path, "re");
	struct stat status;
	int error = 0;

	(void)closure;
	if (file == NULL)
		return NULL;
	if (fstat(fileno(file), &status) == 0 && !S_ISREG(status.st_mode))
		error = S_ISDIR(status.st_mode) ? EISDIR : EINVAL;
	else
		*length_r = fread(text, 1, most, file);
	if (error == 0 && ferror(file))
		error = EIO;
	fclose(file);
	errno = error;
	return error == 0 ? text : NULL;
}

static int import_files(const struct config_command *command)
{
	for (int i = 0; i < IMPORT_PROGRAMS; i++) {
		if (command->imports[i] != NULL && access(command->imports[i], R_OK) != 0)
			return tool_complain(EX_NOINPUT, "config: %s: %s", command->imports[i], strerror(errno));
	}
	switch (config_import(command->imports, read_file, NULL, stdout, stderr)) {
	case 0:
		return EX_OK;
	case -E_ABSENT:
		return EX_NOINPUT;
	default:
		return EX_DATAERR;
	}
}

static int check_file(const char *path, bool caps)
{
	const struct config *config = load_config(path);

	if (config == NULL)
		return EX_CONFIG;
	(caps ? config_print_caps : config_print)(config, stdout);
	(void)fflush(stdout);
	domain_lists_tell(config, tell_advice, NULL);
	(void)config_advise(config, tell_advice, NULL);
	config_unref(&config);
	return EX_OK;
}

static int explain_file(struct config_command *command)
{
	const struct config *config = load_config(command->path);
	int code;

	if (config == NULL)
		return EX_CONFIG;
	command->asked.config_path = command->path != NULL ? command->path : access(DEFAULT_CONFIG, F_OK) == 0 ? DEFAULT_CONFIG : NULL;
	command->asked.json = command->json;
	code = config_explain(config, &command->asked);
	config_unref(&config);
	return code;
}

/* @return -1 to go on, else the exit code. */
static int take_asked(int option, const char *value, struct explain_asked *asked)
{
	switch (option) {
	case 'r':
		if (asked->recipient_count == EXPLAIN_RECIPIENTS_MAX)
			return tool_complain(EX_USAGE, "config: more than %d recipients", EXPLAIN_RECIPIENTS_MAX);
		asked->recipients[asked->recipient_count++] = value;
		return -1;
	case 'F': asked->from = value; return -1;
	case 'f': asked->mail_from = value; return -1;
	case 'C': asked->client = value; return -1;
	case 'L': asked->listener = value; return -1;
	default: asked->authenticated = true; return -1;
	}
}

/* @return -1 to go on, else the exit code. */
static int take_option(int option, const char *value, struct config_command *command)
{
	switch (option) {
	case 'c': command->path = value; return -1;
	case 's': command->sample = true; return -1;
	case 'l': command->caps = true; return -1;
	case 'e': command->explain = true; return -1;
	case 'd':
		command->change.old_path = value;
		if (value[0] == '-' && access(value, F_OK) != 0)	/* an option that stands between */
			return tool_complain(EX_USAGE, "config: --diff takes two files: assay config --diff OLD NEW; other options before or behind");
		return -1;
	case 'b': command->change.database = value; return -1;
	case 'S': return take_age("config", value, &command->change.since_secs);
	case 'j': command->json = true; return -1;
	case 'k': command->imports[IMPORT_OPENDKIM] = value; return -1;
	case 'm': command->imports[IMPORT_OPENDMARC] = value; return -1;
	case 'h': usage(stdout); return EX_OK;
	case '?': return EX_USAGE;
	default:
		command->asks = true;
		return take_asked(option, value, &command->asked);
	}
}

static int diff_files(struct config_command *command)
{
	if (command->path == NULL)
		return tool_complain(EX_USAGE, "config: --diff takes two files: assay config --diff OLD NEW");
	command->change.new_path = command->path;
	command->change.json = command->json;
	return config_change_tell(&command->change);
}

/* Each of these is a command of its own. @return 0, or an exit code after a complaint. */
static int check_single(const struct config_command *command)
{
	const struct { const char *option; bool given; } asked[] = {
		{ "--sample", command->sample }, { "--caps", command->caps }, { "--explain", command->explain },
		{ "--diff", command->change.old_path != NULL },
		{ "--import-opendkim or --import-opendmarc", command->imports[IMPORT_OPENDKIM] != NULL || command->imports[IMPORT_OPENDMARC] != NULL },
	};
	const char *first = NULL;

	for (size_t i = 0; i < sizeof(asked) / sizeof(asked[0]); i++) {
		if (asked[i].given && first != NULL)
			return tool_complain(EX_USAGE, "config: %s and %s exclude each other", first, asked[i].option);
		if (asked[i].given)
			first = asked[i].option;
	}
	if (command->path != NULL && first != NULL && (command->sample || strncmp(first, "--import", 8) == 0))
		return tool_complain(EX_USAGE, "config: with %s no configuration is read: leave out '%s'", first, command->path);
	return 0;
}

static int run(struct config_command *command)
{
	const struct config_change *change = &command->change;
	int code = check_single(command);

	if (code != 0)
		return code;
	if (change->old_path == NULL && (change->database != NULL || change->since_secs != 0))
		return tool_complain(EX_USAGE, "config: --database and --since belong to --diff");
	if (command->asks && !command->explain)
		return tool_complain(EX_USAGE, "config: what a message is says nothing without --explain");
	if (command->json && !command->explain && change->old_path == NULL)
		return tool_complain(EX_USAGE, "config: --json belongs to --diff or --explain");
	if (command->explain)
		return explain_file(command);
	if (change->old_path != NULL)
		return diff_files(command);
	if (command->sample) {
		config_print_sample(stdout);
		return EX_OK;
	}
	if (command->imports[IMPORT_OPENDKIM] != NULL || command->imports[IMPORT_OPENDMARC] != NULL)
		return import_files(command);
	return check_file(command->path, command->caps);
}

int command_config(int argc, char **argv)
{
	struct config_command command = { .path = NULL };
	int option, code = -1;

	while (code < 0 && (option = tool_getopt(argc, argv, long_options)) != -1)
		code = take_option(option, optarg, &command);
	if (code >= 0)
		return code;
	if (optind < argc && command.path == NULL)
		command.path = argv[optind++];
	if (optind < argc)
		return tool_unexpected("config", argv[optind], long_options);
	return run(&command);
}
