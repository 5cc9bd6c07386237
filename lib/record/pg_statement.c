/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Statements on their way to the server and back. The connection is in libpq's pipeline mode: what needs no answer at once is sent
 * on, and one round trip serves for many. Nothing here waits without an end; a server that has not answered by then is given up with
 * its connection, whatever it may still do. A statement is prepared at its first use and kept with the connection.
 * Trusts what is bound, which is never part of the text of a statement; of the server's answers only their lengths.
 * Thread: the handle's.
 */
#include "record/pg_internal.h"

#include <endian.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/sha.h>

#include "util/clock.h"
#include "util/error.h"

enum {
	WAITING_MAX = 400,	/* outcomes that are not read yet */
	KEY_MAX = 1000,		/* octets; an index of the server takes 2,700 in all */
	OID_NUMBER = 20, OID_TEXT = 25, OID_OCTETS = 17		/* fixed numbers of types in every server (pg_type.dat) */
};

int pg_fail(struct backend_handle *handle, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(handle->why, sizeof(handle->why), format, arguments);
	va_end(arguments);
	handle->refused = false;
	for (char *end = handle->why + strlen(handle->why); end > handle->why && (end[-1] == '\n' || end[-1] == ' ');)
		*--end = '\0';
	for (char *c = handle->why; *c != '\0'; c++)
		if (*c == '\n' || *c == '\t')
			*c = ' ';
	return -E_SYSTEM;
}

/* What libpq says of the connection itself. */
static int connection_fail(struct backend_handle *handle)
{
	handle->lost = true;
	return pg_fail(handle, "%s", PQerrorMessage(handle->connection));
}

/* ---- parameters -------------------------------------------------------------------------------------------------- */

void pg_call_begin(struct pg_call *call, struct backend_handle *handle, const struct pg_sql *sql)
{
	arena_reset(handle->texts);
	call->sql = sql;
	call->handle = handle;
	call->count = 0;
}

static int place(struct pg_call *call, const char *value, size_t bytes, int format)
{
	int index = call->count++;

	call->values[index] = value;
	call->lengths[index] = (int)bytes;
	call->formats[index] = format;
	return index;
}

void pg_number(struct pg_call *call, int64_t value)
{
	uint64_t octets = htobe64((uint64_t)value);
	unsigned char *number = call->numbers[call->count];

	memcpy(number, &octets, sizeof(octets));
	place(call, (const char *)number, sizeof(octets), 1);
}

void pg_text(struct pg_call *call, const char *text)
{
	place(call, text != NULL ? pg_text_encode(call->handle->texts, text) : "", 0, 0);
}

const char *pg_key_of(struct arena *arena, const char *text)
{
	const char *encoded = text != NULL ? pg_text_encode(arena, text) : "";
	size_t length = strlen(encoded);
	unsigned char digest[SHA256_DIGEST_LENGTH];
	char *key;

	if (length <= KEY_MAX)
		return encoded;
	SHA256((const unsigned char *)encoded, length, digest);
	key = arena_alloc(arena, KEY_MAX + 1);
	length = KEY_MAX - 2 * SHA256_DIGEST_LENGTH;
	while (length > 0 && ((unsigned char)encoded[length] & 0xc0) == 0x80)
		length--;	/* not within a character */
	memcpy(key, encoded, length);
	for (int i = 0; i < SHA256_DIGEST_LENGTH; i++, length += 2)
		snprintf(key + length, 3, "%02x", digest[i]);
	return key;
}

void pg_encoded(struct pg_call *call, const char *text)
{
	place(call, text, 0, 0);
}

void pg_key(struct pg_call *call, const char *text)
{
	pg_encoded(call, pg_key_of(call->handle->texts, text));
}

void pg_octets(struct pg_call *call, const void *data, size_t bytes)
{
	place(call, bytes != 0 ? data : "", bytes, 1);
}

/* ---- sending ----------------------------------------------------------------------------------------------------- */

/* Hands what is buffered to the network; what comes meanwhile is taken in, so that the two ends never wait for each other. */
static int flush(struct backend_handle *handle, int64_t deadline_ms)
{
	int left;

	while ((left = PQflush(handle->connection)) > 0) {
		if (pg_wait(handle, true, deadline_ms) != 0)
			return -E_SYSTEM;
		if (PQconsumeInput(handle->connection) == 0)
			return connection_fail(handle);
	}
	return left == 0 ? 0 : connection_fail(handle);
}

static int prepare(struct backend_handle *handle, const struct pg_sql *sql, char name[16])
{
	Oid types[PG_PARAMETERS_MAX];
	unsigned index = 0;
	int count = 0;

	while (index < handle->prepared_count && handle->prepared[index].sql != sql)
		index++;
	snprintf(name, 16, "a%u", index < handle->prepared_count ? handle->prepared[index].name : handle->names);
	if (index < handle->prepared_count)
		return 0;
	if (index == PG_STATEMENTS_MAX)
		return pg_fail(handle, "more statements than a connection keeps");
	for (const char *type = sql->types; *type != '\0' && count < PG_PARAMETERS_MAX; type++)
		types[count++] = *type == 'i' ? OID_NUMBER : *type == 't' ? OID_TEXT : OID_OCTETS;
	if (PQsendPrepare(handle->connection, name, sql->text, count, types) == 0)
		return connection_fail(handle);
	handle->waiting++;
	handle->prepared[index].sql = sql;
	handle->prepared[index].name = handle->names++;
	handle->prepared_count++;
	return 0;
}

static int send(struct pg_call *call)
{
	struct backend_handle *handle = call->handle;
	char name[16];

	if (handle->lost)
		return -E_SYSTEM;	/* why says it already */
	PQclear(handle->result);
	handle->result = NULL;
	if (prepare(handle, call->sql, name) != 0)
		return -E_SYSTEM;
	if (PQsendQueryPrepared(handle->connection, name, call->count, call->values, call->lengths, call->formats, 1) == 0)
		return connection_fail(handle);
	handle->waiting++;
	return 0;
}

/* ---- outcomes ---------------------------------------------------------------------------------------------------- */

/* The next of what PQgetResult() gives, NULL too. */
static int next_result(struct backend_handle *handle, int64_t deadline_ms, PGresult **result_r)
{
	while (PQisBusy(handle->connection)) {
		if (pg_wait(handle, false, deadline_ms) != 0)
			return -E_SYSTEM;
		if (PQconsumeInput(handle->connection) == 0)
			return connection_fail(handle);
	}
	*result_r = PQgetResult(handle->connection);
	return 0;
}

/* Keeps a result, and says what is wrong with it. What follows a failure in the same pipeline was not run, and says nothing. */
static int result_take(struct backend_handle *handle, PGresult *result, int code)
{
	ExecStatusType status = PQresultStatus(result);
	const char *reason, *state;

	if (status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK || status == PGRES_SINGLE_TUPLE) {
		PQclear(handle->result);
		handle->result = result;
		return code;
	}
	if (code == 0) {
		reason = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
		state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
		pg_fail(handle, "%s%s", reason != NULL ? reason : PQresultErrorMessage(result), pg_error_hint(state));
		handle->refused = pg_error_is_refusal(state);
	}
	PQclear(result);
	return -E_SYSTEM;
}

/* Reads the outcomes of all that was sent. handle->result is the last one's. */
static int finish(struct backend_handle *handle)
{
	int64_t deadline_ms = pg_deadline_ms(handle);
	PGresult *result;
	int code = 0, nulls = 0;

	if (PQpipelineSync(handle->connection) == 0)
		return connection_fail(handle);
	if (flush(handle, deadline_ms) != 0)
		return -E_SYSTEM;
	while (nulls < 2) {
		if (next_result(handle, deadline_ms, &result) != 0)
			return -E_SYSTEM;
		if (result == NULL) {
			nulls++;	/* one ends a statement; two in a row: there is no more */
			continue;
		}
		nulls = 0;
		if (PQresultStatus(result) == PGRES_PIPELINE_SYNC) {
			PQclear(result);
			handle->waiting = 0;
			/* what stood behind a failure was not prepared either */
			if (code == 0)
				handle->prepared_sure = handle->prepared_count;
			else
				handle->prepared_count = handle->prepared_sure;
			return code;
		}
		code = result_take(handle, result, code);
	}
	handle->lost = true;
	return pg_fail(handle, "the connection to the server ended");
}

int pg_run(struct pg_call *call, uint64_t *changed_r)
{
	if (send(call) != 0 || finish(call->handle) != 0)
		return -E_SYSTEM;
	if (changed_r != NULL)
		*changed_r = strtoull(PQcmdTuples(call->handle->result), NULL, 10);
	return 0;
}

int pg_run_later(struct pg_call *call)
{
	if (send(call) != 0)
		return -E_SYSTEM;
	return call->handle->waiting >= WAITING_MAX || !call->handle->in_transaction ? finish(call->handle) : 0;
}

int pg_get(struct pg_call *call, struct pg_row *row_r)
{
	struct backend_handle *handle = call->handle;

	if (send(call) != 0 || finish(handle) != 0)
		return -E_SYSTEM;
	if (PQntuples(handle->result) == 0)
		return -E_ABSENT;
	arena_reset(handle->row_texts);
	*row_r = (struct pg_row){ .handle = handle, .result = handle->result };
	return 0;
}

/* Hands on the rows that stand in handle->result. */
static int rows_hand_on(struct backend_handle *handle, pg_row_each *each, void *arg)
{
	struct pg_row row = { .handle = handle, .result = handle->result };
	int code = 0;

	for (; code == 0 && row.index < PQntuples(handle->result); row.index++) {
		arena_reset(handle->row_texts);
		code = each(arg, &row);
	}
	return code;
}

/* When the next row of many is to be there; whole_ms: the time for all of them. */
static int64_t scan_deadline_ms(const struct backend_handle *handle, int64_t whole_ms)
{
	if (!handle->write)
		return clock_monotonic_ms() + PG_SCAN_MS;
	return handle->unhurried || pg_deadline_ms(handle) < whole_ms ? pg_deadline_ms(handle) : whole_ms;
}

int pg_each(struct pg_call *call, pg_row_each *each, void *arg)
{
	struct backend_handle *handle = call->handle;
	int64_t whole_ms = clock_monotonic_ms() + (int64_t)handle->limit_ms * PG_TRANSACTION_TIMES;
	PGresult *result;
	int code, ended = 0, nulls = 0;
	char name[16];

	/* alone in the pipeline, so that what is said of its rows is said of no other statement */
	if (handle->lost || prepare(handle, call->sql, name) != 0 || (handle->waiting != 0 && finish(handle) != 0) || send(call) != 0)
		return -E_SYSTEM;
	PQsetSingleRowMode(handle->connection);
	if (PQpipelineSync(handle->connection) == 0)
		return connection_fail(handle);
	code = flush(handle, scan_deadline_ms(handle, whole_ms));
	while (code == 0 && nulls < 2) {
		if (next_result(handle, scan_deadline_ms(handle, whole_ms), &result) != 0)
			return -E_SYSTEM;
		if (result == NULL) {
			nulls++;
			continue;
		}
		nulls = 0;
		if (PQresultStatus(result) == PGRES_PIPELINE_SYNC) {
			PQclear(result);
			handle->waiting = 0;
			return ended;
		}
		if (result_take(handle, result, 0) != 0)
			ended = -E_SYSTEM;	/* the end of the pipeline is still to come */
		else if (ended == 0)
			ended = rows_hand_on(handle, each, arg);
	}
	return code != 0 ? code : connection_fail(handle);
}

int pg_all(struct pg_call *call, pg_row_each *each, void *arg)
{
	if (send(call) != 0 || finish(call->handle) != 0)
		return -E_SYSTEM;
	return rows_hand_on(call->handle, each, arg);
}

int pg_exec(struct backend_handle *handle, const char *sql)
{
	int64_t deadline_ms = pg_deadline_ms(handle);
	PGresult *result = NULL;
	int code = 0;

	if (handle->lost || (handle->waiting != 0 && finish(handle) != 0))
		return -E_SYSTEM;
	if (PQexitPipelineMode(handle->connection) == 0 || PQsendQuery(handle->connection, sql) == 0)
		return connection_fail(handle);
	if (flush(handle, deadline_ms) != 0)
		return -E_SYSTEM;
	do {
		if (next_result(handle, deadline_ms, &result) != 0)
			return -E_SYSTEM;
		if (result != NULL)
			code = result_take(handle, result, code);
	} while (result != NULL);
	return PQenterPipelineMode(handle->connection) != 0 ? code : connection_fail(handle);
}

/* ---- rows -------------------------------------------------------------------------------------------------------- */

int64_t pg_row_number(const struct pg_row *row, int column)
{
	const unsigned char *octets = (const unsigned char *)PQgetvalue(row->result, row->index, column);
	int bytes = PQgetlength(row->result, row->index, column);
	uint64_t value;

	if (bytes <= 0 || bytes > 8)
		return 0;
	value = bytes > 1 && octets[0] >= 0x80 ? UINT64_MAX : 0;	/* the sign; booleans have one octet */
	for (int i = 0; i < bytes; i++)
		value = value << 8 | octets[i];
	return (int64_t)value;
}

const char *pg_row_text(const struct pg_row *row, int column)
{
	return pg_text_decode(row->handle->row_texts, PQgetvalue(row->result, row->index, column));
}

const void *pg_row_octets(const struct pg_row *row, int column, size_t *bytes_r)
{
	*bytes_r = (size_t)PQgetlength(row->result, row->index, column);
	return PQgetvalue(row->result, row->index, column);
}
