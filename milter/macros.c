/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Macros → facts: the only place that reads an MTA macro. Trusts the MTA for their truth, not for their size.
 * What each MTA hands over, and when: Postfix MILTER_README "macros", Sendmail libmilter documentation; a macro that is
 * missing leaves its fact NULL ("the MTA did not say").
 * Strings live in the connection's slots and are replaced in place. They change at HELO and MAIL only, when no message is
 * under way that could look at them.
 * Thread: the connection's.
 */
#include <stdlib.h>
#include <string.h>

#include "assayd.h"
#include "util/out_of_memory.h"

enum { SLOT_MAX_BYTES = 4096 };

#define TLS_MACROS "{tls_version} {cipher} {cipher_bits} {cert_subject} {cert_issuer} {cn_subject} {cn_issuer} {cert_fp} {verify}"

/* smfi_setsymlist() and smfi_getsymval() want char *, and do not write. */
static char connect_macros[] = "j {daemon_name} {assay_profile} {client_ptr} {client_resolve}";
static char helo_macros[] = TLS_MACROS;
static char mail_macros[] = "i {mail_addr} {auth_type} {auth_authen} {auth_author} " TLS_MACROS;
static char rcpt_macros[] = "i {rcpt_addr} {rcpt_host}";
static char eom_macros[] = "i {msg_size}";	/* of Sendmail; before the end it is what the client claims */

void macros_request(SMFICTX *context)
{
	(void)smfi_setsymlist(context, SMFIM_CONNECT, connect_macros);
	(void)smfi_setsymlist(context, SMFIM_HELO, helo_macros);
	(void)smfi_setsymlist(context, SMFIM_ENVFROM, mail_macros);
	(void)smfi_setsymlist(context, SMFIM_ENVRCPT, rcpt_macros);
	(void)smfi_setsymlist(context, SMFIM_EOM, eom_macros);
}

const char *slot_set(struct connection *connection, enum macro_slot slot, const char *value)
{
	char **text = &connection->slots[slot];

	if (value == NULL || *value == '\0') {
		free(*text);
		*text = NULL;
		return NULL;
	}
	if (*text != NULL && strcmp(*text, value) == 0)
		return *text;
	free(*text);
	*text = strndup(value, SLOT_MAX_BYTES);
	if (*text == NULL)
		out_of_memory();
	return *text;
}

static const char *macro(SMFICTX *context, const char *name)
{
	char braced[32];
	size_t length = strlen(name);

	if (length >= sizeof(braced))
		return NULL;
	memcpy(braced, name, length + 1);
	return smfi_getsymval(context, braced);
}

static const char *macro_or(SMFICTX *context, const char *name, const char *other)
{
	const char *value = macro(context, name);

	return value != NULL && *value != '\0' ? value : macro(context, other);
}

static unsigned macro_number(SMFICTX *context, const char *name)
{
	const char *value = macro(context, name);
	unsigned long number = value != NULL ? strtoul(value, NULL, 10) : 0;

	return number <= 1000000 ? (unsigned)number : 0;
}

void macros_read_connect(SMFICTX *context, struct connection *connection)
{
	struct facts_connection *facts = session_connection(connection->session);

	facts->mta_hostname = slot_set(connection, SLOT_MTA_HOSTNAME, macro(context, "j"));
	facts->daemon_name = slot_set(connection, SLOT_DAEMON_NAME, macro(context, "{daemon_name}"));
	facts->profile = slot_set(connection, SLOT_PROFILE, macro(context, "{assay_profile}"));
	facts->client_ptr = slot_set(connection, SLOT_CLIENT_PTR, macro(context, "{client_ptr}"));
}

bool macros_tell_resolve(SMFICTX *context)
{
	return macro(context, "{client_resolve}") != NULL;
}

void macros_read_helo(SMFICTX *context, struct connection *connection)
{
	struct facts_tls *tls = &session_connection(connection->session)->tls;

	tls->version = slot_set(connection, SLOT_TLS_VERSION, macro(context, "{tls_version}"));
	tls->cipher = slot_set(connection, SLOT_CIPHER, macro(context, "{cipher}"));
	tls->bits = macro_number(context, "{cipher_bits}");
	tls->cert_subject = slot_set(connection, SLOT_CERT_SUBJECT, macro_or(context, "{cert_subject}", "{cn_subject}"));
	tls->cert_issuer = slot_set(connection, SLOT_CERT_ISSUER, macro_or(context, "{cert_issuer}", "{cn_issuer}"));
	tls->cert_fingerprint = slot_set(connection, SLOT_CERT_FP, macro(context, "{cert_fp}"));
	tls->verify = slot_set(connection, SLOT_VERIFY, macro(context, "{verify}"));
}

void macros_read_mail(SMFICTX *context, struct connection *connection)
{
	struct facts_connection *facts = session_connection(connection->session);

	if (facts->mta_hostname == NULL)
		macros_read_connect(context, connection);
	macros_read_helo(context, connection);
	facts->auth.mechanism = slot_set(connection, SLOT_AUTH_TYPE, macro(context, "{auth_type}"));
	facts->auth.user = slot_set(connection, SLOT_AUTH_AUTHEN, macro(context, "{auth_authen}"));
	facts->auth.author = slot_set(connection, SLOT_AUTH_AUTHOR, macro(context, "{auth_author}"));
}

const char *macros_sender(SMFICTX *context)
{
	return macro(context, "{mail_addr}");
}

struct recipient_route macros_read_route(SMFICTX *context)
{
	return (struct recipient_route){ .address = macro(context, "{rcpt_addr}"), .host = macro(context, "{rcpt_host}") };
}

void macros_read_queue_id(SMFICTX *context, struct connection *connection)
{
	struct facts *facts = message_facts(connection->message);
	const char *id;

	if (facts->queue_id != NULL)
		return;
	id = macro(context, "i");
	if (id != NULL && *id != '\0')
		facts->queue_id = arena_strndup(facts->arena, id, strnlen(id, 128));
}

void macros_read_size(SMFICTX *context, struct connection *connection)
{
	const char *value = macro(context, "{msg_size}");

	if (value != NULL && value[0] >= '0' && value[0] <= '9')
		message_facts(connection->message)->told_bytes = strtoull(value, NULL, 10);
}
