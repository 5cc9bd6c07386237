/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The judgement: runs the checks, has the policies weigh the findings (recipient.c), and the decision turned into edits.
 * Judges nothing itself.
 * Trusts the checks for their verdicts. An exempt message (trusted network, authenticated, local submission) is told about
 * in the header but not judged: no DNS, no decision.
 * Thread: the connection's; waits for DNS up to the deadline of the message's scope.
 */
#include <string.h>

#include "pipeline/internal.h"
#include "pipeline/remember.h"

enum { QUARANTINE_REASON_MAX = 100 };	/* what MTAs keep of it */

bool decision_refuses(const struct decision *decision)
{
	return decision->enforced && (decision->action == ACTION_GREYLIST || decision->action == ACTION_DEFER ||
	    decision->action == ACTION_REJECT);
}

const char *message_exempt_reason(const struct message *message)
{
	const struct config *config = message->config;
	const struct facts_connection *connection = message->facts.connection;

	if (connection->auth.mechanism != NULL && config->exempt_authenticated)
		return "authenticated";
	if (connection->local_submission)
		return "local-submission";
	for (size_t i = 0; i < config->trusted_networks.count; i++) {
		if (network_contains(&config->trusted_networks.items[i], &connection->client))
			return "trusted-network";
	}
	return NULL;
}

/* What may be asked of an exempt message: facts that the MTA has handed over, without DNS. */
static bool check_is_local(enum check_id id)
{
	return id == CHECK_TLS || id == CHECK_AUTH;
}

void message_judge_stage(struct message *message, enum finding_stage stage)
{
	dns_scope_set_deadline(message->context.dns, message->config->dns_deadline_ms);
	for (size_t i = 0; i < CHECK_COUNT; i++) {
		const struct check *check = checks_table[i];

		if (message->judged[i] || check->judge == NULL)
			continue;
		if (stage == FINDING_STAGE_ENVELOPE && check->stage != FINDING_STAGE_ENVELOPE)
			continue;
		if (message->results->exempt && !check_is_local(check->id))
			continue;
		check->judge(&message->context);
		message->judged[i] = true;
	}
	dns_scope_set_deadline(message->context.dns, 0);
}

/* The name under which we sign our results: config, else the MTA's own name, else the host's. */
static const char *authserv_id(const struct message *message)
{
	const char *mta_hostname = message->facts.connection->mta_hostname;

	if (message->config->authserv_id != NULL && message->config->authserv_id[0] != '\0')
		return message->config->authserv_id;
	return mta_hostname != NULL && mta_hostname[0] != '\0' ? mta_hostname : message->session->engine->hostname;
}

/* What no single check can see: forged results in our own name, and recipients over the cap. */
static void raise_own_findings(struct message *message)
{
	const char *id = authserv_id(message);
	unsigned first;

	if (message->results->exempt)
		return;
	/* what the message says of itself needs no DNS: nothing insecure is in it */
	if (message->recipients_truncated)
		results_raise(message->results, FINDING_LIMIT_EXCEEDED, NULL, "more recipients than are weighed", DNS_SECURE);
	if (message->facts.authres_unread || authres_find_forged(&message->facts, id, &first, 1) != 0)
		results_raise(message->results, FINDING_AUTHRES_FORGED, id, NULL, DNS_SECURE);
}

static const char *quarantine_reason(struct message *message, const struct decision *decision)
{
	char *reason;

	if (decision->action != ACTION_QUARANTINE || !decision->enforced)
		return NULL;
	reason = arena_printf(message->arena, "assay: %s", findings_table[decision->finding].name);
	if (decision->domain != NULL)
		reason = arena_printf(message->arena, "%s %s", reason, decision->domain);
	if (strlen(reason) > QUARANTINE_REASON_MAX)
		reason[QUARANTINE_REASON_MAX] = '\0';
	return reason;
}

static const struct outcome *outcome_make(struct message *message, enum finding_stage stage)
{
	struct outcome *outcome = &message->outcome;
	struct action_input input = {
		.config = message->config, .facts = &message->facts, .author = &message->author,
		.results = message->results, .decision = &outcome->decision, .authserv_id = authserv_id(message),
	};

	outcome->decision = message_decide(message, stage);
	remember_greylist(message->session->engine->store, message, &outcome->decision);
	action_edits(&input, &outcome->edits);
	outcome->log_line = log_line_build(&input);
	outcome->quarantine_reason = quarantine_reason(message, &outcome->decision);
	remember_message(message->session->engine->store, message, &outcome->decision);
	message->outcome_made = true;
	return outcome;
}

const struct outcome *message_judge(struct message *message)
{
	if (message->outcome_made)
		return &message->outcome;
	if (!message->header_done)
		message_header_done(message);
	message_judge_stage(message, FINDING_STAGE_MESSAGE);
	raise_own_findings(message);
	return outcome_make(message, FINDING_STAGE_MESSAGE);
}

const struct outcome *message_judge_envelope(struct message *message)
{
	if (message->outcome_made)
		return &message->outcome;
	message_judge_stage(message, FINDING_STAGE_ENVELOPE);
	return outcome_make(message, FINDING_STAGE_ENVELOPE);
}

const char *message_log_refused(struct message *message, const char *recipient, const struct decision *decision)
{
	struct action_input input = {
		.config = message->config, .facts = &message->facts, .author = &message->author,
		.results = message->results, .decision = decision, .authserv_id = authserv_id(message),
		.recipient = recipient,
	};

	return log_line_build(&input);
}
