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

const struct word action_words[] = {
	{ "none", ACTION_NONE }, { "tag", ACTION_TAG }, { "greylist", ACTION_GREYLIST }, { "defer", ACTION_DEFER },
	{ "quarantine", ACTION_QUARANTINE }, { "reject", ACTION_REJECT }, { 0 }
};

const char *action_name(enum action action)
{
	const char *word = words_of(action_words, (int)action);

	return word != NULL ? word : "none";
}

int action_from_name(const char *name, enum action *action_r)
{
	int value;

	if (words_value(action_words, name, &value) != 0)
		return -E_SYNTAX;
	*action_r = (enum action)value;
	return 0;
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
