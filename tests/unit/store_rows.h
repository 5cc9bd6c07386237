/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_TESTS_STORE_ROWS_H
#define ASSAY_TESTS_STORE_ROWS_H
/* Many rows in a store, what it counts of them, and what it told of itself. */
#include "store_fixture.h"

enum { DAY = 86400, START = 1700000000 };

/* What remember_told() was told, a line each with the number of its kind before it, up to eight of them. */
extern char told[8][768];
extern unsigned told_count;

/** The store's `changed`. */
void remember_told(enum store_news news, const char *text);

/** Notes a session each of p<from>.example and so many after it, a second after the other from START + from on. */
void note_peers(struct store *store, unsigned from, unsigned count);

/** Until a query that counts rows says so few. */
void wait_for_rows(const struct place *place, const char *sql, int64_t rows);

/** The kept totals are those that counting gives. */
void assert_totals(const struct place *place);

#endif
