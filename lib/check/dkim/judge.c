/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The verdict on one signature (RFC 6376 section 6.1, RFC 8301, RFC 8463), in the words of RFC 8601 section 2.7.1:
 *
 *   permerror  the signature or its key record is unusable: missing or malformed tags, v= other than 1, unknown a= or c=,
 *              From unsigned, i= outside d=, no key, revoked key, key of another type, hash or service
 *   temperror  the key's DNS answer did not come, or failed DNSSEC validation
 *   fail       the body or header hash is another, or the body is shorter than l=
 *   policy     it verifies and does not count: rsa-sha1 (not even tried: RFC 8301 section 3.1), an RSA key under the minimum
 *              (section 3.2), l= short of the body, x= in the past or t= in the future (RFC 6376 section 3.5: MAY be
 *              considered invalid, ignored; so it is the receiver's policy)
 *   neutral    it could not be processed: one of our caps, a bare CR or LF in the body, header fields over the caps
 *   pass       all is well
 *
 * A signature under a t=y key is judged like others; its failure is told as test mode and raises no dkim-fail (RFC 6376
 * section 3.6.1: no different from unsigned mail).
 * Thread: the message's; waits for the key's DNS answer.
 */
#include <inttypes.h>
#include <string.h>

#include "check/dkim/job.h"
#include "check/signature/canon.h"

enum { KEY_RECORDS_MAX = 4 };

struct verdict {
	enum result result;
	const char *reason;
	unsigned key_bits;
	bool test_mode, partial_body, expired, weak_key;
};

static struct verdict verdict_make(enum result result, const char *reason)
{
	return (struct verdict){ .result = result, .reason = reason };
}

/* The message's hashes as this signature covers it. @return NULL or why there are none. */
static const char *job_hashes(const struct check_context *context, const struct dkim_state *state,
    const struct dkim_job *job, uint8_t header_r[DKIM_HASH_BYTES], struct dkim_body_result *body_r)
{
	const char *why;

	if (state->hasher == NULL)
		return "libopendkim gives no handle";
	why = dkim_hasher_body_result(state->hasher, job->body_slot, body_r);
	if (why != NULL)
		return why;
	if (!job->own_header_hash)
		return dkim_hasher_header(state->hasher, job->slot, header_r);
	if (dkim_canon_header_hash(context->facts, job->field, &job->signature, header_r) != 0)
		return "the header could not be hashed";
	return NULL;
}

/* What is left to object to a signature that verifies. */
static void verdict_restrict(const struct check_context *context, const struct dkim_job *job, uint64_t total_bytes,
    struct verdict *verdict)
{
	const struct dkim_signature *signature = &job->signature;
	int64_t now = context->facts->time_secs > 0 ? context->facts->time_secs : 0;

	if (signature->has_expiry && signature->expiry_secs < (uint64_t)now) {
		verdict->expired = true;
		verdict->result = RESULT_POLICY;
		verdict->reason = "the signature has expired";
	} else if (signature->has_time && signature->time_secs > (uint64_t)now + DKIM_CLOCK_SKEW_SECS) {
		verdict->result = RESULT_POLICY;
		verdict->reason = "the signature is dated in the future";
	}
	if (signature->has_length && signature->length < total_bytes) {
		verdict->partial_body = true;
		if (context->config->dkim_partial_body == PARTIAL_BODY_POLICY)
			verdict->result = RESULT_POLICY;
		if (verdict->reason == NULL)
			verdict->reason = "l= leaves a part of the body unsigned";
	}
}

/* One key against one signature. */
static struct verdict judge_key(struct check_context *context, const struct dkim_state *state, const struct dkim_job *job,
    const struct dkim_key_record *record)
{
	const struct dkim_signature *signature = &job->signature;
	struct verdict verdict = { .result = RESULT_PERMERROR, .test_mode = record->test_mode };
	uint8_t header[DKIM_HASH_BYTES];
	struct dkim_body_result body;
	EVP_PKEY_CTX *verifier;
	bool verified;

	verdict.reason = dkim_key_refuses(record, signature);
	if (verdict.reason != NULL)
		return verdict;
	verifier = dkim_keycache_get(context->shared->dkim->keys, record, &verdict.key_bits, &verdict.reason);
	if (verifier == NULL)
		return verdict;
	if (record->type == DKIM_TYPE_RSA && verdict.key_bits < context->config->dkim_min_key_bits) {
		verdict.weak_key = true;
		verdict.result = RESULT_POLICY;
		verdict.reason = arena_printf(context->arena, "the RSA key has %u bits only", verdict.key_bits);
		goto out;
	}
	verdict.result = RESULT_NEUTRAL;
	verdict.reason = job->limit != NULL ? job->limit : job_hashes(context, state, job, header, &body);
	if (verdict.reason != NULL)
		goto out;
	verdict.result = RESULT_FAIL;
	if (signature->has_length && signature->length > body.canonical_bytes)
		verdict.reason = "the body is shorter than l=";
	else if (memcmp(body.hash, signature->body_hash, DKIM_HASH_BYTES) != 0)
		verdict.reason = "the body hash did not verify";
	if (verdict.reason != NULL)
		goto out;
	verified = dkim_verify_hash(verifier, record->type, header, signature->b, signature->b_length);
	verdict.result = verified ? RESULT_PASS : RESULT_FAIL;
	verdict.reason = verified ? NULL : "the signature did not verify";
	if (verified)
		verdict_restrict(context, job, body.canonical_bytes, &verdict);
out:
	EVP_PKEY_CTX_free(verifier);
	return verdict;
}

/* How far a verdict came: with several key records the one that came farthest is told (RFC 6376 section 6.1.2). */
static int verdict_rank(const struct verdict *verdict)
{
	switch (verdict->result) {
	case RESULT_PASS: return 4;
	case RESULT_POLICY: return 3;
	case RESULT_NEUTRAL: return 2;
	case RESULT_FAIL: return 1;
	default: return 0;
	}
}

static struct verdict judge_records(struct check_context *context, const struct dkim_state *state,
    const struct dkim_job *job, const struct dns_answer *answer)
{
	struct verdict best = verdict_make(RESULT_PERMERROR, NULL);
	size_t tried = 0;

	for (size_t i = 0; i < answer->rr_count && tried < KEY_RECORDS_MAX; i++) {
		struct dkim_key_record record;
		struct verdict verdict;
		size_t length;
		const char *text = dns_rr_text(&answer->rrs[i], context->arena, &length);
		const char *why = dkim_key_parse(context->arena, text, length, &record);

		if (why != NULL) {
			if (best.reason == NULL)
				best.reason = why;
			continue;
		}
		verdict = judge_key(context, state, job, &record);
		if (tried++ == 0 || verdict_rank(&verdict) > verdict_rank(&best))
			best = verdict;
		if (best.result == RESULT_PASS)
			break;
	}
	return best;
}

static struct verdict judge_answer(struct check_context *context, const struct dkim_state *state,
    const struct dkim_job *job, const struct dns_answer *answer)
{
	switch (answer->status) {
	case DNS_STATUS_DATA:
		return judge_records(context, state, job, answer);
	case DNS_STATUS_NODATA:
	case DNS_STATUS_NXDOMAIN:
		return verdict_make(RESULT_PERMERROR, "no key for signature");
	case DNS_STATUS_FAIL:
		break;
	}
	/* too many look-ups are the sender's own doing, and do not get better by waiting */
	return verdict_make(answer->failure == DNS_FAILURE_LIMIT ? RESULT_PERMERROR : RESULT_TEMPERROR,
	    arena_printf(context->arena, "key look-up failed: %s", answer->why));
}

/*
 * A field that was added on top leaves the RFC's word as it is and takes the signature's weight (added.c). Told where
 * it changes something: of a pass, and of what might have been one.
 */
static void weigh_added_field(struct check_context *context, const struct dkim_state *state,
    const struct dkim_signature *signature, struct dkim_result *result)
{
	if (signature->fault != NULL || (result->result != RESULT_PASS && result->result != RESULT_TEMPERROR))
		return;
	result->added_field = dkim_added_field(signature, state->once);
	if (result->added_field == NULL)
		return;
	if (result->reason == NULL)
		result->reason = arena_printf(context->arena, "does not count: there is a %s that it does not cover",
		    result->added_field);
	/* the message itself says so: nothing of that is insecure */
	results_raise(context->results, FINDING_DKIM_FIELD_ADDED, result->domain,
	    arena_printf(context->arena, "s=%s: another %s", result->selector, result->added_field), DNS_SECURE);
}

/* Of a signature that counts, what it leaves to anybody on the way. The message itself says so: nothing of that is insecure. */
static void raise_unsigned(struct check_context *context, const struct dkim_state *state,
    const struct dkim_signature *signature, const struct dkim_result *result)
{
	const char *fields;

	if (!dkim_result_counts(result))
		return;
	fields = dkim_unsigned_fields(context->arena, signature, state->once);
	if (fields != NULL)
		results_raise(context->results, FINDING_DKIM_HEADER_UNSIGNED, result->domain,
		    arena_printf(context->arena, "s=%s: %s", result->selector, fields), DNS_SECURE);
}

static void raise_findings(struct check_context *context, const struct dkim_job *job, const struct verdict *verdict,
    const struct dkim_result *result)
{
	const char *detail = NULL;	/* made when there is something to tell */
	const struct { bool raised; enum finding_id id; } findings[] = {
		{ verdict->result == RESULT_FAIL && !verdict->test_mode, FINDING_DKIM_FAIL },
		{ verdict->result == RESULT_PERMERROR || verdict->result == RESULT_NEUTRAL, FINDING_DKIM_PERMERROR },
		{ verdict->result == RESULT_TEMPERROR, FINDING_DKIM_TEMPERROR },
		{ result->dnssec == DNS_BOGUS, FINDING_DNSSEC_BOGUS },
		{ verdict->weak_key, FINDING_DKIM_WEAK_KEY },
		{ job->signature.fault == NULL && job->signature.algorithm == DKIM_ALGORITHM_RSA_SHA1,
		    FINDING_DKIM_WEAK_ALGORITHM },
		{ verdict->expired, FINDING_DKIM_EXPIRED },
		{ verdict->partial_body, FINDING_DKIM_PARTIAL_BODY },
		{ verdict->test_mode, FINDING_DKIM_TEST_MODE },
	};

	for (size_t i = 0; i < sizeof findings / sizeof findings[0]; i++) {
		if (!findings[i].raised)
			continue;
		if (detail == NULL)
			detail = arena_printf(context->arena, "s=%s%s%s", result->selector != NULL ? result->selector : "?",
			    verdict->reason != NULL ? ": " : "", verdict->reason != NULL ? verdict->reason : "");
		results_raise(context->results, findings[i].id, result->domain, detail,
		    result->message_alone ? DNS_SECURE : result->dnssec);
	}
}

void dkim_judge_job(struct check_context *context, const struct dkim_state *state, const struct dkim_job *job,
    struct dkim_result *result_r)
{
	const struct dkim_signature *signature = &job->signature;
	struct verdict verdict;

	*result_r = (struct dkim_result){ .domain = signature->domain, .selector = signature->selector,
		.identity = signature->identity, .algorithm = signature->algorithm_text, .dnssec = DNS_INDETERMINATE,
		.message_alone = true };
	if (signature->fault != NULL) {
		verdict = verdict_make(RESULT_PERMERROR, signature->fault);
	} else if (signature->algorithm == DKIM_ALGORITHM_RSA_SHA1) {
		verdict = verdict_make(RESULT_POLICY, "rsa-sha1 does not count");
	} else {
		const struct dns_answer *answer = dns_wait(dns_scope_for(context->dns, DNS_FOR_DKIM), job->query, DNS_TYPE_TXT);

		result_r->dnssec = answer->security;
		result_r->message_alone = answer->status == DNS_STATUS_FAIL && answer->failure == DNS_FAILURE_LIMIT &&
		    answer->security == DNS_INDETERMINATE;
		verdict = judge_answer(context, state, job, answer);
	}
	result_r->result = verdict.result;
	result_r->reason = verdict.reason;
	result_r->key_bits = verdict.key_bits;
	result_r->test_mode = verdict.test_mode;
	result_r->partial_body = verdict.partial_body;
	raise_findings(context, job, &verdict, result_r);
	weigh_added_field(context, state, signature, result_r);
	raise_unsigned(context, state, signature, result_r);
}
