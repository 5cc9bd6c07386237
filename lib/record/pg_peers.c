/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * TLS memory and greylist in PostgreSQL. What is put was read and changed within one transaction (pg_begin()), so that no session
 * that another host has seen meanwhile is forgotten. Trusts the notes. Thread: the handle's.
 */
#include "record/pg_internal.h"

#include <stdio.h>
#include <string.h>

#include "util/error.h"

void pg_peer_read(const struct pg_row *row, struct peer_memory *memory)
{
	memset(memory, 0, sizeof(*memory));
	memory->first_secs = pg_row_number(row, 0);
	memory->last_secs = pg_row_number(row, 1);
	for (int grade = 0; grade < STORE_GRADES; grade++) {
		memory->grades[grade] = (uint64_t)pg_row_number(row, 2 + grade);
		memory->sessions += memory->grades[grade];
	}
	memory->days = (unsigned)pg_row_number(row, 6);
	memory->tls_days = (unsigned)pg_row_number(row, 7);
	memory->last_tls_secs = pg_row_number(row, 8);
	memory->changed_secs = pg_row_number(row, 9);
	memory->changed_sessions = (uint64_t)pg_row_number(row, 10);
	memory->settled_secs = pg_row_number(row, 11);
	memory->best_grade = (unsigned)pg_row_number(row, 12);
	memory->pinned = pg_row_number(row, 13) != 0;
	snprintf(memory->last_cert, sizeof(memory->last_cert), "%s", pg_row_text(row, 14));
}

int pg_peer_get(struct backend_handle *handle, const char *peer, const char *host, struct peer_memory *memory_r)
{
	static const struct pg_sql get = { "tt", "SELECT " PG_PEER_COLUMNS " FROM peer WHERE peer=$1 AND host=$2" };
	struct pg_call call;
	struct pg_row row;
	int code;

	if (pg_foreseen_peer(handle, peer, host, memory_r, &code))
		return code;
	pg_call_begin(&call, handle, &get);
	pg_key(&call, peer);
	pg_key(&call, host);
	code = pg_get(&call, &row);
	if (code == 0)
		pg_peer_read(&row, memory_r);
	return code;
}

int pg_peer_put(struct backend_handle *handle, const char *peer, const char *host, const struct peer_memory *memory)
{
	static const struct pg_sql put = { "ttiiiiiiiiiiiiiit", "INSERT INTO peer(peer,host," PG_PEER_COLUMNS ") "
	    "VALUES($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13,$14,$15,$16,$17) ON CONFLICT(peer,host) DO UPDATE SET "
	    "first=excluded.first,last=excluded.last,none=excluded.none,weak=excluded.weak,ok=excluded.ok,strong=excluded.strong,"
	    "days=excluded.days,tls_days=excluded.tls_days,last_tls=excluded.last_tls,changed=excluded.changed,"
	    "changed_sessions=excluded.changed_sessions,settled=excluded.settled,best=excluded.best,pinned=excluded.pinned,"
	    "cert=excluded.cert" };
	struct pg_call call;

	pg_foreseen_peer_put(handle, peer, host, memory);
	pg_call_begin(&call, handle, &put);
	pg_key(&call, peer);
	pg_key(&call, host);
	pg_number(&call, memory->first_secs);
	pg_number(&call, memory->last_secs);
	for (int grade = 0; grade < STORE_GRADES; grade++)
		pg_number(&call, (int64_t)memory->grades[grade]);
	pg_number(&call, memory->days);
	pg_number(&call, memory->tls_days);
	pg_number(&call, memory->last_tls_secs);
	pg_number(&call, memory->changed_secs);
	pg_number(&call, (int64_t)memory->changed_sessions);
	pg_number(&call, memory->settled_secs);
	pg_number(&call, memory->best_grade);
	pg_number(&call, memory->pinned);
	pg_text(&call, memory->last_cert);
	return pg_run_later(&call);
}

static int forget(struct backend_handle *handle, void *arg)
{
	static const struct pg_sql sql = { "t", "DELETE FROM peer WHERE peer=$1" };
	const char *peer = arg;
	struct pg_call call;
	uint64_t rows = 0;

	pg_call_begin(&call, handle, &sql);
	pg_key(&call, peer);
	if (pg_run(&call, &rows) != 0)
		return -E_SYSTEM;
	return rows != 0 ? 0 : -E_ABSENT;
}

int pg_peer_forget(struct backend_handle *handle, const char *peer)
{
	return pg_transaction(handle, forget, (void *)(uintptr_t)peer);
}

struct each { store_peer_each_f *each; void *arg; };

static int each_row(void *arg, const struct pg_row *row)
{
	const struct each *each = arg;
	struct peer_memory memory;

	pg_peer_read(row, &memory);
	each->each(each->arg, pg_row_text(row, 15), &memory);
	return 0;
}

static int each_peer(struct backend_handle *handle, const struct pg_sql *sql, const char *text, size_t limit, store_peer_each_f *each,
    void *arg)
{
	struct each state = { each, arg };
	struct pg_call call;

	pg_call_begin(&call, handle, sql);
	pg_key(&call, text);
	pg_number(&call, limit > INT32_MAX ? INT32_MAX : (int64_t)limit);
	return pg_each(&call, each_row, &state);
}

int pg_peers_each(struct backend_handle *handle, const char *pattern, size_t limit, store_peer_each_f *each, void *arg)
{
	/* strpos(x, '') is 1: no pattern matches all */
	static const struct pg_sql peers = { "ti", "SELECT " PG_PEER_COLUMNS ",peer FROM peer WHERE host='' AND strpos(peer,$1)>0 "
	    "ORDER BY last DESC LIMIT $2" };

	return each_peer(handle, &peers, pattern, limit, each, arg);
}

int pg_hosts_each(struct backend_handle *handle, const char *peer, size_t limit, store_peer_each_f *each, void *arg)
{
	static const struct pg_sql hosts = { "ti", "SELECT " PG_PEER_COLUMNS ",host FROM peer WHERE peer=$1 AND host<>'' "
	    "ORDER BY last DESC LIMIT $2" };

	return each_peer(handle, &hosts, peer, limit, each, arg);
}

int pg_hosts_trim(struct backend_handle *handle, const char *const *peers, size_t count, unsigned keep, unsigned limit,
    unsigned *trimmed_r)
{
	/* all at once: each by itself would be a trip to the server and back */
	static const struct pg_sql trim = { "tii", "DELETE FROM peer WHERE (peer,host) IN (SELECT asked.p,many.host FROM unnest($1::text[]) "
	    "AS asked(p),LATERAL (SELECT host FROM peer WHERE peer=asked.p AND host<>'' ORDER BY last DESC LIMIT $3 OFFSET $2) AS many "
	    "LIMIT $3)" };
	struct buf keys;
	struct pg_call call;
	uint64_t rows = 0;
	int code;

	pg_call_begin(&call, handle, &trim);
	keys = pg_list_begin(handle->texts);
	for (size_t i = 0; i < count; i++)
		pg_list_text(&keys, pg_key_of(handle->texts, peers[i]));
	buf_putc(&keys, '}');
	pg_encoded(&call, keys.data);
	pg_number(&call, keep);
	pg_number(&call, limit);
	code = pg_run(&call, &rows);
	*trimmed_r = (unsigned)rows;
	return code;
}

void pg_greylist_read(const struct pg_row *row, struct greylist_entry *entry_r)
{
	entry_r->first_secs = pg_row_number(row, 0);
	entry_r->last_secs = pg_row_number(row, 1);
	entry_r->passed_secs = pg_row_number(row, 2);
	entry_r->tries = (uint64_t)pg_row_number(row, 3);
}

int pg_greylist_get(struct backend_handle *handle, const char *key, struct greylist_entry *entry_r)
{
	static const struct pg_sql get = { "t", "SELECT first,last,passed,tries FROM greylist WHERE key=$1" };
	struct pg_call call;
	struct pg_row row;
	int code;

	if (pg_foreseen_greylist(handle, key, entry_r, &code))
		return code;
	pg_call_begin(&call, handle, &get);
	pg_key(&call, key);
	code = pg_get(&call, &row);
	if (code == 0)
		pg_greylist_read(&row, entry_r);
	return code;
}

int pg_greylist_put(struct backend_handle *handle, const char *key, const struct greylist_entry *entry)
{
	static const struct pg_sql put = { "tiiii", "INSERT INTO greylist(key,first,last,passed,tries) VALUES($1,$2,$3,$4,$5) "
	    "ON CONFLICT(key) DO UPDATE SET first=excluded.first,last=excluded.last,passed=excluded.passed,tries=excluded.tries" };
	struct pg_call call;

	pg_foreseen_greylist_put(handle, key, entry);
	pg_call_begin(&call, handle, &put);
	pg_key(&call, key);
	pg_number(&call, entry->first_secs);
	pg_number(&call, entry->last_secs);
	pg_number(&call, entry->passed_secs);
	pg_number(&call, (int64_t)entry->tries);
	return pg_run_later(&call);
}
