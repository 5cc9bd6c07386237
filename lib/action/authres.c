/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The Authentication-Results field (RFC 8601): one result of each check with its registered properties, the DNSSEC state
 * of its evidence as a comment, and as a last comment what was, or in dry-run would have been, done.
 * Domains, selectors, addresses come from the network: they pass through field_value() only. Pure. Thread: the message's.
 */
#include <string.h>
#include <strings.h>

#include "action/action.h"
#include "action/field.h"
#include "check/tls/cipher.h"

/* How many DKIM results are shown; the rest was judged all the same. */
enum { DKIM_SHOWN_MAX = 20 };

struct writer {
	struct field field;
	struct arena *arena;
	bool empty;	/* no result so far */
};

static void begin_result(struct writer *writer, const char *method, const char *result)
{
	field_glue(&writer->field, ";");
	field_fold(&writer->field);
	field_printf(&writer->field, "%s=%s", method, result);
	writer->empty = false;
}

static void put_property(struct writer *writer, const char *property, const char *value)
{
	if (value == NULL || value[0] == '\0')
		return;
	field_token(&writer->field, arena_printf(writer->arena, "%s=%s", property, field_value(writer->arena, value)));
}

static void put_reason(struct writer *writer, const char *reason)
{
	if (reason != NULL && reason[0] != '\0')
		field_token(&writer->field, arena_printf(writer->arena, "reason=%s", field_quoted(writer->arena, reason)));
}

static void put_dnssec(struct writer *writer, enum dns_security security)
{
	field_comment(&writer->field, arena_printf(writer->arena, "dnssec: %s", dns_security_name(security)));
}

static void put_spf(struct writer *writer, const struct action_input *input, const struct spf_result *spf)
{
	const char *identity = spf->domain, *sender = input->facts->mail_from;

	if (spf->result == RESULT_UNCHECKED)
		return;
	begin_result(writer, "spf", result_name(spf->result));
	put_dnssec(writer, spf->dnssec);
	if (spf->result != RESULT_PASS)
		put_reason(writer, spf->explanation != NULL ? spf->explanation : spf->reason);
	if (spf->scope == SPF_SCOPE_HELO) {
		put_property(writer, "smtp.helo", identity != NULL ? identity : input->facts->connection->helo);
		return;
	}
	/* an address whose domain is an internationalized one is shown by the A-labels that were judged (RFC 8616) */
	if (identity == NULL || (sender != NULL && strrchr(sender, '@') != NULL && strcasecmp(strrchr(sender, '@') + 1, identity) == 0))
		identity = sender;
	put_property(writer, "smtp.mailfrom", identity);
}

static void put_signature(struct writer *writer, const struct dkim_result *dkim)
{
	begin_result(writer, "dkim", result_name(dkim->result));
	if (dkim->key_bits != 0)
		field_comment(&writer->field, arena_printf(writer->arena, "%u-bit key, dnssec: %s", dkim->key_bits,
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

static void put_dmarc(struct writer *writer, const struct dmarc_result *dmarc)
{
	if (dmarc->result == RESULT_UNCHECKED)
		return;
	begin_result(writer, "dmarc", result_name(dmarc->result));
	if (dmarc->has_policy)
		field_comment(&writer->field, arena_printf(writer->arena, "p=%s%s, dnssec: %s", dmarc_policy_name(dmarc->policy),
		    dmarc->testing ? " t=y" : "", dns_security_name(dmarc->dnssec)));
	else
		put_dnssec(writer, dmarc->dnssec);
	if (dmarc->result != RESULT_PASS)
		put_reason(writer, dmarc->reason);
	put_property(writer, "header.from", dmarc->domain);
	/* the policy that applies to this message (IANA: after all options): the disposition when it failed */
	if (dmarc->has_policy)
		put_property(writer, "policy.dmarc",
		    dmarc_policy_name(dmarc->result == RESULT_FAIL ? dmarc->disposition : dmarc->policy));
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
		field_comment(&writer->field, arena_printf(writer->arena, "%.255s, dnssec: %s", iprev->name,
		    dns_security_name(iprev->dnssec)));
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
	field_comment(&writer->field, auth->mechanism);
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
	field_comment(&writer->field, tls_grade_name(tls->grade));
	if (tls->grade == TLS_GRADE_WEAK)
		put_reason(writer, tls->reason);
	put_property(writer, "smtp.version", tls->version);
	put_property(writer, "smtp.cipher", tls->cipher);
	if (tls->bits != 0)
		put_property(writer, "smtp.bits", arena_printf(writer->arena, "%u", tls->bits));
}

/* Whoever reads our name further down must know that it is not ours. */
static void put_left(struct writer *writer, const struct action_input *input)
{
	if (input->edits_left == 0)
		return;
	field_fold(&writer->field);
	field_comment(&writer->field, arena_printf(writer->arena, "%zu forged fields below were not removed", input->edits_left));
}

static void put_decision(struct writer *writer, const struct action_input *input)
{
	const struct decision *decision = input->decision;
	const char *finding;

	if (input->results->exempt) {
		field_comment(&writer->field, arena_printf(writer->arena, "not judged: %s",
		    input->results->exempt_reason != NULL ? input->results->exempt_reason : "exempt"));
		return;
	}
	if (decision == NULL || decision->action == ACTION_NONE || decision->finding >= FINDING_COUNT)
		return;
	finding = findings_table[decision->finding].name;
	field_fold(&writer->field);
	if (decision->enforced)
		field_comment(&writer->field, arena_printf(writer->arena, "%s: %s", action_name(decision->action), finding));
	else
		field_comment(&writer->field, arena_printf(writer->arena, "dry-run: would %s: %s", action_name(decision->action), finding));
}

const char *authres_build(const struct action_input *input)
{
	const struct results *results = input->results;
	struct arena *arena = input->facts->arena;
	struct writer writer = { .arena = arena, .empty = true, .field = field_make(arena, strlen("Authentication-Results:")) };

	field_token(&writer.field, field_value(arena, input->authserv_id));
	put_auth(&writer, &input->facts->connection->auth);
	put_iprev(&writer, input);
	put_tls(&writer, &results->tls);
	put_spf(&writer, input, &results->spf);
	put_spf(&writer, input, &results->spf_helo);
	put_dkim(&writer, results);
	put_dmarc(&writer, &results->dmarc);
	put_adsp(&writer, &results->adsp);
	if (writer.empty) {
		field_glue(&writer.field, ";");
		field_token(&writer.field, "none");
	}
	put_decision(&writer, input);
	put_left(&writer, input);
	return writer.field.buf.data;
}

const char *cipher_iana_name(const char *openssl_name)
{
	const struct cipher_info *cipher = openssl_name != NULL ? cipher_find(openssl_name) : NULL;

	return cipher != NULL ? cipher->iana_name : NULL;
}
