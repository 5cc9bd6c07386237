/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_RECORD_STORE_H
#define ASSAY_RECORD_STORE_H
/*
 * The store: what Assay remembers between messages (flows, TLS memory, greylist).
 *
 * Writes are notes: they go into a bounded queue and return at once; one writer thread applies them in groups, one commit
 * a group. Reads go straight to the database, bounded by a short wait. The store may be slow, locked, full, corrupt
 * or gone: then reads say -E_SYSTEM ("no memory"), notes wait in the queue (those that find it full are dropped and
 * counted), the writer tries again later, and mail goes on. Nothing here ever blocks a message longer than busy_ms.
 *
 * Notes of one group that was not committed are lost on a crash, nothing else. Thread: any, for all functions.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/clock.h"

struct arena;
struct store;

/* The kinds of rows of which there may be only so many. */
enum store_cap {
	STORE_CAP_FLOWS, STORE_CAP_KINDS, STORE_CAP_PEERS,
	STORE_CAP_HOSTS,	/* of all peers together */
	STORE_CAP_PEER_HOSTS,	/* of one peer */
	STORE_CAP_GREYLIST,
	STORE_CAP_TRACES,	/* by octets */
	STORE_CAPS
};

enum { STORE_WHY_BYTES = 768 };	/* of a reason: of several hosts each may have one */

/* What the store reports: the database can be used; it cannot; it can, but something is wrong; it can, but refuses a note, which is lost. */
enum store_news { STORE_UP, STORE_DOWN, STORE_WARNING, STORE_REFUSED };

/* The enforcement of a finding by a policy falls back to tag (policy/ramp.h). */
struct brake_row {
	const char *policy, *finding;
	int64_t since_secs, lifted_secs;	/* lifted: when that ended; 0: it has not */
	uint64_t held, wanted;			/* messages for which it was set: held back by the finding; of them, that look wanted */
};

struct store_config {
	const char *backend;		/* its name (record/backend.h); NULL: what the location says */
	const char *location;		/* where the backend keeps the data: for SQLite the path of the database; see backend_of(), too */
	unsigned commit_interval_ms;	/* longest time a note waits for its commit; 0: 200 */
	unsigned queue_max;		/* notes that may wait for the writer; further ones are dropped and counted; 0: 20000 */
	unsigned busy_ms;		/* how long a read waits for a lock, or for a server; 0: 20, 5000 if read_only */
	unsigned readers_max;		/* reads at once, each with two descriptors; further ones wait; 0: 64 */
	unsigned retry_secs;		/* how long the writer waits after a failure before it tries the database again; 0: 10 */
	unsigned stop_ms;		/* store_stop() begins no group of notes after so long; 0: 5000 */
	unsigned flow_keep_days;	/* flows older than this are deleted; 0: 400 */
	unsigned flows_max;		/* rows of flows; when there are more, the oldest are deleted, some at a time; 0: any number */
	unsigned hour_keep_hours;	/* a day of flows that ended so long ago is kept as a day, no longer by the hour; 0: 72 */
	unsigned kinds_max;		/* of a day that is kept as one; further ones, of fewest messages, become one; 0: any number */
	unsigned peer_keep_days;	/* peers not seen for this long are deleted, unless pinned; 0: 180 */
	unsigned peers_max;		/* when there are more, the ones seen longest ago are deleted with their hosts, unless pinned; 0: any number */
	unsigned peer_hosts_max;	/* hosts of one peer; 0: any number */
	unsigned greylist_keep_days;	/* 0: 36 */
	unsigned greylist_max;		/* above it those seen longest ago go; 0: any number */
	unsigned trace_keep_secs;	/* traces older than this are deleted; 0: 14 days */
	uint64_t traces_max_bytes;	/* octets that traces take, as they are stored; above it the oldest go; 0: any number */
	unsigned peer_settle_days;	/* see struct peer_rules; 0: 14 */
	unsigned greylist_window_secs;	/* see struct greylist_rules; 0: 2 days */
	unsigned dmarc_rows_max;	/* rows of aggregate reports a day; 0: 100000 */
	unsigned dmarc_report_rows_max;	/* of one report; 0: 10000 */
	unsigned dmarc_keep_days;	/* days older than this are deleted, reported or not; 0: 7 */
	unsigned shapes_max;		/* shapes of domains (resolver/shape.h), those noted last; 0: 20000 */
	unsigned shape_keep_days;	/* 0: 30 */
	unsigned failure_keep_days;	/* failures to report, sent or not; 0: 7 */
	/* Called by the writer thread for each shape of the database, the one noted last first, when it is open for the first time.
	 * NULL: nobody wants to know. */
	void (*shape_known)(void *arg, const char *key, const char *text, int64_t told_secs);
	void *shape_arg;
	/* Called by the writer thread for each brake of the database when it is open for the first time, and then once with NULL: that
	 * is all. NULL: nobody wants to know. */
	void (*brake_known)(void *arg, const struct brake_row *row);
	void *brake_arg;
	const struct clock *clock;
	/* Called by the writer thread: STORE_DOWN and STORE_UP when the database fails and when it works again, and
	 * STORE_DOWN again when it fails for another reason than was told last, a few times; STORE_WARNING
	 * when notes were dropped (once, when it has caught up), when some are lost at the end, and when one of the maxima above
	 * begins to delete rows (once for each); STORE_REFUSED for each note that the database refuses by itself. NULL: nobody wants to
	 * know. */
	void (*changed)(enum store_news news, const char *text);
	bool read_only;			/* for the command line: no writer thread, never creates or migrates */
};

/* Grades as stored; the same order as enum tls_grade. */
enum { STORE_GRADES = 4 };

enum { STORE_FAILURES_WAITING_MAX = 200 };	/* notes of failures in the queue */

/* What is known of a peer (or of one of its hosts). */
struct peer_memory {
	int64_t first_secs, last_secs;
	uint64_t sessions, grades[STORE_GRADES];	/* sessions by grade: none, weak, ok, strong */
	unsigned days, tls_days;		/* distinct days on which it came; came with TLS */
	int64_t last_tls_secs;			/* 0: never */
	int64_t changed_secs;			/* since when all its sessions are weaker than its habit; 0: they are not */
	uint64_t changed_sessions;		/* sessions since then */
	int64_t settled_secs;			/* when the old habit was given up, because peer_settle_days had passed since the change; 0: never */
	unsigned best_grade;
	bool pinned;				/* an admin said: TLS required */
	char last_cert[256];			/* subject of the last client certificate; "" none */
};

struct peer_note {
	const char *peer;	/* "example.com" or "192.0.2.0/24" */
	const char *host;	/* client address, as text */
	unsigned grade;
	const char *cert;	/* subject; NULL: none */
	int64_t time_secs;
	bool downgraded;	/* judged tls-downgrade: counts as change, not towards the habit */
	bool host_only;		/* counts for this host only, not for the peer as a whole */
	const char *queue_id;	/* the MTA's, for the log should the database refuse the note; not kept; NULL: it told none */
};

struct greylist_entry {
	int64_t first_secs, last_secs, passed_secs;	/* passed_secs 0: not yet */
	uint64_t tries;
};

/* One judged message; text fields may be NULL (stored as ""). */
struct flow_note {
	int64_t time_secs;
	const char *author_domain, *envelope_domain, *client_network;
	const char *findings;	/* names, sorted, comma-separated: the set */
	const char *results;	/* "spf=pass dkim=none dmarc=fail …" */
	const char *evidence;	/* what policies look at, as text (policy/evidence_text.h) */
	const char *tls_grade, *tls_version, *tls_cipher;
	const char *policy, *action;
	bool enforced;
	uint64_t bytes;
	uint64_t messages;	/* that are alike; 0 means one */
	uint64_t sessions;	/* of which this is the first message */
	const char *queue_id;	/* as of a peer_note */
};

/*
 * Messages for an aggregate report of DMARC (check/dmarc/feedback.h has the texts), counted by day (UTC), domain, policy, rua and row.
 * Once a day's report has been made, what still comes for that day counts for the next one.
 */
struct dmarc_note {
	int64_t time_secs;
	const char *domain;	/* where the policy record stood */
	const char *policy;	/* as published */
	const char *rua;	/* where the reports are wanted, as published */
	const char *row;	/* all that messages of one row have in common */
	uint64_t messages;	/* 0 means one */
	const char *queue_id;	/* as of a peer_note */
};

/* A failure that is to be reported to whom its policy domain names (lib/action/failure.h); nothing is NULL but queue_id. */
struct failure_note {
	int64_t time_secs;
	const char *domain;	/* that published the policy */
	const char *alike;	/* those of one UTC day and domain that have the same are one report with several incidents */
	const char *ruf;	/* where to: addresses between commas */
	const char *fields, *header;	/* of the first of them */
	unsigned domain_max, day_max;	/* reports of one domain and of all, in a UTC day; what is beyond is only counted */
	const char *queue_id;	/* as of a peer_note */
};

enum { STORE_TRACE_BYTES = 65536 };	/* the longest text of a trace */

/* What is known of one message, for whoever asks for it by name. The text is its writer's (pipeline/trace.h). */
struct trace_note {
	const char *reference;	/* util/reference.h */
	const char *queue_id;	/* the MTA's; NULL or "": it told none */
	int64_t time_secs;
	const char *text;	/* of one read back NULL: the row is damaged */
};

/**
 * Opens or creates the database and starts the writer. A database that cannot be opened now is no failure: the store
 * starts without memory and tries again. @return NULL only for a wrong configuration (no location, no such backend); why_r set.
 */
struct store *store_open(const struct store_config *config, char *why_r, size_t why_bytes);

/** Commits what is queued, within stop_ms and what the database takes for one group more, and stops the writer: the statistics are
 * final, what was not written by then is lost and counted, what is noted from now on is dropped. */
void store_stop(struct store *store);

/** Stops it, if that is not done yet, and closes. Sets *store to NULL. */
void store_close(struct store **store);

/**
 * What another process wrote within the last second may be missing (record/recent.h).
 * @return 0; -E_ABSENT not known; -E_SYSTEM no memory now.
 */
int store_peer_get(struct store *store, const char *peer, struct peer_memory *memory_r);
int store_peer_host_get(struct store *store, const char *peer, const char *host, struct peer_memory *memory_r);
int store_greylist_get(struct store *store, const char *key, struct greylist_entry *entry_r);	/* no memory, too, for one whose tries the database refuses */

/** @return 0 queued; -E_LIMIT dropped (queue full). */
int store_peer_note(struct store *store, const struct peer_note *note);
int store_greylist_note(struct store *store, const char *key, int64_t time_secs, bool passed);	/* one try */
int store_flow_note(struct store *store, const struct flow_note *note);
int store_dmarc_note(struct store *store, const struct dmarc_note *note);
int store_shape_note(struct store *store, const char *key, const char *text, int64_t time_secs);	/* in place of an older one; has half of the queue */
/** -E_LIMIT, too, when STORE_FAILURES_WAITING_MAX of them wait: they are large, and a flood of them must not cost other notes. */
int store_failure_note(struct store *store, const struct failure_note *note);

/**
 * Notes a trace. It has half of the queue, and TRACE_QUEUE_BYTES of memory: while the database is away it costs no other note.
 * @return as above
 */
int store_trace_note(struct store *store, const struct trace_note *note);

/** Waits until everything noted so far is committed or given up. @return 0; -E_SYSTEM when some of it was lost or refused. */
int store_flush(struct store *store);

/** @return whether what is noted now gets written: false while the database is locked, full or gone. */
bool store_is_up(struct store *store);

/** @return whether the database is still being opened for the first time: nobody knows yet what is remembered. */
bool store_is_opening(struct store *store);

struct store_statistics {
	uint64_t noted, dropped, lost, commits, read_failures;
	uint64_t refused;	/* notes that the database refuses by themselves */
	uint64_t written;	/* notes committed; noted = written + lost + refused + dropped + those that wait or are being written */
	uint64_t trimmed[STORE_CAPS];	/* rows that went because there were too many */
	unsigned queued;
	bool up;
	char why[STORE_WHY_BYTES];	/* why it is down, or was last */
};
void store_statistics(struct store *store, struct store_statistics *statistics_r);

/** Calls each() for peers whose name contains pattern (NULL: all), most recently seen first, at most limit.
 * @return 0 or -E_SYSTEM. */
typedef void store_peer_each_f(void *arg, const char *peer, const struct peer_memory *memory);
int store_peers_each(struct store *store, const char *pattern, size_t limit, store_peer_each_f *each, void *arg);
/** The same for the hosts of one peer; each() gets the host's address. */
int store_hosts_each(struct store *store, const char *peer, size_t limit, store_peer_each_f *each, void *arg);

/** For the command line, written at once. @return 0; -E_ABSENT; -E_SYSTEM. */
int store_peer_forget(struct store *store, const char *peer);
int store_peer_pin(struct store *store, const char *peer, bool pinned);

/* Evidence of a row that stands for messages of many kinds: only its action and its sums say anything. */
#define STORE_EVIDENCE_OTHER "other"
enum store_trace_by { STORE_TRACE_BY_REFERENCE, STORE_TRACE_BY_QUEUE_ID };
typedef void store_trace_each_f(void *arg, const struct trace_note *trace);
/** Traces of that name, the newest first, at most limit. @return 0; -E_ABSENT: none; -E_SYSTEM. */
int store_traces_each(struct store *store, enum store_trace_by by, const char *key, size_t limit, store_trace_each_f *each,
    void *arg);

struct flow_row {
	int64_t hour_secs;	/* when it begins */
	unsigned span_secs;	/* 3600; 86400 once its hours were rolled up */
	const char *author_domain, *envelope_domain, *client_network, *findings, *results;
	const char *evidence;	/* "": the row is from before it was recorded */
	const char *tls_grade, *tls_version, *tls_cipher, *policy, *action;
	bool enforced, other;	/* other: see STORE_EVIDENCE_OTHER */
	bool sessions_unknown;	/* of an earlier schema: sessions is 0, and nobody knows */
	uint64_t messages, bytes, sessions;
};
typedef void store_flow_each_f(void *arg, const struct flow_row *row);
/** Rows of hours since since_secs, and of days that had not ended then; oldest first, but those of earlier schemas before all.
 * @return 0 or -E_SYSTEM. */
int store_flows_each(struct store *store, int64_t since_secs, store_flow_each_f *each, void *arg);

/* Messages of a row's kind in a time: span_secs from from_secs on. */
struct flow_span {
	int64_t from_secs;
	unsigned span_secs;
	uint64_t messages, bytes, sessions;
};
/* kind: a row that stands for all of its messages (hour_secs is the first one's, the counts are the sums of the spans). All is borrowed. */
typedef void store_kind_each_f(void *arg, const struct flow_row *kind, const struct flow_span *spans, size_t count);
/**
 * The same, by kind: messages that are alike in everything but the time, with their spans in the order of time. Each kind comes
 * once, but for rows of earlier schemas, each of which comes alone.
 * @param span_secs  3600 or 86400: spans are merged to whole hours or days (UTC). Days whose hours were rolled up are days either way.
 */
int store_kinds_each(struct store *store, int64_t since_secs, unsigned span_secs, store_kind_each_f *each, void *arg);

typedef void store_brake_each_f(void *arg, const struct brake_row *row);
/** All brakes, those too that were lifted, as long as flows of their time are kept; borrowed for the call. @return 0 or -E_SYSTEM. */
int store_brakes_each(struct store *store, store_brake_each_f *each, void *arg);
/** Sets one, at once; where one is on already, it stays. Waits for locks up to 5 s. @return 0: it is kept; -E_SYSTEM. */
int store_brake_set(struct store *store, const struct brake_row *row);
/** Lifts the one that is on, from that time on. @return 0; -E_ABSENT: none is on; -E_SYSTEM. */
int store_brake_lift(struct store *store, const char *policy, const char *finding, int64_t lifted_secs);

/* A failure report that waits (record/sqlite_failures.c). */
struct failure_row {
	int64_t id;		/* never used twice */
	int64_t first_secs, last_secs;	/* of its incidents */
	uint64_t incidents;
	unsigned tries;		/* that were begun before this one */
	const char *domain, *ruf, *fields, *header;
};
/**
 * For the command line: takes up the report that is due and has waited longest. It is nobody else's until retry_secs; if nothing is
 * said of it until then (store_failure_done(), store_failure_later()) it is due again, for its sender has crashed.
 * @param before_secs  only those whose first incident is older: those that are alike have had time to come.
 * @return 0 with the row's text in row_r, allocated from the arena; -E_ABSENT: none is due; -E_SYSTEM.
 */
int store_failure_take(struct store *store, int64_t now_secs, int64_t before_secs, int64_t retry_secs, struct arena *arena,
    struct failure_row *row_r);
/** The same without taking anything up: each() for all that are due, the oldest first, at most limit. Borrowed for the call. */
typedef void store_failure_each_f(void *arg, const struct failure_row *row);
int store_failures_each(struct store *store, int64_t now_secs, int64_t before_secs, size_t limit, store_failure_each_f *each,
    void *arg);
/** It is sent, or given up: what it said is deleted, and more of its kind are counted until its day is over. @return 0 or -E_SYSTEM. */
int store_failure_done(struct store *store, int64_t id, bool sent);
/** It is due again, for those of its destinations that are left. @return 0 or -E_SYSTEM. */
int store_failure_later(struct store *store, int64_t id, const char *ruf_left, int64_t due_secs);

/* What became of the failures of one UTC day. */
struct failure_counts { uint64_t waiting, sent, given_up, incidents, beyond; };	/* beyond: messages that no report counts */
/** @return 0 or -E_SYSTEM. */
int store_failure_counts(struct store *store, int64_t day_secs, struct failure_counts *counts_r);

#endif
