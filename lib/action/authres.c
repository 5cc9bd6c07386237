/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The Authentication-Results fields (RFC 8601). The first has one result of each check whose method is registered (IANA, "Email
 * Authentication Methods") with its registered properties, the DNSSEC state of its evidence as a comment, and as a last comment
 * what was, or in dry-run would have been, done. The second has the methods that are not registered: there are readers that
 * drop a whole field for one method that they do not know.
 * Such readers set the form, too: never two comments in a row, and no backslash in a comment or a reason.
 * Domains, selectors, addresses come from the network: they pass through field_value() only. Pure. Thread: the message's.
 */
#include <string.h>
#include <strings.h>

#include "action/action.h"
#include "action/field.h"
#include "action/overridden.h"
#include "check/tls/cipher.h"

/* How many DKIM results are shown; the rest was judged all the same. */
enum { DKIM_SHOWN_MAX = 20, SHOWN_NAME_MAX = 255 };

struct writer {
	struct field field;
	struct arena *arena;
	const char *comment;	/* that stands behind what was written last; NULL without one */
	bool empty;		/* no result so far */
};

static struct writer begin_field(const struct action_input *input)
{
	struct arena *arena = input->facts->arena;
	struct writer writer = { .arena = arena, .empty = true, .field = field_make(arena, strlen("Authentication-Results:")) };

	field_token(&writer.field, field_id(arena, input->authserv_id));
	return writer;
}

/* Several at one place become one. */
static void put_comment(struct writer *writer, const char *text)
{
	writer->comment = writer->comment == NULL ? text : arena_concat(writer->arena, writer->comment, "; ", text);
}

static void end_comment(struct writer *writer)
{
	if (writer->comment != NULL)
		field_comment(&writer->field, field_plain(writer->arena, writer->comment));
	writer->comment = NULL;
}

static void begin_result(struct writer *writer, const char *method, const char *result)
{
	end_comment(writer);
	field_glue(&writer->field, ";");
	field_fold(&writer->field);
	field_token(&writer->field, arena_concat(writer->arena, method, "=", result));
	writer->empty = false;
}

static void put_property(struct writer *writer, const char *property, const char *value)
{
	if (value == NULL || value[0] == '\0')
		return;
	end_comment(writer);
	field_token(&writer->field, arena_concat(writer->arena, property, "=", field_value(writer->arena, value)));
}

static void put_reason(struct writer *writer, const char *reason)
{
	if (reason == NULL || reason[0] == '\0')
		return;
	end_comment(writer);
	field_token(&writer->field, arena_concat(writer->arena, "reason=",
	    field_quoted(writer->arena, field_plain(writer->arena, reason)), ""));
}

static void put_dnssec(struct writer *writer, enum dns_security security)
{
	put_comment(writer, arena_concat(writer->arena, "dnssec: ", dns_security_name(security), ""));
}

/* The result for HELO beside that for MAIL FROM: readers take one result of a method, the first or the last, so it is none. */
static void put_helo(struct writer *writer, const struct spf_result *helo)
{
	bool named = helo->domain != NULL && field_is_domain(helo->domain);

	if (helo->result != RESULT_UNCHECKED)
		put_comment(writer, arena_join(writer->arena, "HELO", named ? " " : "", named ? helo->domain : "", ": ",
		    result_name(helo->result), ", dnssec: ", dns_security_name(helo->dnssec), NULL));
}

/* An address whose domain is an internationalized one is shown by the A-labels that were judged (RFC 8616). */
static const char *mail_from_shown(const struct action_input *input, const char *domain)
{
	const char *sender = input->facts->mail_from, *at = sender != NULL ? strrchr(sender, '@') : NULL;

	if (domain == NULL && input->config->smtp_mailfrom == SMTP_MAILFROM_DOMAIN && at != NULL)
		return at + 1;
	if (domain == NULL)
		return sender;
	return input->config->smtp_mailfrom == SMTP_MAILFROM_ADDRESS && at != NULL && strcasecmp(at + 1, domain) == 0 ? sender : domain;
}

static void put_spf(struct writer *writer, const struct action_input *input)
{
	const struct spf_result *spf = &input->results->spf, *helo = &input->results->spf_helo;

	if (spf->result == RESULT_UNCHECKED)
		return;
	begin_result(writer, "spf", result_name(spf->result));
	put_dnssec(writer, spf->dnssec);
	put_helo(writer, helo);
	if (spf->result != RESULT_PASS)
		put_reason(writer, spf->explanation != NULL ? spf->explanation : spf->reason);
	if (spf->scope == SPF_SCOPE_HELO)
		put_property(writer, "smtp.helo", spf->domain != NULL ? spf->domain : input->facts->connection->helo);
	else
		put_property(writer, "smtp.mailfrom", mail_from_shown(input, spf->domain));
}

static void put_signature(struct writer *writer, const struct dkim_result *dkim)
{
	begin_result(writer, "dkim", result_name(dkim->result));
	if (dkim->key_bits != 0)
		put_comment(writer, arena_concat(writer->arena, arena_uint(writer->arena, dkim->key_bits), "-bit key, dnssec: ",
		    dns_security_name(dkim->dnssec)));
	else
		put_dnssec(writer, dkim->dnssec);
	put_reason(writer, dkim->reason);
	put_property(writer, "header.d", dkim->domain);
	put_property(writer, "header.i", dkim->identity);
	put_property(writer, "header.s", dkim->selector);
	put_property(writer, "header.a", dkim->algorithm);
	put_property(writer, "header.b", dkim->signature_b);
}

static void put_dkim(struct writer *writer, const struct results *results)
{
	if (!results->dkim_checked)
		return;
	if (results->dkim_count == 0)
		begin_result(writer, "dkim", "none");
	for (size_t i = 0; i < results->dkim_count && i < DKIM_SHOWN_MAX; i++)
		put_signature(writer, &results->dkim[i]);
}

/*
 * Told only of a message that has a chain. RFC 8617 has no temporary error: whoever reads "fail" gives the chain no weight,
 * and the reason says that it may be another one next time.
 */
static void put_arc(struct writer *writer, const struct action_input *input)
{
	const struct arc_result *arc = &input->results->arc;
	char client[ADDR_TEXT_BYTES];

	if (arc->result == RESULT_UNCHECKED || arc->result == RESULT_NONE)
		return;
	begin_result(writer, "arc", arc->result == RESULT_PASS ? "pass" : "fail");
	if (arc->sealer != NULL && field_is_domain(arc->sealer))
		put_comment(writer, arena_join(writer->arena, "sealed by ", arc->sealer, ", dnssec: ", dns_security_name(arc->dnssec), NULL));
	else
		put_dnssec(writer, arc->dnssec);
	if (arc->reason != NULL)
		put_reason(writer, arc->result == RESULT_TEMPERROR ? arena_concat(writer->arena, "temporary error: ", arc->reason, "") :
		    arc->reason);
	if (input->facts->connection->client.family != AF_UNSPEC)
		put_property(writer, "smtp.remote-ip", addr_format(&input->facts->connection->client, client));
	if (arc->result == RESULT_PASS)
		put_property(writer, "header.oldest-pass", arena_uint(writer->arena, arc->oldest_pass));
}

static void put_dmarc(struct writer *writer, const struct action_input *input)
{
	const struct dmarc_result *dmarc = &input->results->dmarc;
	const char *override = overridden_comment(input), *agrees = overridden_agrees(input);

	if (dmarc->result == RESULT_UNCHECKED)
		return;
	begin_result(writer, "dmarc", result_name(dmarc->result));
	if (dmarc->has_policy)
		put_comment(writer, arena_join(writer->arena, "p=", dmarc_policy_name(dmarc->policy), dmarc->testing ? " t=y" : "",
		    ", dnssec: ", dns_security_name(dmarc->dnssec), NULL));
	else
		put_dnssec(writer, dmarc->dnssec);
	if (override != NULL)
		put_comment(writer, override);
	if (agrees != NULL)
		put_comment(writer, arena_concat(writer->arena, "corroborated: ", agrees, ""));
	if (dmarc->result != RESULT_PASS)
		put_reason(writer, dmarc->reason);
	put_property(writer, "header.from", dmarc->domain);
	/* what is left of the policy for this message after its options and alignment (RFC 9989 section 9.2); while that is not
	 * known, nothing is asked for */
	if (dmarc->has_policy || dmarc->result == RESULT_TEMPERROR)
		put_property(writer, "policy.dmarc", dmarc_policy_name(dmarc->disposition));
}

static void put_adsp(struct writer *writer, const struct adsp_result *adsp)
{
	if (adsp->result == RESULT_UNCHECKED)
		return;
	begin_result(writer, "dkim-adsp", result_name(adsp->result));
	put_dnssec(writer, adsp->dnssec);
	if (adsp->result != RESULT_PASS)
		put_reason(writer, adsp->reason);
	put_property(writer, "header.from", adsp->domain);
}

static void put_iprev(struct writer *writer, const struct action_input *input)
{
	const struct iprev_result *iprev = &input->results->iprev;
	char client[ADDR_TEXT_BYTES];

	if (iprev->result == RESULT_UNCHECKED)
		return;
	begin_result(writer, "iprev", result_name(iprev->result));
	if (iprev->name != NULL)
		put_comment(writer, arena_concat(writer->arena, arena_strndup(writer->arena, iprev->name, strnlen(iprev->name, SHOWN_NAME_MAX)),
		    ", dnssec: ", dns_security_name(iprev->dnssec)));
	else
		put_dnssec(writer, iprev->dnssec);
	if (iprev->result != RESULT_PASS)
		put_reason(writer, iprev->reason);
	put_property(writer, "policy.iprev", addr_format(&input->facts->connection->client, client));
}

static void put_auth(struct writer *writer, const struct facts_auth *auth)
{
	if (auth->mechanism == NULL)
		return;
	begin_result(writer, "auth", "pass");
	put_comment(writer, auth->mechanism);
	put_property(writer, "smtp.auth", auth->user);
}

/* No registered method speaks of TLS; x-tls is what other software writes already. */
static void put_tls(struct writer *writer, const struct tls_result *tls)
{
	if (!tls->checked)
		return;
	if (tls->version == NULL) {
		begin_result(writer, "x-tls", "none");
		return;
	}
	begin_result(writer, "x-tls", "pass");
	put_comment(writer, tls_grade_name(tls->grade));
	if (tls->grade == TLS_GRADE_WEAK)
		put_reason(writer, tls->reason);
	put_property(writer, "smtp.version", tls->version);
	put_property(writer, "smtp.cipher", tls->cipher);
	if (tls->bits != 0)
		put_property(writer, "smtp.bits", arena_uint(writer->arena, tls->bits));
}

/* The comment about the whole field, which stands on a line of its own where no result's own comment is under way. */
static void put_last(struct writer *writer, const char *text)
{
	if (writer->comment == NULL)
		field_fold(&writer->field);
	put_comment(writer, text);
}

/* By which the admin finds the message again. */
static void put_reference(struct writer *writer, const struct action_input *input)
{
	if (input->reference != NULL)
		put_last(writer, arena_concat(writer->arena, "ref ", input->reference, ""));
}

/* Whoever reads our name further down must know that it is not ours. */
static void put_left(struct writer *writer, const struct action_input *input)
{
	if (input->edits_left != 0)
		put_last(writer, arena_printf(writer->arena, "%zu forged fields below were not removed", input->edits_left));
}

/* Whose policy it was, where recipients fall under different ones. */
static const char *rule_text(struct arena *arena, const struct decision *decision)
{
	if (!decision->by_rule)
		return "";
	return arena_printf(arena, "policy %s, the %s of %zu", decision->policy,
	    decision->rule == SEVERAL_LENIENT ? "most lenient" : "strictest", decision->weighed);
}

static void put_decision(struct writer *writer, const struct action_input *input)
{
	const struct decision *decision = input->decision;
	const char *rule = decision != NULL ? rule_text(writer->arena, decision) : "";

	if (input->results->exempt)
		put_comment(writer, arena_concat(writer->arena, "not judged: ",
		    input->results->exempt_reason != NULL ? input->results->exempt_reason : "exempt", ""));
	else if (decision != NULL && decision->action != ACTION_NONE && decision->finding < FINDING_COUNT)
		put_last(writer, arena_join(writer->arena, decision->enforced ? "" : "dry-run: would ",
		    action_name(decision->action), ": ", findings_table[decision->finding].name, rule[0] != '\0' ? "; " : "", rule, NULL));
	else if (rule[0] != '\0')
		put_last(writer, rule);
}

const char *authres_build(const struct action_input *input)
{
	const struct results *results = input->results;
	struct writer writer = begin_field(input);

	put_auth(&writer, &input->facts->connection->auth);
	put_iprev(&writer, input);
	put_spf(&writer, input);
	put_dkim(&writer, results);
	put_arc(&writer, input);
	put_dmarc(&writer, input);
	put_adsp(&writer, &results->adsp);
	if (writer.empty) {
		field_glue(&writer.field, ";");
		field_token(&writer.field, "none");
	}
	put_decision(&writer, input);
	put_reference(&writer, input);
	put_left(&writer, input);
	end_comment(&writer);
	return writer.field.buf.data;
}

const char *authres_build_unregistered(const struct action_input *input)
{
	struct writer writer = begin_field(input);

	put_tls(&writer, &input->results->tls);
	if (writer.empty)
		return NULL;
	put_left(&writer, input);
	end_comment(&writer);
	return writer.field.buf.data;
}

const char *cipher_iana_name(const char *openssl_name)
{
	const struct cipher_info *cipher = openssl_name != NULL ? cipher_find(openssl_name) : NULL;

	return cipher != NULL ? cipher->iana_name : NULL;
}
