/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Flows read: by time, and by kind, as sqlite_kinds.c does it. The words of a kind come with its first row, since nothing else can be
 * asked while rows come. Trusts nothing of what is read: a kind or part that is missing reads as "", which tells nothing.
 * Thread: the handle's.
 */
#include "record/pg_internal.h"

#include "record/flow_parts.h"
#include "record/flow_spans.h"
#include "util/error.h"

enum { HOUR_SECS = 3600, PLAIN_TEXTS = 11 };

/* The words of s.kind where s.first says so. OFFSET 0 keeps it a look-up for each, whatever the statistics say. */
#define WORDS "LEFT JOIN LATERAL (SELECT o.text AS outcome,s2.text AS sender,r.text AS recipients,c.text AS client,t.text AS tls FROM kind AS k " \
	"LEFT JOIN part AS o ON o.id=k.outcome LEFT JOIN part AS s2 ON s2.id=k.sender LEFT JOIN part AS r ON r.id=k.recipients " \
	"LEFT JOIN part AS c ON c.id=k.client LEFT JOIN part AS t ON t.id=k.tls WHERE k.id=s.kind AND s.first OFFSET 0) AS w ON TRUE "

struct flow_reading {
	store_flow_each_f *each;
	void *arg;
	struct arena *arena;
};

static int plain_row(void *arg, const struct pg_row *from)
{
	const struct flow_reading *reading = arg;
	struct flow_row row = { .hour_secs = pg_row_number(from, 0), .span_secs = HOUR_SECS, .sessions_unknown = true };
	const char **const texts[] = { &row.author_domain, &row.envelope_domain, &row.client_network, &row.findings, &row.results,
		&row.tls_grade, &row.tls_version, &row.tls_cipher, &row.policy, &row.action, &row.evidence };

	for (int i = 0; i < PLAIN_TEXTS; i++)
		*texts[i] = pg_row_text(from, 1 + i);
	row.enforced = pg_row_number(from, 1 + PLAIN_TEXTS) != 0;
	row.messages = (uint64_t)pg_row_number(from, 2 + PLAIN_TEXTS);
	row.bytes = (uint64_t)pg_row_number(from, 3 + PLAIN_TEXTS);
	reading->each(reading->arg, &row);
	return 0;
}

/* Rows of earlier schemas, which say all in words and come first. */
static int each_before(struct backend_handle *handle, int64_t since_secs, store_flow_each_f *each, void *arg)
{
	static const struct pg_sql sql = { "i", "SELECT hour,author_domain,envelope_domain,client_network,findings,results,tls_grade,"
	    "tls_version,tls_cipher,policy,action,'',enforced,messages,bytes FROM flow_old WHERE hour>=$1 UNION ALL "
	    "SELECT hour,author_domain,envelope_domain,client_network,findings,results,tls_grade,tls_version,tls_cipher,policy,action,"
	    "evidence,enforced,messages,bytes FROM flow_plain WHERE hour>=$1 ORDER BY 1" };
	struct flow_reading reading = { .each = each, .arg = arg };
	struct pg_call call;

	if (pg_flows_flush(handle) != 0)
		return -E_SYSTEM;
	pg_call_begin(&call, handle, &sql);
	pg_number(&call, since_secs);
	return pg_each(&call, plain_row, &reading);
}

/* From this column on. */
static void words_read(const struct pg_row *from, int column, struct arena *arena, struct flow_row *row_r)
{
	const char *texts[FLOW_PARTS];

	for (int part = 0; part < FLOW_PARTS; part++)
		texts[part] = pg_row_text(from, column + part);
	flow_parts_read(texts, arena, row_r);
}

static int flow_row(void *arg, const struct pg_row *from)
{
	const struct flow_reading *reading = arg;
	struct flow_row row = { .hour_secs = pg_row_number(from, 0), .span_secs = (unsigned)pg_row_number(from, 1),
		.messages = (uint64_t)pg_row_number(from, 2), .bytes = (uint64_t)pg_row_number(from, 3),
		.sessions = (uint64_t)pg_row_number(from, 4) };

	arena_reset(reading->arena);
	words_read(from, 5, reading->arena, &row);
	reading->each(reading->arg, &row);
	return 0;
}

int pg_flows_each(struct backend_handle *handle, int64_t since_secs, store_flow_each_f *each, void *arg)
{
	/* a day in which the time falls is told whole */
	static const struct pg_sql sql = { "i", "SELECT s.hour,s.span,s.messages,s.bytes,s.sessions,w.* FROM "
	    "(SELECT hour,3600 AS span,kind,messages,bytes,sessions,TRUE AS first FROM flow WHERE hour>=$1 UNION ALL "
	    "SELECT day,86400,kind,messages,bytes,sessions,TRUE FROM flow_day WHERE day>$1-86400 ORDER BY 1) AS s " WORDS "ORDER BY 1" };
	struct flow_reading reading = { .each = each, .arg = arg };
	struct pg_call call;
	int code = each_before(handle, since_secs, each, arg);

	if (code != 0)
		return code;
	reading.arena = arena_new();
	pg_call_begin(&call, handle, &sql);
	pg_number(&call, since_secs);
	code = pg_each(&call, flow_row, &reading);
	arena_free(&reading.arena);
	return code;
}

/* ---- by kind ----------------------------------------------------------------------------------------------------- */

/* A kind under way, with its words. */
struct kinds {
	struct flow_spans spans;
	struct arena *arena;		/* for one kind's words */
	struct flow_row row;
};

/* Rows come kind by kind, in the order of time. */
static int span_row(void *arg, const struct pg_row *from)
{
	struct kinds *kinds = arg;
	int64_t id = pg_row_number(from, 0);
	const struct flow_span span = { .from_secs = pg_row_number(from, 1), .span_secs = (unsigned)pg_row_number(from, 2),
		.messages = (uint64_t)pg_row_number(from, 3), .bytes = (uint64_t)pg_row_number(from, 4),
		.sessions = (uint64_t)pg_row_number(from, 5) };

	if (kinds->spans.count == 0 || id != kinds->spans.id) {
		flow_spans_end(&kinds->spans, &kinds->row);
		arena_reset(kinds->arena);
		kinds->row = (struct flow_row){ 0 };
		words_read(from, 6, kinds->arena, &kinds->row);
		kinds->spans.id = id;
	}
	flow_spans_add(&kinds->spans, &span);
	return 0;
}

int pg_kinds_each(struct backend_handle *handle, int64_t since_secs, unsigned span_secs, store_kind_each_f *each, void *arg)
{
	static const struct pg_sql sql = { "ii", "SELECT s.kind,s.at,s.span,s.messages,s.bytes,s.sessions,w.* FROM (SELECT u.*,"
	    "lag(kind) OVER (ORDER BY kind,at,span) IS DISTINCT FROM kind AS first FROM "
	    "(SELECT kind,hour-hour%$2 AS at,$2 AS span,sum(messages)::bigint AS messages,sum(bytes)::bigint AS bytes,"
	    "sum(sessions)::bigint AS sessions FROM flow WHERE hour>=$1 GROUP BY 1,2 UNION ALL "
	    "SELECT kind,day,86400,messages,bytes,sessions FROM flow_day WHERE day>$1-86400) AS u) AS s " WORDS "ORDER BY 1,2,3" };
	struct kinds kinds = { .spans = { .span_secs = span_secs, .each = each, .arg = arg } };
	struct pg_call call;
	int code = each_before(handle, since_secs, flow_spans_plain, &kinds.spans);

	if (code != 0)
		return code;
	kinds.arena = arena_new();
	pg_call_begin(&call, handle, &sql);
	pg_number(&call, since_secs);
	pg_number(&call, span_secs);
	code = pg_each(&call, span_row, &kinds);
	if (code == 0)
		flow_spans_end(&kinds.spans, &kinds.row);
	arena_free(&kinds.arena);
	flow_spans_free(&kinds.spans);
	return code;
}
