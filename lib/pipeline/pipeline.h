/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_PIPELINE_PIPELINE_H
#define ASSAY_PIPELINE_PIPELINE_H
/*
 * The main road, one function a station: facts → checks → findings → policy → decision → edits. Used alike by milter/
 * and by `assay check`. It holds no MTA knowledge and judges nothing itself.
 *
 *   engine    one per configuration: resolver, DKIM state, suffix list
 *   session   one per SMTP connection: connection facts
 *   message   one per MAIL FROM: arena, DNS scope, facts, results
 */
#include "action/action.h"
#include "check/check.h"
#include "config/config.h"
#include "policy/policy.h"
#include "record/store.h"

struct engine;
struct recipient_route;	/* message/recipient.h */
struct store;
struct session;
struct message;

/*
 * Told when a resolver or a store begins and when it is about to be freed: engines share them, so none of them knows. For who adds up
 * what they have counted over all reloads. Thread: any; what it is told of stays until the call returns.
 */
struct engine_watch {
	void (*resolver)(struct dns_resolver *resolver, bool ends);
	void (*store)(struct store *store, bool ends);	/* it ends when nothing is written any more */
};

/* What an engine may use of what the process has; zero: as much as the config says, or the part's own default. */
struct engine_share {
	unsigned dns_sockets;		/* DNS queries that have a socket at once */
	unsigned store_readers;		/* open handles of the database */
	const struct engine_watch *watch;	/* lives as long as the process; NULL: nobody wants to know */
};

/**
 * Takes its own reference of the config. A previous engine may be given: its resolver is shared when the dns settings are
 * the same, so that a reload keeps the cache.
 * @return NULL with why_r set.
 */
struct engine *engine_new_sharing(const struct config *config, const struct engine_share *share, struct engine *previous,
    char *why_r, size_t why_bytes);
/** The same in a process that has enough of everything. */
struct engine *engine_new(const struct config *config, struct engine *previous, char *why_r, size_t why_bytes);
/**
 * Lets the engine remember (config record path): the daemon does, `assay check` does not. Called once, right after
 * engine_new(). A database that cannot be opened now is no failure.
 * @param changed  called on the store's thread when the database is lost or found again, or warns; NULL.
 * @param previous  as for engine_new(): its store is shared when the settings are the same.
 * @return 0, or -E_CONFIG with why_r set.
 */
typedef void engine_store_changed(enum store_news news, const char *text);
int engine_open_store(struct engine *engine, struct engine *previous, engine_store_changed *changed, char *why_r,
    size_t why_bytes);
/** @return the store, or NULL. */
struct store *engine_store(struct engine *engine);
/** What is known of brakes from now on, for messages that are still to be judged; the engine has a store. Rows are copied. */
void engine_set_brakes(struct engine *engine, const struct brake_row *rows, size_t count);
/** @return whether brakes are known: the record could be read once. True where there is no store. */
bool engine_knows_brakes(struct engine *engine);

struct engine *engine_ref(struct engine *engine);
void engine_unref(struct engine **engine);
const struct config *engine_config(const struct engine *engine);
struct dns_resolver *engine_resolver(struct engine *engine);

/** Takes its own reference of the engine. */
struct session *session_new(struct engine *engine);
void session_free(struct session **session);
struct arena *session_arena(struct session *session);
/** The caller fills it (strings in session_arena()) as the MTA tells; not while a message is being judged. */
struct facts_connection *session_connection(struct session *session);
const struct config *session_config(const struct session *session);
/** @return whether a policy of this session's config may refuse at RCPT (then the MTA must wait for a reply there). */
bool session_acts_at_rcpt(const struct session *session);
/** @return whether any message of this session could need its body (else the MTA need not send bodies at all). */
bool session_may_want_body(const struct session *session);

/** @param mail_from with or without <>; "" or "<>" for the null sender. Begins the look-ups of the envelope checks. */
struct message *message_new(struct session *session, const char *mail_from, const struct clock *clock);
/** The same. @param resolved  what the MTA made of the address, {mail_addr}; NULL: it does not say. */
struct message *message_new_resolved(struct session *session, const char *mail_from, const char *resolved,
    const struct clock *clock);
/**
 * The message ended, as whatever: notes what came of it for the record, once. A message without a verdict is noted only when all of
 * its recipients were refused. The daemon calls it for each message before message_free(), also for one that the client gave up.
 */
void message_end(struct message *message);
/** Frees it, and ends the queries that only it waited for; notes nothing. Sets *message to NULL. */
void message_free(struct message **message);
struct facts *message_facts(struct message *message);	/* e.g. to set queue_id */
const struct results *message_results(const struct message *message);
const struct author *message_author(const struct message *message);
/** @return microseconds for which its checks waited for DNS until now, validation included. */
uint64_t message_dns_waited_us(const struct message *message);
/** Who else had it in his hands; known once it is judged. */
const struct beside *message_beside(const struct message *message);
struct arena *message_arena(struct message *message);

/** @return whether a reply at RCPT can be anything but "go on" (else nobody needs to wait there). */
bool message_acts_at_rcpt(const struct message *message);

/**
 * A recipient. When a policy may act at RCPT the envelope checks are judged (waits for DNS), and decision_r says what its
 * policy wants; an enforced defer or reject means the recipient does not count any more.
 * @param route  what the MTA made of the address, by which its policy is chosen; NULL: it does not say.
 */
void message_recipient_resolved(struct message *message, const char *recipient, const struct recipient_route *route,
    struct decision *decision_r);

/** The same where nobody resolves addresses. */
void message_recipient(struct message *message, const char *recipient, struct decision *decision_r);

/** A recipient that is weighed at the end of the message only (`assay check`). */
void message_recipient_keep(struct message *message, const char *recipient);

/** value as received behind the colon. Fields over the caps are counted, not kept. */
void message_field(struct message *message, const char *name, const char *value, size_t value_length);

/** End of the header. @return whether body chunks are needed by anybody. */
bool message_header_done(struct message *message);

void message_body(struct message *message, const void *data, size_t length);

/** Counts a part of a body that nobody needs. more: and that there is more, which will not come. */
void message_body_unread(struct message *message, size_t length, bool more);

/** The verdict of the whole message. Everything lives in the message's arena. */
struct outcome {
	struct decision decision;
	struct edits edits;
	const char *log_line;
	const char *quarantine_reason;	/* ≤ 100 characters; NULL unless decided and enforced */
};
const struct outcome *message_judge(struct message *message);

/** Judges connection and envelope only, as if the message ended here (`assay check` without a message). */
const struct outcome *message_judge_envelope(struct message *message);

/** The log line for a recipient refused at RCPT; in the message's arena. */
const char *message_log_refused(struct message *message, const char *recipient, const struct decision *decision);

#endif
