/* SPDX-License-Identifier: BSD-2-Clause */
/* assay: finds the subcommand; what all of them share. */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "assay.h"
#include "build-config.h"
#include "config/value.h"
#include "util/clock.h"
#include "util/distance.h"
#include "util/error.h"
#include "util/standard.h"

static const struct command {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *help;
} commands[] = {
	{ "check", command_check, "judge one message, or an envelope and connection, as the daemon would" },
	{ "dns", command_dns, "look up a name and say how DNSSEC judges the answer, and why" },
	{ "findings", command_findings, "list every finding: default action, SMTP reply, meaning" },
	{ "config", command_config, "check a configuration file and print the effective values" },
	{ "peers", command_peers, "list, show, forget or pin what is remembered of senders' TLS" },
	{ "brakes", command_brakes, "list what policies only tag for it looked wanted, and enforce it again" },
	{ "record", command_record, "copy the record into another database, of another kind if need be" },
	{ "doctor", command_doctor, "look at everything that judgement depends on, and say what is wrong" },
	{ "setup", command_setup, "put assayd behind Postfix or Sendmail, prove that it is asked, put it back" },
	{ "log", command_log, "read the lines back that assayd logged about messages" },
	{ "failure-reports", command_failure_reports, "mail domains what failed in their name, if they ask for it (RFC 9991)" },
	{ "report", command_report, "what was recorded, and what a policy would have made of it" },
	{ "explain", command_explain, "what was seen of one message, and why it was decided as it was" },
	{ "whatif", command_whatif, "what a policy would refuse of the mail so far, what that costs, the next step" },
	{ "dmarc-reports", command_dmarc_reports, "make and send the aggregate reports that domains ask for in DMARC" },
};
enum { COMMAND_COUNT = sizeof(commands) / sizeof(commands[0]) };

int tool_complain(int code, const char *format, ...)
{
	va_list arguments;

	fputs("assay: ", stderr);
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fputc('\n', stderr);
	return code;
}

const struct config *load_config(const char *path)
{
	return load_config_with(path, &(const struct config_overrides){ 0 });
}

const struct config *load_config_with(const char *path, const struct config_overrides *overrides)
{
	if (path == NULL && access(DEFAULT_CONFIG, R_OK) == 0)
		path = DEFAULT_CONFIG;
	else if (path == NULL && errno != ENOENT)
		tool_complain(0, "%s: %s; the built-in defaults are used", DEFAULT_CONFIG, strerror(errno));
	else if (path != NULL && access(path, R_OK) != 0) {
		tool_complain(0, "configuration file %s cannot be read: %s", path, strerror(errno));
		return NULL;
	}
	return config_load_with(path, overrides, stderr);
}

int take_resolver(const char *command, const char *text, struct dns_options *options)
{
	const char *why;

	options->has_server = true;
	if (value_parse_server(text, &options->server, &why) == 0)
		return -1;
	return tool_complain(EX_USAGE, "%s: --resolver '%s': %s", command, text, why);
}

int parse_dnssec(const char *text, enum dnssec_mode *mode_r)
{
	int mode;

	if (words_value(dnssec_mode_words, text, &mode) != 0)
		return -E_SYNTAX;
	*mode_r = (enum dnssec_mode)mode;
	return 0;
}

int parse_time(const char *text, int64_t *secs_r)
{
	char *end;
	long long secs = strtoll(text, &end, 10);

	if (*text < '0' || *text > '9' || *end != '\0' || secs <= 0 || secs > CLOCK_LAST_SECS)
		return -E_SYNTAX;
	*secs_r = secs;
	return 0;
}

int dns_options_check(const struct dns_options *options)
{
	if (options->zone_file != NULL && access(options->zone_file, R_OK) != 0)
		return tool_complain(EX_NOINPUT, "zone file %s cannot be read", options->zone_file);
	if (options->trust_anchor != NULL && access(options->trust_anchor, R_OK) != 0)
		return tool_complain(EX_NOINPUT, "trust anchor file %s cannot be read", options->trust_anchor);
	return 0;
}

struct config_overrides dns_options_overrides(const struct dns_options *options)
{
	return (struct config_overrides){
		.resolver = options->has_server ? &options->server : NULL,
		.zone_file = options->zone_file, .trust_anchor_file = options->trust_anchor,
		.dnssec = options->has_dnssec ? &options->dnssec : NULL,
		.clock = options->clock.fixed_secs != 0 ? &options->clock : NULL,
	};
}

static void usage(FILE *out)
{
	fputs("usage: assay COMMAND [OPTION]... [ARGUMENT]...\n\ncommands:\n", out);
	for (size_t i = 0; i < COMMAND_COUNT; i++)
		fprintf(out, "  %-15s %s\n", commands[i].name, commands[i].help);
	fputs("\nassay COMMAND --help tells the options, assay --version the version; see also assay(1)\n", out);
}

static int unknown_command(const char *name)
{
	const char *nearest = NULL;
	unsigned best = text_worth_suggesting(name) + 1;

	for (size_t i = 0; i < COMMAND_COUNT; i++) {
		unsigned d = text_distance(name, commands[i].name);

		if (d < best) {
			best = d;
			nearest = commands[i].name;
		}
	}
	if (nearest != NULL)
		tool_complain(EX_USAGE, "no command '%s'; did you mean '%s'?", name, nearest);
	else
		tool_complain(EX_USAGE, "no command '%s'", name);
	usage(stderr);
	return EX_USAGE;
}

/* Who does not get what was printed has to hear it. @return the exit code. */
static int finish(const char *command, int code)
{
	const char *why = standard_output_end();

	if (why == NULL)
		return code;
	tool_complain(0, "%s: standard output: %s", command, why);
	return code == EX_OK ? EX_IOERR : code;
}

int main(int argc, char **argv)
{
	standard_hold();
	if (argc < 2) {
		tool_complain(EX_USAGE, "which command?");
		usage(stderr);
		return EX_USAGE;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "help") == 0) {
		usage(stdout);
		return finish("help", EX_OK);
	}
	if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0) {
		puts("assay " PACKAGE_VERSION);
		return finish("version", EX_OK);
	}
	for (size_t i = 0; i < COMMAND_COUNT; i++) {
		if (strcmp(argv[1], commands[i].name) == 0)
			return finish(argv[1], commands[i].run(argc - 1, argv + 1));
	}
	return unknown_command(argv[1]);
}
