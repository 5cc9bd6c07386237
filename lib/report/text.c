/* SPDX-License-Identifier: BSD-2-Clause */
/* Prints a tally for people. Names in it come from messages, so they are cleaned for the terminal, and cut. */
#include "report/text.h"

#include <inttypes.h>
#include <time.h>

#include "util/clean.h"

enum { TOP = 20, NAME_SHOWN = 60 };

struct printer {
	FILE *out;
	uint64_t all;		/* messages */
	struct arena *arena;
};

static const char *name_text(const struct printer *printer, const char *name)
{
	struct buf buf = buf_make(printer->arena);

	clean_smtp(&buf, name, NAME_SHOWN);
	return buf.data;
}

static double percent(uint64_t part, uint64_t whole)
{
	return whole != 0 ? 100.0 * (double)part / (double)whole : 0.0;
}

static void print_totals(const struct tally_totals *totals, FILE *out)
{
	fprintf(out, "\n%-12s %16s %20s %22s\n", "action", "carried out", "told in dry-run", "by the policies now");
	for (int action = ACTION_COUNT - 1; action >= 0; action--)
		fprintf(out, "  %-10s %16" PRIu64 " %20" PRIu64 " %14" PRIu64 " %6.2f%%\n", action_name((enum action)action),
		    totals->carried_out[action], totals->told[action], totals->would[action],
		    percent(totals->would[action], totals->messages));
}

/* Only where there is something to be said of it. */
static void print_untold(const struct tally_totals *totals, FILE *out)
{
	uint64_t all = 0;

	for (int why = UNTOLD_NOT + 1; why < UNTOLD_COUNT; why++)
		all += totals->untold[why];
	if (all == 0)
		return;
	fprintf(out, "  %-11s%16s %20s %14" PRIu64 " %6.2f%%\n\ncannot tell, because of what was not recorded\n", "cannot tell", "", "", all,
	    percent(all, totals->messages));
	for (int why = UNTOLD_NOT + 1; why < UNTOLD_COUNT; why++)
		if (totals->untold[why] != 0)
			fprintf(out, "  %-40s %10" PRIu64 "\n", untold_name((enum untold)why), totals->untold[why]);
	if (totals->untold_old != 0)
		fprintf(out, "  %-40s %10" PRIu64 "\n", "of these by an earlier version", totals->untold_old);
}

static void print_by_action(void *arg, const struct tally_row *row)
{
	const struct printer *printer = arg;

	fprintf(printer->out, "  %-40s %10" PRIu64 " %9" PRIu64 " %9" PRIu64 " %9" PRIu64 " %10" PRIu64 " %9" PRIu64 "\n",
	    name_text(printer, row->name), row->messages, row->would[ACTION_TAG], row->would[ACTION_GREYLIST], row->would[ACTION_DEFER],
	    row->would[ACTION_QUARANTINE], row->would[ACTION_REJECT]);
}

/* With its share of all messages and the client networks that use it. */
static void print_use(void *arg, const struct tally_row *row)
{
	const struct printer *printer = arg;

	fprintf(printer->out, "  %-46s %10" PRIu64 " %8.2f%% %16" PRIu64 "\n", name_text(printer, row->name), row->messages,
	    percent(row->messages, printer->all), row->networks);
}

static void print_table(struct tally *tally, enum tally_table table, struct printer *printer)
{
	const struct tally_kind *kind = &tally_tables[table];
	size_t count = tally_count(tally, table);
	char title[80];

	/* the first table explains the columns of all */
	snprintf(title, sizeof(title), "%s%s", kind->title, table == 0 ? " (actions by the policies now)" : "");
	if (kind->by_action)
		fprintf(printer->out, "\n%-42s %10s %9s %9s %9s %10s %9s\n", title, "messages", "tag", "greylist", "defer", "quarantine",
		    "reject");
	else
		fprintf(printer->out, "\n%-48s %10s %9s %16s\n", title, "messages", "share", "client networks");
	tally_each(tally, table, TOP, kind->by_action ? print_by_action : print_use, printer);
	if (count > TOP)
		fprintf(printer->out, "  … and %zu more\n", count - TOP);
	if (count == 0)
		fputs("  none\n", printer->out);
}

void text_print_tally(struct tally *tally, int64_t since_secs, int64_t until_secs, FILE *out)
{
	const struct tally_totals *totals = tally_totals(tally);
	struct printer printer = { .out = out, .all = totals->messages, .arena = arena_new() };
	char since[32], until[32];
	struct tm tm;
	time_t time_value = (time_t)since_secs;

	strftime(since, sizeof(since), "%Y-%m-%d %H:%M", gmtime_r(&time_value, &tm));
	time_value = (time_t)until_secs;
	strftime(until, sizeof(until), "%Y-%m-%d %H:%M", gmtime_r(&time_value, &tm));
	fprintf(out, "Assay: %s to %s (UTC)\n%" PRIu64 " messages, %" PRIu64 " bytes, %" PRIu64 " flows\n", since, until,
	    totals->messages, totals->bytes, totals->rows);
	print_totals(totals, out);
	print_untold(totals, out);
	for (int table = 0; table < TALLY_TABLES; table++)
		print_table(tally, (enum tally_table)table, &printer);
	arena_free(&printer.arena);
}
