/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The verdict on a chain (RFC 8617 section 5.2, steps 4 to 7):
 *
 *   fail       the structure is wrong, the newest message signature or any seal does not verify, or one of our caps was met
 *   temperror  nothing of that, but a key's DNS answer did not come or failed validation
 *   pass       the newest message signature and all seals verify
 *
 * What does not count in DKIM does not count here: rsa-sha1, an RSA key under the minimum, x= in the past, t= in the future,
 * l= that leaves a part of the body unsigned. Older message signatures say how far back the message is as it was sealed; that
 * they fail is no fault of the chain (step 5).
 * Thread: the message's; waits for the keys' DNS answers.
 */
#include <string.h>

#include "check/arc/chain.h"
#include "check/signature/added.h"
#include "check/signature/canon.h"
#include "message/authres_parse.h"

enum {
	CLOCK_SKEW_SECS = 300,			/* t= may be so far in the future, as in DKIM */
	COMPARISONS_MAX = 500 * 1000,		/* names in h= with header fields; about 10 ms */
	HEADER_BYTES_MAX = 4 * 1024 * 1024,	/* hashed for message signatures, all together */
};

struct judging {
	struct check_context *context;
	const struct arc_state *state;
	struct arc_result *result;
	struct arc_set *sets;
	uint64_t comparisons, header_bytes;	/* spent on message signatures */
	unsigned key_work;			/* spent on all: verify.c */
	unsigned once[DKIM_ONCE_COUNT];		/* dkim_added_count() */
	struct arc_verdict bad, unknown;	/* the first of either; reason NULL: none */
};

static struct arc_verdict verdict_bad(const char *reason)
{
	return (struct arc_verdict){ .truth = ARC_BAD, .reason = reason, .dnssec = DNS_INDETERMINATE, .keyless = true };
}

static const char *times_fault(const struct check_context *context, const struct dkim_signature *signature)
{
	uint64_t now = context->facts->time_secs > 0 ? (uint64_t)context->facts->time_secs : 0;

	if (signature->has_expiry && signature->expiry_secs < now)
		return "the signature has expired";
	return signature->has_time && signature->time_secs > now + CLOCK_SKEW_SECS ? "the signature is dated in the future" : NULL;
}

static const char *spend(struct judging *judging, const struct dkim_signature *signature)
{
	const struct facts *facts = judging->context->facts;

	judging->comparisons += signature->name_count * facts->field_count;
	judging->header_bytes += facts->header_bytes;
	if (judging->comparisons > COMPARISONS_MAX)
		return "h= is too long for a header of this size";
	return judging->header_bytes > HEADER_BYTES_MAX ? "too many signatures for a header of this size" : NULL;
}

static const char *body_fault(const struct judging *judging, const struct arc_link *link)
{
	const struct dkim_signature *signature = &link->message_signature;
	struct dkim_body_result body;
	const char *why = dkim_bodies_result(judging->state->bodies, link->body_slot, &body);

	if (why != NULL)
		return why;
	if (signature->has_length && signature->length != body.canonical_bytes)
		return signature->length > body.canonical_bytes ? "the body is shorter than l=" :
		    "l= leaves a part of the body unsigned";
	return memcmp(body.hash, signature->body_hash, DKIM_HASH_BYTES) != 0 ? "the body hash did not verify" : NULL;
}

static struct arc_verdict judge_message(struct judging *judging, size_t index)
{
	struct check_context *context = judging->context;
	const struct arc_link *link = &judging->state->chain.links[index];
	const struct dkim_signature *signature = &link->message_signature;
	uint8_t hash[DKIM_HASH_BYTES];
	const char *why;

	if (link->message_query == NULL)
		return verdict_bad(signature->fault != NULL ? signature->fault : "rsa-sha1 does not count");
	why = times_fault(context, signature);
	if (why == NULL)
		why = body_fault(judging, link);
	if (why == NULL)
		why = spend(judging, signature);
	if (why == NULL && dkim_canon_header_hash(context->facts, link->message, signature, hash) != 0)
		why = "the header could not be hashed";
	return why != NULL ? verdict_bad(why) : arc_verify(context, signature, link->message_query, hash, &judging->key_work);
}

/* @return whether there is reason to go on. */
static bool weigh(struct judging *judging, size_t index, const char *what, struct arc_verdict verdict)
{
	struct arc_result *result = judging->result;
	struct arc_verdict *first = verdict.truth == ARC_BAD ? &judging->bad : &judging->unknown;

	if (verdict.truth == ARC_GOOD) {
		result->dnssec = dns_weakest(result->dnssec, verdict.dnssec);
		return true;
	}
	if (verdict.truth == ARC_UNKNOWN)
		judging->sets[index].unknown = true;
	if (first->reason == NULL) {
		*first = verdict;
		first->reason = arena_printf(judging->context->arena, "%s %zu: %s", what, index + 1, verdict.reason);
	}
	return verdict.truth == ARC_UNKNOWN;
}

/* How far back the message signatures hold, from the newest, which does. */
static void find_oldest_pass(struct judging *judging)
{
	size_t index = judging->state->chain.count - 1;
	struct arc_verdict older;

	for (bool intact = true; intact; index--) {
		const struct dkim_signature *signature = &judging->state->chain.links[index].message_signature;

		judging->sets[index].intact = dkim_added_field(signature, judging->once) == NULL;
		judging->result->oldest_pass = (unsigned)index + 1;
		if (index == 0)
			break;
		older = judge_message(judging, index - 1);
		intact = older.truth == ARC_GOOD;
		judging->sets[index - 1].unknown = older.truth == ARC_UNKNOWN;
		if (intact)
			judging->result->dnssec = dns_weakest(judging->result->dnssec, older.dnssec);
	}
	if (judging->result->oldest_pass == 1)
		judging->result->oldest_pass = 0;
}

/* From the newest to the oldest, until one does not verify. */
static void judge_seals(struct judging *judging)
{
	const struct arc_chain *chain = &judging->state->chain;
	uint8_t hashes[ARC_SETS_MAX][DKIM_HASH_BYTES];
	bool going_on = true;

	if (!arc_chain_seal_hashes(chain, judging->context->arena, hashes)) {
		weigh(judging, chain->count - 1, "seal", verdict_bad("the header could not be hashed"));
		return;
	}
	for (size_t i = chain->count; i-- > 0 && going_on;) {
		const struct dkim_signature *signature = &chain->links[i].seal_signature;
		const char *why = times_fault(judging->context, signature);

		going_on = weigh(judging, i, "seal", why != NULL ? verdict_bad(why) :
		    arc_verify(judging->context, signature, chain->links[i].seal_query, hashes[i],
		    &judging->key_work));
	}
}

/* What each sealer found. What cannot be read says nothing, and is no fault of the chain (section 3.4). */
static void read_results(struct judging *judging)
{
	const struct arc_chain *chain = &judging->state->chain;
	struct arena *arena = judging->context->arena;

	for (size_t i = 0; i < chain->count; i++) {
		const struct header_field *field = chain->links[i].results;
		const char *said = chain->links[i].said;
		struct authres *authres = arena_calloc(arena, 1, sizeof(*authres));

		if (authres_parse_loose(said, (size_t)(field->value + field->value_length - said), arena, authres) == 0)
			judging->sets[i].said = authres;
	}
	judging->result->sets = judging->sets;
	judging->result->set_count = chain->count;
}

static void judge_keys(struct judging *judging)
{
	const struct arc_chain *chain = &judging->state->chain;
	struct arc_result *result = judging->result;
	size_t newest = chain->count - 1;
	struct arc_verdict message;

	judging->sets = arena_calloc(judging->context->arena, chain->count, sizeof(*judging->sets));
	for (size_t i = 0; i < chain->count; i++) {
		judging->sets[i].sealer = chain->links[i].seal_signature.domain;
		judging->sets[i].selector = chain->links[i].seal_signature.selector;
	}
	dkim_added_count(judging->context->facts, judging->once);
	result->dnssec = DNS_SECURE;
	message = judge_message(judging, newest);
	if (weigh(judging, newest, "message signature", message))
		judge_seals(judging);
	if (judging->bad.reason != NULL) {
		result->result = RESULT_FAIL;
		result->reason = judging->bad.reason;
		result->dnssec = judging->bad.dnssec;
		result->message_alone = judging->bad.keyless;
		return;
	}
	if (message.truth == ARC_GOOD)
		find_oldest_pass(judging);
	read_results(judging);
	result->result = judging->unknown.reason != NULL ? RESULT_TEMPERROR : RESULT_PASS;
	result->reason = judging->unknown.reason;
	if (result->result == RESULT_TEMPERROR)
		result->dnssec = judging->unknown.dnssec;
}

static void raise_findings(struct check_context *context, const struct arc_chain *chain, const struct arc_result *result)
{
	enum dns_security dnssec = result->message_alone ? DNS_SECURE : result->dnssec;

	if (chain->too_many)
		results_raise(context->results, FINDING_ARC_TOO_MANY, result->sealer, chain->fault, DNS_SECURE);
	if (result->result == RESULT_FAIL)
		results_raise(context->results, FINDING_ARC_FAIL, result->sealer, result->reason, dnssec);
	if (result->result == RESULT_TEMPERROR)
		results_raise(context->results, FINDING_ARC_TEMPERROR, result->sealer, result->reason, dnssec);
}

void arc_judge_chain(struct check_context *context, const struct arc_state *state)
{
	const struct arc_chain *chain = &state->chain;
	struct arc_result *result = &context->results->arc;
	struct judging judging = { .context = context, .state = state, .result = result };

	*result = (struct arc_result){ .result = RESULT_NONE, .dnssec = DNS_INDETERMINATE };
	if (chain->links == NULL)
		return;
	if (chain->count != 0)
		result->sealer = chain->links[chain->count - 1].seal_signature.domain;
	if (chain->fault == NULL) {
		judge_keys(&judging);
	} else {
		result->result = RESULT_FAIL;
		result->reason = chain->fault;
		result->message_alone = true;
	}
	raise_findings(context, chain, result);
}
