/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reads a recorded row back into what a policy looks at, and has the policies at hand decide it. Trusts the store for nothing but
 * termination of strings; what a row does not say counts as not known. Cannot fail. Thread: one.
 */
#include "report/replay.h"

#include <stdlib.h>
#include <string.h>

#include "policy/policy.h"
#include "util/arena.h"
#include "util/out_of_memory.h"

struct replay {
	const struct config *config;
	struct arena *arena;	/* for one row's decision; reset each time */
	struct results *results;
};

struct replay *replay_new(const struct config *config)
{
	struct replay *replay = calloc(1, sizeof(*replay));

	if (replay == NULL || (replay->results = calloc(1, sizeof(*replay->results))) == NULL)
		out_of_memory();
	replay->config = config;
	replay->arena = arena_new();
	return replay;
}

void replay_free(struct replay **replay)
{
	struct replay *old = *replay;

	*replay = NULL;
	if (old == NULL)
		return;
	arena_free(&old->arena);
	free(old->results);
	free(old);
}

/* A word of the row's results, "name=value": a copy of the value; NULL when it is not there. */
static const char *row_result(struct replay *replay, const struct flow_row *row, const char *name)
{
	size_t length = strlen(name);

	for (const char *word = row->results; *word != '\0'; word += strspn(word, " ")) {
		size_t word_length = strcspn(word, " ");

		if (word_length > length && strncmp(word, name, length) == 0 && word[length] == '=')
			return arena_strndup(replay->arena, word + length + 1, word_length - length - 1);
		word += word_length;
	}
	return NULL;
}

static bool list_has(const char *list, const char *name)
{
	size_t length = strlen(name);

	for (; list != NULL && *list != '\0'; list += strcspn(list, ","), list += *list == ',') {
		if (strncmp(list, name, length) == 0 && (list[length] == ',' || list[length] == '\0'))
			return true;
	}
	return false;
}

/* The row as the policy saw its messages; names of findings that are not known (of another version) are left out. */
static void read_row(struct replay *replay, const struct flow_row *row)
{
	struct results *results = replay->results;
	const char *names = row->findings, *secure = row_result(replay, row, "secure");
	const char *cert = row_result(replay, row, "cert"), *required = row_result(replay, row, "tls-required");
	const char *tlsa = row_result(replay, row, "tlsa");

	memset(results, 0, sizeof(*results));
	results->tls.not_required = required != NULL && strcmp(required, "no") == 0;
	if (cert != NULL && strncmp(cert, "verified", strlen("verified")) == 0)
		results->tls.cert_status = CERT_VERIFIED;
	else if (cert != NULL && strcmp(cert, "tlsa/tlsa") == 0)
		results->tls.cert_status = CERT_TLSA;
	if (tlsa != NULL)	/* recorded only when no answer came: "temperror" or "bogus" */
		results->tls.tlsa = strcmp(tlsa, "bogus") == 0 ? TLSA_BOGUS : TLSA_TEMPERROR;
	if (cert != NULL && strchr(cert, '/') != NULL)
		results->tls.cert_match = strchr(cert, '/') + 1;
	while (*names != '\0') {
		size_t length = strcspn(names, ",");
		char *name = arena_strndup(replay->arena, names, length);
		enum finding_id id;

		if (finding_from_name(name, &id) == 0)
			results_raise(results, id, NULL, NULL, list_has(secure, name) ? DNS_SECURE : DNS_INSECURE);
		names += length + (names[length] == ',');
	}
}

/*
 * Whether a policy applies to a row. What the row knows decides (author, client network); for what it does not know
 * (recipients, single addresses of the network) the name of the policy that applied at the time stands in.
 */
static bool applies(const struct policy_config *policy, const struct flow_row *row, const struct policy_who *who,
    const struct ip_network *network)
{
	struct policy_config rest = *policy;

	if (policy_matches(policy, who))
		return true;
	if (strcmp(policy->name, row->policy) != 0)
		return false;
	rest.recipient_domains.count = 0;
	for (size_t i = 0; i < policy->client_networks.count; i++)
		if (network_contains(network, &policy->client_networks.items[i].addr))
			rest.client_networks.count = 0;
	return policy_matches(&rest, who);
}

static const struct policy_config *row_policy(const struct replay *replay, const struct flow_row *row)
{
	struct ip_network network = { .addr = { .family = AF_UNSPEC } };
	struct policy_who who = { .author_domain = row->author_domain[0] != '\0' ? row->author_domain : NULL,
		.client = &network.addr };

	if (network_parse(row->client_network, &network) != 0)
		network.addr.family = AF_UNSPEC;
	for (size_t i = 0; i + 1 < replay->config->policy_count; i++)
		if (applies(&replay->config->policies[i], row, &who, &network))
			return &replay->config->policies[i];
	return &replay->config->policies[replay->config->policy_count - 1];
}

void replay_row(struct replay *replay, const struct flow_row *row, struct replayed *replayed_r)
{
	struct decision decision;

	arena_reset(replay->arena);
	read_row(replay, row);
	policy_decide(replay->config, row_policy(replay, row), replay->results, FINDING_STAGE_MESSAGE, replay->arena, &decision);
	*replayed_r = (struct replayed){ .action = decision.action, .findings = replay->results->set };
}
