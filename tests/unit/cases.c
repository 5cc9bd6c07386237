/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The command line of every unit test program:
 *
 *   test_x                  all cases
 *   test_x NAME…            those cases; a NAME may hold * ? [] as in the shell
 *   test_x --list           the names, one a line
 *
 * A name that no case has is an error: a run of no case must not look like one that passed. Linked into all of them; the linker
 * (--wrap, configure.ac) hands us what main() gives to cmocka_run_group_tests(). Thread: before any other is started.
 */
#include <fnmatch.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "postgres_fixture.h"

enum { EXIT_NO_SUCH_CASE = 64 };

int __real__cmocka_run_group_tests(const char *group, const struct CMUnitTest *tests, size_t count, CMFixtureFunction setup,
    CMFixtureFunction teardown);
int __wrap__cmocka_run_group_tests(const char *group, const struct CMUnitTest *tests, size_t count, CMFixtureFunction setup,
    CMFixtureFunction teardown);

static char **words;		/* of the command line, from the first argument on; ends with NULL */
static const char *program;

/* main() of a test has no arguments to pass on; the C library of Linux gives them to constructors as well. */
__attribute__((constructor)) static void keep_command_line(int argc, char **argv)
{
	static char *none[] = { NULL };

	words = argc > 0 ? argv + 1 : none;
	program = argc > 0 ? argv[0] : "";
}

static bool is_wanted(const char *name)
{
	bool wanted = words[0] == NULL;

	for (char **word = words; !wanted && *word != NULL; word++)
		wanted = fnmatch(*word, name, 0) == 0;
	return wanted;
}

/* Names the first word that no case answers to. */
static const char *unknown_word(const struct CMUnitTest *tests, size_t count)
{
	for (char **word = words; *word != NULL; word++) {
		bool known = false;

		for (size_t i = 0; i < count; i++)
			known = known || fnmatch(*word, tests[i].name, 0) == 0;
		if (!known)
			return *word;
	}
	return NULL;
}

/* Cases on PostgreSQL (store_fixture.h), where it is not installed. */
static bool lacks_server(const char *name)
{
	static const char end[] = "_postgresql";
	size_t length = strlen(name);

	if (length < sizeof(end) - 1 || strcmp(name + length - (sizeof(end) - 1), end) != 0 || postgres_is_there())
		return false;
	fprintf(stderr, "%s: left out, there is no PostgreSQL server (Debian: postgresql)\n", name);
	return true;
}

static int list(const struct CMUnitTest *tests, size_t count)
{
	for (size_t i = 0; i < count; i++)
		puts(tests[i].name);
	return EXIT_SUCCESS;
}

int __wrap__cmocka_run_group_tests(const char *group, const struct CMUnitTest *tests, size_t count, CMFixtureFunction setup,
    CMFixtureFunction teardown)
{
	struct CMUnitTest *chosen;
	const char *unknown;
	size_t chosen_count = 0;
	int failed;

	if (words[0] != NULL && strcmp(words[0], "--list") == 0)
		return list(tests, count);
	unknown = unknown_word(tests, count);
	if (unknown != NULL) {
		fprintf(stderr, "%s: no case is named '%s'; `%s --list` shows the names\n", program, unknown, program);
		return EXIT_NO_SUCH_CASE;
	}
	chosen = calloc(count, sizeof(*chosen));
	if (chosen == NULL)
		abort();
	for (size_t i = 0; i < count; i++)
		if (is_wanted(tests[i].name) && !lacks_server(tests[i].name))
			chosen[chosen_count++] = tests[i];
	failed = __real__cmocka_run_group_tests(group, chosen, chosen_count, setup, teardown);
	free(chosen);
	return failed;
}
