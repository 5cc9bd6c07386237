/* SPDX-License-Identifier: BSD-2-Clause */
/* Prints a forecast. Names in it come from messages, so they are cleaned for the terminal, and cut. Thread: one. */
#include "report/whatif_text.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "util/buf.h"
#include "util/clean.h"
#include "util/clock.h"

enum { NAME_SHOWN = 36 };

struct printer {
	FILE *out;
	struct arena *arena;
};

static const char *name_text(const struct printer *printer, const char *name)
{
	struct buf buf = buf_make(printer->arena);

	clean_smtp(&buf, name, NAME_SHOWN);
	return buf.data;
}

static const char *time_text(const struct printer *printer, int64_t secs)
{
	char text[32];

	return arena_strdup(printer->arena, clock_text(text, sizeof(text), CLOCK_MINUTE, secs));
}

static double percent(uint64_t part, uint64_t whole)
{
	return whole != 0 ? 100.0 * (double)part / (double)whole : 0.0;
}

static void print_head(const struct printer *printer, const struct whatif_totals *totals, const struct whatif_page *page)
{
	fprintf(printer->out, "What if: %s\n%s to %s (UTC)\n  of which the record has %s to %s\n", page->policies,
	    time_text(printer, page->since_secs), time_text(printer, page->until_secs), time_text(printer, totals->first_secs),
	    time_text(printer, totals->last_secs + 3600));
	fprintf(printer->out, "%" PRIu64 " messages in %" PRIu64 " flows; %" PRIu64 " (%.2f%%) can be told\n", totals->messages, totals->rows,
	    totals->told, percent(totals->told, totals->messages));
	if (page->flag_day_secs != 0)
		fprintf(printer->out, "what is in force from %s (UTC) on is in no figure:\n"
		    "  each message is asked about at its own time; ask by a copy of the file without that from\n",
		    time_text(printer, page->flag_day_secs));
}

static void print_actions(const struct printer *printer, const struct whatif_totals *totals)
{
	fprintf(printer->out, "\n%-12s %15s %15s %17s %15s\n%-12s %15s %15s %17s %15s\n", "", "then", "then", "what if", "what if", "action",
	    "carried out", "dry-run", "carried out", "dry-run");
	for (int action = ACTION_COUNT - 1; action >= 0; action--)
		fprintf(printer->out, "  %-10s %15" PRIu64 " %15" PRIu64 " %17" PRIu64 " %15" PRIu64 "\n", action_name((enum action)action),
		    totals->then_enforced[action], totals->then_dry[action], totals->now_enforced[action], totals->now_dry[action]);
}

static void print_count(const struct printer *printer, const char *name, const struct whatif_count *count)
{
	fprintf(printer->out, "  %-36s %9" PRIu64 " %9" PRIu64 " %9" PRIu64 " %9" PRIu64 "\n", name, count->messages,
	    count->looks[LOOK_WANTED], count->looks[LOOK_UNCLEAR], count->looks[LOOK_FORGED]);
}

static void print_count_head(const struct printer *printer, const char *title)
{
	fprintf(printer->out, "\n%-38s %9s %9s %9s %9s\n", title, "messages", "wanted", "unclear", "forged");
}

static void print_changes(const struct printer *printer, const struct whatif_totals *totals)
{
	static const char *const names[WHATIF_KINDS] = { "newly refused", "newly in quarantine", "newly delayed (greylisting)",
		"newly let in", "stays exposed" };

	print_count_head(printer, "what changes, and how it looks");
	for (int kind = 0; kind < WHATIF_KINDS; kind++)
		print_count(printer, names[kind], &totals->kinds[kind]);
	print_count(printer, "all that can be told", &totals->all);
	if (totals->partly != 0)
		fprintf(printer->out, "  %" PRIu64 " messages go on, but some of their recipients would be refused\n", totals->partly);
}

static void print_reasons(const struct printer *printer, const struct whatif_totals *totals)
{
	if (totals->kinds[WHATIF_REFUSED].messages == 0)
		return;
	fputs("\nnewly refused, by the finding that decides\n", printer->out);
	for (int id = 0; id < FINDING_COUNT; id++)
		if (totals->refused_by[id] != 0)
			fprintf(printer->out, "  %-36s %9" PRIu64 "\n", findings_table[id].name, totals->refused_by[id]);
	fputs("\nnewly refused, what speaks for it (a message may have several signs)\n", printer->out);
	for (int sign = 0; sign < SIGN_COUNT; sign++)
		if (totals->signs[WHATIF_REFUSED][sign] != 0)
			fprintf(printer->out, "  %-38s %7" PRIu64 "%s\n", sign_title((enum sign)sign), totals->signs[WHATIF_REFUSED][sign],
			    sign >= SIGN_WEAK ? "  not enough alone" : "");
}

static void print_domain(void *arg, const struct whatif_domain *domain)
{
	const struct printer *printer = arg;

	print_count(printer, name_text(printer, domain->name), &domain->count);
}

static void print_domains(struct printer *printer, struct whatif *whatif, enum whatif_kind kind, const char *title, size_t top)
{
	struct whatif_count other;
	size_t count;

	if (whatif_totals(whatif)->kinds[kind].messages == 0)
		return;
	print_count_head(printer, title);
	count = whatif_domains(whatif, kind, top, print_domain, printer, &other);
	if (count != 0)
		print_count(printer, arena_printf(printer->arena, "other (%zu domains)", count), &other);
}

/* A forecast of them: what they held back is let in from then on. */
static void print_brakes(const struct printer *printer, const struct brakes *brakes)
{
	if (brakes == NULL || brakes->count == 0)
		return;
	fprintf(printer->out, "\n%-48s %-16s %s\n", "brakes that come on (policy, finding)", "from", "until");
	for (size_t i = 0; i < brakes->count; i++) {
		const struct brake *brake = &brakes->items[i];

		fprintf(printer->out, "  %-20.20s %-25s %s %s%s\n", name_text(printer, brake->policy), findings_table[brake->finding].name,
		    time_text(printer, brake->since_secs), brake->until_secs != 0 ? time_text(printer, brake->until_secs) : "it is lifted",
		    brake->unsure ? " ?" : "");
	}
}

static void print_untold(const struct printer *printer, const struct whatif_totals *totals)
{
	if (totals->told == totals->messages)
		return;
	fputs("\ncannot be told, because of what was not recorded\n", printer->out);
	for (int why = UNTOLD_NOT + 1; why < UNTOLD_COUNT; why++)
		if (totals->untold[why] != 0)
			fprintf(printer->out, "  %-36s %9" PRIu64 "\n", untold_name((enum untold)why), totals->untold[why]);
	if (totals->untold_old != 0)
		fprintf(printer->out, "  %-36s %9" PRIu64 "\n", "of these by an earlier version", totals->untold_old);
}

/* ---- steps ------------------------------------------------------------------------------------------------------- */

static const char *share_text(const struct printer *printer, double share)
{
	if (isnan(share))
		return "-";
	if (share > 1)
		return "none";
	return share < 0 ? "any" : arena_printf(printer->arena, "%.2f%%", 100 * share);
}

static const char *gain_text(const struct printer *printer, double gain)
{
	return arena_printf(printer->arena, fabs(gain) < 1e7 ? "%.0f" : "%.1e", gain);
}

static void print_step(const struct printer *printer, const struct whatif_step *step, size_t rank)
{
	fprintf(printer->out, "%2zu %-25s %-10s %8" PRIu64 " %8" PRIu64 " %8" PRIu64 " %8" PRIu64 "\n", rank,
	    findings_table[step->finding].name, action_name(step->action), step->newly.messages, step->newly.looks[LOOK_WANTED],
	    step->newly.looks[LOOK_UNCLEAR], step->newly.looks[LOOK_FORGED]);
}

static void print_worth(const struct printer *printer, const struct whatif_step *step, size_t rank)
{
	fprintf(printer->out, "%2zu %-25s %-7s %8s %8s %8s %8s %7s\n", rank, findings_table[step->finding].name,
	    whatif_pays_name(step->pays), gain_text(printer, step->gain_low), gain_text(printer, step->gain_high), share_text(printer, step->needed),
	    share_text(printer, step->mail_ready), share_text(printer, step->senders_ready));
}

/* Those that would refuse something; the others are here for what cannot be told of them. */
static size_t count_shown(const struct whatif_step *steps, size_t count)
{
	size_t shown = 0;

	for (size_t i = 0; i < count; i++)
		shown += steps[i].newly.messages != 0;
	return shown;
}

static void print_untold_steps(const struct printer *printer, const struct whatif_step *steps, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (steps[i].untold != 0)
			fprintf(printer->out, "   %-25s cannot be told of %" PRIu64 " messages\n", findings_table[steps[i].finding].name,
			    steps[i].untold);
}

static void print_worths(const struct printer *printer, const struct whatif_step *steps, size_t count, const struct whatif_page *page)
{
	size_t rank = 0;

	fprintf(printer->out, "\nwhether it pays: good=%g, forged=%g, upkeep=%g a day, for %.1f days\n", page->weights.good,
	    page->weights.forged, page->weights.upkeep, page->days);
	fprintf(printer->out, "%-28s %-7s %8s %8s %8s %8s %7s\n", "", "", "gain,", "gain,", "mail", "mail", "senders");
	fprintf(printer->out, "%-28s %-7s %8s %8s %8s %8s %7s\n", "   finding", "pays", "at least", "at most", "needed", "ready", "ready");
	for (size_t i = 0; i < count; i++)
		if (steps[i].newly.messages != 0)
			print_worth(printer, &steps[i], ++rank);
}

static void print_steps(const struct printer *printer, struct whatif *whatif, const struct whatif_page *page)
{
	struct whatif_step steps[FINDING_COUNT];
	size_t count = whatif_steps(whatif, &page->weights, page->days, steps), rank = 0;

	fprintf(printer->out, "\none step more: to reject on one finding besides; what pays first\n");
	if (count_shown(steps, count) == 0)
		fputs("   no further finding would refuse anything\n", printer->out);
	else
		fprintf(printer->out, "%-28s %-10s %8s %8s %8s %8s\n", "   finding", "now", "refused", "wanted", "unclear", "forged");
	for (size_t i = 0; i < count; i++)
		if (steps[i].newly.messages != 0)
			print_step(printer, &steps[i], ++rank);
	print_untold_steps(printer, steps, count);
	if (rank != 0)
		print_worths(printer, steps, count, page);
}

void whatif_print_text(struct whatif *whatif, const struct whatif_page *page, FILE *out)
{
	const struct whatif_totals *totals = whatif_totals(whatif);
	struct printer printer = { .out = out, .arena = arena_new() };

	print_head(&printer, totals, page);
	print_actions(&printer, totals);
	print_changes(&printer, totals);
	print_reasons(&printer, totals);
	print_domains(&printer, whatif, WHATIF_REFUSED, "newly refused, by author domain", page->top);
	print_domains(&printer, whatif, WHATIF_QUARANTINED, "newly in quarantine, by author domain", page->top);
	print_domains(&printer, whatif, WHATIF_LET_IN, "newly let in, by author domain", page->top);
	print_domains(&printer, whatif, WHATIF_EXPOSED, "stays exposed, by author domain", page->top);
	print_brakes(&printer, whatif_brakes(whatif));
	print_untold(&printer, totals);
	print_steps(&printer, whatif, page);
	arena_free(&printer.arena);
}
