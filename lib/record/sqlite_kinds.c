/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Flows read: by time, and by kind. Rows of earlier schemas, which say all in words, come first, each by itself. Trusts nothing of
 * what is read: a kind or part that is missing reads as "", which tells nothing. Thread: the handle's.
 */
#include "record/sqlite_internal.h"

#include "record/flow_parts.h"
#include "record/flow_spans.h"
#include "util/error.h"

enum { HOUR_SECS = 3600, DAY_SECS = 86400, PLAIN_TEXTS = 11, VERSION_EVIDENCE = 3, VERSION_KINDS = 5 };

/* Rows of a statement on a table of before. */
static int each_plain(struct backend_handle *handle, enum sqlite_statement which, int64_t since_secs, store_flow_each_f *each, void *arg)
{
	sqlite3_stmt *statement = sqlite_statement(handle, which);
	int code;

	if (statement == NULL)
		return -E_SYSTEM;
	sqlite3_bind_int64(statement, 1, since_secs);
	while ((code = sqlite_step_row(handle, statement)) == 0) {
		struct flow_row row = { .hour_secs = sqlite3_column_int64(statement, 0), .span_secs = HOUR_SECS,
			.sessions_unknown = true };
		const char **const texts[] = { &row.author_domain, &row.envelope_domain, &row.client_network, &row.findings,
			&row.results, &row.tls_grade, &row.tls_version, &row.tls_cipher, &row.policy, &row.action,
			&row.evidence };

		for (int i = 0; i < PLAIN_TEXTS; i++)
			*texts[i] = (const char *)sqlite3_column_text(statement, 1 + i);
		row.enforced = sqlite3_column_int(statement, 1 + PLAIN_TEXTS) != 0;
		row.messages = (uint64_t)sqlite3_column_int64(statement, 2 + PLAIN_TEXTS);
		row.bytes = (uint64_t)sqlite3_column_int64(statement, 3 + PLAIN_TEXTS);
		each(arg, &row);
	}
	return code == -E_ABSENT ? 0 : code;
}

static int each_before(struct backend_handle *handle, int64_t since_secs, store_flow_each_f *each, void *arg)
{
	if (handle->version < VERSION_EVIDENCE)
		return each_plain(handle, ST_FLOWS_1, since_secs, each, arg);
	return each_plain(handle, handle->version < VERSION_KINDS ? ST_FLOWS_3 : ST_FLOWS_PLAIN, since_secs, each, arg);
}

/* The words of a kind. */
static int kind_read(struct backend_handle *handle, int64_t id, struct arena *arena, struct flow_row *row_r)
{
	sqlite3_stmt *statement = sqlite_statement(handle, ST_KIND_TEXTS);
	const char *texts[FLOW_PARTS] = { NULL };
	int code;

	if (statement == NULL)
		return -E_SYSTEM;
	sqlite3_bind_int64(statement, 1, id);
	code = sqlite_step_row(handle, statement);
	for (int part = 0; part < FLOW_PARTS && code == 0; part++)
		texts[part] = (const char *)sqlite3_column_text(statement, part);
	if (code == 0 || code == -E_ABSENT)
		flow_parts_read(texts, arena, row_r);
	if (code == 0)
		sqlite3_reset(statement);
	return code == -E_ABSENT ? 0 : code;
}

int sqlite_flows_each(struct backend_handle *handle, int64_t since_secs, store_flow_each_f *each, void *arg)
{
	int code = each_before(handle, since_secs, each, arg);
	sqlite3_stmt *statement = handle->version >= VERSION_KINDS && code == 0 ? sqlite_statement(handle, ST_FLOWS) : NULL;
	struct arena *arena;

	if (statement == NULL)
		return code != 0 ? code : handle->version >= VERSION_KINDS ? -E_SYSTEM : 0;
	arena = arena_new();
	sqlite3_bind_int64(statement, 1, since_secs);
	while ((code = sqlite_step_row(handle, statement)) == 0) {
		struct flow_row row = { .hour_secs = sqlite3_column_int64(statement, 0),
			.span_secs = (unsigned)sqlite3_column_int64(statement, 1),
			.messages = (uint64_t)sqlite3_column_int64(statement, 3), .bytes = (uint64_t)sqlite3_column_int64(statement, 4),
			.sessions = (uint64_t)sqlite3_column_int64(statement, 5) };

		arena_reset(arena);
		if (kind_read(handle, sqlite3_column_int64(statement, 2), arena, &row) != 0) {
			sqlite3_reset(statement);
			code = -E_SYSTEM;
			break;
		}
		each(arg, &row);
	}
	arena_free(&arena);
	return code == -E_ABSENT ? 0 : code;
}

/* ---- by kind ----------------------------------------------------------------------------------------------------- */

struct kinds {
	struct backend_handle *handle;
	struct flow_spans spans;
	struct arena *arena;		/* for one kind's words */
};

/* Hands the kind on with its spans. */
static int kind_end(struct kinds *kinds)
{
	struct flow_row row = { 0 };

	if (kinds->spans.count == 0)
		return 0;
	arena_reset(kinds->arena);
	if (kind_read(kinds->handle, kinds->spans.id, kinds->arena, &row) != 0)
		return -E_SYSTEM;
	flow_spans_end(&kinds->spans, &row);
	return 0;
}

/* Rows come kind by kind, in the order of time. */
static int span_row(struct kinds *kinds, sqlite3_stmt *row)
{
	int64_t id = sqlite3_column_int64(row, 0);
	const struct flow_span span = { .from_secs = sqlite3_column_int64(row, 1), .span_secs = (unsigned)sqlite3_column_int64(row, 2),
		.messages = (uint64_t)sqlite3_column_int64(row, 3), .bytes = (uint64_t)sqlite3_column_int64(row, 4),
		.sessions = (uint64_t)sqlite3_column_int64(row, 5) };
	int code = id != kinds->spans.id ? kind_end(kinds) : 0;

	if (code != 0)
		return code;
	kinds->spans.id = id;
	flow_spans_add(&kinds->spans, &span);
	return 0;
}

int sqlite_kinds_each(struct backend_handle *handle, int64_t since_secs, unsigned span_secs, store_kind_each_f *each, void *arg)
{
	struct kinds kinds = { .handle = handle, .spans = { .span_secs = span_secs, .each = each, .arg = arg } };
	int code = each_before(handle, since_secs, flow_spans_plain, &kinds.spans);
	sqlite3_stmt *statement = handle->version >= VERSION_KINDS && code == 0 ? sqlite_statement(handle, ST_SPANS) : NULL;

	if (statement == NULL)
		return code != 0 ? code : handle->version >= VERSION_KINDS ? -E_SYSTEM : 0;
	kinds.arena = arena_new();
	sqlite3_bind_int64(statement, 1, since_secs);
	sqlite3_bind_int64(statement, 2, span_secs);
	while ((code = sqlite_step_row(handle, statement)) == 0) {
		if (span_row(&kinds, statement) != 0) {
			sqlite3_reset(statement);
			code = -E_SYSTEM;
			break;
		}
	}
	if (code == -E_ABSENT)
		code = kind_end(&kinds);
	arena_free(&kinds.arena);
	flow_spans_free(&kinds.spans);
	return code;
}
