/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Failures that the author's domain wants to be told of are noted for `assay failure-reports`; nothing is sent from here, and
 * nothing is looked at while the configuration does not ask for it. What is noted is redacted already: no local part, no subject and
 * no line of a body ever reaches the record this way. Thread: the message's. Cannot fail: the store drops.
 */
#include "action/failure.h"
#include "check/dmarc/uri.h"
#include "check/spf/record.h"
#include "pipeline/internal.h"
#include "pipeline/remember.h"

/* The record that SPF stood on, if it is there already: nobody waits for it. */
static const char *spf_record(struct message *message)
{
	const struct spf_result *spf = &message->results->spf;
	struct dns_scope *scope = dns_scope_for(message->context.dns, DNS_FOR_SPF);
	const char *text;
	size_t length;

	if (spf->domain == NULL || spf->result == RESULT_PASS || spf->result == RESULT_NONE || !dns_ready(scope, spf->domain, DNS_TYPE_TXT))
		return NULL;
	if (spf_record_select(dns_wait_unnoted(scope, spf->domain, DNS_TYPE_TXT), message->arena, &text, &length) != 0)
		return NULL;
	return arena_strndup(message->arena, text, length);
}

/* The addresses that can be mailed to, between commas; NULL: there is none. */
static const char *destinations(struct message *message)
{
	struct buf list = buf_make(message->arena);
	struct dmarc_uris uris;

	dmarc_uri_list_read(message->arena, message->results->dmarc.ruf, &uris);
	for (size_t i = 0; i < uris.count; i++)
		buf_printf(&list, "%s%s", i != 0 ? "," : "", uris.addresses[i].address);
	return uris.count != 0 ? list.data : NULL;
}

void remember_failure(struct shared_store *shared, struct message *message)
{
	const struct config *config = message->config;
	const struct decision *decision = &message->outcome.decision;
	const struct action_input input = { .config = config, .facts = &message->facts, .author = &message->author,
		.results = message->results, .decision = decision, .authserv_id = message_authserv_id(message) };
	const char *ruf;
	unsigned due;

	/* what is to come again is told when it is decided */
	if (shared == NULL || !config->failure_reports || !message->judged_whole ||
	    (decision->enforced && (decision->action == ACTION_DEFER || decision->action == ACTION_GREYLIST)))
		return;
	due = failure_due(&message->facts, &message->author, message->results);
	ruf = due != 0 ? destinations(message) : NULL;
	for (enum failure_kind kind = 0; ruf != NULL && kind < FAILURE_KINDS; kind++) {
		struct failure_note note = { .time_secs = message->facts.time_secs, .domain = message->results->dmarc.policy_domain,
			.domain_max = config->failure_domain_max, .day_max = config->failure_day_max,
			.queue_id = message->facts.queue_id };
		struct failure_text text;

		if ((due >> kind & 1) == 0)
			continue;
		failure_write(&input, kind, &shared->redact_key, spf_record(message), &text);
		note.alike = text.alike;
		note.ruf = ruf;
		note.fields = text.fields;
		note.header = text.header;
		store_failure_note(shared->store, &note);
	}
}
