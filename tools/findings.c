/* SPDX-License-Identifier: BSD-2-Clause */
/* assay findings: prints the table of findings as it is compiled in. */
#include <getopt.h>
#include <jansson.h>
#include <string.h>
#include <sysexits.h>

#include "assay.h"
#include "util/distance.h"

static const char *stage_name(enum finding_stage stage)
{
	return stage == FINDING_STAGE_ENVELOPE ? "envelope" : "message";
}

static int print_json(void)
{
	json_t *list = json_array();

	for (size_t i = 0; i < FINDING_COUNT; i++) {
		const struct finding_row *row = &findings_table[i];

		json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:s, s:i, s:s, s:s, s:s}", "name", row->name,
		    "check", check_rows[row->check].name, "stage", stage_name(row->stage), "action", action_name(row->default_action),
		    "code", (int)row->code, "enhanced", row->enhanced, "text", row->text, "help", row->help));
	}
	json_dumpf(list, stdout, JSON_INDENT(2));
	putchar('\n');
	json_decref(list);
	return EX_OK;
}

static int print_text(void)
{
	printf("%-26s %-8s %-9s %-11s %s\n", "finding", "check", "known at", "default", "reply");
	for (size_t i = 0; i < FINDING_COUNT; i++) {
		const struct finding_row *row = &findings_table[i];

		printf("%-26s %-8s %-9s %-11s %u %s %s\n    %s\n", row->name, check_rows[row->check].name, stage_name(row->stage),
		    action_name(row->default_action), row->code, row->enhanced, row->text, row->help);
	}
	return EX_OK;
}

/* One finding, and where more is said of it. */
static int print_one(const char *name)
{
	const struct finding_row *row;
	enum finding_id id;
	const char *nearest = NULL, *place;
	unsigned best = text_worth_suggesting(name) + 1;

	if (finding_from_name(name, &id) != 0) {
		for (size_t i = 0; i < FINDING_COUNT; i++) {
			unsigned apart = text_distance(name, findings_table[i].name);

			nearest = apart < best ? findings_table[i].name : nearest;
			best = apart < best ? apart : best;
		}
		return tool_complain(EX_USAGE, "findings: no finding '%s'%s%s%s; assay findings lists them", name,
		    nearest != NULL ? "; did you mean '" : "", nearest != NULL ? nearest : "", nearest != NULL ? "'?" : "");
	}
	row = &findings_table[id];
	place = strstr(row->text, "%s");
	printf("%s: %s\n\n  check           %s\n  known at        %s\n  default action  %s\n  reply           %u %s ", row->name, row->help,
	    check_rows[row->check].name, stage_name(row->stage), action_name(row->default_action), row->code, row->enhanced);
	printf("%.*s%s%s", place != NULL ? (int)(place - row->text) : (int)strlen(row->text), row->text, place != NULL ? "DOMAIN" : "",
	    place != NULL ? place + 2 : "");
	printf("\n\nChange the action in assay.conf:  findings { %s = none | tag | greylist | defer | quarantine | reject }\n"
	    "Whom it meets and what to do:     man 7 assay-findings, section %s\n", row->name, row->name);
	return EX_OK;
}

static const struct option long_options[] = {
	{ "json", no_argument, NULL, 'j' }, { "help", no_argument, NULL, 'h' }, { 0 },
};

int command_findings(int argc, char **argv)
{
	bool json = false;
	int option;

	while ((option = tool_getopt(argc, argv, long_options)) != -1) {
		if (option == 'h') {
			puts("usage: assay findings [--json | NAME]");
			return EX_OK;
		}
		if (option != 'j')
			return EX_USAGE;
		json = true;
	}
	if (optind < argc && !json && optind + 1 == argc)
		return print_one(argv[optind]);
	if (optind < argc)
		return tool_unexpected("findings", argv[json ? optind : optind + 1], long_options);
	return json ? print_json() : print_text();
}
