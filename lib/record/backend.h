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
 * Rows last seen before these times go, and those above these numbers (0: any number): the flows written first, the peers
 * and hosts seen longest ago. Of the greylist those seen longest ago that never passed, as long as they are more than half
 * of what may stay; then those that passed. So neither kind drives out the other.
 */
struct backend_expiry {
	int64_t flows_secs, peers_secs;
	int64_t greylist_passed_secs, greylist_waiting_secs;	/* that passed; that never did */
	unsigned flows_max, peers_max, hosts_max, greylist_max;
};

/* What one step of expiry came to. */
struct backend_expired {
	unsigned trimmed[STORE_CAPS];	/* rows that went because there were too many */
	bool more;			/* some kind reached the limit: another step has work */
};

struct backend {
	const char *name;
	/* write: create the schema when it is missing, migrate an older one; wait at most busy_ms for locks */
	struct backend_handle *(*open)(const char *path, bool write, unsigned busy_ms, char *why_r, size_t why_bytes);
	void (*close)(struct backend_handle **handle);
	const char *(*why)(struct backend_handle *handle);
	/* whether the database was removed or replaced since it was opened: the handle works on, but for nobody */
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
	/* lets the hosts of one peer go that were seen longest ago, all but keep, at most limit of them now */
	int (*hosts_trim)(struct backend_handle *handle, const char *peer, unsigned keep, unsigned limit, unsigned *trimmed_r);
	int (*greylist_get)(struct backend_handle *handle, const char *key, struct greylist_entry *entry_r);
	int (*greylist_put)(struct backend_handle *handle, const char *key, const struct greylist_entry *entry);
	int (*flow_add)(struct backend_handle *handle, const struct flow_note *note);
	int (*flows_each)(struct backend_handle *handle, int64_t since_secs, store_flow_each_f *each, void *arg);
	/* deletes at most limit rows of a kind (of peers with their hosts twice that), each kind in a transaction of its own */
	int (*expire)(struct backend_handle *handle, const struct backend_expiry *expiry, unsigned limit,
	    struct backend_expired *expired_r);
};

extern const struct backend backend_sqlite;

#endif
