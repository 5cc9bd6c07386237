/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What each policy held back for each finding, by the hour, and how much of it looks wanted. Counts stand in arrays, for those pairs
 * alone that have held something back; what is made of them is brakes_when.c's. Trusts the store for nothing but termination of
 * strings. Out of memory aborts. Thread: one.
 */
#include "report/brakes_internal.h"

#include <stdlib.h>
#include <string.h>

#include "policy/reason.h"
#include "policy/recorded.h"
#include "report/replay.h"
#include "util/out_of_memory.h"

static void *zeroed(size_t count, size_t bytes)
{
	void *memory = calloc(count, bytes);

	if (memory == NULL)
		out_of_memory();
	return memory;
}

bool brake_watch_is_needed(const struct policy_set *set)
{
	for (size_t i = 0; i < set->count; i++)
		if (set->policies[i].brake.wanted != 0 && set->policies[i].mode == MODE_ENFORCE)
			return true;
	return false;
}

struct brake_watch *brake_watch_new(const struct brake_watch_wish *wish)
{
	struct brake_watch *watch = zeroed(1, sizeof(*watch));
	int64_t first_day;

	watch->wish = *wish;
	watch->hour_count = wish->end_secs > wish->first_secs ? (size_t)((wish->end_secs - wish->first_secs) / HOUR_SECS) : 0;
	watch->pairs = zeroed(wish->set->count * FINDING_COUNT, sizeof(*watch->pairs));
	watch->dark = zeroed(watch->hour_count + 1, sizeof(*watch->dark));
	watch->arena = arena_new();
	watch->kept = arena_new();
	first_day = brake_watch_since(watch) / DAY_SECS;
	watch->signs = signs_new_daily(wish->config, first_day, (size_t)(wish->end_secs / DAY_SECS - first_day) + 1);
	return watch;
}

static void forget_counts(struct brake_watch *watch)
{
	for (size_t i = 0; i < watch->wish.set->count * FINDING_COUNT; i++) {
		free(watch->pairs[i].hours);
		free(watch->pairs[i].days);
		watch->pairs[i] = (struct pair){ NULL, NULL };
	}
	memset(watch->dark, 0, (watch->hour_count + 1) * sizeof(*watch->dark));
	watch->has_dark = false;
}

void brake_watch_free(struct brake_watch **watch)
{
	struct brake_watch *old = *watch;

	*watch = NULL;
	if (old == NULL)
		return;
	forget_counts(old);
	free(old->pairs);
	free(old->dark);
	signs_free(&old->signs);
	arena_free(&old->arena);
	arena_free(&old->kept);
	free(old);
}

int64_t brake_watch_since(const struct brake_watch *watch)
{
	return watch->wish.first_secs - watch->wish.first_secs % DAY_SECS - (int64_t)SIGNS_BACK_DAYS * DAY_SECS;
}

void brake_watch_past(void *arg, const struct brake_row *row)
{
	struct brake_watch *watch = arg;

	watch->past = arena_grow(watch->kept, watch->past, watch->past_count, &watch->past_room, sizeof(*watch->past));
	watch->past[watch->past_count] = *row;
	watch->past[watch->past_count].policy = arena_strdup(watch->kept, row->policy);
	watch->past[watch->past_count++].finding = arena_strdup(watch->kept, row->finding);
}

void brake_watch_learn(void *arg, const struct flow_row *kind, const struct flow_span *spans, size_t count)
{
	struct brake_watch *watch = arg;
	struct replay_past past;

	watch->learnt = true;
	watch->dark_past = watch->dark_past || kind->other;
	arena_reset(watch->arena);
	replay_read(watch->wish.config, kind, watch->arena, &past);
	for (size_t i = 0; i < count; i++)
		signs_learn(watch->signs, spans[i].from_secs, &past.evidence);
}

/* ---- one kind ---------------------------------------------------------------------------------------------------- */

static bool is_whole_hour(const struct flow_span *span)
{
	return span->span_secs <= HOUR_SECS;
}

/* Where a span is counted; of a day that begins before the first hour there. @return false: nowhere. */
static bool place_of(const struct brake_watch *watch, const struct flow_span *span, size_t *place_r)
{
	int64_t at_secs = span->from_secs - watch->wish.first_secs;

	if (at_secs + (int64_t)span->span_secs <= 0 || at_secs / HOUR_SECS >= (int64_t)watch->hour_count)
		return false;
	*place_r = at_secs > 0 ? (size_t)(at_secs / HOUR_SECS) : 0;
	return true;
}

static void pair_count(struct brake_watch *watch, size_t index, const struct flow_span *span, bool wanted)
{
	struct pair *pair = &watch->pairs[index];
	struct counts **counts = is_whole_hour(span) ? &pair->hours : &pair->days;
	size_t place;

	if (!place_of(watch, span, &place))
		return;
	if (*counts == NULL)
		*counts = zeroed(watch->hour_count + 1, sizeof(**counts));
	(*counts)[place].held += span->messages;
	(*counts)[place].wanted += wanted ? span->messages : 0;
}

/* The findings that may ask for something: those that are there, and those that policies raise themselves. */
static finding_set candidates(const struct evidence *evidence)
{
	finding_set set = { 0 };

	for (size_t i = 0; i < evidence->finding_count; i++)
		finding_set_add(&set, evidence->findings[i].id);
	for (size_t i = 0; i < evidence->waivable_count; i++) {
		finding_set_add(&set, evidence->waivable[i].as_is.id);
		finding_set_add(&set, evidence->waivable[i].open.id);
		finding_set_add(&set, FINDING_DMARC_OVERRIDDEN);
	}
	finding_set_add(&set, FINDING_TLS_CERT_REQUIRED);
	finding_set_add(&set, FINDING_INSECURE_PASS);
	return set;
}

/* Of a span at whose ends a policy asks for different things nobody knows how much was held back. */
static void dark_count(struct brake_watch *watch, const struct flow_span *span)
{
	size_t place;

	if (!place_of(watch, span, &place))
		return;
	watch->dark[place].held += span->messages;
	watch->has_dark = true;
}

static bool holds_at(const struct policy_config *policy, const struct evidence *evidence, enum finding_id id, int64_t time_secs)
{
	struct evidence then = *evidence;
	enum asked_why why;

	then.time_secs = time_secs;
	return policy_asked_for(policy, &then, id, &why) > ACTION_TAG;
}

static void add_span(struct brake_watch *watch, const unsigned char *marks, const struct evidence *evidence, const struct flow_span *span)
{
	const struct policy_set *set = watch->wish.set;
	int64_t last_secs = span->from_secs + (int64_t)span->span_secs - 1;
	finding_set ids = candidates(evidence);
	bool wanted, holds;

	wanted = signs_look_on(watch->signs, evidence, span->from_secs / DAY_SECS).look == LOOK_WANTED;
	for (size_t i = 0; i < set->count; i++) {
		if (marks[i] != POLICY_IN || set->policies[i].mode != MODE_ENFORCE)
			continue;
		FINDING_SET_EACH(&ids, id) {
			if (!policy_has_brake(&set->policies[i], id))
				continue;
			holds = holds_at(&set->policies[i], evidence, id, last_secs);
			if (!is_whole_hour(span) && holds != holds_at(&set->policies[i], evidence, id, span->from_secs))
				dark_count(watch, span);
			else if (holds)
				pair_count(watch, i * FINDING_COUNT + (size_t)id, span, wanted);
		}
	}
}

void brake_watch_add(void *arg, const struct flow_row *kind, const struct flow_span *spans, size_t count)
{
	struct brake_watch *watch = arg;
	struct replay_past past;
	unsigned char *marks;

	for (size_t i = 0; i < count && kind->other; i++)
		dark_count(watch, &spans[i]);
	if (kind->other || (watch->wish.only_enforced && !kind->enforced))
		return;
	arena_reset(watch->arena);
	replay_read(watch->wish.config, kind, watch->arena, &past);
	if ((past.evidence.lacks & EVIDENCE_LACKS_SENSE) != 0)
		return;
	marks = arena_alloc(watch->arena, watch->wish.set->count);
	policy_select_recorded(watch->wish.set, &past.evidence, watch->arena, marks);
	for (size_t i = 0; i < count; i++)
		add_span(watch, marks, &past.evidence, &spans[i]);
}

/* Whether any brake could be reached if all that was held back looked wanted. */
static bool could_be_reached(const struct brake_watch *watch)
{
	for (size_t index = 0; index < watch->wish.set->count * FINDING_COUNT; index++) {
		uint64_t held = 0;

		for (size_t i = 0; i < watch->hour_count && brake_may_have_held(watch, index); i++) {
			held += watch->pairs[index].hours != NULL ? watch->pairs[index].hours[i].held : 0;
			held += watch->pairs[index].days != NULL ? watch->pairs[index].days[i].held : 0;
			held += watch->dark[i].held;
		}
		if (brake_may_have_held(watch, index) && held >= watch->wish.set->policies[index / FINDING_COUNT].brake.wanted)
			return true;
	}
	return false;
}

int brake_watch_read(struct brake_watch *watch, struct store *store)
{
	int code = store_brakes_each(store, brake_watch_past, watch);

	if (code == 0)
		code = store_kinds_each(store, watch->wish.first_secs, HOUR_SECS, brake_watch_add, watch);
	/* to learn who vouches is most of the work, and mostly nothing hangs on it */
	if (code != 0 || !could_be_reached(watch))
		return code;
	forget_counts(watch);
	code = store_kinds_each(store, brake_watch_since(watch), DAY_SECS, brake_watch_learn, watch);
	if (code == 0)
		code = store_kinds_each(store, watch->wish.first_secs, HOUR_SECS, brake_watch_add, watch);
	return code;
}
