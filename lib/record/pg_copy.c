/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Tables of PostgreSQL read and written whole (copy.h): many rows go with one statement. What rows are found by is made of their
 * texts, as when they are noted; how often something is referred to is counted by the triggers. Who writes has the writer's turn until
 * the end. Trusts nothing of what is read but its types. Thread: the handle's.
 */
#include "record/pg_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "record/key.h"
#include "util/error.h"
#include "util/out_of_memory.h"

enum { ROWS_MAX = 500, BYTES_MAX = 512 << 10, SQL_BYTES = 1600 };	/* of one statement */
enum { SILENCE_MS = 150000 };	/* of a statement on many rows: nobody waits for a copy but its admin */

struct pg_copying {
	struct pg_sql reads[COPY_TABLES], writes[COPY_TABLES];	/* their addresses are their names */
	char read_texts[COPY_TABLES][SQL_BYTES], write_texts[COPY_TABLES][SQL_BYTES], write_types[COPY_TABLES][COPY_COLUMNS_MAX + 2];
	struct arena *arena;		/* of the rows that wait */
	struct buf lists[COPY_COLUMNS_MAX + 1];	/* a list a column, then the hashes */
	unsigned rows;
};

/*
 * What a table has beside the columns that are copied. hashed: columns (from 0; -1 ends them) of whose texts the column hash is made.
 * keys: as bits, the columns that are found by an index, which takes no long texts (pg_key()).
 * more, values: further columns, and what they get. join: where those are from.
 */
static const struct special { const char *table, *read, *more, *values, *join; int hashed[4]; unsigned keys; bool has_ids; } special[] = {
	{ .table = "peer", .hashed = { -1 }, .keys = 1 << 0 | 1 << 1 },
	{ .table = "greylist", .hashed = { -1 }, .keys = 1 << 0 },
	{ .table = "shape", .hashed = { -1 }, .keys = 1 << 0 },
	{ .table = "part", .more = ",kinds", .values = ",0", .hashed = { 1, -1 }, .has_ids = true },
	{ .table = "kind", .more = ",hash", .values = ",substr(encode(sha256(convert_to(coalesce(o.text,'')||E'\\n'||coalesce(s.text,'')||"
	    "E'\\n'||coalesce(r.text,'')||E'\\n'||coalesce(c.text,'')||E'\\n'||coalesce(t.text,''),'UTF8')),'hex'),1,32)::uuid",
	    .join = " LEFT JOIN part AS o ON o.id=n.outcome LEFT JOIN part AS s ON s.id=n.sender LEFT JOIN part AS r ON r.id=n.recipients "
	    "LEFT JOIN part AS c ON c.id=n.client LEFT JOIN part AS t ON t.id=n.tls", .hashed = { -1 }, .has_ids = true },
	{ .table = "trace", .hashed = { -1 }, .keys = 1 << 1 | 1 << 2, .has_ids = true },
	{ .table = "dmarc_policy", .hashed = { 2, 3, 4, -1 }, .has_ids = true },
	{ .table = "dmarc_row", .hashed = { 1, -1 } },
	{ .table = "failure", .hashed = { 2, 3, -1 }, .has_ids = true },
	{ .table = "brake", .hashed = { -1 }, .keys = 1 << 0 | 1 << 1 },
	{ .table = "failure_id", .read = "SELECT last_value FROM failure_id_seq WHERE is_called", .hashed = { -1 } },
};

static const struct special *special_of(const struct copy_table *table)
{
	static const struct special none = { .hashed = { -1 } };

	for (size_t i = 0; i < sizeof(special) / sizeof(special[0]); i++)
		if (strcmp(special[i].table, table->name) == 0)
			return &special[i];
	return &none;
}

static struct pg_copying *copying_of(struct backend_handle *handle)
{
	if (handle->copying == NULL) {
		handle->copying = calloc(1, sizeof(*handle->copying));
		if (handle->copying == NULL)
			out_of_memory();
		handle->copying->arena = arena_new();
	}
	return handle->copying;
}

void pg_copy_free(struct backend_handle *handle)
{
	if (handle->copying == NULL)
		return;
	arena_free(&handle->copying->arena);
	free(handle->copying);
	handle->copying = NULL;
}

static int copy_begin(struct backend_handle *handle, bool write)
{
	static const struct pg_sql begin = { "", "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY" };
	/* it takes as long as it takes; a host that vanishes meanwhile must not keep others from writing for ever */
	static const struct pg_sql limits = { "", "SELECT set_config('statement_timeout','0',true),set_config('idle_in_transaction_session_timeout',"
	    "'600000',true),set_config('tcp_keepalives_idle','30',true),set_config('tcp_keepalives_interval','10',true),"
	    "set_config('tcp_keepalives_count','3',true)" };
	struct pg_call call;

	if (!pg_schema_is_current(handle))
		return pg_fail(handle, "its schema is version %d, of an earlier Assay: assayd of this version brings it up to date when it starts "
		    "with it", handle->version);
	if (write) {
		if (pg_begin(handle) != 0)
			return -E_SYSTEM;
		handle->unhurried = true;
		handle->limit_ms = handle->limit_ms > SILENCE_MS ? handle->limit_ms : SILENCE_MS;
		pg_bound(handle, 0);
		pg_call_begin(&call, handle, &limits);
		return pg_run(&call, NULL);
	}
	handle->in_transaction = true;
	pg_call_begin(&call, handle, &begin);
	return pg_run(&call, NULL);
}

/* ---- read -------------------------------------------------------------------------------------------------------- */

struct reading {
	const struct copy_table *table;
	copy_row_f *each;
	void *arg;
};

static int read_row(void *arg, const struct pg_row *row)
{
	const struct reading *reading = arg;
	struct copy_value values[COPY_COLUMNS_MAX] = { { 0 } };

	for (int i = 0; reading->table->types[i] != '\0'; i++) {
		struct copy_value *value = &values[i];

		if (reading->table->types[i] == 'n') {
			value->number = pg_row_number(row, i);
		} else if (reading->table->types[i] == 'o') {
			value->data = pg_row_octets(row, i, &value->length);
		} else {
			value->data = pg_row_text(row, i);
			value->length = strlen(value->data);
		}
	}
	return reading->each(reading->arg, values);
}

static int copy_each(struct backend_handle *handle, const struct copy_table *table, copy_row_f *each, void *arg)
{
	struct pg_copying *copying = copying_of(handle);
	size_t index = (size_t)(table - copy_tables);
	struct reading reading = { table, each, arg };
	struct pg_call call;

	if (copying->reads[index].text == NULL) {
		if (special_of(table)->read != NULL)
			snprintf(copying->read_texts[index], SQL_BYTES, "%s", special_of(table)->read);
		else
			snprintf(copying->read_texts[index], SQL_BYTES, "SELECT %s FROM %s", table->columns, table->name);
		copying->reads[index] = (struct pg_sql){ "", copying->read_texts[index] };
	}
	pg_call_begin(&call, handle, &copying->reads[index]);
	return pg_each(&call, read_row, &reading);
}

/* ---- written ------------------------------------------------------------------------------------------------------ */

static void write_sql(struct pg_copying *copying, const struct copy_table *table)
{
	const struct special *more = special_of(table);
	const char *hash = more->hashed[0] >= 0 ? ",hash" : "";
	size_t index = (size_t)(table - copy_tables);
	struct buf sql = buf_make(copying->arena), columns = buf_make(copying->arena);
	size_t count = strlen(table->types);

	/* n.column for each of them */
	buf_puts(&columns, "n.");
	for (const char *c = table->columns; *c != '\0'; c++) {
		buf_putc(&columns, *c);
		if (*c == ',')
			buf_puts(&columns, "n.");
	}
	buf_printf(&sql, "INSERT INTO %s(%s%s%s) OVERRIDING SYSTEM VALUE SELECT %s%s%s FROM unnest(", table->name, table->columns, hash,
	    more->more != NULL ? more->more : "", columns.data, hash[0] != '\0' ? ",n.hash" : "", more->values != NULL ? more->values : "");
	for (size_t i = 0; i < count; i++)
		buf_printf(&sql, "%s$%zu::%s[]", i == 0 ? "" : ",", i + 1,
		    table->types[i] == 'n' ? "bigint" : table->types[i] == 't' ? "text" : "bytea");
	if (hash[0] != '\0')
		buf_printf(&sql, ",$%zu::uuid[]", ++count);
	buf_printf(&sql, ") AS n(%s%s)%s", table->columns, hash, more->join != NULL ? more->join : "");
	snprintf(copying->write_texts[index], SQL_BYTES, "%s", sql.data);
	memset(copying->write_types[index], 't', count);
	copying->write_types[index][count] = '\0';
	copying->writes[index] = (struct pg_sql){ copying->write_types[index], copying->write_texts[index] };
}

static void lists_begin(struct pg_copying *copying)
{
	arena_reset(copying->arena);
	for (int i = 0; i <= COPY_COLUMNS_MAX; i++)
		copying->lists[i] = pg_list_begin(copying->arena);
	copying->rows = 0;
}

static void copy_fit(struct backend_handle *handle, const struct copy_table *table, struct copy_value *values)
{
	struct arena *arena = copying_of(handle)->arena;
	unsigned keys = special_of(table)->keys;

	for (unsigned i = 0; keys >> i != 0; i++) {
		const char *text;

		if ((keys >> i & 1) == 0 || values[i].length <= RECORD_KEY_SURE_BYTES)
			continue;
		text = arena_strndup(arena, values[i].data, values[i].length);
		values[i].data = record_key(arena, text);
		values[i].length = strlen(values[i].data);
	}
}

static int copy_put_begin(struct backend_handle *handle, const struct copy_table *table)
{
	struct pg_copying *copying = copying_of(handle);

	arena_reset(copying->arena);
	write_sql(copying, table);
	lists_begin(copying);
	return 0;
}

static int rows_flush(struct backend_handle *handle, const struct copy_table *table)
{
	struct pg_copying *copying = handle->copying;
	const struct pg_sql *sql = &copying->writes[table - copy_tables];
	struct pg_call call;
	int code;

	if (copying->rows == 0)
		return 0;
	pg_call_begin(&call, handle, sql);
	for (size_t i = 0; sql->types[i] != '\0'; i++)
		pg_list(&call, &copying->lists[i]);
	code = pg_run(&call, NULL);
	lists_begin(copying);
	return code;
}

/* An id that was used once is not used again. */
static int id_put(struct backend_handle *handle, int64_t id)
{
	static const struct pg_sql sql = { "i", "SELECT setval('failure_id_seq',greatest($1,CASE WHEN is_called THEN last_value END)) FROM failure_id_seq" };
	struct pg_call call;

	pg_call_begin(&call, handle, &sql);
	pg_number(&call, id);
	return pg_run(&call, NULL);
}

static int copy_put(struct backend_handle *handle, const struct copy_table *table, const struct copy_value *values)
{
	struct pg_copying *copying = handle->copying;
	const int *hashed = special_of(table)->hashed;
	const char *texts[COPY_COLUMNS_MAX];
	char hash[PG_HASH_BYTES];
	size_t count = 0;

	if (strcmp(table->name, "failure_id") == 0)
		return id_put(handle, values[0].number);
	for (size_t i = 0; table->types[i] != '\0'; i++) {
		texts[i] = table->types[i] == 't' ? arena_strndup(copying->arena, values[i].data, values[i].length) : NULL;
		if (texts[i] != NULL)
			pg_list_text(&copying->lists[i], texts[i]);
		else if (table->types[i] == 'n')
			pg_list_number(&copying->lists[i], values[i].number);
		else
			pg_list_octets(&copying->lists[i], values[i].data, values[i].length);
		count++;
	}
	if (hashed[0] >= 0) {
		const char *those[4];
		size_t number = 0;

		while (hashed[number] >= 0) {
			those[number] = texts[hashed[number]];
			number++;
		}
		pg_hash(copying->arena, those, number, hash);
		pg_list_word(&copying->lists[count], hash);
	}
	return ++copying->rows >= ROWS_MAX || arena_used_bytes(copying->arena) > BYTES_MAX ? rows_flush(handle, table) : 0;
}

static int copy_put_end(struct backend_handle *handle, const struct copy_table *table)
{
	char sql[160];

	if (rows_flush(handle, table) != 0)
		return -E_SYSTEM;
	/* the last of those that use kinds: what none of them uses is to go */
	if (strcmp(table->name, "flow_day") == 0)
		return pg_exec(handle, "INSERT INTO kind_left SELECT id FROM kind WHERE NOT EXISTS(SELECT 1 FROM flow WHERE kind=id) AND "
		    "NOT EXISTS(SELECT 1 FROM flow_day WHERE kind=id)");
	if (!special_of(table)->has_ids)
		return 0;
	/* the next one that is noted gets an id of its own */
	snprintf(sql, sizeof(sql), "SELECT setval('%s_id_seq',max(id)) FROM %s", table->name, table->name);
	return pg_exec(handle, sql);
}

const struct backend_copy pg_copy = {
	.begin = copy_begin,
	.each = copy_each,
	.fit = copy_fit,
	.put_begin = copy_put_begin,
	.put = copy_put,
	.put_end = copy_put_end,
};
