/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_RECORD_BACKEND_H
#define ASSAY_RECORD_BACKEND_H
/*
 * What a database has to offer to the store: one small struct of functions, found by name: SQLite, PostgreSQL.
 * Where the data are is one text, the location, that only the backend reads: the path of a file for SQLite, a connection string
 * for a server. Nobody above a backend looks for files, rights or directories; look() does.
 * A handle belongs to one thread at a time. Every function returns 0, -E_ABSENT or -E_SYSTEM with the reason in why().
 */
#include "record/copy.h"
#include "record/dmarc.h"
#include "record/peer.h"
#include "record/store.h"

struct backend_handle;

/*
 * What expire() deletes, and makes fewer. By age: rows last seen before the times below. By number, when there are more than the
 * maxima (0: no maximum): the oldest flows, and the peers and hosts seen longest ago. Of the greylist, as long as entries that never
 * passed fill more than half of the maximum, those of them that were seen longest ago; otherwise the ones that passed and were seen
 * longest ago: so a flood of first tries cannot push out the senders that have passed, nor the other way round. Of the shapes those
 * noted longest ago; nobody is told of them, since they only save time. Brakes that were lifted go when no flow is left of the time when
 * they were on (a day is kept as long as its end is): what was decided then is worked out with them. Those that are on stay. Of a day of flows with more than kinds_max kinds those of
 * fewest messages become one row for each action then, which keeps the sums.
 */
struct backend_expiry {
	int64_t flows_secs, peers_secs, shapes_secs, failures_secs, traces_secs;
	int64_t hours_secs;	/* days that ended before: their hours are rolled up */
	int64_t greylist_passed_secs, greylist_waiting_secs;	/* the times for entries that passed, and for those that did not yet */
	unsigned flows_max, kinds_max, peers_max, hosts_max, greylist_max, shapes_max;
	uint64_t traces_max_bytes;	/* the oldest go; 0: no maximum */
	int64_t dmarc_secs;	/* days of aggregate reports that ended before this */
};

/* What one step of expiry came to. */
struct backend_expired {
	unsigned trimmed[STORE_CAPS];	/* rows that went because there were too many */
	bool more;			/* the step ended at its limit: call again, there is more to delete */
};

/* MAKE: create what is missing, the schema too, and migrate an older one. CHANGE: the same, but there must be something. */
enum backend_access { BACKEND_READ, BACKEND_CHANGE, BACKEND_MAKE };

/* What can be told of a location without opening it, for the tools. */
struct backend_look {
	long long bytes;		/* how much is there; -1: it cannot be told */
	char disk[1024];		/* a directory on the file system that fills; "": none of this machine */
	char why[512];			/* after -E_SYSTEM: one sentence for the admin, with what to do */
};

typedef void backend_shape_each(void *arg, const char *key, const char *text, int64_t time_secs);

/* Aggregate reports of DMARC; record/dmarc.h says more. */
struct backend_dmarc {
	/* in the transaction of a group */
	int (*add)(struct backend_handle *handle, const struct dmarc_note *note, const struct dmarc_rules *rules);
	/* policies of days before `before_day` that are not closed; day -1: of all, else of that one */
	int (*each)(struct backend_handle *handle, int64_t day, int64_t before_day, dmarc_policy_each_f *each, void *arg);
	int (*rows_each)(struct backend_handle *handle, int64_t policy, size_t limit, dmarc_row_each_f *each, void *arg);
	/* gives a report its names, once; names_r: those that it has then */
	int (*freeze)(struct backend_handle *handle, int64_t policy, struct dmarc_names *names);
	/* the deliveries of a report; states are of enum dmarc_delivery_state */
	int (*delivery_get)(struct backend_handle *handle, int64_t policy, const char *address, struct dmarc_delivery *delivery_r);
	int (*delivery_put)(struct backend_handle *handle, int64_t policy, const char *address, const struct dmarc_delivery *delivery);
	/* nothing is left to do: rows and deliveries go, the policy stays as a mark until it is too old */
	int (*finish)(struct backend_handle *handle, int64_t policy);
	int (*day_lost)(struct backend_handle *handle, int64_t day, uint64_t *lost_r);
};

/* A row that will be asked for: of a peer, or (peer NULL) of the greylist. */
struct backend_ask { const char *peer, *host, *key; };

struct backend {
	const char *name;
	/* @return 0: there is something, and the caller may read it; -E_ABSENT: nothing yet; -E_SYSTEM with why. disk in any case */
	int (*look)(const char *location, struct backend_look *look_r);
	/* A writer is about to open it, and will go on trying: readers of this process may rely on what it finds. NULL: nothing to do. */
	void (*expect)(const char *location);
	/* waits at most busy_ms for locks, or for the answers of a server; a writer some times as long for the latter */
	struct backend_handle *(*open)(const char *location, enum backend_access access, unsigned busy_ms, char *why_r,
	    size_t why_bytes);
	void (*close)(struct backend_handle **handle);
	/* A reader: from now on it waits at most busy_ms, as open() says, and until_ms (monotonic) for all that is asked next, if that
	 * can take longer; 0: no such end. */
	void (*bound)(struct backend_handle *handle, unsigned busy_ms, int64_t until_ms);
	const char *(*why)(struct backend_handle *handle);
	/* After -E_SYSTEM: whether the database refuses what was written (a constraint, a trigger, a value, a limit of one row) and would do so
	 * again, while it takes others. Not for a state of the database: away, full, locked, read-only, corrupt, of another schema. */
	bool (*refuses)(const struct backend_handle *handle);
	/* whether the handle works on, but for nobody: what others would open now is another database, or none. Then open anew. */
	bool (*is_orphan)(struct backend_handle *handle);
	int (*begin)(struct backend_handle *handle);
	int (*commit)(struct backend_handle *handle);
	void (*rollback)(struct backend_handle *handle);

	/* What peer_get and greylist_get will be asked in the transaction that has begun, as far as it is known: from a server that
	 * comes in one answer. NULL: it makes no difference. Texts are borrowed until the transaction ends. */
	int (*foresee)(struct backend_handle *handle, const struct backend_ask *asks, size_t count);
	/* host "" is the peer as a whole */
	int (*peer_get)(struct backend_handle *handle, const char *peer, const char *host, struct peer_memory *memory_r);
	int (*peer_put)(struct backend_handle *handle, const char *peer, const char *host, const struct peer_memory *memory);
	int (*peer_forget)(struct backend_handle *handle, const char *peer);
	int (*peers_each)(struct backend_handle *handle, const char *pattern, size_t limit, store_peer_each_f *each, void *arg);
	int (*hosts_each)(struct backend_handle *handle, const char *peer, size_t limit, store_peer_each_f *each, void *arg);
	/* Deletes hosts of each of these peers, those seen longest ago first, until `keep` are left of it; at most `limit` of them in this
	 * call. trimmed_r: how many. */
	int (*hosts_trim)(struct backend_handle *handle, const char *const *peers, size_t count, unsigned keep, unsigned limit,
	    unsigned *trimmed_r);
	int (*greylist_get)(struct backend_handle *handle, const char *key, struct greylist_entry *entry_r);
	int (*greylist_put)(struct backend_handle *handle, const char *key, const struct greylist_entry *entry);
	int (*flow_add)(struct backend_handle *handle, const struct flow_note *note);
	int (*flows_each)(struct backend_handle *handle, int64_t since_secs, store_flow_each_f *each, void *arg);
	int (*kinds_each)(struct backend_handle *handle, int64_t since_secs, unsigned span_secs, store_kind_each_f *each, void *arg);
	int (*shape_put)(struct backend_handle *handle, const char *key, const char *text, int64_t time_secs);
	/* those noted last first, at most limit */
	int (*shapes_each)(struct backend_handle *handle, size_t limit, backend_shape_each *each, void *arg);
	const struct backend_dmarc *dmarc;
	/* one more incident of a failure that is there, or a new one if the note's maxima leave room, or one more beyond them */
	int (*failure_add)(struct backend_handle *handle, const struct failure_note *note);
	/* see store_failure_take() and the others of store.h; in a transaction of its own, if it writes */
	int (*failure_take)(struct backend_handle *handle, int64_t now_secs, int64_t before_secs, int64_t retry_secs, struct arena *arena,
	    struct failure_row *row_r);
	int (*failures_each)(struct backend_handle *handle, int64_t now_secs, int64_t before_secs, size_t limit,
	    store_failure_each_f *each, void *arg);
	int (*failure_done)(struct backend_handle *handle, int64_t id, bool sent);
	int (*failure_later)(struct backend_handle *handle, int64_t id, const char *ruf_left, int64_t due_secs);
	int (*failure_counts)(struct backend_handle *handle, int64_t day_secs, struct failure_counts *counts_r);
	/* all brakes, those that were lifted too, by policy, finding and time */
	int (*brakes_each)(struct backend_handle *handle, store_brake_each_f *each, void *arg);
	/* within a transaction: a new one, or another lifted_secs for the one of that policy, finding and since_secs */
	int (*brake_put)(struct backend_handle *handle, const struct brake_row *row);
	int (*trace_put)(struct backend_handle *handle, const struct trace_note *note);
	/* see store_traces_each() */
	int (*traces_each)(struct backend_handle *handle, enum store_trace_by by, const char *key, size_t limit,
	    store_trace_each_f *each, void *arg);
	/* One step of deleting what is too old or too much: at most `limit` rows of each kind (peers take their hosts with them:
	 * twice that), each kind in a transaction of its own, so that no step holds the database for long. */
	int (*expire)(struct backend_handle *handle, const struct backend_expiry *expiry, unsigned limit,
	    struct backend_expired *expired_r);
	const struct backend_copy *copy;
};

extern const struct backend backend_sqlite;
extern const struct backend backend_postgresql;

/** @param name  NULL: the one that is used when nobody says another. @return NULL when there is no such backend. */
const struct backend *backend_find(const char *name);

/**
 * Of a location that says of itself what it is: "sqlite:/var/lib/assay/assay.db", "postgresql:host=… dbname=…", "postgresql://…"; any
 * other is a path for SQLite. @param rest_r  what the backend gets, within location.
 */
const struct backend *backend_of(const char *location, const char **rest_r);

#endif
