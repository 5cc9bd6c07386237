/* SPDX-License-Identifier: BSD-2-Clause */
/* Of which messages a trace is kept, and what it is made of. See trace.h. */
#include "pipeline/trace.h"

#include "pipeline/shared.h"
#include "pipeline/trace_text.h"
#include "pipeline/trace_write.h"
#include "util/reference.h"

enum { REFUSALS_MAX = 50 };	/* shown of one message; the rest is counted */

const char *trace_reference(const struct message *message)
{
	char reference[REFERENCE_BYTES];

	if (message->config->traces == TRACES_OFF || message->session->engine->store == NULL || reference_make(reference) != 0)
		return NULL;
	return arena_strdup(message->arena, reference);
}

void trace_refused(struct message *message, const char *recipient, const struct decision *decision)
{
	struct trace_refusal *refusal;

	if (message->reference == NULL || message->refusal_count++ >= REFUSALS_MAX)
		return;
	refusal = arena_alloc(message->arena, sizeof(*refusal));
	*refusal = (struct trace_refusal){ .next = message->refusals, .recipient = recipient, .decision = *decision };
	message->refusals = refusal;
}

static bool has_temperror(const struct results *results)
{
	bool found = results->spf.result == RESULT_TEMPERROR || results->spf_helo.result == RESULT_TEMPERROR ||
	    results->arc.result == RESULT_TEMPERROR || results->dmarc.result == RESULT_TEMPERROR ||
	    results->adsp.result == RESULT_TEMPERROR || results->iprev.result == RESULT_TEMPERROR ||
	    results->tls.tlsa == TLSA_TEMPERROR || results->dns_failures != 0;

	for (size_t i = 0; i < results->dkim_count; i++)
		found = found || results->dkim[i].result == RESULT_TEMPERROR;
	return found;
}

/* Whether anything was done to the message, or would have been but for dry-run, or could not be found out. */
static bool is_failure(const struct message *message)
{
	return message->refused_count != 0 || (message->outcome_made &&
	    (message->outcome.decision.action != ACTION_NONE || has_temperror(message->results)));
}

void trace_end(struct message *message)
{
	struct trace_input input = { .message = message, .decision = decision_none() };
	struct evidence evidence;
	struct trace_note note = { .reference = message->reference, .queue_id = message->facts.queue_id,
		.time_secs = message->facts.time_secs };

	if (message->config->traces == TRACES_FAILURES && !is_failure(message))
		return;
	input.stage = TRACE_GIVEN_UP;
	if (message->outcome_made) {
		input.decision = message->outcome.decision;
		input.evidence = &message->evidence;
		input.stage = TRACE_JUDGED;
	} else if (message->refused_count != 0) {
		input.decision = message_decide(message, FINDING_STAGE_ENVELOPE, &evidence);
		input.evidence = &evidence;
		input.stage = message->facts.recipient_count == 0 ? TRACE_REFUSED_AT_RCPT : TRACE_GIVEN_UP;
	}
	note.text = trace_write(&input);
	(void)store_trace_note(message->session->engine->store->store, &note);
}
