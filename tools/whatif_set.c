/* SPDX-License-Identifier: BSD-2-Clause */
/* Which policies are asked, and what things are worth: the values of options of assay whatif. Thread: one. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "assay.h"
#include "config/policies.h"
#include "util/buf.h"
#include "whatif.h"

static int complain_unknown(const struct config *config, const char *command, const char *name)
{
	struct arena *arena = arena_new();
	struct buf names = buf_make(arena);
	int code;

	for (size_t i = 0; i < config->policy_count; i++)
		buf_printf(&names, "%s%s", i != 0 ? ", " : "", config->policies[i].name);
	code = tool_complain(EX_USAGE, "%s: no policy '%s' in the configuration; there are: %s", command, name, names.data);
	arena_free(&arena);
	return code;
}

static const struct policy_config *find_policy(const struct config *config, const char *name)
{
	for (size_t i = 0; i < config->policy_count; i++)
		if (strcmp(config->policies[i].name, name) == 0)
			return &config->policies[i];
	return NULL;
}

/* One policy that matches everything. */
static void choose_alone(const struct policy_config *policy, struct arena *arena, struct policy_set *set)
{
	struct policy_config *alone = arena_memdup(arena, policy, sizeof(*policy));

	policy_clear_conditions(alone, arena);
	set->policies = alone;
	set->count = 1;
	set->index = NULL;
}

int whatif_choose(const struct config *config, const char *command, const struct whatif_choice *choice, struct arena *arena,
    struct policy_set *set_r)
{
	const struct policy_config *asked = choice->policy != NULL ? find_policy(config, choice->policy) : NULL;
	struct policy_config *policies;

	*set_r = policy_set_of(config);
	if (choice->policy != NULL && asked == NULL)
		return complain_unknown(config, command, choice->policy);
	if (choice->everywhere)
		choose_alone(asked, arena, set_r);
	policies = arena_memdup(arena, set_r->policies, set_r->count * sizeof(*policies));
	for (size_t i = 0; i < set_r->count && !choice->as_configured; i++)
		if (asked == NULL || strcmp(policies[i].name, asked->name) == 0)
			policies[i].mode = MODE_ENFORCE;
	set_r->policies = policies;
	return 0;
}

int whatif_take_weights(const char *text, struct whatif_weights *weights)
{
	const struct { const char *name; double *value; } parts[] = {
		{ "good", &weights->good }, { "forged", &weights->forged }, { "upkeep", &weights->upkeep },
	};
	enum { PARTS = sizeof(parts) / sizeof(parts[0]) };
	bool given[PARTS] = { false };

	for (const char *at = text, *next; at != NULL; at = next) {
		size_t length = strcspn(at, "=,"), row = 0;
		char *end = NULL;

		next = strchr(at, ',') != NULL ? strchr(at, ',') + 1 : NULL;
		while (row < PARTS && (strlen(parts[row].name) != length || strncmp(parts[row].name, at, length) != 0))
			row++;
		if (row == PARTS || at[length] != '=' || given[row])
			return tool_complain(EX_USAGE, "whatif: --weights '%s' is not of the form good=N,forged=N,upkeep=N, each once", text);
		given[row] = true;
		*parts[row].value = at[length + 1] >= '0' && at[length + 1] <= '9' ? strtod(at + length + 1, &end) : -1;
		if (end == NULL || (*end != ',' && *end != '\0') || !isfinite(*parts[row].value) || *parts[row].value > 1e9)
			return tool_complain(EX_USAGE, "whatif: --weights: %s is no number from 0 to 1e9 in '%s'", parts[row].name, text);
	}
	if (weights->good > 0 && weights->good + weights->forged > 0)
		return 0;
	return tool_complain(EX_USAGE, "whatif: --weights: good has to be above 0: else to refuse everything costs nothing");
}
