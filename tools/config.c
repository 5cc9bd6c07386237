/* SPDX-License-Identifier: BSD-2-Clause */
/* assay config: checks a configuration file and prints the effective values, or prints the commented sample. */
#include <getopt.h>
#include <string.h>
#include <sysexits.h>

#include "assay.h"
#include "config/advice.h"

static void usage(FILE *out)
{
	fputs("usage: assay config [--sample] [--config F | F]\n"
	    "  checks F (default " DEFAULT_CONFIG ", or the built-in defaults) and prints the effective values\n"
	    "  --sample   prints every option with its default and meaning instead\n", out);
}

static void tell_advice(void *closure, const char *text)
{
	(void)closure;
	(void)tool_complain(EX_OK, "config: %s", text);
}

int command_config(int argc, char **argv)
{
	static const struct option long_options[] = {
		{ "config", required_argument, NULL, 'c' }, { "sample", no_argument, NULL, 's' },
		{ "help", no_argument, NULL, 'h' }, { 0 },
	};
	const char *path = NULL;
	struct config *config;
	bool sample = false;
	int option;

	while ((option = tool_getopt(argc, argv, long_options)) != -1) {
		switch (option) {
		case 'c': path = optarg; break;
		case 's': sample = true; break;
		case 'h': usage(stdout); return EX_OK;
		default: return EX_USAGE;
		}
	}
	if (optind < argc && path == NULL)
		path = argv[optind++];
	if (optind < argc)
		return tool_unexpected("config", argv[optind], long_options);
	if (sample) {
		config_print_sample(stdout);
		return EX_OK;
	}
	config = load_config(path);
	if (config == NULL)
		return EX_CONFIG;
	config_print(config, stdout);
	(void)fflush(stdout);
	(void)config_advise(config, tell_advice, NULL);
	config_unref(&config);
	return EX_OK;
}
