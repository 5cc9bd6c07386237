/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A message → its trace. Of the header only what verdicts hang on and people need to find the message: no Subject, nothing of the
 * body. Cannot fail. Trusts its values for nothing: each is escaped as in the log. Thread: the message's.
 */
#include "pipeline/trace_write.h"

#include "pipeline/remember.h"
#include "pipeline/trace.h"
#include "policy/evidence_text.h"
#include "policy/reason.h"
#include "util/buf.h"

enum {
	END_BYTES = 64,			/* kept free for the last line */
	RECIPIENTS_SHOWN = 50, POLICIES_SHOWN = 50, FINDINGS_SHOWN = 100, FIELDS_SHOWN = 10
};

void trace_begin(struct trace_writer *writer, const char *word)
{
	writer->line.length = 0;
	buf_puts(&writer->line, word);
}

void trace_put(struct trace_writer *writer, const char *key, const char *value)
{
	log_field_put_long(&writer->line, key, value, TRACE_VALUE_MAX);
}

void trace_put_flag(struct trace_writer *writer, const char *key, bool flag)
{
	if (flag)
		trace_put(writer, key, "yes");
}

void trace_put_count(struct trace_writer *writer, const char *key, uint64_t count)
{
	if (count == 0)
		return;
	buf_join(&writer->line, " ", key, "=", NULL);
	buf_put_uint(&writer->line, count);
}

bool trace_finish(struct trace_writer *writer)
{
	if (writer->text.length + writer->line.length + 1 > TRACE_TEXT_MAX - END_BYTES || writer->lines == TRACE_LINES_MAX) {
		writer->left_out++;
		return false;
	}
	buf_putc(&writer->line, '\n');
	buf_append(&writer->text, writer->line.data, writer->line.length);
	writer->lines++;
	return true;
}

/* ---- what it is about -------------------------------------------------------------------------------------------- */

static void put_message(struct trace_writer *writer, const struct trace_input *input)
{
	const struct message *message = input->message;

	trace_begin(writer, "message");
	trace_put(writer, "ref", message->reference);
	trace_put_count(writer, "time", message->facts.time_secs > 0 ? (uint64_t)message->facts.time_secs : 0);
	trace_put(writer, "queue", message->facts.queue_id);
	trace_put(writer, "stage", words_of(trace_stage_words, (int)input->stage));
	trace_put_flag(writer, "rest_unseen", input->stage == TRACE_REFUSED_AT_RCPT);
	if (message->results->exempt)
		trace_put(writer, "exempt", message->results->exempt_reason != NULL ? message->results->exempt_reason : "yes");
	(void)trace_finish(writer);
}

static void put_client(struct trace_writer *writer, const struct facts_connection *connection)
{
	char client[ADDR_TEXT_BYTES];
	const struct facts_auth *auth = &connection->auth;

	trace_begin(writer, "client");
	if (connection->client.family != AF_UNSPEC)
		trace_put(writer, "address", addr_format(&connection->client, client));
	trace_put(writer, "name", connection->client_name);
	trace_put(writer, "ptr", connection->client_ptr);
	trace_put(writer, "helo", connection->helo);
	trace_put(writer, "listener", connection->profile != NULL ? connection->profile : connection->daemon_name);
	trace_put(writer, "mta", connection->mta_hostname);
	trace_put_flag(writer, "local_submission", connection->local_submission);
	trace_put_flag(writer, "starttls_mangled", connection->starttls_mangled);
	trace_put(writer, "auth", auth->mechanism);
	trace_put(writer, "auth_user", auth->user);
	trace_put(writer, "auth_author", auth->author);
	(void)trace_finish(writer);
}

static void put_session_tls(struct trace_writer *writer, const struct facts_tls *tls)
{
	if (tls->version == NULL)
		return;
	trace_begin(writer, "tls");
	trace_put(writer, "version", tls->version);
	trace_put(writer, "cipher", tls->cipher);
	trace_put_count(writer, "bits", tls->bits);
	trace_put(writer, "group", tls->group);
	trace_put(writer, "subject", tls->cert_subject);
	trace_put(writer, "issuer", tls->cert_issuer);
	trace_put(writer, "fingerprint", tls->cert_fingerprint);
	trace_put(writer, "verify", tls->verify);
	(void)trace_finish(writer);
}

static void put_envelope(struct trace_writer *writer, const struct message *message)
{
	const struct facts *facts = &message->facts;
	uint64_t bytes;
	bool all = facts_bytes(facts, &bytes);

	trace_begin(writer, "envelope");
	trace_put(writer, "from", arena_concat(writer->arena, "<", facts->mail_from != NULL ? facts->mail_from : "", ">"));
	trace_put(writer, "domain", facts->mail_from_domain);
	trace_put_count(writer, "rcpts", facts->recipient_count);
	trace_put_count(writer, "refused", message->refusal_count);
	trace_put_flag(writer, "rcpts_over_cap", message->recipients_truncated);
	trace_put_count(writer, all ? "bytes" : "bytes_min", bytes);
	trace_put_flag(writer, "smtputf8", facts->smtputf8);
	trace_put_flag(writer, "requiretls", facts->requiretls);
	trace_put_flag(writer, "malformed", facts->malformed);
	(void)trace_finish(writer);
}

static void put_author(struct trace_writer *writer, const struct message *message)
{
	const struct author *author = &message->author;
	struct buf domains = buf_make(writer->arena);

	if (!message->header_done)
		return;
	for (size_t i = 0; i < author->domain_count; i++)
		buf_join(&domains, i != 0 ? "," : "", author->domains[i], NULL);
	trace_begin(writer, "author");
	trace_put(writer, "status", words_of(author_status_words, (int)author->status));
	trace_put(writer, "address", author->address);
	trace_put(writer, "domains", domains.length != 0 ? domains.data : NULL);
	trace_put(writer, "reason", author->reason);
	(void)trace_finish(writer);
}

/* ---- what was decided -------------------------------------------------------------------------------------------- */

static void put_decision_fields(struct trace_writer *writer, const struct decision *decision)
{
	trace_put(writer, "action", action_name(decision->action));
	if (decision->finding < FINDING_COUNT)
		trace_put(writer, "finding", findings_table[decision->finding].name);
	trace_put(writer, "about", decision->domain);
	trace_put(writer, "policy", decision->policy);
	trace_put_count(writer, "policies", decision->weighed > 1 ? decision->weighed : 0);
	trace_put(writer, "rule", decision->by_rule ? several_recipients_name(decision->rule) : NULL);
	trace_put(writer, "mode", decision->policy != NULL ? run_mode_name(decision->enforced ? MODE_ENFORCE : MODE_DRY_RUN) : NULL);
	if (decision->text != NULL)
		trace_put(writer, "reply", reply_line(decision, writer->arena));
}

static void put_decision(struct trace_writer *writer, const struct trace_input *input)
{
	trace_begin(writer, "decision");
	put_decision_fields(writer, &input->decision);
	trace_put_flag(writer, "greylist_passed", input->message->greylist_passed);
	(void)trace_finish(writer);
}

static const char *set_text(struct arena *arena, const finding_set *set)
{
	struct buf buf = buf_make(arena);

	finding_set_print(set, &buf);
	return buf.length != 0 ? buf.data : NULL;
}

static void put_evidence(struct trace_writer *writer, const struct trace_input *input)
{
	const char *text = input->message->evidence_text;

	trace_begin(writer, "evidence");
	log_field_put_long(&writer->line, "text", text != NULL ? text : evidence_write(input->evidence, writer->arena), 2 * EVIDENCE_TEXT_MAX);
	trace_put(writer, "results", remember_results(input->message));
	trace_put(writer, "findings", set_text(writer->arena, &input->message->results->set));
	(void)trace_finish(writer);
}

/* As it was weighed: where nobody is left the recipients count who were refused. */
static struct evidence evidence_weighed(const struct evidence *evidence)
{
	struct evidence weighed = *evidence;

	if (weighed.recipient_count == 0) {
		weighed.recipients = weighed.refused;
		weighed.recipient_count = weighed.refused_count;
	}
	return weighed;
}

static void put_policies(struct trace_writer *writer, const struct message *message, const struct evidence *evidence)
{
	const struct policy_set set = policy_set_of(message->config);
	struct policy_reason *reasons = arena_calloc(writer->arena, set.count, sizeof(*reasons));
	size_t count = policy_reasons(&set, evidence, writer->arena, reasons);

	for (size_t i = 0; i < count && i < POLICIES_SHOWN; i++) {
		const struct decision *decision = &reasons[i].decision;

		trace_begin(writer, "policy");
		trace_put(writer, "name", reasons[i].policy->name);
		trace_put(writer, "mode", run_mode_name(reasons[i].policy->mode));
		trace_put(writer, "applies", reasons[i].sure ? "yes" : "maybe");
		trace_put(writer, "match", reasons[i].match);
		trace_put(writer, "action", action_name(decision->action));
		if (decision->finding < FINDING_COUNT)
			trace_put(writer, "finding", findings_table[decision->finding].name);
		trace_put(writer, "about", decision->domain);
		trace_put(writer, "rule", reasons[i].rule);
		(void)trace_finish(writer);
	}
	writer->left_out += count > POLICIES_SHOWN ? count - POLICIES_SHOWN : 0;
}

/* The policy that decided; NULL: none did. */
static const struct policy_config *policy_of(const struct config *config, const char *name)
{
	for (size_t i = 0; name != NULL && i < config->policy_count; i++)
		if (config->policies[i].name == name)	/* borrowed from there */
			return &config->policies[i];
	return NULL;
}

static bool is_told(const struct results *results, const struct finding *finding)
{
	for (size_t i = 0; i < results->finding_count; i++)
		if (results->findings[i].waivable && results->findings[i].id == finding->id &&
		    strcmp(results->findings[i].domain, finding->domain) == 0)
			return true;
	return false;
}

/* What DMARC would ask for, were there no override that holds. */
static void put_waived(struct trace_writer *writer, const struct trace_input *input, const struct policy_config *policy,
    const struct evidence *evidence)
{
	const struct results *results = input->message->results;
	enum asked_why why;

	for (size_t i = 0; i < results->waivable_count; i++) {
		const struct waivable *waivable = &results->waivable[i];
		const struct finding *finding = &waivable->finding;

		if (is_told(results, finding))
			continue;
		trace_begin(writer, "finding");
		trace_put(writer, "name", findings_table[finding->id].name);
		trace_put(writer, "about", finding->domain);
		trace_put(writer, "detail", finding->detail);
		trace_put(writer, "dnssec", dns_security_name(finding->dnssec));
		trace_put(writer, "overrides", override_names(writer->arena, waivable->overrides, waivable->override_count));
		if (policy != NULL)
			trace_put(writer, "asks", action_name(policy_asked_for(policy, evidence, finding->id, &why)));
		(void)trace_finish(writer);
	}
}

static void put_findings(struct trace_writer *writer, const struct trace_input *input, const struct evidence *evidence)
{
	const struct results *results = input->message->results;
	const struct policy_config *policy = evidence != NULL ? policy_of(input->message->config, input->decision.policy) : NULL;
	enum asked_why why;

	for (size_t i = 0; i < results->finding_count && i < FINDINGS_SHOWN; i++) {
		const struct finding *finding = &results->findings[i];

		trace_begin(writer, "finding");
		trace_put(writer, "name", findings_table[finding->id].name);
		trace_put(writer, "about", finding->domain);
		trace_put(writer, "detail", finding->detail);
		trace_put(writer, "dnssec", dns_security_name(finding->dnssec));
		if (policy != NULL)
			trace_put(writer, "asks", action_name(policy_asked_for(policy, evidence, finding->id, &why)));
		(void)trace_finish(writer);
	}
	put_waived(writer, input, policy, evidence);
	writer->left_out += results->finding_count > FINDINGS_SHOWN ? results->finding_count - FINDINGS_SHOWN : 0;
}

static void put_recipients(struct trace_writer *writer, const struct message *message)
{
	const struct facts *facts = &message->facts;
	size_t shown = 0;

	for (const struct trace_refusal *refusal = message->refusals; refusal != NULL; refusal = refusal->next, shown++) {
		trace_begin(writer, "recipient");
		trace_put(writer, "to", refusal->recipient);
		trace_put(writer, "state", "refused");
		put_decision_fields(writer, &refusal->decision);
		(void)trace_finish(writer);
	}
	writer->left_out += message->refusal_count - shown;
	for (size_t i = 0; i < facts->recipient_count && i < RECIPIENTS_SHOWN; i++) {
		trace_begin(writer, "recipient");
		trace_put(writer, "to", facts->recipients[i]);
		trace_put(writer, "state", "taken");
		(void)trace_finish(writer);
	}
	writer->left_out += facts->recipient_count > RECIPIENTS_SHOWN ? facts->recipient_count - RECIPIENTS_SHOWN : 0;
}

/* ---- what it stands on ------------------------------------------------------------------------------------------- */

static bool is_kept(const struct header_field *field)
{
	static const char *const names[] = { "From", "Sender", "Return-Path", "List-Id", "TLS-Required" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (facts_name_reads_as(field->name, field->name_length, names[i]))
			return true;
	return false;
}

static void put_header(struct trace_writer *writer, const struct facts *facts)
{
	size_t shown = 0;

	for (size_t i = 0; i < facts->field_count; i++) {
		if (!is_kept(&facts->fields[i]))
			continue;
		if (shown++ >= FIELDS_SHOWN) {
			writer->left_out++;
			continue;
		}
		trace_begin(writer, "header");
		trace_put(writer, "name", facts->fields[i].name);
		trace_put(writer, "value", facts->fields[i].value);
		(void)trace_finish(writer);
	}
}

const char *trace_write(const struct trace_input *input)
{
	const struct message *message = input->message;
	struct arena *arena = message->arena;
	struct trace_writer writer = { .arena = arena, .text = buf_make(arena), .line = buf_make(arena) };
	struct evidence weighed;

	buf_puts(&writer.text, "assay-trace 1\n");
	put_message(&writer, input);
	put_client(&writer, &message->session->connection);
	put_session_tls(&writer, &message->session->connection.tls);
	put_envelope(&writer, message);
	put_author(&writer, message);
	put_decision(&writer, input);
	if (input->evidence != NULL) {
		weighed = evidence_weighed(input->evidence);
		put_evidence(&writer, input);
		put_policies(&writer, message, &weighed);
	}
	trace_results(&writer, message->results);
	put_findings(&writer, input, input->evidence != NULL ? &weighed : NULL);
	put_recipients(&writer, message);
	put_header(&writer, &message->facts);
	trace_questions(&writer, message->context.dns);
	trace_begin(&writer, "end");
	trace_put_count(&writer, "left_out", writer.left_out);
	buf_join(&writer.text, writer.line.data, "\n", NULL);
	return writer.text.data;
}
