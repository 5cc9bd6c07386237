/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_RECORD_SQLITE_INTERNAL_H
#define ASSAY_RECORD_SQLITE_INTERNAL_H
/*
 * What the files of the SQLite backend share; nobody else includes it.
 *
 *   sqlite.c             the backend (backend.h): opening and closing, transactions, rows read and written
 *   sqlite_schema.c      the tables, and the way there from an older version
 *   sqlite_statement.c   every statement on the rows, kept prepared
 *   sqlite_flows.c       flows written, sqlite_kinds.c: read
 *   sqlite_rollup.c      hours that become days, kinds that become one
 *   sqlite_dmarc.c       aggregate reports: what is counted for them, and what has become of them
 *   sqlite_expiry.c      rows that are too old or too many
 *   sqlite_failures.c    failures that are to be reported
 *   sqlite_brakes.c      brakes on the enforcement of findings
 *   sqlite_traces.c      traces of messages
 *   sqlite_copy.c        whole tables, for copies to and from other databases
 *   sqlite_files.c       its files: whether they are there, and who may read them
 *
 * Functions return 0 or an error of util/error.h; after -E_SYSTEM the handle's why says the reason.
 * Thread: the handle's, one at a time.
 */
#include <sqlite3.h>

#include "record/backend.h"

enum sqlite_statement {
	ST_PEER_GET, ST_PEER_PUT, ST_PEER_FORGET, ST_PEERS, ST_GREY_GET, ST_GREY_PUT, ST_HOSTS,
	ST_HOSTS_MANY, ST_TRIM_PEER_HOSTS, ST_TOTALS, ST_PEERS_OLDEST,
	ST_FLOW_ADD, ST_PART_FIND, ST_PART_ADD, ST_KIND_FIND, ST_KIND_ADD, ST_KIND_TEXTS, ST_FLOWS, ST_SPANS,
	ST_FLOWS_1, ST_FLOWS_3, ST_FLOWS_PLAIN, ST_HOUR_OLDEST, ST_ROLL_BOUND, ST_ROLL_ADD, ST_ROLL_DELETE,
	ST_CROWD_ADD, ST_CROWD_NEXT, ST_CROWD_DELETE, ST_DAY_KINDS, ST_DAY_SMALLEST, ST_DAY_DELETE, ST_DAY_ADD,
	ST_KIND_SWEEP, ST_PART_SWEEP, ST_FLOW_TOTALS, ST_DATA_VERSION,
	ST_EXPIRE_FLOW, ST_EXPIRE_FLOW_DAY, ST_EXPIRE_FLOW_PLAIN, ST_EXPIRE_FLOW_OLD, ST_EXPIRE_PEER, ST_EXPIRE_HOST,
	ST_EXPIRE_GREY_PASSED, ST_EXPIRE_GREY_WAITING,
	ST_TRIM_FLOW, ST_TRIM_FLOW_DAY, ST_TRIM_FLOW_PLAIN, ST_TRIM_FLOW_OLD, ST_TRIM_PEER, ST_TRIM_HOST,
	ST_TRIM_GREY_WAITING, ST_TRIM_GREY_PASSED,
	ST_SHAPE_PUT, ST_SHAPES, ST_EXPIRE_SHAPE, ST_TRIM_SHAPE,
	ST_DMARC_POLICY_GET, ST_DMARC_POLICY_OF_DAY, ST_DMARC_POLICY_PUT, ST_DMARC_POLICY_COUNT, ST_DMARC_DAY_GET, ST_DMARC_DAY_COUNT,
	ST_DMARC_ROW_ADD, ST_DMARC_ROW_NEW, ST_DMARC_POLICIES, ST_DMARC_ROWS, ST_DMARC_FREEZE, ST_DMARC_NAMES, ST_DMARC_DELIVERY_GET,
	ST_DMARC_DELIVERY_PUT, ST_DMARC_CLOSE, ST_DMARC_ROWS_DROP, ST_DMARC_DELIVERIES_DROP, ST_DMARC_OLDEST, ST_DMARC_OLD_ROWS,
	ST_DMARC_OLD_POLICIES, ST_DMARC_OLD_DAYS,
	ST_FAILURE_AGAIN, ST_FAILURE_NEW, ST_FAILURE_DAY, ST_FAILURE_DAY_ADD, ST_FAILURES_DUE, ST_FAILURE_TRY, ST_FAILURE_DONE,
	ST_FAILURE_LATER, ST_FAILURE_COUNTS, ST_EXPIRE_FAILURE, ST_EXPIRE_FAILURE_DAY,
	ST_TRACE_PUT, ST_TRACES_REFERENCE, ST_TRACES_QUEUE_ID, ST_TRACE_TOTAL, ST_TRACES_OLDEST, ST_EXPIRE_TRACE, ST_TRIM_TRACES,
	ST_BRAKES, ST_BRAKE_PUT, ST_EXPIRE_BRAKE, ST_COUNT
};

struct backend_handle {
	sqlite3 *db;
	sqlite3_stmt *statements[ST_COUNT];
	int version;		/* of the schema when it was opened; older ones are read, not written */
	struct sqlite_flow_ids *flow_ids;	/* of sqlite_flows.c; NULL until flows are written */
	sqlite3_stmt *copying;	/* of sqlite_copy.c; NULL */
	struct trace_packer *packer;		/* NULL until a trace is written */
	bool refused;		/* what failed last was refused for what it writes (struct backend, refuses) */
	int64_t data_version;	/* SQLite's: another one means that somebody else has written */
	char why[STORE_WHY_BYTES];
};

/** Makes a database that is not there yet, and takes from one that is what its rights have over 0640 (with -wal and -shm). */
void sqlite_files_secure(const char *path);

/** @return whether there is a file; else why_r says why not. */
bool sqlite_files_exist(const char *path, char *why_r, size_t why_bytes);

/** See look in struct backend. */
int sqlite_files_look(const char *path, struct backend_look *look_r);

/** Notes SQLite's reason in the handle's why. @return -E_SYSTEM, always. */
int sqlite_fail(struct backend_handle *handle);

/** Runs SQL that gives no rows. @return 0 or -E_SYSTEM. */
int sqlite_exec(struct backend_handle *handle, const char *sql);

/** One transaction for writing; sqlite_rollback() may be called when there is none. @return 0 or -E_SYSTEM. */
int sqlite_begin(struct backend_handle *handle);
int sqlite_commit(struct backend_handle *handle);
void sqlite_rollback(struct backend_handle *handle);

/** A kept statement, reset; bind all its parameters. @return NULL with why set. */
sqlite3_stmt *sqlite_statement(struct backend_handle *handle, enum sqlite_statement which);

/** @param text  borrowed until the statement is bound anew or closed; NULL is "". */
void sqlite_bind_text(sqlite3_stmt *statement, int index, const char *text);
/** The same for a text by which a row is found (record/key.h). */
void sqlite_bind_key(sqlite3_stmt *statement, int index, const char *text);

/** The next row. @return 0 with a row (the caller resets, or steps on); -E_ABSENT at the end, -E_SYSTEM: both reset. */
int sqlite_step_row(struct backend_handle *handle, sqlite3_stmt *statement);

/** Runs a statement that gives no rows, and resets it. @return 0 or -E_SYSTEM. */
int sqlite_step_done(struct backend_handle *handle, sqlite3_stmt *statement);

/** Looks only: a database that is not ours, or of a newer version, stays as it is.
 * @param write  it may be made or migrated, so no schema is no fault. @return the version (0: none yet), or -E_SYSTEM. */
int sqlite_schema_check(struct backend_handle *handle, bool write);

/** Creates the schema, or brings an older one up to date: all steps or none.
 * @param version  as sqlite_schema_check() said. @return 0 or -E_SYSTEM. */
int sqlite_schema_prepare(struct backend_handle *handle, int version);
bool sqlite_schema_is_current(const struct backend_handle *handle);

/** See hosts_trim and expire in struct backend. */
int sqlite_hosts_trim(struct backend_handle *handle, const char *const *peers, size_t count, unsigned keep, unsigned limit,
    unsigned *trimmed_r);
int sqlite_expire(struct backend_handle *handle, const struct backend_expiry *expiry, unsigned limit,
    struct backend_expired *expired_r);

/** Begins a transaction for the ids that are kept: what others may have changed is forgotten. @return 0 or -E_SYSTEM. */
int sqlite_flows_begin(struct backend_handle *handle);
/** Forgets the ids that are kept: kinds or parts have gone, or what was made is undone. */
void sqlite_flows_forget(struct backend_handle *handle);
void sqlite_flows_free(struct backend_handle *handle);

/** See flow_add, flows_each and kinds_each in struct backend. */
int sqlite_flow_add(struct backend_handle *handle, const struct flow_note *note);
int sqlite_flows_each(struct backend_handle *handle, int64_t since_secs, store_flow_each_f *each, void *arg);
int sqlite_kinds_each(struct backend_handle *handle, int64_t since_secs, unsigned span_secs, store_kind_each_f *each, void *arg);

/** Finds or makes the kind of a note, within a transaction. @return 0 or -E_SYSTEM. */
int sqlite_kind_id(struct backend_handle *handle, const struct flow_note *note, int64_t *id_r);
/** Adds counts to the row of a kind: ST_FLOW_ADD in an hour, ST_DAY_ADD in a day. @return 0 or -E_SYSTEM. */
int sqlite_flow_put(struct backend_handle *handle, enum sqlite_statement which, int64_t from_secs, int64_t kind,
    const struct flow_span *counts);

/**
 * One step of making flows fewer, at most `limit` rows of each sort.
 * @param hours_secs  days that ended before are rolled up. @param kinds_max  of a day; 0: any number.
 * @param folded_r  how many kinds of a day became part of "other".
 * @return 1: there may be more to do; 0; -E_SYSTEM.
 */
int sqlite_rollup(struct backend_handle *handle, int64_t hours_secs, unsigned kinds_max, unsigned limit, unsigned *folded_r);
/** Deletes days of aggregate reports before the given one, at most limit rows of each kind. @return rows deleted, or -E_SYSTEM. */
int sqlite_dmarc_expire(struct backend_handle *handle, int64_t before_day, unsigned limit);
extern const struct backend_dmarc sqlite_dmarc;
/** See the functions of their names in struct backend. */
int sqlite_failure_add(struct backend_handle *handle, const struct failure_note *note);
int sqlite_failure_take(struct backend_handle *handle, int64_t now_secs, int64_t before_secs, int64_t retry_secs, struct arena *arena,
    struct failure_row *row_r);
int sqlite_failures_each(struct backend_handle *handle, int64_t now_secs, int64_t before_secs, size_t limit,
    store_failure_each_f *each, void *arg);
int sqlite_failure_done(struct backend_handle *handle, int64_t id, bool sent);
int sqlite_failure_later(struct backend_handle *handle, int64_t id, const char *ruf_left, int64_t due_secs);
int sqlite_failure_counts(struct backend_handle *handle, int64_t day_secs, struct failure_counts *counts_r);
/** See trace_put and traces_each in struct backend. */
int sqlite_trace_put(struct backend_handle *handle, const struct trace_note *note);
int sqlite_traces_each(struct backend_handle *handle, enum store_trace_by by, const char *key, size_t limit,
    store_trace_each_f *each, void *arg);

/** See brakes_each and brake_put in struct backend. */
int sqlite_brakes_each(struct backend_handle *handle, store_brake_each_f *each, void *arg);
int sqlite_brake_put(struct backend_handle *handle, const struct brake_row *row);
extern const struct backend_copy sqlite_copy;

/** Deletes the oldest traces, at most limit, until they take no more than max octets. max 0: any number.
 * @return rows deleted, or -E_SYSTEM. */
int sqlite_traces_trim(struct backend_handle *handle, uint64_t max, unsigned limit);

#endif
