/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Tables of SQLite read and written whole (copy.h). What a part is found by is made of its text, as when a flow is written; how often
 * something is referred to is counted by the triggers. Trusts nothing of what is read but its types. Thread: the handle's.
 */
#include "record/sqlite_internal.h"

#include <stdio.h>
#include <string.h>

#include <openssl/sha.h>

#include "util/error.h"

enum { SQL_BYTES = 1024 };

/* What differs from "SELECT columns FROM table" and from "INSERT INTO table(columns) VALUES(?1, ?2, ...)". */
static const struct special { const char *table, *read, *before, *write; } special[] = {
	{ "part", NULL, NULL, "INSERT INTO part(id,text,hash,kinds) VALUES(?1,?2,part_hash(?2),0)" },
	{ "kind", NULL, NULL, "INSERT INTO kind(id,outcome,sender,recipients,client,tls,rows) VALUES(?1,?2,?3,?4,?5,?6,0)" },
	/* SQLite's own, and it has no keys */
	{ "failure_id", "SELECT seq FROM sqlite_sequence WHERE name='failure'", "DELETE FROM sqlite_sequence WHERE name='failure'",
	    "INSERT INTO sqlite_sequence(name,seq) VALUES('failure',?1)" },
};

static void part_hash(sqlite3_context *context, int count, sqlite3_value **values)
{
	unsigned char digest[SHA256_DIGEST_LENGTH];
	int64_t hash;

	(void)count;
	SHA256(sqlite3_value_text(values[0]), (size_t)sqlite3_value_bytes(values[0]), digest);
	memcpy(&hash, digest, sizeof(hash));
	sqlite3_result_int64(context, hash);
}

static int copy_begin(struct backend_handle *handle, bool write)
{
	if (!sqlite_schema_is_current(handle)) {
		snprintf(handle->why, sizeof(handle->why), "its schema is version %d, of an earlier Assay: assayd of this version brings it up "
		    "to date when it starts with it", handle->version);
		return -E_SYSTEM;
	}
	if (!write)
		return sqlite_exec(handle, "BEGIN");
	if (sqlite3_create_function(handle->db, "part_hash", 1, SQLITE_UTF8 | SQLITE_DETERMINISTIC, NULL, part_hash, NULL, NULL) != SQLITE_OK)
		return sqlite_fail(handle);
	return sqlite_begin(handle);
}

/* @return nothing but NULL of a table that is like the others. */
static const struct special *special_of(const struct copy_table *table)
{
	static const struct special none = { 0 };

	for (size_t i = 0; i < sizeof(special) / sizeof(special[0]); i++)
		if (strcmp(special[i].table, table->name) == 0)
			return &special[i];
	return &none;
}

static void write_sql(const struct copy_table *table, char sql_r[SQL_BYTES])
{
	int length = snprintf(sql_r, SQL_BYTES, "INSERT INTO %s(%s) VALUES(", table->name, table->columns);

	for (size_t i = 0; table->types[i] != '\0'; i++)
		length += snprintf(sql_r + length, SQL_BYTES - (size_t)length, "%s?%zu", i == 0 ? "" : ",", i + 1);
	snprintf(sql_r + length, SQL_BYTES - (size_t)length, ")");
}

static sqlite3_stmt *prepare(struct backend_handle *handle, const struct copy_table *table, bool write)
{
	const char *known = write ? special_of(table)->write : special_of(table)->read;
	sqlite3_stmt *statement;
	char sql[SQL_BYTES];

	if (known != NULL)
		snprintf(sql, sizeof(sql), "%s", known);
	else if (write)
		write_sql(table, sql);
	else
		snprintf(sql, sizeof(sql), "SELECT %s FROM %s", table->columns, table->name);
	if (sqlite3_prepare_v2(handle->db, sql, -1, &statement, NULL) == SQLITE_OK)
		return statement;
	(void)sqlite_fail(handle);
	return NULL;
}

static struct copy_value value_of(sqlite3_stmt *row, int column, char type)
{
	struct copy_value value = { .data = "" };

	if (type == 'n') {
		value.number = sqlite3_column_int64(row, column);
		return value;
	}
	value.data = type == 't' ? (const char *)sqlite3_column_text(row, column) : sqlite3_column_blob(row, column);
	value.length = (size_t)sqlite3_column_bytes(row, column);
	if (value.data == NULL)
		value.data = "";
	return value;
}

static int copy_each(struct backend_handle *handle, const struct copy_table *table, copy_row_f *each, void *arg)
{
	sqlite3_stmt *statement = prepare(handle, table, false);
	struct copy_value values[COPY_COLUMNS_MAX];
	int code;

	if (statement == NULL)
		return -E_SYSTEM;
	while ((code = sqlite_step_row(handle, statement)) == 0) {
		for (int i = 0; table->types[i] != '\0'; i++)
			values[i] = value_of(statement, i, table->types[i]);
		code = each(arg, values);
		if (code != 0)
			break;
	}
	sqlite3_finalize(statement);
	return code == -E_ABSENT ? 0 : code;
}

static int copy_put_begin(struct backend_handle *handle, const struct copy_table *table)
{
	const char *before = special_of(table)->before;

	if (before != NULL && sqlite_exec(handle, before) != 0)
		return -E_SYSTEM;
	sqlite3_finalize(handle->copying);
	handle->copying = prepare(handle, table, true);
	return handle->copying != NULL ? 0 : -E_SYSTEM;
}

static int copy_put(struct backend_handle *handle, const struct copy_table *table, const struct copy_value *values)
{
	for (int i = 0; table->types[i] != '\0'; i++) {
		const struct copy_value *value = &values[i];

		if (table->types[i] == 'n')
			sqlite3_bind_int64(handle->copying, i + 1, value->number);
		else if (table->types[i] == 't')
			sqlite3_bind_text(handle->copying, i + 1, value->data, (int)value->length, SQLITE_STATIC);
		else
			sqlite3_bind_blob(handle->copying, i + 1, value->data, (int)value->length, SQLITE_STATIC);
	}
	return sqlite_step_done(handle, handle->copying);
}

static int copy_put_end(struct backend_handle *handle, const struct copy_table *table)
{
	(void)table;
	sqlite3_finalize(handle->copying);
	handle->copying = NULL;
	return 0;
}

const struct backend_copy sqlite_copy = {
	.begin = copy_begin,
	.each = copy_each,
	.put_begin = copy_put_begin,
	.put = copy_put,
	.put_end = copy_put_end,
};
