/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * assay config --diff OLD NEW: what another configuration changes, in words, and how many of the messages recorded lately would
 * have fared differently under it. Only reads. Trusts the store for nothing but termination of strings.
 */
#include "config_diff.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <sysexits.h>

#include "assay.h"
#include "config/diff.h"
#include "json_text.h"
#include "policy/ramp.h"
#include "record/store.h"
#include "report/change.h"
#include "util/arena.h"
#include "util/clock.h"

enum { DAY_SECS = 86400, HOUR_SECS = 3600, SINCE_DEFAULT_DAYS = 7, PEERS_MAX = 200000 };

struct lines { json_t *options, *unrecorded, *brakes; };

/* What is told of two files, and of which period. */
struct telling {
	const struct config_change *change;
	const struct config *old, *new;
	struct lines lines;
	int64_t since_secs, until_secs;
	const struct change_totals *totals;	/* NULL: there is no record, or it cannot be read */
	bool unreadable;
};

static void add_line(void *closure, const char *text)
{
	struct arena *arena = arena_new();

	json_array_append_new(closure, json_text(arena, text));	/* a path or an explanation need not be UTF-8 */
	arena_free(&arena);
}

/* ---- text -------------------------------------------------------------------------------------------------------- */

static const char *way_words(enum fate now)
{
	static const char *const words[FATE_COUNT] = { "delivered", "greylisted", "in quarantine", "refused" };

	return words[now];
}

static void print_way(const struct change_totals *totals, enum fate then, enum fate now)
{
	const struct change_way *way = &totals->ways[then][now];
	const struct whatif_count *count = &way->count;
	const char *comma = "";

	if (then == now || count->messages == 0)
		return;
	printf("  %" PRIu64 " %s instead of %s (%" PRIu64 " look wanted, %" PRIu64 " forged, %" PRIu64 " unclear)", count->messages,
	    way_words(now), way_words(then), count->looks[LOOK_WANTED], count->looks[LOOK_FORGED], count->looks[LOOK_UNCLEAR]);
	for (int id = 0; id < FINDING_COUNT; id++) {
		if (way->by[id] == 0)
			continue;
		printf("%s%s %" PRIu64, comma[0] == '\0' ? ": " : comma, findings_table[id].name, way->by[id]);
		comma = ", ";
	}
	putchar('\n');
}

static uint64_t untold_sum(const struct change_totals *totals)
{
	uint64_t sum = 0;

	for (int why = UNTOLD_NOT + 1; why < UNTOLD_COUNT; why++)
		sum += totals->untold[why];
	return sum;
}

static void print_untold(const struct change_totals *totals)
{
	const char *comma = "";

	if (untold_sum(totals) == 0)
		return;
	printf("  %" PRIu64 " cannot be told: ", untold_sum(totals));
	for (int why = UNTOLD_NOT + 1; why < UNTOLD_COUNT; why++) {
		if (totals->untold[why] == 0)
			continue;
		printf("%s%s %" PRIu64, comma, untold_name((enum untold)why), totals->untold[why]);
		comma = ", ";
	}
	putchar('\n');
}

/* The first one to come of the new file; INT64_MAX: there is none. */
static int64_t next_flag_day(const struct telling *telling)
{
	return ramp_next_flag_day(telling->new->policies, telling->new->policy_count, telling->until_secs);
}

static void print_flag_day(const struct telling *telling)
{
	int64_t secs = next_flag_day(telling);
	char text[32];

	if (secs == INT64_MAX)
		return;
	printf("What is in force from %s (UTC) on is not in these figures: each message is asked about at its own time. "
	    "Ask about a copy of the file without that from.\n", clock_text(text, sizeof(text), CLOCK_ISO_HOUR, secs));
}

static void print_messages(const struct telling *telling)
{
	const struct change_totals *totals = telling->totals;

	if (totals->messages == 0) {
		puts("Nothing was recorded in that period: how many messages this concerns cannot be told.");
		return;
	}
	printf("Of %" PRIu64 " messages recorded in the last %.1f days:\n", totals->messages,
	    (double)(telling->until_secs - telling->since_secs) / DAY_SECS);
	for (int now = FATE_COUNT - 1; now >= 0; now--)
		for (int then = 0; then < FATE_COUNT; then++)
			print_way(totals, (enum fate)then, (enum fate)now);
	printf("  %" PRIu64 " as before\n", totals->same);
	print_untold(totals);
	print_flag_day(telling);
}

static void print_text(const struct telling *telling)
{
	const char *comma = "";
	size_t index;
	json_t *line;

	if (json_array_size(telling->lines.options) == 0)
		puts("No option differs.");
	json_array_foreach(telling->lines.options, index, line)
		puts(json_string_value(line));
	change_brakes_print(telling->lines.brakes);
	if (telling->totals != NULL)
		print_messages(telling);
	else
		puts(telling->unreadable ? "The record could not be read: how many messages this concerns cannot be told." :
		    "There is no record to look into: give --database, or set path in the section record.");
	if (json_array_size(telling->lines.unrecorded) == 0)
		return;
	printf("What checks would have found with another value of these is not recorded, and not in any figure: ");
	json_array_foreach(telling->lines.unrecorded, index, line) {
		printf("%s%s", comma, json_string_value(line));
		comma = ", ";
	}
	putchar('\n');
}

/* ---- JSON -------------------------------------------------------------------------------------------------------- */

static json_t *number(uint64_t value)
{
	return json_integer((json_int_t)value);
}

static json_t *way_json(const struct change_totals *totals, enum fate then, enum fate now)
{
	const struct change_way *way = &totals->ways[then][now];
	json_t *by = json_object();

	for (int id = 0; id < FINDING_COUNT; id++)
		if (way->by[id] != 0)
			json_object_set_new(by, findings_table[id].name, number(way->by[id]));
	return json_pack("{s:s, s:s, s:o, s:o, s:o, s:o, s:o}", "old", fate_name(then), "new", fate_name(now),
	    "messages", number(way->count.messages), "wanted", number(way->count.looks[LOOK_WANTED]),
	    "unclear", number(way->count.looks[LOOK_UNCLEAR]), "forged", number(way->count.looks[LOOK_FORGED]), "by", by);
}

static json_t *totals_json(const struct telling *telling)
{
	const struct change_totals *totals = telling->totals;
	json_t *ways = json_array(), *untold = json_object();

	for (int then = 0; then < FATE_COUNT; then++)
		for (int now = 0; now < FATE_COUNT; now++)
			if (then != now && totals->ways[then][now].count.messages != 0)
				json_array_append_new(ways, way_json(totals, (enum fate)then, (enum fate)now));
	for (int why = UNTOLD_NOT + 1; why < UNTOLD_COUNT; why++)
		if (totals->untold[why] != 0)
			json_object_set_new(untold, untold_name((enum untold)why), number(totals->untold[why]));
	return json_pack("{s:I, s:I, s:o, s:o, s:o, s:o, s:o, s:O}", "since", (json_int_t)telling->since_secs, "until",
	    (json_int_t)telling->until_secs, "messages", number(totals->messages), "same", number(totals->same), "changed", ways,
	    "untold", untold, "next_flag_day", next_flag_day(telling) != INT64_MAX ? number((uint64_t)next_flag_day(telling)) : json_null(),
	    "brakes", telling->lines.brakes);
}

static void print_json(const struct telling *telling)
{
	json_t *json = json_pack("{s:s, s:s, s:O, s:O, s:o}", "old", telling->change->old_path, "new", telling->change->new_path,
	    "options", telling->lines.options, "unrecorded", telling->lines.unrecorded,
	    "record", telling->totals != NULL ? totals_json(telling) : json_null());

	json_dumpf(json, stdout, JSON_INDENT(1));
	putchar('\n');
	json_decref(json);
}

/* ---- the record -------------------------------------------------------------------------------------------------- */

static int read_record(struct telling *telling, struct store *store)
{
	struct change *change = change_new(telling->old, telling->new, telling->since_secs);
	int code = store_peers_each(store, NULL, PEERS_MAX, change_learn_peer, change);

	if (code == 0)
		code = store_kinds_each(store, telling->since_secs, HOUR_SECS, change_learn, change);
	if (code == 0)
		code = store_kinds_each(store, telling->since_secs, HOUR_SECS, change_add, change);
	if (code == 0)
		code = change_brakes_read(telling->old, telling->new, store, telling->lines.brakes);
	telling->unreadable = code != 0;
	telling->totals = code == 0 ? change_totals(change) : NULL;
	(telling->change->json ? print_json : print_text)(telling);
	if (code != 0)
		code = record_failed("config", store);
	change_free(&change);
	return code;
}

static int tell(struct telling *telling)
{
	const struct config_change *change = telling->change;
	const struct config *from = telling->new->record_location != NULL ? telling->new : telling->old;
	const char *location = change->database != NULL ? change->database : from->record_location;
	struct store *store = NULL;
	int code = location != NULL && location[0] != '\0' ? record_open("config", from, change->database, &store) : EX_OK;

	if (store == NULL) {	/* what differs is known all the same */
		(change->json ? print_json : print_text)(telling);
		return code;
	}
	code = read_record(telling, store);
	store_close(&store);
	return code;
}

int config_change_tell(const struct config_change *change)
{
	int64_t back_secs = change->since_secs != 0 ? change->since_secs : (int64_t)SINCE_DEFAULT_DAYS * DAY_SECS;
	struct telling telling = { .change = change, .until_secs = clock_wall_secs(NULL) };
	int code = EX_CONFIG;

	telling.since_secs = begin_of_age(telling.until_secs, back_secs);	/* an hour counts whole */
	telling.old = load_config(change->old_path);
	telling.new = load_config(change->new_path);
	telling.lines = (struct lines){ json_array(), json_array(), json_array() };
	if (telling.old != NULL && telling.new != NULL) {
		(void)config_diff_all(telling.old, telling.new, add_line, telling.lines.options);
		(void)config_diff_findings(telling.old, telling.new, add_line, telling.lines.unrecorded);
		code = tell(&telling);
	}
	json_decref(telling.lines.options);
	json_decref(telling.lines.unrecorded);
	json_decref(telling.lines.brakes);
	config_unref(&telling.old);
	config_unref(&telling.new);
	return code;
}
