/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reading of options: getopt_long() without its own messages, which would begin with the subcommand and not say what is
 * valid. Every error is one sentence that begins with "assay: COMMAND:".
 */
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "assay.h"
#include "util/distance.h"

enum { LIST_BYTES = 1024, HOUR_SECS = 3600, DAY_SECS = 86400, ROWS_MAX = 100000 };

/* "--config, --json, --help": the order of the table. */
static const char *list_options(const struct option *table, char text[LIST_BYTES])
{
	size_t length = 0;

	text[0] = '\0';
	for (; table->name != NULL && length < LIST_BYTES; table++)
		length += (size_t)snprintf(text + length, LIST_BYTES - length, "%s--%s", length != 0 ? ", " : "", table->name);
	return text;
}

static const char *option_name(const struct option *table, int value)
{
	while (table->name != NULL && table->val != value)
		table++;
	return table->name;
}

static const char *nearest_option(const struct option *table, const char *name)
{
	unsigned best = text_worth_suggesting(name) + 1;
	const char *nearest = NULL;

	for (; table->name != NULL; table++) {
		unsigned apart = text_distance(name, table->name);

		if (apart < best) {
			best = apart;
			nearest = table->name;
		}
	}
	return nearest;
}

static size_t count_beginning_with(const struct option *table, const char *name, size_t length)
{
	size_t count = 0;

	for (; table->name != NULL; table++)
		count += strncmp(table->name, name, length) == 0;
	return count;
}

static void complain_unknown(const char *command, const char *argument, const struct option *table)
{
	const char *name = argument + strspn(argument, "-"), *nearest = nearest_option(table, name);
	size_t length = strcspn(name, "=");
	char list[LIST_BYTES];

	if (length != 0 && count_beginning_with(table, name, length) > 1)
		tool_complain(0, "%s: option '%s' may be one of several; valid: %s", command, argument, list_options(table, list));
	else if (nearest != NULL)
		tool_complain(0, "%s: no option '%s'; did you mean '--%s'? valid: %s", command, argument, nearest,
		    list_options(table, list));
	else
		tool_complain(0, "%s: no option '%s'; valid: %s", command, argument, list_options(table, list));
}

/* Whether the argument is "--name=value", the name perhaps abbreviated. */
static bool gives_value(const char *argument, const char *name)
{
	size_t length = strcspn(argument, "=");

	return strncmp(argument, "--", 2) == 0 && argument[length] == '=' && strncmp(argument + 2, name, length - 2) == 0;
}

int tool_getopt(int argc, char **argv, const struct option *table)
{
	char letter[3] = "-", list[LIST_BYTES];
	const char *argument, *name;
	int option;

	opterr = 0;
	option = getopt_long(argc, argv, option_name(table, 'c') != NULL ? ":c:h" : ":h", table, NULL);
	if (option != '?' && option != ':')
		return option;
	argument = argv[optind - 1];
	name = optopt != 0 ? option_name(table, optopt) : NULL;
	letter[1] = (char)optopt;
	if (option == ':')
		tool_complain(0, "%s: option --%s needs a value", argv[0], name);
	else if (optopt == 0)
		complain_unknown(argv[0], argument, table);
	else if (name != NULL && gives_value(argument, name))
		tool_complain(0, "%s: option --%s takes no value", argv[0], name);
	else
		tool_complain(0, "%s: no option '%s'; valid: %s", argv[0], letter, list_options(table, list));
	return '?';
}

int tool_unexpected(const char *command, const char *argument, const struct option *table)
{
	char list[LIST_BYTES];

	return tool_complain(EX_USAGE, "%s: unexpected argument '%s'; options: %s", command, argument, list_options(table, list));
}

/* @return 0 when it is no age. */
static int64_t parse_age(const char *text)
{
	static const struct { const char *unit; int64_t secs; } units[] = {
		{ "m", 60 }, { "h", 3600 }, { "d", DAY_SECS }, { "w", 7 * DAY_SECS },
	};
	char *end;
	long number = strtol(text, &end, 10);

	if (*text < '0' || *text > '9' || number <= 0 || number > 100000)
		return 0;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (strcmp(end, units[i].unit) == 0)
			return number * units[i].secs;
	return 0;
}

int take_age(const char *command, const char *text, int64_t *secs_r)
{
	*secs_r = parse_age(text);
	if (*secs_r != 0)
		return -1;
	return tool_complain(EX_USAGE, "%s: --since: '%s' is no age; valid: 90m, 12h, 7d, 4w", command, text);
}

int64_t begin_of_age(int64_t now_secs, int64_t back_secs)
{
	int64_t begin_secs = now_secs - back_secs;

	/* 0 is no time */
	return begin_secs > DAY_SECS ? begin_secs - begin_secs % HOUR_SECS : DAY_SECS;
}

int take_rows(const char *command, const char *option, const char *text, size_t *rows_r)
{
	char *end;
	long number = strtol(text, &end, 10);

	if (*text < '0' || *text > '9' || *end != '\0' || number <= 0 || number > ROWS_MAX)
		return tool_complain(EX_USAGE, "%s: %s: '%s' is no number from 1 to %d", command, option, text, ROWS_MAX);
	*rows_r = (size_t)number;
	return -1;
}
