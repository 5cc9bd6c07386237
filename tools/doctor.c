/* SPDX-License-Identifier: BSD-2-Clause */
/* assay doctor: runs the checks in the order in which a message depends on them, and prints what they say. */
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "assay.h"
#include "doctor.h"
#include "util/clean.h"

/* Exit statuses, as monitoring plug-ins have them. */
enum { EXIT_WARNING = 1, EXIT_ERROR = 2 };

static const char *const level_names[] = {
	[DOCTOR_OK] = "ok", [DOCTOR_INFO] = "info", [DOCTOR_WARNING] = "warning", [DOCTOR_ERROR] = "error",
};

void doctor_say(struct doctor *doctor, const char *check, enum doctor_level level, const char *remedy, const char *format, ...)
{
	va_list arguments;
	const char *text;

	va_start(arguments, format);
	text = arena_vprintf(doctor->arena, format, arguments);
	va_end(arguments);
	if (level > doctor->worst)
		doctor->worst = level;
	json_array_append_new(doctor->lines, json_pack("{s:s, s:s, s:s, s:s?}", "check", check, "level", level_names[level], "text",
	    text, "remedy", remedy));
}

static const char *member(const json_t *line, const char *name)
{
	return json_string_value(json_object_get(line, name));
}

static void print_text(const struct doctor *doctor)
{
	const json_t *line;
	size_t i;

	json_array_foreach(doctor->lines, i, line) {
		printf("%-8s %-9s ", member(line, "level"), member(line, "check"));
		clean_terminal(stdout, member(line, "text"));
		putchar('\n');
		if (member(line, "remedy") != NULL) {
			printf("%-8s %-9s -> ", "", "");
			clean_terminal(stdout, member(line, "remedy"));
			putchar('\n');
		}
	}
}

static void print_json(const struct doctor *doctor)
{
	json_t *all = json_pack("{s:s, s:s?, s:O, s:O?}", "status", level_names[doctor->worst == DOCTOR_INFO ? DOCTOR_OK : doctor->worst],
	    "config", doctor->config_path, "checks", doctor->lines, "daemon", doctor->status);

	json_dumpf(all, stdout, JSON_INDENT(1) | JSON_ENSURE_ASCII);
	putchar('\n');
	json_decref(all);
}

static void usage(FILE *out)
{
	fputs("usage: assay doctor [--json] [--config F] [--postfix-config DIR]\n"
	    "  looks at everything that mail's judgement depends on: configuration, daemon, socket, MTA, resolver, DNSSEC,\n"
	    "  clock, suffix list, database, log; says what is wrong and what to do\n"
	    "  --json                as one JSON object\n"
	    "  --config F            assayd's configuration (default " DEFAULT_CONFIG ")\n"
	    "  --postfix-config DIR  of main.cf (default: Postfix's own)\n"
	    "exit status: 0 all is well, 1 there are warnings, 2 something is broken\n", out);
}

static const struct option long_options[] = {
	{ "json", no_argument, NULL, 'j' }, { "config", required_argument, NULL, 'c' },
	{ "postfix-config", required_argument, NULL, 'p' }, { "help", no_argument, NULL, 'h' }, { 0 },
};

static int examine(struct doctor *doctor, bool json)
{
	doctor_config(doctor);
	if (doctor->config != NULL) {
		doctor_daemon(doctor);
		doctor_mta(doctor);
		doctor_resolvers(doctor);
		doctor_anchors_and_clock(doctor);
		doctor_suffixes(doctor);
		doctor_store(doctor);
		doctor_log(doctor);
	}
	if (json)
		print_json(doctor);
	else
		print_text(doctor);
	if (doctor->worst == DOCTOR_ERROR)
		return EXIT_ERROR;
	return doctor->worst == DOCTOR_WARNING ? EXIT_WARNING : EX_OK;
}

int command_doctor(int argc, char **argv)
{
	struct doctor doctor = { .config_path = DEFAULT_CONFIG, .root = DNS_BOGUS };
	bool json = false;
	int option, code;

	while ((option = tool_getopt(argc, argv, long_options)) != -1) {
		switch (option) {
		case 'j': json = true; break;
		case 'c': doctor.config_path = optarg; break;
		case 'p': doctor.postfix_directory = optarg; break;
		case 'h': usage(stdout); return EX_OK;
		default: return EX_USAGE;
		}
	}
	if (optind < argc)
		return tool_unexpected("doctor", argv[optind], long_options);
	doctor.arena = arena_new();
	doctor.lines = json_array();
	code = examine(&doctor, json);
	json_decref(doctor.lines);
	json_decref(doctor.status);
	config_unref(&doctor.config);
	arena_free(&doctor.arena);
	return code;
}
