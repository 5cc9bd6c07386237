/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The PostgreSQL backend: opening and closing, and transactions. The files beside it are told in pg_internal.h. A handle is one
 * connection; it is never mended: one that failed is closed, and the store opens another.
 * Trusts nothing of the server. Thread: a handle belongs to one thread at a time.
 */
#include "record/pg_internal.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "record/trace_pack.h"
#include "util/connection.h"
#include "util/error.h"
#include "util/out_of_memory.h"

enum {
	/* a writer may wait so many times as long for an answer as for a lock, but no longer than is left to who stops it: no mail waits for it */
	WRITER_PATIENCE = 5, WRITER_LIMIT_MS = 5000,
	UNASKED_MAX = 4		/* things that a server says unasked before it is gone */
};

/*
 * A host that vanishes in the middle of a transaction must not keep all others from writing: the server ends it. READ COMMITTED: each
 * statement sees what the writer before has left, once it has let go. Nothing here is worth being compiled.
 */
static const char writer_settings[] = "SET default_transaction_isolation='read committed'; SET idle_in_transaction_session_timeout=10000; "
    "SET lock_timeout=%u; SET statement_timeout=%u; SET jit=off";
static const char reader_settings[] = "SET default_transaction_read_only=on; SET jit=off";

static void backend_close(struct backend_handle **handle)
{
	if (*handle == NULL)
		return;
	PQclear((*handle)->result);
	PQfinish((*handle)->connection);
	pg_flows_free(*handle);
	pg_foreseen_free(*handle);
	pg_copy_free(*handle);
	trace_packer_free(&(*handle)->packer);
	arena_free(&(*handle)->texts);
	arena_free(&(*handle)->row_texts);
	free(*handle);
	*handle = NULL;
}

static unsigned limit_of(bool write, unsigned busy_ms)
{
	if (!write || busy_ms >= WRITER_LIMIT_MS)
		return busy_ms;
	return busy_ms < WRITER_LIMIT_MS / WRITER_PATIENCE ? busy_ms * WRITER_PATIENCE : WRITER_LIMIT_MS;
}

/* What holds for all of the connection, and the schema. */
static int backend_settle(struct backend_handle *handle, enum backend_access access)
{
	char settings[400];

	if (handle->write)
		/* the server says that it was a lock before its answer is given up */
		snprintf(settings, sizeof(settings), writer_settings, handle->limit_ms / 5 * 4, handle->limit_ms);
	else
		snprintf(settings, sizeof(settings), reader_settings);
	if (pg_exec(handle, settings) != 0)
		return -E_SYSTEM;
	handle->version = pg_schema_check(handle);
	if (handle->version < 0)
		return -E_SYSTEM;
	if (handle->version == 0 && access == BACKEND_CHANGE)
		return pg_fail(handle, "the database has no Assay schema yet: assayd makes it at its start");
	return handle->write ? pg_schema_prepare(handle) : 0;
}

static struct backend_handle *backend_open(const char *location, enum backend_access access, unsigned busy_ms, char *why_r,
    size_t why_bytes)
{
	struct backend_handle *handle = calloc(1, sizeof(*handle));
	const char *fault;

	if (handle == NULL)
		out_of_memory();
	handle->write = access != BACKEND_READ;
	handle->limit_ms = limit_of(handle->write, busy_ms);
	handle->texts = arena_new();
	handle->row_texts = arena_new();
	fault = connection_fault(location);
	if (fault != NULL) {
		pg_fail(handle, "the connection to PostgreSQL: %s", fault);
	} else if (pg_connect(handle, location, access == BACKEND_MAKE) == 0 && backend_settle(handle, access) == 0) {
		pg_bound(handle, 0);
		return handle;
	}
	snprintf(why_r, why_bytes, "%s", handle->why);
	backend_close(&handle);
	return NULL;
}

static const char *backend_why(struct backend_handle *handle)
{
	return handle->why;
}

static void backend_bound(struct backend_handle *handle, unsigned busy_ms, int64_t until_ms)
{
	handle->limit_ms = busy_ms;
	handle->until_ms = until_ms;
}

static bool backend_refuses(const struct backend_handle *handle)
{
	return handle->refused && !handle->lost;
}

/* A server that goes says so, or at least its host does: there is something to read where nobody has asked, and then the end. A
 * notice is no end. */
static bool backend_is_orphan(struct backend_handle *handle)
{
	struct pollfd fd = { .fd = PQsocket(handle->connection), .events = POLLIN };
	bool ended = handle->lost || PQstatus(handle->connection) != CONNECTION_OK;

	for (int i = 0; i < UNASKED_MAX && !ended && poll(&fd, 1, 0) > 0; i++)
		ended = PQconsumeInput(handle->connection) == 0 || PQstatus(handle->connection) != CONNECTION_OK;
	if (ended && !handle->lost)
		pg_fail(handle, "the server has ended the connection");
	handle->lost |= ended;
	return ended;
}

int pg_begin(struct backend_handle *handle)
{
	static const struct pg_sql begin = { "", "BEGIN" }, lock = { "", "SELECT version FROM assay_schema FOR UPDATE" };
	struct pg_call call;
	struct pg_row row;
	int code;

	handle->in_transaction = true;
	pg_bound(handle, 1);
	pg_call_begin(&call, handle, &begin);
	code = pg_run_later(&call);
	if (code == 0) {
		pg_call_begin(&call, handle, &lock);
		code = pg_get(&call, &row);
	}
	if (code == 0)
		code = pg_schema_same(handle, (int)pg_row_number(&row, 0));
	else if (code == -E_ABSENT)
		code = pg_fail(handle, "the table assay_schema has no row");
	pg_flows_forget(handle);
	pg_foreseen_forget(handle);
	pg_bound(handle, PG_TRANSACTION_TIMES);
	if (code != 0)
		pg_rollback(handle);
	return code;
}

int pg_commit(struct backend_handle *handle)
{
	static const struct pg_sql commit = { "", "COMMIT" };
	struct pg_call call;

	pg_foreseen_forget(handle);
	if (pg_flows_flush(handle) != 0)
		return -E_SYSTEM;
	pg_call_begin(&call, handle, &commit);
	if (pg_run(&call, NULL) != 0)
		return -E_SYSTEM;
	handle->in_transaction = false;
	pg_bound(handle, 0);
	/* of a transaction in which something failed, which was told then, the server says so here */
	if (strcmp(PQcmdStatus(handle->result), "COMMIT") != 0)
		return pg_fail(handle, "the server did not take the transaction");
	return 0;
}

void pg_rollback(struct backend_handle *handle)
{
	static const struct pg_sql rollback = { "", "ROLLBACK" };
	struct pg_call call;
	char why[sizeof(handle->why)];

	pg_flows_forget(handle);
	pg_foreseen_forget(handle);
	pg_bound(handle, 0);
	if (!handle->in_transaction || handle->lost)
		return;
	handle->in_transaction = false;
	memcpy(why, handle->why, sizeof(why));
	pg_call_begin(&call, handle, &rollback);
	(void)pg_run(&call, NULL);
	if (why[0] != '\0')
		memcpy(handle->why, why, sizeof(why));
}

int pg_transaction(struct backend_handle *handle, pg_work *work, void *arg)
{
	int code = pg_begin(handle);

	if (code == 0)
		code = work(handle, arg);
	if (code >= 0 && pg_commit(handle) != 0)
		code = -E_SYSTEM;
	if (code < 0)
		pg_rollback(handle);
	return code;
}

/* Nothing of a server can be told before it is asked. */
static int backend_look(const char *location, struct backend_look *look_r)
{
	const char *fault = connection_fault(location);

	*look_r = (struct backend_look){ .bytes = -1 };
	if (fault == NULL)
		return 0;
	snprintf(look_r->why, sizeof(look_r->why), "the connection to PostgreSQL: %s", fault);
	return -E_SYSTEM;
}

const struct backend backend_postgresql = {
	.name = "postgresql",
	.look = backend_look,
	.expect = pg_expect,
	.open = backend_open,
	.close = backend_close,
	.bound = backend_bound,
	.why = backend_why,
	.refuses = backend_refuses,
	.is_orphan = backend_is_orphan,
	.begin = pg_begin,
	.commit = pg_commit,
	.rollback = pg_rollback,
	.foresee = pg_foresee,
	.peer_get = pg_peer_get,
	.peer_put = pg_peer_put,
	.peer_forget = pg_peer_forget,
	.peers_each = pg_peers_each,
	.hosts_each = pg_hosts_each,
	.hosts_trim = pg_hosts_trim,
	.greylist_get = pg_greylist_get,
	.greylist_put = pg_greylist_put,
	.flow_add = pg_flow_add,
	.flows_each = pg_flows_each,
	.kinds_each = pg_kinds_each,
	.shape_put = pg_shape_put,
	.shapes_each = pg_shapes_each,
	.dmarc = &pg_dmarc,
	.failure_add = pg_failure_add,
	.failure_take = pg_failure_take,
	.failures_each = pg_failures_each,
	.failure_done = pg_failure_done,
	.failure_later = pg_failure_later,
	.failure_counts = pg_failure_counts,
	.brakes_each = pg_brakes_each,
	.brake_put = pg_brake_put,
	.trace_put = pg_trace_put,
	.traces_each = pg_traces_each,
	.expire = pg_expire,
	.copy = &pg_copy,
};
