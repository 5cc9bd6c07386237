/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_MILTER_ASSAYD_H
#define ASSAY_MILTER_ASSAYD_H
/*
 * The daemon's insides: what main.c, the libmilter callbacks and their helpers share.
 *
 * Threads: main waits for signals (signals.c); one runs smfi_main(); libmilter's workers run the callbacks, one at a time
 * for a connection, but not always the same one (Debian builds libmilter with a worker pool); one sends progress
 * (progress.c); the resolver and the server of metrics have their own. Signals are blocked in all of them.
 */
#include <libmilter/mfapi.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <time.h>

#include "message/recipient.h"
#include "pipeline/pipeline.h"

/* ---- connection: libmilter's private data --------------------------------------------------------------------- */

enum macro_slot {
	SLOT_CLIENT_NAME, SLOT_CLIENT_PTR, SLOT_DAEMON_NAME, SLOT_PROFILE, SLOT_HELO, SLOT_MTA_HOSTNAME,
	SLOT_TLS_VERSION, SLOT_CIPHER, SLOT_CERT_SUBJECT, SLOT_CERT_ISSUER, SLOT_CERT_FP, SLOT_VERIFY,
	SLOT_AUTH_TYPE, SLOT_AUTH_AUTHEN, SLOT_AUTH_AUTHOR, SLOT_COUNT
};

/* An end of message under judgement, listed so that the MTA hears from us meanwhile. */
struct progress_entry {
	struct progress_entry *next, *previous;
	SMFICTX *context;
	int64_t last_ms;	/* when the MTA last heard from us */
};

struct connection {
	struct session *session;
	struct message *message;	/* NULL between messages */
	char *slots[SLOT_COUNT];	/* what the MTA said, replaced in place: a long session does not grow */
	sfsistat quiet_reply;		/* for callbacks with nothing to say: NOREPLY where the MTA agreed to wait for none, else CONTINUE */
	sfsistat rcpt_reply, body_reply, unknown_reply;
	bool leading_space;		/* header values come and go with their leading white space */
	bool no_body;			/* negotiated: bodies do not come at all */
	bool wants_body;		/* of the current message */
	size_t step;			/* the header of the current message, in units of STEP_BYTES: memory is looked at when it changes */
	size_t claimed_bytes;		/* memory set aside for judging the current message (memory.c) */
	bool admitted;			/* false: there was no room for this session, and every message of it gets a temporary failure */
	struct progress_entry progress;
};

/* ---- callbacks.c ---------------------------------------------------------------------------------------------- */

extern const struct smfiDesc assayd_callbacks;

/** Queue id of the current message for the log; "NOQUEUE" before there is one. */
const char *connection_queue_id(const struct connection *connection);

/* ---- macros.c: the only place that reads an MTA macro ---------------------------------------------------------- */

/** Asks the MTA for the macros we read, at negotiation. */
void macros_request(SMFICTX *context);
/** @return whether the MTA says how the client's name resolved: it does of all that connects, and of nothing else. */
bool macros_tell_resolve(SMFICTX *context);
void macros_read_connect(SMFICTX *context, struct connection *connection);
void macros_read_helo(SMFICTX *context, struct connection *connection);
void macros_read_mail(SMFICTX *context, struct connection *connection);
/** What the MTA made of the address of MAIL; borrowed until the callback returns; NULL: it does not say. */
const char *macros_sender(SMFICTX *context);
/** What the MTA made of the recipient under way; borrowed until the callback returns. */
struct recipient_route macros_read_route(SMFICTX *context);
/** Queue id into the current message's facts, as soon as the MTA has one. */
void macros_read_queue_id(SMFICTX *context, struct connection *connection);
/** Size of the whole message, at its end, from an MTA that tells it. */
void macros_read_size(SMFICTX *context, struct connection *connection);
/** Keeps a copy of value (capped; NULL and "" give NULL) in the slot. @return the copy. */
const char *slot_set(struct connection *connection, enum macro_slot slot, const char *value);

/* ---- apply.c -------------------------------------------------------------------------------------------------- */

/** Tells libmilter the reply of an enforced decision. @return SMFIS_REJECT or SMFIS_TEMPFAIL. */
sfsistat apply_reply(SMFICTX *context, const struct connection *connection, const struct decision *decision);
/** Edits, quarantine or reply of a judged message. @return the status for the end of message. */
sfsistat apply_outcome(SMFICTX *context, const struct connection *connection, const struct outcome *outcome);

/* ---- state.c: the engine in force, messages under way ----------------------------------------------------------- */

/** Puts a new engine in force (takes over the caller's reference); the old one goes when its last session ends. */
void state_set_engine(struct engine *engine);
/** @return a reference of the engine in force, to be given back with engine_unref(); NULL at the very end. */
struct engine *state_get_engine(void);
void state_session_began(void);
void state_session_ended(void);
/** From MAIL FROM to the message's end: a stop waits for it. */
void state_message_began(void);
void state_message_ended(void);
/** @return number of messages that ever began. */
uint64_t state_messages_begun(void);
/** Waits until no message is under way, or the time is over. @return whether none is. */
bool state_wait_drained(unsigned timeout_ms);
/** @return number of connections with a session. */
unsigned state_session_count(void);
/** @return number of sessions that ever began. */
uint64_t state_sessions_begun(void);

/* ---- admission.c ---------------------------------------------------------------------------------------------- */

/** Lets sessions in from now on: so many that are judged, and so many more that are only told to come later; further ones wait
 * in the socket's queue.
 * @param reason  what sets that number, for the log: "max-sessions says". Static. */
void admission_open(unsigned sessions, unsigned refusals, const char *reason);
/** A session begins. @return whether it is judged; then its place is given back when it ends. */
bool admission_take(void);
void admission_give_back(void);
/** @return how often the listener had to wait for a place: a sign that it lives although no session begins. */
uint64_t admission_waits(void);

/* ---- resources.c ---------------------------------------------------------------------------------------------- */

/** Raises limits, and arranges what is said when memory runs out; before any config is loaded. */
void resources_begin(void);
/** What the process's memory allows a configuration at most, for its loader. */
void resources_bound(struct config_overrides *overrides);
/** Which part of the process's descriptors an engine of this configuration may use. */
struct engine_share resources_share(const struct config *config);
/** @return 0; EX_OSERR with why_r set when there are too few for any work. */
int resources_check(const struct config *config, char *why_r, size_t why_bytes);
/** One sentence with the figures. @return whether all that is configured fits. */
bool resources_text(const struct config *config, char *text_r, size_t text_bytes);
/** Lets sessions in, as many as the config and the descriptors allow, and tells the log. */
void resources_open(const struct config *config);

/* ---- threads.c ------------------------------------------------------------------------------------------------ */

/** Bounds what a thread's stack and heap may take; before there is any thread. */
void threads_prepare(void);
/** From now on libmilter's threads that cannot be made are started later. @return 0 or -E_SYSTEM. */
int threads_serve(void);
/** @return whether a thread can be made now. */
bool threads_can_be_made(void);
/** @return whether some threads could not be made yet. */
bool threads_are_short(void);

/* ---- memory.c ------------------------------------------------------------------------------------------------- */

/** Finds the limits that there are. */
void memory_watch(void);
/** Begins to look at what this process takes: after the fork, before any thread. */
void memory_begin(void);
/** @return what the process may take, as far as it can tell; UINT64_MAX: no limit. */
uint64_t memory_limit_bytes(void);
/** @return whether there is memory enough to begin a message, or to let one grow. If not the log is told. */
bool memory_has_reserve(void);
/** The same for a known amount, which then counts as used until it is released. */
bool memory_claim(size_t bytes);
void memory_release(size_t bytes);

/* ---- progress.c ----------------------------------------------------------------------------------------------- */

/** Starts the thread. @return 0 or -E_SYSTEM. */
int progress_start(void);
/** Around message_judge(): meanwhile the MTA is told every few seconds that we are alive. */
void progress_begin(struct progress_entry *entry, SMFICTX *context);
void progress_end(struct progress_entry *entry);

/* ---- resolver_watch.c: whether DNS answers ------------------------------------------------------------------------ */

/** Sees whether DNS works and has the log told when that changes; to be called every few seconds. */
void resolver_look(void);
/** A message was judged: counts it among those that an outage of DNS has hit, if it has. */
void resolver_note_message(const struct results *results);

/* ---- brakes.c: enforcement that falls back to tag ------------------------------------------------------------------- */

/** Starts the thread. @return 0 or -E_SYSTEM. */
int brakes_start(void);
/** Nothing is looked at any more. @return whether that was so in time: else its thread still uses the engine. */
bool brakes_stop(void);
/** @return how many brakes are on. */
unsigned brakes_on(void);

/* ---- beside.c: other filters of the same mail ---------------------------------------------------------------------- */

struct beside_counts {		/* messages since the start, by what struct beside says of them (action/beside.h) */
	uint64_t own_on_top, kept, unjudged, twice, relayed;
};
/** A configuration is in force: tells of other filters that are known from their own, and what is to be told once may be told again. */
void beside_begin(const struct config *config);
/** A message was judged: tells, and counts, what it shows of other filters. */
void beside_note_message(const struct connection *connection);
struct beside_counts beside_counts(void);

/* ---- status.c: what the daemon tells of itself ------------------------------------------------------------------- */

/* A HELO name of up to 63 hexadecimal digits and this: `assay` asks whether the MTA asks us. */
#define STATUS_PROBE_SUFFIX ".probe.assay.invalid"

/** Makes the socket, with the rights we were started with; that it cannot is told in the log, and no failure.
 * @param path  NULL: none.
 * @param serving  where the MTA reaches us. */
void status_open(const char *path, const char *config_path, const char *serving, uid_t uid, gid_t gid);
/** Begins to answer, once there is an engine. */
void status_start(void);
void status_close(void);
/** What is told; any thread. */
void status_note_session(void);
void status_note_helo(const struct facts_connection *connection);
void status_note_message(const struct decision *decision);
void status_note_store(enum store_news news, const char *text);
void status_note_dnssec(enum dns_security root, const char *text);

/* ---- probe.c ---------------------------------------------------------------------------------------------------- */

/** Tells the log, when the answer is there, whether DNSSEC can be validated here. Returns at once. */
void probe_dnssec(struct engine *engine);
/** Probes again when the last time failed and is some time ago; to be called every few seconds. */
void probe_look(struct engine *engine);

/* ---- listen.c: the socket --------------------------------------------------------------------------------------- */

/**
 * Makes the listening socket: checks the place first (with words an admin understands), removes a stale unix socket if
 * nothing answers there, and sets rights.
 * @param uid,gid   owner of a unix socket; (uid_t)-1: as created. In a directory with the set-group-id bit the socket keeps
 *                  the directory's group.
 * @return 0, or a sysexits.h code with why_r set.
 */
int listen_open(const char *spec, unsigned umask_bits, uid_t uid, gid_t gid, char *why_r, size_t why_bytes);
/** @return a connection to our own socket that never blocks; -1: there is none now. */
int listen_connect(void);
/** Whether this descriptor is the one on which sessions come. */
bool listen_is_ours(int fd);
/** No new connections from now on; existing ones go on. */
void listen_close(void);

/* ---- process.c: user, pid file, background ------------------------------------------------------------------------ */

struct process_user {
	uid_t uid;
	gid_t gid;
	bool change;		/* we are root and shall become this user */
	const char *name;
};
/** Looks up user and group. @return 0 or a sysexits.h code with why_r set. */
int process_find_user(const char *user, const char *group, struct process_user *user_r, char *why_r, size_t why_bytes);
/** Becomes the user for good. @return 0 or a sysexits.h code with why_r set. */
int process_drop_privileges(const struct process_user *user, char *why_r, size_t why_bytes);
/** Locks and writes the pid file. @return 0 or a sysexits.h code with why_r set. */
int process_write_pid_file(const char *path, char *why_r, size_t why_bytes);
void process_remove_pid_file(void);
/** Forks; the parent stays until process_ready() or the child's end, and exits with its code. @return 0 in the child. */
int process_background(char *why_r, size_t why_bytes);
/** Tells the waiting parent (if any) that the daemon serves; keep_stderr: the log goes there. */
void process_ready(bool keep_stderr);

/* ---- service.c: what systemd hears --------------------------------------------------------------------------------- */

/** The socket listens; the store was opened, or is being. */
void service_begin(const char *socket, struct engine *engine);
/** A new configuration is in force. */
void service_config(struct engine *engine);
/** From the store's writer, at start too. Thread: any. */
void service_store_news(enum store_news news, const char *text);
/** What the DNS servers were found to be, in a few words; whatever they are, it is known now. Thread: any. */
void service_resolver_news(const char *text);
/** @return whether sessions are to wait: the database is still being opened (bounded). */
bool service_waits(void);
/** Tells systemd what is due: that the daemon is ready, a sign of life. @return milliseconds until it must be called again. */
unsigned service_look(void);
void service_end(void);

/* ---- signals.c ---------------------------------------------------------------------------------------------------- */

/** Blocks all signals that the daemon handles; call before any thread is made. */
void signals_block(void);
/** Runs smfi_main() in a thread of its own and serves signals until the end. @return exit code. */
int signals_serve(const char *config_path, const char *socket_override, bool verbose);

/** Tells the log that the store went down or came up again; called by the store's writer. */
void log_store_state(enum store_news news, const char *text);
/** As config_load(), with the daemon's clock (-t). @param generation  what the snapshot is to say of itself. */
const struct config *daemon_load_config(const char *path, unsigned generation, FILE *errors);
/** Tells the log what looks wrong in the config (config/advice.h). */
void log_advice(const struct config *config);
/** Opens the log as the config says. */
void log_open_config(const struct config *config, bool verbose);

#endif
