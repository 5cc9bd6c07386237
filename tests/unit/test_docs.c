/* SPDX-License-Identifier: BSD-2-Clause */
/* The documents against the tables: nothing that can be configured is missing in the manual page or the sample. */
#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "config/config.h"
#include "config/import_internal.h"
#include "config/schema.h"

/* A file of the source tree as a string; the caller frees it. */
static char *read_source(const char *name)
{
	const char *srcdir = getenv("srcdir");
	char path[4096], *text = calloc(1, 256 * 1024);
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", srcdir != NULL ? srcdir : ".", name);
	file = fopen(path, "r");
	if (file == NULL)
		fail_msg("cannot open %s", path);
	assert_non_null(text);
	assert_true(fread(text, 1, 256 * 1024 - 1, file) > 0);
	fclose(file);
	return text;
}

static void section_heading(const char *section, char *heading_r, size_t room)
{
	if (section[0] == '\0') {
		snprintf(heading_r, room, "\n.Sh GLOBAL OPTIONS\n");
	} else if (strcmp(section, "policy") == 0) {
		snprintf(heading_r, room, "\n.Sh POLICIES\n");
	} else if (strcmp(section, "findings") == 0) {
		snprintf(heading_r, room, "\n.Sh FINDINGS\n");
	} else {
		snprintf(heading_r, room, "\n.Sh SECTION %s\n", section);
		for (char *c = heading_r + strlen("\n.Sh SECTION "); *c != '\0'; c++)
			*c = (char)toupper((unsigned char)*c);
	}
}

/* The part of the manual page that describes a section. */
static char *manual_section(const char *manual, const char *section)
{
	char heading[64], *part;
	const char *start, *end;

	section_heading(section, heading, sizeof(heading));
	start = strstr(manual, heading);
	if (start == NULL) {
		fail_msg("the manual page has no part for section '%s'", section);
		return NULL;
	}
	end = strstr(start + 1, "\n.Sh ");
	part = strndup(start, end != NULL ? (size_t)(end - start) : strlen(start));
	assert_non_null(part);
	return part;
}

static void test_manual_describes_every_option(void **state)
{
	char *manual = read_source("man/assay.conf.5"), item[128];

	(void)state;
	for (size_t i = 0; schema_ramp_row(i) != NULL; i++) {
		char *part = manual_section(manual, "ramp");

		snprintf(item, sizeof(item), "\n.It Ic %s = ", schema_ramp_row(i)->name);
		assert_non_null(strstr(part, item));
		free(part);
	}
	for (size_t i = 0; i < schema_count; i++) {
		char *part = manual_section(manual, schema_table[i].section);

		snprintf(item, sizeof(item), "\n.It Ic %s = ", schema_table[i].name);
		if (strstr(part, item) == NULL)
			fail_msg("option %s { %s } is not in the manual page", schema_table[i].section, schema_table[i].name);
		for (const struct word *word = schema_table[i].words; word != NULL && word->word != NULL; word++) {
			if (strstr(part, word->word) == NULL)
				fail_msg("value %s of option %s is not in the manual page", word->word, schema_table[i].name);
		}
		free(part);
	}
	free(manual);
}

static char *between(const char *text, const char *heading, const char *next);

/* Where files of domains may stand: each option whose value is such a list, and no other. */
static void test_manual_names_every_list_of_domains(void **state)
{
	char *manual = read_source("man/assay.conf.5"), *part = between(manual, "\nFiles may stand in\n", "They may not in"), *rest, *word;
	char padded[2048] = " ";

	(void)state;
	assert_non_null(part);
	assert_true(strlen(part) + 3 < sizeof(padded));
	strcat(strcat(padded, part), " ");
	for (size_t i = 0; i < schema_count; i++) {
		char name[128];

		snprintf(name, sizeof(name), " %s ", schema_table[i].name);
		if (option_is_domain_list(schema_table[i].type) && strstr(padded, name) == NULL)
			fail_msg("%s { %s } takes files, and the manual does not say so", schema_table[i].section, schema_table[i].name);
	}
	for (rest = part; (word = strsep(&rest, " ")) != NULL;) {
		bool is_list = strchr(word, '-') == NULL && strcmp(word, "recipients") != 0;	/* a word of the sentence */

		for (size_t i = 0; i < schema_count && !is_list; i++)
			is_list = strcmp(schema_table[i].name, word) == 0 && option_is_domain_list(schema_table[i].type);
		if (!is_list)
			fail_msg("%s takes no files", word);
	}
	free(part);
	free(manual);
}

/* What stands between a heading and the next one, as one line; NULL: no such heading. The caller frees it. */
static char *between(const char *text, const char *heading, const char *next)
{
	const char *start = strstr(text, heading), *end;
	char *part;

	if (start == NULL)
		return NULL;
	start += strlen(heading);
	end = strstr(start - 1, next);
	part = strndup(start, end != NULL ? (size_t)(end - start) : strlen(start));
	assert_non_null(part);
	for (char *c = part; *c != '\0'; c++) {
		if (*c == '\n')
			*c = ' ';
	}
	return part;
}

static void test_manual_describes_every_finding(void **state)
{
	char *manual = read_source("man/assay.conf.5"), *part = manual_section(manual, "findings"), item[256];

	(void)state;
	for (int id = 0; id < FINDING_COUNT; id++) {
		const struct finding_row *row = &findings_table[id];
		char *text;

		snprintf(item, sizeof(item), "\n.It Ic %s\n", row->name);
		text = between(part, item, "\n.");
		if (text == NULL) {
			fail_msg("finding %s is not in the manual page", row->name);
			break;
		}
		snprintf(item, sizeof(item), "(%s; %u %s).", action_name(row->default_action), row->code, row->enhanced);
		if (strstr(text, item) == NULL)
			fail_msg("finding %s: the manual page does not say %s", row->name, item);
		free(text);
	}
	free(part);
	free(manual);
}

/* assay-findings(7) has a section on each, which says what it is, whom it meets and what to do. */
static void test_findings_page_has_a_section_on_each(void **state)
{
	char *manual = read_source("man/assay-findings.7"), item[256];

	(void)state;
	for (int id = 0; id < FINDING_COUNT; id++) {
		const struct finding_row *row = &findings_table[id];
		const char *good, *todo;
		char *text;

		snprintf(item, sizeof(item), "\n.Ss %s\n", row->name);
		text = between(manual, item, "\n.S");
		if (text == NULL) {
			fail_msg("finding %s has no section in assay-findings(7)", row->name);
			break;
		}
		snprintf(item, sizeof(item), "Default: %s; reply %u %s. ", action_name(row->default_action), row->code, row->enhanced);
		good = strstr(text, " .Pp Good mail: ");
		todo = strstr(text, " .Pp What to do: ");
		if (strncmp(text, item, strlen(item)) != 0 || good == NULL || todo == NULL || todo < good)
			fail_msg("section %s lacks one of: %s, Good mail, What to do", row->name, item);
		/* and there is something under each heading */
		if (good != NULL && todo != NULL && (good - text < (long)strlen(item) + 20 || todo - good < 30 || strlen(todo) < 24))
			fail_msg("section %s has an empty part", row->name);
		free(text);
	}
	free(manual);
}

/* assay-migration(7) names every option that the translation knows. */
static void test_migration_page_names_every_option(void **state)
{
	static const struct import_table *const tables[] = { &import_opendkim, &import_opendmarc };
	static const char *const headings[] = { "\n.Sh OPENDKIM\n", "\n.Sh OPENDMARC\n" };
	char *manual = read_source("man/assay-migration.7"), item[256];

	(void)state;
	for (int i = 0; i < IMPORT_PROGRAMS; i++) {
		char *part = between(manual, headings[i], "\n.Sh ");

		assert_non_null(part);
		for (const struct import_option *option = tables[i]->options; option->name != NULL; option++) {
			const char *at = part;
			size_t length = strlen(option->name);

			snprintf(item, sizeof(item), " %s", option->name);
			while ((at = strstr(at, item)) != NULL && at[length + 1] != ' ' && at[length + 1] != '\0')
				at++;
			if (at == NULL)
				fail_msg("option %s of %s is not in the manual page", option->name, tables[i]->program);
		}
		free(part);
	}
	free(manual);
}

/* The example of the manual page loads. */
static void test_manual_example_is_valid(void **state)
{
	char *manual = read_source("man/assay.conf.5"), *start = strstr(manual, "\n.Sh EXAMPLES\n"), *end;
	const struct config *config;

	(void)state;
	assert_non_null(start);
	start = strstr(start, ".Bd -literal");
	start = strchr(start, '\n') + 1;
	end = strstr(start, "\n.Ed");
	config = config_load_buffer(start, (size_t)(end - start), "assay.conf.5", stderr);
	assert_non_null(config);
	assert_int_equal(config->policy_count, 3);
	config_unref(&config);
	free(manual);
}

/* The policy of README loads, and enforces the one finding that README says. */
static void test_readme_example_is_valid(void **state)
{
	char *readme = read_source("README.md"), *start = strstr(readme, "\n    policy \""), *end;
	const struct policy_config *policy;
	const struct config *config;

	(void)state;
	assert_non_null(start);
	end = strstr(start, "\n    }\n");
	assert_non_null(end);
	config = config_load_buffer(start, (size_t)(end + 7 - start), "README.md", stderr);
	assert_non_null(config);
	policy = &config->policies[0];
	assert_int_equal(policy->mode, MODE_ENFORCE);
	for (int id = 0; id < FINDING_COUNT; id++) {
		/* the first is raised by require-cert only, the others by no honest message */
		bool enforced = policy->actions[id] > ACTION_TAG && id != FINDING_TLS_CERT_REQUIRED && id != FINDING_AUTHRES_TOO_MANY &&
		    id != FINDING_FROM_TOO_MANY;

		assert_int_equal(enforced, id == FINDING_DMARC_REJECT_CORROBORATED);
	}
	config_unref(&config);
	free(readme);
}

/* conf/assay.conf.sample is what config_print_sample() prints. */
static void test_sample_is_current(void **state)
{
	char *sample = read_source("conf/assay.conf.sample"), *text;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	(void)state;
	config_print_sample(out);
	fclose(out);
	assert_string_equal(sample, text);
	free(sample);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_manual_describes_every_option),
		cmocka_unit_test(test_manual_names_every_list_of_domains),
		cmocka_unit_test(test_manual_describes_every_finding),
		cmocka_unit_test(test_findings_page_has_a_section_on_each),
		cmocka_unit_test(test_migration_page_names_every_option),
		cmocka_unit_test(test_manual_example_is_valid),
		cmocka_unit_test(test_readme_example_is_valid),
		cmocka_unit_test(test_sample_is_current),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
