/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The tables, and how they go from one database to another. Trusts neither database: what was written is read back and must be what
 * was read, by number of rows, messages and a hash. The hash is against mishaps, not against somebody who makes rows that agree.
 * Thread: one.
 */
#include "record/copy.h"

#include <string.h>

#include "record/backend.h"
#include "util/error.h"

const struct copy_table copy_tables[COPY_TABLES] = {
	{ "peer", "peer,host,first,last,none,weak,ok,strong,days,tls_days,last_tls,changed,changed_sessions,settled,best,pinned,cert",
	    "ttnnnnnnnnnnnnnnt", -1 },
	{ "greylist", "key,first,last,passed,tries", "tnnnn", -1 },
	{ "shape", "key,questions,noted", "ttn", -1 },
	{ "part", "id,text", "nt", -1 },
	{ "kind", "id,outcome,sender,recipients,client,tls", "nnnnnn", -1 },
	{ "flow", "hour,kind,messages,bytes,sessions", "nnnnn", 2 },
	{ "flow_day", "day,kind,messages,bytes,sessions", "nnnnn", 2 },
	{ "flow_old", "hour,author_domain,envelope_domain,client_network,findings,results,tls_grade,tls_version,tls_cipher,policy,action,"
	    "enforced,messages,bytes", "nttttttttttnnn", 12 },
	{ "flow_plain", "hour,author_domain,envelope_domain,client_network,findings,results,tls_grade,tls_version,tls_cipher,policy,action,"
	    "evidence,enforced,messages,bytes", "ntttttttttttnnn", 13 },
	{ "crowded", "day", "n", -1 },
	{ "trace", "id,reference,queue_id,time,bytes,length,data", "nttnnno", -1 },
	{ "dmarc_day", "day,rows,lost", "nnn", -1 },
	{ "dmarc_policy", "id,day,domain,policy,rua,rows,lost,report_id,file,closed", "nntttnnttn", -1 },
	{ "dmarc_row", "policy,row,messages", "ntn", 2 },
	{ "dmarc_delivery", "policy,address,state,tries,next,claimed", "ntnnnn", -1 },
	{ "failure", "id,day,domain,alike,first,last,incidents,state,tries,due,ruf,fields,header", "nnttnnnnnnttt", -1 },
	{ "failure_day", "day,domain,reports,beyond", "ntnn", -1 },
	{ "brake", "policy,finding,since,lifted,held,wanted", "ttnnnn", -1 },
	{ "failure_id", "id", "n", -1 },
};

enum { FAILURE_ID = COPY_TABLES - 1 };

static uint64_t mix(uint64_t hash, uint64_t more)
{
	hash = (hash ^ more) * 0x9e3779b97f4a7c15u;
	return hash ^ hash >> 32;
}

static uint64_t octets_hash(uint64_t hash, const char *data, size_t length)
{
	uint64_t word;

	hash = mix(hash, length);
	for (; length >= sizeof(word); length -= sizeof(word), data += sizeof(word)) {
		memcpy(&word, data, sizeof(word));
		hash = mix(hash, word);
	}
	word = 0;
	if (length != 0)
		memcpy(&word, data, length);
	return mix(hash, word);
}

static void sums_add(struct copy_sums *sums, const struct copy_table *table, const struct copy_value *values)
{
	uint64_t hash = 1;

	for (size_t i = 0; table->types[i] != '\0'; i++) {
		if (table->types[i] == 'n')
			hash = mix(hash, (uint64_t)values[i].number);
		else
			hash = octets_hash(hash, values[i].data, values[i].length);
	}
	sums->rows++;
	sums->hash += mix(hash, 0);
	if (table->sum >= 0)
		sums->messages += (uint64_t)values[table->sum].number;
}

struct under_way {
	const struct copy_side *to;	/* NULL: only sums */
	const struct copy_table *table;
	struct copy_sums sums;
	bool to_failed;
};

static int row_take(void *arg, const struct copy_value *values)
{
	struct under_way *way = arg;
	const struct backend_copy *to = way->to != NULL ? way->to->backend->copy : NULL;
	struct copy_value fitting[COPY_COLUMNS_MAX];

	if (to != NULL && to->fit != NULL) {
		memcpy(fitting, values, strlen(way->table->types) * sizeof(*values));
		to->fit(way->to->handle, way->table, fitting);
		values = fitting;
	}
	sums_add(&way->sums, way->table, values);
	if (to == NULL || to->put(way->to->handle, way->table, values) == 0)
		return 0;
	way->to_failed = true;
	return -E_SYSTEM;
}

int record_copy_sums(const struct copy_side *side, const struct copy_table *table, struct copy_sums *sums_r)
{
	struct under_way way = { .table = table };
	int code = side->backend->copy->each(side->handle, table, row_take, &way);

	*sums_r = way.sums;
	return code;
}

static enum copy_result table_copy(const struct copy_side *from, const struct copy_side *to, const struct copy_table *table,
    struct copy_sums *sums_r)
{
	struct under_way way = { .to = to, .table = table };
	struct copy_sums back;
	int code;

	if (to->backend->copy->put_begin(to->handle, table) != 0)
		return COPY_TO_FAILED;
	code = from->backend->copy->each(from->handle, table, row_take, &way);
	if (code != 0)
		return way.to_failed ? COPY_TO_FAILED : COPY_FROM_FAILED;
	if (to->backend->copy->put_end(to->handle, table) != 0 || record_copy_sums(to, table, &back) != 0)
		return COPY_TO_FAILED;
	*sums_r = way.sums;
	if (table == &copy_tables[FAILURE_ID])
		return COPY_DONE;
	return back.rows == way.sums.rows && back.messages == way.sums.messages && back.hash == way.sums.hash ? COPY_DONE : COPY_DIFFERS;
}

static int row_seen(void *arg, const struct copy_value *values)
{
	(void)values;
	*(bool *)arg = true;
	return 1;	/* one is enough */
}

/* Of all tables, before the first row is written. */
static enum copy_result check_empty(const struct copy_side *to, const struct copy_table **table_r)
{
	for (size_t i = 0; i < FAILURE_ID; i++) {
		bool seen = false;
		int code = to->backend->copy->each(to->handle, &copy_tables[i], row_seen, &seen);

		*table_r = &copy_tables[i];
		if (seen)
			return COPY_NOT_EMPTY;
		if (code != 0)
			return COPY_TO_FAILED;
	}
	return COPY_DONE;
}

static enum copy_result copy_all(const struct copy_side *from, const struct copy_side *to, copy_told_f *told, void *arg,
    const struct copy_table **table_r)
{
	enum copy_result result = check_empty(to, table_r);

	for (size_t i = 0; i < COPY_TABLES && result == COPY_DONE; i++) {
		struct copy_sums sums = { 0 };

		*table_r = &copy_tables[i];
		result = table_copy(from, to, &copy_tables[i], &sums);
		if (result == COPY_DONE && sums.rows != 0)
			told(arg, &copy_tables[i], &sums);
	}
	return result;
}

enum copy_result record_copy(const struct copy_side *from, const struct copy_side *to, copy_told_f *told, void *arg,
    const struct copy_table **table_r)
{
	enum copy_result result = COPY_FROM_FAILED;

	*table_r = &copy_tables[0];
	if (from->backend->copy->begin(from->handle, false) != 0)
		return result;
	result = to->backend->copy->begin(to->handle, true) != 0 ? COPY_TO_FAILED : copy_all(from, to, told, arg, table_r);
	if (result == COPY_DONE && to->backend->commit(to->handle) != 0)
		result = COPY_TO_FAILED;
	if (result != COPY_DONE)
		to->backend->rollback(to->handle);
	from->backend->rollback(from->handle);
	return result;
}
