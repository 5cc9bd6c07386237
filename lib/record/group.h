/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_RECORD_GROUP_H
#define ASSAY_RECORD_GROUP_H
/*
 * A group of notes on its way into the database: equal flows are added up and each peer is read and written once, however
 * many notes of the group are about it. One transaction a group. Thread: the store's writer.
 */
#include "record/backend.h"

enum { STORE_GROUP_MAX = 2000 };	/* notes of one transaction */

enum note_kind { NOTE_PEER, NOTE_GREYLIST, NOTE_FLOW, NOTE_SHAPE, NOTE_DMARC, NOTE_FAILURE, NOTE_TRACE };

/* A queued note: its strings stand behind it in the same allocation. */
struct note {
	struct note *next;
	enum note_kind kind;
	union {
		struct peer_note peer;
		struct flow_note flow;
		struct dmarc_note dmarc;
		struct { const char *key; int64_t time_secs; bool passed; } greylist;
		struct { const char *key, *text; int64_t time_secs; } shape;
		struct failure_note failure;
		struct trace_note trace;
	} u;
	char strings[];
};

struct group_rules {
	struct peer_rules peer;
	unsigned greylist_window_secs;
	unsigned peer_hosts_max;	/* 0: any number */
	struct dmarc_rules dmarc;
};

/**
 * Writes the notes in one transaction: all of them or none. When a note brings a new host to a peer and the peer then has more
 * than peer_hosts_max, its hosts seen longest ago are deleted.
 * @param trimmed_r  how many hosts were deleted.
 * @return 0; -E_REFUSED: the database refuses one of them, or several, and would take the others; -E_SYSTEM. The reason is in the
 * backend's why().
 */
int group_write(const struct backend *backend, struct backend_handle *handle, const struct group_rules *rules,
    const struct note *notes, unsigned *trimmed_r);

#endif
