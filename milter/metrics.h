/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_MILTER_METRICS_H
#define ASSAY_MILTER_METRICS_H
/*
 * What assayd counts, and how Prometheus gets it (assayd(8), "Metrics").
 *
 *   metrics.c           counts of mail: atomics, added to by the connections' threads, whether anybody looks or not
 *   metrics_sources.c   what resolvers and stores have counted, added up over all reloads
 *   metrics_process.c   memory, descriptors, processor time of this process
 *   metrics_text.c      all of it as one page; metrics_text_sources.c its half of resolver, store and process
 *   metrics_table.h     names, types and help of all of them: tests and the manual are held against it
 *   metrics_http.c      the server: a thread of libmicrohttpd's, for /metrics and /healthz; metrics_report.c the report at /
 *   exposition.c        the format
 *
 * Counts begin with the process and never go down. Their labels come from tables (findings, actions …) and from the names of
 * configured policies, of which the first METRICS_POLICIES have counts of their own. Nothing of a message's text is in them.
 * Nobody who reads them can make mail wait: what he holds is held for moments.
 */
#include <stdbool.h>
#include <stdio.h>
#include <sys/types.h>

#include "exposition.h"
#include "pipeline/pipeline.h"

enum {
	METRICS_POLICIES = 100,		/* names that ever were in force; those that come later are "other" */
	METRICS_POLICY_BYTES = 65,	/* the loader takes names of 64 characters */
	METRICS_DESCRIPTORS = 22,	/* that the server takes at most: connections, a report for each, its socket, its loop; reading /proc */
	METRICS_CONNECTIONS = 8,
};

/* Why there is no message although the MTA began one, or no session. */
enum metrics_put_off { PUT_OFF_SESSIONS, PUT_OFF_MEMORY, PUT_OFF_COUNT };

/* ---- what is noted; thread: any -------------------------------------------------------------------------------- */

/** A configuration is in force, or is about to be: its policies get their counts. Thread: main. */
void metrics_note_config(const struct config *config);
/** A reload was refused. */
void metrics_note_refused_config(void);
/** A session was not let in. */
void metrics_note_session_put_off(enum metrics_put_off why);
/** A message was put off: memory is short. */
void metrics_note_message_put_off(void);
/** A recipient was refused at RCPT. */
void metrics_note_recipient_refused(const struct decision *decision);
/** @param took_us  from the end of the message, as the MTA told it, to its verdict. */
void metrics_note_message(const struct message *message, const struct decision *decision, uint64_t took_us);

/** To be given to engines. */
extern const struct engine_watch metrics_watch;

/* ---- what is told ------------------------------------------------------------------------------------------------- */

/** Writes all figures. Thread: any; holds locks for moments only. */
void metrics_text(FILE *out);
/** Writes whether the daemon serves and no outage is on, in words, a line each. @return whether that is so. */
bool metrics_health_text(FILE *out);
/** From now on it does not: the daemon is stopping. */
void metrics_note_stopping(void);

/* ---- metrics_http.c; thread: main, but for metrics_look() ---------------------------------------------------------- */

/**
 * Makes the socket, with the rights we were started with. @param place  of listen_place_parse(); NULL: none.
 * @param uid,gid  owner of a unix socket; (uid_t)-1: as created.
 * A place that cannot be had is told in the log: who takes it before us does not keep mail from being judged.
 */
void metrics_open(const char *place, uid_t uid, gid_t gid);
/** Begins to answer; that there is no thread for it is told in the log. */
void metrics_start(void);
/** Ends connections that take too long; to be called every few seconds. Thread: progress.c's. */
void metrics_look(void);
void metrics_close(void);

#endif
