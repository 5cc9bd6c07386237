/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Recipients, those refused at RCPT too, and what of the message is put before the policies.
 * Trusts recipient_find_place() for the places. Cannot fail. Thread: the connection's.
 */
#include <string.h>

#include "pipeline/internal.h"
#include "pipeline/shared.h"
#include "pipeline/trace.h"
#include "policy/reply.h"

enum { FIRST_RECIPIENT_ROOM = 4 };

static void recipients_grow(struct message *message)
{
	size_t room = message->recipient_room == 0 ? FIRST_RECIPIENT_ROOM : message->recipient_room * 2;
	const char **recipients = arena_calloc(message->arena, room, sizeof(*recipients));
	struct recipient_place *places = arena_calloc(message->arena, room, sizeof(*places));

	if (message->facts.recipient_count != 0) {
		memcpy(recipients, message->recipients, message->facts.recipient_count * sizeof(*recipients));
		memcpy(places, message->recipient_places, message->facts.recipient_count * sizeof(*places));
	}
	message->recipients = recipients;
	message->recipient_places = places;
	message->recipient_room = room;
	message->facts.recipients = recipients;
}

static void recipient_keep(struct message *message, const char *address, const struct recipient_place *place)
{
	size_t index = message->facts.recipient_count;

	if (index >= message->config->max_recipients) {
		message->recipients_truncated = true;
		return;
	}
	if (index == message->recipient_room)
		recipients_grow(message);
	message->recipients[index] = address;
	message->recipient_places[index] = *place;
	message->facts.recipient_count++;
}

/* An address that was cut does not end where it ends. */
/* A mailbox that no policy asks for would only keep apart what is the same. */
static struct recipient_place find_place(struct message *message, const char *recipient, const struct recipient_route *route,
    const char **address_r)
{
	struct recipient_place place;

	*address_r = message_address_copy(message, recipient);
	if (strlen(*address_r) >= ADDRESS_MAX_BYTES)
		return (struct recipient_place){ .where = RECIPIENT_UNKNOWN };
	place = recipient_find_place(message->arena, *address_r, route);
	if (!message->config->policies_name_mailboxes)
		place.mailbox = NULL;
	return place;
}

/* As they are known at the first decision: the others of the message stand on the same. */
static const struct brakes *message_brakes(struct message *message)
{
	struct shared_store *store = message->session->engine->store;

	if (store != NULL && !message->brakes_known) {
		message->brakes = brake_memory_copy(store->brakes, message->arena);
		message->brakes_known = true;
	}
	return message->brakes;
}

static void evidence_of(struct message *message, enum finding_stage stage, struct evidence *evidence_r)
{
	const struct evidence_input input = {
		.stage = stage, .facts = &message->facts, .author = &message->author, .results = message->results,
		.recipients = message->recipient_places, .recipient_count = message->facts.recipient_count,
		.refused = message->refused_places, .refused_count = message->refused_count,
		.recipients_over_cap = message->recipients_truncated,
		.brakes = message_brakes(message),
	};

	evidence_make(&input, message->arena, evidence_r);
}

void message_reply(struct message *message, unsigned wait_secs, struct decision *decision)
{
	const char *explanation = message->results->spf.explanation;
	bool decided = decision->finding < FINDING_COUNT;
	const struct reply_input input = {
		.detail = decided ? results_detail(message->results, decision->finding, decision->domain) : NULL,
		.help_url = message->config->help_url, .reference = message->reference, .wait_secs = wait_secs,
		.explanation = explanation != NULL ? explanation : message->config->spf_default_explanation,
	};

	reply_make(&input, message->arena, decision);
}

struct decision message_decide(struct message *message, enum finding_stage stage, struct evidence *evidence_r)
{
	const struct policy_set set = policy_set_of(message->config);
	struct evidence judged;

	evidence_of(message, stage, evidence_r);
	judged = *evidence_r;
	if (judged.recipient_count == 0) {	/* nobody is left: they count as those who they were */
		judged.recipients = judged.refused;
		judged.recipient_count = judged.refused_count;
	}
	/* had nobody been refused, there would be some over the cap */
	if (message->refused_total + message->facts.recipient_count > message->config->max_recipients) {
		evidence_r->over_cap_but_for_refused = !message->recipients_truncated;
		evidence_r->lacks |= EVIDENCE_LACKS_RECIPIENTS;
	}
	return policy_judge(&set, &judged, message->arena);
}

static void decide_at_rcpt(struct message *message, const struct recipient_place *place, struct decision *decision_r)
{
	const struct policy_set set = policy_set_of(message->config);

	message_judge_stage(message, FINDING_STAGE_ENVELOPE);
	if (message->at_rcpt == NULL) {
		message->at_rcpt = arena_alloc(message->arena, sizeof(*message->at_rcpt));
		evidence_of(message, FINDING_STAGE_ENVELOPE, message->at_rcpt);
		message->opinions_at_rcpt = policy_opinions(&set, message->at_rcpt, message->arena);
	}
	*decision_r = policy_judge_places(message->opinions_at_rcpt, place, 1);
	if (decision_r->action == ACTION_GREYLIST)	/* waits for the message, which may vouch for itself */
		*decision_r = decision_none();
	message_reply(message, 0, decision_r);
}

/* As many as may be accepted, each place once: of those that are left out message_decide() knows by their number. */
static void refused_keep(struct message *message, const struct recipient_place *place)
{
	struct recipient_place *places = message->refused_places;

	message->refused_total++;
	if (message->refused_count != 0 && message->refused_count == message->refused_room) {
		message->refused_count = evidence_sort_places(places, message->refused_count);
		if (message->refused_count >= message->config->max_recipients)
			return;
	}
	if (message->refused_count == message->refused_room) {
		message->refused_room = message->refused_room == 0 ? FIRST_RECIPIENT_ROOM : message->refused_room * 2;
		message->refused_places = arena_calloc(message->arena, message->refused_room, sizeof(*places));
		if (message->refused_count != 0)
			memcpy(message->refused_places, places, message->refused_count * sizeof(*places));
	}
	message->refused_places[message->refused_count++] = *place;
}

void message_recipient_resolved(struct message *message, const char *recipient, const struct recipient_route *route,
    struct decision *decision_r)
{
	struct recipient_place place;
	const char *address;

	*decision_r = decision_none();
	/* over the cap nothing more is stored; the evidence knows */
	if (message->facts.recipient_count >= message->config->max_recipients && !message_acts_at_rcpt(message)) {
		message->recipients_truncated = true;
		return;
	}
	place = find_place(message, recipient, route, &address);
	if (message_acts_at_rcpt(message)) {
		decide_at_rcpt(message, &place, decision_r);
		if (decision_refuses(decision_r)) {
			refused_keep(message, &place);
			trace_refused(message, address, decision_r);
			return;
		}
	}
	recipient_keep(message, address, &place);
}

void message_recipient(struct message *message, const char *recipient, struct decision *decision_r)
{
	message_recipient_resolved(message, recipient, NULL, decision_r);
}

void message_recipient_keep(struct message *message, const char *recipient)
{
	const char *address;
	struct recipient_place place = find_place(message, recipient, NULL, &address);

	recipient_keep(message, address, &place);
}
