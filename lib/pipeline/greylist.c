/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Greylisting as the last step of a decision: what the store remembers of earlier tries. A store that gives no answer never
 * refuses a message: it passes, for delaying everybody because a disk is full would lose mail. Thread: the message's.
 */
#include "record/greylist.h"

#include <string.h>

#include "pipeline/internal.h"
#include "pipeline/remember.h"
#include "policy/reply.h"
#include "util/domain.h"
#include "util/error.h"

/* DMARC's alignment; of an author domain without a DMARC record that can be used, what relaxed alignment would be. */
static bool is_aligned(const struct results *results)
{
	const char *org = results->dmarc.org_domain;

	if (results->dmarc.result == RESULT_PASS)
		return true;
	if (!results->dmarc.no_policy || org == NULL)
		return false;
	if (results->spf.result == RESULT_PASS && results->spf.domain != NULL && domain_is_within(results->spf.domain, org))
		return true;
	for (size_t i = 0; i < results->dkim_count; i++) {
		const struct dkim_result *dkim = &results->dkim[i];

		if (dkim_result_counts(dkim) && dkim->domain != NULL && domain_is_within(dkim->domain, org))
			return true;
	}
	return false;
}

static bool is_exempt(const struct message *message)
{
	const struct config *config = message->config;
	const struct results *results = message->results;

	for (size_t i = 0; i < config->greylist_exempt_networks.count; i++) {
		if (network_contains(&config->greylist_exempt_networks.items[i], &message->session->connection.client))
			return true;
	}
	if (results->spf.result == RESULT_PASS && domain_set_has(config->greylist_exempt_domains.set, results->spf.domain))
		return true;
	return results->iprev.result == RESULT_PASS && domain_set_has(config->greylist_exempt_domains.set, results->iprev.name);
}

/* Who vouches for the message: the domain that passes SPF, so that a pool of senders waits once; else the network. */
static const char *origin(struct message *message)
{
	const struct results *results = message->results;
	const char *network;

	if (results->spf.result == RESULT_PASS && results->spf.domain != NULL)
		return results->spf.domain;
	network = memory_network_name(message->arena, &message->session->connection.client);
	return network != NULL ? network : "local";
}

unsigned remember_greylist(struct shared_store *shared, struct message *message, struct decision *decision)
{
	struct greylist_rules rules = { message->config->greylist_delay_secs, message->config->greylist_window_secs };
	struct greylist_try try = {
		.time_secs = message->facts.time_secs, .tls = message->results->tls.grade >= TLS_GRADE_OK,
		.aligned = is_aligned(message->results),
	};
	const char *recipient = message->facts.recipient_count != 0 ? message->facts.recipients[0] : "";
	struct greylist_entry entry;
	enum greylist_verdict verdict;
	const char *key;
	unsigned wait_secs;
	int code;

	if (decision->action != ACTION_GREYLIST)
		return 0;
	if (shared == NULL || is_exempt(message)) {
		decision->action = ACTION_NONE;
		return 0;
	}
	key = greylist_key(message->arena, origin(message), message->facts.mail_from, recipient);
	if (store_is_opening(shared->store)) {	/* who has waited is not known yet, and it is not for long */
		(void)store_greylist_note(shared->store, key, message->facts.time_secs, false);
		return 0;
	}
	code = store_greylist_get(shared->store, key, &entry);
	if (code != 0 && code != -E_ABSENT) {
		decision->action = ACTION_NONE;
		return 0;
	}
	verdict = greylist_judge(code == 0 ? &entry : NULL, &try, &rules, &wait_secs);
	/* in dry-run too: that is how it is measured how many come back. A try that cannot be remembered must not wait */
	code = store_greylist_note(shared->store, key, message->facts.time_secs, verdict == GREYLIST_PASS);
	if (verdict != GREYLIST_PASS && code == 0 && store_is_up(shared->store))
		return wait_secs;
	decision->action = ACTION_NONE;
	return 0;
}
