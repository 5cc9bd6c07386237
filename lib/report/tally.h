/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_REPORT_TALLY_H
#define ASSAY_REPORT_TALLY_H
/*
 * Recorded flows, added up: totals and a few tables. A printer (text.c is one) walks them with tally_totals() and tally_each()
 * and knows nothing of how they came about; tally_tables says what there is, so that a further table appears in each printer.
 * Thread: one.
 */
#include <stddef.h>
#include <stdint.h>

#include "config/config.h"
#include "policy/recorded.h"
#include "record/store.h"

struct tally;

struct tally_totals {
	uint64_t rows, messages, bytes;
	uint64_t carried_out[ACTION_COUNT];	/* messages, by what was decided and enforced at the time */
	uint64_t told[ACTION_COUNT];		/* by what was decided in dry-run at the time */
	uint64_t would[ACTION_COUNT];		/* by what the policies at hand decide, as far as that can be told */
	uint64_t untold[UNTOLD_COUNT];		/* where it cannot, by why */
	uint64_t untold_old;			/* of those, in rows from before evidence was recorded */
};

enum tally_table { TALLY_FINDINGS, TALLY_DOMAINS, TALLY_GRADES, TALLY_VERSIONS, TALLY_CIPHERS, TALLY_TABLES };

/* What a table is about. */
struct tally_kind {
	const char *name;	/* for machines: "findings" */
	const char *title;	/* for people: what the names of its rows are */
	bool by_action;		/* rows say what the policies at hand decide; else by how many networks something is used */
};
extern const struct tally_kind tally_tables[TALLY_TABLES];

struct tally_row {
	const char *name;	/* as recorded: printers clean it for where it goes. Borrowed until the tally goes */
	uint64_t messages;
	uint64_t would[ACTION_COUNT];	/* those of which it can be told, by what the policies at hand decide */
	uint64_t networks;	/* client networks that it was seen from; only where the table is not by action */
};

/** @param config whose policies are replayed; borrowed for the tally's life. */
struct tally *tally_new(const struct config *config);
void tally_free(struct tally **tally);

/** Adds one row; fits store_flows_each() with the tally as its argument. */
void tally_add(void *tally, const struct flow_row *row);

const struct tally_totals *tally_totals(const struct tally *tally);

/** @return how many rows a table has. */
size_t tally_count(const struct tally *tally, enum tally_table table);

typedef void tally_each_f(void *arg, const struct tally_row *row);
/** Visits the rows of a table, those of most messages first, equal ones by name; at most limit of them. */
void tally_each(struct tally *tally, enum tally_table table, size_t limit, tally_each_f *each, void *arg);

#endif
