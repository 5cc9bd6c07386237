/* SPDX-License-Identifier: BSD-2-Clause */
/* Greylisting rules: pure functions over one remembered entry. Called by the pipeline (judge) and the store (update). */
#include "record/greylist.h"

#include <ctype.h>

/* A first try too long ago, never followed by a pass, says nothing about this one. */
static bool entry_is_stale(const struct greylist_entry *entry, int64_t time_secs, unsigned window_secs)
{
	return entry->passed_secs == 0 && time_secs - entry->first_secs > (int64_t)window_secs;
}

enum greylist_verdict greylist_judge(const struct greylist_entry *entry, const struct greylist_try *try,
    const struct greylist_rules *rules, unsigned *wait_secs_r)
{
	int64_t waited_secs;

	*wait_secs_r = 0;
	if (try->aligned)
		return GREYLIST_PASS;
	if (entry != NULL && !entry_is_stale(entry, try->time_secs, rules->window_secs)) {
		waited_secs = try->time_secs - entry->first_secs;
		if (entry->passed_secs != 0 || try->tls || waited_secs >= (int64_t)rules->delay_secs)
			return GREYLIST_PASS;
		*wait_secs_r = rules->delay_secs - (waited_secs > 0 ? (unsigned)waited_secs : 0);
		return GREYLIST_WAIT;
	}
	*wait_secs_r = rules->delay_secs;
	return GREYLIST_WAIT;
}

void greylist_update(struct greylist_entry *entry, int64_t time_secs, bool passed, unsigned window_secs)
{
	if (entry->first_secs == 0 || entry_is_stale(entry, time_secs, window_secs)) {
		entry->first_secs = time_secs;
		entry->tries = 0;
	}
	entry->last_secs = time_secs;
	entry->tries++;
	if (passed && entry->passed_secs == 0)
		entry->passed_secs = time_secs;
}

const char *greylist_key(struct arena *arena, const char *origin, const char *mail_from, const char *recipient)
{
	char *key = arena_printf(arena, "%s %s %s", origin, mail_from[0] != '\0' ? mail_from : "<>", recipient);

	for (char *c = key; *c != '\0'; c++)
		*c = (char)tolower((unsigned char)*c);
	return key;
}
