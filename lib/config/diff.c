/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Two snapshots compared option by option, as they would be printed. Pure. Trusts both to come from the loader. Out of memory
 * aborts. Thread: any.
 */
#include "config/diff.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/domain_list.h"
#include "config/schema.h"
#include "config/value.h"
#include "util/out_of_memory.h"

enum { LINES_MAX = 60, VALUE_MAX_BYTES = 100, NAMES_SHOWN = 3, NAME_SHOWN_BYTES = 40 };

struct differ {
	const struct config *old, *new;
	config_tell *tell;
	void *closure;
	size_t count;
};

/* The caller frees it. */
static char *value_text(const struct option_row *row, const void *base)
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

static void tell(struct differ *differ, const char *where, const char *name, const char *change)
{
	char line[512];

	if (++differ->count > LINES_MAX)
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
	tell(differ, where, name, change);
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
	tell(differ, where, row->name, change);
}

/* Whether a policy had what stands outside of it before, and has it now. */
static bool only_inherits(const struct differ *differ, const struct option_row *outside, const char *old, const char *new)
{
	char *outside_old = value_text(outside, differ->old), *outside_new = value_text(outside, differ->new);
	bool inherits = strcmp(old, outside_old) == 0 && strcmp(new, outside_new) == 0;

	free(outside_old);
	free(outside_new);
	return inherits;
}

static bool same_value(const struct option_row *row, const void *a_base, const void *b_base)
{
	char *a = value_text(row, a_base), *b = value_text(row, b_base);
	bool same = strcmp(a, b) == 0;

	free(a);
	free(b);
	return same;
}

/* outside: the row from which a policy inherits; NULL for none. */
static void compare(struct differ *differ, const char *where, const struct option_row *row, const struct option_row *outside,
    const void *old_base, const void *new_base)
{
	char *old = value_text(row, old_base), *new = value_text(row, new_base);

	if (strcmp(old, new) != 0 && (outside == NULL || !only_inherits(differ, outside, old, new)))
		tell_change(differ, where, row->name, old, new);
	else if (!domain_lists_equal(row, old_base, new_base))
		tell_domains(differ, where, row, old_base, new_base);
	free(old);
	free(new);
}

static const struct option_row *find_row(const char *section, const char *name)
{
	for (size_t i = 0; i < schema_count; i++) {
		if (strcmp(schema_table[i].section, section) == 0 && strcmp(schema_table[i].name, name) == 0)
			return &schema_table[i];
	}
	return NULL;
}

static void compare_policy(struct differ *differ, const struct policy_config *old, const struct policy_config *new)
{
	char where[96];

	snprintf(where, sizeof(where), "policy %s", new->name);
	for (size_t i = 0; i < schema_count; i++) {
		const struct option_row *row = &schema_table[i];

		if (strcmp(row->section, "policy") == 0)
			compare(differ, where, row, row->default_text == NULL ? find_row("", row->name) : NULL, old, new);
	}
	for (int id = 0; id < FINDING_COUNT; id++) {
		struct option_row row = schema_finding_row((enum finding_id)id, true);
		struct option_row outside = schema_finding_row((enum finding_id)id, false);

		compare(differ, where, &row, &outside, old, new);
	}
}

/* A policy's ramps that are those outside of it, before and now, say nothing of their own. */
static void compare_ramps(struct differ *differ, const char *where, const struct ramp_config *old, const struct ramp_config *new)
{
	bool inside = where[0] != '\0';
	const struct option_row *row;
	char ramp[160];

	for (int id = 0; id < FINDING_COUNT; id++) {
		snprintf(ramp, sizeof(ramp), "%s%sramp %s", where, inside ? " " : "", findings_table[id].name);
		for (size_t i = 0; (ramp_is_set(&old[id]) || ramp_is_set(&new[id])) && (row = schema_ramp_row(i)) != NULL; i++) {
			if (!inside || !same_value(row, &old[id], &differ->old->finding_ramps[id]) ||
			    !same_value(row, &new[id], &differ->new->finding_ramps[id]))
				compare(differ, ramp, row, NULL, &old[id], &new[id]);
		}
	}
}

static const struct policy_config *find_policy(const struct config *config, const char *name)
{
	for (size_t i = 0; i < config->policy_count; i++) {
		if (strcmp(config->policies[i].name, name) == 0)
			return &config->policies[i];
	}
	return NULL;
}

/* The first policy that matches decides, so their order means something: of those in both files. */
static bool order_differs(const struct config *old, const struct config *new)
{
	const struct policy_config *last = NULL;

	for (size_t i = 0; i < new->policy_count; i++) {
		const struct policy_config *policy = find_policy(old, new->policies[i].name);

		if (policy == NULL)
			continue;
		if (last != NULL && policy < last)
			return true;
		last = policy;
	}
	return false;
}

static void compare_policies(struct differ *differ)
{
	const struct config *old = differ->old, *new = differ->new;
	char where[96];

	for (size_t i = 0; i < old->policy_count; i++) {
		snprintf(where, sizeof(where), "policy %s", old->policies[i].name);
		if (find_policy(new, old->policies[i].name) == NULL)
			tell(differ, where, "", " is gone");
	}
	for (size_t i = 0; i < new->policy_count; i++) {
		const struct policy_config *before = find_policy(old, new->policies[i].name);

		snprintf(where, sizeof(where), "policy %s", new->policies[i].name);
		if (before == NULL)
			tell(differ, where, "", " is new");
		else
			compare_policy(differ, before, &new->policies[i]);
		if (before != NULL)
			compare_ramps(differ, where, before->ramps, new->policies[i].ramps);
	}
	if (order_differs(old, new))
		tell(differ, "", "", "the order of policies changed");
}

static const struct override_config *find_override(const struct config *config, const char *name)
{
	for (size_t i = 0; i < config->override_count; i++) {
		if (strcmp(config->overrides[i].name, name) == 0)
			return &config->overrides[i];
	}
	return NULL;
}

static void compare_overrides(struct differ *differ)
{
	const struct config *old = differ->old, *new = differ->new;
	char where[96];

	for (size_t i = 0; i < old->override_count; i++) {
		snprintf(where, sizeof(where), "override %s", old->overrides[i].name);
		if (find_override(new, old->overrides[i].name) == NULL)
			tell(differ, where, "", " is gone");
	}
	for (size_t i = 0; i < new->override_count; i++) {
		const struct override_config *before = find_override(old, new->overrides[i].name);

		snprintf(where, sizeof(where), "override %s", new->overrides[i].name);
		if (before == NULL)
			tell(differ, where, "", " is new");
		for (size_t row = 0; before != NULL && row < schema_count; row++)
			if (strcmp(schema_table[row].section, "override") == 0)
				compare(differ, where, &schema_table[row], NULL, before, &new->overrides[i]);
	}
}

/* ---- what cannot be told from what is recorded ------------------------------------------------------------------- */

/* Options by which a check finds something else: whole sections, and those of the daemon and the record. */
static bool decides_findings(const struct option_row *row)
{
	static const char *const sections[] = { "spf", "dkim", "arc", "dmarc", "adsp", "iprev", "dns", "tls", "limits" };
	static const char *const options[] = { "trusted-networks", "trusted-authserv-ids", "exempt-authenticated", "reinjection-daemons",
		"authserv-id", "habit-min-sessions", "habit-min-days", "habit-min-share", "habit-settle" };

	for (size_t i = 0; i < sizeof(sections) / sizeof(sections[0]); i++)
		if (strcmp(row->section, sections[i]) == 0)
			return true;
	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++)
		if (strcmp(row->name, options[i]) == 0)
			return true;
	return false;
}

static bool option_differs(const struct option_row *row, const void *old, const void *new)
{
	char *was = value_text(row, old), *is = value_text(row, new);
	bool differs = strcmp(was, is) != 0 || !domain_lists_equal(row, old, new);

	free(was);
	free(is);
	return differs;
}

static bool override_is_same(const struct override_config *old, const struct override_config *new)
{
	for (size_t i = 0; old != NULL && i < schema_count; i++)
		if (strcmp(schema_table[i].section, "override") == 0 && option_differs(&schema_table[i], old, new))
			return false;
	return old != NULL;
}

size_t config_diff_findings(const struct config *old, const struct config *new, config_tell *tell_name, void *closure)
{
	size_t count = 0;
	char name[96];

	for (size_t i = 0; i < schema_count; i++) {
		const struct option_row *row = &schema_table[i];

		if (schema_is_titled(row->section) || !decides_findings(row) || !option_differs(row, old, new))
			continue;
		snprintf(name, sizeof(name), "%s%s%s", row->section, row->section[0] != '\0' ? " " : "", row->name);
		tell_name(closure, name);
		count++;
	}
	for (size_t i = 0; i < new->override_count; i++) {	/* whether it would have held; of one that is gone the policies know */
		if (override_is_same(find_override(old, new->overrides[i].name), &new->overrides[i]))
			continue;
		snprintf(name, sizeof(name), "override %s", new->overrides[i].name);
		tell_name(closure, name);
		count++;
	}
	return count;
}

size_t config_diff(const struct config *old, const struct config *new, config_tell *tell_line, void *closure)
{
	struct differ differ = { .old = old, .new = new, .tell = tell_line, .closure = closure };
	char line[64];

	for (size_t i = 0; i < schema_count; i++) {
		if (!schema_is_titled(schema_table[i].section))
			compare(&differ, schema_table[i].section, &schema_table[i], NULL, old, new);
	}
	for (int id = 0; id < FINDING_COUNT; id++) {
		struct option_row row = schema_finding_row((enum finding_id)id, false);

		compare(&differ, row.section, &row, NULL, old, new);
	}
	compare_ramps(&differ, "", old->finding_ramps, new->finding_ramps);
	compare_overrides(&differ);
	compare_policies(&differ);
	if (differ.count > LINES_MAX) {
		snprintf(line, sizeof(line), "and %zu more", differ.count - LINES_MAX);
		tell_line(closure, line);
	}
	return differ.count;
}
