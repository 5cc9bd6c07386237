/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Policies, templates and overrides of two snapshots, those of one name beside each other. What a policy has from where it inherits,
 * before and now, is told there once, and not again for each heir. Pure. Trusts both to come from the loader. Thread: any.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/diff_internal.h"
#include "config/value.h"
#include "util/arena.h"
#include "util/buf.h"

enum { HEIRS_SHOWN = 5 };

/* ---- policies, and templates among them -------------------------------------------------------------------------- */

static size_t policies_count(const struct config *config)
{
	return config->template_count + config->policy_count;
}

/* Templates first. */
static const struct policy_config *policy_at(const struct config *config, size_t i)
{
	return i < config->template_count ? &config->templates[i] : &config->policies[i - config->template_count];
}

static const struct policy_config *find_policy(const struct config *config, const char *name)
{
	for (size_t i = 0; i < policies_count(config); i++) {
		if (strcmp(policy_at(config, i)->name, name) == 0)
			return policy_at(config, i);
	}
	return NULL;
}

static const struct option_row *find_outside(const char *name)
{
	for (size_t i = 0; i < schema_count; i++) {
		if (schema_table[i].section[0] == '\0' && strcmp(schema_table[i].name, name) == 0)
			return &schema_table[i];
	}
	return NULL;
}

/* What a policy that sets nothing has: the default, or what stands outside of policies. */
struct unset {
	const struct option_row *row;
	const void *base;
};

static struct unset unset_value(const struct config *config, const struct policy_config *blank, const struct option_row *row)
{
	const struct option_row *outside = row->default_text == NULL ? find_outside(row->name) : NULL;

	return outside != NULL ? (struct unset){ outside, config } : (struct unset){ row, blank };
}

/* "inherits" and "template" speak of one policy, as conditions do. */
static bool is_inherited(const struct option_row *row)
{
	return !option_is_condition(row) && strcmp(row->name, "inherits") != 0 && strcmp(row->name, "template") != 0;
}

/* Whether a value is another one than the policy would have if its section did not set it. */
static bool is_own(const struct config *config, const struct policy_config *policy, const struct policy_config *blank,
    const struct option_row *row, const struct option_row *outside_finding)
{
	struct unset unset = outside_finding != NULL ? (struct unset){ outside_finding, config } : unset_value(config, blank, row);
	char *value, *other;
	bool own;

	if (policy->base != NULL && is_inherited(row))
		return !diff_same_value(row, policy, policy->base);
	value = diff_value_text(row, policy);
	other = diff_value_text(unset.row, unset.base);
	own = strcmp(value, other) != 0;
	free(value);
	free(other);
	return own;
}

/* Whether both are heirs of one policy, or of what stands outside: what they have from there is told there. */
static bool is_one_base(const struct policy_config *old, const struct policy_config *new)
{
	if (old->base == NULL || new->base == NULL)
		return old->base == new->base;
	return strcmp(old->base->name, new->base->name) == 0;
}

struct pair {
	const struct policy_config *old, *new;	/* old: NULL for one that is new */
	const struct policy_config *blank;
	const char *where;
};

static void compare_row(struct differ *differ, const struct pair *pair, const struct option_row *row, const struct option_row *outside)
{
	bool own = is_own(differ->new, pair->new, pair->blank, row, outside);

	if (pair->old == NULL && own)
		diff_tell_value(differ, pair->where, row, pair->new);
	else if (pair->old != NULL && (own || !is_inherited(row) || !is_one_base(pair->old, pair->new) ||
	    is_own(differ->old, pair->old, pair->blank, row, outside)))
		diff_compare(differ, pair->where, row, pair->old, pair->new);
}

static const struct ramp_config *ramps_reference(const struct config *config, const struct policy_config *policy)
{
	return policy->base != NULL ? policy->base->ramps : config->finding_ramps;
}

static void compare_ramps(struct differ *differ, const struct pair *pair)
{
	struct diff_ramps ramps = { .old = pair->old != NULL ? pair->old->ramps : NULL, .new = pair->new->ramps };

	if (pair->old == NULL || is_one_base(pair->old, pair->new))
		ramps.new_reference = ramps_reference(differ->new, pair->new);
	if (pair->old != NULL && is_one_base(pair->old, pair->new))
		ramps.old_reference = ramps_reference(differ->old, pair->old);
	diff_compare_ramps(differ, pair->where, &ramps);
}

/* A line that is no difference of its own. */
static void tell_heirs(struct differ *differ, const struct pair *pair, struct arena *arena)
{
	struct buf buf = buf_make(arena);
	size_t count = 0;

	for (size_t i = 0; i < policies_count(differ->new); i++) {
		const struct policy_config *heir = policy_at(differ->new, i);

		if (heir->base == NULL || strcmp(heir->base->name, pair->new->name) != 0)
			continue;
		if (count++ < HEIRS_SHOWN)
			buf_printf(&buf, "%s %s", count > 1 ? "," : "", heir->name);
	}
	if (count > HEIRS_SHOWN)
		buf_printf(&buf, " and %zu more", count - HEIRS_SHOWN);
	if (count == 0)
		return;
	diff_tell(differ, pair->where, "", arena_concat(arena, " is inherited by", buf.data, ""));
	differ->count--;
}

static void compare_policy(struct differ *differ, const struct pair *pair, struct arena *arena)
{
	size_t before = differ->count;

	for (size_t i = 0; i < schema_count; i++) {
		if (strcmp(schema_table[i].section, "policy") == 0)
			compare_row(differ, pair, &schema_table[i], NULL);
	}
	for (int id = 0; id < FINDING_COUNT; id++) {
		struct option_row row = schema_finding_row((enum finding_id)id, true), outside = schema_finding_row((enum finding_id)id, false);

		compare_row(differ, pair, &row, &outside);
	}
	compare_ramps(differ, pair);
	if (pair->old != NULL && differ->count != before)
		tell_heirs(differ, pair, arena);
}

/* The first policy that matches decides, so their order means something: of those in both files. */
static bool order_differs(const struct config *old, const struct config *new)
{
	const struct policy_config *last = NULL;

	for (size_t i = 0; i < new->policy_count; i++) {
		const struct policy_config *policy = find_policy(old, new->policies[i].name);

		if (policy == NULL || policy->is_template)
			continue;
		if (last != NULL && policy < last)
			return true;
		last = policy;
	}
	return false;
}

static struct policy_config *blank_policy(struct arena *arena)
{
	struct policy_config *blank = arena_calloc(arena, 1, sizeof(*blank));

	for (size_t i = 0; i < schema_count; i++) {
		if (strcmp(schema_table[i].section, "policy") == 0 && schema_table[i].default_text != NULL)
			value_store_default(&schema_table[i], arena, blank);
	}
	return blank;
}

void diff_policies(struct differ *differ)
{
	const struct config *old = differ->old, *new = differ->new;
	struct arena *arena = arena_new();
	char where[96];
	struct pair pair = { .blank = blank_policy(arena), .where = where };

	for (size_t i = 0; i < policies_count(old); i++) {
		snprintf(where, sizeof(where), "policy %s", policy_at(old, i)->name);
		if (find_policy(new, policy_at(old, i)->name) == NULL)
			diff_tell(differ, where, "", " is gone");
	}
	for (size_t i = 0; i < policies_count(new); i++) {
		pair.new = policy_at(new, i);
		pair.old = find_policy(old, pair.new->name);
		snprintf(where, sizeof(where), "policy %s", pair.new->name);
		if (pair.old == NULL)
			diff_tell(differ, where, "", " is new");
		compare_policy(differ, &pair, arena);
	}
	if (order_differs(old, new))
		diff_tell(differ, "", "", "the order of policies changed");
	arena_free(&arena);
}

/* ---- overrides --------------------------------------------------------------------------------------------------- */

const struct override_config *diff_find_override(const struct config *config, const char *name)
{
	for (size_t i = 0; i < config->override_count; i++) {
		if (strcmp(config->overrides[i].name, name) == 0)
			return &config->overrides[i];
	}
	return NULL;
}

static void compare_override(struct differ *differ, const char *where, const struct override_config *old,
    const struct override_config *new)
{
	static const struct override_config blank = { 0 };

	for (size_t i = 0; i < schema_count; i++) {
		const struct option_row *row = &schema_table[i];

		if (strcmp(row->section, "override") != 0)
			continue;
		if (old != NULL)
			diff_compare(differ, where, row, old, new);
		else if (row->default_text == NULL || !diff_same_value(row, &blank, new))	/* a kind has no default */
			diff_tell_value(differ, where, row, new);
	}
}

void diff_overrides(struct differ *differ)
{
	const struct config *old = differ->old, *new = differ->new;
	char where[96];

	for (size_t i = 0; i < old->override_count; i++) {
		snprintf(where, sizeof(where), "override %s", old->overrides[i].name);
		if (diff_find_override(new, old->overrides[i].name) == NULL)
			diff_tell(differ, where, "", " is gone");
	}
	for (size_t i = 0; i < new->override_count; i++) {
		const struct override_config *before = diff_find_override(old, new->overrides[i].name);

		snprintf(where, sizeof(where), "override %s", new->overrides[i].name);
		if (before == NULL)
			diff_tell(differ, where, "", " is new");
		compare_override(differ, where, before, &new->overrides[i]);
	}
}
