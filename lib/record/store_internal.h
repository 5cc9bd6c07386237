/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_RECORD_STORE_INTERNAL_H
#define ASSAY_RECORD_STORE_INTERNAL_H
/*
 * What the files of the store share; nobody else includes it.
 *
 *   store.c          opening and closing, and the changes that the command line makes at once
 *   store_notes.c    notes: copied, and put into the queue or dropped
 *   store_writer.c   the one thread that takes them off in groups, writes them, and lets old rows go
 *   store_refused.c  tries that the database refuses: they need not wait
 *   store_told.c     what is told of rows that were too many, and of a note that the database refuses
 *   store_readers.c  the pool of read handles, and every question that is asked through it
 *   store_brakes.c   brakes, set and lifted at once
 *   store_failures.c failure reports, as the command line takes them up
 *   recent.c         peers that were read a moment ago
 *   group.c          one group of notes as one transaction
 *   sqlite.c, pg.c   the database itself (backend.h), with sqlite_*.c and pg_*.c beside it (sqlite_internal.h, pg_internal.h)
 *
 * Thread: the lock is held for moments only, never over a call into the database.
 */
#include <pthread.h>
#include <time.h>

#include "record/group.h"
#include "record/recent.h"

enum {
	STORE_READERS_MAX = 64,		/* handles open at once */
	STORE_READER_WAIT_MS = 1000,	/* for one of them, unless half of what a message may wait for an answer is less; each is used for moments */
	STORE_REFUSED_KEYS = 256,	/* that are kept of tries which the database refuses */
	TRACE_QUEUE_BYTES = 16 << 20,	/* of the texts of traces that wait */
	STORE_WRITER_BUSY_MS = 1000	/* how long a write waits for another program's lock */
};

struct store {
	struct store_config config;
	struct group_rules rules;
	const struct backend *backend;
	struct recent *recent;
	char *location;

	pthread_t writer;
	bool writer_runs;
	bool stopped;			/* the writer's thread was waited for; of who stops and closes */
	pthread_mutex_t lock;		/* of all below */
	pthread_cond_t wake;		/* for the writer: notes, stop, flush */
	pthread_cond_t done;		/* for flush: a group has ended */
	struct note *first, **last;
	bool stop, urgent;
	int64_t stop_ms;		/* with stop: no group begins after that */
	bool told;			/* config.changed has been called */
	bool told_trimmed[STORE_CAPS];	/* config.changed has told that this number costs rows */
	uint64_t told_dropped;		/* of statistics.dropped */
	unsigned failures_waiting;	/* notes of that kind in the queue, those being written too */
	uint64_t ended;			/* notes committed, refused or lost */
	uint64_t refused_keys[STORE_REFUSED_KEYS], refused_secret[2];	/* store_refused.c */
	unsigned refused_count;		/* that were ever kept there */
	size_t trace_bytes;		/* of traces that wait or are being written */
	struct store_statistics statistics;
	struct backend_handle *readers[STORE_READERS_MAX];	/* those that nobody uses now */
	unsigned reader_count;
	unsigned readers_open;		/* with those that are in use */
	unsigned reader_wait_ms;	/* for one of them */
	pthread_cond_t reader_free;
	int64_t reader_retry_ms;	/* after a failure: no open before */
	int64_t reader_pause_ms;	/* how long that was from then; 0: none has failed since one did not */
};

/** @return octets of the texts of traces among the notes. */
size_t store_notes_trace_bytes(const struct note *notes);

/** Frees a list of notes. */
void store_notes_free(struct note *notes);

/** How many of them are of that kind. */
unsigned store_notes_count(const struct note *notes, enum note_kind kind);

/**
 * A read handle of the pool, and back again (store_readers.c): what came of the question decides whether it is kept. For whoever can
 * wait for the answer; for a message store_readers.c has one that ends with the message's time.
 */
struct backend_handle *store_reader_take(struct store *store);
void store_reader_put(struct store *store, struct backend_handle *handle, int code);

/** A handle for one change by the command line (store.c). @return NULL with statistics.why set. */
struct backend_handle *store_command_open(struct store *store);

/** When so many milliseconds have passed, by the clock of the conditions. */
void store_deadline_in(struct timespec *deadline, unsigned ms);

/** Tells once of each number that costs rows, and counts them. Lock held. */
void store_trimmed_tell(struct store *store, const unsigned trimmed[STORE_CAPS]);

/** Keeps what must be known of a note that is let go because the database refuses it. Lock held. */
void store_refused_keep(struct store *store, const struct note *note);
/** @return whether a try of that key was refused. Lock held. */
bool store_refused_has(const struct store *store, const char *key);
/** Tells of a note that is let go because the database refuses it. The configuration has a `changed`. Lock held. */
void store_refused_tell(const struct store *store, const struct note *note, const char *why);

/** The writer's thread. @param store  struct store; its writer_runs is set. @return NULL. Ends once stop is set. */
void *store_writer_run(void *store);

/** Closes the pooled handles. Nobody reads any more. */
void store_readers_close(struct store *store);

#endif
