/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Names of options and sections, and the nearest valid one to a misspelt name (optimal string alignment distance).
 * Pure; names over NAME_MAX_LENGTH are not compared.
 */
#include "config/names.h"

#include <string.h>
#include <strings.h>

#include "config/schema.h"

enum { NAME_MAX_LENGTH = 40 };

const char *names_option(const char *section, size_t i)
{
	if (strcmp(section, "findings") == 0 || strcmp(section, "actions") == 0)
		return i < FINDING_COUNT ? findings_table[i].name : NULL;
	for (size_t row = 0; row < schema_count; row++) {
		if (strcmp(schema_table[row].section, section) == 0 && i-- == 0)
			return schema_table[row].name;
	}
	return NULL;
}

static unsigned min3(unsigned a, unsigned b, unsigned c)
{
	unsigned least = a < b ? a : b;

	return least < c ? least : c;
}

/* Insertions, deletions, substitutions and swaps of neighbours between two names. */
static unsigned distance(const char *a, const char *b)
{
	unsigned d[NAME_MAX_LENGTH + 1][NAME_MAX_LENGTH + 1];
	size_t m = strlen(a), n = strlen(b);

	if (m > NAME_MAX_LENGTH || n > NAME_MAX_LENGTH)
		return NAME_MAX_LENGTH;
	for (size_t i = 0; i <= m; i++) {
		for (size_t j = 0; j <= n; j++) {
			if (i == 0 || j == 0) {
				d[i][j] = (unsigned)(i + j);
				continue;
			}
			d[i][j] = min3(d[i - 1][j] + 1, d[i][j - 1] + 1, d[i - 1][j - 1] + (a[i - 1] != b[j - 1]));
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] && d[i - 2][j - 2] + 1 < d[i][j])
				d[i][j] = d[i - 2][j - 2] + 1;
		}
	}
	return d[m][n];
}

static void consider(const char *unknown, const char *candidate, unsigned *best, const char **nearest)
{
	unsigned apart = distance(unknown, candidate);

	if (apart >= *best)
		return;
	*best = apart;
	*nearest = candidate;
}

/* Whether a section has exactly this option. */
static bool has_option(const char *section, const char *name)
{
	const char *option;

	for (size_t i = 0; (option = names_option(section, i)) != NULL; i++) {
		if (strcmp(option, name) == 0)
			return true;
	}
	return false;
}

static const char *elsewhere(const char *section, const char *unknown, struct arena *arena)
{
	for (const struct section_row *row = schema_sections; row->name != NULL; row++) {
		if (strcmp(row->name, section) == 0 || !has_option(row->name, unknown))
			continue;
		if (row->name[0] == '\0')
			return arena_printf(arena, "; '%s' belongs to the top level, outside of any section", unknown);
		return arena_printf(arena, "; '%s' belongs into the section '%s'", unknown, row->name);
	}
	return NULL;
}

const char *names_suggest(const char *section, const char *unknown, struct arena *arena)
{
	unsigned best = (unsigned)strlen(unknown) / 3 + 2;
	const char *nearest = NULL, *candidate, *hint = elsewhere(section, unknown, arena);

	if (hint != NULL)
		return hint;
	for (size_t i = 0; (candidate = names_option(section, i)) != NULL; i++)
		consider(unknown, candidate, &best, &nearest);
	for (const struct section_row *row = schema_sections; section[0] == '\0' && row->name != NULL; row++) {
		if (row->name[0] != '\0')
			consider(unknown, row->name, &best, &nearest);
	}
	if (strcmp(section, "policy") == 0)
		consider(unknown, "actions", &best, &nearest);
	return nearest == NULL ? "" : arena_printf(arena, "; did you mean '%s'?", nearest);
}
