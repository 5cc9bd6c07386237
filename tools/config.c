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
#include "util/error.h"

struct config_command {
	const char *path;
	const char *imports[IMPORT_PROGRAMS];
	bool sample, caps;
};

static void usage(FILE *out)
{
	fputs("usage: assay config [--sample | --caps] [--config F | F]\n"
	    "       assay config [--import-opendkim F] [--import-opendmarc F]\n"
	    "  checks F (default " DEFAULT_CONFIG ", or the built-in defaults) and prints the effective values\n"
	    "  --sample               prints every option with its default and meaning instead\n"
	    "  --caps                 prints the caps on what a message may hold or cost only\n"
	    "  --import-opendkim F    prints a configuration that does what this opendkim.conf did, as far as Assay does it\n"
	    "  --import-opendmarc F   the same for an opendmarc.conf; both may be given\n", out);
}

static const struct option long_options[] = {
	{ "config", required_argument, NULL, 'c' }, { "sample", no_argument, NULL, 's' },
	{ "caps", no_argument, NULL, 'l' },
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

int command_config(int argc, char **argv)
{
	struct config_command command = { .path = NULL };
	int option;

	while ((option = tool_getopt(argc, argv, long_options)) != -1) {
		switch (option) {
		case 'c': command.path = optarg; break;
		case 's': command.sample = true; break;
		case 'l': command.caps = true; break;
		case 'k': command.imports[IMPORT_OPENDKIM] = optarg; break;
		case 'm': command.imports[IMPORT_OPENDMARC] = optarg; break;
		case 'h': usage(stdout); return EX_OK;
		default: return EX_USAGE;
		}
	}
	if (optind < argc && command.path == NULL)
		command.path = argv[optind++];
	if (optind < argc)
		return tool_unexpected("config", argv[optind], long_options);
	if (command.sample) {
		config_print_sample(stdout);
		return EX_OK;
	}
	if (command.imports[IMPORT_OPENDKIM] != NULL || command.imports[IMPORT_OPENDMARC] != NULL)
		return import_files(&command);
	return check_file(command.path, command.caps);
}
