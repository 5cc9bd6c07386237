/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * libmilter's callbacks, thin: each hands what the MTA said to the pipeline and returns at once; only RCPT (when a policy
 * may refuse there) and the end of the message wait for anything.
 *
 * Order the MTA keeps: negotiate connect helo* (envfrom envrcpt* header* eoh body* eom|abort)* close. HELO comes again after
 * STARTTLS and the last one counts; abort ends the message, not the session; close may come at any time.
 * Replies where no verdict is possible are negotiated away; libmilter fakes that for MTAs which do not know it.
 * Thread: any of libmilter's workers, one at a time for a connection.
 */
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "assayd.h"
#include "metrics.h"
#include "util/clock.h"
#include "util/out_of_memory.h"

static struct connection *connection_get(SMFICTX *context)
{
	return smfi_getpriv(context);
}

const char *connection_queue_id(const struct connection *connection)
{
	const char *id = connection->message != NULL ? message_facts(connection->message)->queue_id : NULL;

	return id != NULL ? id : "NOQUEUE";
}

/* A connection under the engine now in force; NULL when the daemon is at its end. */
static struct connection *connection_new(SMFICTX *context)
{
	struct engine *engine = state_get_engine();
	struct connection *connection;

	if (engine == NULL)
		return NULL;
	connection = calloc(1, sizeof(*connection));
	if (connection == NULL)
		out_of_memory();
	connection->session = session_new(engine);
	if (memory_has_reserve())
		connection->admitted = admission_take();
	else
		metrics_note_session_put_off(PUT_OFF_MEMORY);
	engine_unref(&engine);
	connection->quiet_reply = connection->rcpt_reply = connection->body_reply = connection->unknown_reply = SMFIS_CONTINUE;
	smfi_setpriv(context, connection);
	state_session_began();
	return connection;
}

/* The answer where there is no message, because it was put off: none where the MTA expects none, it is told at the end. */
static sfsistat put_off(sfsistat usual)
{
	return usual == SMFIS_NOREPLY ? SMFIS_NOREPLY : SMFIS_TEMPFAIL;
}

static void connection_end_message(struct connection *connection)
{
	if (connection->message == NULL)
		return;
	message_end(connection->message);
	message_free(&connection->message);
	connection->wants_body = false;
	connection->step = 0;
	memory_release(connection->claimed_bytes);
	connection->claimed_bytes = 0;
	state_message_ended();
}

static sfsistat on_negotiate(SMFICTX *context, unsigned long actions, unsigned long steps, unsigned long unused2,
    unsigned long unused3, unsigned long *actions_r, unsigned long *steps_r, unsigned long *unused2_r,
    unsigned long *unused3_r)
{
	struct connection *connection = connection_get(context);
	/* not at HELO: without any reply Postfix keeps all events back until DATA, and libmilter drops what comes together with
	   the MTA's hanging up, so that a session without mail would never be seen; nor at MAIL, where look-ups begin, while
	   the client goes on with RCPT and DATA. It costs one round trip a session, and one a message. A reply to a piece of
	   the body could only ask to skip the rest: with the few large messages without a signature that saves less than
	   replies to all the others cost. */
	unsigned long quiet = SMFIP_NR_CONN | SMFIP_NR_HDR | SMFIP_NR_EOH | SMFIP_NR_BODY | SMFIP_NR_UNKN;
	const unsigned long wanted = SMFIF_ADDHDRS | SMFIF_CHGHDRS | SMFIF_QUARANTINE;

	(void)unused2;
	(void)unused3;
	if (connection == NULL)
		connection = connection_new(context);
	if (connection == NULL)
		return SMFIS_REJECT;
	if (!connection->admitted) {	/* every event is to come, and to be answered */
		*actions_r = *steps_r = *unused2_r = *unused3_r = 0;
		return SMFIS_CONTINUE;
	}
	if ((actions & wanted) != wanted)
		log_warning("the MTA offers not all of: add header, change header, quarantine (actions 0x%lx)", actions);
	*actions_r = actions & (wanted | SMFIF_SETSYMLIST);
	if ((actions & SMFIF_SETSYMLIST) != 0)
		macros_request(context);
	connection->leading_space = (steps & SMFIP_HDR_LEADSPC) != 0;
	if (!session_acts_at_rcpt(connection->session))
		quiet |= SMFIP_NR_RCPT;
	quiet &= steps;
	connection->quiet_reply = SMFIS_NOREPLY;
	connection->rcpt_reply = (quiet & SMFIP_NR_RCPT) != 0 ? SMFIS_NOREPLY : SMFIS_CONTINUE;
	connection->unknown_reply = (quiet & SMFIP_NR_UNKN) != 0 ? SMFIS_NOREPLY : SMFIS_CONTINUE;
	connection->body_reply = (quiet & SMFIP_NR_BODY) != 0 ? SMFIS_NOREPLY : SMFIS_CONTINUE;
	*steps_r = quiet | (steps & (SMFIP_HDR_LEADSPC | SMFIP_NODATA));
	if (!session_may_want_body(connection->session))
		*steps_r |= steps & SMFIP_NOBODY;
	connection->no_body = (*steps_r & SMFIP_NOBODY) != 0;
	*unused2_r = *unused3_r = 0;
	return SMFIS_CONTINUE;
}

/*
 * Mail that did not come over the network: through a unix socket; from Sendmail's standard input (-bs), which says "localhost"
 * without any address; or from Postfix's cleanup (non_smtpd_milters), which pretends a client at 127.0.0.1 but has no port to
 * tell. Of a connection both MTAs tell whether its name resolved, of the others they do not. A client that is only unknown ("unknown",
 * or a name without an address) is somebody on the network, and is judged.
 */
static bool is_local_submission(const char *name, const struct sockaddr *address, bool resolve_told)
{
	struct ip_addr client = addr_from_sockaddr(address);

	if (address != NULL && address->sa_family == AF_UNIX)
		return true;
	if (resolve_told)
		return false;
	if (client.family == AF_UNSPEC)
		return name != NULL && strcasecmp(name, "localhost") == 0;
	if (!addr_is_loopback(&client))
		return false;
	if (address->sa_family == AF_INET)
		return ((const struct sockaddr_in *)(const void *)address)->sin_port == 0;
	return ((const struct sockaddr_in6 *)(const void *)address)->sin6_port == 0;
}

static sfsistat on_connect(SMFICTX *context, char *hostname, struct sockaddr *address)
{
	struct connection *connection = connection_get(context);
	struct facts_connection *facts;

	if (connection == NULL)		/* "quit, new connection follows": not negotiated again */
		connection = connection_new(context);
	if (connection == NULL || !connection->admitted)
		return SMFIS_TEMPFAIL;
	facts = session_connection(connection->session);
	facts->client = addr_from_sockaddr(address);
	facts->client_name = slot_set(connection, SLOT_CLIENT_NAME, hostname);
	facts->local_submission = is_local_submission(hostname, address, macros_tell_resolve(context));
	facts->client_unknown = facts->client.family == AF_UNSPEC && !facts->local_submission;
	macros_read_connect(context, connection);
	status_note_session();
	return connection->quiet_reply;
}

static sfsistat on_helo(SMFICTX *context, char *name)
{
	struct connection *connection = connection_get(context);

	if (connection == NULL || !connection->admitted)
		return SMFIS_TEMPFAIL;
	connection_end_message(connection);
	session_connection(connection->session)->helo = slot_set(connection, SLOT_HELO, name);
	macros_read_helo(context, connection);
	status_note_helo(session_connection(connection->session));
	return SMFIS_CONTINUE;
}

/*
 * A middlebox that removes STARTTLS overwrites the server's offer and, when the client tries all the same, the command:
 * what arrives is eight times X, the last one A in the form seen most.
 */
static bool is_overwritten_starttls(const char *command)
{
	size_t length = strspn(command, "Xx");

	return (length == 8 || (length == 7 && (command[7] == 'A' || command[7] == 'a'))) &&
	    (command[8] == '\0' || command[8] == ' ' || command[8] == '\r');
}

static sfsistat on_unknown(SMFICTX *context, const char *command)
{
	struct connection *connection = connection_get(context);

	if (connection != NULL && is_overwritten_starttls(command))
		session_connection(connection->session)->starttls_mangled = true;
	return connection != NULL ? connection->unknown_reply : SMFIS_CONTINUE;
}

/* Whether the word stands, without a value, among MAIL's arguments, the first of which is the address. */
static bool asks_for(char *const *arguments, const char *word)
{
	for (size_t i = 1; arguments[0] != NULL && arguments[i] != NULL; i++)
		if (strcasecmp(arguments[i], word) == 0)
			return true;
	return false;
}

static sfsistat on_envfrom(SMFICTX *context, char **arguments)
{
	struct connection *connection = connection_get(context);

	if (connection == NULL)
		return SMFIS_TEMPFAIL;
	connection_end_message(connection);
	if (!connection->admitted)
		return SMFIS_TEMPFAIL;
	if (!memory_has_reserve()) {	/* no message: whatever comes of it is put off, too */
		metrics_note_message_put_off();
		return SMFIS_TEMPFAIL;
	}
	macros_read_mail(context, connection);
	connection->message = message_new_resolved(connection->session, arguments[0] != NULL ? arguments[0] : "",
	    macros_sender(context), session_config(connection->session)->dns.clock);
	message_facts(connection->message)->smtputf8 = asks_for(arguments, "SMTPUTF8");	/* RFC 6531 section 3.4 */
	message_facts(connection->message)->requiretls = asks_for(arguments, "REQUIRETLS");	/* RFC 8689 section 2 */
	state_message_began();
	macros_read_queue_id(context, connection);
	return SMFIS_CONTINUE;
}

static sfsistat on_envrcpt(SMFICTX *context, char **arguments)
{
	struct connection *connection = connection_get(context);
	const char *recipient = arguments[0] != NULL ? arguments[0] : "";
	struct recipient_route route;
	struct decision decision;

	if (connection == NULL || connection->message == NULL)
		return put_off(connection != NULL ? connection->rcpt_reply : SMFIS_TEMPFAIL);
	macros_read_queue_id(context, connection);
	route = macros_read_route(context);
	message_recipient_resolved(connection->message, recipient, &route, &decision);
	if (!decision_refuses(&decision))
		return connection->rcpt_reply;
	metrics_note_recipient_refused(&decision);
	log_info("%s", message_log_refused(connection->message, recipient, &decision));
	return apply_reply(context, connection, &decision);
}

enum {
	STEP_BYTES = 128 * 1024,
	JUDGING_FACTOR = 2,		/* authors read, signed fields copied: as much again as the header, and some */
};

static void put_off_message(struct connection *connection)
{
	metrics_note_message_put_off();
	connection_end_message(connection);
}

/* A message whose header gets large is put off when memory gets short: what it has is needed by others. */
static bool may_grow(struct connection *connection)
{
	size_t step = message_facts(connection->message)->header_bytes / STEP_BYTES;

	if (step == connection->step)
		return true;
	connection->step = step;
	if (memory_has_reserve())
		return true;
	put_off_message(connection);
	return false;
}

static bool may_be_judged(struct connection *connection)
{
	size_t bytes = (size_t)message_facts(connection->message)->header_bytes;

	if (bytes < STEP_BYTES)
		return true;
	if (!memory_claim(bytes * JUDGING_FACTOR)) {
		put_off_message(connection);
		return false;
	}
	connection->claimed_bytes = bytes * JUDGING_FACTOR;
	return true;
}

static sfsistat on_header(SMFICTX *context, char *name, char *value)
{
	struct connection *connection = connection_get(context);

	if (connection == NULL || connection->message == NULL)
		return put_off(connection != NULL ? connection->quiet_reply : SMFIS_TEMPFAIL);
	message_field(connection->message, name, value, strlen(value));
	if (!may_grow(connection))
		return put_off(connection->quiet_reply);
	return connection->quiet_reply;
}

static sfsistat on_eoh(SMFICTX *context)
{
	struct connection *connection = connection_get(context);

	if (connection == NULL || connection->message == NULL)
		return put_off(connection != NULL ? connection->quiet_reply : SMFIS_TEMPFAIL);
	if (!may_be_judged(connection))
		return put_off(connection->quiet_reply);
	connection->wants_body = message_header_done(connection->message);
	if (connection->no_body)
		message_body_unread(connection->message, 0, true);
	return connection->quiet_reply;
}

static sfsistat on_body(SMFICTX *context, unsigned char *data, size_t length)
{
	struct connection *connection = connection_get(context);

	if (connection == NULL || connection->message == NULL)
		return put_off(connection != NULL ? connection->body_reply : SMFIS_TEMPFAIL);
	if (connection->wants_body)
		message_body(connection->message, data, length);
	else
		message_body_unread(connection->message, length, false);
	return connection->body_reply;
}

static sfsistat on_eom(SMFICTX *context)
{
	struct connection *connection = connection_get(context);
	const struct outcome *outcome;
	int64_t begun_us = clock_monotonic_us();
	sfsistat status;

	if (connection == NULL || connection->message == NULL)
		return SMFIS_TEMPFAIL;
	macros_read_queue_id(context, connection);
	macros_read_size(context, connection);
	progress_begin(&connection->progress, context);
	outcome = message_judge(connection->message);
	progress_end(&connection->progress);
	metrics_note_message(connection->message, &outcome->decision, (uint64_t)(clock_monotonic_us() - begun_us));
	status = apply_outcome(context, connection, outcome);
	log_info("%s", outcome->log_line);
	status_note_message(&outcome->decision);
	resolver_note_message(message_results(connection->message));
	beside_note_message(connection);
	connection_end_message(connection);
	return status;
}

static sfsistat on_abort(SMFICTX *context)
{
	struct connection *connection = connection_get(context);

	if (connection != NULL)
		connection_end_message(connection);
	return SMFIS_CONTINUE;
}

static sfsistat on_close(SMFICTX *context)
{
	struct connection *connection = connection_get(context);

	if (connection == NULL)
		return SMFIS_CONTINUE;
	smfi_setpriv(context, NULL);
	connection_end_message(connection);
	session_free(&connection->session);
	if (connection->admitted)
		admission_give_back();
	for (size_t i = 0; i < SLOT_COUNT; i++)
		free(connection->slots[i]);
	free(connection);
	state_session_ended();
	return SMFIS_CONTINUE;
}

static char filter_name[] = "assayd";

const struct smfiDesc assayd_callbacks = {
	.xxfi_name = filter_name,
	.xxfi_version = SMFI_VERSION,
	.xxfi_flags = SMFIF_ADDHDRS | SMFIF_CHGHDRS | SMFIF_QUARANTINE | SMFIF_SETSYMLIST,
	.xxfi_connect = on_connect,
	.xxfi_helo = on_helo,
	.xxfi_envfrom = on_envfrom,
	.xxfi_envrcpt = on_envrcpt,
	.xxfi_header = on_header,
	.xxfi_eoh = on_eoh,
	.xxfi_body = on_body,
	.xxfi_eom = on_eom,
	.xxfi_abort = on_abort,
	.xxfi_close = on_close,
	.xxfi_unknown = on_unknown,
	.xxfi_negotiate = on_negotiate,
};
