/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_RECORD_COPY_H
#define ASSAY_RECORD_COPY_H
/*
 * A record copied from one database into another that is empty, of the same backend or another: all of it or nothing, in one
 * transaction, row by row, so that memory does not grow with it. What was written is read back before it is kept, and compared.
 *
 * All backends have the same tables with the same columns (copy_tables), which is all that this knows of them. How often a part or a
 * kind is referred to, and by what hash a part is found, is each backend's own: it is not copied but made anew as rows come.
 * Thread: one.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct backend;
struct backend_handle;

enum { COPY_COLUMNS_MAX = 20, COPY_TABLES = 19 };

struct copy_table {
	const char *name;
	const char *columns;	/* names, between commas */
	const char *types;	/* a letter each: n number, t text, o octets */
	int sum;		/* the column that counts messages; -1: none does */
};
/*
 * In the order in which they are to be written. The last, "failure_id", has one row at most: the highest id that a failure ever had. It
 * stays where a target that is empty by now has had a higher one.
 */
extern const struct copy_table copy_tables[COPY_TABLES];

/* A value of a row: of the type n its number, else its octets (which are borrowed). */
struct copy_value {
	int64_t number;
	const char *data;
	size_t length;
};
/** @return 0 to go on. */
typedef int copy_row_f(void *arg, const struct copy_value *values);

/* What a backend has to offer (struct backend in record/backend.h). Functions return 0 or -E_SYSTEM with the reason in why(). */
struct backend_copy {
	/* A transaction, as long as it takes: to read, all tables as they are at one moment; to write, alone. Ends as the others do. */
	int (*begin)(struct backend_handle *handle, bool write);
	/* Each row of a table, in any order. @return also what each() returned, if not 0. */
	int (*each)(struct backend_handle *handle, const struct copy_table *table, copy_row_f *each, void *arg);
	/* Makes of a row what this database keeps of it: of texts too long for its indexes what stands for them, as when they are noted.
	 * What it makes is borrowed until the row is put. NULL: it keeps all as it is. */
	void (*fit)(struct backend_handle *handle, const struct copy_table *table, struct copy_value *values);
	/* Rows of one table: begin, any number, end (after which all of them are there). No rows of another in between. */
	int (*put_begin)(struct backend_handle *handle, const struct copy_table *table);
	int (*put)(struct backend_handle *handle, const struct copy_table *table, const struct copy_value *values);
	int (*put_end)(struct backend_handle *handle, const struct copy_table *table);
};

struct copy_side {
	const struct backend *backend;
	struct backend_handle *handle;
};

/* What there was of a table. */
struct copy_sums {
	uint64_t rows;
	uint64_t messages;	/* of flows and of rows of aggregate reports */
	uint64_t hash;		/* of all values, whatever the order of rows */
};
typedef void copy_told_f(void *arg, const struct copy_table *table, const struct copy_sums *sums);

enum copy_result {
	COPY_DONE,
	COPY_FROM_FAILED,	/* the reason is that backend's why() */
	COPY_TO_FAILED,
	COPY_NOT_EMPTY,		/* the target has rows already; nothing was changed */
	COPY_DIFFERS		/* what was read back is not what was written; nothing was changed */
};

/**
 * Copies all tables. Unless COPY_DONE is returned the target is as it was.
 * @param from  open for reading. @param to  open for writing.
 * @param told  called for each table that has rows, before the copy is kept.
 * @param table_r  the table at which it ended, unless COPY_DONE.
 */
enum copy_result record_copy(const struct copy_side *from, const struct copy_side *to, copy_told_f *told, void *arg,
    const struct copy_table **table_r);

/** Sums of one table, for tests and for comparisons. Within a transaction of the side's. @return 0 or -E_SYSTEM. */
int record_copy_sums(const struct copy_side *side, const struct copy_table *table, struct copy_sums *sums_r);

#endif
