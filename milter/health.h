/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_MILTER_HEALTH_H
#define ASSAY_MILTER_HEALTH_H
/*
 * Outages, each told twice: when it begins, and when it is over, with since when it was and how much it hit. In between it is
 * counted, never one line a message.
 *
 *   health_note(HEALTH_RESOLVER, false, "no answer from 192.0.2.53");	told once, however often it is said
 *   health_affected(HEALTH_RESOLVER, 1);					a message that could not be judged
 *   health_note(HEALTH_RESOLVER, true, NULL);				told once, with the count
 *
 * Of some conditions nobody can say when they are over (a limit was reached, and just now it is not): these count as over when no
 * fault was noted for a while. One that keeps coming back has to be quiet for longer each time, so that the log stays readable.
 * health_step() and health_quiet() are pure; the rest is one table, one lock, and the log. Thread: any.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum health_condition {
	HEALTH_SESSIONS,	/* no more can be taken: descriptors, or max-sessions */
	HEALTH_THREADS,		/* one could not be made */
	HEALTH_MEMORY,		/* its reserve cannot be had */
	HEALTH_STORE,		/* the database is down */
	HEALTH_RESOLVER,	/* no recursive server answers */
	HEALTH_DNS_SERVER,	/* one does not, another does */
	HEALTH_PRESSURE,	/* more is asked than the table of queries takes */
	HEALTH_CONDITIONS
};

struct health_state {
	bool failing;
	int64_t since_secs;		/* wall clock; of the outage under way, or the last one */
	int64_t noted_ms;		/* monotonic: the last fault */
	int64_t over_ms;		/* monotonic: the end of the last outage; 0: there was none */
	int64_t quiet_ms;		/* so long without a fault is its end */
	uint64_t affected;
};

struct health_time { int64_t wall_secs, monotonic_ms; };

enum health_event { HEALTH_NOTHING_NEW, HEALTH_BEGAN, HEALTH_ENDED };

/** A fault was seen (ok false), or its end. @return what is to be told. Pure. */
enum health_event health_step(struct health_state *state, bool ok, struct health_time now);
/** @return HEALTH_ENDED when the outage has been quiet for long enough. Pure. */
enum health_event health_quiet(struct health_state *state, struct health_time now);
/** The line for the log. Pure. @param detail  what is wrong; NULL. */
void health_text(enum health_condition condition, enum health_event event, const struct health_state *state,
    struct health_time now, const char *detail, char *text_r, size_t text_bytes);

/** @param ok  whether it works. @param detail  of a fault: what is wrong, and what to do; copied. @return what was told. */
enum health_event health_note(enum health_condition condition, bool ok, const char *detail);
/** So many messages (HEALTH_SESSIONS, _THREADS, _MEMORY: sessions) were hit; nothing happens while the condition is well. */
void health_affected(enum health_condition condition, uint64_t count);
/** Ends the outages that have become quiet, but for those of store and resolver; to be called every few seconds. */
void health_look(void);

/** @return one word for a condition, another for each: "sessions", "dns-server" … */
const char *health_word(enum health_condition condition);

struct health_report { enum health_condition condition; const char *name; struct health_state state; char detail[800]; };
/** The outages under way, for the status. @return how many. */
size_t health_failing(struct health_report reports_r[HEALTH_CONDITIONS]);

#endif
