/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The message: from MAIL FROM to the end of the body. Collects the facts under the caps of the config and passes each
 * station on to the checks; recipients are in recipient.c, what comes of it all in judge.c.
 * Trusts nothing: sizes are capped here (header fields, header bytes, address length), NUL bytes, stray CRs
 * and over-long lines are noted as malformed. Cannot fail: memory that is out aborts, therefore the caps.
 * Thread: the connection's.
 */
#include <limits.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "message/body.h"
#include "message/sender.h"
#include "pipeline/internal.h"
#include "pipeline/known.h"
#include "pipeline/remember.h"
#include "pipeline/trace.h"
#include "util/domain.h"

enum {
	FIRST_FIELD_ROOM = 32,
	RECORD_BYTES = 2048,		/* of Postfix's queue file: a longer line takes several */
};

static const char *address_keep(struct message *message, const char *text, size_t length)
{
	if (length > ADDRESS_MAX_BYTES) {	/* the domain, at its end, is what policies go by */
		text += length - ADDRESS_MAX_BYTES;
		length = ADDRESS_MAX_BYTES;
		message->facts.malformed = message->facts.address_cut = true;
	}
	return arena_strndup(message->arena, text, length);
}

const char *message_address_copy(struct message *message, const char *text)
{
	size_t length = strlen(text);

	if (length >= 2 && text[0] == '<' && text[length - 1] == '>')
		return address_keep(message, text + 1, length - 2);
	return address_keep(message, text, length);
}

static const char *address_domain(struct message *message, const char *address)
{
	const char *at = strrchr(address, '@');

	if (at == NULL || at[1] == '\0')
		return NULL;
	return domain_normalize(message->arena, at + 1, strlen(at + 1));
}

struct message *message_new_resolved(struct session *session, const char *mail_from, const char *resolved,
    const struct clock *clock)
{
	struct arena *arena = arena_new();
	struct message *message = arena_calloc(arena, 1, sizeof(*message));
	struct engine *engine = session->engine;

	message->session = session;
	message->config = engine->config;
	message->arena = arena;
	message->facts.arena = arena;
	message->facts.connection = &session->connection;
	message->facts.time_secs = clock_wall_secs(clock);
	mail_from = sender_find_address(arena, mail_from, resolved);
	message->facts.mail_from = address_keep(message, mail_from, strlen(mail_from));
	message->facts.mail_from_domain = address_domain(message, message->facts.mail_from);
	message->results = arena_alloc(arena, sizeof(*message->results));
	memset(message->results, 0, offsetof(struct results, findings));
	message->dns_left_ms = message->config->dns_deadline_ms;
	message->reference = trace_reference(message);
	message->results->exempt_reason = message_exempt_reason(message);
	message->results->exempt = message->results->exempt_reason != NULL;
	message->context = (struct check_context){
		.config = message->config, .shared = &engine->shared, .facts = &message->facts,
		.author = &message->author, .arena = arena, .results = message->results,
		/* no deadline while the client talks, who may take hours: it counts while somebody waits (judge.c) */
		.dns = dns_scope_new_limited(engine->shared.resolver, &(struct dns_limits){
			.max_lookups = message->config->max_dns_lookups, .max_queries = message->config->max_dns_queries,
			.by_purpose = true, .client = &session->connection.client }),
	};
	if (message->results->exempt)
		return message;
	for (size_t i = 0; i < CHECK_COUNT; i++) {
		if (checks_table[i]->envelope != NULL)
			checks_table[i]->envelope(&message->context);
	}
	known_begin(message);
	return message;
}

struct message *message_new(struct session *session, const char *mail_from, const struct clock *clock)
{
	return message_new_resolved(session, mail_from, NULL, clock);
}

void message_end(struct message *message)
{
	struct shared_store *store = message->session->engine->store;

	if (message->ended)
		return;
	message->ended = true;
	known_end(message);
	if (message->outcome_made) {
		remember_message(store, message, &message->outcome.decision, &message->evidence);
		remember_feedback(store, message, &message->outcome.decision);
		remember_failure(store, message);
	} else if (message->refused_count != 0 && message->facts.recipient_count == 0) {
		remember_refused(store, message);	/* all recipients were refused: it ended there */
	}
	if (message->reference != NULL)
		trace_end(message);
}

void message_free(struct message **message)
{
	struct message *old = *message;
	struct arena *arena;

	*message = NULL;
	if (old == NULL)
		return;
	/* Continuations of the scope may still run on the I/O thread: they must end before the state they use goes. */
	dns_scope_free(&old->context.dns);
	for (size_t i = 0; i < CHECK_COUNT; i++) {
		if (checks_table[i]->release != NULL && !old->results->exempt)
			checks_table[i]->release(&old->context);
	}
	arena = old->arena;
	arena_free(&arena);
}

struct facts *message_facts(struct message *message)
{
	return &message->facts;
}

const struct results *message_results(const struct message *message)
{
	return message->results;
}

uint64_t message_dns_waited_us(const struct message *message)
{
	return dns_scope_waited_us(message->context.dns);
}

const struct author *message_author(const struct message *message)
{
	return &message->author;
}

const struct beside *message_beside(const struct message *message)
{
	return &message->beside;
}

struct arena *message_arena(struct message *message)
{
	return message->arena;
}

bool message_acts_at_rcpt(const struct message *message)
{
	return message->session->engine->acts_at_rcpt && !message->results->exempt;
}

/* Occurrence number of a new field: one more than the last field of the same name. */
static unsigned field_occurrence(const struct message *message, const char *name, size_t name_length)
{
	for (size_t i = message->facts.field_count; i > 0; i--) {
		const struct header_field *field = &message->fields[i - 1];

		if (field->name_length == name_length && strncasecmp(field->name, name, name_length) == 0)
			return field->occurrence + 1;
	}
	return 1;
}

/* What no verdict hangs on has no room behind the caps, nor what only helps a message (X-Forwarded-, Resent-). */
static const struct { const char *name; enum field_kind kind; } kinds[] = {
	{ "From", FIELD_FROM }, { "Authentication-Results", FIELD_AUTHRES }, { "DKIM-Signature", FIELD_JUDGED },
	{ "Sender", FIELD_JUDGED }, { "TLS-Required", FIELD_JUDGED }, { "List-Id", FIELD_JUDGED }, { "List-Post", FIELD_JUDGED },
	{ "Mailing-List", FIELD_JUDGED }, { "Precedence", FIELD_JUDGED }, { "ARC-Seal", FIELD_JUDGED },
	{ "ARC-Message-Signature", FIELD_JUDGED }, { "ARC-Authentication-Results", FIELD_JUDGED },
	{ "Received", FIELD_JUDGED },
};

/* Mostly the first letter tells that it is another one. */
static bool may_read_as(const char *name, const char *wanted)
{
	bool letter = (name[0] >= 'a' && name[0] <= 'z') || (name[0] >= 'A' && name[0] <= 'Z');

	return !letter || ((name[0] ^ wanted[0]) & 0x1f) == 0;	/* 0x1f: a letter, whatever its case */
}

static enum field_kind field_kind(const char *name, size_t length)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (may_read_as(name, kinds[i].name) && facts_name_reads_as(name, length, kinds[i].name))
			return kinds[i].kind;
	return FIELD_COMMON;
}

/*
 * Fields over the caps are not kept, but for those by which a forger would profit from hiding them behind two thousand
 * others: author addresses, fields in our own name that must be deleted, and what else is judged. Each kind has as much room
 * again for itself, so that none can be pushed out by another.
 */
static bool field_has_room(struct message *message, const char *name, enum field_kind kind, size_t bytes)
{
	const struct config *config = message->config;

	if (message->facts.field_count < config->max_header_fields && message->facts.header_bytes <= config->max_header_bytes)
		return true;
	message->facts.fields_truncated = true;
	/* once one was not kept, the numbers of later ones would be wrong: they are only counted */
	if (message->facts.authres_unkept != 0 && strcasecmp(name, "Authentication-Results") == 0)
		return false;
	if (kind == FIELD_COMMON || message->over_cap[kind].fields >= config->max_header_fields ||
	    message->over_cap[kind].bytes + bytes > config->max_header_bytes)
		return false;
	message->over_cap[kind].fields++;
	message->over_cap[kind].bytes += bytes;
	return true;
}

static void field_unkept(struct message *message, const char *name, enum field_kind kind)
{
	message->facts.authres_unkept += strcasecmp(name, "Authentication-Results") == 0;
	message->facts.authres_unread = message->facts.authres_unread || kind == FIELD_AUTHRES;
	message->facts.from_unkept = message->facts.from_unkept || kind == FIELD_FROM;
	message->facts.judged_unkept = message->facts.judged_unkept || kind == FIELD_JUDGED;
}

static bool field_name_valid(const char *name, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		if (name[i] < 33 || name[i] == 127 || name[i] == ':')	/* RFC 5322 section 3.6.8; char is signed */
			return false;
	}
	return length != 0;
}

/*
 * One look at a value. @param malformed_r  whether it has a line over the limit, a NUL, or a CR (folds come as LF, so any CR is a
 * stray one). @return its lines as an MTA keeps them.
 */
static unsigned field_look(const char *value, size_t length, size_t name_length, bool *malformed_r)
{
	size_t lines = 1 + length / RECORD_BYTES, line = name_length + 1;	/* the first line holds "Name:" */
	const char *at = value, *end = value + length, *lf;

	*malformed_r = memchr(value, '\r', length) != NULL || memchr(value, '\0', length) != NULL;
	while ((lf = memchr(at, '\n', (size_t)(end - at))) != NULL) {
		*malformed_r = *malformed_r || (lf != at && line + (size_t)(lf - at) > MESSAGE_LINE_MAX_BYTES);
		line = 0;
		lines++;
		at = lf + 1;
	}
	*malformed_r = *malformed_r || (end != at && line + (size_t)(end - at) > MESSAGE_LINE_MAX_BYTES);
	return lines < UINT_MAX ? (unsigned)lines : UINT_MAX;
}

static void lines_add(struct message *message, unsigned lines)
{
	unsigned *total = &message->facts.header_lines;

	*total = *total <= UINT_MAX - lines ? *total + lines : UINT_MAX;
}

static void fields_grow(struct message *message)
{
	size_t room = message->field_room == 0 ? FIRST_FIELD_ROOM : message->field_room * 2;
	struct header_field *fields = arena_calloc(message->arena, room, sizeof(*fields));

	if (message->facts.field_count != 0)
		memcpy(fields, message->fields, message->facts.field_count * sizeof(*fields));
	message->fields = fields;
	message->field_room = room;
	message->facts.fields = fields;
}

void message_field(struct message *message, const char *name, const char *value, size_t value_length)
{
	size_t name_length = strlen(name);
	size_t bytes = name_length + value_length + 3;	/* ":" and CRLF */
	enum field_kind kind = field_kind(name, name_length);
	bool malformed;
	unsigned lines = field_look(value, value_length, name_length, &malformed);
	struct header_field *field;
	char *copy;

	message->facts.header_bytes += bytes;
	lines_add(message, lines);
	malformed = malformed || !field_name_valid(name, name_length);
	message->facts.malformed = message->facts.malformed || malformed;
	if (message->header_done)
		return;
	if (!field_has_room(message, name, kind, bytes)) {
		field_unkept(message, name, kind);
		return;
	}
	if (message->facts.field_count == message->field_room)
		fields_grow(message);
	copy = arena_strndup(message->arena, value, value_length);
	for (char *nul = copy; malformed && (nul = memchr(nul, '\0', (size_t)(copy + value_length - nul))) != NULL;)
		*nul = '\1';	/* the promise of facts.h: no NUL inside; no grammar takes this one either */
	field = &message->fields[message->facts.field_count];
	*field = (struct header_field){
		.name = arena_strndup(message->arena, name, name_length), .value = copy,
		.name_length = name_length, .value_length = value_length,
		.occurrence = field_occurrence(message, name, name_length),
		.line = message->facts.header_lines - lines + 1,
	};
	message->facts.field_count++;
}

bool message_header_done(struct message *message)
{
	bool wanted = message->session->engine->wants_every_body;

	if (message->header_done)
		return false;
	message->header_done = true;
	author_parse(&message->facts, &message->author);
	if (message->results->exempt)
		return false;
	for (size_t i = 0; i < CHECK_COUNT; i++) {
		if (checks_table[i]->header == NULL)
			continue;
		message->wants_body[i] = checks_table[i]->header(&message->context);
		wanted = wanted || message->wants_body[i];
	}
	return wanted;
}

void message_body(struct message *message, const void *data, size_t length)
{
	if (length == 0)
		return;
	body_count(&message->facts, &message->body_line_bytes, data, length);
	for (size_t i = 0; i < CHECK_COUNT; i++) {
		if (message->wants_body[i] && checks_table[i]->body != NULL)
			checks_table[i]->body(&message->context, data, length);
	}
}

void message_body_unread(struct message *message, size_t length, bool more)
{
	message->facts.body_bytes += length;
	message->facts.body_unread = message->facts.body_unread || more;
}
