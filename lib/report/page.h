/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_REPORT_PAGE_H
#define ASSAY_REPORT_PAGE_H
/*
 * A report as every printer sees it: sections with sentences, figures and tables, in the order in which they are to be read. Who makes
 * it (sections*.c) knows nothing of HTML or JSON, and a printer knows nothing of mail: so a number is the same in every form, and what
 * is added here appears in each. Names of cells are text from outside: a printer makes them harmless for where they go. All lives in
 * the page's arena. Out of memory aborts. Thread: one.
 */
#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/arena.h"

/* What a value is. A share is of 1; a day and a time are seconds since 1970, told in UTC. */
enum page_kind { PAGE_NAME, PAGE_COUNT, PAGE_SHARE, PAGE_NUMBER, PAGE_DAY, PAGE_TIME };

/* How a column is coloured, from harmless to worst; a plot is made of the columns that have one. */
enum page_tone { TONE_NONE, TONE_UNKNOWN, TONE_1, TONE_2, TONE_3, TONE_4, TONE_5, TONE_6, TONE_COUNT };

struct page_value {
	enum page_kind kind;
	bool absent;		/* there is nothing to say */
	union {
		const char *name;	/* from outside, unless the column says otherwise */
		uint64_t count;
		double number;		/* shares and numbers; never NAN */
		int64_t secs;
	} u;
};

struct page_column {
	const char *key;	/* for machines: letters, digits, "_" */
	const char *title;	/* for people */
	enum page_kind kind;
	enum page_tone tone;
};

struct page_table {
	const char *key, *title;
	const char *note;			/* NULL */
	const struct page_column *columns;	/* the first one names the row */
	size_t column_count;
	struct page_value *values;		/* row after row */
	size_t row_count, room;
	size_t other_names;			/* not 0: the last row sums up so many names that have no row of their own */
	bool plot;				/* rows are days: to be drawn */
	struct arena *arena;
};

enum page_item_kind { PAGE_ITEM_TEXT, PAGE_ITEM_ANSWER, PAGE_ITEM_FIGURE, PAGE_ITEM_TABLE };

struct page_item {
	struct page_item *next;
	enum page_item_kind kind;
	const char *key;		/* of a figure or an answer */
	const char *text;		/* a sentence; of a figure its label */
	struct page_value value;	/* of a figure */
	struct page_table *table;
};

struct page_section {
	struct page_section *next;
	const char *key, *title;
	struct page_item *items, **last;
	struct arena *arena;
};

struct page {
	const char *policies;		/* whose policies are asked: a file's or policy's name */
	int64_t since_secs, until_secs;
	struct page_section *sections, **last;
	struct arena *arena;
};

/** @param policies  borrowed. The page lives in the arena. */
struct page *page_new(struct arena *arena, const char *policies, int64_t since_secs, int64_t until_secs);

/** Keys and titles are borrowed, as are columns. */
struct page_section *page_section(struct page *page, const char *key, const char *title);

void page_text(struct page_section *section, const char *format, ...) __attribute__((format(printf, 2, 3)));
/** A sentence that stands out, for who reads one only. */
void page_answer(struct page_section *section, const char *key, const char *format, ...) __attribute__((format(printf, 3, 4)));
void page_figure(struct page_section *section, const char *key, const char *label, struct page_value value);

struct page_table *page_table(struct page_section *section, const char *key, const char *title, const struct page_column *columns,
    size_t column_count);
#define PAGE_TABLE(section, key, title, columns) page_table(section, key, title, columns, sizeof(columns) / sizeof((columns)[0]))

/** A new row, every value absent. @return column_count values, good until the next row. */
struct page_value *page_row(struct page_table *table);

/** @return the table's value. */
const struct page_value *page_value(const struct page_table *table, size_t row, size_t column);

static inline struct page_value page_name(const char *name)
{
	return (struct page_value){ .kind = PAGE_NAME, .absent = name == NULL, .u.name = name };
}

static inline struct page_value page_count(uint64_t count)
{
	return (struct page_value){ .kind = PAGE_COUNT, .u.count = count };
}

static inline struct page_value page_number(double number)
{
	return (struct page_value){ .kind = PAGE_NUMBER, .absent = isnan(number), .u.number = isnan(number) ? 0 : number };
}

/** Absent where there is no whole. */
static inline struct page_value page_share(uint64_t part, uint64_t whole)
{
	return (struct page_value){ .kind = PAGE_SHARE, .absent = whole == 0, .u.number = whole != 0 ? (double)part / (double)whole : 0 };
}

static inline struct page_value page_day(int64_t secs)
{
	return (struct page_value){ .kind = PAGE_DAY, .u.secs = secs };
}

static inline struct page_value page_time(int64_t secs)
{
	return (struct page_value){ .kind = PAGE_TIME, .absent = secs == 0, .u.secs = secs };
}

/**
 * A value as people read it: 12,345; 12.34%; 2026-11-01. Names as they are; an absent one gives "-".
 * @return in the arena, or the name itself.
 */
const char *page_value_text(struct arena *arena, const struct page_value *value);

/** The same for machines: 12345; 0.123456. An absent one gives "". */
const char *page_value_plain(struct arena *arena, const struct page_value *value);

#endif
