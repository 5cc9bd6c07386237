/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The SQLite backend: opening and closing (WAL), transactions, and rows read and written, but for flows. The files beside it
 * are told in sqlite_internal.h.
 * Trusts nothing of the database file: a file of another kind, a newer schema or a corrupt page is -E_SYSTEM with a
 * reason, never a crash. Thread: a handle belongs to one thread at a time.
 */
#include "record/sqlite_internal.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "record/trace_pack.h"
#include "util/error.h"
#include "util/out_of_memory.h"

enum { SETTLE_STEP_MS = 10 };

/*
 * NORMAL: with WAL a crash loses the last commits, never the database. A full group or step changes thousands of pages all
 * over a large database: the cache (KiB, negative) holds those of one transaction, which would else be written out and read
 * again within it, and the log (pages) is copied back once for several of them.
 */
static const char writer_settings[] = "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; "
    "PRAGMA cache_size=-16384; PRAGMA wal_autocheckpoint=4096";

static void backend_close(struct backend_handle **handle)
{
	if (*handle == NULL)
		return;
	for (int i = 0; i < ST_COUNT; i++)
		sqlite3_finalize((*handle)->statements[i]);
	sqlite3_finalize((*handle)->copying);
	sqlite_flows_free(*handle);
	trace_packer_free(&(*handle)->packer);
	sqlite3_close((*handle)->db);
	free(*handle);
	*handle = NULL;
}

/* While the journal's mode changes SQLite does not wait for others who do the same: two that make one database at once. */
static int writer_settle(struct backend_handle *handle, unsigned busy_ms)
{
	unsigned waited_ms = 0;
	int code;

	while (sqlite_exec(handle, writer_settings) != 0) {
		code = sqlite3_errcode(handle->db) & 0xff;
		if ((code != SQLITE_BUSY && code != SQLITE_LOCKED) || waited_ms >= busy_ms)
			return -E_SYSTEM;
		waited_ms += (unsigned)sqlite3_sleep(SETTLE_STEP_MS);
	}
	return 0;
}

/* SQLite adds up its memory under one lock for all threads, twice for each piece: two thirds of all locks that a message took. Nobody
 * asks for the sum. What is set once SQLite is in use is not taken, which costs time only. */
static void library_prepare(void)
{
	(void)sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
}

static struct backend_handle *backend_open(const char *path, enum backend_access access, unsigned busy_ms, char *why_r,
    size_t why_bytes)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	struct backend_handle *handle = calloc(1, sizeof(*handle));
	bool write = access != BACKEND_READ;
	int version, flags = SQLITE_OPEN_NOMUTEX | (write ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE : SQLITE_OPEN_READONLY);

	if (handle == NULL)
		out_of_memory();
	pthread_once(&once, library_prepare);
	if (access == BACKEND_CHANGE && !sqlite_files_exist(path, handle->why, sizeof(handle->why)))
		goto fail;
	if (write)
		sqlite_files_secure(path);
	if (sqlite3_open_v2(path, &handle->db, flags, NULL) != SQLITE_OK) {
		sqlite_fail(handle);
		goto fail;
	}
	sqlite3_busy_timeout(handle->db, (int)busy_ms);
	version = sqlite_schema_check(handle, write);
	if (version < 0)
		goto fail;
	handle->version = version;
	if (write && (writer_settle(handle, busy_ms) != 0 || sqlite_schema_prepare(handle, version) != 0))
		goto fail;
	return handle;
fail:
	snprintf(why_r, why_bytes, "%s: %s", path, handle->why);
	backend_close(&handle);
	return NULL;
}

static const char *backend_why(struct backend_handle *handle)
{
	return handle->why;
}

/* A reader's locks last for moments, if there are any: there is no second one to wait for. */
static void backend_bound(struct backend_handle *handle, unsigned busy_ms, int64_t until_ms)
{
	(void)until_ms;
	sqlite3_busy_timeout(handle->db, (int)busy_ms);
}

static bool backend_refuses(const struct backend_handle *handle)
{
	return handle->refused;
}

static bool backend_is_orphan(struct backend_handle *handle)
{
	int moved = 0;

	if (sqlite3_file_control(handle->db, "main", SQLITE_FCNTL_HAS_MOVED, &moved) != SQLITE_OK || moved == 0)
		return false;
	snprintf(handle->why, sizeof(handle->why), "the database was removed or replaced");
	return true;
}

int sqlite_begin(struct backend_handle *handle)
{
	int code = sqlite_exec(handle, "BEGIN IMMEDIATE");

	handle->refused = false;
	if (code == 0 && (code = sqlite_flows_begin(handle)) != 0)
		sqlite_rollback(handle);
	return code;
}

int sqlite_commit(struct backend_handle *handle)
{
	return sqlite_exec(handle, "COMMIT");
}

void sqlite_rollback(struct backend_handle *handle)
{
	sqlite3_exec(handle->db, "ROLLBACK", NULL, NULL, NULL);
	sqlite_flows_forget(handle);	/* some of them may have been made in it */
}

static void peer_read(sqlite3_stmt *row, struct peer_memory *memory)
{
	const unsigned char *cert = sqlite3_column_text(row, 14);

	memset(memory, 0, sizeof(*memory));
	memory->first_secs = sqlite3_column_int64(row, 0);
	memory->last_secs = sqlite3_column_int64(row, 1);
	for (int grade = 0; grade < STORE_GRADES; grade++) {
		memory->grades[grade] = (uint64_t)sqlite3_column_int64(row, 2 + grade);
		memory->sessions += memory->grades[grade];
	}
	memory->days = (unsigned)sqlite3_column_int64(row, 6);
	memory->tls_days = (unsigned)sqlite3_column_int64(row, 7);
	memory->last_tls_secs = sqlite3_column_int64(row, 8);
	memory->changed_secs = sqlite3_column_int64(row, 9);
	memory->changed_sessions = (uint64_t)sqlite3_column_int64(row, 10);
	memory->settled_secs = sqlite3_column_int64(row, 11);
	memory->best_grade = (unsigned)sqlite3_column_int64(row, 12);
	memory->pinned = sqlite3_column_int(row, 13) != 0;
	snprintf(memory->last_cert, sizeof(memory->last_cert), "%s", cert != NULL ? (const char *)cert : "");
}

static int backend_peer_get(struct backend_handle *handle, const char *peer, const char *host, struct peer_memory *memory_r)
{
	sqlite3_stmt *statement = sqlite_statement(handle, ST_PEER_GET);
	int code;

	if (statement == NULL)
		return -E_SYSTEM;
	sqlite_bind_key(statement, 1, peer);
	sqlite_bind_key(statement, 2, host);
	code = sqlite_step_row(handle, statement);
	if (code == 0) {
		peer_read(statement, memory_r);
		sqlite3_reset(statement);
	}
	return code;
}

static int backend_peer_put(struct backend_handle *handle, const char *peer, const char *host,
    const struct peer_memory *memory)
{
	sqlite3_stmt *statement = sqlite_statement(handle, ST_PEER_PUT);

	if (statement == NULL)
		return -E_SYSTEM;
	sqlite_bind_key(statement, 1, peer);
	sqlite_bind_key(statement, 2, host);
	sqlite3_bind_int64(statement, 3, memory->first_secs);
	sqlite3_bind_int64(statement, 4, memory->last_secs);
	for (int grade = 0; grade < STORE_GRADES; grade++)
		sqlite3_bind_int64(statement, 5 + grade, (int64_t)memory->grades[grade]);
	sqlite3_bind_int64(statement, 9, memory->days);
	sqlite3_bind_int64(statement, 10, memory->tls_days);
	sqlite3_bind_int64(statement, 11, memory->last_tls_secs);
	sqlite3_bind_int64(statement, 12, memory->changed_secs);
	sqlite3_bind_int64(statement, 13, (int64_t)memory->changed_sessions);
	sqlite3_bind_int64(statement, 14, memory->settled_secs);
	sqlite3_bind_int64(statement, 15, memory->best_grade);
	sqlite3_bind_int64(statement, 16, memory->pinned);
	sqlite_bind_text(statement, 17, memory->last_cert);
	return sqlite_step_done(handle, statement);
}

static int backend_peer_forget(struct backend_handle *handle, const char *peer)
{
	sqlite3_stmt *statement = sqlite_statement(handle, ST_PEER_FORGET);
	int code;

	if (statement == NULL)
		return -E_SYSTEM;
	sqlite_bind_key(statement, 1, peer);
	code = sqlite_step_done(handle, statement);
	return code == 0 && sqlite3_changes(handle->db) == 0 ? -E_ABSENT : code;
}

/* Rows of ST_PEERS or ST_HOSTS, whose last column is the name. */
static int each_peer(struct backend_handle *handle, enum sqlite_statement which, const char *text, size_t limit,
    store_peer_each_f *each, void *arg)
{
	sqlite3_stmt *statement = sqlite_statement(handle, which);
	int code;

	if (statement == NULL)
		return -E_SYSTEM;
	sqlite_bind_text(statement, 1, text);
	sqlite3_bind_int64(statement, 2, limit > INT32_MAX ? INT32_MAX : (int64_t)limit);
	while ((code = sqlite_step_row(handle, statement)) == 0) {
		struct peer_memory memory;

		peer_read(statement, &memory);
		each(arg, (const char *)sqlite3_column_text(statement, 15), &memory);
	}
	return code == -E_ABSENT ? 0 : code;
}

static int backend_peers_each(struct backend_handle *handle, const char *pattern, size_t limit, store_peer_each_f *each,
    void *arg)
{
	return each_peer(handle, ST_PEERS, pattern, limit, each, arg);	/* instr(x, '') is 1: no pattern matches all */
}

static int backend_hosts_each(struct backend_handle *handle, const char *peer, size_t limit, store_peer_each_f *each,
    void *arg)
{
	return each_peer(handle, ST_HOSTS, peer, limit, each, arg);
}

static int backend_greylist_get(struct backend_handle *handle, const char *key, struct greylist_entry *entry_r)
{
	sqlite3_stmt *statement = sqlite_statement(handle, ST_GREY_GET);
	int code;

	if (statement == NULL)
		return -E_SYSTEM;
	sqlite_bind_key(statement, 1, key);
	code = sqlite_step_row(handle, statement);
	if (code == 0) {
		entry_r->first_secs = sqlite3_column_int64(statement, 0);
		entry_r->last_secs = sqlite3_column_int64(statement, 1);
		entry_r->passed_secs = sqlite3_column_int64(statement, 2);
		entry_r->tries = (uint64_t)sqlite3_column_int64(statement, 3);
		sqlite3_reset(statement);
	}
	return code;
}

static int backend_greylist_put(struct backend_handle *handle, const char *key, const struct greylist_entry *entry)
{
	sqlite3_stmt *statement = sqlite_statement(handle, ST_GREY_PUT);

	if (statement == NULL)
		return -E_SYSTEM;
	sqlite_bind_key(statement, 1, key);
	sqlite3_bind_int64(statement, 2, entry->first_secs);
	sqlite3_bind_int64(statement, 3, entry->last_secs);
	sqlite3_bind_int64(statement, 4, entry->passed_secs);
	sqlite3_bind_int64(statement, 5, (int64_t)entry->tries);
	return sqlite_step_done(handle, statement);
}

static int backend_shape_put(struct backend_handle *handle, const char *key, const char *text, int64_t time_secs)
{
	sqlite3_stmt *statement = sqlite_statement(handle, ST_SHAPE_PUT);

	if (statement == NULL)
		return -E_SYSTEM;
	sqlite_bind_key(statement, 1, key);
	sqlite_bind_text(statement, 2, text);
	sqlite3_bind_int64(statement, 3, time_secs);
	return sqlite_step_done(handle, statement);
}

static int backend_shapes_each(struct backend_handle *handle, size_t limit, backend_shape_each *each, void *arg)
{
	sqlite3_stmt *statement = sqlite_statement(handle, ST_SHAPES);
	int code;

	if (statement == NULL)
		return -E_SYSTEM;
	sqlite3_bind_int64(statement, 1, limit > INT32_MAX ? INT32_MAX : (int64_t)limit);
	while ((code = sqlite_step_row(handle, statement)) == 0) {
		const char *key = (const char *)sqlite3_column_text(statement, 0), *text = (const char *)sqlite3_column_text(statement, 1);

		if (key != NULL && text != NULL)
			each(arg, key, text, sqlite3_column_int64(statement, 2));
	}
	return code == -E_ABSENT ? 0 : code;
}

const struct backend backend_sqlite = {
	.name = "sqlite",
	.look = sqlite_files_look,
	.open = backend_open,
	.close = backend_close,
	.bound = backend_bound,
	.why = backend_why,
	.refuses = backend_refuses,
	.is_orphan = backend_is_orphan,
	.begin = sqlite_begin,
	.commit = sqlite_commit,
	.rollback = sqlite_rollback,
	.peer_get = backend_peer_get,
	.peer_put = backend_peer_put,
	.peer_forget = backend_peer_forget,
	.peers_each = backend_peers_each,
	.hosts_each = backend_hosts_each,
	.hosts_trim = sqlite_hosts_trim,
	.greylist_get = backend_greylist_get,
	.greylist_put = backend_greylist_put,
	.flow_add = sqlite_flow_add,
	.flows_each = sqlite_flows_each,
	.kinds_each = sqlite_kinds_each,
	.shape_put = backend_shape_put,
	.shapes_each = backend_shapes_each,
	.dmarc = &sqlite_dmarc,
	.failure_add = sqlite_failure_add,
	.failure_take = sqlite_failure_take,
	.failures_each = sqlite_failures_each,
	.failure_done = sqlite_failure_done,
	.failure_later = sqlite_failure_later,
	.failure_counts = sqlite_failure_counts,
	.brakes_each = sqlite_brakes_each,
	.brake_put = sqlite_brake_put,
	.trace_put = sqlite_trace_put,
	.traces_each = sqlite_traces_each,
	.expire = sqlite_expire,
	.copy = &sqlite_copy,
};
