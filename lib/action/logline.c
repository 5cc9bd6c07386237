/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One line a message, or a recipient that is refused at RCPT, for the log: what came, what was found, what was decided.
 * Every value passes log_field_put(), so that no sender can forge a key or a line, and log_record_parse() reads it back.
 * The longest line that can come about is shorter than LOG_LINE_BYTES. Pure. Thread: the message's.
 */
#include <inttypes.h>
#include <string.h>

#include "action/overridden.h"
#include "util/buf.h"
#include "util/log_field.h"

enum { DKIM_SHOWN_MAX = 5, LINE_REST_BYTES = 300 };	/* REST: room for what the log puts in front of a line */

static void put_result(struct buf *buf, const char *key, enum result result, const char *domain, enum dns_security security,
    struct arena *arena)
{
	if (result == RESULT_UNCHECKED)
		return;
	log_field_put(buf, key, result_name(result));
	if (domain != NULL)
		log_field_put(buf, arena_concat(arena, key, "_domain", ""), domain);
	log_field_put(buf, arena_concat(arena, key, "_dnssec", ""), dns_security_name(security));
}

static void put_client(struct buf *buf, const struct facts_connection *connection, struct arena *arena)
{
	char client[ADDR_TEXT_BYTES];
	const char *name = connection->client_name != NULL ? connection->client_name : "unknown";
	const struct facts_auth *auth = &connection->auth;

	log_field_put(buf, "client", arena_join(arena, name, "[", addr_format(&connection->client, client), "]", NULL));
	log_field_put(buf, "helo", connection->helo);
	log_field_put(buf, "auth", auth->mechanism != NULL && auth->user != NULL ? auth->user : auth->mechanism);
}

static void put_dkim(struct buf *buf, const struct results *results, struct arena *arena)
{
	struct buf list = buf_make(arena);

	if (!results->dkim_checked)
		return;
	for (size_t i = 0; i < results->dkim_count && i < DKIM_SHOWN_MAX; i++) {
		const struct dkim_result *dkim = &results->dkim[i];

		buf_join(&list, i != 0 ? "," : "", result_name(dkim->result), ":", dkim->domain != NULL ? dkim->domain : "-", ":",
		    dns_security_name(dkim->dnssec), NULL);
	}
	log_field_put(buf, "dkim", results->dkim_count == 0 ? "none" : list.data);
	if (results->dkim_count > DKIM_SHOWN_MAX)
		log_field_put(buf, "dkim_signatures", arena_uint(arena, results->dkim_count));
}

/* Of a message that has a chain. Its newest sealer, unless another one is named as the one that matters. */
static void put_arc(struct buf *buf, const struct results *results, struct arena *arena)
{
	const struct arc_result *arc = &results->arc;
	bool named = arc->sealer != NULL && results->dmarc.overridden_by == NULL;

	if (arc->result != RESULT_UNCHECKED && arc->result != RESULT_NONE)
		log_field_put(buf, "arc", arena_printf(arena, "%s:%s:%s", result_name(arc->result), named ? arc->sealer : "-",
		    dns_security_name(arc->dnssec)));
}

/* The client certificate: its state, whom it fits, and what the client's TLSA records say of it. */
static void put_cert(struct buf *buf, const struct tls_result *tls, struct arena *arena)
{
	if (tls->cert_status != CERT_NONE)
		log_field_put(buf, "cert", arena_printf(arena, "%s%s%s", cert_status_name(tls->cert_status),
		    tls->cert_match != NULL ? "/" : "", tls->cert_match != NULL ? tls->cert_match : ""));
	if (tls->tlsa != TLSA_UNCHECKED)
		log_field_put(buf, "tlsa", arena_printf(arena, "%s:%s", tlsa_status_name(tls->tlsa), tls->tlsa_name));
}

/*
 * What speaks for a message that fails DMARC, whether that counted, and what speaks against it. Where names of 250 characters fill the
 * line they go without: header field and record have them, too.
 */
static void put_overrides(struct buf *buf, const struct action_input *input)
{
	struct buf fields = buf_make(input->facts->arena);

	log_field_put(&fields, overridden_is_ignored(input) ? "overrides_ignored" : "overrides", overridden_names(input));
	log_field_put(&fields, "corroborated", overridden_agrees(input));
	if (fields.length != 0 && buf->length + fields.length < LOG_LINE_BYTES - LINE_REST_BYTES)
		buf_printf(buf, " %s", fields.data);
}

static void put_results(struct buf *buf, const struct results *results, struct arena *arena)
{
	if (results->tls.checked) {
		log_field_put(buf, "tls", results->tls.version != NULL ? results->tls.version : "none");
		log_field_put(buf, "cipher", results->tls.cipher);
		log_field_put(buf, "tls_grade", tls_grade_name(results->tls.grade));
		put_cert(buf, &results->tls, arena);
	}
	if (results->peer.downgrade) {
		log_field_put(buf, "peer", results->peer.peer);
		log_field_put(buf, "downgrade", results->peer.reason);
	}
	put_result(buf, "iprev", results->iprev.result, results->iprev.name, results->iprev.dnssec, arena);
	put_result(buf, results->spf.scope == SPF_SCOPE_HELO ? "spf_helo" : "spf", results->spf.result, results->spf.domain,
	    results->spf.dnssec, arena);
	put_result(buf, "spf_helo", results->spf_helo.result, results->spf_helo.domain, results->spf_helo.dnssec, arena);
	put_dkim(buf, results, arena);
	put_arc(buf, results, arena);
	put_result(buf, "dmarc", results->dmarc.result, results->dmarc.domain, results->dmarc.dnssec, arena);
	log_field_put(buf, "dmarc_overridden", results->dmarc.overridden_by);
	put_result(buf, "adsp", results->adsp.result, results->adsp.domain, results->adsp.dnssec, arena);
}

/* Each name once, in the order of the table. */
static void put_findings(struct buf *buf, const struct results *results, struct arena *arena)
{
	struct buf list = buf_make(arena);
	finding_set set = { 0 };

	for (size_t i = 0; i < results->finding_count; i++)
		finding_set_add(&set, results->findings[i].id);
	finding_set_print(&set, &list);
	/* our own words, all of them: no cap */
	buf_join(buf, " findings=", list.length != 0 ? list.data : "none", NULL);
}

static void put_decision(struct buf *buf, const struct decision *decision, struct arena *arena)
{
	log_field_put(buf, "decision", action_name(decision->action));
	if (decision->finding < FINDING_COUNT)
		log_field_put(buf, "because", findings_table[decision->finding].name);
	log_field_put(buf, "about", decision->domain);
	log_field_put(buf, "policy", decision->policy);
	if (decision->weighed > 1)
		log_field_put(buf, "policies", arena_uint(arena, decision->weighed));
	if (decision->by_rule)
		log_field_put(buf, "rule", several_recipients_name(decision->rule));
	log_field_put(buf, "mode", run_mode_name(decision->enforced ? MODE_ENFORCE : MODE_DRY_RUN));
	if (decision->text != NULL)
		log_field_put(buf, "reply", reply_line(decision, arena));
}

const char *log_line_build(const struct action_input *input)
{
	const struct facts *facts = input->facts;
	struct arena *arena = facts->arena;
	struct buf buf = buf_make(arena);
	uint64_t bytes;
	bool all = facts_bytes(facts, &bytes);

	log_field_put(&buf, "id", facts->queue_id != NULL ? facts->queue_id : "-");
	log_field_put(&buf, "ref", input->reference);
	if (input->config != NULL && input->config->generation != 0)
		log_field_put(&buf, "config", arena_uint(arena, input->config->generation));
	put_client(&buf, facts->connection, arena);
	log_field_put(&buf, "from", facts->mail_from != NULL ? arena_concat(arena, "<", facts->mail_from, ">") : NULL);
	if (input->recipient != NULL)
		log_field_put(&buf, "rcpt", input->recipient[0] == '<' ? input->recipient :
		    arena_concat(arena, "<", input->recipient, ">"));
	log_field_put(&buf, "rcpts", arena_uint(arena, facts->recipient_count));
	log_field_put(&buf, "author", input->author != NULL ? input->author->address : NULL);
	log_field_put(&buf, all ? "bytes" : "bytes_min", arena_uint(arena, bytes));
	put_results(&buf, input->results, arena);
	put_findings(&buf, input->results, arena);
	if (input->edits_left != 0)
		log_field_put(&buf, "authres_left", arena_uint(arena, input->edits_left));
	if (input->beside != NULL && input->beside->returned != RETURNED_NO)
		log_field_put(&buf, "returned", words_of(returned_words, (int)input->beside->returned));
	if (input->results->exempt)
		log_field_put(&buf, "exempt", input->results->exempt_reason != NULL ? input->results->exempt_reason : "yes");
	else if (input->decision != NULL)
		put_decision(&buf, input->decision, arena);
	put_overrides(&buf, input);
	return buf.data;
}

const char *reply_line(const struct decision *decision, struct arena *arena)
{
	if (decision->text == NULL || decision->enhanced == NULL)
		return arena_printf(arena, "%u", decision->code);
	return arena_printf(arena, "%u %s %s", decision->code, decision->enhanced, decision->text);
}
