/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * assay config --diff: brakes that are on in the record. They hold by the policy's name: under another configuration a policy goes on
 * to do less than its file says, or what was held stops being held. Names are told as they stand in one of the files. Thread: one.
 */
#include "config_diff.h"

#include <inttypes.h>
#include <string.h>

#include "policy/ramp.h"
#include "util/clock.h"

struct reading {
	const struct config *old, *new;
	json_t *list;
};

static const struct policy_config *find_policy(const struct config *config, const char *name)
{
	for (size_t i = 0; i < config->policy_count; i++)
		if (strcmp(config->policies[i].name, name) == 0)
			return &config->policies[i];
	return NULL;
}

static bool is_held(const struct policy_config *policy, enum finding_id id)
{
	return policy != NULL && policy->mode == MODE_ENFORCE && policy_has_brake(policy, id);
}

/* @return why a brake that holds under the old file does not under the new one, and more than a tag may come of it; NULL. */
static const char *why_lost(const struct policy_config *policy, enum finding_id id)
{
	if (policy == NULL)
		return "the new file has no policy of that name";
	if (policy->mode == MODE_ENFORCE && policy->actions[id] > ACTION_TAG && policy->brake.wanted == 0)
		return "the new file gives the policy no brake-wanted";
	return NULL;
}

static void see_brake(void *arg, const struct brake_row *row)
{
	const struct reading *reading = arg;
	const struct policy_config *old = find_policy(reading->old, row->policy), *new = find_policy(reading->new, row->policy);
	const char *lost = NULL;
	enum finding_id id;

	if (row->lifted_secs != 0 || finding_from_name(row->finding, &id) != 0)
		return;
	if (!is_held(new, id) && is_held(old, id))
		lost = why_lost(new, id);
	if (!is_held(new, id) && lost == NULL)
		return;
	json_array_append_new(reading->list, json_pack("{s:s, s:s, s:I, s:b, s:s*, s:s*}", "policy", new != NULL ? new->name : old->name,
	    "finding", findings_table[id].name, "since", (json_int_t)row->since_secs, "holds", lost == NULL, "action",
	    lost == NULL ? action_name(new->actions[id]) : NULL, "why", lost));
}

int change_brakes_read(const struct config *old, const struct config *new, struct store *store, json_t *list)
{
	struct reading reading = { old, new, list };

	return store_brakes_each(store, see_brake, &reading);
}

static void print_brake(const json_t *brake)
{
	const char *policy = json_string_value(json_object_get(brake, "policy"));
	const char *finding = json_string_value(json_object_get(brake, "finding"));
	char text[32];

	(void)clock_text(text, sizeof(text), CLOCK_ISO_MINUTE, json_integer_value(json_object_get(brake, "since")));
	if (json_is_true(json_object_get(brake, "holds")))
		printf("A brake is on since %s: policy %s only tags for %s, which is %s in the new file, until assay brakes --lift %s %s.\n", text,
		    policy, finding, json_string_value(json_object_get(brake, "action")), policy, finding);
	else
		printf("The brake that is on since %s, by which policy %s only tags for %s, ends with the new file: %s.\n", text, policy, finding,
		    json_string_value(json_object_get(brake, "why")));
}

void change_brakes_print(const json_t *list)
{
	size_t index;
	json_t *brake;

	json_array_foreach(list, index, brake)
		print_brake(brake);
}
