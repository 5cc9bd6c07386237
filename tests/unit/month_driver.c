/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sends the made-up month (month.h) through the pipeline with given settings, and says what was sent, for tests that are no unit
 * tests: the month's directory with the configuration dry.conf and the record dry.db, then a line for each day (days since 1970),
 * author domain and client address, with the number of messages. The directory is the caller's to remove.
 *
 * usage: month_driver MESSAGES DOMAINS SETTINGS
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "month.h"

enum { DAY_SECS = 86400 };

static int by_row(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void tell(const struct month *month)
{
	char **lines = calloc(month->count, sizeof(*lines));
	size_t same = 0;

	for (size_t i = 0; i < month->count; i++)
		if (asprintf(&lines[i], "%" PRId64 " %s %s", month->mails[i].time_secs / DAY_SECS, month_domain(month->mails[i].domain),
		    month_client(&month->mails[i])) < 0)
			abort();
	qsort(lines, month->count, sizeof(*lines), by_row);
	for (size_t i = 0; i < month->count; i++) {
		same++;
		if (i + 1 < month->count && strcmp(lines[i], lines[i + 1]) == 0)
			continue;
		printf("%s %zu\n", lines[i], same);
		same = 0;
	}
	for (size_t i = 0; i < month->count; i++)
		free(lines[i]);
	free(lines);
}

int main(int argc, char **argv)
{
	const struct config *config;
	struct ending *endings;
	struct month *month;

	if (argc != 4) {
		fputs("usage: month_driver MESSAGES DOMAINS SETTINGS\n", stderr);
		return 64;
	}
	setenv("ASSAY_KEEP", "1", 1);
	month = month_new(strtoul(argv[1], NULL, 10), (unsigned)strtoul(argv[2], NULL, 10));
	endings = calloc(month->count, sizeof(*endings));
	if (endings == NULL)
		abort();
	printf("%s\n", month->directory);
	config = month_config(month, "dry", "dry-run", argv[3]);
	month_run(month, config, endings);
	config_unref(&config);
	tell(month);
	free(endings);
	month_free(&month);
	return 0;
}
