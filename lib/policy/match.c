/* SPDX-License-Identifier: BSD-2-Clause */
/* Conditions of one policy, see match.h. Pure. Thread: any. */
#include "policy/match.h"

#include "util/domain.h"

/* A client whose address nobody knows may be in any network. */
static enum match match_client(const struct policy_config *policy, const struct ip_addr *client)
{
	for (size_t i = 0; i < policy->client_networks.count; i++) {
		if (client->family == AF_UNSPEC)
			return MATCH_MAYBE;
		if (network_contains(&policy->client_networks.items[i], client))
			return MATCH_YES;
	}
	return policy->client_networks.count == 0 ? MATCH_YES : MATCH_NO;
}

static enum match match_name(const struct domain_list *patterns, const char *domain)
{
	if (patterns->count == 0)
		return MATCH_YES;
	if (domain == NULL)
		return MATCH_MAYBE;
	return domain_set_has(patterns->set, domain) ? MATCH_YES : MATCH_NO;
}

enum match match_policy(const struct policy_config *policy, const struct match_who *who)
{
	enum match recipient = match_name(&policy->recipient_domains, who->recipient);
	enum match author = match_name(&policy->author_domains, who->author);
	enum match client = match_client(policy, &who->evidence->client.addr);

	if (who->evidence->stage == FINDING_STAGE_ENVELOPE && policy->author_domains.count != 0)
		return MATCH_NO;
	if (client < author)
		author = client;
	return recipient < author ? recipient : author;
}
