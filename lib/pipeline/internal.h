/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_PIPELINE_INTERNAL_H
#define ASSAY_PIPELINE_INTERNAL_H
/*
 * The insides of engine, session and message, shared by the files of this directory and by nobody else.
 * Thread: an engine is immutable but for its reference count; session and message belong to one thread at a time
 * (libmilter may serve one connection from several worker threads, but never at once).
 */
#include <stdatomic.h>

#include "message/recipient.h"
#include "pipeline/pipeline.h"

struct shared_resolver;	/* pipeline/shared.h */
struct shared_store;
struct shared_shapes;
struct trace_refusal;	/* pipeline/trace.h */

enum {
	HOSTNAME_BYTES = 256,
	ADDRESS_MAX_BYTES = 2048,	/* RFC 5321 allows 256; what is longer is cut and has no domain */
};

struct engine {
	atomic_int references;
	const struct config *config;
	struct engine_share share;
	struct shared_resolver *resolver;
	struct check_shared shared;
	struct shared_store *store;	/* NULL: nothing is remembered */
	struct shared_shapes *shapes;
	bool acts_at_rcpt;
	bool wants_every_body;		/* a policy asks for what only the whole body shows */
	char hostname[HOSTNAME_BYTES];
};

struct session {
	struct arena *arena;
	struct engine *engine;
	struct facts_connection connection;
	bool counted;			/* some message of it was noted, and the session with it */
	int noted_grade;		/* TLS grade under which the session was noted, plus one; 0: not yet */
};

/* What was known of whom a message comes from, when it began (known.c). */
struct known_shape { const char *key, *text; };	/* in the message's arena; text NULL: nothing */
struct known { struct known_shape sender, helo; };

/* Fields by the room that they have behind the caps of the config: see message_field(). */
enum field_kind { FIELD_COMMON, FIELD_FROM, FIELD_AUTHRES, FIELD_JUDGED, FIELD_KIND_COUNT };

struct message {
	struct session *session;
	const struct config *config;
	struct arena *arena;
	struct facts facts;
	struct author author;
	struct results *results;
	struct check_context context;
	unsigned dns_left_ms;		/* of the message's time for DNS: what it has not waited yet */
	bool judged[CHECK_COUNT];
	bool wants_body[CHECK_COUNT];
	bool header_done;
	bool judged_whole;	/* all checks were, at the end of the message */
	struct known known;

	/* room of the arrays that facts borrows */
	struct header_field *fields;
	size_t field_room;
	struct { size_t fields, bytes; } over_cap[FIELD_KIND_COUNT];	/* kept although the caps are reached */
	const char **recipients;
	struct recipient_place *recipient_places;	/* parallel */
	size_t recipient_room;
	bool recipients_truncated;
	struct recipient_place *refused_places;	/* of recipients refused at RCPT, who do not count but for the record */
	size_t refused_count, refused_room;
	size_t refused_total;		/* those whose place is not kept with them */

	size_t body_line_bytes;		/* of the line under way, for the RFC 5322 limit of 998 */

	const struct brakes *brakes;	/* in the arena, once brakes_known; NULL: none is on */
	bool brakes_known;
	struct evidence *at_rcpt;	/* as it is for every recipient; NULL: none was judged there */
	struct opinions *opinions_at_rcpt;	/* of that */
	const char *reference;		/* util/reference.h; NULL: traces are off */
	struct trace_refusal *refusals;	/* at RCPT, for the trace; the latest first */
	size_t refusal_count;
	bool greylist_passed;		/* greylisting was decided, and what is remembered or proven let it pass */
	bool outcome_made, ended;
	struct beside beside;		/* who else had it; set with the outcome's deletions */
	struct evidence evidence;	/* what the outcome was decided on */
	const char *evidence_text;	/* as it was recorded; NULL: it was not, or not yet */
	struct outcome outcome;
};

/** Whether this message is not to be judged; NULL or the word for results.exempt_reason. */
const char *message_exempt_reason(const struct message *message);

/** The name under which we sign our results: config, else the MTA's own name, else the host's. */
const char *message_authserv_id(const struct message *message);

/** Judges the checks of that stage that have not been judged yet; exempt messages: only those that need no DNS. */
void message_judge_stage(struct message *message, enum finding_stage stage);

/** An address as the MTA hands it over, in the arena, without the angle brackets, cut at ADDRESS_MAX_BYTES. */
const char *message_address_copy(struct message *message, const char *text);

/**
 * The decision for the message (policy_judge()), by its recipients and author domains; where all recipients were refused, the strictest
 * of theirs. Without a reply.
 * @param evidence_r  on which it stands; in the message's arena.
 */
struct decision message_decide(struct message *message, enum finding_stage stage, struct evidence *evidence_r);

/** Makes the reply of a settled decision. @param wait_secs  for the action greylist; 0: not known. */
void message_reply(struct message *message, unsigned wait_secs, struct decision *decision);

#endif
