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
#include "util/error.h"

struct config_command {
	const char *path;
	const char *imports[IMPORT_PROGRAMS];
	struct config_change change;
	bool sample, caps;
};

static void usage(FILE *out)
{
	fputs("usage: assay config [--sample | --caps] [--config F | F]\n"
	    "       assay config --diff OLD NEW [--database F] [--since AGE] [--json]\n"
	    "       assay config [--import-opendkim F] [--import-opendmarc F]\n"
	    "  checks F (default " DEFAULT_CONFIG ", or the built-in defaults) and prints the effective values\n"
	    "  --sample               prints every option with its default and meaning instead\n"
	    "  --caps                 prints the caps on what a message may hold or cost only\n"
	    "  --diff OLD NEW         says what another file changes, and how many recorded messages would have fared differently\n"
	    "  --database F           record to look into, instead of the one that NEW names\n"
	    "  --since AGE            how far back: 90m, 12h, 7d, 4w (default 7d)\n"
	    "  --json                 prints JSON\n"
	    "  --import-opendkim F    prints a configuration that does what this opendkim.conf did, as far as Assay does it\n"
	    "  --import-opendmarc F   the same for an opendmarc.conf; both may be given\n", out);
}

static const struct option long_options[] = {
	{ "config", required_argument, NULL, 'c' }, { "sample", no_argument, NULL, 's' },
	{ "caps", no_argument, NULL, 'l' }, { "diff", required_argument, NULL, 'd' }, { "database", required_argument, NULL, 'b' },
	{ "since", required_argument, NULL, 'a' }, { "json", no_argument, NULL, 'j' },
	{ "import-opendkim", required_argument, NULL, 'k' }, { "import-opendmarc", required_argument, NULL, 'm' },
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

/* @return -1 to go on, else an exit code. */
static int take_option(struct config_command *command, int option)
{
	switch (option) {
	case 'c': command->path = optarg; return -1;
	case 's': command->sample = true; return -1;
	case 'l': command->caps = true; return -1;
	case 'd': command->change.old_path = optarg; return -1;
	case 'b': command->change.database = optarg; return -1;
	case 'a': return take_age("config", optarg, &command->change.since_secs);
	case 'j': command->change.json = true; return -1;
	case 'k': command->imports[IMPORT_OPENDKIM] = optarg; return -1;
	case 'm': command->imports[IMPORT_OPENDMARC] = optarg; return -1;
	case 'h': usage(stdout); return EX_OK;
	default: return EX_USAGE;
	}
}

static int run(struct config_command *command)
{
	struct config_change *change = &command->change;

	if (command->sample) {
		config_print_sample(stdout);
		return EX_OK;
	}
	if (command->imports[IMPORT_OPENDKIM] != NULL || command->imports[IMPORT_OPENDMARC] != NULL)
		return import_files(command);
	if (change->old_path == NULL && (change->database != NULL || change->json || change->since_secs != 0))
		return tool_complain(EX_USAGE, "config: --database, --since and --json belong to --diff");
	if (change->old_path == NULL)
		return check_file(command->path, command->caps);
	if (command->path == NULL)
		return tool_complain(EX_USAGE, "config: --diff takes two files: assay config --diff OLD NEW");
	change->new_path = command->path;
	return config_change_tell(change);
}

int command_config(int argc, char **argv)
{
	struct config_command command = { .path = NULL };
	int option, code;

	while ((option = tool_getopt(argc, argv, long_options)) != -1) {
		code = take_option(&command, option);
		if (code >= 0)
			return code;
	}
	if (optind < argc && command.path == NULL)
		command.path = argv[optind++];
	if (optind < argc)
		return tool_unexpected("config", argv[optind], long_options);
	return run(&command);
}
