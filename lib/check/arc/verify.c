/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One signature of a chain against its key, which is published as DKIM's are (RFC 8617 section 4.1; keys RFC 6376 section 3.6.1,
 * RFC 8301, RFC 8463). Where several keys stand at one name it is enough that one fits.
 * ARC knows no temporary error (section 5.2.1): an answer that did not come is told apart here all the same, because
 * the same message may be tried again.
 * Thread: the message's; waits for the key's DNS answer.
 */
#include "check/arc/chain.h"
#include "check/signature/key.h"

enum {
	KEY_RECORDS_MAX = 4,
	/* for a message, in verifications by an RSA key of 1024 bits: with the worst exponent about 20 ms. Fifty sets by keys of 2048 bits
	   take 400; of 100 signatures and four keys of 8192 bits each, 25,600. */
	KEY_WORK_MAX = 1000,
	WORK_BITS = 1024, ED25519_WORK = 4
};

/* @return false: there is not so much left. */
static bool spend(unsigned *work, enum dkim_key_type type, unsigned bits)
{
	unsigned parts = (bits + WORK_BITS - 1) / WORK_BITS, more = type == DKIM_TYPE_RSA ? parts * parts : ED25519_WORK;

	if (*work + more > KEY_WORK_MAX)
		return false;
	*work += more;
	return true;
}

/* @return NULL when the signature is this key's. */
static const char *try_key(struct check_context *context, const struct dkim_signature *signature, const char *text,
    size_t length, const uint8_t hash[DKIM_HASH_BYTES], unsigned *work)
{
	struct dkim_key_record record;
	const char *why = dkim_key_parse(context->arena, text, length, &record);
	unsigned bits = 0;
	EVP_PKEY_CTX *verifier;

	if (why == NULL)
		why = dkim_key_refuses(&record, signature);
	if (why != NULL)
		return why;
	verifier = dkim_keycache_get(context->shared->keys, &record, &bits, &why);
	if (verifier == NULL)
		return why;
	if (record.type == DKIM_TYPE_RSA && bits < context->config->dkim_min_key_bits)
		why = arena_printf(context->arena, "the RSA key has %u bits only", bits);
	else if (!spend(work, record.type, bits))
		why = "the keys are too long for so many signatures";
	else if (!dkim_verify_hash(verifier, record.type, hash, signature->b, signature->b_length))
		why = "the signature did not verify";
	EVP_PKEY_CTX_free(verifier);
	return why;
}

static const char *try_keys(struct check_context *context, const struct dkim_signature *signature,
    const struct dns_answer *answer, const uint8_t hash[DKIM_HASH_BYTES], unsigned *work)
{
	const char *why = "no key for signature";

	for (size_t i = 0; i < answer->rr_count && i < KEY_RECORDS_MAX && why != NULL; i++) {
		size_t length;
		const char *text = dns_rr_text(&answer->rrs[i], context->arena, &length);

		why = try_key(context, signature, text, length, hash, work);
	}
	return why;
}

struct arc_verdict arc_verify(struct check_context *context, const struct dkim_signature *signature, const char *query,
    const uint8_t hash[DKIM_HASH_BYTES], unsigned *work)
{
	const struct dns_answer *answer = dns_wait(dns_scope_for(context->dns, DNS_FOR_ARC), query, DNS_TYPE_TXT);
	struct arc_verdict verdict = { .truth = ARC_BAD, .dnssec = answer->security, .reason = "no key for signature" };

	if (answer->security == DNS_BOGUS)
		results_raise(context->results, FINDING_DNSSEC_BOGUS, signature->domain, answer->why, answer->security);
	if (answer->status == DNS_STATUS_DATA) {
		verdict.reason = try_keys(context, signature, answer, hash, work);
		verdict.truth = verdict.reason == NULL ? ARC_GOOD : ARC_BAD;
	} else if (answer->status == DNS_STATUS_FAIL) {
		/* too many look-ups are the sealers' own doing, and do not get better by waiting */
		verdict.keyless = answer->failure == DNS_FAILURE_LIMIT && answer->security == DNS_INDETERMINATE;
		verdict.truth = answer->failure == DNS_FAILURE_LIMIT ? ARC_BAD : ARC_UNKNOWN;
		verdict.reason = arena_printf(context->arena, "key look-up failed: %s", answer->why);
	}
	return verdict;
}
