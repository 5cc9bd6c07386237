/* SPDX-License-Identifier: BSD-2-Clause */
/* Conditions of one policy, see match.h. Pure. Thread: any. */
#include "policy/match.h"

#include <string.h>

#include "policy/internal.h"
#include "util/arena.h"
#include "util/clean.h"
#include "util/domain.h"
#include "util/mailbox.h"

enum { NAME_SHOWN_MAX = 255 };

/* @param unknown  where no name is known by which the condition holds. */
static const char *name_words(struct arena *arena, const char *what, const char *name, const char *unknown)
{
	return name != NULL ? arena_printf(arena, "%s %s", what, clean_word(arena, name, NAME_SHOWN_MAX)) : unknown;
}

/* ---- the session ------------------------------------------------------------------------------------------------- */

static bool has_authenticated(const struct policy_config *policy)
{
	return policy->authenticated != AUTHENTICATED_ANY;
}

static enum match match_authenticated(const struct policy_config *policy, const struct match_who *who)
{
	if (evidence_lacks(who->evidence, EVIDENCE_LACKS_AUTH))
		return MATCH_LACKS;
	return who->evidence->authenticated == (policy->authenticated == AUTHENTICATED_YES) ? MATCH_YES : MATCH_NO;
}

static const char *words_authenticated(const struct policy_config *policy, const struct evidence *evidence, struct arena *arena)
{
	(void)evidence;
	(void)arena;
	return policy->authenticated == AUTHENTICATED_YES ? "a client that has authenticated" : "a client that has not authenticated";
}

static bool has_listeners(const struct policy_config *policy)
{
	return policy->listeners.count != 0;
}

static enum match match_listener(const struct policy_config *policy, const struct match_who *who)
{
	const char *listener = who->evidence->listener;

	if (listener == NULL)
		return evidence_lacks(who->evidence, EVIDENCE_LACKS_LISTENER) ? MATCH_LACKS : MATCH_MAYBE;
	for (size_t i = 0; i < policy->listeners.count; i++) {
		if (strcmp(policy->listeners.items[i], listener) == 0)
			return MATCH_YES;
	}
	return MATCH_NO;
}

static const char *words_listener(const struct policy_config *policy, const struct evidence *evidence, struct arena *arena)
{
	(void)policy;
	return name_words(arena, "listener", evidence->listener, "a listener without a name");
}

static bool has_networks(const struct policy_config *policy)
{
	return policy->client_networks.count != 0;
}

/* A client whose address nobody knows may be in any network. */
static enum match match_client(const struct policy_config *policy, const struct match_who *who)
{
	const struct ip_addr *client = &who->evidence->client.addr;

	if (client->family == AF_UNSPEC)
		return MATCH_MAYBE;
	for (size_t i = 0; i < policy->client_networks.count; i++) {
		if (network_contains(&policy->client_networks.items[i], client))
			return MATCH_YES;
	}
	return MATCH_NO;
}

static const char *words_client(const struct policy_config *policy, const struct evidence *evidence, struct arena *arena)
{
	char client[ADDR_TEXT_BYTES];

	(void)policy;
	return name_words(arena, "client", evidence->client.addr.family != AF_UNSPEC ? addr_format(&evidence->client.addr, client) : NULL,
	    "a client that is not known");
}

static bool has_client_names(const struct policy_config *policy)
{
	return policy->client_names.count != 0;
}

/* The record keeps the name without its first label: some host right below client_name. */
static enum match match_parent(const struct policy_config *policy, const char *parent)
{
	char some_host[DOMAIN_MAX_LENGTH + 3] = "*.";	/* a label that no entry has */

	if (strlen(parent) > DOMAIN_MAX_LENGTH)
		return MATCH_LACKS;
	strcat(some_host, parent);
	if (domain_set_has(policy->client_names.set, some_host))
		return MATCH_YES;
	return domain_set_has(policy->client_parents, parent) ? MATCH_LACKS : MATCH_NO;
}

static enum match match_client_name(const struct policy_config *policy, const struct match_who *who)
{
	const struct evidence *evidence = who->evidence;
	bool lacks = evidence_lacks(evidence, EVIDENCE_LACKS_CLIENT_NAME);

	if (lacks && evidence->client_name != NULL)
		return match_parent(policy, evidence->client_name);
	if (lacks)
		return MATCH_LACKS;
	if (evidence->client_name == NULL)
		return evidence->client_name_unknown ? MATCH_MAYBE : MATCH_NO;
	return domain_set_has(policy->client_names.set, evidence->client_name) ? MATCH_YES : MATCH_NO;
}

static const char *words_client_name(const struct policy_config *policy, const struct evidence *evidence, struct arena *arena)
{
	(void)policy;
	return name_words(arena, "client name", evidence->client_name, "a client name that is not known");
}

static bool has_envelope_domains(const struct policy_config *policy)
{
	return policy->envelope_domains.count != 0;
}

static const char *sender_of(const struct evidence *evidence)
{
	return evidence->null_sender ? "<>" : evidence->envelope_domain;
}

static enum match match_envelope(const struct policy_config *policy, const struct match_who *who)
{
	const char *sender = sender_of(who->evidence);

	if (sender == NULL)
		return evidence_lacks(who->evidence, EVIDENCE_LACKS_ENVELOPE) ? MATCH_LACKS : MATCH_MAYBE;
	return domain_set_has(policy->envelope_domains.set, sender) ? MATCH_YES : MATCH_NO;
}

static const char *words_envelope(const struct policy_config *policy, const struct evidence *evidence, struct arena *arena)
{
	(void)policy;
	return name_words(arena, "envelope domain", sender_of(evidence), "an envelope domain that is not known");
}

/* ---- recipient and author ---------------------------------------------------------------------------------------- */

static enum match match_name(const struct domain_list *patterns, const char *domain)
{
	if (domain == NULL)
		return MATCH_MAYBE;
	return domain_set_has(patterns->set, domain) ? MATCH_YES : MATCH_NO;
}

static bool has_recipient_domains(const struct policy_config *policy)
{
	return policy->recipient_domains.count != 0;
}

static enum match match_recipient_domain(const struct policy_config *policy, const struct match_who *who)
{
	return match_name(&policy->recipient_domains, who->recipient);
}

/* Of several the first that it holds for. */
static const char *words_recipient_domain(const struct policy_config *policy, const struct evidence *evidence, struct arena *arena)
{
	const char *name = NULL;

	for (size_t i = 0; name == NULL && i < evidence->recipient_count; i++)
		if (match_name(&policy->recipient_domains, evidence->recipients[i].domain) == MATCH_YES)
			name = evidence->recipients[i].domain;
	return name_words(arena, "recipient", name, "a recipient here, or one whose domain is not known");
}

static bool has_recipients(const struct policy_config *policy)
{
	return policy->recipients.count != 0;
}

/* One way to read the mailbox: as it is, or without its extension. */
static enum match match_mailbox(const struct policy_config *policy, const struct match_who *who, const char *mailbox)
{
	if (mailbox_set_has(policy->recipients.set, mailbox, who->any_local ? NULL : who->recipient))
		return MATCH_YES;
	if (who->any_local)	/* named at another local domain than the one written, it is the same mailbox */
		return policy->local_users != NULL && domain_set_has(policy->local_users, mailbox) ? MATCH_MAYBE : MATCH_NO;
	return who->recipient == NULL ? MATCH_MAYBE : MATCH_NO;
}

/* Whether ann+x is the mailbox of ann only the MTA knows. */
static enum match match_recipient(const struct policy_config *policy, const struct match_who *who)
{
	char without[MAILBOX_MAX_LENGTH + 1];
	enum match match;
	size_t length;

	if (evidence_lacks(who->evidence, EVIDENCE_LACKS_MAILBOXES))
		return MATCH_LACKS;
	if (who->mailbox == NULL)
		return MATCH_MAYBE;
	match = match_mailbox(policy, who, who->mailbox);
	length = who->delimiters != NULL ? strcspn(who->mailbox, who->delimiters) : strlen(who->mailbox);
	if (match != MATCH_NO || length == 0 || who->mailbox[length] == '\0' || length > MAILBOX_MAX_LENGTH)
		return match;
	memcpy(without, who->mailbox, length);
	without[length] = '\0';
	return match_mailbox(policy, who, without) != MATCH_NO ? MATCH_MAYBE : MATCH_NO;
}

static const char *words_recipient(const struct policy_config *policy, const struct evidence *evidence, struct arena *arena)
{
	(void)policy;
	(void)evidence;
	(void)arena;
	return "a recipient by his mailbox";
}

static bool has_author_domains(const struct policy_config *policy)
{
	return policy->author_domains.count != 0;
}

static enum match match_author(const struct policy_config *policy, const struct match_who *who)
{
	if (who->evidence->stage == FINDING_STAGE_ENVELOPE)
		return MATCH_NO;
	return match_name(&policy->author_domains, who->author);
}

static const char *words_author(const struct policy_config *policy, const struct evidence *evidence, struct arena *arena)
{
	const char *name = NULL;

	if (evidence->stage == FINDING_STAGE_ENVELOPE)
		return "an author that is not known yet";
	for (size_t i = 0; name == NULL && i < evidence->author_count; i++)
		if (match_name(&policy->author_domains, evidence->authors[i].domain) == MATCH_YES)
			name = evidence->authors[i].domain;
	return name_words(arena, "author", name, "an author that is not known");
}

/* ---- the policy -------------------------------------------------------------------------------------------------- */

const struct condition match_conditions[] = {
	{ "authenticated", has_authenticated, match_authenticated, words_authenticated },
	{ "listeners", has_listeners, match_listener, words_listener },
	{ "client-networks", has_networks, match_client, words_client },
	{ "recipient-domains", has_recipient_domains, match_recipient_domain, words_recipient_domain },
	{ "author-domains", has_author_domains, match_author, words_author },
	{ "recipients", has_recipients, match_recipient, words_recipient },
	{ "envelope-domains", has_envelope_domains, match_envelope, words_envelope },
	{ "client-names", has_client_names, match_client_name, words_client_name },
};
const size_t match_condition_count = sizeof(match_conditions) / sizeof(match_conditions[0]);

const struct condition *match_condition_find(const char *option)
{
	for (size_t i = 0; i < match_condition_count; i++) {
		if (strcmp(match_conditions[i].option, option) == 0)
			return &match_conditions[i];
	}
	return NULL;
}

enum match match_policy(const struct policy_config *policy, const struct match_who *who)
{
	enum match least = MATCH_YES;

	for (size_t i = 0; i < match_condition_count && least != MATCH_NO; i++) {
		enum match match = match_conditions[i].is_set(policy) ? match_conditions[i].holds(policy, who) : MATCH_YES;

		if (match < least)
			least = match;
	}
	return least;
}
