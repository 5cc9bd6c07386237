/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The table of findings as data, and the names of findings and actions. Constant; thread: any. Trusts nothing of the
 * names it is given; an unknown one is -E_SYNTAX.
 */
#include "config/findings.h"

#include <string.h>

#include "util/buf.h"
#include "util/error.h"

#define FINDING_ROW(id, name, check, stage, action, traits, unknown, code, enhanced, text, help)                         \
	[FINDING_##id] = { name, CHECK_##check, FINDING_STAGE_##stage, ACTION_##action,                                  \
	    (unsigned)CHECK_TRAITS_##check | (unsigned)TRAIT_##traits, FINDING_##unknown, code, enhanced, text, help },
const struct finding_row findings_table[FINDING_COUNT] = { FINDINGS_TABLE(FINDING_ROW) };
#undef FINDING_ROW

static const char *const action_names[ACTION_COUNT] = {
	[ACTION_NONE] = "none", [ACTION_TAG] = "tag", [ACTION_GREYLIST] = "greylist", [ACTION_DEFER] = "defer",
	[ACTION_QUARANTINE] = "quarantine", [ACTION_REJECT] = "reject",
};

const char *action_name(enum action action)
{
	return (unsigned)action < ACTION_COUNT ? action_names[action] : "none";
}

int action_from_name(const char *name, enum action *action_r)
{
	for (int i = 0; i < ACTION_COUNT; i++) {
		if (strcmp(name, action_names[i]) != 0)
			continue;
		*action_r = (enum action)i;
		return 0;
	}
	return -E_SYNTAX;
}

int finding_from_name(const char *name, enum finding_id *id_r)
{
	for (int i = 0; i < FINDING_COUNT; i++) {
		if (strcmp(name, findings_table[i].name) != 0)
			continue;
		*id_r = (enum finding_id)i;
		return 0;
	}
	return -E_SYNTAX;
}

void finding_set_print(const finding_set *set, struct buf *buf)
{
	const char *separator = "";

	FINDING_SET_EACH(set, id) {
		buf_printf(buf, "%s%s", separator, findings_table[id].name);
		separator = ",";
	}
}
