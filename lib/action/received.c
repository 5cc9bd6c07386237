/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Trace fields: a Received line that records TLS, and Received-SPF. All text of the sender's is either a plain domain,
 * address or atom, or it goes into a comment or quoted string, or it is left out. Pure. Thread: the message's.
 */
#include <string.h>
#include <strings.h>
#include <time.h>

#include "action/action.h"
#include "action/field.h"
#include "util/clean.h"
#include "util/decimal.h"

enum { VERSION_SHOWN = 30 };

static void put_two(char *at, int number)
{
	at[0] = (char)('0' + number / 10);
	at[1] = (char)('0' + number % 10);
}

/* RFC 5322 section 3.3, in UTC and without the locale's help. */
static const char *date_time(struct arena *arena, int64_t secs)
{
	static const char *const days[] = { "Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat" };
	static const char *const months[] = {
		"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"
	};
	char clock[] = "00:00:00", day[DECIMAL_BYTES], year[DECIMAL_BYTES];
	time_t time = (time_t)secs;
	struct tm tm;

	if (gmtime_r(&time, &tm) == NULL || tm.tm_year + 1900 > 9999 || tm.tm_year + 1900 < 1900) {
		time = 0;
		gmtime_r(&time, &tm);
	}
	put_two(clock, tm.tm_hour);
	put_two(clock + 3, tm.tm_min);
	put_two(clock + 6, tm.tm_sec);
	return arena_join(arena, days[tm.tm_wday], ", ", decimal((uint64_t)tm.tm_mday, day), " ", months[tm.tm_mon], " ",
	    decimal((uint64_t)tm.tm_year + 1900, year), " ", clock, " +0000", NULL);
}

/* "[192.0.2.1]", "[IPv6:2001:db8::1]" (RFC 5321 section 4.1.3). */
static const char *address_literal(struct arena *arena, const struct ip_addr *addr)
{
	char text[ADDR_TEXT_BYTES];

	addr_format(addr, text);
	return arena_concat(arena, addr->family == AF_INET6 ? "[IPv6:" : "[", text, "]");
}

/* The HELO name where it is a domain or the client's own literal; else "unknown". */
static const char *from_domain(const struct facts_connection *connection, struct arena *arena)
{
	const char *literal = address_literal(arena, &connection->client);

	if (connection->helo == NULL)
		return "unknown";
	if (field_is_domain(connection->helo))
		return connection->helo;
	return strcasecmp(connection->helo, literal) == 0 ? literal : "unknown";
}

/* "(name [192.0.2.1])"; the name only when it is one. */
static void put_tcp_info(struct field *field, const struct facts_connection *connection, struct arena *arena)
{
	const char *name = connection->client_name, *literal = address_literal(arena, &connection->client);

	if (connection->client.family == AF_UNSPEC)
		return;
	if (name != NULL && field_is_domain(name) && strcasecmp(name, "unknown") != 0) {
		field_token(field, arena_concat(arena, "(", name, ""));
		field_token(field, arena_concat(arena, literal, ")", ""));
	} else {
		field_token(field, arena_concat(arena, "(", literal, ")"));
	}
}

/* Postfix' smtpd_hide_client_session is not told to milters: the administrator says it to us too. */
static bool client_is_hidden(const struct action_input *input)
{
	return input->config->hide_client == HIDE_CLIENT_YES ||
	    (input->config->hide_client == HIDE_CLIENT_AUTHENTICATED && input->facts->connection->auth.mechanism != NULL);
}

/*
 * Version, bits and what the MTA says of the client certificate (RFC 3207 section 4.1). Postfix hands over trusted certificates
 * alone: where it hands over none, there may have been one.
 */
static const char *tls_comment(const struct action_input *input)
{
	const struct tls_result *tls = &input->results->tls;
	struct buf buf = buf_make(input->facts->arena);

	buf_append(&buf, tls->version, strnlen(tls->version, VERSION_SHOWN));
	if (tls->bits != 0) {
		buf_puts(&buf, ", ");
		buf_put_uint(&buf, tls->bits);
		buf_puts(&buf, " bits");
	}
	if (tls->cert_status == CERT_NONE && tls->cert_subject == NULL) {
		buf_puts(&buf, input->facts->connection->tls.verify != NULL ? ", no client certificate" :
		    ", no trusted client certificate");
		return buf.data;
	}
	if (client_is_hidden(input)) {
		buf_printf(&buf, ", client certificate %s", tls->cert_status == CERT_TLSA ? "proven by TLSA" :
		    cert_status_name(tls->cert_status));
		return buf.data;
	}
	if (tls->cert_status == CERT_TLSA) {	/* its names are nobody's word; they are not told */
		buf_printf(&buf, ", client certificate proven by TLSA of %.255s", tls_proven_name(tls));
		return buf.data;
	}
	buf_printf(&buf, ", client certificate %s", cert_status_name(tls->cert_status));
	if (tls->cert_subject != NULL)
		buf_printf(&buf, ", subject %.100s", tls->cert_subject);
	if (tls->cert_issuer != NULL)
		buf_printf(&buf, ", issuer %.100s", tls->cert_issuer);
	return buf.data;
}

/* Cipher suite name of RFC 8314 section 4.3: letters, digits and underscores; NULL when there is none to tell. */
static const char *tls_suite(const struct tls_result *tls)
{
	const char *name = tls->cipher != NULL ? cipher_iana_name(tls->cipher) : NULL;

	if (name == NULL)
		name = tls->cipher;
	if (name == NULL || name[0] == '\0' || strlen(name) > 80)
		return NULL;
	return name[strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_")] == '\0' ? name : NULL;
}

/* Only with one recipient (else it would tell them of each other), and only when it is a plain address. */
static const char *for_address(const struct facts *facts)
{
	const char *address, *at;

	if (facts->recipient_count != 1)
		return NULL;
	address = facts->recipients[0];
	at = strrchr(address, '@');
	if (at == NULL || !field_is_domain(at + 1) || !field_is_dot_atom(at + 1, strlen(at + 1)) ||
	    !field_is_dot_atom(address, (size_t)(at - address)))
		return NULL;
	/* valid UTF-8 and short */
	return strcmp(clean_field(facts->arena, address, FIELD_VALUE_MAX), address) == 0 ? address : NULL;
}

/* RFC 3848, RFC 6531 section 4.3. */
static const char *protocol(const struct facts *facts)
{
	bool authenticated = facts->connection->auth.mechanism != NULL;

	if (facts->smtputf8)
		return authenticated ? "UTF8SMTPSA" : "UTF8SMTPS";
	return authenticated ? "ESMTPSA" : "ESMTPS";
}

static void put_id(struct field *field, const char *queue_id)
{
	if (queue_id != NULL && field_is_domain(queue_id) && strlen(queue_id) <= 64 && field_is_dot_atom(queue_id, strlen(queue_id)))
		field_token(field, arena_concat(field->buf.arena, "id ", queue_id, ""));
}

const char *received_build(const struct action_input *input)
{
	const struct facts *facts = input->facts;
	const struct facts_connection *connection = facts->connection;
	const struct tls_result *tls = &input->results->tls;
	struct field field = field_make(facts->arena, strlen("Received:"));
	const char *address = for_address(facts), *suite = tls_suite(tls);

	if (!tls->checked || tls->version == NULL)
		return NULL;
	if (!client_is_hidden(input)) {
		field_token(&field, arena_concat(facts->arena, "from ", from_domain(connection, facts->arena), ""));
		put_tcp_info(&field, connection, facts->arena);
		field_fold(&field);
	}
	field_token(&field, arena_concat(facts->arena, "by ", field_is_domain(input->authserv_id) ? input->authserv_id : "unknown", ""));
	field_token(&field, "(Assay)");
	field_token(&field, arena_concat(facts->arena, "with ", protocol(facts), ""));
	field_comment(&field, tls_comment(input));
	put_id(&field, facts->queue_id);
	if (address != NULL)
		field_token(&field, arena_concat(facts->arena, "for <", address, ">"));
	if (suite != NULL)
		field_token(&field, arena_concat(facts->arena, "tls ", suite, ""));
	field_glue(&field, ";");
	field_fold(&field);
	field_token(&field, date_time(facts->arena, facts->time_secs));
	return field.buf.data;
}

/* What the result says, in words (RFC 7208 section 9.1 shows them as comments). */
static const char *spf_sentence(const struct spf_result *spf, const char *client, struct arena *arena)
{
	const char *domain = spf->domain != NULL ? spf->domain : "unknown";

	switch (spf->result) {
	case RESULT_PASS:
		return arena_printf(arena, "domain of %.255s designates %s as permitted sender", domain, client);
	case RESULT_FAIL:
		return arena_printf(arena, "domain of %.255s does not designate %s as permitted sender", domain, client);
	case RESULT_SOFTFAIL:
		return arena_printf(arena, "domain of %.255s probably does not designate %s as permitted sender", domain, client);
	case RESULT_NEUTRAL:
		return arena_printf(arena, "domain of %.255s says nothing about %s", domain, client);
	case RESULT_NONE:
		return arena_printf(arena, "domain of %.255s does not designate permitted senders", domain);
	default:
		return arena_printf(arena, "error in processing the record of %.255s", domain);
	}
}

static void put_pair(struct field *field, const char *key, const char *value, bool last)
{
	if (value == NULL)
		return;
	field_token(field, arena_join(field->buf.arena, key, "=", field_dot_atom(field->buf.arena, value), last ? "" : ";", NULL));
}

const char *received_spf_build(const struct action_input *input)
{
	const struct facts *facts = input->facts;
	const struct spf_result *spf = &input->results->spf;
	struct field field = field_make(facts->arena, strlen("Received-SPF:"));
	bool error = spf->result == RESULT_PERMERROR || spf->result == RESULT_TEMPERROR;
	char client[ADDR_TEXT_BYTES];

	if (spf->result == RESULT_UNCHECKED)
		return NULL;
	addr_format(&facts->connection->client, client);
	field_token(&field, result_name(spf->result));
	field_comment(&field, arena_printf(facts->arena, "%.255s: %s", input->authserv_id,
	    spf_sentence(spf, client, facts->arena)));
	field_fold(&field);
	put_pair(&field, "receiver", input->authserv_id, false);
	put_pair(&field, "client-ip", client, false);
	put_pair(&field, "envelope-from", facts->mail_from, false);
	put_pair(&field, "helo", facts->connection->helo, false);
	if (error)
		put_pair(&field, "problem", spf->reason, false);
	else if (spf->result != RESULT_NONE)
		put_pair(&field, "mechanism", spf->mechanism, false);
	put_pair(&field, "identity", spf->scope == SPF_SCOPE_HELO ? "helo" : "mailfrom", true);
	return field.buf.data;
}
