/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_RECORD_PG_INTERNAL_H
#define ASSAY_RECORD_PG_INTERNAL_H
/*
 * What the files of the PostgreSQL backend share; nobody else includes it.
 *
 *   pg.c             the backend (backend.h): opening and closing, transactions
 *   pg_connect.c     the way to the server: never longer than it may take, whatever the network does
 *   pg_hosts.c       what libpq has not tried of several hosts
 *   pg_statement.c   statements sent and their rows read; every wait has an end
 *   pg_error.c       what an error's number says
 *   pg_list.c        many values as one parameter
 *   pg_text.c        texts of any octets in a database that takes UTF-8 only
 *   pg_schema.c      the tables (pg_schema_steps.h), and the way there from an older version
 *   pg_peers.c       TLS memory and greylist, pg_traces.c: shapes and traces of messages
 *   pg_flows.c       flows written, pg_kinds.c: read, pg_rollup.c: hours that become days, kinds that become one
 *   pg_brakes.c      brakes on the enforcement of findings
 *   pg_copy.c        whole tables, for copies to and from other databases
 *   pg_dmarc.c       aggregate reports, pg_failures.c: failures that are to be reported
 *   pg_foresee.c     what a group will ask for, asked for at once
 *   pg_expiry.c      rows that are too old or too many
 *
 * Several programs on several hosts write to one database. Whoever writes takes the row of assay_schema first (pg_begin()), so
 * that there is one writer at a time, as with SQLite: what was read within the transaction holds until its end, and nobody waits
 * for another in a circle. Readers wait for nobody.
 * Functions return 0 or an error of util/error.h; after -E_SYSTEM the handle's why says the reason, and the handle is only good
 * for pg_rollback() and closing. Thread: the handle's, one at a time.
 */
#include <libpq-fe.h>

#include "record/backend.h"
#include "util/arena.h"
#include "util/buf.h"

enum {
	PG_PARAMETERS_MAX = 20, PG_STATEMENTS_MAX = 128,
	PG_SCAN_MS = 60000,	/* the longest silence while a reader goes through many rows: nobody waits for those but who asked */
	/* how many times as long as one statement a transaction may take, once it has the writers' turn: others wait for that */
	PG_TRANSACTION_TIMES = 2
};

/*
 * A statement, one static const object each: its address is its name. types: a letter for each parameter $1, $2 …: i a number
 * (BIGINT), t a text, b octets (BYTEA). Columns come in binary form: numbers of any integer type, booleans, texts, octets; sum()
 * of BIGINT is NUMERIC, so write sum(x)::BIGINT.
 */
struct pg_sql { const char *types, *text; };

/* A statement with its parameters. Begin it, give the parameters in their order, run it. */
struct pg_call {
	const struct pg_sql *sql;
	struct backend_handle *handle;
	int count;
	const char *values[PG_PARAMETERS_MAX];
	int lengths[PG_PARAMETERS_MAX], formats[PG_PARAMETERS_MAX];
	unsigned char numbers[PG_PARAMETERS_MAX][8];
};

/* A row; what is read from it is borrowed until the next statement, or row, of the handle. */
struct pg_row { struct backend_handle *handle; const PGresult *result; int index; };

struct backend_handle {
	PGconn *connection;
	unsigned limit_ms;		/* what one statement may take, and what belongs together: see until_ms */
	int64_t until_ms;		/* when what is under way is to be over, however many statements it has: opening, a transaction, what a message asks; 0: none is */
	bool write, in_transaction;
	bool unhurried;			/* whole tables are copied: only a silence ends that */
	bool refused;			/* what failed last was refused for what it writes (struct backend, refuses) */
	bool lost;			/* nothing more can be asked of this connection */
	int version;			/* of the schema */
	struct { const struct pg_sql *sql; unsigned name; } prepared[PG_STATEMENTS_MAX];	/* those that this connection knows */
	unsigned prepared_count, prepared_sure;	/* of the later ones it is not known yet whether they were taken */
	unsigned names;			/* that were given: none is used twice */
	unsigned expiry_next;		/* where the next step of expiry goes on (pg_expiry.c) */
	unsigned waiting;		/* statements sent whose outcome is not read yet */
	PGresult *result;		/* of the last statement that gave rows */
	struct arena *texts;		/* of the parameters of one statement */
	struct arena *row_texts;	/* of one row */
	struct pg_copying *copying;	/* of pg_copy.c; NULL until tables are copied */
	struct pg_flows *flows;		/* of pg_flows.c; NULL until flows are written */
	struct pg_foreseen *foreseen;	/* of pg_foresee.c; NULL until a group is written */
	struct trace_packer *packer;	/* NULL until a trace is written */
	char why[STORE_WHY_BYTES];
};

/* ---- statements (pg_statement.c) --------------------------------------------------------------------------------- */

void pg_call_begin(struct pg_call *call, struct backend_handle *handle, const struct pg_sql *sql);
void pg_number(struct pg_call *call, int64_t value);
/** @param text  borrowed until the statement ran, whatever octets it has; NULL is "". */
void pg_text(struct pg_call *call, const char *text);
/** The same for a text that an index holds, which takes no long ones: of a longer one the beginning and a hash stand for all. */
void pg_key(struct pg_call *call, const char *text);
/** That text; in the arena, or the text itself. */
const char *pg_key_of(struct arena *arena, const char *text);
/** A text that went through pg_text_encode() or pg_key_of(), or a list of such. */
void pg_encoded(struct pg_call *call, const char *text);
void pg_octets(struct pg_call *call, const void *data, size_t bytes);

/** Runs a statement that gives no rows. @param changed_r  how many rows it made, changed or deleted; NULL. @return 0 or -E_SYSTEM. */
int pg_run(struct pg_call *call, uint64_t *changed_r);
/** The same within a transaction, without waiting for the outcome: a failure is told by a later statement, by pg_commit() at the
 * latest. @return 0 or -E_SYSTEM. */
int pg_run_later(struct pg_call *call);
/** The first row. Waits no longer than a message may. @return 0, -E_ABSENT or -E_SYSTEM. */
int pg_get(struct pg_call *call, struct pg_row *row_r);
/** Every row, one after the other, without having all of them in memory. No other statement of the handle may run meanwhile. A
 * writer's take no longer than a transaction may, a reader's end with a silence of PG_SCAN_MS.
 * @param each  returns 0 to go on; another value ends it, and is what is returned. @return 0 or -E_SYSTEM. */
typedef int pg_row_each(void *arg, const struct pg_row *row);
int pg_each(struct pg_call *call, pg_row_each *each, void *arg);

/** The same for few rows: all are in memory before the first is handed on. */
int pg_all(struct pg_call *call, pg_row_each *each, void *arg);

/** Columns count from 0. NULL reads as 0 or "". */
int64_t pg_row_number(const struct pg_row *row, int column);
const char *pg_row_text(const struct pg_row *row, int column);
/** @return the octets, *bytes_r of them. */
const void *pg_row_octets(const struct pg_row *row, int column, size_t *bytes_r);

/** Runs SQL of several statements, without parameters and rows, that stands alone: for the schema. @return 0 or -E_SYSTEM. */
int pg_exec(struct backend_handle *handle, const char *sql);

/** Notes a reason in the handle's why. @return -E_SYSTEM, always. */
int pg_fail(struct backend_handle *handle, const char *format, ...) __attribute__((format(printf, 2, 3)));

/** What an admin should know besides of an error, by its number (NULL: it has none); "": nothing. */
const char *pg_error_hint(const char *state);
/** @return whether it is about what was written (struct backend, refuses). */
bool pg_error_is_refusal(const char *state);

/* ---- transactions (pg.c) ----------------------------------------------------------------------------------------- */

/** One transaction for writing; pg_rollback() may be called when there is none. @return 0 or -E_SYSTEM. */
int pg_begin(struct backend_handle *handle);
int pg_commit(struct backend_handle *handle);
void pg_rollback(struct backend_handle *handle);
/** Begins, works, and commits; what fails is taken back. @return what the work returned, or -E_SYSTEM. */
typedef int pg_work(struct backend_handle *handle, void *arg);
int pg_transaction(struct backend_handle *handle, pg_work *work, void *arg);

/* ---- the way to the server (pg_connect.c) ------------------------------------------------------------------------ */

/** See expect in struct backend. */
void pg_expect(const char *location);
/** Connects within handle->limit_ms. @param make  others of this process go where this one got. @return 0 or -E_SYSTEM. */
int pg_connect(struct backend_handle *handle, const char *location, bool make);
/* Lists of a connection string, as libpq takes them; NULL: it has none. */
struct pg_hosts { const char *host, *address, *port; };
/**
 * The hosts that stand in a connection string behind the one at which a connection failed.
 * @param skip  how many of them stand before those that were tried; set to those that stand before hosts_r.
 * @return whether there are any. Texts are the arena's.
 */
bool pg_hosts_behind(const char *location, const PGconn *failed, unsigned *skip, struct arena *arena, struct pg_hosts *hosts_r);
/** When what is asked now is to be answered, on the monotonic clock. */
int64_t pg_deadline_ms(const struct backend_handle *handle);
/** What begins now is to be over in so many times as long as one statement may take. 0: there is no more to it than its statements. */
void pg_bound(struct backend_handle *handle, unsigned times);
/** Waits until the connection can be read, or written too if asked, or time is up. @return 0 or -E_SYSTEM. */
int pg_wait(struct backend_handle *handle, bool write, int64_t deadline_ms);

/* ---- texts (pg_text.c) ------------------------------------------------------------------------------------------- */

/**
 * A text as the database takes it: octets that are no UTF-8 become characters of a private plane, and back again. Two texts never
 * become one. @return the text itself where nothing has to change, else a copy in the arena.
 */
const char *pg_text_encode(struct arena *arena, const char *text);
const char *pg_text_decode(struct arena *arena, const char *text);

enum { PG_HASH_BYTES = 33 };	/* 32 digits, which PostgreSQL reads as a UUID */
/**
 * Half of the SHA-256 of texts, as they are encoded, with line feeds between: by it a row is found whose texts may be too long for an
 * index. It is taken for the texts themselves. In SQL: substr(encode(sha256(convert_to(a||E'\n'||b,'UTF8')),'hex'),1,32)::uuid.
 */
void pg_hash(struct arena *arena, const char *const *texts, size_t count, char hash_r[PG_HASH_BYTES]);

/* ---- many values as one parameter (pg_list.c) --------------------------------------------------------------------- */

/** A list of values, which the statement takes as $n::bigint[] and so on: begin it, add to it, give it to a call as a text. */
struct buf pg_list_begin(struct arena *arena);
void pg_list_number(struct buf *list, int64_t number);
/** One without any character that has a meaning in lists. */
void pg_list_word(struct buf *list, const char *word);
void pg_list_text(struct buf *list, const char *text);
void pg_list_octets(struct buf *list, const void *data, size_t bytes);
void pg_list(struct pg_call *call, struct buf *list);

/* ---- schema (pg_schema.c) ---------------------------------------------------------------------------------------- */

/** Looks only. @return the version (0: nothing there yet), or -E_SYSTEM: another program's, or newer. */
int pg_schema_check(struct backend_handle *handle);
/** Creates the schema, or brings an older one up to date: all steps or none. @return 0 or -E_SYSTEM. */
int pg_schema_prepare(struct backend_handle *handle);
bool pg_schema_is_current(const struct backend_handle *handle);
/** @return 0: the version, read within the transaction that begins, is still the one that the handle knows; -E_SYSTEM. */
int pg_schema_same(struct backend_handle *handle, int version);

/* ---- what was asked for beforehand (pg_foresee.c) ------------------------------------------------------------------ */

int pg_foresee(struct backend_handle *handle, const struct backend_ask *asks, size_t count);
void pg_foreseen_forget(struct backend_handle *handle);
void pg_foreseen_free(struct backend_handle *handle);
/** @return whether it is known; code_r: what peer_get would return. */
bool pg_foreseen_peer(struct backend_handle *handle, const char *peer, const char *host, struct peer_memory *memory_r, int *code_r);
bool pg_foreseen_greylist(struct backend_handle *handle, const char *key, struct greylist_entry *entry_r, int *code_r);
/** What is put is what is there from now on. */
void pg_foreseen_peer_put(struct backend_handle *handle, const char *peer, const char *host, const struct peer_memory *memory);
void pg_foreseen_greylist_put(struct backend_handle *handle, const char *key, const struct greylist_entry *entry);

/* Rows of peers and of the greylist begin with these. */
#define PG_PEER_COLUMNS "first,last,none,weak,ok,strong,days,tls_days,last_tls,changed,changed_sessions,settled,best,pinned,cert"
enum { PG_PEER_COLUMNS_COUNT = 15 };
void pg_peer_read(const struct pg_row *row, struct peer_memory *memory_r);
void pg_greylist_read(const struct pg_row *row, struct greylist_entry *entry_r);

/* ---- rows: see the functions of their names in struct backend ---------------------------------------------------- */

int pg_peer_get(struct backend_handle *handle, const char *peer, const char *host, struct peer_memory *memory_r);
int pg_peer_put(struct backend_handle *handle, const char *peer, const char *host, const struct peer_memory *memory);
int pg_peer_forget(struct backend_handle *handle, const char *peer);
int pg_peers_each(struct backend_handle *handle, const char *pattern, size_t limit, store_peer_each_f *each, void *arg);
int pg_hosts_each(struct backend_handle *handle, const char *peer, size_t limit, store_peer_each_f *each, void *arg);
int pg_hosts_trim(struct backend_handle *handle, const char *const *peers, size_t count, unsigned keep, unsigned limit,
    unsigned *trimmed_r);
int pg_greylist_get(struct backend_handle *handle, const char *key, struct greylist_entry *entry_r);
int pg_greylist_put(struct backend_handle *handle, const char *key, const struct greylist_entry *entry);
int pg_shape_put(struct backend_handle *handle, const char *key, const char *text, int64_t time_secs);
int pg_shapes_each(struct backend_handle *handle, size_t limit, backend_shape_each *each, void *arg);
int pg_brakes_each(struct backend_handle *handle, store_brake_each_f *each, void *arg);
int pg_brake_put(struct backend_handle *handle, const struct brake_row *row);
int pg_trace_put(struct backend_handle *handle, const struct trace_note *note);
int pg_traces_each(struct backend_handle *handle, enum store_trace_by by, const char *key, size_t limit,
    store_trace_each_f *each, void *arg);
int pg_expire(struct backend_handle *handle, const struct backend_expiry *expiry, unsigned limit,
    struct backend_expired *expired_r);

/* Of pg_flows.c and pg_rollup.c. */
int pg_flow_add(struct backend_handle *handle, const struct flow_note *note);
int pg_flows_each(struct backend_handle *handle, int64_t since_secs, store_flow_each_f *each, void *arg);
int pg_kinds_each(struct backend_handle *handle, int64_t since_secs, unsigned span_secs, store_kind_each_f *each, void *arg);
/** Writes what waits, within a transaction; pg_commit() calls it. @return 0 or -E_SYSTEM. */
int pg_flows_flush(struct backend_handle *handle);
/** Adds counts (from_secs: the hour or day) to a note's kind, within a transaction; waits for pg_flows_flush(). @return 0 or -E_SYSTEM. */
int pg_flow_put(struct backend_handle *handle, const struct flow_note *note, const struct flow_span *counts, bool day);
/** pg_begin() and pg_rollback() call it: what waits is dropped. */
void pg_flows_forget(struct backend_handle *handle);
void pg_flows_free(struct backend_handle *handle);
/** Parts of a step of expiry for flows: by age (rows, or -E_SYSTEM), made fewer (see sqlite_rollup()), by number (rows, or -E_SYSTEM). */
int pg_flows_expire(struct backend_handle *handle, int64_t before_secs, unsigned limit);
/* Hours of a day that is past become the day. @return 1: some did, and there may be more; 0; -E_SYSTEM. */
int pg_rollup(struct backend_handle *handle, int64_t hours_secs, unsigned limit);
/* A day is looked at for too many kinds once no hours of it are left. @return 1: one was, and there may be more to do; 0; -E_SYSTEM. */
int pg_fold(struct backend_handle *handle, unsigned kinds_max, unsigned limit, unsigned *folded_r);
/* Kinds and parts that nothing refers to. @return rows, or -E_SYSTEM. */
int pg_sweep(struct backend_handle *handle, unsigned limit);
int pg_flows_trim(struct backend_handle *handle, unsigned max, unsigned limit);

extern const struct backend_copy pg_copy;
void pg_copy_free(struct backend_handle *handle);

/* Of pg_dmarc.c and pg_failures.c. */
extern const struct backend_dmarc pg_dmarc;
/** @return rows deleted, or -E_SYSTEM. */
int pg_dmarc_expire(struct backend_handle *handle, int64_t before_day, unsigned limit);
int pg_failures_expire(struct backend_handle *handle, int64_t before_secs, unsigned limit);
int pg_failure_add(struct backend_handle *handle, const struct failure_note *note);
int pg_failure_take(struct backend_handle *handle, int64_t now_secs, int64_t before_secs, int64_t retry_secs, struct arena *arena,
    struct failure_row *row_r);
int pg_failures_each(struct backend_handle *handle, int64_t now_secs, int64_t before_secs, size_t limit,
    store_failure_each_f *each, void *arg);
int pg_failure_done(struct backend_handle *handle, int64_t id, bool sent);
int pg_failure_later(struct backend_handle *handle, int64_t id, const char *ruf_left, int64_t due_secs);
int pg_failure_counts(struct backend_handle *handle, int64_t day_secs, struct failure_counts *counts_r);

#endif
