/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_TESTS_REPORT_FIXTURE_H
#define ASSAY_TESTS_REPORT_FIXTURE_H
/* A report on made-up rows, and its values by name. Thread: one. */
#include "record/store.h"
#include "report/page.h"

/* A day's beginning, 2023-11-15. */
enum { REPORT_DAY = 1700006400 };

extern const struct flow_row report_row;	/* to be changed in copies */

/* What a report is made of. */
struct report_world {
	const char *settings;	/* of the configuration */
	const struct flow_row *rows;
	size_t count;
	size_t top;		/* 0: 20 */
	void (*more)(void *tally);	/* adds peers, say; NULL */
	int64_t later_secs;	/* so much after REPORT_DAY the period begins */
};

struct report { struct arena *arena; struct page *page; struct tally *tally; const struct config *config; };

/** The rows are of one span each, from their hour on. Fails the test when the settings are wrong. */
void report_make(const struct report_world *world, struct report *report_r);
/** The same of rows and settings alone. */
void report_of(const char *settings, const struct flow_row *rows, size_t count, struct report *report_r);
void report_free(struct report *report);

/** A value of a table ("policy.actions") by its row's name and column's key; of the row of the others with the row NULL. It must be there. */
const struct page_value *report_value(const struct report *report, const char *table, const char *row, const char *column);
uint64_t report_count(const struct report *report, const char *table, const char *row, const char *column);
/** A figure by its section and key. */
const struct page_value *report_figure(const struct report *report, const char *section, const char *key);
/** That a value is a share, and this one. */
void assert_share(const struct page_value *value, double share);
/** The sentence that stands out. */
const char *report_answer(const struct report *report, const char *section);

#endif
