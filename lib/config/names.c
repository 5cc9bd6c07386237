/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Names of options and sections, and the nearest valid one to a misspelt name (optimal string alignment distance).
 * Pure; names over DISTANCE_NAME_MAX are not compared.
 */
#include "config/names.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "config/schema.h"
#include "util/distance.h"

const char *names_option(const char *section, size_t i)
{
	if (strcmp(section, "findings") == 0 || strcmp(section, "actions") == 0)
		return i < FINDING_COUNT ? findings_table[i].name : NULL;
	if (strcmp(section, "ramp") == 0)
		return schema_ramp_row(i) != NULL ? schema_ramp_row(i)->name : NULL;
	for (size_t row = 0; row < schema_count; row++) {
		if (strcmp(schema_table[row].section, section) == 0 && i-- == 0)
			return schema_table[row].name;
	}
	return NULL;
}

static void consider(const char *unknown, const char *candidate, unsigned *best, const char **nearest)
{
	unsigned apart = text_distance(unknown, candidate);

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

/* In and around policies some things have other names, or stand deeper, than outside. NULL: nothing to say. */
static const char *around_policies(const char *section, const char *unknown, struct arena *arena)
{
	bool has_actions = strcmp(section, "findings") == 0 || strcmp(section, "actions") == 0;

	if (has_actions && strcmp(unknown, "ramp") == 0)
		return arena_printf(arena, "; 'ramp' stands beside '%s', not in it", section);
	if (strcmp(section, "policy") != 0)
		return NULL;
	if (strcmp(unknown, "findings") == 0)
		return "; in a policy it is called 'actions'";
	if (has_option("ramp", unknown))
		return arena_printf(arena, "; '%s' belongs into a section 'ramp \"FINDING\"' of the policy", unknown);
	return has_option("actions", unknown) ? arena_printf(arena, "; '%s' belongs into the section 'actions' of the policy", unknown) : NULL;
}

static const char *elsewhere(const char *section, const char *unknown, struct arena *arena)
{
	const char *hint = around_policies(section, unknown, arena);

	if (hint != NULL)
		return hint;
	for (const struct section_row *row = schema_sections; row->name != NULL; row++) {
		if (strcmp(row->name, section) == 0 || !has_option(row->name, unknown))
			continue;
		if (row->name[0] == '\0')
			return arena_printf(arena, "; '%s' belongs to the top level, outside of any section", unknown);
		return arena_printf(arena, "; '%s' belongs into the section '%s'", unknown, row->name);
	}
	return NULL;
}

/* "spf.enabled" → the section and the option, when there are such. */
static const char *dotted(const char *unknown, struct arena *arena)
{
	const char *dot = strchr(unknown, '.'), *section;

	if (dot == NULL)
		return NULL;
	section = arena_strndup(arena, unknown, (size_t)(dot - unknown));
	return has_option(section, dot + 1) && section[0] != '\0' && strcmp(section, "actions") != 0 ?
	    arena_printf(arena, "; write '%s { %s = ... }'", section, dot + 1) : NULL;
}

/* Names are in lower case with hyphens. */
static const char *as_written_here(const char *name, struct arena *arena)
{
	char *copy = arena_strdup(arena, name);

	for (char *c = copy; *c != '\0'; c++)
		*c = *c == '_' ? '-' : (char)tolower((unsigned char)*c);
	return copy;
}

const char *names_suggest(const char *section, const char *misspelt, struct arena *arena)
{
	const char *unknown = as_written_here(misspelt, arena);
	unsigned best = (unsigned)strlen(unknown) / 3 + 2;
	const char *nearest = NULL, *candidate, *hint = elsewhere(section, unknown, arena);

	if (has_option(section, unknown))
		return arena_printf(arena, "; did you mean '%s'?", unknown);
	if (hint == NULL && section[0] == '\0')
		hint = dotted(unknown, arena);
	if (hint != NULL)
		return hint;
	for (size_t i = 0; (candidate = names_option(section, i)) != NULL; i++)
		consider(unknown, candidate, &best, &nearest);
	for (const struct section_row *row = schema_sections; section[0] == '\0' && row->name != NULL; row++) {
		if (row->name[0] != '\0')
			consider(unknown, row->name, &best, &nearest);
	}
	for (size_t i = 0; strcmp(section, "policy") == 0 && i < 2; i++)
		consider(unknown, i == 0 ? "actions" : "ramp", &best, &nearest);
	return nearest == NULL ? "" : arena_printf(arena, "; did you mean '%s'?", nearest);
}
