/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Two snapshots compared option by option, as they would be printed. Pure. Trusts both to come from the loader. Out of memory
 * aborts. Thread: any.
 */
#include "config/diff.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/diff_internal.h"
#include "config/domain_list.h"
#include "config/value.h"
#include "util/out_of_memory.h"

enum { LINES_MAX = 60, VALUE_MAX_BYTES = 100, NEW_VALUE_MAX_BYTES = 200, NAMES_SHOWN = 3, NAME_SHOWN_BYTES = 40 };

char *diff_value_text(const struct option_row *row, const void *base)
{
	char *text = NULL;
	size_t length;
	FILE *out = open_memstream(&text, &length);

	if (out == NULL)
		out_of_memory();
	value_print(row, base, out);
	if (fclose(out) != 0)
		out_of_memory();
	return text;
}

bool diff_same_value(const struct option_row *row, const void *a_base, const void *b_base)
{
	char *a = diff_value_text(row, a_base), *b = diff_value_text(row, b_base);
	bool same = strcmp(a, b) == 0;

	free(a);
	free(b);
	return same;
}

void diff_tell(struct differ *differ, const char *where, const char *name, const char *change)
{
	char line[512];

	if (++differ->count > differ->lines_max)
		return;
	snprintf(line, sizeof(line), "%s%s%s%s", where, where[0] != '\0' && name[0] != '\0' ? " " : "", name, change);
	differ->tell(differ->closure, line);
}

static void tell_change(struct differ *differ, const char *where, const char *name, const char *old, const char *new)
{
	char change[2 * VALUE_MAX_BYTES + 16];

	if (strlen(old) > VALUE_MAX_BYTES || strlen(new) > VALUE_MAX_BYTES)
		snprintf(change, sizeof(change), " changed");
	else
		snprintf(change, sizeof(change), ": %.*s -> %.*s", VALUE_MAX_BYTES, old, VALUE_MAX_BYTES, new);
	diff_tell(differ, where, name, change);
}

/* "; +2: a.example, b.example": the first names of those that came or went. */
static void put_names(char *change, size_t bytes, char sign, const struct domain_set *of, const struct domain_set *in)
{
	const char *names[NAMES_SHOWN];
	size_t count = domain_set_missing(of, in, names, NAMES_SHOWN), length = strlen(change);

	if (count == 0)
		return;
	snprintf(change + length, bytes - length, "; %c%zu:", sign, count);
	for (size_t i = 0; i < count && i < NAMES_SHOWN; i++) {
		length = strlen(change);
		snprintf(change + length, bytes - length, "%s %.*s", i != 0 ? "," : "", NAME_SHOWN_BYTES, names[i]);
	}
	length = strlen(change);
	if (count > NAMES_SHOWN)
		snprintf(change + length, bytes - length, ", ...");
}

/* The option reads the same, and the files that it names do not. */
static void tell_domains(struct differ *differ, const char *where, const struct option_row *row, const void *old_base,
    const void *new_base)
{
	const struct domain_list *old = (const void *)((const char *)old_base + row->offset);
	const struct domain_list *new = (const void *)((const char *)new_base + row->offset);
	char change[384];

	snprintf(change, sizeof(change), ": other domains in its files: %zu -> %zu", old->count, new->count);
	put_names(change, sizeof(change), '+', new->set, old->set);
	put_names(change, sizeof(change), '-', old->set, new->set);
	diff_tell(differ, where, row->name, change);
}

void diff_compare(struct differ *differ, const char *where, const struct option_row *row, const void *old_base, const void *new_base)
{
	char *old = diff_value_text(row, old_base), *new = diff_value_text(row, new_base);

	if (strcmp(old, new) != 0)
		tell_change(differ, where, row->name, old, new);
	else if (!domain_lists_equal(row, old_base, new_base))
		tell_domains(differ, where, row, old_base, new_base);
	free(old);
	free(new);
}

void diff_tell_value(struct differ *differ, const char *where, const struct option_row *row, const void *base)
{
	char *text = diff_value_text(row, base), change[NEW_VALUE_MAX_BYTES + 16];

	snprintf(change, sizeof(change), " = %.*s%s", NEW_VALUE_MAX_BYTES, text, strlen(text) > NEW_VALUE_MAX_BYTES ? " ..." : "");
	diff_tell(differ, where, row->name, change);
	free(text);
}

static bool is_of(const struct option_row *row, const struct ramp_config *ramp, const struct ramp_config *reference)
{
	return reference != NULL && diff_same_value(row, ramp, reference);
}

static void compare_ramp(struct differ *differ, const char *where, const struct diff_ramps *ramps, int id)
{
	const struct ramp_config *old = ramps->old != NULL ? &ramps->old[id] : NULL, *new = &ramps->new[id];
	const struct ramp_config *old_reference = ramps->old_reference != NULL ? &ramps->old_reference[id] : NULL;
	const struct ramp_config *new_reference = ramps->new_reference != NULL ? &ramps->new_reference[id] : NULL;
	const struct option_row *row;

	for (size_t i = 0; (row = schema_ramp_row(i)) != NULL; i++) {
		if (is_of(row, new, new_reference) && (old == NULL || is_of(row, old, old_reference)))
			continue;
		if (old == NULL)
			diff_tell_value(differ, where, row, new);
		else
			diff_compare(differ, where, row, old, new);
	}
}

void diff_compare_ramps(struct differ *differ, const char *where, const struct diff_ramps *ramps)
{
	char ramp[160];

	for (int id = 0; id < FINDING_COUNT; id++) {
		if (!ramp_is_set(&ramps->new[id]) && (ramps->old == NULL || !ramp_is_set(&ramps->old[id])))
			continue;
		snprintf(ramp, sizeof(ramp), "%s%sramp %s", where, where[0] != '\0' ? " " : "", findings_table[id].name);
		compare_ramp(differ, ramp, ramps, id);
	}
}

static size_t diff(const struct config *old, const struct config *new, size_t lines_max, config_tell *tell_line, void *closure)
{
	struct differ differ = { .old = old, .new = new, .tell = tell_line, .closure = closure, .lines_max = lines_max };
	char line[64];

	for (size_t i = 0; i < schema_count; i++) {
		if (!schema_is_titled(schema_table[i].section))
			diff_compare(&differ, schema_table[i].section, &schema_table[i], old, new);
	}
	for (int id = 0; id < FINDING_COUNT; id++) {
		struct option_row row = schema_finding_row((enum finding_id)id, false);

		diff_compare(&differ, row.section, &row, old, new);
	}
	diff_compare_ramps(&differ, "", &(struct diff_ramps){ .old = old->finding_ramps, .new = new->finding_ramps });
	diff_overrides(&differ);
	diff_policies(&differ);
	if (differ.count > lines_max) {
		snprintf(line, sizeof(line), "and %zu more", differ.count - lines_max);
		tell_line(closure, line);
	}
	return differ.count;
}

size_t config_diff(const struct config *old, const struct config *new, config_tell *tell, void *closure)
{
	return diff(old, new, LINES_MAX, tell, closure);
}

size_t config_diff_all(const struct config *old, const struct config *new, config_tell *tell, void *closure)
{
	return diff(old, new, SIZE_MAX, tell, closure);
}
