/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * TLS memory: habit and change. Pure: called by the store's writer (update) and by the tls-memory check (judgement).
 * A session that was judged a downgrade is evidence of an attack or of a change, never of the old habit: it does not
 * count into the grades. Only when nothing but such sessions came for settle_days the old habit is forgotten.
 */
#include "record/peer.h"

#include <stdio.h>
#include <string.h>

enum { DAY_SECS = 86400, GRADE_NONE = 0, GRADE_WEAK = 1, GRADE_OK = 2 };

/*
 * Whether a session is of a day that does not count yet, and so moves the time on. Sessions come a little out of order: other hosts'
 * clocks differ, and notes may have waited for a database. One of the day before the last adds no day, or two hosts around midnight would
 * make a habit in a minute. One of long before does: the clock was wrong, then or now.
 */
static bool is_another_day(int64_t last_secs, int64_t now_secs)
{
	int64_t days = now_secs / DAY_SECS - last_secs / DAY_SECS;

	return last_secs == 0 || days > 0 || days < -1;
}

static int64_t later(int64_t last_secs, int64_t now_secs)
{
	return now_secs > last_secs || is_another_day(last_secs, now_secs) ? now_secs : last_secs;
}

static void memory_forget_habit(struct peer_memory *memory, int64_t now_secs)
{
	memset(memory->grades, 0, sizeof(memory->grades));
	memory->sessions = 0;
	memory->days = 1;
	memory->tls_days = 0;
	memory->best_grade = GRADE_NONE;
	memory->last_tls_secs = 0;
	memory->changed_secs = 0;
	memory->changed_sessions = 0;
	memory->settled_secs = now_secs;
	memory->last_cert[0] = '\0';
}

/* Counts a session that speaks for itself: habit, days with TLS, best grade, certificate. */
static void memory_count(struct peer_memory *memory, const struct peer_note *note)
{
	if (note->grade > GRADE_NONE) {
		memory->tls_days += is_another_day(memory->last_tls_secs, note->time_secs);
		memory->last_tls_secs = later(memory->last_tls_secs, note->time_secs);
	}
	memory->sessions++;
	memory->grades[note->grade]++;
	if (note->grade > memory->best_grade)
		memory->best_grade = note->grade;
	if (note->cert != NULL)
		snprintf(memory->last_cert, sizeof(memory->last_cert), "%s", note->cert);
}

void peer_memory_update(struct peer_memory *memory, const struct peer_note *note, const struct peer_rules *rules)
{
	int64_t settle_secs = (int64_t)rules->settle_days * DAY_SECS;

	if (note->grade >= STORE_GRADES)
		return;
	if (memory->first_secs == 0)
		memory->first_secs = note->time_secs;
	memory->days += is_another_day(memory->last_secs, note->time_secs);
	if (note->downgraded) {
		if (memory->changed_secs == 0)
			memory->changed_secs = note->time_secs;
		memory->changed_sessions++;
		if (note->time_secs - memory->changed_secs < settle_secs) {
			memory->last_secs = later(memory->last_secs, note->time_secs);
			return;
		}
		memory_forget_habit(memory, note->time_secs);
	} else {
		memory->changed_secs = 0;
		memory->changed_sessions = 0;
	}
	memory_count(memory, note);
	memory->last_secs = later(memory->last_secs, note->time_secs);
}

static bool share_reached(uint64_t part, uint64_t whole, unsigned percent)
{
	return whole != 0 && part * 100 >= whole * percent;
}

bool peer_has_tls_habit(const struct peer_memory *memory, const struct peer_rules *rules)
{
	uint64_t with_tls = memory->sessions - memory->grades[GRADE_NONE];

	return memory->pinned || (with_tls >= rules->min_sessions && memory->tls_days >= rules->min_days &&
	    share_reached(with_tls, memory->sessions, rules->min_share_percent));
}

unsigned peer_usual_grade(const struct peer_memory *memory, const struct peer_rules *rules)
{
	uint64_t reach = 0;

	for (unsigned grade = STORE_GRADES; grade-- > 0;) {
		reach += memory->grades[grade];
		if (share_reached(reach, memory->sessions, rules->min_share_percent))
			return grade;
	}
	return GRADE_NONE;
}

bool peer_is_downgrade(const struct peer_memory *memory, unsigned grade, const struct peer_rules *rules)
{
	if (!peer_has_tls_habit(memory, rules))
		return false;
	if (grade == GRADE_NONE)
		return true;
	return grade == GRADE_WEAK && peer_usual_grade(memory, rules) >= GRADE_OK;
}
