/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * When what was counted (brakes.c) reaches a brake. Sums are what they surely are, and what they may be where the record is coarser
 * than it was. Pure but for the watch. Out of memory aborts. Thread: one.
 */
#include "report/brakes_internal.h"

#include <string.h>

enum { DAY_HOURS = 24 };

/* Counts of some hours: surely, and perhaps besides. */
struct sums {
	struct counts sure, more;
	bool all_may_look_wanted;	/* who vouches may have been known by what is counted together now, or over a cap */
};

/* ---- sums -------------------------------------------------------------------------------------------------------- */

static void sum_add(struct counts *sum, const struct counts *counts)
{
	sum->held += counts->held;
	sum->wanted += counts->wanted;
}

/* A day counts surely where it is whole within the hours, and perhaps where a part of it is. */
static void sum_day(const struct brake_watch *watch, const struct counts *day, size_t place, size_t from, size_t to, struct sums *sums)
{
	int64_t first_secs = watch->wish.first_secs + (int64_t)place * HOUR_SECS;
	size_t end = place + (size_t)(DAY_HOURS - first_secs % DAY_SECS / HOUR_SECS);	/* one that began before ends all the same */
	bool begins_here = first_secs % DAY_SECS == 0;

	if (day->held == 0 || end <= from || place >= to)
		return;
	sum_add(begins_here && place >= from && end <= to ? &sums->sure : &sums->more, day);
}

static struct sums sum_hours(const struct brake_watch *watch, const struct pair *pair, size_t from, size_t to)
{
	size_t day_from = from > DAY_HOURS ? from - DAY_HOURS : 0;
	struct sums sums = { .all_may_look_wanted = watch->dark_past || signs_are_over(watch->signs) };

	for (size_t i = from; i < to && pair->hours != NULL; i++)
		sum_add(&sums.sure, &pair->hours[i]);
	for (size_t i = day_from; i < to; i++) {
		struct counts dark = { watch->dark[i].held, watch->dark[i].held };

		if (pair->days != NULL)
			sum_day(watch, &pair->days[i], i, from, to, &sums);
		if (i + DAY_HOURS > from)
			sum_add(&sums.more, &dark);
	}
	return sums;
}

static bool is_reached(const struct brake_config *brake, uint64_t wanted, uint64_t held)
{
	return wanted >= brake->wanted && wanted * 100 >= brake->percent * held;
}

enum reached { REACHED_NOT, REACHED_MAYBE, REACHED_SURELY };

/* At the end of the hour before `to`, by its window, which goes back no further than `first`. */
static enum reached reached_at(const struct brake_watch *watch, size_t index, size_t first, size_t to, struct sums *sums_r)
{
	const struct brake_config *brake = &watch->wish.set->policies[index / FINDING_COUNT].brake;
	size_t window = brake->window_secs / HOUR_SECS, from = to > window && to - window > first ? to - window : first;
	struct sums sums = *sums_r = sum_hours(watch, &watch->pairs[index], from, to);
	uint64_t all = sums.sure.held + sums.more.held;

	if (is_reached(brake, sums.sure.wanted, all))
		return REACHED_SURELY;
	if (sums.all_may_look_wanted ? is_reached(brake, all, all) :
	    is_reached(brake, sums.sure.wanted + sums.more.wanted, sums.sure.held + sums.more.wanted))
		return REACHED_MAYBE;
	return REACHED_NOT;
}

/* ---- brakes ------------------------------------------------------------------------------------------------------ */

/* The hour that begins at or behind a time; behind the last one: hour_count. */
static size_t hour_behind(const struct brake_watch *watch, int64_t secs)
{
	int64_t hour = (secs - watch->wish.first_secs + HOUR_SECS - 1) / HOUR_SECS;

	return secs <= watch->wish.first_secs ? 0 : hour < (int64_t)watch->hour_count ? (size_t)hour : watch->hour_count;
}

static bool is_of(const struct brake_watch *watch, const struct brake_row *row, size_t index)
{
	return strcmp(row->policy, watch->wish.set->policies[index / FINDING_COUNT].name) == 0 &&
	    strcmp(row->finding, findings_table[index % FINDING_COUNT].name) == 0;
}

/* When it was lifted first after that time; 0: it was not. */
static int64_t lifted_after(const struct brake_watch *watch, size_t index, int64_t secs)
{
	int64_t lifted_secs = 0;

	for (size_t i = 0; i < watch->past_count; i++) {
		const struct brake_row *row = &watch->past[i];

		if (is_of(watch, row, index) && row->lifted_secs > secs && (lifted_secs == 0 || row->lifted_secs < lifted_secs))
			lifted_secs = row->lifted_secs;
	}
	return lifted_secs;
}

struct forecast { struct brakes *brakes; struct brake *items; struct arena *arena; size_t room; };

static void forecast_add(struct forecast *forecast, const struct brake *brake)
{
	forecast->items = arena_grow(forecast->arena, forecast->items, forecast->brakes->count, &forecast->room, sizeof(*forecast->items));
	forecast->items[forecast->brakes->count++] = *brake;
	forecast->brakes->items = forecast->items;
}

/* From an hour on until it is surely on. @return the hour from which on it counts again; hour_count: never. */
static size_t forecast_once(struct brake_watch *watch, size_t index, size_t first, struct forecast *forecast)
{
	struct brake brake = { .policy = watch->wish.set->policies[index / FINDING_COUNT].name,
		.finding = (enum finding_id)(index % FINDING_COUNT) };
	int64_t maybe_secs = 0;
	struct sums sums;

	for (size_t to = first + 1; to <= watch->hour_count; to++) {
		enum reached reached = reached_at(watch, index, first, to, &sums);
		int64_t since_secs = watch->wish.first_secs + (int64_t)(to + 1) * HOUR_SECS;

		if (reached == REACHED_MAYBE && maybe_secs == 0)
			maybe_secs = since_secs;
		if (reached == REACHED_SURELY) {
			brake.since_secs = since_secs;
			break;
		}
	}
	if (maybe_secs != 0)
		forecast_add(forecast, &(struct brake){ .policy = brake.policy, .finding = brake.finding, .since_secs = maybe_secs,
			.until_secs = brake.since_secs, .unsure = true });
	if (brake.since_secs == 0)
		return watch->hour_count;
	brake.until_secs = lifted_after(watch, index, brake.since_secs);
	forecast_add(forecast, &brake);
	return brake.until_secs != 0 ? hour_behind(watch, brake.until_secs) : watch->hour_count;
}

const struct brakes *brake_watch_forecast(struct brake_watch *watch, struct arena *arena)
{
	struct forecast forecast = { .brakes = arena_calloc(arena, 1, sizeof(struct brakes)), .arena = arena };

	for (size_t index = 0; index < watch->wish.set->count * FINDING_COUNT; index++)
		for (size_t hour = 0; hour < watch->hour_count && brake_may_have_held(watch, index);)
			hour = forecast_once(watch, index, hour, &forecast);
	return forecast.brakes;
}

/* Whether what surely looks wanted can reach a brake at all: of most pairs it cannot, and their windows need not be gone through. */
static bool may_be_due(const struct brake_watch *watch, size_t index)
{
	const struct pair *pair = &watch->pairs[index];
	uint64_t wanted = 0;

	for (size_t i = 0; i <= watch->hour_count; i++) {
		wanted += pair->hours != NULL ? pair->hours[i].wanted : 0;
		wanted += pair->days != NULL ? pair->days[i].wanted : 0;
	}
	return wanted != 0 && wanted >= watch->wish.set->policies[index / FINDING_COUNT].brake.wanted;
}

void brake_watch_due(struct brake_watch *watch, store_brake_each_f *each, void *arg)
{
	for (size_t index = 0; index < watch->wish.set->count * FINDING_COUNT; index++) {
		size_t first = 0;
		bool is_on = false, due = false;

		if ((watch->pairs[index].hours == NULL && watch->pairs[index].days == NULL) || !may_be_due(watch, index))
			continue;
		for (size_t i = 0; i < watch->past_count; i++) {
			if (!is_of(watch, &watch->past[i], index))
				continue;
			is_on = is_on || watch->past[i].lifted_secs == 0;
			first = watch->past[i].lifted_secs != 0 && hour_behind(watch, watch->past[i].lifted_secs) > first ?
			    hour_behind(watch, watch->past[i].lifted_secs) : first;
		}
		for (size_t to = first + 1; !is_on && !due && to <= watch->hour_count; to++) {
			struct sums sums;

			due = reached_at(watch, index, first, to, &sums) == REACHED_SURELY;
			if (due)
				each(arg, &(struct brake_row){ .policy = watch->wish.set->policies[index / FINDING_COUNT].name,
				    .finding = findings_table[index % FINDING_COUNT].name, .held = sums.sure.held,
				    .wanted = sums.sure.wanted, .since_secs = watch->wish.end_secs + HOUR_SECS });
		}
	}
}
