/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Every statement on the rows, in one table, and how one is prepared, bound and stepped. They are prepared at their first
 * use and kept with the handle. Trusts what is bound, which is never part of the text of a statement.
 * Thread: the handle's.
 */
#include "record/sqlite_internal.h"

#include <stdio.h>
#include <string.h>

#include "record/key.h"
#include "util/error.h"

/* A row that is there is updated, never replaced: REPLACE would not fire the triggers that count (sqlite_schema.c). */
static const char *const statements[ST_COUNT] = {
	[ST_PEER_GET] = "SELECT first,last,none,weak,ok,strong,days,tls_days,last_tls,changed,changed_sessions,settled,best,"
	    "pinned,cert FROM peer WHERE peer=?1 AND host=?2",
	[ST_PEER_PUT] = "INSERT INTO peer(peer,host,first,last,none,weak,ok,strong,days,tls_days,last_tls,changed,"
	    "changed_sessions,settled,best,pinned,cert) VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14,?15,?16,?17) "
	    "ON CONFLICT(peer,host) DO UPDATE SET first=excluded.first,last=excluded.last,none=excluded.none,weak=excluded.weak,"
	    "ok=excluded.ok,strong=excluded.strong,days=excluded.days,tls_days=excluded.tls_days,last_tls=excluded.last_tls,"
	    "changed=excluded.changed,changed_sessions=excluded.changed_sessions,settled=excluded.settled,best=excluded.best,"
	    "pinned=excluded.pinned,cert=excluded.cert",
	[ST_PEER_FORGET] = "DELETE FROM peer WHERE peer=?1",
	[ST_PEERS] = "SELECT first,last,none,weak,ok,strong,days,tls_days,last_tls,changed,changed_sessions,settled,best,"
	    "pinned,cert,peer FROM peer WHERE host='' AND instr(peer,?1) ORDER BY last DESC LIMIT ?2",
	[ST_HOSTS] = "SELECT first,last,none,weak,ok,strong,days,tls_days,last_tls,changed,changed_sessions,settled,best,"
	    "pinned,cert,host FROM peer WHERE peer=?1 AND host<>'' ORDER BY last DESC LIMIT ?2",
	[ST_GREY_GET] = "SELECT first,last,passed,tries FROM greylist WHERE key=?1",
	[ST_GREY_PUT] = "INSERT INTO greylist(key,first,last,passed,tries) VALUES(?1,?2,?3,?4,?5) ON CONFLICT(key) DO UPDATE SET "
	    "first=excluded.first,last=excluded.last,passed=excluded.passed,tries=excluded.tries",
	[ST_FLOW_ADD] = "INSERT INTO flow(hour,kind,messages,bytes,sessions) VALUES(?1,?2,?3,?4,?5) ON CONFLICT(hour,kind) DO UPDATE SET "
	    "messages=messages+excluded.messages,bytes=bytes+excluded.bytes,sessions=sessions+excluded.sessions",
	[ST_DAY_ADD] = "INSERT INTO flow_day(day,kind,messages,bytes,sessions) VALUES(?1,?2,?3,?4,?5) ON CONFLICT(day,kind) DO UPDATE SET "
	    "messages=messages+excluded.messages,bytes=bytes+excluded.bytes,sessions=sessions+excluded.sessions",
	[ST_PART_FIND] = "SELECT id FROM part WHERE hash=?1 AND text=?2",
	[ST_PART_ADD] = "INSERT INTO part(hash,kinds,text) VALUES(?1,0,?2)",
	[ST_KIND_FIND] = "SELECT id FROM kind WHERE outcome=?1 AND sender=?2 AND recipients=?3 AND client=?4 AND tls=?5",
	[ST_KIND_ADD] = "INSERT INTO kind(rows,outcome,sender,recipients,client,tls) VALUES(0,?1,?2,?3,?4,?5)",
	[ST_KIND_TEXTS] = "SELECT outcome.text,sender.text,recipients.text,client.text,tls.text FROM kind "
	    "LEFT JOIN part AS outcome ON outcome.id=kind.outcome LEFT JOIN part AS sender ON sender.id=kind.sender "
	    "LEFT JOIN part AS recipients ON recipients.id=kind.recipients LEFT JOIN part AS client ON client.id=kind.client "
	    "LEFT JOIN part AS tls ON tls.id=kind.tls WHERE kind.id=?1",
	/* a day in which the time falls is told whole */
	[ST_FLOWS] = "SELECT hour,3600,kind,messages,bytes,sessions FROM flow WHERE hour>=?1 UNION ALL "
	    "SELECT day,86400,kind,messages,bytes,sessions FROM flow_day WHERE day>?1-86400 ORDER BY 1",
	[ST_SPANS] = "SELECT kind,hour-hour%?2,?2,messages,bytes,sessions FROM flow WHERE hour>=?1 UNION ALL "
	    "SELECT kind,day,86400,messages,bytes,sessions FROM flow_day WHERE day>?1-86400 ORDER BY 1,2,3",
	/* of databases of before, and of one that was not migrated yet */
	[ST_FLOWS_1] = "SELECT hour,author_domain,envelope_domain,client_network,findings,results,tls_grade,tls_version,"
	    "tls_cipher,policy,action,'',enforced,messages,bytes FROM flow WHERE hour>=?1 ORDER BY hour",
	[ST_FLOWS_3] = "SELECT hour,author_domain,envelope_domain,client_network,findings,results,tls_grade,tls_version,"
	    "tls_cipher,policy,action,'',enforced,messages,bytes FROM flow_old WHERE hour>=?1 UNION ALL "
	    "SELECT hour,author_domain,envelope_domain,client_network,findings,results,tls_grade,tls_version,"
	    "tls_cipher,policy,action,evidence,enforced,messages,bytes FROM flow WHERE hour>=?1 ORDER BY 1",
	[ST_FLOWS_PLAIN] = "SELECT hour,author_domain,envelope_domain,client_network,findings,results,tls_grade,tls_version,"
	    "tls_cipher,policy,action,'',enforced,messages,bytes FROM flow_old WHERE hour>=?1 UNION ALL "
	    "SELECT hour,author_domain,envelope_domain,client_network,findings,results,tls_grade,tls_version,"
	    "tls_cipher,policy,action,evidence,enforced,messages,bytes FROM flow_plain WHERE hour>=?1 ORDER BY 1",
	[ST_HOUR_OLDEST] = "SELECT hour FROM flow ORDER BY hour LIMIT 1",
	[ST_ROLL_BOUND] = "SELECT hour,kind FROM flow WHERE hour<?1 ORDER BY hour,kind LIMIT 1 OFFSET ?2",
	[ST_ROLL_ADD] = "INSERT INTO flow_day(day,kind,messages,bytes,sessions) SELECT ?3,kind,sum(messages),sum(bytes),sum(sessions) "
	    "FROM flow WHERE (hour,kind)<=(?1,?2) GROUP BY kind ON CONFLICT(day,kind) DO UPDATE SET messages=messages+excluded.messages,"
	    "bytes=bytes+excluded.bytes,sessions=sessions+excluded.sessions",
	[ST_ROLL_DELETE] = "DELETE FROM flow WHERE (hour,kind)<=(?1,?2)",
	[ST_CROWD_ADD] = "INSERT INTO crowded(day) VALUES(?1) ON CONFLICT DO NOTHING",
	[ST_CROWD_NEXT] = "SELECT day FROM crowded WHERE NOT EXISTS(SELECT 1 FROM flow WHERE hour>=crowded.day AND hour<crowded.day+86400) "
	    "ORDER BY day LIMIT 1",
	[ST_CROWD_DELETE] = "DELETE FROM crowded WHERE day=?1",
	[ST_DAY_KINDS] = "SELECT count(*) FROM flow_day WHERE day=?1",
	/* some more than asked for, because a few are passed over */
	[ST_DAY_SMALLEST] = "SELECT kind,messages,bytes,sessions,(SELECT text FROM part WHERE id=(SELECT outcome FROM kind WHERE id=least.kind)) "
	    "FROM (SELECT kind,messages,bytes,sessions FROM flow_day WHERE day=?1 ORDER BY messages,bytes,kind LIMIT ?2+64) AS least",
	[ST_DAY_DELETE] = "DELETE FROM flow_day WHERE day=?1 AND kind=?2",
	[ST_KIND_SWEEP] = "DELETE FROM kind WHERE id IN (SELECT id FROM kind INDEXED BY kind_unused WHERE rows=0 LIMIT ?1)",
	[ST_PART_SWEEP] = "DELETE FROM part WHERE id IN (SELECT id FROM part INDEXED BY part_unused WHERE kinds=0 LIMIT ?1)",
	[ST_FLOW_TOTALS] = "SELECT hours+days FROM flow_total",
	[ST_DATA_VERSION] = "PRAGMA data_version",
	[ST_HOSTS_MANY] = "SELECT 1 FROM peer WHERE peer=?1 AND host<>'' LIMIT 1 OFFSET ?2",
	/* the hosts of one peer are few: sorted rather than searched in the hosts of all */
	[ST_TRIM_PEER_HOSTS] = "DELETE FROM peer WHERE peer=?1 AND host IN "
	    "(SELECT host FROM peer WHERE peer=?1 AND host<>'' ORDER BY +last DESC LIMIT ?3 OFFSET ?2)",
	[ST_TOTALS] = "SELECT peers,hosts,waiting,passed FROM total",
	[ST_PEERS_OLDEST] = "SELECT peer FROM peer INDEXED BY peer_seen WHERE host='' AND pinned=0 ORDER BY last LIMIT ?1",
	[ST_EXPIRE_FLOW] = "DELETE FROM flow WHERE (hour,kind) IN (SELECT hour,kind FROM flow WHERE hour<?2 LIMIT ?1)",
	[ST_EXPIRE_FLOW_DAY] = "DELETE FROM flow_day WHERE (day,kind) IN (SELECT day,kind FROM flow_day WHERE day<=?2-86400 LIMIT ?1)",
	[ST_EXPIRE_FLOW_PLAIN] = "DELETE FROM flow_plain WHERE rowid IN (SELECT rowid FROM flow_plain WHERE hour<?2 LIMIT ?1)",
	[ST_EXPIRE_FLOW_OLD] = "DELETE FROM flow_old WHERE rowid IN (SELECT rowid FROM flow_old WHERE hour<?2 LIMIT ?1)",
	[ST_EXPIRE_PEER] = "DELETE FROM peer WHERE host='' AND peer IN "
	    "(SELECT peer FROM peer INDEXED BY peer_seen WHERE host='' AND last<?2 AND pinned=0 LIMIT ?1)",
	[ST_EXPIRE_HOST] = "DELETE FROM peer WHERE (peer,host) IN "
	    "(SELECT peer,host FROM peer INDEXED BY host_seen WHERE host<>'' AND last<?2 LIMIT ?1)",
	[ST_EXPIRE_GREY_PASSED] = "DELETE FROM greylist WHERE key IN "
	    "(SELECT key FROM greylist INDEXED BY greylist_passed WHERE last<?2 AND passed<>0 LIMIT ?1)",
	/* most senders that wait never come back: they must not stay as long as those that do */
	[ST_EXPIRE_GREY_WAITING] = "DELETE FROM greylist WHERE key IN "
	    "(SELECT key FROM greylist INDEXED BY greylist_waiting WHERE last<?2 AND passed=0 LIMIT ?1)",
	[ST_TRIM_FLOW] = "DELETE FROM flow WHERE (hour,kind) IN (SELECT hour,kind FROM flow ORDER BY hour,kind LIMIT ?1)",
	[ST_TRIM_FLOW_DAY] = "DELETE FROM flow_day WHERE (day,kind) IN (SELECT day,kind FROM flow_day ORDER BY day,kind LIMIT ?1)",
	/* rowids count up: the last ?2 stay, found without counting millions of rows (fewer where some between have gone) */
	[ST_TRIM_FLOW_PLAIN] = "DELETE FROM flow_plain WHERE rowid IN "
	    "(SELECT rowid FROM flow_plain WHERE rowid<=(SELECT max(rowid) FROM flow_plain)-?2 ORDER BY rowid LIMIT ?1)",
	/* those before all others: what flow_plain has not taken of the ?2 is left to them */
	[ST_TRIM_FLOW_OLD] = "DELETE FROM flow_old WHERE rowid IN (SELECT rowid FROM flow_old WHERE rowid<="
	    "(SELECT max(rowid) FROM flow_old)+(SELECT coalesce(max(rowid),0) FROM flow_plain)-?2 ORDER BY rowid LIMIT ?1)",
	/* the peer as a whole is host '', the last in this order */
	[ST_TRIM_PEER] = "DELETE FROM peer WHERE peer=?1 AND host IN "
	    "(SELECT host FROM peer WHERE peer=?1 ORDER BY host DESC LIMIT ?2)",
	[ST_TRIM_HOST] = "DELETE FROM peer WHERE (peer,host) IN "
	    "(SELECT peer,host FROM peer INDEXED BY host_seen WHERE host<>'' ORDER BY last LIMIT ?1)",
	[ST_TRIM_GREY_WAITING] = "DELETE FROM greylist WHERE key IN "
	    "(SELECT key FROM greylist INDEXED BY greylist_waiting WHERE passed=0 ORDER BY last LIMIT ?1)",
	[ST_TRIM_GREY_PASSED] = "DELETE FROM greylist WHERE key IN "
	    "(SELECT key FROM greylist INDEXED BY greylist_passed WHERE passed<>0 ORDER BY last LIMIT ?1)",
	[ST_SHAPE_PUT] = "INSERT INTO shape(key,questions,noted) VALUES(?1,?2,?3) ON CONFLICT(key) DO UPDATE SET "
	    "questions=excluded.questions,noted=excluded.noted",
	[ST_SHAPES] = "SELECT key,questions,noted FROM shape ORDER BY noted DESC LIMIT ?1",
	[ST_EXPIRE_SHAPE] = "DELETE FROM shape WHERE key IN (SELECT key FROM shape INDEXED BY shape_noted WHERE noted<?2 LIMIT ?1)",
	/* some ten thousand of a small index: passing over them is no work */
	[ST_TRIM_SHAPE] = "DELETE FROM shape WHERE key IN "
	    "(SELECT key FROM shape INDEXED BY shape_noted ORDER BY noted DESC LIMIT ?1 OFFSET ?2)",
	[ST_DMARC_POLICY_GET] = "SELECT id,rows,report_id<>'' OR closed FROM dmarc_policy WHERE day=?1 AND domain=?2 AND policy=?3 AND rua=?4",
	[ST_DMARC_POLICY_OF_DAY] = "SELECT count(*) FROM dmarc_policy WHERE day=?1 AND domain=?2",
	[ST_DMARC_POLICY_PUT] = "INSERT INTO dmarc_policy(day,domain,policy,rua,rows,lost,report_id,file,closed) "
	    "VALUES(?1,?2,?3,?4,0,0,'','',0)",
	[ST_DMARC_POLICY_COUNT] = "UPDATE dmarc_policy SET rows=rows+?2,lost=lost+?3 WHERE id=?1",
	[ST_DMARC_DAY_GET] = "SELECT rows,lost FROM dmarc_day WHERE day=?1",
	[ST_DMARC_DAY_COUNT] = "INSERT INTO dmarc_day(day,rows,lost) VALUES(?1,?2,?3) ON CONFLICT(day) DO UPDATE SET "
	    "rows=rows+excluded.rows,lost=lost+excluded.lost",
	[ST_DMARC_ROW_ADD] = "UPDATE dmarc_row SET messages=messages+?3 WHERE policy=?1 AND row=?2",
	[ST_DMARC_ROW_NEW] = "INSERT INTO dmarc_row(policy,row,messages) VALUES(?1,?2,?3)",
	[ST_DMARC_POLICIES] = "SELECT id,day,domain,policy,rua,rows,lost,report_id,file FROM dmarc_policy "
	    "WHERE closed=0 AND day<?2 AND (?1<0 OR day=?1) ORDER BY day,domain,id",
	[ST_DMARC_ROWS] = "SELECT row,messages FROM dmarc_row WHERE policy=?1 ORDER BY messages DESC,row LIMIT ?2",
	[ST_DMARC_FREEZE] = "UPDATE dmarc_policy SET report_id=?2,file=?3 WHERE id=?1 AND report_id=''",
	[ST_DMARC_NAMES] = "SELECT report_id,file,lost FROM dmarc_policy WHERE id=?1 AND closed=0",
	[ST_DMARC_DELIVERY_GET] = "SELECT state,tries,next,claimed FROM dmarc_delivery WHERE policy=?1 AND address=?2",
	[ST_DMARC_DELIVERY_PUT] = "INSERT INTO dmarc_delivery(policy,address,state,tries,next,claimed) VALUES(?1,?2,?3,?4,?5,?6) "
	    "ON CONFLICT(policy,address) DO UPDATE SET state=excluded.state,tries=excluded.tries,next=excluded.next,claimed=excluded.claimed",
	[ST_DMARC_CLOSE] = "UPDATE dmarc_policy SET closed=1 WHERE id=?1",
	[ST_DMARC_ROWS_DROP] = "DELETE FROM dmarc_row WHERE policy=?1",
	[ST_DMARC_DELIVERIES_DROP] = "DELETE FROM dmarc_delivery WHERE policy=?1",
	[ST_DMARC_OLDEST] = "SELECT id FROM dmarc_policy WHERE day<?1 ORDER BY day LIMIT 1",
	[ST_DMARC_OLD_ROWS] = "DELETE FROM dmarc_row WHERE policy=?2 AND row IN (SELECT row FROM dmarc_row WHERE policy=?2 LIMIT ?1)",
	[ST_DMARC_OLD_POLICIES] = "DELETE FROM dmarc_policy WHERE id=?1",
	[ST_DMARC_OLD_DAYS] = "DELETE FROM dmarc_day WHERE day<?1",
	[ST_FAILURE_AGAIN] = "UPDATE failure SET incidents=incidents+1,last=max(last,?2) WHERE day=?1 AND domain=?3 AND alike=?4",
	[ST_FAILURE_NEW] = "INSERT INTO failure(day,domain,alike,first,last,incidents,state,tries,due,ruf,fields,header) "
	    "VALUES(?1,?3,?4,?2,?2,1,0,0,0,?5,?6,?7)",
	[ST_FAILURE_DAY] = "SELECT coalesce((SELECT reports FROM failure_day WHERE day=?1 AND domain=?2),0),"
	    "coalesce((SELECT reports FROM failure_day WHERE day=?1 AND domain=''),0)",
	[ST_FAILURE_DAY_ADD] = "INSERT INTO failure_day(day,domain,reports,beyond) VALUES(?1,?2,?3,?4) ON CONFLICT(day,domain) "
	    "DO UPDATE SET reports=reports+excluded.reports,beyond=beyond+excluded.beyond",
	[ST_FAILURES_DUE] = "SELECT id,first,last,incidents,tries,domain,ruf,fields,header FROM failure INDEXED BY failure_waiting "
	    "WHERE state=0 AND due<=?1 AND first<=?2 ORDER BY first LIMIT ?3",
	[ST_FAILURE_TRY] = "UPDATE failure SET tries=tries+1,due=?2 WHERE id=?1",
	[ST_FAILURE_DONE] = "UPDATE failure SET state=?2,ruf='',fields='',header='' WHERE id=?1",
	[ST_FAILURE_LATER] = "UPDATE failure SET due=?2,ruf=?3 WHERE id=?1 AND state=0",
	[ST_FAILURE_COUNTS] = "SELECT coalesce(sum(state=0),0),coalesce(sum(state=1),0),coalesce(sum(state=2),0),"
	    "coalesce(sum(incidents),0),coalesce((SELECT beyond FROM failure_day WHERE day=?1 AND domain=''),0) FROM failure WHERE day=?1",
	[ST_EXPIRE_FAILURE] = "DELETE FROM failure WHERE id IN (SELECT id FROM failure WHERE day<?2 LIMIT ?1)",
	[ST_EXPIRE_FAILURE_DAY] = "DELETE FROM failure_day WHERE (day,domain) IN (SELECT day,domain FROM failure_day WHERE day<?2 LIMIT ?1)",
	[ST_TRACE_PUT] = "INSERT INTO trace(reference,queue_id,time,bytes,length,data) VALUES(?1,?2,?3,?4,?5,?6)",
	[ST_TRACES_REFERENCE] = "SELECT reference,queue_id,time,length,data FROM trace WHERE reference=?1 ORDER BY id DESC LIMIT ?2",
	[ST_TRACES_QUEUE_ID] = "SELECT reference,queue_id,time,length,data FROM trace WHERE queue_id=?1 AND queue_id<>'' "
	    "ORDER BY id DESC LIMIT ?2",
	[ST_TRACE_TOTAL] = "SELECT bytes FROM trace_total",
	[ST_TRACES_OLDEST] = "SELECT id,bytes FROM trace ORDER BY id LIMIT ?1",
	[ST_EXPIRE_TRACE] = "DELETE FROM trace WHERE id IN (SELECT id FROM trace INDEXED BY trace_time WHERE time<?2 LIMIT ?1)",
	[ST_TRIM_TRACES] = "DELETE FROM trace WHERE id<=?1",
	/* a day of flows goes when its end is too old */
	[ST_EXPIRE_BRAKE] = "DELETE FROM brake WHERE (policy,finding,since) IN "
	    "(SELECT policy,finding,since FROM brake WHERE lifted<>0 AND lifted<=?2-86400 LIMIT ?1)",
	[ST_BRAKES] = "SELECT policy,finding,since,lifted,held,wanted FROM brake ORDER BY policy,finding,since",
	[ST_BRAKE_PUT] = "INSERT INTO brake(policy,finding,since,lifted,held,wanted) VALUES(?1,?2,?3,?4,?5,?6) "
	    "ON CONFLICT(policy,finding,since) DO UPDATE SET lifted=excluded.lifted",
};

/* Whether an error is about what was written. SQLITE_ERROR is not: that is, for one, a table or column that is not there. */
static bool is_refusal(int code)
{
	return code == SQLITE_CONSTRAINT || code == SQLITE_TOOBIG || code == SQLITE_MISMATCH || code == SQLITE_RANGE;
}

int sqlite_fail(struct backend_handle *handle)
{
	handle->refused = is_refusal(sqlite3_errcode(handle->db) & 0xff);
	snprintf(handle->why, sizeof(handle->why), "%s", sqlite3_errmsg(handle->db));
	return -E_SYSTEM;
}

int sqlite_exec(struct backend_handle *handle, const char *sql)
{
	return sqlite3_exec(handle->db, sql, NULL, NULL, NULL) == SQLITE_OK ? 0 : sqlite_fail(handle);
}

sqlite3_stmt *sqlite_statement(struct backend_handle *handle, enum sqlite_statement which)
{
	sqlite3_stmt **statement = &handle->statements[which];

	if (*statement == NULL && sqlite3_prepare_v3(handle->db, statements[which], -1, SQLITE_PREPARE_PERSISTENT,
	    statement, NULL) != SQLITE_OK) {
		sqlite_fail(handle);
		return NULL;
	}
	return *statement;
}

void sqlite_bind_text(sqlite3_stmt *statement, int index, const char *text)
{
	sqlite3_bind_text(statement, index, text != NULL ? text : "", -1, SQLITE_STATIC);
}

void sqlite_bind_key(sqlite3_stmt *statement, int index, const char *text)
{
	struct arena *arena;

	if (text == NULL || strlen(text) <= RECORD_KEY_SURE_BYTES) {
		sqlite_bind_text(statement, index, text);
		return;
	}
	arena = arena_new();
	sqlite3_bind_text(statement, index, record_key(arena, text), -1, SQLITE_TRANSIENT);
	arena_free(&arena);
}

int sqlite_step_row(struct backend_handle *handle, sqlite3_stmt *statement)
{
	int code = sqlite3_step(statement);

	if (code == SQLITE_ROW)
		return 0;
	if (code != SQLITE_DONE)
		sqlite_fail(handle);
	sqlite3_reset(statement);
	return code == SQLITE_DONE ? -E_ABSENT : -E_SYSTEM;
}

int sqlite_step_done(struct backend_handle *handle, sqlite3_stmt *statement)
{
	int code = sqlite3_step(statement);

	if (code != SQLITE_DONE)
		sqlite_fail(handle);
	sqlite3_reset(statement);
	return code == SQLITE_DONE ? 0 : -E_SYSTEM;
}
