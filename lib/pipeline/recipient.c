/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Recipients, and the policies that a message falls under: one for each recipient with each author domain. All of them weigh
 * the findings and the strictest counts, so that a second author, a recipient whose domain nobody can tell, or one over the
 * cap sheds no policy. Trusts recipient_find_place() for the places. Cannot fail. Thread: the connection's.
 */
#include <string.h>

#include "pipeline/internal.h"
#include "util/domain.h"

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
static struct recipient_place find_place(struct message *message, const char *recipient, const struct recipient_route *route,
    const char **address_r)
{
	*address_r = message_address_copy(message, recipient);
	if (strlen(*address_r) >= ADDRESS_MAX_BYTES)
		return (struct recipient_place){ .where = RECIPIENT_UNKNOWN };
	return recipient_find_place(message->arena, *address_r, route);
}

/*
 * A mailbox of the MTA's own is the same in every local domain; where none are named it may be in any domain. Of local domains
 * that no policy tells apart one stands for all.
 */
static void mark_place(const struct config *config, const struct recipient_place *place, struct policy_who *who, bool *marked)
{
	const struct domain_list *local = &config->local_domains;
	bool is_local = place->where == RECIPIENT_LOCAL;

	if (place->where == RECIPIENT_AT_DOMAIN)
		is_local = domain_set_has(local->set, place->domain);
	for (size_t i = 0; is_local && i < config->local_sample_count; i++) {
		who->recipient_domain = config->local_samples[i];
		policy_mark(config, who, marked);
	}
	who->recipient_domain = is_local && local->count == 0 ? NULL : place->domain;
	if (!is_local || local->count == 0 || place->domain != NULL)
		policy_mark(config, who, marked);
}

static bool same_place(const struct recipient_place *a, const struct recipient_place *b)
{
	return a->where == b->where && strcmp(a->domain != NULL ? a->domain : "", b->domain != NULL ? b->domain : "") == 0;
}

/* Every recipient with the author that stands in who; recipients over the cap may be anywhere. */
static void mark_recipients(const struct message *message, struct policy_who *who, bool *marked)
{
	static const struct recipient_place unknown = { .where = RECIPIENT_UNKNOWN };
	const struct recipient_place *places = message->recipient_places;
	size_t count = message->facts.recipient_count;

	for (size_t i = 0; i < count; i++) {
		if (i == 0 || !same_place(&places[i], &places[i - 1]))	/* they often come sorted */
			mark_place(message->config, &places[i], who, marked);
	}
	if (count == 0 || message->recipients_truncated)
		mark_place(message->config, &unknown, who, marked);
}

/* Whether the author domains that were read are all that a reader could be shown. */
static bool authors_known(const struct message *message)
{
	const struct author *author = &message->author;

	return (author->status == AUTHOR_OK || author->status == AUTHOR_MULTIPLE) && author->domain_count != 0 &&
	    !author->domains_truncated && !message->facts.fields_truncated;
}

static void mark_policies(const struct message *message, bool *marked)
{
	struct policy_who who = { .client = &message->session->connection.client, .before_author = !message->header_done };

	for (size_t i = 0; i < message->author.domain_count; i++) {
		who.author_domain = message->author.domains[i];
		mark_recipients(message, &who, marked);
	}
	who.author_domain = NULL;
	if (!authors_known(message))
		mark_recipients(message, &who, marked);
}

static struct decision strictest_of(const struct message *message, const bool *marked, enum finding_stage stage)
{
	const struct config *config = message->config;
	struct decision strictest = { .policy = NULL }, decision;

	for (size_t i = 0; i < config->policy_count; i++) {
		if (!marked[i])
			continue;
		policy_decide(config, &config->policies[i], message->results, stage, message->arena, &decision);
		strictest = strictest.policy != NULL ? *decision_stricter(&strictest, &decision) : decision;
	}
	return strictest;	/* policy_mark() has marked one */
}

struct decision message_decide(struct message *message, enum finding_stage stage)
{
	bool *marked = arena_calloc(message->arena, message->config->policy_count, sizeof(*marked));

	mark_policies(message, marked);
	return strictest_of(message, marked, stage);
}

static void decide_at_rcpt(struct message *message, const struct recipient_place *place, struct decision *decision_r)
{
	struct policy_who who = { .client = &message->session->connection.client, .before_author = true };
	bool *marked = arena_calloc(message->arena, message->config->policy_count, sizeof(*marked));

	message_judge_stage(message, FINDING_STAGE_ENVELOPE);
	mark_place(message->config, place, &who, marked);
	*decision_r = strictest_of(message, marked, FINDING_STAGE_ENVELOPE);
	if (decision_r->action == ACTION_GREYLIST)	/* waits for the message, which may vouch for itself */
		*decision_r = (struct decision){ .action = ACTION_NONE, .finding = FINDING_COUNT, .code = 250 };
}

void message_recipient_resolved(struct message *message, const char *recipient, const struct recipient_route *route,
    struct decision *decision_r)
{
	struct recipient_place place;
	const char *address;

	*decision_r = (struct decision){ .action = ACTION_NONE, .finding = FINDING_COUNT, .code = 250 };
	/* over the cap nothing more is stored; mark_recipients() knows */
	if (message->facts.recipient_count >= message->config->max_recipients && !message_acts_at_rcpt(message)) {
		message->recipients_truncated = true;
		return;
	}
	place = find_place(message, recipient, route, &address);
	if (message_acts_at_rcpt(message)) {
		decide_at_rcpt(message, &place, decision_r);
		if (decision_refuses(decision_r)) {
			if (message->refused.action == ACTION_NONE)
				message->refused = *decision_r;
			message->refused = *decision_stricter(&message->refused, decision_r);
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
