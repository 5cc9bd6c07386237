/* SPDX-License-Identifier: BSD-2-Clause */
/* The first sections of a report: what came, which finding to enforce next, what the policies at hand make of it. Thread: one. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "report/tally_internal.h"
#include "util/clock.h"

static const char *count_text(const struct sections *sections, uint64_t count)
{
	const struct page_value value = page_count(count);

	return page_value_text(sections->arena, &value);
}

/* ---- what came --------------------------------------------------------------------------------------------------- */

/* The hours of the day in which the period begins are no more, so the day counts whole. */
static bool begins_with_a_day(const struct tally *tally)
{
	int64_t into_day = tally->since_secs % DAY_SECS;

	return into_day != 0 && tally->since_secs - into_day + DAY_SECS <= tally->until_secs - tally->config->hour_keep_secs;
}

void sections_overview(const struct sections *sections)
{
	const struct tally *tally = sections->tally;
	struct page_section *section = page_section(sections->page, "overview", "What came");
	uint64_t messages = tally->all.messages;

	page_figure(section, "messages", "messages", page_count(messages));
	page_figure(section, "sessions", "sessions", page_count(tally->sessions));
	page_figure(section, "bytes", "bytes", page_count(tally->bytes));
	page_figure(section, "kinds", "kinds of messages", page_count(tally->kinds));
	if (messages != 0)
		page_figure(section, "first", "first day with mail", page_day(tally->first_secs));
	if (messages != 0)
		page_figure(section, "last", "last day with mail", page_day(tally->last_secs));
	page_figure(section, "wanted", "look wanted", page_count(tally->all.looks[LOOK_WANTED]));
	page_figure(section, "unclear", "unclear", page_count(tally->all.looks[LOOK_UNCLEAR]));
	page_figure(section, "forged", "look forged", page_count(tally->all.looks[LOOK_FORGED]));
	page_figure(section, "refused", "refused so far", page_count(tally->carried_out[ACTION_REJECT] + tally->carried_out[ACTION_DEFER]));
	page_figure(section, "told", "can be told under the policies", page_count(messages - tally->all.untold));
	if (begins_with_a_day(tally) && messages != 0)
		page_text(section, "The day in which the period begins counts whole, for its hours are not kept any longer (keep-hours).");
	if (tally->sessionless != 0)
		page_text(section, "The sessions of %s messages are not known: an earlier version, which did not count any, recorded them.",
		    count_text(sections, tally->sessionless));
	if (tally->old != 0)
		page_text(section, "Of %s messages an earlier version recorded less: none of them looks wanted for its author, and they are not in "
		    "the tables of protection, forwarders and DNSSEC.", count_text(sections, tally->old));
	page_text(section, "A message looks wanted when its author, a trusted forwarder or its client is proven; it looks forged when a "
	    "finding speaks of forgery and nothing at all speaks for it; all else is unclear. That is an estimate, and no verdict.");
}

/* ---- one step more ----------------------------------------------------------------------------------------------- */

static enum action asked_now(const struct policy_set *set, enum finding_id id)
{
	enum action least = ACTION_REJECT;

	for (size_t i = 0; i < set->count; i++)
		least = set->policies[i].actions[id] < least ? set->policies[i].actions[id] : least;
	return least;
}

static const char *cost_text(const struct sections *sections, const struct whatif_step *step)
{
	uint64_t wanted = step->newly.looks[LOOK_WANTED], unclear = step->newly.looks[LOOK_UNCLEAR];
	const char *rest = unclear == 0 ? "none is unclear" : arena_printf(sections->arena, "%s %s unclear, and may be either",
	    count_text(sections, unclear), unclear == 1 ? "is" : "are");

	if (wanted == 0)
		return arena_printf(sections->arena, "no message that looks wanted; %s", rest);
	return arena_printf(sections->arena, "%s messages of %s author domains that look wanted; %s", count_text(sections, wanted),
	    count_text(sections, step->senders_hit), rest);
}

/* Messages of which nothing can be told under what is carried out now, so that they are in no row of steps. */
static uint64_t untold_of_steps(struct tally *tally)
{
	const struct whatif_totals *totals = whatif_totals(tally->whatif);

	return totals->messages - totals->told;
}

/* Without a step that would surely refuse something: that none would is said only where it is known. */
static void put_no_step(const struct sections *sections, struct page_section *section, uint64_t unsure)
{
	uint64_t untold = untold_of_steps(sections->tally);

	if (sections->tally->all.messages == 0)
		page_answer(section, "first", "Nothing was recorded in this period: there is no step to take.");
	else if (unsure != 0 || untold != 0)
		page_answer(section, "first", "No step can be named: of %s messages it cannot be told what a further finding would refuse.",
		    count_text(sections, unsure > untold ? unsure : untold));
	else
		page_answer(section, "first", "No further finding would refuse anything: there is no step to take.");
}

/* The answer to: which finding would you enforce first, and what would it cost? */
static void put_answer(const struct sections *sections, struct page_section *section, const struct whatif_step *step)
{
	if (step == NULL || step->newly.messages == 0) {
		put_no_step(sections, section, step != NULL ? step->untold : 0);
		return;
	}
	if (step->pays == PAYS_NO) {
		page_answer(section, "first", "Enforce none yet: each further finding would cost more, in wanted mail and in upkeep, than the forged "
		    "mail that it refuses is worth. The least costly is %s: %s messages, %s of which look forged; it costs %s.",
		    findings_table[step->finding].name, count_text(sections, step->newly.messages),
		    count_text(sections, step->newly.looks[LOOK_FORGED]), cost_text(sections, step));
		return;
	}
	page_answer(section, "first", "%s %s%s. In this period it would have refused %s messages; %s of them look forged. It costs %s.",
	    step->pays == PAYS_YES ? "Enforce first:" : "Look first at", findings_table[step->finding].name,
	    step->pays == PAYS_YES ? "" : "; whether it pays hangs on the mail that is unclear",
	    count_text(sections, step->newly.messages), count_text(sections, step->newly.looks[LOOK_FORGED]), cost_text(sections, step));
	page_text(section, "%s: %s. Whose messages these are, assay whatif --config says of a configuration that rejects on it.",
	    findings_table[step->finding].name, findings_table[step->finding].help);
}

static void put_step(struct page_table *table, const struct whatif_step *step, uint64_t rank, const struct policy_set *asked)
{
	struct page_value *row = page_row(table);

	row[0] = page_name(findings_table[step->finding].name);
	row[1] = page_count(step->newly.messages);
	for (int look = 0; look < LOOK_COUNT; look++)
		row[2 + look] = page_count(step->newly.looks[look]);
	row[5] = page_name(whatif_pays_name(step->pays));
	row[6] = page_count(step->senders_hit);
	row[7] = page_name(action_name(asked_now(asked, step->finding)));
	row[8] = page_number(step->gain_low);
	row[9] = page_number(step->gain_high);
	row[10] = page_count(step->untold);
	row[11] = page_count(rank);
}

/* What upkeep is reckoned for: days with mail and those between them, but no more than the period has. */
static double days_of(const struct tally *tally)
{
	double days = (double)(tally->last_secs + DAY_SECS - tally->first_secs) / DAY_SECS;
	double period = (double)(tally->until_secs - tally->since_secs) / DAY_SECS;

	if (tally->first_secs == 0)
		return 1;
	return period > 0 && period < days ? period : days;
}

void sections_steps(const struct sections *sections)
{
	static const struct page_column columns[] = {
		{ "finding", "finding", PAGE_NAME, TONE_NONE }, { "refused", "would refuse", PAGE_COUNT, TONE_NONE }, LOOK_COLUMNS,
		{ "pays", "pays", PAGE_NAME, TONE_NONE }, { "senders", "wanted senders hit", PAGE_COUNT, TONE_NONE },
		{ "asked", "the policies ask for, at least", PAGE_NAME, TONE_NONE }, { "gain_low", "gain, at least", PAGE_NUMBER, TONE_NONE },
		{ "gain_high", "gain, at most", PAGE_NUMBER, TONE_NONE }, { "cannot_tell", "cannot tell", PAGE_COUNT, TONE_NONE },
		{ "rank", "rank", PAGE_COUNT, TONE_NONE },
	};
	static const struct whatif_weights weights = { WHATIF_GOOD, WHATIF_FORGED, WHATIF_UPKEEP };
	struct tally *tally = sections->tally;
	struct page_section *section = page_section(sections->page, "next", "Which finding to enforce next, and what it costs");
	struct whatif_step steps[FINDING_COUNT];
	size_t count = whatif_steps(tally->whatif, &weights, days_of(tally), steps);
	struct page_table *table;

	put_answer(sections, section, count != 0 ? &steps[0] : NULL);
	if (count == 0)
		return;
	table = PAGE_TABLE(section, "steps", "Rejecting on one finding more than is enforced today", columns);
	if (untold_of_steps(tally) != 0)
		page_text(section, "Of %s messages nothing of that can be told; they are in no row.", count_text(sections, untold_of_steps(tally)));
	table->note = "Each row stands alone. A step pays when the forged mail that it refuses is worth more than the wanted mail, with a wanted "
	    "message weighing 10, a forged one 1, and the upkeep of a finding 1 a day: \"yes\" whatever the unclear messages are, "
	    "\"perhaps\" if enough of them are forged; the gain is in forged messages. assay whatif takes other weights; assay-whatif(7) explains them.";
	for (size_t i = 0; i < count; i++)
		put_step(table, &steps[i], i + 1, &tally->set);
}

/* ---- what the policies make of it -------------------------------------------------------------------------------- */

static void put_actions(struct page_section *section, const struct tally *tally)
{
	static const struct page_column columns[] = {
		{ "action", "action", PAGE_NAME, TONE_NONE }, { "carried_out", "carried out", PAGE_COUNT, TONE_NONE },
		{ "dry_run", "told in dry-run", PAGE_COUNT, TONE_NONE }, { "now", "by the policies now", PAGE_COUNT, TONE_NONE },
		{ "share", "share of all", PAGE_SHARE, TONE_NONE }, LOOK_COLUMNS,
	};
	struct page_table *table = PAGE_TABLE(section, "actions", "Actions: as decided then, and as the policies decide now", columns);
	struct page_value *row;
	uint64_t untold = tally->all.untold;

	table->note = "The last three columns say how the messages of \"by the policies now\" look.";
	for (int action = ACTION_COUNT - 1; action >= 0; action--) {
		row = page_row(table);
		row[0] = page_name(action_name((enum action)action));
		row[1] = page_count(tally->carried_out[action]);
		row[2] = page_count(tally->told[action]);
		row[3] = page_count(tally->all.would[action]);
		row[4] = page_share(tally->all.would[action], tally->all.messages);
		for (int look = 0; look < LOOK_COUNT; look++)
			row[5 + look] = page_count(tally->action_looks[action][look]);
	}
	if (untold == 0)
		return;
	row = page_row(table);
	row[0] = page_name("cannot tell");
	row[3] = page_count(untold);
	row[4] = page_share(untold, tally->all.messages);
}

static void put_days(struct page_section *section, const struct tally *tally)
{
	static const struct page_column actions[] = { { "day", "day (UTC)", PAGE_DAY, TONE_NONE }, MAIL_COLUMNS },
	    looks[] = { { "day", "day (UTC)", PAGE_DAY, TONE_NONE }, { "messages", "messages", PAGE_COUNT, TONE_NONE }, LOOK_COLUMNS };
	struct page_table *by_action = PAGE_TABLE(section, "days", "What would have happened, by day", actions);
	struct page_table *by_look = PAGE_TABLE(section, "looks", "How the mail looks, by day", looks);
	size_t first = 0, end = tally->day_count;

	by_action->plot = by_look->plot = true;
	while (first < end && tally->days[first].mail.messages == 0)
		first++;
	while (end > first && tally->days[end - 1].mail.messages == 0)
		end--;
	for (size_t i = first; i < end; i++) {
		const struct mail_counts *mail = &tally->days[i].mail;
		struct page_value *row = page_row(by_action), day = page_day((tally->first_day + (int64_t)i) * DAY_SECS);

		row[0] = day;
		row[1] = page_count(mail->messages);
		for (int action = 0; action < ACTION_COUNT; action++)
			row[2 + action] = page_count(mail->would[action]);
		row[2 + ACTION_COUNT] = page_count(mail->untold);
		row = page_row(by_look);
		row[0] = day;
		row[1] = page_count(mail->messages);
		for (int look = 0; look < LOOK_COUNT; look++)
			row[2 + look] = page_count(mail->looks[look]);
	}
}

struct finding_row_counts { const char *name; const struct finding_counts *counts; };

static int by_decided(const void *left, const void *right)
{
	const struct finding_row_counts *a = left, *b = right;

	if (a->counts->decided != b->counts->decided)
		return a->counts->decided < b->counts->decided ? 1 : -1;
	if (a->counts->present != b->counts->present)
		return a->counts->present < b->counts->present ? 1 : -1;
	return strcmp(a->name, b->name);
}

static void put_finding(struct page_table *table, const char *name, const struct finding_counts *counts)
{
	struct page_value *row = page_row(table);

	row[0] = page_name(name);
	row[1] = page_count(counts->decided);
	row[2] = page_count(counts->present - counts->decided);
	row[3] = page_count(counts->present);
	for (int action = ACTION_TAG; action < ACTION_COUNT; action++)
		row[3 + action] = page_count(counts->actions[action]);
	for (int look = 0; look < LOOK_COUNT; look++)
		row[9 + look] = page_count(counts->looks[look]);
}

static void put_findings(struct page_section *section, struct tally *tally)
{
	static const struct page_column columns[] = {
		{ "finding", "finding", PAGE_NAME, TONE_NONE }, { "decided", "decided", PAGE_COUNT, TONE_NONE },
		{ "merely_present", "merely present", PAGE_COUNT, TONE_NONE }, { "present", "present in all", PAGE_COUNT, TONE_NONE },
		{ "tag", "tag", PAGE_COUNT, TONE_2 }, { "greylist", "greylist", PAGE_COUNT, TONE_3 }, { "defer", "defer", PAGE_COUNT, TONE_4 },
		{ "quarantine", "quarantine", PAGE_COUNT, TONE_5 }, { "reject", "reject", PAGE_COUNT, TONE_6 }, LOOK_COLUMNS,
	};
	struct page_table *table = PAGE_TABLE(section, "findings", "Findings: which decided, and which were merely present", columns);
	struct finding_row_counts found[FINDING_COUNT];
	size_t count = 0;

	table->note = "One finding decides a message; the others that it has are merely present. Actions and looks are those of the messages "
	    "that the finding decided. A message can have several findings, so \"present\" does not add up to all messages.";
	for (int id = 0; id < FINDING_COUNT; id++)
		if (tally->findings[id].present != 0)
			found[count++] = (struct finding_row_counts){ findings_table[id].name, &tally->findings[id] };
	qsort(found, count, sizeof(*found), by_decided);
	for (size_t i = 0; i < count; i++)
		put_finding(table, found[i].name, found[i].counts);
}

static void put_mail(void *arg, const char *name, const void *counts)
{
	const struct mail_counts *mail = counts;
	struct page_value *row = page_row(arg);

	row[0] = page_name(name);
	row[1] = page_count(mail->messages);
	for (int action = 0; action < ACTION_COUNT; action++)
		row[2 + action] = page_count(mail->would[action]);
	row[2 + ACTION_COUNT] = page_count(mail->untold);
	for (int look = 0; look < LOOK_COUNT; look++)
		row[3 + ACTION_COUNT + look] = page_count(mail->looks[look]);
}

static void put_names(const struct sections *sections, struct page_section *section, enum mail_table which, const char *key,
    const char *title)
{
	static const struct page_column columns[] = { { "name", "domain", PAGE_NAME, TONE_NONE }, MAIL_COLUMNS, LOOK_COLUMNS };
	struct page_table *table = PAGE_TABLE(section, key, title, columns);
	struct mail_counts other;

	table->other_names = groups_top(sections->tally->mail[which], sections->top, put_mail, table, &other);
	if (table->other_names != 0)
		put_mail(table, "other", &other);
}

static uint64_t sum(const uint64_t *counts, size_t count)
{
	uint64_t all = 0;

	for (size_t i = 0; i < count; i++)
		all += counts[i];
	return all;
}

/* Those that are on: they let in what the policy would hold back. */
static void put_brake(struct page_section *section, const struct brake *brake)
{
	char since[32];

	if (brake->until_secs != 0)
		return;
	(void)clock_text(since, sizeof(since), CLOCK_MINUTE, brake->since_secs);
	page_text(section, "Policy %s only tags for %s since %s (UTC): a brake is on, for much of what it held back looked wanted. assay brakes "
	    "lists and lifts them.", brake->policy, findings_table[brake->finding].name, since);
}

void sections_policy(const struct sections *sections)
{
	struct tally *tally = sections->tally;
	struct page_section *section = page_section(sections->page, "policy", "What would have happened under the policies at hand");
	struct finding_counts all = { 0 };

	for (int id = 0; id < FINDING_COUNT; id++)
		all.decided += tally->findings[id].decided;
	page_figure(section, "decided", "decided by a finding", page_count(all.decided));
	page_figure(section, "undecided", "no finding decided", page_count(tally->undecided));
	page_figure(section, "cannot_tell", "cannot be told", page_count(sum(tally->untold, UNTOLD_COUNT)));
	put_actions(section, tally);
	put_days(section, tally);
	put_findings(section, tally);
	put_names(sections, section, MAIL_AUTHORS, "authors", "By author domain");
	put_names(sections, section, MAIL_ENVELOPES, "envelopes", "By envelope domain (MAIL FROM)");
	put_names(sections, section, MAIL_CLIENTS, "clients", "By sending client: the domain of its name, or its network");
	page_text(section, "A message to several recipient domains counts in each of them; there are %s such pairs of message and domain.",
	    count_text(sections, tally->copies));
	for (size_t i = 0; tally->epochs.brakes != NULL && i < tally->epochs.brakes->count; i++)
		put_brake(section, &tally->epochs.brakes->items[i]);
	if (tally->partly != 0)
		page_text(section, "%s of the messages would be refused to some of their recipients and go on to others; they count, in all of their "
		    "domains, as what comes of them for the others.", count_text(sections, tally->partly));
	put_names(sections, section, MAIL_RECIPIENTS, "recipients", "By recipient domain");
}
