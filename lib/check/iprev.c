/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * iprev (RFC 8601 section 3): the client's address has a name, and that name has the address.
 *   pass       a PTR name has the client's address
 *   fail       there are PTR names, none has it
 *   permerror  there is no PTR record
 *   temperror  an answer that could have made it a pass did not come
 * The name the MTA gives is looked at first, but believed only when DNS says the same.
 * Flow: envelope() asks PTR, its continuation asks the addresses; judge() waits. Thread: that of the message, the
 * continuation any. Trusts nothing but the client's address. At most 10 names are looked at.
 */
#include <string.h>
#include <strings.h>

#include "check/check.h"

enum { IPREV_MAX_NAMES = 10, REVERSE_NAME_BYTES = 80 };

struct iprev_state {
	uint16_t address_type;
	char reverse[REVERSE_NAME_BYTES];
	char address[ADDR_TEXT_BYTES];
};

/* Runs on the I/O thread perhaps: has an arena of its own and only starts look-ups. */
static void iprev_start_forward(struct dns_scope *scope, const struct dns_answer *answer, void *arg)
{
	const struct iprev_state *state = arg;
	struct arena *arena;

	if (answer->status != DNS_STATUS_DATA)
		return;
	arena = arena_new();
	for (size_t i = 0; i < answer->rr_count && i < IPREV_MAX_NAMES; i++) {
		const char *name = dns_rr_name(&answer->rrs[i], arena);

		if (name != NULL)
			dns_start(scope, name, state->address_type);
	}
	arena_free(&arena);
}

static void iprev_envelope(struct check_context *context)
{
	const struct ip_addr *client = &context->facts->connection->client;
	const char *name = context->facts->connection->client_name;
	struct iprev_state *state;

	if (!context->config->iprev_enabled || client->family == AF_UNSPEC)
		return;
	state = arena_calloc(context->arena, 1, sizeof(*state));
	state->address_type = client->family == AF_INET6 ? DNS_TYPE_AAAA : DNS_TYPE_A;
	addr_reverse_name(client, state->reverse);
	addr_format(client, state->address);
	context->state[CHECK_IPREV] = state;
	dns_start_then(dns_scope_for(context->dns, DNS_FOR_CLIENT), state->reverse, DNS_TYPE_PTR, iprev_start_forward, state);
	/* most likely it is the name that the MTA found */
	if (name != NULL && strchr(name, '.') != NULL && name[0] != '[')
		dns_guess(context->dns, name, state->address_type);
}

/* The first names of the PTR answer; the one that the MTA found stands first, wherever it is in the answer. */
static size_t ptr_names(struct check_context *context, const struct dns_answer *answer, const char **names_r)
{
	const char *preferred = context->facts->connection->client_name;
	size_t count = 0;

	for (size_t i = 0; i < answer->rr_count; i++) {
		const char *name = dns_rr_name(&answer->rrs[i], context->arena);

		if (name == NULL)
			continue;
		if (preferred != NULL && strcasecmp(name, preferred) == 0) {
			if (count == IPREV_MAX_NAMES)
				count--;
			memmove(names_r + 1, names_r, count * sizeof(names_r[0]));
			names_r[0] = name;
			count++;
			preferred = NULL;
		} else if (count < IPREV_MAX_NAMES) {
			names_r[count++] = name;
		}
	}
	return count;
}

static bool has_address(const struct dns_answer *answer, const struct ip_addr *client)
{
	for (size_t i = 0; answer->status == DNS_STATUS_DATA && i < answer->rr_count; i++) {
		struct ip_addr addr = dns_rr_addr(&answer->rrs[i]);

		if (addr_equal(&addr, client))
			return true;
	}
	return false;
}

static void raise_bogus(struct results *results, const struct dns_answer *answer)
{
	if (answer->status == DNS_STATUS_FAIL && answer->security == DNS_BOGUS)
		results_raise(results, FINDING_DNSSEC_BOGUS, answer->name, answer->why, DNS_BOGUS);
}

/* There are PTR names: looks for one that leads back. */
static void iprev_forward(struct check_context *context, const struct iprev_state *state, const struct dns_answer *ptr)
{
	struct iprev_result *result = &context->results->iprev;
	const char *names[IPREV_MAX_NAMES];
	size_t count = ptr_names(context, ptr, names);
	const struct dns_answer *answer, *failed = NULL;

	result->dnssec = ptr->security;
	for (size_t i = 0; i < count; i++) {
		answer = dns_wait(dns_scope_for(context->dns, DNS_FOR_CLIENT), names[i], state->address_type);
		if (has_address(answer, &context->facts->connection->client)) {
			result->result = RESULT_PASS;
			result->name = names[i];
			result->dnssec = dns_weakest(ptr->security, answer->security);
			return;
		}
		/* what was too much to ask is no doubt in the client's favour */
		if (answer->status == DNS_STATUS_FAIL && answer->failure != DNS_FAILURE_LIMIT) {
			failed = answer;
			raise_bogus(context->results, answer);
		}
		result->dnssec = dns_weakest(result->dnssec, answer->security);
	}
	result->result = failed != NULL ? RESULT_TEMPERROR : RESULT_FAIL;
	result->reason = failed != NULL ? failed->why : "no name of the address leads back to it";
}

/* There is an address, and nobody has told it. */
static void judge_unknown(struct check_context *context)
{
	struct iprev_result *result = &context->results->iprev;

	if (!context->config->iprev_enabled || !context->facts->connection->client_unknown)
		return;
	result->result = RESULT_TEMPERROR;
	result->reason = "the MTA does not know the client's address";
	result->dnssec = DNS_INDETERMINATE;	/* nothing was asked */
	results_raise(context->results, FINDING_IPREV_TEMPERROR, NULL, result->reason, result->dnssec);
}

static void iprev_judge(struct check_context *context)
{
	const struct iprev_state *state = context->state[CHECK_IPREV];
	struct iprev_result *result = &context->results->iprev;
	const struct dns_answer *ptr;
	bool unknown;

	if (state == NULL) {
		judge_unknown(context);
		return;
	}
	ptr = dns_wait(dns_scope_for(context->dns, DNS_FOR_CLIENT), state->reverse, DNS_TYPE_PTR);
	if (ptr->status == DNS_STATUS_DATA) {
		iprev_forward(context, state, ptr);
	} else {
		unknown = ptr->status == DNS_STATUS_FAIL && ptr->failure != DNS_FAILURE_LIMIT;
		result->dnssec = ptr->security;
		result->result = unknown ? RESULT_TEMPERROR : RESULT_PERMERROR;
		result->reason = ptr->status == DNS_STATUS_FAIL ? ptr->why : "no PTR record";
		raise_bogus(context->results, ptr);
	}
	if (result->result == RESULT_TEMPERROR)
		results_raise(context->results, FINDING_IPREV_TEMPERROR, state->address, result->reason, result->dnssec);
	else if (result->result != RESULT_PASS)
		results_raise(context->results, FINDING_IPREV_FAIL, state->address, result->reason, result->dnssec);
}

const struct check check_iprev = {
	.id = CHECK_IPREV, .stage = FINDING_STAGE_ENVELOPE, .envelope = iprev_envelope, .judge = iprev_judge,
};
