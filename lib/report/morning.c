/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The morning's ten lines. A usual day is the mean of those of the seven days before that have any mail, so that a record that is young, or
 * a host that sleeps at weekends, has a habit too. What looks wanted is the signs' word (signs.h), never a sender's.
 * Trusts the record for its sums; names in it are from outside. Thread: one.
 */
#include "report/morning.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "report/groups.h"
#include "report/replay.h"
#include "report/signs.h"
#include "util/buf.h"
#include "util/clean.h"
#include "util/clock.h"
#include "util/out_of_memory.h"

enum {
	DAY_SECS = 86400, NAMES_MAX = 40000, NAMES_SHOWN = 3, NAME_CHARS = 60,
	GROWN_LEAST = 10,	/* messages with a finding before it counts as grown, and twice its usual number */
	DNS_PERCENT = 1,	/* of a day's messages without DNS: somebody should look */
};

/* Of which days a count is. */
enum when { THE_DAY, DAY_BEFORE, WEEK, WHENS };

struct counts { uint64_t messages, refused, put_off, quarantined, would_refuse, wanted_refused, downgraded, no_dns, bogus; };

/* An author domain whose mail fails, but does not look forged. */
struct failing_counts { uint64_t day, week; };

struct morning {
	const struct config *config;
	int64_t day_secs;
	struct signs *signs;
	struct arena *arena;	/* for one kind */
	struct counts counts[WHENS];
	uint64_t findings[WHENS][FINDING_COUNT];
	unsigned brakes;	/* that are on */
	uint64_t week_messages[MORNING_WEEK_DAYS];	/* by day, the latest first */
	struct groups *failing, *wanted_refused;
};

struct morning *morning_new(const struct config *config, int64_t day_secs)
{
	struct morning *morning = calloc(1, sizeof(*morning));

	if (morning == NULL)
		out_of_memory();
	morning->config = config;
	morning->day_secs = day_secs - day_secs % DAY_SECS;
	morning->signs = signs_new(config, morning_since(morning));
	morning->arena = arena_new();
	morning->failing = groups_new(sizeof(struct failing_counts) / sizeof(uint64_t), NAMES_MAX);
	morning->wanted_refused = groups_new(1, NAMES_MAX);
	return morning;
}

void morning_free(struct morning **morning)
{
	struct morning *old = *morning;

	*morning = NULL;
	if (old == NULL)
		return;
	signs_free(&old->signs);
	arena_free(&old->arena);
	groups_free(&old->failing);
	groups_free(&old->wanted_refused);
	free(old);
}

int64_t morning_since(const struct morning *morning)
{
	return morning->day_secs - (int64_t)MORNING_WEEK_DAYS * DAY_SECS;
}

void morning_peer(void *arg, const char *peer, const struct peer_memory *memory)
{
	signs_learn_peer(((struct morning *)arg)->signs, peer, memory);
}

void morning_learn(void *arg, const struct flow_row *kind, const struct flow_span *spans, size_t count)
{
	struct morning *morning = arg;
	struct replay_past past;

	arena_reset(morning->arena);
	replay_read(morning->config, kind, morning->arena, &past);
	for (size_t i = 0; i < count && !past.old; i++)
		signs_learn(morning->signs, spans[i].from_secs, &past.evidence);
}

/* ---- adding up --------------------------------------------------------------------------------------------------- */

/* What is to be counted of a kind, the same for each of its messages. */
struct seen {
	const struct flow_row *row;
	finding_set findings;
	bool fails, wanted, forged, no_dns;
};

static void count_into(struct counts *counts, const struct seen *seen, uint64_t messages)
{
	const char *action = seen->row->action;
	bool reject = strcmp(action, action_name(ACTION_REJECT)) == 0, enforced = seen->row->enforced;
	bool put_off = strcmp(action, action_name(ACTION_DEFER)) == 0 || strcmp(action, action_name(ACTION_GREYLIST)) == 0;

	counts->messages += messages;
	counts->refused += reject && enforced ? messages : 0;
	counts->would_refuse += reject && !enforced ? messages : 0;
	counts->wanted_refused += reject && enforced && seen->wanted ? messages : 0;
	counts->put_off += put_off && enforced ? messages : 0;
	counts->quarantined += enforced && strcmp(action, action_name(ACTION_QUARANTINE)) == 0 ? messages : 0;
	counts->downgraded += finding_set_has(&seen->findings, FINDING_TLS_DOWNGRADE) ||
	    finding_set_has(&seen->findings, FINDING_TLS_STRIPPED) ? messages : 0;
	counts->no_dns += seen->no_dns ? messages : 0;
	counts->bogus += finding_set_has(&seen->findings, FINDING_DNSSEC_BOGUS) ? messages : 0;
}

static void count_names(struct morning *morning, const struct seen *seen, enum when when, uint64_t messages)
{
	const char *author = seen->row->author_domain;

	if (author[0] == '\0' || seen->row->other)
		return;
	if (seen->fails && !seen->forged && when != DAY_BEFORE) {
		struct failing_counts *failing = groups_at(morning->failing, author);

		failing->day += when == THE_DAY ? messages : 0;
		failing->week += when == WEEK ? messages : 0;
	}
	if (when == THE_DAY && seen->wanted && seen->row->enforced && strcmp(seen->row->action, action_name(ACTION_REJECT)) == 0)
		*(uint64_t *)groups_at(morning->wanted_refused, author) += messages;
}

static void count_span(struct morning *morning, const struct seen *seen, const struct flow_span *span)
{
	int64_t from = span->from_secs - span->from_secs % DAY_SECS, ago = (morning->day_secs - from) / DAY_SECS;
	bool in[WHENS] = { [THE_DAY] = ago == 0, [DAY_BEFORE] = ago == 1, [WEEK] = ago >= 1 && ago <= MORNING_WEEK_DAYS };

	for (enum when when = 0; when < WHENS; when++) {
		if (!in[when])
			continue;
		count_into(&morning->counts[when], seen, span->messages);
		count_names(morning, seen, when, span->messages);
		FINDING_SET_EACH(&seen->findings, id)
			morning->findings[when][id] += span->messages;
	}
	if (in[WEEK])
		morning->week_messages[ago - 1] += span->messages;
}

void morning_add(void *arg, const struct flow_row *kind, const struct flow_span *spans, size_t count)
{
	static const enum finding_id failures[] = { FINDING_DMARC_FAIL, FINDING_DMARC_QUARANTINE, FINDING_DMARC_REJECT,
		FINDING_DMARC_REJECT_CORROBORATED };
	struct morning *morning = arg;
	struct seen seen = { .row = kind };
	struct replay_past past;
	struct looks looks;

	arena_reset(morning->arena);
	replay_read(morning->config, kind, morning->arena, &past);
	looks = signs_look(morning->signs, &past.evidence);
	seen.findings = past.findings;
	seen.wanted = !past.old && looks.look == LOOK_WANTED;
	seen.forged = past.old || looks.look == LOOK_FORGED;
	for (size_t i = 0; i < sizeof(failures) / sizeof(failures[0]); i++)
		seen.fails = seen.fails || finding_set_has(&past.findings, failures[i]);
	seen.no_dns = finding_set_has(&past.findings, FINDING_DNS_UNAVAILABLE);
	for (size_t i = 0; i < count; i++)
		count_span(morning, &seen, &spans[i]);
}

/* ---- telling ----------------------------------------------------------------------------------------------------- */

static unsigned days_seen(const struct morning *morning)
{
	unsigned days = 0;

	for (size_t i = 0; i < MORNING_WEEK_DAYS; i++)
		days += morning->week_messages[i] != 0;
	return days;
}

static uint64_t usual(const struct morning *morning, uint64_t week)
{
	unsigned days = days_seen(morning);

	return days != 0 ? (week + days / 2) / days : 0;
}

/* "12,345" */
static const char *number(struct arena *arena, uint64_t value)
{
	char digits[32];
	struct buf buf = buf_make(arena);
	int length = snprintf(digits, sizeof(digits), "%" PRIu64, value);

	for (int i = 0; i < length; i++) {
		if (i != 0 && (length - i) % 3 == 0)
			buf_putc(&buf, ',');
		buf_putc(&buf, digits[i]);
	}
	return buf.data;
}

/* "5 messages, 3 the day before, 4 on a usual day" */
static const char *compared(const struct morning *morning, struct arena *arena, uint64_t day, uint64_t before, uint64_t week)
{
	if (days_seen(morning) == 0)
		return arena_printf(arena, "%s; there is no day before to compare it with", number(arena, day));
	return arena_printf(arena, "%s; the day before %s, on a usual day %s", number(arena, day), number(arena, before),
	    number(arena, usual(morning, week)));
}

#define COMPARED(morning, arena, field) compared(morning, arena, (morning)->counts[THE_DAY].field, (morning)->counts[DAY_BEFORE].field, \
    (morning)->counts[WEEK].field)

/* Some names with their counts, the rest as a number. */
struct names {
	struct buf buf;
	size_t shown, all;
};

static void put_name(struct names *names, const char *name, uint64_t messages)
{
	if (names->all++ >= NAMES_SHOWN)
		return;
	buf_printf(&names->buf, "%s%s (%s)", names->shown++ != 0 ? ", " : "", clean_word(names->buf.arena, name, NAME_CHARS),
	    number(names->buf.arena, messages));
}

static const char *names_text(struct names *names, const char *none)
{
	if (names->all == 0)
		return none;
	if (names->all > names->shown)
		buf_printf(&names->buf, " and %zu more", names->all - names->shown);
	return names->buf.data;
}

/* Findings that nobody has seen all week. */
static const char *new_findings(const struct morning *morning, struct arena *arena)
{
	struct names names = { .buf = buf_make(arena) };

	if (days_seen(morning) == 0)
		return "all are new: nothing was recorded in the week before";
	for (size_t id = 0; id < FINDING_COUNT; id++)
		if (morning->findings[THE_DAY][id] != 0 && morning->findings[WEEK][id] == 0)
			put_name(&names, findings_table[id].name, morning->findings[THE_DAY][id]);
	return names_text(&names, "none");
}

/* The one that has grown most against its habit. */
static const char *grown_finding(const struct morning *morning, struct arena *arena)
{
	size_t most = FINDING_COUNT;
	uint64_t most_growth = 0;

	for (size_t id = 0; id < FINDING_COUNT; id++) {
		uint64_t day = morning->findings[THE_DAY][id], habit = usual(morning, morning->findings[WEEK][id]);

		if (habit == 0 || day < GROWN_LEAST || day < 2 * habit || day - habit <= most_growth)
			continue;
		most = id;
		most_growth = day - habit;
	}
	return most == FINDING_COUNT ? "no finding twice as often as usual" : arena_printf(arena, "%s: %s", findings_table[most].name,
	    compared(morning, arena, morning->findings[THE_DAY][most], morning->findings[DAY_BEFORE][most], morning->findings[WEEK][most]));
}

static void put_failing(void *arg, const char *name, const void *counts)
{
	const struct failing_counts *failing = counts;

	if (failing->day != 0 && failing->week == 0)
		put_name(arg, name, failing->day);
}

static const char *new_failing(const struct morning *morning, struct arena *arena)
{
	struct names names = { .buf = buf_make(arena) };
	struct failing_counts other;

	if (days_seen(morning) == 0)
		return "cannot be told: nothing was recorded in the week before";
	groups_top(morning->failing, NAMES_MAX, put_failing, &names, &other);
	return names_text(&names, "none");
}

static void put_refused(void *arg, const char *name, const void *counts)
{
	put_name(arg, name, *(const uint64_t *)counts);
}

static const char *wanted_refused(const struct morning *morning, struct arena *arena)
{
	struct names names = { .buf = buf_make(arena) };
	uint64_t other;

	groups_top(morning->wanted_refused, NAMES_MAX, put_refused, &names, &other);
	return names_text(&names, "none");
}

static const char *dns_text(const struct morning *morning, struct arena *arena)
{
	const struct counts *day = &morning->counts[THE_DAY];

	if (day->no_dns == 0 && day->bogus == 0)
		return "was there for all messages";
	return arena_printf(arena, "did not answer for %s; answers that fail DNSSEC for %s, on a usual day %s", number(arena, day->no_dns),
	    number(arena, day->bogus), number(arena, usual(morning, morning->counts[WEEK].bogus)));
}

void morning_brake(void *arg, const struct brake_row *row)
{
	struct morning *morning = arg;

	morning->brakes += row->lifted_secs == 0;
}

/* What somebody should see to. @return NULL: nothing. */
static const char *needs(const struct morning *morning, struct arena *arena)
{
	const struct counts *day = &morning->counts[THE_DAY];
	struct buf buf = buf_make(arena);
	uint64_t downgrades = usual(morning, morning->counts[WEEK].downgraded);

	if (day->messages == 0)
		buf_printf(&buf, "; nothing was recorded%s: see assay doctor", days_seen(morning) != 0 ? ", unlike before" : "");
	if (day->no_dns != 0 && day->no_dns * 100 >= day->messages * DNS_PERCENT)
		buf_puts(&buf, "; DNS did not answer: see assay doctor");
	if (day->wanted_refused != 0)
		buf_puts(&buf, "; refused mail looks wanted: see those senders");
	if (morning->brakes != 0)
		buf_printf(&buf, "; %u brake%s on, so that findings are only tagged: see assay brakes", morning->brakes,
		    morning->brakes == 1 ? " is" : "s are");
	if (day->downgraded > 2 * downgrades)
		buf_puts(&buf, "; peers came with less TLS than usual: see assay peers");
	return buf.length != 0 ? buf.data + 2 : NULL;
}

static const char *day_text(struct arena *arena, int64_t secs)
{
	char text[32];

	return arena_strdup(arena, clock_text(text, sizeof(text), CLOCK_DAY, secs));
}

void morning_tell(const struct morning *morning, struct arena *arena, struct morning_text *text_r)
{
	const struct counts *day = &morning->counts[THE_DAY];
	const char *todo = needs(morning, arena);
	const struct { const char *label, *text; } lines[MORNING_LINES] = {
		{ "Messages", COMPARED(morning, arena, messages) },
		{ "Refused", COMPARED(morning, arena, refused) },
		{ "Looked wanted", wanted_refused(morning, arena) },
		{ "Dry-run only", arena_printf(arena, "would have been refused: %s", COMPARED(morning, arena, would_refuse)) },
		{ "Held, put off", arena_printf(arena, "%s quarantined, %s put off", number(arena, day->quarantined), number(arena, day->put_off)) },
		{ "New findings", new_findings(morning, arena) },
		{ "Grown", grown_finding(morning, arena) },
		{ "Newly failing", new_failing(morning, arena) },
		{ "TLS, DNS", arena_printf(arena, "%s came with less TLS than usual; DNS %s", number(arena, day->downgraded),
		    dns_text(morning, arena)) },
		{ "Needs you", todo != NULL ? todo : "nothing" },
	};

	for (size_t i = 0; i < MORNING_LINES; i++)
		text_r->lines[i] = arena_printf(arena, "%-14s %s", lines[i].label, lines[i].text);
	text_r->needs_admin = todo != NULL;
	text_r->subject = arena_printf(arena, "%s: %s messages, %s refused%s", day_text(arena, morning->day_secs),
	    number(arena, day->messages), number(arena, day->refused), todo != NULL ? "; needs you" : "");
}
