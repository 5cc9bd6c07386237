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

const char *message_exempt_reason(const struct message *message)
{
	const struct config *config = message->config;
	const struct facts_connection *connection = message->facts.connection;

	if (beside_is_reinjected(config, connection))
		return "reinjected";
	if (connection->auth.mechanism != NULL && config->exempt_authenticated)
		return "authenticated";
	if (connection->local_submission)
		return "local-submission";
	return beside_is_trusted(config, &connection->client) ? "trusted-network" : NULL;
}

/* A part of what is left of the message's time begins; 0 would mean no deadline. */
static int64_t waiting_begin(struct message *message, unsigned part)
{
	unsigned part_ms = message->dns_left_ms / part;

	dns_scope_set_deadline(message->context.dns, part_ms != 0 ? part_ms : 1);
	return clock_monotonic_ms();
}

static void waiting_end(struct message *message, int64_t begun_ms)
{
	int64_t waited_ms = clock_monotonic_ms() - begun_ms;

	message->dns_left_ms = waited_ms < (int64_t)message->dns_left_ms ? message->dns_left_ms - (unsigned)waited_ms : 0;
	dns_scope_set_deadline(message->context.dns, 0);
}

static void settle_author(struct message *message, size_t author, size_t left)
{
	int64_t begun_ms = waiting_begin(message, 2 * (unsigned)left);

	for (size_t i = 0; i < CHECK_COUNT; i++) {
		if (checks_table[i]->settle != NULL && !message->judged[i])
			checks_table[i]->settle(&message->context, author);
	}
	waiting_end(message, begun_ms);
}

/* Author domains come before everything else that a sender may let us wait for; each has its own part of the time. */
static void settle_authors(struct message *message)
{
	size_t count = message->author.domain_count;

	for (size_t i = 0; i < count && !message->results->exempt; i++)
		settle_author(message, i, count - i);
}

static bool is_due(const struct message *message, const struct check *check, enum finding_stage stage)
{
	if (check->judge == NULL || (stage == FINDING_STAGE_ENVELOPE && check->stage != FINDING_STAGE_ENVELOPE))
		return false;
	return !message->results->exempt || check->exempt_too;
}

void message_judge_stage(struct message *message, enum finding_stage stage)
{
	int64_t begun_ms;

	if (stage == FINDING_STAGE_MESSAGE)
		settle_authors(message);
	begun_ms = waiting_begin(message, stage == FINDING_STAGE_ENVELOPE ? 2 : 1);
	for (size_t i = 0; i < CHECK_COUNT; i++) {
		if (message->judged[i] || !is_due(message, checks_table[i], stage))
			continue;
		checks_table[i]->judge(&message->context);
		message->judged[i] = true;
	}
	waiting_end(message, begun_ms);
}

/* The name under which we sign our results: config, else the MTA's own name, else the host's. */
const char *message_authserv_id(const struct message *message)
{
	const char *mta_hostname = message->facts.connection->mta_hostname;

	if (message->config->authserv_id != NULL && message->config->authserv_id[0] != '\0')
		return message->config->authserv_id;
	return mta_hostname != NULL && mta_hostname[0] != '\0' ? mta_hostname : message->session->engine->hostname;
}

/* What the look-ups of all checks together came to. */
static void raise_dns_findings(struct message *message)
{
	static const char *const purposes[DNS_PURPOSE_COUNT] = {
		[DNS_FOR_AUTHOR] = "author domains", [DNS_FOR_SPF] = "SPF",
		[DNS_FOR_HELO] = "SPF of the HELO name", [DNS_FOR_DKIM] = "DKIM", [DNS_FOR_ARC] = "ARC",
		[DNS_FOR_ALIGNMENT] = "DMARC alignment", [DNS_FOR_CLIENT] = "the client",
	};
	struct results *results = message->results;
	unsigned exceeded = dns_scope_exceeded(message->context.dns);

	results->dns_failures = dns_scope_failures(message->context.dns);
	for (size_t i = 0; i < DNS_PURPOSE_COUNT; i++) {
		if ((exceeded >> i & 1) != 0)
			results_raise(results, FINDING_LIMIT_EXCEEDED, NULL,
			    arena_printf(message->arena, "more DNS look-ups for %s than a message may cause", purposes[i]), DNS_SECURE);
	}
	if ((results->dns_failures >> DNS_FAILURE_OUTAGE & 1) != 0)
		results_raise(results, FINDING_DNS_UNAVAILABLE, NULL, "no recursive server answers", DNS_INDETERMINATE);
	else if ((results->dns_failures >> DNS_FAILURE_PRESSURE & 1) != 0)
		results_raise(results, FINDING_DNS_UNAVAILABLE, NULL, "more DNS look-ups are under way than the resolver takes",
		    DNS_INDETERMINATE);
}

/* Exempt messages too: their forged fields cost the MTA as much. */
static void plan_deletes(struct message *message)
{
	const struct action_input input = {
		.config = message->config, .facts = &message->facts, .authserv_id = message_authserv_id(message), .beside = &message->beside,
	};

	beside_look(message->config, &message->facts, message_authserv_id(message), &message->beside);
	action_deletes(&input, &message->outcome.edits);
}

/* What no single check can see: forged results in our own name, recipients over the cap, the cost of DNS. */
static void raise_own_findings(struct message *message)
{
	const struct edits *edits = &message->outcome.edits;
	const char *id = message_authserv_id(message);
	unsigned first;

	if (message->results->exempt)
		return;
	raise_dns_findings(message);
	/* what the message says of itself needs no DNS: nothing insecure is in it */
	if (message->recipients_truncated)
		results_raise(message->results, FINDING_LIMIT_EXCEEDED, NULL, "more recipients than are weighed", DNS_SECURE);
	if (message->facts.authres_unread || authres_find_forged(&message->facts, id, &first, 1) != 0)
		results_raise(message->results, FINDING_AUTHRES_FORGED, id, NULL, DNS_SECURE);
	if (edits->left != 0)
		results_raise(message->results, FINDING_AUTHRES_TOO_MANY, id, arena_printf(message->arena,
		    "%zu of %zu can be removed", edits->count, edits->count + edits->left), DNS_SECURE);
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
		.results = message->results, .decision = &outcome->decision, .authserv_id = message_authserv_id(message),
		.edits_left = outcome->edits.left, .beside = &message->beside, .reference = message->reference,
	};
	bool greylists;
	unsigned wait_secs;

	outcome->decision = message_decide(message, stage, &message->evidence);
	greylists = outcome->decision.action == ACTION_GREYLIST;
	wait_secs = remember_greylist(message->session->engine->store, message, &outcome->decision);
	message->greylist_passed = greylists && outcome->decision.action == ACTION_NONE;
	message_reply(message, wait_secs, &outcome->decision);
	action_inserts(&input, &outcome->edits);
	outcome->log_line = log_line_build(&input);
	outcome->quarantine_reason = quarantine_reason(message, &outcome->decision);
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
	message->judged_whole = !message->results->exempt;
	plan_deletes(message);
	raise_own_findings(message);
	return outcome_make(message, FINDING_STAGE_MESSAGE);
}

const struct outcome *message_judge_envelope(struct message *message)
{
	if (message->outcome_made)
		return &message->outcome;
	message_judge_stage(message, FINDING_STAGE_ENVELOPE);
	plan_deletes(message);
	return outcome_make(message, FINDING_STAGE_ENVELOPE);
}

const char *message_log_refused(struct message *message, const char *recipient, const struct decision *decision)
{
	struct action_input input = {
		.config = message->config, .facts = &message->facts, .author = &message->author,
		.results = message->results, .decision = decision, .authserv_id = message_authserv_id(message),
		.recipient = recipient, .reference = message->reference,
	};

	return log_line_build(&input);
}
