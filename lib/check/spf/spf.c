/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The SPF check: MAIL FROM and HELO judged by RFC 7208. Comes before dmarc in the run order; both identities are ENVELOPE
 * findings. libspf2 evaluates (front.c); what it may see and what it may do is decided here and in the files next to
 * it. Trusts nothing of the facts but the client's address. Fails into temperror and permerror, never into pass.
 * Thread: the message's.
 */
#include "check/spf/spf.h"

#include <string.h>

#include "check/check.h"
#include "check/spf/identity.h"
#include "util/domain.h"

/* Both identities, kept from envelope() to judge(): the prefetch looks into them. */
struct spf_state {
	struct spf_request sender, helo;
	bool judge_helo;
};

static bool has_8bit(const char *text)
{
	for (; *text != '\0'; text++)
		if ((unsigned char)*text > 0x7f)
			return true;
	return false;
}

static bool too_long(const char *text)
{
	return strnlen(text, SPF_IDENTITY_BYTES) == SPF_IDENTITY_BYTES;
}

static const char *helo_name(const struct check_context *context)
{
	const char *helo = context->facts->connection->helo, *name;

	if (helo == NULL || too_long(helo))
		return "";
	name = has_8bit(helo) ? domain_normalize(context->arena, helo, strlen(helo)) : NULL;
	return name != NULL ? name : helo;
}

/* MAIL FROM with its domain as A-labels, so that macros give names that can be asked for (RFC 8616 section 4). */
static const char *sender_address(const struct check_context *context)
{
	const struct facts *facts = context->facts;
	const char *at = facts->mail_from != NULL ? strrchr(facts->mail_from, '@') : NULL;

	if (at == NULL || facts->mail_from_domain == NULL)
		return facts->mail_from;
	return arena_concat(context->arena, arena_strndup(context->arena, facts->mail_from, (size_t)(at + 1 - facts->mail_from)),
	    facts->mail_from_domain, "");
}

static void spf_envelope(struct check_context *context)
{
	struct dns_scope *dns = dns_scope_for(context->dns, DNS_FOR_SPF);
	const struct facts_connection *connection = context->facts->connection;
	struct spf_state *state;

	if (!context->config->spf_enabled || connection->client.family == AF_UNSPEC)
		return;
	state = arena_calloc(context->arena, 1, sizeof(*state));
	state->sender = (struct spf_request){
		.client = connection->client,
		.helo = helo_name(context),
		.mail_from = sender_address(context),
		.receiver = connection->mta_hostname,
		.time_secs = context->facts->time_secs,
		.default_explanation = context->config->spf_default_explanation,
	};
	state->helo = state->sender;
	state->helo.mail_from = "";
	state->judge_helo = context->config->spf_check_helo && state->sender.mail_from != NULL
	    && state->sender.mail_from[0] != '\0' && spf_domain_valid(state->helo.helo);
	context->state[CHECK_SPF] = state;
	spf_prefetch(&state->sender, dns, context->arena);
	if (state->judge_helo)
		spf_prefetch(&state->helo, dns_scope_for(context->dns, DNS_FOR_HELO), context->arena);
}

static void findings_raise(struct results *results, const struct spf_result *spf)
{
	static const struct { enum result result; enum finding_id id; } rows[] = {
		{ RESULT_FAIL, FINDING_SPF_FAIL },
		{ RESULT_SOFTFAIL, FINDING_SPF_SOFTFAIL },
		{ RESULT_NEUTRAL, FINDING_SPF_NEUTRAL },
		{ RESULT_NONE, FINDING_SPF_NONE },
		{ RESULT_PERMERROR, FINDING_SPF_PERMERROR },
		{ RESULT_TEMPERROR, FINDING_SPF_TEMPERROR },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (rows[i].result == spf->result)
			results_raise(results, rows[i].id, spf->domain, spf->reason, spf->dnssec);
}

static void bogus_raise(struct results *results, const struct spf_result *spf)
{
	if (spf->result != RESULT_UNCHECKED && spf->dnssec == DNS_BOGUS)
		results_raise(results, FINDING_DNSSEC_BOGUS, spf->domain, spf->reason, DNS_BOGUS);
}

/* What there were no look-ups left for may be a failure. */
static bool helo_hides_failure(const struct check_context *context)
{
	return context->results->spf_helo.result == RESULT_PERMERROR &&
	    (dns_scope_exceeded(context->dns) >> DNS_FOR_HELO & 1) != 0;
}

/* There is an address, and nobody has told it: whether it is one of the domain's cannot be known. */
static void judge_unknown(struct check_context *context)
{
	const struct facts *facts = context->facts;
	struct spf_result *result = &context->results->spf;
	bool null_sender = facts->mail_from == NULL || facts->mail_from[0] == '\0';
	const char *domain = null_sender ? helo_name(context) : facts->mail_from_domain;

	if (!context->config->spf_enabled || !facts->connection->client_unknown)
		return;
	result->scope = null_sender ? SPF_SCOPE_HELO : SPF_SCOPE_MFROM;
	result->result = domain != NULL && spf_domain_valid(domain) ? RESULT_TEMPERROR : RESULT_NONE;
	result->domain = result->result == RESULT_TEMPERROR ? domain : NULL;
	result->reason = "the MTA does not know the client's address";
	result->dnssec = DNS_INDETERMINATE;	/* nothing was asked */
	findings_raise(context->results, result);
}

static void spf_judge(struct check_context *context)
{
	const struct spf_state *state = context->state[CHECK_SPF];
	struct results *results = context->results;
	struct dns_scope *dns = dns_scope_for(context->dns, DNS_FOR_SPF);

	if (state == NULL) {
		judge_unknown(context);
		return;
	}
	spf_evaluate(&state->sender, dns, context->arena, &results->spf);
	findings_raise(results, &results->spf);
	bogus_raise(results, &results->spf);
	if (!state->judge_helo)
		return;
	spf_evaluate(&state->helo, dns_scope_for(context->dns, DNS_FOR_HELO), context->arena, &results->spf_helo);
	if (results->spf_helo.result == RESULT_FAIL || helo_hides_failure(context))
		results_raise(results, FINDING_SPF_HELO_FAIL, results->spf_helo.domain, results->spf_helo.reason,
		    results->spf_helo.dnssec);
	bogus_raise(results, &results->spf_helo);
}

const struct check check_spf = {
	.id = CHECK_SPF, .stage = FINDING_STAGE_ENVELOPE, .envelope = spf_envelope, .judge = spf_judge,
};
