/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_RECORD_BACKEND_H
#define ASSAY_RECORD_BACKEND_H
/*
 * What a database has to offer to the store: one small struct of functions. SQLite is the one that is built in.
 * A handle belongs to one thread at a time. Every function returns 0, -E_ABSENT or -E_SYSTEM with the reason in why().
 */
#include "record/peer.h"
#include "record/store.h"

struct backend_handle;

/*
 * What expire() deletes. By age: rows last seen before the times below. By number, when there are more than the maxima (0: no
 * maximum): the oldest flows, and the peers and hosts seen longest ago. Of the greylist, as long as entries that never passed fill
 * more than half of the maximum, those of them that were seen longest ago; otherwise the ones that passed and were seen longest
 * ago. So a flood of first tries cannot push out the senders that have passed, nor the other way round.
 */
struct backend_expiry {
	int64_t flows_secs, peers_secs;
	int64_t greylist_passed_secs, greylist_waiting_secs;	/* the times for entries that passed, and for those that did not yet */
	unsigned flows_max, peers_max, hosts_max, greylist_max;
};

/* What one step of expiry came to. */
struct backend_expired {
	unsigned trimmed[STORE_CAPS];	/* rows that went because there were too many */
	bool more;			/* the step ended at its limit: call again, there is more to delete */
};

struct backend {
	const char *name;
	/* write: create the schema when it is missing, migrate an older one; wait at most busy_ms for locks */
	struct backend_handle *(*open)(const char *path, bool write, unsigned busy_ms, char *why_r, size_t why_bytes);
	void (*close)(struct backend_handle **handle);
	const char *(*why)(struct backend_handle *handle);
	/* @return whether the database file was removed or replaced since it was opened. The handle then still works, on a file
	 * that nobody else can see: open anew. */
	bool (*has_moved)(struct backend_handle *handle);
	int (*begin)(struct backend_handle *handle);
	int (*commit)(struct backend_handle *handle);
	void (*rollback)(struct backend_handle *handle);

	/* host "" is the peer as a whole */
	int (*peer_get)(struct backend_handle *handle, const char *peer, const char *host, struct peer_memory *memory_r);
	int (*peer_put)(struct backend_handle *handle, const char *peer, const char *host, const struct peer_memory *memory);
	int (*peer_forget)(struct backend_handle *handle, const char *peer);
	int (*peers_each)(struct backend_handle *handle, const char *pattern, size_t limit, store_peer_each_f *each, void *arg);
	int (*hosts_each)(struct backend_handle *handle, const char *peer, size_t limit, store_peer_each_f *each, void *arg);
	/* Deletes hosts of one peer, those seen longest ago first, until `keep` are left; at most `limit` of them in this call.
	 * trimmed_r: how many. */
	int (*hosts_trim)(struct backend_handle *handle, const char *peer, unsigned keep, unsigned limit, unsigned *trimmed_r);
	int (*greylist_get)(struct backend_handle *handle, const char *key, struct greylist_entry *entry_r);
	int (*greylist_put)(struct backend_handle *handle, const char *key, const struct greylist_entry *entry);
	int (*flow_add)(struct backend_handle *handle, const struct flow_note *note);
	int (*flows_each)(struct backend_handle *handle, int64_t since_secs, store_flow_each_f *each, void *arg);
	/* One step of deleting what is too old or too much: at most `limit` rows of each kind (peers take their hosts with them:
	 * twice that), each kind in a transaction of its own, so that no step holds the database for long. */
	int (*expire)(struct backend_handle *handle, const struct backend_expiry *expiry, unsigned limit,
	    struct backend_expired *expired_r);
};

extern const struct backend backend_sqlite;

#endif
